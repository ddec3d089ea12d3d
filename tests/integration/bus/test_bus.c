/* SPDX-License-Identifier: Apache-2.0 */
/* The bus on a real broker, when all goes well and when the broker says no. Lost connections: test_bus_faults.c. */
#include "fixture.h"
#include "management.h"

#include "base/metrics.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct outcomes outcomes;

static void publish__10000__confirmed_and_consumed_once_in_order(void **state)
{
	(void)state;
	enum { COUNT = 10000 };
	declare_topology();
	outcomes_init(&outcomes);
	struct seen *seen = seen_open("ingest.0", 300, SEEN_ACK);
	struct sw_publisher *publisher = open_publisher("many");
	for (int i = 0; i < COUNT; i++) {
		publish_number(publisher, &outcomes, "", "ingest.0", i);
	}
	outcomes_wait(&outcomes, COUNT);
	assert_int_equal(outcomes_count(&outcomes, SW_OK), COUNT);
	assert_int_equal(sw_publisher_state(publisher).unconfirmed, 0);
	seen_wait_total(seen, COUNT);
	close_publisher(publisher);
	sw_consumer_stop(seen->consumer); /* no more deliveries: the figures stand still */
	assert_int_equal(seen->total, COUNT);
	assert_int_equal(seen->redelivered, 0);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(seen->first[i], i);
	}
	assert_int_equal(sw_consumer_state(seen->consumer).unconfirmed, 0);
	seen_close(seen);
	assert_int_equal(sw_metric_get(sw_metric_counter("surewire_bus_confirmed_total", "link=\"many\"", "")), COUNT);
	/* Everything was acked: nothing comes to the next consumer but what is sent now. */
	seen = seen_open("ingest.0", 10, SEEN_ACK);
	publisher = open_publisher("many");
	outcomes_init(&outcomes);
	publish_number(publisher, &outcomes, "", "ingest.0", 7);
	seen_wait_total(seen, 1);
	close_publisher(publisher);
	assert_int_equal(seen->first[0], 7);
	assert_int_equal(seen->redelivered, 0);
	seen_close(seen);
}

static void publish__unroutable__returned_others_confirmed(void **state)
{
	(void)state;
	declare_topology();
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("unroutable");
	for (int i = 0; i < 300; i++) {
		publish_number(publisher, &outcomes, "", i % 3 == 1 ? "nowhere" : "ingest.1", i);
	}
	outcomes_wait(&outcomes, 300);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(outcomes.results[i], i % 3 == 1 ? SW_EUNROUTABLE : SW_OK);
	}
	close_publisher(publisher);
}

static void publish__missing_exchange__unroutable_and_the_rest_goes_on(void **state)
{
	(void)state;
	declare_topology();
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("missing");
	for (int i = 0; i < 50; i++) {
		publish_number(publisher, &outcomes, i % 5 == 2 ? "no.such.exchange" : "", "ingest.1", i);
	}
	outcomes_wait(&outcomes, 50);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(outcomes.results[i], i % 5 == 2 ? SW_EUNROUTABLE : SW_OK);
	}
	close_publisher(publisher);
}

static void publish__queue_full__refused(void **state)
{
	(void)state;
	management_declare_queue(test_config.vhost, "small",
				 "{\"x-queue-type\":\"quorum\",\"x-max-length\":5,\"x-overflow\":\"reject-publish\"}");
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("full");
	/* The limit may be overshot by what is under way: one at a time. */
	for (int i = 0; i < 20; i++) {
		publish_number(publisher, &outcomes, "", "small", i);
		outcomes_wait(&outcomes, i + 1);
	}
	assert_int_equal(outcomes.results[0], SW_OK);
	assert_int_equal(outcomes.results[19], SW_EREFUSED);
	assert_int_equal(outcomes_count(&outcomes, SW_OK) + outcomes_count(&outcomes, SW_EREFUSED), 20);
	close_publisher(publisher);
}

static void on_released(struct sw_publish *p, int result)
{
	*(int *)p->ctx = result;
}

