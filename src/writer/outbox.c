/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes what a committed batch emitted, and acks the batch when all of it that must not be lost is confirmed.
 * A refused or unroutable message is sent again until it is taken: nothing accepted is dropped because a queue is full. */
#include "writer/writer_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 200 };

/* Publisher's thread: back to the engine's. */
static void on_done(struct sw_publish *publish, int result)
{
	struct parcel *parcel = (struct parcel *)publish;
	struct sw_engine *engine = publish->ctx;
	parcel->result = result;
	sw_mailbox_post_always(&engine->inbox, &parcel->note.mail);
}

static void dispatch(struct sw_engine *engine, struct parcel *parcel)
{
	parcel->publish.body = sw_blob_ref(parcel->body);
	if (!engine->publisher || sw_publisher_send_always(engine->publisher, &parcel->publish) != SW_OK) {
		sw_blob_unref(parcel->publish.body);
		parcel->result = SW_ECLOSED;
		sw_mailbox_post_always(&engine->inbox, &parcel->note.mail);
	}
}

static struct lane *lane_of(struct sw_engine *engine, const struct parcel *parcel)
{
	return &engine->lanes[strtoul(strchr(parcel->publish.routing_key, '.') + 1, NULL, 10) % SW_LOGICAL_PARTITIONS];
}

static void lane_push(struct sw_engine *engine, struct parcel *parcel)
{
	struct lane *lane = lane_of(engine, parcel);
	parcel->next = NULL;
	if (!lane->first) {
		lane->last = &lane->first;
	}
	*lane->last = parcel;
	lane->last = &parcel->next;
	if (!lane->in_flight) {
		lane->in_flight = true;
		dispatch(engine, parcel);
	}
}

static struct parcel *parcel_new(struct sw_engine *engine, struct sw_out *out, struct flight *flight)
{
	struct parcel *parcel = sw_xcalloc(1, sizeof(*parcel));
	parcel->note.kind = MAIL_PUBLISHED;
	parcel->kind = out->kind;
	parcel->node = out->node;
	parcel->flight = out->kind == SW_OUT_NODE ? NULL : flight;
	parcel->publish.exchange = out->exchange;
	snprintf(parcel->publish.routing_key, sizeof(parcel->publish.routing_key), "%s", out->routing_key);
	parcel->body = sw_blob_new(sw_buf_bytes(&out->buf));
	parcel->publish.mandatory = true;
	parcel->publish.persistent = out->kind != SW_OUT_NODE;
	parcel->publish.done = on_done;
	parcel->publish.ctx = engine;
	return parcel;
}

static struct flight *flight_start(struct sw_engine *engine, struct arrival *arrivals)
{
	struct flight *flight = sw_xcalloc(1, sizeof(*flight));
	flight->arrivals = arrivals;
	if (!engine->flight_first) {
		engine->flight_last = &engine->flight_first;
	}
	*engine->flight_last = flight;
	engine->flight_last = &flight->next;
	engine->flights++;
	return flight;
}

static void flights_land(struct sw_engine *engine)
{
	while (engine->flight_first && engine->flight_first->waiting == 0) {
		struct flight *flight = engine->flight_first;
		engine->flight_first = flight->next;
		engine->lost |= flight->lost;
		engine_arrivals_end(engine, flight->arrivals, !engine->lost);
		free(flight);
		engine->flights--;
	}
}

static bool taken_here(const struct sw_engine *engine, const struct sw_out *out)
{
	const struct sw_writer_config *config = &engine->writer->config;
	if (out->kind != SW_OUT_NODE || out->node != config->here || !config->take_here) {
		return false;
	}
	struct sw_blob *envelope = sw_blob_new(sw_buf_bytes(&out->buf));
	bool taken = config->take_here(config->take_ctx, envelope);
	sw_blob_unref(envelope);
	return taken;
}

