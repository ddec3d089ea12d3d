/* SPDX-License-Identifier: Apache-2.0 */
/* Plans of several steps for messages, in time: each step when it is due and once, none after somebody has read, what is
 * asked again before each, and what hurries them. */
#include "plan_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int begin(void **state, const char *const *providers, size_t count)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	plan_scene_open(scene, 1);
	flow_start(&scene->flow, 0);
	bob_has_each(scene, providers, count);
	*state = scene;
	return 0;
}

static int bob_is_away(void **state)
{
	return begin(state, (const char *const[]){"phones", "droids", "mail", "hooks"}, 4);
}

static int bob_has_no_droid(void **state)
{
	return begin(state, (const char *const[]){"phones", "mail"}, 2);
}

static int end(void **state)
{
	scene_close(*state);
	free(*state);
	return 0;
}

static void assert_jobs(struct scene *scene, size_t phones, size_t droids, size_t mail, size_t hooks)
{
	assert_int_equal(job_count(scene, "phones"), phones);
	assert_int_equal(job_count(scene, "droids"), droids);
	assert_int_equal(job_count(scene, "mail"), mail);
	assert_int_equal(job_count(scene, "hooks"), hooks);
}

static void assert_over(struct scene *scene)
{
	assert_int_equal(rows_left(scene), 0);
	assert_int_equal(looks_under_way(scene), 0);
}

/* ---- time ---- */

static void steps__nobody_acks__each_when_it_is_due(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	assert_jobs(scene, 1, 0, 0, 0);
	seconds_pass(scene, 59, 1);
	assert_jobs(scene, 1, 0, 0, 0);
	seconds_pass(scene, 1, 1);
	assert_jobs(scene, 1, 1, 0, 0);
	seconds_pass(scene, 239, 1);
	assert_jobs(scene, 1, 1, 0, 0);
	seconds_pass(scene, 1, 1);
	assert_jobs(scene, 1, 1, 1, 0);
	assert_over(scene);
	seconds_pass(scene, 600, 60);
	assert_jobs(scene, 1, 1, 1, 0);
	assert_int_equal(jobs_of(scene, "phones").step[0], 1);
	assert_int_equal(jobs_of(scene, "droids").step[0], 2);
	assert_int_equal(jobs_of(scene, "mail").step[0], 3);
}

static void steps__looks_come_from_below__in_the_longest_stage_that_is_not_too_late(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	assert_int_equal(fake_bus_count_delayed(&scene->flow.bus, "check.60000"), 1);
	seconds_pass(scene, 60, 60);
	assert_int_equal(fake_bus_count_delayed(&scene->flow.bus, "check.120000"), 1);
	seconds_pass(scene, 120, 120);
	assert_int_equal(fake_bus_count_delayed(&scene->flow.bus, "check.120000"), 1);
	assert_int_equal(looks_under_way(scene), 1);
}

static void steps__many_messages__each_its_own_time_and_one_look(void **state)
{
	struct scene *scene = *state;
	for (int i = 0; i < 10; i++) {
		alice_writes(scene, "hello");
		scene_clock_add_ms(2000);
	}
	assert_int_equal(looks_under_way(scene), 1);
	seconds_pass(scene, 40, 1); /* the first is 60 s old */
	assert_jobs(scene, 10, 1, 0, 0);
	assert_int_equal(looks_under_way(scene), 1);
	seconds_pass(scene, 18, 1);
	assert_jobs(scene, 10, 10, 0, 0);
	assert_int_equal(looks_under_way(scene), 1);
	seconds_pass(scene, 240, 2);
	assert_jobs(scene, 10, 10, 10, 0);
	assert_over(scene);
}

static void steps__person_seemed_online__the_first_after_ack_timeout(void **state)
{
	struct scene *scene = *state;
	bob_connects(scene, "phones", -1, true);
	alice_writes(scene, "hello");
	assert_jobs(scene, 0, 0, 0, 0);
	assert_int_equal(rows_left(scene), 0);
	seconds_pass(scene, 10, 10);
	assert_jobs(scene, 1, 0, 0, 0);
	seconds_pass(scene, 59, 1);
	assert_jobs(scene, 1, 0, 0, 0);
	seconds_pass(scene, 1, 1);
	assert_jobs(scene, 1, 1, 0, 0);
}

static void steps__same_devices_again__another_job_about_the_same_message(void **state)
{
	struct scene *scene = *state;
	bob_prefers(scene, 0, -1, "again");
	alice_writes(scene, "hello");
	seconds_pass(scene, 10, 10);
	const struct scene_jobs jobs = jobs_of(scene, "phones");
	assert_int_equal(jobs.count, 2); /* different ones */
	assert_int_equal(jobs.pos[0], jobs.pos[1]);
	assert_int_equal(jobs.step[0], 1);
	assert_int_equal(jobs.step[1], 2);
	assert_over(scene);
}

