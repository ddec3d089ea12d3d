/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL in memory, put in the place of src/store/pg*.c by the linker: the statements of writer.sql, sequencer.sql,
 * mailbox.sql, gateway.sql and pusher.sql over plain arrays. A batch is one transaction under one lock; a failed one leaves nothing behind.
 * It checks primary keys and the fence as the schema does, and no more: what only the code above keeps right (a gapless
 * seq) is for the tests to look at. */
#ifndef SW_TESTS_FAKE_STORE_H
#define SW_TESTS_FAKE_STORE_H

#include "base/uuid.h"
#include "store/pg.h"

#include <pthread.h>

struct fake_account {
	int64_t id;
	struct sw_bytes name;
};
struct fake_conversation {
	int64_t conv, kind, lo, hi, creator;
};
struct fake_member {
	int64_t conv, user, role, joined_seq;
};
struct fake_event {
	int64_t conv, seq, id, sender, at_ms;
	struct sw_bytes kind, title, preview, body, sender_name;
};
struct fake_sent {
	int64_t sender, id, conv, seq;
	struct sw_uuid cid, content;
};
struct fake_applied {
	struct sw_uuid section;
	struct sw_bytes result;
};
struct fake_inbox {
	int64_t user, pos, conv, seq;
	bool notify, mentioned;
	int64_t told, routed_after_ms, sockets, pushes;
};
struct fake_plan {
	int64_t user, pushed_pos;
};
struct fake_step {
	int64_t user, pos, step, due_at_ms;
};
struct fake_preference {
	int64_t user, conv, muted_until_ms, mentions_only;
	struct sw_bytes content, plan;
};
struct fake_device {
	int64_t user, registered_at_ms, cursor, active_cursor;
	struct sw_bytes device, platform, provider, app, token;
	bool sandbox;
};
struct fake_session {
	int64_t user, session, node;
	struct sw_bytes device;
	bool active;
};
struct fake_ledger {
	int64_t user, pos, at_ms, acked, read, sent_before_ms;
	bool active;
	struct sw_bytes device;
};
struct fake_engine {
	int64_t id, lease_until_ms;
	bool sequencer, mailbox, draining;
};
struct fake_owner {
	int64_t role, queue, owner, epoch;
};
struct fake_delivery {
	struct sw_uuid job;
	int64_t event, user, pos, attempts, status, created_at_ms;
	int64_t planned_at_ms, next_at_ms;
	struct sw_bytes device, provider, state, reason, planned_reason;
};
struct fake_attempt {
	struct sw_uuid job;
	int64_t number, at_ms;
	struct sw_bytes outcome, reason;
};

/* X(type, name): every table. */
/* clang-format off */
#define FAKE_TABLES(X)                                                                            \
	X(account) X(conversation) X(member) X(event) X(sent) X(applied) X(inbox) X(plan) X(step) \
	X(preference) X(device) X(ledger) X(session) X(engine) X(owner) X(delivery) X(attempt)
/* clang-format on */

#define FAKE_TABLE(name)                  \
	struct {                          \
		struct fake_##name *rows; \
		size_t count, cap;        \
	} name;
struct fake_tables {
	FAKE_TABLES(FAKE_TABLE)
};

enum fake_store_fault {
	FAKE_STORE_OK,
	FAKE_STORE_CLOSED_BEFORE, /* the connection is lost, nothing was done */
	FAKE_STORE_CLOSED_AFTER,  /* the connection is lost, the commit was done */
	FAKE_STORE_AGAIN,         /* of a transaction that writes: a plain SELECT loses against nobody */
	FAKE_STORE_TIMEOUT,
	FAKE_STORE_TIMEOUT_AFTER,
	FAKE_STORE_UNAVAILABLE,
};

struct fake_store {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct fake_tables tables;
	struct sw_arena strings; /* of all rows, for the life of the store */
	unsigned runs;           /* batches of everybody but keepers so far */
	unsigned keeper_runs;    /* batches of keepers so far */
	/* The plan: this run fails in this way. 0: none. */
	unsigned fault_at;
	bool fault_keeper;       /* count the runs of keepers, not of the others */
	const char *fault_names; /* not NULL: count only those whose name begins with one of these letters */
	enum fake_store_fault fault;
	bool fault_reached;
	/* An engine's write by this application name waits until it is let go; "" none. */
	const char *hold_name;
	bool holding;
	const char *mute_name; /* no keeper of this name reaches the store */
	const char *dead_name; /* nobody of this name reaches the store */
	int connect_err;       /* of everybody who has to connect */
	unsigned connect_refusals;
	unsigned commits; /* of transactions with a fence */
	unsigned fenced;
	unsigned conflicts;
};

