/* SPDX-License-Identifier: Apache-2.0 */
/* What lies between OpenSSL and a socket: the encrypted bytes that came and those that are to go. The owner moves both. */
#ifndef SW_EGRESS_TLS_PIPE_INT_H
#define SW_EGRESS_TLS_PIPE_INT_H

#include <openssl/ssl.h>

#include <surewire/buf.h>

struct sw_tls_pipe {
	struct sw_bytes in; /* borrowed, from the socket; OpenSSL takes from its front */
	struct sw_buf out;  /* for the socket */
};

/* ssl reads and writes here from now on; the pipe stays where it is until SSL_free. */
void sw_tls_pipe_init(struct sw_tls_pipe *pipe, SSL *ssl);
/* After SSL_free. */
void sw_tls_pipe_release(struct sw_tls_pipe *pipe);

#endif
