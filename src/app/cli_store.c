/* SPDX-License-Identifier: Apache-2.0 */
/* The store as the command line uses it. */
#include "app/cli_store.h"

#include <surewire/clock.h>

enum { RUN_TIMEOUT_MS = 30000 };

struct sw_pg_config sw_cli_pg_config(const struct sw_config *config)
{
	return (struct sw_pg_config){
		.url = config->store.url,
		.application_name = "surewire-cli",
		.connect_timeout_ms = (int)config->store.connect_timeout_ms,
		.statement_timeout_ms = (int)config->store.statement_timeout_ms,
	};
}

int sw_cli_pg_open(const struct sw_config *config, struct sw_pg **pg_out, struct sw_diag *diag_out)
{
	int err = sw_config_need(config, "store", "url", diag_out);
	if (err) {
		return err;
	}
	const struct sw_pg_config pg_config = sw_cli_pg_config(config);
	struct sw_pg *pg = sw_pg_new(&pg_config);
	err = sw_pg_connect(pg, sw_clock_mono_ms() + config->store.connect_timeout_ms, diag_out);
	if (err) {
		sw_pg_free(pg);
		return err;
	}
	*pg_out = pg;
	return SW_OK;
}

int sw_cli_pg_run(struct sw_pg *pg, enum sw_sql statement, const struct sw_pg_params *params, struct sw_diag *diag_out)
{
	sw_pg_begin(pg);
	sw_pg_queue(pg, statement, params);
	return sw_pg_run(pg, sw_clock_mono_ms() + RUN_TIMEOUT_MS, diag_out);
}
