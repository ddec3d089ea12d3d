/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON body of a notification ("Generating a remote notification"): aps beside the app's own values. The text is
 * cut, at a character boundary of its escaped form, so that the whole fits; nothing else is ever shortened. */
#include "apns_int.h"

#include <surewire/json.h>

#include <string.h>

static void put_member(struct sw_buf *buf, const char *name, struct sw_bytes value)
{
	if (buf->len && buf->ptr[buf->len - 1] != '{') {
		sw_buf_put_char(buf, ',');
	}
	sw_json_put_cstr(buf, name);
	sw_buf_put_char(buf, ':');
	sw_json_put_string(buf, value);
}

static void put_alert(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes body)
{
	sw_buf_put_str(buf, "\"alert\":{");
	if (n->title.len) {
		put_member(buf, "title", n->title);
	}
	if (n->body.len) {
		put_member(buf, "body", body);
	}
	sw_buf_put_char(buf, '}');
	if (n->badge >= 0) {
		sw_buf_printf(buf, ",\"badge\":%lld", (long long)n->badge);
	}
	put_member(buf, "sound", n->sound.len ? n->sound : sw_bytes_str("default"));
	if (n->thread.len) {
		put_member(buf, "thread-id", n->thread);
	}
	/* Lets a notification service extension of the app complete the text; without one it changes nothing. */
	sw_buf_put_str(buf, ",\"mutable-content\":1");
}

static void put_payload(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes body)
{
	sw_buf_clear(buf);
	sw_buf_put_str(buf, "{\"aps\":{");
	if (n->kind == SW_PUSH_SILENT) {
		/* A background push must carry neither alert nor badge nor sound. */
		sw_buf_put_str(buf, "\"content-available\":1");
	} else {
		put_alert(buf, n, body);
	}
	sw_buf_put_char(buf, '}');
	for (size_t i = 0; i < n->data_count; i++) {
		put_member(buf, n->data[i].name, n->data[i].value);
	}
	sw_buf_put_char(buf, '}');
}

static bool is_ascii(struct sw_bytes text)
{
	uint8_t any = 0;
	for (size_t i = 0; i < text.len; i++) {
		any |= text.ptr[i];
	}
	return any < 0x80;
}

/* jansson makes strings of valid UTF-8 only; the contract offers no check of its own. */
static bool is_utf8(struct sw_bytes text)
{
	if (is_ascii(text)) {
		return true;
	}
	json_t *string = json_stringn((const char *)text.ptr, text.len);
	json_decref(string);
	return string != NULL;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
	       c == '-';
}

static bool is_name(const char *name)
{
	size_t len = 0;
	while (name && is_name_char(name[len])) {
		len++;
	}
	return len > 0 && len <= 64 && name[len] == '\0';
}

static int check_data(const struct sw_notification *n, struct sw_diag *diag_out)
{
	if (n->data_count > SW_PUSH_DATA_MAX) {
		return sw_diag_set(diag_out, SW_EINVAL, "data: expected at most %d values", SW_PUSH_DATA_MAX);
	}
	for (size_t i = 0; i < n->data_count; i++) {
		const char *name = n->data[i].name;
		if (!is_name(name)) {
			return sw_diag_set(diag_out, SW_EINVAL,
					   "data: expected names of 1 to 64 letters, digits, '_', '.' and '-'");
		}
		if (strcmp(name, "aps") == 0) {
			return sw_diag_set(diag_out, SW_EINVAL, "data: the name \"aps\" is reserved by Apple");
		}
		if (!is_utf8(n->data[i].value)) {
			return sw_diag_set(diag_out, SW_EINVAL, "data %s: expected UTF-8", name);
		}
	}
	return SW_OK;
}

static int check(const struct sw_notification *n, struct sw_diag *diag_out)
{
	if (!is_utf8(n->title) || !is_utf8(n->body) || !is_utf8(n->thread) || !is_utf8(n->sound)) {
		return sw_diag_set(diag_out, SW_EINVAL, "title, body, thread and sound: expected UTF-8");
	}
	if (n->kind == SW_PUSH_ALERT && n->title.len == 0 && n->body.len == 0) {
		return sw_diag_set(diag_out, SW_EINVAL, "an alert: expected a title or a body");
	}
	return check_data(n, diag_out);
}

/* Without the text first, to see how much room is left for it. */
static int put_cut_payload(struct sw_buf *scratch, const struct sw_notification *n, struct sw_arena *arena,
			   struct sw_diag *diag_out)
{
	put_payload(scratch, n, sw_bytes("", 0));
	if (scratch->err) {
		return sw_diag_set(diag_out, SW_ELIMIT, "payload: more than %d bytes even without the body",
				   SW_APNS_PAYLOAD_MAX);
	}
	put_payload(scratch, n, sw_json_cut(n->body, SW_APNS_PAYLOAD_MAX - scratch->len, arena));
	if (scratch->err) {
		return sw_diag_set(diag_out, scratch->err, "payload: more than %d bytes", SW_APNS_PAYLOAD_MAX);
	}
	return SW_OK;
}

int sw_apns_payload(struct sw_buf *scratch, const struct sw_notification *notification, struct sw_arena *arena,
		    struct sw_bytes *payload_out, struct sw_diag *diag_out)
{
	int err = check(notification, diag_out);
	if (err) {
		return err;
	}
	put_payload(scratch, notification, notification->body);
	err = scratch->err ? put_cut_payload(scratch, notification, arena, diag_out) : SW_OK;
	if (err) {
		return err;
	}
	*payload_out = sw_arena_copy(arena, sw_buf_bytes(scratch));
	return SW_OK;
}
