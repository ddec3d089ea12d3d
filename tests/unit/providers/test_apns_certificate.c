/* SPDX-License-Identifier: Apache-2.0 */
/* APNs by certificate: its files, its topics, its life, and connections that go with it. */
#include "fixture_certificate.h"
#include "section.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define T0_S INT64_C(1790000000)
#define T0 (T0_S * 1000)
#define YEAR_S (INT64_C(365) * 24 * 3600)
#define APP "org.example.chat"

static const char *const universal[] = {APP, APP ".voip", APP ".complication", NULL};
static const char *const none[] = {NULL};
static const char *const odd[] = {"org.example.chat,org", NULL};
static const char *const spaced[] = {"org.example chat", NULL};
static const char *const renewed[] = {APP, APP ".voip", NULL};

static int on_group_setup(void **state)
{
	(void)state;
	fixture_open();
	struct fixture_certificate what = {APP, universal, T0_S - YEAR_S, T0_S + YEAR_S};
	fixture_certificate("push.pem", &what);
	fixture_certificate("other.pem", &what);
	what.topics = NULL;
	fixture_certificate("single.pem", &what);
	what.uid = NULL;
	fixture_certificate("nameless.pem", &what);
	what.topics = none;
	fixture_certificate("none.pem", &what);
	what.topics = odd;
	fixture_certificate("odd.pem", &what);
	what.topics = spaced;
	fixture_certificate("spaced.pem", &what);
	fixture_ec_key("key.p8", "P-256", NULL);
	fixture_ec_key("encrypted.key", "P-256", "aes-128-cbc");
	fixture_write("empty.pem", "", 0);
	fixture_write("text.pem", "hello\n", 6);
	return 0;
}

static void base_config(struct config_fake *fake)
{
	config_fake_init(fake, "apns");
	config_fake_set(fake, "cert_file", fixture_path("push.pem"));
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
		const char *value; /* a file where it has no slash */
		const char *text;
	} rows[] = {
		{"cert_file", "/nonexistent", "[push.apns] cert_file: expected a readable PEM file"},
		{"cert_file", "empty.pem", "[push.apns] cert_file: expected a PEM file of 1 to 65536 bytes"},
		{"cert_file", "text.pem", "[push.apns] cert_file: expected a certificate in PEM form"},
		{"cert_file", "push.pem.key", "[push.apns] cert_file: expected a certificate in PEM form"},
		{"cert_file", "push.pem.crt", "[push.apns] cert_file: expected the certificate's private key"},
		{"cert_file", "nameless.pem", "[push.apns] cert_file: expected a push certificate of Apple"},
		{"cert_file", "none.pem", "[push.apns] cert_file: expected a push certificate of Apple"},
		{"cert_file", "spaced.pem", "[push.apns] cert_file: expected a push certificate of Apple"},
		{"cert_key_file", "other.pem.key", "[push.apns] cert_key_file: expected the certificate's private key"},
		{"cert_key_file", "encrypted.key", "[push.apns] cert_key_file: expected the certificate's private key"},
		{"cert_key_file", "text.pem", "[push.apns] cert_key_file: expected the certificate's private key"},
		{"cert_key_file", "/nonexistent", "[push.apns] cert_key_file: expected a readable PEM file"},
		{"key_file", "key.p8", "[push.apns] key_file: expected either a key or cert_file"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *value = strchr(rows[i].value, '/') ? rows[i].value : fixture_path(rows[i].value);
		section_assert_refused(&section, rows[i].key, value, rows[i].text);
	}
	section_assert_refused(&section, "key_id", "ABC123DEFG", "[push.apns] key_id: expected either a key or");
	section_assert_refused(&section, "team_id", "ABC123DEFG", "[push.apns] team_id: expected either a key or");
	section_assert_refused(&section, "topics", "org.example.other",
			       "[push.apns] topics: expected topics of the certificate (org.example.chat,"
			       "org.example.chat.voip,org.example.chat.complication), not org.example.other");
	/* The beginning of a topic is another one. */
	section_assert_refused(&section, "topics", "org.example", "[push.apns] topics: expected topics");
}

