/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets are non-blocking and every wait is a poll with what is left of the deadline. Names are resolved by the
 * system, which may take its own time. */
#include "app/ws_transport.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct sw_transport {
	int fd;
	SSL *ssl; /* NULL: plain */
};

static int wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		int64_t left_ms = deadline_ms - sw_clock_mono_ms();
		struct pollfd ready = {.fd = fd, .events = events};
		int count = poll(&ready, 1, left_ms > 0 ? (int)left_ms : 0);
		if (count > 0) {
			return SW_OK;
		}
		if (count == 0) {
			return SW_ETIMEOUT;
		}
		if (errno != EINTR) {
			return SW_EIO;
		}
	}
}

/* ---- TCP ---- */

static int connect_to(const struct addrinfo *address, int64_t deadline_ms, int *fd_out, int *errno_out)
{
	int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
	int failed = fd < 0 ? errno : 0;
	if (!failed && connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
		failed = errno;
	}
	if (failed == EINPROGRESS) {
		socklen_t len = sizeof(failed);
		if (wait_for(fd, POLLOUT, deadline_ms) != SW_OK) {
			failed = ETIMEDOUT;
		} else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0) {
			failed = errno;
		}
	}
	if (failed) {
		*errno_out = failed;
		if (fd >= 0) {
			close(fd);
		}
		return SW_ECONNECT;
	}
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*fd_out = fd;
	return SW_OK;
}

static int connect_any(const struct sw_transport_target *target, int64_t deadline_ms, int *fd_out,
		       struct sw_diag *diag_out)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	int code = getaddrinfo(target->host, target->port, &hints, &list);
	if (code) {
		return sw_diag_set(diag_out, SW_ECONNECT, "%s: %s", target->host, gai_strerror(code));
	}
	int err = SW_ECONNECT;
	int failed = 0;
	for (const struct addrinfo *at = list; at && err; at = at->ai_next) {
		err = connect_to(at, deadline_ms, fd_out, &failed);
	}
	freeaddrinfo(list);
	return err ? sw_diag_set(diag_out, err, "%s:%s: %s", target->host, target->port, strerror(failed)) : SW_OK;
}

/* ---- TLS ---- */

/* Whether to go on after the poll; err_out says what else. */
static bool again(const struct sw_transport *t, int result, int64_t deadline_ms, int *err_out)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		*err_out = wait_for(t->fd, POLLIN, deadline_ms);
		return *err_out == SW_OK;
	case SSL_ERROR_WANT_WRITE:
		*err_out = wait_for(t->fd, POLLOUT, deadline_ms);
		return *err_out == SW_OK;
	case SSL_ERROR_ZERO_RETURN:
	case SSL_ERROR_SYSCALL:
		*err_out = SW_ECLOSED;
		return false;
	default:
		*err_out = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? SW_ECLOSED
												  : SW_ETLS;
		return false;
	}
}

static int expect_name(SSL *ssl, const char *host)
{
	struct in6_addr address;
	bool numeric = inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
	if (numeric) {
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	}
	return SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host);
}

static int tls_failed(const struct sw_transport *t, struct sw_diag *diag_out)
{
	long verdict = SSL_get_verify_result(t->ssl);
	char reason[128] = "the server ended the handshake";
	if (verdict != X509_V_OK) {
		return sw_diag_set(diag_out, SW_ETLS, "the server's certificate: %s",
				   X509_verify_cert_error_string(verdict));
	}
	unsigned long code = ERR_peek_error();
	if (code) {
		ERR_error_string_n(code, reason, sizeof(reason));
	}
	return sw_diag_set(diag_out, SW_ETLS, "TLS handshake: %s", reason);
}

