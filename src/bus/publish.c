/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher: mailbox -> pending -> window -> broker -> done. What is in the window when the connection goes is sent
 * again, in order, before anything newer. It does not retry refusals: that is its callers' policy. */
#include "base/metrics.h"
#include "bus/amqp_encode.h"
#include "bus/link.h"
#include "bus/publish_window.h"

#include <surewire/mem.h>

#include <amqp_framing.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_FOUND = 404 };

struct sw_publisher {
	struct sw_link link;
	struct sw_mailbox mailbox;
	_Atomic size_t admitted_messages; /* taken and not yet done */
	_Atomic size_t admitted_bytes;
	/* The rest is the thread's. */
	struct sw_mail *pending; /* numbered, waiting for room in the window */
	struct sw_mail **pending_last;
	struct sw_publish_window window;
	uint64_t next_number;
	bool up;
	bool nacked;    /* what settle is doing */
	bool returning; /* between basic.return and the end of its body */
	uint64_t returning_left;
	const amqp_channel_close_t *closing; /* what take is doing */
	struct sw_metric *published;
	struct sw_metric *confirmed;
	struct sw_metric *refused;
	struct sw_metric *returned;
	struct sw_metric *republished;
	struct sw_metric *unconfirmed;
};

static void finish(struct sw_publisher *publisher, struct sw_publish *p, int result)
{
	struct sw_blob *body = p->body;
	atomic_fetch_sub(&publisher->admitted_messages, 1);
	atomic_fetch_sub(&publisher->admitted_bytes, body->len);
	p->done(p, result);
	sw_blob_unref(body);
}

/* ---- the link's callbacks ---- */

static int setup(void *ctx, amqp_connection_state_t conn, struct sw_diag *diag_out)
{
	(void)ctx;
	amqp_confirm_select(conn, SW_BUS_CHANNEL);
	return sw_bus_reply(conn, "confirms", diag_out);
}

static void on_up(void *ctx)
{
	struct sw_publisher *publisher = ctx;
	publisher->up = true;
}

static void on_down(void *ctx)
{
	struct sw_publisher *publisher = ctx;
	publisher->up = false;
	publisher->returning = false;
	sw_metric_add(publisher->republished, (int64_t)publisher->window.count);
	sw_window_rewind(&publisher->window);
}

static void on_settled(void *ctx, void *item, bool returned)
{
	struct sw_publisher *publisher = ctx;
	if (publisher->nacked) {
		sw_metric_add(publisher->refused, 1);
		finish(publisher, item, SW_EREFUSED);
	} else if (returned) {
		sw_metric_add(publisher->returned, 1);
		finish(publisher, item, SW_EUNROUTABLE);
	} else {
		sw_metric_add(publisher->confirmed, 1);
		finish(publisher, item, SW_OK);
	}
}

static void settle(struct sw_publisher *publisher, uint64_t tag, bool multiple, bool nacked)
{
	publisher->nacked = nacked;
	if (!sw_window_settle(&publisher->window, tag, multiple, on_settled, publisher)) {
		sw_link_fail(&publisher->link, SW_EPROTO, "the broker confirmed what was not outstanding");
	}
}

/* The header of a returned message says which one it was. */
static void on_return_header(struct sw_publisher *publisher, const amqp_frame_t *frame)
{
	const amqp_basic_properties_t *properties = frame->payload.properties.decoded;
	uint64_t number;
	publisher->returning_left = frame->payload.properties.body_size;
	publisher->returning = publisher->returning_left > 0;
	bool known = frame->payload.properties.class_id == AMQP_BASIC_CLASS &&
		     (properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG) != 0 &&
		     sw_amqp_message_number(sw_bytes(properties->message_id.bytes, properties->message_id.len),
					    &number) &&
		     sw_window_return(&publisher->window, number);
	if (!known) {
		sw_link_fail(&publisher->link, SW_EPROTO, "the broker returned what was not outstanding");
	}
}

static void on_return_body(struct sw_publisher *publisher, size_t len)
{
	publisher->returning_left -= len < publisher->returning_left ? len : publisher->returning_left;
	publisher->returning = publisher->returning_left > 0;
}

