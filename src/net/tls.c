/* SPDX-License-Identifier: Apache-2.0 */
/* The context is replaced as a whole on reload; sessions keep a reference to the one that they began with. */
#include "net/tls.h"

#include <surewire/mem.h>
#include <surewire/pem.h>

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct sw_tls {
	pthread_mutex_t lock;
	SSL_CTX *ctx;
	char *cert_path;
	char *key_path;
};

static const char *last_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	return reason ? reason : "unknown reason";
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
		   unsigned in_len, void *ctx)
{
	static const unsigned char ours[] = "\x08http/1.1";
	(void)ssl;
	(void)ctx;
	unsigned char *chosen = NULL;
	int rc = SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len);
	*out = chosen;
	return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static void set_up(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_default_passwd_cb(ctx, sw_pem_no_passphrase);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
}

static int load(SSL_CTX *ctx, const struct sw_tls *tls, struct sw_diag *diag)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_path) != 1) {
		return sw_diag_set(diag, SW_ETLS, "%s: a PEM certificate chain was expected (%s)", tls->cert_path,
				   last_reason());
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, tls->key_path, SSL_FILETYPE_PEM) != 1) {
		return sw_diag_set(diag, SW_ETLS,
				   "%s: an unencrypted PEM private key of the certificate was expected (%s)",
				   tls->key_path, last_reason());
	}
	if (SSL_CTX_check_private_key(ctx) != 1) {
		return sw_diag_set(diag, SW_ETLS, "%s is not the key of the certificate %s", tls->key_path,
				   tls->cert_path);
	}
	return SW_OK;
}

static int new_context(const struct sw_tls *tls, SSL_CTX **ctx_out, struct sw_diag *diag)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx) {
		return sw_diag_set(diag, SW_ETLS, "no TLS context (%s)", last_reason());
	}
	set_up(ctx);
	int rc = load(ctx, tls, diag);
	ERR_clear_error();
	if (rc) {
		SSL_CTX_free(ctx);
		return rc;
	}
	*ctx_out = ctx;
	return SW_OK;
}

int sw_tls_open(const char *cert_path, const char *key_path, struct sw_tls **tls_out, struct sw_diag *diag_out)
{
	struct sw_tls *tls = sw_xcalloc(1, sizeof(*tls));
	pthread_mutex_init(&tls->lock, NULL);
	tls->cert_path = sw_xstrdup(cert_path);
	tls->key_path = sw_xstrdup(key_path);
	int rc = new_context(tls, &tls->ctx, diag_out);
	if (rc) {
		sw_tls_free(tls);
		return rc;
	}
	*tls_out = tls;
	return SW_OK;
}

void sw_tls_free(struct sw_tls *tls)
{
	if (tls) {
		SSL_CTX_free(tls->ctx);
		pthread_mutex_destroy(&tls->lock);
		free(tls->cert_path);
		free(tls->key_path);
		free(tls);
	}
}

int sw_tls_reload(struct sw_tls *tls, struct sw_diag *diag_out)
{
	SSL_CTX *fresh;
	int rc = new_context(tls, &fresh, diag_out);
	if (rc) {
		return rc;
	}
	pthread_mutex_lock(&tls->lock);
	SSL_CTX *old = tls->ctx;
	tls->ctx = fresh;
	pthread_mutex_unlock(&tls->lock);
	SSL_CTX_free(old);
	return SW_OK;
}

SSL *sw_tls_session(struct sw_tls *tls)
{
	pthread_mutex_lock(&tls->lock);
	SSL_CTX *ctx = tls->ctx;
	SSL_CTX_up_ref(ctx);
	pthread_mutex_unlock(&tls->lock);
	SSL *ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (!ssl) {
		abort();
	}
	SSL_set_accept_state(ssl);
	return ssl;
}
