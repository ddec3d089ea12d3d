/* SPDX-License-Identifier: Apache-2.0 */
/* Queues, publishing, consuming of the fake bus. */
#include "fake_bus.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct fake_bus *the_bus;

struct sw_publisher {
	const char *role; /* nothing to remember; freed by close, so that a use after it shows */
};

struct sw_consumer {
	struct sw_consumer_config config;
	uint32_t generation;
	unsigned unacked;
	unsigned outstanding; /* deliveries that were not ended */
	bool stopped;
};

static struct fake_queue *find_queue(struct fake_bus *bus, const char *name)
{
	for (unsigned i = 0; i < bus->queue_count; i++) {
		if (strcmp(bus->queues[i].name, name) == 0) {
			return &bus->queues[i];
		}
	}
	return NULL;
}

void fake_bus_open(struct fake_bus *bus)
{
	*bus = (struct fake_bus){0};
	pthread_mutex_init(&bus->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&bus->changed, &attr);
	pthread_condattr_destroy(&attr);
	the_bus = bus;
}

static void empty_queue(struct fake_queue *queue)
{
	while (queue->messages) {
		struct fake_message *message = queue->messages;
		queue->messages = message->next;
		sw_blob_unref(message->body);
		free(message);
	}
}

void fake_bus_close(struct fake_bus *bus)
{
	for (unsigned i = 0; i < bus->queue_count; i++) {
		assert(bus->queues[i].consumer_count == 0);
		empty_queue(&bus->queues[i]);
	}
	while (bus->delayed) {
		struct fake_delayed *delayed = bus->delayed;
		bus->delayed = delayed->next;
		sw_blob_unref(delayed->body);
		free(delayed);
	}
	pthread_cond_destroy(&bus->changed);
	pthread_mutex_destroy(&bus->lock);
	the_bus = NULL;
}

