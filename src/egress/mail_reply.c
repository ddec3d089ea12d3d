/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP reply lines: code, enhanced status code, text. Gives no verdict (that is the provider's). */
#include "egress/mail_reply_int.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Length of "5.1.1" at the start of text when followed by a space or the end; else 0. */
static size_t enhanced_len(const char *text, char class_digit)
{
	if (text[0] != class_digit || strchr("245", text[0]) == NULL || text[1] != '.') {
		return 0;
	}
	size_t at = 2;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;
		while (digits < 3 && is_digit(text[at + digits])) {
			digits++;
		}
		at += digits;
		char wanted = part == 0 ? '.' : ' ';
		bool ends = text[at] == wanted || (part == 1 && text[at] == '\0');
		if (digits == 0 || !ends) {
			return 0;
		}
		at += part == 0;
	}
	return at;
}

static void copy_printable(char *out, size_t size, const char *text)
{
	size_t n = 0;
	for (; *text != '\0' && n + 1 < size; text++) {
		out[n++] = *text >= ' ' && *text < 0x7f ? *text : '?';
	}
	out[n] = '\0';
}

static void take_line(struct sw_mail_reply_reader *reader)
{
	const char *line = reader->line;
	bool is_reply = reader->len >= 3 && line[0] >= '2' && line[0] <= '5' && is_digit(line[1]) &&
			is_digit(line[2]) && (line[3] == '\0' || line[3] == ' ' || line[3] == '-');
	if (!is_reply) {
		return;
	}
	struct sw_mail_reply *reply = &reader->reply;
	reply->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
	const char *text = line[3] == '\0' ? "" : line + 4;
	size_t len = enhanced_len(text, line[0]);
	snprintf(reply->enhanced, sizeof(reply->enhanced), "%.*s", (int)len, text);
	text += len;
	copy_printable(reply->text, sizeof(reply->text), *text == ' ' && len > 0 ? text + 1 : text);
}

void sw_mail_reply_feed(struct sw_mail_reply_reader *reader, struct sw_bytes part)
{
	for (size_t i = 0; i < part.len; i++) {
		char c = (char)part.ptr[i];
		if (c == '\n') {
			if (reader->len > 0 && reader->line[reader->len - 1] == '\r') {
				reader->len--;
			}
			reader->line[reader->len] = '\0';
			take_line(reader);
			reader->len = 0;
			reader->too_long = false;
		} else if (reader->len + 1 == sizeof(reader->line)) {
			reader->too_long = true;
		} else if (!reader->too_long) {
			reader->line[reader->len++] = c;
		}
	}
}

void sw_mail_reply_reset(struct sw_mail_reply_reader *reader)
{
	reader->len = 0;
	reader->too_long = false;
	reader->reply.code = 0;
	reader->reply.enhanced[0] = '\0';
	reader->reply.text[0] = '\0';
}
