/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL settings of an outgoing HTTP/2 connection. Owns no socket (tls_stream.c). */
#include "egress/h2_tls_int.h"

#include <surewire/pem.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "egress/host_int.h"

static const unsigned char alpn_h2[] = {2, 'h', '2'};

static int load_files(SSL_CTX *ctx, const struct sw_endpoint *endpoint, struct sw_diag *diag_out)
{
	if (endpoint->ca_file == NULL) {
		if (SSL_CTX_set_default_verify_paths(ctx) != 1) {
			return sw_diag_set(diag_out, SW_ETLS, "cannot load the system's certificates");
		}
	} else if (SSL_CTX_load_verify_file(ctx, endpoint->ca_file) != 1) {
		return sw_diag_set(diag_out, SW_ETLS, "%s: expected certificates in PEM form", endpoint->ca_file);
	}
	if (endpoint->cert_file == NULL) {
		return SW_OK;
	}
	if (SSL_CTX_use_certificate_chain_file(ctx, endpoint->cert_file) != 1) {
		return sw_diag_set(diag_out, SW_ETLS, "%s: expected a certificate in PEM form", endpoint->cert_file);
	}
	const char *key_file = endpoint->key_file != NULL ? endpoint->key_file : endpoint->cert_file;
	if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1) {
		return sw_diag_set(diag_out, SW_ETLS,
				   "%s: expected an unencrypted private key in PEM form that fits %s", key_file,
				   endpoint->cert_file);
	}
	return SW_OK;
}

int sw_h2_tls_context(const struct sw_endpoint *endpoint, SSL_CTX **ctx_out, struct sw_diag *diag_out)
{
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL) {
		return sw_diag_set(diag_out, SW_ETLS, "cannot create a TLS context");
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_passwd_cb(ctx, sw_pem_no_passphrase);
	/* RFC 9113, 9.2.1: renegotiation and compression have no place in HTTP/2. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	int err = load_files(ctx, endpoint, diag_out);
	/* Returns 0 on success, unlike its neighbours. */
	if (err == SW_OK && SSL_CTX_set_alpn_protos(ctx, alpn_h2, sizeof(alpn_h2)) != 0) {
		err = sw_diag_set(diag_out, SW_ETLS, "cannot offer h2");
	}
	ERR_clear_error();
	if (err != SW_OK) {
		SSL_CTX_free(ctx);
		return err;
	}
	*ctx_out = ctx;
	return SW_OK;
}

SSL *sw_h2_tls_session(SSL_CTX *ctx, const char *host)
{
	SSL *ssl = SSL_new(ctx);
	if (ssl == NULL) {
		return NULL;
	}
	bool ok;
	if (sw_host_is_address(host)) {
		/* No SNI for addresses (RFC 6066, 3). */
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	} else {
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		ok = SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1;
	}
	if (!ok) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

bool sw_h2_tls_is_h2(const SSL *ssl)
{
	const unsigned char *protocol;
	unsigned len;
	SSL_get0_alpn_selected(ssl, &protocol, &len);
	return len == 2 && memcmp(protocol, "h2", 2) == 0;
}

void sw_h2_tls_error(const SSL *ssl, char *text_out, size_t size)
{
	long verify = SSL_get_verify_result(ssl);
	unsigned long code = ERR_peek_error();
	const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
	if (verify != X509_V_OK) {
		snprintf(text_out, size, "certificate refused: %s", X509_verify_cert_error_string(verify));
	} else {
		snprintf(text_out, size, "TLS: %s", reason != NULL ? reason : "connection ended");
	}
	ERR_clear_error();
}
