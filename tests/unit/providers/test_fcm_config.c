/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of the FCM provider, its service account, and the life of its access token. */
#include "access_token.h"

#include <surewire/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0 ACCESS_TOKEN_T0

static int on_group_setup(void **state)
{
	(void)state;
	fixture_open();
	fixture_account("account.json", NULL);
	fixture_account("rotated.json", "{\"private_key_id\":\"ffff\"}");
	fixture_account("project.json", "{\"project_id\":\"other-project\"}");
	fixture_account("bad_type.json", "{\"type\":\"authorized_user\"}");
	fixture_account("bad_project.json", "{\"project_id\":\"a/../b\"}");
	fixture_account("no_email.json", "{\"client_email\":\"\"}");
	fixture_account("bad_uri.json", "{\"token_uri\":\"http://oauth2.googleapis.com/token\"}");
	fixture_account("no_key.json", "{\"private_key\":\"\"}");
	fixture_account("encrypted.json", "{\"private_key\":\"-----BEGIN ENCRYPTED PRIVATE KEY-----\\nx\"}");
	fixture_account("broken_key.json", "{\"private_key\":\"-----BEGIN PRIVATE KEY-----\\nc2VjcmV0\\n"
					   "-----END PRIVATE KEY-----\"}");
	fixture_write("text.json", "hello", 5);
	fixture_write("empty.json", "", 0);
	static char big[33 * 1024];
	memset(big, ' ', sizeof(big));
	fixture_write("big.json", big, sizeof(big));
	fixture_write("ca.pem", "x", 1);
	return 0;
}

static void base_config(struct config_fake *fake)
{
	config_fake_init(fake, "fcm");
	config_fake_set(fake, "service_account_file", fixture_path("account.json"));
}

static const struct section section = {&sw_provider_fcm, base_config};

static struct sw_provider *opened(void)
{
	return section_open(&section, NULL, NULL);
}

static void open__bad_value__names_key_and_expectation(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		const char *value;
		const char *text;
	} rows[] = {
		{"service_account_file", "", "[push.fcm] service_account_file: expected the path"},
		{"apps", "a,,b", "[push.fcm] apps: expected app names separated by commas"},
		{"host", "https://fcm.googleapis.com", "[push.fcm] host: expected a host name"},
		{"port", "70000", "[push.fcm] port: expected a number from 1 to 65535, not \"70000\""},
		{"connections", "0", "[push.fcm] connections: expected a number from 1 to 64"},
		{"ca_file", "/nonexistent", "[push.fcm] ca_file: expected a readable file"},
		{"token_uri", "ftp://x", "[push.fcm] token_uri: expected an https address"},
		{"token_uri", "http://example.org/token", "[push.fcm] token_uri: expected an https address"},
		{"token_uri", "http://localhost.example.org/", "[push.fcm] token_uri: expected an https address"},
		{"token_uri", "http://127.0.0.1:80@example.org/", "[push.fcm] token_uri: expected an https address"},
		{"token_uri", "https://", "[push.fcm] token_uri: expected an https address"},
		{"token_uri", "https://a b", "[push.fcm] token_uri: expected an https address"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		section_assert_refused(&section, rows[i].key, rows[i].value, rows[i].text);
	}
}

static void open__bad_account_file__says_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		const char *text;
	} rows[] = {
		{"missing.json", "expected a readable JSON file"},
		{"", "expected a JSON file of 1 to 32768 bytes"}, /* the folder itself */
		{"empty.json", "expected a JSON file of 1 to 32768 bytes"},
		{"big.json", "expected a JSON file of 1 to 32768 bytes"},
		{"text.json", "expected JSON, not JSON"},
		{"bad_type.json", "expected \"type\" to be \"service_account\""},
		{"bad_project.json", "expected \"project_id\", the id of a project"},
		{"no_email.json", "expected \"client_email\" and \"private_key_id\""},
		{"bad_uri.json", "expected \"token_uri\", an https address"},
		{"no_key.json", "expected \"private_key\", a key in PEM form"},
		{"encrypted.json", "expected \"private_key\" without passphrase"},
		{"broken_key.json", "expected \"private_key\" to be an RSA key"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config_fake fake;
		struct sw_provider *provider = NULL;
		struct sw_diag diag = {0};
		base_config(&fake);
		config_fake_set(&fake, "service_account_file", fixture_path(rows[i].file));
		assert_int_equal(sw_provider_fcm.open(&fake.config, &provider, &diag), SW_ECONFIG);
		assert_non_null(strstr(diag.text, "[push.fcm] service_account_file: "));
		assert_non_null(strstr(diag.text, rows[i].text));
		assert_null(strstr(diag.text, "c2VjcmV0"));
	}
}

