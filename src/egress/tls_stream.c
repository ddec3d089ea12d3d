/* SPDX-License-Identifier: Apache-2.0 */
/* One outgoing TLS connection: lookup, addresses in turn, handshake, bytes. Deliberately has no deadline for the
 * whole: its owner closes it. */
#include "egress/tls_stream_int.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <surewire/mem.h>

#include "egress/h2_tls_int.h"
#include "egress/host_int.h"
#include "egress/tls_pipe_int.h"

enum {
	READ_MAX_BYTES = 64 * 1024,
	RECORD_MAX_BYTES = 16 * 1024, /* RFC 8446, 5.1 */
	ADDRESS_TIMEOUT_MS = 3000,    /* then the next address is tried */
	ADDRESSES_MAX = 8,
	USER_TIMEOUT_MS = 30000, /* unacknowledged data: the kernel gives up, also when nobody may send a PING */
	KEEPALIVE_SECONDS = 60,
};

struct sw_tls_stream {
	uv_loop_t *loop;
	SSL *ssl;
	struct sw_tls_pipe network;
	const struct sw_tls_stream_events *events;
	void *ctx;
	uv_getaddrinfo_t lookup;
	struct addrinfo *addresses;
	struct addrinfo *next_address;
	int addresses_tried;
	uv_timer_t timer; /* of one address; also defers what must not be told from inside a call */
	uv_tcp_t *tcp;    /* heap: every address needs a new one while the old closes */
	uv_connect_t *connect;
	size_t unsent;
	char detail[160];
	bool public_only;
	bool lookup_running;
	bool handshake_done;
	bool lost;
	bool closing;
	int handles;
	void (*closed)(void *ctx);
	void *closed_ctx;
	char read_buf[READ_MAX_BYTES];
};

struct write_op {
	uv_write_t req;
	struct sw_tls_stream *stream;
	size_t len;
	uint8_t data[];
};

static void connect_next(struct sw_tls_stream *s);

static void maybe_free(struct sw_tls_stream *s)
{
	if (!s->closing || s->handles > 0 || s->lookup_running) {
		return;
	}
	if (s->addresses != NULL) {
		uv_freeaddrinfo(s->addresses);
	}
	SSL_free(s->ssl);
	sw_tls_pipe_release(&s->network);
	if (s->closed != NULL) {
		s->closed(s->closed_ctx);
	}
	free(s);
}

static void on_tcp_closed(uv_handle_t *handle)
{
	struct sw_tls_stream *s = handle->data;
	free(handle);
	s->handles--;
	maybe_free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct sw_tls_stream *s = handle->data;
	s->handles--;
	maybe_free(s);
}

static void drop_tcp(struct sw_tls_stream *s)
{
	if (s->tcp != NULL) {
		uv_close((uv_handle_t *)s->tcp, on_tcp_closed);
		s->tcp = NULL;
	}
}

static void on_lost_told(uv_timer_t *timer)
{
	struct sw_tls_stream *s = timer->data;
	s->events->on_lost(s->ctx, s->detail);
}

/* Told on the next turn, so that the owner never sees it from inside its own call. */
static void lose(struct sw_tls_stream *s)
{
	if (s->lost || s->closing) {
		return;
	}
	s->lost = true;
	drop_tcp(s);
	uv_timer_start(&s->timer, on_lost_told, 0, 0);
}

static void lose_uv(struct sw_tls_stream *s, const char *what, int status)
{
	if (!s->lost) {
		snprintf(s->detail, sizeof(s->detail), "%s: %s", what, uv_strerror(status));
	}
	lose(s);
}

static void lose_tls(struct sw_tls_stream *s)
{
	if (!s->lost) {
		sw_h2_tls_error(s->ssl, s->detail, sizeof(s->detail));
	}
	ERR_clear_error();
	lose(s);
}

static void on_written(uv_write_t *req, int status)
{
	struct write_op *op = (struct write_op *)req;
	struct sw_tls_stream *s = op->stream;
	s->unsent -= op->len;
	free(op);
	if (s->closing || s->lost) {
		return;
	}
	if (status < 0) {
		lose_uv(s, "write", status);
		return;
	}
	if (s->handshake_done) {
		s->events->on_drain(s->ctx);
	}
}

