/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations on a real server: once whoever asks, all or nothing each, and no quiet way past a difference. */
#include "fixture.h"

#include "store/migrate_int.h"

#include <surewire/mem.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sw_migration list[] = {
	{1, "first", "CREATE TABLE a (n bigint);\nINSERT INTO a VALUES (1);\n"},
	{2, "second", "CREATE TABLE b (n bigint);\nINSERT INTO a VALUES (2);\n"},
	{3, "third", "INSERT INTO a VALUES (3);\n"},
};

static int migrate(struct fixture *f, const struct sw_migration *migrations, unsigned count, unsigned *applied_out,
		   struct sw_diag *diag_out)
{
	const struct sw_pg_config config = {.url = f->url};
	*diag_out = (struct sw_diag){0};
	return sw_migrate_list(&config, migrations, count, applied_out, diag_out);
}

static void sw_migrate__from_nothing_and_twice__once(void **state)
{
	struct fixture *f = *state;
	unsigned applied = 99;
	struct sw_diag diag;
	assert_int_equal(migrate(f, list, 3, &applied, &diag), SW_OK);
	assert_int_equal(applied, 3);
	assert_int_equal(migrate(f, list, 3, &applied, &diag), SW_OK);
	assert_int_equal(applied, 0);
	assert_int_equal(fixture_count(f, "SELECT sum(n)::bigint FROM a"), 6);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM schema_migration WHERE length(checksum) = 64"), 3);
}

static void sw_migrate__in_steps__only_what_is_missing(void **state)
{
	struct fixture *f = *state;
	unsigned applied;
	struct sw_diag diag;
	assert_int_equal(migrate(f, list, 2, &applied, &diag), SW_OK);
	assert_int_equal(applied, 2);
	assert_int_equal(migrate(f, list, 3, &applied, &diag), SW_OK);
	assert_int_equal(applied, 1);
}

struct racer {
	pthread_t thread;
	struct fixture *f;
	unsigned applied;
	int err;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct sw_diag diag;
	r->err = migrate(r->f, list, 3, &r->applied, &diag);
	return NULL;
}

static void sw_migrate__four_at_once__each_applied_once(void **state)
{
	struct racer racers[4];
	for (size_t i = 0; i < 4; i++) {
		racers[i] = (struct racer){.f = *state};
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	unsigned applied = 0;
	for (size_t i = 0; i < 4; i++) {
		pthread_join(racers[i].thread, NULL);
		assert_int_equal(racers[i].err, SW_OK);
		applied += racers[i].applied;
	}
	assert_int_equal(applied, 3);
	assert_int_equal(fixture_count(*state, "SELECT sum(n)::bigint FROM a"), 6);
}

static void sw_migrate__applied_file_changed__refused(void **state)
{
	struct fixture *f = *state;
	unsigned applied;
	struct sw_diag diag;
	assert_int_equal(migrate(f, list, 2, &applied, &diag), SW_OK);
	const struct sw_migration changed[] = {list[0], {2, "second", "CREATE TABLE b (n bigint); \n"}, list[2]};
	assert_int_equal(migrate(f, changed, 3, &applied, &diag), SW_EVERSION);
	assert_non_null(strstr(diag.text, "0002_second differs"));
	assert_int_equal(applied, 0);
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM schema_migration"), 2);
}

static void sw_migrate__store_is_newer__refused(void **state)
{
	struct fixture *f = *state;
	unsigned applied;
	struct sw_diag diag;
	assert_int_equal(migrate(f, list, 3, &applied, &diag), SW_OK);
	assert_int_equal(migrate(f, list, 2, &applied, &diag), SW_EVERSION);
	assert_non_null(strstr(diag.text, "store is at version 3, this program knows up to 2"));
	assert_int_equal(applied, 0);
}

static void sw_migrate__record_missing__refused(void **state)
{
	struct fixture *f = *state;
	unsigned applied;
	struct sw_diag diag;
	assert_int_equal(migrate(f, list, 3, &applied, &diag), SW_OK);
	fixture_exec(f, "DELETE FROM schema_migration WHERE version = 2");
	assert_int_equal(migrate(f, list, 3, &applied, &diag), SW_EVERSION);
	assert_non_null(strstr(diag.text, "no record of migration 0002_second"));
}

static void sw_migrate__second_fails__first_stays_second_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	unsigned applied;
	struct sw_diag diag;
	const struct sw_migration bad[] = {list[0], {2, "bad", "INSERT INTO a VALUES (2); SELECT * FROM nowhere;"}};
	assert_int_equal(migrate(f, bad, 2, &applied, &diag), SW_ESCHEMA);
	assert_int_equal(applied, 1);
	assert_non_null(strstr(diag.text, "migration 0002_bad"));
	assert_non_null(strstr(diag.text, "nowhere"));
	assert_int_equal(fixture_count(f, "SELECT sum(n)::bigint FROM a"), 1);
	assert_int_equal(migrate(f, list, 3, &applied, &diag), SW_OK);
	assert_int_equal(applied, 2);
}

