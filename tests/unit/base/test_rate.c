/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets: the rate, the burst, pauses, and whoever has to come back. The gateway's tests have users and addresses. */
#include "base/rate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SECOND_NS = 1000000000 };

static const struct sw_rate ten_a_second = {.token_ns = SECOND_NS / 10, .burst = 2};
static const struct sw_rate_key a = {{1}};
static const struct sw_rate_key b = {{2}};

static int setup(void **state)
{
	static struct sw_rates rates;
	sw_rates_init(&rates);
	*state = &rates;
	return 0;
}

static int teardown(void **state)
{
	sw_rates_release(*state);
	return 0;
}

static void take__past_the_burst__told_when(void **state)
{
	assert_int_equal(sw_rates_take(*state, &a, ten_a_second, 5), 0);
	assert_int_equal(sw_rates_take(*state, &a, ten_a_second, 5), 0);
	assert_int_equal(sw_rates_take(*state, &a, ten_a_second, 5), SECOND_NS / 10);
	assert_int_equal(sw_rates_take(*state, &b, ten_a_second, 5), 0);
	assert_int_equal(sw_rates_take(*state, &a, ten_a_second, 5 + SECOND_NS / 10), 0);
	assert_int_not_equal(sw_rates_take(*state, &a, ten_a_second, 5 + SECOND_NS / 10), 0);
}

static void take__over_a_long_time__exactly_the_rate(void **state)
{
	int taken = 0;
	for (int64_t now_ns = 0; now_ns < 10LL * SECOND_NS; now_ns += SECOND_NS / 1000) {
		taken += sw_rates_take(*state, &a, ten_a_second, now_ns) == 0;
	}
	assert_int_equal(taken, 101); /* the burst once */
}

static void come_back__many__one_token_after_the_other(void **state)
{
	while (sw_rates_take(*state, &a, ten_a_second, 0) == 0) {
	}
	for (int i = 1; i <= 50; i++) {
		assert_int_equal(sw_rates_come_back(*state, &a, ten_a_second, 0), (int64_t)i * (SECOND_NS / 10));
	}
	/* Two seconds later the last of them is still three away. */
	int64_t now_ns = 2LL * SECOND_NS;
	assert_int_equal(sw_rates_come_back(*state, &a, ten_a_second, now_ns), 3LL * SECOND_NS + SECOND_NS / 10);
}

static void come_back__after_the_crowd_has_gone__no_debt_is_left(void **state)
{
	while (sw_rates_take(*state, &a, ten_a_second, 0) == 0) {
	}
	sw_rates_come_back(*state, &a, ten_a_second, 0);
	int64_t now_ns = 60LL * SECOND_NS;
	while (sw_rates_take(*state, &a, ten_a_second, now_ns) == 0) {
	}
	assert_int_equal(sw_rates_come_back(*state, &a, ten_a_second, now_ns), SECOND_NS / 10);
}

static void pause__no_token_until_then__also_without_a_rate(void **state)
{
	struct sw_rate none = {.token_ns = 0, .burst = 1};
	assert_int_equal(sw_rates_take(*state, &a, none, 0), 0);
	sw_rates_pause(*state, &a, SECOND_NS, 0);
	sw_rates_pause(*state, &a, SECOND_NS / 2, 0); /* the longer one holds */
	assert_int_equal(sw_rates_take(*state, &a, none, 1), SECOND_NS - 1);
	assert_int_equal(sw_rates_take(*state, &b, none, 1), 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sw_rates_take(*state, &a, none, SECOND_NS), 0);
	}
}

static void take__many_keys__full_buckets_are_forgotten(void **state)
{
	struct sw_rates *rates = *state;
	for (uint32_t i = 0; i < 20000; i++) {
		struct sw_rate_key key = {{(uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16), 9}};
		sw_rates_take(rates, &key, ten_a_second, (int64_t)i * (SECOND_NS / 10));
	}
	assert_in_range(rates->buckets.count, 1, 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(take__past_the_burst__told_when, setup, teardown),
		cmocka_unit_test_setup_teardown(take__over_a_long_time__exactly_the_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(come_back__many__one_token_after_the_other, setup, teardown),
		cmocka_unit_test_setup_teardown(come_back__after_the_crowd_has_gone__no_debt_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(pause__no_token_until_then__also_without_a_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(take__many_keys__full_buckets_are_forgotten, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
