/* SPDX-License-Identifier: Apache-2.0 */
/* What the mailbox records of when and why, to the millisecond: the columns of the inbox, the ledger's steps, the reasons
 * of pushes. Bob has a socket and a phone, the wall clock is the test's. */
#include "scene.h"

#include "proto/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ACK_TIMEOUT_MS = 3000 };

/* ---- what happens ---- */

static void laptop_connects(struct scene *scene, int64_t cursor, bool active)
{
	bob_connects(scene, "laptop", cursor, active);
}

static void presence(struct scene *scene, bool active)
{
	post_to_mailbox(
		&scene->flow, BOB,
		&(struct sw_item){.kind = SW_ITEM_PRESENCE,
				  .as.presence = {.user = BOB, .node = NODE_B, .session = BOB, .active = active}});
	flow_settle(&scene->flow);
}

/* at_ms and sent_at_ms: 0 as in the item's former layout. */
static void ack(struct scene *scene, int64_t pos, bool active, int64_t at_ms, int64_t sent_at_ms)
{
	post_to_mailbox(&scene->flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_ACK,
					  .as.ack = {.user = BOB,
						     .device = sw_bytes_str("laptop"),
						     .pos = pos,
						     .active = active,
						     .at_ms = at_ms,
						     .sent_at_ms = sent_at_ms}});
	flow_settle(&scene->flow);
}

static int open_ledger(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	scene_open(scene, 1);
	scene->flow.mailbox_config.ack_timeout_ms = ACK_TIMEOUT_MS;
	*state = scene;
	return 0;
}

static int setup(void **state)
{
	open_ledger(state);
	struct scene *scene = *state;
	flow_start(&scene->flow, 0);
	return 0;
}

