/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying signed tokens (RFC 7515 compact form) as the services do: ES256 with a P-256 key, RS256 with RSA.
 * Knows no claims. Pure apart from reading key files; any thread. */
#ifndef SW_SIM_JWS_H
#define SW_SIM_JWS_H

#include <openssl/evp.h>
#include <surewire/json.h>

enum { SW_SIM_JWS_MAX = 8192 };

struct sw_sim_jws {
	json_t *header; /* objects, owned */
	json_t *claims;
	struct sw_bytes signed_part; /* borrowed from the token */
	uint8_t signature[1024];
	size_t signature_len;
};

/* SW_EPARSE unless the token is three parts of unpadded base64url with two JSON objects; nothing is to be released then. */
int sw_sim_jws_parse(struct sw_bytes token, struct sw_sim_jws *jws_out) SW_MUST_CHECK;
void sw_sim_jws_release(struct sw_sim_jws *jws);
/* alg is what the caller accepts; the header must name the same. */
bool sw_sim_jws_verify(const struct sw_sim_jws *jws, const char *alg, EVP_PKEY *key);
/* A public or private key in PEM. alg as above; SW_ECONFIG with `name` and what was expected. */
int sw_sim_key_parse(const char *name, struct sw_bytes pem, const char *alg, EVP_PKEY **key_out,
		     struct sw_diag *diag_out) SW_MUST_CHECK;
/* A whole file of at most 64 KB into an initialised buffer. SW_ECONFIG with its name. */
int sw_sim_file_read(const char *file, struct sw_buf *out, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
