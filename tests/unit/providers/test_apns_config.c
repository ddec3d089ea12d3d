/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of the APNs provider, its key file, and the life of its token. */
#include "section.h"

#include <surewire/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0 1790000000000
#define MINUTES(n) ((int64_t)(n)*60 * 1000)

static int on_group_setup(void **state)
{
	(void)state;
	fixture_open();
	fixture_ec_key("key.p8", "P-256", NULL);
	fixture_ec_key("other.p8", "P-256", NULL);
	fixture_ec_key("p384.p8", "P-384", NULL);
	fixture_ec_key("encrypted.p8", "P-256", "aes-128-cbc");
	fixture_write("empty.p8", "", 0);
	fixture_write("text.p8", "hello\n", 6);
	static char big[17 * 1024];
	memset(big, 'x', sizeof(big));
	fixture_write("big.p8", big, sizeof(big));
	fixture_write("ca.pem", "x", 1);
	return 0;
}

static void base_config(struct config_fake *fake)
{
	config_fake_init(fake, "apns");
	config_fake_set(fake, "key_file", fixture_path("key.p8"));
	config_fake_set(fake, "key_id", "ABC123DEFG");
	config_fake_set(fake, "team_id", "DEF123GHIJ");
	config_fake_set(fake, "topics", "org.example.chat");
}

static const struct section section = {&sw_provider_apns, base_config};

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
		{"key_file", "", "[push.apns] key_file: expected the path"},
		{"key_id", "", "[push.apns] key_id: expected ten capital"},
		{"key_id", "short", "[push.apns] key_id: expected ten capital"},
		{"key_id", "abc123defg", "[push.apns] key_id: expected ten capital"},
		{"team_id", "ABC123DEFGH", "[push.apns] team_id: expected ten capital"},
		{"topics", "", "[push.apns] topics: expected at least one"},
		{"topics", "org.example.chat,,x", "[push.apns] topics: expected app bundle ids"},
		{"topics", "org.example chat", "[push.apns] topics: expected app bundle ids"},
		{"host", "https://api.push.apple.com", "[push.apns] host: expected a host name"},
		{"sandbox_host", "x/y", "[push.apns] sandbox_host: expected a host name"},
		{"port", "0", "[push.apns] port: expected a number from 1 to 65535, not \"0\""},
		{"port", "65536", "[push.apns] port: expected a number"},
		{"port", "443x", "[push.apns] port: expected a number"},
		{"sandbox_port", "-1", "[push.apns] sandbox_port: expected a number"},
		{"connections", "65", "[push.apns] connections: expected a number from 1 to 64"},
		{"ca_file", "/nonexistent", "[push.apns] ca_file: expected a readable file"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		section_assert_refused(&section, rows[i].key, rows[i].value, rows[i].text);
	}
}

static void open__bad_key_file__says_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		const char *text;
	} rows[] = {
		{"missing.p8", "[push.apns] key_file: expected a readable .p8 file"},
		{"empty.p8", "[push.apns] key_file: expected a .p8 file of 1 to 16384 bytes"},
		{"big.p8", "[push.apns] key_file: expected a .p8 file of 1 to 16384 bytes"},
		{"", "[push.apns] key_file: expected a .p8 file of 1 to 16384 bytes"}, /* the folder itself */
		{"text.p8", "[push.apns] key_file: expected a private key in PEM form"},
		{"encrypted.p8", "[push.apns] key_file: expected a key without passphrase"},
		{"p384.p8", "[push.apns] key_file: expected an EC P-256 private key"},
		{"key.p8.pub", "[push.apns] key_file: expected a private key in PEM form"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		section_assert_refused(&section, "key_file", fixture_path(rows[i].file), rows[i].text);
	}
}

