/* SPDX-License-Identifier: Apache-2.0 */
/* The batch that goes through one turn of the engine: sections in, items out. An item for a mailbox partition that this
 * engine owns becomes a section of the same batch (local hand-over); the step that emits it does not know. Engine thread.
 * All runs are borrowed from the deliveries or live in the batch's arena. */
#ifndef SW_WRITER_BATCH_H
#define SW_WRITER_BATCH_H

#include "proto/envelope.h"
#include "proto/partition.h"

/* A section on its way. */
struct sw_work {
	struct sw_work *next;
	struct sw_uuid id;
	enum sw_writer_role role;
	unsigned queue;
	struct sw_item *items;
	size_t count;
	size_t cap;
	bool durable;           /* must be recorded as applied (set by apply, or by the hand-over) */
	bool applied;           /* was recorded by an earlier turn */
	bool local;             /* handed over inside this batch */
	struct sw_bytes result; /* applied: as recorded; otherwise what apply wants recorded */
};

struct sw_work_list {
	struct sw_work *first;
	struct sw_work **last;
	size_t items;
};

enum sw_out_kind {
	SW_OUT_MAILBOX, /* in order, confirmed before the ack */
	SW_OUT_JOB,     /* push, check, dead: confirmed before the ack */
	SW_OUT_NODE,    /* live events: may be lost, unroutable means that the node is gone */
};

/* One envelope to publish. */
struct sw_out {
	struct sw_out *next;
	enum sw_out_kind kind;
	const char *exchange;
	char routing_key[SW_QUEUE_NAME_MAX];
	int64_t node;
	struct sw_buf buf;
	size_t mark; /* of the section that is open; 0: none */
};

struct sw_batch {
	struct sw_arena arena;
	struct sw_work_list works[SW_WRITER_ROLES];
	struct sw_work_list remote; /* hand-overs to partitions of other engines, until they are encoded */
	struct sw_out *outs;
	bool careful;
	int64_t now_ms;
	uint64_t owned[SW_WRITER_ROLES]; /* bit per queue that this engine owns and may hand over to directly */
	unsigned mailbox_queues;
	const struct sw_work *last_from; /* hand_over's memory of the last section, to append to it */
	struct sw_work *last_to[SW_LOGICAL_PARTITIONS];
};

void sw_batch_init(struct sw_batch *batch, unsigned mailbox_queues);
void sw_batch_release(struct sw_batch *batch);
/* Forgets what apply did (hand-overs and outs), keeps the sections that came in. */
void sw_batch_rewind(struct sw_batch *batch);
/* Decodes an envelope of a queue into sections at the end of the role's list. On SW_EPARSE nothing was added. */
int sw_batch_add(struct sw_batch *batch, enum sw_writer_role role, unsigned queue,
		 struct sw_bytes envelope) SW_MUST_CHECK;

/* ---- for steps ---- */

/* An item for the mailbox partition of a user, as a consequence of section from: its section id is derived from from's
 * id and the queue, so that a repeat is recognised. The item's runs must outlive the batch's turn. */
void sw_batch_hand_over(struct sw_batch *batch, const struct sw_work *from, unsigned queue, const struct sw_item *item);
unsigned sw_batch_mailbox_queue(const struct sw_batch *batch, int64_t user);
void sw_batch_to_node(struct sw_batch *batch, int64_t node, const struct sw_item *item);
/* provider: an instance name; the job goes to push.<provider>. */
void sw_batch_to_push(struct sw_batch *batch, struct sw_bytes provider, const struct sw_item *item);
/* Comes back to the user's own mailbox queue after about delay_ms. */
void sw_batch_to_check(struct sw_batch *batch, int64_t delay_ms, int64_t user, const struct sw_item *item);

/* ---- for the engine ---- */

/* A section that is in the batch twice (redelivered beside its first copy, or handed over here and come by the queue)
 * stays once. */
void sw_batch_drop_twins(struct sw_batch *batch, enum sw_writer_role role);
/* Encodes remote hand-overs and closes all envelopes. SW_ELIMIT when one grew past its bound. */
int sw_batch_finish(struct sw_batch *batch) SW_MUST_CHECK;
/* A section without items, into the mailbox queue in its turn. */
void sw_batch_marker(struct sw_batch *batch, unsigned queue, const struct sw_uuid *id);
/* A malformed or poisonous envelope, whole, to the dead letters. */
void sw_batch_to_dead(struct sw_batch *batch, const char *reason, struct sw_bytes envelope);

#endif
