/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of keys: names, contents, and the exact words when something is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/keyset_int.h"
#include "fixture.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEX64 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static struct sw_keyset *load(const struct fixture_folder *folder)
{
	struct sw_keyset *keyset = NULL;
	struct sw_diag diag = {""};
	int err = sw_keyset_load(folder->path, &keyset, &diag);
	if (err) {
		print_error("%s\n", diag.text);
	}
	assert_int_equal(err, SW_OK);
	return keyset;
}

static void expect_secret(struct sw_bytes contents, struct sw_bytes secret)
{
	struct fixture_folder folder = fixture_folder_new();
	fixture_write(&folder, "main.HS256.key", contents);
	struct sw_keyset *keyset = load(&folder);
	const struct sw_key *key = sw_keyset_find(keyset, sw_bytes_str("main"));
	assert_non_null(key);
	assert_int_equal(key->alg, SW_JWT_HS256);
	assert_int_equal(key->secret_len, secret.len);
	assert_memory_equal(key->secret, secret.ptr, secret.len);
	sw_keyset_unref(keyset);
	fixture_folder_remove(&folder);
}

static void keyset_load__secret_as_hex_text_or_bytes__same_rules(void **state)
{
	(void)state;
	uint8_t bytes[33];
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)i;
	}
	expect_secret(sw_bytes_str(HEX64), sw_bytes(bytes, 32));
	expect_secret(sw_bytes_str(HEX64 "\n"), sw_bytes(bytes, 32));
	expect_secret(sw_bytes_str("correct horse battery staple is long\r\n"),
		      sw_bytes_str("correct horse battery staple is long"));
	bytes[32] = '\n'; /* binary that happens to end in a line end stays as it is */
	expect_secret(sw_bytes(bytes, 33), sw_bytes(bytes, 33));
}

static void keyset_load__all_kinds__found_by_kid(void **state)
{
	(void)state;
	struct fixture_folder folder = fixture_folder_new();
	static const char *const rows[][2] = {
		{"RSA2048", "idp.example.RS256.pem"}, {"P256", "x.ES256.pem"}, {"ED25519", "y.EdDSA.pem"}};
	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY *key = fixture_key(rows[i][0]);
		char *pem = fixture_public_pem(key);
		fixture_write_str(&folder, rows[i][1], pem);
		free(pem);
		EVP_PKEY_free(key);
	}
	fixture_write_str(&folder, "main.HS256.key", HEX64);
	fixture_write_str(&folder, ".hidden", "x");
	fixture_write_str(&folder, "main.HS256.key~", "x");
	struct sw_keyset *keyset = load(&folder);
	assert_int_equal(sw_keyset_count(keyset), 4);
	assert_int_equal(sw_keyset_find(keyset, sw_bytes_str("idp.example"))->alg, SW_JWT_RS256);
	assert_int_equal(sw_keyset_find(keyset, sw_bytes_str("x"))->alg, SW_JWT_ES256);
	assert_int_equal(sw_keyset_find(keyset, sw_bytes_str("y"))->alg, SW_JWT_EDDSA);
	assert_null(sw_keyset_find(keyset, sw_bytes_str("z")));
	assert_null(sw_keyset_find(keyset, sw_bytes_str("")));
	sw_keyset_unref(sw_keyset_ref(keyset));
	assert_int_equal(sw_keyset_count(keyset), 4);
	sw_keyset_unref(keyset);
	fixture_folder_remove(&folder);
}

/* One file in an otherwise empty folder; the text after "PATH: ". */
static void expect_refused(const char *name, struct sw_bytes contents, const char *text)
{
	struct fixture_folder folder = fixture_folder_new();
	fixture_write(&folder, name, contents);
	struct sw_keyset *keyset = NULL;
	struct sw_diag diag = {""};
	assert_int_equal(sw_keyset_load(folder.path, &keyset, &diag), SW_ECONFIG);
	char *expected = sw_xasprintf("%s/%s: %s", folder.path, name, text);
	assert_string_equal(diag.text, expected);
	assert_null(keyset);
	free(expected);
	fixture_folder_remove(&folder);
}

