/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "base/rng.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t fixture_deadline(void)
{
	return sw_clock_mono_ms() + FIXTURE_PATIENCE_MS;
}

void fixture_url_with(char *url_out, size_t size, const char *base, const char *parameter)
{
	int n = snprintf(url_out, size, "%s%c%s", base, strchr(base, '?') ? '&' : '?', parameter);
	assert_in_range(n, 1, size - 1);
}

struct sw_pg *fixture_connect(const struct fixture *f, const struct sw_pg_statement *statements, size_t count)
{
	const struct sw_pg_config config = {.url = f->url, .application_name = "surewire-test"};
	struct sw_pg *pg = sw_pg_new_with(&config, statements, count);
	struct sw_diag diag = {0};
	if (sw_pg_connect(pg, fixture_deadline(), &diag) != SW_OK) {
		fail_msg("%s", diag.text);
	}
	return pg;
}

void fixture_exec(struct fixture *f, const char *sql)
{
	struct sw_diag diag = {0};
	if (sw_pg_exec(f->admin, sql, NULL, fixture_deadline(), &diag) != SW_OK) {
		fail_msg("%s: %s", sql, diag.text);
	}
}

int64_t fixture_count(struct fixture *f, const char *sql)
{
	struct sw_diag diag = {0};
	struct sw_pg_params none;
	sw_pg_params_init(&none, &f->arena);
	if (sw_pg_exec(f->admin, sql, &none, fixture_deadline(), &diag) != SW_OK) {
		fail_msg("%s: %s", sql, diag.text);
	}
	return sw_pg_i64(sw_pg_result(f->admin, 0), 0, 0);
}

int fixture_run_one(struct sw_pg *pg, int statement, const struct sw_pg_params *params)
{
	struct sw_diag diag = {0};
	sw_pg_begin(pg);
	sw_pg_queue(pg, (enum sw_sql)statement, params);
	return sw_pg_run(pg, fixture_deadline(), &diag);
}

int fixture_setup(void **state)
{
	const char *base = getenv("SUREWIRE_PG");
	if (!base) {
		fprintf(stderr, "SUREWIRE_PG is not set: expected postgresql://user:password@host:port/database\n");
		return -1;
	}
	struct fixture *f = sw_xcalloc(1, sizeof(*f));
	*state = f;
	sw_arena_init(&f->arena);
	uint64_t random;
	sw_rng_bytes(&random, sizeof(random));
	snprintf(f->schema, sizeof(f->schema), "sw_test_%016" PRIx64, random);
	char parameter[128];
	snprintf(parameter, sizeof(parameter), "options=-c%%20search_path%%3D%s", f->schema);
	fixture_url_with(f->url, sizeof(f->url), base, parameter);
	f->admin = fixture_connect(f, sw_pg_statements, SW_SQL_COUNT);
	char sql[128];
	snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", f->schema);
	fixture_exec(f, sql);
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	if (!f) {
		return 0;
	}
	char sql[128];
	snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE", f->schema);
	int err = sw_pg_exec(f->admin, sql, NULL, fixture_deadline(), NULL);
	sw_pg_free(f->admin);
	sw_arena_release(&f->arena);
	free(f);
	return err;
}
