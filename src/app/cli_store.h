/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the commands that talk to the store: one connection, one statement, with the command line's deadlines. */
#ifndef SW_APP_CLI_STORE_H
#define SW_APP_CLI_STORE_H

#include "app/config.h"
#include "store/pg.h"

struct sw_pg_config sw_cli_pg_config(const struct sw_config *config);
/* *pg_out is connected; the caller frees it. The text names the key when the URL is missing. */
int sw_cli_pg_open(const struct sw_config *config, struct sw_pg **pg_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* One statement as a batch; its result is sw_pg_result(pg, 0). */
int sw_cli_pg_run(struct sw_pg *pg, enum sw_sql statement, const struct sw_pg_params *params,
		  struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
