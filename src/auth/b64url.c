/* SPDX-License-Identifier: Apache-2.0 */
/* Strict base64url. */
#include "auth/b64url.h"

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

int sw_b64url_decode(struct sw_bytes text, struct sw_buf *out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.ptr[i]);
		if (value < 0) {
			return SW_EPARSE;
		}
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			sw_buf_put_u8(out, (uint8_t)(bits >> count));
			bits &= (1U << count) - 1;
		}
	}
	/* Six bits over is a lone character; other bits over must be zero, or two texts would mean the same bytes. */
	return count == 6 || bits != 0 ? SW_EPARSE : out->err;
}

void sw_b64url_encode(struct sw_bytes bytes, struct sw_buf *out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	for (size_t i = 0; i < bytes.len; i++) {
		bits = bits << 8 | bytes.ptr[i];
		count += 8;
		while (count >= 6) {
			count -= 6;
			sw_buf_put_char(out, alphabet[bits >> count & 63]);
		}
		bits &= (1U << count) - 1;
	}
	if (count > 0) {
		sw_buf_put_char(out, alphabet[bits << (6 - count) & 63]);
	}
}
