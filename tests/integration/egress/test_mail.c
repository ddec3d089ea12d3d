/* SPDX-License-Identifier: Apache-2.0 */
/* Mail dialogues with aiosmtpd: replies at every stage, cuts, TLS and AUTH, and the message as Python's email package
 * reads it. */
#include <stdlib.h>
#include <string.h>

#include "mail_harness.h"

static void send__starttls_and_auth__mail_as_written(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig_open(&rig, no_args);
	prepare(&one, "someone@example.net");
	one.message.headers[0].value = sw_bytes_str("\"Jürgen, der Große\" <chat@example.org>");
	add_header(&one.message, "To", "someone@example.net");
	add_header(&one.message, "Subject",
		   "Приветствую вас 👋 в очень длинной теме, которая не помещается в одну строку заголовка");
	add_header(&one.message, "List-Unsubscribe",
		   "<https://example.org/u/abcdefghijklmnopqrstuvwxyz0123456789>, "
		   "<mailto:u+abcdefghijklmnopqrstuvwxyz@example.org>");
	one.message.text = sw_bytes_str("Zeile 1 über alles\n.\nтест\n");
	send_one(&rig, &one);
	expect_reply(&one, 250, "2.0.0", SW_MAIL_STAGE_DATA);
	assert_string_equal(one.reply.text, "Ok: queued as 4F2A");
	assert_int_equal(records(&rig), 1);
	expect_in_record(&rig, "\"from\": \"bounce@example.org\", \"to\": [\"someone@example.net\"], \"tls\": true");
	expect_in_record(&rig, "\"login\": \"relay\", \"ehlo\": \"push.example.org\"");
	expect_in_record(&rig, "[\"Subject\", \"Приветствую вас 👋 в очень длинной теме, которая не помещается в одну "
			       "строку заголовка\"]");
	expect_in_record(&rig, "Jürgen, der Große\\\" <chat@example.org>\"]");
	expect_in_record(&rig, "[\"List-Unsubscribe\", \"<https://example.org/u/abcdefghijklmnopqrstuvwxyz0123456789>, "
			       "<mailto:u+abcdefghijklmnopqrstuvwxyz@example.org>\"]");
	expect_in_record(&rig, "[\"Message-ID\", \"<n1@example.org>\"]");
	expect_in_record(&rig, "\"defects\": []");
	expect_in_record(&rig, "\"types\": [\"multipart/mixed\", \"multipart/alternative\", \"text/plain\", "
			       "\"text/html\"], \"charset\": \"utf-8\"");
	expect_in_record(&rig, "\"text\": \"Zeile 1 über alles\\n.\\nтест\\n\"");
	expect_in_record(&rig, "\"html\": \"<p>Hello</p>\\n\"");
	expect_in_record(&rig, "\"bare_lf\": 0");
	const char *line_max = strstr(rig.record, "\"line_max\": ");
	assert_non_null(line_max);
	/* Ours are at most 76 or one word; libcurl's own Content-Type with its boundary is a little longer. */
	assert_true(strtol(line_max + 12, NULL, 10) <= 90);
	rig_release(&rig);
}

static void send__several_mails__one_connection(void **state)
{
	(void)state;
	struct rig rig;
	struct one ones[20];
	rig_init(&rig);
	rig_open(&rig, no_args);
	for (size_t i = 0; i < 20; i++) {
		prepare(&ones[i], "someone@example.net");
		assert_int_equal(sw_mail_send(rig.pool, &ones[i].call, NULL), SW_OK);
	}
	assert_int_equal(sw_mail_in_flight(rig.pool), 1);
	assert_int_equal(sw_mail_queued(rig.pool), 19);
	while (sw_mail_in_flight(rig.pool) + sw_mail_queued(rig.pool) > 0) {
		uv_run(&rig.loop, UV_RUN_ONCE);
	}
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(ones[i].done, 1);
		expect_reply(&ones[i], 250, "2.0.0", SW_MAIL_STAGE_DATA);
	}
	assert_int_equal(records(&rig), 20);
	expect_in_record(&rig, "\"text\": \"Hello\\n.\\n..dots\\nand the end\"");
	expect_in_record(&rig, "\"connections\": 1");
	rig_release(&rig);
}

static void send__refusals__code_and_stage(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig_open(&rig, no_args);
	send_to(&rig, &one, "greylist@example.net");
	expect_reply(&one, 451, "4.7.1", SW_MAIL_STAGE_RCPT);
	send_to(&rig, &one, "nobody@example.net");
	expect_reply(&one, 550, "5.1.1", SW_MAIL_STAGE_RCPT);
	assert_string_equal(one.reply.text, "user here");
	send_to(&rig, &one, "spam@example.net");
	expect_reply(&one, 554, "5.7.1", SW_MAIL_STAGE_DATA);
	send_to(&rig, &one, "full@example.net");
	expect_reply(&one, 452, "4.2.2", SW_MAIL_STAGE_DATA);
	prepare(&one, "someone@example.net");
	one.message.envelope_from = sw_bytes_str("badsender@example.org");
	send_one(&rig, &one);
	expect_reply(&one, 553, "5.1.8", SW_MAIL_STAGE_MAIL);
	send_to(&rig, &one, "someone@example.net");
	expect_reply(&one, 250, "2.0.0", SW_MAIL_STAGE_DATA);
	assert_int_equal(records(&rig), 1);
	rig_release(&rig);
}

