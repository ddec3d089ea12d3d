/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of the Huawei provider, its secret, and the life of its access token. What holds for the token of every
 * provider is tested with FCM's; here are the form, Huawei's errors and its codes for a token that is no good. */
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
#define SECRET "aZ09=/\\+x"

static int on_group_setup(void **state)
{
	(void)state;
	fixture_open();
	static const char *const files[][2] = {{"secret", SECRET "\n"}, {"other", "ffff"}, {"empty", ""},
					       {"two", "a\nb\n"},       {"blank", "a b"},  {"utf8", "\xc3\xa9"},
					       {"line", "\r\n"},        {"ca.pem", "x"},   {"nul", "a"}};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		fixture_write(files[i][0], files[i][1], strlen(files[i][1]));
	}
	fixture_write("nul", "a\0b", 3);
	static char big[1025];
	memset(big, 'x', sizeof(big));
	fixture_write("big", big, sizeof(big));
	fixture_write("largest", big, sizeof(big) - 1);
	return 0;
}

static void base_config(struct config_fake *fake)
{
	config_fake_init(fake, "huawei");
	config_fake_set(fake, "client_id", "104600001");
	config_fake_set(fake, "client_secret_file", fixture_path("secret"));
}

static const struct section section = {&sw_provider_huawei, base_config};

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
		{"client_id", "", "[push.huawei] client_id: expected the digits"},
		{"client_id", "10/../4", "[push.huawei] client_id: expected the digits"},
		{"client_id", "12345678901234567890123456789012345678901234567890123456789012345",
		 "[push.huawei] client_id: expected the digits"},
		{"project_id", "demo", "[push.huawei] project_id: expected the digits"},
		{"client_secret_file", "", "[push.huawei] client_secret_file: expected the path"},
		{"token_uri", "ftp://x", "[push.huawei] token_uri: expected an https address"},
		{"token_uri", "http://example.org/token", "[push.huawei] token_uri: expected an https address"},
		{"token_uri", "http://127.0.0.1:80@example.org/", "[push.huawei] token_uri: expected an https address"},
		{"urgency", "HIGH", "[push.huawei] urgency: expected normal, or high"},
		{"category", "I M", "[push.huawei] category: expected a category"},
		{"badge_class", "a\"b", "[push.huawei] badge_class: expected the class name"},
		{"apps", "a,,b", "[push.huawei] apps: expected app names separated by commas"},
		{"host", "https://push-api.cloud.huawei.com", "[push.huawei] host: expected a host name"},
		{"port", "70000", "[push.huawei] port: expected a number from 1 to 65535, not \"70000\""},
		{"connections", "0", "[push.huawei] connections: expected a number from 1 to 64"},
		{"ca_file", "/nonexistent", "[push.huawei] ca_file: expected a readable file"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		section_assert_refused(&section, rows[i].key, rows[i].value, rows[i].text);
	}
}

static void open__bad_secret_file__says_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		const char *text;
	} rows[] = {
		{"missing", "[push.huawei] client_secret_file: expected a readable file"},
		{"", "[push.huawei] client_secret_file: expected a regular file"}, /* the folder itself */
		{"empty", "[push.huawei] client_secret_file: expected one line of 1 to 1024 bytes"},
		{"line", "[push.huawei] client_secret_file: expected one line of 1 to 1024 bytes"},
		{"big", "[push.huawei] client_secret_file: expected one line of 1 to 1024 bytes"},
		{"two", "[push.huawei] client_secret_file: expected one line without control characters"},
		{"nul", "[push.huawei] client_secret_file: expected one line without control characters"},
		{"blank", "[push.huawei] client_secret_file: expected letters, digits and =/\\+ only"},
		{"utf8", "[push.huawei] client_secret_file: expected letters, digits and =/\\+ only"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		section_assert_refused(&section, "client_secret_file", fixture_path(rows[i].file), rows[i].text);
	}
	sw_provider_huawei.close(section_open(&section, "client_secret_file", fixture_path("largest")));
}

static void serves_app__with_and_without_a_list__as_said(void **state)
{
	(void)state;
	struct sw_provider *every = opened();
	assert_true(sw_provider_huawei.serves_app(every, sw_bytes_str("org.example.chat")));
	assert_true(sw_provider_huawei.serves_app(every, sw_bytes_str("")));
	struct sw_provider *one = section_open(&section, "apps", " org.example.chat ");
	assert_true(sw_provider_huawei.serves_app(one, sw_bytes_str("org.example.chat")));
	assert_true(sw_provider_huawei.serves_app(one, sw_bytes_str("")));
	assert_false(sw_provider_huawei.serves_app(one, sw_bytes_str("org.example.cha")));
	sw_provider_huawei.close(every);
	sw_provider_huawei.close(one);
	sw_provider_huawei.close(NULL);
}

/* ---- the access token ---- */

static enum sw_credential_state state_at(struct sw_provider *provider, int64_t now_ms)
{
	return sw_provider_huawei.credential_state(provider, now_ms);
}

