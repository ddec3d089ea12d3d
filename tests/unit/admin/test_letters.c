/* SPDX-License-Identifier: Apache-2.0 */
/* What comes out of the queue `dead`, good and bad, becomes rows; nothing is lost. */
#include "admin/letters.h"

#include "base/utf8.h"
#include "proto/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct sw_arena arena;
	struct sw_letters letters;
	struct sw_buf envelope;
	struct sw_buf job;
};

static int setup(void **state)
{
	static struct fixture f;
	sw_arena_init(&f.arena);
	sw_letters_init(&f.letters, &f.arena, 21);
	sw_buf_init(&f.envelope, 1 << 20);
	sw_buf_init(&f.job, 1 << 20);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	sw_buf_release(&f->envelope);
	sw_buf_release(&f->job);
	sw_arena_release(&f->arena);
	return 0;
}

static struct sw_item job_item(void)
{
	return (struct sw_item){.kind = SW_ITEM_JOB,
				.as.job = {.job = {{1, 2, 3}},
					   .user = 7,
					   .device = sw_bytes_str("phone"),
					   .provider = sw_bytes_str("apns"),
					   .app = sw_bytes_str("com.example"),
					   .token = sw_bytes_str("secret"),
					   .event = 42}};
}

static struct sw_item dead_item(struct sw_bytes job, const char *reason)
{
	return (struct sw_item){.kind = SW_ITEM_DEAD,
				.as.dead = {.reason = sw_bytes_str(reason), .status = 410, .at_ms = 1000, .job = job}};
}

static void put_section(struct fixture *f, const struct sw_item *items, size_t count)
{
	struct sw_uuid id = {{9}};
	if (f->envelope.len == 0) {
		sw_envelope_begin(&f->envelope);
	}
	size_t mark = sw_section_begin(&f->envelope, &id);
	for (size_t i = 0; i < count; i++) {
		sw_item_put(&f->envelope, &items[i]);
	}
	sw_section_end(&f->envelope, mark);
}

static void add__dead_item_of_a_pusher__row_of_its_job(void **state)
{
	struct fixture *f = *state;
	struct sw_item job = job_item();
	sw_item_put(&f->job, &job);
	struct sw_item dead = dead_item(sw_buf_bytes(&f->job), "Unregistered");
	put_section(f, &dead, 1);
	sw_letters_add(&f->letters, sw_buf_bytes(&f->envelope), 5);
	assert_int_equal(f->letters.count, 1);
	const struct sw_letter *row = &f->letters.rows[0];
	assert_true(sw_uuid_equal(&row->job, &job.as.job.job));
	assert_int_equal(row->event, 42);
	assert_int_equal(row->user, 7);
	assert_true(sw_bytes_equal_str(row->device, "phone"));
	assert_true(sw_bytes_equal_str(row->provider, "apns"));
	assert_true(sw_bytes_equal_str(row->app, "com.example"));
	assert_true(sw_bytes_equal_str(row->reason, "Unregistered"));
	assert_int_equal(row->status, 410);
	assert_int_equal(row->at_ms, 1000);
	assert_true(sw_bytes_equal(row->payload, sw_buf_bytes(&f->job)));
}

static void add__envelope_of_a_writer__raw_row_with_a_stable_id(void **state)
{
	struct fixture *f = *state;
	/* Begins like an envelope does, and its version byte like an item of kind 1. */
	struct sw_item dead = dead_item(sw_bytes("\x01\xff\x00 not an item", 15), "poison");
	put_section(f, &dead, 1);
	sw_letters_add(&f->letters, sw_buf_bytes(&f->envelope), 5);
	sw_letters_add(&f->letters, sw_buf_bytes(&f->envelope), 6);
	assert_int_equal(f->letters.count, 2);
	const struct sw_letter *rows = f->letters.rows;
	assert_true(sw_uuid_equal(&rows[0].job, &rows[1].job));
	assert_int_equal(rows[0].event, 0);
	assert_non_null(rows[0].device.ptr);
	assert_true(sw_bytes_equal_str(rows[0].reason, "poison"));
	assert_true(sw_bytes_equal(rows[0].payload, dead.as.dead.job));
}

static void add__raw_rows_that_differ__ids_differ(void **state)
{
	struct fixture *f = *state;
	/* Longer than what an id can be derived from at once, and different at the very end only. */
	static uint8_t big[300000];
	sw_letters_add(&f->letters, sw_bytes(big, sizeof(big)), 5);
	big[sizeof(big) - 1] = 1;
	sw_letters_add(&f->letters, sw_bytes(big, sizeof(big)), 5);
	assert_int_equal(f->letters.count, 2);
	assert_false(sw_uuid_equal(&f->letters.rows[0].job, &f->letters.rows[1].job));
}

