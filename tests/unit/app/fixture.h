/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with configuration files, an environment, and two providers that do nothing. Aborts when something fails. */
#ifndef SW_TEST_APP_FIXTURE_H
#define SW_TEST_APP_FIXTURE_H

#include "app/config.h"

struct fixture {
	char dir[64];
	char path[96]; /* DIR/s.ini */
};

struct fixture fixture_new(void);
void fixture_remove(const struct fixture *fixture);
void fixture_write(const struct fixture *fixture, const char *name, const char *contents);
/* Writes contents to s.ini and loads it; variables NULL: empty. */
int fixture_load(const struct fixture *fixture, const char *contents, const char *const *variables,
		 struct sw_config **config_out, struct sw_diag *diag_out);
extern const struct sw_provider_ops *const fixture_providers[];

#endif
