/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP connection with or without TLS, over two fixed buffers that the caller owns. Connecting blocks, the rest does
 * not. */
#ifndef BENCH_CONN_H
#define BENCH_CONN_H

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn {
	int fd;
	SSL *ssl;
	uint8_t *in;
	uint8_t *out;
	size_t in_len;
	size_t out_len;
	size_t max; /* of each */
};

/* source: a number that spreads connections over loopback addresses, so that their ports suffice. */
void conn_open(struct conn *conn, uint16_t port, unsigned source, SSL_CTX *tls);
void conn_close(struct conn *conn);
/* Appends what has arrived to in; false when the other side has closed. */
bool conn_read(struct conn *conn);
/* Writes out as far as it goes; true when nothing is left. */
bool conn_flush(struct conn *conn);
void conn_put(struct conn *conn, const void *ptr, size_t len);
void conn_put_text(struct conn *conn, const char *text);
/* Removes the first len bytes of in. */
void conn_consume(struct conn *conn, size_t len);

#endif
