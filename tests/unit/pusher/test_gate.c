/* SPDX-License-Identifier: Apache-2.0 */
/* Is a job still worth sending? And what a copy of a job that was recorded before is worth. */
#include "bus/topology.h"
#include "pusher/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A job that passes. */
static struct sw_push_gate good(void)
{
	return (struct sw_push_gate){.pos = 10,
				     .cursor = 9,
				     .seen = 9,
				     .now_ms = 1000,
				     .spent_at_ms = 1001,
				     .attempts = 2,
				     .state = SW_PUSH_STATE_RETRY,
				     .state_attempts = 2};
}

static void check_drop(const struct sw_push_gate *gate, enum sw_push_result result, const char *why, bool fallback)
{
	struct sw_push_step step;
	assert_false(sw_push_gate(gate, &step));
	assert_int_equal(step.next, SW_PUSH_NEXT_END);
	assert_int_equal(step.record, SW_PUSH_STATE_DROPPED);
	assert_int_equal(step.result, result);
	assert_int_equal(step.attempts, gate->attempts);
	assert_string_equal(step.why, why);
	assert_int_equal(step.fallback, fallback);
	assert_false(step.dead || step.token_dead);
}

static void check_repeat(const struct sw_push_gate *gate)
{
	struct sw_push_step step;
	assert_false(sw_push_gate(gate, &step));
	assert_int_equal(step.next, SW_PUSH_NEXT_END);
	assert_int_equal(step.record, SW_PUSH_STATE_NONE);
	assert_int_equal(step.result, SW_PUSH_RESULT_REPEAT);
	assert_false(step.dead || step.token_dead || step.fallback);
}

static void gate__worth_sending__passes(void **state)
{
	(void)state;
	struct sw_push_step step;
	struct sw_push_gate gate = good();
	assert_true(sw_push_gate(&gate, &step));
	gate.redelivered = true;
	assert_true(sw_push_gate(&gate, &step));
	gate.state = SW_PUSH_STATE_NONE;
	gate.state_attempts = 0;
	gate.attempts = 0;
	assert_true(sw_push_gate(&gate, &step));
}

/* What another system asked for by the token alone: nothing is known of it. */
static void gate__bare_token__passes_until_it_is_too_late(void **state)
{
	(void)state;
	struct sw_push_step step;
	struct sw_push_gate gate = {
		.bare_token = true, .token_gone = true, .token_replaced = true, .token_stale = true, .spent_at_ms = 5};
	assert_true(sw_push_gate(&gate, &step));
	gate.now_ms = 5;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_EXPIRED, "expired", false);
}

static void gate__not_in_the_inbox__is_not_acked_by_a_cursor(void **state)
{
	(void)state;
	struct sw_push_step step;
	struct sw_push_gate gate = good();
	gate.pos = 0;
	assert_true(sw_push_gate(&gate, &step));
	gate.token_replaced = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_TOKEN_REPLACED, "token_replaced", false);
}

static void gate__token_not_reported_for_long__is_given_up(void **state)
{
	(void)state;
	struct sw_push_step step;
	struct sw_push_gate gate = good();
	gate.token_stale = true;
	assert_false(sw_push_gate(&gate, &step));
	assert_int_equal(step.record, SW_PUSH_STATE_TOKEN_DEAD);
	assert_int_equal(step.result, SW_PUSH_RESULT_TOKEN_DEAD);
	assert_int_equal(step.attempts, gate.attempts);
	assert_true(step.token_dead);
	assert_false(step.dead);
	gate.seen = 10; /* what was read needs no token */
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_READ_ELSEWHERE, "read_elsewhere", false);
	gate = good();
	gate.token_stale = gate.token_replaced = true; /* the new one is not this one */
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_TOKEN_REPLACED, "token_replaced", false);
}

static void gate__token_of_another_device_now__is_given_up(void **state)
{
	(void)state;
	struct sw_push_step step;
	struct sw_push_gate gate = good();
	gate.token_moved = true;
	assert_false(sw_push_gate(&gate, &step));
	assert_int_equal(step.record, SW_PUSH_STATE_TOKEN_DEAD);
	assert_true(step.token_dead);
	assert_false(step.dead);
	assert_string_equal(step.why, "another device reports it now");
}

static void gate__alert_over__drops_with_how_it_ended(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.alert_over = "cancelled";
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_ALERT_OVER, "cancelled", false);
}

