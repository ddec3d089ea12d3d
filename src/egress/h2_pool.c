/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: its queue, which connection takes what, when to connect, and one turn in which everything due is done and
 * callers are told. Events elsewhere only change state and ask for a turn. Never re-sends what may have been seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <surewire/clock.h>
#include <surewire/mem.h>

#include "base/rng.h"
#include "egress/h2_int.h"

enum {
	ANSWER_TIMEOUT_DEFAULT_MS = 30000,
	BACKOFF_BASE_MS = 200,
	BACKOFF_MAX_MS = 30000,
	/* Connections above connections_max that drain or close while their successors work. */
	LEAVING_MAX = 4,
	SPARE_MAX = SW_H2_STREAMS_MAX,
};

static void on_turn(uv_timer_t *timer);

/* RFC 9110, 4.2.2: without the default port; an IPv6 address in brackets. */
static void set_authority(struct sw_h2_pool *pool)
{
	const struct sw_endpoint *endpoint = pool->endpoint;
	bool bracket = strchr(endpoint->host, ':') != NULL;
	char port[8] = "";
	if (endpoint->port != 443) {
		snprintf(port, sizeof(port), ":%u", endpoint->port);
	}
	snprintf(pool->authority, sizeof(pool->authority), "%s%s%s%s", bracket ? "[" : "", endpoint->host,
		 bracket ? "]" : "", port);
}

struct sw_h2_pool *sw_h2_pool_new(uv_loop_t *loop, const struct sw_endpoint *endpoint, size_t queue_max)
{
	struct sw_h2_pool *pool = sw_xcalloc(1, sizeof(*pool));
	pool->loop = loop;
	pool->endpoint = endpoint;
	set_authority(pool);
	pool->queue_max = queue_max;
	uv_timer_init(loop, &pool->timer);
	pool->timer.data = pool;
	return pool;
}

int sw_h2_pool_answer_timeout_ms(const struct sw_h2_pool *pool)
{
	return pool->endpoint->answer_timeout_ms > 0 ? pool->endpoint->answer_timeout_ms : ANSWER_TIMEOUT_DEFAULT_MS;
}

void sw_h2_pool_kick(struct sw_h2_pool *pool)
{
	if (pool->kicked) {
		return; /* in its turn, or the timer runs */
	}
	pool->kicked = true;
	if (!pool->in_turn && !pool->timer_closing) {
		uv_timer_start(&pool->timer, on_turn, 0, 0);
	}
}

static bool request_is_valid(const struct sw_http_request *req)
{
	if (req->header_count > SW_HTTP_HEADERS_MAX || req->path.len == 0 || req->path.ptr[0] != '/' ||
	    !nghttp2_check_header_value(req->path.ptr, req->path.len)) {
		return false;
	}
	for (size_t i = 0; i < req->header_count; i++) {
		const struct sw_http_header *header = &req->headers[i];
		if (!nghttp2_check_header_name(header->name.ptr, header->name.len) ||
		    !nghttp2_check_header_value(header->value.ptr, header->value.len)) {
			return false;
		}
	}
	return true;
}

static struct h2_work *take_work(struct sw_h2_pool *pool, struct sw_h2_call *call)
{
	struct h2_work *work = pool->spare.last;
	if (work == NULL) {
		return sw_h2_work_new(call, sw_clock_mono_ms());
	}
	sw_h2_list_remove(&pool->spare, work);
	sw_h2_work_renew(work, call, sw_clock_mono_ms());
	return work;
}

static void keep_work(struct sw_h2_pool *pool, struct h2_work *work)
{
	if (pool->spare.count < SPARE_MAX) {
		sw_h2_list_push(&pool->spare, work);
	} else {
		sw_h2_work_free(work);
	}
}

int sw_h2_send(struct sw_h2_pool *pool, struct sw_h2_call *call)
{
	if (pool->closing) {
		return SW_ECLOSED;
	}
	if (!request_is_valid(call->request)) {
		return SW_EINVAL;
	}
	if (pool->queue.count >= pool->queue_max) {
		return SW_EBUSY;
	}
	sw_h2_list_push(&pool->queue, take_work(pool, call));
	sw_h2_pool_kick(pool);
	return SW_OK;
}

size_t sw_h2_in_flight(const struct sw_h2_pool *pool)
{
	size_t n = 0;
	for (const struct h2_conn *conn = pool->conns; conn != NULL; conn = conn->next) {
		n += conn->works.count;
	}
	return n;
}

size_t sw_h2_queued(const struct sw_h2_pool *pool)
{
	return pool->queue.count;
}

size_t sw_h2_connections(const struct sw_h2_pool *pool)
{
	size_t n = 0;
	for (const struct h2_conn *conn = pool->conns; conn != NULL; conn = conn->next) {
		n += conn->state == H2_OPEN;
	}
	return n;
}

