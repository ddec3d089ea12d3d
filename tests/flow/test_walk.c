/* SPDX-License-Identifier: Apache-2.0 */
/* The scenario with nothing in its way: exact results. */
#include "scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void walk(unsigned engines, unsigned batch_items_max)
{
	struct flow flow;
	struct scenario scenario;
	flow_open(&flow, engines);
	flow.batch_items_max = batch_items_max;
	scenario_run(&scenario, &flow);
	check_everything(&scenario);
	assert_int_equal(flow.store.fenced, 0);
	/* One direct conversation of Alice and Bob although both began it; with Carol and Dave's and the group. */
	assert_int_equal(flow.store.tables.conversation.count, 5);
	/* The gateway that died holds no session any more, and the one that said goodbye neither. */
	assert_int_equal(flow.store.tables.session.count, 1);
	assert_int_equal(flow.store.tables.session.rows[0].user, DAVE);
	flow_close(&flow);
}

static void scenario__one_engine__every_hand_over_is_local(void **state)
{
	(void)state;
	walk(1, 1000);
}

static void scenario__two_engines__hand_overs_travel(void **state)
{
	(void)state;
	walk(2, 1000);
}

static void scenario__batches_of_one__same_results(void **state)
{
	(void)state;
	walk(2, 1);
}

static void scenario__caches_of_one_entry__same_results(void **state)
{
	(void)state;
	struct flow flow;
	struct scenario scenario;
	flow_open(&flow, 2);
	flow.sequencer_config = (struct sw_sequencer_config){.conversations_max = 1, .recent_max = 1};
	flow.mailbox_config.users_max = 1;
	scenario_run(&scenario, &flow);
	check_everything(&scenario);
	assert_int_equal(flow.store.tables.session.count, 1);
	flow_close(&flow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenario__one_engine__every_hand_over_is_local),
		cmocka_unit_test(scenario__two_engines__hand_overs_travel),
		cmocka_unit_test(scenario__batches_of_one__same_results),
		cmocka_unit_test(scenario__caches_of_one_entry__same_results),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
