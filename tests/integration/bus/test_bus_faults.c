/* SPDX-License-Identifier: Apache-2.0 */
/* The bus when connections and queues go away, peers fall silent and the broker has an alarm: nothing is lost, the
 * order of first deliveries stays, and it comes back by itself. */
#include "fixture.h"
#include "management.h"
#include "proxy.h"

#include "base/metrics.h"

#include <surewire/mem.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct outcomes outcomes;

static int64_t counter(const char *name, const char *link)
{
	char labels[96];
	snprintf(labels, sizeof(labels), "link=\"%s\"", link);
	return sw_metric_get(sw_metric_counter(name, labels, ""));
}

/* The name that the management UI shows. */
static void close_by_name(const char *label)
{
	char name[160];
	snprintf(name, sizeof(name), "%s %s", test_config.name, label);
	management_close_connection(name);
}

/* About 1,000 a second until it is told to stop: connections are closed while messages are under way. */
static struct {
	struct sw_publisher *publisher;
	_Atomic bool stop;
	int count;
} flood;

static void *run_flood(void *arg)
{
	(void)arg;
	while (!atomic_load(&flood.stop) && flood.count < NUMBERS_MAX) {
		publish_number(flood.publisher, &outcomes, "", "ingest.0", flood.count++);
		if (flood.count % 10 == 0) {
			usleep(10000);
		}
	}
	return NULL;
}

static void connections_closed__in_the_middle__nothing_lost_first_deliveries_in_order(void **state)
{
	(void)state;
	declare_topology();
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("flood");
	struct seen *seen = seen_open("ingest.0", 100, SEEN_HOLD);
	pthread_t thread;
	flood.publisher = publisher;
	assert_int_equal(pthread_create(&thread, NULL, run_flood, NULL), 0);
	seen_wait_total(seen, 100); /* all of the prefetch is held: it must come again */
	close_by_name("ingest.0");
	seen_wait_downs(seen, 1);
	seen_end_held(seen, sw_delivery_ack); /* too late: only freed */
	close_by_name("flood");
	close_by_name("ingest.0");
	close_by_name("flood");
	while (counter("surewire_bus_reconnects_total", "flood") < 2) {
		usleep(5000);
	}
	wait_publisher_connected(publisher, true);
	atomic_store(&flood.stop, true);
	pthread_join(thread, NULL);
	outcomes_wait(&outcomes, flood.count);
	assert_int_equal(outcomes_count(&outcomes, SW_OK), flood.count);
	seen_wait_distinct(seen, flood.count);
	close_publisher(publisher);
	sw_consumer_stop(seen->consumer);
	assert_int_equal(seen->first_count, flood.count);
	for (int i = 0; i < flood.count; i++) {
		assert_int_equal(seen->first[i], i);
	}
	assert_true(seen->redelivered >= 100);
	assert_int_equal(counter("surewire_bus_redelivered_total", "ingest.0"), seen->redelivered);
	seen_close(seen);
}

static void queue_deleted__while_consuming__recovers_after_redeclare(void **state)
{
	(void)state;
	declare_topology();
	outcomes_init(&outcomes);
	struct seen *seen = seen_open("mailbox.0", 10, SEEN_ACK);
	wait_consumer_connected(seen->consumer, true);
	management_delete_queue(test_config.vhost, "mailbox.0");
	seen_wait_downs(seen, 1);
	struct sw_link_state link = sw_consumer_state(seen->consumer);
	assert_false(link.connected);
	assert_non_null(strstr(link.last_error, "mailbox.0"));
	declare_topology();
	struct sw_publisher *publisher = open_publisher("deleted");
	publish_number(publisher, &outcomes, "", "mailbox.0", 3);
	seen_wait_distinct(seen, 1);
	close_publisher(publisher);
	seen_close(seen);
}

static void queue_missing__at_open__shown_and_found_later(void **state)
{
	(void)state;
	struct seen *seen = seen_open("late", 10, SEEN_ACK);
	while (!sw_consumer_state(seen->consumer).last_error[0]) {
		usleep(10000);
	}
	assert_non_null(strstr(sw_consumer_state(seen->consumer).last_error, "no queue 'late'"));
	management_declare_queue(test_config.vhost, "late", "{}");
	wait_consumer_connected(seen->consumer, true);
	seen_close(seen);
}

