/* SPDX-License-Identifier: Apache-2.0 */
/* Batches on a real server: all or nothing, results by index, arrays there and back, every way to lose a connection. */
#include "fixture.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	INSERT,
	INSERT_MANY,
	READ_ALL,
	ECHO_TEXT,
	ECHO_TYPES,
	COUNT,
	SUICIDE,
	SLEEP,
	INSERT_CHILD,
	FENCE,
	LOCK,
	STAR,
	NO_TABLE,
	COPY,
	STATEMENTS,
};

static const struct sw_pg_statement statements[STATEMENTS] = {
	[INSERT] = {"insert", "INSERT INTO item (id, label) VALUES ($1::bigint, $2::text) RETURNING id * 10"},
	[INSERT_MANY] = {"insert_many",
			 "INSERT INTO item (id, label, data, flag, small, medium, key)"
			 " SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::boolean[], $5::smallint[],"
			 " $6::integer[], $7::uuid[])"},
	[READ_ALL] = {"read_all", "SELECT id, label, data, flag, small, medium, key FROM item ORDER BY id"},
	[ECHO_TEXT] = {"echo_text", "SELECT $1::text, $2::bigint"},
	[ECHO_TYPES] = {"echo_types",
			"SELECT $1::boolean, $2::smallint, $3::integer, $4::bigint, $5::text, $6::bytea, $7::uuid,"
			" cardinality($8::text[])"},
	[COUNT] = {"count", "SELECT count(*) FROM item"},
	[SUICIDE] = {"suicide", "SELECT pg_terminate_backend(pg_backend_pid())"},
	[SLEEP] = {"sleep", "SELECT pg_sleep($1::integer)::text"},
	[INSERT_CHILD] = {"insert_child", "INSERT INTO child VALUES ($1::bigint)"},
	[FENCE] = {"fence", "SELECT refuse()::text"},
	[LOCK] = {"lock", "SELECT id FROM item WHERE id = $1::bigint FOR UPDATE NOWAIT"},
	[STAR] = {"star", "SELECT * FROM item"},
	[NO_TABLE] = {"no_table", "SELECT 1 FROM nowhere"},
	[COPY] = {"copy", "COPY item FROM STDIN"},
};

struct store {
	struct fixture *f;
	struct sw_pg *pg;
	struct sw_pg_params p;
	struct sw_diag diag;
};

static const char *const schema =
	"CREATE TABLE item (id bigint PRIMARY KEY, label text, data bytea, flag boolean, small smallint,"
	" medium integer, key uuid);"
	"CREATE TABLE child (item bigint REFERENCES item DEFERRABLE INITIALLY DEFERRED);"
	"CREATE FUNCTION refuse() RETURNS void LANGUAGE plpgsql AS"
	" $$ BEGIN RAISE EXCEPTION 'partition 7 belongs to another owner' USING ERRCODE = 'SW001'; END $$";

static int setup(void **state)
{
	struct store *s = sw_xcalloc(1, sizeof(*s));
	void *f = NULL;
	int err = fixture_setup(&f);
	if (err != 0) {
		free(s);
		return err;
	}
	s->f = f;
	fixture_exec(s->f, schema);
	s->pg = fixture_connect(s->f, statements, STATEMENTS);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct store *s = *state;
	void *f = s->f;
	sw_pg_free(s->pg);
	free(s);
	return fixture_teardown(&f);
}

static void queue_insert(struct store *s, int64_t id, const char *label)
{
	sw_pg_params_init(&s->p, &s->f->arena);
	sw_pg_add_i64(&s->p, id);
	sw_pg_add_text(&s->p, sw_bytes_str(label));
	sw_pg_queue(s->pg, (enum sw_sql)INSERT, &s->p);
}

static int run(struct store *s)
{
	s->diag = (struct sw_diag){0};
	return sw_pg_run(s->pg, fixture_deadline(), &s->diag);
}

