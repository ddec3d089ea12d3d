/* SPDX-License-Identifier: Apache-2.0 */
/* The breaker on a clock that the test moves: when it opens, who probes, how its pauses grow, how a crowd waits. */
#include "pusher/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { NOW_MS = 1000000, FAILURES = 3, PAUSE_MS = 1000, PAUSE_MAX_MS = 10000, OUTAGE_MS = 60000 };

static const struct sw_breaker_limits limits = {
	.failures = FAILURES, .pause_ms = PAUSE_MS, .pause_max_ms = PAUSE_MAX_MS};

static bool tell(struct sw_breaker *breaker, enum sw_breaker_news news, bool probe, int64_t now_ms)
{
	struct sw_breaker_report report = {.news = news, .probe = probe, .after_ms = -1, .random = 0};
	return sw_breaker_tell(breaker, &limits, &report, now_ms);
}

static struct sw_breaker opened(void)
{
	struct sw_breaker breaker = {.open = false};
	for (int i = 0; i < FAILURES; i++) {
		assert_false(breaker.open);
		assert_int_equal(sw_breaker_ask(&breaker, NOW_MS), SW_BREAKER_SEND);
		assert_int_equal(tell(&breaker, SW_BREAKER_FAILS, false, NOW_MS), i == FAILURES - 1);
	}
	assert_true(breaker.open);
	return breaker;
}

static void tell__failures_in_a_row__opens_for_the_pause(void **state)
{
	(void)state;
	struct sw_breaker breaker = opened();
	assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + PAUSE_MS - 1), SW_BREAKER_HOLD);
	assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + PAUSE_MS), SW_BREAKER_PROBE);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + PAUSE_MS * 1000LL), SW_BREAKER_HOLD);
	}
}

static void tell__a_success_between__starts_again(void **state)
{
	(void)state;
	struct sw_breaker breaker = {.open = false};
	for (int i = 0; i < 50; i++) {
		assert_false(tell(&breaker, SW_BREAKER_FAILS, false, NOW_MS));
		assert_false(tell(&breaker, SW_BREAKER_NOTHING, false, NOW_MS));
		assert_false(tell(&breaker, SW_BREAKER_FAILS, false, NOW_MS));
		assert_false(tell(&breaker, SW_BREAKER_WORKS, false, NOW_MS));
	}
}

static void tell__probe_works__closed(void **state)
{
	(void)state;
	struct sw_breaker breaker = opened();
	assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + PAUSE_MS), SW_BREAKER_PROBE);
	assert_true(tell(&breaker, SW_BREAKER_WORKS, true, NOW_MS + PAUSE_MS + 5));
	assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + PAUSE_MS + 5), SW_BREAKER_SEND);
	assert_false(tell(&breaker, SW_BREAKER_FAILS, false, NOW_MS + PAUSE_MS + 5)); /* counted from zero */
}

static void tell__probe_says_nothing__another_after_the_same_pause(void **state)
{
	(void)state;
	struct sw_breaker breaker = opened();
	int64_t now_ms = NOW_MS;
	for (int i = 0; i < 5; i++) {
		now_ms += PAUSE_MS;
		assert_int_equal(sw_breaker_ask(&breaker, now_ms), SW_BREAKER_PROBE);
		assert_false(tell(&breaker, SW_BREAKER_NOTHING, true, now_ms));
		assert_int_equal(sw_breaker_ask(&breaker, now_ms + PAUSE_MS - 1), SW_BREAKER_HOLD);
	}
}

/* Those that were sent before it opened come back one by one. */
static void tell__failures_of_others_while_open__change_nothing(void **state)
{
	(void)state;
	struct sw_breaker breaker = opened();
	assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + PAUSE_MS), SW_BREAKER_PROBE);
	for (int i = 0; i < 500; i++) {
		assert_false(tell(&breaker, SW_BREAKER_FAILS, false, NOW_MS + PAUSE_MS));
		assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + PAUSE_MS * 2), SW_BREAKER_HOLD);
	}
	assert_true(tell(&breaker, SW_BREAKER_WORKS, false, NOW_MS + PAUSE_MS));
	assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + PAUSE_MS), SW_BREAKER_SEND);
}

static void tell__minute_of_outage__pauses_grow_to_their_bound(void **state)
{
	(void)state;
	struct sw_breaker breaker = opened();
	int64_t last_ms = NOW_MS;
	int64_t expected_ms = PAUSE_MS;
	int probes = 0;
	for (int64_t now_ms = NOW_MS; now_ms < NOW_MS + OUTAGE_MS; now_ms++) {
		if (sw_breaker_ask(&breaker, now_ms) == SW_BREAKER_PROBE) {
			assert_int_equal(now_ms - last_ms, expected_ms);
			tell(&breaker, SW_BREAKER_FAILS, true, now_ms);
			expected_ms = expected_ms * 2 < PAUSE_MAX_MS ? expected_ms * 2 : PAUSE_MAX_MS;
			last_ms = now_ms;
			probes++;
		}
	}
	assert_in_range(probes, 4, 10);
}

static void tell__service_asks_for_time__the_minimum(void **state)
{
	(void)state;
	struct sw_breaker breaker = {.open = false};
	struct sw_breaker_report report = {.news = SW_BREAKER_REFUSES, .after_ms = 30000, .random = UINT64_MAX};
	assert_true(sw_breaker_tell(&breaker, &limits, &report, NOW_MS)); /* at once */
	assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + 30000 - 1), SW_BREAKER_HOLD);
	assert_int_equal(sw_breaker_ask(&breaker, NOW_MS + 36000), SW_BREAKER_PROBE);
}

static void wait__long_outage__a_crowd_is_spread_and_back_in_time(void **state)
{
	(void)state;
	struct sw_breaker breaker = opened();
	breaker.until_ms = NOW_MS + OUTAGE_MS + 5000;
	int64_t least_ms = INT64_MAX;
	int64_t most_ms = 0;
	for (uint64_t random = 0; random < 100000; random += 7) {
		int64_t wait_ms = sw_breaker_wait_ms(&breaker, NOW_MS + OUTAGE_MS, random);
		least_ms = wait_ms < least_ms ? wait_ms : least_ms;
		most_ms = wait_ms > most_ms ? wait_ms : most_ms;
	}
	assert_in_range(least_ms, 5000, 6000);
	assert_in_range(most_ms, 40000, 50000);
	assert_in_range(sw_breaker_wait_ms(&breaker, NOW_MS + OUTAGE_MS + 6000, 0), 1000, 5000);
}

static void wait__just_opened__short(void **state)
{
	(void)state;
	struct sw_breaker breaker = opened();
	for (uint64_t random = 0; random < 100000; random += 7) {
		assert_in_range(sw_breaker_wait_ms(&breaker, NOW_MS, random), PAUSE_MS, 5000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tell__failures_in_a_row__opens_for_the_pause),
		cmocka_unit_test(tell__a_success_between__starts_again),
		cmocka_unit_test(tell__probe_works__closed),
		cmocka_unit_test(tell__probe_says_nothing__another_after_the_same_pause),
		cmocka_unit_test(tell__failures_of_others_while_open__change_nothing),
		cmocka_unit_test(tell__minute_of_outage__pauses_grow_to_their_bound),
		cmocka_unit_test(tell__service_asks_for_time__the_minimum),
		cmocka_unit_test(wait__long_outage__a_crowd_is_spread_and_back_in_time),
		cmocka_unit_test(wait__just_opened__short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
