/* SPDX-License-Identifier: Apache-2.0 */
/* A server on src/net that echoes: the thing under test of test_*.py. Prints "port N", serves until stdin ends, then
 * drains and frees everything, so that LeakSanitizer judges the whole. Options: --tls CERT KEY, --fast (short
 * deadlines), --per-address N, --conns N, --queue BYTES. */
#include "base/metrics.h"
#include "net/http_serve.h"

#include <surewire/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BODY_BYTES_MAX = 65536, SLOW_MS = 300, STREAM_PARTS = 3 };

struct app {
	struct sw_loop *loop;
	struct sw_net *net;
	struct sw_tls *tls;
	struct sw_listener *listener;
	struct sw_http_server *server;
	struct sw_ws_limits limits;
	struct sw_http_options http;
	struct sw_net_limit limit;
	size_t per_address_max;
	size_t from_address; /* every test comes from one address */
	size_t gone;
	uv_pipe_t input;
};

static struct app app = {.limits = SW_WS_LIMITS_DEFAULT, .limit.max = 10000};

static bool has_prefix(struct sw_bytes text, const char *prefix, uint64_t *number_out)
{
	size_t len = strlen(prefix);
	return text.len > len && memcmp(text.ptr, prefix, len) == 0 &&
	       sw_bytes_to_u64(sw_bytes(text.ptr + len, text.len - len), number_out) == SW_OK;
}

static void flood(struct sw_ws *ws, uint64_t frames)
{
	char kilobyte[1024];
	memset(kilobyte, 'x', sizeof(kilobyte));
	struct sw_blob *frame = sw_ws_frame_text(sw_bytes(kilobyte, sizeof(kilobyte)));
	for (uint64_t i = 0; i < frames; i++) {
		if (sw_ws_send(ws, sw_blob_ref(frame)) != SW_OK) {
			sw_ws_close(ws, SW_WS_CODE_POLICY, "too slow");
			break;
		}
	}
	sw_blob_unref(frame);
}

static void on_message(struct sw_ws *ws, void *ctx, struct sw_bytes text)
{
	uint64_t number;
	(void)ctx;
	if (has_prefix(text, "close:", &number)) {
		sw_ws_close(ws, (unsigned)number, "as you wish");
	} else if (has_prefix(text, "flood:", &number)) {
		flood(ws, number);
	} else if (sw_bytes_equal_str(text, "abort")) {
		sw_ws_abort(ws);
	} else if (sw_ws_send(ws, sw_ws_frame_text(text)) != SW_OK) {
		sw_ws_close(ws, SW_WS_CODE_POLICY, "too slow");
	}
}

static void on_close(struct sw_ws *ws, void *ctx, unsigned code, struct sw_bytes reason)
{
	(void)ws;
	(void)ctx;
	printf("closed %u %.*s\n", code, SW_BYTES_FMT(reason));
	fflush(stdout);
}

static const struct sw_ws_handlers handlers = {.on_message = on_message, .on_close = on_close};

/* The answer to the handshake, as when a token must be checked elsewhere first. */
struct later {
	struct sw_wheel_node node;
	struct sw_http_exchange *exchange;
};

static void upgrade(struct sw_http_exchange *exchange)
{
	static const char *const origins[] = {"https://chat.example", NULL};
	struct sw_ws_upgrade how = {{"surewire.v1", origins}, &handlers, &app.limits, NULL};
	struct sw_ws *ws;
	int rc = sw_http_upgrade(exchange, &how, &ws);
	(void)rc;
}

static void on_later_due(struct sw_wheel_node *node)
{
	struct later *later = (struct later *)node;
	upgrade(later->exchange);
	free(later);
}

static void upgrade_later(struct sw_http_exchange *exchange)
{
	struct later *later = sw_xcalloc(1, sizeof(*later));
	later->node.fire = on_later_due;
	later->exchange = exchange;
	sw_loop_arm(app.loop, &later->node, SLOW_MS);
}

struct slow {
	struct sw_wheel_node node;
	struct sw_http_exchange *exchange;
};