/* Encodes one push and gives what the endpoint and the authorization were. */
static void encode(struct sw_provider *provider, int64_t now_ms, bool sandbox, struct sw_endpoint *endpoint_out,
		   char *authorization_out, size_t size)
{
	struct sw_arena arena;
	struct sw_send send;
	struct sw_diag diag = {0};
	struct sw_push_target target = {
		.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str("ab"), .sandbox = sandbox};
	struct sw_notification n = {.body = sw_bytes_str("Hi"), .badge = -1};
	sw_arena_init(&arena);
	assert_int_equal(sw_provider_apns.encode(provider, &target, &n, now_ms, &arena, &send, &diag), SW_OK);
	*endpoint_out = *send.endpoint;
	struct sw_bytes value = send.as.http.headers[0].value;
	assert_true(value.len < size);
	memcpy(authorization_out, value.ptr, value.len);
	authorization_out[value.len] = '\0';
	sw_arena_release(&arena);
}

static void open__defaults_and_values__in_the_endpoints(void **state)
{
	(void)state;
	char token[1024];
	struct sw_endpoint e;
	struct sw_provider *provider = opened();
	encode(provider, T0, false, &e, token, sizeof(token));
	assert_string_equal(e.host, "api.push.apple.com");
	assert_int_equal(e.port, 443);
	assert_int_equal(e.connections_max, 2);
	assert_int_equal(e.initial_streams_max, 1);
	assert_true(e.ping_interval_ms > 0 && e.answer_timeout_ms > e.ping_interval_ms);
	assert_null(e.ca_file);
	sw_provider_apns.close(provider);

	struct config_fake fake;
	struct sw_diag diag = {0};
	base_config(&fake);
	config_fake_set(&fake, "sandbox_host", "127.0.0.1");
	config_fake_set(&fake, "sandbox_port", "2197");
	config_fake_set(&fake, "connections", "5");
	config_fake_set(&fake, "ca_file", fixture_path("ca.pem"));
	assert_int_equal(sw_provider_apns.open(&fake.config, &provider, &diag), SW_OK);
	encode(provider, T0, true, &e, token, sizeof(token));
	assert_string_equal(e.host, "127.0.0.1");
	assert_int_equal(e.port, 2197);
	assert_int_equal(e.connections_max, 5);
	assert_string_equal(e.ca_file, fixture_path("ca.pem"));
	sw_provider_apns.close(provider);
}

static void serves_app__topics__exact_and_the_only_one(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	assert_true(sw_provider_apns.serves_app(provider, sw_bytes_str("org.example.chat")));
	assert_true(sw_provider_apns.serves_app(provider, sw_bytes_str("")));
	assert_false(sw_provider_apns.serves_app(provider, sw_bytes_str("org.example.cha")));
	assert_false(sw_provider_apns.serves_app(provider, sw_bytes_str("org.example.chat2")));
	sw_provider_apns.close(provider);
}

static void known_keys__all_that_open_reads__listed(void **state)
{
	(void)state;
	size_t count = 0;
	while (sw_provider_apns.known_keys[count]) {
		count++;
	}
	assert_int_equal(count, 12);
}

/* ---- the life of the token ---- */

/* The token as a request at now_ms carries it. */
static const char *token_at(struct sw_provider *provider, int64_t now_ms)
{
	static char tokens[8][1024];
	static unsigned next;
	struct sw_endpoint e;
	char *token = tokens[next++ % 8];
	encode(provider, now_ms, false, &e, token, 1024);
	return token;
}

static void answer(struct sw_provider *provider, int status, const char *body, int64_t now_ms)
{
	struct sw_push_target target = {0};
	struct sw_http_response http = {.status = status, .body = sw_bytes_str(body)};
	struct sw_answer got = {&target, &http, NULL, now_ms};
	struct sw_outcome outcome;
	sw_provider_apns.classify(provider, &got, &outcome);
	if (outcome.kind == SW_OUTCOME_CREDENTIAL) {
		sw_provider_apns.credential_refused(provider, now_ms);
	}
}
#define EXPIRED "{\"reason\":\"ExpiredProviderToken\"}"
#define INVALID "{\"reason\":\"InvalidProviderToken\"}"

