/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with configuration files, one for all tests of a program, an environment, and two providers that do nothing.
 * Aborts when something of its own fails. */
#ifndef SW_TEST_APP_FIXTURE_H
#define SW_TEST_APP_FIXTURE_H

#include "app/config.h"

struct fixture {
	char dir[64];
	char path[96]; /* DIR/s.ini */
};

extern struct fixture fixture;
extern const struct sw_provider_ops *const fixture_providers[];

/* For cmocka_run_group_tests. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
void fixture_write(const char *name, const char *contents);
/* Writes contents to s.ini and loads it; variables NULL: empty. */
int fixture_load(const char *contents, const char *const *variables, struct sw_config **config_out,
		 struct sw_diag *diag_out);
/* Fails the test unless loading is refused with exactly this text; "@" stands for the folder. */
void fixture_expect_error(const char *contents, const char *text);
void fixture_expect_error_with(const char *contents, const char *const *variables, const char *text);

#endif
