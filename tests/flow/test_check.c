/* SPDX-License-Identifier: Apache-2.0 */
/* A check pushes what is old enough, and waits for what is left of the time of the next: two messages to somebody with
 * a socket who acks neither. */
#include "scenario.h"

#include <surewire/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ACK_TIMEOUT_MS = 3000 };

/* The writers' wall clock. */
static _Atomic int64_t now_ms;

static int64_t wall_ms(void)
{
	return now_ms;
}

struct check {
	struct flow flow;
	struct scenario scenario;
};

static void bob_is_online(struct flow *flow)
{
	post_to_mailbox(flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_DEVICE_SET,
					  .as.device_set = {.user = BOB,
							    .device = sw_bytes_str("phone"),
							    .platform = sw_bytes_str("any"),
							    .provider = sw_bytes_str("phones"),
							    .app = sw_bytes_str("app"),
							    .token = sw_bytes_str("token"),
							    .at_ms = 1,
							    .node = NODE_B,
							    .request = 1}});
	post_to_mailbox(flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_SESSION_UP,
					  .as.session_up = {.user = BOB,
							    .device = sw_bytes_str("phone"),
							    .node = NODE_B,
							    .session = BOB,
							    .active = 1,
							    .cursor = -1}});
}

static void alice_writes(struct check *c, const char *text)
{
	struct letter letter;
	const struct message *message = scenario_message(&c->scenario, ALICE, text);
	struct sw_item item = scenario_send_item(&c->scenario, message, 0, BOB);
	letter_begin(&letter);
	letter_put(&letter, &item);
	letter_post(&c->flow, &letter, SW_ROLE_SEQUENCER, queue_of_pair(ALICE, BOB));
	flow_settle(&c->flow);
}

static int two_messages(void **state)
{
	struct check *c = calloc(1, sizeof(*c));
	flow_open(&c->flow, 1);
	c->scenario.flow = &c->flow;
	now_ms = c->flow.clock_ms;
	c->flow.mailbox_config.ack_timeout_ms = ACK_TIMEOUT_MS;
	c->flow.bus.hold_delayed = true;
	flow_start(&c->flow, 0);
	bob_is_online(&c->flow);
	alice_writes(c, "one");
	alice_writes(c, "two");
	*state = c;
	return 0;
}

static int end(void **state)
{
	struct check *c = *state;
	flow_stop(&c->flow, 0);
	flow_close(&c->flow);
	free(c);
	return 0;
}

static void check_fires(struct check *c)
{
	fake_bus_release_delayed(&c->flow.bus, true);
	flow_settle(&c->flow);
}

static void on_check__second_message_is_young__only_the_first_is_pushed(void **state)
{
	struct check *c = *state;
	assert_int_equal(fake_bus_count_delayed(&c->flow.bus, "check.3000"), 1);
	assert_int_equal(fake_bus_count_delayed(&c->flow.bus, "check."), 1);
	check_fires(c);
	assert_int_equal(fake_bus_count(&c->flow.bus, "push.phones"), 1);
	assert_int_equal(fake_bus_count_delayed(&c->flow.bus, "check."), 1);
	check_fires(c);
	assert_int_equal(fake_bus_count(&c->flow.bus, "push.phones"), 2);
	assert_int_equal(fake_bus_count_delayed(&c->flow.bus, "check."), 0);
}

static void on_check__part_of_the_time_is_over__waits_for_the_rest(void **state)
{
	struct check *c = *state;
	now_ms += 1200;
	check_fires(c);
	assert_int_equal(fake_bus_count(&c->flow.bus, "push.phones"), 1);
	assert_int_equal(fake_bus_count_delayed(&c->flow.bus, "check.2000"), 1);
	check_fires(c);
	assert_int_equal(fake_bus_count(&c->flow.bus, "push.phones"), 2);
}

static void on_check__all_the_time_is_over__both_are_pushed(void **state)
{
	struct check *c = *state;
	now_ms += ACK_TIMEOUT_MS + 10;
	check_fires(c);
	assert_int_equal(fake_bus_count_delayed(&c->flow.bus, "check."), 0);
	assert_int_equal(fake_bus_count(&c->flow.bus, "push.phones"), 1); /* two jobs in one envelope */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(on_check__second_message_is_young__only_the_first_is_pushed,
						two_messages, end),
		cmocka_unit_test_setup_teardown(on_check__all_the_time_is_over__both_are_pushed, two_messages, end),
		cmocka_unit_test_setup_teardown(on_check__part_of_the_time_is_over__waits_for_the_rest, two_messages,
						end),
	};
	sw_clock_override(NULL, wall_ms);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
