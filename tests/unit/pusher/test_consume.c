/* SPDX-License-Identifier: Apache-2.0 */
/* Which envelopes are taken up, and a job in the provider's terms. */
#include "pusher/pusher_int.h"

#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sw_item job_item(void)
{
	return (struct sw_item){.kind = SW_ITEM_JOB,
				.as.job = {.job = {{1, 2, 3}},
					   .user = 7,
					   .user_name = sw_bytes_str("bob"),
					   .device = sw_bytes_str("phone"),
					   .provider = sw_bytes_str("apns"),
					   .app = sw_bytes_str("com.example.app"),
					   .token = sw_bytes_str("aabb"),
					   .sandbox = 1,
					   .registered_at_ms = 500,
					   .event = 9007199254740993,
					   .conv = 42,
					   .seq = 3,
					   .pos = 17,
					   .title = sw_bytes_str("Alice"),
					   .preview = sw_bytes_str("hello"),
					   .badge = 4,
					   .created_at_ms = 1000,
					   .expires_at_ms = 2000,
					   .attempt = 2}};
}

static void put_section(struct sw_buf *buf, const struct sw_item *items, size_t count)
{
	struct sw_uuid id = sw_uuid_random();
	size_t mark = sw_section_begin(buf, &id);
	for (size_t i = 0; i < count; i++) {
		sw_item_put(buf, &items[i]);
	}
	sw_section_end(buf, mark);
}

static int count_one(const struct sw_item *item, size_t *count_out)
{
	struct sw_buf buf;
	sw_buf_init(&buf, 4096);
	sw_envelope_begin(&buf);
	put_section(&buf, item, 1);
	int err = sw_pusher_count_jobs(sw_buf_bytes(&buf), count_out);
	sw_buf_release(&buf);
	return err;
}

static void count_jobs__sections_of_jobs__counts_all(void **state)
{
	(void)state;
	struct sw_item items[] = {job_item(), job_item(), job_item()};
	struct sw_buf buf;
	size_t count;
	sw_buf_init(&buf, 4096);
	sw_envelope_begin(&buf);
	assert_int_equal(sw_pusher_count_jobs(sw_buf_bytes(&buf), &count), SW_OK);
	assert_int_equal(count, 0);
	put_section(&buf, items, 2);
	put_section(&buf, items, 0);
	put_section(&buf, items, 3);
	assert_int_equal(sw_pusher_count_jobs(sw_buf_bytes(&buf), &count), SW_OK);
	assert_int_equal(count, 5);
	sw_buf_release(&buf);
}

/* A cut at a section's border is an envelope of its own; every other one is refused. */
static void count_jobs__cut_anywhere__refused(void **state)
{
	(void)state;
	struct sw_item item = job_item();
	struct sw_buf buf;
	sw_buf_init(&buf, 4096);
	sw_envelope_begin(&buf);
	put_section(&buf, &item, 1);
	size_t count;
	assert_int_equal(sw_pusher_count_jobs(sw_bytes(buf.ptr, 0), &count), SW_EPARSE);
	for (size_t len = 2; len < buf.len; len++) {
		uint8_t *cut = sw_xmemdup(buf.ptr, len); /* so that a read past the end is seen */
		assert_int_equal(sw_pusher_count_jobs(sw_bytes(cut, len), &count), SW_EPARSE);
		free(cut);
	}
	sw_buf_release(&buf);
}

static void count_jobs__not_a_job_or_unusable__refused(void **state)
{
	(void)state;
	size_t count;
	struct sw_item check = {.kind = SW_ITEM_CHECK, .as.check = {.user = 1, .pos = 2}};
	assert_int_equal(count_one(&check, &count), SW_EPARSE);
	struct sw_item item = job_item();
	item.as.job.device = sw_bytes("a\0b", 3);
	assert_int_equal(count_one(&item, &count), SW_EPARSE);
	item.as.job.device = sw_bytes("\xff", 1);
	assert_int_equal(count_one(&item, &count), SW_EPARSE);
	item = job_item();
	item.as.job.attempt = -1;
	assert_int_equal(count_one(&item, &count), SW_EPARSE);
	item = job_item();
	item.as.job.device = sw_bytes(NULL, 0);
	assert_int_equal(count_one(&item, &count), SW_OK);
	uint8_t future[] = {SW_ENVELOPE_VERSION + 1};
	assert_int_equal(sw_pusher_count_jobs(sw_bytes(future, 1), &count), SW_EVERSION);
}

