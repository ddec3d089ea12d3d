/* SPDX-License-Identifier: Apache-2.0 */
/* One accepted connection, plain or TLS, as blocking calls with a deadline. One thread. */
#ifndef SW_SIM_CONN_IO_H
#define SW_SIM_CONN_IO_H

#include <openssl/ssl.h>
#include <surewire/buf.h>

enum { SW_SIM_LINE_MAX = 16384 };

struct sw_sim_conn {
	int fd;
	SSL *ssl;         /* NULL: plain */
	struct sw_buf in; /* read but not consumed yet */
};

/* A server context for the certificate. alpn: protocols in wire form ("\x02h2"), NULL for none; a static string.
 * A client that offers only other protocols is refused with an alert. */
int sw_sim_tls_new(const char *cert_file, const char *key_file, const char *alpn, SSL_CTX **tls_out,
		   struct sw_diag *diag_out) SW_MUST_CHECK;

/* Takes the descriptor. */
void sw_sim_conn_init(struct sw_sim_conn *conn, int fd);
/* Closes without TLS close_notify: what a lost connection looks like. */
void sw_sim_conn_release(struct sw_sim_conn *conn);
/* An orderly end before the release: close_notify and FIN, then what is still on its way is read for at most a second,
 * so that the last answer is not lost to a TCP reset. */
void sw_sim_conn_finish(struct sw_sim_conn *conn);
int sw_sim_conn_handshake(struct sw_sim_conn *conn, SSL_CTX *tls, int timeout_ms) SW_MUST_CHECK;
/* The protocol agreed on; empty without ALPN. */
struct sw_bytes sw_sim_conn_alpn(const struct sw_sim_conn *conn);

/* At least one byte, past `in`: SW_OK, SW_ETIMEOUT, SW_ECLOSED, SW_EIO. */
int sw_sim_conn_read(struct sw_sim_conn *conn, void *ptr, size_t len, int timeout_ms, size_t *read_out) SW_MUST_CHECK;
/* More bytes into `in`; also SW_ELIMIT at its bound. */
int sw_sim_conn_fill(struct sw_sim_conn *conn, int timeout_ms) SW_MUST_CHECK;
/* One line without its end, borrowed from `in` until the next call that consumes; *used_out bytes are to be consumed.
 * LF alone ends a line too. SW_ELIMIT when longer than max_bytes. */
int sw_sim_conn_line(struct sw_sim_conn *conn, size_t max_bytes, int timeout_ms, struct sw_bytes *line_out,
		     size_t *used_out) SW_MUST_CHECK;
/* All of it. */
int sw_sim_conn_write(struct sw_sim_conn *conn, struct sw_bytes bytes, int timeout_ms) SW_MUST_CHECK;
/* Waits, reading nothing, until the peer goes or the time is over: SW_ECLOSED or SW_ETIMEOUT. */
int sw_sim_conn_ignore(struct sw_sim_conn *conn, int timeout_ms) SW_MUST_CHECK;

#endif
