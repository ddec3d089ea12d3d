/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in batches against a pool of either version of HTTP, with every end counted; a call that ends twice or never fails the test. */
#ifndef SW_TESTS_EGRESS_H2_HARNESS_H
#define SW_TESTS_EGRESS_H2_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "egress/h2_client.h"
#include "egress/http_pool.h"
#include "server_process.h"

enum { BATCH_MAX = 400, GUARD_MS = 60000 };

struct one {
	struct sw_h2_call call;
	struct sw_http_request request;
	struct batch *batch;
	int done;
	enum sw_h2_end end;
	int status;
	char detail[160];
	char body[SW_H2_BODY_MAX + 1];
	size_t body_len;
	char header[64]; /* the value of batch->header_name */
	size_t header_count;
};

struct batch {
	uv_loop_t *loop; /* of the rig, once something was sent */
	struct one *items;
	size_t count;
	size_t done;
	size_t ends[4]; /* by enum sw_h2_end */
	const char *header_name;
	struct sw_h2_pool *resend_to; /* what ends UNSENT is sent again here, from inside done */
};

struct rig {
	uv_loop_t loop;
	struct sw_endpoint endpoint;
	struct sw_h2_pool *pool; /* or http */
	struct sw_http_pool *http;
	struct server_process server;
	char ca_file[300];
	bool closed;
	uv_timer_t guard;
	bool too_late;
};

/* The certificates of the group. */
extern char certs_dir[256];
int setup_certs(void **state);
int teardown_certs(void **state);

extern const char *const no_args[];
/* h2_server.py with these arguments, and a pool for it. */
void start_python(struct rig *rig, const char *const *args);
/* http1_server.py with these arguments, and an HTTP/1.1 pool for it. */
void start_http1(struct rig *rig, const char *const *args);
void expect_ends(const struct batch *batch, size_t answered, size_t unsent, size_t unknown, size_t failed);

/* An endpoint with sane values at 127.0.0.1. */
void rig_init(struct rig *rig);
void rig_open(struct rig *rig);
/* Closes the pool, runs the loop to its end, stops the server. */
void rig_release(struct rig *rig);
/* Runs the loop until cond is true; the test fails after GUARD_MS. */
void rig_run(struct rig *rig, bool (*cond)(void *ctx), void *ctx);

void batch_init(struct batch *batch, size_t count);
void batch_send(struct rig *rig, struct batch *batch, size_t from, size_t count, const char *path);
void batch_wait(struct rig *rig, struct batch *batch, size_t done);
void batch_release(struct batch *batch);
/* One request, waited for. */
void ask(struct rig *rig, const char *path, struct batch *batch_out);
/* A number of the server's /stats. */
int stat_of(struct rig *rig, const char *name);

#endif
