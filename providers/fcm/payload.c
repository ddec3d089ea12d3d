/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON body of messages:send (reference/fcm/rest/v1/projects.messages). The texts are cut, at a character boundary of
 * their escaped form, so that the message fits; nothing else is ever shortened. Google counts keys and values of
 * notification and data towards its 4096 bytes; here the whole message but its token is, which is never more. */
#include "fcm_int.h"

#include <string.h>

enum { TTL_MAX_S = 28 * 24 * 3600 };

static void put_optional(struct sw_buf *buf, const char *name, struct sw_bytes value)
{
	if (value.len) {
		sw_json_put_member(buf, name, value);
	}
}

/* Does the system show it, or the app itself? */
static bool is_shown(const struct sw_notification *n)
{
	return n->kind == SW_PUSH_ALERT && !n->android.data_only;
}

/* A written text would win over a key of the app's languages, so only one of them is sent. */
static void put_notification(struct sw_buf *buf, const struct sw_notification *n, const struct sw_push_texts *texts)
{
	sw_json_put_name(buf, "notification");
	sw_buf_put_char(buf, '{');
	if (n->title.len && n->title_loc.key.len == 0) {
		sw_json_put_member(buf, "title", texts->title);
	}
	if (n->body.len && n->body_loc.key.len == 0) {
		sw_json_put_member(buf, "body", texts->body);
	}
	put_optional(buf, "image", n->image);
	sw_buf_put_char(buf, '}');
}

static void put_android_notification(struct sw_buf *buf, const struct sw_notification *n)
{
	static const char *const priorities[] = {"", "PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH",
						 "PRIORITY_MAX"};
	static const char *const visibilities[] = {"", "PRIVATE", "PUBLIC", "SECRET"};
	char hex[SW_NOTIFICATION_HEX_BYTES];
	sw_json_put_name(buf, "notification");
	sw_buf_put_char(buf, '{');
	/* The id as collapse_key would not do: FCM keeps but four. */
	sw_json_put_member(buf, "tag", n->android.tag.len ? n->android.tag : sw_notification_tag(n, hex));
	sw_json_put_member(buf, "sound", n->sound.len ? n->sound : sw_bytes_str("default"));
	if (n->badge >= 0) {
		sw_buf_printf(buf, ",\"notification_count\":%lld", (long long)n->badge);
	}
	sw_notification_put_loc(&n->title_loc, "title_loc_key", "title_loc_args", buf);
	sw_notification_put_loc(&n->body_loc, "body_loc_key", "body_loc_args", buf);
	put_optional(buf, "channel_id", n->android.channel);
	put_optional(buf, "click_action", n->android.click_action);
	put_optional(buf, "icon", n->android.icon);
	put_optional(buf, "color", n->android.color);
	if (n->interruption != SW_PUSH_INTERRUPTION_UNSET) {
		sw_json_put_member(buf, "notification_priority", sw_bytes_str(priorities[n->interruption]));
	}
	if (n->android.visibility != SW_ANDROID_VISIBILITY_UNSET) {
		sw_json_put_member(buf, "visibility", sw_bytes_str(visibilities[n->android.visibility]));
	}
	sw_buf_put_char(buf, '}');
}

static void put_android(struct sw_buf *buf, const struct sw_notification *n, int64_t now_ms)
{
	/* HIGH that shows nothing earns lower priority for all of the app's messages. */
	bool high = n->kind == SW_PUSH_ALERT && sw_notification_priority(n) == SW_PUSH_PRIORITY_HIGH;
	sw_json_put_name(buf, "android");
	sw_buf_put_char(buf, '{');
	sw_json_put_member(buf, "priority", sw_bytes_str(high ? "HIGH" : "NORMAL"));
	if (n->expires_at_ms > 0) {
		int64_t left_s = n->expires_at_ms > now_ms ? (n->expires_at_ms - now_ms) / 1000 : 0;
		sw_json_put_name(buf, "ttl");
		sw_buf_printf(buf, "\"%llds\"", (long long)(left_s > TTL_MAX_S ? TTL_MAX_S : left_s));
	}
	put_optional(buf, "collapse_key", n->collapse);
	if (is_shown(n)) {
		put_android_notification(buf, n);
	}
	sw_buf_put_char(buf, '}');
}

static void put_data(struct sw_buf *buf, const struct sw_notification *n, const struct sw_push_texts *texts)
{
	bool with_texts = n->kind == SW_PUSH_ALERT && n->android.data_only;
	if (n->data_count == 0 && !with_texts) {
		return;
	}
	sw_json_put_name(buf, "data");
	sw_notification_put_data(n, buf);
	if (with_texts && !buf->err) {
		buf->len--; /* the object is opened again */
		if (n->title.len) {
			sw_json_put_member(buf, "title", texts->title);
		}
		if (n->body.len) {
			sw_json_put_member(buf, "body", texts->body);
		}
		sw_buf_put_char(buf, '}');
	}
}

struct rendering {
	const struct sw_fcm_job *job;
	struct sw_buf *buf;
};

/* The size without the token, which is checked and takes its own length. */
static size_t render(void *ctx, const struct sw_push_texts *texts)
{
	const struct rendering *r = ctx;
	const struct sw_notification *n = r->job->notification;
	struct sw_buf *buf = r->buf;
	sw_buf_clear(buf);
	sw_buf_put_str(buf, "{\"message\":{");
	sw_json_put_member(buf, "token", r->job->target->token);
	if (is_shown(n)) {
		put_notification(buf, n, texts);
	}
	put_data(buf, n, texts);
	put_android(buf, n, r->job->now_ms);
	sw_buf_put_str(buf, "}}");
	return buf->err ? SIZE_MAX : buf->len - r->job->target->token.len;
}

static bool is_reserved(const char *name)
{
	return strcmp(name, "from") == 0 || strcmp(name, "message_type") == 0 || strncmp(name, "google", 6) == 0 ||
	       strncmp(name, "gcm", 3) == 0;
}

static int check(const struct sw_notification *n, struct sw_diag *diag_out)
{
	int err = sw_notification_check(n, diag_out);
	for (size_t i = 0; !err && i < n->data_count; i++) {
		const char *name = n->data[i].name;
		if (is_reserved(name)) {
			err = sw_diag_set(diag_out, SW_EINVAL, "data: the name \"%s\" is reserved by FCM", name);
		} else if (n->android.data_only && (strcmp(name, "title") == 0 || strcmp(name, "body") == 0)) {
			err = sw_diag_set(diag_out, SW_EINVAL, "data: the name \"%s\" is that of the shown text", name);
		}
	}
	return err;
}

int sw_fcm_payload(struct sw_provider *provider, const struct sw_fcm_job *job, struct sw_arena *arena,
		   struct sw_bytes *payload_out, struct sw_diag *diag_out)
{
	struct rendering rendering = {job, &provider->scratch};
	int err = check(job->notification, diag_out);
	if (err) {
		return err;
	}
	if (!sw_notification_fit(job->notification, SW_FCM_PAYLOAD_MAX, render, &rendering, arena)) {
		return sw_diag_set(diag_out, SW_ELIMIT, "message: more than %d bytes even without texts",
				   SW_FCM_PAYLOAD_MAX);
	}
	*payload_out = sw_arena_copy(arena, sw_buf_bytes(&provider->scratch));
	return SW_OK;
}
