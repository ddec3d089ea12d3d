/* SPDX-License-Identifier: Apache-2.0 */
/* What a job's step publishes, to whom, and that it has the same ids each time. */
#include "pusher/pusher_int.h"

#include "bus/topology.h"
#include "proto/partition.h"

#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { QUEUES = 3 };

struct fixture {
	struct sw_pusher pusher;
	struct sw_pusher_instance_run instance;
	struct sw_pusher_job job;
	struct sw_pusher_letter letters[SW_PUSHER_LETTERS_MAX];
	size_t count;
	struct sw_arena arena;
};

static int setup(void **state)
{
	struct fixture *f = sw_xcalloc(1, sizeof(*f));
	f->pusher.config.mailbox_queues = QUEUES;
	f->instance.pusher = &f->pusher;
	struct sw_pusher_intake *intake = &f->instance.intakes[SW_JOB_QUEUE_NORMAL];
	snprintf(intake->queue, sizeof(intake->queue), "push.main");
	f->job.instance = &f->instance;
	f->job.intake = intake;
	f->job.item = (struct sw_item_job){.job = {{9, 8, 7}},
					   .user = 1234,
					   .device = sw_bytes_str("phone"),
					   .token = sw_bytes_str("aabb"),
					   .pos = 17,
					   .attempt = 2,
					   .reason = SW_JOB_REASON_AWAY,
					   .planned_at_ms = 600};
	f->job.registered_at_ms = 700;
	f->job.outcome = (struct sw_outcome){.kind = SW_OUTCOME_REJECTED, .status = 400, .reason = "BadTopic\xc3\xa4"};
	f->job.step.why = "";
	*state = f;
	return 0;
}

static void drop_letters(struct fixture *f)
{
	for (size_t i = 0; i < f->count; i++) {
		sw_blob_unref(f->letters[i].body);
	}
	f->count = 0;
	sw_arena_release(&f->arena);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	drop_letters(f);
	free(f);
	return 0;
}

static void write_letters(struct fixture *f)
{
	drop_letters(f);
	f->count = sw_pusher_letters(&f->job, f->letters);
}

/* The only item of a letter. */
static struct sw_item open_letter(struct fixture *f, size_t i, struct sw_uuid *id_out)
{
	struct sw_envelope_reader reader;
	struct sw_section section;
	struct sw_item item;
	assert_int_equal(sw_envelope_open(&reader, sw_blob_bytes(f->letters[i].body)), SW_OK);
	assert_int_equal(sw_envelope_next(&reader, &section), SW_OK);
	*id_out = section.id;
	assert_int_equal(sw_item_next(&section.items, &f->arena, &item), SW_OK);
	assert_int_equal(section.items.len, 0);
	assert_int_equal(sw_envelope_next(&reader, &section), SW_EEND);
	return item;
}

static void check_mailbox(const struct sw_pusher_letter *letter)
{
	char key[SW_QUEUE_NAME_MAX];
	sw_queue_name(SW_ROLE_MAILBOX, sw_partition_of_user(1234) % QUEUES, key);
	assert_string_equal(letter->exchange, "");
	assert_string_equal(letter->routing_key, key);
}

static void letters__nothing_follows__none(void **state)
{
	struct fixture *f = *state;
	f->job.step.next = SW_PUSH_NEXT_END;
	write_letters(f);
	assert_int_equal(f->count, 0);
}

static void letters__later__the_same_job_with_its_new_count(void **state)
{
	struct fixture *f = *state;
	f->job.step.next = SW_PUSH_NEXT_LATER;
	f->job.step.stage = 3;
	f->job.step.attempts = 3;
	write_letters(f);
	assert_int_equal(f->count, 1);
	assert_string_equal(f->letters[0].exchange, sw_retry_exchanges[3]);
	assert_string_equal(f->letters[0].routing_key, "push.main");
	struct sw_uuid id;
	struct sw_item item = open_letter(f, 0, &id);
	assert_int_equal(item.kind, SW_ITEM_JOB);
	assert_int_equal(item.as.job.attempt, 3);
	assert_int_equal(item.as.job.pos, 17);
	assert_int_equal(item.as.job.reason, SW_JOB_REASON_AWAY);
	assert_int_equal(item.as.job.planned_at_ms, 600);
	assert_memory_equal(item.as.job.job.bytes, f->job.item.job.bytes, 16);
	assert_true(sw_bytes_equal_str(item.as.job.token, "aabb"));
}

