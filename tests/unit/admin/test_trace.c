/* SPDX-License-Identifier: Apache-2.0 */
/* How a message is told: the order of the timeline, and the one sentence of each recipient. */
#include "admin/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define TEXT(text) sw_bytes_str(text)

static const struct sw_message_row message = {.id = 42, .conv = 9, .seq = 3, .at_ms = 1000};

static struct sw_trace trace_of(const struct sw_recipient_row *recipients, size_t recipient_count,
				const struct sw_delivery_row *deliveries, size_t delivery_count)
{
	struct sw_trace trace = {.message = message,
				 .recipients = recipients,
				 .recipient_count = recipient_count,
				 .deliveries = deliveries,
				 .delivery_count = delivery_count};
	trace.message.sender = TEXT("alice");
	trace.message.kind = TEXT("text");
	return trace;
}

/* A device of bob's; provider "": without push. pos 5. */
static struct sw_recipient_row device_row(const char *device, const char *provider, int64_t cursor,
					  int64_t active_cursor)
{
	return (struct sw_recipient_row){.user = TEXT("bob"),
					 .pos = 5,
					 .notify = true,
					 .has_device = device != NULL,
					 .device = sw_bytes_str(device),
					 .platform = TEXT(""),
					 .provider = TEXT(provider),
					 .cursor = cursor,
					 .active_cursor = active_cursor};
}

static struct sw_delivery_row push_row(const char *device, const char *state, const char *reason, int64_t updated_ms)
{
	struct sw_delivery_row row = {.job = {{(uint8_t)device[0], (uint8_t)updated_ms}},
				      .user = TEXT("bob"),
				      .pos = 5,
				      .device = TEXT(device),
				      .provider = TEXT("fcm"),
				      .state = TEXT(state),
				      .attempts = 2,
				      .last_reason = TEXT(reason),
				      .updated_at_ms = updated_ms};
	return row;
}

static void expect(const struct sw_trace *trace, enum sw_trace_end end, const char *text)
{
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_trace_conclusion *conclusions;
	assert_int_equal(sw_trace_conclusions(trace, &arena, &conclusions), 1);
	assert_string_equal(sw_arena_str(&arena, conclusions[0].text), text);
	assert_int_equal(conclusions[0].end, end);
	assert_true(sw_bytes_equal_str(conclusions[0].user, "bob"));
	sw_arena_release(&arena);
}

static void conclusion__dead_push__says_why_and_that_there_is_no_other(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("phone-1", "fcm", 0, 0)};
	struct sw_delivery_row dead[] = {push_row("phone-1", "token_dead", "UNREGISTERED", 2000)};
	struct sw_trace trace = trace_of(bob, 1, dead, 1);
	expect(&trace, SW_TRACE_NOT_DELIVERED,
	       "bob: not delivered: phone-1 (fcm) token dead: UNREGISTERED; no other device");
}

static void conclusion__other_devices__are_named(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("mail", "email", 0, 0), device_row("phone-1", "fcm", 0, 0),
					 device_row("web", "", 0, 0)};
	struct sw_delivery_row dead[] = {push_row("phone-1", "dead", "attempts spent: 503", 2000)};
	struct sw_trace trace = trace_of(bob, 3, dead, 1);
	expect(&trace, SW_TRACE_NOT_DELIVERED,
	       "bob: not delivered: phone-1 (fcm) dead: attempts spent: 503; mail (email) has not acked, no push is "
	       "recorded; web has not acked and has no push");
}