static int64_t items(struct store *s)
{
	return fixture_count(s->f, "SELECT count(*) FROM item");
}

static void sw_pg_run__three_inserts__results_by_index(void **state)
{
	struct store *s = *state;
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "one");
	queue_insert(s, 2, "two");
	sw_pg_queue(s->pg, (enum sw_sql)COUNT, NULL);
	queue_insert(s, 3, "three");
	assert_int_equal(run(s), SW_OK);
	assert_int_equal(sw_pg_i64(sw_pg_result(s->pg, 0), 0, 0), 10);
	assert_int_equal(sw_pg_i64(sw_pg_result(s->pg, 1), 0, 0), 20);
	assert_int_equal(sw_pg_i64(sw_pg_result(s->pg, 2), 0, 0), 2);
	assert_int_equal(sw_pg_i64(sw_pg_result(s->pg, 3), 0, 0), 30);
	assert_int_equal(sw_pg_affected(sw_pg_result(s->pg, 3)), 1);
	assert_int_equal(sw_pg_rows(sw_pg_result(s->pg, 3)), 1);
	assert_int_equal(items(s), 3);
}

static void sw_pg_run__empty_batch__ok(void **state)
{
	struct store *s = *state;
	sw_pg_begin(s->pg);
	assert_int_equal(run(s), SW_OK);
}

static void sw_pg_run__dup_key_in_the_middle__nothing_stays_and_connection_is_usable(void **state)
{
	struct store *s = *state;
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	queue_insert(s, 2, "b");
	queue_insert(s, 1, "again");
	queue_insert(s, 3, "c");
	assert_int_equal(run(s), SW_ECONFLICT);
	assert_non_null(strstr(s->diag.text, "23505"));
	assert_int_equal(items(s), 0);
	assert_true(sw_pg_connected(s->pg));
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	assert_int_equal(run(s), SW_OK);
	assert_int_equal(items(s), 1);
}

static void sw_pg_run__constraint_checked_at_commit__nothing_stays(void **state)
{
	struct store *s = *state;
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	sw_pg_params_init(&s->p, &s->f->arena);
	sw_pg_add_i64(&s->p, 99);
	sw_pg_queue(s->pg, (enum sw_sql)INSERT_CHILD, &s->p);
	assert_int_equal(run(s), SW_ESQL);
	assert_non_null(strstr(s->diag.text, "23503"));
	assert_int_equal(items(s), 0);
	assert_int_equal(fixture_run_one(s->pg, COUNT, NULL), SW_OK);
}

static void sw_pg_run__same_batch_again__as_the_first_time(void **state)
{
	struct store *s = *state;
	fixture_exec(s->f, "INSERT INTO item (id) VALUES (2)");
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	queue_insert(s, 2, "b");
	assert_int_equal(run(s), SW_ECONFLICT);
	fixture_exec(s->f, "DELETE FROM item");
	assert_int_equal(run(s), SW_OK);
	assert_int_equal(sw_pg_i64(sw_pg_result(s->pg, 1), 0, 0), 20);
	assert_int_equal(items(s), 2);
}

