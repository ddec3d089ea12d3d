/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/2 client against nghttpd, Node and a misbehaving server on Python's h2: every request ends once, and as
 * what it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h2_harness.h"

static void send__nghttpd_with_few_streams__all_answered(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.connections_max = 2;
	server_start_nghttpd(&rig.server, certs_dir, 7);
	rig_open(&rig);
	batch_init(&batch, 300);
	for (size_t i = 0; i < 300; i++) {
		batch.items[i].request.method = "GET";
	}
	batch_send(&rig, &batch, 0, 300, "/hello.txt");
	batch_wait(&rig, &batch, 300);
	/* nghttpd refuses streams above its limit: none was. */
	expect_ends(&batch, 300, 0, 0, 0);
	for (size_t i = 0; i < 300; i++) {
		assert_int_equal(batch.items[i].status, 200);
		assert_string_equal(batch.items[i].body, "hello\n");
	}
	batch_release(&batch);
	rig_release(&rig);
}

/* More frames than the socket is given at once, and nothing comes from the server before the last of them: nobody but
 * the client itself can go on. */
static void send__more_headers_at_once_than_one_write_takes__all_answered(void **state)
{
	(void)state;
	enum { COUNT = 40 };
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	static char value[8000];
	memset(value, 'v', sizeof(value) - 1);
	batch_init(&batch, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(sw_http_request_add(&batch.items[i].request, "x-long", sw_bytes_str(value), true));
	}
	batch_send(&rig, &batch, 0, COUNT - 1, "/hold");
	batch_send(&rig, &batch, COUNT - 1, 1, "/last");
	batch_wait(&rig, &batch, COUNT);
	expect_ends(&batch, COUNT, 0, 0, 0);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__node_server__headers_and_body_arrive(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.host = "localhost";
	server_start(&rig.server, "node", "node_h2_server.js", certs_dir, 0, no_args);
	rig_open(&rig);
	static uint8_t body[200000];
	batch_init(&batch, 50);
	batch.header_name = "x-length";
	for (size_t i = 0; i < 50; i++) {
		struct sw_http_request *req = &batch.items[i].request;
		assert_true(sw_http_request_add(req, "authorization", sw_bytes_str("bearer abc"), true));
		req->body = sw_bytes(body, i * 4000); /* beyond the flow-control window for many */
	}
	batch_send(&rig, &batch, 0, 50, "/3/device/abc");
	batch_wait(&rig, &batch, 50);
	expect_ends(&batch, 50, 0, 0, 0);
	for (size_t i = 0; i < 50; i++) {
		assert_int_equal(batch.items[i].status, 200);
		assert_int_equal(strtol(batch.items[i].header, NULL, 10), (long)(i * 4000));
		assert_string_equal(batch.items[i].body, "/3/device/abc bearer abc");
	}
	batch_release(&batch);
	rig_release(&rig);
}

static void send__python_echo__request_as_given(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, 1);
	batch.header_name = "apns-id";
	struct sw_http_request *req = &batch.items[0].request;
	assert_true(sw_http_request_add(req, "apns-topic", sw_bytes_str("org.example.chat"), false));
	assert_true(sw_http_request_add(req, "apns-id", sw_bytes_str("1234"), true));
	req->body = sw_bytes_str("{\"aps\":{}}");
	batch_send(&rig, &batch, 0, 1, "/echo");
	batch_wait(&rig, &batch, 1);
	const struct one *one = &batch.items[0];
	assert_int_equal(one->status, 200);
	assert_string_equal(one->header, "EC1BF194");
	assert_non_null(strstr(one->body, "\"length\": 10"));
	char authority[64];
	snprintf(authority, sizeof(authority), "[\":authority\", \"127.0.0.1:%u\"]", rig.server.port);
	assert_non_null(strstr(one->body, authority));
	assert_non_null(strstr(one->body, "[\":method\", \"POST\"], [\":scheme\", \"https\"]"));
	assert_non_null(strstr(one->body, "[\"apns-topic\", \"org.example.chat\"], [\"apns-id\", \"1234\"], "
					  "[\"content-length\", \"10\"]"));
	assert_non_null(strstr(one->body, "\"never_indexed\": [\":path\", \"apns-id\"]"));
	batch_release(&batch);
	rig_release(&rig);
}

