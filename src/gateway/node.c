/* SPDX-License-Identifier: Apache-2.0 */
/* The node's own queue: events and answers of the writers, handed to the loops that hold their sessions; those of a writer
 * in the same process come without it. The queue is transient. What is lost with it is repaired from the store when the connection is back. */
#include "gateway/gateway_int.h"

#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

struct node_task {
	struct sw_task task; /* first */
	struct gw_loop *loop;
	struct sw_blob *envelope; /* NULL: the queue was away */
};

static void on_event(struct gw_loop *loop, const struct sw_item_event *event)
{
	for (size_t i = 0; i + 1 < event->targets.count; i += 2) {
		int64_t number = event->targets.values[i];
		int64_t pos = event->targets.values[i + 1];
		if (loop_of_number(loop->gateway, number) != loop) {
			continue;
		}
		struct session *session = session_find(loop, number);
		struct request *request = session ? NULL : request_find(loop, number);
		if (session) {
			feed_live(session, pos, event);
		} else if (request) {
			request->on_result(request, REQUEST_EVENT, NULL);
		}
	}
}

static void on_item(struct gw_loop *loop, const struct sw_item *item)
{
	if (item->kind == SW_ITEM_EVENT) {
		on_event(loop, &item->as.event);
	} else {
		int64_t number = answer_number(item);
		if (number && loop_of_number(loop->gateway, number) == loop) {
			answer_item(loop, item);
		}
	}
}

static void for_each_item(struct sw_bytes envelope, void (*each)(void *ctx, const struct sw_item *item), void *ctx)
{
	struct sw_envelope_reader reader;
	struct sw_section section;
	struct sw_arena arena;
	sw_arena_init(&arena);
	int err = sw_envelope_open(&reader, envelope);
	while (!err && (err = sw_envelope_next(&reader, &section)) == SW_OK) {
		struct sw_item item;
		while ((err = sw_item_next(&section.items, &arena, &item)) == SW_OK) {
			each(ctx, &item);
		}
		err = err == SW_EEND ? SW_OK : err;
	}
	if (err && err != SW_EEND) {
		SW_LOG(ERROR, "gateway.bad_envelope", SW_F_ERR(err));
	}
	sw_arena_release(&arena);
}

static void each_on_loop(void *ctx, const struct sw_item *item)
{
	on_item(ctx, item);
}

/* Whatever the queue lost meanwhile is looked up: pretend that there is one more event for everybody. */
static void resync(struct gw_loop *loop)
{
	struct session *session;
	struct session *next;
	HASH_ITER(hh, loop->sessions, session, next)
	{
		if (session->state == SESSION_LIVE) {
			feed_known(session, session->sent_pos + 1);
			announce_up(session, true);
		}
	}
	struct request *request;
	struct request *next_request;
	HASH_ITER(hh, loop->requests, request, next_request)
	{
		request->on_result(request, REQUEST_FORGOTTEN, NULL);
	}
}

static void on_node_task(struct sw_task *task)
{
	struct node_task *node = (struct node_task *)task;
	if (node->envelope) {
		for_each_item(sw_blob_bytes(node->envelope), each_on_loop, node->loop);
	} else {
		resync(node->loop);
	}
	sw_blob_unref(node->envelope);
	free(node);
}

static void post(struct gw_loop *loop, struct sw_blob *envelope)
{
	struct node_task *node = sw_xcalloc(1, sizeof(*node));
	node->task.run = on_node_task;
	node->loop = loop;
	node->envelope = envelope ? sw_blob_ref(envelope) : NULL;
	if (!sw_loop_post_always(loop->loop, &node->task)) {
		sw_blob_unref(node->envelope);
		free(node);
	}
}

struct wanted {
	struct sw_gateway *gateway;
	bool loops[1 << LOOP_BITS];
};

static void each_find_loops(void *ctx, const struct sw_item *item)
{
	struct wanted *wanted = ctx;
	if (item->kind != SW_ITEM_EVENT) {
		wanted->loops[loop_of_number(wanted->gateway, answer_number(item))->index] = true;
		return;
	}
	for (size_t i = 0; i + 1 < item->as.event.targets.count; i += 2) {
		wanted->loops[loop_of_number(wanted->gateway, item->as.event.targets.values[i])->index] = true;
	}
}

void sw_gateway_take(struct sw_gateway *gateway, struct sw_blob *envelope)
{
	struct wanted wanted = {.gateway = gateway};
	if (gateway->config.threads > 1) {
		for_each_item(sw_blob_bytes(envelope), each_find_loops, &wanted);
	} else {
		wanted.loops[0] = true;
	}
	for (unsigned i = 0; i < gateway->config.threads; i++) {
		if (wanted.loops[i]) {
			post(&gateway->loops[i], envelope);
		}
	}
}

/* Consumer's thread. */
static void on_delivery(void *ctx, struct sw_delivery *delivery)
{
	sw_gateway_take(ctx, delivery->body);
	sw_delivery_ack(delivery);
}

/* Consumer's thread. */
static void on_state(void *ctx, bool connected)
{
	struct sw_gateway *gateway = ctx;
	gateway->node_connected = connected;
	for (unsigned i = 0; connected && i < gateway->config.threads; i++) {
		post(&gateway->loops[i], NULL);
	}
}

int node_open(struct sw_gateway *gateway, struct sw_diag *diag_out)
{
	struct sw_consumer_config config = {
		.transient = true, .no_ack = true, .on_delivery = on_delivery, .on_state = on_state, .ctx = gateway};
	sw_node_queue_name(gateway->config.node, config.queue);
	int err = sw_consumer_open(gateway->config.consume_bus, &config, &gateway->consumer);
	return err ? sw_diag_set(diag_out, err, "gateway: cannot consume %s: %s", config.queue, sw_err_text(err))
		   : SW_OK;
}