static void sw_pg__every_type__there_and_back(void **state)
{
	struct store *s = *state;
	const struct sw_uuid uuid = sw_uuid_random();
	const struct sw_bytes texts[] = {sw_bytes_str("{a,\"b\"}"), {NULL, 0}, sw_bytes("", 0)};
	sw_pg_params_init(&s->p, &s->f->arena);
	sw_pg_add_bool(&s->p, true);
	sw_pg_add_i16(&s->p, INT16_MIN);
	sw_pg_add_i32(&s->p, INT32_MIN);
	sw_pg_add_i64(&s->p, INT64_MIN);
	sw_pg_add_text(&s->p, sw_bytes_str("h\xc3\xa4"));
	sw_pg_add_bytea(&s->p, sw_bytes("\0\xff", 2));
	sw_pg_add_uuid(&s->p, &uuid);
	sw_pg_add_texts(&s->p, texts, 3);
	assert_int_equal(fixture_run_one(s->pg, ECHO_TYPES, &s->p), SW_OK);
	const struct sw_pg_result *r = sw_pg_result(s->pg, 0);
	assert_true(sw_pg_bool(r, 0, 0));
	assert_int_equal(sw_pg_i16(r, 0, 1), INT16_MIN);
	assert_int_equal(sw_pg_i32(r, 0, 2), INT32_MIN);
	assert_true(sw_pg_i64(r, 0, 3) == INT64_MIN);
	assert_true(sw_bytes_equal_str(sw_pg_bytes(r, 0, 4), "h\xc3\xa4"));
	assert_true(sw_bytes_equal(sw_pg_bytes(r, 0, 5), sw_bytes("\0\xff", 2)));
	const struct sw_uuid back = sw_pg_uuid(r, 0, 6);
	assert_true(sw_uuid_equal(&back, &uuid));
	assert_int_equal(sw_pg_i32(r, 0, 7), 3);
}

static void sw_pg__nulls_and_empty_array__there_and_back(void **state)
{
	struct store *s = *state;
	sw_pg_params_init(&s->p, &s->f->arena);
	for (int i = 0; i < 7; i++) {
		sw_pg_add_null(&s->p);
	}
	sw_pg_add_texts(&s->p, NULL, 0);
	assert_int_equal(fixture_run_one(s->pg, ECHO_TYPES, &s->p), SW_OK);
	const struct sw_pg_result *r = sw_pg_result(s->pg, 0);
	for (size_t col = 0; col < 7; col++) {
		assert_true(sw_pg_is_null(r, 0, col));
	}
	assert_false(sw_pg_bool(r, 0, 0));
	assert_int_equal(sw_pg_i64(r, 0, 3), 0);
	assert_null(sw_pg_bytes(r, 0, 4).ptr);
	assert_false(sw_pg_is_null(r, 0, 7));
	assert_int_equal(sw_pg_i32(r, 0, 7), 0);
}

static void sw_pg__arrays_of_1000_rows__there_and_back(void **state)
{
	struct store *s = *state;
	enum { N = 1000 };
	static int64_t ids[N];
	static struct sw_bytes labels[N], data[N];
	static bool flags[N];
	static int16_t smalls[N];
	static int32_t mediums[N];
	static struct sw_uuid keys[N];
	static char texts[N][24];
	for (int i = 0; i < N; i++) {
		snprintf(texts[i], sizeof(texts[i]), "\"%d\",{}", i);
		ids[i] = INT64_C(1) << 40 | i;
		labels[i] = i % 7 == 0 ? (struct sw_bytes){0} : sw_bytes_str(texts[i]);
		data[i] = i % 5 == 0 ? sw_bytes("", 0) : sw_bytes(&ids[i], 8);
		flags[i] = i % 3 == 0;
		smalls[i] = (int16_t)-i;
		mediums[i] = i * -100000;
		keys[i] = sw_uuid_random();
	}
	sw_pg_params_init(&s->p, &s->f->arena);
	sw_pg_add_i64s(&s->p, ids, N);
	sw_pg_add_texts(&s->p, labels, N);
	sw_pg_add_byteas(&s->p, data, N);
	sw_pg_add_bools(&s->p, flags, N);
	sw_pg_add_i16s(&s->p, smalls, N);
	sw_pg_add_i32s(&s->p, mediums, N);
	sw_pg_add_uuids(&s->p, keys, N);
	sw_pg_begin(s->pg);
	sw_pg_queue(s->pg, (enum sw_sql)INSERT_MANY, &s->p);
	sw_pg_queue(s->pg, (enum sw_sql)READ_ALL, NULL);
	assert_int_equal(run(s), SW_OK);
	assert_int_equal(sw_pg_affected(sw_pg_result(s->pg, 0)), N);
	const struct sw_pg_result *r = sw_pg_result(s->pg, 1);
	assert_int_equal(sw_pg_rows(r), N);
	for (size_t i = 0; i < N; i++) {
		assert_true(sw_pg_i64(r, i, 0) == ids[i]);
		assert_int_equal(sw_pg_is_null(r, i, 1), i % 7 == 0);
		assert_true(sw_bytes_equal(sw_pg_bytes(r, i, 1), labels[i]));
		assert_false(sw_pg_is_null(r, i, 2));
		assert_true(sw_bytes_equal(sw_pg_bytes(r, i, 2), data[i]));
		assert_int_equal(sw_pg_bool(r, i, 3), flags[i]);
		assert_int_equal(sw_pg_i16(r, i, 4), smalls[i]);
		assert_int_equal(sw_pg_i32(r, i, 5), mediums[i]);
		const struct sw_uuid key = sw_pg_uuid(r, i, 6);
		assert_true(sw_uuid_equal(&key, &keys[i]));
	}
}

