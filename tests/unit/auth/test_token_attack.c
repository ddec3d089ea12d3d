/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks on the way a token is read: algorithms, key ids, cut and changed tokens, other spellings of a signature.
 * Every refusal is also checked to reveal nothing of the token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/token.h"
#include "fixture.h"

#include <surewire/mem.h>

#include <openssl/ec.h>

#include <stdlib.h>
#include <string.h>

#define SECRET "0123456789abcdef-0123456789abcdef!"
#define NOW_MS INT64_C(1700000000000)
#define CLAIMS "{\"sub\":\"alice\",\"exp\":1700000060}"

enum { KINDS = 4 };
static const char *const kids[KINDS] = {"hs", "rs", "es", "ed"};
static const char *const alg_names[KINDS] = {"HS256", "RS256", "ES256", "EdDSA"};
static struct fixture_signer signers[KINDS] = {
	{.alg = SW_JWT_HS256}, {.alg = SW_JWT_RS256}, {.alg = SW_JWT_ES256}, {.alg = SW_JWT_EDDSA}};
static char *public_pems[KINDS];
static struct fixture_folder folder;
static struct sw_keyset *keyset;

static int set_up(void **state)
{
	(void)state;
	static const char *const key_kinds[KINDS] = {NULL, "RSA2048", "P256", "ED25519"};
	folder = fixture_folder_new();
	fixture_write_str(&folder, "hs.HS256.key", SECRET);
	signers[0].secret = sw_bytes_str(SECRET);
	for (int i = 1; i < KINDS; i++) {
		signers[i].key = fixture_key(key_kinds[i]);
		public_pems[i] = fixture_public_pem(signers[i].key);
		char *name = sw_xasprintf("%s.%s.pem", kids[i], alg_names[i]);
		fixture_write_str(&folder, name, public_pems[i]);
		free(name);
	}
	return sw_keyset_load(folder.path, &keyset, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 1; i < KINDS; i++) {
		EVP_PKEY_free(signers[i].key);
		free(public_pems[i]);
	}
	sw_keyset_unref(keyset);
	fixture_folder_remove(&folder);
	return 0;
}

static const struct sw_token_policy policy = {.leeway_ms = 0};

static int verify(const char *token, struct sw_diag *diag)
{
	/* A copy of exactly that length, so that reading past the end is seen. */
	size_t len = strlen(token);
	char *exact = malloc(len ? len : 1);
	memcpy(exact, token, len);
	struct sw_token read;
	int err = sw_token_verify(keyset, &policy, sw_bytes(exact, len), NOW_MS, &read, diag);
	free(exact);
	return err;
}

static void expect_refused(const char *token, const char *text)
{
	struct sw_diag diag = {""};
	assert_int_equal(verify(token, &diag), SW_EAUTH);
	assert_string_equal(diag.text, text);
}

static char *good_token(int kind)
{
	char *header = sw_xasprintf("{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", alg_names[kind], kids[kind]);
	char *token = fixture_token(&signers[kind], header, CLAIMS);
	free(header);
	return token;
}

static void token_verify__each_algorithm__accepted(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		char *token = good_token(kind);
		struct sw_diag diag = {""};
		assert_int_equal(verify(token, &diag), SW_OK);
		assert_string_equal(diag.text, "");
		free(token);
	}
}

static void token_verify__every_cut__refused(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		char *token = good_token(kind);
		const char *signature = strrchr(token, '.') + 1;
		for (size_t len = 0; len < strlen(token); len++) {
			char *cut = sw_xstrndup(token, len);
			struct sw_diag diag = {""};
			assert_int_equal(verify(cut, &diag), SW_EAUTH);
			assert_memory_equal(diag.text, "token: ", 7);
			assert_null(strstr(diag.text, signature));
			free(cut);
		}
		free(token);
	}
}

static void token_verify__every_character_changed__refused(void **state)
{
	(void)state;
	for (int kind = 0; kind < KINDS; kind++) {
		char *token = good_token(kind);
		for (size_t i = 0; token[i]; i++) {
			char before = token[i];
			token[i] = before == 'A' ? 'B' : 'A';
			assert_int_equal(verify(token, NULL), SW_EAUTH);
			token[i] = '=';
			assert_int_equal(verify(token, NULL), SW_EAUTH);
			token[i] = before;
		}
		assert_int_equal(verify(token, NULL), SW_OK);
		free(token);
	}
}

