/* SPDX-License-Identifier: Apache-2.0 */
/* The connection's side of the fake store: batches, transactions by snapshot, the fault plan, values in and out. */
#include "fake_store.h"

#include <surewire/buf.h>
#include <surewire/mem.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct fake_store *the_store;

struct sw_pg {
	const char *name;
	bool connected;
	struct sw_arena arena;
	struct fake_statement *statements;
	size_t count, cap;
	int err;
	struct sw_pg_result *results; /* NULL: none */
};

void fake_store_open(struct fake_store *store)
{
	*store = (struct fake_store){.hold_name = "", .mute_name = "", .dead_name = ""};
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->changed, NULL);
	sw_arena_init(&store->strings);
	the_store = store;
}

static void tables_release(struct fake_tables *tables)
{
#define FREE(name) free(tables->name.rows);
	FAKE_TABLES(FREE)
#undef FREE
}

static void tables_copy(struct fake_tables *to, const struct fake_tables *from)
{
	*to = *from;
#define COPY(name) to->name.rows = sw_xmemdup(from->name.rows, from->name.cap * sizeof(*from->name.rows));
	FAKE_TABLES(COPY)
#undef COPY
}

void fake_store_close(struct fake_store *store)
{
	tables_release(&store->tables);
	sw_arena_release(&store->strings);
	pthread_cond_destroy(&store->changed);
	pthread_mutex_destroy(&store->lock);
	the_store = NULL;
}

void fake_store_add_account(struct fake_store *store, int64_t id, const char *name)
{
	FAKE_ADD(store, account, id, sw_bytes_str(name));
}

/* ---- the connection ---- */

struct sw_pg *sw_pg_new(const struct sw_pg_config *config)
{
	struct sw_pg *pg = sw_xcalloc(1, sizeof(*pg));
	pg->name = config->application_name;
	sw_arena_init(&pg->arena);
	return pg;
}

void sw_pg_free(struct sw_pg *pg)
{
	if (pg) {
		sw_arena_release(&pg->arena);
		free(pg->statements);
		free(pg);
	}
}

int sw_pg_connect(struct sw_pg *pg, int64_t deadline_mono_ms, struct sw_diag *diag_out)
{
	(void)deadline_mono_ms;
	int err = SW_OK;
	pthread_mutex_lock(&the_store->lock);
	if (!pg->connected) {
		err = strcmp(pg->name, the_store->dead_name) == 0 ? SW_ECONNECT : the_store->connect_err;
	}
	pg->connected = err == SW_OK;
	the_store->connect_refusals += err != SW_OK;
	pthread_cond_broadcast(&the_store->changed);
	pthread_mutex_unlock(&the_store->lock);
	return err ? sw_diag_set(diag_out, err, "fake: %s", sw_err_text(err)) : SW_OK;
}

bool sw_pg_connected(const struct sw_pg *pg)
{
	return pg->connected;
}

void sw_pg_begin(struct sw_pg *pg)
{
	sw_arena_reset(&pg->arena);
	pg->count = 0;
	pg->err = SW_OK;
	pg->results = NULL;
}

void sw_pg_queue(struct sw_pg *pg, enum sw_sql statement, const struct sw_pg_params *params)
{
	if (pg->count == pg->cap) {
		pg->cap = pg->cap * 2 + 16;
		pg->statements = sw_xrealloc(pg->statements, pg->cap * sizeof(*pg->statements));
	}
	struct fake_statement *added = &pg->statements[pg->count++];
	*added = (struct fake_statement){.sql = statement, .count = params ? params->count : 0};
	added->values = sw_arena_alloc(&pg->arena, SW_PG_PARAMS_MAX * sizeof(*added->values));
	for (int i = 0; i < added->count; i++) {
		added->values[i] = sw_bytes(params->values[i], (size_t)params->lengths[i]);
	}
	pg->err = params && params->err ? params->err : pg->err;
}

/* ---- running ---- */

