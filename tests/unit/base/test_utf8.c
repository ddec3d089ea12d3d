/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The definition, by code point: encodes and compares. */
static size_t encode(uint32_t cp, uint8_t out[4])
{
	if (cp < 0x80) {
		out[0] = (uint8_t)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (uint8_t)(0xc0 | cp >> 6);
		out[1] = (uint8_t)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (uint8_t)(0xe0 | cp >> 12);
		out[1] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | cp >> 18);
	out[1] = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (cp & 0x3f));
	return 4;
}

static void valid__every_code_point__all_but_surrogates(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		uint8_t bytes[4];
		size_t len = encode(cp, bytes);
		bool surrogate = cp >= 0xd800 && cp <= 0xdfff;
		if (sw_utf8_valid(sw_bytes(bytes, len)) == surrogate) {
			fail_msg("U+%04X", (unsigned)cp);
		}
	}
	uint8_t bytes[4];
	assert_false(sw_utf8_valid(sw_bytes(bytes, encode(0x110000, bytes))));
}

static void valid__malformed__refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"\x80",
					  "\xbf",
					  "\xc0\x80",
					  "\xc1\xbf",
					  "\xc2",
					  "\xe0\x80\x80",
					  "\xe0\x9f\xbf",
					  "\xe2\x82",
					  "\xed\xa0\x80",
					  "\xf0\x80\x80\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xfe",
					  "\xff",
					  "a\xc3z",
					  "\xc3\xc3",
					  "\xe2\x82z",
					  "\xf0\x9f\x98z"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(sw_utf8_valid(sw_bytes_str(bad[i])));
	}
	assert_true(sw_utf8_valid(sw_bytes(NULL, 0)));
}

static void feed__every_split_of_mixed_text__same_verdict(void **state)
{
	(void)state;
	static const char text[] = "aé€😀z\xf4\x8f\xbf\xbf";
	size_t len = sizeof(text) - 1;
	for (size_t i = 0; i <= len; i++) {
		for (size_t j = i; j <= len; j++) {
			struct sw_utf8 s = {0};
			assert_true(sw_utf8_feed(&s, sw_bytes(text, i)));
			assert_true(sw_utf8_feed(&s, sw_bytes(text + i, j - i)));
			assert_true(sw_utf8_feed(&s, sw_bytes(text + j, len - j)));
			assert_true(sw_utf8_done(&s));
		}
	}
	struct sw_utf8 s = {0};
	assert_true(sw_utf8_feed(&s, sw_bytes("\xf0\x9f", 2)));
	assert_false(sw_utf8_done(&s));
	assert_false(sw_utf8_feed(&s, sw_bytes("a", 1)));
}

static void cut__every_length__longest_whole_prefix(void **state)
{
	(void)state;
	struct sw_bytes text = sw_bytes_str("aé€😀");
	static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
	for (size_t max = 0; max < sizeof(expected) / sizeof(expected[0]); max++) {
		assert_int_equal(sw_utf8_cut(text, max).len, expected[max]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid__every_code_point__all_but_surrogates),
		cmocka_unit_test(valid__malformed__refused),
		cmocka_unit_test(feed__every_split_of_mixed_text__same_verdict),
		cmocka_unit_test(cut__every_length__longest_whole_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
