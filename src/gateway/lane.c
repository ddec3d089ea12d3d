/* SPDX-License-Identifier: Apache-2.0 */
/* Smart batching towards the writers: one envelope under way per queue, and what comes meanwhile is the next one. No timer:
 * an idle gateway adds no delay, a busy one sends few large envelopes. Order per queue is the order of lane_add. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static void on_published(struct sw_publish *publish, int result);

static unsigned lane_count(const struct sw_gateway *gateway, enum sw_writer_role role)
{
	return role == SW_ROLE_SEQUENCER ? gateway->config.ingest_queues : gateway->config.mailbox_queues;
}

void lanes_open(struct sw_gateway *gateway)
{
	for (int role = 0; role < SW_WRITER_ROLES; role++) {
		unsigned count = lane_count(gateway, (enum sw_writer_role)role);
		gateway->lanes[role] = sw_xcalloc(count, sizeof(struct lane));
		for (unsigned i = 0; i < count; i++) {
			struct lane *lane = &gateway->lanes[role][i];
			pthread_mutex_init(&lane->lock, NULL);
			lane->gateway = gateway;
			sw_queue_name((enum sw_writer_role)role, i, lane->queue);
			sw_buf_init(&lane->buf, SW_ENVELOPE_BYTES_MAX);
			lane->last = &lane->first;
		}
	}
}

static void waiters_free(struct waiter *list)
{
	while (list) {
		struct waiter *next = list->next;
		free(list);
		list = next;
	}
}

void lanes_close(struct sw_gateway *gateway)
{
	for (int role = 0; role < SW_WRITER_ROLES; role++) {
		for (unsigned i = 0; i < lane_count(gateway, (enum sw_writer_role)role); i++) {
			struct lane *lane = &gateway->lanes[role][i];
			waiters_free(lane->first);
			waiters_free(lane->sent);
			sw_buf_release(&lane->buf);
			pthread_mutex_destroy(&lane->lock);
		}
		free(gateway->lanes[role]);
	}
}

/* The lock is held. */
static void flush(struct lane *lane)
{
	sw_section_end(&lane->buf, lane->mark);
	lane->publish = (struct sw_publish){.exchange = "",
					    .mandatory = true,
					    .persistent = true,
					    .done = on_published,
					    .ctx = lane,
					    .body = sw_blob_new(sw_buf_bytes(&lane->buf))};
	memcpy(lane->publish.routing_key, lane->queue, sizeof(lane->queue));
	lane->sent = lane->first;
	lane->first = NULL;
	lane->last = &lane->first;
	if (lane->buf.cap > LANE_BYTES_MAX / 4) {
		sw_buf_release(&lane->buf);
	}
	sw_buf_clear(&lane->buf);
	/* At most one envelope per lane is out: the publisher's own bound is not needed. */
	lane->in_flight = sw_publisher_send_always(lane->gateway->publisher, &lane->publish) == SW_OK;
	if (!lane->in_flight) {
		sw_blob_unref(lane->publish.body);
		waiters_free(lane->sent);
		lane->sent = NULL;
	}
}

int lane_add(struct sw_gateway *gateway, enum sw_writer_role role, unsigned logical, const struct sw_item *item,
	     const struct waiter *waiter, bool must)
{
	struct lane *lane = &gateway->lanes[role][logical % lane_count(gateway, role)];
	if (!must) {
		struct sw_link_state state = sw_publisher_state(gateway->publisher);
		if (!state.connected || state.blocked) {
			return SW_EUNAVAILABLE;
		}
	}
	pthread_mutex_lock(&lane->lock);
	int err = !must && lane->buf.len > LANE_BYTES_MAX ? SW_EUNAVAILABLE : SW_OK;
	if (!err) {
		if (lane->buf.len == 0) {
			struct sw_uuid id = sw_uuid_random();
			sw_envelope_begin(&lane->buf);
			lane->mark = sw_section_begin(&lane->buf, &id);
		}
		sw_item_put(&lane->buf, item);
		if (waiter) {
			struct waiter *copy = sw_xmemdup(waiter, sizeof(*waiter));
			copy->next = NULL;
			*lane->last = copy;
			lane->last = &copy->next;
		}
		if (!lane->in_flight) {
			flush(lane);
		}
	}
	pthread_mutex_unlock(&lane->lock);
	return err;
}

/* ---- confirms, to the loops ---- */

struct confirm_task {
	struct sw_task task; /* first */
	struct gw_loop *loop;
	struct waiter *waiters;
	int result;
};

static void on_confirm_task(struct sw_task *task)
{
	struct confirm_task *confirm = (struct confirm_task *)task;
	while (confirm->waiters) {
		struct waiter *waiter = confirm->waiters;
		confirm->waiters = waiter->next;
		answer_accepted(confirm->loop, waiter, confirm->result);
		free(waiter);
	}
	free(confirm);
}

static void tell_loops(struct sw_gateway *gateway, struct waiter *list, int result)
{
	for (unsigned i = 0; i < gateway->config.threads && list; i++) {
		struct confirm_task *confirm = sw_xcalloc(1, sizeof(*confirm));
		confirm->task.run = on_confirm_task;
		confirm->loop = &gateway->loops[i];
		confirm->result = result;
		struct waiter **last = &confirm->waiters;
		struct waiter **at = &list;
		while (*at) {
			struct waiter *waiter = *at;
			if (loop_of_number(gateway, waiter->number) != confirm->loop) {
				at = &waiter->next;
				continue;
			}
			*at = waiter->next;
			waiter->next = NULL;
			*last = waiter;
			last = &waiter->next;
		}
		if (!confirm->waiters || !sw_loop_post_always(confirm->loop->loop, &confirm->task)) {
			waiters_free(confirm->waiters);
			free(confirm);
		}
	}
	waiters_free(list);
}

/* A mailbox item has no sender who could repeat it: the queue is asked again until it takes it. */
static bool must_repeat(const struct lane *lane, int result)
{
	return (result == SW_EREFUSED || result == SW_EUNROUTABLE) && lane->queue[0] == 'm';
}

/* Publisher's thread. */
static void on_published(struct sw_publish *publish, int result)
{
	struct lane *lane = publish->ctx;
	if (must_repeat(lane, result)) {
		/* Spaced by the broker's round trip; a full queue drains meanwhile. */
		sw_blob_ref(publish->body);
		if (sw_publisher_send_always(lane->gateway->publisher, publish) == SW_OK) {
			return;
		}
		sw_blob_unref(publish->body);
	}
	if (result != SW_OK && result != SW_ECLOSED) {
		SW_LOG(WARN, "gateway.publish_refused", SW_F_STR("queue", lane->queue), SW_F_ERR(result));
	}
	pthread_mutex_lock(&lane->lock);
	struct waiter *sent = lane->sent;
	lane->sent = NULL;
	lane->in_flight = false;
	if (lane->buf.len && result != SW_ECLOSED) {
		flush(lane);
	}
	pthread_mutex_unlock(&lane->lock);
	tell_loops(lane->gateway, sent, result);
}
