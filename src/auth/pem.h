/* SPDX-License-Identifier: Apache-2.0 */
/* Private to auth: which key fits which algorithm, and reading PEM without ever asking for a passphrase. */
#ifndef SW_AUTH_PEM_H
#define SW_AUTH_PEM_H

#include <surewire/bytes.h>
#include <surewire/err.h>

#include <openssl/evp.h>

enum { SW_PEM_BYTES_MAX = 16 * 1024, SW_HMAC_SECRET_BYTES_MIN = 32, SW_RSA_BITS_MIN = 2048 };

enum sw_jwt_alg { SW_JWT_NONE, SW_JWT_HS256, SW_JWT_RS256, SW_JWT_ES256, SW_JWT_EDDSA };

/* Exact spelling, as in RFC 7518; SW_JWT_NONE for everything else, "none" included. */
enum sw_jwt_alg sw_jwt_alg_parse(struct sw_bytes name);
const char *sw_jwt_alg_name(enum sw_jwt_alg alg);

enum sw_pem_kind { SW_PEM_PRIVATE, SW_PEM_PUBLIC };
/* The caller frees *key_out. SW_EINVAL with a text: encrypted, malformed, or of another kind. */
int sw_pem_read(struct sw_bytes pem, enum sw_pem_kind kind, EVP_PKEY **key_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* Type, curve and size fit the algorithm. SW_EINVAL with a text that says what was expected. */
int sw_pem_check(const EVP_PKEY *key, enum sw_jwt_alg alg, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
