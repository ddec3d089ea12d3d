/* SPDX-License-Identifier: Apache-2.0 */
/* ECDSA r||s to DER, and OpenSSL's verification. */
#include "sim/jws.h"

#include <surewire/b64url.h>
#include <surewire/pem.h>

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

enum { JSON_DEPTH_MAX = 8, RSA_BITS_MIN = 2048, ES256_BYTES = 64 };

static json_t *decode_object(struct sw_bytes part)
{
	uint8_t text[SW_SIM_JWS_MAX];
	size_t len;
	json_t *value;
	if (sw_b64url_decode_to(part, text, sizeof(text), &len) != SW_OK ||
	    sw_json_parse(sw_bytes(text, len), JSON_DEPTH_MAX, &value, NULL) != SW_OK) {
		return NULL;
	}
	if (!json_is_object(value)) {
		json_decref(value);
		return NULL;
	}
	return value;
}

int sw_sim_jws_parse(struct sw_bytes token, struct sw_sim_jws *jws_out)
{
	const uint8_t *dot = token.len && token.len <= SW_SIM_JWS_MAX ? memchr(token.ptr, '.', token.len) : NULL;
	if (!dot) {
		return SW_EPARSE;
	}
	struct sw_bytes header = sw_bytes(token.ptr, (size_t)(dot - token.ptr));
	struct sw_bytes rest = sw_bytes(dot + 1, token.len - header.len - 1);
	const uint8_t *second = rest.len ? memchr(rest.ptr, '.', rest.len) : NULL;
	if (!second) {
		return SW_EPARSE;
	}
	struct sw_bytes claims = sw_bytes(rest.ptr, (size_t)(second - rest.ptr));
	struct sw_bytes signature = sw_bytes(second + 1, rest.len - claims.len - 1);
	if (sw_b64url_decode_to(signature, jws_out->signature, sizeof(jws_out->signature), &jws_out->signature_len) !=
	    SW_OK) {
		return SW_EPARSE;
	}
	jws_out->signed_part = sw_bytes(token.ptr, header.len + 1 + claims.len);
	jws_out->header = decode_object(header);
	jws_out->claims = decode_object(claims);
	if (!jws_out->header || !jws_out->claims) {
		sw_sim_jws_release(jws_out);
		return SW_EPARSE;
	}
	return SW_OK;
}

void sw_sim_jws_release(struct sw_sim_jws *jws)
{
	json_decref(jws->header);
	json_decref(jws->claims);
	jws->header = NULL;
	jws->claims = NULL;
}

static bool digest_verify(EVP_PKEY *key, const uint8_t *signature, size_t len, struct sw_bytes text)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, signature, len, text.ptr, text.len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

static bool verify_es256(const struct sw_sim_jws *jws, EVP_PKEY *key)
{
	if (jws->signature_len != ES256_BYTES) {
		return false;
	}
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(jws->signature, ES256_BYTES / 2, NULL);
	BIGNUM *s = BN_bin2bn(jws->signature + ES256_BYTES / 2, ES256_BYTES / 2, NULL);
	if (!sig || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(sig);
		return false;
	}
	unsigned char *der = NULL;
	int len = i2d_ECDSA_SIG(sig, &der);
	bool ok = len > 0 && digest_verify(key, der, (size_t)len, jws->signed_part);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return ok;
}

bool sw_sim_jws_verify(const struct sw_sim_jws *jws, const char *alg, EVP_PKEY *key)
{
	if (!sw_bytes_equal_str(sw_json_get_str(jws->header, "alg"), alg)) {
		return false;
	}
	if (strcmp(alg, "ES256") == 0) {
		return verify_es256(jws, key);
	}
	return digest_verify(key, jws->signature, jws->signature_len, jws->signed_part);
}

static bool fits(EVP_PKEY *key, const char *alg)
{
	if (strcmp(alg, "ES256") != 0) {
		return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
	}
	char group[64] = "";
	EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	return EVP_PKEY_is_a(key, "EC") && strcmp(group, "prime256v1") == 0;
}

int sw_sim_key_parse(const char *name, struct sw_bytes pem, const char *alg, EVP_PKEY **key_out,
		     struct sw_diag *diag_out)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, sw_pem_no_passphrase, NULL) : NULL;
	BIO_free(bio);
	if (!key) {
		bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
		key = bio ? PEM_read_bio_PrivateKey(bio, NULL, sw_pem_no_passphrase, NULL) : NULL;
		BIO_free(bio);
	}
	if (!key || !fits(key, alg)) {
		EVP_PKEY_free(key);
		return sw_diag_set(diag_out, SW_ECONFIG, "%s: expected %s key in PEM, not encrypted", name,
				   strcmp(alg, "ES256") == 0 ? "a P-256" : "an RSA (2048 bits or more)");
	}
	*key_out = key;
	return SW_OK;
}

int sw_sim_file_read(const char *file, struct sw_buf *out, struct sw_diag *diag_out)
{
	FILE *f = fopen(file, "re");
	if (!f) {
		return sw_diag_set(diag_out, SW_ECONFIG, "%s: %s", file, strerror(errno));
	}
	size_t n;
	uint8_t *room;
	while ((room = sw_buf_reserve(out, 4096)) && (n = fread(room, 1, 4096, f)) > 0) {
		out->len += n;
	}
	bool failed = ferror(f) != 0;
	fclose(f);
	if (failed || out->err) {
		return sw_diag_set(diag_out, SW_ECONFIG, "%s: expected a file of at most %zu bytes", file,
				   out->max - 4096);
	}
	return SW_OK;
}
