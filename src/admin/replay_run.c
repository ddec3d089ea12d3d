/* SPDX-License-Identifier: Apache-2.0 */
/* Works on replays of many letters: plans the next few of one, publishes them, marks what was confirmed, pauses as its
 * rate says. What was planned by a process that died is published first, under the same ids. Several processes share
 * the replays by leases; each letter is planned once a replay, whoever works on it. */
#include "admin/admin_int.h"
#include "admin/replay.h"
#include "base/rng.h"

#include <surewire/clock.h>
#include <surewire/log.h>

enum {
	LEASE_MS = 15000,
	STATEMENT_MS = 10000,
	CONFIRM_MS = 8000,
	IDLE_MS = 500,
	TURNS_PER_S = 5, /* so many batches a second, as long as a batch is at least one letter */
	BATCH_MAX = 200,
};

struct run {
	struct sw_admin *admin;
	struct sw_pg *pg;
	struct sw_arena arena;
	int64_t runner; /* who holds the lease */
	int64_t id;     /* of the replay, 0: none to work on */
	int rate;
	int64_t pause_ms;
	bool told; /* that it cannot go on: one line a time */
};

/* One letter of the batch. */
struct step {
	struct sw_uuid job;
	struct sw_bytes payload; /* NULL: it was dropped meanwhile */
	struct sw_ticket *ticket;
	int result;
	const char *failed; /* for good, and why */
};

struct batch {
	struct step steps[BATCH_MAX];
	size_t count;
};

static int run_store(struct run *run, struct sw_diag *diag_out)
{
	return sw_pg_run(run->pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
}

static int batch_size(int rate)
{
	int size = rate / TURNS_PER_S;
	size = size < 1 ? 1 : size;
	return size < BATCH_MAX ? size : BATCH_MAX;
}

/* Which replay is next; id 0: none. */
static int claim(struct run *run, struct sw_diag *diag_out)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &run->arena);
	sw_pg_add_i64(&params, run->runner);
	sw_pg_add_i32(&params, LEASE_MS);
	sw_pg_begin(run->pg);
	sw_pg_queue(run->pg, SW_SQL_ADMIN_REPLAY_JOB_CLAIM, &params);
	int err = run_store(run, diag_out);
	run->id = 0;
	if (err == SW_OK && sw_pg_rows(sw_pg_result(run->pg, 0))) {
		run->id = sw_pg_i64(sw_pg_result(run->pg, 0), 0, 0);
		run->rate = sw_pg_i32(sw_pg_result(run->pg, 0), 0, 1);
	}
	return err;
}

static void queue_planned(struct run *run)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &run->arena);
	sw_pg_add_i64(&params, run->id);
	sw_pg_add_i32(&params, batch_size(run->rate));
	sw_pg_queue(run->pg, SW_SQL_ADMIN_REPLAY_JOB_PLANNED, &params);
}

static void queue_plan(struct run *run)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &run->arena);
	sw_pg_add_i64(&params, run->id);
	sw_pg_add_i64(&params, run->runner);
	sw_pg_add_i32(&params, batch_size(run->rate));
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_queue(run->pg, SW_SQL_ADMIN_REPLAY_JOB_PLAN, &params);
}

static void take_planned(struct run *run, const struct sw_pg_result *rows, struct batch *batch)
{
	batch->count = sw_pg_rows(rows);
	for (size_t i = 0; i < batch->count; i++) {
		struct sw_bytes payload = sw_pg_bytes(rows, i, 2);
		batch->steps[i] = (struct step){
			.job = sw_pg_uuid(rows, i, 0),
			.payload = payload.ptr ? sw_arena_copy(&run->arena, payload) : payload,
		};
	}
}

/* What is left over from before, else what comes next. */
static int load(struct run *run, struct batch *batch, struct sw_diag *diag_out)
{
	sw_pg_begin(run->pg);
	queue_planned(run);
	int err = run_store(run, diag_out);
	if (err == SW_OK && sw_pg_rows(sw_pg_result(run->pg, 0)) == 0) {
		sw_pg_begin(run->pg);
		queue_plan(run);
		queue_planned(run);
		err = run_store(run, diag_out);
		if (err == SW_OK) {
			take_planned(run, sw_pg_result(run->pg, 1), batch);
		}
	} else if (err == SW_OK) {
		take_planned(run, sw_pg_result(run->pg, 0), batch);
	}
	return err;
}

static void send_step(struct run *run, struct step *step)
{
	struct sw_item item;
	struct sw_replay replay;
	if (!step->payload.ptr) {
		step->failed = "dropped meanwhile";
	} else if (sw_replay_read(step->payload, &run->arena, &item) != SW_OK) {
		step->failed = "no notification that can be sent";
	} else if (sw_replay_build(&item.as.job, &step->job, sw_clock_wall_ms(), run->admin->config.replay_age_ms,
				   &replay) != SW_OK) {
		step->failed = "no queue of this provider";
	} else {
		step->result = sw_replay_publish(run->admin->publisher, &replay, &step->ticket);
	}
}

