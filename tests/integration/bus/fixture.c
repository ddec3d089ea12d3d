/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "management.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sw_bus_config test_config;
static struct sw_bus_config given;
static char vhost[64];
static bool opened;

enum { NO_RESULT = -1000 };

int64_t from_now_ms(int64_t ms)
{
	return sw_clock_mono_ms() + ms;
}

/* Polls; only the deadline of the whole wait is a failure. */
#define WAIT_FOR(condition)                                                     \
	do {                                                                    \
		int64_t wait_until = from_now_ms(WAIT_MAX_MS);                  \
		while (!(condition)) {                                          \
			if (sw_clock_mono_ms() > wait_until) {                  \
				fail_msg("waited in vain for: %s", #condition); \
			}                                                       \
			usleep(5000);                                           \
		}                                                               \
	} while (0)

int fixture_open(void **state)
{
	(void)state;
	opened = false;
	const char *url = getenv("SUREWIRE_AMQP_URL");
	const char *management = getenv("SUREWIRE_AMQP_MGMT_URL");
	struct sw_diag diag = {0};
	if (!url || !management) {
		fprintf(stderr, "SUREWIRE_AMQP_URL and SUREWIRE_AMQP_MGMT_URL must name a broker\n");
		return -1;
	}
	if (sw_bus_config_parse(url, &given, &diag) < 0) {
		fprintf(stderr, "%s\n", diag.text);
		return -1;
	}
	snprintf(vhost, sizeof(vhost), "surewire-test-%d", (int)getpid());
	management_open(management);
	management_create_vhost(vhost, given.user);
	test_config = given;
	test_config.vhost = vhost;
	test_config.name = vhost;
	opened = true;
	return 0;
}

bool fixture_was_opened(void)
{
	return opened;
}

int fixture_close(void **state)
{
	(void)state;
	if (!opened) {
		return -1;
	}
	management_delete_vhost(vhost);
	management_close();
	sw_bus_config_release(&given);
	return 0;
}

void declare_topology(void)
{
	static const char *const providers[] = {"apns"};
	const struct sw_topology topology = {
		.ingest_queues = 2,
		.mailbox_queues = 1,
		.providers = providers,
		.provider_count = 1,
		.queue_length_max = 100000,
	};
	struct sw_diag diag = {0};
	if (sw_topology_declare(&test_config, &topology, &diag) != SW_OK) {
		fail_msg("%s", diag.text);
	}
}

/* ---- publishing ---- */

void outcomes_init(struct outcomes *outcomes)
{
	pthread_mutex_init(&outcomes->lock, NULL);
	outcomes->done = 0;
	for (int i = 0; i < NUMBERS_MAX; i++) {
		outcomes->results[i] = NO_RESULT;
	}
}

static int number_of(const struct sw_blob *body)
{
	int number = -1;
	assert_true(body->len >= sizeof(number));
	memcpy(&number, body->data, sizeof(number));
	assert_in_range(number, 0, NUMBERS_MAX - 1);
	return number;
}

static void on_done(struct sw_publish *p, int result)
{
	struct outcomes *outcomes = p->ctx;
	int number = number_of(p->body);
	pthread_mutex_lock(&outcomes->lock);
	/* Exactly once. */
	outcomes->done += outcomes->results[number] == NO_RESULT ? 1 : NUMBERS_MAX;
	outcomes->results[number] = result;
	pthread_mutex_unlock(&outcomes->lock);
	free(p);
}

int outcomes_done(struct outcomes *outcomes)
{
	pthread_mutex_lock(&outcomes->lock);
	int done = outcomes->done;
	pthread_mutex_unlock(&outcomes->lock);
	return done;
}

void outcomes_wait(struct outcomes *outcomes, int count)
{
	WAIT_FOR(outcomes_done(outcomes) >= count);
	assert_int_equal(outcomes_done(outcomes), count);
}

int outcomes_count(struct outcomes *outcomes, int result)
{
	int count = 0;
	pthread_mutex_lock(&outcomes->lock);
	for (int i = 0; i < NUMBERS_MAX; i++) {
		count += outcomes->results[i] == result;
	}
	pthread_mutex_unlock(&outcomes->lock);
	return count;
}

static void publish(struct sw_publisher *publisher, struct sw_publish *p)
{
	int err;
	p->mandatory = true;
	p->persistent = true;
	p->done = on_done;
	WAIT_FOR((err = sw_publisher_send(publisher, p)) != SW_EBUSY);
	assert_int_equal(err, SW_OK);
}

void publish_number(struct sw_publisher *publisher, struct outcomes *outcomes, const char *exchange,
		    const char *routing_key, int number)
{
	struct sw_publish *p = sw_xcalloc(1, sizeof(*p));
	p->exchange = exchange;
	snprintf(p->routing_key, sizeof(p->routing_key), "%s", routing_key);
	p->body = sw_blob_new(sw_bytes(&number, sizeof(number)));
	p->ctx = outcomes;
	publish(publisher, p);
}

void publish_sized(struct sw_publisher *publisher, struct outcomes *outcomes, const char *queue, int number,
		   size_t size_bytes)
{
	struct sw_publish *p = sw_xcalloc(1, sizeof(*p));
	uint8_t *bytes = sw_xcalloc(1, size_bytes);
	for (size_t i = 0; i < size_bytes; i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	}
	memcpy(bytes, &number, sizeof(number));
	p->exchange = "";
	snprintf(p->routing_key, sizeof(p->routing_key), "%s", queue);
	p->body = sw_blob_new(sw_bytes(bytes, size_bytes));
	p->ctx = outcomes;
	free(bytes);
	publish(publisher, p);
}

struct sw_publisher *open_publisher(const char *role)
{
	struct sw_publisher *publisher;
	assert_int_equal(sw_publisher_open(&test_config, role, &publisher), SW_OK);
	return publisher;
}

void close_publisher(struct sw_publisher *publisher)
{
	sw_publisher_close(publisher, from_now_ms(WAIT_MAX_MS));
}

void wait_publisher_connected(struct sw_publisher *publisher, bool connected)
{
	WAIT_FOR(sw_publisher_state(publisher).connected == connected);
}

/* ---- consuming ---- */

static void on_delivery(void *ctx, struct sw_delivery *delivery)
{
	struct seen *seen = ctx;
	int number = number_of(delivery->body);
	for (size_t i = sizeof(number); i < delivery->body->len; i++) {
		assert_int_equal(delivery->body->data[i], (uint8_t)(i * 7 + i / 251));
	}
	pthread_mutex_lock(&seen->lock);
	if (seen->times[number]++ == 0) {
		seen->first[seen->first_count++] = number;
	}
	seen->total++;
	seen->redelivered += delivery->redelivered;
	if (delivery->delivery_count > seen->delivery_count_max) {
		seen->delivery_count_max = delivery->delivery_count;
	}
	if (delivery->body->len > seen->bytes_max) {
		seen->bytes_max = delivery->body->len;
	}
	int mode = seen->mode;
	if (mode == SEEN_HOLD) {
		assert_true(seen->held_count < NUMBERS_MAX);
		seen->held[seen->held_count++] = delivery;
	}
	pthread_mutex_unlock(&seen->lock);
	if (mode == SEEN_ACK) {
		sw_delivery_ack(delivery);
	} else if (mode == SEEN_REQUEUE) {
		sw_delivery_requeue(delivery);
	}
}

static void on_state(void *ctx, bool connected)
{
	struct seen *seen = ctx;
	pthread_mutex_lock(&seen->lock);
	seen->downs += !connected;
	pthread_mutex_unlock(&seen->lock);
}

struct seen *seen_open_with(const struct sw_bus_config *config, struct sw_consumer_config *consumer_config, int mode)
{
	struct seen *seen = sw_xcalloc(1, sizeof(*seen));
	pthread_mutex_init(&seen->lock, NULL);
	seen->mode = mode;
	consumer_config->on_delivery = on_delivery;
	consumer_config->on_state = on_state;
	consumer_config->ctx = seen;
	assert_int_equal(sw_consumer_open(config, consumer_config, &seen->consumer), SW_OK);
	return seen;
}

struct seen *seen_open(const char *queue, uint16_t prefetch, int mode)
{
	struct sw_consumer_config config = {.prefetch = prefetch};
	snprintf(config.queue, sizeof(config.queue), "%s", queue);
	return seen_open_with(&test_config, &config, mode);
}

static int locked(struct seen *seen, const int *value)
{
	pthread_mutex_lock(&seen->lock);
	int copy = *value;
	pthread_mutex_unlock(&seen->lock);
	return copy;
}

void seen_wait_total(struct seen *seen, int total)
{
	WAIT_FOR(locked(seen, &seen->total) >= total);
}

void seen_wait_distinct(struct seen *seen, int count)
{
	WAIT_FOR(locked(seen, &seen->first_count) >= count);
}

void seen_wait_redelivered(struct seen *seen, int count)
{
	WAIT_FOR(locked(seen, &seen->redelivered) >= count);
}

int seen_downs(struct seen *seen)
{
	return locked(seen, &seen->downs);
}

void seen_wait_downs(struct seen *seen, int count)
{
	WAIT_FOR(locked(seen, &seen->downs) >= count);
}

void seen_end_held(struct seen *seen, void (*end)(struct sw_delivery *))
{
	pthread_mutex_lock(&seen->lock);
	seen->mode = SEEN_ACK;
	int count = seen->held_count;
	seen->held_count = 0;
	pthread_mutex_unlock(&seen->lock);
	for (int i = 0; i < count; i++) {
		end(seen->held[i]);
	}
}

void seen_close(struct seen *seen)
{
	sw_consumer_stop(seen->consumer);
	seen_end_held(seen, sw_delivery_free);
	sw_consumer_free(seen->consumer);
	pthread_mutex_destroy(&seen->lock);
	free(seen);
}

void wait_consumer_connected(struct sw_consumer *consumer, bool connected)
{
	WAIT_FOR(sw_consumer_state(consumer).connected == connected);
}
