/* SPDX-License-Identifier: Apache-2.0 */
/* Lines first, then the header block, then the fields. */
#include "sim/mail_check.h"

#include <string.h>
#include <time.h>

enum { ENCODED_WORD_MAX = 75 };

static int check_lines(struct sw_bytes text, bool eight_bit, struct sw_diag *diag)
{
	size_t line = 1;
	size_t start = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		bool crlf = c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
		if ((c == '\r' && !crlf) || c == '\n') {
			return sw_diag_set(diag, SW_EINVAL, "line %zu: bare %s, expected CRLF", line,
					   c == '\n' ? "LF" : "CR");
		}
		if (c == 0 || (c > 0x7f && !eight_bit)) {
			return sw_diag_set(diag, SW_EINVAL, "line %zu: byte %u, expected US-ASCII", line, (unsigned)c);
		}
		if (!crlf) {
			continue;
		}
		if (i - start > SW_SIM_MAIL_LINE_MAX) {
			return sw_diag_set(diag, SW_EINVAL, "line %zu: %zu bytes, expected at most 998", line,
					   i - start);
		}
		i++;
		start = i + 1;
		line++;
	}
	if (start != text.len) {
		return sw_diag_set(diag, SW_EINVAL, "the last line does not end in CRLF");
	}
	return SW_OK;
}

static bool name_ok(struct sw_bytes name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f) {
			return false;
		}
	}
	return name.len > 0;
}

/* A line behind the first of a field: starts with white space and has something else (RFC 5322, 3.2.2). */
static int check_fold(struct sw_bytes line, const struct sw_sim_mail *mail, struct sw_diag *diag)
{
	bool blank = true;
	for (size_t i = 0; i < line.len; i++) {
		blank = blank && (line.ptr[i] == ' ' || line.ptr[i] == '\t');
	}
	if (blank || mail->header_count == 0) {
		return sw_diag_set(diag, SW_EINVAL, "header folded into a line of white space, or before any field");
	}
	return SW_OK;
}

static int add_header(struct sw_bytes line, struct sw_sim_mail *mail, struct sw_diag *diag)
{
	const uint8_t *colon = memchr(line.ptr, ':', line.len);
	struct sw_bytes name = sw_bytes(line.ptr, colon ? (size_t)(colon - line.ptr) : 0);
	if (!name_ok(name)) {
		return sw_diag_set(diag, SW_EINVAL, "header field %zu: expected `Name: value`", mail->header_count + 1);
	}
	if (mail->header_count == SW_SIM_MAIL_HEADERS_MAX) {
		return sw_diag_set(diag, SW_EINVAL, "more than %d header fields", SW_SIM_MAIL_HEADERS_MAX);
	}
	struct sw_bytes value = sw_bytes(colon + 1, line.len - name.len - 1);
	while (value.len > 0 && (value.ptr[0] == ' ' || value.ptr[0] == '\t')) {
		value = sw_bytes(value.ptr + 1, value.len - 1);
	}
	mail->headers[mail->header_count].name = name;
	mail->headers[mail->header_count].value = value;
	mail->header_count++;
	return SW_OK;
}

/* Lines are known to end in CRLF. */
static int split_headers(struct sw_bytes text, struct sw_sim_mail *mail, struct sw_diag *diag)
{
	while (text.len > 0) {
		const uint8_t *end = memchr(text.ptr, '\r', text.len);
		struct sw_bytes line = sw_bytes(text.ptr, (size_t)(end - text.ptr));
		text = sw_bytes(end + 2, text.len - line.len - 2);
		if (line.len == 0) {
			mail->body = text;
			return SW_OK;
		}
		int err;
		if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
			err = check_fold(line, mail, diag);
			if (err == SW_OK) {
				struct sw_bytes *value = &mail->headers[mail->header_count - 1].value;
				*value = sw_bytes(value->ptr, (size_t)(end - value->ptr));
			}
		} else {
			err = add_header(line, mail, diag);
		}
		if (err) {
			return err;
		}
	}
	return sw_diag_set(diag, SW_EINVAL, "no blank line between headers and body");
}

static int check_header_bytes(const struct sw_sim_mail *mail, bool utf8, struct sw_diag *diag)
{
	for (size_t i = 0; i < mail->header_count; i++) {
		struct sw_bytes value = mail->headers[i].value;
		for (size_t k = 0; k < value.len && !utf8; k++) {
			if (value.ptr[k] > 0x7f) {
				return sw_diag_set(diag, SW_EINVAL, "header %.*s: not US-ASCII, expected encoded words",
						   SW_BYTES_FMT(mail->headers[i].name));
			}
		}
	}
	return SW_OK;
}