static void give(struct sw_provider *provider, const char *token, int64_t now_ms)
{
	access_token_give(&sw_provider_huawei, provider, token, 3600, now_ms);
}

/* Path and authorization of a request; the error of encode. */
static int encode(struct sw_provider *provider, char *path_out, char *authorization_out, size_t size)
{
	struct sw_arena arena;
	struct sw_send send;
	struct sw_diag diag = {0};
	struct sw_push_target target = {.token = sw_bytes_str("t")};
	struct sw_notification n = {.body = sw_bytes_str("Hi"), .badge = 3, .urgent = true};
	sw_arena_init(&arena);
	int err = sw_provider_huawei.encode(provider, &target, &n, T0, &arena, &send, &diag);
	if (!err) {
		/* Neither category nor badge nor HIGH unless configured. */
		assert_null(memmem(send.as.http.body.ptr, send.as.http.body.len, "category", 8));
		assert_null(memmem(send.as.http.body.ptr, send.as.http.body.len, "badge", 5));
		assert_null(memmem(send.as.http.body.ptr, send.as.http.body.len, "HIGH", 4));
		snprintf(path_out, size, "%.*s", SW_BYTES_FMT(send.as.http.path));
		snprintf(authorization_out, size, "%.*s", SW_BYTES_FMT(send.as.http.headers[0].value));
	}
	sw_arena_release(&arena);
	return err;
}

static void assert_sends(struct sw_provider *provider, const char *path, const char *authorization)
{
	char got_path[256];
	char got_authorization[256];
	assert_int_equal(encode(provider, got_path, got_authorization, sizeof(got_path)), SW_OK);
	assert_string_equal(got_path, path);
	assert_string_equal(got_authorization, authorization);
}

static void refuse(struct sw_provider *provider, const char *code, int64_t now_ms)
{
	char body[64];
	snprintf(body, sizeof(body), "{\"code\":\"%s\"}", code);
	struct sw_push_target target = {0};
	struct sw_http_response http = {.status = 200, .body = sw_bytes_str(body)};
	struct sw_answer answer = {&target, &http, NULL, now_ms};
	struct sw_outcome outcome;
	sw_provider_huawei.classify(provider, &answer, &outcome);
	assert_int_equal(outcome.kind, SW_OUTCOME_CREDENTIAL);
	sw_provider_huawei.credential_refused(provider, now_ms);
}

static void encode__project_id__address_of_v2(void **state)
{
	(void)state;
	struct sw_provider *provider = section_open(&section, "project_id", "736430079244736562");
	give(provider, "a", T0);
	assert_sends(provider, "/v2/736430079244736562/messages:send", "Bearer a");
	sw_provider_huawei.close(provider);
}

static void credential_request__form__escaped(void **state)
{
	(void)state;
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	struct sw_diag diag = {0};
	base_config(&fake);
	config_fake_set(&fake, "ca_file", fixture_path("ca.pem"));
	assert_int_equal(sw_provider_huawei.open(&fake.config, &provider, &diag), SW_OK);
	struct sw_arena arena;
	struct sw_credential_request request;
	sw_arena_init(&arena);
	assert_int_equal(sw_provider_huawei.credential_request(provider, T0, &arena, &request, &diag), SW_OK);
	assert_true(sw_bytes_equal_str(request.url, "https://oauth-login.cloud.huawei.com/oauth2/v3/token"));
	assert_string_equal(request.ca_file, fixture_path("ca.pem"));
	assert_string_equal(request.content_type, "application/x-www-form-urlencoded");
	assert_true(sw_bytes_equal_str(request.body, "grant_type=client_credentials&client_id=104600001"
						     "&client_secret=aZ09%3D%2F%5C%2Bx"));
	sw_arena_release(&arena);
	sw_provider_huawei.close(provider);
}

static void credential_state__of_an_hour__fetch_ready_renew_fetch(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	char text[64];
	assert_int_equal(state_at(provider, T0), SW_CREDENTIAL_FETCH);
	assert_int_equal(encode(provider, text, text, sizeof(text)), SW_EAUTH);
	give(provider, "a", T0);
	assert_int_equal(state_at(provider, T0 + SECONDS(2880) - 1), SW_CREDENTIAL_READY);
	assert_int_equal(state_at(provider, T0 + SECONDS(2880)), SW_CREDENTIAL_RENEW);
	assert_int_equal(state_at(provider, T0 + SECONDS(3600) - 1), SW_CREDENTIAL_RENEW);
	assert_int_equal(state_at(provider, T0 + SECONDS(3600)), SW_CREDENTIAL_FETCH);
	give(provider, "b", T0 + SECONDS(3600));
	assert_sends(provider, "/v1/104600001/messages:send", "Bearer b");
	sw_provider_huawei.close(provider);
}

