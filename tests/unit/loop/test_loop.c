/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include <surewire/mem.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct counting {
	struct sw_task task;
	struct sw_loop *loop;
	int *total;
	bool stops;
};

static void on_task(struct sw_task *task)
{
	struct counting *c = (struct counting *)task;
	assert_true(!c->stops || sw_loop_is_current(c->loop));
	(*c->total)++;
	if (c->stops) {
		sw_loop_stop(c->loop);
	}
	free(c);
}

static struct sw_task *new_task(struct sw_loop *loop, int *total, bool stops)
{
	struct counting *c = sw_xcalloc(1, sizeof(*c));
	*c = (struct counting){{.run = on_task}, loop, total, stops};
	return &c->task;
}

static void post__full__false_and_post_always_goes_past(void **state)
{
	(void)state;
	int total = 0;
	struct sw_loop *loop = sw_loop_new("test", 1);
	assert_true(sw_loop_post(loop, new_task(loop, &total, false)));
	struct sw_task *refused = new_task(loop, &total, false);
	assert_false(sw_loop_post(loop, refused));
	assert_true(sw_loop_post_always(loop, refused));
	assert_int_equal(sw_loop_backlog(loop), 2);
	assert_true(sw_loop_post_always(loop, new_task(loop, &total, true)));
	sw_loop_run(loop);
	assert_int_equal(total, 3);
	sw_loop_free(loop);
}

static void free__tasks_that_were_never_run__are_run(void **state)
{
	(void)state;
	int total = 0;
	struct sw_loop *loop = sw_loop_new("test", 10);
	assert_true(sw_loop_post(loop, new_task(loop, &total, false)));
	sw_loop_free(loop);
	assert_int_equal(total, 1);
	sw_loop_free(NULL);
}

enum { POSTERS = 4, EACH = 5000 };

struct poster {
	struct sw_loop *loop;
	int *total;
};

static void *post_many(void *arg)
{
	struct poster *poster = arg;
	for (int i = 0; i < EACH; i++) {
		assert_true(sw_loop_post_always(poster->loop, new_task(poster->loop, poster->total, false)));
	}
	return NULL;
}

static void post__from_several_threads__each_task_runs_once_on_the_loop_thread(void **state)
{
	(void)state;
	int total = 0;
	struct sw_loop *loop = sw_loop_new("a name that is too long", 10);
	struct poster poster = {loop, &total};
	pthread_t threads[POSTERS];
	assert_int_equal(sw_loop_start(loop), SW_OK);
	assert_false(sw_loop_is_current(loop));
	for (int i = 0; i < POSTERS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, &poster), 0);
	}
	for (int i = 0; i < POSTERS; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_true(sw_loop_post_always(loop, new_task(loop, &total, true)));
	sw_loop_join(loop);
	assert_int_equal(total, POSTERS * EACH + 1);
	sw_loop_free(loop);
}

struct recorder {
	struct sw_turn turn;
	struct sw_loop *loop;
	struct sw_turn *then;
	int ran;
};

static void on_turn(struct sw_turn *turn)
{
	struct recorder *recorder = (struct recorder *)turn;
	recorder->ran++;
	if (recorder->then) {
		sw_loop_at_turn_end(recorder->loop, recorder->then);
	}
}

static void at_turn_end__queued_twice_cancelled_and_chained__runs_as_promised(void **state)
{
	(void)state;
	int total = 0;
	struct sw_loop *loop = sw_loop_new("test", 10);
	struct recorder chained = {.turn.run = on_turn, .loop = loop};
	struct recorder first = {.turn.run = on_turn, .loop = loop, .then = &chained.turn};
	struct recorder cancelled = {.turn.run = on_turn, .loop = loop};
	sw_loop_at_turn_end(loop, &cancelled.turn);
	sw_loop_at_turn_end(loop, &first.turn);
	sw_loop_at_turn_end(loop, &first.turn);
	sw_turn_cancel(&cancelled.turn);
	sw_turn_cancel(&cancelled.turn);
	assert_true(sw_loop_post(loop, new_task(loop, &total, true)));
	sw_loop_run(loop);
	assert_int_equal(first.ran, 1);
	assert_int_equal(chained.ran, 1);
	assert_int_equal(cancelled.ran, 0);
	sw_loop_free(loop);
}

struct alarm {
	struct sw_wheel_node node;
	struct sw_loop *loop;
	int64_t at_ms;
	bool stops;
};

static void on_alarm(struct sw_wheel_node *node)
{
	struct alarm *alarm = (struct alarm *)node;
	alarm->at_ms = sw_loop_now_ms(alarm->loop);
	if (alarm->stops) {
		sw_loop_stop(alarm->loop);
	}
}

static void arm__two_deadlines__fire_in_order_and_not_early(void **state)
{
	(void)state;
	struct sw_loop *loop = sw_loop_new("test", 10);
	struct alarm early = {{.fire = on_alarm}, loop, 0, false};
	struct alarm late = {{.fire = on_alarm}, loop, 0, true};
	struct alarm never = {{.fire = on_alarm}, loop, 0, true};
	int64_t start_ms = sw_loop_now_ms(loop);
	sw_loop_arm(loop, &late.node, 350);
	sw_loop_arm(loop, &early.node, 1);
	sw_loop_arm(loop, &never.node, 50);
	sw_loop_disarm(loop, &never.node);
	sw_loop_run(loop);
	assert_true(early.at_ms > start_ms);
	assert_true(late.at_ms >= start_ms + 350);
	assert_true(early.at_ms < late.at_ms);
	assert_int_equal(never.at_ms, 0);
	sw_loop_free(loop);
}

static void run__stopped_before_and_again__works_each_time(void **state)
{
	(void)state;
	int total = 0;
	struct sw_loop *loop = sw_loop_new("test", 10);
	sw_loop_stop(loop);
	sw_loop_run(loop);
	sw_loop_free(loop);
	loop = sw_loop_new("test", 10);
	assert_int_equal(sw_loop_start(loop), SW_OK);
	assert_true(sw_loop_post(loop, new_task(loop, &total, false)));
	sw_loop_stop(loop);
	sw_loop_join(loop);
	sw_loop_join(loop);
	sw_loop_free(loop);
	assert_int_equal(total, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(post__full__false_and_post_always_goes_past),
		cmocka_unit_test(free__tasks_that_were_never_run__are_run),
		cmocka_unit_test(post__from_several_threads__each_task_runs_once_on_the_loop_thread),
		cmocka_unit_test(at_turn_end__queued_twice_cancelled_and_chained__runs_as_promised),
		cmocka_unit_test(arm__two_deadlines__fire_in_order_and_not_early),
		cmocka_unit_test(run__stopped_before_and_again__works_each_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
