/* SPDX-License-Identifier: Apache-2.0 */
/* The place of this process in the table of nodes: a slot (0 … 1022) that numbers the ids it makes, and a boot id that
 * names it (its queue, its sessions). Both are leased for 30 s and renewed every 5 s on a thread of its own; the lease is
 * judged by the store's clock alone. While the store is away the process keeps its slot; when it then turns out that
 * somebody else was given it, the process aborts, because ids could repeat. */
#ifndef SW_ADMIN_NODE_H
#define SW_ADMIN_NODE_H

#include "store/pg.h"

struct sw_node;

enum { SW_NODE_SLOT_MAX = 1022 }; /* 1023 is the command line's */

/* One attempt, blocks for at most about 10 s; the caller retries what sw_err_retryable says. Errors of sw_pg_connect and
 * sw_pg_run; SW_EBUSY: all slots are taken by live nodes. roles: "gateway,pusher"; address: where its operators' HTTP
 * is, may be "". */
int sw_node_open(const struct sw_pg_config *pg, const char *roles, const char *address, struct sw_node **node_out,
		 struct sw_diag *diag_out) SW_MUST_CHECK;
/* For sw_idgen_init. */
unsigned sw_node_slot(const struct sw_node *node);
/* Random, positive, new at every start. */
int64_t sw_node_boot(const struct sw_node *node);
/* Whether the lease was renewed less than 30 s ago. Any thread. */
bool sw_node_leased(const struct sw_node *node);
/* Gives the slot back. Last of all: no id may be made any more. NULL is allowed. */
void sw_node_close(struct sw_node *node);

#endif
