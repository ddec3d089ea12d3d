/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1.1 pool against a server on asyncio: answers and their limits, what a broken connection means, what may not
 * be connected to, how much goes on at once, and closing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h2_harness.h"

/* One request to a server started for it; the rig is released. */
static struct one run_one(struct rig *rig, const char *const *args, const char *path)
{
	struct batch batch;
	start_http1(rig, args);
	ask(rig, path, &batch);
	struct one one = batch.items[0];
	batch_release(&batch);
	rig_release(rig);
	return one;
}

static void expect_one(struct rig *rig, const char *path, enum sw_h2_end end, int status)
{
	struct batch batch;
	ask(rig, path, &batch);
	if (batch.items[0].end != end || batch.items[0].status != status) {
		fail_msg("%s: %s %d \"%s\"", path, sw_h2_end_name(batch.items[0].end), batch.items[0].status,
			 batch.items[0].detail);
	}
	batch_release(&batch);
}

/* ---- answers ---- */

static void send__post__request_as_given(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_http1(&rig, no_args);
	batch_init(&batch, 1);
	batch.header_name = "x-served";
	struct sw_http_request *request = &batch.items[0].request;
	request->method = "POST";
	request->body = sw_bytes_str("{\"a\":1}");
	assert_true(sw_http_request_add(request, "content-type", sw_bytes_str("application/json"), false));
	assert_true(sw_http_request_add(request, "webhook-id", sw_bytes_str("x y"), true));
	batch_send(&rig, &batch, 0, 1, "/ok?a=%2f/../b");
	batch_wait(&rig, &batch, 1);
	char want[400];
	snprintf(want, sizeof(want),
		 "{\"method\": \"POST\", \"path\": \"/ok?a=%%2f/../b\", \"version\": \"HTTP/1.1\", \"headers\": "
		 "{\"host\": \"127.0.0.1:%u\", \"accept\": \"*/*\", \"content-type\": \"application/json\", "
		 "\"webhook-id\": \"x y\", \"content-length\": \"7\"}, \"body\": \"{\\\"a\\\":1}\", \"request\": 1}",
		 rig.endpoint.port);
	assert_int_equal(batch.items[0].status, 200);
	assert_string_equal(batch.items[0].body, want);
	assert_string_equal(batch.items[0].header, "yes");
	batch_release(&batch);
	rig_release(&rig);
}

static void send__answers_of_all_kinds__their_status(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_http1(&rig, no_args);
	expect_one(&rig, "/status/204", SW_H2_ANSWERED, 204);
	expect_one(&rig, "/status/410", SW_H2_ANSWERED, 410);
	expect_one(&rig, "/status/599", SW_H2_ANSWERED, 599);
	batch_init(&batch, 1);
	batch.header_name = "retry-after";
	batch_send(&rig, &batch, 0, 1, "/status/429");
	batch_wait(&rig, &batch, 1);
	assert_string_equal(batch.items[0].header, "9");
	batch_release(&batch);
	rig_release(&rig);
}

static void send__redirect__not_followed(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	start_http1(&rig, no_args);
	expect_one(&rig, "/redirect", SW_H2_ANSWERED, 302);
	assert_int_equal(stat_of(&rig, "requests"), 2); /* the question itself is one */
	rig_release(&rig);
}

static void send__head_of_information_first__the_last_head_counts(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_http1(&rig, no_args);
	batch_init(&batch, 2);
	batch.header_name = "x-served";
	batch_send(&rig, &batch, 0, 1, "/informed");
	batch_wait(&rig, &batch, 1);
	assert_int_equal(batch.items[0].status, 200);
	assert_string_equal(batch.items[0].header, "yes");
	batch.header_name = "retry-after";
	batch_send(&rig, &batch, 1, 1, "/informed");
	batch_wait(&rig, &batch, 2);
	assert_string_equal(batch.items[1].header, "");
	batch_release(&batch);
	rig_release(&rig);
}

