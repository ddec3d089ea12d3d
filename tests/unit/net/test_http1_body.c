/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked bodies at every split, percent-decoding, answers and problem documents. */
#include "net/http1.h"

#include <surewire/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BODY_MAX = 40 };

static int feed_all(struct sw_http1_chunked *c, struct sw_bytes in, size_t first, size_t step, struct sw_buf *body)
{
	size_t at = 0;
	size_t n = first;
	int rc = SW_EAGAIN;
	while (at < in.len && rc == SW_EAGAIN) {
		n = n < in.len - at ? n : in.len - at;
		size_t used;
		rc = sw_http1_chunked_feed(c, sw_bytes(in.ptr + at, n), body, &used);
		assert_true(used <= n && (rc != SW_EAGAIN || used == n));
		at += used;
		n = step;
	}
	if (rc == SW_OK) {
		assert_int_equal(at + strlen("NEXT"), in.len);
	}
	return rc;
}

static void chunked(const char *text, int expected_rc, const char *expected)
{
	struct sw_bytes in = sw_bytes_str(text);
	for (size_t split = 1; split <= in.len; split++) {
		for (size_t step = 1; step <= in.len; step += in.len > 1 ? in.len - 1 : 1) {
			struct sw_http1_chunked c = {0};
			struct sw_buf body;
			sw_buf_init(&body, BODY_MAX);
			assert_int_equal(feed_all(&c, in, split, step, &body), expected_rc);
			if (expected) {
				assert_string_equal(sw_buf_cstr(&body), expected);
			}
			sw_buf_release(&body);
		}
	}
}

static void chunked_feed__well_formed__body_and_what_follows_stays(void **state)
{
	(void)state;
	chunked("0\r\n\r\nNEXT", SW_OK, "");
	chunked("5\r\nhello\r\n0\r\n\r\nNEXT", SW_OK, "hello");
	chunked("1\r\na\r\n0A\r\n0123456789\r\n000\r\n\r\nNEXT", SW_OK, "a0123456789");
	chunked("3;name=value\r\nabc\r\n0;x\r\nTrailer: t\r\nOther: u\r\n\r\nNEXT", SW_OK, "abc");
	chunked("f\r\n123456789012345\r\n", SW_EAGAIN, "123456789012345");
}

static void chunked_feed__malformed__refused(void **state)
{
	(void)state;
	chunked("g\r\n", SW_EPARSE, NULL);
	chunked("\r\n", SW_EPARSE, NULL);
	chunked(" 5\r\nhello\r\n", SW_EPARSE, NULL);
	chunked("5\nhello\r\n0\r\n\r\n", SW_EPARSE, NULL);
	chunked("5\r\nhelloX\r\n", SW_EPARSE, NULL);
	chunked("5\r\nhello\rX", SW_EPARSE, NULL);
	chunked("5\r\nhello\n", SW_EPARSE, NULL);
	chunked("5;a\nb\r\n", SW_EPARSE, NULL);
	chunked("-1\r\n", SW_EPARSE, NULL);
	chunked("0\r\nTrailer\n\r\n", SW_EPARSE, NULL);
}

static void chunked_feed__too_large__limit(void **state)
{
	(void)state;
	chunked("FFFFFFFFFFFFFFFFF\r\n", SW_ELIMIT, NULL);
	chunked("29\r\n12345678901234567890123456789012345678901\r\n", SW_ELIMIT, NULL);
	struct sw_buf text;
	sw_buf_init(&text, 10000);
	sw_buf_put_str(&text, "1;");
	for (int i = 0; i < 300; i++) {
		sw_buf_put_char(&text, 'x');
	}
	struct sw_http1_chunked c = {0};
	struct sw_buf body;
	size_t used;
	sw_buf_init(&body, BODY_MAX);
	assert_int_equal(sw_http1_chunked_feed(&c, sw_buf_bytes(&text), &body, &used), SW_ELIMIT);
	sw_buf_clear(&text);
	sw_buf_put_str(&text, "0\r\n");
	for (int i = 0; i < 900; i++) {
		sw_buf_put_str(&text, "X: y\r\n");
	}
	c = (struct sw_http1_chunked){0};
	assert_int_equal(sw_http1_chunked_feed(&c, sw_buf_bytes(&text), &body, &used), SW_ELIMIT);
	sw_buf_release(&text);
	sw_buf_release(&body);
}