static void conclusion__acked__by_whom_and_how(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("laptop", "", 5, 4), device_row("phone-1", "fcm", 7, 5)};
	struct sw_delivery_row none[1];
	struct sw_trace trace = trace_of(bob, 2, none, 0);
	expect(&trace, SW_TRACE_ACKED, "bob: got it on phone-1, acked while there");
	trace.recipient_count = 1;
	expect(&trace, SW_TRACE_ACKED, "bob: got it on laptop, acked in the background");
	struct sw_delivery_row dropped[] = {push_row("phone-1", "dropped", "read_elsewhere", 2000)};
	bob[0].active_cursor = 5;
	trace = trace_of(bob, 1, dropped, 1);
	expect(&trace, SW_TRACE_ACKED,
	       "bob: got it on laptop, acked while there; push to phone-1 (fcm) dropped: read_elsewhere");
	bob[0].cursor = bob[0].active_cursor = 4; /* one before it */
	trace.delivery_count = 0;
	expect(&trace, SW_TRACE_NOT_DELIVERED, "bob: not delivered; laptop has not acked and has no push");
}

static void conclusion__several_pushes_to_a_device__delivered_wins_then_under_way_then_the_latest(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("phone-1", "fcm", 0, 0)};
	struct sw_delivery_row rows[] = {
		push_row("phone-1", "dead", "first", 2000), push_row("phone-1", "dead", "second", 3000),
		push_row("phone-1", "retry", "busy", 2500), push_row("phone-1", "delivered", "", 2100)};
	struct sw_trace trace = trace_of(bob, 1, rows, 2);
	expect(&trace, SW_TRACE_NOT_DELIVERED, "bob: not delivered: phone-1 (fcm) dead: second; no other device");
	trace.delivery_count = 3;
	expect(&trace, SW_TRACE_UNDER_WAY, "bob: under way: phone-1 (fcm) retry: busy (2 tries so far)");
	trace.delivery_count = 4;
	expect(&trace, SW_TRACE_PUSHED, "bob: pushed to phone-1 (fcm), no device has acked");
}

static void conclusion__not_to_be_told__says_so_unless_it_was_acked(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("phone-1", "fcm", 0, 0)};
	struct sw_trace trace = trace_of(bob, 1, NULL, 0);
	bob[0].notify = false;
	expect(&trace, SW_TRACE_NOT_DELIVERED,
	       "bob: not delivered: not to be told when it came (muted, or no mention)");
	bob[0].cursor = 5;
	expect(&trace, SW_TRACE_ACKED, "bob: got it on phone-1, acked in the background");
}

static void conclusion__nothing_to_send_to__says_so(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row(NULL, "", 0, 0)};
	struct sw_trace trace = trace_of(bob, 1, NULL, 0);
	expect(&trace, SW_TRACE_NOT_DELIVERED, "bob: not delivered; no device, it waits in the inbox");
	bob[0].pos = 0;
	expect(&trace, SW_TRACE_NOT_DELIVERED, "bob: not delivered: not in the inbox yet");
	trace.message.sender = TEXT("bob");
	expect(&trace, SW_TRACE_SENDER, "bob: the sender");
}

static void conclusion__told_in_the_mail_about_another_message__pushed(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("mail", "email", 0, 0)};
	struct sw_delivery_row rows[] = {push_row("mail", "dropped", "in_digest", 2000)};
	rows[0].provider = TEXT("email");
	struct sw_trace trace = trace_of(bob, 1, rows, 1);
	expect(&trace, SW_TRACE_PUSHED, "bob: pushed to mail (email), no device has acked");
}

static void conclusion__pushes_of_another_user__are_not_taken(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("phone-1", "fcm", 0, 0)};
	struct sw_delivery_row rows[] = {push_row("phone-1", "delivered", "", 2000)};
	rows[0].user = TEXT("carol");
	struct sw_trace trace = trace_of(bob, 1, rows, 1);
	expect(&trace, SW_TRACE_NOT_DELIVERED, "bob: not delivered; phone-1 (fcm) has not acked, no push is recorded");
}

