/* SPDX-License-Identifier: Apache-2.0 */
/* The server: one loop, one listener, the routes. Closing waits for the API's requests, whose exchanges must be answered
 * before the connections go; the pool ends before the loop's memory does, because its threads wake the loop. */
#include "admin/ops_http.h"

#include "admin/api.h"
#include "admin/api_json.h"
#include "admin/process_metrics.h"
#include "admin/pulse.h"
#include "base/hash.h"

#include <surewire/clock.h>
#include <surewire/json.h>
#include <surewire/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TASKS_MAX = 64,
	CONNS_MAX = 256,
	BODY_BYTES_MAX = 256 << 10, /* a thousand names or tokens */
	METRICS_BYTES_MAX = 16 << 20,
	PULSE_MS = 1000,
	GOODBYE_MS = 200, /* for the last answers to leave */
	TOKEN_MIN = 16,
	API_THREADS = 3,
	API_QUEUE_MAX = 64,
};

struct sw_ops {
	struct sw_ops_config config;
	struct sw_ready_check *checks;
	uint8_t token_digest[SW_TOKEN_DIGEST_BYTES];
	struct sw_loop *loop;
	struct sw_net_limit limit;
	struct sw_net *net;
	struct sw_http_server *server;
	struct sw_listener *listener;
	struct sw_pulse *pulse;
	struct sw_wheel_node pulse_tick;
	struct sw_wheel_node goodbye;
	struct sw_pg_pool *pool; /* with the API only */
	struct sw_api *api;
	struct sw_task close_task;
	uint16_t port;
	bool closing;
};

/* ---- what every process has ---- */

static void respond_json(struct sw_http_exchange *exchange, int status, struct sw_buf *body)
{
	sw_http_respond(exchange, status, "application/json", "Cache-Control: no-store\r\n", sw_buf_bytes(body));
	sw_buf_release(body);
}

static void answer_health(struct sw_ops *ops, struct sw_http_exchange *exchange)
{
	int64_t now_ms = sw_clock_mono_ms();
	struct sw_buf body;
	sw_buf_init(&body, BODY_BYTES_MAX);
	bool alive = sw_pulse_late(ops->pulse, 0, now_ms) == NULL;
	sw_buf_put_char(&body, '{');
	sw_json_put_bool(&body, "alive", alive);
	if (!alive) {
		struct sw_json_list list = {.out = &body};
		const char *name;
		sw_buf_put_str(&body, ",\"stuck\":[");
		for (size_t i = 0; (name = sw_pulse_late(ops->pulse, i, now_ms)); i++) {
			sw_json_list_next(&list);
			sw_json_put_cstr(&body, name);
		}
		sw_buf_put_char(&body, ']');
	}
	sw_buf_put_char(&body, '}');
	respond_json(exchange, alive ? 200 : 503, &body);
}

static void answer_ready(struct sw_ops *ops, struct sw_http_exchange *exchange)
{
	struct sw_buf rows;
	sw_buf_init(&rows, BODY_BYTES_MAX);
	struct sw_json_list list = {.out = &rows};
	bool ready = !ops->closing;
	for (size_t i = 0; i < ops->config.count; i++) {
		const struct sw_ready_check *check = &ops->checks[i];
		char detail[SW_READY_DETAIL_MAX] = "";
		bool ok = check->check(check->ctx, detail);
		detail[SW_READY_DETAIL_MAX - 1] = '\0';
		ready = ready && ok;
		sw_json_list_next(&list);
		sw_buf_put_char(&rows, '{');
		sw_json_put_text(&rows, "name", sw_bytes_str(check->name));
		sw_json_put_bool(&rows, "ok", ok);
		sw_json_put_text(&rows, "detail", sw_bytes_str(detail));
		sw_buf_put_char(&rows, '}');
	}
	struct sw_buf body;
	sw_buf_init(&body, BODY_BYTES_MAX);
	sw_buf_put_char(&body, '{');
	sw_json_put_bool(&body, "ready", ready);
	sw_buf_put_str(&body, ",\"checks\":[");
	sw_buf_put_bytes(&body, sw_buf_bytes(&rows));
	sw_buf_put_str(&body, "]}");
	sw_buf_release(&rows);
	respond_json(exchange, ready ? 200 : 503, &body);
}

