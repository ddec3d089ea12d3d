/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON body of messages:send (Push Kit, "Downlink message", v1 and v2). The text is cut, at a character boundary of
 * its escaped form, so that the message fits; nothing else is ever shortened. The whole message but its token counts
 * here towards Huawei's 4096 bytes. */
#include "huawei_int.h"

enum { TTL_MAX_S = 15 * 24 * 3600, BADGE_MAX = 99, DATA_BYTES_MAX = 2 * SW_HUAWEI_MESSAGE_MAX };

/* The click action is mandatory: 3 opens the app. */
static void put_android_notification(struct sw_buf *buf, const struct sw_provider *provider,
				     const struct sw_notification *n)
{
	char hex[SW_NOTIFICATION_HEX_BYTES];
	sw_json_put_name(buf, "notification");
	sw_buf_put_str(buf, "{\"click_action\":{\"type\":3}");
	sw_json_put_member(buf, "tag", sw_notification_tag(n, hex));
	if (n->sound.len) {
		sw_json_put_member(buf, "sound", n->sound);
	} else {
		sw_buf_put_str(buf, ",\"default_sound\":true");
	}
	if (n->badge >= 0 && provider->badge_class) {
		sw_buf_printf(buf, ",\"badge\":{\"set_num\":%d", n->badge > BADGE_MAX ? BADGE_MAX : (int)n->badge);
		sw_json_put_member(buf, "class", sw_bytes_str(provider->badge_class));
		sw_buf_put_char(buf, '}');
	}
	sw_buf_put_char(buf, '}');
}

/* Expired ones go as well, for one second: it is the pusher that decides what is too late. */
static void put_ttl(struct sw_buf *buf, const struct sw_notification *n, int64_t now_ms)
{
	int64_t left_s = n->expires_at_ms > now_ms ? (n->expires_at_ms - now_ms) / 1000 : 0;
	left_s = left_s < 1 ? 1 : left_s > TTL_MAX_S ? TTL_MAX_S : left_s;
	sw_json_put_name(buf, "ttl");
	sw_buf_printf(buf, "\"%llds\"", (long long)left_s);
}

static void put_android(struct sw_buf *buf, const struct sw_provider *provider, const struct sw_huawei_job *job)
{
	const struct sw_notification *n = job->notification;
	bool high = n->urgent && n->kind == SW_PUSH_ALERT && provider->high_urgency && !provider->high_urgency_refused;
	sw_json_put_name(buf, "android");
	sw_buf_put_char(buf, '{');
	sw_json_put_member(buf, "urgency", sw_bytes_str(high ? "HIGH" : "NORMAL"));
	if (provider->category) {
		sw_json_put_member(buf, "category", sw_bytes_str(provider->category));
	}
	if (n->expires_at_ms > 0) {
		put_ttl(buf, n, job->now_ms);
	}
	if (job->target->sandbox) {
		sw_buf_put_str(buf, ",\"target_user_type\":1");
	}
	if (n->kind == SW_PUSH_ALERT) {
		put_android_notification(buf, provider, n);
	}
	sw_buf_put_char(buf, '}');
}

/* Push Kit wants both texts: what there is nothing for becomes an ellipsis. */
static void put_notification(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes body)
{
	struct sw_bytes nothing = sw_bytes_str("\xe2\x80\xa6");
	sw_json_put_name(buf, "notification");
	sw_buf_put_char(buf, '{');
	sw_json_put_member(buf, "title", n->title.len ? n->title : nothing);
	sw_json_put_member(buf, "body", n->body.len ? body : nothing);
	sw_buf_put_char(buf, '}');
}

/* `data` is one text, with an alert it has to be JSON. Without an alert it is what makes a message of it. */
static void put_data(struct sw_buf *buf, const struct sw_notification *n)
{
	struct sw_buf object;
	sw_buf_init(&object, DATA_BYTES_MAX);
	sw_notification_put_data(n, &object);
	buf->err = object.err ? object.err : buf->err;
	sw_json_put_member(buf, "data", sw_buf_bytes(&object));
	sw_buf_release(&object);
}

static void put_message(struct sw_provider *provider, const struct sw_huawei_job *job, struct sw_bytes body)
{
	struct sw_buf *buf = &provider->scratch;
	const struct sw_notification *n = job->notification;
	sw_buf_clear(buf);
	sw_buf_put_str(buf, "{\"validate_only\":false,\"message\":{\"token\":[");
	sw_json_put_string(buf, job->target->token);
	sw_buf_put_char(buf, ']');
	if (n->data_count || n->kind == SW_PUSH_SILENT) {
		put_data(buf, n);
	}
	if (n->kind == SW_PUSH_ALERT) {
		put_notification(buf, n, body);
	}
	put_android(buf, provider, job);
	sw_buf_put_str(buf, "}}");
}

int sw_huawei_payload(struct sw_provider *provider, const struct sw_huawei_job *job, struct sw_arena *arena,
		      struct sw_bytes *payload_out, struct sw_diag *diag_out)
{
	struct sw_buf *scratch = &provider->scratch;
	int err = sw_notification_check(job->notification, diag_out);
	if (err) {
		return err;
	}
	/* First without the text, to see how much room is left for it. A checked token takes its own length. */
	size_t limit = SW_HUAWEI_MESSAGE_MAX + job->target->token.len;
	put_message(provider, job, sw_bytes("", 0));
	if (scratch->err || scratch->len > limit) {
		return sw_diag_set(diag_out, SW_ELIMIT, "message: more than %d bytes even without the body",
				   SW_HUAWEI_MESSAGE_MAX);
	}
	put_message(provider, job, sw_json_cut(job->notification->body, limit - scratch->len, arena));
	if (scratch->err) {
		return sw_diag_set(diag_out, scratch->err, "message: more than %d bytes", SW_HUAWEI_MESSAGE_MAX);
	}
	*payload_out = sw_arena_copy(arena, sw_buf_bytes(scratch));
	return SW_OK;
}
