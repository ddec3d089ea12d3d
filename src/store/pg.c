/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a connection: parameters, connecting with a deadline, noticing that it died. Batches are in pg_batch.c.
 * Never PQreset: a lost connection is thrown away with all that was prepared on it. */
#include "store/pg_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_DEFAULT_MS = 5000 };

struct sw_pg *sw_pg_new_with(const struct sw_pg_config *config, const struct sw_pg_statement *statements, size_t count)
{
	struct sw_pg *pg = sw_xcalloc(1, sizeof(*pg));
	pg->url = sw_xstrdup(config->url);
	pg->application_name = sw_xstrdup(config->application_name ? config->application_name : "surewire");
	pg->connect_timeout_ms = config->connect_timeout_ms > 0 ? config->connect_timeout_ms
								: CONNECT_TIMEOUT_DEFAULT_MS;
	pg->statement_timeout_ms = config->statement_timeout_ms > 0 ? config->statement_timeout_ms : 0;
	pg->statements = statements;
	pg->statement_count = count;
	pg->prepared = sw_xcalloc(count, sizeof(*pg->prepared));
	sw_arena_init(&pg->arena);
	pg->metrics.statements = sw_metric_counter("surewire_store_statements_total", NULL,
						   "Statements sent to the store.");
	pg->metrics.transactions = sw_metric_counter("surewire_store_transactions_total", NULL,
						     "Transactions committed.");
	pg->metrics.reconnects = sw_metric_counter("surewire_store_reconnects_total", NULL,
						   "Connections made anew after a loss.");
	pg->metrics.duration = sw_metric_histogram_ms("surewire_store_transaction_seconds", NULL,
						      "Time of a batch from sending to its commit.");
	return pg;
}

struct sw_pg *sw_pg_new(const struct sw_pg_config *config)
{
	return sw_pg_new_with(config, sw_pg_statements, SW_SQL_COUNT);
}

void sw_pg_free(struct sw_pg *pg)
{
	if (!pg) {
		return;
	}
	sw_pg_drop(pg);
	sw_pg_clear_results(pg);
	sw_arena_release(&pg->arena);
	free(pg->queue);
	free(pg->results);
	free(pg->prepared);
	free(pg->application_name);
	sw_free_secret(pg->url, strlen(pg->url)); /* has the password */
	free(pg);
}

bool sw_pg_connected(const struct sw_pg *pg)
{
	return pg->conn != NULL;
}

void sw_pg_drop(struct sw_pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->forget_prepared = false;
	memset(pg->prepared, 0, pg->statement_count * sizeof(*pg->prepared));
}

int sw_pg_lost(struct sw_pg *pg, int err, const char *reason, struct sw_diag *diag_out)
{
	sw_diag_set(diag_out, err, "store: %.*s", (int)strcspn(reason, "\n"), reason);
	sw_pg_count_failure(err == SW_ETIMEOUT ? "timeout" : "lost");
	sw_pg_drop(pg);
	return err;
}

int sw_pg_wait(const PGconn *conn, short events, int64_t deadline_mono_ms)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = events};
	for (;;) {
		int64_t left_ms = deadline_mono_ms - sw_clock_mono_ms();
		if (left_ms <= 0) {
			return SW_ETIMEOUT;
		}
		int n = poll(&fd, 1, left_ms > 60000 ? 60000 : (int)left_ms);
		/* Other failures of poll() show at the next read or write on the socket. */
		if (n > 0 || (n < 0 && errno != EINTR)) {
			return SW_OK;
		}
	}
}

/* The server says good-bye and closes while nobody listens: read what is there, without waiting. */
static bool died_while_idle(PGconn *conn)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
	for (int reads = 0; reads < 16 && poll(&fd, 1, 0) > 0; reads++) {
		if (!PQconsumeInput(conn)) {
			return true;
		}
		(void)PQisBusy(conn); /* parses: notices, parameter changes */
	}
	return PQstatus(conn) != CONNECTION_OK;
}

/* Messages of the server that are no errors ("relation exists, skipping") would go to stderr. */
static void on_notice(void *ctx, const PGresult *res)
{
	(void)ctx;
	(void)res;
}

