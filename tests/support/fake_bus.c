/* SPDX-License-Identifier: Apache-2.0 */
/* Queues and delay queues of the fake bus, who is connected, and the hands of a test. */
#include "fake_bus.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fake_bus *fake_the_bus;

struct fake_queue *fake_queue_find(const char *name)
{
	for (unsigned i = 0; i < fake_the_bus->queue_count; i++) {
		if (strcmp(fake_the_bus->queues[i].name, name) == 0) {
			return &fake_the_bus->queues[i];
		}
	}
	return NULL;
}

struct fake_queue *fake_queue_add(const char *name)
{
	struct fake_queue *queue = fake_queue_find(name);
	if (queue) {
		return queue;
	}
	queue = fake_queue_find("");
	if (!queue) {
		assert(fake_the_bus->queue_count < FAKE_QUEUES_MAX);
		queue = &fake_the_bus->queues[fake_the_bus->queue_count++];
	}
	snprintf(queue->name, sizeof(queue->name), "%s", name);
	return queue;
}

void fake_bus_open(struct fake_bus *bus)
{
	*bus = (struct fake_bus){0};
	pthread_mutexattr_t recursive;
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&bus->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&bus->changed, &attr);
	pthread_condattr_destroy(&attr);
	fake_the_bus = bus;
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

void fake_queue_drop(struct fake_queue *queue)
{
	assert(queue->consumer_count == 0);
	empty_queue(queue);
	queue->name[0] = '\0';
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
	fake_the_bus = NULL;
}

