/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the HTTP/2 client: a pool has a queue and connections; a connection has a TLS stream, an nghttp2 session
 * and the works handed to it. A work is one call with its answer so far; it is in exactly one list: the queue, a
 * connection's, or the finished ones. Finished works are told from the pool's own turn only, so that no callback of
 * a caller ever runs inside nghttp2 or OpenSSL. */
#ifndef SW_EGRESS_H2_INT_H
#define SW_EGRESS_H2_INT_H

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <surewire/buf.h>

#include "egress/h2_client.h"
#include "egress/tls_stream_int.h"

enum { H2_DETAIL_MAX = 160, H2_AUTHORITY_MAX = 300 };

/* SW_H2_HEADERS_BYTES_MAX bounds all three. */
struct h2_field {
	uint16_t name_at; /* in head */
	uint16_t name_len;
	uint16_t value_len; /* follows the name */
};

struct h2_work {
	struct h2_work *next;
	struct h2_work *prev;
	struct sw_h2_call *call;
	int64_t accepted_ms;
	int64_t submitted_ms; /* 0: never handed to a connection */
	/* The request */
	int32_t stream_id;
	bool sent; /* its HEADERS were serialized: the server may have seen it */
	size_t body_at;
	/* The answer */
	int status;
	bool take_headers; /* of the block being received */
	bool final;        /* status is not 1xx */
	struct h2_field fields[SW_HTTP_HEADERS_MAX];
	size_t field_count;
	struct sw_buf head;
	struct sw_buf body;
	enum sw_h2_end end;
	char detail[H2_DETAIL_MAX];
};

struct h2_list {
	struct h2_work *first;
	struct h2_work *last;
	size_t count;
};

enum h2_state {
	H2_CONNECTING, /* name, TCP, TLS, the server's SETTINGS */
	H2_OPEN,
	H2_DRAINING, /* no new requests; waits for answers */
	H2_DEAD,     /* the socket closes, then the connection is freed */
};

struct h2_conn {
	struct h2_conn *next;
	struct sw_h2_pool *pool;
	enum h2_state state;
	struct sw_tls_stream *stream;
	nghttp2_session *session; /* NULL until TLS is up, and again when dead */
	struct sw_buf out;        /* frames on their way to the stream */
	struct h2_list works;     /* in order of submission, hence of deadline */
	struct h2_work *reading;  /* whose header block is being received */
	bool full_streams;        /* initial_streams_max does not bind any more */
	bool answered;
	bool accounted; /* its end or GOAWAY was told to the pool */
	int64_t started_ms;
	int64_t received_ms;  /* last bytes from the server */
	int64_t ping_sent_ms; /* 0: none outstanding */
	int64_t ping_done_ms;
};

struct sw_h2_pool {
	uv_loop_t *loop;
	const struct sw_endpoint *endpoint;
	char authority[H2_AUTHORITY_MAX];
	SSL_CTX *tls; /* made at connect, dropped after a failed one so that replaced files are read again */
	uv_timer_t timer;
	struct h2_list queue;
	size_t queue_max;
	struct h2_list finished;
	struct h2_list spare; /* for the next ones */
	struct h2_conn *conns;
	int64_t retry_ms;           /* no connect before */
	unsigned failures;          /* in a row */
	char detail[H2_DETAIL_MAX]; /* of the last failure */
	bool in_turn;
	bool kicked;
	bool closing;
	bool timer_closing;
	int64_t grace_ms;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

/* h2_work.c */
struct h2_work *sw_h2_work_new(struct sw_h2_call *call, int64_t now_ms);
/* As new, in the memory of one that was told. */
void sw_h2_work_renew(struct h2_work *work, struct sw_h2_call *call, int64_t now_ms);
void sw_h2_work_free(struct h2_work *work);
void sw_h2_work_end(struct h2_work *work, enum sw_h2_end end, const char *detail);
void sw_h2_list_push(struct h2_list *list, struct h2_work *work);
void sw_h2_list_push_front(struct h2_list *list, struct h2_work *work);
void sw_h2_list_remove(struct h2_list *list, struct h2_work *work);
/* The start of a header block. */
void sw_h2_work_begin_headers(struct h2_work *work);
void sw_h2_work_header(struct h2_work *work, struct sw_bytes name, struct sw_bytes value);
/* False when the body passed its limit. */
bool sw_h2_work_body(struct h2_work *work, struct sw_bytes chunk);
/* Calls done. */
void sw_h2_work_tell(struct h2_work *work, int64_t now_ms);

/* h2_session.c */
/* NULL: out of memory. The client's SETTINGS are queued. */
nghttp2_session *sw_h2_session_new(struct h2_conn *conn);
/* SW_OK, or SW_EUNAVAILABLE when the session takes no more streams. */
int sw_h2_session_submit(struct h2_conn *conn, struct h2_work *work);

/* h2_conn.c */
void sw_h2_conn_open(struct sw_h2_pool *pool);
size_t sw_h2_conn_room(const struct h2_conn *conn);
/* Frames that are ready go towards the stream, in large pieces; the last piece waits for flush. Never from inside an
 * nghttp2 callback, nor flush. */
void sw_h2_conn_pull(struct h2_conn *conn);
void sw_h2_conn_flush(struct h2_conn *conn);
/* Deadlines, liveness, end of draining. */
void sw_h2_conn_tick(struct h2_conn *conn, int64_t now_ms);
/* When tick has something to do; INT64_MAX: never. */
int64_t sw_h2_conn_next_ms(const struct h2_conn *conn);
void sw_h2_conn_drain(struct h2_conn *conn, const char *detail, bool failed);
/* Ends every work on it. Never from inside an nghttp2 callback. */
void sw_h2_conn_die(struct h2_conn *conn, const char *detail);
/* Takes the work from the connection: its stream ended. */
void sw_h2_conn_finish(struct h2_conn *conn, struct h2_work *work, enum sw_h2_end end, const char *detail);
/* As finish, and resets the stream, which goes on. */
void sw_h2_conn_cancel(struct h2_conn *conn, struct h2_work *work, enum sw_h2_end end, const char *detail);

/* h2_pool.c */
void sw_h2_pool_kick(struct sw_h2_pool *pool);
int sw_h2_pool_answer_timeout_ms(const struct sw_h2_pool *pool);
void sw_h2_pool_finished(struct sw_h2_pool *pool, struct h2_work *work);
/* Back to the front of the queue: not sent, the connection went. */
void sw_h2_pool_requeue(struct sw_h2_pool *pool, struct h2_work *work);
/* A connection ended or drains; failed: wait before the next. */
void sw_h2_pool_conn_ended(struct sw_h2_pool *pool, const char *detail, bool failed);
void sw_h2_pool_conn_gone(struct sw_h2_pool *pool, struct h2_conn *conn);

#endif
