/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text outside of the pipeline, for what cannot be a prepared statement: migrations with many statements each. */
#include "store/pg_int.h"

#include <poll.h>

static void prepare_slot(struct sw_pg *pg)
{
	sw_pg_begin(pg);
	sw_pg_queue(pg, (enum sw_sql)0, NULL); /* makes room for one result; nothing is sent */
}

static bool send(struct sw_pg *pg, const char *sql, const struct sw_pg_params *params)
{
	if (!PQexitPipelineMode(pg->conn)) {
		return false;
	}
	if (!params) {
		return PQsendQuery(pg->conn, sql) != 0;
	}
	int formats[SW_PG_PARAMS_MAX];
	for (int i = 0; i < params->count; i++) {
		formats[i] = 1;
	}
	return PQsendQueryParams(pg->conn, sql, params->count, NULL, params->values, params->lengths, formats, 1) != 0;
}

/* Waits until a result is there or the server has said all. Null-terminated like PQgetResult. */
static int next_result(struct sw_pg *pg, int64_t deadline_mono_ms, PGresult **res_out, struct sw_diag *diag_out)
{
	int flushed = PQflush(pg->conn);
	while (flushed == 1 || (flushed == 0 && PQisBusy(pg->conn))) {
		if (sw_pg_wait(pg->conn, flushed == 1 ? POLLIN | POLLOUT : POLLIN, deadline_mono_ms) != SW_OK) {
			return sw_pg_lost(pg, SW_ETIMEOUT, "no answer before the deadline", diag_out);
		}
		if (!PQconsumeInput(pg->conn)) {
			break;
		}
		flushed = PQflush(pg->conn);
	}
	*res_out = PQgetResult(pg->conn);
	if (PQstatus(pg->conn) == CONNECTION_BAD) {
		const char *text = PQresultErrorField(*res_out, PG_DIAG_MESSAGE_PRIMARY);
		int err = sw_pg_lost(pg, SW_ECLOSED, text ? text : PQerrorMessage(pg->conn), diag_out);
		PQclear(*res_out);
		return err;
	}
	return SW_OK;
}

int sw_pg_exec(struct sw_pg *pg, const char *sql, const struct sw_pg_params *params, int64_t deadline_mono_ms,
	       struct sw_diag *diag_out)
{
	prepare_slot(pg);
	if (!pg->conn) {
		return sw_diag_set(diag_out, SW_ECLOSED, "store: not connected");
	}
	if (params && params->err) {
		return sw_diag_set(diag_out, params->err, "store: a parameter passes its bound");
	}
	if (!send(pg, sql, params)) {
		return sw_pg_lost(pg, SW_ECLOSED, PQerrorMessage(pg->conn), diag_out);
	}
	int err = SW_OK;
	for (;;) {
		PGresult *res = NULL;
		int lost = next_result(pg, deadline_mono_ms, &res, diag_out);
		if (lost != SW_OK) {
			return lost;
		}
		if (!res) {
			break;
		}
		if (PQresultStatus(res) == PGRES_FATAL_ERROR && err == SW_OK) {
			err = sw_pg_result_error(res, diag_out);
		}
		PQclear(pg->results[0].res);
		pg->results[0].res = res;
	}
	if (!PQenterPipelineMode(pg->conn)) {
		return sw_pg_lost(pg, SW_ECLOSED, "a statement left the session in use", diag_out);
	}
	pg->has_results = err == SW_OK;
	return err;
}
