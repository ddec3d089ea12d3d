/* SPDX-License-Identifier: Apache-2.0 */
/* The scenario again and again, each time with one fault, one step later than the time before, until a run is over
 * before its fault comes. After each the invariants must hold. */
#include "scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RUNS_MAX = 1000, KEEPER_RUNS = 8 };

struct plan {
	enum fake_store_fault store;
	enum fake_bus_fault bus;
	bool keeper;
	bool nodes_may_miss;
};

/* False: the fault was not reached. */
static bool run(const struct plan *plan, unsigned at)
{
	struct flow flow;
	struct scenario scenario;
	flow_open(&flow, 2);
	flow.store.fault = plan->store;
	flow.store.fault_keeper = plan->keeper;
	flow.store.fault_at = plan->store ? at : 0;
	flow.bus.fault = plan->bus;
	flow.bus.fault_at = plan->bus ? at : 0;
	if (getenv("FLOW_TRACE")) {
		fprintf(stderr, "store %d bus %d keeper %d at %u\n", plan->store, plan->bus, plan->keeper, at);
	}
	scenario_run(&scenario, &flow);
	scenario.nodes_may_miss = plan->nodes_may_miss;
	bool reached = flow.store.fault_reached || flow.bus.fault_reached;
	check_everything(&scenario);
	flow_close(&flow);
	return reached;
}

static void torture(struct plan plan)
{
	const char *from = getenv("FLOW_FROM");
	unsigned at = from ? (unsigned)strtoul(from, NULL, 10) : 1;
	while (run(&plan, at)) {
		at++;
		assert_true(at < RUNS_MAX);
		if (plan.keeper && at > KEEPER_RUNS) {
			return; /* keepers come back to the store for ever */
		}
	}
	assert_true(at > 20); /* the faults did come */
}

static void scenario__connection_lost_before_nth_commit__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.store = FAKE_STORE_CLOSED_BEFORE});
}

static void scenario__connection_lost_after_nth_commit__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.store = FAKE_STORE_CLOSED_AFTER});
}

static void scenario__nth_transaction_lost_against_another__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.store = FAKE_STORE_AGAIN});
}

static void scenario__nth_transaction_timed_out__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.store = FAKE_STORE_TIMEOUT});
}

static void scenario__nth_transaction_timed_out_but_committed__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.store = FAKE_STORE_TIMEOUT_AFTER});
}

static void scenario__store_away_at_nth_transaction__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.store = FAKE_STORE_UNAVAILABLE});
}

static void scenario__keeper_fails_before_or_after_nth_commit__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.store = FAKE_STORE_CLOSED_BEFORE, .keeper = true});
	torture((struct plan){.store = FAKE_STORE_CLOSED_AFTER, .keeper = true});
}

static void scenario__nth_publish_refused__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.bus = FAKE_BUS_REFUSED, .nodes_may_miss = true});
}

static void scenario__nth_publish_arrives_twice__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.bus = FAKE_BUS_TWICE});
}

static void scenario__consumers_lost_at_nth_publish__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.bus = FAKE_BUS_CONSUMERS_LOST});
}

static void scenario__process_dies_at_nth_publish__invariants_hold(void **state)
{
	(void)state;
	torture((struct plan){.bus = FAKE_BUS_DEAD, .nodes_may_miss = true});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scenario__connection_lost_before_nth_commit__invariants_hold),
		cmocka_unit_test(scenario__connection_lost_after_nth_commit__invariants_hold),
		cmocka_unit_test(scenario__nth_transaction_lost_against_another__invariants_hold),
		cmocka_unit_test(scenario__nth_transaction_timed_out__invariants_hold),
		cmocka_unit_test(scenario__nth_transaction_timed_out_but_committed__invariants_hold),
		cmocka_unit_test(scenario__store_away_at_nth_transaction__invariants_hold),
		cmocka_unit_test(scenario__keeper_fails_before_or_after_nth_commit__invariants_hold),
		cmocka_unit_test(scenario__nth_publish_refused__invariants_hold),
		cmocka_unit_test(scenario__nth_publish_arrives_twice__invariants_hold),
		cmocka_unit_test(scenario__consumers_lost_at_nth_publish__invariants_hold),
		cmocka_unit_test(scenario__process_dies_at_nth_publish__invariants_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
