/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the connection, for this folder and its tests. */
#ifndef SW_STORE_PG_INT_H
#define SW_STORE_PG_INT_H

#include "base/metrics.h"
#include "store/pg.h"

#include <libpq-fe.h>

struct sw_pg_statement {
	const char *name; /* also the server's name of the prepared statement */
	const char *text;
};

/* Generated; indexed by enum sw_sql. */
extern const struct sw_pg_statement sw_pg_statements[SW_SQL_COUNT];

struct sw_pg_result {
	PGresult *res; /* NULL: not there (yet) */
};

/* A queued statement. The arrays are in the batch's arena, the values in the caller's. */
struct sw_pg_queued {
	size_t statement;
	int param_count;
	const char **values;
	int *lengths;
};

struct sw_pg {
	PGconn *conn; /* NULL: not connected. In pipeline mode except inside sw_pg_exec(). */
	char *url;
	char *application_name;
	int connect_timeout_ms;
	int statement_timeout_ms;
	bool was_connected; /* the next connect is a reconnect */

	const struct sw_pg_statement *statements;
	size_t statement_count;
	bool *prepared;       /* by statement; known to the server on this connection */
	bool forget_prepared; /* the server's prepared statements are stale: drop them before the next batch */

	struct sw_arena arena; /* of the batch */
	struct sw_pg_queued *queue;
	struct sw_pg_result *results;
	size_t queue_count;
	size_t queue_cap;
	int queue_err;
	bool has_results;

	struct {
		struct sw_metric *statements;
		struct sw_metric *transactions;
		struct sw_metric *reconnects;
		struct sw_metric *duration;
	} metrics;
};

/* As sw_pg_new() with another table of statements; borrowed. For tests. */
struct sw_pg *sw_pg_new_with(const struct sw_pg_config *config, const struct sw_pg_statement *statements, size_t count);

/* Runs SQL text outside of the pipeline, each call a transaction of its own unless BEGIN was sent before. Without
 * params: any number of statements, results as text; with: one statement, binary. The last result is sw_pg_result(pg,
 * 0). The batch is lost. Errors as sw_pg_run(). For migrations and tests. */
int sw_pg_exec(struct sw_pg *pg, const char *sql, const struct sw_pg_params *params, int64_t deadline_mono_ms,
	       struct sw_diag *diag_out) SW_MUST_CHECK;

/* Waits for events (POLLIN, POLLOUT) on the connection: SW_OK or SW_ETIMEOUT. */
int sw_pg_wait(const PGconn *conn, short events, int64_t deadline_mono_ms);
/* Closes the connection and forgets what was prepared on it. */
void sw_pg_drop(struct sw_pg *pg);
/* Drops the connection, counts the failure and gives err (SW_ECLOSED, SW_ETIMEOUT) with a text. */
int sw_pg_lost(struct sw_pg *pg, int err, const char *reason, struct sw_diag *diag_out);
void sw_pg_clear_results(struct sw_pg *pg);

/* pg_error.c: SQLSTATE to SW_E*; NULL or an unknown one is SW_ESQL. */
int sw_pg_error_of(const char *sqlstate);
/* The five characters in "…FATAL:  28P01: …", copied to state_out[6]; false when there are none. */
bool sw_pg_find_sqlstate(const char *message, char state_out[6]);
/* Maps and counts a PGRES_FATAL_ERROR result and sets the text. */
int sw_pg_result_error(const PGresult *res, struct sw_diag *diag_out);
/* One more in surewire_store_failures_total{class="…"}; class_text is cut to two characters of a SQLSTATE, or a word. */
void sw_pg_count_failure(const char *class_text);

#endif