static void check_datum(const struct sw_notification *n, size_t i, const char *name, const char *value)
{
	assert_string_equal(n->data[i].name, name);
	assert_true(sw_bytes_equal_str(n->data[i].value, value));
}

static void notification__of_a_clear__is_silent_and_says_up_to_where(void **state)
{
	(void)state;
	struct sw_item item = job_item();
	struct sw_arena arena;
	struct sw_notification n;
	struct sw_diag diag;
	item.as.job.class = SW_JOB_CLEAR;
	sw_arena_init(&arena);
	assert_int_equal(sw_pusher_notification(&item.as.job, &arena, &n, &diag), SW_OK);
	assert_int_equal(n.kind, SW_PUSH_SILENT);
	assert_false(n.urgent);
	assert_int_equal(n.title.len + n.body.len, 0);
	assert_int_equal(n.data_count, 2);
	check_datum(&n, 0, "clear", "3");
	check_datum(&n, 1, "badge", "4");
	sw_arena_release(&arena);
}

static void notification__of_an_alert__disturbs_by_its_severity(void **state)
{
	(void)state;
	static const struct {
		const char *content;
		enum sw_push_interruption interruption;
		bool sound;
	} rows[] = {
		{"{\"severity\":\"low\"}", SW_PUSH_INTERRUPTION_UNSET, false},
		{"{\"severity\":\"high\"}", SW_PUSH_INTERRUPTION_TIME_SENSITIVE, false},
		{"{\"severity\":\"critical\"}", SW_PUSH_INTERRUPTION_TIME_SENSITIVE, false},
		{"{\"severity\":\"critical\",\"critical_sound\":true}", SW_PUSH_INTERRUPTION_CRITICAL, true},
		{"", SW_PUSH_INTERRUPTION_UNSET, false},
	};
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_item item = job_item();
		struct sw_notification n;
		struct sw_diag diag;
		item.as.job.class = SW_JOB_ALERT;
		item.as.job.content = sw_bytes_str(rows[i].content);
		assert_int_equal(sw_pusher_notification(&item.as.job, &arena, &n, &diag), SW_OK);
		assert_int_equal(n.interruption, rows[i].interruption);
		assert_int_equal(n.apple.critical_sound, rows[i].sound);
		assert_int_equal(n.priority, SW_PUSH_PRIORITY_HIGH);
		assert_int_equal(n.data_count, 1);
		check_datum(&n, 0, "alert", "9007199254740993");
	}
	sw_arena_release(&arena);
}

static void notification__of_a_job__carries_ids_as_text(void **state)
{
	(void)state;
	struct sw_item item = job_item();
	struct sw_arena arena;
	struct sw_notification n;
	sw_arena_init(&arena);
	assert_int_equal(sw_pusher_notification(&item.as.job, &arena, &n, NULL), SW_OK);
	assert_memory_equal(n.id, item.as.job.job.bytes, 16);
	assert_true(sw_bytes_equal_str(n.title, "Alice"));
	assert_true(sw_bytes_equal_str(n.body, "hello"));
	assert_true(sw_bytes_equal_str(n.thread, "42"));
	assert_true(sw_bytes_equal_str(n.collapse, "9007199254740993"));
	assert_int_equal(n.badge, 4);
	assert_int_equal(n.expires_at_ms, 2000);
	assert_int_equal(n.data_count, 4);
	check_datum(&n, 0, "message", "9007199254740993");
	check_datum(&n, 1, "conversation", "42");
	check_datum(&n, 2, "seq", "3");
	check_datum(&n, 3, "pos", "17");
	item.as.job.content = sw_bytes_str("{\"step\":2}"); /* of its plan: not shown */
	assert_int_equal(sw_pusher_notification(&item.as.job, &arena, &n, NULL), SW_OK);
	assert_int_equal(n.data_count, 4);
	struct sw_push_target target = sw_pusher_target(&item.as.job);
	assert_true(target.sandbox);
	assert_true(sw_bytes_equal_str(target.token, "aabb"));
	assert_true(sw_bytes_equal_str(target.app, "com.example.app"));
	assert_int_equal(target.registered_at_ms, 500);
	sw_arena_release(&arena);
}

