/* SPDX-License-Identifier: Apache-2.0 */
/* Answers out, and what a handler may ask of its request. Every way to end an exchange works without a client too. */
#include "net/http_int.h"

#include "base/metrics.h"

#include <surewire/mem.h>

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { HEAD_ROOM_BYTES = 16384, PROBLEM_BYTES_MAX = 8192, CLASSES = 6 };

static struct sw_metric *answers[CLASSES];
static pthread_once_t metrics_once = PTHREAD_ONCE_INIT;

static void register_metrics(void)
{
	static const char *const labels[CLASSES] = {"class=\"other\"", "class=\"1xx\"", "class=\"2xx\"",
						    "class=\"3xx\"",   "class=\"4xx\"", "class=\"5xx\""};
	for (size_t i = 0; i < CLASSES; i++) {
		answers[i] = sw_metric_counter("surewire_net_http_answers_total", labels[i],
					       "HTTP answers, by class of status.");
	}
}

static void count_answer(int status)
{
	pthread_once(&metrics_once, register_metrics);
	int class = status / 100;
	sw_metric_add(answers[class > 0 && class < CLASSES ? class : 0], 1);
}

struct sw_http_exchange *sw_http_exchange_new(struct sw_http_conn *hc, struct sw_bytes head_text, size_t body_bytes_max)
{
	struct sw_http_exchange *exchange = sw_xmalloc(sizeof(*exchange));
	exchange->hc = hc;
	exchange->peer = *sw_conn_peer(hc->conn);
	exchange->on_gone = NULL;
	exchange->gone_ctx = NULL;
	exchange->streaming = false;
	sw_buf_init(&exchange->head_text, head_text.len);
	sw_buf_init(&exchange->path, head_text.len);
	sw_buf_init(&exchange->body, body_bytes_max);
	sw_buf_put_bytes(&exchange->head_text, head_text);
	size_t scanned = 0;
	size_t head_len;
	struct sw_http1_error error;
	int rc = sw_http1_parse_request(sw_buf_bytes(&exchange->head_text), &scanned, &exchange->head, &head_len,
					&error);
	if (rc == SW_OK) {
		rc = sw_http1_percent_decode(exchange->head.path, false, &exchange->path);
	}
	if (rc) {
		sw_http_exchange_free(exchange);
		return NULL;
	}
	return exchange;
}

void sw_http_exchange_free(struct sw_http_exchange *exchange)
{
	if (exchange) {
		sw_buf_release(&exchange->head_text);
		sw_buf_release(&exchange->path);
		sw_buf_release(&exchange->body);
		free(exchange);
	}
}

void sw_http_exchange_orphan(struct sw_http_exchange *exchange)
{
	exchange->hc = NULL;
	if (exchange->on_gone) {
		exchange->on_gone(exchange->gone_ctx, exchange);
	}
}

const struct sw_http1_head *sw_http_head(const struct sw_http_exchange *exchange)
{
	return &exchange->head;
}

struct sw_bytes sw_http_method(const struct sw_http_exchange *exchange)
{
	return exchange->head.method;
}

struct sw_bytes sw_http_path(const struct sw_http_exchange *exchange)
{
	return sw_buf_bytes(&exchange->path);
}

struct sw_bytes sw_http_query(const struct sw_http_exchange *exchange)
{
	return exchange->head.query;
}

struct sw_bytes sw_http_header(const struct sw_http_exchange *exchange, const char *name)
{
	return sw_http1_header(&exchange->head, name);
}

struct sw_bytes sw_http_body(const struct sw_http_exchange *exchange)
{
	return sw_buf_bytes(&exchange->body);
}

const struct sw_peer *sw_http_peer(const struct sw_http_exchange *exchange)
{
	return &exchange->peer;
}

bool sw_http_is_gone(const struct sw_http_exchange *exchange)
{
	return !exchange->hc || sw_conn_is_closing(exchange->hc->conn);
}

void sw_http_on_gone(struct sw_http_exchange *exchange, void (*on_gone)(void *ctx, struct sw_http_exchange *),
		     void *ctx)
{
	exchange->on_gone = on_gone;
	exchange->gone_ctx = ctx;
}

void sw_http_conn_send(struct sw_http_conn *hc, const struct sw_http1_response *res)
{
	struct sw_buf out;
	sw_buf_init(&out, res->body.len + HEAD_ROOM_BYTES);
	sw_http1_put_response(&out, res);
	/* Our own header lines only: more than the room is a mistake in this program. */
	assert(!out.err);
	sw_conn_write(hc->conn, sw_blob_new(sw_buf_bytes(&out)));
	sw_buf_release(&out);
	count_answer(res->status);
}

static bool keeps_alive(const struct sw_http_exchange *exchange)
{
	return exchange->hc && exchange->head.keep_alive && !exchange->hc->server->draining;
}

static bool is_head(const struct sw_http_exchange *exchange)
{
	return sw_bytes_equal_str(exchange->head.method, "HEAD");
}

