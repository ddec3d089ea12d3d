/* SPDX-License-Identifier: Apache-2.0 */
/* What the mailbox records of when and why, to the millisecond: the columns of the inbox, the ledger's steps, the reasons
 * of pushes. Bob has a socket and a phone, the wall clock is the test's. */
#include "scenario.h"

#include "proto/job.h"

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

struct ledger {
	struct flow flow;
	struct scenario scenario;
};

/* ---- what happens ---- */

static void device_set(struct flow *flow, const char *device, const char *provider)
{
	post_to_mailbox(flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_DEVICE_SET,
					  .as.device_set = {.user = BOB,
							    .device = sw_bytes_str(device),
							    .platform = sw_bytes_str("any"),
							    .provider = sw_bytes_str(provider),
							    .app = sw_bytes_str("app"),
							    .token = sw_bytes_str("token"),
							    .at_ms = 1,
							    .node = NODE_B,
							    .request = 1}});
	flow_settle(flow);
}

static void session_up(struct flow *flow, int64_t cursor, bool active)
{
	post_to_mailbox(flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_SESSION_UP,
					  .as.session_up = {.user = BOB,
							    .device = sw_bytes_str("laptop"),
							    .node = NODE_B,
							    .session = BOB,
							    .active = active,
							    .cursor = cursor}});
	flow_settle(flow);
}

static void presence(struct flow *flow, bool active)
{
	post_to_mailbox(
		flow, BOB,
		&(struct sw_item){.kind = SW_ITEM_PRESENCE,
				  .as.presence = {.user = BOB, .node = NODE_B, .session = BOB, .active = active}});
	flow_settle(flow);
}

/* at_ms and sent_at_ms: 0 as in the item's former layout. */
static void ack(struct flow *flow, int64_t pos, bool active, int64_t at_ms, int64_t sent_at_ms)
{
	post_to_mailbox(flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_ACK,
					  .as.ack = {.user = BOB,
						     .device = sw_bytes_str("laptop"),
						     .pos = pos,
						     .active = active,
						     .at_ms = at_ms,
						     .sent_at_ms = sent_at_ms}});
	flow_settle(flow);
}

static void alice_writes(struct ledger *l, const char *text)
{
	struct letter letter;
	const struct message *message = scenario_message(&l->scenario, ALICE, text);
	struct sw_item item = scenario_send_item(&l->scenario, message, 0, BOB);
	letter_begin(&letter);
	letter_put(&letter, &item);
	letter_post(&l->flow, &letter, SW_ROLE_SEQUENCER, queue_of_pair(ALICE, BOB));
	flow_settle(&l->flow);
}

static void checks_fire(struct flow *flow)
{
	fake_bus_release_delayed(&flow->bus, true);
	flow_settle(flow);
}

static int open_ledger(void **state)
{
	struct ledger *l = calloc(1, sizeof(*l));
	flow_open(&l->flow, 1);
	l->scenario.flow = &l->flow;
	now_ms = l->flow.clock_ms;
	l->flow.mailbox_config.ack_timeout_ms = ACK_TIMEOUT_MS;
	l->flow.bus.hold_delayed = true;
	*state = l;
	return 0;
}

static int setup(void **state)
{
	open_ledger(state);
	struct ledger *l = *state;
	flow_start(&l->flow, 0);
	return 0;
}

static int teardown(void **state)
{
	struct ledger *l = *state;
	flow_stop(&l->flow, 0);
	flow_close(&l->flow);
	free(l);
	return 0;
}

/* ---- what is recorded ---- */

static void expect_inbox(struct flow *flow, int64_t pos, int sockets, int pushes)
{
	size_t found = 0;
	sw_fake_foreach(&flow->store, inbox, row)
	{
		if (row->user == BOB && row->pos == pos) {
			found++;
			assert_int_equal(row->sockets, sockets);
			assert_int_equal(row->pushes, pushes);
			assert_int_equal(row->routed_after_ms, 0);
		}
	}
	assert_int_equal(found, 1);
}

static void expect_step(struct flow *flow, size_t index, struct fake_ledger expected)
{
	assert_true(flow->store.tables.ledger.count > index);
	const struct fake_ledger *row = &flow->store.tables.ledger.rows[index];
	assert_int_equal(row->user, BOB);
	assert_true(sw_bytes_equal_str(row->device, "laptop"));
	assert_int_equal(row->pos, expected.pos);
	assert_int_equal(row->acked, expected.acked);
	assert_int_equal(row->read, expected.read);
	assert_int_equal(row->active, expected.active);
	assert_int_equal(row->at_ms, expected.at_ms);
	assert_int_equal(row->sent_before_ms, expected.sent_before_ms);
}