static void gate__acked_by_the_device__drops(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.cursor = 10;
	gate.seen = 10; /* its own ack comes first */
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_ACKED, "acked", false);
}

static void gate__seen_on_another_device__drops(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.seen = 10;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_READ_ELSEWHERE, "read_elsewhere", false);
}

static void gate__token_replaced__drops(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.token_replaced = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_TOKEN_REPLACED, "token_replaced", false);
}

static void gate__token_gone__asks_for_another_way_when_nothing_else_is_live(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.token_gone = true;
	gate.token_replaced = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_TOKEN_GONE, "token_gone", true);
	gate.other_live = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_TOKEN_GONE, "token_gone", false);
	gate.other_live = false;
	gate.fallback_only = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_TOKEN_GONE, "token_gone", false);
}

static void gate__request_called_off__drops(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.cancelled = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_CANCELLED, "cancelled", false);
	gate.bare_token = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_CANCELLED, "cancelled", false);
}

static void gate__too_late__drops(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.now_ms = gate.spent_at_ms;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_EXPIRED, "expired", false);
}

static void gate__recorded_as_final_and_new_copy__is_a_repeat(void **state)
{
	(void)state;
	const enum sw_push_state finals[] = {SW_PUSH_STATE_DELIVERED, SW_PUSH_STATE_DROPPED, SW_PUSH_STATE_TOKEN_DEAD,
					     SW_PUSH_STATE_REJECTED, SW_PUSH_STATE_DEAD};
	for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
		struct sw_push_gate gate = good();
		gate.state = finals[i];
		check_repeat(&gate);
	}
}

static void gate__delivered_and_redelivered__is_a_repeat(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.state = SW_PUSH_STATE_DELIVERED;
	gate.redelivered = true;
	check_repeat(&gate);
}

static void gate__dropped_and_redelivered__is_judged_again(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.state = SW_PUSH_STATE_DROPPED;
	gate.redelivered = true;
	gate.token_gone = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_TOKEN_GONE, "token_gone", true);
}

static void gate__consequences_perhaps_unpublished__publishes_them_again(void **state)
{
	(void)state;
	struct sw_push_step step;
	struct sw_push_gate gate = good();
	gate.redelivered = true;
	gate.state = SW_PUSH_STATE_TOKEN_DEAD;
	assert_false(sw_push_gate(&gate, &step));
	assert_true(step.token_dead && !step.dead && !step.fallback);
	assert_int_equal(step.record, SW_PUSH_STATE_NONE);
	gate.state = SW_PUSH_STATE_REJECTED;
	assert_false(sw_push_gate(&gate, &step));
	assert_true(step.dead && step.fallback && !step.token_dead);
	gate.state = SW_PUSH_STATE_DEAD;
	gate.fallback_only = true;
	assert_false(sw_push_gate(&gate, &step));
	assert_true(step.dead && !step.fallback);
	assert_int_equal(step.next, SW_PUSH_NEXT_END);
}

static void gate__attempt_recorded_before__new_copy_is_a_repeat_redelivered_goes_on(void **state)
{
	(void)state;
	struct sw_push_step step;
	struct sw_push_gate gate = good();
	gate.state_attempts = 3;
	check_repeat(&gate);
	gate.redelivered = true;
	assert_false(sw_push_gate(&gate, &step));
	assert_int_equal(step.next, SW_PUSH_NEXT_LATER);
	assert_int_equal(step.attempts, 3);
	assert_int_equal(step.record, SW_PUSH_STATE_NONE);
}

static struct sw_push_gate good_chat(void)
{
	struct sw_push_gate gate = good();
	gate.chat = true;
	return gate;
}

static void gate__muted_or_not_mentioned__drops_chat_only(void **state)
{
	(void)state;
	struct sw_push_step step;
	struct sw_push_gate gate = good_chat();
	gate.muted_until_ms = gate.now_ms;
	assert_true(sw_push_gate(&gate, &step));
	gate.muted_until_ms++;
	gate.token_gone = true; /* a mute asks for no other way */
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_MUTED, "muted", false);
	gate = good_chat();
	gate.unmentioned = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_NOT_MENTIONED, "not_mentioned", false);
	gate.muted_until_ms = INT64_MAX;
	gate.quiet_until_ms = INT64_MAX;
	gate.chat = false;
	assert_true(sw_push_gate(&gate, &step));
}

