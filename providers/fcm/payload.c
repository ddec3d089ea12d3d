/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON body of messages:send (reference/fcm/rest/v1/projects.messages). The text is cut, at a character boundary of
 * its escaped form, so that the message fits; nothing else is ever shortened. Google counts keys and values of
 * notification and data towards its 4096 bytes; here the whole message but its token is, which is never more. */
#include "fcm_int.h"

#include <string.h>

enum { TTL_MAX_S = 28 * 24 * 3600 };

static void put_notification(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes body)
{
	sw_json_put_name(buf, "notification");
	sw_buf_put_char(buf, '{');
	if (n->title.len) {
		sw_json_put_member(buf, "title", n->title);
	}
	if (n->body.len) {
		sw_json_put_member(buf, "body", body);
	}
	sw_buf_put_char(buf, '}');
}

static void put_android(struct sw_buf *buf, const struct sw_notification *n, int64_t now_ms)
{
	bool silent = n->kind == SW_PUSH_SILENT;
	char hex[SW_NOTIFICATION_HEX_BYTES];
	sw_json_put_name(buf, "android");
	sw_buf_put_char(buf, '{');
	/* HIGH that shows nothing earns lower priority for all of the app's messages. */
	sw_json_put_member(buf, "priority", sw_bytes_str(n->urgent && !silent ? "HIGH" : "NORMAL"));
	if (n->expires_at_ms > 0) {
		int64_t left_s = n->expires_at_ms > now_ms ? (n->expires_at_ms - now_ms) / 1000 : 0;
		sw_json_put_name(buf, "ttl");
		sw_buf_printf(buf, "\"%llds\"", (long long)(left_s > TTL_MAX_S ? TTL_MAX_S : left_s));
	}
	if (n->collapse.len) {
		sw_json_put_member(buf, "collapse_key", n->collapse);
	}
	if (!silent) {
		sw_json_put_name(buf, "notification");
		sw_buf_put_char(buf, '{');
		/* The id as collapse_key would not do: FCM keeps but four. */
		sw_json_put_member(buf, "tag", sw_notification_tag(n, hex));
		sw_json_put_member(buf, "sound", n->sound.len ? n->sound : sw_bytes_str("default"));
		if (n->badge >= 0) {
			sw_buf_printf(buf, ",\"notification_count\":%lld", (long long)n->badge);
		}
		sw_buf_put_char(buf, '}');
	}
	sw_buf_put_char(buf, '}');
}

static void put_payload(struct sw_buf *buf, const struct sw_fcm_job *job, struct sw_bytes body)
{
	const struct sw_notification *n = job->notification;
	sw_buf_clear(buf);
	sw_buf_put_str(buf, "{\"message\":{");
	sw_json_put_member(buf, "token", job->target->token);
	if (n->kind == SW_PUSH_ALERT) {
		put_notification(buf, n, body);
	}
	if (n->data_count) {
		sw_json_put_name(buf, "data");
		sw_notification_put_data(n, buf);
	}
	put_android(buf, n, job->now_ms);
	sw_buf_put_str(buf, "}}");
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
		if (is_reserved(n->data[i].name)) {
			err = sw_diag_set(diag_out, SW_EINVAL, "data: the name \"%s\" is reserved by FCM",
					  n->data[i].name);
		}
	}
	return err;
}

int sw_fcm_payload(struct sw_provider *provider, const struct sw_fcm_job *job, struct sw_arena *arena,
		   struct sw_bytes *payload_out, struct sw_diag *diag_out)
{
	struct sw_buf *scratch = &provider->scratch;
	struct sw_bytes body = job->notification->body;
	int err = check(job->notification, diag_out);
	if (err) {
		return err;
	}
	/* First without the text, to see how much room is left for it. A checked token takes its own length. */
	size_t limit = SW_FCM_PAYLOAD_MAX + job->target->token.len;
	put_payload(scratch, job, sw_bytes("", 0));
	if (scratch->err || scratch->len > limit) {
		return sw_diag_set(diag_out, SW_ELIMIT, "message: more than %d bytes even without the body",
				   SW_FCM_PAYLOAD_MAX);
	}
	put_payload(scratch, job, sw_json_cut(body, limit - scratch->len, arena));
	if (scratch->err) {
		return sw_diag_set(diag_out, scratch->err, "message: more than %d bytes", SW_FCM_PAYLOAD_MAX);
	}
	*payload_out = sw_arena_copy(arena, sw_buf_bytes(scratch));
	return SW_OK;
}