void outbox_send(struct sw_engine *engine, struct sw_batch *batch, struct arrival *arrivals)
{
	struct flight *flight = flight_start(engine, arrivals);
	for (struct sw_out *out = batch->outs; out; out = out->next) {
		flight->waiting += out->kind != SW_OUT_NODE;
	}
	if (flight->waiting == 0) {
		flights_land(engine);
		flight = NULL;
	}
	for (struct sw_out *out = batch->outs; out; out = out->next) {
		if (taken_here(engine, out)) {
			continue;
		}
		struct parcel *parcel = parcel_new(engine, out, flight);
		if (out->kind == SW_OUT_MAILBOX) {
			lane_push(engine, parcel);
		} else {
			dispatch(engine, parcel);
		}
	}
}

static void note_gone_node(struct sw_engine *engine, int64_t node)
{
	for (unsigned i = 0; i < engine->gone_count; i++) {
		if (engine->gone_nodes[i] == node) {
			return;
		}
	}
	if (engine->gone_count < sizeof(engine->gone_nodes) / sizeof(engine->gone_nodes[0])) {
		SW_LOG(INFO, "writer.node_gone", SW_F_INT("node", node));
		engine->gone_nodes[engine->gone_count++] = node;
	}
}

static void finish(struct sw_engine *engine, struct parcel *parcel)
{
	if (parcel->kind == SW_OUT_MAILBOX) {
		struct lane *lane = lane_of(engine, parcel);
		lane->first = parcel->next;
		lane->in_flight = lane->first != NULL;
		if (lane->first) {
			dispatch(engine, lane->first);
		}
	}
	if (parcel->flight && --parcel->flight->waiting == 0) {
		flights_land(engine);
	}
	sw_blob_unref(parcel->body);
	free(parcel);
}

/* Nothing more will be confirmed: the batch stays unacked and will be redelivered. */
static void abandon(struct sw_engine *engine, struct parcel *parcel)
{
	if (parcel->flight) {
		parcel->flight->lost = true;
		if (--parcel->flight->waiting == 0) {
			flights_land(engine);
		}
	}
	if (parcel->kind == SW_OUT_MAILBOX) {
		struct lane *lane = lane_of(engine, parcel);
		lane->first = parcel->next;
		lane->in_flight = false;
		if (lane->first) {
			abandon(engine, lane->first);
		}
	}
	sw_blob_unref(parcel->body);
	free(parcel);
}

void outbox_published(struct sw_engine *engine, struct parcel *parcel)
{
	if (parcel->kind == SW_OUT_NODE) {
		if (parcel->result == SW_EUNROUTABLE) {
			note_gone_node(engine, parcel->node);
		}
		finish(engine, parcel);
		return;
	}
	switch (parcel->result) {
	case SW_OK:
		finish(engine, parcel);
		break;
	case SW_ECLOSED:
		abandon(engine, parcel);
		break;
	default:
		sw_metric_add(engine->writer->retried, 1);
		SW_LOG(WARN, "writer.publish_refused", SW_F_STR("queue", parcel->publish.routing_key),
		       SW_F_STR("exchange", parcel->publish.exchange), SW_F_ERR(parcel->result));
		parcel->retry_at_ms = sw_clock_mono_ms() + RETRY_MS;
		parcel->retry_next = engine->retries;
		engine->retries = parcel;
		break;
	}
}

int64_t outbox_retry(struct sw_engine *engine)
{
	int64_t now_ms = sw_clock_mono_ms();
	int64_t next_ms = INT64_MAX;
	struct parcel *list = engine->retries;
	engine->retries = NULL;
	while (list) {
		struct parcel *parcel = list;
		list = parcel->retry_next;
		if (parcel->retry_at_ms <= now_ms) {
			dispatch(engine, parcel);
			continue;
		}
		next_ms = parcel->retry_at_ms < next_ms ? parcel->retry_at_ms : next_ms;
		parcel->retry_next = engine->retries;
		engine->retries = parcel;
	}
	return next_ms;
}
