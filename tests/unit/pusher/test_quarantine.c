/* SPDX-License-Identifier: Apache-2.0 */
/* When dead tokens are too many to be believed. */
#include "pusher/quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { AFTER = 100 };

static void tell__all_dead__kept_from_the_bound_on(void **state)
{
	(void)state;
	struct sw_quarantine quarantine = {.on = false};
	for (int i = 1; i < AFTER; i++) {
		assert_false(sw_quarantine_tell(&quarantine, AFTER, true));
		assert_false(quarantine.on);
	}
	assert_true(sw_quarantine_tell(&quarantine, AFTER, true));
	for (int i = 0; i < AFTER * 100; i++) {
		assert_false(sw_quarantine_tell(&quarantine, AFTER, true));
		assert_true(quarantine.on);
	}
}

static void tell__a_third_dead_for_long__never(void **state)
{
	(void)state;
	struct sw_quarantine quarantine = {.on = false};
	for (int i = 0; i < AFTER * 1000; i++) {
		assert_false(sw_quarantine_tell(&quarantine, AFTER, i % 3 == 0));
	}
}

static void tell__mistake_mended__ends(void **state)
{
	(void)state;
	struct sw_quarantine quarantine = {.on = false};
	for (int i = 0; i < AFTER * 10; i++) {
		sw_quarantine_tell(&quarantine, AFTER, true);
	}
	assert_true(quarantine.on);
	int good = 0;
	while (!sw_quarantine_tell(&quarantine, AFTER, false)) {
		good++;
		assert_true(good < AFTER * 4);
	}
	assert_false(quarantine.on);
	assert_false(sw_quarantine_tell(&quarantine, AFTER, true)); /* one more changes nothing */
}

/* Years of good answers do not hide that all have been dead lately. */
static void tell__long_good_then_all_dead__seen_soon(void **state)
{
	(void)state;
	struct sw_quarantine quarantine = {.on = false};
	for (int i = 0; i < AFTER * 1000; i++) {
		sw_quarantine_tell(&quarantine, AFTER, false);
	}
	int dead = 0;
	while (!sw_quarantine_tell(&quarantine, AFTER, true)) {
		dead++;
		assert_true(dead < AFTER * 6);
	}
}

static void tell__switched_off__believes_all(void **state)
{
	(void)state;
	struct sw_quarantine quarantine = {.on = false};
	for (int i = 0; i < AFTER * 10; i++) {
		assert_false(sw_quarantine_tell(&quarantine, 0, true));
		assert_false(quarantine.on);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tell__all_dead__kept_from_the_bound_on),
		cmocka_unit_test(tell__a_third_dead_for_long__never),
		cmocka_unit_test(tell__mistake_mended__ends),
		cmocka_unit_test(tell__long_good_then_all_dead__seen_soon),
		cmocka_unit_test(tell__switched_off__believes_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
