/* SPDX-License-Identifier: Apache-2.0 */
/* Signing of JSON Web Tokens for providers. Pure; any thread. Verification of clients' tokens is in auth/token.h. */
#ifndef SUREWIRE_JWT_H
#define SUREWIRE_JWT_H

#include <surewire/err.h>
#include <surewire/json.h>

/* alg: "ES256", "RS256" or "HS256". pem: a private key as PEM text (raw bytes for HS256), never an encrypted one.
 * kid may be NULL. claims: object, borrowed. *token_out is a fresh string (free).
 * SW_EINVAL with a text when the key cannot be used for alg (wrong type or curve, encrypted, malformed). */
int sw_jwt_sign(const char *alg, struct sw_bytes pem, const char *kid, json_t *claims, char **token_out,
		struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