static void token_verify__anything_added__refused(void **state)
{
	(void)state;
	static const char *const tails[] = {"A", "=", ".", ".AAAA", " ", "\n", "AAAA"};
	for (int kind = 0; kind < KINDS; kind++) {
		char *token = good_token(kind);
		for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
			char *longer = sw_xasprintf("%s%s", token, tails[i]);
			assert_int_equal(verify(longer, NULL), SW_EAUTH);
			free(longer);
		}
		char *before = sw_xasprintf(" %s", token);
		assert_int_equal(verify(before, NULL), SW_EAUTH);
		free(before);
		free(token);
	}
}

/* A header signed by a signer who should not be able to. */
static void attack(const struct fixture_signer *signer, const char *header, const char *text)
{
	char *token = fixture_token(signer, header, CLAIMS);
	expect_refused(token, text);
	free(token);
}

static void token_verify__alg_none__refused(void **state)
{
	(void)state;
	const struct fixture_signer nobody = {.alg = SW_JWT_NONE};
	attack(&nobody, "{\"alg\":\"none\",\"kid\":\"rs\"}", "token: expected three parts joined by dots");
	char *unsigned_token = fixture_token_raw("{\"alg\":\"none\",\"kid\":\"rs\"}", CLAIMS, sw_bytes_str("x"));
	expect_refused(unsigned_token, "token: expected algorithm RS256 for key \"rs\", got \"none\"");
	free(unsigned_token);
	attack(&signers[0], "{\"alg\":\"none\",\"kid\":\"hs\"}",
	       "token: expected algorithm HS256 for key \"hs\", got \"none\"");
	attack(&signers[0], "{\"alg\":\"hs256\",\"kid\":\"hs\"}",
	       "token: expected algorithm HS256 for key \"hs\", got \"hs256\"");
	attack(&signers[0], "{\"kid\":\"hs\"}", "token: expected algorithm HS256 for key \"hs\", got \"\"");
	attack(&signers[0], "{\"alg\":5,\"kid\":\"hs\"}", "token: expected algorithm HS256 for key \"hs\", got \"\"");
}

static void token_verify__hs256_with_the_public_key__refused(void **state)
{
	(void)state;
	for (int kind = 1; kind < KINDS; kind++) {
		const struct fixture_signer forger = {.alg = SW_JWT_HS256, .secret = sw_bytes_str(public_pems[kind])};
		char *header = sw_xasprintf("{\"alg\":\"HS256\",\"kid\":\"%s\"}", kids[kind]);
		char *text = sw_xasprintf("token: expected algorithm %s for key \"%s\", got \"HS256\"", alg_names[kind],
					  kids[kind]);
		attack(&forger, header, text);
		free(header);
		free(text);
		/* The honest name with the forged signature. */
		header = sw_xasprintf("{\"alg\":\"%s\",\"kid\":\"%s\"}", alg_names[kind], kids[kind]);
		text = sw_xasprintf("token: signature does not match key \"%s\"", kids[kind]);
		attack(&forger, header, text);
		free(header);
		free(text);
	}
}

