/* SPDX-License-Identifier: Apache-2.0 */
/* RabbitMQ in memory, put in the place of src/bus/{publish,consume}.c by the linker: queues with one active consumer,
 * prefetch and redelivery in the old order, confirms, returns for unknown queues, delay queues that open on command.
 * Everything happens inside the calls, under one lock: callbacks are called with it held, and only post to mailboxes. */
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
	char name[SW_BUS_NAME_MAX];
	struct fake_message *messages; /* ready and unacked, in the order of the queue */
	struct sw_consumer *consumers[FAKE_CONSUMERS_MAX];
	unsigned consumer_count; /* the first is the active one */
};

/* A message that waits in a delay queue. */
struct fake_delayed {
	struct fake_delayed *next;
	char routing_key[SW_BUS_NAME_MAX];
	struct sw_blob *body;
};

enum fake_bus_fault {
	FAKE_BUS_OK,
	FAKE_BUS_REFUSED,        /* nacked: the queue is full */
	FAKE_BUS_TWICE,          /* the confirm was lost, the bus published again: it is there twice */
	FAKE_BUS_CONSUMERS_LOST, /* all consumers' connections are lost; then the message is taken */
	FAKE_BUS_DEAD,           /* from this message on the process is cut off: nothing more is taken or acked */
};

struct fake_bus {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct fake_queue queues[FAKE_QUEUES_MAX];
	unsigned queue_count;
	struct fake_delayed *delayed;
	bool hold_delayed; /* otherwise they come out at once */
	uint64_t next_tag;
	unsigned publishes; /* so far, of all publishers */
	unsigned fault_at;  /* 0: none */
	enum fake_bus_fault fault;
	bool fault_reached;
	bool dead;
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
/* The broker closes the connection of the active consumer of a queue: its messages go to the next one. */
void fake_bus_drop_active(struct fake_bus *bus, const char *queue);
void fake_bus_lose_consumers(struct fake_bus *bus);
/* The process with all its connections is cut off, or (the next one) lives. */
void fake_bus_set_dead(struct fake_bus *bus, bool dead);
/* Waits until no message is left in any queue of this prefix ("ingest.", "mailbox."): false after 30 s. */
bool fake_bus_wait_drained(struct fake_bus *bus, const char *prefix_a, const char *prefix_b);
/* Messages in the queue, ready or not. */
size_t fake_bus_count(struct fake_bus *bus, const char *queue);
/* Waits until a queue has so many consumers: false after 30 s. */
bool fake_bus_wait_consumers(struct fake_bus *bus, const char *queue, size_t count);
size_t fake_bus_consumers(struct fake_bus *bus, const char *queue);
/* The bodies in a queue, borrowed while nobody changes it. */
typedef void (*fake_bus_each_fn)(void *ctx, struct sw_bytes body);
void fake_bus_each(struct fake_bus *bus, const char *queue, fake_bus_each_fn fn, void *ctx);

#endif
