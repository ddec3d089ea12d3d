/* SPDX-License-Identifier: Apache-2.0 */
/* A notification and the device it is for, as every provider sees them. All runs are borrowed from the job. What is
 * zero is not asked for. A provider uses what its service can express and leaves the rest out; what no other service
 * knows is in a part of its own (`apple`, `android`).
 * Sources: Apple's "Generating a remote notification" and "Sending notification requests to APNs"; Firebase's
 * reference/fcm/rest/v1/projects.messages (AndroidConfig, AndroidNotification). */
#ifndef SUREWIRE_NOTIFY_H
#define SUREWIRE_NOTIFY_H

#include <surewire/arena.h>
#include <surewire/buf.h>
#include <surewire/err.h>

enum sw_push_kind {
	SW_PUSH_ALERT,  /* shown to the person */
	SW_PUSH_SILENT, /* wakes the app, shows nothing */
};

enum { SW_PUSH_DATA_MAX = 9 }; /* eight of the app's own, and one that says what it is about */

/* Extra values for the app, all text: names are short ASCII identifiers without the prefixes that providers reserve. */
struct sw_push_datum {
	const char *name;
	struct sw_bytes value;
};

/* A text that the app has in the language of the device, where the service knows of such: there it takes the place of
 * the written one, which the others show. The arguments go into the text's placeholders. */
enum { SW_PUSH_LOC_ARGS_MAX = 8 };
struct sw_push_loc {
	struct sw_bytes key; /* empty: none */
	struct sw_bytes args[SW_PUSH_LOC_ARGS_MAX];
	size_t arg_count;
};

/* How soon the device is to get it. APNs: apns-priority 1, 5, 10; Android: NORMAL or HIGH. */
enum sw_push_priority {
	SW_PUSH_PRIORITY_UNSET, /* HIGH when urgent, else NORMAL */
	SW_PUSH_PRIORITY_LOW,   /* never wakes the device, where the service can tell that apart */
	SW_PUSH_PRIORITY_NORMAL,
	SW_PUSH_PRIORITY_HIGH,
};

/* How much it may disturb. Apple: interruption-level; Android: notification_priority. */
enum sw_push_interruption {
	SW_PUSH_INTERRUPTION_UNSET, /* the service's default */
	SW_PUSH_INTERRUPTION_PASSIVE,
	SW_PUSH_INTERRUPTION_ACTIVE,
	SW_PUSH_INTERRUPTION_TIME_SENSITIVE, /* Apple: the app needs a permission for this and the next */
	SW_PUSH_INTERRUPTION_CRITICAL,
};

/* What an app of Apple's platforms is woken for: apns-push-type. The kind still says whether something is shown. */
enum sw_apple_push_type {
	SW_APPLE_BY_KIND, /* ALERT or BACKGROUND */
	SW_APPLE_ALERT,
	SW_APPLE_BACKGROUND,
	SW_APPLE_VOIP, /* a call comes in */
	SW_APPLE_COMPLICATION,
	SW_APPLE_FILE_PROVIDER,
	SW_APPLE_MDM, /* the push magic is the value `mdm` of the data */
	SW_APPLE_LOCATION,
	SW_APPLE_LIVE_ACTIVITY,
	SW_APPLE_PUSH_TO_TALK,
	SW_APPLE_WIDGETS,
	SW_APPLE_CONTROLS,
};

/* A Live Activity's state ("Starting and updating Live Activities with ActivityKit push notifications"). */
struct sw_apple_activity {
	enum { SW_APPLE_ACTIVITY_NONE, SW_APPLE_ACTIVITY_START, SW_APPLE_ACTIVITY_UPDATE, SW_APPLE_ACTIVITY_END } event;
	struct sw_bytes content_state;   /* a JSON object */
	struct sw_bytes attributes_type; /* START only, as the next */
	struct sw_bytes attributes;      /* a JSON object */
	int64_t stale_at_ms;             /* wall clock; 0: never */
	int64_t dismiss_at_ms;           /* END: wall clock; 0: the system's choice */
};

struct sw_push_apple {
	enum sw_apple_push_type type;
	struct sw_apple_activity activity; /* LIVE_ACTIVITY only */
	struct sw_bytes target_content;    /* target-content-id: the window that is brought forward */
	struct sw_bytes filter;            /* filter-criteria: whether it is shown in the current Focus */
	bool final_text;                   /* no mutable-content: no service extension may change it */
	bool wake_app;                     /* content-available beside an alert */
	bool critical_sound;               /* sounds also on a muted device; the app needs a permission */
	uint8_t critical_volume_percent;   /* 1 to 100; 0: full */
};

enum sw_android_visibility {
	SW_ANDROID_VISIBILITY_UNSET,
	SW_ANDROID_VISIBILITY_PRIVATE, /* on the lock screen without its contents */
	SW_ANDROID_VISIBILITY_PUBLIC,
	SW_ANDROID_VISIBILITY_SECRET, /* not on the lock screen */
};