static bool has(const struct sw_pg *pg, enum sw_sql sql)
{
	for (size_t i = 0; i < pg->count; i++) {
		if (pg->statements[i].sql == sql) {
			return true;
		}
	}
	return false;
}

static bool is_keeper(const struct sw_pg *pg)
{
	static const enum sw_sql statements[] = {SW_SQL_WRITER_ENGINE_BEAT,    SW_SQL_WRITER_OWNER_ENSURE,
						 SW_SQL_WRITER_OWNER_TAKE,     SW_SQL_WRITER_OWNER_RELEASE,
						 SW_SQL_WRITER_APPLIED_EXPIRE, SW_SQL_WRITER_ENGINE_DROP};
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		if (has(pg, statements[i])) {
			return true;
		}
	}
	return false;
}

static bool only_reads(const struct sw_pg *pg)
{
	for (size_t i = 0; i < pg->count; i++) {
		enum sw_sql sql = pg->statements[i].sql;
		if (sql != SW_SQL_GATEWAY_FIND_ACCOUNT && sql != SW_SQL_GATEWAY_FIND_ACCOUNTS &&
		    sql != SW_SQL_GATEWAY_RESUME && sql != SW_SQL_GATEWAY_SYNC && sql != SW_SQL_GATEWAY_FIND_SENT &&
		    sql != SW_SQL_PUSHER_GATE) {
			return false;
		}
	}
	return true;
}

static enum fake_store_fault next_fault(struct fake_store *store, const struct sw_pg *pg, bool keeper)
{
	if (strcmp(pg->name, store->dead_name) == 0 || (keeper && strcmp(pg->name, store->mute_name) == 0)) {
		return FAKE_STORE_CLOSED_BEFORE;
	}
	if (store->fault == FAKE_STORE_AGAIN && only_reads(pg)) {
		return FAKE_STORE_OK; /* and not counted */
	}
	if (store->fault_names && !strchr(store->fault_names, pg->name[0])) {
		return FAKE_STORE_OK;
	}
	unsigned *runs = keeper ? &store->keeper_runs : &store->runs;
	if (++*runs == store->fault_at && keeper == store->fault_keeper) {
		store->fault_reached = true;
		return store->fault;
	}
	return FAKE_STORE_OK;
}

static int execute(struct fake_store *store, struct sw_pg *pg)
{
	struct fake_tables before;
	tables_copy(&before, &store->tables);
	pg->results = sw_arena_calloc(&pg->arena, pg->count + 1, sizeof(*pg->results));
	int err = pg->err;
	for (size_t i = 0; i < pg->count && !err; i++) {
		pg->results[i].arena = &pg->arena;
		err = fake_sql_run(store, &pg->statements[i], &pg->results[i]);
	}
	if (err) {
		tables_release(&store->tables);
		store->tables = before;
		pg->results = NULL;
	} else {
		tables_release(&before);
	}
	store->fenced += err == SW_EFENCED;
	store->conflicts += err == SW_ECONFLICT;
	store->commits += !err && has(pg, SW_SQL_WRITER_FENCE);
	return err;
}

static int run(struct fake_store *store, struct sw_pg *pg)
{
	while (has(pg, SW_SQL_WRITER_FENCE) && strcmp(pg->name, store->hold_name) == 0) {
		store->holding = true;
		pthread_cond_broadcast(&store->changed);
		pthread_cond_wait(&store->changed, &store->lock);
	}
	enum fake_store_fault fault = next_fault(store, pg, is_keeper(pg));
	int err;
	switch (fault) {
	case FAKE_STORE_CLOSED_BEFORE:
		err = SW_ECLOSED;
		break;
	case FAKE_STORE_TIMEOUT:
		err = SW_ETIMEOUT;
		break;
	case FAKE_STORE_AGAIN:
		return SW_EAGAIN;
	case FAKE_STORE_UNAVAILABLE:
		return SW_EUNAVAILABLE;
	case FAKE_STORE_CLOSED_AFTER:
		(void)execute(store, pg); /* nobody hears how it ended */
		err = SW_ECLOSED;
		break;
	case FAKE_STORE_TIMEOUT_AFTER:
		(void)execute(store, pg);
		err = SW_ETIMEOUT;
		break;
	case FAKE_STORE_OK:
	default:
		return execute(store, pg);
	}
	pg->connected = false;
	pg->results = NULL;
	return err;
}

