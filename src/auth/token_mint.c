/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens for development and for trusted back ends that share a secret with us. Those of an identity provider are
 * made there: its private key does not belong here. */
#include "auth/keyset_int.h"
#include "auth/token.h"

#include <surewire/jwt.h>

#include <string.h>

enum { MS_PER_S = 1000 };

static const struct sw_key *find_signer(const struct sw_keyset *keyset, const char *kid)
{
	for (size_t i = 0; i < keyset->count; i++) {
		const struct sw_key *key = &keyset->keys[i];
		if (key->alg == SW_JWT_HS256 && (!kid || strcmp(kid, key->kid) == 0)) {
			return key;
		}
	}
	return NULL;
}

static int check_claims(const struct sw_token_claims *claims, struct sw_diag *diag_out)
{
	if (!sw_user_name_valid(sw_bytes_str(claims->user))) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "expected a user name of 1 to %d of a-z 0-9 . _ @ + -, got \"%.64s\"",
				   SW_USER_NAME_MAX, claims->user);
	}
	if (claims->device && claims->device[0] && !sw_device_name_valid(sw_bytes_str(claims->device))) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "expected a device of 1 to %d of A-Z a-z 0-9 . _ : -, got \"%.64s\"",
				   SW_TOKEN_DEVICE_MAX, claims->device);
	}
	if (claims->lifetime_ms < MS_PER_S) {
		return sw_diag_set(diag_out, SW_EINVAL, "expected a lifetime of at least one second");
	}
	return SW_OK;
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text && text[0]) {
		json_object_set_new(object, name, json_string(text));
	}
}

static json_t *build(const struct sw_token_claims *claims, int64_t now_ms)
{
	json_t *object = json_object();
	set_text(object, "sub", claims->user);
	set_text(object, "device", claims->device);
	set_text(object, "iss", claims->issuer);
	set_text(object, "aud", claims->audience);
	set_text(object, "scope", claims->admin ? "admin" : NULL);
	json_object_set_new(object, "iat", json_integer(now_ms / MS_PER_S));
	json_object_set_new(object, "exp", json_integer(now_ms / MS_PER_S + claims->lifetime_ms / MS_PER_S));
	return object;
}

int sw_token_mint(const struct sw_keyset *keyset, const struct sw_token_claims *claims, int64_t now_ms,
		  char **token_out, struct sw_diag *diag_out)
{
	int err = check_claims(claims, diag_out);
	if (err) {
		return err;
	}
	const struct sw_key *key = find_signer(keyset, claims->kid);
	if (!key && claims->kid) {
		return sw_diag_set(diag_out, SW_ENOTFOUND, "no HS256 key \"%.64s\": only shared secrets can sign here",
				   claims->kid);
	}
	if (!key) {
		return sw_diag_set(diag_out, SW_ENOTFOUND,
				   "no HS256 key: only shared secrets can sign here, the others are public keys");
	}
	json_t *object = build(claims, now_ms);
	err = sw_jwt_sign("HS256", sw_bytes(key->secret, key->secret_len), key->kid, object, token_out, diag_out);
	json_decref(object);
	return err;
}
