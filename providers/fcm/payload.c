/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON body of messages:send (reference/fcm/rest/v1/projects.messages). The text is cut, at a character boundary of
 * its escaped form, so that the message fits; nothing else is ever shortened. Google counts keys and values of
 * notification and data towards its 4096 bytes; here the whole message but its token is, which is never more. */
#include "fcm_int.h"

#include <stdio.h>
#include <string.h>

enum { TTL_MAX_S = 28 * 24 * 3600, COLLAPSE_MAX_BYTES = 64, TAG_BYTES = 33 };

static void put_name(struct sw_buf *buf, const char *name)
{
	if (buf->len && buf->ptr[buf->len - 1] != '{') {
		sw_buf_put_char(buf, ',');
	}
	sw_json_put_cstr(buf, name);
	sw_buf_put_char(buf, ':');
}

static void put_member(struct sw_buf *buf, const char *name, struct sw_bytes value)
{
	put_name(buf, name);
	sw_json_put_string(buf, value);
}

static void put_notification(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes body)
{
	put_name(buf, "notification");
	sw_buf_put_char(buf, '{');
	if (n->title.len) {
		put_member(buf, "title", n->title);
	}
	if (n->body.len) {
		put_member(buf, "body", body);
	}
	sw_buf_put_char(buf, '}');
}

static void put_data(struct sw_buf *buf, const struct sw_notification *n)
{
	if (n->data_count == 0) {
		return;
	}
	put_name(buf, "data");
	sw_buf_put_char(buf, '{');
	for (size_t i = 0; i < n->data_count; i++) {
		put_member(buf, n->data[i].name, n->data[i].value);
	}
	sw_buf_put_char(buf, '}');
}

/* A tag replaces on the device what carries the same one. Without a collapse value it is the notification's own id,
 * so that a send repeated after a lost answer is shown once; as collapse_key that would not do: FCM keeps but four. */
static void put_tag(struct sw_buf *buf, const struct sw_notification *n)
{
	char tag[TAG_BYTES];
	if (n->collapse.len) {
		put_member(buf, "tag", n->collapse);
		return;
	}
	for (size_t i = 0; i < sizeof(n->id); i++) {
		snprintf(tag + 2 * i, sizeof(tag) - 2 * i, "%02x", n->id[i]);
	}
	put_member(buf, "tag", sw_bytes_str(tag));
}

static void put_android(struct sw_buf *buf, const struct sw_notification *n, int64_t now_ms)
{
	bool silent = n->kind == SW_PUSH_SILENT;
	put_name(buf, "android");
	sw_buf_put_char(buf, '{');
	/* HIGH that shows nothing earns lower priority for all of the app's messages. */
	put_member(buf, "priority", sw_bytes_str(n->urgent && !silent ? "HIGH" : "NORMAL"));
	if (n->expires_at_ms > 0) {
		int64_t left_s = n->expires_at_ms > now_ms ? (n->expires_at_ms - now_ms) / 1000 : 0;
		put_name(buf, "ttl");
		sw_buf_printf(buf, "\"%llds\"", (long long)(left_s > TTL_MAX_S ? TTL_MAX_S : left_s));
	}
	if (n->collapse.len) {
		put_member(buf, "collapse_key", n->collapse);
	}
	if (!silent) {
		put_name(buf, "notification");
		sw_buf_put_char(buf, '{');
		put_tag(buf, n);
		put_member(buf, "sound", n->sound.len ? n->sound : sw_bytes_str("default"));
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
	put_member(buf, "token", job->target->token);
	if (n->kind == SW_PUSH_ALERT) {
		put_notification(buf, n, body);
	}
	put_data(buf, n);
	put_android(buf, n, job->now_ms);
	sw_buf_put_str(buf, "}}");
}

/* jansson makes strings of valid UTF-8 only; the contract offers no check of its own. */
static bool is_utf8(struct sw_bytes text)
{
	if (text.len == 0) {
		return true;
	}
	json_t *string = json_stringn((const char *)text.ptr, text.len);
	json_decref(string);
	return string != NULL;
}

static bool is_reserved(const char *name)
{
	return strcmp(name, "from") == 0 || strcmp(name, "message_type") == 0 || strncmp(name, "google", 6) == 0 ||
	       strncmp(name, "gcm", 3) == 0;
}

static int check_data(const struct sw_notification *n, struct sw_diag *diag_out)
{
	if (n->data_count > SW_PUSH_DATA_MAX) {
		return sw_diag_set(diag_out, SW_EINVAL, "data: expected at most %d values", SW_PUSH_DATA_MAX);
	}
	for (size_t i = 0; i < n->data_count; i++) {
		const char *name = n->data[i].name;
		size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
				  : 0;
		if (len == 0 || len > 64 || name[len] != '\0') {
			return sw_diag_set(diag_out, SW_EINVAL,
					   "data: expected names of 1 to 64 letters, digits, '_', '.' and '-'");
		}
		if (is_reserved(name)) {
			return sw_diag_set(diag_out, SW_EINVAL, "data: the name \"%s\" is reserved by FCM", name);
		}
		if (!is_utf8(n->data[i].value)) {
			return sw_diag_set(diag_out, SW_EINVAL, "data %s: expected UTF-8", name);
		}
	}
	return SW_OK;
}

static int check(const struct sw_notification *n, struct sw_diag *diag_out)
{
	if (!is_utf8(n->title) || !is_utf8(n->body) || !is_utf8(n->sound)) {
		return sw_diag_set(diag_out, SW_EINVAL, "title, body and sound: expected UTF-8");
	}
	if (n->kind == SW_PUSH_ALERT && n->title.len == 0 && n->body.len == 0) {
		return sw_diag_set(diag_out, SW_EINVAL, "an alert: expected a title or a body");
	}
	for (size_t i = 0; i < n->collapse.len; i++) {
		if (n->collapse.len > COLLAPSE_MAX_BYTES || n->collapse.ptr[i] <= 0x20 || n->collapse.ptr[i] >= 0x7f) {
			return sw_diag_set(diag_out, SW_EINVAL,
					   "collapse: expected at most %d printable ASCII characters",
					   COLLAPSE_MAX_BYTES);
		}
	}
	return check_data(n, diag_out);
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
