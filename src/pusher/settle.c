/* SPDX-License-Identifier: Apache-2.0 */
/* Records what became of jobs, in batches; only then is published what follows, and only then the job ends and lets its
 * envelope be acked. A crash in between is seen by the gate, which publishes again. */
#include "pusher/pusher_int.h"

#include "bus/topology.h"

#include <surewire/clock.h>

#include <stdio.h>

enum { STATEMENT_MS = 8000, REASON_MAX = 200 };

void sw_pusher_reason(const struct sw_pusher_job *job, char *text_out, size_t size)
{
	bool of_the_gate = job->step.record == SW_PUSH_STATE_DROPPED || job->step.result == SW_PUSH_RESULT_HELD_QUIET;
	snprintf(text_out, size, "%s%s", job->step.why, of_the_gate ? "" : job->outcome.reason);
	for (char *c = text_out; *c; c++) {
		*c = *c < 0x20 || *c > 0x7e ? '?' : *c;
	}
}

/* ---- pool thread ---- */

/* Columns of both statements. */
struct columns {
	struct sw_uuid *ids;
	int64_t *events, *users, *positions, *created_at, *updated_at, *planned_at, *next_at;
	struct sw_bytes *devices, *providers, *states, *reasons, *planned_reasons;
	int32_t *attempts, *statuses;
	size_t tries;
	struct sw_uuid *try_ids;
	int32_t *try_numbers, *try_durations, *try_statuses;
	int64_t *try_at;
	struct sw_bytes *try_outcomes, *try_reasons;
};

static void columns_init(struct columns *c, struct sw_arena *arena, size_t n)
{
	int64_t **i64s[] = {&c->events,     &c->users,      &c->positions, &c->created_at,
			    &c->updated_at, &c->planned_at, &c->next_at,   &c->try_at};
	int32_t **i32s[] = {&c->attempts, &c->statuses, &c->try_numbers, &c->try_durations, &c->try_statuses};
	struct sw_bytes **texts[] = {&c->devices,         &c->providers,    &c->states,     &c->reasons,
				     &c->planned_reasons, &c->try_outcomes, &c->try_reasons};
	for (size_t i = 0; i < sizeof(i64s) / sizeof(i64s[0]); i++) {
		*i64s[i] = sw_arena_calloc(arena, n, sizeof(int64_t));
	}
	for (size_t i = 0; i < sizeof(i32s) / sizeof(i32s[0]); i++) {
		*i32s[i] = sw_arena_calloc(arena, n, sizeof(int32_t));
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = sw_arena_calloc(arena, n, sizeof(struct sw_bytes));
	}
	c->ids = sw_arena_calloc(arena, n, sizeof(*c->ids));
	c->try_ids = sw_arena_calloc(arena, n, sizeof(*c->try_ids));
	c->tries = 0;
}

static struct sw_bytes reason_of(const struct sw_pusher_job *job, struct sw_arena *arena)
{
	char text[REASON_MAX];
	sw_pusher_reason(job, text, sizeof(text));
	return sw_arena_copy(arena, sw_bytes_str(text));
}

static void put_try(struct columns *c, const struct sw_pusher_job *job, struct sw_bytes reason)
{
	size_t i = c->tries++;
	c->try_ids[i] = job->item.job;
	c->try_numbers[i] = (int32_t)job->item.attempt + 1;
	c->try_at[i] = job->tried_at_ms;
	c->try_durations[i] = (int32_t)job->duration_ms;
	c->try_outcomes[i] = sw_bytes_str(sw_outcome_name(job->outcome.kind));
	c->try_statuses[i] = job->outcome.status;
	c->try_reasons[i] = reason;
}

/* 0: there is no next try. */
static int64_t next_at_ms(const struct sw_pusher_job *job, int64_t now_ms)
{
	const struct sw_push_step *step = &job->step;
	if (step->next != SW_PUSH_NEXT_LATER) {
		return 0;
	}
	return step->due_ms ? step->due_ms : now_ms + sw_retry_delays_ms[step->stage];
}

static void put_job(struct columns *c, size_t i, const struct sw_pusher_job *job, struct sw_arena *arena)
{
	c->ids[i] = job->item.job;
	c->events[i] = job->item.event;
	c->users[i] = job->item.user;
	c->positions[i] = job->item.pos;
	c->devices[i] = job->item.device.ptr ? job->item.device : sw_bytes("", 0);
	c->providers[i] = sw_bytes_str(job->instance->config->name);
	c->states[i] = sw_bytes_str(sw_push_state_text(job->step.record));
	c->attempts[i] = (int32_t)job->step.attempts;
	c->statuses[i] = job->outcome.status;
	c->reasons[i] = reason_of(job, arena);
	c->created_at[i] = job->item.created_at_ms;
	c->updated_at[i] = sw_clock_wall_ms();
	c->planned_at[i] = job->item.planned_at_ms;
	c->planned_reasons[i] = sw_bytes_str(sw_job_reason_name(job->item.reason));
	c->next_at[i] = next_at_ms(job, c->updated_at[i]);
	if (job->tried) {
		put_try(c, job, c->reasons[i]);
	}
}

