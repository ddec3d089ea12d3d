/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of the e-mail provider and its password file. */
#include "section.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1790000000000

static int on_group_setup(void **state)
{
	(void)state;
	static char big[1025];
	fixture_open();
	memset(big, 'x', sizeof(big));
	fixture_write("password", "hunter2\r\n", 9);
	fixture_write("full", big, 1024);
	fixture_write("big", big, 1025);
	fixture_write("empty", "\n", 1);
	fixture_write("lines", "a\nb\n", 4);
	fixture_write("nul", "a\0b", 3);
	fixture_write("ca.pem", "x", 1);
	return 0;
}

static void base_config(struct config_fake *fake)
{
	config_fake_init(fake, "email");
	config_fake_set(fake, "host", "smtp.example.org");
	config_fake_set(fake, "from", "push@example.org");
}

static struct sw_provider *open_with(const char *const *pairs, struct sw_diag *diag)
{
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	base_config(&fake);
	for (size_t i = 0; pairs[i]; i += 2) {
		config_fake_set(&fake, pairs[i], pairs[i + 1]);
	}
	int err = sw_provider_email.open(&fake.config, &provider, diag);
	assert_int_equal(err, provider ? SW_OK : SW_ECONFIG);
	return provider;
}

static void open__bad_value__names_key_and_expectation(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		const char *value;
		const char *text;
	} rows[] = {
		{"host", "", "[push.email] host: expected the host name of a mail relay"},
		{"host", "smtp://example.org", "[push.email] host: expected the host name of a mail relay"},
		{"from", "", "[push.email] from: expected name@example.org"},
		{"from", "push", "[push.email] from: expected name@example.org"},
		{"from", "Surewire <push@example.org> x", "[push.email] from: expected name@example.org"},
		{"from", "Sure, wire <push@example.org>", "[push.email] from: expected name@example.org"},
		{"from", "Zo\xc3 <push@example.org>", "[push.email] from: expected name@example.org"},
		{"from", "Zoe <p\xc3\xabsh@example.org>", "[push.email] from: expected name@example.org"},
		{"from", "\"a\"b\" <push@example.org>", "[push.email] from: expected name@example.org"},
		{"from", "a\r\nBcc: x <push@example.org>", "[push.email] from: expected name@example.org"},
		{"reply_to", "a@b,c@d", "[push.email] reply_to: expected name@example.org"},
		{"tls", "none", "[push.email] tls: expected starttls, tls, or plain towards loopback"},
		{"tls", "plain", "[push.email] tls: expected starttls or tls: plain is for localhost"},
		{"port", "0", "[push.email] port: expected a number from 1 to 65535, not \"0\""},
		{"connections", "33", "[push.email] connections: expected a number from 1 to 32"},
		{"ca_file", "/nonexistent", "[push.email] ca_file: expected a readable file"},
		{"ehlo_name", "a b", "[push.email] ehlo_name: expected the full host name"},
		{"message_id_domain", "a>b", "[push.email] message_id_domain: expected a host name"},
		{"username", "push", "[push.email] password_file: expected a value"},
		{"password_file", "/x", "[push.email] username: expected a value"},
		{"digest_interval", "15", "[push.email] digest_interval: expected a duration (like 10s, 5m, 24h)"},
		{"digest_interval", "-1m", "[push.email] digest_interval: expected a duration"},
		{"digest_interval", "25h", "[push.email] digest_interval: expected a duration"},
		{"unsubscribe_url", "http://example.org/u", "[push.email] unsubscribe_url: expected the https://"},
		{"unsubscribe_url", "https://", "[push.email] unsubscribe_url: expected the https://"},
		{"unsubscribe_url", "https://example.org/u?x=1", "[push.email] unsubscribe_url: expected the https://"},
		{"unsubscribe_url", "https://example.org/<u>", "[push.email] unsubscribe_url: expected the https://"},
		{"unsubscribe_url", "https://example.org/u", "[push.email] signing_key_file: expected a value"},
		{"bounce_address", "bounces@example.org", "[push.email] signing_key_file: expected a value"},
		{"bounce_address", "bounces", "[push.email] bounce_address: expected name@example.org"},
		{"bounce_address", "b+x@example.org", "[push.email] bounce_address: expected name@example.org"},
		{"bounce_address", "abcdefghijkl@example.org",
		 "[push.email] bounce_address: expected name@example.org"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_diag diag = {0};
		const char *pairs[] = {rows[i].key, rows[i].value, NULL};
		assert_null(open_with(pairs, &diag));
		assert_memory_equal(diag.text, rows[i].text, strlen(rows[i].text));
	}
}