static void send__over_the_bounds__busy_but_always_goes_through(void **state)
{
	(void)state;
	struct sw_bus_config config = test_config;
	struct sw_publisher *publisher;
	config.port = 1; /* nobody listens: nothing leaves */
	config.inflight_messages_max = 2;
	assert_int_equal(sw_publisher_open(&config, "bounds", &publisher), SW_OK);
	int results[4] = {1, 1, 1, 1};
	struct sw_publish messages[4];
	for (int i = 0; i < 4; i++) {
		messages[i] = (struct sw_publish){
			.exchange = "", .routing_key = "ingest.0", .done = on_released, .ctx = &results[i]};
		messages[i].body = sw_blob_new(sw_bytes_str("four"));
	}
	assert_int_equal(sw_publisher_send(publisher, &messages[0]), SW_OK);
	assert_int_equal(sw_publisher_send(publisher, &messages[1]), SW_OK);
	assert_int_equal(sw_publisher_send(publisher, &messages[2]), SW_EBUSY);
	assert_int_equal(sw_publisher_send_always(publisher, &messages[3]), SW_OK);
	assert_int_equal(sw_publisher_state(publisher).unconfirmed, 3);
	sw_publisher_close(publisher, from_now_ms(50));
	assert_int_equal(results[0], SW_ECLOSED);
	assert_int_equal(results[1], SW_ECLOSED);
	assert_int_equal(results[2], 1);
	assert_int_equal(results[3], SW_ECLOSED);
	sw_blob_unref(messages[2].body);
}

static void topology__declared_twice__same_again(void **state)
{
	(void)state;
	declare_topology();
	declare_topology();
}

static void topology__conflicting_queue__config_error_naming_it(void **state)
{
	(void)state;
	static const char *const providers[] = {"fcm"};
	const struct sw_topology topology = {.providers = providers, .provider_count = 1, .queue_length_max = 100000};
	management_declare_queue(test_config.vhost, "push.fcm", "{}");
	struct sw_diag diag = {0};
	assert_int_equal(sw_topology_declare(&test_config, &topology, &diag), SW_ECONFIG);
	assert_non_null(strstr(diag.text, "push.fcm"));
	assert_non_null(strstr(diag.text, "inequivalent arg"));
	management_delete_queue(test_config.vhost, "push.fcm");
}

static void topology__other_length__config_error(void **state)
{
	(void)state;
	const struct sw_topology topology = {.ingest_queues = 1, .queue_length_max = 5};
	struct sw_diag diag = {0};
	declare_topology();
	assert_int_equal(sw_topology_declare(&test_config, &topology, &diag), SW_ECONFIG);
	assert_non_null(strstr(diag.text, "x-max-length"));
}

static void wrong_password__topology_and_publisher__auth_error_without_it(void **state)
{
	(void)state;
	const struct sw_topology topology = {.queue_length_max = 5};
	struct sw_bus_config config = test_config;
	struct sw_diag diag = {0};
	config.password = "wrong-secret";
	assert_int_equal(sw_topology_declare(&config, &topology, &diag), SW_EAUTH);
	assert_non_null(strstr(diag.text, config.user));
	assert_null(strstr(diag.text, "wrong-secret"));
	struct sw_publisher *publisher;
	assert_int_equal(sw_publisher_open(&config, "wrong", &publisher), SW_OK);
	struct sw_link_state link;
	do {
		usleep(10000);
		link = sw_publisher_state(publisher);
		assert_false(link.connected);
	} while (!link.last_error[0]);
	assert_non_null(strstr(link.last_error, "refused user"));
	sw_publisher_close(publisher, 0);
}

static void wrong_vhost_and_nobody_there__topology__told_apart(void **state)
{
	(void)state;
	const struct sw_topology topology = {.queue_length_max = 5};
	struct sw_bus_config config = test_config;
	struct sw_diag diag = {0};
	config.vhost = "no-such-vhost";
	assert_int_equal(sw_topology_declare(&config, &topology, &diag), SW_ECONFIG);
	assert_non_null(strstr(diag.text, "no-such-vhost"));
	diag.text[0] = '\0';
	config = test_config;
	config.port = 1;
	assert_int_equal(sw_topology_declare(&config, &topology, &diag), SW_ECONNECT);
}

static void open__unusable_config__refused(void **state)
{
	(void)state;
	struct sw_bus_config config = test_config;
	struct sw_publisher *publisher;
	config.heartbeat_s = 0;
	assert_int_equal(sw_publisher_open(&config, "bad", &publisher), SW_EINVAL);
	struct sw_consumer_config consumer_config = {.queue = "ingest.0"};
	struct sw_consumer *consumer;
	assert_int_equal(sw_consumer_open(&test_config, &consumer_config, &consumer), SW_EINVAL);
}

