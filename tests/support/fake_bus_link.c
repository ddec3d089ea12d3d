/* SPDX-License-Identifier: Apache-2.0 */
/* Publishers and consumers of the fake bus: what the program under test calls. */
#include "fake_bus.h"

#include <surewire/mem.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- publishing ---- */

struct sw_publisher {
	const char *process;
	pthread_t thread;
	pthread_cond_t work;
	struct sw_publish *first;
	struct sw_publish **last;
	bool closing;
};

/* The lock is held, here and below. */
static void delay(const struct sw_publish *p)
{
	assert(strncmp(p->exchange, "check.", 6) == 0 || strncmp(p->exchange, "retry.", 6) == 0);
	fake_the_bus->delayed_total++;
	struct fake_delayed **last = &fake_the_bus->delayed;
	while (*last) {
		last = &(*last)->next;
	}
	*last = sw_xcalloc(1, sizeof(**last));
	(*last)->exchange = p->exchange;
	(*last)->body = sw_blob_ref(p->body);
	snprintf((*last)->routing_key, sizeof((*last)->routing_key), "%s", p->routing_key);
	if (!fake_the_bus->hold_delayed) {
		(void)fake_bus_release_stage(fake_the_bus, "");
	}
}

static int route(const struct sw_publish *p)
{
	if (p->exchange[0]) {
		delay(p);
		return SW_OK;
	}
	struct fake_queue *queue = fake_queue_find(p->routing_key);
	if (queue) {
		fake_queue_append(queue, p->body);
	}
	return queue ? SW_OK : SW_EUNROUTABLE;
}

static enum fake_bus_fault fault_of_publish(void)
{
	struct fake_bus *bus = fake_the_bus;
	if (++bus->publishes != bus->fault_at || bus->fault >= FAKE_BUS_DELIVERY_LOST) {
		return FAKE_BUS_OK;
	}
	bus->fault_reached = true;
	return bus->fault;
}

static int take(const struct sw_publisher *publisher, const struct sw_publish *p)
{
	if (fake_process_is_cut(publisher->process)) {
		return SW_ECLOSED;
	}
	switch (fault_of_publish()) {
	case FAKE_BUS_REFUSED:
		return SW_EREFUSED;
	case FAKE_BUS_TWICE:
		(void)route(p);
		break;
	case FAKE_BUS_CONSUMERS_LOST:
		fake_consumers_lose();
		break;
	case FAKE_BUS_NODES_AWAY:
		fake_nodes_lose();
		break;
	case FAKE_BUS_DEAD:
		fake_process_cut(publisher->process);
		return SW_ECLOSED;
	default:
		break;
	}
	return route(p);
}

static void *publisher_main(void *arg)
{
	struct sw_publisher *publisher = arg;
	struct fake_bus *bus = fake_the_bus;
	pthread_mutex_lock(&bus->lock);
	while (publisher->first || !publisher->closing) {
		struct sw_publish *p = publisher->first;
		if (!p) {
			pthread_cond_wait(&publisher->work, &bus->lock);
			continue;
		}
		publisher->first = (struct sw_publish *)p->mail.next;
		publisher->last = publisher->first ? publisher->last : &publisher->first;
		struct sw_blob *body = p->body;
		int result = take(publisher, p);
		pthread_mutex_unlock(&bus->lock);
		p->done(p, result);
		sw_blob_unref(body);
		pthread_mutex_lock(&bus->lock);
		bus->publishing--;
		pthread_cond_broadcast(&bus->changed);
	}
	pthread_mutex_unlock(&bus->lock);
	return NULL;
}

int sw_publisher_open(const struct sw_bus_config *config, const char *role_name, struct sw_publisher **out)
{
	(void)role_name;
	struct sw_publisher *publisher = sw_xcalloc(1, sizeof(*publisher));
	publisher->process = config->name;
	publisher->last = &publisher->first;
	pthread_cond_init(&publisher->work, NULL);
	int err = pthread_create(&publisher->thread, NULL, publisher_main, publisher);
	assert(err == 0);
	(void)err;
	*out = publisher;
	return SW_OK;
}

int sw_publisher_send_always(struct sw_publisher *publisher, struct sw_publish *p)
{
	pthread_mutex_lock(&fake_the_bus->lock);
	bool taken = !publisher->closing;
	if (taken) {
		p->mail.next = NULL;
		*publisher->last = p;
		publisher->last = (struct sw_publish **)&p->mail.next;
		fake_the_bus->publishing++;
		pthread_cond_signal(&publisher->work);
	}
	pthread_mutex_unlock(&fake_the_bus->lock);
	return taken ? SW_OK : SW_ECLOSED;
}

struct sw_link_state sw_publisher_state(struct sw_publisher *publisher)
{
	pthread_mutex_lock(&fake_the_bus->lock);
	struct sw_link_state state = {.connected = !fake_process_is_cut(publisher->process)};
	pthread_mutex_unlock(&fake_the_bus->lock);
	return state;
}

/* What was taken before is told of before. */
void sw_publisher_close(struct sw_publisher *publisher, int64_t drain_deadline_mono_ms)
{
	(void)drain_deadline_mono_ms;
	if (!publisher) {
		return;
	}
	pthread_mutex_lock(&fake_the_bus->lock);
	publisher->closing = true;
	pthread_cond_signal(&publisher->work);
	pthread_mutex_unlock(&fake_the_bus->lock);
	pthread_join(publisher->thread, NULL);
	pthread_cond_destroy(&publisher->work);
	free(publisher);
}

/* ---- consuming ---- */

static struct fake_message *first_ready(const struct fake_queue *queue)
{
	struct fake_message *message = queue->messages;
	while (message && message->taken_by) {
		message = message->next;
	}
	return message;
}