struct sw_push_android {
	struct sw_bytes channel;      /* the app's notification channel */
	struct sw_bytes tag;          /* replaces on the device what carries the same; empty: sw_notification_tag */
	struct sw_bytes click_action; /* the intent that a tap opens */
	struct sw_bytes icon;         /* a drawable of the app */
	struct sw_bytes color;        /* "#rrggbb" */
	enum sw_android_visibility visibility;
	bool data_only; /* an alert for the app itself to show: title and body are values of the data, by these names */
};

/* One of several messages that a person has not seen, for services that tell about all of them at once. */
struct sw_push_missed {
	struct sw_bytes thread; /* of its conversation, as in sw_notification */
	struct sw_bytes title;  /* UTF-8: the name of the group, or of who wrote */
	struct sw_bytes sender; /* UTF-8 */
	struct sw_bytes preview;
	int64_t at_ms; /* wall clock */
};

struct sw_notification {
	uint8_t id[16]; /* one per (message, device), the same on every attempt: apns-id, Message-ID */
	enum sw_push_kind kind;
	bool urgent;            /* deliver at once even on a sleeping device */
	struct sw_bytes title;  /* UTF-8; e.g. the sender or the name of the group */
	struct sw_bytes body;   /* UTF-8; the preview, already shortened by policy but not to a provider's limit */
	struct sw_bytes thread; /* groups notifications of one conversation; ASCII, may be empty */
	struct sw_bytes
		collapse; /* a later one of the same value replaces this on the device; ASCII <= 64, may be empty */
	struct sw_bytes sound;                       /* empty: the app's default */
	int64_t badge;                               /* -1: leave as it is */
	int64_t created_at_ms;                       /* wall clock */
	int64_t expires_at_ms;                       /* wall clock; 0: the provider's own limit */
	struct sw_push_datum data[SW_PUSH_DATA_MAX]; /* message, conversation, seq, pos as decimal text */
	size_t data_count;

	struct sw_bytes subtitle; /* UTF-8 */
	struct sw_push_loc title_loc;
	struct sw_push_loc subtitle_loc;
	struct sw_push_loc body_loc;
	struct sw_bytes category; /* the app's name for a kind of notification with its actions */
	struct sw_bytes image;    /* an https address of a picture that is shown with it */
	enum sw_push_priority priority;
	enum sw_push_interruption interruption;
	uint8_t relevance_percent; /* 1 to 100, orders a summary; 0: none */
	struct sw_push_apple apple;
	struct sw_push_android android;

	/* In their order. None: title and body are the one message. Others than providers with digest_interval_ms may
	 * ignore them. */
	const struct sw_push_missed *missed;
	size_t missed_count;
	int64_t missed_more; /* so many others, which are not listed */
};

struct sw_push_target {
	int64_t account;          /* its number, for words that are to be read by ourselves again */
	struct sw_bytes user;     /* login name */
	struct sw_bytes device;   /* device id of the client */
	struct sw_bytes app;      /* app name as configured, e.g. a bundle id; may be empty for e-mail */
	struct sw_bytes token;    /* what the provider addresses: APNs or FCM token, e-mail address */
	bool sandbox;             /* the provider's development environment */
	int64_t registered_at_ms; /* when the app last reported this token */
};

/* Is it one word of printable ASCII that needs no escape in JSON? For services that promise nothing about the form of
 * their tokens. */
bool sw_push_token_is_word(struct sw_bytes token, size_t bytes_max);
/* Can the notification be written as JSON for a push service? UTF-8, something to show, printable collapse value, names
 * of data, values in their ranges. SW_EINVAL with a text. Limits of a single service are the provider's to check. */
int sw_notification_check(const struct sw_notification *notification, struct sw_diag *diag_out) SW_MUST_CHECK;
/* The priority asked for; never UNSET. */
enum sw_push_priority sw_notification_priority(const struct sw_notification *notification);
/* For services whose tag replaces on the device what carries the same one: the collapse value, or without one the
 * notification's own id in hex digits, so that a send repeated after a lost answer is shown once. */
enum { SW_NOTIFICATION_HEX_BYTES = 33 };
struct sw_bytes sw_notification_tag(const struct sw_notification *notification, char hex[SW_NOTIFICATION_HEX_BYTES]);
/* The texts as they are shown: whole, or cut so that a message fits its service. */
struct sw_push_texts {
	struct sw_bytes title;
	struct sw_bytes subtitle;
	struct sw_bytes body;
};
/* Renders a message with these texts; its size in bytes, or SIZE_MAX when that is beyond all bounds. */
typedef size_t (*sw_push_render_fn)(void *ctx, const struct sw_push_texts *texts);
/* Renders whole, or with texts that are cut at a character boundary of their escaped form: the body first, when that is
 * not enough the subtitle, then the title. The last rendering is the result. False when even without texts it has more
 * than limit_bytes. */
bool sw_notification_fit(const struct sw_notification *notification, size_t limit_bytes, sw_push_render_fn render,
			 void *ctx, struct sw_arena *arena) SW_MUST_CHECK;
/* A localised text as two members of the object being written, e.g. "title-loc-key" and "title-loc-args". */
void sw_notification_put_loc(const struct sw_push_loc *loc, const char *key_name, const char *args_name,
			     struct sw_buf *buf);
/* The data as a JSON object of texts, in their order. */
void sw_notification_put_data(const struct sw_notification *notification, struct sw_buf *buf);

#endif
