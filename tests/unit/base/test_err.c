/* SPDX-License-Identifier: Apache-2.0 */
#include <surewire/err.h>
#include <surewire/mem.h>

#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void err__every_row_and_unknown__has_name_and_text(void **state)
{
	(void)state;
	assert_string_equal(sw_err_name(SW_OK), "SW_OK");
	assert_string_equal(sw_err_name(SW_ETIMEOUT), "SW_ETIMEOUT");
	assert_true(sw_err_retryable(SW_ETIMEOUT));
	assert_false(sw_err_retryable(SW_EINVAL));
	assert_string_equal(sw_err_name(-9999), "SW_EUNKNOWN");
	assert_string_equal(sw_err_text(1), "unknown error");
	assert_false(sw_err_retryable(-9999));
}

static void err__values__unique_and_negative(void **state)
{
	(void)state;
	static const int values[] = {
#define SW_ERROR(name, value, retryable, text) (value),
#include <surewire/errors.def>
#undef SW_ERROR
	};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_true(values[i] < 0);
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(values[i], values[j]);
		}
	}
}

static void diag_set__twice__the_first_stays(void **state)
{
	(void)state;
	struct sw_diag diag = {0};
	assert_int_equal(sw_diag_set(&diag, SW_EPARSE, "line %d", 3), SW_EPARSE);
	assert_int_equal(sw_diag_set(&diag, SW_EINVAL, "later"), SW_EINVAL);
	assert_string_equal(diag.text, "line 3");
	assert_int_equal(sw_diag_set(NULL, SW_EIO, "nobody reads"), SW_EIO);
	char text[600];
	memset(text, 'd', sizeof(text) - 1);
	text[599] = '\0';
	struct sw_diag cut = {0};
	assert_int_equal(sw_diag_set(&cut, SW_EIO, "%s", text), SW_EIO);
	assert_int_equal(strlen(cut.text), sizeof(cut.text) - 1);
}

static void mem__copies__terminated_and_independent(void **state)
{
	(void)state;
	char *a = sw_xstrndup("abcdef", 3);
	char *b = sw_xasprintf("%s-%d", a, 7);
	uint8_t *c = sw_xmemdup("\0\1", 2);
	assert_string_equal(a, "abc");
	assert_string_equal(b, "abc-7");
	assert_memory_equal(c, "\0\1", 2);
	free(a);
	free(c);
	sw_free_secret(b, strlen(b));
	sw_free_secret(NULL, 5);
	free(sw_xmalloc(0));
	free(sw_xcalloc(0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err__every_row_and_unknown__has_name_and_text),
		cmocka_unit_test(err__values__unique_and_negative),
		cmocka_unit_test(diag_set__twice__the_first_stays),
		cmocka_unit_test(mem__copies__terminated_and_independent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