static void open__a_key_without_its_certificate__refused(void **state)
{
	(void)state;
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	struct sw_diag diag = {0};
	config_fake_init(&fake, "apns");
	config_fake_set(&fake, "cert_key_file", fixture_path("push.pem.key"));
	assert_int_equal(sw_provider_apns.open(&fake.config, &provider, &diag), SW_ECONFIG);
	assert_string_equal(diag.text, "[push.apns] cert_key_file: expected cert_file beside it");
}

/* ---- what is sent ---- */

struct result {
	int err;
	struct sw_diag diag;
	struct sw_endpoint endpoint;
	const struct sw_endpoint *endpoint_at;
	char names[256]; /* of the headers */
	char topic[128];
};

static struct result encode(struct sw_provider *provider, const char *app, enum sw_apple_push_type type, int64_t now_ms)
{
	struct result result = {0};
	struct sw_arena arena;
	struct sw_send send = {0};
	struct sw_push_target target = {.app = sw_bytes_str(app), .token = sw_bytes_str("ab")};
	bool shows = type == SW_APPLE_BY_KIND || type == SW_APPLE_VOIP;
	struct sw_notification n = {.kind = shows ? SW_PUSH_ALERT : SW_PUSH_SILENT,
				    .body = sw_bytes_str("Hi"),
				    .badge = -1,
				    .apple.type = type};
	sw_arena_init(&arena);
	result.err = sw_provider_apns.encode(provider, &target, &n, now_ms, &arena, &send, &result.diag);
	if (!result.err) {
		result.endpoint = *send.endpoint;
		result.endpoint_at = send.endpoint;
	}
	for (size_t i = 0; !result.err && i < send.as.http.header_count; i++) {
		const struct sw_http_header *header = &send.as.http.headers[i];
		size_t len = strlen(result.names);
		snprintf(result.names + len, sizeof(result.names) - len, "%.*s ", SW_BYTES_FMT(header->name));
		if (sw_bytes_equal_str(header->name, "apns-topic")) {
			snprintf(result.topic, sizeof(result.topic), "%.*s", SW_BYTES_FMT(header->value));
		}
	}
	sw_arena_release(&arena);
	return result;
}

static void encode__certificate__in_the_endpoint_and_no_token(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	assert_int_equal(sw_provider_apns.credential_state(provider, T0), SW_CREDENTIAL_READY);
	struct result got = encode(provider, APP, SW_APPLE_BY_KIND, T0);
	assert_int_equal(got.err, SW_OK);
	assert_string_equal(got.endpoint.cert_file, fixture_path("push.pem"));
	assert_null(got.endpoint.key_file);
	assert_int_equal(got.endpoint.initial_streams_max, 0);
	assert_string_equal(got.topic, APP);
	assert_string_equal(got.names, "apns-topic apns-push-type apns-priority apns-collapse-id apns-id ");
	sw_provider_apns.close(provider);

	provider = section_open(&section, "cert_key_file", fixture_path("push.pem.key"));
	assert_string_equal(encode(provider, APP, SW_APPLE_BY_KIND, T0).endpoint.key_file,
			    fixture_path("push.pem.key"));
	sw_provider_apns.close(provider);
}

