/* SPDX-License-Identifier: Apache-2.0 */
/* A batch as one pipeline. Steps in order on the wire: what must be prepared, a sync; the statements, a sync. All
 * between two syncs is one implicit transaction, so only the last sync without an error before it means committed.
 * Sending and reading go on side by side: a server that cannot write its results stops reading ours. */
#include "store/pg_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* What may be handed to libpq, whose output buffer has no bound, before its flush is asked for again. */
enum { SEND_CHUNK_STEPS = 64, SEND_CHUNK_BYTES = 256 * 1024, BINARY = 1 };

enum step { STEP_FORGET, STEP_PREPARE, STEP_EXECUTE, STEP_SYNC };

struct run {
	struct sw_pg *pg;
	size_t *to_prepare; /* statements, in the batch's arena */
	size_t prepare_count;
	size_t forget_count; /* 0 or 1 */
	size_t step_count;
	size_t sent;     /* steps */
	size_t received; /* steps */
	bool seen;       /* the step being received had a result */
	bool unflushed;
	int err; /* of the first statement that failed; the connection is good */
	struct sw_diag *diag_out;
};

void sw_pg_clear_results(struct sw_pg *pg)
{
	for (size_t i = 0; i < pg->queue_cap; i++) {
		PQclear(pg->results[i].res);
		pg->results[i].res = NULL;
	}
	pg->has_results = false;
}

void sw_pg_begin(struct sw_pg *pg)
{
	sw_pg_clear_results(pg);
	sw_arena_reset(&pg->arena);
	pg->queue_count = 0;
	pg->queue_err = SW_OK;
}

static void grow(struct sw_pg *pg)
{
	size_t cap = pg->queue_cap ? pg->queue_cap * 2 : 16;
	pg->queue = sw_xrealloc(pg->queue, cap * sizeof(*pg->queue));
	pg->results = sw_xrealloc(pg->results, cap * sizeof(*pg->results));
	memset(pg->results + pg->queue_cap, 0, (cap - pg->queue_cap) * sizeof(*pg->results));
	pg->queue_cap = cap;
}

void sw_pg_queue(struct sw_pg *pg, enum sw_sql statement, const struct sw_pg_params *params)
{
	assert((size_t)statement < pg->statement_count);
	if (pg->queue_count == SW_PG_BATCH_MAX || (params && params->err)) {
		pg->queue_err = SW_ELIMIT;
		return;
	}
	if (pg->queue_count == pg->queue_cap) {
		grow(pg);
	}
	struct sw_pg_queued *q = &pg->queue[pg->queue_count++];
	*q = (struct sw_pg_queued){.statement = (size_t)statement};
	if (params && params->count) {
		size_t n = (size_t)params->count;
		q->param_count = params->count;
		q->values = sw_arena_alloc(&pg->arena, n * sizeof(*q->values));
		q->lengths = sw_arena_alloc(&pg->arena, n * sizeof(*q->lengths));
		memcpy(q->values, params->values, n * sizeof(*q->values));
		memcpy(q->lengths, params->lengths, n * sizeof(*q->lengths));
	}
}

/* Steps: [forget] prepare… sync, when anything is to be prepared; execute… sync. *index_out is the place within its
 * group. */
static enum step step_at(const struct run *run, size_t i, size_t *index_out)
{
	*index_out = 0;
	if (run->prepare_count) {
		if (i < run->forget_count) {
			return STEP_FORGET;
		}
		i -= run->forget_count;
		if (i < run->prepare_count) {
			*index_out = i;
			return STEP_PREPARE;
		}
		if (i == run->prepare_count) {
			return STEP_SYNC;
		}
		i -= run->prepare_count + 1;
	}
	*index_out = i;
	return i < run->pg->queue_count ? STEP_EXECUTE : STEP_SYNC;
}