static void serves_app__without_a_list__every_app(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	assert_true(sw_provider_fcm.serves_app(provider, sw_bytes_str("org.example.chat")));
	assert_true(sw_provider_fcm.serves_app(provider, sw_bytes_str("")));
	sw_provider_fcm.close(provider);
}

/* ---- the life of the token ---- */

static enum sw_credential_state state_at(struct sw_provider *provider, int64_t now_ms)
{
	return sw_provider_fcm.credential_state(provider, now_ms);
}

static int respond(struct sw_provider *provider, int status, const char *body, int64_t now_ms, struct sw_diag *diag)
{
	return access_token_respond(&sw_provider_fcm, provider, status, body, now_ms, diag);
}

static void give(struct sw_provider *provider, const char *token, int life_s, int64_t now_ms)
{
	access_token_give(&sw_provider_fcm, provider, token, life_s, now_ms);
}

static int encode(struct sw_provider *provider, char *authorization_out, size_t size, char *path_out)
{
	struct sw_arena arena;
	struct sw_send send;
	struct sw_diag diag = {0};
	struct sw_push_target target = {.token = sw_bytes_str("t")};
	struct sw_notification n = {.body = sw_bytes_str("Hi"), .badge = -1};
	sw_arena_init(&arena);
	int err = sw_provider_fcm.encode(provider, &target, &n, T0, &arena, &send, &diag);
	if (!err) {
		assert_int_equal(send.endpoint->ping_interval_ms, 0);
		snprintf(authorization_out, size, "%.*s", SW_BYTES_FMT(send.as.http.headers[0].value));
		snprintf(path_out, size, "%.*s", SW_BYTES_FMT(send.as.http.path));
	}
	sw_arena_release(&arena);
	return err;
}

static void assert_sends_with(struct sw_provider *provider, const char *authorization)
{
	char got[256];
	char path[256];
	assert_int_equal(encode(provider, got, sizeof(got), path), SW_OK);
	assert_string_equal(got, authorization);
}

static void refuse(struct sw_provider *provider, int64_t now_ms)
{
	struct sw_push_target target = {0};
	struct sw_http_response http = {.status = 401};
	struct sw_answer answer = {&target, &http, NULL, now_ms};
	struct sw_outcome outcome;
	sw_provider_fcm.classify(provider, &answer, &outcome);
	assert_int_equal(outcome.kind, SW_OUTCOME_CREDENTIAL);
	sw_provider_fcm.credential_refused(provider, now_ms);
}

static void credential_request__override__assertion_for_it(void **state)
{
	(void)state;
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	struct sw_diag diag = {0};
	base_config(&fake);
	config_fake_set(&fake, "token_uri", "http://127.0.0.1:9099/token");
	config_fake_set(&fake, "ca_file", fixture_path("ca.pem"));
	assert_int_equal(sw_provider_fcm.open(&fake.config, &provider, &diag), SW_OK);
	struct sw_arena arena;
	struct sw_credential_request request;
	sw_arena_init(&arena);
	assert_int_equal(sw_provider_fcm.credential_request(provider, T0, &arena, &request, &diag), SW_OK);
	assert_true(sw_bytes_equal_str(request.url, "http://127.0.0.1:9099/token"));
	assert_string_equal(request.ca_file, fixture_path("ca.pem"));
	assert_string_equal(request.content_type, "application/x-www-form-urlencoded");
	static const char start[] = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ";
	assert_true(request.body.len > sizeof(start));
	assert_memory_equal(request.body.ptr, start, sizeof(start) - 1);
	assert_null(memchr(request.body.ptr, ':', request.body.len));
	sw_arena_release(&arena);
	sw_provider_fcm.close(provider);
}

static void credential_state__of_an_hour__fetch_ready_renew_fetch(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	char text[64];
	assert_int_equal(state_at(provider, T0), SW_CREDENTIAL_FETCH);
	assert_int_equal(encode(provider, text, sizeof(text), text), SW_EAUTH);
	give(provider, "ya29.a", 3600, T0);
	assert_int_equal(state_at(provider, T0), SW_CREDENTIAL_READY);
	assert_int_equal(state_at(provider, T0 + SECONDS(2880) - 1), SW_CREDENTIAL_READY);
	assert_int_equal(state_at(provider, T0 + SECONDS(2880)), SW_CREDENTIAL_RENEW);
	assert_int_equal(state_at(provider, T0 + SECONDS(3600) - 1), SW_CREDENTIAL_RENEW);
	assert_int_equal(state_at(provider, T0 + SECONDS(3600)), SW_CREDENTIAL_FETCH);
	assert_sends_with(provider, "Bearer ya29.a");
	give(provider, "ya29.b", 3600, T0 + SECONDS(3600));
	assert_sends_with(provider, "Bearer ya29.b");
	sw_provider_fcm.close(provider);
}

