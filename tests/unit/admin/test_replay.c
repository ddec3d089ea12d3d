/* SPDX-License-Identifier: Apache-2.0 */
/* The job of a replay: new id, no attempts, time again; everything else as it was. */
#include "admin/replay.h"

#include "proto/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct sw_uuid new_id = {{2}};

static struct sw_item old_item(const char *provider)
{
	return (struct sw_item){.kind = SW_ITEM_JOB,
				.as.job = {.job = {{1}},
					   .user = 7,
					   .device = sw_bytes_str("phone"),
					   .provider = sw_bytes_str(provider),
					   .token = sw_bytes_str("token"),
					   .event = 42,
					   .pos = 3,
					   .created_at_ms = 1,
					   .expires_at_ms = 2,
					   .attempt = 9}};
}

static void build__a_job__fresh_in_an_envelope(void **state)
{
	(void)state;
	struct sw_item old = old_item("apns");
	struct sw_replay replay;
	assert_int_equal(sw_replay_build(&old.as.job, &new_id, 1000, 500, &replay), SW_OK);
	assert_string_equal(replay.routing_key, "push.apns");
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_envelope_reader reader;
	struct sw_section section;
	struct sw_item item;
	assert_int_equal(sw_envelope_open(&reader, sw_blob_bytes(replay.envelope)), SW_OK);
	assert_int_equal(sw_envelope_next(&reader, &section), SW_OK);
	assert_int_equal(sw_item_next(&section.items, &arena, &item), SW_OK);
	assert_int_equal(section.items.len, 0);
	assert_int_equal(item.kind, SW_ITEM_JOB);
	assert_true(sw_uuid_equal(&item.as.job.job, &new_id));
	assert_true(sw_uuid_equal(&section.id, &new_id));
	assert_int_equal(item.as.job.attempt, 0);
	assert_int_equal(item.as.job.created_at_ms, 1000);
	assert_int_equal(item.as.job.expires_at_ms, 1500);
	assert_int_equal(item.as.job.reason, SW_JOB_REASON_REPLAY);
	assert_int_equal(item.as.job.planned_at_ms, 1000);
	assert_int_equal(item.as.job.event, 42);
	assert_int_equal(item.as.job.pos, 3);
	assert_true(sw_bytes_equal_str(item.as.job.token, "token"));
	sw_blob_unref(replay.envelope);
	sw_arena_release(&arena);
}

static void build__provider_that_is_no_queue_name__refused(void **state)
{
	(void)state;
	char longest[SW_BUS_NAME_MAX];
	memset(longest, 'p', sizeof(longest));
	longest[SW_BUS_NAME_MAX - sizeof("push.")] = '\0';
	struct sw_replay replay;
	struct sw_item good = old_item(longest);
	assert_int_equal(sw_replay_build(&good.as.job, &new_id, 0, 0, &replay), SW_OK);
	assert_int_equal(strlen(replay.routing_key), SW_BUS_NAME_MAX - 1);
	sw_blob_unref(replay.envelope);
	longest[SW_BUS_NAME_MAX - sizeof("push.")] = 'p';
	longest[SW_BUS_NAME_MAX - sizeof("push.") + 1] = '\0';
	struct sw_item long_one = old_item(longest);
	struct sw_item none = old_item("");
	struct sw_item zero = old_item("x");
	zero.as.job.provider = sw_bytes("a\0b", 3);
	assert_int_equal(sw_replay_build(&long_one.as.job, &new_id, 0, 0, &replay), SW_EINVAL);
	assert_int_equal(sw_replay_build(&none.as.job, &new_id, 0, 0, &replay), SW_EINVAL);
	assert_int_equal(sw_replay_build(&zero.as.job, &new_id, 0, 0, &replay), SW_EINVAL);
}

static void read__only_exactly_one_job__is_taken(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_buf buf;
	sw_buf_init(&buf, 4096);
	struct sw_item job = old_item("apns");
	struct sw_item other = {.kind = SW_ITEM_NODE_GONE};
	struct sw_item item;
	sw_item_put(&buf, &job);
	assert_int_equal(sw_replay_read(sw_buf_bytes(&buf), &arena, &item), SW_OK);
	assert_int_equal(item.as.job.event, 42);
	for (size_t len = 0; len < buf.len; len++) {
		assert_int_equal(sw_replay_read(sw_bytes(buf.ptr, len), &arena, &item), SW_EPARSE);
	}
	sw_buf_put_u8(&buf, 0);
	assert_int_equal(sw_replay_read(sw_buf_bytes(&buf), &arena, &item), SW_EPARSE);
	sw_buf_clear(&buf);
	sw_item_put(&buf, &other);
	assert_int_equal(sw_replay_read(sw_buf_bytes(&buf), &arena, &item), SW_EPARSE);
	sw_buf_release(&buf);
	sw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build__a_job__fresh_in_an_envelope),
		cmocka_unit_test(build__provider_that_is_no_queue_name__refused),
		cmocka_unit_test(read__only_exactly_one_job__is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
