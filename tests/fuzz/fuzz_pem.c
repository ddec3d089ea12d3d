/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in PEM. Properties: a refusal says what was expected; a key fits at most one algorithm; a public key that was
 * taken is the same after OpenSSL has written it. Does not judge whether the numbers of a key are good. */
#include "fuzz.h"

#include "auth/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <stdlib.h>

static void check_again(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	if (PEM_write_bio_PUBKEY(bio, key) == 1) {
		long len = BIO_get_mem_data(bio, &text);
		EVP_PKEY *again = NULL;
		FUZZ_CHECK(sw_pem_read(sw_bytes(text, (size_t)len), SW_PEM_PUBLIC, &again, NULL) == SW_OK);
		FUZZ_CHECK(EVP_PKEY_eq(key, again) == 1);
		EVP_PKEY_free(again);
	}
	BIO_free(bio);
}

/* RFC 7518, section 3.1, and RFC 8037. */
static void check_kind(const EVP_PKEY *key, enum sw_jwt_alg alg)
{
	int kind = EVP_PKEY_get_base_id(key);
	FUZZ_CHECK(alg != SW_JWT_RS256 || (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048));
	FUZZ_CHECK(alg != SW_JWT_ES256 || (kind == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256));
	FUZZ_CHECK(alg != SW_JWT_EDDSA || kind == EVP_PKEY_ED25519);
}

static void check_key(EVP_PKEY *key)
{
	int fits = 0;
	for (int alg = SW_JWT_NONE; alg <= SW_JWT_EDDSA; alg++) {
		struct sw_diag diag = {""};
		bool fit = sw_pem_check(key, (enum sw_jwt_alg)alg, &diag) == SW_OK;
		FUZZ_CHECK(fit || fuzz_printable(diag.text));
		FUZZ_CHECK(!fit || alg >= SW_JWT_RS256);
		if (fit) {
			check_kind(key, (enum sw_jwt_alg)alg);
		}
		fits += fit;
	}
	FUZZ_CHECK(fits <= 1);
	if (fits) {
		check_again(key);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(sw_bytes(data, size));
	for (int kind = SW_PEM_PRIVATE; kind <= SW_PEM_PUBLIC; kind++) {
		struct sw_diag diag = {""};
		EVP_PKEY *key = NULL;
		if (sw_pem_read(sw_bytes(copy, size), (enum sw_pem_kind)kind, &key, &diag) == SW_OK) {
			check_key(key);
		} else {
			FUZZ_CHECK(!key && diag.text[0] && fuzz_printable(diag.text));
		}
		EVP_PKEY_free(key);
	}
	ERR_clear_error();
	free(copy);
	return 0;
}
