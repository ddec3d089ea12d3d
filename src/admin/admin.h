/* SPDX-License-Identifier: Apache-2.0 */
/* The role admin: archives dead letters from the queue `dead` into the store, acks them after the commit, replays those
 * that operators choose, and keeps house (partitions of the coming month, the ends of the dedup window and of the ledger). While the store is away it waits and acks nothing.
 * It also holds what the API works with: a pool of store threads and a publisher. Any number of processes may have it. */
#ifndef SW_ADMIN_ADMIN_H
#define SW_ADMIN_ADMIN_H

#include "alert/alert.h"
#include "bus/bus.h"
#include "direct/rules.h"
#include "store/pg.h"

struct sw_admin;

/* Copied; what it points to is borrowed until close. */
struct sw_admin_config {
	const struct sw_bus_config *bus;
	const struct sw_pg_config *pg;
	int64_t housekeeping_ms; /* <= 0: a minute */
	int64_t replay_age_ms;   /* how long a replayed job may be tried; <= 0: 24 h */
	int64_t ledger_keep_ms;  /* older rows of the ledger are deleted */
	int push_deliveries_max; /* as the queues were declared: what the broker gave up says so */
	struct sw_alert_config alerts;
	const struct sw_direct_rules *direct;
	int64_t (*next_id)(void *ctx); /* of a direct push, any thread; 0: not yet */
	void *next_id_ctx;
	int replay_rate_max; /* letters a second of one replay; <= 0: 1,000 */
};

struct sw_admin_state {
	bool broker_connected; /* the queue `dead` is consumed, and the publisher is connected */
	bool store_connected;  /* of the archive */
	size_t waiting;        /* dead letters taken and not archived yet */
};

/* Starts the threads; connections come in the background. SW_EINVAL: the broker's config is unusable. */
int sw_admin_open(const struct sw_admin_config *config, struct sw_admin **admin_out,
		  struct sw_diag *diag_out) SW_MUST_CHECK;
/* Any thread. */
struct sw_admin_state sw_admin_state(struct sw_admin *admin);
/* Finishes the batch under way; what else was taken goes back to the broker. After sw_ops_close. NULL is allowed. */
void sw_admin_close(struct sw_admin *admin);

#endif
