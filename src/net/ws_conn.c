/* SPDX-License-Identifier: Apache-2.0 */
/* OPEN → CLOSING (we sent close) → DONE (the owner was told; the connection lingers until the peer ends it). */
#include "net/ws_conn.h"

#include "base/metrics.h"

#include <surewire/mem.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPEN, CLOSING, DONE };
enum {
	KNOWN_FIRST = 1000,
	KNOWN_LAST = 1014,
	KNOWN = KNOWN_LAST - KNOWN_FIRST + 1,
	LIBRARY = KNOWN,
	APPLICATION,
	ROWS
};

struct sw_ws {
	struct sw_conn *conn;
	const struct sw_ws_handlers *handlers;
	const struct sw_ws_limits *limits;
	void *ctx;
	struct sw_ws_parser parser;
	struct sw_blob *pong; /* the latest, while the socket is full */
	uint16_t close_code;  /* what we closed with */
	uint8_t state;
	uint8_t missed; /* pings without any sign of life since */
	bool heard;     /* a message or ping in this interval */
};

static struct sw_metric *open_sockets;
static struct sw_metric *closed_by_code[ROWS];
static pthread_once_t metrics_once = PTHREAD_ONCE_INIT;

static void register_metrics(void)
{
	open_sockets = sw_metric_gauge("surewire_net_websockets", NULL, "WebSockets open now.");
	for (unsigned i = 0; i < ROWS; i++) {
		char labels[32];
		if (i < KNOWN) {
			snprintf(labels, sizeof(labels), "code=\"%u\"", KNOWN_FIRST + i);
		} else {
			snprintf(labels, sizeof(labels), "code=\"%s\"", i == LIBRARY ? "3xxx" : "4xxx");
		}
		closed_by_code[i] = sw_metric_counter("surewire_net_ws_closed_total", labels,
						      "WebSockets closed, by close code.");
	}
}

static void count_close(unsigned code)
{
	unsigned row = code <= KNOWN_LAST ? code - KNOWN_FIRST
		     : code < 4000        ? (unsigned)LIBRARY
					  : (unsigned)APPLICATION;
	sw_metric_add(closed_by_code[row], 1);
	sw_metric_add(open_sockets, -1);
}

/* The one place where a socket ends for its owner. */
static void enter_done(struct sw_ws *ws, unsigned code, struct sw_bytes reason)
{
	if (ws->state == DONE) {
		return;
	}
	ws->state = DONE;
	count_close(code);
	ws->handlers->on_close(ws, ws->ctx, code, reason);
	sw_blob_unref(ws->pong);
	ws->pong = NULL;
}

static const struct sw_bytes no_reason;

static void on_broken(struct sw_ws *ws)
{
	if (ws->state == OPEN) {
		sw_conn_write(ws->conn, sw_ws_frame_close(ws->parser.failed, ""));
	}
	sw_conn_finish(ws->conn, ws->limits->close_ms);
	enter_done(ws, ws->state == OPEN ? ws->parser.failed : ws->close_code, no_reason);
}

static void on_peer_close(struct sw_ws *ws, const struct sw_ws_event *event)
{
	if (ws->state == CLOSING) {
		sw_conn_finish(ws->conn, ws->limits->close_ms);
		enter_done(ws, ws->close_code, no_reason);
		return;
	}
	unsigned echo = event->close_code == SW_WS_CODE_NONE ? 0 : event->close_code;
	sw_conn_write(ws->conn, sw_ws_frame_close(echo, ""));
	sw_conn_finish(ws->conn, ws->limits->close_ms);
	enter_done(ws, event->close_code, event->payload);
}

static void send_pong(struct sw_ws *ws)
{
	if (ws->pong && !sw_conn_is_blocked(ws->conn)) {
		sw_conn_write(ws->conn, ws->pong);
		ws->pong = NULL;
	}
}

static void on_event(struct sw_ws *ws, const struct sw_ws_event *event)
{
	ws->heard = ws->heard || event->opcode != SW_WS_PONG;
	if (ws->state == OPEN && (event->opcode == SW_WS_TEXT || event->opcode == SW_WS_CLOSE)) {
		send_pong(ws); /* before what answers a later frame; of several pings in a row the last one counts */
	}
	switch (event->opcode) {
	case SW_WS_TEXT:
		if (ws->state == OPEN) {
			ws->handlers->on_message(ws, ws->ctx, event->payload);
		}
		break;
	case SW_WS_CLOSE:
		on_peer_close(ws, event);
		break;
	case SW_WS_PING:
		sw_blob_unref(ws->pong);
		ws->pong = sw_ws_frame_new(SW_WS_PONG, event->payload);
		break;
	case SW_WS_PONG:
		if (ws->state == OPEN && ws->handlers->on_pong) {
			ws->handlers->on_pong(ws, ws->ctx);
		}
		break;
	default:
		break;
	}
}