/* One at a time, before the program under test starts. */
void fake_store_open(struct fake_store *store);
/* After everything of it was freed. */
void fake_store_close(struct fake_store *store);
void fake_store_add_account(struct fake_store *store, int64_t id, const char *name);

/* An event whose body contains this makes its statement fail with SW_ESQL. */
#define FAKE_STORE_POISON "poison"

/* ---- between the files of the fake ---- */

struct fake_statement {
	enum sw_sql sql;
	int count;
	struct sw_bytes *values;
};
struct fake_cell {
	bool is_null;
	struct sw_bytes value;
};
struct sw_pg_result {
	struct sw_arena *arena;
	size_t cols, rows, cap;
	size_t affected;
	struct fake_cell *cells;
};

/* Runs one statement; the lock is held. */
int fake_sql_run(struct fake_store *store, const struct fake_statement *statement, struct sw_pg_result *result);
int fake_sql_writer(struct fake_store *store, const struct fake_statement *statement, struct sw_pg_result *result);
int fake_sql_sequencer(struct fake_store *store, const struct fake_statement *statement, struct sw_pg_result *result);
int fake_sql_mailbox(struct fake_store *store, const struct fake_statement *statement, struct sw_pg_result *result);
int fake_sql_mailbox_plan(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result);
/* One row of load_unacked. */
void fake_put_unacked(struct fake_store *store, struct sw_pg_result *result, const struct fake_inbox *row);
int fake_sql_gateway(struct fake_store *store, const struct fake_statement *statement, struct sw_pg_result *result);
int fake_sql_pusher(struct fake_store *store, const struct fake_statement *statement, struct sw_pg_result *result);

/* Parameters. */
int64_t fake_arg_i64(const struct fake_statement *statement, int index);
struct fake_array {
	size_t count;
	struct sw_bytes *items;
};
/* Aborts unless it is an array of elements of this type. */
enum fake_oid {
	FAKE_BOOL = 16,
	FAKE_BYTEA = 17,
	FAKE_INT8 = 20,
	FAKE_INT2 = 21,
	FAKE_INT4 = 23,
	FAKE_TEXT = 25,
	FAKE_UUID = 2950
};
/* Its values land in NOT NULL columns or keys. */
struct fake_array fake_arg_array(const struct fake_statement *statement, int index, enum fake_oid oid,
				 struct sw_arena *arena);
/* … or in a column that may be NULL: an item without a pointer. */
struct fake_array fake_arg_nulls(const struct fake_statement *statement, int index, enum fake_oid oid,
				 struct sw_arena *arena);
int64_t fake_item_i64(const struct fake_array *array, size_t index);
struct sw_uuid fake_item_uuid(const struct fake_array *array, size_t index);
/* Borrowed from the statement. */
struct sw_bytes fake_arg_text(const struct fake_statement *statement, int index);
/* Kept for the life of the store. */
struct sw_bytes fake_item_text(struct fake_store *store, const struct fake_array *array, size_t index);
bool fake_array_has(const struct fake_array *array, int64_t value);

/* Results, cell by cell. */
void fake_result_columns(struct sw_pg_result *result, size_t cols);
void fake_put_i64(struct sw_pg_result *result, int64_t value);
void fake_put_i32(struct sw_pg_result *result, int32_t value);
void fake_put_i16(struct sw_pg_result *result, int16_t value);
void fake_put_bool(struct sw_pg_result *result, bool value);
void fake_put_bytes(struct sw_pg_result *result, struct sw_bytes value);
void fake_put_uuid(struct sw_pg_result *result, const struct sw_uuid *value);

#define FAKE_ADD(store, table, ...)                                                                                   \
	do {                                                                                                          \
		if ((store)->tables.table.count == (store)->tables.table.cap) {                                       \
			(store)->tables.table.cap = (store)->tables.table.cap * 2 + 16;                               \
			(store)->tables.table.rows = sw_xrealloc(                                                     \
				(store)->tables.table.rows, (store)->tables.table.cap * sizeof(struct fake_##table)); \
		}                                                                                                     \
		(store)->tables.table.rows[(store)->tables.table.count++] = (struct fake_##table){__VA_ARGS__};       \
	} while (0)
#define FAKE_REMOVE(store, table, index) \
	((store)->tables.table.rows[index] = (store)->tables.table.rows[--(store)->tables.table.count])
/* struct fake_<table> *row over all rows. */
#define sw_fake_foreach(store, table, row)                          \
	for (struct fake_##table *row = (store)->tables.table.rows; \
	     row && row < (store)->tables.table.rows + (store)->tables.table.count; row++)

#endif
