/* SPDX-License-Identifier: Apache-2.0 */
/* Non-blocking sockets behind blocking calls: every wait is a poll with a deadline. */
#include "sim/conn_io.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <surewire/clock.h>

enum { IN_MAX = 128 * 1024, CHUNK = 16 * 1024, FINISH_MS = 1000 };

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
		   unsigned in_len, void *arg)
{
	(void)ssl;
	const unsigned char *ours = arg;
	unsigned char *chosen;
	unsigned char chosen_len;
	int rv = SSL_select_next_proto(&chosen, &chosen_len, ours, (unsigned)strlen(arg), in, in_len);
	if (rv != OPENSSL_NPN_NEGOTIATED) {
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	*out = chosen;
	*out_len = chosen_len;
	return SSL_TLSEXT_ERR_OK;
}

int sw_sim_tls_new(const char *cert_file, const char *key_file, const char *alpn, SSL_CTX **tls_out,
		   struct sw_diag *diag_out)
{
	ERR_clear_error();
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	int err = SW_OK;
	if (!tls) {
		return sw_diag_set(diag_out, SW_ETLS, "OpenSSL gives no server context");
	}
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "%s: expected a certificate chain in PEM", cert_file);
	} else if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "%s: expected the private key of %s in PEM", key_file,
				  cert_file);
	}
	if (err) {
		SSL_CTX_free(tls);
		return err;
	}
	if (alpn) {
		SSL_CTX_set_alpn_select_cb(tls, on_alpn, (void *)(uintptr_t)alpn);
	}
	*tls_out = tls;
	return SW_OK;
}

void sw_sim_conn_init(struct sw_sim_conn *conn, int fd)
{
	int one = 1;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn->fd = fd;
	conn->ssl = NULL;
	sw_buf_init(&conn->in, IN_MAX);
}

void sw_sim_conn_release(struct sw_sim_conn *conn)
{
	if (conn->ssl) {
		SSL_free(conn->ssl);
	}
	close(conn->fd);
	sw_buf_release(&conn->in);
}

struct sw_bytes sw_sim_conn_alpn(const struct sw_sim_conn *conn)
{
	const unsigned char *name = NULL;
	unsigned len = 0;
	if (conn->ssl) {
		SSL_get0_alpn_selected(conn->ssl, &name, &len);
	}
	return sw_bytes(name, len);
}

static int wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		int64_t left_ms = deadline_ms - sw_clock_mono_ms();
		if (left_ms < 0) {
			left_ms = 0;
		}
		struct pollfd p = {.fd = fd, .events = events};
		int n = poll(&p, 1, left_ms > 60000 ? 60000 : (int)left_ms);
		if (n > 0) {
			return SW_OK;
		}
		if (n < 0 && errno != EINTR) {
			return SW_EIO;
		}
		if (sw_clock_mono_ms() >= deadline_ms) {
			return SW_ETIMEOUT;
		}
	}
}

/* What to do after an SSL call that gave rv <= 0: waits and SW_OK to repeat it, or the final error. */
static int wait_ssl(struct sw_sim_conn *conn, int rv, int64_t deadline_ms)
{
	switch (SSL_get_error(conn->ssl, rv)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(conn->fd, POLLIN, deadline_ms);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(conn->fd, POLLOUT, deadline_ms);
	case SSL_ERROR_ZERO_RETURN:
		return SW_ECLOSED;
	default:
		return SW_EIO;
	}
}

int sw_sim_conn_handshake(struct sw_sim_conn *conn, SSL_CTX *tls, int timeout_ms)
{
	int64_t deadline_ms = sw_clock_mono_ms() + timeout_ms;
	ERR_clear_error();
	conn->ssl = SSL_new(tls);
	if (!conn->ssl || SSL_set_fd(conn->ssl, conn->fd) != 1) {
		return SW_ETLS;
	}
	for (;;) {
		ERR_clear_error();
		int rv = SSL_accept(conn->ssl);
		if (rv == 1) {
			return SW_OK;
		}
		int err = wait_ssl(conn, rv, deadline_ms);
		if (err) {
			return err == SW_EIO ? SW_ETLS : err;
		}
	}
}

static int read_plain(struct sw_sim_conn *conn, void *ptr, size_t len, int64_t deadline_ms, size_t *read_out)
{
	for (;;) {
		ssize_t n = recv(conn->fd, ptr, len, 0);
		if (n > 0) {
			*read_out = (size_t)n;
			return SW_OK;
		}
		if (n == 0) {
			return SW_ECLOSED;
		}
		if (errno != EAGAIN && errno != EINTR) {
			return SW_EIO;
		}
		int err = wait_for(conn->fd, POLLIN, deadline_ms);
		if (err) {
			return err;
		}
	}
}