static void serves_app__certificate__its_topics_or_some_of_them(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	assert_true(sw_provider_apns.serves_app(provider, sw_bytes_str(APP)));
	assert_true(sw_provider_apns.serves_app(provider, sw_bytes_str("")));
	assert_false(sw_provider_apns.serves_app(provider, sw_bytes_str("org.example")));
	assert_string_equal(encode(provider, "", SW_APPLE_BY_KIND, T0).topic, APP);
	sw_provider_apns.close(provider);

	provider = section_open(&section, "topics", APP);
	assert_true(sw_provider_apns.serves_app(provider, sw_bytes_str("")));
	assert_false(sw_provider_apns.serves_app(provider, sw_bytes_str(APP ".voip")));
	sw_provider_apns.close(provider);

	/* Without a list the subject's user id is the topic. */
	provider = section_open(&section, "cert_file", fixture_path("single.pem"));
	assert_true(sw_provider_apns.serves_app(provider, sw_bytes_str(APP)));
	assert_string_equal(encode(provider, "", SW_APPLE_BY_KIND, T0).topic, APP);
	sw_provider_apns.close(provider);

	/* A comma within a topic would be two of them. */
	provider = section_open(&section, "cert_file", fixture_path("odd.pem"));
	assert_false(sw_provider_apns.serves_app(provider, sw_bytes_str("org.example.chat,org")));
	sw_provider_apns.close(provider);
}

static void encode__push_type__only_with_its_topic_in_the_certificate(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	assert_string_equal(encode(provider, APP, SW_APPLE_VOIP, T0).topic, APP ".voip");
	assert_string_equal(encode(provider, APP, SW_APPLE_COMPLICATION, T0).topic, APP ".complication");
	struct result got = encode(provider, APP, SW_APPLE_WIDGETS, T0);
	assert_int_equal(got.err, SW_ECONFIG);
	assert_string_equal(got.diag.text, "push type widgets: expected a certificate for the topic "
					   "org.example.chat.push-type.widgets");
	got = encode(provider, APP, SW_APPLE_LOCATION, T0);
	assert_int_equal(got.err, SW_ECONFIG);
	assert_string_equal(got.diag.text, "push type location: expected a key, not a certificate");
	sw_provider_apns.close(provider);

	provider = section_open(&section, "cert_file", fixture_path("single.pem"));
	assert_int_equal(encode(provider, APP, SW_APPLE_VOIP, T0).err, SW_ECONFIG);
	sw_provider_apns.close(provider);
}

static void encode__outside_its_life__an_operators_matter(void **state)
{
	(void)state;
	struct sw_provider *provider = opened();
	const int64_t begins_ms = (T0_S - YEAR_S) * 1000;
	const int64_t ends_ms = (T0_S + YEAR_S) * 1000;
	assert_int_equal(encode(provider, APP, SW_APPLE_BY_KIND, begins_ms).err, SW_OK);
	assert_int_equal(encode(provider, APP, SW_APPLE_BY_KIND, ends_ms - 1).err, SW_OK);
	struct result got = encode(provider, APP, SW_APPLE_BY_KIND, begins_ms - 1);
	assert_int_equal(got.err, SW_ECONFIG);
	assert_string_equal(got.diag.text, "cert_file: expected a certificate that is valid now: it is not yet");
	got = encode(provider, APP, SW_APPLE_BY_KIND, ends_ms);
	assert_int_equal(got.err, SW_ECONFIG);
	assert_string_equal(got.diag.text, "cert_file: expected a certificate that is valid now: it has expired");
	sw_provider_apns.close(provider);
}

static void credential_refused__certificate__held_for_a_minute(void **state)
{
	(void)state;
	static const char body[] = "{\"reason\":\"MissingProviderToken\"}";
	struct sw_provider *provider = opened();
	struct sw_push_target target = {0};
	struct sw_http_response http = {.status = 403, .body = sw_bytes_str(body)};
	struct sw_answer answer = {&target, &http, NULL, T0};
	struct sw_outcome outcome;
	sw_provider_apns.classify(provider, &answer, &outcome);
	assert_int_equal(outcome.kind, SW_OUTCOME_CREDENTIAL);
	sw_provider_apns.credential_refused(provider, T0);
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + 59999), SW_CREDENTIAL_BROKEN);
	assert_int_equal(sw_provider_apns.credential_state(provider, T0 + 60000), SW_CREDENTIAL_READY);
	sw_provider_apns.close(provider);
}

/* ---- another one ---- */