static void credential__up_to_45_minutes__one_token(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	assert_int_equal(sw_provider_apns.credential_state(provider, T0), SW_CREDENTIAL_READY);
	const char *first = token_at(provider, T0);
	assert_string_equal(token_at(provider, T0 + MINUTES(45) - 1), first);
	const char *second = token_at(provider, T0 + MINUTES(45));
	assert_string_not_equal(second, first);
	assert_string_equal(token_at(provider, T0 + MINUTES(89)), second);
	sw_provider_apns.close(provider);
}

static void credential__clock_set_back__a_token_of_now(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	const char *first = token_at(provider, T0);
	assert_string_equal(token_at(provider, T0 - 500), first);
	assert_string_not_equal(token_at(provider, T0 - MINUTES(60)), first);
	sw_provider_apns.close(provider);
}

static void credential_refused__as_expired__renewed_at_once(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	const char *first = token_at(provider, T0);
	answer(provider, 403, EXPIRED, T0 + MINUTES(1));
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + MINUTES(1)), SW_CREDENTIAL_READY);
	const char *second = token_at(provider, T0 + MINUTES(1));
	assert_string_not_equal(second, first);
	/* And again, after it worked in between. */
	answer(provider, 200, "", T0 + MINUTES(2));
	answer(provider, 403, EXPIRED, T0 + MINUTES(3));
	assert_string_not_equal(token_at(provider, T0 + MINUTES(3)), second);
	sw_provider_apns.close(provider);
}

static void credential_refused__as_expired_twice_running__kept_and_held(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	token_at(provider, T0);
	answer(provider, 403, EXPIRED, T0);
	const char *second = token_at(provider, T0);
	answer(provider, 403, EXPIRED, T0 + 1);
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + 1), SW_CREDENTIAL_BROKEN);
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + MINUTES(1)), SW_CREDENTIAL_BROKEN);
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + 1 + MINUTES(1)), SW_CREDENTIAL_READY);
	assert_string_equal(token_at(provider, T0 + MINUTES(2)), second);
	sw_provider_apns.close(provider);
}

static void credential_refused__as_invalid_and_young__kept_and_held(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	const char *first = token_at(provider, T0);
	answer(provider, 403, INVALID, T0 + MINUTES(20) - 1);
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + MINUTES(20) - 1), SW_CREDENTIAL_BROKEN);
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + MINUTES(22)), SW_CREDENTIAL_READY);
	assert_string_equal(token_at(provider, T0 + MINUTES(22)), first);
	/* Now it is old enough. */
	answer(provider, 403, INVALID, T0 + MINUTES(22));
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + MINUTES(22)), SW_CREDENTIAL_READY);
	assert_string_not_equal(token_at(provider, T0 + MINUTES(22)), first);
	sw_provider_apns.close(provider);
}

static void credential_refused__then_accepted__the_hold_ends(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	token_at(provider, T0);
	answer(provider, 403, INVALID, T0);
	assert_int_equal(sw_provider_apns.credential_state(provider, T0), SW_CREDENTIAL_BROKEN);
	answer(provider, 200, "", T0 + 5);
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + 5), SW_CREDENTIAL_READY);
	sw_provider_apns.close(provider);
}

static void credential__too_many_updates__keeps_the_current(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	const char *first = token_at(provider, T0);
	answer(provider, 429, "{\"reason\":\"TooManyProviderTokenUpdates\"}", T0 + MINUTES(1));
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + MINUTES(1)), SW_CREDENTIAL_READY);
	assert_string_equal(token_at(provider, T0 + MINUTES(1)), first);
	sw_provider_apns.close(provider);
}