/* The head is the answer: what the body does changes nothing. */
static void send__body_huge_cut_or_stalled__answered(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.answer_timeout_ms = 3000;
	start_http1(&rig, no_args);
	ask(&rig, "/huge", &batch);
	assert_int_equal(batch.items[0].status, 200);
	assert_int_equal(batch.items[0].body_len, SW_HTTP_BODY_MAX);
	batch_release(&batch);
	expect_one(&rig, "/half", SW_H2_ANSWERED, 503);
	expect_one(&rig, "/stall", SW_H2_ANSWERED, 410);
	ask(&rig, "/fields", &batch);
	assert_int_equal(batch.items[0].status, 200);
	assert_in_range(batch.items[0].header_count, 10, SW_HTTP_HEADERS_MAX);
	batch_release(&batch);
	rig_release(&rig);
}

/* ---- no answer ---- */

static void send__no_whole_head__unknown(void **state)
{
	(void)state;
	static const char *const paths[] = {"/cut", "/early", "/garbage", "/endless", "/never"};
	struct rig rig;
	rig_init(&rig);
	rig.endpoint.answer_timeout_ms = 3000;
	start_http1(&rig, no_args);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		expect_one(&rig, paths[i], SW_H2_UNKNOWN, 0);
	}
	assert_int_equal(stat_of(&rig, "requests"), 6);
	rig_release(&rig);
}

/* libcurl by itself would send it again, to a server that may have done what it was asked. */
static void send__kept_connection_breaks_under_a_request__unknown_and_sent_once(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_http1(&rig, no_args);
	expect_one(&rig, "/deafen", SW_H2_ANSWERED, 200);
	batch_init(&batch, 1);
	batch.items[0].request.method = "POST";
	batch.items[0].request.body = sw_bytes_str("{}");
	batch_send(&rig, &batch, 0, 1, "/ok");
	batch_wait(&rig, &batch, 1);
	assert_int_equal(batch.items[0].end, SW_H2_UNKNOWN);
	assert_string_equal(batch.items[0].detail, "the connection broke before an answer");
	batch_release(&batch);
	assert_int_equal(stat_of(&rig, "requests"), 3);
	assert_int_equal(stat_of(&rig, "bodies"), 2);
	rig_release(&rig);
}

static bool has_passed(void *ctx)
{
	return *(bool *)ctx;
}

static void on_pause_over(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

static void pause_ms(struct rig *rig, uint64_t ms)
{
	bool over = false;
	uv_timer_t timer;
	uv_timer_init(&rig->loop, &timer);
	timer.data = &over;
	uv_timer_start(&timer, on_pause_over, ms, 0);
	rig_run(rig, has_passed, &over);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&rig->loop, UV_RUN_NOWAIT);
}

static void send__one_after_the_other__over_one_connection(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	start_http1(&rig, no_args);
	for (int i = 0; i < 5; i++) {
		expect_one(&rig, "/ok", SW_H2_ANSWERED, 200);
	}
	assert_int_equal(stat_of(&rig, "connections"), 1);
	pause_ms(&rig, SW_HTTP_IDLE_MS + 500);
	assert_int_equal(stat_of(&rig, "connections"), 2);
	rig_release(&rig);
}

static void send__kept_connection_closed_meanwhile__over_a_new_one(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	start_http1(&rig, no_args);
	for (int i = 0; i < 5; i++) {
		expect_one(&rig, "/bye", SW_H2_ANSWERED, 200);
		pause_ms(&rig, 100);
	}
	assert_int_equal(stat_of(&rig, "requests"), 6);
	assert_int_equal(stat_of(&rig, "connections"), 6);
	rig_release(&rig);
}

/* ---- connecting ---- */

static void expect_connect_failed(struct rig *rig, const char *const *args, const char *detail)
{
	rig->endpoint.answer_timeout_ms = 3000;
	struct one one = run_one(rig, args, "/ok");
	assert_int_equal(one.end, SW_H2_CONNECT_FAILED);
	if (!strstr(one.detail, detail)) {
		fail_msg("expected \"%s\", got \"%s\"", detail, one.detail);
	}
}

