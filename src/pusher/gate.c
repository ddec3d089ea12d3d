/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what the store knows about a job and its device, in batches, and lets through what is still worth sending. */
#include "pusher/pusher_int.h"

#include "base/rng.h"

#include <surewire/clock.h>

#include <stdio.h>
#include <string.h>

enum { STATEMENT_MS = 8000, GATE_NUMBERS = 5 };

/* One of another version is tried as chat. */
const struct sw_push_class_limits *sw_pusher_class_limits(const struct sw_pusher *pusher,
							  const struct sw_item_job *item)
{
	return &pusher->config.classes[item->class < SW_JOB_CLASSES ? item->class : SW_JOB_CHAT];
}

int64_t sw_pusher_spent_at_ms(const struct sw_pusher *pusher, const struct sw_item_job *item)
{
	int64_t spent_at_ms = item->created_at_ms + sw_pusher_class_limits(pusher, item)->age_max_ms;
	return item->expires_at_ms > 0 && item->expires_at_ms < spent_at_ms ? item->expires_at_ms : spent_at_ms;
}

/* ---- pool thread ---- */

static void bind_jobs(struct sw_pusher_batch *batch, struct sw_pg_params *params)
{
	size_t n = batch->count;
	const struct sw_pusher *pusher = batch->pusher;
	struct sw_uuid *ids = sw_arena_calloc(&batch->arena, n, sizeof(*ids));
	int64_t *numbers = sw_arena_calloc(&batch->arena, GATE_NUMBERS * n, sizeof(*numbers));
	bool *clears = sw_arena_calloc(&batch->arena, n, sizeof(*clears));
	struct sw_bytes *devices = sw_arena_calloc(&batch->arena, n, sizeof(*devices));
	struct sw_bytes *names = sw_arena_calloc(&batch->arena, pusher->push_name_count + 1, sizeof(*names));
	struct sw_bytes *exclusive = sw_arena_calloc(&batch->arena, pusher->instance_count + 1, sizeof(*exclusive));
	size_t exclusive_count = 0;
	for (size_t i = 0; i < n; i++) {
		const struct sw_item_job *item = &batch->jobs[i]->item;
		ids[i] = item->job;
		numbers[i] = item->user;
		numbers[n + i] = item->conv;
		clears[i] = item->class == SW_JOB_CLEAR;
		numbers[2 * n + i] = clears[i] ? item->seq : item->pos;
		numbers[3 * n + i] = item->event;
		numbers[4 * n + i] = item->class == SW_JOB_ALERT || item->class == SW_JOB_DIRECT ? item->event : 0;
		/* A NULL pointer would be NULL to the store. */
		devices[i] = item->device.ptr ? item->device : sw_bytes("", 0);
	}
	for (size_t i = 0; i < pusher->push_name_count; i++) {
		names[i] = sw_bytes_str(pusher->push_names[i]);
	}
	for (size_t i = 0; i < pusher->instance_count; i++) {
		if (!pusher->instances[i].ops->shared_tokens) {
			exclusive[exclusive_count++] = sw_bytes_str(pusher->instances[i].config->name);
		}
	}
	sw_pg_params_init(params, &batch->arena);
	sw_pg_add_uuids(params, ids, n);
	sw_pg_add_i64s(params, numbers, n);
	sw_pg_add_texts(params, devices, n);
	sw_pg_add_texts(params, names, pusher->push_name_count);
	sw_pg_add_texts(params, exclusive, exclusive_count);
	for (size_t column = 1; column < 4; column++) {
		sw_pg_add_i64s(params, numbers + column * n, n);
	}
	sw_pg_add_i64(params, sw_clock_wall_ms());
	sw_pg_add_bools(params, clears, n);
	sw_pg_add_i64s(params, numbers + 4 * n, n);
}

/* As a text that stays; NULL: it is open, or the job is about no alert. */
static const char *alert_over(struct sw_bytes state)
{
	static const char *const states[] = {"acknowledged", "seen", "expired", "cancelled"};
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (sw_bytes_equal_str(state, states[i])) {
			return states[i];
		}
	}
	return NULL;
}

/* How it is shown; what is in the notification is decided when it is made. */
static void read_wishes(const struct sw_pg_result *r, size_t row, struct sw_pusher_job *job)
{
	struct sw_bytes sender = sw_pg_bytes(r, row, 14);
	struct sw_bytes locale = sw_pg_bytes(r, row, 15);
	job->content = sw_push_content_parse(sw_pg_bytes(r, row, 13));
	snprintf(job->sender, sizeof(job->sender), "%.*s", SW_BYTES_FMT(sw_utf8_cut(sender, sizeof(job->sender) - 1)));
	snprintf(job->locale, sizeof(job->locale), "%.*s", SW_BYTES_FMT(locale));
	if (job->item.class == SW_JOB_CHAT || job->item.class == SW_JOB_CLEAR) {
		job->item.badge = sw_pg_i32(r, row, 18);
	}
}

static bool says_quiet(struct sw_bytes reason)
{
	size_t len = strlen(SW_PUSH_WHY_QUIET);
	return reason.len >= len && memcmp(reason.ptr, SW_PUSH_WHY_QUIET, len) == 0;
}