static void plan(struct run *run)
{
	struct sw_pg *pg = run->pg;
	if (pg->forget_prepared) {
		memset(pg->prepared, 0, pg->statement_count * sizeof(*pg->prepared));
		run->forget_count = 1;
	}
	bool *chosen = sw_arena_calloc(&pg->arena, pg->statement_count, sizeof(*chosen));
	run->to_prepare = sw_arena_alloc(&pg->arena, pg->statement_count * sizeof(*run->to_prepare));
	for (size_t i = 0; i < pg->queue_count; i++) {
		size_t statement = pg->queue[i].statement;
		if (!pg->prepared[statement] && !chosen[statement]) {
			chosen[statement] = true;
			run->to_prepare[run->prepare_count++] = statement;
		}
	}
	run->step_count = pg->queue_count + 1;
	if (run->prepare_count) {
		run->step_count += run->forget_count + run->prepare_count + 1;
	}
}

/* Hands the next step to libpq; adds its size to *bytes_io. False: libpq refuses, the connection is lost. */
static bool send_step(struct run *run, size_t *bytes_io)
{
	struct sw_pg *pg = run->pg;
	size_t index;
	switch (step_at(run, run->sent, &index)) {
	case STEP_FORGET:
		return PQsendQueryParams(pg->conn, "DEALLOCATE ALL", 0, NULL, NULL, NULL, NULL, BINARY) != 0;
	case STEP_PREPARE: {
		const struct sw_pg_statement *statement = &pg->statements[run->to_prepare[index]];
		*bytes_io += strlen(statement->text);
		return PQsendPrepare(pg->conn, statement->name, statement->text, 0, NULL) != 0;
	}
	case STEP_EXECUTE: {
		const struct sw_pg_queued *q = &pg->queue[index];
		int formats[SW_PG_PARAMS_MAX];
		for (int i = 0; i < q->param_count; i++) {
			formats[i] = BINARY;
			*bytes_io += (size_t)q->lengths[i];
		}
		return PQsendQueryPrepared(pg->conn, pg->statements[q->statement].name, q->param_count, q->values,
					   q->lengths, formats, BINARY) != 0;
	}
	case STEP_SYNC:
		return PQpipelineSync(pg->conn) != 0;
	}
	return false;
}

/* Until libpq cannot get rid of it. */
static bool send_some(struct run *run)
{
	size_t steps = 0;
	size_t bytes = 0;
	while (!run->unflushed && run->sent < run->step_count && steps < SEND_CHUNK_STEPS && bytes < SEND_CHUNK_BYTES) {
		if (!send_step(run, &bytes)) {
			return false;
		}
		run->sent++;
		steps++;
	}
	int flushed = PQflush(run->pg->conn);
	run->unflushed = flushed == 1;
	return flushed >= 0;
}

static bool is_fatal(const PGresult *res)
{
	const char *severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
	return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

/* Plans die with a change of the schema; statements with a proxy that resets the session. Both are in order again once
 * everything was prepared anew. */
static bool is_stale_plan(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
	return (state && strcmp(state, "26000") == 0) || (function && strcmp(function, "RevalidateCachedQuery") == 0);
}

static int on_error(struct run *run, const PGresult *res)
{
	struct sw_pg *pg = run->pg;
	if (is_fatal(res)) {
		return sw_pg_lost(pg, SW_ECLOSED, PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY), run->diag_out);
	}
	if (PQstatus(pg->conn) == CONNECTION_BAD) {
		return sw_pg_lost(pg, SW_ECLOSED, PQerrorMessage(pg->conn), run->diag_out);
	}
	if (run->err != SW_OK) {
		return SW_OK; /* a consequence of the first */
	}
	run->err = sw_pg_result_error(res, run->diag_out);
	if (is_stale_plan(res)) {
		pg->forget_prepared = true;
		run->err = SW_EAGAIN;
	}
	return SW_OK;
}

static void on_success(struct run *run, PGresult *res)
{
	struct sw_pg *pg = run->pg;
	size_t index;
	switch (step_at(run, run->received, &index)) {
	case STEP_PREPARE:
		pg->prepared[run->to_prepare[index]] = true;
		break;
	case STEP_EXECUTE:
		PQclear(pg->results[index].res);
		pg->results[index].res = res;
		return;
	case STEP_FORGET:
		pg->forget_prepared = false;
		break;
	case STEP_SYNC:
		break;
	}
	PQclear(res);
}