static void sw_migrate__commits_on_its_own__refused(void **state)
{
	struct fixture *f = *state;
	unsigned applied;
	struct sw_diag diag;
	const struct sw_migration bad[] = {{1, "bad", "CREATE TABLE a (n bigint); COMMIT;"}};
	assert_int_equal(migrate(f, bad, 1, &applied, &diag), SW_ESQL);
	assert_non_null(strstr(diag.text, "must not end the transaction"));
	assert_int_equal(fixture_count(f, "SELECT count(*) FROM schema_migration"), 0);
}

static void sw_migrate_check__older_same_newer__said(void **state)
{
	struct fixture *f = *state;
	unsigned applied;
	struct sw_diag diag = {0};
	assert_int_equal(sw_migrate_check_list(f->admin, list, 3, &diag), SW_EVERSION);
	assert_string_equal(diag.text, "store is at version 0, this program needs 3: run \"surewire migrate\"");
	assert_int_equal(migrate(f, list, 2, &applied, &diag), SW_OK);
	diag = (struct sw_diag){0};
	assert_int_equal(sw_migrate_check_list(f->admin, list, 3, &diag), SW_EVERSION);
	assert_string_equal(diag.text, "store is at version 2, this program needs 3: run \"surewire migrate\"");
	assert_int_equal(sw_migrate_check_list(f->admin, list, 2, &diag), SW_OK);
	diag = (struct sw_diag){0};
	assert_int_equal(sw_migrate_check_list(f->admin, list, 1, &diag), SW_EVERSION);
	assert_non_null(strstr(diag.text, "store is at version 2, this program knows up to 1"));
}

/* Ours, as they are: the schema comes up and every statement of sql/ fits it. */
static void sw_migrate__embedded__every_statement_can_be_prepared(void **state)
{
	struct fixture *f = *state;
	const struct sw_pg_config config = {.url = f->url};
	unsigned applied;
	struct sw_diag diag = {0};
	if (sw_migrate(&config, &applied, &diag) != SW_OK) {
		fail_msg("%s", diag.text);
	}
	assert_int_equal(applied, sw_migration_count);
	assert_int_equal(sw_migrate_check(f->admin, &diag), SW_OK);
	unsigned bad = 0;
	for (size_t i = 0; i < SW_SQL_COUNT; i++) {
		char *sql = sw_xasprintf("PREPARE %s AS %s", sw_pg_statements[i].name, sw_pg_statements[i].text);
		diag = (struct sw_diag){0};
		if (sw_pg_exec(f->admin, sql, NULL, fixture_deadline(), &diag) != SW_OK) {
			print_error("%s: %s\n", sw_pg_statements[i].name, diag.text);
			bad++;
		}
		free(sql);
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		ROW(sw_migrate__from_nothing_and_twice__once),
		ROW(sw_migrate__in_steps__only_what_is_missing),
		ROW(sw_migrate__four_at_once__each_applied_once),
		ROW(sw_migrate__applied_file_changed__refused),
		ROW(sw_migrate__store_is_newer__refused),
		ROW(sw_migrate__record_missing__refused),
		ROW(sw_migrate__second_fails__first_stays_second_leaves_nothing),
		ROW(sw_migrate__commits_on_its_own__refused),
		ROW(sw_migrate_check__older_same_newer__said),
		ROW(sw_migrate__embedded__every_statement_can_be_prepared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
