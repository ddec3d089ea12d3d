/* SPDX-License-Identifier: Apache-2.0 */
/* A WebSocket on a connection: messages, pongs, heartbeat, the closing handshake. Made by sw_http_upgrade.
 * Loop thread. */
#ifndef SW_NET_WS_CONN_H
#define SW_NET_WS_CONN_H

#include "net/conn.h"
#include "net/ws_codec.h"

struct sw_ws;

/* One static table per kind of owner. on_message and on_close are required. */
struct sw_ws_handlers {
	/* A whole text message, valid UTF-8, valid during the call. */
	void (*on_message)(struct sw_ws *ws, void *ctx, struct sw_bytes text);
	/* Exactly once, never from inside sw_ws_close or sw_ws_send; afterwards ws must not be used. code: what the peer
	 * sent, or what we closed with, 1005 without a code, 1006 when the connection was just lost or fell silent. */
	void (*on_close)(struct sw_ws *ws, void *ctx, unsigned code, struct sw_bytes reason);
	void (*on_drained)(struct sw_ws *ws, void *ctx); /* see sw_conn_events; may be NULL */
	void (*on_pong)(struct sw_ws *ws, void *ctx);    /* may be NULL */
};

/* Shared by all sockets of a kind; must outlive them. */
struct sw_ws_limits {
	uint32_t message_bytes_max;
	uint32_t queue_bytes_max; /* see sw_ws_send */
	uint32_t ping_ms;         /* after each such interval without a message, a ping; 0: none */
	uint32_t missed_max;      /* so many pings unanswered, and at the next interval it is given up */
	uint32_t close_ms;        /* how long the closing handshake may take */
};
#define SW_WS_LIMITS_DEFAULT                                                                               \
	{                                                                                                  \
		.message_bytes_max = 65536, .queue_bytes_max = 1048576, .ping_ms = 25000, .missed_max = 2, \
		.close_ms = 3000                                                                           \
	}

/* Becomes the owner of a connection whose handshake was answered (sw_http_upgrade does). */
struct sw_ws *sw_ws_open(struct sw_conn *conn, const struct sw_ws_handlers *handlers, const struct sw_ws_limits *limits,
			 void *ctx);
/* Takes one reference of a frame (ws_codec.h). SW_OK; SW_ECLOSED while closing; SW_EBUSY when the queue would pass
 * its bound: not queued, and the caller must close (1008 or 1013), since the peer would miss a frame. */
int sw_ws_send(struct sw_ws *ws, struct sw_blob *frame) SW_MUST_CHECK;
size_t sw_ws_queued_bytes(const struct sw_ws *ws);
void sw_ws_ping(struct sw_ws *ws);
/* Starts the closing handshake; no more messages are delivered, on_close follows. Idempotent. code 1000…4999. */
void sw_ws_close(struct sw_ws *ws, unsigned code, const char *reason);
/* Without the handshake (a peer that is known to be gone). on_close follows with 1006. */
void sw_ws_abort(struct sw_ws *ws);
void sw_ws_pause(struct sw_ws *ws);
void sw_ws_resume(struct sw_ws *ws);
void *sw_ws_ctx(const struct sw_ws *ws);
void sw_ws_set_ctx(struct sw_ws *ws, void *ctx);
struct sw_conn *sw_ws_conn(const struct sw_ws *ws);

#endif