static void letters__token_dead__tells_the_mailbox_once(void **state)
{
	struct fixture *f = *state;
	f->job.step.token_dead = true;
	f->job.outcome = (struct sw_outcome){.kind = SW_OUTCOME_TOKEN_DEAD, .since_ms = 650};
	write_letters(f);
	assert_int_equal(f->count, 1);
	check_mailbox(&f->letters[0]);
	struct sw_uuid first;
	struct sw_item item = open_letter(f, 0, &first);
	assert_int_equal(item.kind, SW_ITEM_TOKEN_DEAD);
	assert_int_equal(item.as.token_dead.user, 1234);
	assert_int_equal(item.as.token_dead.since_ms, 650);
	assert_int_equal(item.as.token_dead.pos, 17);
	assert_true(sw_bytes_equal_str(item.as.token_dead.device, "phone"));
	assert_true(sw_bytes_equal_str(item.as.token_dead.token, "aabb"));
	/* Again, after a crash: the outcome is gone, the id is the same. */
	f->job.outcome = (struct sw_outcome){.kind = SW_OUTCOME_DELIVERED};
	write_letters(f);
	struct sw_uuid second;
	item = open_letter(f, 0, &second);
	assert_true(sw_uuid_equal(&first, &second));
	assert_int_equal(item.as.token_dead.since_ms, 700);
	f->job.item.token = sw_bytes_str("ccdd");
	write_letters(f);
	open_letter(f, 0, &second);
	assert_false(sw_uuid_equal(&first, &second));
}

static void letters__rejected__fallback_and_dead_letter(void **state)
{
	struct fixture *f = *state;
	f->job.step.fallback = true;
	f->job.step.dead = true;
	f->job.step.attempts = 3;
	write_letters(f);
	assert_int_equal(f->count, 2);
	check_mailbox(&f->letters[0]);
	struct sw_uuid fallback_id;
	struct sw_uuid dead_id;
	struct sw_item item = open_letter(f, 0, &fallback_id);
	assert_int_equal(item.kind, SW_ITEM_FALLBACK);
	assert_int_equal(item.as.fallback.user, 1234);
	assert_int_equal(item.as.fallback.pos, 17);
	assert_true(sw_bytes_equal_str(item.as.fallback.reason, "BadTopic??"));
	assert_string_equal(f->letters[1].exchange, "");
	assert_string_equal(f->letters[1].routing_key, "dead");
	item = open_letter(f, 1, &dead_id);
	assert_int_equal(item.kind, SW_ITEM_DEAD);
	assert_int_equal(item.as.dead.status, 400);
	assert_true(sw_bytes_equal_str(item.as.dead.reason, "BadTopic??"));
	struct sw_bytes payload = item.as.dead.job;
	assert_int_equal(sw_item_next(&payload, &f->arena, &item), SW_OK);
	assert_int_equal(payload.len, 0);
	assert_int_equal(item.kind, SW_ITEM_JOB);
	assert_int_equal(item.as.job.user, 1234);
	assert_int_equal(item.as.job.attempt, 3);
	assert_false(sw_uuid_equal(&fallback_id, &dead_id));
	struct sw_uuid again;
	write_letters(f);
	open_letter(f, 0, &again);
	assert_true(sw_uuid_equal(&fallback_id, &again));
	open_letter(f, 1, &again);
	assert_true(sw_uuid_equal(&dead_id, &again));
}

