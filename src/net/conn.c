/* SPDX-License-Identifier: Apache-2.0 */
/* Life and reading side of a connection. Closing only marks and starts uv_close; the close callback, later in the same
 * turn, tells the owner and frees. */
#include "net/conn.h"

#include "net/conn_int.h"

#include <surewire/mem.h>

#include <arpa/inet.h>
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { EOF_LINGER_MS = 5000, KEEPALIVE_S = 60 };

struct sw_conn_unread {
	struct sw_turn turn;
	struct sw_conn *conn;
	size_t len;
	uint8_t data[];
};

/* Marks the uv handles that are connections. */
static char handle_tag;

bool sw_conn_owns_handle(const uv_handle_t *handle)
{
	return handle->data == &handle_tag;
}

void sw_conn_hooks_unref(struct sw_conn_hooks *hooks)
{
	if (hooks && --hooks->refs == 0) {
		free(hooks);
	}
}

static void on_uv_closed(uv_handle_t *handle)
{
	struct sw_conn *conn = (struct sw_conn *)handle;
	struct sw_net *net = conn->net;
	net->conns--;
	sw_metric_add(net->metrics.open, -1);
	if (conn->hooks) {
		atomic_fetch_sub(&net->limit->open, 1);
		if (conn->hooks->leave) {
			conn->hooks->leave(conn->hooks->ctx, &conn->peer);
		}
		sw_conn_hooks_unref(conn->hooks);
	}
	sw_metric_add(net->metrics.closed[conn->reason], 1);
	if (conn->events) {
		conn->events->on_closed(conn, conn->ctx, (enum sw_conn_reason)conn->reason);
	}
	sw_conn_queue_release(conn);
	free(conn->unread);
	SSL_free(conn->ssl);
	free(conn);
}

void sw_conn_close(struct sw_conn *conn, enum sw_conn_reason reason)
{
	if (conn->closing) {
		return;
	}
	conn->closing = true;
	if (!conn->finishing) {
		conn->reason = (uint8_t)reason;
	}
	sw_loop_disarm(conn->net->loop, &conn->deadline);
	sw_turn_cancel(&conn->flush);
	if (conn->unread) {
		sw_turn_cancel(&conn->unread->turn);
	}
	uv_close((uv_handle_t *)&conn->tcp, on_uv_closed);
}

static void on_deadline(struct sw_wheel_node *node)
{
	struct sw_conn *conn = (struct sw_conn *)((char *)node - offsetof(struct sw_conn, deadline));
	if (!conn->finishing && conn->events && conn->events->on_timeout) {
		conn->events->on_timeout(conn, conn->ctx);
	} else {
		sw_conn_close(conn, SW_CONN_TIMEOUT);
	}
}

static void deliver_unread(struct sw_conn *conn)
{
	struct sw_conn_unread *unread = conn->unread;
	if (unread) {
		conn->unread = NULL;
		sw_turn_cancel(&unread->turn);
		sw_conn_deliver(conn, unread->data, unread->len);
		free(unread);
	}
}

static void on_unread_turn(struct sw_turn *turn)
{
	deliver_unread(((struct sw_conn_unread *)turn)->conn);
}

void sw_conn_unread(struct sw_conn *conn, struct sw_bytes bytes)
{
	if (conn->closing || bytes.len == 0) {
		return;
	}
	assert(!conn->unread);
	struct sw_conn_unread *unread = sw_xmalloc(sizeof(*unread) + bytes.len);
	*unread = (struct sw_conn_unread){.turn.run = on_unread_turn, .conn = conn, .len = bytes.len};
	memcpy(unread->data, bytes.ptr, bytes.len);
	conn->unread = unread;
	sw_loop_at_turn_end(conn->net->loop, &unread->turn);
}

void sw_conn_deliver(struct sw_conn *conn, uint8_t *ptr, size_t len)
{
	if (!conn->closing && !conn->finishing && conn->events && len) {
		conn->events->on_data(conn, conn->ctx, ptr, len);
	}
}

void sw_conn_on_eof(struct sw_conn *conn)
{
	if (conn->closing) {
		return;
	}
	conn->eof = true;
	if (conn->finishing && conn->shut) {
		sw_conn_close(conn, SW_CONN_EOF);
		return;
	}
	if (!conn->finishing) {
		sw_conn_finish(conn, EOF_LINGER_MS);
		conn->reason = SW_CONN_EOF;
	}
	uv_read_stop((uv_stream_t *)&conn->tcp);
	sw_conn_flush(conn);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct sw_conn *conn = (struct sw_conn *)handle;
	(void)suggested;
	*buf = uv_buf_init((char *)conn->net->read, sizeof(conn->net->read));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct sw_conn *conn = (struct sw_conn *)stream;
	if (n == UV_EOF) {
		sw_conn_on_eof(conn);
		return;
	}
	if (n < 0) {
		sw_conn_close(conn, SW_CONN_ERROR);
		return;
	}
	sw_metric_add(conn->net->metrics.received_bytes, n);
	if (conn->unread) {
		deliver_unread(conn);
	}
	if (conn->ssl && !conn->shut) {
		sw_conn_tls_input(conn, (uint8_t *)buf->base, (size_t)n);
	} else if (!conn->ssl) {
		sw_conn_deliver(conn, (uint8_t *)buf->base, (size_t)n);
	}
}

