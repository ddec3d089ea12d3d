/* SPDX-License-Identifier: Apache-2.0 */
/* Strict base64url. */
#include <surewire/b64url.h>

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

bool sw_b64url_is_text(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (value_of(text.ptr[i]) < 0) {
			return false;
		}
	}
	return true;
}

int sw_b64url_decode_to(struct sw_bytes text, uint8_t *out, size_t room_bytes, size_t *len_out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.ptr[i]);
		if (value < 0) {
			return SW_EPARSE;
		}
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			if (len == room_bytes) {
				return SW_ELIMIT;
			}
			out[len++] = (uint8_t)(bits >> count);
			bits &= (1U << count) - 1;
		}
	}
	/* Six bits over is a lone character; other bits over must be zero, or two texts would mean the same bytes. */
	if (count == 6 || bits != 0) {
		return SW_EPARSE;
	}
	*len_out = len;
	return SW_OK;
}

int sw_b64url_decode(struct sw_bytes text, struct sw_buf *out)
{
	for (size_t i = 0; i < text.len; i += 4) {
		uint8_t group[3];
		size_t len = 0;
		int err = sw_b64url_decode_to(sw_bytes(text.ptr + i, text.len - i < 4 ? text.len - i : 4), group,
					      sizeof(group), &len);
		if (err) {
			return err;
		}
		sw_buf_put(out, group, len);
	}
	return out->err;
}

void sw_b64url_encode_to(struct sw_bytes bytes, char *out)
{
	uint32_t bits = 0;
	unsigned count = 0;
	for (size_t i = 0; i < bytes.len; i++) {
		bits = bits << 8 | bytes.ptr[i];
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

void sw_b64url_encode(struct sw_bytes bytes, struct sw_buf *out)
{
	for (size_t i = 0; i < bytes.len; i += 3) {
		char group[SW_B64URL_LEN(3) + 1];
		sw_b64url_encode_to(sw_bytes(bytes.ptr + i, bytes.len - i < 3 ? bytes.len - i : 3), group);
		sw_buf_put_str(out, group);
	}
}
