/* SPDX-License-Identifier: Apache-2.0 */
/* The schema's version: numbered files of migrations/, embedded by the build and applied in order, each in a
 * transaction, by one process at a time (an advisory lock). Only forward: there is no way down. */
#ifndef SW_STORE_MIGRATE_H
#define SW_STORE_MIGRATE_H

#include "store/pg.h"

/* Applies what is missing; *applied_out is the number of migrations applied by this call (also after an error).
 * SW_EVERSION: an applied file was changed, or the store is newer than this program. SW_ESQL and the errors of
 * sw_pg_connect() and sw_pg_run() otherwise, with a text. Blocks, up to minutes; makes its own connection. */
int sw_migrate(const struct sw_pg_config *config, unsigned *applied_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* Whether the store has exactly the version this program knows: SW_OK, SW_EVERSION with a text that says what to do,
 * or an error of sw_pg_run(). pg is connected; its batch is lost. */
int sw_migrate_check(struct sw_pg *pg, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