static void connect__certificate_not_good__failed(void **state)
{
	(void)state;
	static const char *const wrong[] = {"--cert", "wrong", NULL};
	struct rig rig;
	char other_ca[300];
	rig_init(&rig);
	expect_connect_failed(&rig, wrong, "certificate subject name");
	rig_init(&rig);
	rig.endpoint.host = "localhost";
	expect_connect_failed(&rig, wrong, "no alternative certificate subject name");
	snprintf(other_ca, sizeof(other_ca), "%s/other_ca.pem", certs_dir);
	rig_init(&rig);
	rig.endpoint.ca_file = other_ca;
	expect_connect_failed(&rig, no_args, "certificate");
	rig_init(&rig);
	rig.endpoint.ca_file = "/nonexistent/ca.pem";
	expect_connect_failed(&rig, no_args, "/nonexistent/ca.pem");
	rig_init(&rig);
	rig.endpoint.ca_file = NULL;
	expect_connect_failed(&rig, no_args, "certificate");
}

static void connect__client_certificate_wanted__only_with_one(void **state)
{
	(void)state;
	static const char *const args[] = {"--client-ca", NULL};
	struct rig rig;
	char cert[300];
	char key[300];
	rig_init(&rig);
	assert_int_not_equal(run_one(&rig, args, "/ok").end, SW_H2_ANSWERED);
	rig_init(&rig);
	snprintf(cert, sizeof(cert), "%s/client.pem", certs_dir);
	snprintf(key, sizeof(key), "%s/client.key", certs_dir);
	rig.endpoint.cert_file = cert;
	rig.endpoint.key_file = key;
	assert_int_equal(run_one(&rig, args, "/ok").status, 200);
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
		assert_int_equal(run_one(&rig, no_args, "/ok").status, 200);
		rig_init(&rig);
		rig.endpoint.host = hosts[i];
		rig.endpoint.public_only = true;
		expect_connect_failed(&rig, no_args, "not an address of the public internet");
	}
}

static void connect__plain__towards_loopback_only(void **state)
{
	(void)state;
	static const char *const args[] = {"--plain", NULL};
	struct rig rig;
	rig_init(&rig);
	rig.endpoint.plain = true;
	assert_int_equal(run_one(&rig, args, "/ok").status, 200);
	rig_init(&rig);
	rig.endpoint.plain = true;
	rig.endpoint.host = "192.0.2.1";
	expect_connect_failed(&rig, args, "http is allowed towards loopback only");
	rig_init(&rig);
	expect_connect_failed(&rig, args, ""); /* no TLS where it is wanted */
}

static void connect__nobody_listens_or_no_such_name__failed(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_http1(&rig, no_args);
	server_stop(&rig.server);
	ask(&rig, "/ok", &batch);
	expect_ends(&batch, 0, 0, 0, 1);
	batch_release(&batch);
	rig_release(&rig);
	rig_init(&rig);
	rig.endpoint.host = "no-such-host.invalid";
	expect_connect_failed(&rig, no_args, "no-such-host.invalid");
}

/* ---- how much at once ---- */

static void send__many__no_more_at_once_than_connections(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.connections_max = 3;
	start_http1(&rig, no_args);
	batch_init(&batch, 60);
	batch_send(&rig, &batch, 0, 60, "/later/20");
	batch_wait(&rig, &batch, 60);
	expect_ends(&batch, 60, 0, 0, 0);
	batch_release(&batch);
	assert_int_equal(stat_of(&rig, "open_max"), 3);
	assert_int_equal(stat_of(&rig, "connections"), 3);
	rig_release(&rig);
}

