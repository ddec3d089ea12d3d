/* SPDX-License-Identifier: Apache-2.0 */
/* RabbitMQ in memory, put in the place of src/bus/{publish,consume}.c by the linker: queues with one active consumer,
 * prefetch and redelivery in the old order, confirms, returns for unknown queues, exclusive queues that go with their
 * connection, delay queues that open on command. Publishers have a thread, as the real ones: confirms come from there.
 * Deliveries are made inside the calls that cause them, under one lock that a callback may take again (to ack).
 * A process is the name in its struct sw_bus_config: its connections are cut off together. */
#ifndef SW_TESTS_FAKE_BUS_H
#define SW_TESTS_FAKE_BUS_H

#include "bus/bus.h"

#include <pthread.h>

enum { FAKE_QUEUES_MAX = 32, FAKE_CONSUMERS_MAX = 32 };

struct fake_message {
	struct fake_message *next;
	struct sw_blob *body;
	struct sw_consumer *taken_by; /* NULL: ready */
	uint64_t tag;
	bool redelivered;
};

struct fake_queue {
	char name[SW_BUS_NAME_MAX];    /* "": free */
	struct fake_message *messages; /* ready and unacked, in the order of the queue */
	struct sw_consumer *consumers[FAKE_CONSUMERS_MAX];
	unsigned consumer_count; /* the first is the active one */
};

/* A message that waits in a delay queue. */
struct fake_delayed {
	struct fake_delayed *next;
	const char *exchange; /* "check.1000": also the queue's name */
	char routing_key[SW_BUS_NAME_MAX];
	struct sw_blob *body;
};

enum fake_bus_fault {
	FAKE_BUS_OK,
	FAKE_BUS_REFUSED,        /* nacked: the queue is full */
	FAKE_BUS_TWICE,          /* the confirm was lost, the bus published again: it is there twice */
	FAKE_BUS_CONSUMERS_LOST, /* all consumers' connections are lost; then the message is taken */
	FAKE_BUS_NODES_AWAY, /* all exclusive queues are gone, until fake_bus_reconnect; then the message is taken */
	FAKE_BUS_DEAD,       /* from this message on the publisher's process is cut off: nothing is taken or acked */
	/* These count deliveries, not publishes. */
	FAKE_BUS_DELIVERY_LOST,  /* the consumer's connection is lost right behind the delivery */
	FAKE_BUS_DELIVERY_KILLS, /* the consumer's process is cut off right behind the delivery */
};

struct fake_bus {
	pthread_mutex_t lock; /* recursive */
	pthread_cond_t changed;
	struct fake_queue queues[FAKE_QUEUES_MAX];
	unsigned queue_count;
	struct fake_delayed *delayed;
	bool hold_delayed; /* otherwise they come out at once */
	struct sw_consumer *away;
	uint64_t next_tag;
	unsigned publishing; /* given to a publisher and not yet told of */
	unsigned publishes;  /* so far, of all publishers */
	unsigned deliveries; /* so far, of all consumers */
	unsigned fault_at;   /* 0: none */
	enum fake_bus_fault fault;
	bool fault_reached;
	bool dead;
	const char *dead_name; /* of the process that is cut off */
	unsigned delayed_total;
};

/* One at a time, before the program under test starts. */
void fake_bus_open(struct fake_bus *bus);
void fake_bus_close(struct fake_bus *bus);
void fake_bus_declare(struct fake_bus *bus, const char *queue);
/* Its messages are gone with it: publishes to it come back. */
void fake_bus_remove(struct fake_bus *bus, const char *queue);
/* As a gateway would; the queue must exist. */
void fake_bus_put(struct fake_bus *bus, const char *queue, struct sw_bytes body);
/* Delayed messages come out, now and (unless hold) from now on. */
void fake_bus_release_delayed(struct fake_bus *bus, bool hold);
/* Those of the stages with this prefix ("retry."), now. How many. */
size_t fake_bus_release_stage(struct fake_bus *bus, const char *prefix);
/* The broker closes the connection of the active consumer of a queue: its messages go to the next one. */
void fake_bus_drop_active(struct fake_bus *bus, const char *queue);
void fake_bus_lose_consumers(struct fake_bus *bus);
/* Consumers of exclusive queues that are away come back, with an empty queue. */
void fake_bus_reconnect(struct fake_bus *bus);
/* The process with all its connections is cut off. It does not come back: the next one lives. */
void fake_bus_kill(struct fake_bus *bus, const char *process);
void fake_bus_bury(struct fake_bus *bus);
/* NULL, or the name of the process that is cut off ("" for none given). */
const char *fake_bus_dead(struct fake_bus *bus);
/* Waits until no message is left in any queue of these prefixes ("ingest.", "mailbox.") and nothing is on its way to
 * the broker: false after 30 s, or when a process is cut off. */
bool fake_bus_wait_drained(struct fake_bus *bus, const char *prefix_a, const char *prefix_b);
/* The same, now. */
bool fake_bus_is_drained(struct fake_bus *bus, const char *prefix_a, const char *prefix_b);
/* Messages in the queue, ready or not. */
size_t fake_bus_count(struct fake_bus *bus, const char *queue);
/* Messages in the delay queues with this prefix. */
size_t fake_bus_count_delayed(struct fake_bus *bus, const char *prefix);
/* Waits until a queue has so many consumers: false after 30 s. */
bool fake_bus_wait_consumers(struct fake_bus *bus, const char *queue, size_t count);
size_t fake_bus_consumers(struct fake_bus *bus, const char *queue);
/* The bodies in a queue, borrowed while nobody changes it. */
typedef void (*fake_bus_each_fn)(void *ctx, struct sw_bytes body);
void fake_bus_each(struct fake_bus *bus, const char *queue, fake_bus_each_fn fn, void *ctx);

/* ---- between the files of the fake; the lock is held ---- */

struct sw_consumer {
	struct sw_consumer_config config;
	const char *process;
	uint32_t generation;
	unsigned unacked;
	unsigned outstanding; /* deliveries that were not ended */
	bool stopped;
	struct sw_consumer *next_away;
};

extern struct fake_bus *fake_the_bus;

struct fake_queue *fake_queue_find(const char *name);
struct fake_queue *fake_queue_add(const char *name);
/* With its messages. */
void fake_queue_drop(struct fake_queue *queue);
void fake_queue_append(struct fake_queue *queue, struct sw_blob *body);
/* Gives the active consumer what it may have. */
void fake_queue_pump(struct fake_queue *queue);
/* It has no connection any more: what it had is ready again, in its old place; its exclusive queue is gone. */
void fake_consumer_disconnect(struct sw_consumer *consumer);
void fake_consumer_connect(struct sw_consumer *consumer);
/* All of them are lost and connect again, behind the others. */
void fake_consumers_lose(void);
void fake_nodes_lose(void);
void fake_process_cut(const char *process);
bool fake_process_is_cut(const char *process);

#endif
