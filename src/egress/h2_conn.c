/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one connection: connect, open, draining, dead; bytes between session and socket; deadlines and the
 * liveness probe. Does not choose work (h2_pool.c) and does not read frames (h2_session.c). */
#include <stdio.h>
#include <stdlib.h>
#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include "egress/h2_int.h"
#include "egress/h2_tls_int.h"

enum {
	UNSENT_MAX_BYTES = 64 * 1024, /* more waits inside the session */
	PIECE_BYTES = 64 * 1024,      /* of frames for the stream at once: full TLS records, few writes */
	YOUNG_MS = 30000,             /* a connection that ends younger without an answer is a failed one */
};

static void on_stream_closed(void *ctx)
{
	struct h2_conn *conn = ctx;
	sw_h2_pool_conn_gone(conn->pool, conn);
	sw_buf_release(&conn->out);
	free(conn);
}

static void account(struct h2_conn *conn, const char *detail, bool failed)
{
	if (!conn->accounted) {
		conn->accounted = true;
		failed = failed || (!conn->answered && sw_clock_mono_ms() - conn->started_ms < YOUNG_MS);
		sw_h2_pool_conn_ended(conn->pool, detail, failed);
	}
}

void sw_h2_conn_finish(struct h2_conn *conn, struct h2_work *work, enum sw_h2_end end, const char *detail)
{
	/* From here on the session has no way back to the work. */
	(void)nghttp2_session_set_stream_user_data(conn->session, work->stream_id, NULL);
	if (conn->reading == work) {
		conn->reading = NULL;
	}
	sw_h2_list_remove(&conn->works, work);
	sw_h2_work_end(work, end, detail);
	sw_h2_pool_finished(conn->pool, work);
}

void sw_h2_conn_cancel(struct h2_conn *conn, struct h2_work *work, enum sw_h2_end end, const char *detail)
{
	int32_t stream_id = work->stream_id;
	sw_h2_conn_finish(conn, work, end, detail);
	(void)nghttp2_submit_rst_stream(conn->session, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_CANCEL);
}

static void end_works(struct h2_conn *conn, const char *detail)
{
	char text[H2_DETAIL_MAX];
	snprintf(text, sizeof(text), "connection lost: %s", detail);
	conn->reading = NULL;
	/* From the back, so that what returns to the front of the queue keeps its order. */
	while (conn->works.last != NULL) {
		struct h2_work *work = conn->works.last;
		sw_h2_list_remove(&conn->works, work);
		if (!work->sent) {
			sw_h2_pool_requeue(conn->pool, work);
			continue;
		}
		sw_h2_work_end(work, SW_H2_UNKNOWN, text);
		sw_h2_pool_finished(conn->pool, work);
	}
}

void sw_h2_conn_die(struct h2_conn *conn, const char *detail)
{
	if (conn->state == H2_DEAD) {
		return;
	}
	if (conn->state != H2_DRAINING || conn->works.count > 0) {
		SW_LOG(WARN, conn->state == H2_CONNECTING ? "egress.h2_connect_failed" : "egress.h2_lost",
		       SW_F_STR("host", conn->pool->endpoint->host), SW_F_INT("port", conn->pool->endpoint->port),
		       SW_F_STR("detail", detail), SW_F_U64("in_flight", conn->works.count));
	}
	conn->state = H2_DEAD;
	/* Calls no callbacks: the works are walked here. */
	nghttp2_session_del(conn->session);
	conn->session = NULL;
	end_works(conn, detail);
	account(conn, detail, false);
	sw_tls_stream_close(conn->stream, on_stream_closed, conn);
	sw_h2_pool_kick(conn->pool);
}

void sw_h2_conn_drain(struct h2_conn *conn, const char *detail, bool failed)
{
	if (conn->state == H2_OPEN || conn->state == H2_CONNECTING) {
		conn->state = H2_DRAINING;
		account(conn, detail, failed);
		sw_h2_pool_kick(conn->pool);
	}
}

static void write_out(struct h2_conn *conn)
{
	if (conn->out.len > 0) {
		sw_tls_stream_write(conn->stream, sw_buf_bytes(&conn->out));
		sw_buf_clear(&conn->out);
	}
}