static void credential_state__other_lives__renewed_in_time(void **state)
{
	(void)state;
	static const struct {
		int life_s;
		int renew_s;
	} rows[] = {{10, 8},     {300, 240},   {599, 479},   {600, 300},
		    {1200, 900}, {1500, 1200}, {3599, 2879}, {1000000, 69120}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_provider *provider = opened();
		give(provider, "t", rows[i].life_s, T0);
		assert_int_equal(state_at(provider, T0 + SECONDS(rows[i].renew_s) - 1), SW_CREDENTIAL_READY);
		assert_int_equal(state_at(provider, T0 + SECONDS(rows[i].renew_s + 1)), SW_CREDENTIAL_RENEW);
		sw_provider_fcm.close(provider);
	}
}

static void credential_response__renewal_fails__old_one_kept(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	struct sw_diag diag = {0};
	give(provider, "ya29.a", 3600, T0);
	int64_t now_ms = T0 + SECONDS(3000);
	assert_int_equal(respond(provider, 503, "", now_ms, &diag), SW_EUNAVAILABLE);
	assert_int_equal(state_at(provider, now_ms), SW_CREDENTIAL_READY);
	assert_int_equal(state_at(provider, now_ms + SECONDS(30)), SW_CREDENTIAL_RENEW);
	assert_int_equal(respond(provider, 400, "{\"error\":\"invalid_grant\"}", now_ms, &diag), SW_EAUTH);
	assert_int_equal(state_at(provider, now_ms), SW_CREDENTIAL_READY);
	assert_sends_with(provider, "Bearer ya29.a");
	sw_provider_fcm.close(provider);
}

static void credential_response__errors__operator_or_later(void **state)
{
	(void)state;
	static const struct access_token_error rows[] = {
		{0, "", SW_EUNAVAILABLE, "no answer"},
		{500, "<html>", SW_EUNAVAILABLE, "HTTP 500"},
		{503, "", SW_EUNAVAILABLE, "HTTP 503"},
		{429, "", SW_EUNAVAILABLE, "HTTP 429"},
		{408, "", SW_EUNAVAILABLE, "HTTP 408"},
		{204, "", SW_EUNAVAILABLE, "HTTP 204"},
		{302, "", SW_EAUTH, "expected 200, check token_uri"},
		{404, "<html>", SW_EAUTH, "expected 200, check token_uri"},
		{400, "{\"error\":\"news\"}", SW_EAUTH, "HTTP 400 news"},
		{400, "{\"error\":{\"code\":400}}", SW_EAUTH, "HTTP 400"},
		{400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}", SW_EAUTH,
		 "HTTP 400 invalid_grant (Invalid JWT Signature.): key revoked"},
		{400, "{\"error\":\"invalid_scope\"}", SW_EAUTH, "scope"},
		{400, "{\"error\":\"invalid_request\"}", SW_EAUTH, "token_uri"},
		{400, "{\"error\":\"unsupported_grant_type\"}", SW_EAUTH, "token_uri"},
		{401, "{\"error\":\"unauthorized_client\"}", SW_EAUTH, "flow"},
		{401, "{\"error\":\"invalid_client\"}", SW_EAUTH, "service_account_file"},
		{403, "{\"error\":\"access_denied\"}", SW_EAUTH, "policy"},
		{400, "{\"error\":\"disabled_client\"}", SW_EAUTH, "disabled"},
		{400, "{\"error\":\"deleted_client\"}", SW_EAUTH, "deleted"},
		{400, "{\"error\":\"temporarily_unavailable\"}", SW_EUNAVAILABLE, "overloaded"},
		{400, "{\"error\":\"server_error\"}", SW_EUNAVAILABLE, "failed"},
		{500, "{\"error\":\"internal_failure\"}", SW_EUNAVAILABLE, "failed"},
		{200, "", SW_EUNAVAILABLE, "expected access_token"},
		{200, "<html>", SW_EUNAVAILABLE, "expected access_token"},
		{200, "[]", SW_EUNAVAILABLE, "expected access_token"},
		{200, "{\"access_token\":\"\",\"expires_in\":5}", SW_EUNAVAILABLE, "expected access_token"},
		{200, "{\"access_token\":\"a\\r\\nb\",\"expires_in\":5}", SW_EUNAVAILABLE, "expected access_token"},
		{200, "{\"access_token\":\"a\",\"expires_in\":0}", SW_EUNAVAILABLE, "expires_in"},
		{200, "{\"access_token\":\"a\",\"expires_in\":\"5\"}", SW_EUNAVAILABLE, "expires_in"},
		{200, "{\"access_token\":\"a\",\"expires_in\":5,\"token_type\":\"mac\"}", SW_EUNAVAILABLE,
		 "token_type"},
	};
	access_token_check_errors(&section, rows, sizeof(rows) / sizeof(rows[0]), NULL);
}

