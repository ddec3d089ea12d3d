/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-decoding of paths and query parameters. */
#include "net/http1.h"

#include <string.h>

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sw_http1_percent_decode(struct sw_bytes text, bool plus_is_space, struct sw_buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (c == '+' && plus_is_space) {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
			if (high < 0 || low < 0 || (high == 0 && low == 0)) {
				return SW_EPARSE;
			}
			c = (uint8_t)(high << 4 | low);
			i += 2;
		}
		sw_buf_put_u8(out, c);
	}
	return out->err;
}

int sw_http1_query_param(struct sw_bytes query, const char *name, struct sw_buf *out)
{
	size_t name_len = strlen(name);
	while (query.len) {
		const uint8_t *end = memchr(query.ptr, '&', query.len);
		size_t len = end ? (size_t)(end - query.ptr) : query.len;
		struct sw_bytes pair = sw_bytes(query.ptr, len);
		size_t used = end ? len + 1 : len;
		query = sw_bytes(query.ptr + used, query.len - used);
		if (pair.len < name_len || memcmp(pair.ptr, name, name_len) != 0) {
			continue;
		}
		if (pair.len == name_len) {
			return SW_OK;
		}
		if (pair.ptr[name_len] == '=') {
			struct sw_bytes value = sw_bytes(pair.ptr + name_len + 1, pair.len - name_len - 1);
			return sw_http1_percent_decode(value, true, out);
		}
	}
	return SW_ENOTFOUND;
}