static void on_slow_due(struct sw_wheel_node *node)
{
	struct slow *slow = (struct slow *)node;
	sw_http_respond(slow->exchange, 200, "text/plain", NULL, sw_bytes_str("late"));
	free(slow);
}

static void on_slow_gone(void *ctx, struct sw_http_exchange *exchange)
{
	struct slow *slow = ctx;
	sw_loop_disarm(app.loop, &slow->node);
	free(slow);
	app.gone++;
	sw_http_problem(exchange, 503, "gone", "nobody reads this", NULL);
}

static void answer_later(struct sw_http_exchange *exchange, int64_t delay_ms)
{
	struct slow *slow = sw_xcalloc(1, sizeof(*slow));
	slow->node.fire = on_slow_due;
	slow->exchange = exchange;
	sw_http_on_gone(exchange, on_slow_gone, slow);
	sw_loop_arm(app.loop, &slow->node, delay_ms);
}

static void stream(struct sw_http_exchange *exchange)
{
	int rc = sw_http_stream_begin(exchange, 200, "text/event-stream", "Cache-Control: no-store\r\n");
	for (int i = 0; rc == SW_OK && i < STREAM_PARTS; i++) {
		rc = sw_http_stream_write(exchange, sw_bytes_str("data: x\n\n"), 65536);
	}
	sw_http_stream_end(exchange);
}

static void describe(struct sw_http_exchange *exchange)
{
	char peer[SW_PEER_TEXT_MAX];
	sw_peer_text(sw_http_peer(exchange), false, peer);
	struct sw_buf name;
	struct sw_buf out;
	sw_buf_init(&name, 1024);
	sw_buf_init(&out, 8192);
	int rc = sw_http1_query_param(sw_http_query(exchange), "name", &name);
	struct sw_bytes method = sw_http_method(exchange);
	struct sw_bytes path = sw_http_path(exchange);
	sw_buf_printf(&out, "%.*s %.*s peer=%s ", SW_BYTES_FMT(method), SW_BYTES_FMT(path), peer);
	sw_buf_printf(&out, "name=%s gone=%zu", rc ? "-" : sw_buf_cstr(&name), app.gone);
	sw_http_respond(exchange, 200, "text/plain", "X-Extra: yes\r\n", sw_buf_bytes(&out));
	sw_buf_release(&name);
	sw_buf_release(&out);
}

static void big(struct sw_http_exchange *exchange, uint64_t len)
{
	uint8_t *body = sw_xmalloc(len);
	memset(body, 'b', len);
	sw_http_respond(exchange, 200, "text/plain", NULL, sw_bytes(body, len));
	free(body);
}

static void metrics(struct sw_http_exchange *exchange)
{
	struct sw_buf out;
	sw_buf_init(&out, 1 << 20);
	sw_metrics_export(&out);
	sw_http_respond(exchange, 200, "text/plain; version=0.0.4", NULL, sw_buf_bytes(&out));
	sw_buf_release(&out);
}

static void reload(struct sw_http_exchange *exchange)
{
	struct sw_diag diag = {0};
	if (sw_tls_reload(app.tls, &diag) != SW_OK) {
		sw_http_problem(exchange, 500, "reload", diag.text, NULL);
		return;
	}
	sw_http_respond(exchange, 204, NULL, NULL, sw_bytes(NULL, 0));
}

