/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in: head, body, handler, next. The loop in advance() is the only place that moves on, so that handlers may
 * answer from inside on_request or later. */
#include "net/http_serve.h"

#include "net/http_int.h"

#include <surewire/mem.h>

#include <assert.h>
#include <stdlib.h>

enum {
	BODY_BYTES_MAX = 1 << 20,
	HEAD_MS = 10000,
	BODY_MS = 30000,
	IDLE_MS = 60000,
	/* While a handler is at work, a client that pipelines is no longer read from beyond this. */
	AHEAD_BYTES_MAX = 16384,
	/* And while answers of that size wait for it to read them, the next request waits too. */
	ANSWERS_BYTES_MAX = 65536,
	IN_BYTES_MAX = 262144
};

struct sw_http_server *sw_http_server_new(const struct sw_http_options *options)
{
	struct sw_http_server *server = sw_xcalloc(1, sizeof(*server));
	server->options = *options;
	struct sw_http_options *o = &server->options;
	o->body_bytes_max = o->body_bytes_max ? o->body_bytes_max : BODY_BYTES_MAX;
	o->head_ms = o->head_ms ? o->head_ms : HEAD_MS;
	o->body_ms = o->body_ms ? o->body_ms : BODY_MS;
	o->idle_ms = o->idle_ms ? o->idle_ms : IDLE_MS;
	return server;
}

void sw_http_server_free(struct sw_http_server *server)
{
	assert(!server || !server->first);
	free(server);
}

void sw_http_conn_free(struct sw_http_conn *hc)
{
	*hc->link = hc->next;
	if (hc->next) {
		hc->next->link = hc->link;
	}
	sw_buf_release(&hc->in);
	free(hc);
}

/* The connection cannot go on: answers and closes. */
static void refuse(struct sw_http_conn *hc, int status, const char *detail)
{
	struct sw_buf body;
	sw_buf_init(&body, 1024);
	sw_http1_put_problem(&body, status, NULL, detail);
	sw_http_conn_send(hc, &(struct sw_http1_response){.status = status,
							  .content_type = SW_HTTP1_PROBLEM_TYPE,
							  .body = sw_buf_bytes(&body)});
	sw_buf_release(&body);
	hc->state = SW_HTTP_DEAD;
	sw_http_exchange_free(hc->exchange);
	hc->exchange = NULL;
	sw_buf_release(&hc->in);
	sw_conn_finish(hc->conn, hc->server->options.head_ms);
}

static void consume(struct sw_http_conn *hc, size_t n)
{
	sw_buf_consume(&hc->in, n);
	hc->scanned = 0;
	if (hc->in.len == 0) {
		sw_buf_release(&hc->in);
	}
}

static bool is_too_big(const struct sw_http_conn *hc, const struct sw_http1_head *head)
{
	return head->content_length > 0 && (uint64_t)head->content_length > hc->server->options.body_bytes_max;
}

static void await_body(struct sw_http_conn *hc)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct sw_http1_head *head = &hc->exchange->head;
	if (is_too_big(hc, head)) {
		refuse(hc, 413, "the body is larger than this server takes");
		return;
	}
	hc->state = SW_HTTP_BODY;
	hc->chunked = (struct sw_http1_chunked){0};
	sw_conn_arm(hc->conn, hc->server->options.body_ms);
	bool has_body = head->chunked || head->content_length > 0;
	if (head->expect_continue && has_body && hc->in.len == 0) {
		sw_conn_write(hc->conn, sw_blob_new(sw_bytes(go_on, sizeof(go_on) - 1)));
	}
}

/* False: nothing more to do until bytes come. */
static bool step_head(struct sw_http_conn *hc)
{
	if (hc->in.len == 0) {
		return false;
	}
	struct sw_http1_error error;
	size_t head_len = 0;
	/* Parsed in place first: the exchange gets its own copy only of a good head. */
	struct sw_http1_head head;
	int rc = sw_http1_parse_request(sw_buf_bytes(&hc->in), &hc->scanned, &head, &head_len, &error);
	if (rc == SW_EAGAIN) {
		return false;
	}
	if (rc) {
		refuse(hc, error.status, error.detail);
		return false;
	}
	size_t body_max = hc->server->options.body_bytes_max;
	hc->exchange = sw_http_exchange_new(hc, sw_bytes(hc->in.ptr, head_len), body_max);
	consume(hc, head_len);
	if (!hc->exchange) {
		refuse(hc, 400, "the path is not well percent-encoded");
		return false;
	}
	await_body(hc);
	return hc->state == SW_HTTP_BODY;
}

/* SW_OK: complete. */
static int take_body(struct sw_http_conn *hc)
{
	struct sw_http_exchange *exchange = hc->exchange;
	if (exchange->head.chunked) {
		size_t used;
		int rc = sw_http1_chunked_feed(&hc->chunked, sw_buf_bytes(&hc->in), &exchange->body, &used);
		consume(hc, used);
		return rc;
	}
	size_t want = exchange->head.content_length > 0 ? (size_t)exchange->head.content_length : 0;
	size_t left = want - exchange->body.len;
	size_t n = hc->in.len < left ? hc->in.len : left;
	if (n) {
		sw_buf_put(&exchange->body, hc->in.ptr, n);
		consume(hc, n);
	}
	return exchange->body.len == want ? SW_OK : SW_EAGAIN;
}