int sw_sim_conn_read(struct sw_sim_conn *conn, void *ptr, size_t len, int timeout_ms, size_t *read_out)
{
	int64_t deadline_ms = sw_clock_mono_ms() + timeout_ms;
	if (!conn->ssl) {
		return read_plain(conn, ptr, len, deadline_ms, read_out);
	}
	for (;;) {
		ERR_clear_error();
		int rv = SSL_read(conn->ssl, ptr, (int)len);
		if (rv > 0) {
			*read_out = (size_t)rv;
			return SW_OK;
		}
		int err = wait_ssl(conn, rv, deadline_ms);
		if (err) {
			return err;
		}
	}
}

int sw_sim_conn_fill(struct sw_sim_conn *conn, int timeout_ms)
{
	uint8_t *room = sw_buf_reserve(&conn->in, CHUNK);
	if (!room) {
		return SW_ELIMIT;
	}
	size_t n;
	int err = sw_sim_conn_read(conn, room, CHUNK, timeout_ms, &n);
	if (err == SW_OK) {
		conn->in.len += n;
	}
	return err;
}

int sw_sim_conn_line(struct sw_sim_conn *conn, size_t max_bytes, int timeout_ms, struct sw_bytes *line_out,
		     size_t *used_out)
{
	int64_t deadline_ms = sw_clock_mono_ms() + timeout_ms;
	for (;;) {
		const uint8_t *end = conn->in.len ? memchr(conn->in.ptr, '\n', conn->in.len) : NULL;
		size_t len = end ? (size_t)(end - conn->in.ptr) : conn->in.len;
		if (len > max_bytes) {
			return SW_ELIMIT;
		}
		if (end) {
			*used_out = len + 1;
			*line_out = sw_bytes(conn->in.ptr, len > 0 && end[-1] == '\r' ? len - 1 : len);
			return SW_OK;
		}
		int64_t left_ms = deadline_ms - sw_clock_mono_ms();
		int err = sw_sim_conn_fill(conn, left_ms > 0 ? (int)left_ms : 0);
		if (err) {
			return err;
		}
	}
}

static int write_some(struct sw_sim_conn *conn, struct sw_bytes bytes, int64_t deadline_ms, size_t *written_out)
{
	size_t len = bytes.len > CHUNK ? CHUNK : bytes.len;
	for (;;) {
		int err;
		if (conn->ssl) {
			ERR_clear_error();
			int rv = SSL_write(conn->ssl, bytes.ptr, (int)len);
			if (rv > 0) {
				*written_out = (size_t)rv;
				return SW_OK;
			}
			err = wait_ssl(conn, rv, deadline_ms);
		} else {
			ssize_t n = send(conn->fd, bytes.ptr, len, MSG_NOSIGNAL);
			if (n > 0) {
				*written_out = (size_t)n;
				return SW_OK;
			}
			err = errno == EAGAIN || errno == EINTR ? wait_for(conn->fd, POLLOUT, deadline_ms) : SW_EIO;
		}
		if (err) {
			return err;
		}
	}
}

int sw_sim_conn_write(struct sw_sim_conn *conn, struct sw_bytes bytes, int timeout_ms)
{
	int64_t deadline_ms = sw_clock_mono_ms() + timeout_ms;
	while (bytes.len > 0) {
		size_t n = 0;
		int err = write_some(conn, bytes, deadline_ms, &n);
		if (err) {
			return err;
		}
		bytes = sw_bytes(bytes.ptr + n, bytes.len - n);
	}
	return SW_OK;
}

int sw_sim_conn_ignore(struct sw_sim_conn *conn, int timeout_ms)
{
	int err = wait_for(conn->fd, POLLRDHUP, sw_clock_mono_ms() + timeout_ms);
	return err == SW_OK ? SW_ECLOSED : err;
}

void sw_sim_conn_finish(struct sw_sim_conn *conn)
{
	uint8_t unread[1024];
	size_t n;
	int64_t deadline_ms = sw_clock_mono_ms() + FINISH_MS;
	if (conn->ssl) {
		ERR_clear_error();
		SSL_shutdown(conn->ssl);
	}
	shutdown(conn->fd, SHUT_WR);
	while (read_plain(conn, unread, sizeof(unread), deadline_ms, &n) == SW_OK && sw_clock_mono_ms() < deadline_ms) {
	}
}
