/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of plans: what is read, what is refused with which words, and whom a step goes to. */
#include "proto/plan_step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS_MAX = 3 };

static const struct sw_plan_provider providers[] = {{"apns", false}, {"fcm", false}, {"email", true}};

static int parse(const char *text, bool sockets, struct sw_plan_step steps_out[STEPS_MAX], struct sw_diag *diag_out)
{
	const struct sw_plan_rules rules = {providers, 3, STEPS_MAX, sockets};
	int count = -1;
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(json);
	int err = sw_plan_steps_parse(json, &rules, steps_out, &count, diag_out);
	json_decref(json);
	return err ? err : count;
}

static void parse__list__each_member(void **state)
{
	(void)state;
	struct sw_plan_step steps[STEPS_MAX];
	struct sw_diag diag = {0};
	assert_int_equal(
		parse("[{\"socket\":true},{\"after_s\":60,\"push\":\"fcm\"},{\"push\":\"all\",\"after_s\":604800}]",
		      true, steps, &diag),
		3);
	assert_true(steps[0].socket);
	assert_string_equal(steps[1].target, "fcm");
	assert_int_equal(steps[1].after_ms, 60000);
	assert_string_equal(steps[2].target, "all");
	assert_int_equal(steps[2].after_ms, INT64_C(604800000));
}

static void parse__bad_lists__refused_with_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool sockets;
		const char *said;
	} rows[] = {
		{"[]", true, "1 to 3"},
		{"{}", true, "1 to 3"},
		{"[{\"push\":\"all\"},{\"push\":\"all\"},{\"push\":\"all\"},{\"push\":\"all\"}]", false, "1 to 3"},
		{"[1]", true, "steps[0]: expected an object"},
		{"[{}]", true, "either \"socket\""},
		{"[{\"socket\":true,\"push\":\"all\"}]", true, "either \"socket\""},
		{"[{\"push\":\"all\"},{}]", false, "steps[1]: expected \"push\""},
		{"[{\"socket\":true}]", false, "steps[0]: expected \"push\""},
		{"[{\"socket\":false,\"push\":\"all\"}]", false, "steps[0]: expected \"push\""},
		{"[{\"push\":\"pigeon\"}]", false, "the name of a push account"},
		{"[{\"push\":\"all\",\"wait\":1}]", false, "no such member"},
		{"[{\"push\":\"all\",\"after_s\":604801}]", false, "0 to 604800"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_plan_step steps[STEPS_MAX];
		struct sw_diag diag = {0};
		assert_int_equal(parse(rows[i].text, rows[i].sockets, steps, &diag), SW_EINVAL);
		if (!strstr(diag.text, rows[i].said)) {
			fail_msg("%s: got \"%s\"", rows[i].text, diag.text);
		}
	}
}

static void takes__targets__which_accounts(void **state)
{
	(void)state;
	static const struct {
		const char *target;
		bool takes[3];
	} rows[] = {{"all", {true, true, false}},
		    {"fallback", {false, false, true}},
		    {"fcm", {false, true, false}},
		    {"email", {false, false, true}}};
	const struct sw_plan_step socket = {.socket = true};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_plan_step step = {0};
		snprintf(step.target, sizeof(step.target), "%s", rows[i].target);
		for (size_t p = 0; p < 3; p++) {
			assert_int_equal(sw_plan_step_takes(&step, providers[p].name, providers[p].fallback_only),
					 rows[i].takes[p]);
			assert_false(sw_plan_step_takes(&socket, providers[p].name, providers[p].fallback_only));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__list__each_member),
		cmocka_unit_test(parse__bad_lists__refused_with_what_was_expected),
		cmocka_unit_test(takes__targets__which_accounts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
