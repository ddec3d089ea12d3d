/* SPDX-License-Identifier: Apache-2.0 */
/* How a message is told: the order of the timeline, and the one sentence of each recipient. */
#include "admin/trace.h"

#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define TEXT(text) sw_bytes_str(text)
/* So long after 2025-01-01T00:00:00Z, when ids begin. */
#define T(ms) (SW_ID_EPOCH_MS + (ms))
#define AT(seconds_ms) "2025-01-01T00:00:" seconds_ms "Z"

enum { STORED_MS = 1000, ID_TIME_SHIFT = 22 };

static const struct sw_message_row message = {
	.id = (int64_t)STORED_MS << ID_TIME_SHIFT | 42, .conv = 9, .seq = 3, .at_ms = T(900)};

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

/* A device of bob's; provider "": without push. pos 5. Of before the ledger: without any times. */
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
					 .active_cursor = active_cursor,
					 .routed_after_ms = -1};
}

/* Sent, acked and read at these seconds; 0: not. */
static struct sw_recipient_row ledger_row(const char *device, int sent_s, int acked_s, int read_s)
{
	struct sw_recipient_row row = device_row(device, "", acked_s ? 5 : 0, read_s ? 5 : 0);
	row.routed_after_ms = 250;
	row.sockets = 2;
	row.acked_upto = 5;
	row.sent_at_ms = sent_s ? T(1000 * sent_s) : 0;
	row.acked_at_ms = acked_s ? T(1000 * acked_s) : 0;
	row.read_at_ms = read_s ? T(1000 * read_s) : 0;
	return row;
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
				      .updated_at_ms = T(updated_ms),
				      .planned_reason = TEXT("")};
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
	expect(&trace, SW_TRACE_END_NOT_DELIVERED,
	       "bob: not delivered: phone-1 (fcm) token dead at " AT("02.000") ": UNREGISTERED; no other device");
}

static void conclusion__other_devices__are_named(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("mail", "email", 0, 0), device_row("phone-1", "fcm", 0, 0),
					 device_row("web", "", 0, 0)};
	struct sw_delivery_row dead[] = {push_row("phone-1", "dead", "attempts spent: 503", 2000)};
	struct sw_trace trace = trace_of(bob, 3, dead, 1);
	expect(&trace, SW_TRACE_END_NOT_DELIVERED,
	       "bob: not delivered: phone-1 (fcm) dead at " AT(
		       "02.000") ": attempts spent: 503; mail (email) has not "
				 "acked, no push is recorded; web has not acked and has no push");
}

static void conclusion__acked__by_whom_and_how(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("laptop", "", 5, 4), device_row("phone-1", "fcm", 7, 5)};
	struct sw_delivery_row none[1];
	struct sw_trace trace = trace_of(bob, 2, none, 0);
	expect(&trace, SW_TRACE_END_ACKED, "bob: got it on phone-1, read there");
	trace.recipient_count = 1;
	expect(&trace, SW_TRACE_END_ACKED, "bob: got it on laptop, acked in the background");
	struct sw_delivery_row dropped[] = {push_row("phone-1", "dropped", "read_elsewhere", 2000)};
	bob[0].active_cursor = 5;
	trace = trace_of(bob, 1, dropped, 1);
	expect(&trace, SW_TRACE_END_ACKED,
	       "bob: got it on laptop, read there; push to phone-1 (fcm) dropped at " AT("02.000") ": read_elsewhere");
	bob[0].cursor = bob[0].active_cursor = 4; /* one before it */
	trace.delivery_count = 0;
	expect(&trace, SW_TRACE_END_NOT_DELIVERED, "bob: not delivered; laptop has not acked and has no push");
}

static void conclusion__several_pushes_to_a_device__delivered_wins_then_under_way_then_the_latest(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("phone-1", "fcm", 0, 0)};
	struct sw_delivery_row rows[] = {
		push_row("phone-1", "dead", "first", 2000), push_row("phone-1", "dead", "second", 3000),
		push_row("phone-1", "retry", "busy", 2500), push_row("phone-1", "delivered", "", 2100)};
	struct sw_trace trace = trace_of(bob, 1, rows, 2);
	expect(&trace, SW_TRACE_END_NOT_DELIVERED,
	       "bob: not delivered: phone-1 (fcm) dead at " AT("03.000") ": second; no other device");
	trace.delivery_count = 3;
	expect(&trace, SW_TRACE_END_UNDER_WAY, "bob: under way: phone-1 (fcm) retry: busy (2 tries so far)");
	trace.delivery_count = 4;
	expect(&trace, SW_TRACE_END_PUSHED, "bob: pushed to phone-1 (fcm) at " AT("02.100") ", no device has acked");
}

