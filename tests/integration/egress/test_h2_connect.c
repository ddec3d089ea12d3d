/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/2 client: what a connection may not be made with, a server that comes later,
 * liveness, and closing the pool. */
#include <stdio.h>
#include <string.h>

#include "h2_harness.h"

/* To a Python server started with args; releases the rig. */
static void fail_to_connect(struct rig *rig, const char *const *args, const char *detail)
{
	struct batch batch;
	rig->endpoint.answer_timeout_ms = 1500;
	start_python(rig, args);
	batch_init(&batch, 10);
	batch_send(rig, &batch, 0, 10, "/ok");
	batch_wait(rig, &batch, 10);
	expect_ends(&batch, 0, 0, 0, 10);
	assert_non_null(strstr(batch.items[0].detail, detail));
	batch_release(&batch);
	rig_release(rig);
}

static void expect_connect_failed(const char *const *args, const char *host, const char *ca, const char *detail)
{
	struct rig rig;
	char ca_file[300];
	rig_init(&rig);
	snprintf(ca_file, sizeof(ca_file), "%s/%s", certs_dir, ca);
	rig.endpoint.ca_file = ca_file;
	rig.endpoint.host = host;
	fail_to_connect(&rig, args, detail);
}

static void connect__certificate_of_another_name__failed(void **state)
{
	(void)state;
	static const char *const args[] = {"--cert", "wrong", NULL};
	expect_connect_failed(args, "127.0.0.1", "ca.pem", "IP address mismatch");
	expect_connect_failed(args, "localhost", "ca.pem", "hostname mismatch");
}

static void connect__unknown_authority__failed(void **state)
{
	(void)state;
	expect_connect_failed(no_args, "127.0.0.1", "other_ca.pem", "certificate refused: ");
}

static void connect__ca_file_missing__failed(void **state)
{
	(void)state;
	expect_connect_failed(no_args, "127.0.0.1", "no_such_file.pem", "no_such_file.pem: expected certificates");
}

static void connect__server_without_h2__failed(void **state)
{
	(void)state;
	static const char *const args[] = {"--alpn", "http/1.1", NULL};
	expect_connect_failed(args, "127.0.0.1", "ca.pem", "ALPN");
}

static void connect__no_settings_from_the_server__failed(void **state)
{
	(void)state;
	static const char *const args[] = {"--mute", NULL};
	expect_connect_failed(args, "127.0.0.1", "ca.pem", "no connection in time");
}

static void connect__name_that_does_not_exist__failed(void **state)
{
	(void)state;
	expect_connect_failed(no_args, "no-such-host.invalid", "ca.pem", "name lookup");
}

/* The server is there and its certificate good: only the flag stands between. */
static void connect__address_not_public__failed_when_only_public_ones_are_wanted(void **state)
{
	(void)state;
	static const char *const hosts[] = {"127.0.0.1", "localhost"};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct rig rig;
		rig_init(&rig);
		rig.endpoint.host = hosts[i];
		rig.endpoint.public_only = true;
		fail_to_connect(&rig, no_args, "not an address of the public internet");
	}
}

static void connect__client_certificate_wanted__only_with_one(void **state)
{
	(void)state;
	static const char *const args[] = {"--client-ca", NULL};
	expect_connect_failed(args, "127.0.0.1", "ca.pem", "");
	struct rig rig;
	struct batch batch;
	char cert[300];
	char key[300];
	rig_init(&rig);
	snprintf(cert, sizeof(cert), "%s/client.pem", certs_dir);
	snprintf(key, sizeof(key), "%s/client.key", certs_dir);
	rig.endpoint.cert_file = cert;
	rig.endpoint.key_file = key;
	start_python(&rig, args);
	ask(&rig, "/ok", &batch);
	assert_int_equal(batch.items[0].status, 200);
	batch_release(&batch);
	rig_release(&rig);
}

static void connect__server_off__failed_and_later_answered(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.answer_timeout_ms = 1000;
	rig.endpoint.port = free_port();
	rig_open(&rig);
	batch_init(&batch, 20);
	batch_send(&rig, &batch, 0, 10, "/ok");
	batch_wait(&rig, &batch, 10);
	expect_ends(&batch, 0, 0, 0, 10);
	assert_non_null(strstr(batch.items[0].detail, "connection refused"));
	rig.endpoint.answer_timeout_ms = 20000;
	batch_send(&rig, &batch, 10, 10, "/ok");
	server_start(&rig.server, "/usr/bin/python3", "h2_server.py", certs_dir, rig.endpoint.port, no_args);
	batch_wait(&rig, &batch, 20);
	expect_ends(&batch, 10, 0, 0, 10);
	batch_release(&batch);
	rig_release(&rig);
}

