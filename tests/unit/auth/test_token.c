/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: what a well-signed token must say, one claim wrong at a time. Attacks on the signature are in
 * test_token_attack.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/token.h"
#include "fixture.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

#define SECRET "0123456789abcdef-0123456789abcdef!"
#define NOW_MS INT64_C(1700000000000)

static struct fixture_folder folder;
static struct sw_keyset *keyset;

static int set_up(void **state)
{
	(void)state;
	folder = fixture_folder_new();
	fixture_write_str(&folder, "main.HS256.key", SECRET);
	return sw_keyset_load(folder.path, &keyset, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	sw_keyset_unref(keyset);
	fixture_folder_remove(&folder);
	return 0;
}

static const struct sw_token_policy strict = {.issuer = "idp", .audience = "surewire", .leeway_ms = 30000};
static const struct sw_token_policy loose = {.leeway_ms = 0};

static int verify(const struct sw_token_policy *policy, const char *payload, struct sw_token *token_out,
		  struct sw_diag *diag)
{
	const struct fixture_signer signer = {.alg = SW_JWT_HS256, .secret = sw_bytes_str(SECRET)};
	char *token = fixture_token(&signer, "{\"alg\":\"HS256\",\"kid\":\"main\"}", payload);
	int err = sw_token_verify(keyset, policy, sw_bytes_str(token), NOW_MS, token_out, diag);
	free(token);
	return err;
}

static void expect(const struct sw_token_policy *policy, const char *payload, int err, const char *text)
{
	struct sw_token token;
	struct sw_diag diag = {""};
	assert_int_equal(verify(policy, payload, &token, &diag), err);
	assert_string_equal(diag.text, text);
}

static void token_verify__all_claims__read(void **state)
{
	(void)state;
	struct sw_token token;
	const char *payload =
		"{\"sub\":\"alice\",\"device\":\"phone-1\",\"iss\":\"idp\",\"aud\":[\"other\",\"surewire\"],"
		"\"scope\":\"read admin write\",\"iat\":1699999990,\"nbf\":1699999990,\"exp\":1700000060.5,"
		"\"extra\":{\"a\":[1]}}";
	assert_int_equal(verify(&strict, payload, &token, NULL), SW_OK);
	assert_string_equal(token.user, "alice");
	assert_string_equal(token.device, "phone-1");
	assert_true(token.admin);
	assert_int_equal(token.issued_at_ms, INT64_C(1699999990000));
	assert_int_equal(token.expires_at_ms, INT64_C(1700000060500));
}

static void token_verify__least_claims__read(void **state)
{
	(void)state;
	struct sw_token token;
	assert_int_equal(
		verify(&loose, "{\"sub\":\"bob\",\"exp\":1700000001,\"scope\":\"administrator\"}", &token, NULL),
		SW_OK);
	assert_string_equal(token.user, "bob");
	assert_string_equal(token.device, "");
	assert_false(token.admin);
	assert_int_equal(token.issued_at_ms, 0);
}

static void token_verify__expired__says_so(void **state)
{
	(void)state;
	expect(&loose, "{\"sub\":\"bob\",\"exp\":1699999990}", SW_EEXPIRED, "token: expired 10 s ago");
	expect(&loose, "{\"sub\":\"bob\",\"exp\":1700000000}", SW_EEXPIRED, "token: expired 0 s ago");
	const char *with_leeway = "{\"sub\":\"bob\",\"iss\":\"idp\",\"aud\":\"surewire\",\"exp\":1699999971}";
	struct sw_token token;
	assert_int_equal(verify(&strict, with_leeway, &token, NULL), SW_OK);
	expect(&strict, "{\"sub\":\"bob\",\"iss\":\"idp\",\"aud\":\"surewire\",\"exp\":1699999970}", SW_EEXPIRED,
	       "token: expired 30 s ago");
}

static void token_verify__times_of_the_future__refused(void **state)
{
	(void)state;
	expect(&loose, "{\"sub\":\"bob\",\"exp\":1700000060,\"nbf\":1700000001}", SW_EAUTH,
	       "token: not valid yet (nbf is in the future)");
	expect(&loose, "{\"sub\":\"bob\",\"exp\":1700000060,\"iat\":1700000001}", SW_EAUTH,
	       "token: issued in the future (iat)");
	struct sw_token token;
	assert_int_equal(
		verify(&strict,
		       "{\"sub\":\"bob\",\"iss\":\"idp\",\"aud\":\"surewire\",\"exp\":1700000060,\"nbf\":1700000030,"
		       "\"iat\":1700000030}",
		       &token, NULL),
		SW_OK);
}

static void token_verify__exp_missing_or_no_time__refused(void **state)
{
	(void)state;
	const char *no_time = "token: expected \"exp\" to be seconds since 1970";
	expect(&loose, "{\"sub\":\"bob\"}", SW_EAUTH, "token: expected an expiry time (exp)");
	expect(&loose, "{\"sub\":\"bob\",\"exp\":\"1700000060\"}", SW_EAUTH, no_time);
	expect(&loose, "{\"sub\":\"bob\",\"exp\":null}", SW_EAUTH, no_time);
	expect(&loose, "{\"sub\":\"bob\",\"exp\":-1}", SW_EAUTH, no_time);
	expect(&loose, "{\"sub\":\"bob\",\"exp\":1e300}", SW_EAUTH, no_time);
	expect(&loose, "{\"sub\":\"bob\",\"exp\":9223372036854775807}", SW_EAUTH, no_time);
	expect(&loose, "{\"sub\":\"bob\",\"exp\":1700000060,\"nbf\":true}", SW_EAUTH,
	       "token: expected \"nbf\" to be seconds since 1970");
}

static void token_verify__wrong_audience_or_issuer__refused(void **state)
{
	(void)state;
	const char *aud = "token: expected audience (aud) \"surewire\"";
	expect(&strict, "{\"sub\":\"bob\",\"iss\":\"idp\",\"aud\":\"other\",\"exp\":1700000060}", SW_EAUTH, aud);
	expect(&strict, "{\"sub\":\"bob\",\"iss\":\"idp\",\"exp\":1700000060}", SW_EAUTH, aud);
	expect(&strict, "{\"sub\":\"bob\",\"iss\":\"idp\",\"aud\":[],\"exp\":1700000060}", SW_EAUTH, aud);
	expect(&strict, "{\"sub\":\"bob\",\"iss\":\"idp\",\"aud\":[\"surewire2\",7],\"exp\":1700000060}", SW_EAUTH,
	       aud);
	expect(&strict, "{\"sub\":\"bob\",\"iss\":\"idp\",\"aud\":{\"a\":\"surewire\"},\"exp\":1700000060}", SW_EAUTH,
	       aud);
	expect(&strict, "{\"sub\":\"bob\",\"iss\":\"idp2\",\"aud\":\"surewire\",\"exp\":1700000060}", SW_EAUTH,
	       "token: expected issuer (iss) \"idp\"");
	expect(&strict, "{\"sub\":\"bob\",\"aud\":\"surewire\",\"exp\":1700000060}", SW_EAUTH,
	       "token: expected issuer (iss) \"idp\"");
}

static void token_verify__expired_and_wrong__not_called_expired(void **state)
{
	(void)state;
	expect(&strict, "{\"sub\":\"bob\",\"iss\":\"idp\",\"aud\":\"other\",\"exp\":1}", SW_EAUTH,
	       "token: expected audience (aud) \"surewire\"");
}

static void token_verify__bad_bearer__refused(void **state)
{
	(void)state;
	const char *sub = "token: expected a user name as subject (sub): 1 to 64 of a-z 0-9 . _ @ + -";
	const char *device = "token: expected \"device\" to be 1 to 64 of A-Z a-z 0-9 . _ : -";
	expect(&loose, "{\"exp\":1700000060}", SW_EAUTH, sub);
	expect(&loose, "{\"sub\":\"\",\"exp\":1700000060}", SW_EAUTH, sub);
	expect(&loose, "{\"sub\":7,\"exp\":1700000060}", SW_EAUTH, sub);
	expect(&loose, "{\"sub\":\"Alice\",\"exp\":1700000060}", SW_EAUTH, sub);
	expect(&loose, "{\"sub\":\"a b\",\"exp\":1700000060}", SW_EAUTH, sub);
	expect(&loose,
	       "{\"sub\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"exp\":1700000060}",
	       SW_EAUTH, sub);
	expect(&loose, "{\"sub\":\"bob\",\"device\":\"\",\"exp\":1700000060}", SW_EAUTH, device);
	expect(&loose, "{\"sub\":\"bob\",\"device\":1,\"exp\":1700000060}", SW_EAUTH, device);
	expect(&loose, "{\"sub\":\"bob\",\"device\":\"a/b\",\"exp\":1700000060}", SW_EAUTH, device);
}

static void token_verify__payload_no_object__refused(void **state)
{
	(void)state;
	const char *text = "token: expected the payload to be base64url of a JSON object";
	expect(&loose, "[]", SW_EAUTH, text);
	expect(&loose, "\"bob\"", SW_EAUTH, text);
	expect(&loose, "{\"sub\":\"bob\",\"sub\":\"alice\",\"exp\":1700000060}", SW_EAUTH, text);
	expect(&loose, "{\"sub\":\"bob\",\"exp\":1700000060} x", SW_EAUTH, text);
	expect(&loose, "{\"sub\":\"bob\",\"exp\":1700000060,\"x\":[[[[[[[[[[[[1]]]]]]]]]]]]}", SW_EAUTH, text);
	expect(&loose, "{\"sub\":\"bob\\u0000\",\"exp\":1700000060}", SW_EAUTH, text);
	expect(&loose, "{\"sub\":\"b\xff\",\"exp\":1700000060}", SW_EAUTH, text);
}

static void token_mint__all_claims__verifies(void **state)
{
	(void)state;
	const struct sw_token_claims claims = {.user = "alice",
					       .device = "d1",
					       .issuer = "idp",
					       .audience = "surewire",
					       .admin = true,
					       .lifetime_ms = 60999};
	char *text = NULL;
	struct sw_token token;
	assert_int_equal(sw_token_mint(keyset, &claims, NOW_MS, &text, NULL), SW_OK);
	assert_int_equal(sw_token_verify(keyset, &strict, sw_bytes_str(text), NOW_MS, &token, NULL), SW_OK);
	assert_string_equal(token.user, "alice");
	assert_string_equal(token.device, "d1");
	assert_true(token.admin);
	assert_int_equal(token.expires_at_ms, NOW_MS + 60000);
	free(text);
}

static void expect_mint(const struct sw_token_claims *claims, int err, const char *text)
{
	char *token = NULL;
	struct sw_diag diag = {""};
	assert_int_equal(sw_token_mint(keyset, claims, NOW_MS, &token, &diag), err);
	assert_string_equal(diag.text, text);
	assert_null(token);
}

static void token_mint__bad_claims__refused(void **state)
{
	(void)state;
	struct sw_token_claims claims = {.user = "Alice", .lifetime_ms = 60000};
	expect_mint(&claims, SW_EINVAL, "expected a user name of 1 to 64 of a-z 0-9 . _ @ + -, got \"Alice\"");
	claims = (struct sw_token_claims){.user = "alice", .lifetime_ms = 999};
	expect_mint(&claims, SW_EINVAL, "expected a lifetime of at least one second");
	claims = (struct sw_token_claims){.user = "alice", .device = "a b", .lifetime_ms = 60000};
	expect_mint(&claims, SW_EINVAL, "expected a device of 1 to 64 of A-Z a-z 0-9 . _ : -, got \"a b\"");
	claims = (struct sw_token_claims){.user = "alice", .lifetime_ms = 60000, .kid = "other"};
	expect_mint(&claims, SW_ENOTFOUND, "no HS256 key \"other\": only shared secrets can sign here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_verify__all_claims__read),
		cmocka_unit_test(token_verify__least_claims__read),
		cmocka_unit_test(token_verify__expired__says_so),
		cmocka_unit_test(token_verify__times_of_the_future__refused),
		cmocka_unit_test(token_verify__exp_missing_or_no_time__refused),
		cmocka_unit_test(token_verify__wrong_audience_or_issuer__refused),
		cmocka_unit_test(token_verify__expired_and_wrong__not_called_expired),
		cmocka_unit_test(token_verify__bad_bearer__refused),
		cmocka_unit_test(token_verify__payload_no_object__refused),
		cmocka_unit_test(token_mint__all_claims__verifies),
		cmocka_unit_test(token_mint__bad_claims__refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
