/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL settings of an outgoing HTTP/2 connection: TLS 1.2 or later, ALPN h2, verification always on. */
#ifndef SW_EGRESS_H2_TLS_INT_H
#define SW_EGRESS_H2_TLS_INT_H

#include <openssl/ssl.h>

#include <surewire/err.h>
#include <surewire/provider.h>

/* Reads ca_file, cert_file and key_file. SW_ETLS with a text that names the file. The caller frees *ctx_out. */
int sw_h2_tls_context(const struct sw_endpoint *endpoint, SSL_CTX **ctx_out, struct sw_diag *diag_out);
/* A client session that checks the certificate against host, a name or a literal address. NULL: out of memory. */
SSL *sw_h2_tls_session(SSL_CTX *ctx, const char *host);
/* After the handshake: did the server choose h2? */
bool sw_h2_tls_is_h2(const SSL *ssl);
/* Why the last call on ssl failed, as text; empties OpenSSL's error queue. */
void sw_h2_tls_error(const SSL *ssl, char *text_out, size_t size);

#endif
