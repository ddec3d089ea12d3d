/* SPDX-License-Identifier: Apache-2.0 */
/* Mail headers: checks, RFC 2047 words, folding. Knows one mailbox per address field, not lists; the rest of the
 * message is libcurl's MIME API. */
#include "egress/mail_text_int.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

enum {
	FOLD_AT = 76,
	/* =?UTF-8?B? and ?= leave 63 of 75 characters: 60 of base64, 45 bytes. */
	WORD_BYTES_MAX = 45,
	WORD_CHARS_FIXED = 12,
};

static bool is_ascii(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] >= 0x80) {
			return false;
		}
	}
	return true;
}

static bool has_control(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < ' ' || text.ptr[i] == 0x7f) {
			return true;
		}
	}
	return false;
}

static bool name_is_valid(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++) {
		if (name[i] <= ' ' || name[i] == ':' || name[i] > '~') {
			return false;
		}
	}
	return len > 0 && len <= 60;
}

static void put_base64(struct sw_buf *out, struct sw_bytes in)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < in.len; i += 3) {
		size_t left = in.len - i;
		uint32_t v = (uint32_t)in.ptr[i] << 16;
		v |= left > 1 ? (uint32_t)in.ptr[i + 1] << 8 : 0;
		v |= left > 2 ? in.ptr[i + 2] : 0;
		sw_buf_put_char(out, digits[v >> 18]);
		sw_buf_put_char(out, digits[v >> 12 & 63]);
		sw_buf_put_char(out, left > 1 ? digits[v >> 6 & 63] : '=');
		sw_buf_put_char(out, left > 2 ? digits[v & 63] : '=');
	}
}

/* A line being built: column says where we are. */
struct folder {
	struct sw_buf *out;
	size_t column;
};

static void fold(struct folder *f)
{
	sw_buf_put_str(f->out, "\r\n ");
	f->column = 1;
}

static void put_encoded(struct folder *f, struct sw_bytes text)
{
	while (text.len > 0) {
		size_t used = f->column + WORD_CHARS_FIXED;
		size_t room = used < FOLD_AT ? (FOLD_AT - used) / 4 * 3 : 0;
		struct sw_bytes part = sw_utf8_cut(text, room < WORD_BYTES_MAX ? room : WORD_BYTES_MAX);
		if (part.len == 0 || (part.len < text.len && part.len < 6 && f->column > 1)) {
			fold(f);
			continue;
		}
		sw_buf_put_str(f->out, "=?UTF-8?B?");
		put_base64(f->out, part);
		sw_buf_put_str(f->out, "?=");
		f->column += WORD_CHARS_FIXED + (part.len + 2) / 3 * 4;
		text = sw_bytes(text.ptr + part.len, text.len - part.len);
		if (text.len > 0) {
			fold(f);
		}
	}
}

/* Words at their spaces; the spaces stay as they are, one of them starts a folded line. */
static int put_ascii(struct folder *f, struct sw_bytes text)
{
	size_t at = 0;
	while (at < text.len) {
		size_t end = at + 1;
		while (end < text.len && text.ptr[end] != ' ') {
			end++;
		}
		size_t len = end - at;
		/* A line of nothing but spaces would be an obsolete form. */
		if (f->column + len > FOLD_AT && text.ptr[at] == ' ' && len > 1 && f->column > 1) {
			sw_buf_put_str(f->out, "\r\n");
			f->column = 0;
		}
		sw_buf_put(f->out, text.ptr + at, len);
		f->column += len;
		if (f->column > SW_MAIL_LINE_MAX) {
			return SW_ELIMIT;
		}
		at = end;
	}
	return SW_OK;
}

static bool is_address_field(const char *name)
{
	static const char *const names[] = {"From", "To", "Cc", "Reply-To", "Sender"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcasecmp(name, names[i]) == 0) {
			return true;
		}
	}
	return false;
}

static struct sw_bytes trim_spaces(struct sw_bytes text)
{
	while (text.len > 0 && text.ptr[0] == ' ') {
		text = sw_bytes(text.ptr + 1, text.len - 1);
	}
	while (text.len > 0 && text.ptr[text.len - 1] == ' ') {
		text.len--;
	}
	return text;
}

/* A quoted string's contents: encoded words must not stand inside quotes. */
static void put_unquoted(struct sw_buf *out, struct sw_bytes phrase)
{
	bool quoted = phrase.len >= 2 && phrase.ptr[0] == '"' && phrase.ptr[phrase.len - 1] == '"';
	if (quoted) {
		phrase = sw_bytes(phrase.ptr + 1, phrase.len - 2);
	}
	for (size_t i = 0; i < phrase.len; i++) {
		if (quoted && phrase.ptr[i] == '\\' && i + 1 < phrase.len) {
			i++;
		}
		sw_buf_put_char(out, (char)phrase.ptr[i]);
	}
}

