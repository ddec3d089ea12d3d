/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests and responses. Whatever two parsers could understand differently is refused. */
#include "net/http1.h"

#include <stddef.h>
#include <string.h>

enum { METHOD_LEN_MAX = 16 };

static int refuse(struct sw_http1_error *error, int err, int status, const char *detail)
{
	*error = (struct sw_http1_error){.status = status, .detail = detail};
	return err;
}

static int bad(struct sw_http1_error *error, const char *detail)
{
	return refuse(error, SW_EPARSE, 400, detail);
}

static bool is_token_char(uint8_t c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
		return true;
	}
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_token(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!is_token_char(text.ptr[i])) {
			return false;
		}
	}
	return text.len > 0;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct sw_bytes trim(struct sw_bytes text)
{
	while (text.len && is_blank(text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len && is_blank(text.ptr[text.len - 1])) {
		text.len--;
	}
	return text;
}

/* Up to the separator; *rest_io continues after it. The whole rest when there is none. */
static struct sw_bytes cut(struct sw_bytes *rest_io, char separator)
{
	const uint8_t *at = rest_io->len ? memchr(rest_io->ptr, separator, rest_io->len) : NULL;
	size_t len = at ? (size_t)(at - rest_io->ptr) : rest_io->len;
	struct sw_bytes head = sw_bytes(rest_io->ptr, len);
	size_t used = at ? len + 1 : len;
	rest_io->ptr += used;
	rest_io->len -= used;
	return head;
}

/* SW_OK: *head_len_out bytes with the blank line. */
static int find_end(struct sw_bytes in, size_t *scanned_io, size_t *head_len_out, struct sw_http1_error *error)
{
	for (size_t i = *scanned_io; i < in.len && i < SW_HTTP1_HEAD_BYTES_MAX; i++) {
		if (in.ptr[i] != '\n') {
			continue;
		}
		if (i == 0 || in.ptr[i - 1] != '\r') {
			return bad(error, "lines must end with CR LF");
		}
		if (i == 1) {
			return bad(error, "a request line was expected, not an empty line");
		}
		if (i >= 3 && memcmp(in.ptr + i - 3, "\r\n\r\n", 4) == 0) {
			*head_len_out = i + 1;
			return SW_OK;
		}
	}
	*scanned_io = in.len;
	if (in.len >= SW_HTTP1_HEAD_BYTES_MAX) {
		return refuse(error, SW_ELIMIT, 431, "the head of the message is larger than 8192 bytes");
	}
	return SW_EAGAIN;
}

static struct sw_bytes take_line(struct sw_bytes *rest_io)
{
	struct sw_bytes line = cut(rest_io, '\n');
	line.len -= line.len ? 1 : 0; /* CR, checked by find_end */
	return line;
}

static int parse_version(struct sw_bytes text, struct sw_http1_head *head, struct sw_http1_error *error)
{
	if (sw_bytes_equal_str(text, "HTTP/1.1") || sw_bytes_equal_str(text, "HTTP/1.0")) {
		head->minor = text.ptr[7] - '0';
		return SW_OK;
	}
	if (text.len >= 5 && memcmp(text.ptr, "HTTP/", 5) == 0) {
		return refuse(error, SW_EVERSION, 505, "HTTP/1.1 was expected");
	}
	return bad(error, "the request line must be METHOD target HTTP/1.1");
}

static bool starts_with(struct sw_bytes text, const char *prefix)
{
	size_t len = strlen(prefix);
	return text.len >= len && sw_bytes_equal_nocase(sw_bytes(text.ptr, len), prefix);
}

static int parse_target(struct sw_bytes target, struct sw_http1_head *head, struct sw_http1_error *error)
{
	for (size_t i = 0; i < target.len; i++) {
		if (target.ptr[i] <= ' ' || target.ptr[i] >= 0x7f || target.ptr[i] == '#') {
			return bad(error, "the request target has characters that must be percent-encoded");
		}
	}
	/* absolute-form: the path begins after the authority */
	size_t scheme = starts_with(target, "http://") ? 7 : starts_with(target, "https://") ? 8 : 0;
	if (scheme) {
		const uint8_t *slash = memchr(target.ptr + scheme, '/', target.len - scheme);
		if (!slash) {
			return bad(error, "the request target must have a path");
		}
		target = sw_bytes(slash, target.len - (size_t)(slash - target.ptr));
	}
	bool asterisk = sw_bytes_equal_str(target, "*") && sw_bytes_equal_str(head->method, "OPTIONS");
	if (!asterisk && (target.len == 0 || target.ptr[0] != '/')) {
		return bad(error, "the request target must start with '/'");
	}
	head->path = cut(&target, '?');
	head->query = target;
	return SW_OK;
}

static int parse_request_line(struct sw_bytes line, struct sw_http1_head *head, struct sw_http1_error *error)
{
	head->method = cut(&line, ' ');
	struct sw_bytes target = cut(&line, ' ');
	if (head->method.len == 0 || head->method.len > METHOD_LEN_MAX) {
		return bad(error, "the request line must be METHOD target HTTP/1.1");
	}
	for (size_t i = 0; i < head->method.len; i++) {
		if (head->method.ptr[i] < 'A' || head->method.ptr[i] > 'Z') {
			return bad(error, "the method must be in upper case letters");
		}
	}
	int rc = parse_version(line, head, error);
	return rc ? rc : parse_target(target, head, error);
}

static bool has_control_chars(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((text.ptr[i] < ' ' && text.ptr[i] != '\t') || text.ptr[i] == 0x7f) {
			return true;
		}
	}
	return false;
}

