/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 client: a pool of long-lived connections to one endpoint, one bounded queue in front of them.
 *
 * It tells apart what a sender must know: answered, provably not processed, unknown, never connected. It never
 * retries a request that may have been seen by the server, and knows nothing of tokens or outcomes.
 * Everything runs on the given loop's thread; nothing blocks but the reading of certificate files at connect.
 * Sources: RFC 9113 (5.1.2, 5.4.2, 6.5, 6.8, 8.7), RFC 7301, RFC 6125. */
#ifndef SW_EGRESS_H2_CLIENT_H
#define SW_EGRESS_H2_CLIENT_H

#include <uv.h>

#include <surewire/err.h>
#include <surewire/http_msg.h>
#include <surewire/provider.h>

enum {
	SW_H2_BODY_MAX = 16 * 1024,         /* of a response; what is longer is cut and the stream cancelled */
	SW_H2_HEADERS_BYTES_MAX = 8 * 1024, /* of a response; further headers are left out */
	SW_H2_CONNECT_TIMEOUT_MS = 10000,   /* name, TCP, TLS and the server's SETTINGS together */
	SW_H2_PING_ACK_TIMEOUT_MS = 10000,
	SW_H2_CLOSE_GRACE_MS = 10000, /* sw_h2_pool_close waits this long for answers */
	SW_H2_STREAMS_MAX = 1000,     /* on one connection, whatever the server allows */
};

enum sw_h2_end {
	SW_H2_ANSWERED,       /* response holds a final status */
	SW_H2_UNSENT,         /* provably not processed: never sent, REFUSED_STREAM, id above GOAWAY's last */
	SW_H2_UNKNOWN,        /* sent, no answer: reset, connection lost, deadline */
	SW_H2_CONNECT_FAILED, /* no connection could be made within the bound; nothing sent */
};

/* Valid inside `done` only; response and detail are borrowed from the pool. */
struct sw_h2_result {
	enum sw_h2_end end;
	struct sw_http_response response; /* status 0 unless ANSWERED; body cut at SW_H2_BODY_MAX */
	const char *detail;               /* text for logs and records, "" when ANSWERED */
	int64_t duration_ms;              /* since the request was handed to a connection, else since sw_h2_send */
};

/* The caller's storage, to be kept until `done`. */
struct sw_h2_call {
	const struct sw_http_request *request; /* borrowed until done */
	/* Exactly once, on the loop, never from inside sw_h2_send. The call may be freed or sent again from here. */
	void (*done)(struct sw_h2_call *call, const struct sw_h2_result *result);
	void *ctx;
};

struct sw_h2_pool;

/* The endpoint is borrowed until the pool is closed. Connects when there is work. Never fails: an unreadable
 * certificate file shows as CONNECT_FAILED with a detail, and is read again at the next try. */
struct sw_h2_pool *sw_h2_pool_new(uv_loop_t *loop, const struct sw_endpoint *endpoint, size_t queue_max);
/* SW_EBUSY when queue_max calls wait already, SW_ECLOSED after sw_h2_pool_close, SW_EINVAL when path or a header is
 * not allowed in HTTP (names are lower case); then `done` is not called.
 * Waiting is bounded: after min(answer_timeout_ms, SW_H2_CONNECT_TIMEOUT_MS) without any connection the call ends
 * CONNECT_FAILED; after answer_timeout_ms without a free stream it ends UNSENT. Once on a connection it has
 * answer_timeout_ms for its answer. */
int sw_h2_send(struct sw_h2_pool *pool, struct sw_h2_call *call) SW_MUST_CHECK;
/* Requests handed to connections and not done yet. */
size_t sw_h2_in_flight(const struct sw_h2_pool *pool);
/* Requests waiting for a connection or a stream. */
size_t sw_h2_queued(const struct sw_h2_pool *pool);
/* Connections that take requests now (SETTINGS seen, not draining). */
size_t sw_h2_connections(const struct sw_h2_pool *pool);
/* Lifts initial_streams_max from the connections that are open now. The pool does so itself for a connection that
 * saw its first 2xx, so nobody has to call this. */
void sw_h2_allow_full_streams(struct sw_h2_pool *pool);
/* Takes no new work; what was not sent ends UNSENT; waits for answers up to their deadlines and
 * SW_H2_CLOSE_GRACE_MS, then GOAWAY and close. `closed` (NULL is allowed) is called on the loop after the last
 * `done`, never from inside this function; the pool is freed then. */
void sw_h2_pool_close(struct sw_h2_pool *pool, void (*closed)(void *ctx), void *ctx);

const char *sw_h2_end_name(enum sw_h2_end end);

#endif