static void write_later(struct sw_tls_stream *s, const uint8_t *ptr, size_t len)
{
	struct write_op *op = sw_xmalloc(sizeof(*op) + len);
	op->stream = s;
	op->len = len;
	memcpy(op->data, ptr, len);
	uv_buf_t buf = uv_buf_init((char *)op->data, (unsigned)len);
	int status = uv_write(&op->req, (uv_stream_t *)s->tcp, &buf, 1, on_written);
	if (status < 0) {
		free(op);
		lose_uv(s, "write", status);
		return;
	}
	s->unsent += len;
}

/* What OpenSSL wants on the wire goes to the socket. */
static void flush(struct sw_tls_stream *s)
{
	struct sw_buf *pending = &s->network.out;
	if (pending->len == 0 || s->tcp == NULL) {
		return;
	}
	size_t done = 0;
	if (s->unsent == 0) {
		uv_buf_t buf = uv_buf_init((char *)pending->ptr, (unsigned)pending->len);
		int n = uv_try_write((uv_stream_t *)s->tcp, &buf, 1);
		if (n < 0 && n != UV_EAGAIN) {
			lose_uv(s, "write", n);
			return;
		}
		done = n > 0 ? (size_t)n : 0;
	}
	if (done < pending->len) {
		write_later(s, pending->ptr + done, pending->len - done);
	}
	sw_buf_clear(pending);
}

static void handshake(struct sw_tls_stream *s)
{
	ERR_clear_error();
	int rv = SSL_do_handshake(s->ssl);
	int error = rv == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, rv);
	if (rv != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
		sw_h2_tls_error(s->ssl, s->detail, sizeof(s->detail));
		flush(s); /* the alert */
		lose(s);
		return;
	}
	flush(s);
	if (rv == 1 && !s->lost) {
		s->handshake_done = true;
		s->events->on_open(s->ctx, s->ssl);
	}
}

static void read_plain(struct sw_tls_stream *s)
{
	uint8_t plain[RECORD_MAX_BYTES];
	while (!s->lost && !s->closing) {
		ERR_clear_error();
		int n = SSL_read(s->ssl, plain, sizeof(plain));
		if (n > 0) {
			s->events->on_data(s->ctx, sw_bytes(plain, (size_t)n));
			continue;
		}
		int error = SSL_get_error(s->ssl, n);
		if (error == SSL_ERROR_WANT_READ) {
			break;
		}
		if (error == SSL_ERROR_ZERO_RETURN) {
			snprintf(s->detail, sizeof(s->detail), "closed by the server");
			lose(s);
			return;
		}
		lose_tls(s);
		return;
	}
	if (!s->lost && !s->closing) {
		flush(s); /* key updates and the like */
	}
}

static void on_read_buf(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)suggested;
	struct sw_tls_stream *s = handle->data;
	*buf = uv_buf_init(s->read_buf, sizeof(s->read_buf));
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
	struct sw_tls_stream *s = tcp->data;
	if (n == 0) {
		return;
	}
	if (n < 0) {
		if (n == UV_EOF) {
			snprintf(s->detail, sizeof(s->detail), "closed by the server%s",
				 s->handshake_done ? "" : " during the TLS handshake");
			lose(s);
		} else {
			lose_uv(s, "read", (int)n);
		}
		return;
	}
	s->network.in = sw_bytes(buf->base, (size_t)n);
	if (!s->handshake_done) {
		handshake(s);
	}
	if (s->handshake_done) {
		read_plain(s);
	}
	/* OpenSSL keeps the start of a record itself; read_buf is free for what comes next. */
	assert(s->network.in.len == 0 || s->lost || s->closing);
}

static void on_connected(uv_connect_t *req, int status)
{
	uv_tcp_t *tcp = (uv_tcp_t *)req->handle;
	struct sw_tls_stream *s = tcp->data;
	free(req);
	if (s->closing || s->tcp != tcp) {
		return; /* given up meanwhile */
	}
	uv_timer_stop(&s->timer);
	if (status < 0) {
		snprintf(s->detail, sizeof(s->detail), "connect: %s", uv_strerror(status));
		drop_tcp(s);
		connect_next(s);
		return;
	}
	uv_tcp_nodelay(tcp, 1);
	uv_tcp_keepalive(tcp, 1, KEEPALIVE_SECONDS);
	int fd;
	if (uv_fileno((uv_handle_t *)tcp, &fd) == 0) {
		int timeout_ms = USER_TIMEOUT_MS;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	}
	status = uv_read_start((uv_stream_t *)tcp, on_read_buf, on_read);
	if (status < 0) {
		lose_uv(s, "read", status);
		return;
	}
	handshake(s);
}