int sw_pg_run(struct sw_pg *pg, int64_t deadline_mono_ms, struct sw_diag *diag_out)
{
	(void)deadline_mono_ms;
	if (!pg->connected) {
		return sw_diag_set(diag_out, SW_ECLOSED, "fake: not connected");
	}
	pthread_mutex_lock(&the_store->lock);
	int err = run(the_store, pg);
	pthread_cond_broadcast(&the_store->changed);
	pthread_mutex_unlock(&the_store->lock);
	return err ? sw_diag_set(diag_out, err, "fake: %s", sw_err_text(err)) : SW_OK;
}

/* ---- parameters ---- */

static uint64_t big_endian(struct sw_bytes value)
{
	uint64_t v = 0;
	for (size_t i = 0; i < value.len; i++) {
		v = v << 8 | value.ptr[i];
	}
	return v;
}

int64_t fake_arg_i64(const struct fake_statement *statement, int index)
{
	assert(index < statement->count);
	struct sw_bytes value = statement->values[index];
	return value.len == 2 ? (int16_t)big_endian(value)
			      : (value.len == 4 ? (int32_t)big_endian(value) : (int64_t)big_endian(value));
}

static struct fake_array read_array(const struct fake_statement *statement, int index, enum fake_oid oid,
				    struct sw_arena *arena, bool nulls)
{
	assert(index < statement->count);
	struct sw_reader r;
	sw_reader_init(&r, statement->values[index]);
	uint32_t dimensions = sw_reader_u32(&r);
	(void)sw_reader_u32(&r); /* has NULLs */
	uint32_t element = sw_reader_u32(&r);
	assert(!r.err && element == (uint32_t)oid && dimensions <= 1);
	struct fake_array array = {0};
	if (dimensions == 0) {
		return array;
	}
	array.count = sw_reader_u32(&r);
	(void)sw_reader_u32(&r); /* lower bound */
	array.items = sw_arena_alloc(arena, array.count * sizeof(*array.items));
	for (size_t i = 0; i < array.count; i++) {
		uint32_t len = sw_reader_u32(&r);
		array.items[i] = len == UINT32_MAX ? (struct sw_bytes){0} : sw_reader_bytes(&r, len);
		assert(nulls || len != UINT32_MAX);
	}
	assert(!r.err && r.left == 0);
	return array;
}

struct fake_array fake_arg_array(const struct fake_statement *statement, int index, enum fake_oid oid,
				 struct sw_arena *arena)
{
	return read_array(statement, index, oid, arena, false);
}

struct fake_array fake_arg_nulls(const struct fake_statement *statement, int index, enum fake_oid oid,
				 struct sw_arena *arena)
{
	return read_array(statement, index, oid, arena, true);
}

int64_t fake_item_i64(const struct fake_array *array, size_t index)
{
	assert(index < array->count);
	struct sw_bytes value = array->items[index];
	return value.len == 2 ? (int16_t)big_endian(value)
			      : (value.len == 4 ? (int32_t)big_endian(value) : (int64_t)big_endian(value));
}

struct sw_bytes fake_arg_text(const struct fake_statement *statement, int index)
{
	assert(index < statement->count);
	return statement->values[index];
}

struct sw_uuid fake_item_uuid(const struct fake_array *array, size_t index)
{
	assert(index < array->count && array->items[index].len == 16);
	struct sw_uuid uuid;
	memcpy(uuid.bytes, array->items[index].ptr, sizeof(uuid.bytes));
	return uuid;
}

struct sw_bytes fake_item_text(struct fake_store *store, const struct fake_array *array, size_t index)
{
	assert(index < array->count);
	return sw_arena_copy(&store->strings, array->items[index]);
}

