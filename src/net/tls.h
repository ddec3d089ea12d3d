/* SPDX-License-Identifier: Apache-2.0 */
/* The server's certificate and key as a reloadable context: connections that are open keep theirs. TLS 1.2 and 1.3,
 * no tickets, no session cache, no renegotiation. Any thread. Sessions themselves are in conn.c. */
#ifndef SW_NET_TLS_H
#define SW_NET_TLS_H

#include <surewire/err.h>

#include <openssl/ssl.h>

struct sw_tls;

/* PEM files; the certificate file holds the chain, leaf first. An encrypted key is refused (nobody can be asked). */
int sw_tls_open(const char *cert_path, const char *key_path, struct sw_tls **tls_out,
		struct sw_diag *diag_out) SW_MUST_CHECK;
void sw_tls_free(struct sw_tls *tls);
/* Reads the files again. On an error the old certificate stays in use. */
int sw_tls_reload(struct sw_tls *tls, struct sw_diag *diag_out) SW_MUST_CHECK;
/* A fresh session in accept state with the newest certificate. */
SSL *sw_tls_session(struct sw_tls *tls);

#endif
