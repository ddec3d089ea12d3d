/* SPDX-License-Identifier: Apache-2.0 */
/* One accepted byte stream, plain or TLS. Knows nothing of HTTP and WebSocket. An idle connection holds no buffers:
 * input comes from one read buffer per loop, output is a queue of shared blobs that is freed when drained.
 * Loop thread. */
#ifndef SW_NET_CONN_H
#define SW_NET_CONN_H

#include "base/blob.h"
#include "net/net.h"
#include "net/tls.h"

enum sw_conn_reason {
	SW_CONN_EOF,     /* the peer ended the stream */
	SW_CONN_ERROR,   /* reset and the like */
	SW_CONN_TLS,     /* handshake or record error */
	SW_CONN_TIMEOUT, /* a deadline of the owner, or lingering was over */
	SW_CONN_LOCAL,   /* closed by us */
	SW_CONN_SLOW,    /* the queue passed its bound */
	SW_CONN_REASONS
};

/* The address as 16 bytes, IPv4 mapped; text form by sw_peer_text. */
struct sw_peer {
	uint8_t ip[16];
	uint16_t port;
};
enum { SW_PEER_TEXT_MAX = 56 };
/* "192.0.2.1:5000" or "[2001:db8::1]:5000"; without the port when with_port is false ("192.0.2.1"). */
void sw_peer_text(const struct sw_peer *peer, bool with_port, char text_out[SW_PEER_TEXT_MAX]);

/* One static table per kind of owner; ctx is the owner. All are called on the loop thread. */
struct sw_conn_events {
	/* Decrypted bytes in the shared read buffer: may be changed in place, gone after the call. */
	void (*on_data)(struct sw_conn *conn, void *ctx, uint8_t *ptr, size_t len);
	/* The queue has become empty after it could not be written at once, or after sw_conn_want_drained. May be NULL. */
	void (*on_drained)(struct sw_conn *conn, void *ctx);
	/* The deadline of sw_conn_arm passed. NULL: the connection is closed with SW_CONN_TIMEOUT. */
	void (*on_timeout)(struct sw_conn *conn, void *ctx);
	/* Exactly once, never from inside sw_conn_close; the connection is freed right after. */
	void (*on_closed)(struct sw_conn *conn, void *ctx, enum sw_conn_reason reason);
};

/* Changes owner (HTTP to WebSocket). Cancels the deadline. */
void sw_conn_set_owner(struct sw_conn *conn, const struct sw_conn_events *events, void *ctx);
/* Takes one reference. Written at the end of the turn together with everything else. Ignored (and released) when closing. */
void sw_conn_write(struct sw_conn *conn, struct sw_blob *blob);
/* Bytes not yet taken by the kernel. The owner sets its own bound on it, and closes. */
size_t sw_conn_queued_bytes(const struct sw_conn *conn);
/* The kernel did not take everything at the last try: on_drained will come. */
bool sw_conn_is_blocked(const struct sw_conn *conn);
/* on_drained once, when what is queued now is written, even if that needs no waiting. */
void sw_conn_want_drained(struct sw_conn *conn);
/* Idempotent; the first reason counts. What is queued is dropped. No callback but on_closed comes any more. */
void sw_conn_close(struct sw_conn *conn, enum sw_conn_reason reason);
/* Graceful: what is queued is written, then the sending side is shut down, input is thrown away until the peer's end
 * or linger_ms, then closed with SW_CONN_LOCAL. No callback but on_closed comes any more. */
void sw_conn_finish(struct sw_conn *conn, int64_t linger_ms);
bool sw_conn_is_closing(const struct sw_conn *conn);
/* One deadline per connection, for whoever owns it. */
void sw_conn_arm(struct sw_conn *conn, int64_t delay_ms);
void sw_conn_disarm(struct sw_conn *conn);
/* Backpressure towards the peer. What was read already is still delivered. */
void sw_conn_pause(struct sw_conn *conn);
void sw_conn_resume(struct sw_conn *conn);
/* Bytes that the present owner did not use: given to on_data again (of the new owner) at the end of the turn. */
void sw_conn_unread(struct sw_conn *conn, struct sw_bytes bytes);
const struct sw_peer *sw_conn_peer(const struct sw_conn *conn);
bool sw_conn_is_tls(const struct sw_conn *conn);
struct sw_net *sw_conn_net(const struct sw_conn *conn);

#endif
