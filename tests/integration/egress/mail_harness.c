/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, the relay, mails and the server's records. */
#include "mail_harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char certs_dir[256];
const char *const no_args[] = {NULL};

static void on_done(struct sw_mail_call *call, const struct sw_mail_result *result)
{
	struct one *one = call->ctx;
	assert_int_equal(result->end == SW_MAIL_ANSWERED, result->detail[0] == '\0');
	assert_int_equal(result->end == SW_MAIL_ANSWERED, result->reply.code != 0);
	one->done++;
	one->end = result->end;
	one->reply = result->reply;
	snprintf(one->detail, sizeof(one->detail), "%s", result->detail);
}

void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	uv_loop_init(&rig->loop);
	snprintf(rig->ca_file, sizeof(rig->ca_file), "%s/ca.pem", certs_dir);
	rig->endpoint = (struct sw_endpoint){
		.host = "localhost",
		.ca_file = rig->ca_file,
		.connections_max = 1,
		.answer_timeout_ms = 20000,
		.ehlo_name = "push.example.org",
		.username = "relay",
		.password = "pass word",
		.mail_tls = SW_MAIL_STARTTLS,
	};
}

void rig_open(struct rig *rig, const char *const *args)
{
	server_start(&rig->server, "/usr/bin/python3", "smtp_server.py", certs_dir, 0, args);
	rig->endpoint.port = rig->server.port;
	assert_int_equal(sw_mail_pool_new(&rig->loop, &rig->endpoint, 100, &rig->pool, NULL), SW_OK);
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

void rig_release(struct rig *rig)
{
	sw_mail_pool_close(rig->pool, on_closed, &rig->closed);
	assert_false(rig->closed);
	uv_run(&rig->loop, UV_RUN_DEFAULT);
	assert_true(rig->closed);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	server_stop(&rig->server);
	free(rig->record);
	char path[300];
	snprintf(path, sizeof(path), "%s/mails.jsonl", certs_dir);
	(void)remove(path);
}

void add_header(struct sw_mail_message *message, const char *name, const char *value)
{
	message->headers[message->header_count].name = name;
	message->headers[message->header_count++].value = sw_bytes_str(value);
}

void prepare(struct one *one, const char *to)
{
	memset(one, 0, sizeof(*one));
	struct sw_mail_message *message = &one->message;
	message->envelope_from = sw_bytes_str("bounce@example.org");
	message->envelope_to = sw_bytes_str(to);
	message->text = sw_bytes_str("Hello\n.\n..dots\nand the end");
	message->html = sw_bytes_str("<p>Hello</p>\n");
	add_header(message, "From", "Chat <chat@example.org>");
	add_header(message, "Date", "Tue, 24 Nov 2026 03:00:00 +0000");
	add_header(message, "Message-ID", "<n1@example.org>");
	one->call = (struct sw_mail_call){.message = message, .done = on_done, .ctx = one};
}

void send_one(struct rig *rig, struct one *one)
{
	struct sw_diag diag = {""};
	assert_int_equal(sw_mail_send(rig->pool, &one->call, &diag), SW_OK);
	assert_int_equal(one->done, 0);
	while (one->done == 0) {
		uv_run(&rig->loop, UV_RUN_ONCE);
	}
	assert_int_equal(one->done, 1);
}

void send_to(struct rig *rig, struct one *one, const char *to)
{
	prepare(one, to);
	send_one(rig, one);
}

/* All lines of the server's file; counts them. */
size_t records(struct rig *rig)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/mails.jsonl", certs_dir);
	FILE *f = fopen(path, "r");
	size_t lines = 0;
	char *line = NULL;
	size_t size = 0;
	while (f != NULL && getline(&line, &size, f) > 0) {
		lines++;
		free(rig->record);
		rig->record = strdup(line);
	}
	free(line);
	if (f != NULL) {
		(void)fclose(f);
	}
	return lines;
}

void expect_in_record(const struct rig *rig, const char *text)
{
	if (strstr(rig->record, text) == NULL) {
		fail_msg("expected %s in %s", text, rig->record);
	}
}

void expect_reply(const struct one *one, int code, const char *enhanced, int stage)
{
	if (one->end != SW_MAIL_ANSWERED) {
		fail_msg("expected %d, got no answer at stage %d: %s", code, one->reply.stage, one->detail);
	}
	assert_int_equal(one->reply.code, code);
	assert_string_equal(one->reply.enhanced, enhanced);
	assert_int_equal(one->reply.stage, stage);
}

int setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	certs_make(certs_dir, sizeof(certs_dir));
	return 0;
}

int teardown(void **state)
{
	(void)state;
	certs_remove(certs_dir);
	return 0;
}