bool fake_array_has(const struct fake_array *array, int64_t value)
{
	for (size_t i = 0; i < array->count; i++) {
		if (fake_item_i64(array, i) == value) {
			return true;
		}
	}
	return false;
}

/* ---- results ---- */

void fake_result_columns(struct sw_pg_result *result, size_t cols)
{
	result->cols = cols;
}

static void put(struct sw_pg_result *result, struct sw_bytes value)
{
	size_t used = result->affected; /* cells so far, until the end of the statement */
	if (used == result->cap) {
		size_t cap = result->cap * 2 + 16;
		struct fake_cell *cells = sw_arena_alloc(result->arena, cap * sizeof(*cells));
		if (used) {
			memcpy(cells, result->cells, used * sizeof(*cells));
		}
		result->cells = cells;
		result->cap = cap;
	}
	result->cells[used] = (struct fake_cell){.value = sw_arena_copy(result->arena, value)};
	result->affected = used + 1;
	result->rows = result->affected / result->cols;
}

static void put_integer(struct sw_pg_result *result, uint64_t value, size_t width)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < width; i++) {
		bytes[i] = (uint8_t)(value >> 8 * (width - 1 - i));
	}
	put(result, sw_bytes(bytes, width));
}

void fake_put_i64(struct sw_pg_result *result, int64_t value)
{
	put_integer(result, (uint64_t)value, 8);
}

void fake_put_i32(struct sw_pg_result *result, int32_t value)
{
	put_integer(result, (uint64_t)value, 4);
}

void fake_put_i16(struct sw_pg_result *result, int16_t value)
{
	put_integer(result, (uint64_t)value, 2);
}

void fake_put_bool(struct sw_pg_result *result, bool value)
{
	put_integer(result, value, 1);
}

void fake_put_bytes(struct sw_pg_result *result, struct sw_bytes value)
{
	put(result, value);
}

void fake_put_uuid(struct sw_pg_result *result, const struct sw_uuid *value)
{
	put(result, sw_bytes(value->bytes, sizeof(value->bytes)));
}

const struct sw_pg_result *sw_pg_result(const struct sw_pg *pg, size_t index)
{
	assert(pg->results && index < pg->count);
	return &pg->results[index];
}

size_t sw_pg_rows(const struct sw_pg_result *r)
{
	return r->rows;
}

size_t sw_pg_affected(const struct sw_pg_result *r)
{
	return r->cols ? r->rows : r->affected;
}

static struct sw_bytes cell(const struct sw_pg_result *r, size_t row, size_t col, size_t width)
{
	assert(row < r->rows && col < r->cols);
	struct sw_bytes value = r->cells[row * r->cols + col].value;
	assert(!width || value.len == width);
	return value;
}

bool sw_pg_is_null(const struct sw_pg_result *r, size_t row, size_t col)
{
	(void)cell(r, row, col, 0);
	return false;
}

int64_t sw_pg_i64(const struct sw_pg_result *r, size_t row, size_t col)
{
	return (int64_t)big_endian(cell(r, row, col, 8));
}

int32_t sw_pg_i32(const struct sw_pg_result *r, size_t row, size_t col)
{
	return (int32_t)big_endian(cell(r, row, col, 4));
}

int16_t sw_pg_i16(const struct sw_pg_result *r, size_t row, size_t col)
{
	return (int16_t)big_endian(cell(r, row, col, 2));
}

bool sw_pg_bool(const struct sw_pg_result *r, size_t row, size_t col)
{
	return big_endian(cell(r, row, col, 1)) != 0;
}

struct sw_bytes sw_pg_bytes(const struct sw_pg_result *r, size_t row, size_t col)
{
	return cell(r, row, col, 0);
}

struct sw_uuid sw_pg_uuid(const struct sw_pg_result *r, size_t row, size_t col)
{
	struct sw_uuid uuid;
	memcpy(uuid.bytes, cell(r, row, col, 16).ptr, sizeof(uuid.bytes));
	return uuid;
}