static void keyset_load__bad_name__refused(void **state)
{
	(void)state;
	const char *name = "expected a name like main.HS256.key or idp.RS256.pem (kid of 1 to 64 of A-Z a-z 0-9 . _ -)";
	const char *end = "expected the name to end in .HS256.key, .RS256.pem, .ES256.pem or .EdDSA.pem";
	expect_refused("readme", sw_bytes_str("x"), name);
	expect_refused("key.pem", sw_bytes_str("x"), name);
	expect_refused("a b.HS256.key", sw_bytes_str("x"), name);
	expect_refused("main.HS512.key", sw_bytes_str(HEX64), end);
	expect_refused("main.hs256.key", sw_bytes_str(HEX64), end);
	expect_refused("main.none.key", sw_bytes_str(HEX64), end);
	expect_refused("main.HS256.pem", sw_bytes_str(HEX64), end);
	expect_refused("main.RS256.key", sw_bytes_str(HEX64), end);
}

static void keyset_load__bad_secret__refused(void **state)
{
	(void)state;
	expect_refused("m.HS256.key", sw_bytes_str("0123456789abcdef0123456789abcde\n"),
		       "expected a secret of 32 to 512 bytes, got 31");
	expect_refused("m.HS256.key", sw_bytes_str(""), "expected a secret of 32 to 512 bytes, got 0");
	char *big = sw_xcalloc(1, 20000);
	memset(big, 'x', 19999);
	expect_refused("m.HS256.key", sw_bytes_str(big), "expected at most 16384 bytes");
	expect_refused("m.HS256.key", sw_bytes(big, 513), "expected a secret of 32 to 512 bytes, got 513");
	free(big);
}

static void refuse_pem(const char *name, const char *kind, bool private, const char *text)
{
	EVP_PKEY *key = fixture_key(kind);
	char *pem = private ? fixture_private_pem(key, NULL) : fixture_public_pem(key);
	expect_refused(name, sw_bytes_str(pem), text);
	free(pem);
	EVP_PKEY_free(key);
}

static void keyset_load__pem_that_does_not_fit__refused(void **state)
{
	(void)state;
	refuse_pem("a.HS256.key", "RSA2048", false,
		   "expected a shared secret, got PEM: whoever has the public key could sign with it");
	refuse_pem("a.RS256.pem", "P256", false, "expected an RSA key of at least 2048 bits for RS256, got EC of 256");
	refuse_pem("a.RS256.pem", "RSA1024", false,
		   "expected an RSA key of at least 2048 bits for RS256, got RSA of 1024");
	refuse_pem("a.ES256.pem", "P384", false, "expected an EC key on P-256 for ES256, got EC of 384 bits");
	refuse_pem("a.EdDSA.pem", "P256", false, "expected an Ed25519 key for EdDSA, got EC of 256 bits");
	refuse_pem("a.ES256.pem", "P256", true, "expected a public key, got a private one: keep it at the issuer");
	expect_refused("a.ES256.pem", sw_bytes_str("junk"),
		       "expected a public key in PEM (\"-----BEGIN PUBLIC KEY-----\"), got something else");
}

static void keyset_load__folder__empty_missing_or_ambiguous(void **state)
{
	(void)state;
	struct sw_keyset *keyset = NULL;
	struct sw_diag missing = {""};
	assert_int_equal(sw_keyset_load("/nonexistent/keys", &keyset, &missing), SW_ECONFIG);
	assert_string_equal(missing.text, "/nonexistent/keys: expected a folder of keys: No such file or directory");

	struct fixture_folder folder = fixture_folder_new();
	struct sw_diag empty = {""};
	assert_int_equal(sw_keyset_load(folder.path, &keyset, &empty), SW_ECONFIG);
	assert_non_null(strstr(empty.text, "expected at least one key file, e.g. main.HS256.key"));

	EVP_PKEY *key = fixture_key("P256");
	char *pem = fixture_public_pem(key);
	fixture_write_str(&folder, "a.HS256.key", HEX64);
	fixture_write_str(&folder, "a.ES256.pem", pem);
	struct sw_diag twice = {""};
	assert_int_equal(sw_keyset_load(folder.path, &keyset, &twice), SW_ECONFIG);
	assert_non_null(strstr(twice.text, "expected one key for each kid, got \"a\" twice"));
	free(pem);
	EVP_PKEY_free(key);
	fixture_folder_remove(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keyset_load__secret_as_hex_text_or_bytes__same_rules),
		cmocka_unit_test(keyset_load__all_kinds__found_by_kid),
		cmocka_unit_test(keyset_load__bad_name__refused),
		cmocka_unit_test(keyset_load__bad_secret__refused),
		cmocka_unit_test(keyset_load__pem_that_does_not_fit__refused),
		cmocka_unit_test(keyset_load__folder__empty_missing_or_ambiguous),
	};
	umask(077); /* secrets readable by all are only a log line, which the tests do not need */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
