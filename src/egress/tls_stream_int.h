/* SPDX-License-Identifier: Apache-2.0 */
/* One outgoing TLS connection on a libuv loop: fresh name lookup, addresses in turn, handshake, bytes.
 * Knows nothing of HTTP. The loop's thread only. */
#ifndef SW_EGRESS_TLS_STREAM_INT_H
#define SW_EGRESS_TLS_STREAM_INT_H

#include <openssl/ssl.h>
#include <uv.h>

#include <surewire/bytes.h>
#include <surewire/err.h>

struct sw_tls_stream;

/* All are called from the loop, never from inside a function of this header. */
struct sw_tls_stream_events {
	void (*on_open)(void *ctx, const SSL *ssl); /* verified and encrypted */
	void (*on_data)(void *ctx, struct sw_bytes data);
	void (*on_drain)(void *ctx);                    /* what was written went to the socket */
	void (*on_lost)(void *ctx, const char *detail); /* at most once; still to be closed by the owner */
};

/* Takes ssl (client state, host name to check set). Each address but the last has 3 s for its TCP connect; the whole
 * is bounded by the owner, who closes. */
struct sw_tls_stream *sw_tls_stream_open(uv_loop_t *loop, SSL *ssl, const char *host, uint16_t port,
					 const struct sw_tls_stream_events *events, void *ctx);
/* Right after open: addresses that are not of the public internet are passed over. */
void sw_tls_stream_public_only(struct sw_tls_stream *stream);
/* Only between on_open and on_lost. Copies; the owner bounds by looking at unsent first. */
void sw_tls_stream_write(struct sw_tls_stream *stream, struct sw_bytes data);
/* Encrypted bytes that the socket has not taken yet; SIZE_MAX once it is lost and takes nothing any more. */
size_t sw_tls_stream_unsent(const struct sw_tls_stream *stream);
/* No event after this; `closed` is called on the loop when the socket is gone and the stream freed. */
void sw_tls_stream_close(struct sw_tls_stream *stream, void (*closed)(void *ctx), void *ctx);

#endif