/* How many are not known to be with the broker: they come again. */
static size_t publish(struct run *run, struct batch *batch)
{
	size_t open = 0;
	int64_t deadline_ms = sw_clock_mono_ms() + CONFIRM_MS;
	for (size_t i = 0; i < batch->count; i++) {
		send_step(run, &batch->steps[i]);
	}
	for (size_t i = 0; i < batch->count; i++) {
		struct step *step = &batch->steps[i];
		if (step->ticket) {
			step->result = sw_ticket_await(step->ticket, deadline_ms);
		}
		if (step->result == SW_EUNROUTABLE) {
			step->failed = "no queue of this provider";
		}
		open += !step->failed && step->result != SW_OK;
	}
	return open;
}

static int mark(struct run *run, const struct batch *batch, struct sw_diag *diag_out)
{
	struct sw_uuid *sent = sw_arena_calloc(&run->arena, batch->count, sizeof(*sent));
	struct sw_uuid *failed = sw_arena_calloc(&run->arena, batch->count, sizeof(*failed));
	struct sw_bytes *reasons = sw_arena_calloc(&run->arena, batch->count, sizeof(*reasons));
	size_t sent_count = 0;
	size_t failed_count = 0;
	for (size_t i = 0; i < batch->count; i++) {
		const struct step *step = &batch->steps[i];
		if (step->failed) {
			failed[failed_count] = step->job;
			reasons[failed_count++] = sw_bytes_str(step->failed);
		} else if (step->result == SW_OK) {
			sent[sent_count++] = step->job;
		}
	}
	struct sw_pg_params params;
	sw_pg_begin(run->pg);
	sw_pg_params_init(&params, &run->arena);
	sw_pg_add_uuids(&params, sent, sent_count);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_queue(run->pg, SW_SQL_ADMIN_REPLAY_MARK, &params);
	sw_pg_params_init(&params, &run->arena);
	sw_pg_add_uuids(&params, failed, failed_count);
	sw_pg_add_texts(&params, reasons, failed_count);
	sw_pg_queue(run->pg, SW_SQL_ADMIN_REPLAY_FAIL, &params);
	int err = run_store(run, diag_out);
	if (err == SW_OK) {
		sw_metric_add(run->admin->replayed, (int64_t)sent_count);
	}
	return err;
}

/* Nothing was left to plan. */
static int finish(struct run *run, struct sw_diag *diag_out)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &run->arena);
	sw_pg_add_i64(&params, run->id);
	sw_pg_add_i64(&params, run->runner);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_begin(run->pg);
	sw_pg_queue(run->pg, SW_SQL_ADMIN_REPLAY_JOB_END, &params);
	int err = run_store(run, diag_out);
	if (err == SW_OK && sw_pg_affected(sw_pg_result(run->pg, 0))) {
		SW_LOG(INFO, "admin.replay_done", SW_F_INT("replay", run->id));
	}
	return err;
}

/* One batch of one replay. SW_OK with id 0: there is nothing to do. */
static int work(struct run *run, struct sw_diag *diag_out)
{
	sw_arena_reset(&run->arena);
	run->pause_ms = IDLE_MS;
	if (!sw_publisher_state(run->admin->publisher).connected) {
		return sw_diag_set(diag_out, SW_EUNAVAILABLE, "the broker is away");
	}
	int err = sw_pg_connect(run->pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
	err = err ? err : claim(run, diag_out);
	if (err || run->id == 0) {
		return err;
	}
	struct batch *batch = sw_arena_calloc(&run->arena, 1, sizeof(*batch));
	int64_t begun_ms = sw_clock_mono_ms();
	err = load(run, batch, diag_out);
	if (err || batch->count == 0) {
		return err ? err : finish(run, diag_out);
	}
	size_t open = publish(run, batch);
	err = mark(run, batch, diag_out);
	if (err == SW_OK && open) {
		err = sw_diag_set(diag_out, SW_EUNAVAILABLE, "the broker did not confirm %zu letters", open);
	}
	int64_t due_ms = begun_ms + (int64_t)batch->count * 1000 / run->rate;
	int64_t left_ms = due_ms - sw_clock_mono_ms();
	run->pause_ms = err ? IDLE_MS : left_ms > 0 ? left_ms : 0;
	return err;
}

static void note_result(struct run *run, int err, const struct sw_diag *diag)
{
	if (err && !run->told) {
		SW_LOG(WARN, "admin.replay_waits", SW_F_ERR(err), SW_F_STR("detail", diag->text));
	}
	run->told = err != SW_OK;
}

void *sw_replay_main(void *arg)
{
	struct sw_admin *admin = arg;
	pthread_setname_np(pthread_self(), "admin-replay");
	struct run run = {.admin = admin, .pg = sw_pg_new(admin->config.pg)};
	sw_rng_bytes(&run.runner, sizeof(run.runner));
	sw_arena_init(&run.arena);
	do {
		struct sw_diag diag = {0};
		int err = work(&run, &diag);
		note_result(&run, err, &diag);
	} while (sw_pause_sleep(&admin->pause, run.pause_ms));
	sw_arena_release(&run.arena);
	sw_pg_free(run.pg);
	return NULL;
}
