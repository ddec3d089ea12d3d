/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison and numbers of borrowed bytes. */
#include <surewire/bytes.h>
#include <surewire/err.h>

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

struct sw_bytes sw_bytes_str(const char *text)
{
	return (struct sw_bytes){(const uint8_t *)text, text ? strlen(text) : 0};
}

bool sw_bytes_equal(struct sw_bytes a, struct sw_bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool sw_bytes_equal_str(struct sw_bytes a, const char *text)
{
	return sw_bytes_equal(a, sw_bytes_str(text));
}

bool sw_bytes_equal_nocase(struct sw_bytes a, const char *text)
{
	size_t len = strlen(text);
	return a.len == len && (len == 0 || strncasecmp((const char *)a.ptr, text, len) == 0);
}

bool sw_bytes_equal_secret(struct sw_bytes a, struct sw_bytes b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

int sw_bytes_to_u64(struct sw_bytes text, uint64_t *value_out)
{
	if (text.len == 0 || text.len > 20) {
		return SW_EPARSE;
	}
	uint64_t value = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t digit = (uint8_t)(text.ptr[i] - '0');
		if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
			return SW_EPARSE;
		}
		value = value * 10 + digit;
	}
	*value_out = value;
	return SW_OK;
}

void sw_bytes_printable(struct sw_bytes text, char *to, size_t size_bytes)
{
	size_t len = text.len < size_bytes ? text.len : size_bytes - 1;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = text.ptr[i];
		to[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	to[len] = '\0';
}