/* Also of what is only a fallback, since the plan may go on behind it. */
static void letters__of_a_step__say_which(void **state)
{
	struct fixture *f = *state;
	struct sw_uuid id;
	f->job.item.content = sw_bytes_str("{\"step\":3}");
	f->job.step.dead = true;
	write_letters(f);
	assert_int_equal(f->count, 2);
	struct sw_item item = open_letter(f, 0, &id);
	assert_int_equal(item.kind, SW_ITEM_FALLBACK);
	assert_int_equal(item.as.fallback.step, 3);
	f->job.step.dead = false;
	f->job.step.token_dead = true;
	write_letters(f);
	assert_int_equal(f->count, 1);
	item = open_letter(f, 0, &id);
	assert_int_equal(item.kind, SW_ITEM_TOKEN_DEAD);
	assert_int_equal(item.as.token_dead.step, 3);
	f->job.step.token_dead = false;
	f->job.step.fallback = true; /* died through another job: the mailbox knows whether that ends the step */
	f->job.step.result = SW_PUSH_RESULT_DROPPED_TOKEN_GONE;
	write_letters(f);
	assert_int_equal(f->count, 1);
	item = open_letter(f, 0, &id);
	assert_int_equal(item.kind, SW_ITEM_TOKEN_DEAD);
	f->job.step.fallback = false;
	f->job.step.result = SW_PUSH_RESULT_DEAD;
	f->job.item.class = SW_JOB_ALERT; /* whose plan is not the mailbox's */
	f->job.step.token_dead = false;
	f->job.step.dead = true;
	write_letters(f);
	assert_int_equal(f->count, 1);
}

static void letters__of_no_step_and_only_a_fallback__only_the_dead_letter(void **state)
{
	struct fixture *f = *state;
	f->job.step.dead = true;
	write_letters(f);
	assert_int_equal(f->count, 1);
	assert_string_equal(f->letters[0].routing_key, "dead");
}

/* An alert has a plan of its own; a bare token is in nobody's mailbox. */
static void letters__not_chat_and_no_user__only_the_dead_letter(void **state)
{
	struct fixture *f = *state;
	struct sw_uuid id;
	f->job.item.class = SW_JOB_DIRECT;
	f->job.item.user = 0;
	f->job.item.device = sw_bytes("", 0);
	f->job.step.token_dead = f->job.step.fallback = f->job.step.dead = true;
	write_letters(f);
	assert_int_equal(f->count, 1);
	assert_int_equal(open_letter(f, 0, &id).kind, SW_ITEM_DEAD);
}

static void letters__urgent__comes_back_as_urgent(void **state)
{
	struct fixture *f = *state;
	struct sw_pusher_intake *intake = &f->instance.intakes[SW_JOB_QUEUE_URGENT];
	snprintf(intake->queue, sizeof(intake->queue), "urgent.main");
	f->job.intake = intake;
	f->job.step.next = SW_PUSH_NEXT_LATER;
	write_letters(f);
	assert_string_equal(f->letters[0].routing_key, "urgent.main");
}

static void reason__dropped_and_spent__says_why(void **state)
{
	struct fixture *f = *state;
	char text[64];
	f->job.step.record = SW_PUSH_STATE_DROPPED;
	f->job.step.why = "acked";
	sw_pusher_reason(&f->job, text, sizeof(text));
	assert_string_equal(text, "acked");
	f->job.step.record = SW_PUSH_STATE_DEAD;
	f->job.step.why = "attempts spent: ";
	sw_pusher_reason(&f->job, text, sizeof(text));
	assert_string_equal(text, "attempts spent: BadTopic??");
}

static void reason__held_up_after_quiet_hours__begins_as_theirs(void **state)
{
	struct fixture *f = *state;
	char text[64];
	f->job.outcome = (struct sw_outcome){.kind = SW_OUTCOME_UNSENT, .reason = "too fast"};
	f->job.step.record = SW_PUSH_STATE_RETRY;
	f->job.step.result = SW_PUSH_RESULT_HELD_RATE;
	f->job.step.why = SW_PUSH_WHY_QUIET_THEN;
	sw_pusher_reason(&f->job, text, sizeof(text));
	assert_string_equal(text, "quiet hours are over, too fast");
	assert_memory_equal(text, SW_PUSH_WHY_QUIET, strlen(SW_PUSH_WHY_QUIET));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(letters__nothing_follows__none),
		TEST(letters__later__the_same_job_with_its_new_count),
		TEST(letters__token_dead__tells_the_mailbox_once),
		TEST(letters__rejected__fallback_and_dead_letter),
		TEST(letters__of_a_step__say_which),
		TEST(letters__of_no_step_and_only_a_fallback__only_the_dead_letter),
		TEST(letters__not_chat_and_no_user__only_the_dead_letter),
		TEST(letters__urgent__comes_back_as_urgent),
		TEST(reason__dropped_and_spent__says_why),
		TEST(reason__held_up_after_quiet_hours__begins_as_theirs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
