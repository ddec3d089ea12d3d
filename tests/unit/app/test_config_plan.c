/* SPDX-License-Identifier: Apache-2.0 */
/* [plan.NAME] sections: the list of steps that comes of them, and what is refused before anybody looks at the steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static void config_plan__two_plans__lists_in_the_order_of_the_steps(void **state)
{
	(void)state;
	static const char *const environ[] = {"SUREWIRE_PLAN_B_2_STEP_2={\"push\":\"env\"}", NULL};
	struct sw_config *config = NULL;
	assert_int_equal(
		fixture_load("[plan.a]\nstep_2 = {\"after_s\":60,\"push\":\"fcm\"}\nstep_1 = {\"push\":\"all\"}\n"
			     "[plan.b-2]\nstep_1 = {\"push\":\"all\"}\nstep_2 = {\"push\":\"file\"}\nstep_3 =\n"
			     "[mailbox]\nplan = b-2\n",
			     environ, &config, NULL),
		SW_OK);
	assert_int_equal(config->plan_count, 2);
	assert_string_equal(config->plans[0].name, "a");
	assert_string_equal(config->plans[0].steps, "[{\"push\":\"all\"},{\"after_s\":60,\"push\":\"fcm\"}]");
	assert_string_equal(config->plans[1].name, "b-2");
	assert_string_equal(config->plans[1].steps, "[{\"push\":\"all\"},{\"push\":\"env\"}]");
	assert_string_equal(config->mailbox.plan, "b-2");
	sw_config_free(config);
}

static void config_plan__bad_sections__refused(void **state)
{
	(void)state;
	fixture_expect_error("[plan.a]\n", "@/s.ini:1: [plan.a]: expected at least step_1");
	fixture_expect_error("[plan.a]\nstep_2 = {}\n", "@/s.ini:1: [plan.a]: expected step_1 before step_2");
	fixture_expect_error("[plan.a]\nstep_1 = {}\nstep_2 =\nstep_3 = {}\n",
			     "@/s.ini:1: [plan.a]: expected step_2 before step_3");
	fixture_expect_error("[plan.a]\nstep_1 = {}\nstep_9 = {}\n",
			     "@/s.ini:3: [plan.a] step_9: expected step_1 to step_8");
	fixture_expect_error("[plan.a]\nsteps = []\n", "@/s.ini:2: [plan.a] steps: expected step_1 to step_8");
	fixture_expect_error("[plan.A]\nstep_1 = {}\n",
			     "@/s.ini:1: [plan.A]: expected a name of 1 to 32 of a-z 0-9 _ - after the dot");
	fixture_expect_error("[plan.]\nstep_1 = {}\n",
			     "@/s.ini:1: [plan.]: expected a name of 1 to 32 of a-z 0-9 _ - after the dot");
}

static void config_plan__too_many__refused(void **state)
{
	(void)state;
	char *contents = sw_xcalloc(1, 4096);
	for (int i = 0; i <= 32; i++) {
		size_t used = strlen(contents);
		snprintf(contents + used, 4096 - used, "[plan.p%d]\nstep_1 = {}\n", i);
	}
	fixture_expect_error(contents, "@/s.ini:65: [plan.p32]: expected at most 32 plan sections");
	free(contents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_plan__two_plans__lists_in_the_order_of_the_steps),
		cmocka_unit_test(config_plan__bad_sections__refused),
		cmocka_unit_test(config_plan__too_many__refused),
	};
	return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
