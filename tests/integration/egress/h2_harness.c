/* SPDX-License-Identifier: Apache-2.0 */
/* Batches, the loop's guard, certificates. */
#include "h2_harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char certs_dir[256];

int setup_certs(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	certs_make(certs_dir, sizeof(certs_dir));
	return 0;
}

int teardown_certs(void **state)
{
	(void)state;
	certs_remove(certs_dir);
	return 0;
}

void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	uv_loop_init(&rig->loop);
	uv_timer_init(&rig->loop, &rig->guard);
	rig->guard.data = &rig->too_late;
	snprintf(rig->ca_file, sizeof(rig->ca_file), "%s/ca.pem", certs_dir);
	rig->endpoint = (struct sw_endpoint){
		.host = "127.0.0.1",
		.ca_file = rig->ca_file,
		.connections_max = 1,
		.answer_timeout_ms = 20000,
	};
}

void rig_open(struct rig *rig)
{
	if (rig->endpoint.port == 0) {
		rig->endpoint.port = rig->server.port;
	}
	rig->pool = sw_h2_pool_new(&rig->loop, &rig->endpoint, BATCH_MAX);
}

static void on_guard(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

void rig_run(struct rig *rig, bool (*cond)(void *ctx), void *ctx)
{
	uv_timer_start(&rig->guard, on_guard, GUARD_MS, 0);
	while (!cond(ctx) && !rig->too_late) {
		uv_run(&rig->loop, UV_RUN_ONCE);
	}
	uv_timer_stop(&rig->guard);
	assert_false(rig->too_late);
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static bool is_true(void *ctx)
{
	return *(bool *)ctx;
}

void rig_release(struct rig *rig)
{
	if (rig->pool != NULL || rig->http != NULL) {
		if (rig->http != NULL) {
			sw_http_pool_close(rig->http, on_closed, &rig->closed);
		} else {
			sw_h2_pool_close(rig->pool, on_closed, &rig->closed);
		}
		assert_false(rig->closed);
		rig_run(rig, is_true, &rig->closed);
	}
	uv_close((uv_handle_t *)&rig->guard, NULL);
	uv_run(&rig->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	server_stop(&rig->server);
}

void batch_init(struct batch *batch, size_t count)
{
	memset(batch, 0, sizeof(*batch));
	batch->items = calloc(count, sizeof(*batch->items));
	batch->count = count;
	assert_non_null(batch->items);
}

static void keep_answer(struct one *one, const struct sw_h2_result *result)
{
	one->end = result->end;
	one->status = result->response.status;
	one->header_count = result->response.header_count;
	snprintf(one->detail, sizeof(one->detail), "%s", result->detail);
	one->body_len = result->response.body.len;
	assert_true(one->body_len <= SW_H2_BODY_MAX);
	if (one->body_len > 0) {
		memcpy(one->body, result->response.body.ptr, one->body_len);
	}
	if (one->batch->header_name != NULL) {
		struct sw_bytes value = sw_http_response_header(&result->response, one->batch->header_name);
		snprintf(one->header, sizeof(one->header), "%.*s", SW_BYTES_FMT(value));
	}
}

static void on_done(struct sw_h2_call *call, const struct sw_h2_result *result)
{
	struct one *one = call->ctx;
	struct batch *batch = one->batch;
	assert_int_equal(result->end == SW_H2_ANSWERED, result->response.status != 0);
	assert_int_equal(result->end == SW_H2_ANSWERED, result->detail[0] == '\0');
	assert_int_equal(one->done, 0);
	batch->ends[result->end]++;
	if (result->end == SW_H2_UNSENT && batch->resend_to != NULL) {
		assert_int_equal(sw_h2_send(batch->resend_to, call), SW_OK);
		return;
	}
	one->done = 1;
	keep_answer(one, result);
	batch->done++;
	uv_stop(batch->loop); /* else a turn that began with this might wait for the next timer */
}

void batch_send(struct rig *rig, struct batch *batch, size_t from, size_t count, const char *path)
{
	for (size_t i = from; i < from + count; i++) {
		struct one *one = &batch->items[i];
		if (one->request.method == NULL) {
			one->request.method = "POST";
		}
		one->request.path = sw_bytes_str(path);
		one->batch = batch;
		batch->loop = &rig->loop;
		one->call = (struct sw_h2_call){.request = &one->request, .done = on_done, .ctx = one};
		size_t done = batch->done;
		int err = rig->http != NULL ? sw_http_send(rig->http, &one->call) : sw_h2_send(rig->pool, &one->call);
		assert_int_equal(err, SW_OK);
		assert_int_equal(batch->done, done);
	}
}

struct wait {
	const struct batch *batch;
	size_t done;
};

static bool enough_done(void *ctx)
{
	const struct wait *wait = ctx;
	return wait->batch->done >= wait->done;
}

void batch_wait(struct rig *rig, struct batch *batch, size_t done)
{
	struct wait wait = {batch, done};
	rig_run(rig, enough_done, &wait);
	assert_int_equal(batch->done, done);
}

void batch_release(struct batch *batch)
{
	free(batch->items);
}

void ask(struct rig *rig, const char *path, struct batch *batch_out)
{
	batch_init(batch_out, 1);
	batch_send(rig, batch_out, 0, 1, path);
	batch_wait(rig, batch_out, 1);
}

int stat_of(struct rig *rig, const char *name)
{
	struct batch batch;
	ask(rig, "/stats", &batch);
	assert_int_equal(batch.items[0].status, 200);
	char key[64];
	snprintf(key, sizeof(key), "\"%s\": ", name);
	const char *at = strstr(batch.items[0].body, key);
	assert_non_null(at);
	int value = (int)strtol(at + strlen(key), NULL, 10);
	batch_release(&batch);
	return value;
}

const char *const no_args[] = {NULL};

void start_python(struct rig *rig, const char *const *args)
{
	server_start(&rig->server, "/usr/bin/python3", "h2_server.py", certs_dir, 0, args);
	rig_open(rig);
}

void start_http1(struct rig *rig, const char *const *args)
{
	server_start(&rig->server, "/usr/bin/python3", "http1_server.py", certs_dir, 0, args);
	rig->endpoint.port = rig->server.port;
	rig->http = sw_http_pool_new(&rig->loop, &rig->endpoint, BATCH_MAX);
}

void expect_ends(const struct batch *batch, size_t answered, size_t unsent, size_t unknown, size_t failed)
{
	assert_int_equal(batch->ends[SW_H2_ANSWERED], answered);
	assert_int_equal(batch->ends[SW_H2_UNSENT], unsent);
	assert_int_equal(batch->ends[SW_H2_UNKNOWN], unknown);
	assert_int_equal(batch->ends[SW_H2_CONNECT_FAILED], failed);
}
