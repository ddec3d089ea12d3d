/* SPDX-License-Identifier: Apache-2.0 */
/* Verification, in the order that trusts least: size, shape, header, key, signature, and only then the claims.
 * Done with OpenSSL directly and keys prepared at load. libjwt 1.10 would read the PEM again for every token,
 * takes the algorithm from the token, accepts HS256 made with a public key, skips the check when no
 * key is given, decodes base64 leniently, has no EdDSA and checks no claim; what is left of it is not worth the way. */
#include "auth/token_int.h"

#include <surewire/b64url.h>
#include "auth/keyset_int.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <string.h>

enum {
	JSON_DEPTH_MAX = 8,
	SIGNATURE_BYTES_MAX = 1024, /* RSA of 8192 bits */
	P256_BYTES = 32,
	DER_BYTES_MAX = 80,
	SHOWN_MAX = 32,
};

/* The three parts of the compact form, still encoded, and what was signed: "header.payload". */
struct parts {
	struct sw_bytes header;
	struct sw_bytes payload;
	struct sw_bytes signature;
	struct sw_bytes signed_text;
};

/* A value of the token as it may be shown: printable and short. */
struct shown {
	char text[SHOWN_MAX + 1];
};

static struct shown show(struct sw_bytes value)
{
	struct shown shown = {""};
	for (size_t i = 0; i < value.len && i < SHOWN_MAX; i++) {
		uint8_t c = value.ptr[i];
		shown.text[i] = c > 0x20 && c < 0x7f && c != '"' ? (char)c : '?';
	}
	return shown;
}

static struct sw_bytes next_part(struct sw_bytes *rest)
{
	const uint8_t *dot = rest->len ? memchr(rest->ptr, '.', rest->len) : NULL;
	size_t len = dot ? (size_t)(dot - rest->ptr) : rest->len;
	struct sw_bytes part = sw_bytes(rest->ptr, len);
	size_t used = dot ? len + 1 : len;
	*rest = sw_bytes(rest->ptr + used, rest->len - used);
	return part;
}

static int split(struct sw_bytes token, struct parts *parts_out, struct sw_diag *diag_out)
{
	struct sw_bytes rest = token;
	parts_out->header = next_part(&rest);
	parts_out->payload = next_part(&rest);
	parts_out->signature = rest;
	size_t signed_len = parts_out->header.len + 1 + parts_out->payload.len;
	if (parts_out->header.len == 0 || parts_out->payload.len == 0 || rest.len == 0 ||
	    memchr(rest.ptr, '.', rest.len)) {
		return sw_diag_set(diag_out, SW_EAUTH, "token: expected three parts joined by dots");
	}
	parts_out->signed_text = sw_bytes(token.ptr, signed_len);
	return SW_OK;
}

/* One encoded part as a JSON object. */
static int decode_object(struct sw_bytes encoded, const char *what, json_t **object_out, struct sw_diag *diag_out)
{
	struct sw_buf text;
	sw_buf_init(&text, encoded.len);
	json_t *value = NULL;
	int err = sw_b64url_decode(encoded, &text);
	err = err ? err : sw_json_parse(sw_buf_bytes(&text), JSON_DEPTH_MAX, &value, NULL);
	sw_buf_release(&text);
	if (err || !json_is_object(value)) {
		json_decref(value);
		return sw_diag_set(diag_out, SW_EAUTH, "token: expected the %s to be base64url of a JSON object", what);
	}
	*object_out = value;
	return SW_OK;
}

static const struct sw_key *unknown_key(const struct sw_keyset *keyset, struct sw_bytes kid, struct sw_diag *diag_out)
{
	if (kid.len == 0) {
		sw_diag_set(diag_out, SW_EAUTH,
			    "token: expected a key id (kid) in the header, since there are %zu keys", keyset->count);
	} else {
		sw_diag_set(diag_out, SW_EAUTH, "token: unknown key id (kid) \"%s\"", show(kid).text);
	}
	return NULL;
}

/* The key that the header may use; NULL with a text. */
static const struct sw_key *pick_key(const struct sw_keyset *keyset, const json_t *header, struct sw_diag *diag_out)
{
	const json_t *kid_value = json_object_get(header, "kid");
	struct sw_bytes kid = sw_json_get_str(header, "kid");
	if (kid_value && kid.len == 0) {
		sw_diag_set(diag_out, SW_EAUTH, "token: expected the key id (kid) to be text");
		return NULL;
	}
	/* RFC 7515 section 4.1.11: extensions we do not know must be refused, and we know none. */
	if (json_object_get(header, "crit")) {
		sw_diag_set(diag_out, SW_EAUTH, "token: critical header extensions (crit) are not supported");
		return NULL;
	}
	const struct sw_key *key = sw_keyset_find(keyset, kid);
	if (!key) {
		return unknown_key(keyset, kid, diag_out);
	}
	struct sw_bytes alg = sw_json_get_str(header, "alg");
	if (!sw_bytes_equal_str(alg, sw_jwt_alg_name(key->alg))) {
		sw_diag_set(diag_out, SW_EAUTH, "token: expected algorithm %s for key \"%s\", got \"%s\"",
			    sw_jwt_alg_name(key->alg), key->kid, show(alg).text);
		return NULL;
	}
	return key;
}