/* More in both directions than all socket buffers hold: who only sends, or only reads, would wait for ever. */
static void sw_pg_run__big_pipeline__no_deadlock(void **state)
{
	struct store *s = *state;
	enum { N = 500, LEN = 64 * 1024, BIG_LEN = 1024 * 1024 };
	char *text = sw_xmalloc(BIG_LEN);
	memset(text, 'x', BIG_LEN);
	sw_pg_begin(s->pg);
	for (int64_t i = 0; i < N; i++) {
		sw_pg_params_init(&s->p, &s->f->arena);
		sw_pg_add_text(&s->p, sw_bytes(text, i % 100 == 0 ? BIG_LEN : LEN));
		sw_pg_add_i64(&s->p, i);
		sw_pg_queue(s->pg, (enum sw_sql)ECHO_TEXT, &s->p);
	}
	s->diag = (struct sw_diag){0};
	assert_int_equal(sw_pg_run(s->pg, sw_clock_mono_ms() + 120000, &s->diag), SW_OK);
	for (size_t i = 0; i < N; i++) {
		const struct sw_pg_result *r = sw_pg_result(s->pg, i);
		assert_int_equal(sw_pg_i64(r, 0, 1), i);
		assert_int_equal(sw_pg_bytes(r, 0, 0).len, i % 100 == 0 ? BIG_LEN : LEN);
	}
	free(text);
}

static void sw_pg_run__terminated_in_mid_batch__closed_then_all_anew(void **state)
{
	struct store *s = *state;
	struct sw_metric *reconnects = sw_metric_counter("surewire_store_reconnects_total", NULL, "");
	int64_t before = sw_metric_get(reconnects);
	assert_int_equal(fixture_run_one(s->pg, COUNT, NULL), SW_OK);
	assert_true(s->pg->prepared[COUNT]);
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	sw_pg_queue(s->pg, (enum sw_sql)SUICIDE, NULL);
	queue_insert(s, 2, "b");
	assert_int_equal(run(s), SW_ECLOSED);
	assert_false(sw_pg_connected(s->pg));
	assert_false(s->pg->prepared[COUNT]);
	assert_int_equal(items(s), 0);
	assert_int_equal(sw_pg_connect(s->pg, fixture_deadline(), NULL), SW_OK);
	assert_int_equal(sw_metric_get(reconnects), before + 1);
	assert_int_equal(fixture_run_one(s->pg, COUNT, NULL), SW_OK);
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	assert_int_equal(run(s), SW_OK);
	assert_int_equal(items(s), 1);
}

static void sw_pg_connect__terminated_while_idle__noticed_and_made_anew(void **state)
{
	struct store *s = *state;
	assert_int_equal(fixture_run_one(s->pg, COUNT, NULL), SW_OK);
	char sql[128];
	snprintf(sql, sizeof(sql), "SELECT count(pg_terminate_backend(%d, 10000))", PQbackendPID(s->pg->conn));
	assert_int_equal(fixture_count(s->f, sql), 1);
	assert_int_equal(sw_pg_connect(s->pg, fixture_deadline(), NULL), SW_OK);
	assert_int_equal(fixture_run_one(s->pg, COUNT, NULL), SW_OK);
}