void sw_h2_conn_pull(struct h2_conn *conn)
{
	ssize_t n = 0;
	/* Until the session has no more, or the socket took less than it was given: only then is there an on_drain. */
	while (conn->session != NULL && sw_tls_stream_unsent(conn->stream) < UNSENT_MAX_BYTES) {
		const uint8_t *ptr;
		n = nghttp2_session_mem_send(conn->session, &ptr);
		if (n <= 0) {
			break;
		}
		sw_buf_put(&conn->out, ptr, (size_t)n);
		if (conn->out.len >= PIECE_BYTES) {
			write_out(conn);
		}
	}
	if (n < 0) {
		sw_h2_conn_die(conn, nghttp2_strerror((int)n));
	}
}

void sw_h2_conn_flush(struct h2_conn *conn)
{
	sw_h2_conn_pull(conn);
	if (conn->session == NULL) {
		return;
	}
	write_out(conn);
	if (!nghttp2_session_want_read(conn->session) && !nghttp2_session_want_write(conn->session)) {
		sw_h2_conn_die(conn, "session ended");
	}
}

static void on_open(void *ctx, const SSL *ssl)
{
	struct h2_conn *conn = ctx;
	if (!sw_h2_tls_is_h2(ssl)) {
		sw_h2_conn_die(conn, "the server did not choose h2 (ALPN)");
		return;
	}
	conn->session = sw_h2_session_new(conn);
	if (conn->session == NULL) {
		sw_h2_conn_die(conn, "out of memory");
		return;
	}
	sw_h2_conn_flush(conn);
}

static void on_data(void *ctx, struct sw_bytes data)
{
	struct h2_conn *conn = ctx;
	if (conn->session == NULL) {
		return;
	}
	conn->received_ms = sw_clock_mono_ms();
	ssize_t n = nghttp2_session_mem_recv(conn->session, data.ptr, data.len);
	if (n < 0) {
		sw_h2_conn_die(conn, nghttp2_strerror((int)n));
		return;
	}
	/* What this made the session say goes out with the requests of the next turn. */
	sw_h2_pool_kick(conn->pool);
}

static void on_drain(void *ctx)
{
	struct h2_conn *conn = ctx;
	sw_h2_conn_flush(conn);
	sw_h2_pool_kick(conn->pool);
}

static void on_lost(void *ctx, const char *detail)
{
	sw_h2_conn_die(ctx, detail);
}

static const struct sw_tls_stream_events stream_events = {on_open, on_data, on_drain, on_lost};

static SSL *new_tls(struct sw_h2_pool *pool, struct sw_diag *diag)
{
	if (pool->tls == NULL && sw_h2_tls_context(pool->endpoint, &pool->tls, diag) != SW_OK) {
		return NULL;
	}
	SSL *ssl = sw_h2_tls_session(pool->tls, pool->endpoint->host);
	if (ssl == NULL) {
		sw_diag_set(diag, SW_ETLS, "%s: not a host name", pool->endpoint->host);
	}
	return ssl;
}

void sw_h2_conn_open(struct sw_h2_pool *pool)
{
	struct sw_diag diag = {""};
	SSL *ssl = new_tls(pool, &diag);
	if (ssl == NULL) {
		SW_LOG(WARN, "egress.h2_connect_failed", SW_F_STR("host", pool->endpoint->host),
		       SW_F_STR("detail", diag.text));
		sw_h2_pool_conn_ended(pool, diag.text, true);
		return;
	}
	struct h2_conn *conn = sw_xcalloc(1, sizeof(*conn));
	conn->pool = pool;
	sw_buf_init(&conn->out, SIZE_MAX);
	conn->started_ms = sw_clock_mono_ms();
	conn->received_ms = conn->started_ms;
	conn->next = pool->conns;
	pool->conns = conn;
	conn->stream = sw_tls_stream_open(pool->loop, ssl, pool->endpoint->host, pool->endpoint->port, &stream_events,
					  conn);
	if (pool->endpoint->public_only) {
		sw_tls_stream_public_only(conn->stream);
	}
}