struct planned {
	size_t count;
	struct {
		struct sw_uuid id;
		int64_t pos, planned_at_ms;
		uint8_t reason;
	} jobs[16];
};

/* Two checks at a time may say the same twice. */
static bool is_known(const struct planned *planned, const struct sw_uuid *id)
{
	for (size_t i = 0; i < planned->count; i++) {
		if (sw_uuid_equal(&planned->jobs[i].id, id)) {
			return true;
		}
	}
	return false;
}

static void collect(void *ctx, const struct sw_uuid *section, const struct sw_item *item)
{
	struct planned *planned = ctx;
	const struct sw_item_job *job = &item->as.job;
	(void)section;
	if (is_known(planned, &job->job)) {
		return;
	}
	assert_true(planned->count < 16);
	planned->jobs[planned->count].id = job->job;
	planned->jobs[planned->count].pos = job->pos;
	planned->jobs[planned->count].planned_at_ms = job->planned_at_ms;
	planned->jobs[planned->count++].reason = job->reason;
}

static void expect_push(struct flow *flow, const char *queue, size_t index, int64_t pos, enum sw_job_reason reason)
{
	struct planned planned = {.count = 0};
	flow_each_queued(flow, queue, collect, &planned);
	assert_int_equal(planned.count, index + 1);
	assert_int_equal(planned.jobs[index].pos, pos);
	assert_int_equal(planned.jobs[index].reason, reason);
	assert_int_equal(planned.jobs[index].planned_at_ms, now_ms);
}

/* ---- tests ---- */

static void steps__acks_in_the_background_then_the_person_comes__each_takes_its_positions(void **state)
{
	struct ledger *l = *state;
	struct flow *flow = &l->flow;
	session_up(flow, 0, false);
	for (int i = 0; i < 5; i++) {
		alice_writes(l, "hello");
	}
	int64_t begin_ms = now_ms;
	ack(flow, 2, false, begin_ms + 400, begin_ms + 300);
	ack(flow, 3, false, 0, 0);
	presence(flow, true);
	now_ms += 10000;
	presence(flow, true);                         /* again */
	ack(flow, 5, true, now_ms + 20, now_ms + 50); /* the clocks of two gateways differ */
	assert_int_equal(flow->store.tables.ledger.count, 4);
	expect_step(flow, 0,
		    (struct fake_ledger){.pos = 2, .acked = 2, .at_ms = begin_ms + 400, .sent_before_ms = 100});
	expect_step(flow, 1, (struct fake_ledger){.pos = 3, .acked = 1, .at_ms = begin_ms, .sent_before_ms = -1});
	expect_step(flow, 2,
		    (struct fake_ledger){.pos = 3, .read = 3, .active = true, .at_ms = begin_ms, .sent_before_ms = -1});
	expect_step(flow, 3,
		    (struct fake_ledger){.pos = 5, .acked = 2, .read = 2, .active = true, .at_ms = now_ms + 20});
	check_ledger(flow);
}

static void steps__what_was_said_before__records_nothing(void **state)
{
	struct ledger *l = *state;
	struct flow *flow = &l->flow;
	session_up(flow, 0, true);
	alice_writes(l, "hello");
	alice_writes(l, "hello again");
	ack(flow, 2, true, now_ms, 0);
	ack(flow, 2, true, now_ms + 1, 0);
	ack(flow, 1, false, now_ms + 2, 0);
	ack(flow, INT64_MAX, true, now_ms + 3, 0);
	session_up(flow, 2, true);
	assert_int_equal(flow->store.tables.ledger.count, 1);
}

static void steps__a_cursor_said_at_log_in__counts_like_an_ack(void **state)
{
	struct ledger *l = *state;
	struct flow *flow = &l->flow;
	alice_writes(l, "while away");
	session_up(flow, 1, true); /* of a device that is made at this moment */
	expect_step(flow, 0,
		    (struct fake_ledger){
			    .pos = 1, .acked = 1, .read = 1, .active = true, .at_ms = now_ms, .sent_before_ms = -1});
	check_ledger(flow);
}