static void conclusion__not_to_be_told__says_so_unless_it_was_acked(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("phone-1", "fcm", 0, 0)};
	struct sw_trace trace = trace_of(bob, 1, NULL, 0);
	bob[0].notify = false;
	expect(&trace, SW_TRACE_END_NOT_DELIVERED,
	       "bob: not delivered: not to be told when it came (muted, or no mention)");
	bob[0].cursor = 5;
	expect(&trace, SW_TRACE_END_ACKED, "bob: got it on phone-1, acked in the background");
}

static void conclusion__nothing_to_send_to__says_so(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row(NULL, "", 0, 0)};
	struct sw_trace trace = trace_of(bob, 1, NULL, 0);
	expect(&trace, SW_TRACE_END_NOT_DELIVERED, "bob: not delivered; no device, it waits in the inbox");
	bob[0].pos = 0;
	expect(&trace, SW_TRACE_END_NOT_DELIVERED, "bob: not delivered: not in the inbox yet");
	trace.message.sender = TEXT("bob");
	expect(&trace, SW_TRACE_END_SENDER, "bob: the sender");
}

static void conclusion__told_in_the_mail_about_another_message__pushed(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("mail", "email", 0, 0)};
	struct sw_delivery_row rows[] = {push_row("mail", "dropped", "in_digest", 2000)};
	rows[0].provider = TEXT("email");
	struct sw_trace trace = trace_of(bob, 1, rows, 1);
	expect(&trace, SW_TRACE_END_PUSHED, "bob: pushed to mail (email) at " AT("02.000") ", no device has acked");
}

static void conclusion__pushes_of_another_user__are_not_taken(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("phone-1", "fcm", 0, 0)};
	struct sw_delivery_row rows[] = {push_row("phone-1", "delivered", "", 2000)};
	rows[0].user = TEXT("carol");
	struct sw_trace trace = trace_of(bob, 1, rows, 1);
	expect(&trace, SW_TRACE_END_NOT_DELIVERED,
	       "bob: not delivered; phone-1 (fcm) has not acked, no push is recorded");
}

static void conclusion__recorded_acks__where_and_when_it_was_read_first(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {ledger_row("laptop", 2, 3, 9), ledger_row("phone-1", 2, 4, 4),
					 ledger_row("watch", 0, 2, 0), device_row("old", "", 7, 7)};
	struct sw_trace trace = trace_of(bob, 4, NULL, 0);
	expect(&trace, SW_TRACE_END_ACKED, "bob: got it on phone-1, read there at " AT("04.000"));
	trace.recipient_count = 1;
	expect(&trace, SW_TRACE_END_ACKED,
	       "bob: got it on laptop, read there at " AT("09.000") ", acked at " AT("03.000"));
	trace.recipients = bob + 2;
	expect(&trace, SW_TRACE_END_ACKED, "bob: got it on watch, acked in the background at " AT("02.000"));
	trace.recipient_count = 2; /* read, but nobody knows when: still better than not */
	expect(&trace, SW_TRACE_END_ACKED, "bob: got it on old, read there");
}

static void conclusion__sent_towards_sockets_and_not_acked__says_so_with_what_followed(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {ledger_row("laptop", 0, 0, 0)};
	struct sw_delivery_row rows[] = {push_row("phone-1", "delivered", "", 12000)};
	struct sw_trace trace = trace_of(bob, 1, rows, 0);
	expect(&trace, SW_TRACE_END_NOT_DELIVERED,
	       "bob: not delivered; laptop has not acked and has no push; sent towards 2 open sockets at " AT(
		       "01.250") ", no ack");
	trace.delivery_count = 1;
	rows[0].planned_at_ms = T(11000);
	rows[0].planned_reason = TEXT("no_ack");
	expect(&trace, SW_TRACE_END_PUSHED,
	       "bob: pushed to phone-1 (fcm) at " AT("12.000") " (no device acked in time), no device has acked; sent "
							       "towards 2 open sockets at " AT("01.250") ", no ack");
	bob[0].sockets = 1;
	bob[0].notify = false;
	trace.delivery_count = 0;
	expect(&trace, SW_TRACE_END_NOT_DELIVERED,
	       "bob: not delivered: not to be told when it came (muted, or no mention); sent towards 1 open socket "
	       "at " AT("01.250") ", no ack");
}

