/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/codes.h"
#include "proto/reject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void error_codes__every_one__a_code_a_status_and_a_text(void **state)
{
	(void)state;
	static const enum sw_error_code errors[] = {
#define SW_ERROR_CODE(NAME, code, status, text) SW_ERROR_##NAME,
#include "proto/error_codes.def"
#undef SW_ERROR_CODE
	};
	enum { COUNT = sizeof(errors) / sizeof(errors[0]) };
	for (size_t i = 0; i < COUNT; i++) {
		assert_in_range(sw_error_status(errors[i]), 400, 599);
		assert_true(strlen(sw_error_code(errors[i])) > 0 && strlen(sw_error_text(errors[i])) > 0);
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(sw_error_code(errors[i]), sw_error_code(errors[k]));
		}
	}
	assert_string_equal(sw_error_code(SW_ERROR_NONE), "");
	assert_string_equal(sw_error_code(SW_ERROR_TOO_LARGE), "too_large");
	assert_int_equal(sw_error_status(SW_ERROR_TOO_LARGE), 413);
	assert_int_equal(sw_error_status(SW_ERROR_UNAVAILABLE), 503);
}

static void close_codes__every_one__private_or_registered_and_a_reason(void **state)
{
	(void)state;
	static const enum sw_close_code codes[] = {
#define SW_CLOSE(NAME, code, reason, advice) SW_CLOSE_##NAME,
#include "proto/close_codes.def"
#undef SW_CLOSE
	};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		int code = (int)codes[i];
		assert_true(code == 1001 || (code >= 4000 && code <= 4999)); /* RFC 6455, 7.4.2 */
		/* A close frame has room for 123 bytes of reason. */
		assert_in_range(strlen(sw_close_reason(codes[i])), 1, 123);
	}
	assert_string_equal(sw_close_reason(SW_CLOSE_UNAUTHORIZED), "unauthorized");
	assert_string_equal(sw_close_reason((enum sw_close_code)1000), "");
}

static void reject_codes__known_and_unknown__text(void **state)
{
	(void)state;
	assert_string_equal(sw_reject_code(SW_REJECT_NOT_MEMBER), "not_member");
	assert_string_equal(sw_reject_code(SW_REJECT_CID_REUSED), "cid_reused");
	assert_true(strlen(sw_reject_text(SW_REJECT_CID_REUSED)) > 0);
	assert_string_equal(sw_reject_code((enum sw_reject)99), "rejected");
	assert_string_equal(sw_reject_text((enum sw_reject)99), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(error_codes__every_one__a_code_a_status_and_a_text),
		cmocka_unit_test(close_codes__every_one__private_or_registered_and_a_reason),
		cmocka_unit_test(reject_codes__known_and_unknown__text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
