/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of the webhook provider, its secrets, its tokens with and without a url, and the table of origins. */
#include "section.h"

#include "webhook/webhook_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define T0 1790000000000
#define FIRST "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SECOND "whsec_YW4gb2xkZXIgc2VjcmV0LCBvZiAzMCBieXRlcy4u"
#define BYTES_24 "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define BYTES_64 "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define A "https://a.example/1"
#define B "https://b.example/1"
#define C "https://c.example/1"

static void write_text(const char *name, const char *text)
{
	fixture_write(name, text, strlen(text));
}

static int on_group_setup(void **state)
{
	(void)state;
	fixture_open();
	write_text("secret", FIRST "\n");
	write_text("ca.pem", "x");
	return 0;
}

static void base_config(struct config_fake *fake)
{
	config_fake_init(fake, "webhook");
	config_fake_set(fake, "secret_file", fixture_path("secret"));
}

static const struct section section = {&sw_provider_webhook, base_config};

/* ---- configuration ---- */

static void open__bad_value__names_key_and_expectation(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		const char *value;
		const char *text;
	} rows[] = {
		{"secret_file", "", "[push.webhook] secret_file: expected the path"},
		{"url", "ftp://x/y", "[push.webhook] url: expected https://HOST/PATH"},
		{"url", "https://x", "[push.webhook] url: expected https://HOST/PATH"},
		{"url", "https://user@x/y", "[push.webhook] url: expected https://HOST/PATH"},
		{"url", "https://x/y#z", "[push.webhook] url: expected https://HOST/PATH"},
		{"url", "http://example.org/y", "[push.webhook] url: expected https://HOST/PATH"},
		{"url", "http://127.example.org/y", "[push.webhook] url: expected https://HOST/PATH"},
		{"apps", "a,,b", "[push.webhook] apps: expected app names"},
		{"ca_file", "/nonexistent", "[push.webhook] ca_file: expected a readable file"},
		{"cert_file", "/nonexistent", "[push.webhook] cert_file: expected a readable file"},
		{"cert_file", "/dev/null", "[push.webhook] cert_file: expected both of cert_file and key_file"},
		{"key_file", "/dev/null", "[push.webhook] cert_file: expected both of cert_file and key_file"},
		{"connections", "0", "[push.webhook] connections: expected a number from 1 to 64"},
		{"connections", "65", "[push.webhook] connections: expected a number from 1 to 64"},
		{"origins", "1025", "[push.webhook] origins: expected a number from 1 to 1024"},
		{"allow_private_addresses", "yes", "[push.webhook] allow_private_addresses: expected true or false"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		section_assert_refused(&section, rows[i].key, rows[i].value, rows[i].text);
	}
}

static void open__secrets_of_every_allowed_length__taken(void **state)
{
	(void)state;
	static const char *const good[] = {
		FIRST,         FIRST "\n",        FIRST "\r\n",           BYTES_24 "\n",
		BYTES_64 "\n", FIRST "\n" SECOND, FIRST "\n" SECOND "\n", BYTES_64 "\r\n" BYTES_64 "\r\n"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		write_text("given", good[i]);
		struct sw_provider *provider = section_open(&section, "secret_file", fixture_path("given"));
		sw_provider_webhook.close(provider);
	}
	sw_provider_webhook.close(NULL);
}

static void open__bad_secret_file__says_what_was_expected(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"secret",
		"whsec_",
		"whsec_AAAA",
		"\n" FIRST,
		FIRST "\n\n",
		FIRST "\n" FIRST "\n" FIRST,
		"WHSEC_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		" " FIRST,
		FIRST " ",
		"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",   /* without padding */
		"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",  /* bits left over */
		"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-=",  /* of base64url */
		"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw=\xc3=", /* no base64 */
		"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY=",              /* 23 bytes */
		BYTES_64 "AAAA",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_text("given", bad[i]);
		section_assert_refused(&section, "secret_file", fixture_path("given"),
				       "[push.webhook] secret_file: expected one or two lines whsec_");
	}
	write_text("given", "");
	section_assert_refused(&section, "secret_file", fixture_path("given"),
			       "[push.webhook] secret_file: expected a file of secrets of 1 to 1024 bytes");
	section_assert_refused(&section, "secret_file", fixture_path("missing"),
			       "[push.webhook] secret_file: expected a readable file of secrets");
}

