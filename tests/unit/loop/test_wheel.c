/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct timer {
	struct sw_wheel_node node;
	int fired;
	int64_t fired_at_ms;
	int64_t due_ms;
	struct timer *cancels;
	int64_t again_ms;
};

static struct sw_wheel wheel;
static int64_t now_ms;

static void on_fire(struct sw_wheel_node *node)
{
	struct timer *timer = (struct timer *)node;
	timer->fired++;
	timer->fired_at_ms = now_ms;
	assert_false(sw_wheel_is_armed(node));
	if (timer->cancels) {
		sw_wheel_cancel(&wheel, &timer->cancels->node);
	}
	if (timer->again_ms) {
		sw_wheel_arm(&wheel, node, now_ms, timer->again_ms);
	}
}

static void arm(struct timer *timer, int64_t delay_ms)
{
	timer->node.fire = on_fire;
	timer->due_ms = now_ms + delay_ms;
	sw_wheel_arm(&wheel, &timer->node, now_ms, delay_ms);
}

static void go_to(int64_t to_ms, int64_t step_ms)
{
	while (now_ms < to_ms) {
		now_ms = now_ms + step_ms < to_ms ? now_ms + step_ms : to_ms;
		sw_wheel_advance(&wheel, now_ms);
	}
}

static int begin(void **state)
{
	(void)state;
	now_ms = 123456;
	sw_wheel_init(&wheel, now_ms);
	return 0;
}

static void arm__any_delay__fires_once_not_early_and_at_most_a_tick_late(void **state)
{
	(void)state;
	static const int64_t delays_ms[] = {0, 1, 99, 100, 101, 5000, 102300, 102400, 102500, 1000000};
	struct timer timers[sizeof(delays_ms) / sizeof(delays_ms[0])] = {0};
	go_to(now_ms + 37, 37);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		arm(&timers[i], delays_ms[i]);
	}
	go_to(now_ms + 1100000, 1);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		assert_int_equal(timers[i].fired, 1);
		assert_true(timers[i].fired_at_ms >= timers[i].due_ms);
		assert_true(timers[i].fired_at_ms <= timers[i].due_ms + SW_WHEEL_TICK_MS);
	}
	assert_int_equal(wheel.armed, 0);
}

static void cancel__armed_and_not_armed__never_fires(void **state)
{
	(void)state;
	struct timer a = {0};
	struct timer b = {0};
	arm(&a, 500);
	arm(&b, 500);
	sw_wheel_cancel(&wheel, &a.node);
	sw_wheel_cancel(&wheel, &a.node);
	assert_int_equal(wheel.armed, 1);
	go_to(now_ms + 2000, 100);
	assert_int_equal(a.fired, 0);
	assert_int_equal(b.fired, 1);
}

static void arm__already_armed__moves_the_deadline(void **state)
{
	(void)state;
	struct timer a = {0};
	arm(&a, 200);
	arm(&a, 5000);
	go_to(now_ms + 4000, 50);
	assert_int_equal(a.fired, 0);
	go_to(now_ms + 2000, 50);
	assert_int_equal(a.fired, 1);
}

static void fire__cancels_a_neighbour_of_the_same_slot__it_does_not_fire(void **state)
{
	(void)state;
	struct timer timers[3] = {0};
	for (size_t i = 0; i < 3; i++) {
		arm(&timers[i], 300);
	}
	/* Whichever comes first takes the other two with it. */
	timers[0].cancels = &timers[1];
	timers[1].cancels = &timers[0];
	timers[2].cancels = NULL;
	go_to(now_ms + 1000, 100);
	assert_int_equal(timers[0].fired + timers[1].fired, 1);
	assert_int_equal(timers[2].fired, 1);
}

static void fire__arms_itself_again__once_each_time(void **state)
{
	(void)state;
	struct timer a = {.again_ms = 1};
	arm(&a, 100);
	go_to(now_ms + 1000, 100);
	assert_in_range(a.fired, 9, 10);
	a.again_ms = (int64_t)SW_WHEEL_SLOTS * SW_WHEEL_TICK_MS; /* the very slot that is being visited */
	int before = a.fired;
	go_to(now_ms + 50000, 100);
	assert_int_equal(a.fired, before + 1);
}

static void advance__after_a_sleep_longer_than_a_revolution__everything_due_fires(void **state)
{
	(void)state;
	struct timer early = {0};
	struct timer late = {0};
	arm(&early, 700);
	arm(&late, 900000);
	now_ms += 500000;
	sw_wheel_advance(&wheel, now_ms);
	assert_int_equal(early.fired, 1);
	assert_int_equal(late.fired, 0);
	go_to(now_ms + 450000, 1000);
	assert_int_equal(late.fired, 1);
}

static void wheel__against_a_model__random_operations_agree(void **state)
{
	(void)state;
	enum { COUNT = 200, STEPS = 20000 };
	static struct timer timers[COUNT];
	unsigned seed = 1;
	for (int step = 0; step < STEPS; step++) {
		struct timer *timer = &timers[(size_t)rand_r(&seed) % COUNT];
		int choice = rand_r(&seed) % 4;
		if (choice == 0) {
			sw_wheel_cancel(&wheel, &timer->node);
			timer->due_ms = 0;
		} else if (choice < 3) {
			arm(timer, rand_r(&seed) % 200000);
		}
		now_ms += rand_r(&seed) % 300;
		sw_wheel_advance(&wheel, now_ms);
		size_t armed = 0;
		for (size_t i = 0; i < COUNT; i++) {
			struct timer *t = &timers[i];
			armed += sw_wheel_is_armed(&t->node);
			if (t->due_ms && t->due_ms + SW_WHEEL_TICK_MS <= now_ms) {
				assert_false(sw_wheel_is_armed(&t->node));
				t->due_ms = 0;
			} else if (t->due_ms > now_ms) {
				assert_true(sw_wheel_is_armed(&t->node));
			}
		}
		assert_int_equal(armed, wheel.armed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(arm__any_delay__fires_once_not_early_and_at_most_a_tick_late, begin),
		cmocka_unit_test_setup(cancel__armed_and_not_armed__never_fires, begin),
		cmocka_unit_test_setup(arm__already_armed__moves_the_deadline, begin),
		cmocka_unit_test_setup(fire__cancels_a_neighbour_of_the_same_slot__it_does_not_fire, begin),
		cmocka_unit_test_setup(fire__arms_itself_again__once_each_time, begin),
		cmocka_unit_test_setup(advance__after_a_sleep_longer_than_a_revolution__everything_due_fires, begin),
		cmocka_unit_test_setup(wheel__against_a_model__random_operations_agree, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