static void credential_response__errors__operator_or_later(void **state)
{
	(void)state;
	static const struct access_token_error rows[] = {
		{0, "", SW_EUNAVAILABLE, "no answer"},
		{503, "", SW_EUNAVAILABLE, "HTTP 503"},
		{500, "<html>", SW_EUNAVAILABLE, "HTTP 500"},
		{590, "", SW_EUNAVAILABLE, "HTTP 590"},
		{404, "<html>", SW_EAUTH, "expected 200, check token_uri"},
		{400, "{\"error\":1101,\"sub_error\":12304,\"error_description\":\"invalid client_secret\"}", SW_EAUTH,
		 "HTTP 400 1101/12304 (invalid client_secret): wrong client secret; check client_secret_file"},
		{400, "{\"error\":1101,\"sub_error\":20002}", SW_EAUTH, "1101/20002 (): client_id"},
		{400, "{\"error\":1101,\"sub_error\":20003}", SW_EAUTH, "no such client"},
		{400, "{\"error\":1101,\"sub_error\":20171}", SW_EAUTH, "no client secret"},
		{400, "{\"error\":1101,\"sub_error\":20172}", SW_EAUTH, "not the form"},
		{400, "{\"error\":1101,\"sub_error\":20182}", SW_EAUTH, "not Huawei's token service"},
		{400, "{\"error\":1101,\"sub_error\":1}", SW_EAUTH,
		 "HTTP 400 1101/1 (): a parameter was not understood"},
		{400, "{\"error\":1101}", SW_EAUTH, "HTTP 400 1101 (): a parameter was not understood"},
		{400, "{\"error\":1102,\"sub_error\":20001}", SW_EAUTH, "a parameter was missing"},
		{400, "{\"error\":1203,\"sub_error\":12303}", SW_EAUTH, "no such client"},
		{400, "{\"error\":1203,\"sub_error\":500}", SW_EUNAVAILABLE, "failed"},
		{400, "{\"error\":11,\"sub_error\":20003}", SW_EAUTH, "HTTP 400 11/20003; expected 200"},
		{400, "{\"error\":\"invalid_client\"}", SW_EAUTH, "HTTP 400 invalid_client; expected 200"},
		{200, "<html>", SW_EUNAVAILABLE, "expected access_token"},
		{200, "{\"error\":1101,\"sub_error\":12304}", SW_EUNAVAILABLE, "expected access_token"},
	};
	access_token_check_errors(&section, rows, sizeof(rows) / sizeof(rows[0]), SECRET);
}

static void credential_refused__by_code__fetched_at_once_then_held(void **state)
{
	(void)state;
	static const char *const codes[] = {"80200001", "80200003", "80200005"};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct sw_provider *provider = opened();
		give(provider, "a", T0);
		refuse(provider, codes[i], T0 + 1);
		assert_int_equal(state_at(provider, T0 + 1), SW_CREDENTIAL_FETCH);
		give(provider, "b", T0 + 2);
		assert_int_equal(state_at(provider, T0 + 2), SW_CREDENTIAL_READY);
		refuse(provider, codes[i], T0 + 3);
		assert_int_equal(state_at(provider, T0 + 3), SW_CREDENTIAL_BROKEN);
		assert_int_equal(state_at(provider, T0 + 3 + SECONDS(60)), SW_CREDENTIAL_FETCH);
		sw_provider_huawei.close(provider);
	}
}

static void reload__other_secret_bad_file__new_one_beside_the_old(void **state)
{
	(void)state;
	fixture_write("current", SECRET, strlen(SECRET));
	struct sw_provider *provider = section_open(&section, "client_secret_file", fixture_path("current"));
	struct sw_diag diag = {0};
	give(provider, "a", T0);
	fixture_write("current", "bad secret", 10);
	assert_int_equal(sw_provider_huawei.reload(provider, &diag), SW_ECONFIG);
	assert_null(strstr(diag.text, "bad secret"));
	assert_int_equal(state_at(provider, T0), SW_CREDENTIAL_READY);
	fixture_write("current", "ffff", 4);
	assert_int_equal(sw_provider_huawei.reload(provider, &diag), SW_OK);
	assert_int_equal(state_at(provider, T0), SW_CREDENTIAL_RENEW);
	struct sw_arena arena;
	struct sw_credential_request request;
	sw_arena_init(&arena);
	assert_int_equal(sw_provider_huawei.credential_request(provider, T0, &arena, &request, &diag), SW_OK);
	assert_true(sw_bytes_equal_str(request.body,
				       "grant_type=client_credentials&client_id=104600001&client_secret=ffff"));
	sw_arena_release(&arena);
	sw_provider_huawei.close(provider);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__bad_value__names_key_and_expectation),
		cmocka_unit_test(open__bad_secret_file__says_what_was_expected),
		cmocka_unit_test(serves_app__with_and_without_a_list__as_said),
		cmocka_unit_test(encode__project_id__address_of_v2),
		cmocka_unit_test(credential_request__form__escaped),
		cmocka_unit_test(credential_state__of_an_hour__fetch_ready_renew_fetch),
		cmocka_unit_test(credential_response__errors__operator_or_later),
		cmocka_unit_test(credential_refused__by_code__fetched_at_once_then_held),
		cmocka_unit_test(reload__other_secret_bad_file__new_one_beside_the_old),
	};
	return cmocka_run_group_tests(tests, on_group_setup, section_group_teardown);
}