/* ---- requests ---- */

static int encode(struct sw_provider *provider, const char *token, struct sw_send *send, struct sw_arena *arena)
{
	struct sw_push_target target = {.token = sw_bytes_str(token)};
	struct sw_notification n = {.body = sw_bytes_str("Hi"), .badge = -1};
	return sw_provider_webhook.encode(provider, &target, &n, T0, arena, send, NULL);
}

static const struct sw_endpoint *endpoint_of(struct sw_provider *provider, const char *token)
{
	struct sw_arena arena;
	struct sw_send send;
	sw_arena_init(&arena);
	assert_int_equal(encode(provider, token, &send, &arena), SW_OK);
	sw_arena_release(&arena);
	return send.endpoint;
}

static void encode__configured_values__in_the_endpoint(void **state)
{
	(void)state;
	struct sw_provider *provider = section_open(&section, "connections", "9");
	const struct sw_endpoint *endpoint = endpoint_of(provider, "https://a.example:8443/1");
	assert_string_equal(endpoint->host, "a.example");
	assert_int_equal(endpoint->port, 8443);
	assert_int_equal(endpoint->connections_max, 9);
	assert_int_equal(endpoint->answer_timeout_ms, 15000);
	assert_true(endpoint->public_only);
	assert_null(endpoint->ca_file);
	assert_null(endpoint->cert_file);
	sw_provider_webhook.close(provider);
	provider = section_open(&section, "allow_private_addresses", "true");
	assert_false(endpoint_of(provider, A)->public_only);
	sw_provider_webhook.close(provider);
	provider = section_open(&section, "ca_file", fixture_path("ca.pem"));
	assert_string_equal(endpoint_of(provider, A)->ca_file, fixture_path("ca.pem"));
	sw_provider_webhook.close(provider);
}

static void encode__url__plain_towards_loopback_only(void **state)
{
	(void)state;
	static const struct {
		const char *url;
		const char *host;
		uint16_t port;
		bool plain;
	} rows[] = {
		{"https://push.example/in", "push.example", 443, false},
		{"http://localhost:8080/in", "localhost", 8080, true},
		{"http://127.0.0.1/in", "127.0.0.1", 80, true},
		{"http://[::1]:8080/in", "::1", 8080, true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_provider *provider = section_open(&section, "url", rows[i].url);
		const struct sw_endpoint *endpoint = endpoint_of(provider, "word");
		assert_ptr_equal(endpoint_of(provider, "another"), endpoint);
		assert_string_equal(endpoint->host, rows[i].host);
		assert_int_equal(endpoint->port, rows[i].port);
		assert_int_equal(endpoint->plain, rows[i].plain);
		assert_false(endpoint->public_only);
		assert_null(sw_provider_webhook.endpoint_retired(provider));
		sw_provider_webhook.close(provider);
	}
}

static size_t signatures(struct sw_provider *provider)
{
	struct sw_arena arena;
	struct sw_send send;
	size_t count = 1;
	sw_arena_init(&arena);
	assert_int_equal(encode(provider, A, &send, &arena), SW_OK);
	const struct sw_http_header *last = &send.as.http.headers[send.as.http.header_count - 1];
	assert_true(sw_bytes_equal_str(last->name, "webhook-signature"));
	for (size_t i = 0; i < last->value.len; i++) {
		count += last->value.ptr[i] == ' ';
	}
	assert_int_equal(last->value.len, count * 48 - 1);
	sw_arena_release(&arena);
	return count;
}

static void reload__other_and_bad_secrets__taken_and_kept(void **state)
{
	(void)state;
	struct sw_diag diag = {0};
	write_text("given", FIRST "\n");
	struct sw_provider *provider = section_open(&section, "secret_file", fixture_path("given"));
	assert_int_equal(signatures(provider), 1);
	write_text("given", SECOND "\n" FIRST "\n");
	assert_int_equal(sw_provider_webhook.reload(provider, &diag), SW_OK);
	assert_int_equal(signatures(provider), 2);
	write_text("given", "nonsense");
	assert_int_equal(sw_provider_webhook.reload(provider, &diag), SW_ECONFIG);
	assert_int_equal(signatures(provider), 2);
	assert_int_equal(sw_provider_webhook.credential_state(provider, T0), SW_CREDENTIAL_READY);
	sw_provider_webhook.credential_refused(provider, T0);
	assert_int_equal(sw_provider_webhook.credential_state(provider, T0), SW_CREDENTIAL_READY);
	sw_provider_webhook.close(provider);
}

/* ---- tokens ---- */

static int check(const char *url, const char *token, size_t len)
{
	struct config_fake fake;
	struct sw_diag diag = {0};
	base_config(&fake);
	config_fake_set(&fake, "url", url);
	int err = sw_provider_webhook.check_token_for(&fake.config, sw_bytes(token, len), &diag);
	assert_int_equal(err == SW_OK, diag.text[0] == '\0');
	return err;
}

static void check_token__without_url__an_https_address(void **state)
{
	(void)state;
	static const char *const good[] = {A, "https://a.example/", "https://192.0.2.1:1/x",
					   "https://[2001:db8::1]/x?y"};
	static const char *const bad[] = {"",
					  "word",
					  "http://a.example/x",
					  "http://localhost/x",
					  "https://a.example",
					  "https://u:p@a.example/x",
					  "https://a.example/x#y",
					  "https://a.example/ x",
					  "https://127.1/x"};
	char longest[SW_WEBHOOK_TOKEN_MAX + 2] = A;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(check("", good[i], strlen(good[i])), SW_OK);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(check("", bad[i], strlen(bad[i])), SW_EINVAL);
	}
	memset(longest + strlen(A), 'x', sizeof(longest) - strlen(A));
	assert_int_equal(check("", longest, SW_WEBHOOK_TOKEN_MAX), SW_OK);
	assert_int_equal(check("", longest, SW_WEBHOOK_TOKEN_MAX + 1), SW_EINVAL);
}

