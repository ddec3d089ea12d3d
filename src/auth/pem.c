/* SPDX-License-Identifier: Apache-2.0 */
/* PEM keys through OpenSSL. The passphrase callback always refuses: OpenSSL's own would ask on the terminal and hang
 * a daemon. Key material never appears in a text. */
#include "auth/pem.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>

#include <string.h>

static const char *const alg_names[] = {"none", "HS256", "RS256", "ES256", "EdDSA"};

enum sw_jwt_alg sw_jwt_alg_parse(struct sw_bytes name)
{
	for (int alg = SW_JWT_HS256; alg <= SW_JWT_EDDSA; alg++) {
		if (sw_bytes_equal_str(name, alg_names[alg])) {
			return (enum sw_jwt_alg)alg;
		}
	}
	return SW_JWT_NONE;
}

const char *sw_jwt_alg_name(enum sw_jwt_alg alg)
{
	return alg_names[alg];
}

static int refuse_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)ctx = true;
	return -1;
}

int sw_pem_read(struct sw_bytes pem, enum sw_pem_kind kind, EVP_PKEY **key_out, struct sw_diag *diag_out)
{
	const char *wanted = kind == SW_PEM_PRIVATE ? "private" : "public";
	if (pem.len == 0 || pem.len > SW_PEM_BYTES_MAX) {
		return sw_diag_set(diag_out, SW_EINVAL, "expected a %s key in PEM of 1 to %d bytes, got %zu", wanted,
				   SW_PEM_BYTES_MAX, pem.len);
	}
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	if (!bio) {
		return sw_diag_set(diag_out, SW_EINVAL, "OpenSSL could not read the key");
	}
	bool encrypted = false;
	EVP_PKEY *key = kind == SW_PEM_PRIVATE ? PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &encrypted)
					       : PEM_read_bio_PUBKEY(bio, NULL, refuse_passphrase, &encrypted);
	BIO_free(bio);
	ERR_clear_error();
	if (key) {
		*key_out = key;
		return SW_OK;
	}
	if (encrypted) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "expected a %s key in PEM without a passphrase, got an encrypted one", wanted);
	}
	return sw_diag_set(diag_out, SW_EINVAL,
			   "expected a %s key in PEM (\"-----BEGIN %s KEY-----\"), got something else", wanted,
			   kind == SW_PEM_PRIVATE ? "PRIVATE" : "PUBLIC");
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[64] = "";
	size_t len = 0;
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       OBJ_sn2nid(group) == NID_X9_62_prime256v1;
}

int sw_pem_check(const EVP_PKEY *key, enum sw_jwt_alg alg, struct sw_diag *diag_out)
{
	switch (alg) {
	case SW_JWT_RS256:
		if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= SW_RSA_BITS_MIN) {
			return SW_OK;
		}
		return sw_diag_set(diag_out, SW_EINVAL,
				   "expected an RSA key of at least %d bits for RS256, got %s of %d", SW_RSA_BITS_MIN,
				   EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
	case SW_JWT_ES256:
		if (is_p256(key)) {
			return SW_OK;
		}
		return sw_diag_set(diag_out, SW_EINVAL, "expected an EC key on P-256 for ES256, got %s of %d bits",
				   EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
	case SW_JWT_EDDSA:
		if (EVP_PKEY_is_a(key, "ED25519")) {
			return SW_OK;
		}
		return sw_diag_set(diag_out, SW_EINVAL, "expected an Ed25519 key for EdDSA, got %s of %d bits",
				   EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
	default:
		return sw_diag_set(diag_out, SW_EINVAL, "%s takes no PEM key", sw_jwt_alg_name(alg));
	}
}