static void send__queue_full__busy(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_http1(&rig, no_args);
	batch_init(&batch, BATCH_MAX + 1);
	batch_send(&rig, &batch, 0, BATCH_MAX + 1, "/ok"); /* one of them under way */
	struct one more = {.request = {.method = "POST", .path = sw_bytes_str("/ok")}};
	more.call = (struct sw_h2_call){.request = &more.request};
	assert_int_equal(sw_http_send(rig.http, &more.call), SW_EBUSY);
	batch_wait(&rig, &batch, BATCH_MAX + 1);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__no_free_connection_in_time__unsent(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.answer_timeout_ms = 1000;
	start_http1(&rig, no_args);
	batch_init(&batch, 3);
	batch_send(&rig, &batch, 0, 1, "/never");
	pause_ms(&rig, 300);
	batch_send(&rig, &batch, 1, 1, "/never");
	batch_send(&rig, &batch, 2, 1, "/ok");
	batch_wait(&rig, &batch, 3);
	expect_ends(&batch, 0, 1, 2, 0);
	assert_string_equal(batch.items[2].detail, "no free connection in time");
	batch_release(&batch);
	rig_release(&rig);
}

static void send__not_allowed_in_http__refused(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path, *name, *value;
	} rows[] = {
		{"GET", "/ok", "a", "b"},       {"POST", "ok", "a", "b"},      {"POST", "", "a", "b"},
		{"POST", "/o k", "a", "b"},     {"POST", "/o\r\nk", "a", "b"}, {"POST", "/ok", "a:", "b"},
		{"POST", "/ok", "", "b"},       {"POST", "/ok", "a b", "b"},   {"POST", "/ok", "a", "b\r\nc: d"},
		{"POST", "/ok", "a\r\nb", "c"}, {"POST", "/ok", "a", ""},      {"POST", "/ok\x7f", "a", "b"},
	};
	struct rig rig;
	rig_init(&rig);
	start_http1(&rig, no_args);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct one one = {.request = {.method = rows[i].method, .path = sw_bytes_str(rows[i].path)}};
		assert_true(sw_http_request_add(&one.request, rows[i].name, sw_bytes_str(rows[i].value), false));
		one.call = (struct sw_h2_call){.request = &one.request};
		assert_int_equal(sw_http_send(rig.http, &one.call), SW_EINVAL);
	}
	rig_release(&rig);
}

/* ---- closing ---- */

static void close__calls_under_way_and_waiting__each_ends_once(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.connections_max = 2;
	start_http1(&rig, no_args);
	batch_init(&batch, 6);
	batch_send(&rig, &batch, 0, 6, "/later/500");
	pause_ms(&rig, 200);
	rig_release(&rig);
	assert_int_equal(batch.done, 6);
	expect_ends(&batch, 2, 4, 0, 0);
	batch_release(&batch);
}

static void close__no_answer_within_the_grace__unknown(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.connections_max = 2;
	rig.endpoint.answer_timeout_ms = 50000;
	start_http1(&rig, no_args);
	batch_init(&batch, 2);
	batch_send(&rig, &batch, 0, 2, "/never");
	pause_ms(&rig, 200);
	rig_release(&rig);
	assert_int_equal(batch.done, 2);
	expect_ends(&batch, 0, 0, 2, 0);
	batch_release(&batch);
}

static void close__nothing_ever_sent__closed(void **state)
{
	(void)state;
	struct rig rig;
	rig_init(&rig);
	start_http1(&rig, no_args);
	rig_release(&rig);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		cmocka_set_test_filter(argv[1]);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send__post__request_as_given),
		cmocka_unit_test(send__answers_of_all_kinds__their_status),
		cmocka_unit_test(send__redirect__not_followed),
		cmocka_unit_test(send__head_of_information_first__the_last_head_counts),
		cmocka_unit_test(send__body_huge_cut_or_stalled__answered),
		cmocka_unit_test(send__no_whole_head__unknown),
		cmocka_unit_test(send__kept_connection_breaks_under_a_request__unknown_and_sent_once),
		cmocka_unit_test(send__one_after_the_other__over_one_connection),
		cmocka_unit_test(send__kept_connection_closed_meanwhile__over_a_new_one),
		cmocka_unit_test(connect__certificate_not_good__failed),
		cmocka_unit_test(connect__client_certificate_wanted__only_with_one),
		cmocka_unit_test(connect__address_not_public__failed_when_only_public_ones_are_wanted),
		cmocka_unit_test(connect__plain__towards_loopback_only),
		cmocka_unit_test(connect__nobody_listens_or_no_such_name__failed),
		cmocka_unit_test(send__many__no_more_at_once_than_connections),
		cmocka_unit_test(send__queue_full__busy),
		cmocka_unit_test(send__no_free_connection_in_time__unsent),
		cmocka_unit_test(send__not_allowed_in_http__refused),
		cmocka_unit_test(close__calls_under_way_and_waiting__each_ends_once),
		cmocka_unit_test(close__no_answer_within_the_grace__unknown),
		cmocka_unit_test(close__nothing_ever_sent__closed),
	};
	return cmocka_run_group_tests(tests, setup_certs, teardown_certs);
}