static void copy_file(const char *from, const char *to)
{
	static char text[8192];
	FILE *file = fopen(fixture_path(from), "r");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof(text), file);
	fclose(file);
	fixture_write(to, text, len);
}

static void reload__same_bad_and_new_certificate__connections_kept_kept_replaced(void **state)
{
	(void)state;
	struct sw_diag diag = {0};
	copy_file("push.pem", "current.pem");
	struct sw_provider *provider = section_open(&section, "cert_file", fixture_path("current.pem"));
	const struct sw_endpoint *first = encode(provider, APP, SW_APPLE_BY_KIND, T0).endpoint_at;
	assert_null(sw_provider_apns.endpoint_retired(provider));
	assert_int_equal(sw_provider_apns.reload(provider, &diag), SW_OK);
	copy_file("text.pem", "current.pem");
	assert_int_equal(sw_provider_apns.reload(provider, &diag), SW_ECONFIG);
	assert_ptr_equal(encode(provider, APP, SW_APPLE_COMPLICATION, T0).endpoint_at, first);
	assert_null(sw_provider_apns.endpoint_retired(provider));

	struct fixture_certificate what = {APP, renewed, T0_S, T0_S + 2 * YEAR_S};
	fixture_certificate("current.pem", &what);
	assert_int_equal(sw_provider_apns.reload(provider, &diag), SW_OK);
	struct result second = encode(provider, APP, SW_APPLE_BY_KIND, T0 + YEAR_S * 1000);
	assert_int_equal(second.err, SW_OK);
	assert_ptr_not_equal(second.endpoint_at, first);
	assert_string_equal(second.endpoint.host, "api.push.apple.com");
	assert_int_equal(encode(provider, APP, SW_APPLE_COMPLICATION, T0).err, SW_ECONFIG);
	/* Both hosts of the old one, once each; they are there until they are closed. */
	assert_ptr_equal(sw_provider_apns.endpoint_retired(provider), first);
	const struct sw_endpoint *sandbox = sw_provider_apns.endpoint_retired(provider);
	assert_string_equal(sandbox->host, "api.sandbox.push.apple.com");
	assert_null(sw_provider_apns.endpoint_retired(provider));
	sw_provider_apns.endpoint_closed(provider, sandbox);
	assert_string_equal(first->host, "api.push.apple.com");
	sw_provider_apns.endpoint_closed(provider, first);
	sw_provider_apns.close(provider);
}

static void close__old_connections_open__nothing_left(void **state)
{
	(void)state;
	struct sw_diag diag = {0};
	copy_file("push.pem", "current.pem");
	struct sw_provider *provider = section_open(&section, "cert_file", fixture_path("current.pem"));
	copy_file("other.pem", "current.pem");
	assert_int_equal(sw_provider_apns.reload(provider, &diag), SW_OK);
	copy_file("push.pem", "current.pem");
	assert_int_equal(sw_provider_apns.reload(provider, &diag), SW_OK);
	int named = 0;
	while (named < 10 && sw_provider_apns.endpoint_retired(provider)) {
		named++;
	}
	assert_int_equal(named, 4);
	sw_provider_apns.close(provider);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__bad_value__names_key_and_expectation),
		cmocka_unit_test(open__a_key_without_its_certificate__refused),
		cmocka_unit_test(encode__certificate__in_the_endpoint_and_no_token),
		cmocka_unit_test(serves_app__certificate__its_topics_or_some_of_them),
		cmocka_unit_test(encode__push_type__only_with_its_topic_in_the_certificate),
		cmocka_unit_test(encode__outside_its_life__an_operators_matter),
		cmocka_unit_test(credential_refused__certificate__held_for_a_minute),
		cmocka_unit_test(reload__same_bad_and_new_certificate__connections_kept_kept_replaced),
		cmocka_unit_test(close__old_connections_open__nothing_left),
	};
	return cmocka_run_group_tests(tests, on_group_setup, section_group_teardown);
}
