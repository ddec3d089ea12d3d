/* SPDX-License-Identifier: Apache-2.0 */
/* A notification and the device it is for, as every provider sees them. All runs are borrowed from the job. */
#ifndef SUREWIRE_NOTIFY_H
#define SUREWIRE_NOTIFY_H

#include <surewire/buf.h>
#include <surewire/err.h>

enum sw_push_kind {
	SW_PUSH_ALERT,  /* shown to the person */
	SW_PUSH_SILENT, /* wakes the app, shows nothing */
};

enum { SW_PUSH_DATA_MAX = 8 };

/* Extra values for the app, all text: names are short ASCII identifiers without the prefixes that providers reserve. */
struct sw_push_datum {
	const char *name;
	struct sw_bytes value;
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
};

struct sw_push_target {
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
 * of data. SW_EINVAL with a text. Limits of a single service are the provider's to check. */
int sw_notification_check(const struct sw_notification *notification, struct sw_diag *diag_out) SW_MUST_CHECK;
/* For services whose tag replaces on the device what carries the same one: the collapse value, or without one the
 * notification's own id in hex digits, so that a send repeated after a lost answer is shown once. */
enum { SW_NOTIFICATION_HEX_BYTES = 33 };
struct sw_bytes sw_notification_tag(const struct sw_notification *notification, char hex[SW_NOTIFICATION_HEX_BYTES]);
/* The data as a JSON object of texts, in their order. */
void sw_notification_put_data(const struct sw_notification *notification, struct sw_buf *buf);

#endif