void sw_h2_allow_full_streams(struct sw_h2_pool *pool)
{
	for (struct h2_conn *conn = pool->conns; conn != NULL; conn = conn->next) {
		conn->full_streams = true;
	}
	sw_h2_pool_kick(pool);
}

void sw_h2_pool_finished(struct sw_h2_pool *pool, struct h2_work *work)
{
	sw_h2_list_push(&pool->finished, work);
	sw_h2_pool_kick(pool);
}

static void finish_queued(struct sw_h2_pool *pool, struct h2_work *work, enum sw_h2_end end, const char *detail)
{
	sw_h2_list_remove(&pool->queue, work);
	sw_h2_work_end(work, end, detail);
	sw_h2_pool_finished(pool, work);
}

void sw_h2_pool_requeue(struct sw_h2_pool *pool, struct h2_work *work)
{
	work->submitted_ms = 0;
	work->body_at = 0;
	sw_h2_list_push_front(&pool->queue, work);
	sw_h2_pool_kick(pool);
}

void sw_h2_pool_conn_ended(struct sw_h2_pool *pool, const char *detail, bool failed)
{
	if (!failed || pool->closing) {
		return;
	}
	snprintf(pool->detail, sizeof(pool->detail), "%s", detail);
	unsigned shift = pool->failures < 10 ? pool->failures : 10;
	uint64_t window_ms = (uint64_t)BACKOFF_BASE_MS << shift;
	if (window_ms > BACKOFF_MAX_MS) {
		window_ms = BACKOFF_MAX_MS;
	}
	pool->failures++;
	/* Full jitter: many pushers that lost the same server do not come back together. */
	pool->retry_ms = sw_clock_mono_ms() + (int64_t)sw_rng_below(window_ms) + 1;
	SSL_CTX_free(pool->tls);
	pool->tls = NULL;
}

void sw_h2_pool_conn_gone(struct sw_h2_pool *pool, struct h2_conn *conn)
{
	struct h2_conn **link = &pool->conns;
	while (*link != conn) {
		link = &(*link)->next;
	}
	*link = conn->next;
	sw_h2_pool_kick(pool);
}

static int connect_wait_ms(const struct sw_h2_pool *pool)
{
	int timeout_ms = sw_h2_pool_answer_timeout_ms(pool);
	return timeout_ms < SW_H2_CONNECT_TIMEOUT_MS ? timeout_ms : SW_H2_CONNECT_TIMEOUT_MS;
}

static void expire_queue(struct sw_h2_pool *pool, int64_t now_ms)
{
	bool connected = sw_h2_connections(pool) > 0;
	int wait_ms = connected ? sw_h2_pool_answer_timeout_ms(pool) : connect_wait_ms(pool);
	while (pool->queue.first != NULL && pool->queue.first->accepted_ms + wait_ms <= now_ms) {
		if (connected) {
			finish_queued(pool, pool->queue.first, SW_H2_UNSENT, "no free stream in time");
		} else {
			finish_queued(pool, pool->queue.first, SW_H2_CONNECT_FAILED,
				      pool->failures > 0 ? pool->detail : "no connection in time");
		}
	}
}

/* The open connection with the fewest requests. */
static struct h2_conn *choose(struct sw_h2_pool *pool)
{
	struct h2_conn *best = NULL;
	for (struct h2_conn *conn = pool->conns; conn != NULL; conn = conn->next) {
		if (sw_h2_conn_room(conn) > 0 && (best == NULL || conn->works.count < best->works.count)) {
			best = conn;
		}
	}
	return best;
}

static void assign(struct sw_h2_pool *pool, int64_t now_ms)
{
	struct h2_conn *conn;
	while (pool->queue.first != NULL && (conn = choose(pool)) != NULL) {
		struct h2_work *work = pool->queue.first;
		if (sw_h2_session_submit(conn, work) != SW_OK) {
			/* Stream ids ran out, or the session is ending. */
			sw_h2_conn_drain(conn, "no more streams", false);
			continue;
		}
		sw_h2_list_remove(&pool->queue, work);
		work->submitted_ms = now_ms;
		sw_h2_list_push(&conn->works, work);
		/* Each with its body: a server can begin with the first while the others are being sent. */
		sw_h2_conn_pull(conn);
	}
}

/* Is one more connection wanted, besides those that leave? One at a time, and not while one is still unproven: a
 * server that allows one stream before the first success must not be flooded with connections instead. */
static bool wants_connection(const struct sw_h2_pool *pool)
{
	if (pool->queue.count == 0 || pool->closing) {
		return false;
	}
	int working = 0;
	int leaving = 0;
	for (const struct h2_conn *conn = pool->conns; conn != NULL; conn = conn->next) {
		if (conn->state == H2_DRAINING || conn->state == H2_DEAD) {
			leaving++;
			continue;
		}
		working++;
		if (conn->state == H2_CONNECTING || (pool->endpoint->initial_streams_max > 0 && !conn->full_streams)) {
			return false;
		}
	}
	int max = pool->endpoint->connections_max > 0 ? pool->endpoint->connections_max : 1;
	return working < max && leaving < LEAVING_MAX;
}