size_t sw_h2_conn_room(const struct h2_conn *conn)
{
	if (conn->state != H2_OPEN || !nghttp2_session_check_request_allowed(conn->session) ||
	    sw_tls_stream_unsent(conn->stream) >= UNSENT_MAX_BYTES) {
		return 0;
	}
	size_t limit = nghttp2_session_get_remote_settings(conn->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	size_t initial = (size_t)conn->pool->endpoint->initial_streams_max;
	if (limit > SW_H2_STREAMS_MAX) {
		limit = SW_H2_STREAMS_MAX;
	}
	if (initial > 0 && !conn->full_streams && limit > initial) {
		limit = initial;
	}
	return limit > conn->works.count ? limit - conn->works.count : 0;
}

static int64_t max3(int64_t a, int64_t b, int64_t c)
{
	int64_t ab = a > b ? a : b;
	return ab > c ? ab : c;
}

/* When to send the next PING, or when the outstanding one is overdue. */
static int64_t ping_due_ms(const struct h2_conn *conn)
{
	if (conn->ping_sent_ms != 0) {
		return conn->ping_sent_ms + SW_H2_PING_ACK_TIMEOUT_MS;
	}
	int interval_ms = conn->pool->endpoint->ping_interval_ms;
	if (interval_ms <= 0 || conn->works.first == NULL) {
		return INT64_MAX;
	}
	return max3(conn->received_ms, conn->ping_done_ms, conn->works.first->submitted_ms) + interval_ms;
}

static void expire_answers(struct h2_conn *conn, int64_t now_ms)
{
	int timeout_ms = sw_h2_pool_answer_timeout_ms(conn->pool);
	char detail[H2_DETAIL_MAX];
	snprintf(detail, sizeof(detail), "no answer within %d ms", timeout_ms);
	bool silent = false;
	while (conn->works.first != NULL && conn->works.first->submitted_ms + timeout_ms <= now_ms) {
		struct h2_work *work = conn->works.first;
		silent = silent || conn->received_ms < work->submitted_ms;
		sw_h2_conn_cancel(conn, work, work->sent ? SW_H2_UNKNOWN : SW_H2_UNSENT, detail);
	}
	if (silent) {
		/* Not one byte since: new work goes to a new connection. */
		sw_h2_conn_drain(conn, detail, true);
	}
}

static void probe(struct h2_conn *conn, int64_t now_ms)
{
	if (ping_due_ms(conn) > now_ms) {
		return;
	}
	if (conn->ping_sent_ms != 0) {
		sw_h2_conn_die(conn, "no acknowledgement of a PING");
		return;
	}
	(void)nghttp2_submit_ping(conn->session, NGHTTP2_FLAG_NONE, NULL);
	conn->ping_sent_ms = now_ms;
}

static bool is_idle_and_leaving(const struct h2_conn *conn)
{
	return conn->works.count == 0 && (conn->state == H2_DRAINING || conn->pool->closing);
}

void sw_h2_conn_tick(struct h2_conn *conn, int64_t now_ms)
{
	if (conn->state == H2_DEAD) {
		return;
	}
	if (conn->state == H2_CONNECTING) {
		if (conn->pool->closing) {
			sw_h2_conn_die(conn, "closing");
		} else if (now_ms >= conn->started_ms + SW_H2_CONNECT_TIMEOUT_MS) {
			sw_h2_conn_die(conn, conn->session != NULL ? "no SETTINGS from the server in time"
								   : "connecting took too long");
		}
		return;
	}
	expire_answers(conn, now_ms);
	probe(conn, now_ms);
	if (conn->state != H2_DEAD && is_idle_and_leaving(conn)) {
		sw_h2_conn_drain(conn, "closing", false);
		(void)nghttp2_session_terminate_session(conn->session, NGHTTP2_NO_ERROR);
		sw_h2_conn_flush(conn);
		sw_h2_conn_die(conn, "closing");
	}
}

int64_t sw_h2_conn_next_ms(const struct h2_conn *conn)
{
	if (conn->state == H2_DEAD) {
		return INT64_MAX;
	}
	if (conn->state == H2_CONNECTING) {
		return conn->started_ms + SW_H2_CONNECT_TIMEOUT_MS;
	}
	int64_t ping_ms = ping_due_ms(conn);
	if (conn->works.first == NULL) {
		return ping_ms;
	}
	int64_t answer_ms = conn->works.first->submitted_ms + sw_h2_pool_answer_timeout_ms(conn->pool);
	return answer_ms < ping_ms ? answer_ms : ping_ms;
}