static int parse_status_line(struct sw_bytes line, struct sw_http1_head *head, struct sw_http1_error *error)
{
	struct sw_bytes version = cut(&line, ' ');
	struct sw_bytes status = cut(&line, ' ');
	uint64_t value;
	if (status.len != 3 || sw_bytes_to_u64(status, &value) != SW_OK || value < 100) {
		return bad(error, "the status line must be HTTP/1.1 and three digits");
	}
	if (has_control_chars(line)) {
		return bad(error, "the reason phrase has control characters");
	}
	head->status = (int)value;
	return parse_version(version, head, error);
}

static int parse_header(struct sw_bytes line, struct sw_http1_head *head, struct sw_http1_error *error)
{
	if (is_blank(line.ptr[0])) {
		return bad(error, "folded header lines are not accepted");
	}
	if (head->header_count == SW_HTTP1_HEADERS_MAX) {
		return refuse(error, SW_ELIMIT, 431, "more than 100 header lines");
	}
	const uint8_t *colon = memchr(line.ptr, ':', line.len);
	if (!colon) {
		return bad(error, "a header line has no colon");
	}
	struct sw_bytes name = cut(&line, ':');
	if (!is_token(name)) {
		return bad(error, "a header name has characters that are not allowed (or a space before the colon)");
	}
	struct sw_bytes value = trim(line);
	if (has_control_chars(value)) {
		return bad(error, "a header value has control characters");
	}
	head->headers[head->header_count++] = (struct sw_http1_header){name, value};
	return SW_OK;
}

static int parse_headers(struct sw_bytes rest, struct sw_http1_head *head, struct sw_http1_error *error)
{
	for (;;) {
		struct sw_bytes line = take_line(&rest);
		if (line.len == 0) {
			return SW_OK;
		}
		int rc = parse_header(line, head, error);
		if (rc) {
			return rc;
		}
	}
}

