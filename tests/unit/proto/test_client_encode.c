/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/client_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put_event__names_that_need_escapes__valid_json(void **state)
{
	(void)state;
	struct sw_buf out;
	struct sw_event_view event = {.pos = 1,
				      .conv = INT64_MAX,
				      .seq = 3,
				      .id = 4,
				      .kind = sw_bytes_str("text"),
				      .from = sw_bytes_str("a\"\\\n"),
				      .at_ms = 1795755600123,
				      .body = sw_bytes_str("{\"text\":\"x\"}")};
	sw_buf_init(&out, 1000);
	sw_put_event(&out, &event);
	assert_string_equal(
		sw_buf_cstr(&out),
		"{\"pos\":\"1\",\"conv\":\"9223372036854775807\",\"seq\":\"3\",\"id\":\"4\",\"kind\":\"text\","
		"\"from\":\"a\\\"\\\\\\n\",\"at\":\"2026-11-27T05:00:00.123Z\",\"body\":{\"text\":\"x\"}}");
	sw_buf_release(&out);
}

static void put_time__epoch_and_milliseconds__padded(void **state)
{
	(void)state;
	static const struct {
		int64_t at_ms;
		const char *text;
	} cases[] = {{0, "\"1970-01-01T00:00:00.000Z\""},
		     {1, "\"1970-01-01T00:00:00.001Z\""},
		     {951782399999, "\"2000-02-28T23:59:59.999Z\""},
		     {951782400050, "\"2000-02-29T00:00:00.050Z\""},
		     {951782400999, "\"2000-02-29T00:00:00.999Z\""},
		     {0, "\"1970-01-01T00:00:00.000Z\""}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sw_buf out;
		sw_buf_init(&out, 100);
		sw_put_time(&out, cases[i].at_ms);
		assert_string_equal(sw_buf_cstr(&out), cases[i].text);
		sw_buf_release(&out);
	}
}

static void put_id__quoted(void **state)
{
	(void)state;
	struct sw_buf out;
	sw_buf_init(&out, 100);
	sw_put_id(&out, 12345);
	assert_string_equal(sw_buf_cstr(&out), "\"12345\"");
	sw_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_event__names_that_need_escapes__valid_json),
		cmocka_unit_test(put_time__epoch_and_milliseconds__padded),
		cmocka_unit_test(put_id__quoted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
