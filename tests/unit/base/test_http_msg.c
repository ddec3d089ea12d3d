/* SPDX-License-Identifier: Apache-2.0 */
#include <surewire/http_msg.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(784111777000) /* Sun, 06 Nov 1994 08:49:37 GMT */

static int64_t retry_after(const char *value, int64_t max_ms)
{
	struct sw_http_response res = {.status = 503};
	if (value) {
		res.headers[0] = (struct sw_http_header){.name = sw_bytes_str("date"), .value = sw_bytes_str("x")};
		res.headers[1] = (struct sw_http_header){.name = sw_bytes_str("retry-after"),
							 .value = sw_bytes_str(value)};
		res.header_count = 2;
	}
	return sw_http_retry_after_ms(&res, NOW_MS, max_ms);
}

static void retry_after_ms__seconds__milliseconds_clamped(void **state)
{
	(void)state;
	assert_int_equal(retry_after("0", 60000), 0);
	assert_int_equal(retry_after("30", 60000), 30000);
	assert_int_equal(retry_after("60", 60000), 60000);
	assert_int_equal(retry_after("61", 60000), 60000);
	assert_int_equal(retry_after("18446744073709551615", 60000), 60000);
}

static void retry_after_ms__dates__difference_never_negative(void **state)
{
	(void)state;
	assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:47 GMT", 60000), 10000);
	assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 60000), 0);
	assert_int_equal(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", 60000), 0);
	assert_int_equal(retry_after("Mon, 07 Nov 1994 08:49:37 GMT", 60000), 60000);
}

static void retry_after_ms__absent_or_malformed__minus_one(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
					  "-1",
					  "1.5",
					  "soon",
					  "30 ",
					  "Sun, 06 Nov 1994 08:49:37 GMT+1",
					  "Sun, 06 Nov 1994 08:49:37",
					  "Sunday, 06-Nov-94 08:49:37 GMT",
					  "99999999999999999999999999999999999999999999"};
	assert_int_equal(retry_after(NULL, 60000), -1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(retry_after(bad[i], 60000), -1);
	}
}

static void request_add__up_to_the_limit__then_false(void **state)
{
	(void)state;
	static struct sw_http_request req;
	for (int i = 0; i < SW_HTTP_HEADERS_MAX; i++) {
		assert_true(sw_http_request_add(&req, "name", sw_bytes_str("value"), i == 0));
	}
	assert_false(sw_http_request_add(&req, "name", sw_bytes_str("value"), false));
	assert_int_equal(req.header_count, SW_HTTP_HEADERS_MAX);
	assert_true(req.headers[0].no_index && !req.headers[1].no_index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_after_ms__seconds__milliseconds_clamped),
		cmocka_unit_test(retry_after_ms__dates__difference_never_negative),
		cmocka_unit_test(retry_after_ms__absent_or_malformed__minus_one),
		cmocka_unit_test(request_add__up_to_the_limit__then_false),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
