/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of the API's answers, read back by a parser that is not ours. */
#include "admin/api_json.h"

#include "proto/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static int setup(void **state)
{
	static struct sw_buf buf;
	sw_buf_init(&buf, 1 << 16);
	*state = &buf;
	return 0;
}

static int teardown(void **state)
{
	sw_buf_release(*state);
	return 0;
}

static json_t *parse(const struct sw_buf *buf)
{
	json_t *root = json_loadb((const char *)buf->ptr, buf->len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	return root;
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	assert_non_null(value);
	return value;
}

static struct sw_dead_row dead_row(void)
{
	return (struct sw_dead_row){.id = 5,
				    .job = {{0x11, 0x22}},
				    .event = INT64_MAX,
				    .user_name = sw_bytes_str("bob"),
				    .device = sw_bytes_str("ph\"one\n"),
				    .provider = sw_bytes_str("apns"),
				    .app = sw_bytes_str(""),
				    .reason = sw_bytes_str("Unregistered"),
				    .status = 410,
				    .at_ms = 1000};
}

static void dead__never_replayed__no_replay_members(void **state)
{
	struct sw_buf *out = *state;
	struct sw_dead_row row = dead_row();
	sw_json_put_dead(out, &row);
	json_t *root = parse(out);
	assert_string_equal(text(root, "id"), "5");
	assert_string_equal(text(root, "event"), "9223372036854775807");
	assert_string_equal(text(root, "job"), "11220000-0000-0000-0000-000000000000");
	assert_string_equal(text(root, "user"), "bob");
	assert_string_equal(text(root, "device"), "ph\"one\n");
	assert_int_equal(json_integer_value(json_object_get(root, "status")), 410);
	assert_int_equal(json_integer_value(json_object_get(root, "replays")), 0);
	assert_null(json_object_get(root, "replay_job"));
	json_decref(root);
}

static void dead__unknown_user_and_replayed__null_and_replay_members(void **state)
{
	struct sw_buf *out = *state;
	struct sw_dead_row row = dead_row();
	row.user_name = sw_bytes("", 0);
	row.replays = 2;
	row.replayed_at_ms = 77;
	row.replay_job.bytes[15] = 1;
	row.replay_outcome = sw_bytes_str("delivered");
	sw_json_put_dead(out, &row);
	json_t *root = parse(out);
	assert_true(json_is_null(json_object_get(root, "user")));
	assert_int_equal(json_integer_value(json_object_get(root, "replayed_at_ms")), 77);
	assert_string_equal(text(root, "replay_job"), "00000000-0000-0000-0000-000000000001");
	assert_string_equal(text(root, "replay_outcome"), "delivered");
	json_decref(root);
}

static void dead_detail__job__shows_it_without_the_token(void **state)
{
	struct sw_buf *out = *state;
	struct sw_dead_row row = dead_row();
	struct sw_item_job job = {.conv = 9,
				  .pos = 3,
				  .title = sw_bytes_str("Alice"),
				  .preview = sw_bytes_str("bad \xff"),
				  .token = sw_bytes_str("devicetoken"),
				  .attempt = 12};
	struct sw_dead_detail detail = {.row = row,
					.job = &job,
					.payload_bytes = 130,
					.attempts = sw_bytes_str("[{\"number\": 1}]"),
					.replay_list = sw_bytes_str("[]"),
					.replay_of = 4};
	sw_json_put_dead_detail(out, &detail);
	assert_null(strstr(sw_buf_cstr(out), "devicetoken"));
	json_t *root = parse(out);
	const json_t *notification = json_object_get(root, "notification");
	assert_true(json_is_true(json_object_get(root, "replayable")));
	assert_string_equal(text(notification, "conv"), "9");
	assert_string_equal(text(notification, "preview"), "bad ");
	assert_int_equal(json_integer_value(json_object_get(notification, "attempt")), 12);
	assert_int_equal(json_array_size(json_object_get(root, "attempts")), 1);
	assert_int_equal(json_array_size(json_object_get(root, "replay_list")), 0);
	assert_string_equal(text(root, "replay_of"), "4");
	json_decref(root);
}

static void dead_detail__unreadable__null_and_not_replayable(void **state)
{
	struct sw_buf *out = *state;
	struct sw_dead_row row = dead_row();
	struct sw_dead_detail detail = {
		.row = row, .payload_bytes = 9, .attempts = sw_bytes_str("[]"), .replay_list = sw_bytes_str("[]")};
	sw_json_put_dead_detail(out, &detail);
	json_t *root = parse(out);
	assert_true(json_is_null(json_object_get(root, "notification")));
	assert_true(json_is_false(json_object_get(root, "replayable")));
	assert_true(json_is_null(json_object_get(root, "replay_of")));
	assert_int_equal(json_integer_value(json_object_get(root, "payload_bytes")), 9);
	json_decref(root);
}

/* job: the first byte of its id; number 0: no attempt. */
static void add_delivery(struct sw_json_deliveries *d, uint8_t job, int number)
{
	struct sw_delivery_row row = {.job = {{job}},
				      .user = sw_bytes_str("bob"),
				      .device = sw_bytes_str("phone"),
				      .provider = sw_bytes_str("apns"),
				      .state = sw_bytes_str("delivered"),
				      .attempts = 2,
				      .has_attempt = number > 0,
				      .number = number,
				      .outcome = sw_bytes_str("retry"),
				      .reason = sw_bytes_str("r")};
	sw_json_deliveries_add(d, &row);
}

static json_t *end_object(struct sw_buf *out)
{
	sw_json_put_bool(out, "more", false);
	sw_buf_put_char(out, '}');
	return parse(out);
}

static void deliveries__rows_of_tries__grouped_by_job(void **state)
{
	struct sw_buf *out = *state;
	struct sw_message_row message = {
		.id = 42, .conv = 9, .seq = 1, .sender = sw_bytes_str("alice"), .kind = sw_bytes_str("text")};
	sw_buf_put_char(out, '{');
	sw_json_put_message(out, &message);
	struct sw_json_deliveries d;
	sw_json_deliveries_begin(&d, out);
	add_delivery(&d, 1, 1);
	add_delivery(&d, 1, 2);
	add_delivery(&d, 2, 0);
	add_delivery(&d, 3, 1);
	sw_json_deliveries_end(&d);
	json_t *root = end_object(out);
	assert_string_equal(text(root, "event"), "42");
	assert_string_equal(text(root, "from"), "alice");
	static const size_t tries[] = {2, 0, 1};
	const json_t *list = json_object_get(root, "deliveries");
	assert_int_equal(json_array_size(list), 3);
	for (size_t i = 0; i < 3; i++) {
		const json_t *attempts = json_object_get(json_array_get(list, i), "attempts");
		assert_int_equal(json_array_size(attempts), tries[i]);
	}
	const json_t *second = json_array_get(json_object_get(json_array_get(list, 0), "attempts"), 1);
	assert_int_equal(json_integer_value(json_object_get(second, "number")), 2);
	json_decref(root);
}

static void deliveries__none__empty_array(void **state)
{
	struct sw_buf *out = *state;
	struct sw_json_deliveries d;
	sw_buf_put_char(out, '{');
	sw_json_deliveries_begin(&d, out);
	sw_json_deliveries_end(&d);
	json_t *root = end_object(out);
	assert_int_equal(json_array_size(json_object_get(root, "deliveries")), 0);
	json_decref(root);
}

static void add_recipient(struct sw_json_recipients *r, const char *user, int64_t pos, const char *device,
			  int64_t cursor)
{
	struct sw_recipient_row row = {.user = sw_bytes_str(user),
				       .pos = pos,
				       .has_device = device != NULL,
				       .device = sw_bytes_str(device),
				       .platform = sw_bytes_str("ios"),
				       .provider = sw_bytes_str("apns"),
				       .cursor = cursor,
				       .active_cursor = cursor - 1};
	sw_json_recipients_add(r, &row);
}

static bool flag(const json_t *root, size_t user, size_t device, const char *key)
{
	const json_t *recipient = json_array_get(json_object_get(root, "recipients"), user);
	const json_t *found = json_array_get(json_object_get(recipient, "devices"), device);
	assert_non_null(found);
	return json_is_true(json_object_get(found, key));
}

static void recipients__devices__acked_by_their_cursors(void **state)
{
	struct sw_buf *out = *state;
	struct sw_json_recipients r;
	sw_buf_put_char(out, '{');
	sw_json_recipients_begin(&r, out);
	add_recipient(&r, "alice", 7, "a", 6);
	add_recipient(&r, "alice", 7, "b", 7);
	add_recipient(&r, "alice", 7, "c", 8);
	add_recipient(&r, "bob", 0, "d", 100);
	add_recipient(&r, "carol", 3, NULL, 0);
	sw_json_recipients_end(&r);
	json_t *root = end_object(out);
	const json_t *list = json_object_get(root, "recipients");
	assert_int_equal(json_array_size(list), 3);
	assert_false(flag(root, 0, 0, "acked"));
	assert_true(flag(root, 0, 1, "acked"));
	assert_false(flag(root, 0, 1, "acked_active"));
	assert_true(flag(root, 0, 2, "acked_active"));
	/* Not in bob's inbox yet: no cursor can have passed it. */
	assert_false(flag(root, 1, 0, "acked"));
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "pos")));
	assert_int_equal(json_array_size(json_object_get(json_array_get(list, 2), "devices")), 0);
	json_decref(root);
}