static void open__bad_signing_key__says_what_was_expected(void **state)
{
	(void)state;
	static const char *const files[][2] = {
		{"password", "[push.email] signing_key_file: expected one line of at least 32 characters"},
		{"missing", "[push.email] signing_key_file: expected a readable file"},
		{"lines", "[push.email] signing_key_file: expected one line without control characters"},
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct sw_diag diag = {0};
		const char *pairs[] = {"bounce_address", "bounces@example.org", "signing_key_file",
				       fixture_path(files[i][0]), NULL};
		assert_null(open_with(pairs, &diag));
		assert_memory_equal(diag.text, files[i][1], strlen(files[i][1]));
	}
}

static void open__digest_interval__default_and_values(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		int64_t ms;
	} rows[] = {{"", 15 * 60000},    {"0", 0}, {"0s", 0}, {"90s", 90000}, {"250ms", 250}, {"24h", 24 * 3600000},
		    {"1d", 24 * 3600000}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_diag diag = {0};
		const char *pairs[] = {"digest_interval", rows[i].value, NULL};
		struct sw_provider *provider = open_with(pairs, &diag);
		assert_non_null(provider);
		assert_int_equal(sw_provider_email.digest_interval_ms(provider), rows[i].ms);
		sw_provider_email.close(provider);
	}
}

static void open__bad_password_file__says_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *file;
		const char *text;
	} rows[] = {
		{"missing", "[push.email] password_file: expected a readable file"},
		{"", "[push.email] password_file: expected a regular file"}, /* the folder itself */
		{"big", "[push.email] password_file: expected one line of 1 to 1024 bytes"},
		{"empty", "[push.email] password_file: expected one line of 1 to 1024 bytes"},
		{"lines", "[push.email] password_file: expected one line without control characters"},
		{"nul", "[push.email] password_file: expected one line without control characters"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_diag diag = {0};
		const char *pairs[] = {"username", "push", "password_file", fixture_path(rows[i].file), NULL};
		assert_null(open_with(pairs, &diag));
		assert_memory_equal(diag.text, rows[i].text, strlen(rows[i].text));
	}
}

static const struct sw_endpoint *send_of(struct sw_provider *provider, struct sw_arena *arena, struct sw_send *send)
{
	struct sw_diag diag = {0};
	struct sw_push_target target = {.token = sw_bytes_str("bob@example.org")};
	struct sw_notification n = {.title = sw_bytes_str("Bob"), .badge = -1};
	assert_int_equal(sw_provider_email.encode(provider, &target, &n, NOW_MS, arena, send, &diag), SW_OK);
	return send->endpoint;
}

static void open__defaults_and_values__in_the_endpoint(void **state)
{
	(void)state;
	static const char *const none[] = {NULL};
	struct sw_diag diag = {0};
	struct sw_arena arena;
	struct sw_send send;
	sw_arena_init(&arena);
	struct sw_provider *provider = open_with(none, &diag);
	const struct sw_endpoint *e = send_of(provider, &arena, &send);
	assert_string_equal(e->host, "smtp.example.org");
	assert_int_equal(e->port, 587);
	assert_int_equal(e->mail_tls, SW_MAIL_STARTTLS);
	assert_string_equal(e->ehlo_name, "example.org");
	assert_null(e->username);
	assert_null(e->password);
	assert_int_equal(e->connections_max, 2);
	assert_int_equal(sw_provider_email.credential_state(provider, NOW_MS), SW_CREDENTIAL_READY);
	assert_true(sw_provider_email.serves_app(provider, sw_bytes_str("")));
	assert_true(sw_provider_email.fallback_only);
	sw_provider_email.close(provider);

	const char *values[] = {"host",
				"127.0.0.1",
				"tls",
				"plain",
				"port",
				"2525",
				"ehlo_name",
				"mx.example.net",
				"username",
				"push",
				"password_file",
				fixture_path("password"),
				"connections",
				"7",
				"from",
				"\"Sure, wire\" <push@example.org>",
				"message_id_domain",
				"ids.example.net",
				"ca_file",
				fixture_path("ca.pem"),
				NULL};
	provider = open_with(values, &diag);
	e = send_of(provider, &arena, &send);
	assert_string_equal(e->host, "127.0.0.1");
	assert_int_equal(e->port, 2525);
	assert_int_equal(e->mail_tls, SW_MAIL_PLAIN);
	assert_string_equal(e->ehlo_name, "mx.example.net");
	assert_string_equal(e->username, "push");
	assert_string_equal(e->password, "hunter2");
	assert_int_equal(e->connections_max, 7);
	assert_true(sw_bytes_equal_str(send.as.mail.envelope_from, "push@example.org"));
	assert_true(sw_bytes_equal_str(send.as.mail.headers[0].value, "\"Sure, wire\" <push@example.org>"));
	assert_true(sw_bytes_equal_str(send.as.mail.headers[4].value,
				       "<00000000000000000000000000000000@ids.example.net>"));
	sw_provider_email.close(provider);
	sw_provider_email.close(NULL);
	sw_arena_release(&arena);
}