void sw_http_respond(struct sw_http_exchange *exchange, int status, const char *content_type, const char *extra,
		     struct sw_bytes body)
{
	assert(!exchange->streaming);
	bool keep_alive = keeps_alive(exchange);
	if (exchange->hc) {
		sw_http_conn_send(exchange->hc, &(struct sw_http1_response){.status = status,
									    .content_type = content_type,
									    .extra = extra,
									    .body = body,
									    .keep_alive = keep_alive,
									    .head_only = is_head(exchange)});
	}
	sw_http_exchange_done(exchange, keep_alive);
}

void sw_http_problem(struct sw_http_exchange *exchange, int status, const char *code, const char *detail,
		     const char *extra)
{
	struct sw_buf body;
	sw_buf_init(&body, PROBLEM_BYTES_MAX);
	sw_http1_put_problem(&body, status, code, detail);
	sw_http_respond(exchange, status, SW_HTTP1_PROBLEM_TYPE, extra, sw_buf_bytes(&body));
	sw_buf_release(&body);
}

int sw_http_stream_begin(struct sw_http_exchange *exchange, int status, const char *content_type, const char *extra)
{
	exchange->streaming = true;
	if (sw_http_is_gone(exchange)) {
		return SW_ECLOSED;
	}
	bool chunked = exchange->head.minor == 1;
	sw_http_conn_send(exchange->hc, &(struct sw_http1_response){.status = status,
								    .content_type = content_type,
								    .extra = extra,
								    .keep_alive = keeps_alive(exchange),
								    .chunked = chunked,
								    .head_only = true});
	return SW_OK;
}

int sw_http_stream_write(struct sw_http_exchange *exchange, struct sw_bytes part, size_t queue_bytes_max)
{
	if (sw_http_is_gone(exchange)) {
		return SW_ECLOSED;
	}
	struct sw_conn *conn = exchange->hc->conn;
	if (sw_conn_queued_bytes(conn) + part.len > queue_bytes_max) {
		return SW_EBUSY;
	}
	if (part.len == 0 || is_head(exchange)) {
		return SW_OK;
	}
	struct sw_buf out;
	sw_buf_init(&out, part.len + 32);
	bool chunked = exchange->head.minor == 1;
	if (chunked) {
		sw_buf_printf(&out, "%zx\r\n", part.len);
	}
	sw_buf_put_bytes(&out, part);
	if (chunked) {
		sw_buf_put_str(&out, "\r\n");
	}
	sw_conn_write(conn, sw_blob_new(sw_buf_bytes(&out)));
	sw_buf_release(&out);
	return SW_OK;
}

void sw_http_stream_end(struct sw_http_exchange *exchange)
{
	assert(exchange->streaming);
	static const char last[] = "0\r\n\r\n";
	bool keep_alive = keeps_alive(exchange);
	if (exchange->hc && exchange->head.minor == 1 && !is_head(exchange)) {
		sw_conn_write(exchange->hc->conn, sw_blob_new(sw_bytes(last, sizeof(last) - 1)));
	}
	sw_http_exchange_done(exchange, keep_alive);
}

static void refuse_upgrade(struct sw_http_exchange *exchange, const struct sw_http1_error *error)
{
	const char *extra = error->status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
			  : error->status == 405 ? "Allow: GET\r\n"
						 : NULL;
	sw_http_problem(exchange, error->status, "bad_handshake", error->detail, extra);
}

int sw_http_upgrade(struct sw_http_exchange *exchange, const struct sw_ws_upgrade *upgrade, struct sw_ws **ws_out)
{
	if (sw_http_is_gone(exchange)) {
		sw_http_exchange_done(exchange, false);
		return SW_ECLOSED;
	}
	char accept[SW_HANDSHAKE_ACCEPT_LEN + 1];
	struct sw_http1_error error;
	int rc = sw_handshake_check(&exchange->head, &upgrade->rules, accept, &error);
	if (rc) {
		refuse_upgrade(exchange, &error);
		return rc;
	}
	struct sw_http_conn *hc = exchange->hc;
	struct sw_conn *conn = hc->conn;
	struct sw_buf answer;
	sw_buf_init(&answer, HEAD_ROOM_BYTES);
	sw_handshake_put_answer(&answer, accept, upgrade->rules.subprotocol);
	sw_conn_write(conn, sw_blob_new(sw_buf_bytes(&answer)));
	sw_buf_release(&answer);
	count_answer(101);
	*ws_out = sw_ws_open(conn, upgrade->handlers, upgrade->limits, upgrade->ctx);
	sw_conn_resume(conn);
	/* Bytes behind the request are frames already. */
	sw_conn_unread(conn, sw_buf_bytes(&hc->in));
	hc->exchange = NULL;
	sw_http_exchange_free(exchange);
	hc->conn = NULL;
	if (!hc->advancing) {
		sw_http_conn_free(hc);
	}
	return SW_OK;
}