static void conclusion__under_way__when_the_next_try_is_due_or_that_nobody_took_it_up(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("phone-1", "fcm", 0, 0)};
	struct sw_delivery_row rows[] = {push_row("phone-1", "retry", "the service is away", 2000)};
	rows[0].next_at_ms = T(7000);
	rows[0].attempts = 1;
	struct sw_trace trace = trace_of(bob, 1, rows, 1);
	expect(&trace, SW_TRACE_END_UNDER_WAY,
	       "bob: under way: phone-1 (fcm) retry: the service is away (1 try so far, the next at " AT("07.000") ")");
	bob[0].routed_after_ms = 100;
	bob[0].pushes = 1;
	trace.delivery_count = 0;
	expect(&trace, SW_TRACE_END_UNDER_WAY,
	       "bob: under way: 1 push planned at " AT("01.100") ", not taken up by a pusher yet");
	bob[0].pushes = 0;
	expect(&trace, SW_TRACE_END_NOT_DELIVERED,
	       "bob: not delivered; phone-1 (fcm) has not acked, no push is recorded");
}

/* ---- the timeline ---- */

static void expect_entries(const struct sw_trace *trace, const enum sw_trace_what *expected, size_t count)
{
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_trace_entry *entries;
	assert_int_equal(sw_trace_entries(trace, &arena, &entries), count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(sw_trace_what_text(entries[i].what), sw_trace_what_text(expected[i]));
	}
	sw_arena_release(&arena);
}

static void expect_text(const struct sw_trace *trace, size_t index, int64_t at_ms, const char *text)
{
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_trace_entry *entries;
	assert_true(sw_trace_entries(trace, &arena, &entries) > index);
	assert_string_equal(sw_arena_str(&arena, entries[index].text), text);
	assert_int_equal(entries[index].at_ms, at_ms);
	sw_arena_release(&arena);
}

static void entries__mixed_rows__oldest_first_with_what_has_no_time_in_its_place(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("laptop", "", 0, 0), device_row("phone-1", "fcm", 5, 5)};
	struct sw_delivery_row rows[2] = {push_row("phone-1", "dead", "spent", 3000),
					  push_row("phone-1", "dead", "spent", 3000)};
	for (int i = 0; i < 2; i++) {
		rows[i].has_attempt = true;
		rows[i].number = i + 1;
		rows[i].at_ms = T(2000 + 1000 * i); /* the last try, the state and the letter are of one moment */
		rows[i].outcome = TEXT("retry");
		rows[i].reason = TEXT("UNAVAILABLE");
	}
	struct sw_trace_letter letters[] = {{.id = 17,
					     .user = TEXT("bob"),
					     .device = TEXT("phone-1"),
					     .provider = TEXT("fcm"),
					     .reason = TEXT("spent"),
					     .at_ms = T(3000),
					     .has_replay = true,
					     .replay_at_ms = T(4000),
					     .operator= TEXT("ops"),
					     .run = 6,
					     .outcome = TEXT("delivered"),
					     .replay_reason = TEXT("")}};
	struct sw_trace trace = trace_of(bob, 2, rows, 2);
	trace.letters = letters;
	trace.letter_count = 1;
	static const enum sw_trace_what expected[] = {
		SW_TRACE_ACCEPTED, SW_TRACE_STORED, SW_TRACE_ROUTED, SW_TRACE_ATTEMPT, SW_TRACE_ATTEMPT, SW_TRACE_PUSH,
		SW_TRACE_DEAD,     SW_TRACE_REPLAY, SW_TRACE_ACKED,  SW_TRACE_READ,    SW_TRACE_DEVICE};
	expect_entries(&trace, expected, sizeof(expected) / sizeof(expected[0]));
	expect_text(&trace, 0, T(900), "alice sent it: taken by a gateway, accepted as soon as the broker had it");
	expect_text(&trace, 1, T(STORED_MS), "stored as seq 3 of conversation 9");
	expect_text(&trace, 2, 0,
		    "bob: in the inbox at pos 5, to be told; when, and where it was sent, is not recorded");
	expect_text(&trace, 5, T(3000),
		    "bob: push to phone-1 (fcm) is dead: spent after 2 tries; when it was planned is not recorded");
	expect_text(&trace, 7, T(4000), "bob: dead letter 17 sent again by ops in replay 6: delivered");
	expect_text(&trace, 8, 0, "bob: phone-1 acked it; when is not recorded");
	expect_text(&trace, 9, 0, "bob: phone-1 has it read: its person was there; when is not recorded");
	expect_text(&trace, 10, 0, "bob: laptop has not acked");
}