static void tell_finished(struct sw_h2_pool *pool)
{
	int64_t now_ms = sw_clock_mono_ms();
	/* Only what is there now: a caller that sends again from `done` must not keep the loop here. */
	for (size_t n = pool->finished.count; n > 0; n--) {
		struct h2_work *work = pool->finished.first;
		sw_h2_list_remove(&pool->finished, work);
		sw_h2_work_tell(work, now_ms);
		keep_work(pool, work);
	}
}

static void tick_connections(struct sw_h2_pool *pool, int64_t now_ms)
{
	bool grace_over = pool->closing && now_ms >= pool->grace_ms;
	for (struct h2_conn *conn = pool->conns; conn != NULL; conn = conn->next) {
		sw_h2_conn_tick(conn, now_ms);
		if (grace_over) {
			sw_h2_conn_die(conn, "closing");
		}
	}
}

static void flush_connections(struct sw_h2_pool *pool)
{
	for (struct h2_conn *conn = pool->conns; conn != NULL; conn = conn->next) {
		sw_h2_conn_flush(conn);
	}
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct sw_h2_pool *pool = handle->data;
	if (pool->closed != NULL) {
		pool->closed(pool->closed_ctx);
	}
	free(pool);
}

static bool is_over(const struct sw_h2_pool *pool)
{
	return pool->closing && pool->conns == NULL && pool->queue.count == 0 && pool->finished.count == 0;
}

static int64_t next_turn_ms(const struct sw_h2_pool *pool)
{
	int64_t next_ms = pool->closing && pool->conns != NULL ? pool->grace_ms : INT64_MAX;
	for (const struct h2_conn *conn = pool->conns; conn != NULL; conn = conn->next) {
		int64_t ms = sw_h2_conn_next_ms(conn);
		next_ms = ms < next_ms ? ms : next_ms;
	}
	if (pool->queue.first != NULL) {
		bool connected = sw_h2_connections(pool) > 0;
		int64_t ms = pool->queue.first->accepted_ms +
			     (connected ? sw_h2_pool_answer_timeout_ms(pool) : connect_wait_ms(pool));
		next_ms = ms < next_ms ? ms : next_ms;
		if (wants_connection(pool) && pool->retry_ms < next_ms) {
			next_ms = pool->retry_ms;
		}
	}
	return next_ms;
}

static void arm(struct sw_h2_pool *pool)
{
	int64_t next_ms = next_turn_ms(pool);
	if (pool->kicked) {
		uv_timer_start(&pool->timer, on_turn, 0, 0);
	} else if (next_ms == INT64_MAX) {
		uv_timer_stop(&pool->timer);
	} else {
		int64_t delay_ms = next_ms - sw_clock_mono_ms();
		/* Never 0 here: what could not be done just now is not tried again without a pause. */
		uv_timer_start(&pool->timer, on_turn, delay_ms < 1 ? 1 : (uint64_t)delay_ms, 0);
	}
}

static void on_turn(uv_timer_t *timer)
{
	struct sw_h2_pool *pool = timer->data;
	int64_t now_ms = sw_clock_mono_ms();
	pool->in_turn = true;
	pool->kicked = false;
	uv_update_time(pool->loop);
	tick_connections(pool, now_ms);
	while (pool->closing && pool->queue.first != NULL) {
		finish_queued(pool, pool->queue.first, SW_H2_UNSENT, "closing");
	}
	expire_queue(pool, now_ms);
	assign(pool, now_ms);
	if (wants_connection(pool) && now_ms >= pool->retry_ms) {
		sw_h2_conn_open(pool);
	}
	flush_connections(pool);
	tell_finished(pool);
	pool->in_turn = false;
	if (is_over(pool)) {
		pool->timer_closing = true;
		while (pool->spare.first != NULL) {
			struct h2_work *work = pool->spare.first;
			sw_h2_list_remove(&pool->spare, work);
			sw_h2_work_free(work);
		}
		SSL_CTX_free(pool->tls);
		pool->tls = NULL;
		uv_close((uv_handle_t *)timer, on_timer_closed);
		return;
	}
	arm(pool);
}

void sw_h2_pool_close(struct sw_h2_pool *pool, void (*closed)(void *ctx), void *ctx)
{
	pool->closing = true;
	pool->closed = closed;
	pool->closed_ctx = ctx;
	pool->grace_ms = sw_clock_mono_ms() + SW_H2_CLOSE_GRACE_MS;
	sw_h2_pool_kick(pool);
}
