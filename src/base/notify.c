/* SPDX-License-Identifier: Apache-2.0 */
/* What providers that write a notification as JSON check and derive alike. */
#include <surewire/notify.h>

#include <surewire/json.h>

#include <stdio.h>
#include <string.h>

enum { COLLAPSE_MAX_BYTES = 64, NAME_MAX_BYTES = 64 };

bool sw_push_token_is_word(struct sw_bytes token, size_t bytes_max)
{
	bool good = token.len > 0 && token.len <= bytes_max;
	for (size_t i = 0; good && i < token.len; i++) {
		uint8_t c = token.ptr[i];
		good = c > 0x20 && c < 0x7f && c != '"' && c != '\\';
	}
	return good;
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
		if (len == 0 || len > NAME_MAX_BYTES || name[len] != '\0') {
			return sw_diag_set(diag_out, SW_EINVAL,
					   "data: expected names of 1 to 64 letters, digits, '_', '.' and '-'");
		}
		if (!sw_json_is_text(n->data[i].value)) {
			return sw_diag_set(diag_out, SW_EINVAL, "data %s: expected UTF-8", name);
		}
	}
	return SW_OK;
}

int sw_notification_check(const struct sw_notification *n, struct sw_diag *diag_out)
{
	if (!sw_json_is_text(n->title) || !sw_json_is_text(n->body) || !sw_json_is_text(n->sound)) {
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

struct sw_bytes sw_notification_tag(const struct sw_notification *n, char hex[SW_NOTIFICATION_HEX_BYTES])
{
	if (n->collapse.len) {
		return n->collapse;
	}
	for (size_t i = 0; i < sizeof(n->id); i++) {
		snprintf(hex + 2 * i, SW_NOTIFICATION_HEX_BYTES - 2 * i, "%02x", n->id[i]);
	}
	return sw_bytes_str(hex);
}

void sw_notification_put_data(const struct sw_notification *n, struct sw_buf *buf)
{
	sw_buf_put_char(buf, '{');
	for (size_t i = 0; i < n->data_count; i++) {
		sw_json_put_member(buf, n->data[i].name, n->data[i].value);
	}
	sw_buf_put_char(buf, '}');
}