static void decode(const char *text, bool plus, int expected_rc, const char *expected)
{
	struct sw_buf out;
	sw_buf_init(&out, 16);
	assert_int_equal(sw_http1_percent_decode(sw_bytes_str(text), plus, &out), expected_rc);
	if (expected_rc == SW_OK) {
		assert_string_equal(sw_buf_cstr(&out), expected);
	}
	sw_buf_release(&out);
}

static void percent_decode__good_and_bad__as_specified(void **state)
{
	(void)state;
	decode("", false, SW_OK, "");
	decode("/a%2Fb%c3%A9", false, SW_OK, "/a/bé");
	decode("a+b%2B", true, SW_OK, "a b+");
	decode("a+b", false, SW_OK, "a+b");
	decode("%", false, SW_EPARSE, NULL);
	decode("%4", false, SW_EPARSE, NULL);
	decode("%4g", false, SW_EPARSE, NULL);
	decode("%00", false, SW_EPARSE, NULL);
	decode("12345678901234567", false, SW_ELIMIT, NULL);
}

static void query_param__by_name__first_exact_match(void **state)
{
	(void)state;
	static const char query[] = "ab=no&a=1%202&a=second&flag&empty=&bad=%zz";
	static const struct {
		const char *name;
		int rc;
		const char *value;
	} rows[] = {{"a", SW_OK, "1 2"},
		    {"flag", SW_OK, ""},
		    {"empty", SW_OK, ""},
		    {"b", SW_ENOTFOUND, ""},
		    {"bad", SW_EPARSE, NULL}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_buf out;
		sw_buf_init(&out, 16);
		assert_int_equal(sw_http1_query_param(sw_bytes_str(query), rows[i].name, &out), rows[i].rc);
		if (rows[i].value) {
			assert_string_equal(sw_buf_cstr(&out), rows[i].value);
		}
		sw_buf_release(&out);
	}
}

static void expect_response(const struct sw_http1_response *res, const char *expected)
{
	struct sw_buf out;
	sw_buf_init(&out, 1000);
	sw_http1_put_response(&out, res);
	assert_string_equal(sw_buf_cstr(&out), expected);
	sw_buf_release(&out);
}

static void put_response__kinds__exact_bytes(void **state)
{
	(void)state;
	expect_response(
		&(struct sw_http1_response){
			.status = 200, .content_type = "text/plain", .body = sw_bytes_str("hi"), .keep_alive = true},
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi");
	expect_response(
		&(struct sw_http1_response){.status = 429, .extra = "Retry-After: 1\r\n"},
		"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	expect_response(&(struct sw_http1_response){.status = 204, .body = sw_bytes_str("no"), .keep_alive = true},
			"HTTP/1.1 204 No Content\r\n\r\n");
	expect_response(
		&(struct sw_http1_response){
			.status = 200, .body = sw_bytes_str("hi"), .keep_alive = true, .head_only = true},
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
	expect_response(&(struct sw_http1_response){.status = 200, .keep_alive = true, .chunked = true},
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_string_equal(sw_http1_reason(799), "Unknown");
}

static void put_problem__text_that_needs_escapes__valid_json(void **state)
{
	(void)state;
	struct sw_buf out;
	struct sw_diag diag = {0};
	json_t *value;
	sw_buf_init(&out, 1000);
	sw_http1_put_problem(&out, 409, "cid_reused", "say \"no\"\n\\ é");
	assert_int_equal(sw_json_parse(sw_buf_bytes(&out), 4, &value, &diag), SW_OK);
	assert_string_equal(json_string_value(json_object_get(value, "title")), "Conflict");
	assert_string_equal(json_string_value(json_object_get(value, "type")), "about:blank");
	assert_string_equal(json_string_value(json_object_get(value, "code")), "cid_reused");
	assert_string_equal(json_string_value(json_object_get(value, "detail")), "say \"no\"\n\\ é");
	assert_int_equal(json_integer_value(json_object_get(value, "status")), 409);
	json_decref(value);
	sw_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunked_feed__well_formed__body_and_what_follows_stays),
		cmocka_unit_test(chunked_feed__malformed__refused),
		cmocka_unit_test(chunked_feed__too_large__limit),
		cmocka_unit_test(percent_decode__good_and_bad__as_specified),
		cmocka_unit_test(query_param__by_name__first_exact_match),
		cmocka_unit_test(put_response__kinds__exact_bytes),
		cmocka_unit_test(put_problem__text_that_needs_escapes__valid_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