static void stop__some_acked__only_the_others_come_again(void **state)
{
	(void)state;
	enum { COUNT = 200, MARKER = 9999 };
	declare_topology();
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("stop");
	struct seen *seen = seen_open("push.apns", COUNT, SEEN_HOLD);
	for (int i = 0; i < COUNT; i++) {
		publish_number(publisher, &outcomes, "", "push.apns", i);
	}
	seen_wait_total(seen, COUNT);
	for (int i = 0; i < COUNT; i++) {
		(i % 2 == 0 ? sw_delivery_ack : sw_delivery_free)(seen->held[i]);
	}
	seen->held_count = 0;
	seen_close(seen);
	seen = seen_open("push.apns", COUNT, SEEN_ACK);
	seen_wait_distinct(seen, COUNT / 2);
	publish_number(publisher, &outcomes, "", "push.apns", MARKER);
	seen_wait_distinct(seen, COUNT / 2 + 1);
	close_publisher(publisher);
	sw_consumer_stop(seen->consumer);
	assert_int_equal(seen->total, COUNT / 2 + 1);
	for (int i = 0; i < COUNT / 2; i++) {
		assert_int_equal(seen->first[i], 2 * i + 1);
	}
	assert_int_equal(seen->redelivered, COUNT / 2);
	seen_close(seen);
}

static void transient_queue__connection_closed__there_again(void **state)
{
	(void)state;
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("transient");
	publish_number(publisher, &outcomes, "", "node.7", 1);
	outcomes_wait(&outcomes, 1);
	assert_int_equal(outcomes.results[1], SW_EUNROUTABLE);
	struct sw_consumer_config config = {.queue = "node.7", .transient = true, .no_ack = true};
	struct seen *seen = seen_open_with(&test_config, &config, SEEN_ACK);
	wait_consumer_connected(seen->consumer, true);
	publish_number(publisher, &outcomes, "", "node.7", 2);
	seen_wait_distinct(seen, 1);
	close_by_name("node.7");
	seen_wait_downs(seen, 1);
	wait_consumer_connected(seen->consumer, true);
	publish_number(publisher, &outcomes, "", "node.7", 3);
	seen_wait_distinct(seen, 2);
	close_publisher(publisher);
	sw_consumer_stop(seen->consumer);
	assert_int_equal(seen->first[0], 2);
	assert_int_equal(seen->first[1], 3);
	seen_close(seen);
}

static void large_bodies__many_frames__whole(void **state)
{
	(void)state;
	static const size_t sizes_bytes[] = {4, 131064, 131065, 262128, 1000000, 5000000};
	enum { SIZES = sizeof(sizes_bytes) / sizeof(sizes_bytes[0]) };
	declare_topology();
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("large");
	struct seen *seen = seen_open("mailbox.0", 10, SEEN_ACK);
	for (int i = 0; i < SIZES; i++) {
		publish_sized(publisher, &outcomes, "mailbox.0", i, sizes_bytes[i]);
	}
	/* Returned with its body: the confirms after it must still be understood. */
	publish_sized(publisher, &outcomes, "nowhere", SIZES, 1000000);
	publish_sized(publisher, &outcomes, "mailbox.0", SIZES + 1, 4);
	outcomes_wait(&outcomes, SIZES + 2);
	assert_int_equal(outcomes.results[SIZES], SW_EUNROUTABLE);
	assert_int_equal(outcomes_count(&outcomes, SW_OK), SIZES + 1);
	seen_wait_distinct(seen, SIZES + 1);
	close_publisher(publisher);
	sw_consumer_stop(seen->consumer);
	assert_int_equal(seen->bytes_max, 5000000);
	assert_int_equal(seen->total, SIZES + 1);
	seen_close(seen);
}

/* A connection that carries nothing must live on heartbeats alone, or the broker closes it after two of them. */
static void idle__many_heartbeats__stays_up(void **state)
{
	(void)state;
	struct sw_bus_config config = test_config;
	struct sw_publisher *publisher;
	config.heartbeat_s = 1;
	assert_int_equal(sw_publisher_open(&config, "idle", &publisher), SW_OK);
	wait_publisher_connected(publisher, true);
	sleep(6);
	assert_true(sw_publisher_state(publisher).connected);
	assert_int_equal(counter("surewire_bus_reconnects_total", "idle"), 0);
	close_publisher(publisher);
}

