/* SPDX-License-Identifier: Apache-2.0 */
/* Signing for providers: what comes out verifies with OpenSSL, and keys that do not fit are refused with a reason,
 * without a prompt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/token.h"
#include "fixture.h"

#include <surewire/jwt.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static int sign(const char *alg, const char *pem, const char *kid, char **token_out, struct sw_diag *diag)
{
	json_t *claims = json_pack("{s:s, s:s, s:I, s:I}", "sub", "alice", "iss", "TEAM", "iat", (json_int_t)1700000000,
				   "exp", (json_int_t)1700003600);
	int err = sw_jwt_sign(alg, sw_bytes_str(pem), kid, claims, token_out, diag);
	json_decref(claims);
	return err;
}

static void check_round_trip(const char *alg, const char *kind, const char *file)
{
	EVP_PKEY *key = fixture_key(kind);
	char *private_pem = fixture_private_pem(key, NULL);
	char *public_pem = fixture_public_pem(key);
	struct fixture_folder folder = fixture_folder_new();
	fixture_write_str(&folder, file, public_pem);
	char *token = NULL;
	assert_int_equal(sign(alg, private_pem, "k1", &token, NULL), SW_OK);
	struct sw_keyset *keyset = NULL;
	assert_int_equal(sw_keyset_load(folder.path, &keyset, NULL), SW_OK);
	const struct sw_token_policy policy = {.issuer = "TEAM"};
	struct sw_token read;
	assert_int_equal(sw_token_verify(keyset, &policy, sw_bytes_str(token), INT64_C(1700000001000), &read, NULL),
			 SW_OK);
	assert_string_equal(read.user, "alice");
	sw_keyset_unref(keyset);
	fixture_folder_remove(&folder);
	free(token);
	free(private_pem);
	free(public_pem);
	EVP_PKEY_free(key);
}

static void jwt_sign__es256_and_rs256__verify(void **state)
{
	(void)state;
	check_round_trip("ES256", "P256", "k1.ES256.pem");
	check_round_trip("RS256", "RSA2048", "k1.RS256.pem");
}

static void expect_refused(const char *alg, const char *pem, const char *text)
{
	char *token = NULL;
	struct sw_diag diag = {""};
	assert_int_equal(sign(alg, pem, NULL, &token, &diag), SW_EINVAL);
	assert_string_equal(diag.text, text);
	assert_null(token);
}

static void refuse_key(const char *alg, const char *kind, const char *passphrase, const char *text)
{
	EVP_PKEY *key = fixture_key(kind);
	char *pem = fixture_private_pem(key, passphrase);
	expect_refused(alg, pem, text);
	free(pem);
	EVP_PKEY_free(key);
}

static void jwt_sign__key_of_another_kind__refused(void **state)
{
	(void)state;
	refuse_key("ES256", "P384", NULL, "expected an EC key on P-256 for ES256, got EC of 384 bits");
	refuse_key("ES256", "RSA2048", NULL, "expected an EC key on P-256 for ES256, got RSA of 2048 bits");
	refuse_key("RS256", "P256", NULL, "expected an RSA key of at least 2048 bits for RS256, got EC of 256");
	refuse_key("RS256", "RSA1024", NULL, "expected an RSA key of at least 2048 bits for RS256, got RSA of 1024");
}

static void jwt_sign__encrypted_key__refused_without_a_prompt(void **state)
{
	(void)state;
	refuse_key("ES256", "P256", "secret",
		   "expected a private key in PEM without a passphrase, got an encrypted one");
}

static void jwt_sign__not_a_key__refused(void **state)
{
	(void)state;
	const char *text = "expected a private key in PEM (\"-----BEGIN PRIVATE KEY-----\"), got something else";
	expect_refused("ES256", "hello", text);
	expect_refused("RS256", "", "expected a private key in PEM of 1 to 16384 bytes, got 0");
	expect_refused("HS256", "too short", "expected a secret of 32 to 16384 bytes for HS256, got 9");
	expect_refused("none", "x", "expected alg ES256, RS256 or HS256, got \"none\"");
	EVP_PKEY *key = fixture_key("P256");
	char *public_pem = fixture_public_pem(key);
	expect_refused("ES256", public_pem, text);
	/* Every cut of a key is refused, and says so. */
	char *pem = fixture_private_pem(key, NULL);
	for (size_t len = 1; len + 28 < strlen(pem); len++) {
		char *cut = sw_xstrndup(pem, len);
		expect_refused("ES256", cut, text);
		free(cut);
	}
	free(pem);
	free(public_pem);
	EVP_PKEY_free(key);
}

static void jwt_sign__bad_claims__refused(void **state)
{
	(void)state;
	const char *secret = "0123456789abcdef0123456789abcdef";
	char *token = NULL;
	struct sw_diag diag = {""};
	json_t *array = json_array();
	assert_int_equal(sw_jwt_sign("HS256", sw_bytes_str(secret), NULL, array, &token, &diag), SW_EINVAL);
	assert_string_equal(diag.text, "expected the claims to be a JSON object");
	json_decref(array);
	char *big = sw_xcalloc(1, 9000);
	memset(big, 'x', 8999);
	json_t *claims = json_pack("{s:s}", "sub", big);
	struct sw_diag second = {""};
	assert_int_equal(sw_jwt_sign("HS256", sw_bytes_str(secret), NULL, claims, &token, &second), SW_EINVAL);
	assert_string_equal(second.text, "expected claims of at most 8192 bytes");
	json_decref(claims);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jwt_sign__es256_and_rs256__verify),
		cmocka_unit_test(jwt_sign__key_of_another_kind__refused),
		cmocka_unit_test(jwt_sign__encrypted_key__refused_without_a_prompt),
		cmocka_unit_test(jwt_sign__not_a_key__refused),
		cmocka_unit_test(jwt_sign__bad_claims__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
