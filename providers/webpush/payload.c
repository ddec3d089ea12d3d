/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that the app's service worker gets after decryption (README.md). The text is cut, at a character boundary of
 * its escaped form, so that all of it fits into one record; nothing else is ever shortened. */
#include "webpush_int.h"

#include <surewire/json.h>

static void put_optional(struct sw_buf *buf, const char *name, struct sw_bytes value)
{
	if (value.len) {
		sw_json_put_member(buf, name, value);
	}
}

/* A notification that carries the tag of a shown one replaces it. */
static void put_alert(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes tag, struct sw_bytes body)
{
	put_optional(buf, "title", n->title);
	if (n->body.len) {
		sw_json_put_member(buf, "body", body);
	}
	sw_json_put_member(buf, "tag", tag);
	put_optional(buf, "thread", n->thread);
	put_optional(buf, "sound", n->sound);
}

static void put_id(struct sw_buf *buf, const uint8_t id[16])
{
	sw_json_put_name(buf, "id");
	sw_buf_put_char(buf, '"');
	for (size_t i = 0; i < 16; i++) {
		sw_buf_printf(buf, "%02x", id[i]);
	}
	sw_buf_put_char(buf, '"');
}

static void put_payload(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes tag, struct sw_bytes body)
{
	sw_buf_clear(buf);
	sw_buf_put_char(buf, '{');
	put_id(buf, n->id);
	sw_json_put_member(buf, "kind", sw_bytes_str(n->kind == SW_PUSH_SILENT ? "silent" : "alert"));
	if (n->kind == SW_PUSH_ALERT) {
		put_alert(buf, n, tag, body);
	}
	if (n->badge >= 0) {
		sw_buf_printf(buf, ",\"badge\":%lld", (long long)n->badge);
	}
	sw_buf_printf(buf, ",\"created_at_ms\":%lld,\"data\":", (long long)n->created_at_ms);
	sw_notification_put_data(n, buf);
	sw_buf_put_char(buf, '}');
}

static int check(const struct sw_notification *n, struct sw_diag *diag_out)
{
	int err = sw_notification_check(n, diag_out);
	return err || sw_json_is_text(n->thread) ? err : sw_diag_set(diag_out, SW_EINVAL, "thread: expected UTF-8");
}

int sw_webpush_payload(struct sw_provider *provider, const struct sw_notification *notification, struct sw_arena *arena,
		       struct sw_diag *diag_out)
{
	struct sw_buf *scratch = &provider->scratch;
	char hex[SW_NOTIFICATION_HEX_BYTES];
	struct sw_bytes tag = sw_notification_tag(notification, hex);
	int err = check(notification, diag_out);
	if (err) {
		return err;
	}
	/* First without the text, to see how much room is left for it. */
	put_payload(scratch, notification, tag, sw_bytes("", 0));
	if (scratch->err) {
		return sw_diag_set(diag_out, SW_ELIMIT, "payload: more than %d bytes even without the body",
				   SW_WEBPUSH_PLAIN_MAX);
	}
	put_payload(scratch, notification, tag,
		    sw_json_cut(notification->body, SW_WEBPUSH_PLAIN_MAX - scratch->len, arena));
	if (scratch->err) {
		return sw_diag_set(diag_out, scratch->err, "payload: more than %d bytes", SW_WEBPUSH_PLAIN_MAX);
	}
	return SW_OK;
}