static void on_data(struct sw_conn *conn, void *ctx, uint8_t *ptr, size_t len)
{
	struct sw_ws *ws = ctx;
	struct sw_ws_input in = {ptr, len};
	ws->missed = 0;
	while (ws->state != DONE && !sw_conn_is_closing(conn)) {
		struct sw_ws_event event;
		int rc = sw_ws_parser_next(&ws->parser, &in, &event);
		if (rc < 0) {
			on_broken(ws);
			break;
		}
		if (rc == 0) {
			break;
		}
		on_event(ws, &event);
	}
	if (ws->state == OPEN) {
		send_pong(ws);
	}
}

static void on_drained(struct sw_conn *conn, void *ctx)
{
	struct sw_ws *ws = ctx;
	(void)conn;
	if (ws->state == OPEN) {
		send_pong(ws);
		if (ws->handlers->on_drained) {
			ws->handlers->on_drained(ws, ws->ctx);
		}
	}
}

static void on_timeout(struct sw_conn *conn, void *ctx)
{
	struct sw_ws *ws = ctx;
	if (ws->state == CLOSING) {
		sw_conn_close(conn, SW_CONN_TIMEOUT);
		enter_done(ws, ws->close_code, no_reason);
		return;
	}
	if (!ws->heard && ws->missed >= ws->limits->missed_max) {
		sw_conn_close(conn, SW_CONN_TIMEOUT);
		enter_done(ws, SW_WS_CODE_ABNORMAL, no_reason);
		return;
	}
	if (ws->heard) {
		ws->heard = false;
	} else {
		ws->missed++;
		sw_ws_ping(ws);
	}
	sw_conn_arm(conn, ws->limits->ping_ms);
}

static void on_closed(struct sw_conn *conn, void *ctx, enum sw_conn_reason reason)
{
	struct sw_ws *ws = ctx;
	(void)conn;
	(void)reason;
	enter_done(ws, ws->state == CLOSING ? ws->close_code : SW_WS_CODE_ABNORMAL, no_reason);
	sw_ws_parser_release(&ws->parser);
	free(ws);
}

static const struct sw_conn_events events = {on_data, on_drained, on_timeout, on_closed};

struct sw_ws *sw_ws_open(struct sw_conn *conn, const struct sw_ws_handlers *handlers, const struct sw_ws_limits *limits,
			 void *ctx)
{
	pthread_once(&metrics_once, register_metrics);
	struct sw_ws *ws = sw_xcalloc(1, sizeof(*ws));
	ws->conn = conn;
	ws->handlers = handlers;
	ws->limits = limits;
	ws->ctx = ctx;
	sw_ws_parser_init(&ws->parser, SW_WS_SERVER, limits->message_bytes_max, true);
	sw_conn_set_owner(conn, &events, ws);
	if (limits->ping_ms) {
		sw_conn_arm(conn, limits->ping_ms);
	}
	sw_metric_add(open_sockets, 1);
	return ws;
}

int sw_ws_send(struct sw_ws *ws, struct sw_blob *frame)
{
	int rc = SW_OK;
	if (ws->state != OPEN || sw_conn_is_closing(ws->conn)) {
		rc = SW_ECLOSED;
	} else if (sw_conn_queued_bytes(ws->conn) + frame->len > ws->limits->queue_bytes_max) {
		rc = SW_EBUSY;
	}
	if (rc) {
		sw_blob_unref(frame);
		return rc;
	}
	sw_conn_write(ws->conn, frame);
	return SW_OK;
}

size_t sw_ws_queued_bytes(const struct sw_ws *ws)
{
	return sw_conn_queued_bytes(ws->conn);
}

void sw_ws_ping(struct sw_ws *ws)
{
	if (ws->state == OPEN) {
		sw_conn_write(ws->conn, sw_ws_frame_new(SW_WS_PING, (struct sw_bytes){NULL, 0}));
	}
}

void sw_ws_close(struct sw_ws *ws, unsigned code, const char *reason)
{
	if (ws->state != OPEN) {
		return;
	}
	ws->state = CLOSING;
	ws->close_code = (uint16_t)code;
	sw_conn_resume(ws->conn);
	sw_conn_write(ws->conn, sw_ws_frame_close(code, reason));
	sw_conn_arm(ws->conn, ws->limits->close_ms);
}

void sw_ws_abort(struct sw_ws *ws)
{
	sw_conn_close(ws->conn, SW_CONN_LOCAL);
}

void sw_ws_pause(struct sw_ws *ws)
{
	if (ws->state == OPEN) {
		sw_conn_pause(ws->conn);
	}
}

void sw_ws_resume(struct sw_ws *ws)
{
	sw_conn_resume(ws->conn);
}

void *sw_ws_ctx(const struct sw_ws *ws)
{
	return ws->ctx;
}

void sw_ws_set_ctx(struct sw_ws *ws, void *ctx)
{
	ws->ctx = ctx;
}

struct sw_conn *sw_ws_conn(const struct sw_ws *ws)
{
	return ws->conn;
}