static bool step_body(struct sw_http_conn *hc)
{
	int rc = take_body(hc);
	if (rc == SW_EAGAIN) {
		return false;
	}
	if (rc == SW_ELIMIT) {
		refuse(hc, 413, "the body is larger than this server takes");
		return false;
	}
	if (rc) {
		refuse(hc, 400, "the chunked body is malformed");
		return false;
	}
	hc->state = SW_HTTP_ANSWERING;
	sw_conn_disarm(hc->conn);
	hc->server->options.on_request(hc->server->options.ctx, hc->exchange);
	return true;
}

static bool must_drain_first(const struct sw_http_conn *hc)
{
	return hc->state == SW_HTTP_HEAD && sw_conn_queued_bytes(hc->conn) > ANSWERS_BYTES_MAX;
}

/* hc may be gone afterwards (upgrade). */
static void advance(struct sw_http_conn *hc)
{
	struct sw_conn *conn = hc->conn;
	bool more = true;
	hc->advancing = true;
	while (more && !sw_conn_is_closing(conn)) {
		if (must_drain_first(hc)) {
			sw_conn_want_drained(conn);
			sw_conn_arm(conn, hc->server->options.idle_ms);
			more = false;
		} else if (hc->state == SW_HTTP_HEAD) {
			more = step_head(hc);
		} else if (hc->state == SW_HTTP_BODY) {
			more = step_body(hc);
		} else {
			break;
		}
		if (hc->conn == NULL) {
			sw_http_conn_free(hc);
			return;
		}
	}
	hc->advancing = false;
	if (hc->in.len > AHEAD_BYTES_MAX) {
		sw_conn_pause(conn);
	} else {
		sw_conn_resume(conn);
	}
}

static void on_data(struct sw_conn *conn, void *ctx, uint8_t *ptr, size_t len)
{
	struct sw_http_conn *hc = ctx;
	if (hc->state == SW_HTTP_DEAD) {
		return;
	}
	if (hc->state == SW_HTTP_HEAD && hc->in.len == 0) {
		sw_conn_arm(conn, hc->server->options.head_ms);
	}
	sw_buf_put(&hc->in, ptr, len);
	if (hc->in.err) {
		sw_conn_close(conn, SW_CONN_SLOW);
		return;
	}
	advance(hc);
}

static void on_drained(struct sw_conn *conn, void *ctx)
{
	struct sw_http_conn *hc = ctx;
	if (hc->state == SW_HTTP_HEAD && hc->in.len) {
		sw_conn_arm(conn, hc->server->options.head_ms);
		advance(hc);
	}
}

static void on_timeout(struct sw_conn *conn, void *ctx)
{
	struct sw_http_conn *hc = ctx;
	if (hc->state == SW_HTTP_BODY) {
		refuse(hc, 408, "the body took too long");
	} else if (hc->state == SW_HTTP_HEAD && hc->in.len) {
		refuse(hc, 408, "the head of the request took too long");
	} else {
		sw_conn_close(conn, SW_CONN_TIMEOUT);
	}
}

static void on_closed(struct sw_conn *conn, void *ctx, enum sw_conn_reason reason)
{
	struct sw_http_conn *hc = ctx;
	(void)conn;
	(void)reason;
	struct sw_http_exchange *exchange = hc->exchange;
	bool answering = hc->state == SW_HTTP_ANSWERING;
	sw_http_conn_free(hc);
	if (exchange && answering) {
		sw_http_exchange_orphan(exchange);
	} else {
		sw_http_exchange_free(exchange);
	}
}

static const struct sw_conn_events events = {on_data, on_drained, on_timeout, on_closed};

void sw_http_serve(struct sw_http_server *server, struct sw_conn *conn)
{
	struct sw_http_conn *hc = sw_xcalloc(1, sizeof(*hc));
	hc->server = server;
	hc->conn = conn;
	hc->state = SW_HTTP_HEAD;
	sw_buf_init(&hc->in, IN_BYTES_MAX);
	hc->next = server->first;
	hc->link = &server->first;
	if (hc->next) {
		hc->next->link = &hc->next;
	}
	server->first = hc;
	sw_conn_set_owner(conn, &events, hc);
	sw_conn_arm(conn, server->options.head_ms);
}

void sw_http_server_drain(struct sw_http_server *server)
{
	server->draining = true;
	for (struct sw_http_conn *hc = server->first; hc; hc = hc->next) {
		if (hc->state == SW_HTTP_HEAD && hc->in.len == 0) {
			hc->state = SW_HTTP_DEAD;
			sw_conn_finish(hc->conn, server->options.head_ms);
		}
	}
}

void sw_http_exchange_done(struct sw_http_exchange *exchange, bool keep_alive)
{
	struct sw_http_conn *hc = exchange->hc;
	sw_http_exchange_free(exchange);
	if (!hc) {
		return;
	}
	hc->exchange = NULL;
	if (!keep_alive) {
		hc->state = SW_HTTP_DEAD;
		sw_buf_release(&hc->in);
		sw_conn_finish(hc->conn, hc->server->options.idle_ms);
		return;
	}
	hc->state = SW_HTTP_HEAD;
	sw_conn_arm(hc->conn, hc->in.len ? hc->server->options.head_ms : hc->server->options.idle_ms);
	if (!hc->advancing) {
		advance(hc);
	}
}
