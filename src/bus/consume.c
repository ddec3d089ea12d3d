/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer: frames -> delivery -> its owner, verdicts -> ack frames. Whatever ends the subscription (cancelled,
 * queue missing, connection lost) ends the connection too, and everything starts anew: there is one way to recover. */
#include "base/metrics.h"
#include "bus/ack_list.h"
#include "bus/amqp_encode.h"
#include "bus/link.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <amqp_framing.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRANSIENT_LENGTH_MAX = 100000, STOP_MAX_MS = 5000 };
/* RabbitMQ's channel passes at most so many acks on to a quorum queue at once (quorum_commands_soft_limit) and holds
 * the rest in memory, which a goodbye would throw away: see lingering(). */
enum { BROKER_HOLDS_FROM = 32, LINGER_MIN_MS = 100, LINGER_ACKS_PER_MS = 3 };

struct sw_consumer {
	struct sw_link link;
	struct sw_consumer_config config;
	struct sw_mailbox mailbox;  /* ended deliveries */
	_Atomic size_t outstanding; /* deliveries not ended */
	bool stopped;               /* the caller's */
	/* The rest is the thread's. */
	uint32_t generation;
	bool up;
	struct sw_ack_list acks;
	int64_t acked_mono_ms;       /* when frames of acks were last sent, */
	int64_t undigested;          /* and how many of them the broker may still hold */
	struct sw_delivery *partial; /* method seen, body not complete */
	bool header_seen;
	bool oversized;
	uint64_t body_left;
	struct sw_buf body;
	struct sw_metric *delivered;
	struct sw_metric *redelivered;
	struct sw_metric *settled;
};

/* ---- subscribing ---- */

static int declare_transient(const struct sw_consumer *consumer, amqp_connection_state_t conn, const char *what,
			     struct sw_diag *diag_out)
{
	amqp_table_entry_t entries[] = {
		{.key = amqp_cstring_bytes("x-max-length"),
		 .value = {.kind = AMQP_FIELD_KIND_I32, .value.i32 = TRANSIENT_LENGTH_MAX}},
		{.key = amqp_cstring_bytes("x-overflow"),
		 .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes("drop-head")}},
	};
	amqp_queue_declare(conn, SW_BUS_CHANNEL, amqp_cstring_bytes(consumer->config.queue), 0, 0, 1, 1,
			   (amqp_table_t){2, entries});
	return sw_bus_reply(conn, what, diag_out);
}

static int setup(void *ctx, amqp_connection_state_t conn, struct sw_diag *diag_out)
{
	const struct sw_consumer *consumer = ctx;
	char what[SW_BUS_NAME_MAX + 8];
	snprintf(what, sizeof(what), "queue %s", consumer->config.queue);
	int err = consumer->config.transient ? declare_transient(consumer, conn, what, diag_out) : SW_OK;
	if (err == SW_OK && consumer->config.prefetch) {
		amqp_basic_qos(conn, SW_BUS_CHANNEL, 0, consumer->config.prefetch, 0);
		err = sw_bus_reply(conn, "prefetch", diag_out);
	}
	if (err == SW_OK) {
		amqp_basic_consume(conn, SW_BUS_CHANNEL, amqp_cstring_bytes(consumer->config.queue), amqp_empty_bytes,
				   0, consumer->config.no_ack, 0, amqp_empty_table);
		err = sw_bus_reply(conn, what, diag_out);
	}
	const struct sw_bus_config *config = &consumer->link.config;
	if (err == SW_ENOTFOUND && config->restore) {
		config->restore(config->restore_ctx); /* the next attempt finds it */
	}
	return err;
}

static void on_up(void *ctx)
{
	struct sw_consumer *consumer = ctx;
	consumer->generation++;
	consumer->up = true;
	if (consumer->config.on_state) {
		consumer->config.on_state(consumer->config.ctx, true);
	}
}

static void destroy(struct sw_delivery *delivery)
{
	struct sw_consumer *consumer = delivery->consumer;
	sw_delivery_destroy(delivery);
	atomic_fetch_sub(&consumer->outstanding, 1);
}

static void drop_partial(struct sw_consumer *consumer)
{
	if (consumer->partial) {
		destroy(consumer->partial);
		consumer->partial = NULL;
	}
	sw_buf_release(&consumer->body);
	sw_buf_init(&consumer->body, SW_BUS_BODY_MAX);
}

