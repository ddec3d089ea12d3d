/* SPDX-License-Identifier: Apache-2.0 */
/* Private to auth: the keys as verification uses them. Everything that can be prepared is prepared at load, so that
 * a token costs one HMAC or one signature check and no parsing of keys. */
#ifndef SW_AUTH_KEYSET_INT_H
#define SW_AUTH_KEYSET_INT_H

#include "auth/keyset.h"
#include "auth/pem.h"

#include <stdint.h>

enum { SW_HMAC_SECRET_BYTES_MAX = 512 };

struct sw_key {
	char kid[SW_KEY_ID_MAX + 1];
	enum sw_jwt_alg alg;
	EVP_PKEY *public_key; /* RS256, ES256, EdDSA; shared by threads, never changed */
	EVP_MAC_CTX *hmac;    /* HS256: keyed and unused; each check works on a duplicate */
	uint8_t *secret;      /* HS256: for signing */
	size_t secret_len;
};

struct sw_keyset {
	_Atomic unsigned refs;
	struct sw_key *keys; /* by kid */
	size_t count;
};

/* Reads one file of the folder into *key_out, which sw_key_release empties. SW_ECONFIG with a text. */
int sw_key_load(const char *dir, const char *name, struct sw_key *key_out, struct sw_diag *diag_out) SW_MUST_CHECK;
void sw_key_release(struct sw_key *key);
/* NULL when unknown. An empty kid finds the only key of a set of one. */
const struct sw_key *sw_keyset_find(const struct sw_keyset *keyset, struct sw_bytes kid);

#endif
