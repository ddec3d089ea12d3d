/* SPDX-License-Identifier: Apache-2.0 */
/* One mail about all that a person missed instead of one a message: of the jobs for a device one claims it in the store
 * and is sent with everything that is unread; the others wait, and find that they were in it. How a mail looks is the
 * provider's. */
#include "pusher/pusher_int.h"

#include "base/uuid.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATEMENT_MS = 8000,
	ENTRIES_MAX = 50,
	CLAIM_MS = 60 * 60 * 1000, /* of a job that never came to an end */
};

struct sw_pusher_digest {
	struct sw_arena arena; /* of the entries */
	struct sw_push_missed *entries;
	int64_t *positions;
	size_t count;
	int64_t total;
	int64_t upto;
	struct sw_push_digest look;
};

void sw_pusher_digest_open(struct sw_pusher_instance_run *instance)
{
	const struct sw_provider_ops *ops = instance->ops;
	int64_t limit_ms = instance->pusher->config.classes[SW_JOB_CHAT].age_max_ms / 2;
	instance->digest_ms = ops->digest_interval_ms ? ops->digest_interval_ms(instance->provider) : 0;
	if (instance->digest_ms > limit_ms) {
		SW_LOG(WARN, "pusher.digest_interval_cut", SW_F_STR("instance", instance->config->name),
		       SW_F_INT("ms", limit_ms),
		       SW_F_STR("reason", "what waits for the next mail must not be too old by then: half of age_max"));
		instance->digest_ms = limit_ms;
	}
}

void sw_pusher_digest_free(struct sw_pusher_digest *digest)
{
	if (digest) {
		sw_arena_release(&digest->arena);
		free(digest);
	}
}

/* ---- pool thread ---- */

struct keys {
	struct sw_uuid *jobs;
	int64_t *users;
	struct sw_bytes *devices;
};

static struct keys keys_of(struct sw_pusher_batch *batch)
{
	struct keys keys = {.jobs = sw_arena_calloc(&batch->arena, batch->count, sizeof(*keys.jobs)),
			    .users = sw_arena_calloc(&batch->arena, batch->count, sizeof(*keys.users)),
			    .devices = sw_arena_calloc(&batch->arena, batch->count, sizeof(*keys.devices))};
	for (size_t i = 0; i < batch->count; i++) {
		const struct sw_item_job *item = &batch->jobs[i]->item;
		keys.jobs[i] = item->job;
		keys.users[i] = item->user;
		keys.devices[i] = item->device.ptr ? item->device : sw_bytes("", 0);
	}
	return keys;
}

static void bind_keys(struct sw_pusher_batch *batch, const struct keys *keys, struct sw_pg_params *params)
{
	sw_pg_params_init(params, &batch->arena);
	sw_pg_add_uuids(params, keys->jobs, batch->count);
	sw_pg_add_i64s(params, keys->users, batch->count);
	sw_pg_add_texts(params, keys->devices, batch->count);
}

static void queue_add(struct sw_pusher_batch *batch, const struct keys *keys, struct sw_pg *pg)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &batch->arena);
	sw_pg_add_i64s(&params, keys->users, batch->count);
	sw_pg_add_texts(&params, keys->devices, batch->count);
	sw_pg_queue(pg, SW_SQL_DIGEST_ADD, &params);
}

static void queue_claim(struct sw_pusher_batch *batch, const struct keys *keys, struct sw_pg *pg)
{
	int64_t *positions = sw_arena_calloc(&batch->arena, batch->count, sizeof(*positions));
	int64_t *intervals = sw_arena_calloc(&batch->arena, batch->count, sizeof(*intervals));
	bool *again = sw_arena_calloc(&batch->arena, batch->count, sizeof(*again));
	int64_t now_ms = sw_clock_wall_ms();
	for (size_t i = 0; i < batch->count; i++) {
		const struct sw_pusher_job *job = batch->jobs[i];
		int64_t left_ms = sw_pusher_spent_at_ms(batch->pusher, &job->item) - now_ms;
		positions[i] = job->item.pos;
		again[i] = job->envelope->delivery->redelivered;
		/* One that is nearly too old goes at once rather than never. */
		intervals[i] = job->instance->digest_ms;
		intervals[i] = left_ms > 2 * intervals[i] ? intervals[i] : 0;
	}
	struct sw_pg_params params;
	bind_keys(batch, keys, &params);
	sw_pg_add_i64s(&params, positions, batch->count);
	sw_pg_add_bools(&params, again, batch->count);
	sw_pg_add_i64s(&params, intervals, batch->count);
	sw_pg_add_i64(&params, now_ms);
	sw_pg_add_i64(&params, now_ms - CLAIM_MS);
	sw_pg_queue(pg, SW_SQL_DIGEST_CLAIM, &params);
}

