/* SPDX-License-Identifier: Apache-2.0 */
/* Clients' tokens: JSON Web Tokens (RFC 7519) in compact form, HS256, RS256, ES256 (RFC 7518) and EdDSA with Ed25519
 * (RFC 8037). Pure; any thread. Providers' own tokens are signed through <surewire/jwt.h>. */
#ifndef SW_AUTH_TOKEN_H
#define SW_AUTH_TOKEN_H

#include "auth/keyset.h"

#include <surewire/bytes.h>

#include <stdint.h>

enum { SW_USER_NAME_MAX = 64, SW_TOKEN_DEVICE_MAX = 64, SW_TOKEN_BYTES_MAX = 4096 };

/* What is demanded of a token besides a good signature and "exp". */
struct sw_token_policy {
	const char *issuer;   /* "iss" must equal it; NULL or "": not checked */
	const char *audience; /* "aud" must equal or contain it; NULL or "": a token with "aud" is still accepted */
	int64_t leeway_ms;    /* clocks may differ by that much */
	size_t max_bytes;     /* 0: SW_TOKEN_BYTES_MAX */
};

/* What a good token says. */
struct sw_token {
	char user[SW_USER_NAME_MAX + 1];      /* "sub", a valid user name */
	char device[SW_TOKEN_DEVICE_MAX + 1]; /* "device": the token is good for this device only; "" when absent */
	bool admin;                           /* "scope" (space separated) contains "admin" */
	int64_t issued_at_ms;                 /* wall clock; 0 when absent */
	int64_t expires_at_ms;                /* wall clock, without leeway */
};

/* SW_OK; SW_EAUTH, or SW_EEXPIRED when only the time is over. The text in diag says the reason in words that may be
 * shown to the client: it holds no part of the token but a printable, shortened "kid" or "alg". */
int sw_token_verify(const struct sw_keyset *keyset, const struct sw_token_policy *policy, struct sw_bytes token,
		    int64_t now_ms, struct sw_token *token_out, struct sw_diag *diag_out) SW_MUST_CHECK;

/* What a new token shall say. */
struct sw_token_claims {
	const char *user;
	const char *device;   /* NULL or "": none */
	const char *issuer;   /* NULL or "": none */
	const char *audience; /* NULL or "": none */
	bool admin;
	int64_t lifetime_ms; /* > 0; rounded down to seconds, at least one */
	const char *kid;     /* which key signs; NULL: the first HS256 key by name */
};

/* Signs with an HS256 key of the keyset, the only kind that can. *token_out is a fresh string (free).
 * SW_EINVAL for a bad user name or lifetime, SW_ENOTFOUND when no key can sign. */
int sw_token_mint(const struct sw_keyset *keyset, const struct sw_token_claims *claims, int64_t now_ms,
		  char **token_out, struct sw_diag *diag_out) SW_MUST_CHECK;

/* Login names: 1 to 64 bytes of a-z 0-9 . _ @ + - */
bool sw_user_name_valid(struct sw_bytes name);
/* Device ids as clients choose them: 1 to 64 bytes of A-Z a-z 0-9 . _ : - */
bool sw_device_name_valid(struct sw_bytes name);

#endif