static void check_token__with_url__a_word(void **state)
{
	(void)state;
	static const char *const good[] = {"1", "key:abc", A, "{}"};
	static const char *const bad[] = {"", "a b", "a\"b", "a\\b", "a\nb", "\xc3\xa9"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(check(A, good[i], strlen(good[i])), SW_OK);
		assert_int_equal(sw_provider_webhook.check_token(sw_bytes_str(good[i]), NULL), SW_OK);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(check(A, bad[i], strlen(bad[i])), SW_EINVAL);
	}
}

/* ---- the table ---- */

static void origins__one_too_many__the_least_recently_used_goes(void **state)
{
	(void)state;
	struct sw_arena arena;
	struct sw_send send;
	struct sw_provider *provider = section_open(&section, "origins", "1");
	sw_arena_init(&arena);
	const struct sw_endpoint *a = endpoint_of(provider, A);
	assert_null(sw_provider_webhook.endpoint_retired(provider));
	endpoint_of(provider, B);
	assert_int_equal(encode(provider, C, &send, &arena), SW_EBUSY);
	assert_ptr_equal(sw_provider_webhook.endpoint_retired(provider), a);
	assert_null(sw_provider_webhook.endpoint_retired(provider)); /* named once */
	assert_string_equal(a->host, "a.example");                   /* as it was, until it is closed */
	sw_provider_webhook.endpoint_closed(provider, a);
	assert_int_equal(encode(provider, C, &send, &arena), SW_OK);
	sw_arena_release(&arena);
	sw_provider_webhook.close(provider); /* with one that was not named yet */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__bad_value__names_key_and_expectation),
		cmocka_unit_test(open__secrets_of_every_allowed_length__taken),
		cmocka_unit_test(open__bad_secret_file__says_what_was_expected),
		cmocka_unit_test(encode__configured_values__in_the_endpoint),
		cmocka_unit_test(encode__url__plain_towards_loopback_only),
		cmocka_unit_test(reload__other_and_bad_secrets__taken_and_kept),
		cmocka_unit_test(check_token__without_url__an_https_address),
		cmocka_unit_test(check_token__with_url__a_word),
		cmocka_unit_test(origins__one_too_many__the_least_recently_used_goes),
	};
	return cmocka_run_group_tests(tests, on_group_setup, section_group_teardown);
}