static void read_look(const struct sw_pg_result *r, size_t row, struct sw_pusher_digest *digest)
{
	digest->look = (struct sw_push_digest){.mine = sw_pg_bool(r, row, 0),
					       .claimed = sw_pg_bool(r, row, 1),
					       .told_pos = sw_pg_i64(r, row, 2),
					       .told_at_ms = sw_pg_i64(r, row, 3)};
	digest->upto = sw_pg_i64(r, row, 4);
	digest->total = sw_pg_i64(r, row, 5);
	digest->count = 0;
	sw_arena_reset(&digest->arena);
	digest->entries = sw_arena_calloc(&digest->arena, ENTRIES_MAX, sizeof(*digest->entries));
	digest->positions = sw_arena_calloc(&digest->arena, ENTRIES_MAX, sizeof(*digest->positions));
}

static void read_missed(const struct sw_pg_result *r, size_t row, struct sw_pusher_digest *digest)
{
	char thread[24];
	struct sw_arena *arena = &digest->arena;
	int len = snprintf(thread, sizeof(thread), "%" PRId64, sw_pg_i64(r, row, 2));
	digest->positions[digest->count] = sw_pg_i64(r, row, 1);
	digest->entries[digest->count++] = (struct sw_push_missed){
		.thread = sw_arena_copy(arena, sw_bytes(thread, (size_t)len)),
		.title = sw_arena_copy(arena, sw_pg_bytes(r, row, 3)),
		.sender = sw_arena_copy(arena, sw_pg_bytes(r, row, 4)),
		.preview = sw_arena_copy(arena, sw_pg_bytes(r, row, 5)),
		.at_ms = sw_pg_i64(r, row, 6)};
}

static int read_results(struct sw_pusher_batch *batch, struct sw_pg *pg, struct sw_diag *diag_out)
{
	const struct sw_pg_result *look = sw_pg_result(pg, 2);
	const struct sw_pg_result *missed = sw_pg_result(pg, 3);
	if (sw_pg_rows(look) != batch->count) {
		return sw_diag_set(diag_out, SW_ESQL, "the store answered %zu rows for %zu jobs", sw_pg_rows(look),
				   batch->count);
	}
	for (size_t i = 0; i < batch->count; i++) {
		read_look(look, i, batch->jobs[i]->digest);
	}
	for (size_t row = 0; row < sw_pg_rows(missed); row++) {
		struct sw_pusher_digest *digest = batch->jobs[(size_t)sw_pg_i64(missed, row, 0)]->digest;
		if (digest->count < ENTRIES_MAX) {
			read_missed(missed, row, digest);
		}
	}
	return SW_OK;
}

static int transact(struct sw_pusher_batch *batch, struct sw_pg *pg, struct sw_diag *diag_out)
{
	struct keys keys = keys_of(batch);
	struct sw_pg_params params;
	sw_pg_begin(pg);
	queue_add(batch, &keys, pg);
	queue_claim(batch, &keys, pg);
	bind_keys(batch, &keys, &params);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_queue(pg, SW_SQL_DIGEST_LOOK, &params);
	bind_keys(batch, &keys, &params);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_add_i32(&params, ENTRIES_MAX);
	sw_pg_queue(pg, SW_SQL_DIGEST_MISSED, &params);
	int err = sw_pg_run(pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
	return err ? err : read_results(batch, pg, diag_out);
}

/* ---- loop ---- */

static void drop(struct sw_pusher_job *job, enum sw_push_result result, const char *why)
{
	job->step = (struct sw_push_step){.next = SW_PUSH_NEXT_END,
					  .result = result,
					  .record = SW_PUSH_STATE_DROPPED,
					  .attempts = (unsigned)job->item.attempt,
					  .why = why};
	sw_pusher_settle(job);
}

static void decide(struct sw_pusher_job *job)
{
	struct sw_pusher_digest *digest = job->digest;
	digest->look.pos = job->item.pos;
	digest->look.count = digest->count;
	digest->look.now_ms = sw_clock_wall_ms();
	digest->look.interval_ms = job->instance->digest_ms;
	int64_t wait_ms = 0;
	switch (sw_push_digest(&digest->look, &wait_ms)) {
	case SW_PUSH_DIGEST_SEND:
		sw_pusher_ready(job);
		break;
	case SW_PUSH_DIGEST_READ:
		drop(job, SW_PUSH_RESULT_DROPPED_READ_ELSEWHERE, "read_elsewhere");
		break;
	case SW_PUSH_DIGEST_TOLD:
		drop(job, SW_PUSH_RESULT_DROPPED_IN_DIGEST, "in_digest");
		break;
	case SW_PUSH_DIGEST_WAIT:
		sw_pusher_put_off(job, wait_ms, SW_PUSH_RESULT_HELD_DIGEST);
		break;
	}
}

static void on_done(struct sw_pusher_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		decide(batch->jobs[i]);
	}
}

