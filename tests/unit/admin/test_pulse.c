/* SPDX-License-Identifier: Apache-2.0 */
/* A loop that does not run its tasks is named once its answer is overdue, and forgiven when it answers. */
#include "admin/pulse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { START_MS = 1000 };

/* Runs what was posted so far. */
static void turn(struct sw_loop *loop)
{
	sw_loop_stop(loop);
	sw_loop_run(loop);
}

static void late__one_loop_stands__it_alone_is_named(void **state)
{
	(void)state;
	struct sw_loop *good = sw_loop_new("good", 8);
	struct sw_loop *stuck = sw_loop_new("stuck", 8);
	const struct sw_ops_loop loops[] = {{"good", good}, {"stuck", stuck}};
	struct sw_pulse *pulse = sw_pulse_new(loops, 2);
	assert_null(sw_pulse_late(pulse, 0, START_MS + SW_PULSE_LATE_MS));
	sw_pulse_ask(pulse, START_MS);
	turn(good);
	assert_null(sw_pulse_late(pulse, 0, START_MS + SW_PULSE_LATE_MS - 1));
	assert_string_equal(sw_pulse_late(pulse, 0, START_MS + SW_PULSE_LATE_MS), "stuck");
	assert_null(sw_pulse_late(pulse, 1, START_MS + SW_PULSE_LATE_MS));
	/* Asking again does not start its time anew. */
	sw_pulse_ask(pulse, START_MS + SW_PULSE_LATE_MS - 1);
	turn(good);
	assert_string_equal(sw_pulse_late(pulse, 0, START_MS + SW_PULSE_LATE_MS), "stuck");
	turn(stuck);
	assert_null(sw_pulse_late(pulse, 0, START_MS + SW_PULSE_LATE_MS));
	sw_pulse_free(pulse);
	sw_loop_free(good);
	sw_loop_free(stuck);
}

static void free__question_under_way__answered_later_safely(void **state)
{
	(void)state;
	struct sw_loop *loop = sw_loop_new("slow", 8);
	const struct sw_ops_loop loops[] = {{"slow", loop}};
	struct sw_pulse *pulse = sw_pulse_new(loops, 1);
	sw_pulse_ask(pulse, START_MS);
	sw_pulse_free(pulse);
	/* The sanitizers see a task that outlives its pulse, or a leak. */
	assert_int_equal(sw_loop_backlog(loop), 1);
	sw_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(late__one_loop_stands__it_alone_is_named),
		cmocka_unit_test(free__question_under_way__answered_later_safely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
