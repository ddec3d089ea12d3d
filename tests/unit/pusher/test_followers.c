/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of a job that is under way already: they wait for it, and what becomes of them depends on how it ends. The
 * gate's batch is only filled here, never run, and the envelopes have one job more than is taken up, so that none of
 * them is acked. */
#include "pusher/pusher_int.h"

#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <utlist.h>

struct fixture {
	struct sw_pusher pusher;
	struct sw_pusher_instance config;
	struct sw_pusher_instance_run instance;
	struct sw_pusher_intake *intake;
	struct sw_buf bodies[8];
	size_t body_count;
};

static void on_turn(struct sw_turn *turn)
{
	(void)turn;
}

static int setup(void **state)
{
	struct fixture *f = sw_xcalloc(1, sizeof(*f));
	f->pusher.loop = sw_loop_new("test", 16);
	sw_pusher_batch_init(&f->pusher.gate, &f->pusher, "gate");
	f->pusher.gate.turn.run = on_turn;
	f->config.name = "main";
	f->instance.pusher = &f->pusher;
	f->instance.config = &f->config;
	f->instance.turn.run = on_turn;
	f->instance.active_max = 100;
	f->intake = &f->instance.intakes[SW_JOB_QUEUE_NORMAL];
	f->intake->instance = &f->instance;
	f->instance.intakes[SW_JOB_QUEUE_URGENT].instance = &f->instance;
	for (int i = 0; i < SW_PUSH_RESULTS; i++) {
		char labels[32];
		snprintf(labels, sizeof(labels), "n=\"%d\"", i);
		f->instance.results[i] = sw_metric_counter("test_total", labels, "Test.");
		sw_metric_add(f->instance.results[i], -sw_metric_get(f->instance.results[i]));
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	sw_pusher_batch_abandon(&f->pusher.gate);
	assert_int_equal(f->pusher.active, 0);
	assert_null(f->pusher.jobs);
	sw_pusher_batch_release(&f->pusher.gate);
	sw_turn_cancel(&f->instance.turn);
	sw_loop_free(f->pusher.loop);
	struct sw_pusher_envelope *envelope;
	struct sw_pusher_envelope *next;
	DL_FOREACH_SAFE (f->intake->envelopes, envelope, next) {
		free(envelope);
	}
	for (size_t i = 0; i < f->body_count; i++) {
		sw_buf_release(&f->bodies[i]);
	}
	free(f);
	return 0;
}

/* As if an envelope with this one job had arrived; takes it up. */
static void arrive(struct fixture *f, uint8_t job, int64_t attempt)
{
	struct sw_buf *body = &f->bodies[f->body_count++];
	sw_buf_init(body, 4096);
	sw_envelope_begin(body);
	struct sw_uuid id = {{job}};
	size_t mark = sw_section_begin(body, &id);
	sw_item_put(body, &(struct sw_item){.kind = SW_ITEM_JOB, .as.job = {.job = {{job}}, .attempt = attempt}});
	sw_section_end(body, mark);
	struct sw_pusher_envelope *envelope = sw_xcalloc(1, sizeof(*envelope));
	envelope->intake = f->intake;
	envelope->left = 2;
	assert_int_equal(sw_envelope_open(&envelope->reader, sw_buf_bytes(body)), SW_OK);
	DL_APPEND(f->intake->envelopes, envelope);
	f->intake->next_envelope = f->intake->next_envelope ? f->intake->next_envelope : envelope;
	sw_pusher_pull(&f->instance);
	assert_null(f->intake->next_envelope);
}

static int64_t counted(const struct fixture *f, enum sw_push_result result)
{
	return sw_metric_get(f->instance.results[result]);
}

static void end_leader(struct fixture *f, const struct sw_push_step *step)
{
	struct sw_pusher_job *leader = sw_pusher_list_pop(&f->pusher.gate.waiting);
	assert_non_null(leader);
	leader->step = *step;
	sw_pusher_job_end(leader);
}

static void pull__same_job_twice__one_goes_on(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 0);
	arrive(f, 2, 0);
	arrive(f, 1, 0);
	assert_int_equal(f->pusher.gate.waiting.count, 2);
	assert_int_equal(f->intake->active, 3);
	assert_int_equal(counted(f, SW_PUSH_RESULT_CONSUMED), 3);
}