static void on_method(struct sw_publisher *publisher, const amqp_method_t *method)
{
	if (method->id == AMQP_BASIC_ACK_METHOD) {
		const amqp_basic_ack_t *ack = method->decoded;
		settle(publisher, ack->delivery_tag, ack->multiple, false);
	} else if (method->id == AMQP_BASIC_NACK_METHOD) {
		const amqp_basic_nack_t *nack = method->decoded;
		settle(publisher, nack->delivery_tag, nack->multiple, true);
	} else if (method->id == AMQP_BASIC_RETURN_METHOD) {
		publisher->returning = true;
		publisher->returning_left = 0;
	} else {
		sw_link_fail(&publisher->link, SW_EPROTO, "unexpected method 0x%08x", (unsigned)method->id);
	}
}

static void on_frame(void *ctx, const amqp_frame_t *frame)
{
	struct sw_publisher *publisher = ctx;
	if (frame->frame_type == AMQP_FRAME_METHOD) {
		on_method(publisher, &frame->payload.method);
	} else if (frame->frame_type == AMQP_FRAME_HEADER && publisher->returning) {
		on_return_header(publisher, frame);
	} else if (frame->frame_type == AMQP_FRAME_BODY && publisher->returning) {
		on_return_body(publisher, frame->payload.body_fragment.len);
	}
}

/* "NOT_FOUND - no exchange 'retry.1000' in vhost '/'": that it names the exchange of this item. */
static bool is_for_missing_exchange(void *ctx, const void *item)
{
	const struct sw_publisher *publisher = ctx;
	const struct sw_publish *p = item;
	amqp_bytes_t text = publisher->closing->reply_text;
	char quoted[270];
	int len = snprintf(quoted, sizeof(quoted), "'%s'", p->exchange);
	return p->exchange[0] && memmem(text.bytes, text.len, quoted, (size_t)len) != NULL;
}

static void on_missing_exchange(void *ctx, void *item, bool returned)
{
	struct sw_publisher *publisher = ctx;
	(void)returned;
	sw_metric_add(publisher->returned, 1);
	finish(publisher, item, SW_EUNROUTABLE);
}

/* Sent again, they would close every connection to come. */
static void on_channel_close(void *ctx, const amqp_channel_close_t *close_method)
{
	struct sw_publisher *publisher = ctx;
	if (close_method->reply_code == NOT_FOUND) {
		publisher->closing = close_method;
		sw_window_take(&publisher->window, is_for_missing_exchange, on_missing_exchange, publisher);
		publisher->closing = NULL;
	}
}

static void take_posted(struct sw_publisher *publisher)
{
	*publisher->pending_last = sw_mailbox_take(&publisher->mailbox);
	while (*publisher->pending_last) {
		struct sw_publish *p = (struct sw_publish *)*publisher->pending_last;
		p->number = ++publisher->next_number;
		publisher->pending_last = &p->mail.next;
	}
}

static bool fill_window(struct sw_publisher *publisher)
{
	struct sw_publish *p = (struct sw_publish *)publisher->pending;
	if (!p || !sw_window_push(&publisher->window, p, p->number)) {
		return false;
	}
	publisher->pending = p->mail.next;
	if (!publisher->pending) {
		publisher->pending_last = &publisher->pending;
	}
	return true;
}

static void pump(void *ctx)
{
	struct sw_publisher *publisher = ctx;
	struct sw_link *link = &publisher->link;
	int64_t sent = 0;
	take_posted(publisher);
	while (publisher->up && !link->blocked && link->failed == SW_OK && sw_link_has_room(link)) {
		struct sw_publish *p = sw_window_peek_unsent(&publisher->window);
		if (!p && fill_window(publisher)) {
			p = sw_window_peek_unsent(&publisher->window);
		}
		if (!p) {
			break;
		}
		sw_amqp_put_publish(&link->out, p, link->frame_max);
		(void)sw_window_sent(&publisher->window);
		sent++;
	}
	if (link->out.err < 0) {
		sw_link_fail(link, link->out.err, "the output buffer is over its limit");
	}
	if (sent) {
		sw_metric_add(publisher->published, sent);
	}
	sw_metric_set(publisher->unconfirmed, (int64_t)atomic_load(&publisher->admitted_messages));
}

static bool idle(void *ctx)
{
	struct sw_publisher *publisher = ctx;
	return atomic_load(&publisher->admitted_messages) == 0;
}

static void on_unknown(void *ctx, void *item, bool returned)
{
	(void)returned;
	finish(ctx, item, SW_ECLOSED);
}