static void read_row(const struct sw_pg_result *r, size_t row, struct sw_pusher_job *job, struct sw_push_gate *gate)
{
	struct sw_bytes reason = sw_pg_bytes(r, row, 3);
	struct sw_bytes provider = sw_pg_bytes(r, row, 4);
	struct sw_bytes token = sw_pg_bytes(r, row, 5);
	*gate = (struct sw_push_gate){
		.state = sw_push_state_parse(sw_pg_bytes(r, row, 0)),
		.state_attempts = (unsigned)sw_pg_i32(r, row, 1),
		.token_gone = token.len == 0,
		.token_replaced = !sw_bytes_equal(token, job->item.token) ||
				  !sw_bytes_equal_str(provider, job->instance->config->name),
		.registered_at_ms = sw_pg_i64(r, row, 6),
		.cursor = sw_pg_i64(r, row, 7),
		.seen = sw_pg_i64(r, row, 8),
		.other_live = sw_pg_bool(r, row, 9),
		.token_moved = sw_pg_bool(r, row, 10),
		.muted_until_ms = sw_pg_i64(r, row, 11),
		.unmentioned = sw_pg_bool(r, row, 12),
		.quiet_until_ms = sw_pg_i64(r, row, 16),
		.newer = sw_pg_bool(r, row, 17),
		.nothing_shown = sw_pg_bool(r, row, 19),
		.alert_over = alert_over(sw_pg_bytes(r, row, 20)),
		.cancelled = sw_pg_bool(r, row, 21),
	};
	gate->held_quiet = gate->state == SW_PUSH_STATE_RETRY && says_quiet(reason);
	job->held_quiet = gate->held_quiet;
	read_wishes(r, row, job);
	if (gate->state != SW_PUSH_STATE_NONE) {
		job->outcome.status = sw_pg_i32(r, row, 2);
		snprintf(job->outcome.reason, sizeof(job->outcome.reason), "%.*s", SW_BYTES_FMT(reason));
	}
}

static int transact(struct sw_pusher_batch *batch, struct sw_pg *pg, struct sw_diag *diag_out)
{
	struct sw_pg_params params;
	bind_jobs(batch, &params);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_PUSHER_GATE, &params);
	int err = sw_pg_run(pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
	if (err) {
		return err;
	}
	const struct sw_pg_result *r = sw_pg_result(pg, 0);
	if (sw_pg_rows(r) != batch->count) {
		return sw_diag_set(diag_out, SW_ESQL, "the gate answered %zu rows for %zu jobs", sw_pg_rows(r),
				   batch->count);
	}
	for (size_t i = 0; i < batch->count; i++) {
		read_row(r, i, batch->jobs[i], &batch->gates[i]);
	}
	return SW_OK;
}

/* ---- loop ---- */

/* Of an address nobody expects reports. */
static bool is_stale(const struct sw_pusher *pusher, const struct sw_push_gate *gate)
{
	return pusher->config.token_age_max_ms > 0 && !gate->fallback_only && gate->registered_at_ms > 0 &&
	       gate->now_ms - gate->registered_at_ms > pusher->config.token_age_max_ms;
}

static void decide(struct sw_pusher *pusher, struct sw_pusher_job *job, struct sw_push_gate *gate)
{
	gate->redelivered = job->envelope->delivery->redelivered;
	gate->attempts = (unsigned)job->item.attempt;
	gate->fallback_only = job->instance->ops->fallback_only;
	gate->pos = job->item.pos;
	gate->chat = job->item.class == SW_JOB_CHAT;
	gate->bare_token = job->item.device.len == 0;
	gate->now_ms = sw_clock_wall_ms();
	gate->spent_at_ms = sw_pusher_spent_at_ms(pusher, &job->item);
	sw_rng_bytes(&gate->random, sizeof(gate->random));
	gate->token_stale = is_stale(pusher, gate);
	if (!gate->bare_token && (gate->token_stale || gate->token_moved)) {
		job->registered_at_ms = gate->registered_at_ms; /* the report is about the token as it is now */
	}
	if (sw_push_gate(gate, &job->step)) {
		if (!gate->bare_token) {
			job->registered_at_ms = gate->registered_at_ms;
		}
		job->gated_mono_ms = sw_clock_mono_ms();
		if (job->instance->digest_ms && job->item.class == SW_JOB_CHAT) {
			sw_pusher_digest(job);
		} else {
			sw_pusher_ready(job);
		}
	} else {
		sw_pusher_settle(job);
	}
}

static void on_done(struct sw_pusher_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		decide(batch->pusher, batch->jobs[i], &batch->gates[i]);
	}
}

void sw_pusher_gate_init(struct sw_pusher *pusher)
{
	sw_pusher_batch_init(&pusher->gate, pusher, "gate");
	pusher->gate.transact = transact;
	pusher->gate.done = on_done;
}

void sw_pusher_gate(struct sw_pusher_job *job)
{
	job->tried = false;
	sw_pusher_batch_add(&job->instance->pusher->gate, job);
}