static void notification__of_a_direct_push__is_what_was_asked_for(void **state)
{
	(void)state;
	struct sw_item item = job_item();
	struct sw_arena arena;
	struct sw_notification n;
	struct sw_diag diag = {""};
	sw_arena_init(&arena);
	item.as.job.class = SW_JOB_DIRECT;
	item.as.job.badge = -1;
	assert_int_equal(sw_pusher_notification(&item.as.job, &arena, &n, &diag), SW_OK);
	assert_true(sw_bytes_equal_str(n.collapse, "9007199254740993"));
	assert_int_equal(n.thread.len, 0);
	assert_int_equal(n.data_count, 1);
	check_datum(&n, 0, "push", "9007199254740993");
	item.as.job.content = sw_bytes_str("{\"collapse\":\"c\",\"badge\":2,\"data\":{\"a\":\"b\"},\"silent\":true}");
	assert_int_equal(sw_pusher_notification(&item.as.job, &arena, &n, &diag), SW_OK);
	assert_true(sw_bytes_equal_str(n.title, "Alice"));
	assert_true(sw_bytes_equal_str(n.body, "hello"));
	assert_true(sw_bytes_equal_str(n.collapse, "c"));
	assert_int_equal(n.badge, 2);
	assert_int_equal(n.kind, SW_PUSH_SILENT);
	assert_int_equal(n.data_count, 2);
	check_datum(&n, 1, "a", "b");
	item.as.job.content = sw_bytes_str("{\"of a newer version\":1}");
	assert_int_equal(sw_pusher_notification(&item.as.job, &arena, &n, &diag), SW_EINVAL);
	assert_string_equal(diag.text, "of a newer version: there is no such member");
	sw_arena_release(&arena);
}

static void spent_at__age_and_expiry__the_earlier(void **state)
{
	(void)state;
	struct sw_pusher pusher = {.config.classes = {{.age_max_ms = 500}}};
	struct sw_item item = job_item();
	assert_int_equal(sw_pusher_spent_at_ms(&pusher, &item.as.job), 1500);
	item.as.job.expires_at_ms = 1400;
	assert_int_equal(sw_pusher_spent_at_ms(&pusher, &item.as.job), 1400);
	item.as.job.expires_at_ms = 0;
	assert_int_equal(sw_pusher_spent_at_ms(&pusher, &item.as.job), 1500);
}

static void list__push_and_pop__keeps_order(void **state)
{
	(void)state;
	struct sw_pusher_list list = {0};
	struct sw_pusher_job *jobs = sw_xcalloc(3, sizeof(*jobs));
	assert_null(sw_pusher_list_pop(&list));
	sw_pusher_list_push(&list, &jobs[0]);
	sw_pusher_list_push(&list, &jobs[1]);
	sw_pusher_list_push_front(&list, &jobs[2]);
	assert_int_equal(list.count, 3);
	assert_ptr_equal(sw_pusher_list_pop(&list), &jobs[2]);
	assert_ptr_equal(sw_pusher_list_pop(&list), &jobs[0]);
	assert_ptr_equal(sw_pusher_list_pop(&list), &jobs[1]);
	assert_null(sw_pusher_list_pop(&list));
	sw_pusher_list_push_front(&list, &jobs[0]);
	sw_pusher_list_push(&list, &jobs[1]);
	assert_ptr_equal(sw_pusher_list_pop(&list), &jobs[0]);
	assert_ptr_equal(sw_pusher_list_pop(&list), &jobs[1]);
	assert_int_equal(list.count, 0);
	free(jobs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(count_jobs__sections_of_jobs__counts_all),
		cmocka_unit_test(count_jobs__cut_anywhere__refused),
		cmocka_unit_test(count_jobs__not_a_job_or_unusable__refused),
		cmocka_unit_test(notification__of_a_job__carries_ids_as_text),
		cmocka_unit_test(notification__of_a_clear__is_silent_and_says_up_to_where),
		cmocka_unit_test(notification__of_an_alert__disturbs_by_its_severity),
		cmocka_unit_test(notification__of_a_direct_push__is_what_was_asked_for),
		cmocka_unit_test(spent_at__age_and_expiry__the_earlier),
		cmocka_unit_test(list__push_and_pop__keeps_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
