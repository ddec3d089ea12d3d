/* SPDX-License-Identifier: Apache-2.0 */
/* Heads, whole and at every split: a prefix is incomplete or refused the same way, and never accepted. */
#include "net/http1.h"

#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(struct sw_bytes got, const char *expected)
{
	if (!sw_bytes_equal_str(got, expected)) {
		fail_msg("got \"%.*s\", expected \"%s\"", SW_BYTES_FMT(got), expected);
	}
}

/* From memory of exactly that size. */
static int parse_at(struct sw_bytes in, size_t *scanned_io, struct sw_http1_head *head, struct sw_http1_error *error)
{
	uint8_t *copy = sw_xmemdup(in.ptr, in.len);
	size_t head_len = 0;
	int rc = sw_http1_parse_request(sw_bytes(copy, in.len), scanned_io, head, &head_len, error);
	if (rc == SW_OK) {
		assert_true(head_len <= in.len);
	}
	free(copy);
	return rc;
}

/* Grows byte by byte with the scan position kept, as a connection does. */
static int parse_grown(struct sw_bytes in, struct sw_http1_head *head, struct sw_http1_error *error)
{
	size_t scanned = 0;
	for (size_t len = 1; len <= in.len; len++) {
		int rc = parse_at(sw_bytes(in.ptr, len), &scanned, head, error);
		if (rc != SW_EAGAIN) {
			return rc;
		}
	}
	return SW_EAGAIN;
}

static void accept(const char *text, struct sw_http1_head *head)
{
	struct sw_http1_error error;
	size_t head_len;
	size_t len = strlen(text);
	for (size_t split = 0; split < len; split++) {
		size_t scanned = 0;
		assert_int_equal(parse_at(sw_bytes(text, split), &scanned, head, &error), SW_EAGAIN);
		int rc = sw_http1_parse_request(sw_bytes(text, len), &scanned, head, &head_len, &error);
		assert_int_equal(rc, SW_OK);
		assert_int_equal(head_len, len);
	}
	struct sw_http1_head grown;
	assert_int_equal(parse_grown(sw_bytes_str(text), &grown, &error), SW_OK);
	/* What follows belongs to the body or the next request. */
	char *more = sw_xasprintf("%sGET /next", text);
	size_t scanned = 0;
	assert_int_equal(sw_http1_parse_request(sw_bytes_str(more), &scanned, &grown, &head_len, &error), SW_OK);
	assert_int_equal(head_len, len);
	free(more);
}

static void refuse(const char *text, size_t len, int status)
{
	struct sw_http1_head head;
	struct sw_http1_error error = {0};
	size_t scanned = 0;
	int rc = parse_at(sw_bytes(text, len), &scanned, &head, &error);
	assert_true(rc == SW_EPARSE || rc == SW_ELIMIT || rc == SW_EVERSION);
	assert_int_equal(error.status, status);
	assert_true(error.detail && error.detail[0]);
	error = (struct sw_http1_error){0};
	assert_int_equal(parse_grown(sw_bytes(text, len), &head, &error), rc);
	assert_int_equal(error.status, status);
}
#define REFUSE(status, text) refuse((text), sizeof(text) - 1, (status))

static void parse_request__ordinary__all_parts(void **state)
{
	(void)state;
	struct sw_http1_head head;
	accept("POST /v1/messages?a=1&b=%20 HTTP/1.1\r\nHost: example\r\nX-One:  padded value \t\r\nx-two:\r\n"
	       "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\n",
	       &head);
	expect_text(head.method, "POST");
	expect_text(head.path, "/v1/messages");
	expect_text(head.query, "a=1&b=%20");
	expect_text(sw_http1_header(&head, "x-one"), "padded value");
	expect_text(sw_http1_header(&head, "X-TWO"), "");
	assert_null(sw_http1_header(&head, "x-three").ptr);
	assert_int_equal(head.header_count, 5);
	assert_int_equal(head.content_length, 12);
	assert_false(head.chunked);
	assert_true(head.keep_alive);
	assert_true(head.expect_continue);
	assert_false(head.upgrade);
}