static void token_verify__key_id__must_be_known(void **state)
{
	(void)state;
	attack(&signers[0], "{\"alg\":\"HS256\",\"kid\":\"other\"}", "token: unknown key id (kid) \"other\"");
	attack(&signers[0], "{\"alg\":\"HS256\"}",
	       "token: expected a key id (kid) in the header, since there are 4 keys");
	attack(&signers[0], "{\"alg\":\"HS256\",\"kid\":\"\"}", "token: expected the key id (kid) to be text");
	attack(&signers[0], "{\"alg\":\"HS256\",\"kid\":7}", "token: expected the key id (kid) to be text");
	attack(&signers[0], "{\"alg\":\"HS256\",\"kid\":\"../hs\\n\\\"x\"}",
	       "token: unknown key id (kid) \"../hs??x\"");
	attack(&signers[0], "{\"alg\":\"HS256\",\"kid\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
	       "token: unknown key id (kid) \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"");
	attack(&signers[0], "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", "token: signature does not match key \"ed\"");
	attack(&signers[0], "{\"alg\":\"HS256\",\"kid\":\"hs\",\"crit\":[\"b64\"],\"b64\":false}",
	       "token: critical header extensions (crit) are not supported");
}

static void token_verify__no_key_id_and_one_key__accepted(void **state)
{
	(void)state;
	struct fixture_folder single = fixture_folder_new();
	fixture_write_str(&single, "only.HS256.key", SECRET);
	struct sw_keyset *one = NULL;
	assert_int_equal(sw_keyset_load(single.path, &one, NULL), SW_OK);
	char *token = fixture_token(&signers[0], "{\"alg\":\"HS256\"}", CLAIMS);
	char *wrong = fixture_token(&signers[0], "{\"alg\":\"HS256\",\"kid\":\"hs\"}", CLAIMS);
	struct sw_token read;
	assert_int_equal(sw_token_verify(one, &policy, sw_bytes_str(token), NOW_MS, &read, NULL), SW_OK);
	assert_int_equal(sw_token_verify(one, &policy, sw_bytes_str(wrong), NOW_MS, &read, NULL), SW_EAUTH);
	free(token);
	free(wrong);
	sw_keyset_unref(one);
	fixture_folder_remove(&single);
}

static void token_verify__header_no_object__refused(void **state)
{
	(void)state;
	const char *text = "token: expected the header to be base64url of a JSON object";
	attack(&signers[0], "[]", text);
	attack(&signers[0], "x", text);
	attack(&signers[0], "{\"alg\":\"HS256\",\"alg\":\"none\",\"kid\":\"hs\"}", text);
	expect_refused("a.b.c", text);
	expect_refused("", "token: expected 1 to 4096 bytes, got 0");
	expect_refused("..", "token: expected three parts joined by dots");
	expect_refused("abc", "token: expected three parts joined by dots");
	expect_refused("a.b.c.d", "token: expected three parts joined by dots");
}

static void token_verify__too_long__refused_before_reading(void **state)
{
	(void)state;
	char *big = sw_xcalloc(1, 4098);
	memset(big, 'A', 4097);
	expect_refused(big, "token: expected 1 to 4096 bytes, got 4097");
	free(big);
	const struct sw_token_policy small = {.max_bytes = 10};
	char *token = good_token(0);
	struct sw_token read;
	assert_int_equal(sw_token_verify(keyset, &small, sw_bytes_str(token), NOW_MS, &read, NULL), SW_EAUTH);
	free(token);
}

static void token_verify__es256_in_another_form__refused(void **state)
{
	(void)state;
	const char *header = "{\"alg\":\"ES256\",\"kid\":\"es\"}";
	const char *text = "token: signature does not match key \"es\"";
	uint8_t zeros[96] = {0};
	static const size_t lengths[] = {1, 63, 64, 65, 96};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *token = fixture_token_raw(header, CLAIMS, sw_bytes(zeros, lengths[i]));
		expect_refused(token, text);
		free(token);
	}
	/* DER, as OpenSSL makes it, is not JWS. */
	char *head = fixture_token_raw(header, CLAIMS, sw_bytes(NULL, 0));
	uint8_t der[128];
	size_t len = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, signers[2].key), 1);
	assert_int_equal(EVP_DigestSign(ctx, der, &len, (const uint8_t *)head, strlen(head) - 1), 1);
	char *token = fixture_token_raw(header, CLAIMS, sw_bytes(der, len));
	expect_refused(token, text);
	free(token);
	free(head);
	EVP_MD_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_verify__each_algorithm__accepted),
		cmocka_unit_test(token_verify__every_cut__refused),
		cmocka_unit_test(token_verify__every_character_changed__refused),
		cmocka_unit_test(token_verify__anything_added__refused),
		cmocka_unit_test(token_verify__alg_none__refused),
		cmocka_unit_test(token_verify__hs256_with_the_public_key__refused),
		cmocka_unit_test(token_verify__key_id__must_be_known),
		cmocka_unit_test(token_verify__no_key_id_and_one_key__accepted),
		cmocka_unit_test(token_verify__header_no_object__refused),
		cmocka_unit_test(token_verify__too_long__refused_before_reading),
		cmocka_unit_test(token_verify__es256_in_another_form__refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
