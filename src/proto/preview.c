/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/preview.h"

#include <string.h>

struct sw_bytes sw_preview_of_body(struct sw_bytes body)
{
	static const char head[] = "{\"text\":\"";
	static const char tail[] = "\"}";
	size_t before = sizeof(head) - 1;
	size_t after = sizeof(tail) - 1;
	if (body.len < before + after || memcmp(body.ptr, head, before) != 0 ||
	    memcmp(body.ptr + body.len - after, tail, after) != 0) {
		return sw_bytes("", 0);
	}
	struct sw_bytes text = sw_bytes(body.ptr + before, body.len - before - after);
	bool plain = !memchr(text.ptr, '"', text.len) && !memchr(text.ptr, '\\', text.len);
	return plain ? text : sw_bytes("", 0);
}

struct sw_bytes sw_preview_beside(struct sw_bytes preview, struct sw_bytes body)
{
	return preview.len && sw_bytes_equal(preview, sw_preview_of_body(body)) ? sw_bytes("", 0) : preview;
}

struct sw_bytes sw_preview_whole(struct sw_bytes beside, struct sw_bytes body)
{
	return beside.len ? beside : sw_preview_of_body(body);
}