static void steps__no_ledger_is_kept__cursors_move_all_the_same(void **state)
{
	open_ledger(state);
	struct ledger *l = *state;
	struct flow *flow = &l->flow;
	flow->mailbox_config.keeps_ledger = false;
	flow_start(flow, 0);
	session_up(flow, 0, true);
	alice_writes(l, "hello");
	ack(flow, 1, true, now_ms, 0);
	assert_int_equal(flow->store.tables.ledger.count, 0);
	assert_int_equal(flow->store.tables.device.rows[0].active_cursor, 1);
	teardown(state);
}

static void inbox__nobody_connected__the_pushes_of_all_phones(void **state)
{
	struct ledger *l = *state;
	alice_writes(l, "no device at all");
	device_set(&l->flow, "phone", "phones");
	device_set(&l->flow, "tablet", "phones");
	alice_writes(l, "two devices");
	expect_inbox(&l->flow, 1, 0, 0);
	expect_inbox(&l->flow, 2, 0, 2);
	struct planned planned = {.count = 0};
	flow_each_queued(&l->flow, "push.phones", collect, &planned);
	assert_int_equal(planned.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(planned.jobs[i].reason, SW_JOB_REASON_OFFLINE);
		assert_int_equal(planned.jobs[i].planned_at_ms, now_ms);
	}
}

static void check__nobody_acks__pushed_for_want_of_an_ack(void **state)
{
	struct ledger *l = *state;
	device_set(&l->flow, "phone", "phones");
	session_up(&l->flow, 0, true);
	alice_writes(l, "into a half-open socket");
	expect_inbox(&l->flow, 1, 1, 0);
	now_ms += ACK_TIMEOUT_MS;
	checks_fire(&l->flow);
	expect_push(&l->flow, "push.phones", 0, 1, SW_JOB_REASON_NO_ACK);
}

static void check__acked_in_the_background__pushed_since_the_person_is_away(void **state)
{
	struct ledger *l = *state;
	device_set(&l->flow, "phone", "phones");
	session_up(&l->flow, 0, false);
	alice_writes(l, "to an empty chair");
	ack(&l->flow, 1, false, now_ms, now_ms);
	now_ms += ACK_TIMEOUT_MS;
	checks_fire(&l->flow);
	expect_push(&l->flow, "push.phones", 0, 1, SW_JOB_REASON_AWAY);
}

static void check__the_socket_is_gone__pushed_since_nobody_is_connected(void **state)
{
	struct ledger *l = *state;
	device_set(&l->flow, "phone", "phones");
	session_up(&l->flow, 0, true);
	alice_writes(l, "and the socket closes");
	post_to_mailbox(&l->flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_SESSION_DOWN,
					  .as.session_down = {.user = BOB, .node = NODE_B, .session = BOB}});
	flow_settle(&l->flow);
	checks_fire(&l->flow);
	expect_push(&l->flow, "push.phones", 0, 1, SW_JOB_REASON_OFFLINE);
}

static void fallback__dead_token_or_spent_attempts__say_which(void **state)
{
	struct ledger *l = *state;
	device_set(&l->flow, "phone", "phones");
	device_set(&l->flow, "address", "mail");
	alice_writes(l, "one");
	alice_writes(l, "two");
	post_to_mailbox(&l->flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_FALLBACK,
					  .as.fallback = {.user = BOB, .pos = 1, .reason = sw_bytes_str("spent")}});
	flow_settle(&l->flow);
	expect_push(&l->flow, "push.mail", 0, 1, SW_JOB_REASON_OTHERS_FAILED);
	post_to_mailbox(&l->flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_TOKEN_DEAD,
					  .as.token_dead = {.user = BOB,
							    .device = sw_bytes_str("phone"),
							    .token = sw_bytes_str("token"),
							    .pos = 2}});
	flow_settle(&l->flow);
	expect_push(&l->flow, "push.mail", 1, 2, SW_JOB_REASON_NO_LIVE_DEVICE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(steps__acks_in_the_background_then_the_person_comes__each_takes_its_positions),
		TEST(steps__what_was_said_before__records_nothing),
		TEST(steps__a_cursor_said_at_log_in__counts_like_an_ack),
		cmocka_unit_test(steps__no_ledger_is_kept__cursors_move_all_the_same),
		TEST(inbox__nobody_connected__the_pushes_of_all_phones),
		TEST(check__nobody_acks__pushed_for_want_of_an_ack),
		TEST(check__acked_in_the_background__pushed_since_the_person_is_away),
		TEST(check__the_socket_is_gone__pushed_since_nobody_is_connected),
		TEST(fallback__dead_token_or_spent_attempts__say_which),
	};
	sw_clock_override(NULL, wall_ms);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
