/* SPDX-License-Identifier: Apache-2.0 */
/* The form of mail addresses. Deliberately narrower than RFC 5322: no comments, no quoted local parts, no address
 * literals, ASCII only (the relay may not speak SMTPUTF8), so that nothing can smuggle in a second recipient. */
#include "email_int.h"

#include <surewire/json.h>

#include <string.h>

enum { LOCAL_MAX = 64, DOMAIN_MAX = 253, LABEL_MAX = 63 };

static bool is_alnum(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_atext(uint8_t c)
{
	return is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_dot_atom(struct sw_bytes text)
{
	bool after_dot = true;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '.' ? after_dot : !is_atext(text.ptr[i])) {
			return false;
		}
		after_dot = text.ptr[i] == '.';
	}
	return !after_dot;
}

bool sw_email_is_host(struct sw_bytes name)
{
	size_t label = 0;
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];
		bool ends = i + 1 == name.len || name.ptr[i + 1] == '.';
		if (c == '.') {
			if (label == 0) {
				return false;
			}
			label = 0;
			continue;
		}
		if (!is_alnum(c) && (c != '-' || label == 0 || ends)) {
			return false;
		}
		if (++label > LABEL_MAX) {
			return false;
		}
	}
	return label > 0 && name.len <= DOMAIN_MAX;
}

static bool is_ascii(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f) {
			return text.ptr[i] < 0x80;
		}
	}
	return true;
}

struct sw_bytes sw_email_domain(struct sw_bytes address)
{
	for (size_t i = address.len; i > 0; i--) {
		if (address.ptr[i - 1] == '@') {
			return sw_bytes(address.ptr + i, address.len - i);
		}
	}
	return sw_bytes(address.ptr, 0);
}

bool sw_email_is_address(struct sw_bytes address, const char **what_out)
{
	struct sw_bytes domain = sw_email_domain(address);
	size_t local_len = address.len > domain.len ? address.len - domain.len - 1 : 0;
	*what_out = NULL;
	if (address.len == 0 || address.len > SW_EMAIL_ADDRESS_MAX) {
		*what_out = "an address of at most 254 bytes";
	} else if (!is_ascii(address)) {
		*what_out = "ASCII; a domain with other letters goes in its xn-- form";
	} else if (local_len == 0 || domain.len == 0) {
		*what_out = "one address, like name@example.org";
	} else if (local_len > LOCAL_MAX || !is_dot_atom(sw_bytes(address.ptr, local_len))) {
		*what_out = "before the @ at most 64 letters, digits, dots between them and !#$%&'*+-/=?^_`{|}~";
	} else if (!sw_email_is_host(domain)) {
		*what_out = "a host name after the @";
	}
	return *what_out == NULL;
}

/* jansson makes strings of valid UTF-8 only; the contract offers no check of its own. */
bool sw_email_is_utf8(struct sw_bytes text)
{
	if (text.len == 0) {
		return true;
	}
	json_t *string = json_stringn((const char *)text.ptr, text.len);
	json_decref(string);
	return string != NULL;
}

/* A phrase: atoms, or one quoted string. Other letters than ASCII are the mail client's to encode. */
static bool is_name(struct sw_bytes name)
{
	bool quoted = name.len >= 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"';
	for (size_t i = 0; i < name.len; i++) {
		uint8_t c = name.ptr[i];
		bool inside = quoted && i > 0 && i + 1 < name.len;
		if (quoted && !inside) {
			continue;
		}
		bool plain = c == ' ' || c >= 0x80 || is_atext(c);
		bool quotable = c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
		if (inside ? !quotable : !plain) {
			return false;
		}
	}
	return sw_email_is_utf8(name);
}

bool sw_email_mailbox(struct sw_bytes text, struct sw_bytes *address_out)
{
	const char *what;
	const uint8_t *open = text.len ? memrchr(text.ptr, '<', text.len) : NULL;
	if (!open) {
		*address_out = text;
		return sw_email_is_address(text, &what);
	}
	size_t name_len = (size_t)(open - text.ptr);
	if (text.ptr[text.len - 1] != '>') {
		return false;
	}
	*address_out = sw_bytes(open + 1, text.len - name_len - 2);
	while (name_len > 0 && text.ptr[name_len - 1] == ' ') {
		name_len--;
	}
	return is_name(sw_bytes(text.ptr, name_len)) && sw_email_is_address(*address_out, &what);
}
