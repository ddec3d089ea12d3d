/* SPDX-License-Identifier: Apache-2.0 */
/* Literal addresses and loopback. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "egress/host_int.h"

static void is_loopback__loopback_forms__true(void **state)
{
	(void)state;
	assert_true(sw_host_is_loopback("localhost"));
	assert_true(sw_host_is_loopback("LOCALHOST"));
	assert_true(sw_host_is_loopback("127.0.0.1"));
	assert_true(sw_host_is_loopback("127.8.9.10"));
	assert_true(sw_host_is_loopback("::1"));
	assert_true(sw_host_is_loopback("::ffff:127.0.0.1"));
}

static void is_loopback__names_that_only_look_like_it__false(void **state)
{
	(void)state;
	assert_false(sw_host_is_loopback("127.0.0.1.example.org"));
	assert_false(sw_host_is_loopback("localhost.example.org"));
	assert_false(sw_host_is_loopback("128.0.0.1"));
	assert_false(sw_host_is_loopback("::2"));
	assert_false(sw_host_is_loopback("0.0.0.0"));
	assert_false(sw_host_is_loopback(""));
}

static void is_address__names_and_addresses__told_apart(void **state)
{
	(void)state;
	assert_true(sw_host_is_address("192.0.2.1"));
	assert_true(sw_host_is_address("2001:db8::1"));
	assert_false(sw_host_is_address("api.example.org"));
	assert_false(sw_host_is_address("1.2.3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_loopback__loopback_forms__true),
		cmocka_unit_test(is_loopback__names_that_only_look_like_it__false),
		cmocka_unit_test(is_address__names_and_addresses__told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