static void sw_pg_run__statement_timeout__unavailable_and_usable(void **state)
{
	struct store *s = *state;
	const struct sw_pg_config config = {.url = s->f->url, .statement_timeout_ms = 100};
	struct sw_pg *pg = sw_pg_new_with(&config, statements, STATEMENTS);
	assert_int_equal(sw_pg_connect(pg, fixture_deadline(), NULL), SW_OK);
	sw_pg_params_init(&s->p, &s->f->arena);
	sw_pg_add_i32(&s->p, 60);
	assert_int_equal(fixture_run_one(pg, SLEEP, &s->p), SW_EUNAVAILABLE);
	assert_int_equal(fixture_run_one(pg, COUNT, NULL), SW_OK);
	sw_pg_free(pg);
}

static void sw_pg_run__deadline__timeout_and_dropped(void **state)
{
	struct store *s = *state;
	sw_pg_params_init(&s->p, &s->f->arena);
	sw_pg_add_i32(&s->p, 60);
	sw_pg_begin(s->pg);
	sw_pg_queue(s->pg, (enum sw_sql)SLEEP, &s->p);
	assert_int_equal(sw_pg_run(s->pg, sw_clock_mono_ms() + 100, NULL), SW_ETIMEOUT);
	assert_false(sw_pg_connected(s->pg));
	assert_int_equal(sw_pg_connect(s->pg, fixture_deadline(), NULL), SW_OK);
	assert_int_equal(fixture_run_one(s->pg, COUNT, NULL), SW_OK);
}

static void sw_pg_run__read_only__unavailable(void **state)
{
	struct store *s = *state;
	assert_int_equal(sw_pg_exec(s->pg, "SET default_transaction_read_only = on", NULL, fixture_deadline(), NULL),
			 SW_OK);
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	assert_int_equal(run(s), SW_EUNAVAILABLE);
	assert_non_null(strstr(s->diag.text, "25006"));
	assert_int_equal(fixture_run_one(s->pg, COUNT, NULL), SW_OK);
}

static void sw_pg_run__fence_raised__fenced(void **state)
{
	struct store *s = *state;
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	sw_pg_queue(s->pg, (enum sw_sql)FENCE, NULL);
	assert_int_equal(run(s), SW_EFENCED);
	assert_non_null(strstr(s->diag.text, "partition 7"));
	assert_int_equal(items(s), 0);
}

static void sw_pg_run__row_locked_by_another__again(void **state)
{
	struct store *s = *state;
	fixture_exec(s->f, "INSERT INTO item (id) VALUES (1)");
	fixture_exec(s->f, "BEGIN");
	fixture_exec(s->f, "SELECT id FROM item FOR UPDATE");
	sw_pg_params_init(&s->p, &s->f->arena);
	sw_pg_add_i64(&s->p, 1);
	assert_int_equal(fixture_run_one(s->pg, LOCK, &s->p), SW_EAGAIN);
	fixture_exec(s->f, "ROLLBACK");
	assert_int_equal(fixture_run_one(s->pg, LOCK, &s->p), SW_OK);
}

static void sw_pg_run__table_changed_or_statements_gone__again_then_ok(void **state)
{
	struct store *s = *state;
	assert_int_equal(fixture_run_one(s->pg, STAR, NULL), SW_OK);
	fixture_exec(s->f, "ALTER TABLE item ADD COLUMN more text");
	assert_int_equal(fixture_run_one(s->pg, STAR, NULL), SW_EAGAIN);
	assert_int_equal(fixture_run_one(s->pg, STAR, NULL), SW_OK);
	assert_int_equal(sw_pg_exec(s->pg, "DEALLOCATE ALL", NULL, fixture_deadline(), NULL), SW_OK);
	assert_int_equal(fixture_run_one(s->pg, STAR, NULL), SW_EAGAIN);
	assert_int_equal(fixture_run_one(s->pg, STAR, NULL), SW_OK);
}