static int teardown(void **state)
{
	scene_close(*state);
	free(*state);
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

static void expect_push(struct scene *scene, const char *provider, size_t index, int64_t pos, enum sw_job_reason reason)
{
	const struct scene_jobs jobs = jobs_of(scene, provider);
	assert_int_equal(jobs.count, index + 1);
	assert_int_equal(jobs.pos[index], pos);
	assert_int_equal(jobs.reason[index], reason);
	assert_int_equal(jobs.planned_at_ms[index], scene_now_ms());
}

/* ---- tests ---- */

static void steps__acks_in_the_background_then_the_person_comes__each_takes_its_positions(void **state)
{
	struct scene *scene = *state;
	struct flow *flow = &scene->flow;
	laptop_connects(scene, 0, false);
	for (int i = 0; i < 5; i++) {
		alice_writes(scene, "hello");
	}
	int64_t begin_ms = scene_now_ms();
	ack(scene, 2, false, begin_ms + 400, begin_ms + 300);
	ack(scene, 3, false, 0, 0);
	presence(scene, true);
	scene_clock_add_ms(10000);
	presence(scene, true);                                         /* again */
	ack(scene, 5, true, scene_now_ms() + 20, scene_now_ms() + 50); /* the clocks of two gateways differ */
	assert_int_equal(flow->store.tables.ledger.count, 4);
	expect_step(flow, 0,
		    (struct fake_ledger){.pos = 2, .acked = 2, .at_ms = begin_ms + 400, .sent_before_ms = 100});
	expect_step(flow, 1, (struct fake_ledger){.pos = 3, .acked = 1, .at_ms = begin_ms, .sent_before_ms = -1});
	expect_step(flow, 2,
		    (struct fake_ledger){.pos = 3, .read = 3, .active = true, .at_ms = begin_ms, .sent_before_ms = -1});
	expect_step(
		flow, 3,
		(struct fake_ledger){.pos = 5, .acked = 2, .read = 2, .active = true, .at_ms = scene_now_ms() + 20});
	check_ledger(flow);
}

static void steps__what_was_said_before__records_nothing(void **state)
{
	struct scene *scene = *state;
	struct flow *flow = &scene->flow;
	laptop_connects(scene, 0, true);
	alice_writes(scene, "hello");
	alice_writes(scene, "hello again");
	ack(scene, 2, true, scene_now_ms(), 0);
	ack(scene, 2, true, scene_now_ms() + 1, 0);
	ack(scene, 1, false, scene_now_ms() + 2, 0);
	ack(scene, INT64_MAX, true, scene_now_ms() + 3, 0);
	laptop_connects(scene, 2, true);
	assert_int_equal(flow->store.tables.ledger.count, 1);
}

static void steps__a_cursor_said_at_log_in__counts_like_an_ack(void **state)
{
	struct scene *scene = *state;
	struct flow *flow = &scene->flow;
	alice_writes(scene, "while away");
	laptop_connects(scene, 1, true); /* of a device that is made at this moment */
	expect_step(flow, 0,
		    (struct fake_ledger){.pos = 1,
					 .acked = 1,
					 .read = 1,
					 .active = true,
					 .at_ms = scene_now_ms(),
					 .sent_before_ms = -1});
	check_ledger(flow);
}

static void steps__no_ledger_is_kept__cursors_move_all_the_same(void **state)
{
	open_ledger(state);
	struct scene *scene = *state;
	struct flow *flow = &scene->flow;
	flow->mailbox_config.keeps_ledger = false;
	flow_start(flow, 0);
	laptop_connects(scene, 0, true);
	alice_writes(scene, "hello");
	ack(scene, 1, true, scene_now_ms(), 0);
	assert_int_equal(flow->store.tables.ledger.count, 0);
	assert_int_equal(flow->store.tables.device.rows[0].active_cursor, 1);
	teardown(state);
}

static void inbox__nobody_connected__the_pushes_of_all_phones(void **state)
{
	struct scene *scene = *state;
	alice_writes(scene, "no device at all");
	bob_has(scene, "phone", "phones");
	bob_has(scene, "tablet", "phones");
	alice_writes(scene, "two devices");
	expect_inbox(&scene->flow, 1, 0, 0);
	expect_inbox(&scene->flow, 2, 0, 2);
	const struct scene_jobs jobs = jobs_of(scene, "phones");
	assert_int_equal(jobs.count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(jobs.reason[i], SW_JOB_REASON_OFFLINE);
		assert_int_equal(jobs.planned_at_ms[i], scene_now_ms());
	}
}

static void check__nobody_acks__pushed_for_want_of_an_ack(void **state)
{
	struct scene *scene = *state;
	bob_has(scene, "phone", "phones");
	laptop_connects(scene, 0, true);
	alice_writes(scene, "into a half-open socket");
	expect_inbox(&scene->flow, 1, 1, 0);
	scene_clock_add_ms(ACK_TIMEOUT_MS);
	checks_fire(scene);
	expect_push(scene, "phones", 0, 1, SW_JOB_REASON_NO_ACK);
}

static void check__acked_in_the_background__pushed_since_the_person_is_away(void **state)
{
	struct scene *scene = *state;
	bob_has(scene, "phone", "phones");
	laptop_connects(scene, 0, false);
	alice_writes(scene, "to an empty chair");
	ack(scene, 1, false, scene_now_ms(), scene_now_ms());
	scene_clock_add_ms(ACK_TIMEOUT_MS);
	checks_fire(scene);
	expect_push(scene, "phones", 0, 1, SW_JOB_REASON_AWAY);
}

static void check__the_socket_is_gone__pushed_since_nobody_is_connected(void **state)
{
	struct scene *scene = *state;
	bob_has(scene, "phone", "phones");
	laptop_connects(scene, 0, true);
	alice_writes(scene, "and the socket closes");
	post_to_mailbox(&scene->flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_SESSION_DOWN,
					  .as.session_down = {.user = BOB, .node = NODE_B, .session = BOB}});
	flow_settle(&scene->flow);
	checks_fire(scene);
	expect_push(scene, "phones", 0, 1, SW_JOB_REASON_OFFLINE);
}

static void fallback__dead_token_or_spent_attempts__say_which(void **state)
{
	struct scene *scene = *state;
	bob_has(scene, "phone", "phones");
	bob_has(scene, "address", "mail");
	alice_writes(scene, "one");
	alice_writes(scene, "two");
	push_fails(scene, 1, 0);
	expect_push(scene, "mail", 0, 1, SW_JOB_REASON_OTHERS_FAILED);
	token_dies(scene, "phone", 2, 0);
	expect_push(scene, "mail", 1, 2, SW_JOB_REASON_NO_LIVE_DEVICE);
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
	return cmocka_run_group_tests(tests, NULL, NULL);
}
