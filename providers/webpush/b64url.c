/* SPDX-License-Identifier: Apache-2.0 */
/* base64url of keys. Strict but for the padding, which some browsers' libraries add: bits that are left over must be
 * zero, or one key would have several spellings. */
#include "webpush_int.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26;
	}
	if (c >= '0' && c <= '9') {
		return c - '0' + 52;
	}
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Without its padding; what is too much or too little of it stays and is refused as a foreign character. */
static struct sw_bytes unpadded(struct sw_bytes text)
{
	struct sw_bytes bare = text;
	while (bare.len && bare.ptr[bare.len - 1] == '=' && text.len - bare.len < 2) {
		bare.len--;
	}
	return text.len % 4 == 0 ? bare : text;
}

bool sw_webpush_b64url_decode(struct sw_bytes text, uint8_t *out, size_t len)
{
	struct sw_bytes bare = unpadded(text);
	uint32_t bits = 0;
	unsigned count = 0;
	size_t at = 0;
	if (bare.len != (4 * len + 2) / 3) {
		return false;
	}
	for (size_t i = 0; i < bare.len; i++) {
		int value = value_of(bare.ptr[i]);
		if (value < 0) {
			return false;
		}
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[at++] = (uint8_t)(bits >> count);
			bits &= (1U << count) - 1;
		}
	}
	return bits == 0;
}

void sw_webpush_b64url_encode(const uint8_t *ptr, size_t len, char *out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | ptr[i];
		count += 8;
		while (count >= 6) {
			count -= 6;
			*out++ = alphabet[bits >> count & 63];
		}
		bits &= (1U << count) - 1;
	}
	if (count > 0) {
		*out++ = alphabet[bits << (6 - count) & 63];
	}
	*out = '\0';
}