static void entries__all_recorded__every_step_at_its_time(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {ledger_row("laptop", 2, 4, 9), ledger_row("phone-1", 0, 0, 0)};
	bob[0].acked_upto = 6; /* with a later one */
	struct sw_delivery_row rows[] = {push_row("phone-1", "retry", "503", 5000)};
	rows[0].planned_at_ms = T(3000);
	rows[0].planned_reason = TEXT("away");
	rows[0].next_at_ms = T(8000);
	struct sw_trace trace = trace_of(bob, 2, rows, 1);
	static const enum sw_trace_what expected[] = {SW_TRACE_ACCEPTED, SW_TRACE_STORED,  SW_TRACE_ROUTED,
						      SW_TRACE_SENT,     SW_TRACE_PLANNED, SW_TRACE_ACKED,
						      SW_TRACE_PUSH,     SW_TRACE_READ,    SW_TRACE_DEVICE};
	expect_entries(&trace, expected, sizeof(expected) / sizeof(expected[0]));
	expect_text(&trace, 2, T(STORED_MS + 250),
		    "bob: in the inbox at pos 5, to be told; sent towards 2 open sockets");
	expect_text(&trace, 3, T(2000), "bob: laptop was sent it over its socket by then");
	expect_text(&trace, 4, T(3000), "bob: push to phone-1 (fcm) planned: the devices that acked were away");
	expect_text(&trace, 5, T(4000), "bob: laptop acked it");
	expect_text(&trace, 6, T(5000),
		    "bob: push to phone-1 (fcm) is retry: 503 after 2 tries; next try due at " AT("08.000"));
	expect_text(&trace, 7, T(9000), "bob: laptop has it read: its person was there");
	bob[0].acked_upto = 5;
	expect_text(&trace, 3, T(2000), "bob: laptop was sent it over its socket");
}

static void entries__clocks_that_differ__accepted_and_stored_come_first(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {ledger_row("laptop", 1, 1, 0)};
	struct sw_trace trace = trace_of(bob, 1, NULL, 0);
	trace.message.at_ms = T(60000); /* a gateway's clock that is a minute ahead */
	bob[0].sent_at_ms = T(100);
	static const enum sw_trace_what expected[] = {SW_TRACE_ACCEPTED, SW_TRACE_STORED, SW_TRACE_SENT, SW_TRACE_ACKED,
						      SW_TRACE_ROUTED};
	expect_entries(&trace, expected, sizeof(expected) / sizeof(expected[0]));
}

static void entries__nobody_connected__what_was_planned_at_once(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row(NULL, "", 0, 0)};
	struct sw_trace trace = trace_of(bob, 1, NULL, 0);
	bob[0].routed_after_ms = 0;
	expect_text(&trace, 2, T(STORED_MS),
		    "bob: in the inbox at pos 5, to be told; nobody was connected, no push planned at once");
	bob[0].pushes = 2;
	expect_text(&trace, 2, T(STORED_MS),
		    "bob: in the inbox at pos 5, to be told; nobody was connected, 2 pushes planned");
	bob[0].notify = false;
	bob[0].pushes = 0;
	expect_text(&trace, 2, T(STORED_MS), "bob: in the inbox at pos 5, not to be told: muted, or no mention");
	bob[0].pos = 0;
	bob[0].routed_after_ms = -1;
	expect_text(&trace, 2, 0, "bob: not in the inbox yet");
}

