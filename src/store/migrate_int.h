/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded migrations, and the same work on another list for tests. */
#ifndef SW_STORE_MIGRATE_INT_H
#define SW_STORE_MIGRATE_INT_H

#include "store/migrate.h"

struct sw_migration {
	unsigned version; /* 1, 2, 3 … */
	const char *name;
	const char *sql;
};

/* Generated. */
extern const struct sw_migration sw_migrations[];
extern const unsigned sw_migration_count;

int sw_migrate_list(const struct sw_pg_config *config, const struct sw_migration *list, unsigned count,
		    unsigned *applied_out, struct sw_diag *diag_out) SW_MUST_CHECK;
int sw_migrate_check_list(struct sw_pg *pg, const struct sw_migration *list, unsigned count,
			  struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