static bool hmac_matches(const struct sw_key *key, struct sw_bytes text, struct sw_bytes signature)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t digest_len = 0;
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(key->hmac);
	bool done = ctx && EVP_MAC_update(ctx, text.ptr, text.len) == 1 &&
		    EVP_MAC_final(ctx, digest, &digest_len, sizeof(digest)) == 1;
	EVP_MAC_CTX_free(ctx);
	return done && sw_bytes_equal_secret(sw_bytes(digest, digest_len), signature);
}

/* JWS carries r and s as two numbers of 32 bytes (RFC 7518 section 3.4); OpenSSL wants DER. False unless 64 bytes. */
static bool es256_to_der(struct sw_bytes raw, uint8_t der_out[DER_BYTES_MAX], size_t *len_out)
{
	if (raw.len != 2 * (size_t)P256_BYTES) {
		return false;
	}
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.ptr, P256_BYTES, NULL);
	BIGNUM *s = BN_bin2bn(raw.ptr + P256_BYTES, P256_BYTES, NULL);
	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(sig);
		return false;
	}
	uint8_t *to = der_out;
	int len = i2d_ECDSA_SIG(sig, NULL);
	bool fits = len > 0 && len <= DER_BYTES_MAX && i2d_ECDSA_SIG(sig, &to) == len;
	*len_out = fits ? (size_t)len : 0;
	ECDSA_SIG_free(sig);
	return fits;
}

static bool public_key_matches(const struct sw_key *key, struct sw_bytes text, struct sw_bytes signature)
{
	uint8_t der[DER_BYTES_MAX];
	if (key->alg == SW_JWT_ES256) {
		size_t der_len = 0;
		if (!es256_to_der(signature, der, &der_len)) {
			return false;
		}
		signature = sw_bytes(der, der_len);
	}
	const EVP_MD *digest = key->alg == SW_JWT_EDDSA ? NULL : EVP_sha256();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key->public_key) == 1 &&
		    EVP_DigestVerify(ctx, signature.ptr, signature.len, text.ptr, text.len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

static int check_signature(const struct sw_key *key, const struct parts *parts, struct sw_diag *diag_out)
{
	struct sw_buf signature;
	sw_buf_init(&signature, SIGNATURE_BYTES_MAX);
	bool good = sw_b64url_decode(parts->signature, &signature) == SW_OK;
	if (good && key->alg == SW_JWT_HS256) {
		good = hmac_matches(key, parts->signed_text, sw_buf_bytes(&signature));
	} else if (good) {
		good = public_key_matches(key, parts->signed_text, sw_buf_bytes(&signature));
	}
	sw_buf_release(&signature);
	return good ? SW_OK : sw_diag_set(diag_out, SW_EAUTH, "token: signature does not match key \"%s\"", key->kid);
}

static int check_header(const struct sw_keyset *keyset, const struct parts *parts, const struct sw_key **key_out,
			struct sw_diag *diag_out)
{
	json_t *header = NULL;
	int err = decode_object(parts->header, "header", &header, diag_out);
	if (err) {
		return err;
	}
	*key_out = pick_key(keyset, header, diag_out);
	json_decref(header);
	return *key_out ? SW_OK : SW_EAUTH;
}

int sw_token_verify(const struct sw_keyset *keyset, const struct sw_token_policy *policy, struct sw_bytes token,
		    int64_t now_ms, struct sw_token *token_out, struct sw_diag *diag_out)
{
	size_t max_bytes = policy->max_bytes ? policy->max_bytes : SW_TOKEN_BYTES_MAX;
	if (token.len == 0 || token.len > max_bytes) {
		return sw_diag_set(diag_out, SW_EAUTH, "token: expected 1 to %zu bytes, got %zu", max_bytes, token.len);
	}
	struct parts parts = {.header = {NULL, 0}};
	const struct sw_key *key = NULL;
	int err = split(token, &parts, diag_out);
	err = err ? err : check_header(keyset, &parts, &key, diag_out);
	err = err ? err : check_signature(key, &parts, diag_out);
	json_t *claims = NULL;
	err = err ? err : decode_object(parts.payload, "payload", &claims, diag_out);
	err = err ? err : sw_token_read_claims(claims, policy, now_ms, token_out, diag_out);
	json_decref(claims);
	return err;
}