static void on_address_timeout(uv_timer_t *timer)
{
	struct sw_tls_stream *s = timer->data;
	snprintf(s->detail, sizeof(s->detail), "connect: no answer within %d ms", ADDRESS_TIMEOUT_MS);
	drop_tcp(s);
	connect_next(s);
}

static int connect_to(struct sw_tls_stream *s, const struct sockaddr *addr)
{
	s->tcp = sw_xcalloc(1, sizeof(*s->tcp));
	uv_tcp_init(s->loop, s->tcp);
	s->tcp->data = s;
	s->handles++;
	uv_connect_t *req = sw_xcalloc(1, sizeof(*req));
	int status = uv_tcp_connect(req, s->tcp, addr, on_connected);
	if (status < 0) {
		free(req);
		drop_tcp(s);
		return status;
	}
	/* The last address may use what is left of the owner's deadline. */
	if (s->next_address != NULL) {
		uv_timer_start(&s->timer, on_address_timeout, ADDRESS_TIMEOUT_MS, 0);
	}
	return 0;
}

static void connect_next(struct sw_tls_stream *s)
{
	while (s->next_address != NULL && s->addresses_tried < ADDRESSES_MAX) {
		const struct sockaddr *addr = s->next_address->ai_addr;
		s->next_address = s->next_address->ai_next;
		if (s->public_only && !sw_host_sockaddr_is_public(addr)) {
			snprintf(s->detail, sizeof(s->detail), "connect: not an address of the public internet");
			continue;
		}
		s->addresses_tried++;
		int status = connect_to(s, addr);
		if (status == 0) {
			return;
		}
		snprintf(s->detail, sizeof(s->detail), "connect: %s", uv_strerror(status));
	}
	lose(s);
}

static void on_looked_up(uv_getaddrinfo_t *req, int status, struct addrinfo *addresses)
{
	struct sw_tls_stream *s = req->data;
	s->lookup_running = false;
	s->addresses = addresses;
	s->next_address = addresses;
	if (s->closing) {
		maybe_free(s);
		return;
	}
	if (status < 0) {
		lose_uv(s, "name lookup", status);
		return;
	}
	connect_next(s);
}

struct sw_tls_stream *sw_tls_stream_open(uv_loop_t *loop, SSL *ssl, const char *host, uint16_t port,
					 const struct sw_tls_stream_events *events, void *ctx)
{
	struct sw_tls_stream *s = sw_xcalloc(1, sizeof(*s));
	s->loop = loop;
	s->ssl = ssl;
	s->events = events;
	s->ctx = ctx;
	sw_tls_pipe_init(&s->network, ssl);
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	s->handles = 1;
	char service[8];
	snprintf(service, sizeof(service), "%u", port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	s->lookup.data = s;
	int status = uv_getaddrinfo(loop, &s->lookup, on_looked_up, host, service, &hints);
	if (status < 0) {
		lose_uv(s, "name lookup", status);
	} else {
		s->lookup_running = true;
	}
	return s;
}

void sw_tls_stream_public_only(struct sw_tls_stream *s)
{
	s->public_only = true;
}

void sw_tls_stream_write(struct sw_tls_stream *s, struct sw_bytes data)
{
	while (data.len > 0 && !s->lost) {
		ERR_clear_error();
		int n = SSL_write(s->ssl, data.ptr, data.len > INT32_MAX ? INT32_MAX : (int)data.len);
		if (n <= 0) {
			/* The pipe takes everything; only a broken session comes here. */
			lose_tls(s);
			return;
		}
		data.ptr += n;
		data.len -= (size_t)n;
	}
	if (!s->lost) {
		flush(s);
	}
}

size_t sw_tls_stream_unsent(const struct sw_tls_stream *s)
{
	return s->lost ? SIZE_MAX : s->unsent;
}

void sw_tls_stream_close(struct sw_tls_stream *s, void (*closed)(void *ctx), void *ctx)
{
	s->closed = closed;
	s->closed_ctx = ctx;
	if (s->handshake_done && !s->lost) {
		ERR_clear_error();
		(void)SSL_shutdown(s->ssl);
		flush(s);
		ERR_clear_error();
	}
	s->closing = true;
	if (s->lookup_running) {
		(void)uv_cancel((uv_req_t *)&s->lookup);
	}
	drop_tcp(s);
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}