static void deliveries__planned_and_next_try__null_when_not_recorded(void **state)
{
	struct sw_buf *out = *state;
	struct sw_delivery_row row = {
		.planned_at_ms = 1000, .planned_reason = sw_bytes_str("no_ack"), .next_at_ms = 9000};
	struct sw_delivery_row before = {.job = {{1}}};
	struct sw_json_deliveries d;
	sw_buf_put_char(out, '{');
	sw_json_deliveries_begin(&d, out);
	sw_json_deliveries_add(&d, &row);
	sw_json_deliveries_add(&d, &before);
	sw_json_deliveries_end(&d);
	json_t *root = end_object(out);
	const json_t *planned = json_array_get(json_object_get(root, "deliveries"), 0);
	assert_int_equal(json_integer_value(json_object_get(planned, "planned_at_ms")), 1000);
	assert_int_equal(json_integer_value(json_object_get(planned, "next_at_ms")), 9000);
	assert_string_equal(text(planned, "planned_reason"), "no_ack");
	planned = json_array_get(json_object_get(root, "deliveries"), 1);
	assert_true(json_is_null(json_object_get(planned, "planned_at_ms")));
	assert_true(json_is_null(json_object_get(planned, "next_at_ms")));
	assert_string_equal(text(planned, "planned_reason"), "");
	json_decref(root);
}