static void answer__unrelated_key__new_connections_once(void **state)
{
	(void)state;
	static const char body[] = "{\"reason\":\"UnrelatedKeyIdInToken\"}";
	struct sw_provider *provider = opened();
	const char *token = token_at(provider, T0);
	answer(provider, 403, body, T0);
	answer(provider, 403, body, T0); /* of another request on the old connection */
	const struct sw_endpoint *production = sw_provider_apns.endpoint_retired(provider);
	const struct sw_endpoint *sandbox = sw_provider_apns.endpoint_retired(provider);
	assert_true(production && sandbox);
	assert_null(sw_provider_apns.endpoint_retired(provider));
	assert_string_equal(token_at(provider, T0 + 1), token);
	sw_provider_apns.endpoint_closed(provider, production);
	answer(provider, 403, body, T0 + 2);
	assert_null(sw_provider_apns.endpoint_retired(provider));
	sw_provider_apns.endpoint_closed(provider, sandbox);
	answer(provider, 403, body, T0 + 3);
	assert_non_null(sw_provider_apns.endpoint_retired(provider));
	sw_provider_apns.close(provider);
}

static void copy_file(const char *from, const char *to)
{
	static char text[4096];
	FILE *file = fopen(fixture_path(from), "r");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof(text), file);
	fclose(file);
	fixture_write(to, text, len);
}

static void reload__same_new_and_bad_key__token_kept_replaced_kept(void **state)
{
	(void)state;
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	struct sw_diag diag = {0};
	copy_file("key.p8", "current.p8");
	base_config(&fake);
	config_fake_set(&fake, "key_file", fixture_path("current.p8"));
	assert_int_equal(sw_provider_apns.open(&fake.config, &provider, &diag), SW_OK);
	const char *first = token_at(provider, T0);
	assert_int_equal(sw_provider_apns.reload(provider, &diag), SW_OK);
	assert_string_equal(token_at(provider, T0), first);
	copy_file("text.p8", "current.p8");
	assert_int_equal(sw_provider_apns.reload(provider, &diag), SW_ECONFIG);
	assert_string_equal(token_at(provider, T0), first);
	assert_null(sw_provider_apns.endpoint_retired(provider));
	copy_file("other.p8", "current.p8");
	assert_int_equal(sw_provider_apns.reload(provider, &diag), SW_OK);
	assert_string_not_equal(token_at(provider, T0), first);
	/* Connections stay bound to the key they were opened with. */
	assert_non_null(sw_provider_apns.endpoint_retired(provider));
	assert_non_null(sw_provider_apns.endpoint_retired(provider));
	assert_null(sw_provider_apns.endpoint_retired(provider));
	sw_provider_apns.close(provider);
}

static void close__null__allowed(void **state)
{
	(void)state;
	sw_provider_apns.close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__bad_value__names_key_and_expectation),
		cmocka_unit_test(open__bad_key_file__says_what_was_expected),
		cmocka_unit_test(open__defaults_and_values__in_the_endpoints),
		cmocka_unit_test(serves_app__topics__exact_and_the_only_one),
		cmocka_unit_test(known_keys__all_that_open_reads__listed),
		cmocka_unit_test(credential__up_to_45_minutes__one_token),
		cmocka_unit_test(credential__clock_set_back__a_token_of_now),
		cmocka_unit_test(credential_refused__as_expired__renewed_at_once),
		cmocka_unit_test(credential_refused__as_expired_twice_running__kept_and_held),
		cmocka_unit_test(credential_refused__as_invalid_and_young__kept_and_held),
		cmocka_unit_test(credential_refused__then_accepted__the_hold_ends),
		cmocka_unit_test(credential__too_many_updates__keeps_the_current),
		cmocka_unit_test(answer__unrelated_key__new_connections_once),
		cmocka_unit_test(reload__same_new_and_bad_key__token_kept_replaced_kept),
		cmocka_unit_test(close__null__allowed),
	};
	return cmocka_run_group_tests(tests, on_group_setup, section_group_teardown);
}