void fake_bus_declare(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	if (!find_queue(bus, name)) {
		assert(bus->queue_count < FAKE_QUEUES_MAX);
		snprintf(bus->queues[bus->queue_count].name, SW_BUS_NAME_MAX, "%s", name);
		bus->queue_count++;
	}
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_remove(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	struct fake_queue *queue = find_queue(bus, name);
	assert(queue && queue->consumer_count == 0);
	empty_queue(queue);
	snprintf(queue->name, sizeof(queue->name), "(removed)");
	pthread_mutex_unlock(&bus->lock);
}

/* ---- delivering; the lock is held ---- */

static void deliver(struct sw_consumer *consumer, struct fake_message *message)
{
	struct sw_delivery *delivery = sw_xcalloc(1, sizeof(*delivery));
	message->taken_by = consumer;
	message->tag = ++the_bus->next_tag;
	consumer->unacked++;
	consumer->outstanding++;
	delivery->consumer = consumer;
	delivery->tag = message->tag;
	delivery->generation = consumer->generation;
	delivery->redelivered = message->redelivered;
	delivery->body = sw_blob_ref(message->body);
	snprintf(delivery->routing_key, sizeof(delivery->routing_key), "%s", consumer->config.queue);
	consumer->config.on_delivery(consumer->config.ctx, delivery);
}

static void pump(struct fake_queue *queue)
{
	if (queue->consumer_count && !the_bus->dead) {
		struct sw_consumer *active = queue->consumers[0];
		for (struct fake_message *m = queue->messages; m && active->unacked < active->config.prefetch;
		     m = m->next) {
			if (!m->taken_by) {
				deliver(active, m);
			}
		}
	}
	pthread_cond_broadcast(&the_bus->changed);
}

static void append(struct fake_queue *queue, struct sw_blob *body)
{
	struct fake_message **last = &queue->messages;
	while (*last) {
		last = &(*last)->next;
	}
	*last = sw_xcalloc(1, sizeof(**last));
	(*last)->body = sw_blob_ref(body);
	pump(queue);
}

/* The connection of a consumer is gone: what it had is ready again, in its old place. */
static void give_back(struct fake_queue *queue, struct sw_consumer *consumer)
{
	for (struct fake_message *m = queue->messages; m; m = m->next) {
		if (m->taken_by == consumer) {
			m->taken_by = NULL;
			m->redelivered = true;
		}
	}
	consumer->unacked = 0;
	consumer->generation++;
}

static void unsubscribe(struct fake_queue *queue, const struct sw_consumer *consumer)
{
	for (unsigned i = 0; i < queue->consumer_count; i++) {
		if (queue->consumers[i] == consumer) {
			memmove(&queue->consumers[i], &queue->consumers[i + 1],
				(queue->consumer_count - i - 1) * sizeof(queue->consumers[0]));
			queue->consumer_count--;
			return;
		}
	}
}

static void lose(struct fake_queue *queue, struct sw_consumer *consumer)
{
	unsubscribe(queue, consumer);
	give_back(queue, consumer);
	queue->consumers[queue->consumer_count++] = consumer; /* it connects again, behind the others */
}

static void lose_all(void)
{
	for (unsigned i = 0; i < the_bus->queue_count; i++) {
		struct fake_queue *queue = &the_bus->queues[i];
		for (unsigned c = queue->consumer_count; c-- > 0;) {
			lose(queue, queue->consumers[0]);
		}
		pump(queue);
	}
}

void fake_bus_put(struct fake_bus *bus, const char *name, struct sw_bytes body)
{
	struct sw_blob *blob = sw_blob_new(body);
	pthread_mutex_lock(&bus->lock);
	struct fake_queue *queue = find_queue(bus, name);
	assert(queue);
	append(queue, blob);
	pthread_mutex_unlock(&bus->lock);
	sw_blob_unref(blob);
}

void fake_bus_release_delayed(struct fake_bus *bus, bool hold)
{
	pthread_mutex_lock(&bus->lock);
	bus->hold_delayed = hold;
	struct fake_delayed *list = bus->delayed;
	bus->delayed = NULL;
	while (list) {
		struct fake_delayed *delayed = list;
		list = delayed->next;
		append(find_queue(bus, delayed->routing_key), delayed->body);
		sw_blob_unref(delayed->body);
		free(delayed);
	}
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_drop_active(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	struct fake_queue *queue = find_queue(bus, name);
	assert(queue && queue->consumer_count);
	lose(queue, queue->consumers[0]);
	pump(queue);
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_lose_consumers(struct fake_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	lose_all();
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_set_dead(struct fake_bus *bus, bool dead)
{
	pthread_mutex_lock(&bus->lock);
	bus->dead = dead;
	lose_all();
	pthread_mutex_unlock(&bus->lock);
}

/* ---- looking ---- */

static bool drained(const struct fake_bus *bus, const char *prefix)
{
	for (unsigned i = 0; i < bus->queue_count; i++) {
		if (strncmp(bus->queues[i].name, prefix, strlen(prefix)) == 0 && bus->queues[i].messages) {
			return false;
		}
	}
	return true;
}

static struct timespec in_30_s(void)
{
	int64_t deadline_ms = sw_clock_mono_ms() + 30000;
	return (struct timespec){deadline_ms / 1000, deadline_ms % 1000 * 1000000};
}

bool fake_bus_wait_consumers(struct fake_bus *bus, const char *name, size_t count)
{
	struct timespec deadline = in_30_s();
	pthread_mutex_lock(&bus->lock);
	const struct fake_queue *queue = find_queue(bus, name);
	int rc = 0;
	while (queue->consumer_count != count && rc != ETIMEDOUT) {
		rc = pthread_cond_timedwait(&bus->changed, &bus->lock, &deadline);
	}
	bool ok = queue->consumer_count == count;
	pthread_mutex_unlock(&bus->lock);
	return ok;
}

bool fake_bus_wait_drained(struct fake_bus *bus, const char *prefix_a, const char *prefix_b)
{
	struct timespec deadline = in_30_s();
	pthread_mutex_lock(&bus->lock);
	int rc = 0;
	while (!bus->dead && !(drained(bus, prefix_a) && drained(bus, prefix_b)) && rc != ETIMEDOUT) {
		rc = pthread_cond_timedwait(&bus->changed, &bus->lock, &deadline);
	}
	bool ok = drained(bus, prefix_a) && drained(bus, prefix_b);
	pthread_mutex_unlock(&bus->lock);
	return ok;
}

size_t fake_bus_count(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	const struct fake_queue *queue = find_queue(bus, name);
	size_t count = 0;
	for (const struct fake_message *m = queue ? queue->messages : NULL; m; m = m->next) {
		count++;
	}
	pthread_mutex_unlock(&bus->lock);
	return count;
}

size_t fake_bus_consumers(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	const struct fake_queue *queue = find_queue(bus, name);
	size_t count = queue ? queue->consumer_count : 0;
	pthread_mutex_unlock(&bus->lock);
	return count;
}

void fake_bus_each(struct fake_bus *bus, const char *name, fake_bus_each_fn fn, void *ctx)
{
	pthread_mutex_lock(&bus->lock);
	const struct fake_queue *queue = find_queue(bus, name);
	for (const struct fake_message *m = queue ? queue->messages : NULL; m; m = m->next) {
		fn(ctx, sw_blob_bytes(m->body));
	}
	pthread_mutex_unlock(&bus->lock);
}

/* ---- publishing ---- */

int sw_publisher_open(const struct sw_bus_config *config, const char *role_name, struct sw_publisher **out)
{
	(void)config;
	*out = sw_xcalloc(1, sizeof(**out));
	(*out)->role = role_name;
	return SW_OK;
}

static int route(const struct sw_publish *p)
{
	struct fake_queue *queue = find_queue(the_bus, p->routing_key);
	if (!queue) {
		return SW_EUNROUTABLE;
	}
	if (p->exchange[0] == '\0') {
		append(queue, p->body);
		return SW_OK;
	}
	assert(strncmp(p->exchange, "check.", 6) == 0);
	the_bus->delayed_total++;
	if (!the_bus->hold_delayed) {
		append(queue, p->body);
		return SW_OK;
	}
	struct fake_delayed **last = &the_bus->delayed;
	while (*last) {
		last = &(*last)->next;
	}
	*last = sw_xcalloc(1, sizeof(**last));
	(*last)->body = sw_blob_ref(p->body);
	snprintf((*last)->routing_key, sizeof((*last)->routing_key), "%s", p->routing_key);
	return SW_OK;
}

static int take(const struct sw_publish *p)
{
	enum fake_bus_fault fault = FAKE_BUS_OK;
	if (++the_bus->publishes == the_bus->fault_at) {
		the_bus->fault_reached = true;
		fault = the_bus->fault;
	}
	switch (fault) {
	case FAKE_BUS_REFUSED:
		return SW_EREFUSED;
	case FAKE_BUS_TWICE:
		(void)route(p);
		return route(p);
	case FAKE_BUS_CONSUMERS_LOST:
		lose_all();
		return route(p);
	case FAKE_BUS_DEAD:
		the_bus->dead = true;
		lose_all();
		return SW_ECLOSED;
	case FAKE_BUS_OK:
	default:
		return route(p);
	}
}

int sw_publisher_send_always(struct sw_publisher *publisher, struct sw_publish *p)
{
	struct sw_blob *body = p->body;
	pthread_mutex_lock(&the_bus->lock);
	assert(publisher->role);
	p->done(p, the_bus->dead ? SW_ECLOSED : take(p));
	pthread_mutex_unlock(&the_bus->lock);
	sw_blob_unref(body);
	return SW_OK;
}

void sw_publisher_close(struct sw_publisher *publisher, int64_t drain_deadline_mono_ms)
{
	(void)drain_deadline_mono_ms;
	free(publisher);
}

/* ---- consuming ---- */

int sw_consumer_open(const struct sw_bus_config *config, const struct sw_consumer_config *consumer_config,
		     struct sw_consumer **out)
{
	(void)config;
	struct sw_consumer *consumer = sw_xcalloc(1, sizeof(*consumer));
	consumer->config = *consumer_config;
	*out = consumer;
	pthread_mutex_lock(&the_bus->lock);
	struct fake_queue *queue = find_queue(the_bus, consumer_config->queue);
	assert(queue && queue->consumer_count < FAKE_CONSUMERS_MAX);
	queue->consumers[queue->consumer_count++] = consumer;
	pump(queue);
	pthread_mutex_unlock(&the_bus->lock);
	return SW_OK;
}

static void end(struct sw_delivery *delivery)
{
	assert(delivery->consumer->outstanding > 0);
	delivery->consumer->outstanding--;
	sw_blob_unref(delivery->body);
	free(delivery);
}

void sw_delivery_ack(struct sw_delivery *delivery)
{
	struct sw_consumer *consumer = delivery->consumer;
	pthread_mutex_lock(&the_bus->lock);
	struct fake_queue *queue = find_queue(the_bus, consumer->config.queue);
	for (struct fake_message **at = &queue->messages; *at && !the_bus->dead; at = &(*at)->next) {
		struct fake_message *message = *at;
		if (message->taken_by == consumer && message->tag == delivery->tag &&
		    delivery->generation == consumer->generation) {
			*at = message->next;
			sw_blob_unref(message->body);
			free(message);
			consumer->unacked--;
			break;
		}
	}
	end(delivery);
	pump(queue);
	pthread_mutex_unlock(&the_bus->lock);
}

void sw_delivery_free(struct sw_delivery *delivery)
{
	pthread_mutex_lock(&the_bus->lock);
	end(delivery);
	pthread_mutex_unlock(&the_bus->lock);
}

/* Nothing here takes time. */
void sw_consumer_stop_soon(struct sw_consumer *consumer)
{
	(void)consumer;
}

void sw_consumer_stop(struct sw_consumer *consumer)
{
	pthread_mutex_lock(&the_bus->lock);
	if (!consumer->stopped) {
		struct fake_queue *queue = find_queue(the_bus, consumer->config.queue);
		consumer->stopped = true;
		unsubscribe(queue, consumer);
		give_back(queue, consumer);
		pump(queue);
	}
	pthread_mutex_unlock(&the_bus->lock);
}

void sw_consumer_free(struct sw_consumer *consumer)
{
	if (consumer) {
		sw_consumer_stop(consumer);
		pthread_mutex_lock(&the_bus->lock);
		assert(consumer->outstanding == 0);
		pthread_mutex_unlock(&the_bus->lock);
		free(consumer);
	}
}
