/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of both writers: drain, transact, publish, ack. A process has one or more engines, each a thread with a
 * connection to the store and a share of the partitions (queues). The keeper thread leases them in the store: partitions
 * are spread over the live engines of all processes and move when one dies or leaves.
 * Sequencer and mailbox are steps that it runs; it knows nothing of chat. */
#ifndef SW_WRITER_WRITER_H
#define SW_WRITER_WRITER_H

#include "base/id.h"
#include "bus/bus.h"
#include "store/pg.h"
#include "writer/step.h"

struct sw_writer;

struct sw_writer_step {
	const struct sw_step_ops *ops; /* NULL: this process does not run the role */
	const void *config;            /* for ops->open */
};

/* Copied; what it points to is borrowed until close. */
struct sw_writer_config {
	const struct sw_bus_config *publish_bus;
	const struct sw_bus_config *consume_bus; /* beats fast, so that a frozen process is noticed */
	const struct sw_pg_config *pg;
	struct sw_idgen *ids;
	struct sw_writer_step steps[SW_WRITER_ROLES];
	unsigned queues[SW_WRITER_ROLES]; /* of the installation; at most 64 */
	unsigned engines;
	unsigned batch_items_max;
	size_t batch_bytes_max;
	unsigned prefetch;  /* envelopes, per partition */
	unsigned depth_max; /* batches committed whose publishes are not confirmed yet */
	int lease_ms;       /* an engine that could not renew for so long loses its partitions */
	/* The gateway of this process gets its events without the broker between. False: it is not there (yet, any more),
	 * and they go through its queue. Engine threads; borrows the envelope. */
	int64_t here; /* its node; 0: none */
	bool (*take_here)(void *ctx, struct sw_blob *envelope);
	void *take_ctx;
};

struct sw_writer_state {
	unsigned owned[SW_WRITER_ROLES]; /* partitions of this process that are being consumed */
	unsigned unowned;                /* partitions of the roles of this process that nobody owns, as last seen */
	bool store_connected;
};

/* Starts the threads; partitions come as the store and the others allow. */
int sw_writer_open(const struct sw_writer_config *config, struct sw_writer **writer_out,
		   struct sw_diag *diag_out) SW_MUST_CHECK;
/* Any thread. */
struct sw_writer_state sw_writer_state(struct sw_writer *writer);
/* Finishes the batches under way, gives the partitions back, joins. NULL is allowed. */
void sw_writer_close(struct sw_writer *writer);

#endif
