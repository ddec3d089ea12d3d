/* SPDX-License-Identifier: Apache-2.0 */
/* surewire migrate */
#include "app/cli_store.h"
#include "app/commands.h"
#include "store/migrate.h"

int sw_cmd_migrate(const struct sw_config *config, int argc, char **argv)
{
	if (argc > 1) {
		return sw_cli_usage(argv[0], "expected no argument, got '%s'", argv[1]);
	}
	struct sw_diag diag = {""};
	unsigned applied = 0;
	int err = sw_config_need(config, "store", "url", &diag);
	struct sw_pg_config pg_config = sw_cli_pg_config(config);
	/* A migration may rewrite a table: no limit by the server. */
	pg_config.statement_timeout_ms = 0;
	err = err ? err : sw_migrate(&pg_config, &applied, &diag);
	if (err) {
		return sw_cli_fail(err, &diag);
	}
	printf("%u migration%s applied, the store is up to date\n", applied, applied == 1 ? "" : "s");
	return SW_EXIT_OK;
}
