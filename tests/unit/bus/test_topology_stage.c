/* SPDX-License-Identifier: Apache-2.0 */
/* The ladders and the choice of a stage: bounds, the provider's minimum, and that the jitter is full. */
#include "bus/topology.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int64_t cap_ms(unsigned attempt)
{
	int64_t cap = attempt < 15 ? INT64_C(1000) << attempt : 21600000;
	return cap < 21600000 ? cap : 21600000;
}

static void ladders__as_declared__ascending_and_named(void **state)
{
	(void)state;
	assert_int_equal(sw_retry_delays_ms[0], 1000);
	assert_int_equal(sw_retry_delays_ms[SW_RETRY_STAGES - 1], 6 * 3600 * 1000);
	for (int i = 0; i < SW_RETRY_STAGES; i++) {
		char name[32];
		snprintf(name, sizeof(name), "retry.%d", sw_retry_delays_ms[i]);
		assert_string_equal(sw_retry_exchanges[i], name);
		if (i > 0) {
			double step = (double)sw_retry_delays_ms[i] / sw_retry_delays_ms[i - 1];
			assert_true(step > 1.3 && step < 1.7);
		}
	}
	for (int i = 0; i < SW_CHECK_STAGES; i++) {
		char name[32];
		snprintf(name, sizeof(name), "check.%d", sw_check_delays_ms[i]);
		assert_string_equal(sw_check_exchanges[i], name);
		assert_true(i == 0 || sw_check_delays_ms[i] > sw_check_delays_ms[i - 1]);
	}
	assert_int_equal(sw_check_delays_ms[SW_CHECK_STAGES - 1], 300000);
}

static void at_least__between_and_beyond__next_longer_or_last(void **state)
{
	(void)state;
	assert_int_equal(sw_topology_check_stage_at_least(-5), 0);
	assert_int_equal(sw_topology_check_stage_at_least(1000), 0);
	assert_int_equal(sw_topology_check_stage_at_least(1001), 1);
	assert_int_equal(sw_topology_check_stage_at_least(25000), 8);
	assert_int_equal(sw_topology_check_stage_at_least(INT64_MAX), SW_CHECK_STAGES - 1);
	assert_int_equal(sw_topology_retry_stage_at_least(1000), 0);
	assert_int_equal(sw_topology_retry_stage_at_least(1001), 1);
	assert_int_equal(sw_topology_retry_stage_at_least(INT64_MAX), SW_RETRY_STAGES - 1);
}

static void at_most__between_and_before__next_shorter_or_first(void **state)
{
	(void)state;
	assert_int_equal(sw_topology_check_stage_at_most(INT64_MIN), 0);
	assert_int_equal(sw_topology_check_stage_at_most(1999), 0);
	assert_int_equal(sw_topology_check_stage_at_most(2000), 1);
	assert_int_equal(sw_check_delays_ms[sw_topology_check_stage_at_most(240000)], 120000);
	assert_int_equal(sw_topology_check_stage_at_most(INT64_MAX), SW_CHECK_STAGES - 1);
}

static void retry__any_attempt__within_the_cap(void **state)
{
	(void)state;
	for (unsigned attempt = 0; attempt < 70; attempt++) {
		for (uint64_t i = 0; i < 200; i++) {
			unsigned stage = sw_topology_retry_stage(attempt, -1, sw_hash_mix64(i));
			assert_true(stage < SW_RETRY_STAGES);
			assert_true(sw_retry_delays_ms[stage] <= cap_ms(attempt));
		}
		assert_true(sw_topology_retry_stage(attempt, -1, UINT64_MAX) < SW_RETRY_STAGES);
	}
	assert_true(sw_topology_retry_stage(UINT32_MAX, -1, 1) < SW_RETRY_STAGES);
}

static void retry__minimum__never_below(void **state)
{
	(void)state;
	static const int64_t minimums_ms[] = {1, 1000, 1001, 60000, 3600000, 21600000};
	for (size_t m = 0; m < sizeof(minimums_ms) / sizeof(minimums_ms[0]); m++) {
		for (unsigned attempt = 0; attempt < 20; attempt++) {
			for (uint64_t i = 0; i < 100; i++) {
				unsigned stage = sw_topology_retry_stage(attempt, minimums_ms[m], sw_hash_mix64(i));
				assert_true(sw_retry_delays_ms[stage] >= minimums_ms[m]);
			}
		}
	}
	assert_int_equal(sw_topology_retry_stage(0, INT64_MAX, 7), SW_RETRY_STAGES - 1);
}

static void retry__minimum_over_the_cap__first_stage_that_fits(void **state)
{
	(void)state;
	unsigned expected = sw_topology_retry_stage_at_least(60000);
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(sw_topology_retry_stage(1, 60000, sw_hash_mix64(i)), expected);
	}
}

/* 64 s cap: the mean of an even choice is about the half of it, and every stage below occurs. */
static void retry__many_draws__spread_over_the_whole_range(void **state)
{
	(void)state;
	enum { DRAWS = 20000 };
	unsigned seen[SW_RETRY_STAGES] = {0};
	int64_t sum_ms = 0;
	for (uint64_t i = 0; i < DRAWS; i++) {
		unsigned stage = sw_topology_retry_stage(6, -1, sw_hash_mix64(i));
		seen[stage]++;
		sum_ms += sw_retry_delays_ms[stage];
	}
	for (int i = 0; i < SW_RETRY_STAGES; i++) {
		assert_int_equal(seen[i] > 0, sw_retry_delays_ms[i] <= 64000);
	}
	int64_t mean_ms = sum_ms / DRAWS;
	assert_true(mean_ms > 28000 && mean_ms < 42000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ladders__as_declared__ascending_and_named),
		cmocka_unit_test(at_most__between_and_before__next_shorter_or_first),
		cmocka_unit_test(at_least__between_and_beyond__next_longer_or_last),
		cmocka_unit_test(retry__any_attempt__within_the_cap),
		cmocka_unit_test(retry__minimum__never_below),
		cmocka_unit_test(retry__minimum_over_the_cap__first_stage_that_fits),
		cmocka_unit_test(retry__many_draws__spread_over_the_whole_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