static void ping__frozen_server__connection_lost(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.ping_interval_ms = 300;
	rig.endpoint.answer_timeout_ms = 50000;
	start_python(&rig, no_args);
	batch_init(&batch, 12);
	batch_send(&rig, &batch, 0, 1, "/ok");
	batch_wait(&rig, &batch, 1);
	batch_send(&rig, &batch, 1, 10, "/hold");
	batch_send(&rig, &batch, 11, 1, "/freeze");
	batch_wait(&rig, &batch, 12);
	expect_ends(&batch, 1, 0, 11, 0);
	assert_string_equal(batch.items[11].detail, "connection lost: no acknowledgement of a PING");
	assert_int_equal(stat_of(&rig, "connections"), 2);
	batch_release(&batch);
	rig_release(&rig);
}

static void on_pause_over(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
	uv_close((uv_handle_t *)timer, NULL);
}

static bool is_set(void *ctx)
{
	return *(bool *)ctx;
}

static void pause_for(struct rig *rig, uint64_t pause_ms)
{
	static uv_timer_t timer;
	bool over = false;
	uv_timer_init(&rig->loop, &timer);
	timer.data = &over;
	uv_timer_start(&timer, on_pause_over, pause_ms, 0);
	rig_run(rig, is_set, &over);
	uv_run(&rig->loop, UV_RUN_NOWAIT);
}

static void ping__idle_connection__only_while_an_answer_is_awaited(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.ping_interval_ms = 50;
	start_python(&rig, no_args);
	ask(&rig, "/later/600", &batch);
	assert_int_equal(batch.items[0].status, 200);
	batch_release(&batch);
	int pings = stat_of(&rig, "pings");
	assert_true(pings > 0);
	pause_for(&rig, 500);
	assert_int_equal(stat_of(&rig, "pings"), pings);
	rig_release(&rig);
}

static void ping__interval_zero__never(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	ask(&rig, "/later/500", &batch);
	batch_release(&batch);
	assert_int_equal(stat_of(&rig, "pings"), 0);
	rig_release(&rig);
}

static bool several_in_flight(void *ctx)
{
	return sw_h2_in_flight(ctx) >= 5;
}

static void close__with_work_in_every_state__each_ends_once(void **state)
{
	(void)state;
	static const char *const args[] = {"--streams", "5", "--delay-ms", "300", NULL};
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, args);
	batch_init(&batch, 30);
	batch_send(&rig, &batch, 0, 30, "/ok");
	rig_run(&rig, several_in_flight, rig.pool);
	assert_int_equal(sw_h2_queued(rig.pool), 25);
	rig_release(&rig);
	assert_int_equal(batch.done, 30);
	expect_ends(&batch, 5, 25, 0, 0);
	batch_release(&batch);
}

static void close__while_connecting_or_idle__at_once(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, 3);
	batch_send(&rig, &batch, 0, 3, "/ok");
	rig_release(&rig);
	expect_ends(&batch, 0, 3, 0, 0);
	batch_release(&batch);
	rig_init(&rig);
	rig.endpoint.port = 1;
	rig_open(&rig);
	rig_release(&rig);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		cmocka_set_test_filter(argv[1]);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect__certificate_of_another_name__failed),
		cmocka_unit_test(connect__unknown_authority__failed),
		cmocka_unit_test(connect__ca_file_missing__failed),
		cmocka_unit_test(connect__server_without_h2__failed),
		cmocka_unit_test(connect__no_settings_from_the_server__failed),
		cmocka_unit_test(connect__name_that_does_not_exist__failed),
		cmocka_unit_test(connect__address_not_public__failed_when_only_public_ones_are_wanted),
		cmocka_unit_test(connect__client_certificate_wanted__only_with_one),
		cmocka_unit_test(connect__server_off__failed_and_later_answered),
		cmocka_unit_test(ping__frozen_server__connection_lost),
		cmocka_unit_test(ping__idle_connection__only_while_an_answer_is_awaited),
		cmocka_unit_test(ping__interval_zero__never),
		cmocka_unit_test(close__with_work_in_every_state__each_ends_once),
		cmocka_unit_test(close__while_connecting_or_idle__at_once),
	};
	return cmocka_run_group_tests(tests, setup_certs, teardown_certs);
}
