/* SPDX-License-Identifier: Apache-2.0 */
#include <surewire/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put_string__every_ascii_character__jansson_reads_it_back(void **state)
{
	(void)state;
	char text[130];
	for (int i = 0; i < 127; i++) {
		text[i] = (char)(i + 1);
	}
	memcpy(text + 127, "é", 3);
	struct sw_buf buf;
	json_t *value;
	sw_buf_init(&buf, 2000);
	sw_json_put_cstr(&buf, text);
	assert_int_equal(sw_json_parse(sw_buf_bytes(&buf), 1, &value, NULL), SW_OK);
	assert_string_equal(json_string_value(value), text);
	json_decref(value);
	sw_buf_clear(&buf);
	sw_json_put_string(&buf, sw_bytes("a\0b", 3));
	assert_string_equal(sw_buf_cstr(&buf), "\"a\\u0000b\"");
	sw_buf_clear(&buf);
	sw_json_put_cstr(&buf, "q\"\\\b\f\n\r\t/\x1f");
	assert_string_equal(sw_buf_cstr(&buf), "\"q\\\"\\\\\\b\\f\\n\\r\\t/\\u001f\"");
	sw_buf_clear(&buf);
	sw_json_put_string(&buf, sw_bytes(NULL, 0));
	assert_string_equal(sw_buf_cstr(&buf), "\"\"");
	sw_buf_release(&buf);
}

static void parse__bad_texts__error_with_a_reason(void **state)
{
	(void)state;
	static const char *const bad[] = {"",         "{",    "{} {}",     "{\"a\":1,\"a\":2}", "nul",
					  "\"\xff\"", "[1,]", "{\"a\" 1}", "\"\\ud800\""};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *value = NULL;
		struct sw_diag diag = {0};
		assert_int_equal(sw_json_parse(sw_bytes_str(bad[i]), 8, &value, &diag), SW_EPARSE);
		assert_string_not_equal(diag.text, "");
		assert_null(value);
	}
}

static int parse_depth(const char *text, int max_depth)
{
	json_t *value = NULL;
	int rc = sw_json_parse(sw_bytes_str(text), max_depth, &value, NULL);
	json_decref(value);
	return rc;
}

static void parse__depth__brackets_in_strings_do_not_count(void **state)
{
	(void)state;
	assert_int_equal(parse_depth("[[{}]]", 3), SW_OK);
	assert_int_equal(parse_depth("[[{}]]", 2), SW_ELIMIT);
	assert_int_equal(parse_depth("[\"[[[[\\\"[[\"]", 1), SW_OK);
	assert_int_equal(parse_depth("[[],[],[]]", 2), SW_OK);
	assert_int_equal(parse_depth("1", 0), SW_OK);
	char deep[200001];
	memset(deep, '[', sizeof(deep) - 1);
	deep[200000] = '\0';
	assert_int_equal(parse_depth(deep, 16), SW_ELIMIT);
}

static void get_str__present_absent_and_other_type__text_or_empty(void **state)
{
	(void)state;
	json_t *value;
	assert_int_equal(sw_json_parse(sw_bytes_str("{\"s\":\"te\\u0000xt\",\"n\":1,\"e\":\"\"}"), 2, &value, NULL),
			 SW_EPARSE);
	assert_int_equal(sw_json_parse(sw_bytes_str("{\"s\":\"text\",\"n\":1,\"e\":\"\"}"), 2, &value, NULL), SW_OK);
	assert_true(sw_bytes_equal_str(sw_json_get_str(value, "s"), "text"));
	assert_null(sw_json_get_str(value, "n").ptr);
	assert_null(sw_json_get_str(value, "absent").ptr);
	assert_non_null(sw_json_get_str(value, "e").ptr);
	assert_null(sw_json_get_str(NULL, "s").ptr);
	json_decref(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_string__every_ascii_character__jansson_reads_it_back),
		cmocka_unit_test(parse__bad_texts__error_with_a_reason),
		cmocka_unit_test(parse__depth__brackets_in_strings_do_not_count),
		cmocka_unit_test(get_str__present_absent_and_other_type__text_or_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