static void parse_request__connection_tokens__understood(void **state)
{
	(void)state;
	struct sw_http1_head head;
	accept("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, ,\tUpgrade\r\n\r\n", &head);
	assert_true(head.upgrade && head.keep_alive);
	assert_int_equal(head.content_length, -1);
	accept("GET / HTTP/1.1\r\nHost: h\r\nConnection: x\r\nConnection: Close\r\n\r\n", &head);
	assert_false(head.keep_alive);
	accept("GET / HTTP/1.1\r\nHost: h\r\nConnection: closed, upgrades\r\n\r\n", &head);
	assert_true(head.keep_alive && !head.upgrade);
	accept("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &head);
	assert_false(head.keep_alive);
	accept("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n", &head);
	assert_true(head.chunked);
}

static void parse_request__target_forms__path_and_query(void **state)
{
	(void)state;
	struct sw_http1_head head;
	accept("GET http://example:80/a?b?c HTTP/1.1\r\nHost: example\r\n\r\n", &head);
	expect_text(head.path, "/a");
	expect_text(head.query, "b?c");
	accept("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", &head);
	expect_text(head.path, "*");
	accept("GET /? HTTP/1.1\r\nHost: h\r\n\r\n", &head);
	expect_text(head.path, "/");
	expect_text(head.query, "");
}

static void parse_request__malformed_lines__400(void **state)
{
	(void)state;
	REFUSE(400, "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\nHost: h\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHost: h\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHost: h\r\rX: y\r\n\r\n");
	REFUSE(400, "GET /\r\nHost: h\r\n\r\n");
	REFUSE(400, " GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(505, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n");
	REFUSE(400, "get / HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "GET / ICY/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "GET * HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(400, "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n");
	REFUSE(505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n");
	REFUSE(505, "GET / HTTP/1.2\r\nHost: h\r\n\r\n");
}

static void parse_request__malformed_headers__400(void **state)
{
	(void)state;
	REFUSE(400, "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHost: h\r\n\tfolded: x\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHost : h\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHost\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\n: h\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHo st: h\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHo(st: h\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHost: h\r\nX\0: b\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHost: h\r\nX: a\x7f\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\n\r\n");
	REFUSE(400, "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n");
	REFUSE(417, "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n");
}

static void parse_request__framing_that_two_readers_see_differently__refused(void **state)
{
	(void)state;
	REFUSE(400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n");
	REFUSE(400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n");
	REFUSE(400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n");
	REFUSE(400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n");
	REFUSE(400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\n");
	REFUSE(400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n");
	REFUSE(400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n");
	REFUSE(400, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
	REFUSE(400, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
	REFUSE(400, "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
	REFUSE(501, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
	REFUSE(501, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n");
	REFUSE(501, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n");
}

static void parse_request__too_many_headers__431(void **state)
{
	(void)state;
	struct sw_http1_head head;
	struct sw_buf text;
	sw_buf_init(&text, 10000);
	sw_buf_put_str(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
	for (int i = 1; i < SW_HTTP1_HEADERS_MAX; i++) {
		sw_buf_put_str(&text, "X: y\r\n");
	}
	size_t most = text.len;
	sw_buf_put_str(&text, "\r\n");
	accept(sw_buf_cstr(&text), &head);
	assert_int_equal(head.header_count, SW_HTTP1_HEADERS_MAX);
	text.len = most;
	sw_buf_put_str(&text, "X: y\r\n\r\n");
	refuse((const char *)text.ptr, text.len, 431);
	sw_buf_release(&text);
}

static void parse_request__larger_than_8_kib__431(void **state)
{
	(void)state;
	struct sw_http1_head head;
	struct sw_http1_error error;
	char text[SW_HTTP1_HEAD_BYTES_MAX + 1];
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\nHost: h\r\nX: ", 28);
	memcpy(text + SW_HTTP1_HEAD_BYTES_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(parse_grown(sw_bytes(text, SW_HTTP1_HEAD_BYTES_MAX), &head, &error), SW_OK);
	memcpy(text + SW_HTTP1_HEAD_BYTES_MAX - 4, "a\r\n\r\n", 5);
	refuse(text, sizeof(text), 431);
	memset(text, 'A', sizeof(text));
	refuse(text, sizeof(text), 431);
}

static void parse_response__upgrade_answer__understood(void **state)
{
	(void)state;
	struct sw_http1_head head;
	struct sw_http1_error error;
	size_t scanned = 0;
	size_t head_len;
	static const char text[] =
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
	assert_int_equal(sw_http1_parse_response(sw_bytes(text, 20), &scanned, &head, &head_len, &error), SW_EAGAIN);
	assert_int_equal(sw_http1_parse_response(sw_bytes_str(text), &scanned, &head, &head_len, &error), SW_OK);
	assert_int_equal(head.status, 101);
	assert_true(head.upgrade);
	static const char *const bad[] = {"HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1 2000 x\r\n\r\n", "HTTP/1.1 abc x\r\n\r\n",
					  "FTP 200 x\r\n\r\n", "HTTP/1.1\r\n\r\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		scanned = 0;
		assert_int_equal(sw_http1_parse_response(sw_bytes_str(bad[i]), &scanned, &head, &head_len, &error),
				 SW_EPARSE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_request__ordinary__all_parts),
		cmocka_unit_test(parse_request__connection_tokens__understood),
		cmocka_unit_test(parse_request__target_forms__path_and_query),
		cmocka_unit_test(parse_request__malformed_lines__400),
		cmocka_unit_test(parse_request__malformed_headers__400),
		cmocka_unit_test(parse_request__framing_that_two_readers_see_differently__refused),
		cmocka_unit_test(parse_request__too_many_headers__431),
		cmocka_unit_test(parse_request__larger_than_8_kib__431),
		cmocka_unit_test(parse_response__upgrade_answer__understood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