static void retry_stage__time_over__back_in_its_push_queue(void **state)
{
	(void)state;
	declare_topology();
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("retry");
	struct seen *seen = seen_open("push.apns", 10, SEEN_ACK);
	publish_number(publisher, &outcomes, sw_retry_exchanges[0], "push.apns", 1);
	publish_number(publisher, &outcomes, "", "push.apns", 2);
	outcomes_wait(&outcomes, 2);
	seen_wait_distinct(seen, 2);
	assert_int_equal(outcomes_count(&outcomes, SW_OK), 2);
	/* Published first, came out last. */
	assert_int_equal(seen->first[0], 2);
	assert_int_equal(seen->first[1], 1);
	close_publisher(publisher);
	seen_close(seen);
}

static void check_stage__time_over__in_its_mailbox_queue(void **state)
{
	(void)state;
	declare_topology();
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("check");
	struct seen *seen = seen_open("mailbox.0", 10, SEEN_ACK);
	publish_number(publisher, &outcomes, sw_check_exchanges[0], "mailbox.0", 5);
	seen_wait_distinct(seen, 1);
	close_publisher(publisher);
	seen_close(seen);
}

static void requeue__delivered_again__redelivered_and_counted(void **state)
{
	(void)state;
	declare_topology();
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("requeue");
	struct seen *seen = seen_open("push.apns", 10, SEEN_HOLD);
	publish_number(publisher, &outcomes, "", "push.apns", 1);
	seen_wait_total(seen, 1);
	assert_int_equal(seen->delivery_count_max, 0);
	seen_end_held(seen, sw_delivery_requeue);
	seen_wait_redelivered(seen, 1);
	close_publisher(publisher);
	sw_consumer_stop(seen->consumer);
	assert_int_equal(seen->delivery_count_max, 1);
	assert_int_equal(seen->total, 2);
	seen_close(seen);
}

/* Past the delivery limit a message is in "dead", not lost and not back. */
static void poison__requeued_for_ever__ends_in_dead(void **state)
{
	(void)state;
	declare_topology();
	outcomes_init(&outcomes);
	struct sw_publisher *publisher = open_publisher("poison");
	struct seen *dead = seen_open("dead", 10, SEEN_ACK);
	struct seen *seen = seen_open("push.apns", 10, SEEN_REQUEUE);
	publish_number(publisher, &outcomes, "", "push.apns", 1);
	publish_number(publisher, &outcomes, "", "push.apns", 2);
	seen_wait_distinct(dead, 2);
	close_publisher(publisher);
	sw_consumer_stop(seen->consumer);
	assert_int_equal(seen->times[1], 21);
	assert_int_equal(seen->times[2], 21);
	assert_int_equal(seen->delivery_count_max, 20);
	seen_close(seen);
	seen_close(dead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(publish__10000__confirmed_and_consumed_once_in_order),
		cmocka_unit_test(publish__unroutable__returned_others_confirmed),
		cmocka_unit_test(publish__missing_exchange__unroutable_and_the_rest_goes_on),
		cmocka_unit_test(publish__queue_full__refused),
		cmocka_unit_test(send__over_the_bounds__busy_but_always_goes_through),
		cmocka_unit_test(topology__declared_twice__same_again),
		cmocka_unit_test(topology__conflicting_queue__config_error_naming_it),
		cmocka_unit_test(topology__other_length__config_error),
		cmocka_unit_test(wrong_password__topology_and_publisher__auth_error_without_it),
		cmocka_unit_test(wrong_vhost_and_nobody_there__topology__told_apart),
		cmocka_unit_test(open__unusable_config__refused),
		cmocka_unit_test(retry_stage__time_over__back_in_its_push_queue),
		cmocka_unit_test(check_stage__time_over__in_its_mailbox_queue),
		cmocka_unit_test(requeue__delivered_again__redelivered_and_counted),
		cmocka_unit_test(poison__requeued_for_ever__ends_in_dead),
	};
	int failed = cmocka_run_group_tests(tests, fixture_open, fixture_close);
	bool ran = fixture_was_opened();
	failed += run_fault_tests();
	return failed == 0 && ran && fixture_was_opened() ? EXIT_SUCCESS : EXIT_FAILURE;
}