static void sw_pg_run__statement_cannot_be_prepared__its_error_and_usable(void **state)
{
	struct store *s = *state;
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	sw_pg_queue(s->pg, (enum sw_sql)NO_TABLE, NULL);
	sw_pg_queue(s->pg, (enum sw_sql)COUNT, NULL);
	assert_int_equal(run(s), SW_ESCHEMA);
	assert_non_null(strstr(s->diag.text, "nowhere"));
	assert_non_null(strstr(s->diag.text, "42P01"));
	assert_int_equal(items(s), 0);
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	sw_pg_queue(s->pg, (enum sw_sql)COUNT, NULL);
	assert_int_equal(run(s), SW_OK);
}

static void sw_pg_run__copy__refused_not_hung(void **state)
{
	struct store *s = *state;
	sw_pg_begin(s->pg);
	queue_insert(s, 1, "a");
	sw_pg_queue(s->pg, (enum sw_sql)COPY, NULL);
	assert_int_not_equal(run(s), SW_OK);
	assert_int_equal(items(s), 0);
	assert_int_equal(sw_pg_connect(s->pg, fixture_deadline(), NULL), SW_OK);
	assert_int_equal(fixture_run_one(s->pg, COUNT, NULL), SW_OK);
}

static int connect_with(struct store *s, const char *parameter)
{
	char url[600];
	fixture_url_with(url, sizeof(url), s->f->url, parameter);
	const struct sw_pg_config config = {.url = url};
	struct sw_pg *pg = sw_pg_new(&config);
	s->diag = (struct sw_diag){0};
	int err = sw_pg_connect(pg, fixture_deadline(), &s->diag);
	sw_pg_free(pg);
	return err;
}

static void sw_pg_connect__unknown_role_and_database__told_apart(void **state)
{
	struct store *s = *state;
	assert_int_equal(connect_with(s, "user=sw_nobody&password=wrong"), SW_EAUTH);
	assert_null(strstr(s->diag.text, "wrong"));
	assert_int_equal(connect_with(s, "dbname=sw_nowhere"), SW_ECONNECT);
	assert_non_null(strstr(s->diag.text, "sw_nowhere"));
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(sw_pg_run__three_inserts__results_by_index),
		ROW(sw_pg_run__empty_batch__ok),
		ROW(sw_pg_run__dup_key_in_the_middle__nothing_stays_and_connection_is_usable),
		ROW(sw_pg_run__constraint_checked_at_commit__nothing_stays),
		ROW(sw_pg_run__same_batch_again__as_the_first_time),
		ROW(sw_pg__every_type__there_and_back),
		ROW(sw_pg__nulls_and_empty_array__there_and_back),
		ROW(sw_pg__arrays_of_1000_rows__there_and_back),
		ROW(sw_pg_run__big_pipeline__no_deadlock),
		ROW(sw_pg_run__terminated_in_mid_batch__closed_then_all_anew),
		ROW(sw_pg_connect__terminated_while_idle__noticed_and_made_anew),
		ROW(sw_pg_run__statement_timeout__unavailable_and_usable),
		ROW(sw_pg_run__deadline__timeout_and_dropped),
		ROW(sw_pg_run__read_only__unavailable),
		ROW(sw_pg_run__fence_raised__fenced),
		ROW(sw_pg_run__row_locked_by_another__again),
		ROW(sw_pg_run__table_changed_or_statements_gone__again_then_ok),
		ROW(sw_pg_run__statement_cannot_be_prepared__its_error_and_usable),
		ROW(sw_pg_run__copy__refused_not_hung),
		ROW(sw_pg_connect__unknown_role_and_database__told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