static void answer_metrics(struct sw_http_exchange *exchange)
{
	struct sw_buf body;
	sw_buf_init(&body, METRICS_BYTES_MAX);
	sw_metrics_export(&body);
	sw_process_metrics_export(&body);
	sw_http_respond(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, sw_buf_bytes(&body));
	sw_buf_release(&body);
}

/* ---- requests ---- */

static void answer_own(struct sw_ops *ops, struct sw_http_exchange *exchange, enum sw_route route)
{
	if (route == SW_ROUTE_HEALTHZ) {
		answer_health(ops, exchange);
	} else if (route == SW_ROUTE_READYZ) {
		answer_ready(ops, exchange);
	} else {
		answer_metrics(exchange);
	}
}

static void answer_api(struct sw_ops *ops, struct sw_http_exchange *exchange, const struct sw_route_match *match)
{
	if (!sw_bearer_matches(sw_http_header(exchange, "authorization"), ops->token_digest)) {
		sw_http_problem(exchange, 401, "unauthorized",
				"expected `Authorization: Bearer` with the token of [admin] token",
				"WWW-Authenticate: Bearer realm=\"surewire admin\"\r\n");
	} else if (ops->closing) {
		sw_http_problem(exchange, 503, "unavailable", "this process is stopping", "Retry-After: 2\r\n");
	} else {
		sw_api_handle(ops->api, exchange, match);
	}
}

static void refuse_method(struct sw_http_exchange *exchange, const char *allow)
{
	char header[64];
	char detail[80];
	snprintf(header, sizeof(header), "Allow: %s\r\n", allow);
	snprintf(detail, sizeof(detail), "this path takes only %s", allow);
	sw_http_problem(exchange, 405, "method_not_allowed", detail, header);
}

static void on_request(void *ctx, struct sw_http_exchange *exchange)
{
	struct sw_ops *ops = ctx;
	struct sw_route_match match;
	int err = sw_route_find(sw_http_method(exchange), sw_http_path(exchange), &match);
	if (err == SW_ENOTFOUND) {
		sw_http_problem(exchange, 404, "not_found", "there is nothing at this path", NULL);
	} else if (match.api && !ops->api) {
		sw_http_problem(exchange, 404, "not_found",
				"this process does not have the role admin: ask one that has", NULL);
	} else if (err) {
		refuse_method(exchange, match.allow);
	} else if (match.api) {
		answer_api(ops, exchange, &match);
	} else {
		answer_own(ops, exchange, match.route);
	}
}

static void on_conn(void *ctx, struct sw_conn *conn)
{
	struct sw_ops *ops = ctx;
	sw_http_serve(ops->server, conn);
}

/* ---- life ---- */

static struct sw_ops *ops_of(struct sw_wheel_node *node, size_t offset)
{
	return (struct sw_ops *)((char *)node - offset);
}

static void on_pulse(struct sw_wheel_node *node)
{
	struct sw_ops *ops = ops_of(node, offsetof(struct sw_ops, pulse_tick));
	sw_pulse_ask(ops->pulse, sw_clock_mono_ms());
	sw_loop_arm(ops->loop, &ops->pulse_tick, PULSE_MS);
}

static void on_goodbye(struct sw_wheel_node *node)
{
	struct sw_ops *ops = ops_of(node, offsetof(struct sw_ops, goodbye));
	sw_net_close_conns(ops->net);
	sw_loop_stop(ops->loop);
}

static void maybe_leave(void *ctx)
{
	struct sw_ops *ops = ctx;
	if (ops->closing && (!ops->api || sw_api_pending(ops->api) == 0)) {
		sw_loop_arm(ops->loop, &ops->goodbye, sw_net_conns(ops->net) ? GOODBYE_MS : 0);
	}
}

