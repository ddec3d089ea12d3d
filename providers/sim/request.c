/* SPDX-License-Identifier: Apache-2.0 */
/* Storage of requests and replies; form decoding. No I/O. */
#include "sim/request.h"

#include <stdio.h>
#include <string.h>

enum { REPLY_BODY_MAX = 64 * 1024 * 1024 };

void sw_sim_request_init(struct sw_sim_request *request)
{
	sw_arena_init(&request->arena);
	request->method = "";
	request->path = "";
	request->authority = "";
	request->header_count = 0;
	sw_buf_init(&request->body, SW_SIM_BODY_MAX);
	request->body_total_bytes = 0;
}

void sw_sim_request_release(struct sw_sim_request *request)
{
	sw_arena_release(&request->arena);
	sw_buf_release(&request->body);
}

int sw_sim_request_add(struct sw_sim_request *request, struct sw_bytes name, struct sw_bytes value)
{
	if (request->header_count == SW_SIM_HEADERS_MAX) {
		return SW_ELIMIT;
	}
	char *lower = sw_arena_str(&request->arena, name);
	for (char *c = lower; *c; c++) {
		if (*c >= 'A' && *c <= 'Z') {
			*c = (char)(*c + ('a' - 'A'));
		}
	}
	request->headers[request->header_count++] = (struct sw_http_header){
		.name = sw_bytes(lower, name.len), .value = sw_arena_copy(&request->arena, value)};
	return SW_OK;
}

void sw_sim_request_add_body(struct sw_sim_request *request, struct sw_bytes part)
{
	size_t room = SW_SIM_BODY_MAX - request->body.len;
	request->body_total_bytes += part.len;
	sw_buf_put(&request->body, part.ptr, part.len < room ? part.len : room);
}

struct sw_bytes sw_sim_request_header(const struct sw_sim_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (sw_bytes_equal_str(request->headers[i].name, name)) {
			struct sw_bytes value = request->headers[i].value;
			return value.ptr ? value : sw_bytes("", 0);
		}
	}
	return sw_bytes(NULL, 0);
}

struct sw_bytes sw_sim_request_bearer(const struct sw_sim_request *request)
{
	static const char scheme[] = "bearer ";
	size_t len = sizeof(scheme) - 1;
	struct sw_bytes value = sw_sim_request_header(request, "authorization");
	return value.len > len && sw_bytes_equal_nocase(sw_bytes(value.ptr, len), scheme)
		     ? sw_bytes(value.ptr + len, value.len - len)
		     : sw_bytes(NULL, 0);
}

bool sw_sim_request_is(const struct sw_sim_request *request, const char *type)
{
	size_t len = strlen(type);
	struct sw_bytes value = sw_sim_request_header(request, "content-type");
	return value.len >= len && sw_bytes_equal_nocase(sw_bytes(value.ptr, len), type);
}

json_t *sw_sim_request_json(const struct sw_sim_request *request, int max_depth)
{
	json_t *root = NULL;
	if (request->body_total_bytes > request->body.len ||
	    sw_json_parse(sw_buf_bytes(&request->body), max_depth, &root, NULL) != SW_OK) {
		return NULL;
	}
	return root;
}

bool sw_sim_request_repeats(const struct sw_sim_request *request, const char *prefix)
{
	size_t prefix_len = strlen(prefix);
	for (size_t i = 0; i < request->header_count; i++) {
		struct sw_bytes name = request->headers[i].name;
		if (name.len < prefix_len || memcmp(name.ptr, prefix, prefix_len) != 0) {
			continue;
		}
		for (size_t j = 0; j < i; j++) {
			if (sw_bytes_equal(request->headers[j].name, name)) {
				return true;
			}
		}
	}
	return false;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct sw_bytes form_decode(struct sw_arena *arena, struct sw_bytes text)
{
	uint8_t *out = sw_arena_alloc(arena, text.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (c == '%') {
			int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
			if (high < 0 || low < 0) {
				return sw_bytes(NULL, 0);
			}
			c = (uint8_t)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return sw_bytes(out, n);
}

struct sw_bytes sw_sim_form_get(struct sw_arena *arena, struct sw_bytes form, const char *name)
{
	size_t name_len = strlen(name);
	const uint8_t *at = form.ptr;
	const uint8_t *end = form.ptr + form.len;
	while (form.len > 0 && at < end) {
		const uint8_t *stop = memchr(at, '&', (size_t)(end - at));
		if (!stop) {
			stop = end;
		}
		size_t len = (size_t)(stop - at);
		if (len > name_len && memcmp(at, name, name_len) == 0 && at[name_len] == '=') {
			return form_decode(arena, sw_bytes(at + name_len + 1, len - name_len - 1));
		}
		at = stop + 1;
	}
	return sw_bytes(NULL, 0);
}

void sw_sim_effect_init(struct sw_sim_effect *effect)
{
	*effect = (struct sw_sim_effect){.rst_code = -1};
}

void sw_sim_reply_init(struct sw_sim_reply *reply)
{
	reply->status = 0;
	reply->header_count = 0;
	reply->streams_max = 0;
	sw_buf_init(&reply->body, REPLY_BODY_MAX);
	sw_sim_effect_init(&reply->effect);
}

void sw_sim_reply_release(struct sw_sim_reply *reply)
{
	sw_buf_release(&reply->body);
}

void sw_sim_reply_add(struct sw_sim_reply *reply, const char *name, const char *value)
{
	if (reply->header_count < SW_SIM_REPLY_HEADERS_MAX) {
		reply->headers[reply->header_count].name = name;
		snprintf(reply->headers[reply->header_count].value, sizeof(reply->headers[0].value), "%s", value);
		reply->header_count++;
	}
}