static void credential_refused__once_and_again__fetched_at_once_then_held(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	give(provider, "ya29.a", 3600, T0);
	refuse(provider, T0 + 1);
	assert_int_equal(state_at(provider, T0 + 1), SW_CREDENTIAL_FETCH);
	give(provider, "ya29.b", 3600, T0 + 2);
	assert_int_equal(state_at(provider, T0 + 2), SW_CREDENTIAL_READY);
	refuse(provider, T0 + 3);
	assert_int_equal(state_at(provider, T0 + 3), SW_CREDENTIAL_BROKEN);
	assert_int_equal(state_at(provider, T0 + 2), SW_CREDENTIAL_FETCH); /* the clock was set back */
	assert_int_equal(state_at(provider, T0 + 3 + SECONDS(60)), SW_CREDENTIAL_FETCH);
	sw_provider_fcm.close(provider);
}

static void reload__other_key_other_project_bad_file__as_each_needs(void **state)
{
	(void)state;
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	struct sw_diag diag = {0};
	char authorization[256];
	char path[256];
	base_config(&fake);
	config_fake_set(&fake, "service_account_file", fixture_path("current.json"));
	assert_int_equal(rename(fixture_path("account.json"), fixture_path("current.json")), 0);
	assert_int_equal(sw_provider_fcm.open(&fake.config, &provider, &diag), SW_OK);
	give(provider, "ya29.a", 3600, T0);
	/* Another key of the same account: the token is good until a new one came. */
	assert_int_equal(rename(fixture_path("rotated.json"), fixture_path("current.json")), 0);
	assert_int_equal(sw_provider_fcm.reload(provider, &diag), SW_OK);
	assert_int_equal(state_at(provider, T0), SW_CREDENTIAL_RENEW);
	/* No account at all: everything as before. */
	assert_int_equal(rename(fixture_path("text.json"), fixture_path("current.json")), 0);
	assert_int_equal(sw_provider_fcm.reload(provider, &diag), SW_ECONFIG);
	assert_int_equal(encode(provider, authorization, sizeof(authorization), path), SW_OK);
	assert_string_equal(path, "/v1/projects/demo-project/messages:send");
	/* Another project: the token is of no use. */
	assert_int_equal(rename(fixture_path("project.json"), fixture_path("current.json")), 0);
	assert_int_equal(sw_provider_fcm.reload(provider, &diag), SW_OK);
	assert_int_equal(state_at(provider, T0), SW_CREDENTIAL_FETCH);
	give(provider, "ya29.b", 3600, T0);
	assert_int_equal(encode(provider, authorization, sizeof(authorization), path), SW_OK);
	assert_string_equal(path, "/v1/projects/other-project/messages:send");
	sw_provider_fcm.close(provider);
	sw_provider_fcm.close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__bad_value__names_key_and_expectation),
		cmocka_unit_test(open__bad_account_file__says_what_was_expected),
		cmocka_unit_test(serves_app__without_a_list__every_app),
		cmocka_unit_test(credential_request__override__assertion_for_it),
		cmocka_unit_test(credential_state__of_an_hour__fetch_ready_renew_fetch),
		cmocka_unit_test(credential_state__other_lives__renewed_in_time),
		cmocka_unit_test(credential_response__renewal_fails__old_one_kept),
		cmocka_unit_test(credential_response__errors__operator_or_later),
		cmocka_unit_test(credential_refused__once_and_again__fetched_at_once_then_held),
		cmocka_unit_test(reload__other_key_other_project_bad_file__as_each_needs),
	};
	return cmocka_run_group_tests(tests, on_group_setup, section_group_teardown);
}
