/* SPDX-License-Identifier: Apache-2.0 */
/* Commands by hand; DATA by a state machine over bytes. A bare CR or LF stays in the text, for the mail check to see. */
#include "sim/smtp_parse.h"

#include <string.h>

void sw_sim_smtp_split(struct sw_bytes line, char verb_out[16], struct sw_bytes *rest_out)
{
	size_t n = 0;
	while (n < line.len && n < 15 && line.ptr[n] != ' ') {
		uint8_t c = line.ptr[n];
		verb_out[n++] = (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
	}
	verb_out[n] = '\0';
	if (n < line.len && line.ptr[n] == ' ') {
		n++;
	}
	*rest_out = sw_bytes(line.ptr + n, line.len - n);
}

static bool address_ok(struct sw_bytes address)
{
	if (address.len > SW_SIM_ADDRESS_MAX) {
		return false;
	}
	const uint8_t *at = NULL;
	for (size_t i = 0; i < address.len; i++) {
		uint8_t c = address.ptr[i];
		if (c <= ' ' || c == 0x7f || c == '<' || c == '>') {
			return false;
		}
		at = c == '@' ? address.ptr + i : at;
	}
	return at && at > address.ptr && at + 1 < address.ptr + address.len;
}

static int parse_parameter(struct sw_bytes text, struct sw_sim_smtp_path *path)
{
	if (text.len > 5 && sw_bytes_equal_nocase(sw_bytes(text.ptr, 5), "SIZE=")) {
		return sw_bytes_to_u64(sw_bytes(text.ptr + 5, text.len - 5), &path->size_bytes) ? SW_EINVAL : SW_OK;
	}
	if (sw_bytes_equal_nocase(text, "BODY=8BITMIME")) {
		path->eight_bit = true;
		return SW_OK;
	}
	if (sw_bytes_equal_nocase(text, "SMTPUTF8")) {
		path->utf8 = true;
		return SW_OK;
	}
	bool known = sw_bytes_equal_nocase(text, "BODY=7BIT") ||
		     (text.len > 5 && sw_bytes_equal_nocase(sw_bytes(text.ptr, 5), "AUTH="));
	return known ? SW_OK : SW_ENOTFOUND;
}

static int parse_parameters(struct sw_bytes text, struct sw_sim_smtp_path *path)
{
	while (text.len > 0) {
		if (text.ptr[0] != ' ') {
			return SW_EINVAL;
		}
		text = sw_bytes(text.ptr + 1, text.len - 1);
		const uint8_t *space = text.len ? memchr(text.ptr, ' ', text.len) : NULL;
		size_t len = space ? (size_t)(space - text.ptr) : text.len;
		if (len > 0) {
			int err = parse_parameter(sw_bytes(text.ptr, len), path);
			if (err) {
				return err;
			}
		}
		text = sw_bytes(text.ptr + len, text.len - len);
	}
	return SW_OK;
}

int sw_sim_smtp_parse_path(struct sw_bytes text, const char *keyword, struct sw_sim_smtp_path *path_out)
{
	size_t keyword_len = strlen(keyword);
	*path_out = (struct sw_sim_smtp_path){0};
	if (text.len < keyword_len + 2 || !sw_bytes_equal_nocase(sw_bytes(text.ptr, keyword_len), keyword) ||
	    text.ptr[keyword_len] != '<') {
		return SW_EINVAL;
	}
	text = sw_bytes(text.ptr + keyword_len + 1, text.len - keyword_len - 1);
	const uint8_t *end = memchr(text.ptr, '>', text.len);
	if (!end) {
		return SW_EINVAL;
	}
	struct sw_bytes address = sw_bytes(text.ptr, (size_t)(end - text.ptr));
	bool null_sender = address.len == 0 && strcmp(keyword, "FROM:") == 0;
	if (!null_sender && !address_ok(address)) {
		return SW_EINVAL;
	}
	memcpy(path_out->address, address.ptr, address.len);
	return parse_parameters(sw_bytes(end + 1, text.len - address.len - 1), path_out);
}

/* One byte; the text keeps everything but a first dot and the final line. */
static void feed_byte(struct sw_sim_smtp_data *data, uint8_t c, struct sw_buf *text)
{
	switch (data->state) {
	case SW_SIM_DATA_DOT:
		if (c == '\r') {
			data->state = SW_SIM_DATA_DOT_CR;
			return;
		}
		break; /* the stuffed dot is gone */
	case SW_SIM_DATA_DOT_CR:
		if (c == '\n') {
			data->state = SW_SIM_DATA_END;
			return;
		}
		sw_buf_put_char(text, '\r'); /* ".\rx": a stuffed dot before a bare CR */
		data->state = SW_SIM_DATA_CR;
		break;
	case SW_SIM_DATA_LINE_START:
		if (c == '.') {
			data->state = SW_SIM_DATA_DOT;
			return;
		}
		break;
	default:
		break;
	}
	bool ends_line = c == '\n' && data->state == SW_SIM_DATA_CR;
	sw_buf_put_char(text, (char)c);
	data->state = ends_line ? SW_SIM_DATA_LINE_START : c == '\r' ? SW_SIM_DATA_CR : SW_SIM_DATA_TEXT;
}

size_t sw_sim_smtp_data_feed(struct sw_sim_smtp_data *data, struct sw_bytes in, struct sw_buf *text_out)
{
	size_t used = 0;
	while (used < in.len && data->state != SW_SIM_DATA_END) {
		feed_byte(data, in.ptr[used++], text_out);
	}
	return used;
}
