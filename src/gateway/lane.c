/* SPDX-License-Identifier: Apache-2.0 */
/* Smart batching towards the writers: few envelopes under way per queue, and what comes meanwhile is the next one; those
 * of messages keep a distance in time, too. An idle gateway adds no delay, a busy one sends few large envelopes. Order per
 * queue is the order of lane_add. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

/* Messages: the next envelope leaves while the one before is being confirmed. An envelope is written in one transaction:
 * with ITEMS_MAX of them it waits for nothing but a bound. A mailbox's items have no sender who could repeat them, and one
 * that was refused must not be overtaken: one envelope at a time, as large as it may be. */
enum { INGEST_IN_FLIGHT_MAX = 4, INGEST_ITEMS_MAX = 256, INGEST_FULL_IN_FLIGHT_MAX = 16, MAILBOX_IN_FLIGHT_MAX = 1 };

/* An envelope under way. */
struct parcel {
	struct sw_publish publish; /* first */
	struct lane *lane;
	struct waiter *waiters;
};

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
			lane->is_ingest = role == SW_ROLE_SEQUENCER;
			lane->interval_ms = lane->is_ingest ? gateway->config.batch_interval_ms : 0;
			lane->in_flight_max = lane->is_ingest ? INGEST_IN_FLIGHT_MAX : MAILBOX_IN_FLIGHT_MAX;
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
	struct parcel *parcel = sw_xcalloc(1, sizeof(*parcel));
	parcel->lane = lane;
	parcel->waiters = lane->first;
	parcel->publish = (struct sw_publish){.exchange = "",
					      .mandatory = true,
					      .persistent = true,
					      .done = on_published,
					      .body = sw_blob_new(sw_buf_bytes(&lane->buf))};
	memcpy(parcel->publish.routing_key, lane->queue, sizeof(lane->queue));
	lane->first = NULL;
	lane->last = &lane->first;
	lane->items = 0;
	if (lane->buf.cap > LANE_BYTES_MAX / 4) {
		sw_buf_release(&lane->buf);
	}
	sw_buf_clear(&lane->buf);
	/* Few envelopes of a lane are out: the publisher's own bound is not needed. */
	if (sw_publisher_send_always(lane->gateway->publisher, &parcel->publish) == SW_OK) {
		lane->in_flight++;
	} else {
		sw_blob_unref(parcel->publish.body);
		waiters_free(parcel->waiters);
		free(parcel);
	}
}

/* The lock is held. How long until it may be flushed, if only time is missing; else 0. */
static int64_t flush_if_due(struct lane *lane)
{
	bool full = lane->is_ingest && lane->items >= INGEST_ITEMS_MAX;
	if (!lane->buf.len || lane->in_flight >= (full ? INGEST_FULL_IN_FLIGHT_MAX : lane->in_flight_max)) {
		return 0;
	}
	int64_t now_ms = lane->interval_ms ? sw_clock_mono_ms() : 0;
	if (!full && lane->next_mono_ms > now_ms) {
		return lane->next_mono_ms - now_ms;
	}
	lane->next_mono_ms = now_ms + lane->interval_ms;
	flush(lane);
	return 0;
}

static void pace(uv_timer_t *timer, int64_t wait_ms)
{
	if (wait_ms && !uv_is_active((uv_handle_t *)timer)) {
		uv_timer_start(timer, lanes_on_pace, (uint64_t)wait_ms, 0);
	}
}

void lanes_on_pace(uv_timer_t *timer)
{
	struct sw_gateway *gateway = timer->data;
	int64_t next_ms = 0;
	for (unsigned i = 0; i < lane_count(gateway, SW_ROLE_SEQUENCER); i++) {
		struct lane *lane = &gateway->lanes[SW_ROLE_SEQUENCER][i];
		pthread_mutex_lock(&lane->lock);
		int64_t wait_ms = flush_if_due(lane);
		pthread_mutex_unlock(&lane->lock);
		next_ms = wait_ms && (!next_ms || wait_ms < next_ms) ? wait_ms : next_ms;
	}
	pace(timer, next_ms);
}

int lane_add(struct gw_loop *loop, enum sw_writer_role role, unsigned logical, const struct sw_item *item,
	     const struct waiter *waiter, bool must)
{
	struct sw_gateway *gateway = loop->gateway;
	int64_t wait_ms = 0;
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
		lane->items++;
		if (waiter) {
			struct waiter *copy = sw_xmemdup(waiter, sizeof(*waiter));
			copy->next = NULL;
			*lane->last = copy;
			lane->last = &copy->next;
		}
		wait_ms = flush_if_due(lane);
	}
	pthread_mutex_unlock(&lane->lock);
	pace(&loop->pace, wait_ms);
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
	return (result == SW_EREFUSED || result == SW_EUNROUTABLE) && !lane->is_ingest;
}

/* Publisher's thread. */
static void on_published(struct sw_publish *publish, int result)
{
	struct parcel *parcel = (struct parcel *)publish;
	struct lane *lane = parcel->lane;
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
	/* What came while the lane was full waits for nothing else; what came before or after that has a timer. */
	if (lane->in_flight-- >= lane->in_flight_max) {
		lane->next_mono_ms = 0;
	}
	if (result != SW_ECLOSED) {
		(void)flush_if_due(lane);
	}
	pthread_mutex_unlock(&lane->lock);
	tell_loops(lane->gateway, parcel->waiters, result);
	free(parcel);
}