static int start_tls(struct sw_transport *t, const struct sw_transport_target *target, int64_t deadline_ms,
		     struct sw_diag *diag_out)
{
	int err = SW_OK;
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION)) {
		err = sw_diag_set(diag_out, SW_ETLS, "TLS 1.2 is not available");
		goto out;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (!(target->ca_file ? SSL_CTX_load_verify_file(ctx, target->ca_file)
			      : SSL_CTX_set_default_verify_paths(ctx))) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "%s: expected certificates in PEM",
				  target->ca_file ? target->ca_file : "the system's certificates");
		goto out;
	}
	t->ssl = SSL_new(ctx);
	if (!t->ssl || !expect_name(t->ssl, target->host) || !SSL_set_fd(t->ssl, t->fd)) {
		err = sw_diag_set(diag_out, SW_ETLS, "%s: not a name or address for TLS", target->host);
		goto out;
	}
	int result;
	while ((result = SSL_connect(t->ssl)) != 1 && again(t, result, deadline_ms, &err)) {
		ERR_clear_error();
	}
	if (result == 1) {
		err = SW_OK;
	} else {
		err = err == SW_ETIMEOUT ? sw_diag_set(diag_out, err, "TLS handshake: no answer")
					 : tls_failed(t, diag_out);
	}
out:
	SSL_CTX_free(ctx);
	return err;
}

/* ---- both ---- */

int sw_transport_open(const struct sw_transport_target *target, int64_t deadline_ms,
		      struct sw_transport **transport_out, struct sw_diag *diag_out)
{
	int fd = -1;
	int err = connect_any(target, deadline_ms, &fd, diag_out);
	if (err) {
		return err;
	}
	struct sw_transport *t = sw_xcalloc(1, sizeof(*t));
	t->fd = fd;
	err = target->tls ? start_tls(t, target, deadline_ms, diag_out) : SW_OK;
	if (err) {
		sw_transport_close(t);
		return err;
	}
	*transport_out = t;
	return SW_OK;
}

static int from_errno(void)
{
	return errno == ECONNRESET || errno == EPIPE ? SW_ECLOSED : SW_EIO;
}

static int write_some(struct sw_transport *t, struct sw_bytes *left, int64_t deadline_ms)
{
	int err = SW_OK;
	if (t->ssl) {
		size_t written = 0;
		ERR_clear_error();
		int result = SSL_write_ex(t->ssl, left->ptr, left->len, &written);
		*left = sw_bytes(left->ptr + written, left->len - written);
		return result == 1 || again(t, result, deadline_ms, &err) ? SW_OK : err;
	}
	ssize_t written = send(t->fd, left->ptr, left->len, MSG_NOSIGNAL);
	if (written >= 0) {
		*left = sw_bytes(left->ptr + written, left->len - (size_t)written);
		return SW_OK;
	}
	if (errno == EAGAIN) {
		return wait_for(t->fd, POLLOUT, deadline_ms);
	}
	return errno == EINTR ? SW_OK : from_errno();
}

int sw_transport_write(struct sw_transport *t, struct sw_bytes bytes, int64_t deadline_ms)
{
	int err = SW_OK;
	while (bytes.len && !err) {
		err = write_some(t, &bytes, deadline_ms);
	}
	return err;
}

int sw_transport_read(struct sw_transport *t, void *ptr, size_t size_bytes, int64_t deadline_ms, size_t *len_out)
{
	int err = SW_OK;
	while (!err) {
		if (t->ssl) {
			ERR_clear_error();
			int result = SSL_read_ex(t->ssl, ptr, size_bytes, len_out);
			if (result == 1) {
				return SW_OK;
			}
			(void)again(t, result, deadline_ms, &err);
			continue;
		}
		ssize_t got = recv(t->fd, ptr, size_bytes, 0);
		if (got > 0) {
			*len_out = (size_t)got;
			return SW_OK;
		}
		if (got == 0) {
			err = SW_ECLOSED;
		} else if (errno == EAGAIN) {
			err = wait_for(t->fd, POLLIN, deadline_ms);
		} else if (errno != EINTR) {
			err = from_errno();
		}
	}
	return err == SW_ETIMEOUT ? SW_EAGAIN : err;
}

int sw_transport_fd(const struct sw_transport *t)
{
	return t->fd;
}

void sw_transport_close(struct sw_transport *t)
{
	if (!t) {
		return;
	}
	if (t->ssl) {
		(void)SSL_shutdown(t->ssl); /* sends close_notify; nobody waits for the answer */
		SSL_free(t->ssl);
	}
	close(t->fd);
	free(t);
}