/* =?charset?B?text?= without white space, at most 75 characters (RFC 2047, section 2). */
static int check_encoded_words(const struct sw_sim_mail *mail, struct sw_diag *diag)
{
	for (size_t i = 0; i < mail->header_count; i++) {
		struct sw_bytes v = mail->headers[i].value;
		for (size_t k = 0; k + 1 < v.len; k++) {
			if (v.ptr[k] != '=' || v.ptr[k + 1] != '?' || (k > 0 && v.ptr[k - 1] == '?')) {
				continue;
			}
			size_t end = k;
			while (end < v.len && v.ptr[end] != ' ' && v.ptr[end] != '\t' && v.ptr[end] != '\r') {
				end++;
			}
			if (end - k > ENCODED_WORD_MAX) {
				return sw_diag_set(diag, SW_EINVAL,
						   "header %.*s: encoded word of %zu characters, expected at most 75",
						   SW_BYTES_FMT(mail->headers[i].name), end - k);
			}
			k = end;
		}
	}
	return SW_OK;
}

static int check_once(const struct sw_sim_mail *mail, const char *name, struct sw_diag *diag)
{
	size_t count = 0;
	for (size_t i = 0; i < mail->header_count; i++) {
		count += sw_bytes_equal_nocase(mail->headers[i].name, name);
	}
	if (count != 1) {
		return sw_diag_set(diag, SW_EINVAL, "header %s occurs %zu times, expected once", name, count);
	}
	return SW_OK;
}

static bool message_id_ok(struct sw_bytes id)
{
	size_t ats = 0;
	if (id.len < 5 || id.ptr[0] != '<' || id.ptr[id.len - 1] != '>') {
		return false;
	}
	for (size_t i = 1; i + 1 < id.len; i++) {
		uint8_t c = id.ptr[i];
		if (c <= ' ' || c >= 0x7f || c == '<' || c == '>') {
			return false;
		}
		ats += c == '@';
	}
	return ats == 1 && id.ptr[1] != '@' && id.ptr[id.len - 2] != '@';
}

static bool date_ok(struct sw_bytes value)
{
	char text[64];
	if (value.len >= sizeof(text)) {
		return false;
	}
	memcpy(text, value.ptr, value.len);
	text[value.len] = '\0';
	static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S %z"};
	for (size_t i = 0; i < 2; i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);
		if (end && (*end == '\0' || strncmp(end, " (", 2) == 0)) {
			return true;
		}
	}
	return false;
}

static int check_fields(const struct sw_sim_mail *mail, struct sw_diag *diag)
{
	static const char *const required[] = {"Date", "From", "Message-ID", "Subject", "MIME-Version"};
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		int err = check_once(mail, required[i], diag);
		if (err) {
			return err;
		}
	}
	if (!message_id_ok(sw_sim_mail_header(mail, "Message-ID"))) {
		return sw_diag_set(diag, SW_EINVAL, "Message-ID: expected <unique@domain>");
	}
	if (!date_ok(sw_sim_mail_header(mail, "Date"))) {
		return sw_diag_set(diag, SW_EINVAL, "Date: expected `Tue, 24 Nov 2026 03:00:00 +0000`");
	}
	if (!sw_bytes_equal_str(sw_sim_mail_header(mail, "MIME-Version"), "1.0")) {
		return sw_diag_set(diag, SW_EINVAL, "MIME-Version: expected 1.0");
	}
	struct sw_bytes from = sw_sim_mail_header(mail, "From");
	if (from.len == 0 || !memchr(from.ptr, '@', from.len)) {
		return sw_diag_set(diag, SW_EINVAL, "From: expected an address");
	}
	return SW_OK;
}

/* RFC 8058 section 3.1: one https URL at least, and the one value there is. */
static int check_unsubscribe(const struct sw_sim_mail *mail, struct sw_diag *diag)
{
	struct sw_bytes link = sw_sim_mail_header(mail, "List-Unsubscribe");
	struct sw_bytes post = sw_sim_mail_header(mail, "List-Unsubscribe-Post");
	if (post.len && !sw_bytes_equal_str(post, "List-Unsubscribe=One-Click")) {
		return sw_diag_set(diag, SW_EINVAL, "List-Unsubscribe-Post: expected List-Unsubscribe=One-Click");
	}
	if (post.len && (link.len == 0 || !memmem(link.ptr, link.len, "<https://", 9))) {
		return sw_diag_set(diag, SW_EINVAL,
				   "List-Unsubscribe: expected <https://…> beside List-Unsubscribe-Post");
	}
	return SW_OK;
}

int sw_sim_mail_check(struct sw_bytes text, bool eight_bit, bool utf8, struct sw_sim_mail *mail_out,
		      struct sw_diag *diag_out)
{
	mail_out->header_count = 0;
	mail_out->body = sw_bytes(NULL, 0);
	int err = check_lines(text, eight_bit || utf8, diag_out);
	err = err ? err : split_headers(text, mail_out, diag_out);
	err = err ? err : check_header_bytes(mail_out, utf8, diag_out);
	err = err ? err : check_encoded_words(mail_out, diag_out);
	err = err ? err : check_fields(mail_out, diag_out);
	return err ? err : check_unsubscribe(mail_out, diag_out);
}

struct sw_bytes sw_sim_mail_header(const struct sw_sim_mail *mail, const char *name)
{
	for (size_t i = 0; i < mail->header_count; i++) {
		if (sw_bytes_equal_nocase(mail->headers[i].name, name)) {
			return mail->headers[i].value;
		}
	}
	return sw_bytes(NULL, 0);
}
