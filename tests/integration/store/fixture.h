/* SPDX-License-Identifier: Apache-2.0 */
/* A schema of one's own on the server of SUREWIRE_PG, and connections into it. Without the variable tests fail. */
#ifndef SW_TESTS_STORE_FIXTURE_H
#define SW_TESTS_STORE_FIXTURE_H

#include "store/pg_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { FIXTURE_PATIENCE_MS = 30000 };

struct fixture {
	char schema[64];
	char url[512]; /* into the schema */
	struct sw_pg *admin;
	struct sw_arena arena;
};

/* Group or test set-up and tear-down; *state is a struct fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* url of SUREWIRE_PG plus another parameter. */
void fixture_url_with(char *url_out, size_t size, const char *base, const char *parameter);

int64_t fixture_deadline(void);
/* Connected, with the statements of a test. */
struct sw_pg *fixture_connect(const struct fixture *f, const struct sw_pg_statement *statements, size_t count);
/* Runs text on the admin connection; fails the test on an error. */
void fixture_exec(struct fixture *f, const char *sql);
/* The one bigint of a query. */
int64_t fixture_count(struct fixture *f, const char *sql);
/* A batch of one statement without results of interest. */
int fixture_run_one(struct sw_pg *pg, int statement, const struct sw_pg_params *params);

#endif
