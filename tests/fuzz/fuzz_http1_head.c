/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of HTTP/1.1 requests and responses, and the WebSocket handshake over them. Properties: what was received in
 * pieces is judged as in one; nothing is accepted that RFC 9112 forbids or that two parsers could read in two ways. */
#include "fuzz.h"

#include "net/handshake.h"

#include <stdlib.h>
#include <string.h>

typedef int (*parse_fn)(struct sw_bytes in, size_t *scanned_io, struct sw_http1_head *head_out, size_t *head_len_out,
			struct sw_http1_error *error_out);

struct result {
	int rc;
	size_t head_len;
	struct sw_http1_head head;
	struct sw_http1_error error;
};

static struct result parse_whole(parse_fn parse, struct sw_bytes in)
{
	struct result result = {.head_len = 0};
	size_t scanned = 0;
	result.rc = parse(in, &scanned, &result.head, &result.head_len, &result.error);
	return result;
}

/* As received: more and more of it, until there is a verdict. */
static struct result parse_growing(parse_fn parse, struct sw_bytes in)
{
	struct result result = {.rc = SW_EAGAIN};
	struct fuzz_splits splits = fuzz_splits_new(in);
	size_t scanned = 0;
	size_t have = 0;
	while (result.rc == SW_EAGAIN && have < in.len) {
		have += fuzz_split(&splits, in.len - have);
		uint8_t *copy = fuzz_copy(sw_bytes(in.ptr, have));
		result.rc = parse(sw_bytes(copy, have), &scanned, &result.head, &result.head_len, &result.error);
		free(copy);
	}
	return result;
}

static bool is_token(struct sw_bytes text)
{
	static const char separators[] = "\"(),/:;<=>?@[\\]{}";
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || strchr(separators, text.ptr[i])) {
			return false;
		}
	}
	return text.len > 0;
}

/* Lines end in CR LF and nothing else, none is empty but the last, none is folded, no byte is NUL. */
static void check_lines(struct sw_bytes head)
{
	FUZZ_CHECK(head.len >= 4 && memcmp(head.ptr + head.len - 4, "\r\n\r\n", 4) == 0);
	for (size_t i = 0; i < head.len; i++) {
		uint8_t before = i ? head.ptr[i - 1] : '\n';
		FUZZ_CHECK(head.ptr[i] != '\0');
		FUZZ_CHECK((head.ptr[i] == '\n') == (i > 0 && before == '\r'));
		FUZZ_CHECK(i == 0 || before != '\n' || (head.ptr[i] != ' ' && head.ptr[i] != '\t'));
		FUZZ_CHECK(before != '\n' || head.ptr[i] != '\r' || i == head.len - 2);
	}
}

static void check_headers(const struct sw_http1_head *head, struct sw_bytes whole)
{
	for (size_t i = 0; i < head->header_count; i++) {
		FUZZ_CHECK(is_token(head->headers[i].name) && fuzz_within(head->headers[i].name, whole));
		FUZZ_CHECK(fuzz_within(head->headers[i].value, whole));
	}
	size_t lengths = sw_http1_count(head, "content-length");
	size_t codings = sw_http1_count(head, "transfer-encoding");
	FUZZ_CHECK(head->header_count <= SW_HTTP1_HEADERS_MAX);
	FUZZ_CHECK(lengths + codings <= 1);
	FUZZ_CHECK((head->content_length >= 0) == (lengths == 1));
	FUZZ_CHECK(head->chunked == (codings == 1));
	FUZZ_CHECK(!head->chunked || head->minor == 1);
}

static void check_request(const struct sw_http1_head *head, struct sw_bytes whole)
{
	FUZZ_CHECK(is_token(head->method));
	FUZZ_CHECK(head->path.len > 0 && (head->path.ptr[0] == '/' || head->path.ptr[0] == '*'));
	FUZZ_CHECK(fuzz_within(head->path, whole) && fuzz_within(head->query, whole));
	for (size_t i = 0; i < head->path.len; i++) {
		FUZZ_CHECK(head->path.ptr[i] > ' ' && head->path.ptr[i] < 0x7f && head->path.ptr[i] != '?');
	}
	FUZZ_CHECK(sw_http1_count(head, "host") <= 1);
	FUZZ_CHECK(head->minor == 0 || sw_http1_count(head, "host") == 1);

	static const char *const origins[] = {"https://chat.example", NULL};
	struct sw_handshake_rules rules = {"surewire.v1", origins};
	struct sw_http1_error error = {0};
	char accept[SW_HANDSHAKE_ACCEPT_LEN + 1] = "";
	if (sw_handshake_check(head, &rules, accept, &error) == SW_OK) {
		FUZZ_CHECK(strlen(accept) == SW_HANDSHAKE_ACCEPT_LEN && head->upgrade);
		FUZZ_CHECK(sw_http1_has_token(head, "sec-websocket-protocol", "surewire.v1"));
	} else {
		FUZZ_CHECK(error.status >= 400 && error.status < 500 && error.detail);
	}
}

static void try_parser(parse_fn parse, struct sw_bytes in)
{
	struct result whole = parse_whole(parse, in);
	struct result growing = parse_growing(parse, in);
	FUZZ_CHECK(whole.rc == growing.rc || in.len == 0);
	if (whole.rc == SW_EAGAIN) {
		FUZZ_CHECK(in.len < SW_HTTP1_HEAD_BYTES_MAX);
		return;
	}
	if (whole.rc != SW_OK) {
		FUZZ_CHECK(whole.error.status >= 400 && whole.error.status < 600 && whole.error.detail);
		FUZZ_CHECK(whole.error.status == growing.error.status);
		return;
	}
	struct sw_bytes head = sw_bytes(in.ptr, whole.head_len);
	FUZZ_CHECK(whole.head_len == growing.head_len && whole.head_len <= SW_HTTP1_HEAD_BYTES_MAX);
	check_lines(head);
	check_headers(&whole.head, head);
	if (parse == sw_http1_parse_request) {
		check_request(&whole.head, head);
	} else {
		FUZZ_CHECK(whole.head.status >= 100 && whole.head.status <= 999);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(sw_bytes(data, size));
	try_parser(sw_http1_parse_request, sw_bytes(copy, size));
	try_parser(sw_http1_parse_response, sw_bytes(copy, size));
	free(copy);
	return 0;
}