static void send__connection_cut__unknown_only_after_the_dot(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig_open(&rig, no_args);
	send_to(&rig, &one, "cut@example.net");
	assert_int_equal(one.end, SW_MAIL_UNKNOWN);
	assert_int_equal(one.reply.stage, SW_MAIL_STAGE_DATA);
	send_to(&rig, &one, "cutrcpt@example.net");
	assert_int_equal(one.end, SW_MAIL_UNSENT);
	send_to(&rig, &one, "someone@example.net");
	expect_reply(&one, 250, "2.0.0", SW_MAIL_STAGE_DATA);
	rig_release(&rig);
}

static void on_tick(uv_timer_t *timer)
{
	++*(int *)timer->data;
}

static void send__no_reply_to_the_dot__unknown_and_the_loop_goes_on(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig.endpoint.answer_timeout_ms = 2000;
	rig_open(&rig, no_args);
	int ticks = 0;
	uv_timer_t timer;
	uv_timer_init(&rig.loop, &timer);
	timer.data = &ticks;
	uv_timer_start(&timer, on_tick, 20, 20);
	send_to(&rig, &one, "slow@example.net");
	assert_int_equal(one.end, SW_MAIL_UNKNOWN);
	/* One or two if the wait had been inside the loop. */
	assert_true(ticks > 10);
	uv_close((uv_handle_t *)&timer, NULL);
	rig_release(&rig);
}

static void send__wrong_password__535_at_auth(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig.endpoint.password = "guess";
	rig_open(&rig, no_args);
	send_to(&rig, &one, "someone@example.net");
	expect_reply(&one, 535, "5.7.8", SW_MAIL_STAGE_AUTH);
	rig_release(&rig);
}

static void send__auth_out_of_order__454_at_auth(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig.endpoint.username = "later";
	rig_open(&rig, no_args);
	send_to(&rig, &one, "someone@example.net");
	expect_reply(&one, 454, "4.7.0", SW_MAIL_STAGE_AUTH);
	rig_release(&rig);
}

static void send__implicit_tls__accepted(void **state)
{
	(void)state;
	static const char *const args[] = {"--mode", "tls", NULL};
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig.endpoint.mail_tls = SW_MAIL_TLS;
	rig_open(&rig, args);
	send_to(&rig, &one, "someone@example.net");
	expect_reply(&one, 250, "2.0.0", SW_MAIL_STAGE_DATA);
	rig_release(&rig);
}

static void send__plain_towards_loopback__accepted(void **state)
{
	(void)state;
	static const char *const args[] = {"--mode", "plain", NULL};
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig.endpoint.mail_tls = SW_MAIL_PLAIN;
	rig.endpoint.username = NULL;
	rig_open(&rig, args);
	prepare(&one, "someone@example.net");
	one.message.html = sw_bytes("", 0);
	one.message.envelope_from = sw_bytes("", 0);
	send_one(&rig, &one);
	expect_reply(&one, 250, "2.0.0", SW_MAIL_STAGE_DATA);
	assert_int_equal(records(&rig), 1);
	expect_in_record(&rig, "\"tls\": false");
	expect_in_record(&rig, "\"html\": null");
	rig_release(&rig);
}

static void pool_new__plain_beyond_loopback__econfig(void **state)
{
	(void)state;
	struct rig rig;
	struct sw_diag diag = {""};
	rig_init(&rig);
	rig.endpoint.host = "mail.example.org";
	rig.endpoint.mail_tls = SW_MAIL_PLAIN;
	assert_int_equal(sw_mail_pool_new(&rig.loop, &rig.endpoint, 1, &rig.pool, &diag), SW_ECONFIG);
	assert_int_equal(uv_loop_close(&rig.loop), 0);
}

static void expect_connect_failed(struct rig *rig, const char *const *args)
{
	struct one one;
	rig_open(rig, args);
	send_to(rig, &one, "someone@example.net");
	assert_int_equal(one.end, SW_MAIL_CONNECT_FAILED);
	assert_int_not_equal(one.detail[0], '\0');
	assert_int_equal(records(rig), 0);
	rig_release(rig);
}

static void send__starttls_not_offered__nothing_sent(void **state)
{
	(void)state;
	static const char *const args[] = {"--mode", "nostarttls", NULL};
	struct rig rig;
	rig_init(&rig);
	expect_connect_failed(&rig, args);
}