/* Display name <address>, the name not ASCII. */
static int put_mailbox(struct folder *f, struct sw_bytes value)
{
	const uint8_t *bracket = memrchr(value.ptr, '<', value.len);
	if (bracket == NULL) {
		return SW_EINVAL;
	}
	size_t phrase_len = (size_t)(bracket - value.ptr);
	struct sw_bytes address = sw_bytes(bracket, value.len - phrase_len);
	if (!is_ascii(address)) {
		return SW_EINVAL;
	}
	struct sw_buf phrase;
	sw_buf_init(&phrase, SW_MAIL_HEADER_BYTES_MAX);
	put_unquoted(&phrase, trim_spaces(sw_bytes(value.ptr, phrase_len)));
	put_encoded(f, sw_buf_bytes(&phrase));
	sw_buf_release(&phrase);
	if (f->column + 1 + address.len > FOLD_AT) {
		fold(f);
	} else {
		sw_buf_put_char(f->out, ' ');
		f->column++;
	}
	return put_ascii(f, address);
}

static int check_value(const char *name, struct sw_bytes value, struct sw_diag *diag_out)
{
	if (!name_is_valid(name)) {
		return sw_diag_set(diag_out, SW_EINVAL, "mail header: expected a name without spaces and colons");
	}
	if (value.len > SW_MAIL_HEADER_BYTES_MAX / 2) {
		return sw_diag_set(diag_out, SW_ELIMIT, "mail header %s: longer than %d bytes", name,
				   SW_MAIL_HEADER_BYTES_MAX / 2);
	}
	if (has_control(value)) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "mail header %s: CR, LF and other control characters are not allowed", name);
	}
	if (!sw_utf8_valid(value)) {
		return sw_diag_set(diag_out, SW_EINVAL, "mail header %s: expected UTF-8", name);
	}
	return SW_OK;
}

/* A value that looks like an encoded word would be decoded by the reader: it is encoded itself. */
static bool needs_encoding(struct sw_bytes value)
{
	return !is_ascii(value) || memmem(value.ptr, value.len, "=?", 2) != NULL;
}

int sw_mail_header_put(struct sw_buf *out, const char *name, struct sw_bytes value, struct sw_diag *diag_out)
{
	int err = check_value(name, value, diag_out);
	if (err != SW_OK) {
		return err;
	}
	value = trim_spaces(value);
	sw_buf_printf(out, "%s:", name);
	if (value.len == 0) {
		return out->err;
	}
	sw_buf_put_char(out, ' ');
	struct folder f = {.out = out, .column = strlen(name) + 2};
	if (!needs_encoding(value)) {
		err = put_ascii(&f, value);
	} else if (is_address_field(name)) {
		err = put_mailbox(&f, value);
	} else {
		put_encoded(&f, value);
	}
	err = err != SW_OK ? err : out->err;
	if (err == SW_EINVAL) {
		return sw_diag_set(diag_out, err, "mail header %s: expected Name <address> with an ASCII address",
				   name);
	}
	return err == SW_OK ? SW_OK : sw_diag_set(diag_out, err, "mail header %s: too long", name);
}

int sw_mail_address_check(struct sw_bytes address, struct sw_diag *diag_out)
{
	const uint8_t *at = address.len == 0 ? NULL : memrchr(address.ptr, '@', address.len);
	bool ok = at != NULL && at != address.ptr && at != address.ptr + address.len - 1 &&
		  address.len <= SW_MAIL_ADDRESS_BYTES_MAX && !has_control(address) && sw_utf8_valid(address);
	for (size_t i = 0; ok && i < address.len; i++) {
		ok = strchr(" <>,;\"\\", address.ptr[i]) == NULL;
	}
	return ok ? SW_OK : sw_diag_set(diag_out, SW_EINVAL, "mail address: expected local@domain");
}

void sw_mail_body_put(struct sw_buf *out, struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n') {
			continue;
		}
		if (c == '\n' || c == '\r') {
			sw_buf_put(out, "\r\n", 2);
		} else if (c != 0) {
			sw_buf_put(out, &c, 1);
		}
	}
}

const char *sw_mail_body_encoding(struct sw_bytes text)
{
	size_t high = 0;
	for (size_t i = 0; i < text.len; i++) {
		high += text.ptr[i] >= 0x80;
	}
	/* Three characters for each such byte against a third more for all. */
	return high * 6 > text.len ? "base64" : "quoted-printable";
}
