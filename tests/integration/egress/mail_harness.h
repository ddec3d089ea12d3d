/* SPDX-License-Identifier: Apache-2.0 */
/* A mail pool against smtp_server.py, mails with their ends, and what the server kept. */
#ifndef SW_TESTS_EGRESS_MAIL_HARNESS_H
#define SW_TESTS_EGRESS_MAIL_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "egress/mail.h"
#include "server_process.h"

struct rig {
	uv_loop_t loop;
	struct sw_endpoint endpoint;
	struct sw_mail_pool *pool;
	struct server_process server;
	char ca_file[300];
	bool closed;
	char *record; /* JSON, of the last mail that was kept */
};

struct one {
	struct sw_mail_call call;
	struct sw_mail_message message;
	int done;
	enum sw_mail_end end;
	struct sw_mail_reply reply;
	char detail[200];
};

extern char certs_dir[256];
extern const char *const no_args[];
/* Of the group: the certificates. */
int setup(void **state);
int teardown(void **state);

/* An endpoint with sane values: localhost, STARTTLS, AUTH. */
void rig_init(struct rig *rig);
/* The server with these arguments, and a pool for it. */
void rig_open(struct rig *rig, const char *const *args);
/* Closes the pool, stops the server, forgets its records. */
void rig_release(struct rig *rig);
void add_header(struct sw_mail_message *message, const char *name, const char *value);
/* A plain mail. */
void prepare(struct one *one, const char *to);
/* Sends and waits; it ends once. */
void send_one(struct rig *rig, struct one *one);
void send_to(struct rig *rig, struct one *one, const char *to);
/* How many mails the server kept; the last one's record is in the rig. */
size_t records(struct rig *rig);
void expect_in_record(const struct rig *rig, const char *text);
void expect_reply(const struct one *one, int code, const char *enhanced, int stage);

#endif