static void send__certificate_of_another_name__nothing_sent(void **state)
{
	(void)state;
	static const char *const args[] = {"--cert", "wrong", NULL};
	struct rig rig;
	rig_init(&rig);
	expect_connect_failed(&rig, args);
}

static void send__greeting_421__answered_at_connect(void **state)
{
	(void)state;
	static const char *const args[] = {"--greeting", "421 4.3.2 come back later", NULL};
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig_open(&rig, args);
	send_to(&rig, &one, "someone@example.net");
	expect_reply(&one, 421, "4.3.2", SW_MAIL_STAGE_CONNECT);
	rig_release(&rig);
}

static void send__server_off_and_on__failed_then_accepted(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig.endpoint.port = free_port();
	assert_int_equal(sw_mail_pool_new(&rig.loop, &rig.endpoint, 100, &rig.pool, NULL), SW_OK);
	send_to(&rig, &one, "someone@example.net");
	assert_int_equal(one.end, SW_MAIL_CONNECT_FAILED);
	server_start(&rig.server, "/usr/bin/python3", "smtp_server.py", certs_dir, rig.endpoint.port, no_args);
	send_to(&rig, &one, "someone@example.net");
	expect_reply(&one, 250, "2.0.0", SW_MAIL_STAGE_DATA);
	rig_release(&rig);
}

static void send__injection_in_header_or_address__einval_and_nothing_sent(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig_open(&rig, no_args);
	struct sw_diag diag = {""};
	prepare(&one, "someone@example.net");
	add_header(&one.message, "Subject", "Hi\r\nBcc: victim@example.net");
	assert_int_equal(sw_mail_send(rig.pool, &one.call, &diag), SW_EINVAL);
	assert_non_null(strstr(diag.text, "Subject"));
	assert_null(strstr(diag.text, "victim"));
	prepare(&one, "someone@example.net>\r\nRCPT TO:<victim@example.net");
	assert_int_equal(sw_mail_send(rig.pool, &one.call, NULL), SW_EINVAL);
	assert_int_equal(sw_mail_queued(rig.pool) + sw_mail_in_flight(rig.pool), 0);
	assert_int_equal(records(&rig), 0);
	rig_release(&rig);
	assert_int_equal(one.done, 0);
}

static void close__running_and_waiting__each_ends_once(void **state)
{
	(void)state;
	struct rig rig;
	struct one ones[6];
	rig_init(&rig);
	rig.endpoint.connections_max = 2;
	rig_open(&rig, no_args);
	for (size_t i = 0; i < 6; i++) {
		prepare(&ones[i], "pause@example.net");
		assert_int_equal(sw_mail_send(rig.pool, &ones[i].call, NULL), SW_OK);
	}
	rig_release(&rig);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(ones[i].done, 1);
		assert_int_equal(ones[i].end, i < 2 ? SW_MAIL_ANSWERED : SW_MAIL_UNSENT);
	}
}

static void close__dialogue_that_hangs__ended_after_the_grace(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_init(&rig);
	rig.endpoint.answer_timeout_ms = 300000;
	rig_open(&rig, no_args);
	prepare(&one, "slow@example.net");
	assert_int_equal(sw_mail_send(rig.pool, &one.call, NULL), SW_OK);
	rig_release(&rig);
	assert_int_equal(one.done, 1);
	assert_int_equal(one.end, SW_MAIL_UNKNOWN);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		cmocka_set_test_filter(argv[1]);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send__starttls_and_auth__mail_as_written),
		cmocka_unit_test(send__several_mails__one_connection),
		cmocka_unit_test(send__refusals__code_and_stage),
		cmocka_unit_test(send__connection_cut__unknown_only_after_the_dot),
		cmocka_unit_test(send__no_reply_to_the_dot__unknown_and_the_loop_goes_on),
		cmocka_unit_test(send__wrong_password__535_at_auth),
		cmocka_unit_test(send__auth_out_of_order__454_at_auth),
		cmocka_unit_test(send__implicit_tls__accepted),
		cmocka_unit_test(send__plain_towards_loopback__accepted),
		cmocka_unit_test(pool_new__plain_beyond_loopback__econfig),
		cmocka_unit_test(send__starttls_not_offered__nothing_sent),
		cmocka_unit_test(send__certificate_of_another_name__nothing_sent),
		cmocka_unit_test(send__greeting_421__answered_at_connect),
		cmocka_unit_test(send__server_off_and_on__failed_then_accepted),
		cmocka_unit_test(send__injection_in_header_or_address__einval_and_nothing_sent),
		cmocka_unit_test(close__running_and_waiting__each_ends_once),
		cmocka_unit_test(close__dialogue_that_hangs__ended_after_the_grace),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
