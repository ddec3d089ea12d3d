/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the HTTP server, for http_serve.c and http_exchange.c only. */
#ifndef SW_NET_HTTP_INT_H
#define SW_NET_HTTP_INT_H

#include "net/http_serve.h"

struct sw_http_server {
	struct sw_http_options options;
	struct sw_http_conn *first;
	bool draining;
};

enum sw_http_state {
	SW_HTTP_HEAD,      /* waiting for a head, or for the rest of it */
	SW_HTTP_BODY,      /* the exchange exists, its body is incomplete */
	SW_HTTP_ANSWERING, /* the exchange is the handler's */
	SW_HTTP_DEAD       /* input is ignored: refused, or the last answer was given */
};

/* A connection while it speaks HTTP. Gone after an upgrade. */
struct sw_http_conn {
	struct sw_http_conn *next;
	struct sw_http_conn **link;
	struct sw_http_server *server;
	struct sw_conn *conn;
	struct sw_http_exchange *exchange; /* BODY and ANSWERING */
	struct sw_buf in;                  /* received and not yet parsed */
	size_t scanned;
	struct sw_http1_chunked chunked;
	enum sw_http_state state;
	bool advancing;
};

struct sw_http_exchange {
	struct sw_http_conn *hc; /* NULL: the client has gone */
	struct sw_buf head_text; /* what head borrows from */
	struct sw_buf path;
	struct sw_buf body;
	struct sw_peer peer;
	void (*on_gone)(void *ctx, struct sw_http_exchange *exchange);
	void *gone_ctx;
	bool streaming;
	struct sw_http1_head head;
};

/* http_serve.c */
void sw_http_conn_free(struct sw_http_conn *hc);
/* The answer was queued: next request, or the end. The exchange is freed. */
void sw_http_exchange_done(struct sw_http_exchange *exchange, bool keep_alive);
/* http_exchange.c */
struct sw_http_exchange *sw_http_exchange_new(struct sw_http_conn *hc, struct sw_bytes head_text,
					      size_t body_bytes_max);
void sw_http_exchange_free(struct sw_http_exchange *exchange);
/* The client has gone: tells the handler, who still owns it. */
void sw_http_exchange_orphan(struct sw_http_exchange *exchange);
/* Encodes and queues. */
void sw_http_conn_send(struct sw_http_conn *hc, const struct sw_http1_response *res);

#endif