static void send__one_stream_until_first_success__then_many(void **state)
{
	(void)state;
	static const char *const args[] = {"--delay-ms", "30", NULL};
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.initial_streams_max = 1;
	rig.endpoint.connections_max = 4;
	start_python(&rig, args);
	batch_init(&batch, 100);
	batch_send(&rig, &batch, 0, 5, "/status/403");
	batch_send(&rig, &batch, 5, 95, "/ok");
	batch_wait(&rig, &batch, 100);
	expect_ends(&batch, 100, 0, 0, 0);
	assert_int_equal(stat_of(&rig, "open_before_success"), 1);
	assert_true(stat_of(&rig, "open_max") > 1);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__server_allows_three_streams__never_more(void **state)
{
	(void)state;
	static const char *const args[] = {"--streams", "3", "--delay-ms", "2", NULL};
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, args);
	batch_init(&batch, 200);
	batch_send(&rig, &batch, 0, 200, "/ok");
	batch_wait(&rig, &batch, 200);
	expect_ends(&batch, 200, 0, 0, 0);
	assert_int_equal(stat_of(&rig, "open_max"), 3);
	assert_int_equal(stat_of(&rig, "connections"), 1);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__settings_fall_to_one__obeyed(void **state)
{
	(void)state;
	static const char *const args[] = {"--delay-ms", "2", NULL};
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, args);
	batch_init(&batch, 101);
	batch_send(&rig, &batch, 0, 20, "/ok");
	batch_wait(&rig, &batch, 20);
	batch_send(&rig, &batch, 20, 1, "/limit/1");
	batch_wait(&rig, &batch, 21);
	batch_send(&rig, &batch, 21, 80, "/ok");
	batch_wait(&rig, &batch, 101);
	expect_ends(&batch, 101, 0, 0, 0);
	assert_int_equal(stat_of(&rig, "open_after_limit"), 1);
	assert_int_equal(stat_of(&rig, "connections"), 1);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__no_stream_allowed__unsent_after_the_deadline(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.answer_timeout_ms = 1500;
	start_python(&rig, no_args);
	batch_init(&batch, 11);
	batch_send(&rig, &batch, 0, 1, "/limit/0");
	batch_wait(&rig, &batch, 1);
	batch_send(&rig, &batch, 1, 10, "/ok");
	batch_wait(&rig, &batch, 11);
	expect_ends(&batch, 1, 10, 0, 0);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__refused_streams__unsent(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, 40);
	for (size_t i = 0; i < 40; i++) {
		batch_send(&rig, &batch, i, 1, i % 2 == 0 ? "/reset/7" : "/ok");
	}
	batch_wait(&rig, &batch, 40);
	expect_ends(&batch, 20, 20, 0, 0);
	assert_int_equal(stat_of(&rig, "requests"), 41);
	assert_int_equal(stat_of(&rig, "connections"), 1);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__other_resets__unknown(void **state)
{
	(void)state;
	static const char *const paths[] = {"/reset/2", "/reset/8", "/reset/1", "/reset/0", "/half/7", "/half/2"};
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, 36);
	for (size_t i = 0; i < 36; i++) {
		batch_send(&rig, &batch, i, 1, paths[i % 6]);
	}
	batch_wait(&rig, &batch, 36);
	expect_ends(&batch, 0, 0, 36, 0);
	assert_int_equal(stat_of(&rig, "connections"), 1);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__goaway_with_streams_in_flight__those_above_last_unsent(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, 21);
	batch_send(&rig, &batch, 0, 20, "/hold");
	batch_send(&rig, &batch, 20, 1, "/goaway/8");
	batch_wait(&rig, &batch, 21);
	expect_ends(&batch, 8, 13, 0, 0);
	for (size_t i = 0; i < 21; i++) {
		assert_int_equal(batch.items[i].end, i < 8 ? SW_H2_ANSWERED : SW_H2_UNSENT);
	}
	/* New work goes to a new connection. */
	assert_int_equal(stat_of(&rig, "connections"), 2);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__goaway_and_resending_unsent_from_done__each_answered_once(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, 60);
	batch.resend_to = rig.pool;
	for (size_t i = 0; i < 60; i++) {
		batch_send(&rig, &batch, i, 1, i % 20 == 19 ? "/graceful" : "/ok");
	}
	batch_wait(&rig, &batch, 60);
	expect_ends(&batch, 60, batch.ends[SW_H2_UNSENT], 0, 0);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__socket_closed__sent_unknown_and_queued_still_answered(void **state)
{
	(void)state;
	static const char *const args[] = {"--streams", "10", NULL};
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, args);
	batch_init(&batch, 50);
	batch_send(&rig, &batch, 0, 9, "/hold");
	batch_send(&rig, &batch, 9, 1, "/close");
	batch_send(&rig, &batch, 10, 40, "/ok");
	batch_wait(&rig, &batch, 50);
	expect_ends(&batch, 40, 0, 10, 0);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(batch.items[i].end, SW_H2_UNKNOWN);
	}
	assert_int_equal(stat_of(&rig, "connections"), 2);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__never_answered__unknown_and_stream_reset(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	rig.endpoint.answer_timeout_ms = 1000;
	start_python(&rig, no_args);
	batch_init(&batch, 5);
	batch_send(&rig, &batch, 0, 5, "/never");
	batch_wait(&rig, &batch, 5);
	expect_ends(&batch, 0, 0, 5, 0);
	assert_string_equal(batch.items[0].detail, "no answer within 1000 ms");
	struct batch stats;
	ask(&rig, "/stats", &stats);
	assert_int_equal(stats.items[0].status, 200);
	assert_non_null(strstr(stats.items[0].body, "\"resets\": [8, 8, 8, 8, 8]"));
	batch_release(&stats);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__goaway_enhance_your_calm__answered_later_on_a_new_connection(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, 4);
	batch_send(&rig, &batch, 0, 2, "/hold");
	batch_send(&rig, &batch, 2, 1, "/goaway/2/11");
	batch_wait(&rig, &batch, 3);
	expect_ends(&batch, 2, 1, 0, 0);
	assert_string_equal(batch.items[2].detail, "stream closed: REFUSED_STREAM");
	batch_send(&rig, &batch, 3, 1, "/ok");
	batch_wait(&rig, &batch, 4);
	expect_ends(&batch, 3, 1, 0, 0);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__huge_body__cut_and_cancelled(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, 5);
	batch_send(&rig, &batch, 0, 5, "/huge");
	batch_wait(&rig, &batch, 5);
	expect_ends(&batch, 5, 0, 0, 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(batch.items[i].status, 200);
		assert_int_equal(batch.items[i].body_len, SW_H2_BODY_MAX);
	}
	struct batch stats;
	ask(&rig, "/stats", &stats);
	assert_non_null(strstr(stats.items[0].body, "\"resets\": [8, 8, 8, 8, 8]"));
	batch_release(&stats);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__many_headers__first_ones_kept(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	ask(&rig, "/manyheaders", &batch);
	assert_int_equal(batch.items[0].status, 200);
	assert_true(batch.items[0].header_count > 10 && batch.items[0].header_count <= SW_HTTP_HEADERS_MAX);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__informational_and_trailers__only_the_final_headers(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, 1);
	batch.header_name = "x-stage";
	batch_send(&rig, &batch, 0, 1, "/hints");
	batch_wait(&rig, &batch, 1);
	assert_int_equal(batch.items[0].status, 200);
	assert_string_equal(batch.items[0].header, "final");
	assert_int_equal(batch.items[0].header_count, 1);
	assert_string_equal(batch.items[0].body, "body");
	batch_release(&batch);
	rig_release(&rig);
}

static void send__answer_before_the_body_was_sent__answered(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	static uint8_t body[1000000];
	batch_init(&batch, 3);
	for (size_t i = 0; i < 3; i++) {
		batch.items[i].request.body = sw_bytes(body, sizeof(body));
	}
	batch_send(&rig, &batch, 0, 3, "/early");
	batch_wait(&rig, &batch, 3);
	expect_ends(&batch, 3, 0, 0, 0);
	assert_int_equal(batch.items[0].status, 413);
	assert_int_equal(stat_of(&rig, "connections"), 1);
	batch_release(&batch);
	rig_release(&rig);
}

static void send__queue_full_or_closed_or_malformed__refused(void **state)
{
	(void)state;
	struct rig rig;
	struct batch batch;
	rig_init(&rig);
	start_python(&rig, no_args);
	batch_init(&batch, BATCH_MAX);
	batch_send(&rig, &batch, 0, BATCH_MAX, "/ok");
	struct sw_http_request req = {.method = "POST", .path = sw_bytes_str("/ok")};
	struct sw_h2_call call = {.request = &req};
	assert_int_equal(sw_h2_send(rig.pool, &call), SW_EBUSY);
	batch_wait(&rig, &batch, BATCH_MAX);
	req.path = sw_bytes_str("/a\r\nb");
	assert_int_equal(sw_h2_send(rig.pool, &call), SW_EINVAL);
	req.path = sw_bytes_str("/ok");
	assert_true(sw_http_request_add(&req, "Upper-Case", sw_bytes_str("x"), false));
	assert_int_equal(sw_h2_send(rig.pool, &call), SW_EINVAL);
	req.header_count = 0;
	sw_h2_pool_close(rig.pool, NULL, NULL);
	assert_int_equal(sw_h2_send(rig.pool, &call), SW_ECLOSED);
	rig.pool = NULL;
	rig_release(&rig);
	expect_ends(&batch, BATCH_MAX, 0, 0, 0);
	batch_release(&batch);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		cmocka_set_test_filter(argv[1]);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send__nghttpd_with_few_streams__all_answered),
		cmocka_unit_test(send__more_headers_at_once_than_one_write_takes__all_answered),
		cmocka_unit_test(send__node_server__headers_and_body_arrive),
		cmocka_unit_test(send__python_echo__request_as_given),
		cmocka_unit_test(send__one_stream_until_first_success__then_many),
		cmocka_unit_test(send__server_allows_three_streams__never_more),
		cmocka_unit_test(send__settings_fall_to_one__obeyed),
		cmocka_unit_test(send__no_stream_allowed__unsent_after_the_deadline),
		cmocka_unit_test(send__refused_streams__unsent),
		cmocka_unit_test(send__other_resets__unknown),
		cmocka_unit_test(send__goaway_with_streams_in_flight__those_above_last_unsent),
		cmocka_unit_test(send__goaway_and_resending_unsent_from_done__each_answered_once),
		cmocka_unit_test(send__socket_closed__sent_unknown_and_queued_still_answered),
		cmocka_unit_test(send__never_answered__unknown_and_stream_reset),
		cmocka_unit_test(send__goaway_enhance_your_calm__answered_later_on_a_new_connection),
		cmocka_unit_test(send__huge_body__cut_and_cancelled),
		cmocka_unit_test(send__many_headers__first_ones_kept),
		cmocka_unit_test(send__informational_and_trailers__only_the_final_headers),
		cmocka_unit_test(send__answer_before_the_body_was_sent__answered),
		cmocka_unit_test(send__queue_full_or_closed_or_malformed__refused),
	};
	return cmocka_run_group_tests(tests, setup_certs, teardown_certs);
}