static void unlink_message(struct fake_queue *queue, struct fake_message *message)
{
	struct fake_message **at = &queue->messages;
	while (*at != message) {
		at = &(*at)->next;
	}
	*at = message->next;
	sw_blob_unref(message->body);
	free(message);
}

static void deliver(struct fake_queue *queue, struct sw_consumer *consumer, struct fake_message *message)
{
	struct sw_delivery *delivery = sw_xcalloc(1, sizeof(*delivery));
	delivery->consumer = consumer;
	delivery->tag = ++fake_the_bus->next_tag;
	delivery->generation = consumer->generation;
	delivery->redelivered = message->redelivered;
	delivery->body = sw_blob_ref(message->body);
	snprintf(delivery->routing_key, sizeof(delivery->routing_key), "%s", consumer->config.queue);
	consumer->outstanding++;
	if (consumer->config.no_ack) {
		unlink_message(queue, message);
	} else {
		message->taken_by = consumer;
		message->tag = delivery->tag;
		consumer->unacked++;
	}
	consumer->config.on_delivery(consumer->config.ctx, delivery);
}

static bool has_room(const struct sw_consumer *consumer)
{
	return consumer->config.no_ack || consumer->unacked < consumer->config.prefetch;
}

/* After a delivery. */
static void fault_of_delivery(struct sw_consumer *consumer)
{
	struct fake_bus *bus = fake_the_bus;
	if (++bus->deliveries != bus->fault_at || bus->fault < FAKE_BUS_DELIVERY_LOST) {
		return;
	}
	bus->fault_reached = true;
	if (bus->fault == FAKE_BUS_DELIVERY_KILLS) {
		fake_process_cut(consumer->process);
	} else {
		fake_consumer_disconnect(consumer);
		fake_consumer_connect(consumer);
	}
}

void fake_queue_pump(struct fake_queue *queue)
{
	struct fake_message *message;
	while (queue->consumer_count && has_room(queue->consumers[0]) && (message = first_ready(queue))) {
		struct sw_consumer *active = queue->consumers[0];
		deliver(queue, active, message);
		fault_of_delivery(active);
	}
	pthread_cond_broadcast(&fake_the_bus->changed);
}

int sw_consumer_open(const struct sw_bus_config *config, const struct sw_consumer_config *consumer_config,
		     struct sw_consumer **out)
{
	struct sw_consumer *consumer = sw_xcalloc(1, sizeof(*consumer));
	consumer->config = *consumer_config;
	consumer->process = config->name;
	*out = consumer;
	pthread_mutex_lock(&fake_the_bus->lock);
	if (!fake_process_is_cut(consumer->process)) {
		fake_consumer_connect(consumer);
		fake_queue_pump(fake_queue_find(consumer->config.queue));
	}
	pthread_mutex_unlock(&fake_the_bus->lock);
	return SW_OK;
}

struct sw_link_state sw_consumer_state(struct sw_consumer *consumer)
{
	pthread_mutex_lock(&fake_the_bus->lock);
	struct sw_link_state state = {.connected = !fake_process_is_cut(consumer->process),
				      .unconfirmed = consumer->outstanding};
	pthread_mutex_unlock(&fake_the_bus->lock);
	return state;
}

static void end(struct sw_delivery *delivery)
{
	assert(delivery->consumer->outstanding > 0);
	delivery->consumer->outstanding--;
	sw_blob_unref(delivery->body);
	free(delivery);
}

/* One of an older connection, or of a process that is cut off, is only freed. */
void sw_delivery_ack(struct sw_delivery *delivery)
{
	struct sw_consumer *consumer = delivery->consumer;
	pthread_mutex_lock(&fake_the_bus->lock);
	struct fake_queue *queue = fake_queue_find(consumer->config.queue);
	bool current = queue && !consumer->config.no_ack && delivery->generation == consumer->generation;
	struct fake_message *message = current ? queue->messages : NULL;
	while (message && (message->taken_by != consumer || message->tag != delivery->tag)) {
		message = message->next;
	}
	end(delivery);
	if (message) {
		unlink_message(queue, message);
		consumer->unacked--;
		fake_queue_pump(queue);
	}
	pthread_mutex_unlock(&fake_the_bus->lock);
}

void sw_delivery_free(struct sw_delivery *delivery)
{
	pthread_mutex_lock(&fake_the_bus->lock);
	end(delivery);
	pthread_mutex_unlock(&fake_the_bus->lock);
}

/* Nothing here takes time. */
void sw_consumer_stop_soon(struct sw_consumer *consumer)
{
	(void)consumer;
}

static void forget_away(const struct sw_consumer *consumer)
{
	struct sw_consumer **at = &fake_the_bus->away;
	while (*at && *at != consumer) {
		at = &(*at)->next_away;
	}
	if (*at) {
		*at = consumer->next_away;
	}
}

void sw_consumer_stop(struct sw_consumer *consumer)
{
	pthread_mutex_lock(&fake_the_bus->lock);
	if (!consumer->stopped) {
		consumer->stopped = true;
		consumer->config.on_state = NULL; /* none after stop */
		forget_away(consumer);
		fake_consumer_disconnect(consumer);
		struct fake_queue *queue = fake_queue_find(consumer->config.queue);
		if (queue) {
			fake_queue_pump(queue);
		}
	}
	pthread_mutex_unlock(&fake_the_bus->lock);
}

void sw_consumer_free(struct sw_consumer *consumer)
{
	if (consumer) {
		sw_consumer_stop(consumer);
		pthread_mutex_lock(&fake_the_bus->lock);
		assert(consumer->outstanding == 0);
		pthread_mutex_unlock(&fake_the_bus->lock);
		free(consumer);
	}
}
