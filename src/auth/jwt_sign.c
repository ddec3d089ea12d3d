/* SPDX-License-Identifier: Apache-2.0 */
/* Signing through libjwt. The key is read by OpenSSL first, because libjwt takes any curve for ES256, and asks for a
 * passphrase on the terminal. One signature costs about half a millisecond (libjwt reads the PEM each time): providers
 * keep their tokens for most of an hour. */
#include "auth/pem.h"

#include <surewire/jwt.h>
#include <surewire/mem.h>

#include <jwt.h>

#include <stdlib.h>
#include <string.h>

enum { CLAIMS_BYTES_MAX = 8 * 1024, KID_BYTES_MAX = 128 };

static int check_key(enum sw_jwt_alg alg, struct sw_bytes pem, struct sw_diag *diag_out)
{
	if (alg == SW_JWT_HS256) {
		return pem.len >= SW_HMAC_SECRET_BYTES_MIN && pem.len <= SW_PEM_BYTES_MAX
			     ? SW_OK
			     : sw_diag_set(diag_out, SW_EINVAL,
					   "expected a secret of %d to %d bytes for HS256, got %zu",
					   SW_HMAC_SECRET_BYTES_MIN, SW_PEM_BYTES_MAX, pem.len);
	}
	EVP_PKEY *key = NULL;
	int err = sw_pem_read(pem, SW_PEM_PRIVATE, &key, diag_out);
	if (!err) {
		err = sw_pem_check(key, alg, diag_out);
	}
	EVP_PKEY_free(key);
	return err;
}

static int dump_claims(json_t *claims, char **text_out, struct sw_diag *diag_out)
{
	if (!json_is_object(claims)) {
		return sw_diag_set(diag_out, SW_EINVAL, "expected the claims to be a JSON object");
	}
	char *text = json_dumps(claims, JSON_COMPACT);
	if (!text) {
		return sw_diag_set(diag_out, SW_EINVAL, "the claims cannot be written as JSON");
	}
	/* libjwt encodes on the stack. */
	if (strlen(text) > CLAIMS_BYTES_MAX) {
		free(text);
		return sw_diag_set(diag_out, SW_EINVAL, "expected claims of at most %d bytes", CLAIMS_BYTES_MAX);
	}
	*text_out = text;
	return SW_OK;
}

static jwt_alg_t libjwt_alg(enum sw_jwt_alg alg)
{
	return alg == SW_JWT_HS256 ? JWT_ALG_HS256 : alg == SW_JWT_RS256 ? JWT_ALG_RS256 : JWT_ALG_ES256;
}

static char *encode(enum sw_jwt_alg alg, struct sw_bytes pem, const char *kid, const char *claims)
{
	jwt_t *jwt = NULL;
	if (jwt_new(&jwt) != 0) {
		return NULL;
	}
	char *token = NULL;
	if ((!kid || jwt_add_header(jwt, "kid", kid) == 0) && jwt_add_grants_json(jwt, claims) == 0 &&
	    jwt_set_alg(jwt, libjwt_alg(alg), pem.ptr, (int)pem.len) == 0) {
		token = jwt_encode_str(jwt);
	}
	jwt_free(jwt);
	return token;
}

int sw_jwt_sign(const char *alg_name, struct sw_bytes pem, const char *kid, json_t *claims, char **token_out,
		struct sw_diag *diag_out)
{
	enum sw_jwt_alg alg = sw_jwt_alg_parse(sw_bytes_str(alg_name));
	if (alg == SW_JWT_NONE || alg == SW_JWT_EDDSA) {
		return sw_diag_set(diag_out, SW_EINVAL, "expected alg ES256, RS256 or HS256, got \"%.16s\"", alg_name);
	}
	if (kid && strlen(kid) > KID_BYTES_MAX) {
		return sw_diag_set(diag_out, SW_EINVAL, "expected a kid of at most %d bytes", KID_BYTES_MAX);
	}
	int err = check_key(alg, pem, diag_out);
	if (err) {
		return err;
	}
	char *text = NULL;
	err = dump_claims(claims, &text, diag_out);
	if (err) {
		return err;
	}
	char *token = encode(alg, pem, kid, text);
	free(text);
	if (!token) {
		return sw_diag_set(diag_out, SW_EINVAL, "the key could not sign with %s", alg_name);
	}
	*token_out = token;
	return SW_OK;
}
