/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer engine asks of a step (the sequencer's, the mailbox's). A step is the only writer of its partitions
 * and keeps them in a cache; it runs on the engine's thread and does no I/O of its own: it queues statements and emits
 * items, and the engine runs, publishes and acks them.
 *
 * One turn of the engine, for a batch of sections:
 *   load     queue what is needed to decide and is not cached; run by the engine when anything was queued
 *   loaded   read the results into the cache
 *   apply    decide: change the cache, remember what to write, emit items (sw_batch_*)
 *   write    queue the writes; one transaction for all steps, fenced
 *   settle   committed: keep the cache; otherwise forget what the batch touched; it may be applied again
 *
 * A section with `applied` was committed before: a step repeats its consequences, deterministically, and writes nothing. */
#ifndef SW_WRITER_STEP_H
#define SW_WRITER_STEP_H

#include "base/id.h"
#include "store/pg.h"
#include "writer/batch.h"

struct sw_step_ops {
	enum sw_writer_role role;
	/* config: the step's own, borrowed for the life of the engine. */
	void *(*open)(const void *config, struct sw_idgen *ids);
	void (*close)(void *step);
	/* Number of statements queued. work->applied is known. batch->careful: a repeat is likely, look for it. */
	size_t (*load)(void *step, struct sw_batch *batch, struct sw_pg *pg);
	void (*loaded)(void *step, struct sw_batch *batch, const struct sw_pg *pg);
	void (*apply)(void *step, struct sw_batch *batch);
	void (*write)(void *step, struct sw_batch *batch, struct sw_pg *pg);
	void (*settle)(void *step, bool committed);
	/* Ownership changed: the cache may be stale as a whole. */
	void (*forget)(void *step);
};

#endif