static void pull__no_room__takes_up_no_more(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 0);
	f->instance.active_max = 1;
	struct sw_buf *body = &f->bodies[0];
	struct sw_pusher_envelope *envelope = sw_xcalloc(1, sizeof(*envelope));
	envelope->intake = f->intake;
	envelope->left = 2;
	assert_int_equal(sw_envelope_open(&envelope->reader, sw_buf_bytes(body)), SW_OK);
	DL_APPEND(f->intake->envelopes, envelope);
	f->intake->next_envelope = envelope;
	sw_pusher_pull(&f->instance);
	assert_int_equal(f->intake->active, 1);
	assert_ptr_equal(f->intake->next_envelope, envelope);
}

static void job_end__final__copies_are_repeats(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 2);
	arrive(f, 1, 2);
	arrive(f, 1, 3);
	end_leader(f,
		   &(struct sw_push_step){.next = SW_PUSH_NEXT_END, .result = SW_PUSH_RESULT_DELIVERED, .attempts = 3});
	assert_int_equal(counted(f, SW_PUSH_RESULT_DELIVERED), 1);
	assert_int_equal(counted(f, SW_PUSH_RESULT_REPEAT), 2);
	assert_int_equal(f->intake->active, 0);
}

/* The copy that came back from the retry stage before the confirm of its publish is the job's future: not to be lost. */
static void job_end__later__older_copies_end_and_the_next_try_goes_on(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 2);
	arrive(f, 1, 2);
	arrive(f, 1, 3);
	arrive(f, 1, 3);
	end_leader(f,
		   &(struct sw_push_step){.next = SW_PUSH_NEXT_LATER, .result = SW_PUSH_RESULT_RETRIED, .attempts = 3});
	assert_int_equal(counted(f, SW_PUSH_RESULT_RETRIED), 1);
	assert_int_equal(counted(f, SW_PUSH_RESULT_REPEAT), 1);
	assert_int_equal(f->pusher.gate.waiting.count, 1);
	assert_int_equal(f->pusher.gate.waiting.first->item.attempt, 3);
	assert_int_equal(f->intake->active, 2); /* the second copy of the next try follows the first */
	end_leader(f,
		   &(struct sw_push_step){.next = SW_PUSH_NEXT_END, .result = SW_PUSH_RESULT_DELIVERED, .attempts = 4});
	assert_int_equal(counted(f, SW_PUSH_RESULT_REPEAT), 2);
	assert_int_equal(f->intake->active, 0);
}

static void job_end__put_off_uncounted__the_same_count_goes_on(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 2);
	arrive(f, 1, 2);
	end_leader(f, &(struct sw_push_step){.next = SW_PUSH_NEXT_LATER, .result = SW_PUSH_RESULT_HELD, .attempts = 2});
	assert_int_equal(counted(f, SW_PUSH_RESULT_REPEAT), 0);
	assert_int_equal(f->pusher.gate.waiting.count, 1);
}

static void job_abandon__with_copies__none_is_acked(void **state)
{
	struct fixture *f = *state;
	arrive(f, 1, 0);
	arrive(f, 1, 0);
	sw_pusher_job_abandon(sw_pusher_list_pop(&f->pusher.gate.waiting));
	assert_int_equal(counted(f, SW_PUSH_RESULT_ABANDONED), 2);
	struct sw_pusher_envelope *envelope;
	DL_FOREACH (f->intake->envelopes, envelope) {
		assert_true(envelope->abandoned);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pull__same_job_twice__one_goes_on),
		TEST(pull__no_room__takes_up_no_more),
		TEST(job_end__final__copies_are_repeats),
		TEST(job_end__later__older_copies_end_and_the_next_try_goes_on),
		TEST(job_end__put_off_uncounted__the_same_count_goes_on),
		TEST(job_abandon__with_copies__none_is_acked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
