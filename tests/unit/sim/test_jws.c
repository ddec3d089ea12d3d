/* SPDX-License-Identifier: Apache-2.0 */
/* The good token is that of RFC 7515, appendix A.3. */
#include "sim_test.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "sim/jws.h"

/* RFC 7515, A.3: public key {"kty":"EC","crv":"P-256"} as SubjectPublicKeyInfo. */
static const uint8_t a3_point[] = {0x04, 127, 205, 206, 39,  112, 246, 196, 93,  65,  131, 203, 238, 111, 219, 75,  123,
				   88,   7,   51,  53,  123, 233, 239, 19,  186, 207, 110, 60,  123, 209, 84,  69,  199,
				   241,  68,  205, 27,  189, 155, 126, 135, 44,  223, 237, 185, 238, 185, 244, 179, 105,
				   93,   110, 169, 11,  36,  173, 138, 70,  35,  40,  133, 136, 229, 173};
static const char a3_token[] =
	"eyJhbGciOiJFUzI1NiJ9."
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

static EVP_PKEY *a3_key(void)
{
	char group[] = "prime256v1";
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("group", group, 0),
			       OSSL_PARAM_construct_octet_string("pub", (void *)(uintptr_t)a3_point, sizeof(a3_point)),
			       OSSL_PARAM_construct_end()};
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void verify__rfc7515_a3__good_and_every_changed_bit_bad(void **state)
{
	(void)state;
	EVP_PKEY *key = a3_key();
	struct sw_sim_jws jws;
	assert_int_equal(sw_sim_jws_parse(sw_bytes_str(a3_token), &jws), SW_OK);
	assert_true(sw_sim_jws_verify(&jws, "ES256", key));
	assert_false(sw_sim_jws_verify(&jws, "RS256", key));
	assert_int_equal(jws.signature_len, 64);
	for (size_t i = 0; i < jws.signature_len; i++) {
		jws.signature[i] ^= 1;
		assert_false(sw_sim_jws_verify(&jws, "ES256", key));
		jws.signature[i] ^= 1;
	}
	jws.signature_len = 63;
	assert_false(sw_sim_jws_verify(&jws, "ES256", key));
	sw_sim_jws_release(&jws);
	EVP_PKEY_free(key);
}

static void parse__malformed__refused(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"",          ".",        "..",       "e30",     "e30.e30",     "e30.e30.A", "e30.e30.=", "e30.e30.AB",
		"e30=.e30.", "e30.W10.", "W10.e30.", "e30.e3.", "e30.e30.a.b", "e30.!!!.",  " e30.e30.",
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_jws jws;
		if (sw_sim_jws_parse(sw_bytes_str(rows[i]), &jws) == SW_OK) {
			fail_msg("taken: %s", rows[i]);
		}
	}
}

static void parse__every_cut__no_good_signature(void **state)
{
	(void)state;
	EVP_PKEY *key = a3_key();
	for (size_t len = 0; len < sizeof(a3_token) - 1; len++) {
		struct sw_sim_jws jws;
		if (sw_sim_jws_parse(sw_bytes(a3_token, len), &jws) == SW_OK) {
			assert_false(sw_sim_jws_verify(&jws, "ES256", key));
			sw_sim_jws_release(&jws);
		}
	}
	EVP_PKEY_free(key);
}

static void parse__longer_than_the_bound__refused(void **state)
{
	(void)state;
	static char text[SW_SIM_JWS_MAX + 8];
	struct sw_sim_jws jws;
	memset(text, 'A', sizeof(text));
	memcpy(text, "e30.e30.", 8);
	assert_int_equal(sw_sim_jws_parse(sw_bytes(text, sizeof(text)), &jws), SW_EPARSE);
}

static int parse_key(EVP_PKEY *key, const EVP_CIPHER *cipher, const char *alg)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	EVP_PKEY *got = NULL;
	struct sw_diag diag = {{0}};
	assert_int_equal(
		PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, cipher ? "pw" : NULL, cipher ? 2 : 0, NULL, NULL), 1);
	long len = BIO_get_mem_data(bio, &pem);
	int err = sw_sim_key_parse("file", sw_bytes(pem, (size_t)len), alg, &got, &diag);
	assert_int_equal(err != SW_OK, diag.text[0] != '\0');
	EVP_PKEY_free(got);
	BIO_free(bio);
	return err;
}

static void key_parse__kinds__only_the_right_one_for_the_algorithm(void **state)
{
	(void)state;
	EVP_PKEY *p256 = EVP_EC_gen("prime256v1");
	EVP_PKEY *p384 = EVP_EC_gen("secp384r1");
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	EVP_PKEY *small = EVP_RSA_gen(1024);
	assert_int_equal(parse_key(p256, NULL, "ES256"), SW_OK);
	assert_int_equal(parse_key(p384, NULL, "ES256"), SW_ECONFIG);
	assert_int_equal(parse_key(rsa, NULL, "ES256"), SW_ECONFIG);
	assert_int_equal(parse_key(rsa, NULL, "RS256"), SW_OK);
	assert_int_equal(parse_key(small, NULL, "RS256"), SW_ECONFIG);
	assert_int_equal(parse_key(p256, NULL, "RS256"), SW_ECONFIG);
	assert_int_equal(parse_key(p256, EVP_aes_128_cbc(), "ES256"), SW_ECONFIG);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verify__rfc7515_a3__good_and_every_changed_bit_bad),
		cmocka_unit_test(parse__malformed__refused),
		cmocka_unit_test(parse__every_cut__no_good_signature),
		cmocka_unit_test(parse__longer_than_the_bound__refused),
		cmocka_unit_test(key_parse__kinds__only_the_right_one_for_the_algorithm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
