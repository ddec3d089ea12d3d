/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a WebSocket session: opened, said hello, live, closing. The socket is the only thing it owns that matters;
 * everything else can be made again from the store. */
#include "gateway/gateway_int.h"

#include <surewire/log.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct session *session_of_deadline(struct sw_wheel_node *node)
{
	return (struct session *)((char *)node - offsetof(struct session, deadline));
}

static void on_hello_late(struct sw_wheel_node *node)
{
	session_close(session_of_deadline(node), SW_CLOSE_HELLO_TIMEOUT, "expected a hello frame");
}

struct session *session_new(struct gw_loop *loop)
{
	struct session *session = sw_xcalloc(1, sizeof(*session));
	session->loop = loop;
	session->number = loop_new_number(loop);
	return session;
}

void session_discard(struct session *session)
{
	free(session);
}

void session_opened(struct session *session, struct sw_ws *ws)
{
	struct gw_loop *loop = session->loop;
	session->ws = ws;
	HASH_ADD(hh, loop->sessions, number, sizeof(session->number), session);
	sw_metric_set(loop->gateway->metrics.sessions, (int64_t)++loop->gateway->session_count);
	session->deadline.fire = on_hello_late;
	sw_loop_arm(loop->loop, &session->deadline, loop->gateway->config.hello_timeout_ms);
}

struct session *session_find(struct gw_loop *loop, int64_t number)
{
	struct session *session;
	HASH_FIND(hh, loop->sessions, &number, sizeof(number), session);
	return session;
}

static void on_closed(struct sw_ws *ws, void *ctx, unsigned code, struct sw_bytes reason)
{
	(void)ws;
	(void)code;
	(void)reason;
	struct session *session = ctx;
	struct gw_loop *loop = session->loop;
	announce_down(session);
	HASH_DELETE(hh, loop->sessions, session);
	sw_metric_set(loop->gateway->metrics.sessions, (int64_t)--loop->gateway->session_count);
	sw_loop_disarm(loop->loop, &session->deadline);
	unanswered_free(session);
	written_free(session, INT64_MAX);
	while (session->held) {
		struct held *held = session->held;
		session->held = held->next;
		free(held);
	}
	free(session->user_name);
	free(session);
}

static void on_message(struct sw_ws *ws, void *ctx, struct sw_bytes text)
{
	(void)ws;
	struct session *session = ctx;
	if (session->state == SESSION_LOADING || session->resolving || session->held) {
		session_hold(session, text);
		return;
	}
	dispatch_frame(session, text);
}

static void on_drained(struct sw_ws *ws, void *ctx)
{
	(void)ws;
	feed_continue(ctx);
}

const struct sw_ws_handlers session_handlers = {
	.on_message = on_message,
	.on_close = on_closed,
	.on_drained = on_drained,
};

void session_close(struct session *session, enum sw_close_code code, const char *text)
{
	if (session->state != SESSION_CLOSING) {
		session->state = SESSION_CLOSING;
		sw_ws_close(session->ws, code, text && text[0] ? text : sw_close_reason(code));
	}
}

void session_send(struct session *session, struct sw_buf *frame)
{
	if (session->state != SESSION_CLOSING && !frame->err &&
	    sw_ws_send(session->ws, sw_ws_frame_text(sw_buf_bytes(frame))) == SW_EBUSY) {
		session_slow(session);
	}
}

void session_slow(struct session *session)
{
	sw_metric_add(session->loop->gateway->metrics.slow, 1);
	session_close(session, SW_CLOSE_SLOW_READER, NULL);
}

void session_error(struct session *session, enum sw_error_code code, struct sw_bytes cid, const char *text)
{
	struct sw_buf frame;
	sw_buf_init(&frame, 4096);
	sw_buf_put_str(&frame, "{\"t\":\"error\",\"code\":");
	sw_json_put_cstr(&frame, sw_error_code(code));
	sw_buf_put_str(&frame, ",\"message\":");
	sw_json_put_cstr(&frame, text && text[0] ? text : sw_error_text(code));
	if (cid.len) {
		sw_buf_put_str(&frame, ",\"cid\":");
		sw_json_put_string(&frame, cid);
	}
	if (code == SW_ERROR_UNAVAILABLE || code == SW_ERROR_RATE_LIMITED) {
		sw_buf_printf(&frame, ",\"retry_after_ms\":%d", RETRY_HINT_MS);
	}
	sw_buf_put_char(&frame, '}');
	sw_metric_add(session->loop->gateway->metrics.refused, 1);
	session_send(session, &frame);
	sw_buf_release(&frame);
}

static void on_time_to_go(struct sw_wheel_node *node)
{
	session_close(session_of_deadline(node), SW_CLOSE_GOING_AWAY, NULL);
}

void session_going_away(struct session *session, int64_t after_ms)
{
	struct sw_buf frame;
	sw_buf_init(&frame, 256);
	sw_buf_printf(&frame, "{\"t\":\"going_away\",\"after_ms\":%" PRId64 "}", after_ms);
	session_send(session, &frame);
	sw_buf_release(&frame);
	session->deadline.fire = on_time_to_go;
	sw_loop_arm(session->loop->loop, &session->deadline, after_ms);
}

void session_hold(struct session *session, struct sw_bytes text)
{
	struct held **last = &session->held;
	size_t count = 0;
	while (*last) {
		last = &(*last)->next;
		count++;
	}
	struct held *held = sw_xcalloc(1, sizeof(*held) + text.len);
	held->len = text.len;
	memcpy(held->text, text.ptr, text.len);
	*last = held;
	if (count >= HELD_MAX) {
		sw_ws_pause(session->ws); /* what was received already still comes: a buffer's worth */
	}
}

void session_release_held(struct session *session)
{
	while (session->held && session->state == SESSION_LIVE && !session->resolving) {
		struct held *held = session->held;
		session->held = held->next;
		dispatch_frame(session, sw_bytes(held->text, held->len));
		free(held);
	}
	if (!session->held && session->state == SESSION_LIVE) {
		sw_ws_resume(session->ws);
	}
}
