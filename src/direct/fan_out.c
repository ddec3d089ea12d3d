/* SPDX-License-Identifier: Apache-2.0 */
/* A turn: take a request by its lease, read its next recipients, publish their jobs, and only when the broker has
 * confirmed them all move the cursor. What a crash or an unconfirmed envelope repeats are the same jobs. */
#include "direct/fan_out.h"

#include "base/metrics.h"
#include "base/rng.h"
#include "bus/ticket.h"
#include "direct/jobs.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>

enum {
	LEASE_MS = 10000,
	STATEMENT_MS = 8000,
	CONFIRM_MS = 6000,
	IDLE_MS = 500,
	TURN_RECIPIENTS = 1000,
};

struct sw_fan_out {
	struct sw_fan_out_config config;
	struct sw_pg *pg;
	struct sw_arena arena; /* of a turn */
	int64_t runner;
	struct sw_bytes *push_names; /* providers */
	struct sw_bytes *fallback_names;
	size_t push_count;
	size_t fallback_count;
	struct sw_metric *jobs;
	struct sw_metric *open;
	struct sw_metric *left;
};

/* The request of the turn, and what becomes of its cursor. */
struct turn {
	struct sw_direct_work work; /* id 0: none */
	struct sw_bytes topic;
	int64_t after_user;
	struct sw_bytes after_device;
	int64_t passed;
	int64_t planned;
	bool last;
};

static int run(struct sw_fan_out *f, struct sw_diag *diag_out)
{
	return sw_pg_run(f->pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
}

static struct sw_bytes keep(struct sw_fan_out *f, struct sw_bytes text)
{
	return text.len ? sw_arena_copy(&f->arena, text) : sw_bytes("", 0);
}

/* ---- claim ---- */

static void take_claimed(struct sw_fan_out *f, const struct sw_pg_result *rows, struct turn *turn)
{
	turn->work = (struct sw_direct_work){
		.id = sw_pg_i64(rows, 0, 0),
		.title = keep(f, sw_pg_bytes(rows, 0, 5)),
		.body = keep(f, sw_pg_bytes(rows, 0, 6)),
		.content = keep(f, sw_pg_bytes(rows, 0, 7)),
		.urgent = sw_pg_bool(rows, 0, 8),
		.created_at_ms = sw_pg_i64(rows, 0, 9),
		.expires_at_ms = sw_pg_i64(rows, 0, 10),
	};
	turn->topic = keep(f, sw_pg_bytes(rows, 0, 2));
	turn->after_user = sw_pg_i64(rows, 0, 3);
	turn->after_device = keep(f, sw_pg_bytes(rows, 0, 4));
}

static int claim(struct sw_fan_out *f, struct turn *turn, struct sw_diag *diag_out)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &f->arena);
	sw_pg_add_i64(&params, f->runner);
	sw_pg_add_i32(&params, LEASE_MS);
	sw_pg_begin(f->pg);
	sw_pg_queue(f->pg, SW_SQL_DIRECT_CLAIM, &params);
	sw_pg_queue(f->pg, SW_SQL_DIRECT_LEFT, NULL);
	int err = run(f, diag_out);
	if (err) {
		return err;
	}
	sw_metric_set(f->open, sw_pg_i64(sw_pg_result(f->pg, 1), 0, 0));
	sw_metric_set(f->left, sw_pg_i64(sw_pg_result(f->pg, 1), 0, 1));
	if (sw_pg_rows(sw_pg_result(f->pg, 0))) {
		take_claimed(f, sw_pg_result(f->pg, 0), turn);
	}
	return SW_OK;
}

/* ---- plan ---- */

static void queue_plan(struct sw_fan_out *f, const struct turn *turn)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &f->arena);
	sw_pg_add_i64(&params, turn->work.id);
	sw_pg_add_text(&params, turn->topic);
	sw_pg_add_i64(&params, turn->after_user);
	sw_pg_add_text(&params, turn->after_device);
	sw_pg_add_i32(&params, TURN_RECIPIENTS);
	sw_pg_add_texts(&params, f->push_names, f->push_count);
	sw_pg_add_texts(&params, f->fallback_names, f->fallback_count);
	sw_pg_queue(f->pg, SW_SQL_DIRECT_PLAN, &params);
}

/* Rows of one recipient stand together. */
static void pass(struct sw_fan_out *f, const struct sw_pg_result *rows, size_t i, struct turn *turn)
{
	int64_t user = sw_pg_i64(rows, i, 0);
	struct sw_bytes device = sw_pg_bytes(rows, i, 1);
	if (i == 0 || user != turn->after_user || !sw_bytes_equal(device, turn->after_device)) {
		turn->passed++;
		turn->after_user = user;
		turn->after_device = keep(f, device);
	}
}

static void add_job(struct sw_direct_packer *packer, const struct sw_pg_result *rows, size_t i,
		    const struct sw_direct_work *work)
{
	const struct sw_direct_recipient recipient = {
		.user = sw_pg_i64(rows, i, 0),
		.user_name = sw_pg_bytes(rows, i, 2),
		.device = sw_pg_bytes(rows, i, 3),
		.provider = sw_pg_bytes(rows, i, 4),
		.app = sw_pg_bytes(rows, i, 5),
		.token = sw_pg_bytes(rows, i, 6),
		.sandbox = sw_pg_bool(rows, i, 7),
		.registered_at_ms = sw_pg_i64(rows, i, 8),
	};
	if (recipient.token.len && sw_direct_packer_add(packer, work, &recipient) != SW_OK) {
		SW_LOG(ERROR, "direct.no_queue", SW_F_INT("push", work->id));
	}
}