static void on_request(void *ctx, struct sw_http_exchange *exchange)
{
	struct sw_bytes path = sw_http_path(exchange);
	uint64_t number;
	(void)ctx;
	if (sw_bytes_equal_str(path, "/v1/ws")) {
		upgrade(exchange);
	} else if (sw_bytes_equal_str(path, "/v1/later")) {
		upgrade_later(exchange);
	} else if (sw_bytes_equal_str(path, "/echo")) {
		sw_http_respond(exchange, 200, "application/octet-stream", NULL, sw_http_body(exchange));
	} else if (sw_bytes_equal_str(path, "/slow")) {
		answer_later(exchange, SLOW_MS);
	} else if (sw_bytes_equal_str(path, "/never")) {
		answer_later(exchange, 3600000);
	} else if (sw_bytes_equal_str(path, "/stream")) {
		stream(exchange);
	} else if (sw_bytes_equal_str(path, "/metrics")) {
		metrics(exchange);
	} else if (sw_bytes_equal_str(path, "/reload")) {
		reload(exchange);
	} else if (sw_bytes_equal_str(path, "/drain")) {
		sw_http_server_drain(app.server);
		sw_http_respond(exchange, 200, NULL, NULL, sw_bytes_str("draining"));
	} else if (has_prefix(path, "/big/", &number)) {
		big(exchange, number);
	} else if (sw_bytes_equal_str(path, "/missing")) {
		sw_http_problem(exchange, 404, "not_found", "no \"such\" thing", "Retry-After: 3\r\n");
	} else {
		describe(exchange);
	}
}

static void on_conn(void *ctx, struct sw_conn *conn)
{
	(void)ctx;
	sw_http_serve(app.server, conn);
}

static bool admit(void *ctx, const struct sw_peer *peer)
{
	(void)ctx;
	(void)peer;
	if (app.per_address_max && app.from_address == app.per_address_max) {
		return false;
	}
	app.from_address++;
	return true;
}

static void leave(void *ctx, const struct sw_peer *peer)
{
	(void)ctx;
	(void)peer;
	app.from_address--;
}

static void on_input_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	static char scratch[64];
	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(scratch, sizeof(scratch));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	(void)buf;
	if (n < 0) {
		uv_close((uv_handle_t *)stream, NULL);
		sw_listener_close(app.listener);
		sw_net_close_conns(app.net);
		sw_loop_stop(app.loop);
	}
}

static void make_fast(void)
{
	app.http.head_ms = 400;
	app.http.body_ms = 400;
	app.http.idle_ms = 600;
	app.limits.ping_ms = 300;
	app.limits.close_ms = 400;
	app.limits.message_bytes_max = 4096;
}

static void read_arguments(int argc, char **argv)
{
	struct sw_diag diag = {0};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--tls") == 0 && i + 2 < argc) {
			if (sw_tls_open(argv[i + 1], argv[i + 2], &app.tls, &diag) != SW_OK) {
				fprintf(stderr, "%s\n", diag.text);
				exit(1);
			}
			i += 2;
		} else if (strcmp(argv[i], "--fast") == 0) {
			make_fast();
		} else if (strcmp(argv[i], "--per-address") == 0 && i + 1 < argc) {
			app.per_address_max = strtoul(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--conns") == 0 && i + 1 < argc) {
			app.limit.max = strtoul(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--queue") == 0 && i + 1 < argc) {
			app.limits.queue_bytes_max = (uint32_t)strtoul(argv[++i], NULL, 10);
		} else {
			fprintf(stderr, "unknown argument %s\n", argv[i]);
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	read_arguments(argc, argv);
	app.http.on_request = on_request;
	app.http.body_bytes_max = BODY_BYTES_MAX;
	app.loop = sw_loop_new("echo", 16);
	app.net = sw_net_new(app.loop, &app.limit);
	app.server = sw_http_server_new(&app.http);
	struct sw_listen_options options = {
		.address = "127.0.0.1", .tls = app.tls, .on_conn = on_conn, .admit = admit, .leave = leave};
	struct sw_diag diag = {0};
	if (sw_listener_open(app.net, &options, &app.listener, &diag) != SW_OK) {
		fprintf(stderr, "%s\n", diag.text);
		return 1;
	}
	printf("port %u\n", (unsigned)sw_listener_port(app.listener));
	fflush(stdout);
	uv_pipe_init(sw_loop_uv(app.loop), &app.input, 0);
	uv_pipe_open(&app.input, STDIN_FILENO);
	uv_read_start((uv_stream_t *)&app.input, on_input_alloc, on_input);
	sw_loop_run(app.loop);
	sw_loop_free(app.loop);
	sw_http_server_free(app.server);
	sw_net_free(app.net);
	sw_tls_free(app.tls);
	return 0;
}
