/* SPDX-License-Identifier: Apache-2.0 */
/* The writer with both its steps in this process, on the fake broker and the fake store, and the hands of a test. */
#ifndef SW_TESTS_FLOW_H
#define SW_TESTS_FLOW_H

#include "fake_bus.h"
#include "fake_store.h"

#include "mailbox/mailbox_step.h"
#include "proto/envelope.h"
#include "proto/partition.h"
#include "sequencer/sequencer.h"
#include "writer/writer.h"

enum { FLOW_QUEUES = 2, FLOW_LEASE_MS = 400, FLOW_WRITERS_MAX = 3 };

/* The two gateways; their queues are node.901 and node.902. */
enum { NODE_A = 901, NODE_B = 902 };

struct flow {
	struct fake_bus bus;
	struct fake_store store;
	struct sw_idgen ids;
	struct sw_bus_config bus_configs[FLOW_WRITERS_MAX];
	struct sw_sequencer_config sequencer_config;
	struct sw_mailbox_config mailbox_config;
	struct sw_pg_config pg[FLOW_WRITERS_MAX];
	struct sw_writer *writers[FLOW_WRITERS_MAX];
	unsigned engines;
	unsigned batch_items_max;
	int64_t clock_ms; /* of the messages */
	unsigned restarts;
};

/* Servers, queues and people, no writer yet. */
void flow_open(struct flow *flow, unsigned engines);
/* index is the writer's name, "w0", "w1", … for the fakes. */
void flow_start(struct flow *flow, unsigned index);
void flow_stop(struct flow *flow, unsigned index);
void flow_close(struct flow *flow);

/* Waits until the two stages are idle, at most 30 s, then fails the test. A process that was cut off meanwhile is
 * replaced by a new one. */
void flow_settle(struct flow *flow);
/* A word to every mailbox queue that changes nothing: when it is acked, so is what its engine had in mind before. */
void flow_ping(struct flow *flow);
/* The writer at index is killed, the one after it starts. */
void flow_replace(struct flow *flow);
/* The predicate is asked under the store's lock after every change; fails the test after 30 s. */
typedef bool (*flow_predicate_fn)(const struct fake_store *store, int64_t arg);
void flow_wait_store(struct flow *flow, flow_predicate_fn predicate, int64_t arg);

/* Says where things stand and aborts: threads still use what lies on the test's stack, so no other test may follow. */
void flow_give_up(struct flow *flow, const char *what);

/* ---- envelopes ---- */

struct letter {
	struct sw_buf buf;
	size_t mark;
};
void letter_begin(struct letter *letter);
void letter_put(struct letter *letter, const struct sw_item *item);
/* Another section in the same envelope. */
void letter_section(struct letter *letter);
void letter_post(struct flow *flow, struct letter *letter, enum sw_writer_role role, unsigned queue);
/* What is read of an envelope: section is the id of the section that the item is in. */
typedef void (*flow_item_fn)(void *ctx, const struct sw_uuid *section, const struct sw_item *item);
/* Every item of every section, each read to its end. */
void flow_each_item(struct sw_bytes envelope, flow_item_fn on_item, void *ctx);
/* Of every envelope that waits in the queue. */
void flow_each_queued(struct flow *flow, const char *queue, flow_item_fn on_item, void *ctx);
/* Alone in its envelope: into this queue of the sequencer's; into the queue of this user's mailbox. */
void post_to_sequencer(struct flow *flow, unsigned queue, const struct sw_item *item);
void post_to_mailbox(struct flow *flow, int64_t user, const struct sw_item *item);

unsigned queue_of_pair(int64_t a, int64_t b);
unsigned queue_of_conversation(int64_t conv);
unsigned queue_of_user(int64_t user);

#endif