static void recipients__times_of_a_device__null_when_not_recorded(void **state)
{
	struct sw_buf *out = *state;
	struct sw_recipient_row row = {.user = sw_bytes_str("bob"),
				       .pos = 5,
				       .has_device = true,
				       .device = sw_bytes_str("laptop"),
				       .sent_at_ms = 1000,
				       .acked_at_ms = 2000};
	struct sw_json_recipients r;
	sw_buf_put_char(out, '{');
	sw_json_recipients_begin(&r, out);
	sw_json_recipients_add(&r, &row);
	sw_json_recipients_end(&r);
	json_t *root = end_object(out);
	const json_t *bob = json_array_get(json_object_get(root, "recipients"), 0);
	const json_t *device = json_array_get(json_object_get(bob, "devices"), 0);
	assert_int_equal(json_integer_value(json_object_get(device, "sent_at_ms")), 1000);
	assert_int_equal(json_integer_value(json_object_get(device, "acked_at_ms")), 2000);
	assert_true(json_is_null(json_object_get(device, "read_at_ms")));
	json_decref(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(dead__never_replayed__no_replay_members),
		TEST(dead__unknown_user_and_replayed__null_and_replay_members),
		TEST(dead_detail__job__shows_it_without_the_token),
		TEST(dead_detail__unreadable__null_and_not_replayable),
		TEST(deliveries__rows_of_tries__grouped_by_job),
		TEST(deliveries__none__empty_array),
		TEST(recipients__devices__acked_by_their_cursors),
		TEST(deliveries__planned_and_next_try__null_when_not_recorded),
		TEST(recipients__times_of_a_device__null_when_not_recorded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
