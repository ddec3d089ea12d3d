/* SPDX-License-Identifier: Apache-2.0 */
/* Strict: whatever is not exactly `METHOD SP target SP HTTP/1.1 CRLF`, `name:value CRLF` is refused. */
#include "sim/http1.h"

#include <string.h>

static bool is_token(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) {
			return false;
		}
	}
	return text.len > 0;
}

static bool is_printable(struct sw_bytes text, uint8_t least)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((text.ptr[i] < least && text.ptr[i] != '\t') || text.ptr[i] == 0x7f) {
			return false;
		}
	}
	return true;
}

/* Takes a line off the front of in; false when there is none. */
static bool next_line(struct sw_bytes *in, struct sw_bytes *line_out)
{
	const uint8_t *end = in->len ? memchr(in->ptr, '\n', in->len) : NULL;
	if (!end) {
		return false;
	}
	size_t len = (size_t)(end - in->ptr);
	*line_out = sw_bytes(in->ptr, len);
	*in = sw_bytes(end + 1, in->len - len - 1);
	return true;
}

/* A line must end in CR before its LF. */
static bool strip_cr(struct sw_bytes *line)
{
	if (line->len == 0 || line->ptr[line->len - 1] != '\r') {
		return false;
	}
	line->len--;
	return true;
}

static int parse_start(struct sw_bytes line, struct sw_sim_request *request)
{
	static const char version[] = " HTTP/1.1";
	size_t tail = sizeof(version) - 1;
	const uint8_t *space = line.len ? memchr(line.ptr, ' ', line.len) : NULL;
	if (!space || line.len < tail || memcmp(line.ptr + line.len - tail, version, tail) != 0) {
		return SW_EPROTO;
	}
	struct sw_bytes method = sw_bytes(line.ptr, (size_t)(space - line.ptr));
	size_t taken = method.len + 1 + tail;
	if (line.len <= taken) {
		return SW_EPROTO;
	}
	struct sw_bytes target = sw_bytes(space + 1, line.len - taken);
	if (!is_token(method) || target.ptr[0] != '/' || !is_printable(target, 0x21)) {
		return SW_EPROTO;
	}
	request->method = sw_arena_str(&request->arena, method);
	request->path = sw_arena_str(&request->arena, target);
	return SW_OK;
}

static int parse_header(struct sw_bytes line, struct sw_sim_request *request)
{
	const uint8_t *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
	if (!colon) {
		return SW_EPROTO;
	}
	struct sw_bytes name = sw_bytes(line.ptr, (size_t)(colon - line.ptr));
	struct sw_bytes value = sw_bytes(colon + 1, line.len - name.len - 1);
	while (value.len > 0 && (value.ptr[0] == ' ' || value.ptr[0] == '\t')) {
		value = sw_bytes(value.ptr + 1, value.len - 1);
	}
	while (value.len > 0 && (value.ptr[value.len - 1] == ' ' || value.ptr[value.len - 1] == '\t')) {
		value.len--;
	}
	if (!is_token(name) || !is_printable(value, 0x20)) {
		return SW_EPROTO;
	}
	if (sw_bytes_equal_nocase(name, "host")) {
		request->authority = sw_arena_str(&request->arena, value);
	}
	return sw_sim_request_add(request, name, value);
}

static int parse_head(struct sw_bytes *in, struct sw_sim_request *request)
{
	struct sw_bytes line;
	for (bool first = true; next_line(in, &line); first = false) {
		if (!strip_cr(&line)) {
			return SW_EPROTO;
		}
		if (line.len == 0 && !first) {
			return SW_OK;
		}
		int err = first ? parse_start(line, request) : parse_header(line, request);
		if (err) {
			return err;
		}
	}
	return SW_EAGAIN;
}

static int body_length(const struct sw_sim_request *request, uint64_t *length_out)
{
	struct sw_bytes length = sw_sim_request_header(request, "content-length");
	*length_out = 0;
	if (sw_sim_request_header(request, "transfer-encoding").ptr ||
	    sw_sim_request_repeats(request, "content-length")) {
		return SW_EPROTO;
	}
	if (!length.ptr) {
		return SW_OK;
	}
	if (sw_bytes_to_u64(length, length_out) != SW_OK) {
		return SW_EPROTO;
	}
	return *length_out > SW_SIM_BODY_MAX ? SW_ELIMIT : SW_OK;
}

int sw_sim_http1_parse(struct sw_bytes in, struct sw_sim_request *request, size_t *used_out)
{
	struct sw_bytes rest = in;
	int err = parse_head(&rest, request);
	if (err) {
		return err == SW_EAGAIN && in.len > SW_SIM_HTTP1_HEAD_MAX ? SW_ELIMIT : err;
	}
	uint64_t length;
	err = body_length(request, &length);
	if (err) {
		return err;
	}
	if (rest.len < length) {
		return SW_EAGAIN;
	}
	sw_sim_request_add_body(request, sw_bytes(rest.ptr, (size_t)length));
	*used_out = in.len - rest.len + (size_t)length;
	return SW_OK;
}

bool sw_sim_http1_keeps(const struct sw_sim_request *request)
{
	return !sw_bytes_equal_nocase(sw_sim_request_header(request, "connection"), "close");
}

void sw_sim_http1_write(const struct sw_sim_reply *reply, bool keep, struct sw_buf *out)
{
	sw_buf_printf(out, "HTTP/1.1 %d %s\r\n", reply->status, reply->status < 400 ? "OK" : "Error");
	for (size_t i = 0; i < reply->header_count; i++) {
		sw_buf_printf(out, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
	}
	sw_buf_printf(out, "content-length: %zu\r\n%s\r\n", reply->body.len, keep ? "" : "connection: close\r\n");
	sw_buf_put_bytes(out, sw_buf_bytes(&reply->body));
}