static struct sw_push_step held(struct sw_push_gate *gate, int64_t left_ms)
{
	struct sw_push_step step;
	gate->quiet_until_ms = gate->now_ms + left_ms;
	assert_false(sw_push_gate(gate, &step));
	assert_int_equal(step.next, SW_PUSH_NEXT_LATER);
	assert_int_equal(step.result, SW_PUSH_RESULT_HELD_QUIET);
	assert_int_equal(step.attempts, gate->attempts);
	assert_false(step.dead || step.fallback || step.token_dead);
	return step;
}

static void gate__quiet_hours__waits_at_no_attempts_cost_and_is_not_late(void **state)
{
	(void)state;
	struct sw_push_gate gate = good_chat();
	struct sw_push_step step = held(&gate, 8 * 3600000);
	assert_int_equal(step.record, SW_PUSH_STATE_RETRY);
	assert_string_equal(step.why, SW_PUSH_WHY_QUIET);
	gate.held_quiet = true;
	step = held(&gate, 8 * 3600000);
	assert_int_equal(step.record, SW_PUSH_STATE_NONE);  /* it says so already */
	assert_int_equal(step.due_ms, gate.quiet_until_ms); /* not when the stage is over, but the quiet hours */
	for (int64_t left_ms = 1; left_ms < 86400000; left_ms += left_ms / 3 + 1) {
		step = held(&gate, left_ms);
		assert_true(sw_retry_delays_ms[step.stage] <= left_ms + SW_PUSH_QUIET_LATE_MS);
		assert_true(step.stage == SW_RETRY_STAGES - 1 || sw_retry_delays_ms[step.stage] * 2L >= left_ms);
	}
	gate.quiet_until_ms = gate.now_ms;
	assert_true(sw_push_gate(&gate, &step));
}

static void gate__held_and_a_newer_one__superseded(void **state)
{
	(void)state;
	struct sw_push_step step;
	struct sw_push_gate gate = good_chat();
	gate.newer = true;
	assert_true(sw_push_gate(&gate, &step)); /* by day each is shown */
	gate.held_quiet = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_SUPERSEDED, "superseded", false);
	gate.quiet_until_ms = gate.now_ms + 1; /* in the night as well */
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_SUPERSEDED, "superseded", false);
	gate.muted_until_ms = INT64_MAX;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_MUTED, "muted", false);
}

static void gate__nothing_to_take_back__drops(void **state)
{
	(void)state;
	struct sw_push_gate gate = good();
	gate.pos = 0;
	gate.nothing_shown = true;
	check_drop(&gate, SW_PUSH_RESULT_DROPPED_NOTHING_SHOWN, "nothing_shown", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate__worth_sending__passes),
		cmocka_unit_test(gate__bare_token__passes_until_it_is_too_late),
		cmocka_unit_test(gate__not_in_the_inbox__is_not_acked_by_a_cursor),
		cmocka_unit_test(gate__token_not_reported_for_long__is_given_up),
		cmocka_unit_test(gate__token_of_another_device_now__is_given_up),
		cmocka_unit_test(gate__alert_over__drops_with_how_it_ended),
		cmocka_unit_test(gate__acked_by_the_device__drops),
		cmocka_unit_test(gate__seen_on_another_device__drops),
		cmocka_unit_test(gate__token_replaced__drops),
		cmocka_unit_test(gate__token_gone__asks_for_another_way_when_nothing_else_is_live),
		cmocka_unit_test(gate__request_called_off__drops),
		cmocka_unit_test(gate__too_late__drops),
		cmocka_unit_test(gate__muted_or_not_mentioned__drops_chat_only),
		cmocka_unit_test(gate__quiet_hours__waits_at_no_attempts_cost_and_is_not_late),
		cmocka_unit_test(gate__held_and_a_newer_one__superseded),
		cmocka_unit_test(gate__nothing_to_take_back__drops),
		cmocka_unit_test(gate__recorded_as_final_and_new_copy__is_a_repeat),
		cmocka_unit_test(gate__delivered_and_redelivered__is_a_repeat),
		cmocka_unit_test(gate__dropped_and_redelivered__is_judged_again),
		cmocka_unit_test(gate__consequences_perhaps_unpublished__publishes_them_again),
		cmocka_unit_test(gate__attempt_recorded_before__new_copy_is_a_repeat_redelivered_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
