/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes in, jobs out, acks back. An envelope may hold many jobs: they are taken up one by one while there is room,
 * so that memory is bounded by jobs and not by what the broker sends. A copy of a job that is under way already (the
 * broker's connection was lost meanwhile) waits for it as its follower. */
#include "pusher/pusher_int.h"

#include <surewire/log.h>
#include <surewire/mem.h>

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct arrival {
	struct sw_task task; /* first */
	struct sw_pusher_intake *intake;
	struct sw_delivery *delivery;
};

/* ---- lists ---- */

void sw_pusher_list_push(struct sw_pusher_list *list, struct sw_pusher_job *job)
{
	job->next = NULL;
	job->prev = list->last;
	*(list->last ? &list->last->next : &list->first) = job;
	list->last = job;
	list->count++;
}

void sw_pusher_list_push_front(struct sw_pusher_list *list, struct sw_pusher_job *job)
{
	job->prev = NULL;
	job->next = list->first;
	*(list->first ? &list->first->prev : &list->last) = job;
	list->first = job;
	list->count++;
}

struct sw_pusher_job *sw_pusher_list_pop(struct sw_pusher_list *list)
{
	struct sw_pusher_job *job = list->first;
	if (job) {
		list->first = job->next;
		*(job->next ? &job->next->prev : &list->last) = NULL;
		job->next = NULL;
		list->count--;
	}
	return job;
}

/* ---- in ---- */

/* Texts that become parameters of the store must be UTF-8 without zero bytes, or the whole batch would be refused. */
static bool is_text(struct sw_bytes text)
{
	return sw_utf8_valid(text) && !(text.len && memchr(text.ptr, 0, text.len));
}

static bool is_sane(const struct sw_item *item)
{
	return item->kind == SW_ITEM_JOB && is_text(item->as.job.device) && is_text(item->as.job.token) &&
	       item->as.job.attempt >= 0 && item->as.job.attempt <= INT32_MAX / 2;
}

static int count_items(struct sw_bytes items, struct sw_arena *arena, size_t *count)
{
	struct sw_item item;
	int err;
	while ((err = sw_item_next(&items, arena, &item)) == SW_OK) {
		if (!is_sane(&item)) {
			return SW_EPARSE;
		}
		*count += 1;
	}
	return err == SW_EEND ? SW_OK : err;
}

int sw_pusher_count_jobs(struct sw_bytes envelope, size_t *count_out)
{
	*count_out = 0;
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_envelope_reader reader;
	struct sw_section section;
	int err = sw_envelope_open(&reader, envelope);
	while (err == SW_OK && (err = sw_envelope_next(&reader, &section)) == SW_OK) {
		err = count_items(section.items, &arena, count_out);
	}
	sw_arena_release(&arena);
	return err == SW_EEND ? SW_OK : err;
}

static void add_envelope(struct sw_pusher_intake *intake, struct sw_delivery *delivery, size_t jobs)
{
	struct sw_pusher_envelope *envelope = sw_xcalloc(1, sizeof(*envelope));
	envelope->intake = intake;
	envelope->delivery = delivery;
	envelope->left = jobs;
	int err = sw_envelope_open(&envelope->reader, sw_blob_bytes(delivery->body));
	assert(err == SW_OK);
	(void)err;
	DL_APPEND(intake->envelopes, envelope);
	if (!intake->next_envelope) {
		intake->next_envelope = envelope;
	}
	sw_pusher_instance_kick(intake->instance);
}

static void on_arrival(struct sw_task *task)
{
	struct arrival *arrival = (struct arrival *)task;
	struct sw_pusher_intake *intake = arrival->intake;
	struct sw_delivery *delivery = arrival->delivery;
	free(arrival);
	size_t jobs;
	int err = sw_pusher_count_jobs(sw_blob_bytes(delivery->body), &jobs);
	if (err) {
		sw_metric_add(intake->instance->malformed, 1);
		SW_LOG(ERROR, "pusher.bad_envelope", SW_F_STR("queue", intake->queue), SW_F_ERR(err));
		sw_pusher_bury(intake->instance->pusher, delivery);
	} else if (jobs == 0) {
		sw_delivery_ack(delivery);
	} else {
		add_envelope(intake, delivery, jobs);
	}
}

void sw_pusher_on_delivery(void *ctx, struct sw_delivery *delivery)
{
	struct sw_pusher_intake *intake = ctx;
	struct arrival *arrival = sw_xcalloc(1, sizeof(*arrival));
	arrival->task.run = on_arrival;
	arrival->intake = intake;
	arrival->delivery = delivery;
	sw_loop_post_always(intake->instance->pusher->loop, &arrival->task);
}

/* ---- taking up ---- */

/* The contents were checked as a whole on arrival. */
static struct sw_pusher_job *next_job(struct sw_pusher_intake *intake)
{
	struct sw_pusher_envelope *envelope = intake->next_envelope;
	struct sw_pusher_job *job = sw_xcalloc(1, sizeof(*job));
	sw_arena_init(&job->arena);
	struct sw_item item;
	while (sw_item_next(&envelope->items, &job->arena, &item) != SW_OK) {
		struct sw_section section;
		if (sw_envelope_next(&envelope->reader, &section) != SW_OK) {
			intake->next_envelope = envelope->next;
			free(job);
			return NULL;
		}
		envelope->items = section.items;
	}
	job->instance = intake->instance;
	job->intake = intake;
	job->envelope = envelope;
	job->item = item.as.job;
	job->registered_at_ms = job->item.registered_at_ms;
	return job;
}

static void lead(struct sw_pusher_job *job)
{
	HASH_ADD(hh, job->instance->pusher->jobs, item.job, sizeof(job->item.job), job);
	sw_pusher_gate(job);
}

static void take_up(struct sw_pusher_job *job)
{
	struct sw_pusher_instance_run *instance = job->instance;
	job->intake->active++;
	instance->pusher->active++;
	sw_metric_add(instance->results[SW_PUSH_RESULT_CONSUMED], 1);
	struct sw_pusher_job *leader;
	HASH_FIND(hh, instance->pusher->jobs, &job->item.job, sizeof(job->item.job), leader);
	if (leader) {
		LL_APPEND(leader->followers, job);
		return;
	}
	lead(job);
}

static void pull(struct sw_pusher_intake *intake)
{
	while (intake->instance->pusher->phase == SW_PUSHER_RUNNING && intake->next_envelope &&
	       intake->active < intake->instance->active_max) {
		struct sw_pusher_job *job = next_job(intake);
		if (job) {
			take_up(job);
		}
	}
}

void sw_pusher_pull(struct sw_pusher_instance_run *instance)
{
	pull(&instance->intakes[SW_JOB_QUEUE_URGENT]);
	pull(&instance->intakes[SW_JOB_QUEUE_NORMAL]);
}

/* ---- ending ---- */

static void envelope_end(struct sw_pusher_envelope *envelope)
{
	struct sw_pusher_intake *intake = envelope->intake;
	DL_DELETE(intake->envelopes, envelope);
	if (intake->next_envelope == envelope) {
		/* Its last job came to an end before its end was seen. */
		intake->next_envelope = envelope->next;
	}
	if (envelope->abandoned) {
		sw_delivery_free(envelope->delivery);
	} else {
		sw_delivery_ack(envelope->delivery);
	}
	free(envelope);
}

static void job_free(struct sw_pusher_job *job, enum sw_push_result result)
{
	struct sw_pusher_instance_run *instance = job->instance;
	struct sw_pusher_envelope *envelope = job->envelope;
	sw_metric_add(instance->results[result], 1);
	envelope->abandoned |= result == SW_PUSH_RESULT_ABANDONED;
	job->intake->active--;
	sw_arena_release(&job->arena);
	sw_pusher_digest_free(job->digest);
	free(job);
	instance->pusher->active--;
	if (--envelope->left == 0) {
		envelope_end(envelope);
	}
	sw_pusher_instance_kick(instance);
	sw_pusher_check_drained(instance->pusher);
}

static struct sw_pusher_job *leave(struct sw_pusher_job *job)
{
	struct sw_pusher_job *followers = job->followers;
	job->followers = NULL;
	HASH_DEL(job->instance->pusher->jobs, job);
	return followers;
}

/* A follower from before what the leader published is done with it; another one is a job of its own now. */
static void end_followers(struct sw_pusher_job *followers, int64_t attempts)
{
	struct sw_pusher_job *heir = NULL;
	while (followers) {
		struct sw_pusher_job *job = followers;
		followers = job->next;
		job->next = NULL;
		if (job->item.attempt < attempts) {
			job_free(job, SW_PUSH_RESULT_REPEAT);
		} else if (heir) {
			LL_APPEND(heir->followers, job);
		} else {
			heir = job;
		}
	}
	if (heir) {
		lead(heir);
	}
}

void sw_pusher_job_end(struct sw_pusher_job *job)
{
	int64_t attempts = job->step.next == SW_PUSH_NEXT_LATER ? (int64_t)job->step.attempts : INT64_MAX;
	struct sw_pusher_job *followers = leave(job);
	job_free(job, job->step.result);
	end_followers(followers, attempts);
}

void sw_pusher_job_abandon(struct sw_pusher_job *job)
{
	struct sw_pusher_job *followers = leave(job);
	job_free(job, SW_PUSH_RESULT_ABANDONED);
	while (followers) {
		struct sw_pusher_job *follower = followers;
		followers = follower->next;
		job_free(follower, SW_PUSH_RESULT_ABANDONED);
	}
}

void sw_pusher_envelopes_free(struct sw_pusher_intake *intake)
{
	struct sw_pusher_envelope *envelope;
	struct sw_pusher_envelope *next;
	DL_FOREACH_SAFE (intake->envelopes, envelope, next) {
		sw_delivery_free(envelope->delivery);
		free(envelope);
	}
	intake->envelopes = NULL;
	intake->next_envelope = NULL;
}