void sw_pusher_digest_init(struct sw_pusher *pusher)
{
	sw_pusher_batch_init(&pusher->digest, pusher, "digest");
	pusher->digest.transact = transact;
	pusher->digest.done = on_done;
}

void sw_pusher_digest(struct sw_pusher_job *job)
{
	if (!job->digest) {
		job->digest = sw_xcalloc(1, sizeof(*job->digest));
		sw_arena_init(&job->digest->arena);
	}
	sw_pusher_batch_add(&job->instance->pusher->digest, job);
}

/* A mail that holds more than the job's own message is another one than that about it alone. */
static void set_id(const struct sw_pusher_job *job, struct sw_notification *n)
{
	char upto[24];
	if (job->digest->upto != job->item.pos) {
		int len = snprintf(upto, sizeof(upto), "%" PRId64, job->digest->upto);
		struct sw_uuid id = sw_uuid_derive("surewire.digest", sw_bytes(job->item.job.bytes, 16),
						   sw_bytes(upto, (size_t)len));
		memcpy(n->id, id.bytes, sizeof(n->id));
	}
}

void sw_pusher_digest_fill(const struct sw_pusher_job *job, struct sw_notification *n)
{
	const struct sw_pusher_digest *digest = job->digest;
	const struct sw_push_missed *first = &digest->entries[0];
	set_id(job, n);
	if (digest->total == 1 && digest->positions[0] == job->item.pos) {
		return;
	}
	n->thread = first->thread;
	n->created_at_ms = digest->entries[digest->count - 1].at_ms;
	if (digest->total == 1) {
		n->title = first->title;
		n->body = first->preview;
		return;
	}
	for (size_t i = 1; i < digest->count; i++) {
		if (!sw_bytes_equal(digest->entries[i].thread, first->thread)) {
			n->thread = sw_bytes_str("digest");
		}
	}
	n->missed = digest->entries;
	n->missed_count = digest->count;
	n->missed_more = digest->total - (int64_t)digest->count;
}

/* ---- with the record ---- */

enum digest_end { OVER, TOLD, UNSURE, NOTHING }; /* numbers of the statement */

static enum digest_end end_of(const struct sw_pusher_job *job)
{
	switch (job->step.record) {
	case SW_PUSH_STATE_NONE:
	case SW_PUSH_STATE_SENDING:
		return NOTHING;
	case SW_PUSH_STATE_RETRY:
		return job->outcome.kind == SW_OUTCOME_UNKNOWN ? UNSURE : NOTHING;
	case SW_PUSH_STATE_DELIVERED:
		return TOLD;
	default:
		return OVER;
	}
}

static bool ends_one(const struct sw_pusher_job *job)
{
	return job->instance->digest_ms && end_of(job) != NOTHING;
}

void sw_pusher_digest_queue_end(struct sw_pusher_batch *batch, struct sw_pg *pg)
{
	size_t first = 0;
	while (first < batch->count && !ends_one(batch->jobs[first])) {
		first++;
	}
	if (first == batch->count) {
		return;
	}
	struct keys keys = keys_of(batch);
	int16_t *ends = sw_arena_calloc(&batch->arena, batch->count, sizeof(*ends));
	size_t count = 0;
	for (size_t i = first; i < batch->count; i++) {
		const struct sw_pusher_job *job = batch->jobs[i];
		if (ends_one(job)) {
			keys.jobs[count] = keys.jobs[i];
			keys.users[count] = keys.users[i];
			keys.devices[count] = keys.devices[i];
			ends[count++] = (int16_t)end_of(job);
		}
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &batch->arena);
	sw_pg_add_uuids(&params, keys.jobs, count);
	sw_pg_add_i64s(&params, keys.users, count);
	sw_pg_add_texts(&params, keys.devices, count);
	sw_pg_add_i16s(&params, ends, count);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_queue(pg, SW_SQL_DIGEST_END, &params);
}