static void on_down(void *ctx)
{
	struct sw_consumer *consumer = ctx;
	consumer->up = false;
	drop_partial(consumer);
	sw_ack_list_forget(&consumer->acks);
	if (consumer->config.on_state) {
		consumer->config.on_state(consumer->config.ctx, false);
	}
}

/* ---- receiving ---- */

static void on_deliver(struct sw_consumer *consumer, const amqp_basic_deliver_t *method)
{
	if (consumer->partial) {
		sw_link_fail(&consumer->link, SW_EPROTO, "a delivery inside another");
		return;
	}
	struct sw_delivery *delivery = sw_xcalloc(1, sizeof(*delivery));
	atomic_fetch_add(&consumer->outstanding, 1);
	delivery->consumer = consumer;
	delivery->tag = method->delivery_tag;
	delivery->generation = consumer->generation;
	delivery->redelivered = method->redelivered;
	size_t len = method->routing_key.len;
	len = len < sizeof(delivery->routing_key) ? len : sizeof(delivery->routing_key) - 1;
	memcpy(delivery->routing_key, method->routing_key.bytes, len);
	consumer->partial = delivery;
	consumer->header_seen = false;
	consumer->oversized = false;
}

/* x-delivery-count, whatever integer type the broker chose; 0 when absent. */
static int64_t delivery_count(const amqp_basic_properties_t *properties)
{
	if (!(properties->_flags & AMQP_BASIC_HEADERS_FLAG)) {
		return 0;
	}
	for (int i = 0; i < properties->headers.num_entries; i++) {
		const amqp_table_entry_t *entry = &properties->headers.entries[i];
		if (!sw_bytes_equal_str(sw_bytes(entry->key.bytes, entry->key.len), "x-delivery-count")) {
			continue;
		}
		switch (entry->value.kind) {
		case AMQP_FIELD_KIND_I64:
			return entry->value.value.i64;
		case AMQP_FIELD_KIND_I32:
			return entry->value.value.i32;
		case AMQP_FIELD_KIND_I16:
			return entry->value.value.i16;
		case AMQP_FIELD_KIND_I8:
			return entry->value.value.i8;
		default:
			return 0;
		}
	}
	return 0;
}

/* Not ours: nothing of Surewire sends such a thing. Rejected, so that a queue with dead-lettering keeps it. */
static void refuse_oversized(struct sw_consumer *consumer)
{
	struct sw_delivery *delivery = consumer->partial;
	SW_LOG(ERROR, "bus.oversized", SW_F_STR("queue", consumer->config.queue), SW_F_U64("tag", delivery->tag),
	       SW_F_INT("limit_bytes", SW_BUS_BODY_MAX));
	if (!consumer->config.no_ack) {
		sw_amqp_put_nack(&consumer->link.out, delivery->tag, false);
	}
	drop_partial(consumer);
}

static void deliver(struct sw_consumer *consumer, struct sw_bytes body)
{
	struct sw_delivery *delivery = consumer->partial;
	consumer->partial = NULL;
	delivery->body = sw_blob_new(body);
	sw_metric_add(consumer->delivered, 1);
	sw_metric_add(consumer->redelivered, delivery->redelivered);
	if (!consumer->config.no_ack) {
		sw_ack_list_add(&consumer->acks, delivery);
	}
	consumer->config.on_delivery(consumer->config.ctx, delivery);
}

static void finish_body(struct sw_consumer *consumer)
{
	if (consumer->oversized) {
		refuse_oversized(consumer);
		return;
	}
	deliver(consumer, sw_buf_bytes(&consumer->body));
	sw_buf_clear(&consumer->body);
}

static void on_header(struct sw_consumer *consumer, const amqp_frame_t *frame)
{
	consumer->header_seen = true;
	consumer->body_left = frame->payload.properties.body_size;
	consumer->oversized = consumer->body_left > SW_BUS_BODY_MAX;
	consumer->partial->delivery_count = delivery_count(frame->payload.properties.decoded);
	if (consumer->body_left == 0) {
		finish_body(consumer);
	}
}

