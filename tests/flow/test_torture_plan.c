/* SPDX-License-Identifier: Apache-2.0 */
/* Two messages, one after the other, that go through all steps of their plan, the first because a push failed: again and
 * again, each time with one fault, one I/O step later than the time before. Whatever fails: each step makes one job, and
 * the same one however often it is published. */
#include "plan_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { RUNS_MAX = 1000, FAULTS_MIN = 8, PLAN_S = 60 + 240 + 120, PROVIDERS = 3 };

/* In the order of the plan. */
static const char *const providers[PROVIDERS] = {"phones", "droids", "mail"};

static void check(struct scene *scene)
{
	for (size_t i = 0; i < PROVIDERS; i++) {
		const struct scene_jobs jobs = jobs_of(scene, providers[i]);
		if (jobs.count != 2) {
			fail_msg("%s: expected a job for each of two messages, got %zu", providers[i], jobs.count);
		}
		assert_int_equal(jobs.pos[0] + jobs.pos[1], 1 + 2);
		assert_int_equal(jobs.step[0], i + 1);
		assert_int_equal(jobs.step[1], i + 1);
	}
	assert_int_equal(job_count(scene, "hooks"), 0);
	assert_int_equal(rows_left(scene), 0);
	check_left_overs(&scene->flow);
}

static void go_through(struct scene *scene)
{
	flow_start(&scene->flow, 0);
	bob_has_each(scene, providers, PROVIDERS);
	alice_writes(scene, "one");
	push_fails(scene, 1, 1);
	seconds_pass(scene, PLAN_S, 30);
	alice_writes(scene, "two"); /* alone: no look of another message helps it */
	seconds_pass(scene, PLAN_S, 30);
	for (unsigned i = 0; i < FLOW_WRITERS_MAX; i++) {
		flow_stop(&scene->flow, i);
	}
}

struct fault {
	enum fake_store_fault store;
	enum fake_bus_fault bus;
};

/* False: the fault was not reached. */
static bool run(const struct fault *fault, unsigned at)
{
	struct scene scene;
	plan_scene_open(&scene, 2);
	scene.flow.store.fault = fault->store;
	scene.flow.store.fault_at = fault->store ? at : 0;
	scene.flow.bus.fault = fault->bus;
	scene.flow.bus.fault_at = fault->bus ? at : 0;
	go_through(&scene);
	bool reached = scene.flow.store.fault_reached || scene.flow.bus.fault_reached;
	check(&scene);
	scene_close(&scene);
	return reached;
}

static void torture(struct fault fault)
{
	unsigned at = 1;
	while (run(&fault, at)) {
		at++;
		assert_true(at < RUNS_MAX);
	}
	assert_true(at > FAULTS_MIN); /* the faults did come */
}

static void plan__connection_lost_before_nth_commit__each_step_once(void **state)
{
	(void)state;
	torture((struct fault){.store = FAKE_STORE_CLOSED_BEFORE});
}

static void plan__connection_lost_after_nth_commit__each_step_once(void **state)
{
	(void)state;
	torture((struct fault){.store = FAKE_STORE_CLOSED_AFTER});
}

static void plan__nth_transaction_lost_against_another__each_step_once(void **state)
{
	(void)state;
	torture((struct fault){.store = FAKE_STORE_AGAIN});
}

static void plan__nth_publish_refused__each_step_once(void **state)
{
	(void)state;
	torture((struct fault){.bus = FAKE_BUS_REFUSED});
}

static void plan__nth_publish_arrives_twice__each_step_once(void **state)
{
	(void)state;
	torture((struct fault){.bus = FAKE_BUS_TWICE});
}

static void plan__consumers_lost_at_nth_publish__each_step_once(void **state)
{
	(void)state;
	torture((struct fault){.bus = FAKE_BUS_CONSUMERS_LOST});
}

static void plan__process_dies_at_nth_publish__each_step_once(void **state)
{
	(void)state;
	torture((struct fault){.bus = FAKE_BUS_DEAD});
}

static void plan__connection_lost_behind_nth_delivery__each_step_once(void **state)
{
	(void)state;
	torture((struct fault){.bus = FAKE_BUS_DELIVERY_LOST});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan__connection_lost_before_nth_commit__each_step_once),
		cmocka_unit_test(plan__connection_lost_after_nth_commit__each_step_once),
		cmocka_unit_test(plan__nth_transaction_lost_against_another__each_step_once),
		cmocka_unit_test(plan__nth_publish_refused__each_step_once),
		cmocka_unit_test(plan__nth_publish_arrives_twice__each_step_once),
		cmocka_unit_test(plan__consumers_lost_at_nth_publish__each_step_once),
		cmocka_unit_test(plan__process_dies_at_nth_publish__each_step_once),
		cmocka_unit_test(plan__connection_lost_behind_nth_delivery__each_step_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