static void silent_peer__publishing__confirmed_over_a_new_connection(void **state)
{
	(void)state;
	enum { COUNT = 500 };
	declare_topology();
	outcomes_init(&outcomes);
	proxy_open(test_config.host, test_config.port);
	struct sw_bus_config config = test_config;
	config.host = "127.0.0.1";
	config.port = proxy_port();
	config.heartbeat_s = 1;
	struct sw_publisher *publisher;
	assert_int_equal(sw_publisher_open(&config, "silent", &publisher), SW_OK);
	struct sw_consumer_config consumer_config = {.queue = "mailbox.0", .prefetch = 50};
	struct seen *seen = seen_open_with(&config, &consumer_config, SEEN_ACK);
	publish_number(publisher, &outcomes, "", "mailbox.0", 0);
	outcomes_wait(&outcomes, 1);
	seen_wait_distinct(seen, 1);
	proxy_freeze();
	for (int i = 1; i < COUNT; i++) {
		publish_number(publisher, &outcomes, "", "mailbox.0", i);
	}
	outcomes_wait(&outcomes, COUNT);
	seen_wait_distinct(seen, COUNT);
	assert_int_equal(outcomes_count(&outcomes, SW_OK), COUNT);
	assert_true(counter("surewire_bus_reconnects_total", "silent") >= 1);
	assert_true(seen_downs(seen) >= 1);
	close_publisher(publisher);
	seen_close(seen);
	proxy_close();
}

/* As a broker with a memory alarm says it; the bytes are RabbitMQ's (connection.blocked, class 10, method 60). */
static void alarm__blocked_then_unblocked__held_back_and_shown(void **state)
{
	(void)state;
	static const uint8_t blocked[] = {1, 0, 0, 0, 0, 0, 8, 0, 10, 0, 60, 3, 'l', 'o', 'w', 0xCE};
	static const uint8_t unblocked[] = {1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 61, 0xCE};
	declare_topology();
	outcomes_init(&outcomes);
	proxy_open(test_config.host, test_config.port);
	struct sw_bus_config config = test_config;
	config.host = "127.0.0.1";
	config.port = proxy_port();
	struct sw_publisher *publisher;
	assert_int_equal(sw_publisher_open(&config, "alarm", &publisher), SW_OK);
	publish_number(publisher, &outcomes, "", "ingest.1", 0);
	outcomes_wait(&outcomes, 1);
	proxy_inject(blocked, sizeof(blocked));
	while (!sw_publisher_state(publisher).blocked) {
		usleep(5000);
	}
	assert_int_equal(counter("surewire_bus_blocked_total", "alarm"), 1);
	for (int i = 1; i <= 100; i++) {
		publish_number(publisher, &outcomes, "", "ingest.1", i);
	}
	usleep(300 * 1000);
	assert_int_equal(outcomes_done(&outcomes), 1);
	assert_int_equal(sw_publisher_state(publisher).unconfirmed, 100);
	assert_true(sw_publisher_state(publisher).connected);
	proxy_inject(unblocked, sizeof(unblocked));
	outcomes_wait(&outcomes, 101);
	assert_false(sw_publisher_state(publisher).blocked);
	assert_int_equal(counter("surewire_bus_reconnects_total", "alarm"), 0);
	close_publisher(publisher);
	proxy_close();
}

int run_fault_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_closed__in_the_middle__nothing_lost_first_deliveries_in_order),
		cmocka_unit_test(queue_deleted__while_consuming__recovers_after_redeclare),
		cmocka_unit_test(queue_missing__at_open__shown_and_found_later),
		cmocka_unit_test(stop__some_acked__only_the_others_come_again),
		cmocka_unit_test(transient_queue__connection_closed__there_again),
		cmocka_unit_test(large_bodies__many_frames__whole),
		cmocka_unit_test(idle__many_heartbeats__stays_up),
		cmocka_unit_test(silent_peer__publishing__confirmed_over_a_new_connection),
		cmocka_unit_test(alarm__blocked_then_unblocked__held_back_and_shown),
	};
	return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