/* ---- JSON ---- */

static json_t *json_of(const struct sw_trace *trace)
{
	struct sw_arena arena;
	struct sw_buf out;
	sw_arena_init(&arena);
	sw_buf_init(&out, 1 << 16);
	sw_buf_put_char(&out, '{');
	sw_trace_put_json(&out, trace, &arena);
	sw_buf_put_char(&out, '}');
	json_t *root = json_loadb((const char *)out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	sw_buf_release(&out);
	sw_arena_release(&arena);
	return root;
}

static int64_t number(const json_t *list, size_t index, const char *key)
{
	return json_integer_value(json_object_get(json_array_get(list, index), key));
}

static void json__everything__is_read_back(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {ledger_row("lap\"top", 2, 4, 4)};
	struct sw_delivery_row rows[] = {push_row("phone-1", "retry", "busy", 5000)};
	rows[0].planned_at_ms = T(3000);
	rows[0].planned_reason = TEXT("no_ack");
	rows[0].next_at_ms = T(8000);
	struct sw_trace trace = trace_of(bob, 1, rows, 1);
	json_t *root = json_of(&trace);
	const json_t *timeline = json_object_get(root, "timeline");
	assert_int_equal(json_array_size(timeline), 8);
	assert_int_equal(number(timeline, 2, "sockets"), 2);
	assert_int_equal(number(timeline, 2, "pushes"), 0);
	assert_int_equal(number(timeline, 2, "at_ms"), T(STORED_MS + 250));
	const json_t *planned = json_array_get(timeline, 4);
	assert_string_equal(json_string_value(json_object_get(planned, "reason")), "no_ack");
	assert_non_null(json_object_get(planned, "job"));
	assert_int_equal(number(timeline, 7, "next_at_ms"), T(8000));
	assert_null(json_object_get(json_array_get(timeline, 6), "job"));
	const json_t *conclusions = json_object_get(root, "conclusions");
	const json_t *conclusion = json_array_get(conclusions, 0);
	assert_string_equal(json_string_value(json_object_get(conclusion, "end")), "acked");
	assert_string_equal(json_string_value(json_object_get(conclusion, "device")), "lap\"top");
	assert_int_equal(number(conclusions, 0, "at_ms"), T(4000));
	assert_int_equal(json_array_size(json_object_get(root, "unknown")), 3);
	json_decref(root);
}

static void json__rows_of_before_the_ledger__have_no_times(void **state)
{
	(void)state;
	struct sw_recipient_row bob[] = {device_row("laptop", "", 5, 0)};
	struct sw_delivery_row rows[] = {push_row("phone-1", "retry", "busy", 3000)};
	struct sw_trace trace = trace_of(bob, 1, rows, 1);
	json_t *root = json_of(&trace);
	const json_t *timeline = json_object_get(root, "timeline");
	assert_int_equal(json_array_size(timeline), 5);
	assert_true(json_is_null(json_object_get(json_array_get(timeline, 2), "at_ms")));
	assert_null(json_object_get(json_array_get(timeline, 2), "sockets"));
	assert_int_equal(number(timeline, 3, "at_ms"), T(3000));
	assert_null(json_object_get(json_array_get(timeline, 3), "next_at_ms"));
	assert_true(json_is_null(json_object_get(json_array_get(timeline, 4), "at_ms")));
	const json_t *conclusion = json_array_get(json_object_get(root, "conclusions"), 0);
	assert_true(json_is_null(json_object_get(conclusion, "at_ms")));
	json_decref(root);
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
		cmocka_unit_test(conclusion__recorded_acks__where_and_when_it_was_read_first),
		cmocka_unit_test(conclusion__sent_towards_sockets_and_not_acked__says_so_with_what_followed),
		cmocka_unit_test(conclusion__under_way__when_the_next_try_is_due_or_that_nobody_took_it_up),
		cmocka_unit_test(entries__all_recorded__every_step_at_its_time),
		cmocka_unit_test(entries__clocks_that_differ__accepted_and_stored_come_first),
		cmocka_unit_test(entries__nobody_connected__what_was_planned_at_once),
		cmocka_unit_test(json__everything__is_read_back),
		cmocka_unit_test(json__rows_of_before_the_ledger__have_no_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