static void on_close(struct sw_task *task)
{
	struct sw_ops *ops = (struct sw_ops *)((char *)task - offsetof(struct sw_ops, close_task));
	ops->closing = true;
	sw_listener_close(ops->listener);
	ops->listener = NULL;
	sw_loop_disarm(ops->loop, &ops->pulse_tick);
	sw_http_server_drain(ops->server);
	maybe_leave(ops);
}

static int submit(void *ctx, struct sw_pg_job *job)
{
	return sw_pg_pool_submit(ctx, job);
}

static int open_api(struct sw_ops *ops, struct sw_diag *diag_out)
{
	const char *token = ops->config.token;
	if (!token || strlen(token) < TOKEN_MIN) {
		return sw_diag_set(diag_out, SW_ECONFIG, "[admin] token: expected at least %d characters", TOKEN_MIN);
	}
	sw_hash_sha256(sw_bytes_str(token), ops->token_digest);
	ops->pool = sw_pg_pool_open(ops->config.admin->config.pg, API_THREADS, API_QUEUE_MAX);
	const struct sw_api_store store = {submit, ops->pool};
	ops->api = sw_api_new(ops->loop, ops->config.admin, &store, maybe_leave, ops);
	return SW_OK;
}

static int open_listener(struct sw_ops *ops, struct sw_diag *diag_out)
{
	const struct sw_listen_options options = {
		.address = ops->config.host, .port = ops->config.port, .ctx = ops, .on_conn = on_conn};
	int err = sw_listener_open(ops->net, &options, &ops->listener, diag_out);
	if (err == SW_OK) {
		ops->port = sw_listener_port(ops->listener);
	}
	return err;
}

/* When the loop does not run (any more) and no request is pending. */
static void free_ops(struct sw_ops *ops)
{
	sw_pg_pool_close(ops->pool);
	if (ops->listener) {
		sw_listener_close(ops->listener);
	}
	if (ops->api) {
		sw_api_close(ops->api);
	}
	sw_loop_disarm(ops->loop, &ops->pulse_tick);
	sw_loop_free(ops->loop);
	sw_api_free(ops->api);
	sw_http_server_free(ops->server);
	sw_net_free(ops->net);
	sw_pulse_free(ops->pulse);
	free(ops->checks);
	free(ops);
}

int sw_ops_open(const struct sw_ops_config *config, struct sw_ops **ops_out, struct sw_diag *diag_out)
{
	struct sw_ops *ops = sw_xcalloc(1, sizeof(*ops));
	ops->config = *config;
	ops->checks = sw_xcalloc(config->count + 1, sizeof(*ops->checks));
	if (config->count) {
		memcpy(ops->checks, config->checks, config->count * sizeof(*ops->checks));
	}
	ops->loop = sw_loop_new("ops", TASKS_MAX);
	ops->limit.max = CONNS_MAX;
	ops->net = sw_net_new(ops->loop, &ops->limit);
	ops->pulse = sw_pulse_new(config->loops, config->loop_count);
	ops->pulse_tick.fire = on_pulse;
	ops->goodbye.fire = on_goodbye;
	ops->close_task.run = on_close;
	const struct sw_http_options options = {.ctx = ops, .on_request = on_request, .body_bytes_max = BODY_BYTES_MAX};
	ops->server = sw_http_server_new(&options);
	int err = open_listener(ops, diag_out);
	if (err == SW_OK && config->admin) {
		err = open_api(ops, diag_out);
	}
	if (err == SW_OK) {
		sw_loop_arm(ops->loop, &ops->pulse_tick, 0);
		err = sw_loop_start(ops->loop);
		sw_diag_set(err ? diag_out : NULL, err, "no thread for the operators' side");
	}
	if (err) {
		free_ops(ops);
		return err;
	}
	*ops_out = ops;
	return SW_OK;
}

uint16_t sw_ops_port(const struct sw_ops *ops)
{
	return ops->port;
}

void sw_ops_close(struct sw_ops *ops)
{
	if (!ops) {
		return;
	}
	sw_loop_post_always(ops->loop, &ops->close_task);
	sw_loop_join(ops->loop);
	free_ops(ops);
}
