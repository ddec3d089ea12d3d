/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to PostgreSQL and its batches: statements known by name (the files of sql/), prepared once a
 * connection, sent as one pipeline up to one sync, which makes every batch one transaction. Blocks its caller, always
 * with a deadline on the monotonic clock; libpq below is non-blocking, so that a large batch cannot deadlock on full
 * socket buffers.
 * It neither retries nor reconnects on its own: the caller decides. One thread at a time.
 *
 *	sw_pg_begin(pg);
 *	sw_pg_queue(pg, SW_SQL_WRITER_FENCE, &fence);
 *	sw_pg_queue(pg, SW_SQL_WRITER_APPEND, &append);
 *	err = sw_pg_run(pg, deadline, &diag);
 *	… sw_pg_i64(sw_pg_result(pg, 1), row, 0) …
 */
#ifndef SW_STORE_PG_H
#define SW_STORE_PG_H

#include "base/uuid.h"
#include "store/params.h"
#include "store/sql_gen.h"

#include <surewire/bytes.h>
#include <surewire/err.h>

struct sw_pg;
struct sw_pg_result;

enum { SW_PG_BATCH_MAX = 4096 }; /* statements */

struct sw_pg_config {
	const char *url;              /* postgresql://…; its parameters win over our defaults */
	const char *application_name; /* NULL: "surewire" */
	int connect_timeout_ms;       /* <= 0: 5,000. A name lookup is not bounded by it. */
	int statement_timeout_ms;     /* by the server, each statement; <= 0: none */
};

/* Does not connect yet. Strings are copied. */
struct sw_pg *sw_pg_new(const struct sw_pg_config *config);
/* NULL is allowed. */
void sw_pg_free(struct sw_pg *pg);

/* Returns at once when connected; a connection that died while idle is noticed here and made anew. Waits until the
 * deadline or connect_timeout_ms, whichever is first. SW_ECONNECT (refused, starting up, read-only, no such
 * database), SW_EAUTH (identity refused), SW_ETIMEOUT, SW_ECONFIG (url malformed). */
int sw_pg_connect(struct sw_pg *pg, int64_t deadline_mono_ms, struct sw_diag *diag_out) SW_MUST_CHECK;
bool sw_pg_connected(const struct sw_pg *pg);

/* Starts a batch; statements and results of the one before are forgotten. */
void sw_pg_begin(struct sw_pg *pg);
/* Adds a statement. Nothing is sent before run. The values stay in the arena of params, which must live until run has
 * returned; params itself may be reused at once. NULL: no parameters. An error (of params, or more than
 * SW_PG_BATCH_MAX) is kept and comes out of run. */
void sw_pg_queue(struct sw_pg *pg, enum sw_sql statement, const struct sw_pg_params *params);
/* Runs the batch as one transaction, all or nothing, and returns after its commit. After an error there are no
 * results; the same batch may be run again, after sw_pg_connect() where the connection was lost.
 *   SW_ECONFLICT     23505: a unique key exists
 *   SW_EAGAIN        40001, 40P01, 55P03: lost against another transaction, run again
 *   SW_EFENCED       SW001, raised by sw_fence() in SQL
 *   SW_EUNAVAILABLE  57P0x, 57014 (statement timeout), 53xxx (out of resources), 25006 (read-only)
 *   SW_ESCHEMA       42xxx, 3Dxxx, 3Fxxx: a table, column or permission is missing; no message is at fault
 *   SW_ELIMIT        a parameter or the batch passed its bound; nothing was sent
 *   SW_ECLOSED       connection lost or not made: whether it was committed is unknown
 *   SW_ETIMEOUT      deadline: as SW_ECLOSED, the connection is dropped
 *   SW_ESQL          anything else, with the server's text
 * Except after SW_ECLOSED and SW_ETIMEOUT the connection stays usable. */
int sw_pg_run(struct sw_pg *pg, int64_t deadline_mono_ms, struct sw_diag *diag_out) SW_MUST_CHECK;

/* Of the index-th queued statement (from 0) after a successful run; borrowed until the next begin or run. */
const struct sw_pg_result *sw_pg_result(const struct sw_pg *pg, size_t index);
/* Rows returned (SELECT, RETURNING). */
size_t sw_pg_rows(const struct sw_pg_result *r);
/* Rows inserted, updated, deleted or selected. */
size_t sw_pg_affected(const struct sw_pg_result *r);

/* Values of a row, from 0. The column must have exactly this type (asserted by width); SQL NULL gives 0, false, an
 * empty run with a NULL pointer, or the zero uuid. Bytes are borrowed like the result. */
bool sw_pg_is_null(const struct sw_pg_result *r, size_t row, size_t col);
int64_t sw_pg_i64(const struct sw_pg_result *r, size_t row, size_t col);
int32_t sw_pg_i32(const struct sw_pg_result *r, size_t row, size_t col);
int16_t sw_pg_i16(const struct sw_pg_result *r, size_t row, size_t col);
bool sw_pg_bool(const struct sw_pg_result *r, size_t row, size_t col);
struct sw_bytes sw_pg_bytes(const struct sw_pg_result *r, size_t row, size_t col); /* text, bytea */
struct sw_uuid sw_pg_uuid(const struct sw_pg_result *r, size_t row, size_t col);

#endif
