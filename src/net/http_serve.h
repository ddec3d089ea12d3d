/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server on connections: one request at a time each, in order, with deadlines and limits; the answer may
 * come later. Routing is the caller's. Loop thread. */
#ifndef SW_NET_HTTP_SERVE_H
#define SW_NET_HTTP_SERVE_H

#include "net/handshake.h"
#include "net/listen.h"
#include "net/ws_conn.h"

struct sw_http_server;
/* One request and its pending answer. Belongs to the handler from on_request until exactly one of sw_http_respond,
 * sw_http_problem, sw_http_upgrade, sw_http_stream_end; it stays valid when the client goes meanwhile. */
struct sw_http_exchange;

struct sw_http_options {
	void *ctx;
	void (*on_request)(void *ctx, struct sw_http_exchange *exchange);
	size_t body_bytes_max; /* 0: 1 MiB */
	uint32_t head_ms;      /* 0: 10 s, from the first byte (or from accept) to the end of the head */
	uint32_t body_ms;      /* 0: 30 s for the body */
	uint32_t idle_ms;      /* 0: 60 s to take the answer and to send the next request */
};

struct sw_http_server *sw_http_server_new(const struct sw_http_options *options);
/* When no connection uses it any more. NULL is allowed. */
void sw_http_server_free(struct sw_http_server *server);
/* Becomes the owner of a fresh connection (call it from on_conn). */
void sw_http_serve(struct sw_http_server *server, struct sw_conn *conn);
/* Every further answer carries `Connection: close`; idle connections are closed now. For a drain. */
void sw_http_server_drain(struct sw_http_server *server);

/* Of the request; borrowed, valid until it is answered. */
const struct sw_http1_head *sw_http_head(const struct sw_http_exchange *exchange);
struct sw_bytes sw_http_method(const struct sw_http_exchange *exchange);
/* Decoded; undecodable paths were refused. The query stays undecoded: sw_http1_query_param. */
struct sw_bytes sw_http_path(const struct sw_http_exchange *exchange);
struct sw_bytes sw_http_query(const struct sw_http_exchange *exchange);
struct sw_bytes sw_http_header(const struct sw_http_exchange *exchange, const char *name);
struct sw_bytes sw_http_body(const struct sw_http_exchange *exchange);
const struct sw_peer *sw_http_peer(const struct sw_http_exchange *exchange);
/* The client has gone: the answer will be thrown away, but must still be given. */
bool sw_http_is_gone(const struct sw_http_exchange *exchange);
/* Called at most once, when the client goes before it was answered (a long poll then frees its place). It may answer. */
void sw_http_on_gone(struct sw_http_exchange *exchange, void (*on_gone)(void *ctx, struct sw_http_exchange *),
		     void *ctx);

/* extra: header lines each ended by CR LF, or NULL. body is copied. Ends the exchange. */
void sw_http_respond(struct sw_http_exchange *exchange, int status, const char *content_type, const char *extra,
		     struct sw_bytes body);
/* RFC 9457. extra as above (Retry-After, WWW-Authenticate). Ends the exchange. */
void sw_http_problem(struct sw_http_exchange *exchange, int status, const char *code, const char *detail,
		     const char *extra);

/* A body without known length (server-sent events): begin, any number of writes, end. Chunked. After begin the
 * exchange must still be ended. SW_ECLOSED when the client has gone; SW_EBUSY past the bound of queued bytes. */
int sw_http_stream_begin(struct sw_http_exchange *exchange, int status, const char *content_type,
			 const char *extra) SW_MUST_CHECK;
int sw_http_stream_write(struct sw_http_exchange *exchange, struct sw_bytes part, size_t queue_bytes_max) SW_MUST_CHECK;
void sw_http_stream_end(struct sw_http_exchange *exchange);

struct sw_ws_upgrade {
	struct sw_handshake_rules rules;
	const struct sw_ws_handlers *handlers;
	const struct sw_ws_limits *limits;
	void *ctx;
};
/* Checks the handshake and hands the connection over. Ends the exchange in every case; frees all HTTP state.
 * SW_OK: *ws_out is open (no callback comes from inside this call). SW_EPROTO: it was answered with the error.
 * SW_ECLOSED: the client has gone. */
int sw_http_upgrade(struct sw_http_exchange *exchange, const struct sw_ws_upgrade *upgrade,
		    struct sw_ws **ws_out) SW_MUST_CHECK;

#endif