static void add__job_the_broker_gave_up__row_with_that_reason(void **state)
{
	struct fixture *f = *state;
	struct sw_item jobs[2] = {job_item(), job_item()};
	jobs[1].as.job.job.bytes[0] = 77;
	put_section(f, jobs, 2);
	sw_letters_add(&f->letters, sw_buf_bytes(&f->envelope), 5);
	assert_int_equal(f->letters.count, 2);
	assert_true(sw_bytes_equal_str(f->letters.rows[1].reason, "poison: delivered 21 times"));
	assert_int_equal(f->letters.rows[1].job.bytes[0], 77);
	assert_int_equal(f->letters.rows[1].at_ms, 5);
	struct sw_bytes payload = f->letters.rows[1].payload;
	struct sw_item again;
	assert_int_equal(sw_item_next(&payload, &f->arena, &again), SW_OK);
	assert_int_equal(again.kind, SW_ITEM_JOB);
	assert_int_equal(payload.len, 0);
}

static void add__other_item__kept_raw(void **state)
{
	struct fixture *f = *state;
	struct sw_item item = {.kind = SW_ITEM_NODE_GONE, .as.node_gone = {.node = 3}};
	put_section(f, &item, 1);
	sw_letters_add(&f->letters, sw_buf_bytes(&f->envelope), 5);
	assert_int_equal(f->letters.count, 1);
	assert_true(sw_bytes_equal_str(f->letters.rows[0].reason, "not a dead letter"));
	assert_int_equal(f->letters.rows[0].payload.len, 9);
}

static void add__empty_and_foreign_messages__one_raw_row_each(void **state)
{
	struct fixture *f = *state;
	sw_letters_add(&f->letters, (struct sw_bytes){0}, 5);
	sw_letters_add(&f->letters, sw_bytes("\x01", 1), 5);
	sw_letters_add(&f->letters, sw_bytes_str("{\"json\":true}"), 5);
	assert_int_equal(f->letters.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(sw_bytes_equal_str(f->letters.rows[i].reason, "malformed dead letter"));
		assert_non_null(f->letters.rows[i].payload.ptr);
	}
}

static void add__cut_at_every_byte__never_without_a_row(void **state)
{
	struct fixture *f = *state;
	struct sw_item job = job_item();
	sw_item_put(&f->job, &job);
	struct sw_item dead[2] = {dead_item(sw_buf_bytes(&f->job), "a"), dead_item(sw_buf_bytes(&f->job), "b")};
	put_section(f, dead, 1);
	put_section(f, dead, 2);
	for (size_t len = 0; len < f->envelope.len; len++) {
		size_t before = f->letters.count;
		sw_letters_add(&f->letters, sw_bytes(f->envelope.ptr, len), 5);
		assert_true(f->letters.count > before);
	}
	size_t before = f->letters.count;
	sw_letters_add(&f->letters, sw_buf_bytes(&f->envelope), 5);
	assert_int_equal(f->letters.count, before + 3);
}

static void text__bytes_the_store_refuses__become_question_marks(void **state)
{
	struct fixture *f = *state;
	assert_true(sw_bytes_equal_str(sw_letter_text(&f->arena, sw_bytes("a\0b", 3)), "a?b"));
	assert_true(sw_bytes_equal_str(sw_letter_text(&f->arena, sw_bytes_str("a\xff")), "a?"));
	assert_true(sw_bytes_equal_str(sw_letter_text(&f->arena, sw_bytes_str("gr\xc3\xbc\xc3\x9f")),
				       "gr\xc3\xbc\xc3\x9f"));
	assert_non_null(sw_letter_text(&f->arena, (struct sw_bytes){0}).ptr);
}

static void text__too_long__cut_at_a_character(void **state)
{
	struct fixture *f = *state;
	char text[SW_LETTER_TEXT_MAX + 2];
	memset(text, 'x', sizeof(text));
	memcpy(text + SW_LETTER_TEXT_MAX - 1, "\xc3\xbc", 2);
	struct sw_bytes cut = sw_letter_text(&f->arena, sw_bytes(text, SW_LETTER_TEXT_MAX + 1));
	assert_int_equal(cut.len, SW_LETTER_TEXT_MAX - 1);
	assert_true(sw_utf8_valid(cut));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(add__dead_item_of_a_pusher__row_of_its_job),
		TEST(add__envelope_of_a_writer__raw_row_with_a_stable_id),
		TEST(add__raw_rows_that_differ__ids_differ),
		TEST(add__job_the_broker_gave_up__row_with_that_reason),
		TEST(add__other_item__kept_raw),
		TEST(add__empty_and_foreign_messages__one_raw_row_each),
		TEST(add__cut_at_every_byte__never_without_a_row),
		TEST(text__bytes_the_store_refuses__become_question_marks),
		TEST(text__too_long__cut_at_a_character),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