static void open__name_that_is_not_ascii__as_it_is(void **state)
{
	(void)state;
	static const char from[] = "Zo\xc3\xab <push@example.org>";
	static const char *const pairs[] = {"from", from, NULL};
	struct sw_diag diag = {0};
	struct sw_arena arena;
	struct sw_send send;
	sw_arena_init(&arena);
	struct sw_provider *provider = open_with(pairs, &diag);
	send_of(provider, &arena, &send);
	assert_true(sw_bytes_equal_str(send.as.mail.headers[0].value, from));
	assert_true(sw_bytes_equal_str(send.as.mail.envelope_from, "push@example.org"));
	sw_provider_email.close(provider);
	sw_arena_release(&arena);
}

static void open__tls__its_own_port(void **state)
{
	(void)state;
	static const char *const pairs[] = {"tls", "tls", NULL};
	struct sw_diag diag = {0};
	struct sw_arena arena;
	struct sw_send send;
	sw_arena_init(&arena);
	struct sw_provider *provider = open_with(pairs, &diag);
	assert_int_equal(send_of(provider, &arena, &send)->port, 465);
	sw_provider_email.close(provider);
	sw_arena_release(&arena);
}

static void reload__new_and_bad_password__in_place_and_kept(void **state)
{
	(void)state;
	struct sw_diag diag = {0};
	struct sw_arena arena;
	struct sw_send send;
	sw_arena_init(&arena);
	fixture_write("current", "first\n", 6);
	const char *pairs[] = {"username", "push", "password_file", fixture_path("current"), NULL};
	struct sw_provider *provider = open_with(pairs, &diag);
	const char *password = send_of(provider, &arena, &send)->password;
	assert_string_equal(password, "first");
	fixture_write("current", "2nd\n", 4);
	assert_int_equal(sw_provider_email.reload(provider, &diag), SW_OK);
	assert_string_equal(password, "2nd");
	fixture_write("current", "", 0);
	assert_int_equal(sw_provider_email.reload(provider, &diag), SW_ECONFIG);
	assert_string_equal(password, "2nd");
	sw_provider_email.close(provider);
	sw_arena_release(&arena);
}

static void credential_refused__held_for_a_minute_or_until_the_file_is_read_again(void **state)
{
	(void)state;
	struct sw_diag diag = {0};
	fixture_write("current", "first\n", 6);
	const char *pairs[] = {"username", "push", "password_file", fixture_path("current"), NULL};
	struct sw_provider *provider = open_with(pairs, &diag);
	sw_provider_email.credential_refused(provider, NOW_MS);
	assert_int_equal(sw_provider_email.credential_state(provider, NOW_MS + 59999), SW_CREDENTIAL_BROKEN);
	assert_int_equal(sw_provider_email.credential_state(provider, NOW_MS + 60000), SW_CREDENTIAL_READY);
	assert_int_equal(sw_provider_email.credential_state(provider, NOW_MS - 1), SW_CREDENTIAL_READY);
	fixture_write("current", "", 0);
	assert_int_equal(sw_provider_email.reload(provider, &diag), SW_ECONFIG);
	assert_int_equal(sw_provider_email.credential_state(provider, NOW_MS), SW_CREDENTIAL_BROKEN);
	fixture_write("current", "2nd\n", 4);
	assert_int_equal(sw_provider_email.reload(provider, &diag), SW_OK);
	assert_int_equal(sw_provider_email.credential_state(provider, NOW_MS), SW_CREDENTIAL_READY);
	sw_provider_email.close(provider);
}

static void open__longest_password__taken(void **state)
{
	(void)state;
	struct sw_diag diag = {0};
	struct sw_arena arena;
	struct sw_send send;
	sw_arena_init(&arena);
	const char *pairs[] = {"username", "push", "password_file", fixture_path("full"), NULL};
	struct sw_provider *provider = open_with(pairs, &diag);
	assert_int_equal(strlen(send_of(provider, &arena, &send)->password), 1024);
	sw_provider_email.close(provider);
	sw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__bad_value__names_key_and_expectation),
		cmocka_unit_test(open__bad_signing_key__says_what_was_expected),
		cmocka_unit_test(open__digest_interval__default_and_values),
		cmocka_unit_test(open__bad_password_file__says_what_was_expected),
		cmocka_unit_test(open__defaults_and_values__in_the_endpoint),
		cmocka_unit_test(open__name_that_is_not_ascii__as_it_is),
		cmocka_unit_test(open__tls__its_own_port),
		cmocka_unit_test(reload__new_and_bad_password__in_place_and_kept),
		cmocka_unit_test(credential_refused__held_for_a_minute_or_until_the_file_is_read_again),
		cmocka_unit_test(open__longest_password__taken),
	};
	return cmocka_run_group_tests(tests, on_group_setup, section_group_teardown);
}