static int plan(struct sw_fan_out *f, struct turn *turn, struct sw_direct_packer *packer, struct sw_diag *diag_out)
{
	sw_pg_begin(f->pg);
	queue_plan(f, turn);
	int err = run(f, diag_out);
	if (err) {
		return err;
	}
	const struct sw_pg_result *rows = sw_pg_result(f->pg, 0);
	sw_direct_packer_init(packer, sw_pg_rows(rows), &f->arena);
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		pass(f, rows, i, turn);
		add_job(packer, rows, i, &turn->work);
	}
	sw_direct_packer_finish(packer);
	turn->planned = (int64_t)packer->jobs;
	turn->last = turn->passed < TURN_RECIPIENTS;
	return SW_OK;
}

/* ---- publish ---- */

static int publish(struct sw_fan_out *f, struct sw_direct_packer *packer, struct sw_diag *diag_out)
{
	struct sw_ticket **tickets = sw_arena_calloc(&f->arena, packer->full_count, sizeof(struct sw_ticket *));
	int64_t deadline_ms = sw_clock_mono_ms() + CONFIRM_MS;
	int err = SW_OK;
	for (size_t i = 0; i < packer->full_count; i++) {
		struct sw_direct_envelope *envelope = &packer->full[i];
		int sent = sw_ticket_send(f->config.publisher, envelope->queue, envelope->body, &tickets[i]);
		err = err ? err : sent;
	}
	for (size_t i = 0; i < packer->full_count; i++) {
		int confirmed = tickets[i] ? sw_ticket_await(tickets[i], deadline_ms) : SW_OK;
		err = err ? err : confirmed;
	}
	return err ? sw_diag_set(diag_out, SW_EUNAVAILABLE, "the broker did not take all jobs: %s", sw_err_text(err))
		   : SW_OK;
}

/* ---- move ---- */

static int move(struct sw_fan_out *f, const struct turn *turn, struct sw_diag *diag_out)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &f->arena);
	sw_pg_add_i64(&params, turn->work.id);
	sw_pg_add_i64(&params, f->runner);
	sw_pg_add_i64(&params, turn->after_user);
	sw_pg_add_text(&params, turn->after_device);
	sw_pg_add_i64(&params, turn->passed);
	sw_pg_add_i64(&params, turn->planned);
	sw_pg_add_bool(&params, turn->last);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_add_i32(&params, LEASE_MS);
	sw_pg_begin(f->pg);
	sw_pg_queue(f->pg, SW_SQL_DIRECT_MOVE, &params);
	int err = run(f, diag_out);
	if (err == SW_OK && sw_pg_affected(sw_pg_result(f->pg, 0))) {
		sw_metric_add(f->jobs, turn->planned);
		if (turn->last) {
			SW_LOG(INFO, "direct.planned", SW_F_INT("push", turn->work.id));
		}
	}
	return err;
}

int sw_fan_out_work(struct sw_fan_out *f, int64_t *pause_ms_out, struct sw_diag *diag_out)
{
	struct turn turn = {.work = {.id = 0}};
	sw_arena_reset(&f->arena);
	*pause_ms_out = IDLE_MS;
	if (!sw_publisher_state(f->config.publisher).connected) {
		return sw_diag_set(diag_out, SW_EUNAVAILABLE, "the broker is away");
	}
	int err = sw_pg_connect(f->pg, sw_clock_mono_ms() + STATEMENT_MS, diag_out);
	err = err ? err : claim(f, &turn, diag_out);
	if (err || turn.work.id == 0) {
		return err;
	}
	struct sw_direct_packer *packer = sw_arena_calloc(&f->arena, 1, sizeof(*packer));
	err = plan(f, &turn, packer, diag_out);
	err = err ? err : publish(f, packer, diag_out);
	err = err ? err : move(f, &turn, diag_out);
	*pause_ms_out = err ? IDLE_MS : 0;
	return err;
}

/* ---- life ---- */

struct sw_fan_out *sw_fan_out_new(const struct sw_fan_out_config *config)
{
	const struct sw_direct_rules *rules = config->rules;
	struct sw_fan_out *f = sw_xcalloc(1, sizeof(*f));
	f->config = *config;
	f->pg = sw_pg_new(config->pg);
	f->push_names = sw_xcalloc(rules->provider_count + 1, sizeof(*f->push_names));
	f->fallback_names = sw_xcalloc(rules->provider_count + 1, sizeof(*f->fallback_names));
	for (size_t i = 0; i < rules->provider_count; i++) {
		struct sw_bytes name = sw_bytes_str(rules->providers[i].name);
		if (rules->providers[i].ops->fallback_only) {
			f->fallback_names[f->fallback_count++] = name;
		} else {
			f->push_names[f->push_count++] = name;
		}
	}
	sw_rng_bytes(&f->runner, sizeof(f->runner));
	sw_arena_init(&f->arena);
	f->jobs = sw_metric_counter("surewire_direct_jobs_total", NULL, "Jobs made for direct pushes.");
	f->open = sw_metric_gauge("surewire_direct_requests_open", NULL,
				  "Direct pushes whose jobs are not all made yet, of all processes.");
	f->left = sw_metric_gauge("surewire_direct_recipients_left", NULL,
				  "Recipients of those for whom no job was made yet.");
	return f;
}

void sw_fan_out_free(struct sw_fan_out *f)
{
	if (f) {
		sw_pg_free(f->pg);
		sw_arena_release(&f->arena);
		free(f->push_names);
		free(f->fallback_names);
		free(f);
	}
}
