/* SPDX-License-Identifier: Apache-2.0 */
#include <surewire/bytes.h>
#include <surewire/err.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void equal__same_other_and_empty__as_expected(void **state)
{
	(void)state;
	struct sw_bytes none = {NULL, 0};
	assert_true(sw_bytes_equal(sw_bytes_str("abc"), sw_bytes("abcd", 3)));
	assert_false(sw_bytes_equal(sw_bytes_str("abc"), sw_bytes_str("abd")));
	assert_false(sw_bytes_equal(sw_bytes_str("abc"), sw_bytes_str("ab")));
	assert_true(sw_bytes_equal(none, sw_bytes_str("")));
	assert_true(sw_bytes_equal(sw_bytes_str(NULL), none));
	assert_true(sw_bytes_equal_str(sw_bytes_str("x"), "x"));
	assert_false(sw_bytes_equal(sw_bytes("a\0b", 3), sw_bytes("a\0c", 3)));
}

static void equal_nocase__ascii_only__as_expected(void **state)
{
	(void)state;
	assert_true(sw_bytes_equal_nocase(sw_bytes_str("Content-Length"), "content-LENGTH"));
	assert_false(sw_bytes_equal_nocase(sw_bytes_str("Content-Lengt"), "content-length"));
	assert_false(sw_bytes_equal_nocase(sw_bytes_str("content-lengths"), "content-length"));
	assert_true(sw_bytes_equal_nocase(sw_bytes(NULL, 0), ""));
}

static void equal_secret__same_and_other__as_expected(void **state)
{
	(void)state;
	assert_true(sw_bytes_equal_secret(sw_bytes_str("key"), sw_bytes_str("key")));
	assert_false(sw_bytes_equal_secret(sw_bytes_str("key"), sw_bytes_str("kez")));
	assert_false(sw_bytes_equal_secret(sw_bytes_str("key"), sw_bytes_str("keys")));
	assert_true(sw_bytes_equal_secret(sw_bytes(NULL, 0), sw_bytes(NULL, 0)));
}

static void to_u64__bounds_and_bad_text__value_or_parse_error(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		uint64_t value;
	} rows[] = {
		{"0", SW_OK, 0},
		{"007", SW_OK, 7},
		{"18446744073709551615", SW_OK, UINT64_MAX},
		{"18446744073709551616", SW_EPARSE, 0},
		{"18446744073709551620", SW_EPARSE, 0},
		{"99999999999999999999", SW_EPARSE, 0},
		{"000000000000000000001", SW_EPARSE, 0},
		{"", SW_EPARSE, 0},
		{"+1", SW_EPARSE, 0},
		{"-1", SW_EPARSE, 0},
		{" 1", SW_EPARSE, 0},
		{"1 ", SW_EPARSE, 0},
		{"1a", SW_EPARSE, 0},
		{"0x1", SW_EPARSE, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 77;
		assert_int_equal(sw_bytes_to_u64(sw_bytes_str(rows[i].text), &value), rows[i].rc);
		assert_true(value == (rows[i].rc ? 77 : rows[i].value));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal__same_other_and_empty__as_expected),
		cmocka_unit_test(equal_nocase__ascii_only__as_expected),
		cmocka_unit_test(equal_secret__same_and_other__as_expected),
		cmocka_unit_test(to_u64__bounds_and_bad_text__value_or_parse_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