static void on_body(struct sw_consumer *consumer, amqp_bytes_t part)
{
	if (part.len > consumer->body_left) {
		sw_link_fail(&consumer->link, SW_EPROTO, "a body longer than its header says");
		return;
	}
	consumer->body_left -= part.len;
	if (consumer->body_left == 0 && consumer->body.len == 0 && !consumer->oversized) {
		/* The usual case: one frame, one copy. */
		deliver(consumer, sw_bytes(part.bytes, part.len));
		return;
	}
	if (!consumer->oversized) {
		sw_buf_put(&consumer->body, part.bytes, part.len);
	}
	if (consumer->body_left == 0) {
		finish_body(consumer);
	}
}

static void on_frame(void *ctx, const amqp_frame_t *frame)
{
	struct sw_consumer *consumer = ctx;
	bool body_due = consumer->partial && consumer->header_seen;
	if (frame->frame_type == AMQP_FRAME_METHOD && frame->payload.method.id == AMQP_BASIC_DELIVER_METHOD) {
		on_deliver(consumer, frame->payload.method.decoded);
	} else if (frame->frame_type == AMQP_FRAME_METHOD && frame->payload.method.id == AMQP_BASIC_CANCEL_METHOD) {
		sw_link_fail(&consumer->link, SW_EUNAVAILABLE, "queue %s: subscription cancelled by the broker",
			     consumer->config.queue);
	} else if (frame->frame_type == AMQP_FRAME_HEADER && consumer->partial && !body_due &&
		   frame->payload.properties.class_id == AMQP_BASIC_CLASS) {
		on_header(consumer, frame);
	} else if (frame->frame_type == AMQP_FRAME_BODY && body_due) {
		on_body(consumer, frame->payload.body_fragment);
	} else {
		sw_link_fail(&consumer->link, SW_EPROTO, "unexpected frame of type %d", frame->frame_type);
	}
}

static void on_channel_close(void *ctx, const amqp_channel_close_t *close_method)
{
	(void)ctx;
	(void)close_method;
}

/* ---- verdicts ---- */

static void on_ack_frame(void *ctx, const struct sw_ack_frame *frame)
{
	struct sw_consumer *consumer = ctx;
	consumer->undigested++;
	if (frame->requeue) {
		sw_amqp_put_nack(&consumer->link.out, frame->tag, true);
	} else {
		sw_amqp_put_ack(&consumer->link.out, frame->tag, frame->multiple);
	}
}

/* Frees what belongs to older connections, gives back the chain of this one. */
static struct sw_mail *drop_stale(struct sw_consumer *consumer, struct sw_mail *mail, size_t *count_out)
{
	struct sw_mail *batch = NULL;
	struct sw_mail **last = &batch;
	*count_out = 0;
	while (mail) {
		struct sw_delivery *delivery = (struct sw_delivery *)mail;
		mail = mail->next;
		if (consumer->up && delivery->generation == consumer->generation) {
			delivery->mail.next = NULL;
			*last = &delivery->mail;
			last = &delivery->mail.next;
			*count_out += 1;
		} else {
			destroy(delivery);
		}
	}
	return batch;
}

/* Acks that the broker may not have passed on by then. */
static int64_t undigested(const struct sw_consumer *consumer, int64_t now_ms)
{
	int64_t left = consumer->undigested - (now_ms - consumer->acked_mono_ms) * LINGER_ACKS_PER_MS;
	return left > 0 ? left : 0;
}

static void pump(void *ctx)
{
	struct sw_consumer *consumer = ctx;
	size_t count;
	struct sw_mail *batch = drop_stale(consumer, sw_mailbox_take(&consumer->mailbox), &count);
	if (batch) {
		int64_t now = sw_clock_mono_ms();
		consumer->undigested = undigested(consumer, now);
		consumer->acked_mono_ms = now;
		sw_ack_list_settle(&consumer->acks, batch, on_ack_frame, consumer);
		atomic_fetch_sub(&consumer->outstanding, count);
		sw_metric_add(consumer->settled, (int64_t)count);
	}
	if (consumer->link.out.err < 0) {
		sw_link_fail(&consumer->link, consumer->link.out.err, "the output buffer is over its limit");
	}
}

/* The broker is given a moment to digest a burst of single acks. One ack for many is no burst. */
static bool lingering(const struct sw_consumer *consumer)
{
	int64_t linger_ms = LINGER_MIN_MS + consumer->undigested / LINGER_ACKS_PER_MS;
	return consumer->up && consumer->undigested > BROKER_HOLDS_FROM &&
	       sw_clock_mono_ms() - consumer->acked_mono_ms < linger_ms;
}