/* ---- what ends a plan ---- */

static void ack__between_two_steps__no_more(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	seconds_pass(scene, 60, 60);
	bob_acks(scene, "phones", 1, true);
	seconds_pass(scene, 600, 60);
	assert_jobs(scene, 1, 1, 0, 0);
	assert_over(scene);
}

static void ack__of_a_device_whose_person_is_away__goes_on(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	bob_acks(scene, "phones", 1, false);
	seconds_pass(scene, 60, 60);
	assert_jobs(scene, 1, 1, 0, 0);
}

static void ack__of_all_devices_of_a_step_whose_person_is_away__waits_for_it(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	bob_acks(scene, "droids", 1, false);
	seconds_pass(scene, 60, 60);
	assert_jobs(scene, 1, 0, 0, 0); /* it has the message itself */
	seconds_pass(scene, 239, 1);
	assert_jobs(scene, 1, 0, 0, 0);
	seconds_pass(scene, 1, 1);
	assert_jobs(scene, 1, 0, 1, 0);
}

static void ack__of_the_first_of_two__the_second_goes_on(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "one");
	alice_writes(scene, "two");
	bob_acks(scene, "phones", 1, true);
	seconds_pass(scene, 60, 60);
	assert_jobs(scene, 2, 1, 0, 0);
	assert_int_equal(jobs_of(scene, "droids").pos[0], 2);
}

static void mute__between_two_steps__no_more_even_after_its_end(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	bob_prefers(scene, 0, scene->flow.clock_ms + 100000, "");
	seconds_pass(scene, 60, 60);
	assert_over(scene);
	seconds_pass(scene, 600, 60);
	assert_jobs(scene, 1, 0, 0, 0);
}

/* ---- what is skipped, and what hurries ---- */

static void steps__no_device_for_one__the_next_at_its_time(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	assert_jobs(scene, 1, 0, 0, 0);
	seconds_pass(scene, 59, 1);
	assert_jobs(scene, 1, 0, 0, 0);
	seconds_pass(scene, 1, 1);
	assert_jobs(scene, 1, 0, 1, 0);
	assert_over(scene);
}

static void failure__of_the_first_step__the_second_at_once_and_the_third_after_it(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	seconds_pass(scene, 20, 20);
	push_fails(scene, 1, 1);
	assert_jobs(scene, 1, 1, 0, 0);
	seconds_pass(scene, 239, 1);
	assert_jobs(scene, 1, 1, 0, 0);
	seconds_pass(scene, 2, 1);
	assert_jobs(scene, 1, 1, 1, 0);
	assert_over(scene);
}

static void failure__of_a_step_that_is_not_the_last_taken__changes_nothing(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	seconds_pass(scene, 60, 60);
	push_fails(scene, 1, 1);
	assert_jobs(scene, 1, 1, 0, 0);
	push_fails(scene, 1, 2);
	assert_jobs(scene, 1, 1, 1, 0);
	push_fails(scene, 1, 2);
	assert_jobs(scene, 1, 1, 1, 1); /* the plan is over, and no step of it was for hooks */
	push_fails(scene, 1, 3);
	assert_jobs(scene, 1, 1, 1, 1);
}

static void failure__after_somebody_has_read__nothing(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	bob_acks(scene, "phones", 1, true);
	push_fails(scene, 1, 1);
	assert_jobs(scene, 1, 0, 0, 0);
}

static void token_dead__last_device_of_the_step__the_next_at_once(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	token_dies(scene, "phones", 1, 1);
	assert_jobs(scene, 1, 1, 0, 0);
}

static void token_dead__another_device_of_the_step_is_left__waits(void **state)
{
	struct scene *scene = *state;
	bob_prefers(scene, 0, -1, "brisk");
	alice_writes(scene, "hello");
	assert_jobs(scene, 1, 1, 0, 0);
	token_dies(scene, "phones", 1, 1);
	assert_jobs(scene, 1, 1, 0, 0);
	token_dies(scene, "droids", 1, 1);
	assert_jobs(scene, 1, 1, 0, 1);
}

static void token_dead__only_step_and_another_device_that_is_no_step__the_last_resort(void **state)
{
	struct scene *scene = *state;
	bob_prefers(scene, 0, -1, "droid");
	alice_writes(scene, "hello");
	assert_jobs(scene, 0, 1, 0, 0);
	token_dies(scene, "droids", 1, jobs_of(scene, "droids").step[0]);
	assert_jobs(scene, 0, 1, 1, 1);
}

/* ---- whose plan it is ---- */