static void entries__mixed_rows__oldest_first_with_what_has_no_time_in_its_place(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_recipient_row bob[] = {device_row("laptop", "", 0, 0), device_row("phone-1", "fcm", 0, 0)};
	struct sw_delivery_row rows[2] = {push_row("phone-1", "dead", "spent", 3000),
					  push_row("phone-1", "dead", "spent", 3000)};
	for (int i = 0; i < 2; i++) {
		rows[i].has_attempt = true;
		rows[i].number = i + 1;
		rows[i].at_ms = 2000 + 1000 * i; /* the last try, the state and the letter are of one moment */
		rows[i].outcome = TEXT("retry");
		rows[i].reason = TEXT("UNAVAILABLE");
	}
	struct sw_trace_letter letters[] = {{.id = 17,
					     .user = TEXT("bob"),
					     .device = TEXT("phone-1"),
					     .provider = TEXT("fcm"),
					     .reason = TEXT("spent"),
					     .at_ms = 3000,
					     .has_replay = true,
					     .replay_at_ms = 4000,
					     .operator= TEXT("ops"),
					     .run = 6,
					     .outcome = TEXT("delivered"),
					     .replay_reason = TEXT("")}};
	struct sw_trace trace = trace_of(bob, 2, rows, 2);
	trace.letters = letters;
	trace.letter_count = 1;
	struct sw_trace_entry *entries;
	static const enum sw_trace_what expected[] = {SW_TRACE_STORED,  SW_TRACE_ROUTED, SW_TRACE_ATTEMPT,
						      SW_TRACE_ATTEMPT, SW_TRACE_PUSH,   SW_TRACE_DEAD,
						      SW_TRACE_REPLAY,  SW_TRACE_DEVICE, SW_TRACE_DEVICE};
	assert_int_equal(sw_trace_entries(&trace, &arena, &entries), 9);
	for (size_t i = 0; i < 9; i++) {
		assert_int_equal(entries[i].what, expected[i]);
	}
	assert_int_equal(entries[2].number, 1);
	assert_int_equal(entries[3].number, 2);
	assert_int_equal(entries[1].at_ms, 0);
	assert_string_equal(sw_arena_str(&arena, entries[6].text),
			    "bob: dead letter 17 sent again by ops in replay 6: delivered");
	sw_arena_release(&arena);
}

static void json__everything__is_read_back(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_buf out;
	sw_buf_init(&out, 1 << 16);
	struct sw_recipient_row bob[] = {device_row("lap\"top", "", 5, 5)};
	struct sw_delivery_row rows[] = {push_row("phone-1", "dropped", "read_elsewhere", 3000)};
	struct sw_trace trace = trace_of(bob, 1, rows, 1);
	sw_buf_put_char(&out, '{');
	sw_trace_put_json(&out, &trace, &arena);
	sw_buf_put_char(&out, '}');
	json_t *root = json_loadb((const char *)out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	const json_t *timeline = json_object_get(root, "timeline");
	assert_int_equal(json_array_size(timeline), 4);
	assert_true(json_is_null(json_object_get(json_array_get(timeline, 1), "at_ms")));
	assert_int_equal(json_integer_value(json_object_get(json_array_get(timeline, 2), "at_ms")), 3000);
	const json_t *conclusion = json_array_get(json_object_get(root, "conclusions"), 0);
	assert_string_equal(json_string_value(json_object_get(conclusion, "end")), "acked");
	assert_true(json_array_size(json_object_get(root, "unknown")) > 0);
	json_decref(root);
	sw_buf_release(&out);
	sw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conclusion__dead_push__says_why_and_that_there_is_no_other),
		cmocka_unit_test(conclusion__other_devices__are_named),
		cmocka_unit_test(conclusion__acked__by_whom_and_how),
		cmocka_unit_test(conclusion__several_pushes_to_a_device__delivered_wins_then_under_way_then_the_latest),
		cmocka_unit_test(conclusion__not_to_be_told__says_so_unless_it_was_acked),
		cmocka_unit_test(conclusion__nothing_to_send_to__says_so),
		cmocka_unit_test(conclusion__told_in_the_mail_about_another_message__pushed),
		cmocka_unit_test(conclusion__pushes_of_another_user__are_not_taken),
		cmocka_unit_test(entries__mixed_rows__oldest_first_with_what_has_no_time_in_its_place),
		cmocka_unit_test(json__everything__is_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