/* The mailbox is closed: nothing can come after this. */
static void on_exit_thread(void *ctx)
{
	struct sw_publisher *publisher = ctx;
	take_posted(publisher);
	sw_window_take(&publisher->window, NULL, on_unknown, publisher);
	while (publisher->pending) {
		struct sw_mail *mail = publisher->pending;
		publisher->pending = mail->next;
		finish(publisher, (struct sw_publish *)mail, SW_ECLOSED);
	}
	sw_metric_set(publisher->unconfirmed, 0);
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

static void free_publisher(struct sw_publisher *publisher)
{
	sw_window_release(&publisher->window);
	sw_mailbox_release(&publisher->mailbox);
	sw_link_release(&publisher->link);
	free(publisher);
}

static void register_metrics(struct sw_publisher *publisher)
{
	const struct sw_link *link = &publisher->link;
	publisher->published = sw_link_counter(link, "surewire_bus_published_total", "Messages sent to the broker");
	publisher->confirmed = sw_link_counter(link, "surewire_bus_confirmed_total", "Messages the broker confirmed");
	publisher->refused = sw_link_counter(link, "surewire_bus_refused_total", "Messages the broker refused");
	publisher->returned = sw_link_counter(link, "surewire_bus_returned_total", "Messages that no queue takes");
	publisher->republished = sw_link_counter(link, "surewire_bus_republished_total",
						 "Unconfirmed messages of lost connections");
	publisher->unconfirmed = sw_link_gauge(link, "surewire_bus_unconfirmed", "Messages taken and not yet done");
}

int sw_publisher_open(const struct sw_bus_config *config, const char *role_name, struct sw_publisher **out)
{
	*out = NULL;
	if (config->inflight_messages_max == 0 || config->inflight_messages_max > 1000000 ||
	    config->inflight_bytes_max == 0) {
		return SW_EINVAL;
	}
	struct sw_publisher *publisher = sw_xcalloc(1, sizeof(*publisher));
	int err = sw_link_init(&publisher->link, config, role_name);
	if (err < 0) {
		free(publisher);
		return err;
	}
	publisher->pending_last = &publisher->pending;
	/* Twice: a confirm that is late leaves holes behind it. */
	sw_window_init(&publisher->window, 2 * config->inflight_messages_max);
	sw_mailbox_init(&publisher->mailbox, SIZE_MAX, sw_link_wake, &publisher->link);
	register_metrics(publisher);
	err = sw_link_start(&publisher->link, &ops, publisher);
	if (err < 0) {
		free_publisher(publisher);
		return err;
	}
	*out = publisher;
	return SW_OK;
}

static void give_back(struct sw_publisher *publisher, size_t bytes)
{
	atomic_fetch_sub(&publisher->admitted_messages, 1);
	atomic_fetch_sub(&publisher->admitted_bytes, bytes);
}

/* One message always fits, whatever its size, when nothing else is in flight. */
static int send_within(struct sw_publisher *publisher, struct sw_publish *p, bool bounded)
{
	size_t bytes = p->body->len;
	assert(p->done && strnlen(p->routing_key, sizeof(p->routing_key)) < sizeof(p->routing_key));
	if (bytes > SW_BUS_BODY_MAX || strlen(p->exchange) > UINT8_MAX) {
		return SW_ELIMIT;
	}
	size_t messages = atomic_fetch_add(&publisher->admitted_messages, 1) + 1;
	size_t total_bytes = atomic_fetch_add(&publisher->admitted_bytes, bytes) + bytes;
	const struct sw_bus_config *config = &publisher->link.config;
	if (bounded && messages > 1 &&
	    (messages > config->inflight_messages_max || total_bytes > config->inflight_bytes_max)) {
		give_back(publisher, bytes);
		return SW_EBUSY;
	}
	if (!sw_mailbox_post_always(&publisher->mailbox, &p->mail)) {
		give_back(publisher, bytes);
		return SW_ECLOSED;
	}
	return SW_OK;
}

int sw_publisher_send(struct sw_publisher *publisher, struct sw_publish *p)
{
	return send_within(publisher, p, true);
}

int sw_publisher_send_always(struct sw_publisher *publisher, struct sw_publish *p)
{
	return send_within(publisher, p, false);
}

struct sw_link_state sw_publisher_state(struct sw_publisher *publisher)
{
	struct sw_link_state state = sw_link_get_state(&publisher->link);
	state.unconfirmed = atomic_load(&publisher->admitted_messages);
	return state;
}

void sw_publisher_close(struct sw_publisher *publisher, int64_t drain_deadline_mono_ms)
{
	if (!publisher) {
		return;
	}
	sw_mailbox_close(&publisher->mailbox);
	sw_link_stop(&publisher->link, drain_deadline_mono_ms);
	free_publisher(publisher);
}