static void choice__of_a_person_and_of_a_conversation__holds(void **state)
{
	struct scene *scene = *state;
	bob_prefers(scene, 0, -1, "plain");
	alice_writes(scene, "hello");
	assert_jobs(scene, 1, 1, 0, 0);
	assert_over(scene);
	assert_int_equal(jobs_of(scene, "phones").step[0], 0);
	bob_prefers(scene, scene->flow.store.tables.inbox.rows[0].conv, -1, "brisk");
	alice_writes(scene, "hello");
	seconds_pass(scene, 10, 10);
	assert_jobs(scene, 2, 2, 0, 1);
	bob_prefers(scene, scene->flow.store.tables.inbox.rows[0].conv, -1, "");
	bob_prefers(scene, 0, -1, "");
	assert_int_equal(scene->flow.store.tables.preference.count, 0);
	alice_writes(scene, "hello");
	assert_jobs(scene, 3, 2, 0, 1);
}

static void choice__changed_between_two_steps__the_new_plan_goes_on(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	bob_prefers(scene, 0, -1, "brisk");
	seconds_pass(scene, 60, 60);
	assert_jobs(scene, 1, 0, 0, 1);
	assert_over(scene);
	bob_prefers(scene, 0, -1, "");
	alice_writes(scene, "hello");
	bob_prefers(scene, 0, -1, "plain");
	seconds_pass(scene, 60, 60);
	assert_jobs(scene, 2, 0, 0, 1);
	assert_over(scene);
}

static void choice__of_a_name_that_there_is_not__kept_out(void **state)
{
	struct scene *scene = *state;
	bob_prefers(scene, 0, -1, "brisk");
	bob_prefers(scene, 0, -1, "unheard-of");
	assert_int_equal(scene->flow.store.tables.preference.count, 1);
	assert_true(sw_bytes_equal_str(scene->flow.store.tables.preference.rows[0].plan, "brisk"));
}

/* ---- another engine, and repeats ---- */

static void takeover__between_two_steps__goes_on(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "hello");
	seconds_pass(scene, 60, 60);
	flow_stop(&scene->flow, 0);
	flow_start(&scene->flow, 1);
	seconds_pass(scene, 240, 60);
	assert_jobs(scene, 1, 1, 1, 0);
	assert_over(scene);
}

static void takeover__with_looks_of_both__one_remains(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "one");
	flow_stop(&scene->flow, 0);
	flow_start(&scene->flow, 1);
	alice_writes(scene, "two"); /* who takes over does not know of the look that is under way */
	assert_int_equal(looks_under_way(scene), 2);
	seconds_pass(scene, 60, 60);
	assert_jobs(scene, 2, 2, 0, 0);
	assert_int_equal(looks_under_way(scene), 1);
	seconds_pass(scene, 240, 60);
	assert_jobs(scene, 2, 2, 2, 0);
	assert_over(scene);
}

#define PLAN_TEST(name) cmocka_unit_test_setup_teardown(name, bob_is_away, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAN_TEST(steps__nobody_acks__each_when_it_is_due),
		PLAN_TEST(steps__looks_come_from_below__in_the_longest_stage_that_is_not_too_late),
		PLAN_TEST(steps__many_messages__each_its_own_time_and_one_look),
		PLAN_TEST(steps__person_seemed_online__the_first_after_ack_timeout),
		PLAN_TEST(steps__same_devices_again__another_job_about_the_same_message),
		PLAN_TEST(ack__between_two_steps__no_more),
		PLAN_TEST(ack__of_a_device_whose_person_is_away__goes_on),
		PLAN_TEST(ack__of_all_devices_of_a_step_whose_person_is_away__waits_for_it),
		PLAN_TEST(ack__of_the_first_of_two__the_second_goes_on),
		PLAN_TEST(mute__between_two_steps__no_more_even_after_its_end),
		cmocka_unit_test_setup_teardown(steps__no_device_for_one__the_next_at_its_time, bob_has_no_droid, end),
		PLAN_TEST(failure__of_the_first_step__the_second_at_once_and_the_third_after_it),
		PLAN_TEST(failure__of_a_step_that_is_not_the_last_taken__changes_nothing),
		PLAN_TEST(failure__after_somebody_has_read__nothing),
		PLAN_TEST(token_dead__last_device_of_the_step__the_next_at_once),
		PLAN_TEST(token_dead__another_device_of_the_step_is_left__waits),
		PLAN_TEST(token_dead__only_step_and_another_device_that_is_no_step__the_last_resort),
		PLAN_TEST(choice__of_a_person_and_of_a_conversation__holds),
		PLAN_TEST(choice__changed_between_two_steps__the_new_plan_goes_on),
		PLAN_TEST(choice__of_a_name_that_there_is_not__kept_out),
		PLAN_TEST(takeover__between_two_steps__goes_on),
		PLAN_TEST(takeover__with_looks_of_both__one_remains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