static bool idle(void *ctx)
{
	struct sw_consumer *consumer = ctx;
	return sw_mailbox_count(&consumer->mailbox) == 0 && !lingering(consumer);
}

static void on_exit_thread(void *ctx)
{
	(void)ctx;
}

static const struct sw_link_ops ops = {
	.setup = setup,
	.on_up = on_up,
	.on_down = on_down,
	.on_frame = on_frame,
	.on_channel_close = on_channel_close,
	.pump = pump,
	.idle = idle,
	.on_exit = on_exit_thread,
};

/* ---- the callers' side ---- */

static void free_consumer(struct sw_consumer *consumer)
{
	sw_buf_release(&consumer->body);
	sw_mailbox_release(&consumer->mailbox);
	sw_link_release(&consumer->link);
	free(consumer);
}

int sw_consumer_open(const struct sw_bus_config *config, const struct sw_consumer_config *consumer_config,
		     struct sw_consumer **out)
{
	*out = NULL;
	size_t name_len = strnlen(consumer_config->queue, SW_BUS_NAME_MAX);
	if (name_len == 0 || name_len == SW_BUS_NAME_MAX || !consumer_config->on_delivery ||
	    (consumer_config->prefetch == 0 && !consumer_config->no_ack)) {
		return SW_EINVAL;
	}
	struct sw_consumer *consumer = sw_xcalloc(1, sizeof(*consumer));
	consumer->config = *consumer_config;
	struct sw_link *link = &consumer->link;
	int err = sw_link_init(link, config, consumer->config.queue);
	if (err < 0) {
		free(consumer);
		return err;
	}
	sw_mailbox_init(&consumer->mailbox, SIZE_MAX, sw_link_wake, link);
	sw_buf_init(&consumer->body, SW_BUS_BODY_MAX);
	consumer->delivered = sw_link_counter(link, "surewire_bus_delivered_total", "Messages received");
	consumer->redelivered = sw_link_counter(link, "surewire_bus_redelivered_total",
						"Messages received that were sent before");
	consumer->settled = sw_link_counter(link, "surewire_bus_settled_total", "Deliveries ended by their owner");
	err = sw_link_start(link, &ops, consumer);
	if (err < 0) {
		free_consumer(consumer);
		return err;
	}
	*out = consumer;
	return SW_OK;
}

static void end(struct sw_delivery *delivery, enum sw_verdict verdict)
{
	struct sw_consumer *consumer = delivery->consumer;
	delivery->asked = (uint8_t)verdict;
	if (consumer->config.no_ack || !sw_mailbox_post_always(&consumer->mailbox, &delivery->mail)) {
		destroy(delivery);
	}
}

void sw_delivery_ack(struct sw_delivery *delivery)
{
	end(delivery, SW_VERDICT_ACK);
}

void sw_delivery_requeue(struct sw_delivery *delivery)
{
	end(delivery, SW_VERDICT_REQUEUE);
}

void sw_delivery_free(struct sw_delivery *delivery)
{
	end(delivery, SW_VERDICT_KEEP);
}

struct sw_link_state sw_consumer_state(struct sw_consumer *consumer)
{
	struct sw_link_state state = sw_link_get_state(&consumer->link);
	state.unconfirmed = atomic_load(&consumer->outstanding);
	return state;
}

void sw_consumer_stop_soon(struct sw_consumer *consumer)
{
	sw_link_stop_soon(&consumer->link, sw_clock_mono_ms() + STOP_MAX_MS);
}

void sw_consumer_stop(struct sw_consumer *consumer)
{
	if (consumer->stopped) {
		return;
	}
	consumer->stopped = true;
	sw_link_stop(&consumer->link, sw_clock_mono_ms() + STOP_MAX_MS);
	sw_mailbox_close(&consumer->mailbox);
	struct sw_mail *mail = sw_mailbox_take(&consumer->mailbox);
	while (mail) {
		struct sw_delivery *delivery = (struct sw_delivery *)mail;
		mail = mail->next;
		destroy(delivery);
	}
}

void sw_consumer_free(struct sw_consumer *consumer)
{
	if (consumer) {
		assert(atomic_load(&consumer->outstanding) == 0);
		free_consumer(consumer);
	}
}