static void bind_deliveries(const struct columns *c, size_t n, struct sw_pg_params *p)
{
	sw_pg_add_uuids(p, c->ids, n);
	sw_pg_add_i64s(p, c->events, n);
	sw_pg_add_i64s(p, c->users, n);
	sw_pg_add_i64s(p, c->positions, n);
	sw_pg_add_texts(p, c->devices, n);
	sw_pg_add_texts(p, c->providers, n);
	sw_pg_add_texts(p, c->states, n);
	sw_pg_add_i32s(p, c->attempts, n);
	sw_pg_add_i32s(p, c->statuses, n);
	sw_pg_add_texts(p, c->reasons, n);
	sw_pg_add_i64s(p, c->created_at, n);
	sw_pg_add_i64s(p, c->updated_at, n);
	sw_pg_add_i64s(p, c->planned_at, n);
	sw_pg_add_texts(p, c->planned_reasons, n);
	sw_pg_add_i64s(p, c->next_at, n);
}

static void bind_tries(const struct columns *c, struct sw_pg_params *p)
{
	sw_pg_add_uuids(p, c->try_ids, c->tries);
	sw_pg_add_i32s(p, c->try_numbers, c->tries);
	sw_pg_add_i64s(p, c->try_at, c->tries);
	sw_pg_add_i32s(p, c->try_durations, c->tries);
	sw_pg_add_texts(p, c->try_outcomes, c->tries);
	sw_pg_add_i32s(p, c->try_statuses, c->tries);
	sw_pg_add_texts(p, c->try_reasons, c->tries);
}

/* Of a user's device the mailbox takes the token. */
static void queue_unsubscribe(const struct sw_pusher_batch *batch, struct sw_arena *arena, struct sw_pg *pg)
{
	struct sw_bytes *providers = sw_arena_calloc(arena, batch->count, sizeof(*providers));
	struct sw_bytes *tokens = sw_arena_calloc(arena, batch->count, sizeof(*tokens));
	int64_t *at_ms = sw_arena_calloc(arena, batch->count, sizeof(*at_ms));
	size_t n = 0;
	for (size_t i = 0; i < batch->count; i++) {
		const struct sw_pusher_job *job = batch->jobs[i];
		if (job->step.token_dead && !job->item.user) {
			providers[n] = sw_bytes_str(job->instance->config->name);
			tokens[n] = job->item.token;
			at_ms[n++] = job->item.registered_at_ms;
		}
	}
	if (n) {
		struct sw_pg_params params;
		sw_pg_params_init(&params, arena);
		sw_pg_add_texts(&params, providers, n);
		sw_pg_add_texts(&params, tokens, n);
		sw_pg_add_i64s(&params, at_ms, n);
		sw_pg_queue(pg, SW_SQL_PUSHER_UNSUBSCRIBE, &params);
	}
}

static int transact(struct sw_pusher_batch *batch, struct sw_pg *pg, struct sw_diag *diag_out)
{
	struct columns columns;
	columns_init(&columns, &batch->arena, batch->count);
	for (size_t i = 0; i < batch->count; i++) {
		put_job(&columns, i, batch->jobs[i], &batch->arena);
	}
	struct sw_pg_params params;
	sw_pg_begin(pg);
	sw_pg_params_init(&params, &batch->arena);
	bind_deliveries(&columns, batch->count, &params);
	sw_pg_queue(pg, SW_SQL_PUSHER_RECORD_DELIVERIES, &params);
	if (columns.tries) {
		sw_pg_params_init(&params, &batch->arena);
		bind_tries(&columns, &params);
		sw_pg_queue(pg, SW_SQL_PUSHER_RECORD_ATTEMPTS, &params);
	}
	sw_pusher_digest_queue_end(batch, pg);
	queue_unsubscribe(batch, &batch->arena, pg);
	return sw_pg_run(pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
}

/* ---- loop ---- */

static void on_done(struct sw_pusher_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		sw_pusher_publish_step(batch->jobs[i]);
	}
}

void sw_pusher_settle_init(struct sw_pusher *pusher)
{
	sw_pusher_batch_init(&pusher->settle, pusher, "settle");
	pusher->settle.transact = transact;
	pusher->settle.done = on_done;
}

void sw_pusher_settle(struct sw_pusher_job *job)
{
	if (job->item.class == SW_JOB_CLEAR) { /* no delivery, and nobody misses it */
		job->step.record = SW_PUSH_STATE_NONE;
		job->step.fallback = job->step.dead = false;
	}
	if (job->step.record == SW_PUSH_STATE_NONE) {
		sw_pusher_publish_step(job);
	} else {
		sw_pusher_batch_add(&job->instance->pusher->settle, job);
	}
}
