/* SPDX-License-Identifier: Apache-2.0 */
/* The lease of a slot. A row is taken over by its slot, so that two holders of one slot never both have a row: who
 * finds no row of its own any more has lost it. */
#include "admin/node.h"

#include "admin/pause.h"
#include "base/rng.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdatomic.h>
#include <stdlib.h>

enum { LEASE_MS = 30000, RENEW_MS = 5000, RETRY_MS = 1000, STATEMENT_MS = 5000, RACES_MAX = 20 };

struct sw_node {
	int64_t boot;
	unsigned slot;
	struct sw_pg *pg;
	struct sw_arena arena;
	struct sw_pause pause;
	pthread_t thread;
	_Atomic int64_t renewed_mono_ms;
	bool away; /* the last renewal failed: one line a time */
};

static int64_t random_boot(void)
{
	uint64_t boot = 0;
	while (boot == 0) {
		sw_rng_bytes(&boot, sizeof(boot));
		boot &= INT64_MAX;
	}
	return (int64_t)boot;
}

/* Runs the one statement that was queued. */
static int run(struct sw_node *node, struct sw_diag *diag_out)
{
	int64_t deadline_ms = sw_clock_mono_ms() + STATEMENT_MS;
	int err = sw_pg_connect(node->pg, deadline_ms, diag_out);
	return err ? err : sw_pg_run(node->pg, deadline_ms, diag_out);
}

static int lease(struct sw_node *node, const char *roles, const char *address, struct sw_diag *diag_out)
{
	/* Two who start at the same moment pick the same slot: the second waits for the first, gets nothing, and looks again. */
	for (int races = 0; races < RACES_MAX; races++) {
		struct sw_pg_params params;
		sw_arena_reset(&node->arena);
		sw_pg_params_init(&params, &node->arena);
		sw_pg_add_i64(&params, node->boot);
		sw_pg_add_text(&params, sw_bytes_str(roles));
		sw_pg_add_text(&params, sw_bytes_str(address));
		sw_pg_add_i32(&params, LEASE_MS);
		sw_pg_begin(node->pg);
		sw_pg_queue(node->pg, SW_SQL_ADMIN_NODE_LEASE, &params);
		int64_t asked_ms = sw_clock_mono_ms();
		int err = run(node, diag_out);
		if (err) {
			return err;
		}
		const struct sw_pg_result *rows = sw_pg_result(node->pg, 0);
		if (sw_pg_rows(rows) == 1) {
			node->slot = (unsigned)sw_pg_i32(rows, 0, 0);
			atomic_store(&node->renewed_mono_ms, asked_ms);
			return SW_OK;
		}
	}
	return sw_diag_set(diag_out, SW_EBUSY, "all %d node slots are leased by live processes", SW_NODE_SLOT_MAX + 1);
}

static void lost(const struct sw_node *node)
{
	SW_LOG(ERROR, "node.slot_lost", SW_F_INT("slot", node->slot), SW_F_INT("node", node->boot),
	       SW_F_STR("reason",
			"the lease was not renewed in time and another process has the slot: ids could repeat, "
			"so this process stops; start it again"));
	abort();
}

/* How long until the next one. */
static int64_t renew(struct sw_node *node)
{
	struct sw_diag diag = {0};
	struct sw_pg_params params;
	sw_arena_reset(&node->arena);
	sw_pg_params_init(&params, &node->arena);
	sw_pg_add_i64(&params, node->boot);
	sw_pg_add_i32(&params, LEASE_MS);
	sw_pg_begin(node->pg);
	sw_pg_queue(node->pg, SW_SQL_ADMIN_NODE_RENEW, &params);
	int64_t asked_ms = sw_clock_mono_ms();
	int err = run(node, &diag);
	if (err) {
		if (!node->away) {
			SW_LOG(WARN, "node.lease_not_renewed", SW_F_ERR(err), SW_F_STR("detail", diag.text));
		}
		node->away = true;
		return RETRY_MS;
	}
	if (sw_pg_affected(sw_pg_result(node->pg, 0)) == 0) {
		lost(node);
	}
	if (node->away) {
		SW_LOG(INFO, "node.lease_renewed", SW_F_INT("slot", node->slot));
	}
	node->away = false;
	atomic_store(&node->renewed_mono_ms, asked_ms);
	return RENEW_MS;
}

static void *node_main(void *arg)
{
	struct sw_node *node = arg;
	pthread_setname_np(pthread_self(), "node-lease");
	int64_t wait_ms = RENEW_MS;
	while (sw_pause_sleep(&node->pause, wait_ms)) {
		wait_ms = renew(node);
	}
	return NULL;
}

static void release_slot(struct sw_node *node)
{
	struct sw_diag diag = {0};
	struct sw_pg_params params;
	sw_arena_reset(&node->arena);
	sw_pg_params_init(&params, &node->arena);
	sw_pg_add_i64(&params, node->boot);
	sw_pg_begin(node->pg);
	sw_pg_queue(node->pg, SW_SQL_ADMIN_NODE_RELEASE, &params);
	int err = run(node, &diag);
	if (err) {
		SW_LOG(WARN, "node.not_released", SW_F_INT("slot", node->slot), SW_F_STR("detail", diag.text));
	}
}

static void free_node(struct sw_node *node)
{
	sw_pg_free(node->pg);
	sw_arena_release(&node->arena);
	sw_pause_release(&node->pause);
	free(node);
}

int sw_node_open(const struct sw_pg_config *pg, const char *roles, const char *address, struct sw_node **node_out,
		 struct sw_diag *diag_out)
{
	struct sw_node *node = sw_xcalloc(1, sizeof(*node));
	node->boot = random_boot();
	node->pg = sw_pg_new(pg);
	sw_arena_init(&node->arena);
	sw_pause_init(&node->pause);
	int err = lease(node, roles, address, diag_out);
	if (err == SW_OK && pthread_create(&node->thread, NULL, node_main, node) != 0) {
		release_slot(node);
		err = sw_diag_set(diag_out, SW_EUNAVAILABLE, "no thread for the node's lease");
	}
	if (err) {
		free_node(node);
		return err;
	}
	SW_LOG(INFO, "node.leased", SW_F_INT("slot", node->slot), SW_F_INT("node", node->boot),
	       SW_F_STR("roles", roles));
	*node_out = node;
	return SW_OK;
}

unsigned sw_node_slot(const struct sw_node *node)
{
	return node->slot;
}

int64_t sw_node_boot(const struct sw_node *node)
{
	return node->boot;
}

bool sw_node_leased(const struct sw_node *node)
{
	return sw_clock_mono_ms() - atomic_load(&node->renewed_mono_ms) < LEASE_MS;
}

void sw_node_close(struct sw_node *node)
{
	if (!node) {
		return;
	}
	sw_pause_stop(&node->pause);
	pthread_join(node->thread, NULL);
	release_slot(node);
	free_node(node);
}