/* Takes res. An error means that the connection is gone. */
static int on_result(struct run *run, PGresult *res)
{
	int err = SW_OK;
	run->seen = true;
	switch (PQresultStatus(res)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		on_success(run, res);
		return SW_OK;
	case PGRES_PIPELINE_SYNC: /* no NULL follows */
		run->received++;
		run->seen = false;
		break;
	case PGRES_PIPELINE_ABORTED:
		break;
	case PGRES_FATAL_ERROR:
		err = on_error(run, res);
		break;
	default: /* COPY and the like: impossible in a pipeline */
		err = sw_pg_lost(run->pg, SW_ECLOSED, "a statement cannot be used in a pipeline", run->diag_out);
		break;
	}
	PQclear(res);
	return err;
}

/* What the server said before it closed is still to be read: it has the reason. */
static int on_closed(struct run *run)
{
	PGresult *res = PQgetResult(run->pg->conn);
	for (; res; res = PQgetResult(run->pg->conn)) {
		int err = on_result(run, res);
		if (err != SW_OK) {
			return err;
		}
	}
	return sw_pg_lost(run->pg, SW_ECLOSED, PQerrorMessage(run->pg->conn), run->diag_out);
}

/* Everything that arrived, without waiting. */
static int receive_some(struct run *run)
{
	struct sw_pg *pg = run->pg;
	if (!PQconsumeInput(pg->conn)) {
		return on_closed(run);
	}
	int idle = 0;
	while (run->received < run->step_count && idle < 2 && !PQisBusy(pg->conn)) {
		PGresult *res = PQgetResult(pg->conn);
		if (res) {
			idle = 0;
			int err = on_result(run, res);
			if (err != SW_OK) {
				return err;
			}
			continue;
		}
		/* The end of a step, or nothing to say; a sync ends by its own result only. */
		size_t index;
		if (run->seen && step_at(run, run->received, &index) != STEP_SYNC) {
			run->received++;
		} else {
			idle++;
		}
		run->seen = false;
	}
	return SW_OK;
}

static int pump(struct run *run, int64_t deadline_mono_ms)
{
	struct sw_pg *pg = run->pg;
	while (run->received < run->step_count) {
		if (!send_some(run)) {
			return sw_pg_lost(pg, SW_ECLOSED, PQerrorMessage(pg->conn), run->diag_out);
		}
		bool more = run->unflushed || run->sent < run->step_count;
		if (sw_pg_wait(pg->conn, more ? POLLIN | POLLOUT : POLLIN, deadline_mono_ms) != SW_OK) {
			return sw_pg_lost(pg, SW_ETIMEOUT, "no answer before the deadline", run->diag_out);
		}
		int err = receive_some(run);
		if (err != SW_OK) {
			return err;
		}
	}
	return run->err;
}

int sw_pg_run(struct sw_pg *pg, int64_t deadline_mono_ms, struct sw_diag *diag_out)
{
	sw_pg_clear_results(pg);
	if (pg->queue_err != SW_OK) {
		return sw_diag_set(diag_out, pg->queue_err, "store: a parameter or the batch passes its bound");
	}
	if (!pg->conn) {
		return sw_diag_set(diag_out, SW_ECLOSED, "store: not connected");
	}
	if (!pg->queue_count) {
		pg->has_results = true;
		return SW_OK;
	}
	int64_t started_ms = sw_clock_mono_ms();
	struct run run = {.pg = pg, .diag_out = diag_out};
	plan(&run);
	sw_metric_add(pg->metrics.statements, (int64_t)pg->queue_count);
	int err = pump(&run, deadline_mono_ms);
	sw_metric_observe_ms(pg->metrics.duration, sw_clock_mono_ms() - started_ms);
	if (err != SW_OK) {
		sw_pg_clear_results(pg); /* what seemed done was rolled back */
		return err;
	}
	sw_metric_add(pg->metrics.transactions, 1);
	pg->has_results = true;
	return SW_OK;
}