void fake_bus_declare(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	(void)fake_queue_add(name);
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_remove(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	fake_queue_drop(fake_queue_find(name));
	pthread_mutex_unlock(&bus->lock);
}

/* ---- messages; the lock is held ---- */

void fake_queue_append(struct fake_queue *queue, struct sw_blob *body)
{
	struct fake_message **last = &queue->messages;
	while (*last) {
		last = &(*last)->next;
	}
	*last = sw_xcalloc(1, sizeof(**last));
	(*last)->body = sw_blob_ref(body);
	fake_queue_pump(queue);
}

/* ---- connections; the lock is held ---- */

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

static bool unsubscribe(struct fake_queue *queue, const struct sw_consumer *consumer)
{
	for (unsigned i = 0; i < queue->consumer_count; i++) {
		if (queue->consumers[i] == consumer) {
			memmove(&queue->consumers[i], &queue->consumers[i + 1],
				(queue->consumer_count - i - 1) * sizeof(queue->consumers[0]));
			queue->consumer_count--;
			return true;
		}
	}
	return false;
}

void fake_consumer_disconnect(struct sw_consumer *consumer)
{
	struct fake_queue *queue = fake_queue_find(consumer->config.queue);
	if (!queue || !unsubscribe(queue, consumer)) {
		return;
	}
	give_back(queue, consumer);
	if (consumer->config.transient) {
		fake_queue_drop(queue);
	}
	if (consumer->config.on_state) {
		consumer->config.on_state(consumer->config.ctx, false);
	}
}

void fake_consumer_connect(struct sw_consumer *consumer)
{
	const char *name = consumer->config.queue;
	struct fake_queue *queue = consumer->config.transient ? fake_queue_add(name) : fake_queue_find(name);
	assert(queue && queue->consumer_count < FAKE_CONSUMERS_MAX);
	queue->consumers[queue->consumer_count++] = consumer;
	if (consumer->config.on_state) {
		consumer->config.on_state(consumer->config.ctx, true);
	}
}

static void lose_of_queue(struct fake_queue *queue)
{
	struct sw_consumer *consumers[FAKE_CONSUMERS_MAX];
	unsigned count = queue->consumer_count;
	memcpy(consumers, queue->consumers, sizeof(consumers));
	for (unsigned i = 0; i < count; i++) {
		fake_consumer_disconnect(consumers[i]);
		fake_consumer_connect(consumers[i]);
	}
}

void fake_consumers_lose(void)
{
	for (unsigned i = 0; i < fake_the_bus->queue_count; i++) {
		lose_of_queue(&fake_the_bus->queues[i]);
		fake_queue_pump(&fake_the_bus->queues[i]);
	}
}

void fake_nodes_lose(void)
{
	for (unsigned i = 0; i < fake_the_bus->queue_count; i++) {
		struct fake_queue *queue = &fake_the_bus->queues[i];
		if (queue->consumer_count && queue->consumers[0]->config.transient) {
			struct sw_consumer *consumer = queue->consumers[0];
			fake_consumer_disconnect(consumer);
			consumer->next_away = fake_the_bus->away;
			fake_the_bus->away = consumer;
		}
	}
}

static bool same_process(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool fake_process_is_cut(const char *process)
{
	return fake_the_bus->dead && same_process(process, fake_the_bus->dead_name);
}

void fake_process_cut(const char *process)
{
	fake_the_bus->dead = true;
	fake_the_bus->dead_name = process;
	for (unsigned i = 0; i < fake_the_bus->queue_count; i++) {
		struct fake_queue *queue = &fake_the_bus->queues[i];
		for (unsigned c = queue->consumer_count; c-- > 0;) {
			if (same_process(queue->consumers[c]->process, process)) {
				fake_consumer_disconnect(queue->consumers[c]);
			}
		}
		fake_queue_pump(queue);
	}
	pthread_cond_broadcast(&fake_the_bus->changed);
}

/* ---- the hands of a test ---- */

void fake_bus_put(struct fake_bus *bus, const char *name, struct sw_bytes body)
{
	struct sw_blob *blob = sw_blob_new(body);
	pthread_mutex_lock(&bus->lock);
	struct fake_queue *queue = fake_queue_find(name);
	assert(queue);
	fake_queue_append(queue, blob);
	pthread_mutex_unlock(&bus->lock);
	sw_blob_unref(blob);
}

/* A message whose queue is gone by then is lost, as any that an exchange cannot route. */
size_t fake_bus_release_stage(struct fake_bus *bus, const char *prefix)
{
	size_t count = 0;
	pthread_mutex_lock(&bus->lock);
	struct fake_delayed *list = bus->delayed;
	bus->delayed = NULL;
	struct fake_delayed **kept = &bus->delayed;
	while (list) {
		struct fake_delayed *delayed = list;
		list = delayed->next;
		delayed->next = NULL;
		if (strncmp(delayed->exchange, prefix, strlen(prefix)) != 0) {
			*kept = delayed;
			kept = &delayed->next;
			continue;
		}
		struct fake_queue *queue = fake_queue_find(delayed->routing_key);
		if (queue) {
			fake_queue_append(queue, delayed->body);
		}
		sw_blob_unref(delayed->body);
		free(delayed);
		count++;
	}
	pthread_mutex_unlock(&bus->lock);
	return count;
}

void fake_bus_release_delayed(struct fake_bus *bus, bool hold)
{
	pthread_mutex_lock(&bus->lock);
	bus->hold_delayed = hold;
	(void)fake_bus_release_stage(bus, "");
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_drop_active(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	struct fake_queue *queue = fake_queue_find(name);
	assert(queue && queue->consumer_count);
	struct sw_consumer *active = queue->consumers[0];
	fake_consumer_disconnect(active);
	fake_consumer_connect(active);
	fake_queue_pump(queue);
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_lose_consumers(struct fake_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	fake_consumers_lose();
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_reconnect(struct fake_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	while (bus->away) {
		struct sw_consumer *consumer = bus->away;
		bus->away = consumer->next_away;
		fake_consumer_connect(consumer);
	}
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_kill(struct fake_bus *bus, const char *process)
{
	pthread_mutex_lock(&bus->lock);
	fake_process_cut(process);
	pthread_mutex_unlock(&bus->lock);
}

void fake_bus_bury(struct fake_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	bus->dead = false;
	pthread_mutex_unlock(&bus->lock);
}

const char *fake_bus_dead(struct fake_bus *bus)
{
	pthread_mutex_lock(&bus->lock);
	const char *name = !bus->dead ? NULL : bus->dead_name ? bus->dead_name : "";
	pthread_mutex_unlock(&bus->lock);
	return name;
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

static bool both_drained(const struct fake_bus *bus, const char *prefix_a, const char *prefix_b)
{
	return bus->publishing == 0 && drained(bus, prefix_a) && drained(bus, prefix_b);
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
	const struct fake_queue *queue = fake_queue_find(name);
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
	while (!bus->dead && !both_drained(bus, prefix_a, prefix_b) && rc != ETIMEDOUT) {
		rc = pthread_cond_timedwait(&bus->changed, &bus->lock, &deadline);
	}
	bool ok = !bus->dead && both_drained(bus, prefix_a, prefix_b);
	pthread_mutex_unlock(&bus->lock);
	return ok;
}

bool fake_bus_is_drained(struct fake_bus *bus, const char *prefix_a, const char *prefix_b)
{
	pthread_mutex_lock(&bus->lock);
	bool ok = both_drained(bus, prefix_a, prefix_b);
	pthread_mutex_unlock(&bus->lock);
	return ok;
}

size_t fake_bus_count(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	const struct fake_queue *queue = fake_queue_find(name);
	size_t count = 0;
	for (const struct fake_message *m = queue ? queue->messages : NULL; m; m = m->next) {
		count++;
	}
	pthread_mutex_unlock(&bus->lock);
	return count;
}

size_t fake_bus_count_delayed(struct fake_bus *bus, const char *prefix)
{
	pthread_mutex_lock(&bus->lock);
	size_t count = 0;
	for (const struct fake_delayed *d = bus->delayed; d; d = d->next) {
		count += strncmp(d->exchange, prefix, strlen(prefix)) == 0;
	}
	pthread_mutex_unlock(&bus->lock);
	return count;
}

size_t fake_bus_consumers(struct fake_bus *bus, const char *name)
{
	pthread_mutex_lock(&bus->lock);
	const struct fake_queue *queue = fake_queue_find(name);
	size_t count = queue ? queue->consumer_count : 0;
	pthread_mutex_unlock(&bus->lock);
	return count;
}

void fake_bus_each(struct fake_bus *bus, const char *name, fake_bus_each_fn fn, void *ctx)
{
	pthread_mutex_lock(&bus->lock);
	const struct fake_queue *queue = fake_queue_find(name);
	for (const struct fake_message *m = queue ? queue->messages : NULL; m; m = m->next) {
		fn(ctx, sw_blob_bytes(m->body));
	}
	pthread_mutex_unlock(&bus->lock);
}