/* The url's own options (a search_path, say) with our timeouts after them; NULL when libpq cannot read the url. */
static char *session_options(const struct sw_pg *pg)
{
	PQconninfoOption *parsed = PQconninfoParse(pg->url, NULL);
	if (!parsed) {
		return NULL;
	}
	const char *given = "";
	for (const PQconninfoOption *o = parsed; o->keyword; o++) {
		if (strcmp(o->keyword, "options") == 0 && o->val) {
			given = o->val;
		}
	}
	char *options = sw_xasprintf("%s -c statement_timeout=%d -c idle_in_transaction_session_timeout=60000", given,
				     pg->statement_timeout_ms);
	PQconninfoFree(parsed);
	return options;
}

/* NULL when the url is malformed. */
static PGconn *start(const struct sw_pg *pg)
{
	char *options = session_options(pg);
	if (!options) {
		return NULL;
	}
	/* Later ones win: defaults, the url, then what must be ours. The tcp_* and keepalive values find a dead peer
	 * in about 25 s where no deadline of ours is running. */
	const char *const rows[][2] = {
		{"application_name", pg->application_name},
		{"tcp_user_timeout", "10000"},
		{"keepalives_idle", "10"},
		{"keepalives_interval", "5"},
		{"keepalives_count", "3"},
		{"target_session_attrs", "read-write"},
		{"dbname", pg->url},
		{"client_encoding", "UTF8"},
		{"options", options},
	};
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	const char *keys[ROWS + 1] = {NULL};
	const char *values[ROWS + 1] = {NULL};
	for (size_t i = 0; i < ROWS; i++) {
		keys[i] = rows[i][0];
		values[i] = rows[i][1];
	}
	PGconn *conn = PQconnectStartParams(keys, values, 1);
	free(options);
	return conn;
}

static int connect_error(const PGconn *conn, struct sw_diag *diag_out)
{
	const char *message = PQerrorMessage(conn);
	char state[6];
	bool refused = PQconnectionNeedsPassword(conn) ||
		       (sw_pg_find_sqlstate(message, state) && sw_pg_error_of(state) == SW_EAUTH);
	return sw_diag_set(diag_out, refused ? SW_EAUTH : SW_ECONNECT, "store: %.*s", (int)strcspn(message, "\n"),
			   message);
}

static int finish_connecting(PGconn *conn, int64_t deadline_mono_ms, struct sw_diag *diag_out)
{
	if (PQstatus(conn) == CONNECTION_BAD) {
		return connect_error(conn, diag_out);
	}
	PQsetNoticeReceiver(conn, on_notice, NULL);
	/* The only way to see the SQLSTATE of a failed connection is in its text. */
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	PostgresPollingStatusType want = PGRES_POLLING_WRITING;
	while (want != PGRES_POLLING_OK) {
		if (want == PGRES_POLLING_FAILED) {
			return connect_error(conn, diag_out);
		}
		if (sw_pg_wait(conn, want == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_mono_ms) != SW_OK) {
			return sw_diag_set(diag_out, SW_ETIMEOUT, "store: not connected in time");
		}
		want = PQconnectPoll(conn);
	}
	PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(conn, 1) != 0 || !PQenterPipelineMode(conn)) {
		return connect_error(conn, diag_out);
	}
	return SW_OK;
}

int sw_pg_connect(struct sw_pg *pg, int64_t deadline_mono_ms, struct sw_diag *diag_out)
{
	if (pg->conn && !died_while_idle(pg->conn)) {
		return SW_OK;
	}
	sw_pg_drop(pg);
	int64_t own_deadline = sw_clock_mono_ms() + pg->connect_timeout_ms;
	PGconn *conn = start(pg);
	if (!conn) {
		/* libpq's own text would quote the url and with it the password. */
		return sw_diag_set(diag_out, SW_ECONFIG,
				   "store url is malformed: expected postgresql://user:password@host:port/database");
	}
	int err = finish_connecting(conn, deadline_mono_ms < own_deadline ? deadline_mono_ms : own_deadline, diag_out);
	if (err != SW_OK) {
		PQfinish(conn);
		sw_pg_count_failure(err == SW_EAUTH ? "28" : "connect");
		return err;
	}
	if (pg->was_connected) {
		sw_metric_add(pg->metrics.reconnects, 1);
	}
	pg->was_connected = true;
	pg->conn = conn;
	return SW_OK;
}
