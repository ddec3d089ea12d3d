/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets and TLS. Knows no protocol above. */
#include "conn.h"

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORTS_PER_ADDRESS 2000u

static void shake_hands(struct conn *conn, SSL_CTX *tls)
{
	conn->ssl = SSL_new(tls);
	if (!conn->ssl || SSL_set_fd(conn->ssl, conn->fd) != 1 || SSL_set1_host(conn->ssl, "localhost") != 1 ||
	    SSL_connect(conn->ssl) != 1) {
		load_fail("TLS: no handshake with the server");
	}
}

void conn_open(struct conn *conn, uint16_t port, unsigned source, SSL_CTX *tls)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(0x7f000002u + source / PORTS_PER_ADDRESS)};
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;
	conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd < 0 || setsockopt(conn->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0 ||
	    bind(conn->fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
	    connect(conn->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		load_fail("connection %u to port %u: %s", source, port, strerror(errno));
	}
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (tls) {
		shake_hands(conn, tls);
	}
	if (fcntl(conn->fd, F_SETFL, O_NONBLOCK) != 0) {
		load_fail("fcntl: %s", strerror(errno));
	}
}

void conn_close(struct conn *conn)
{
	if (conn->ssl) {
		SSL_free(conn->ssl);
		conn->ssl = NULL;
	}
	if (conn->fd >= 0) {
		close(conn->fd);
		conn->fd = -1;
	}
}

static ssize_t read_some(struct conn *conn)
{
	size_t room = conn->max - conn->in_len;
	if (!conn->ssl) {
		return read(conn->fd, conn->in + conn->in_len, room);
	}
	int n = SSL_read(conn->ssl, conn->in + conn->in_len, (int)room);
	if (n <= 0 && SSL_get_error(conn->ssl, n) == SSL_ERROR_WANT_READ) {
		errno = EAGAIN;
		return -1;
	}
	return n > 0 ? n : 0;
}

bool conn_read(struct conn *conn)
{
	do {
		if (conn->in_len == conn->max) {
			load_fail("a frame of more than %zu bytes", conn->max);
		}
		ssize_t n = read_some(conn);
		if (n < 0) {
			return errno == EAGAIN || errno == EINTR;
		}
		if (n == 0) {
			return false;
		}
		conn->in_len += (size_t)n;
	} while (conn->ssl && SSL_pending(conn->ssl) > 0);
	return true;
}

static ssize_t write_some(struct conn *conn)
{
	if (!conn->ssl) {
		return send(conn->fd, conn->out, conn->out_len, MSG_NOSIGNAL);
	}
	int n = SSL_write(conn->ssl, conn->out, (int)conn->out_len);
	if (n <= 0) {
		errno = SSL_get_error(conn->ssl, n) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
		return -1;
	}
	return n;
}

bool conn_flush(struct conn *conn)
{
	while (conn->out_len > 0) {
		ssize_t n = write_some(conn);
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR) {
				return false;
			}
			load_fail("the server has closed a connection: %s", strerror(errno));
		}
		memmove(conn->out, conn->out + n, conn->out_len - (size_t)n);
		conn->out_len -= (size_t)n;
	}
	return true;
}

void conn_put(struct conn *conn, const void *ptr, size_t len)
{
	if (len > conn->max - conn->out_len) {
		load_fail("the server does not read: %zu bytes wait", conn->out_len);
	}
	memcpy(conn->out + conn->out_len, ptr, len);
	conn->out_len += len;
}

void conn_put_text(struct conn *conn, const char *text)
{
	conn_put(conn, text, strlen(text));
}

void conn_consume(struct conn *conn, size_t len)
{
	memmove(conn->in, conn->in + len, conn->in_len - len);
	conn->in_len -= len;
}