/* False: the peer has reset it before it was accepted. */
static bool read_peer(struct sw_conn *conn)
{
	struct sockaddr_storage addr;
	int len = sizeof(addr);
	if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&addr, &len) != 0) {
		return false;
	}
	if (addr.ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&addr;
		memcpy(conn->peer.ip, &v6->sin6_addr, 16);
		conn->peer.port = ntohs(v6->sin6_port);
	} else {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)&addr;
		conn->peer.ip[10] = conn->peer.ip[11] = 0xff;
		memcpy(conn->peer.ip + 12, &v4->sin_addr, 4);
		conn->peer.port = ntohs(v4->sin_port);
	}
	return true;
}

/* Only who is let in counts as open: what is refused stays until the end of the turn, and there may be thousands. */
static bool within_limits(struct sw_conn *conn, struct sw_conn_hooks *hooks)
{
	struct sw_net *net = conn->net;
	if (atomic_fetch_add(&net->limit->open, 1) >= net->limit->max) {
		atomic_fetch_sub(&net->limit->open, 1);
		sw_metric_add(net->metrics.refused_limit, 1);
		return false;
	}
	if (hooks->admit && !hooks->admit(hooks->ctx, &conn->peer)) {
		atomic_fetch_sub(&net->limit->open, 1);
		sw_metric_add(net->metrics.refused_address, 1);
		return false;
	}
	return true;
}

struct sw_conn *sw_conn_accept(struct sw_net *net, uv_stream_t *server, struct sw_conn_hooks *hooks, struct sw_tls *tls)
{
	struct sw_conn *conn = sw_xcalloc(1, sizeof(*conn));
	conn->net = net;
	conn->deadline.fire = on_deadline;
	uv_tcp_init(sw_loop_uv(net->loop), &conn->tcp);
	conn->tcp.data = &handle_tag;
	net->conns++;
	sw_metric_add(net->metrics.open, 1);
	if (uv_accept(server, (uv_stream_t *)&conn->tcp) != 0) {
		sw_conn_close(conn, SW_CONN_ERROR);
		return NULL;
	}
	if (!read_peer(conn)) {
		sw_conn_close(conn, SW_CONN_ERROR);
		return NULL;
	}
	if (!within_limits(conn, hooks)) {
		sw_conn_close(conn, SW_CONN_LOCAL);
		return NULL;
	}
	conn->hooks = hooks;
	hooks->refs++;
	sw_metric_add(net->metrics.accepted, 1);
	uv_tcp_nodelay(&conn->tcp, 1);
	uv_tcp_keepalive(&conn->tcp, 1, KEEPALIVE_S);
	if (tls) {
		sw_conn_tls_start(conn, tls);
	}
	uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
	return conn;
}

void sw_conn_set_owner(struct sw_conn *conn, const struct sw_conn_events *events, void *ctx)
{
	conn->events = events;
	conn->ctx = ctx;
	sw_conn_disarm(conn);
}

void sw_conn_finish(struct sw_conn *conn, int64_t linger_ms)
{
	if (conn->closing || conn->finishing) {
		return;
	}
	conn->finishing = true;
	conn->reason = SW_CONN_LOCAL;
	sw_conn_resume(conn);
	sw_loop_arm(conn->net->loop, &conn->deadline, linger_ms);
	sw_conn_schedule_flush(conn);
}

bool sw_conn_is_closing(const struct sw_conn *conn)
{
	return conn->closing || conn->finishing;
}

void sw_conn_arm(struct sw_conn *conn, int64_t delay_ms)
{
	if (!conn->closing && !conn->finishing) {
		sw_loop_arm(conn->net->loop, &conn->deadline, delay_ms);
	}
}

void sw_conn_disarm(struct sw_conn *conn)
{
	if (!conn->finishing) {
		sw_loop_disarm(conn->net->loop, &conn->deadline);
	}
}

void sw_conn_pause(struct sw_conn *conn)
{
	if (!conn->closing && !conn->finishing && !conn->paused) {
		conn->paused = true;
		uv_read_stop((uv_stream_t *)&conn->tcp);
	}
}

void sw_conn_resume(struct sw_conn *conn)
{
	if (!conn->closing && conn->paused) {
		conn->paused = false;
		uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
	}
}

const struct sw_peer *sw_conn_peer(const struct sw_conn *conn)
{
	return &conn->peer;
}

bool sw_conn_is_tls(const struct sw_conn *conn)
{
	return conn->ssl != NULL;
}

struct sw_net *sw_conn_net(const struct sw_conn *conn)
{
	return conn->net;
}

void sw_peer_text(const struct sw_peer *peer, bool with_port, char text_out[SW_PEER_TEXT_MAX])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char ip[INET6_ADDRSTRLEN];
	bool v4 = memcmp(peer->ip, mapped, sizeof(mapped)) == 0;
	if (v4) {
		inet_ntop(AF_INET, peer->ip + 12, ip, sizeof(ip));
	} else {
		inet_ntop(AF_INET6, peer->ip, ip, sizeof(ip));
	}
	if (with_port) {
		snprintf(text_out, SW_PEER_TEXT_MAX, v4 ? "%s:%u" : "[%s]:%u", ip, (unsigned)peer->port);
	} else {
		snprintf(text_out, SW_PEER_TEXT_MAX, "%s", ip);
	}
}
