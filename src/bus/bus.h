/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing with confirms and consuming with manual acks over RabbitMQ. Every publisher and every consumer owns one
 * thread, one connection and one channel; it connects in the background, comes back with backoff, and never blocks its
 * callers. Queues and exchanges are declared by topology.h, except the transient queue of a consumer.
 * Delivery is at least once: what was unconfirmed when a connection was lost is published again, in order. */
#ifndef SW_BUS_BUS_H
#define SW_BUS_BUS_H

#include "base/blob.h"
#include "loop/mailbox.h"

#include <surewire/err.h>

enum {
	SW_BUS_NAME_MAX = 64,               /* queue names and routing keys, with the terminator */
	SW_BUS_BODY_MAX = 16 * 1024 * 1024, /* one message; larger is refused on both sides */
};

/* Copied by open; the strings are borrowed and stay valid while anything is open. */
struct sw_bus_config {
	const char *host; /* an address, or a name that resolves at once: resolving has no deadline */
	uint16_t port;
	const char *vhost;
	const char *user;
	const char *password;
	const char *name; /* prefix of the connection names that the management UI shows */
	int heartbeat_s;  /* 1 … 600 */
	int connect_timeout_ms;
	size_t inflight_messages_max; /* of one publisher: taken and not yet done */
	size_t inflight_bytes_max;
	/* A durable queue is not there (any more): somebody deleted it. Makes it again; may block, consumers' threads.
	 * NULL: it is waited for. */
	void (*restore)(void *ctx);
	void *restore_ctx;
};

/* amqp://user:password@host[:port][/vhost], percent-decoded; [::1] for IPv6; no path or "/" is the vhost "/".
 * The other members get defaults. SW_ECONFIG with what was expected (never the password). Release it once. */
int sw_bus_config_parse(const char *amqp_url, struct sw_bus_config *config_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* Frees what parse allocated: host, vhost, user, password. */
void sw_bus_config_release(struct sw_bus_config *config);

struct sw_link_state {
	bool connected;        /* consumer: it is also subscribed */
	bool blocked;          /* the broker has an alarm and takes no publishes */
	size_t unconfirmed;    /* publisher: taken and not yet done; consumer: delivered and not yet ended */
	int64_t since_mono_ms; /* of the last change of connected */
	char last_error[160];  /* why the connection is, or was last, away; "" when it never was */
};

/* ---- publishing ---- */

/* One message. The caller's memory, given away by send and given back by done. */
struct sw_publish {
	struct sw_mail mail;               /* first */
	const char *exchange;              /* static string; "" is the default exchange */
	char routing_key[SW_BUS_NAME_MAX]; /* terminated */
	struct sw_blob *body;              /* one reference, given away; released after done() */
	bool mandatory;                    /* no queue: SW_EUNROUTABLE instead of a silent loss */
	bool persistent;
	/* The publisher's thread, exactly once, must not block. SW_OK: confirmed; SW_EUNROUTABLE: returned, or the
	 * exchange is missing; SW_EREFUSED: the broker said no (queue full), may be tried later; SW_ECLOSED: the
	 * publisher was closed before a confirm: unknown. It may free p and may send again. */
	void (*done)(struct sw_publish *p, int result);
	void *ctx;
	uint64_t number; /* the bus's own */
};

struct sw_publisher;

/* Starts the thread and returns at once; connecting has a backoff of 100 ms to 5 s with jitter and one log line per
 * change. role_name: label of logs, metrics and connection name; borrowed. SW_EINVAL when the config is unusable. */
int sw_publisher_open(const struct sw_bus_config *config, const char *role_name,
		      struct sw_publisher **out) SW_MUST_CHECK;
/* Any thread. SW_OK: taken. Otherwise p stays the caller's and done is not called: SW_EBUSY: the bounds are full;
 * SW_ELIMIT: the body is over SW_BUS_BODY_MAX; SW_ECLOSED: closing. Messages of one thread keep their order. */
int sw_publisher_send(struct sw_publisher *publisher, struct sw_publish *p) SW_MUST_CHECK;
/* The same past the bounds, for what was admitted before. Never SW_EBUSY. */
int sw_publisher_send_always(struct sw_publisher *publisher, struct sw_publish *p) SW_MUST_CHECK;
/* Any thread. */
struct sw_link_state sw_publisher_state(struct sw_publisher *publisher);
/* Refuses new messages, waits for the outstanding confirms until the deadline, ends the rest with SW_ECLOSED, joins
 * the thread (a connection attempt under way is not cut short) and frees. NULL is allowed. Not from done(). */
void sw_publisher_close(struct sw_publisher *publisher, int64_t drain_deadline_mono_ms);

/* ---- consuming ---- */

struct sw_consumer;

/* One message received. Ended exactly once by one of the three functions below. */
struct sw_delivery {
	struct sw_mail mail; /* first; the owner's until the delivery is ended */
	struct sw_consumer *consumer;
	uint64_t tag;
	uint32_t generation; /* of the connection it came over */
	bool redelivered;
	int64_t delivery_count;            /* x-delivery-count: failed deliveries before this one */
	struct sw_blob *body;              /* one reference, released with the delivery */
	char routing_key[SW_BUS_NAME_MAX]; /* cut when longer */
	/* The bus's own. */
	struct sw_delivery *prev;
	struct sw_delivery *next;
	uint8_t asked;   /* by the owner, when it ended it */
	uint8_t verdict; /* the consumer's thread only */
};

struct sw_consumer_config {
	char queue[SW_BUS_NAME_MAX];
	uint16_t prefetch; /* > 0 unless no_ack */
	bool transient;    /* declared on every connect: exclusive, auto-delete, not durable; the newest 100,000 */
	bool no_ack;       /* the broker forgets a message when it is sent: only for what may be lost */
	/* The consumer's thread; takes the delivery; must not block. */
	void (*on_delivery)(void *ctx, struct sw_delivery *delivery);
	/* The consumer's thread, on every change of connected; NULL: not wanted. After false every delivery that is
	 * still out will come again, redelivered, perhaps to another consumer. */
	void (*on_state)(void *ctx, bool connected);
	void *ctx;
};

/* Starts the thread and returns at once. A missing queue is tried again with backoff and shown in the state. */
int sw_consumer_open(const struct sw_bus_config *config, const struct sw_consumer_config *consumer_config,
		     struct sw_consumer **out) SW_MUST_CHECK;
/* Any thread, never blocks, takes the delivery. One of an older connection is only freed. */
void sw_delivery_ack(struct sw_delivery *delivery);
/* Back into the queue (a quorum queue without delivery limit puts it at its end). */
void sw_delivery_requeue(struct sw_delivery *delivery);
/* Without a word to the broker: it stays unacked, and counts for the prefetch, until the connection ends. */
void sw_delivery_free(struct sw_delivery *delivery);
/* Any thread. */
struct sw_link_state sw_consumer_state(struct sw_consumer *consumer);
/* Sends the acks given so far, closes the connection and joins the thread: no on_delivery and no on_state after it.
 * Returns within 5 s plus what a connection attempt under way takes; at once, unless many single acks were just given.
 * Deliveries still out stay valid memory; ending them is then a plain free. A second call does
 * nothing. Not from on_delivery. */
void sw_consumer_stop(struct sw_consumer *consumer);
/* Asks it to do what stop does, and does not wait: several then end at the same time. Stop must follow, and acks are
 * given before. */
void sw_consumer_stop_soon(struct sw_consumer *consumer);
/* After stop, and after every delivery was ended. NULL is allowed. */
void sw_consumer_free(struct sw_consumer *consumer);

#endif