/* Where the body ends: the place of request smuggling, so each odd case is an error. */
static int read_framing(struct sw_http1_head *head, struct sw_http1_error *error)
{
	size_t lengths = sw_http1_count(head, "content-length");
	size_t codings = sw_http1_count(head, "transfer-encoding");
	head->content_length = -1;
	if (lengths > 1) {
		return bad(error, "more than one Content-Length");
	}
	if (codings > 1 || (codings && (lengths || head->minor == 0))) {
		return bad(error, "Transfer-Encoding is repeated, or together with Content-Length or HTTP/1.0");
	}
	if (codings) {
		if (!sw_bytes_equal_nocase(sw_http1_header(head, "transfer-encoding"), "chunked")) {
			return refuse(error, SW_EPARSE, 501, "the only Transfer-Encoding known is chunked");
		}
		head->chunked = true;
	}
	if (lengths) {
		uint64_t value;
		if (sw_bytes_to_u64(sw_http1_header(head, "content-length"), &value) != SW_OK || value > INT64_MAX) {
			return bad(error, "Content-Length must be a decimal number");
		}
		head->content_length = (int64_t)value;
	}
	return SW_OK;
}

static int read_request_rules(struct sw_http1_head *head, struct sw_http1_error *error)
{
	size_t hosts = sw_http1_count(head, "host");
	if (hosts > 1 || (hosts == 0 && head->minor == 1)) {
		return bad(error, "exactly one Host header was expected");
	}
	if (sw_http1_count(head, "expect")) {
		if (!sw_bytes_equal_nocase(sw_http1_header(head, "expect"), "100-continue")) {
			return refuse(error, SW_EPARSE, 417, "the only expectation known is 100-continue");
		}
		head->expect_continue = head->minor == 1;
	}
	return SW_OK;
}

typedef int (*first_line_fn)(struct sw_bytes line, struct sw_http1_head *head, struct sw_http1_error *error);

static int parse(struct sw_bytes text, first_line_fn first_line, struct sw_http1_head *head,
		 struct sw_http1_error *error)
{
	/* All but the table at the end: 3.2 KB that header_count bounds. */
	memset(head, 0, offsetof(struct sw_http1_head, headers));
	int rc = first_line(take_line(&text), head, error);
	if (rc == SW_OK) {
		rc = parse_headers(text, head, error);
	}
	if (rc == SW_OK) {
		rc = read_framing(head, error);
	}
	if (rc == SW_OK) {
		head->upgrade = sw_http1_has_token(head, "connection", "upgrade");
		head->keep_alive = head->minor == 1 && !sw_http1_has_token(head, "connection", "close");
	}
	return rc;
}

int sw_http1_parse_request(struct sw_bytes in, size_t *scanned_io, struct sw_http1_head *head_out, size_t *head_len_out,
			   struct sw_http1_error *error_out)
{
	int rc = find_end(in, scanned_io, head_len_out, error_out);
	if (rc == SW_OK) {
		rc = parse(sw_bytes(in.ptr, *head_len_out), parse_request_line, head_out, error_out);
	}
	return rc == SW_OK ? read_request_rules(head_out, error_out) : rc;
}

int sw_http1_parse_response(struct sw_bytes in, size_t *scanned_io, struct sw_http1_head *head_out,
			    size_t *head_len_out, struct sw_http1_error *error_out)
{
	int rc = find_end(in, scanned_io, head_len_out, error_out);
	return rc ? rc : parse(sw_bytes(in.ptr, *head_len_out), parse_status_line, head_out, error_out);
}

struct sw_bytes sw_http1_header(const struct sw_http1_head *head, const char *name)
{
	for (size_t i = 0; i < head->header_count; i++) {
		if (sw_bytes_equal_nocase(head->headers[i].name, name)) {
			return head->headers[i].value;
		}
	}
	return (struct sw_bytes){NULL, 0};
}

size_t sw_http1_count(const struct sw_http1_head *head, const char *name)
{
	size_t count = 0;
	for (size_t i = 0; i < head->header_count; i++) {
		count += sw_bytes_equal_nocase(head->headers[i].name, name);
	}
	return count;
}

bool sw_http1_has_token(const struct sw_http1_head *head, const char *name, const char *token)
{
	for (size_t i = 0; i < head->header_count; i++) {
		struct sw_bytes list = head->headers[i].value;
		if (!sw_bytes_equal_nocase(head->headers[i].name, name)) {
			continue;
		}
		while (list.len) {
			if (sw_bytes_equal_nocase(trim(cut(&list, ',')), token)) {
				return true;
			}
		}
	}
	return false;
}
