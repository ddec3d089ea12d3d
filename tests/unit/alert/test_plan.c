/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: what is read, what is refused with which words, and what comes after what. */
#include "alert/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct sw_plan_provider providers[] = {{"apns", false}, {"fcm", false}, {"email", true}};

static int parse(const char *text, struct sw_alert_plan *plan_out, struct sw_diag *diag_out)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(json);
	int err = sw_alert_plan_parse(json, providers, 3, plan_out, diag_out);
	json_decref(json);
	return err;
}

static void parse__list__steps_and_defaults(void **state)
{
	(void)state;
	struct sw_alert_plan plan;
	struct sw_diag diag = {0};
	assert_int_equal(parse("[{\"socket\":true},{\"after_s\":60,\"push\":\"fcm\"}]", &plan, &diag), SW_OK);
	assert_int_equal(plan.count, 2);
	assert_true(plan.steps[0].socket);
	assert_true(sw_alert_plan_has_socket(&plan));
	assert_string_equal(plan.steps[1].target, "fcm");
	assert_int_equal(plan.steps[1].after_ms, 60000);
	assert_int_equal(plan.rounds, 1);
	assert_false(plan.on_call);
	assert_int_equal(plan.give_up_ms, 300000);
}

static void parse__bad_plans__refused_with_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *said;
	} rows[] = {
		{"1", "a list of steps"},
		{"[]", "1 to 32"},
		{"{}", "1 to 32"},
		{"[1]", "steps[0]: expected an object"},
		{"[{}]", "either"},
		{"[{\"socket\":false}]", "either"},
		{"[{\"socket\":true,\"push\":\"all\"}]", "either"},
		{"[{\"push\":\"pigeon\"}]", "the name of a push account"},
		{"[{\"push\":7}]", "either"},
		{"[{\"push\":\"all\",\"after\":1}]", "no such member"},
		{"[{\"push\":\"all\",\"after_s\":-1}]", "0 to 604800"},
		{"[{\"push\":\"all\",\"after_s\":604801}]", "0 to 604800"},
		{"[{\"push\":\"all\",\"after_s\":1.5}]", "a whole number"},
		{"{\"steps\":[{\"push\":\"all\"}],\"order\":\"random\"}", "on_call"},
		{"{\"steps\":[{\"push\":\"all\"}],\"repeat\":{\"times\":2}}", "every_s"},
		{"{\"steps\":[{\"push\":\"all\"}],\"repeat\":{\"every_s\":0,\"times\":2}}", "every_s"},
		{"{\"steps\":[{\"push\":\"all\"}],\"repeat\":{\"every_s\":1,\"times\":100}}", "1 to 99"},
		{"{\"steps\":[{\"push\":\"all\"}],\"next_after_s\":0}", "next_after_s"},
		{"{\"step\":[{\"push\":\"all\"}]}", "\"step\""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_alert_plan plan;
		struct sw_diag diag = {0};
		assert_int_equal(parse(rows[i].text, &plan, &diag), SW_EINVAL);
		if (!strstr(diag.text, rows[i].said)) {
			fail_msg("%s: got \"%s\"", rows[i].text, diag.text);
		}
	}
}

static void json__of_a_plan__reads_as_the_same_plan(void **state)
{
	(void)state;
	struct sw_alert_plan plan;
	struct sw_alert_plan again;
	struct sw_diag diag = {0};
	assert_int_equal(
		parse("{\"steps\":[{\"socket\":true},{\"after_s\":5,\"push\":\"fallback\"}],\"order\":\"on_call\","
		      "\"next_after_s\":7,\"repeat\":{\"every_s\":9,\"times\":2},\"give_up_after_s\":11}",
		      &plan, &diag),
		SW_OK);
	json_t *json = sw_alert_plan_json(&plan);
	assert_int_equal(sw_alert_plan_parse(json, NULL, 0, &again, &diag), SW_OK);
	json_decref(json);
	assert_memory_equal(&plan, &again, sizeof(plan));
	assert_int_equal(again.rounds, 3);
}

static void next__two_rounds__each_step_then_given_up(void **state)
{
	(void)state;
	struct sw_alert_plan plan;
	struct sw_diag diag = {0};
	static const struct {
		struct sw_alert_place place;
		int64_t wait_ms;
	} rows[] = {{{0, 1, false}, 5000}, {{1, 0, false}, 9000}, {{1, 1, false}, 5000}, {{1, 2, true}, 11000}};
	assert_int_equal(parse("{\"steps\":[{\"socket\":true},{\"after_s\":5,\"push\":\"all\"}],"
			       "\"repeat\":{\"every_s\":9,\"times\":1},\"give_up_after_s\":11}",
			       &plan, &diag),
			 SW_OK);
	struct sw_alert_place place = {0, 0, false};
	int64_t wait_ms;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		place = sw_alert_plan_next(&plan, place, &wait_ms);
		assert_int_equal(place.round, rows[i].place.round);
		assert_int_equal(place.step, rows[i].place.step);
		assert_int_equal(place.last, rows[i].place.last);
		assert_int_equal(wait_ms, rows[i].wait_ms);
	}
	(void)sw_alert_plan_next(&plan, place, &wait_ms);
	assert_int_equal(wait_ms, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__list__steps_and_defaults),
		cmocka_unit_test(parse__bad_plans__refused_with_what_was_expected),
		cmocka_unit_test(json__of_a_plan__reads_as_the_same_plan),
		cmocka_unit_test(next__two_rounds__each_step_then_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
