/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of the Web Push provider, its key, the life of VAPID tokens, and the table of origins. */
#include "push_receiver.h"
#include "section.h"

#include <surewire/json.h>

#include <openssl/ecdsa.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T0 1790000000000
#define HOURS(n) ((int64_t)(n)*3600 * 1000)
#define A "https://a.example/1"
#define B "https://b.example/1"
#define C "https://c.example/1"

static struct push_receiver receiver;

static int on_group_setup(void **state)
{
	(void)state;
	fixture_open();
	fixture_ec_key("vapid.pem", "P-256", NULL);
	fixture_ec_key("other.pem", "P-256", NULL);
	fixture_ec_key("p384.pem", "P-384", NULL);
	fixture_ec_key("locked.pem", "P-256", "aes-128-cbc");
	fixture_account("rsa.json", NULL);
	fixture_write("text.pem", "hello", 5);
	fixture_write("empty.pem", "", 0);
	static char big[17 * 1024];
	fixture_write("big.pem", big, sizeof(big));
	push_receiver_open(&receiver, NULL, NULL);
	return 0;
}

static int on_group_teardown(void **state)
{
	(void)state;
	push_receiver_close(&receiver);
	fixture_close();
	return 0;
}

static void base_config(struct config_fake *fake)
{
	config_fake_init(fake, "webpush");
	config_fake_set(fake, "key_file", fixture_path("vapid.pem"));
	config_fake_set(fake, "subject", "mailto:push@example.com");
}

static const struct section section = {&sw_provider_webpush, base_config};

/* ---- configuration ---- */

static void open__bad_value__names_key_and_expectation(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		const char *value;
		const char *text;
	} rows[] = {
		{"key_file", "", "[push.webpush] key_file: expected the path of the VAPID key"},
		{"subject", "", "[push.webpush] subject: expected mailto:ADDRESS or https://PAGE"},
		{"subject", "push@example.com", "[push.webpush] subject: expected mailto:"},
		{"subject", "mailto:", "[push.webpush] subject: expected mailto:"},
		{"subject", "mailto:@example.com", "[push.webpush] subject: expected mailto:"},
		{"subject", "https://", "[push.webpush] subject: expected mailto:"},
		{"subject", "http://example.com", "[push.webpush] subject: expected mailto:"},
		{"subject", "mailto:a b@example.com", "[push.webpush] subject: expected mailto:"},
		{"subject", "mailto:a\"@example.com", "[push.webpush] subject: expected mailto:"},
		{"apps", "a,,b", "[push.webpush] apps: expected app names"},
		{"ca_file", "/nonexistent", "[push.webpush] ca_file: expected a readable file"},
		{"connections", "0", "[push.webpush] connections: expected a number from 1 to 64"},
		{"origins", "0", "[push.webpush] origins: expected a number from 1 to 1024"},
		{"origins", "1025", "[push.webpush] origins: expected a number from 1 to 1024"},
		{"allow_private_addresses", "yes", "[push.webpush] allow_private_addresses: expected true or false"},
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
		{"missing.pem", "[push.webpush] key_file: expected a readable PEM file"},
		{"", "[push.webpush] key_file: expected a PEM file of 1 to 16384 bytes"}, /* the folder itself */
		{"empty.pem", "[push.webpush] key_file: expected a PEM file of 1 to 16384 bytes"},
		{"big.pem", "[push.webpush] key_file: expected a PEM file of 1 to 16384 bytes"},
		{"text.pem", "[push.webpush] key_file: expected an EC P-256 private key in PEM form"},
		{"p384.pem", "[push.webpush] key_file: expected an EC P-256 private key in PEM form"},
		{"locked.pem",
		 "[push.webpush] key_file: expected an EC P-256 private key in PEM form, without passphrase"},
		{"vapid.pem.pub", "[push.webpush] key_file: expected an EC P-256 private key in PEM form"},
		{"rsa.json", "[push.webpush] key_file: expected an EC P-256 private key in PEM form"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		section_assert_refused(&section, "key_file", fixture_path(rows[i].file), rows[i].text);
	}
}

/* ---- requests by origin ---- */

struct sent {
	struct sw_arena arena;
	struct sw_send send;
	char authorization[1024];
};

static int encode(struct sw_provider *provider, const char *endpoint, int64_t now_ms, struct sent *sent)
{
	struct sw_diag diag = {0};
	struct sw_push_target target = {.token = push_receiver_token(&receiver, endpoint)};
	struct sw_notification n = {.body = sw_bytes_str("Hi"), .badge = -1};
	sw_arena_init(&sent->arena);
	int err = sw_provider_webpush.encode(provider, &target, &n, now_ms, &sent->arena, &sent->send, &diag);
	if (!err) {
		snprintf(sent->authorization, sizeof(sent->authorization), "%.*s",
			 SW_BYTES_FMT(sent->send.as.http.headers[0].value));
	}
	sw_arena_release(&sent->arena);
	return err;
}

static const struct sw_endpoint *endpoint_of(struct sw_provider *provider, const char *endpoint)
{
	struct sent sent;
	assert_int_equal(encode(provider, endpoint, T0, &sent), SW_OK);
	return sent.send.endpoint;
}

static void encode__configured_values__in_the_endpoint(void **state)
{
	(void)state;
	struct sw_provider *provider = section_open(&section, NULL, NULL);
	const struct sw_endpoint *e = endpoint_of(provider, "https://a.example:8443/1");
	assert_string_equal(e->host, "a.example");
	assert_int_equal(e->port, 8443);
	assert_null(e->ca_file);
	assert_int_equal(e->connections_max, 1);
	assert_int_equal(e->ping_interval_ms, 0);
	assert_true(e->answer_timeout_ms > 0);
	assert_true(e->public_only);
	sw_provider_webpush.close(provider);
	provider = section_open(&section, "allow_private_addresses", "true");
	assert_false(endpoint_of(provider, A)->public_only);
	sw_provider_webpush.close(provider);
	provider = section_open(&section, "allow_private_addresses", "false");
	assert_true(endpoint_of(provider, A)->public_only);
	sw_provider_webpush.close(provider);
	provider = section_open(&section, "connections", "3");
	assert_int_equal(endpoint_of(provider, A)->connections_max, 3);
	sw_provider_webpush.close(provider);
}

/* ---- VAPID ---- */

/* "vapid t=HEAD.CLAIMS.SIGNATURE, k=KEY" */
struct shown {
	char text[1024];
	const char *signed_part;
	const char *signature;
	const char *key;
};

static void take_apart(const char *authorization, struct shown *shown)
{
	snprintf(shown->text, sizeof(shown->text), "%s", authorization);
	assert_memory_equal(shown->text, "vapid t=", 8);
	char *key = strstr(shown->text, ", k=");
	assert_non_null(key);
	*key = '\0';
	shown->key = key + 4;
	shown->signed_part = shown->text + 8;
	char *dot = strrchr(shown->text, '.');
	assert_non_null(dot);
	*dot = '\0';
	shown->signature = dot + 1;
}

static bool verifies(const struct shown *shown)
{
	uint8_t raw[64];
	uint8_t point[65];
	uint8_t *der = NULL;
	assert_int_equal(push_decode(shown->signature, raw, sizeof(raw)), sizeof(raw));
	assert_int_equal(push_decode(shown->key, point, sizeof(point)), sizeof(point));
	ECDSA_SIG *sig = ECDSA_SIG_new();
	ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
	int len = i2d_ECDSA_SIG(sig, &der);
	EVP_PKEY *key = push_public_key(point);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, der, (size_t)len, (const uint8_t *)shown->signed_part,
				   strlen(shown->signed_part)) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	return ok;
}

static json_t *header_of(const struct shown *shown)
{
	char part[256];
	uint8_t text[256];
	json_t *header = NULL;
	snprintf(part, sizeof(part), "%.*s", (int)strcspn(shown->signed_part, "."), shown->signed_part);
	size_t len = push_decode(part, text, sizeof(text));
	assert_int_equal(sw_json_parse(sw_bytes(text, len), 2, &header, NULL), SW_OK);
	return header;
}

/* The example of RFC 8292, 2.4: its audience, subject and expiry give its token, but for key and signature. */
static const char rfc_8292[] =
	"vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3"
	"NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtm"
	"ysazNjjvW2L9OkSSHzvoD1oA, k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2Em"
	"ClBPs";
#define RFC_8292_EXP 1453523768

static void encode__as_in_rfc_8292__the_same_token_by_another_key(void **state)
{
	(void)state;
	struct shown want;
	struct shown got;
	struct sent sent;
	take_apart(rfc_8292, &want);
	assert_true(verifies(&want));
	struct sw_provider *provider = section_open(&section, NULL, NULL);
	int64_t now_ms = (int64_t)RFC_8292_EXP * 1000 - HOURS(12);
	assert_int_equal(encode(provider, "https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", now_ms, &sent),
			 SW_OK);
	take_apart(sent.authorization, &got);
	assert_string_equal(strchr(got.signed_part, '.'), strchr(want.signed_part, '.'));
	json_t *header = header_of(&got); /* its members may stand in another order */
	json_t *wanted = header_of(&want);
	assert_true(json_equal(header, wanted));
	json_decref(header);
	json_decref(wanted);
	assert_true(verifies(&got));
	assert_int_equal(strlen(got.key), strlen(want.key));
	((char *)got.signed_part)[0] ^= 1;
	assert_false(verifies(&got));
	sw_provider_webpush.close(provider);
}

static void claims_of(const char *authorization, char aud_out[300], int64_t *exp_out)
{
	struct shown shown;
	uint8_t text[1024];
	json_t *claims = NULL;
	take_apart(authorization, &shown);
	size_t len = push_decode(strchr(shown.signed_part, '.') + 1, text, sizeof(text));
	assert_int_equal(sw_json_parse(sw_bytes(text, len), 2, &claims, NULL), SW_OK);
	snprintf(aud_out, 300, "%s", json_string_value(json_object_get(claims, "aud")));
	*exp_out = json_integer_value(json_object_get(claims, "exp"));
	json_decref(claims);
}

static void encode__each_origin__a_token_of_its_own(void **state)
{
	(void)state;
	static const struct {
		const char *endpoint;
		const char *aud;
	} rows[] = {
		{"https://a.example/1?2", "https://a.example"},
		{"https://A.example:443/3", "https://a.example"},
		{"https://a.example:8443/1", "https://a.example:8443"},
		{"https://[2001:db8::1]:8443/1", "https://[2001:db8::1]:8443"},
	};
	struct sw_provider *provider = section_open(&section, NULL, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sent sent;
		char aud[300];
		int64_t exp;
		assert_int_equal(encode(provider, rows[i].endpoint, T0, &sent), SW_OK);
		claims_of(sent.authorization, aud, &exp);
		assert_string_equal(aud, rows[i].aud);
		assert_int_equal(exp, (T0 + HOURS(12)) / 1000);
	}
	assert_ptr_equal(endpoint_of(provider, rows[0].endpoint), endpoint_of(provider, rows[1].endpoint));
	assert_ptr_not_equal(endpoint_of(provider, rows[0].endpoint), endpoint_of(provider, rows[2].endpoint));
	sw_provider_webpush.close(provider);
}

static bool same_token(struct sw_provider *provider, const char *endpoint, int64_t then_ms, int64_t now_ms)
{
	struct sent then;
	struct sent now;
	assert_int_equal(encode(provider, endpoint, then_ms, &then), SW_OK);
	assert_int_equal(encode(provider, endpoint, now_ms, &now), SW_OK);
	return strcmp(then.authorization, now.authorization) == 0;
}

static void encode__as_time_goes__renewed_before_its_expiry(void **state)
{
	(void)state;
	struct sw_provider *provider = section_open(&section, NULL, NULL);
	assert_true(same_token(provider, A, T0, T0 + HOURS(11) - 1));
	assert_false(same_token(provider, A, T0, T0 + HOURS(11)));
	/* Issued at T0 + 11 h; now the clock is set back. */
	assert_true(same_token(provider, A, T0 + HOURS(11), T0 + HOURS(11) - 60 * 1000));
	assert_false(same_token(provider, A, T0 + HOURS(11), T0 + HOURS(11) - 60 * 1000 - 1));
	sw_provider_webpush.close(provider);
}

static void refuse(struct sw_provider *provider, const char *endpoint, int64_t now_ms)
{
	struct sw_push_target target = {.token = push_receiver_token(&receiver, endpoint)};
	struct sw_http_response http = {.status = 401};
	struct sw_answer answer = {.target = &target, .http = &http, .now_ms = now_ms};
	struct sw_outcome outcome;
	sw_provider_webpush.classify(provider, &answer, &outcome);
	assert_int_equal(outcome.kind, SW_OUTCOME_CREDENTIAL);
	sw_provider_webpush.credential_refused(provider, now_ms);
}

static void classify__refused_token__renewed_once_an_hour_for_its_origin_alone(void **state)
{
	(void)state;
	struct sw_provider *provider = section_open(&section, NULL, NULL);
	struct sent a[4];
	struct sent b[2];
	assert_int_equal(encode(provider, A, T0, &a[0]), SW_OK);
	assert_int_equal(encode(provider, B, T0, &b[0]), SW_OK);
	refuse(provider, A, T0 + 10);
	assert_int_equal(sw_provider_webpush.credential_state(provider, T0 + 10), SW_CREDENTIAL_READY);
	assert_int_equal(encode(provider, A, T0 + 1000, &a[1]), SW_OK);
	assert_int_equal(encode(provider, B, T0 + 1000, &b[1]), SW_OK);
	assert_string_not_equal(a[1].authorization, a[0].authorization);
	assert_string_equal(b[1].authorization, b[0].authorization);
	refuse(provider, A, T0 + 2000); /* the new one too: another would not help */
	assert_int_equal(encode(provider, A, T0 + 3000, &a[2]), SW_OK);
	assert_string_equal(a[2].authorization, a[1].authorization);
	refuse(provider, A, T0 + 10 + HOURS(1));
	assert_int_equal(encode(provider, A, T0 + 10 + HOURS(1), &a[3]), SW_OK);
	assert_string_not_equal(a[3].authorization, a[2].authorization);
	refuse(provider, C, T0); /* an origin that is not in the table */
	sw_provider_webpush.close(provider);
}

static void copy_key(const char *from)
{
	char text[4096];
	FILE *file = fopen(fixture_path(from), "r");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof(text), file);
	fclose(file);
	fixture_write("live.pem", text, len);
}

static void reload__same_other_and_bad_key__tokens_kept_dropped_kept(void **state)
{
	(void)state;
	struct sent sent[4];
	struct sw_diag diag = {0};
	copy_key("vapid.pem");
	struct sw_provider *provider = section_open(&section, "key_file", fixture_path("live.pem"));
	assert_int_equal(encode(provider, A, T0, &sent[0]), SW_OK);
	assert_int_equal(sw_provider_webpush.reload(provider, &diag), SW_OK);
	assert_int_equal(encode(provider, A, T0 + 1, &sent[1]), SW_OK);
	assert_string_equal(sent[1].authorization, sent[0].authorization);
	copy_key("other.pem");
	assert_int_equal(sw_provider_webpush.reload(provider, &diag), SW_OK);
	assert_int_equal(encode(provider, A, T0 + 2, &sent[2]), SW_OK);
	assert_string_not_equal(strstr(sent[2].authorization, ", k="), strstr(sent[0].authorization, ", k="));
	struct shown shown;
	take_apart(sent[2].authorization, &shown);
	assert_true(verifies(&shown));
	copy_key("text.pem");
	assert_int_equal(sw_provider_webpush.reload(provider, &diag), SW_ECONFIG);
	assert_int_equal(encode(provider, A, T0 + 3, &sent[3]), SW_OK);
	assert_string_equal(sent[3].authorization, sent[2].authorization);
	sw_provider_webpush.close(provider);
}

/* ---- the table ---- */

static void origins__one_too_many__the_least_recently_used_goes(void **state)
{
	(void)state;
	struct sw_provider *provider = section_open(&section, "origins", "2");
	const struct sw_endpoint *a = endpoint_of(provider, A);
	const struct sw_endpoint *b = endpoint_of(provider, B);
	assert_null(sw_provider_webpush.endpoint_retired(provider));
	assert_ptr_equal(endpoint_of(provider, A), a);
	const struct sw_endpoint *c = endpoint_of(provider, C);
	assert_ptr_equal(sw_provider_webpush.endpoint_retired(provider), b);
	assert_null(sw_provider_webpush.endpoint_retired(provider)); /* named once */
	assert_string_equal(b->host, "b.example");                   /* as it was, until it is closed */
	assert_ptr_equal(endpoint_of(provider, C), c);
	assert_ptr_equal(endpoint_of(provider, A), a);
	const struct sw_endpoint *b2 = endpoint_of(provider, B);
	assert_ptr_not_equal(b2, b);
	assert_ptr_equal(sw_provider_webpush.endpoint_retired(provider), c);
	sw_provider_webpush.endpoint_closed(provider, b);
	sw_provider_webpush.endpoint_closed(provider, c);
	assert_ptr_equal(endpoint_of(provider, B), b2);
	sw_provider_webpush.close(provider);
}

static void origins__as_many_still_closing__busy_until_one_is_closed(void **state)
{
	(void)state;
	struct sent sent;
	struct sw_provider *provider = section_open(&section, "origins", "1");
	const struct sw_endpoint *a = endpoint_of(provider, A);
	endpoint_of(provider, B);
	assert_int_equal(encode(provider, C, T0, &sent), SW_EBUSY);
	assert_int_equal(encode(provider, B, T0, &sent), SW_OK);
	assert_ptr_equal(sw_provider_webpush.endpoint_retired(provider), a);
	assert_int_equal(encode(provider, C, T0, &sent), SW_EBUSY);
	sw_provider_webpush.endpoint_closed(provider, a);
	assert_int_equal(encode(provider, C, T0, &sent), SW_OK);
	sw_provider_webpush.close(provider); /* with one that was not named yet */
	sw_provider_webpush.close(NULL);
}

static void origins__refused_before_a_send__table_as_it_was(void **state)
{
	(void)state;
	struct sw_provider *provider = section_open(&section, "origins", "1");
	struct sw_push_target target = {.token = push_receiver_token(&receiver, B)};
	struct sw_notification n = {.badge = -1}; /* an alert without text */
	struct sw_arena arena;
	struct sw_send send;
	const struct sw_endpoint *a = endpoint_of(provider, A);
	sw_arena_init(&arena);
	assert_int_equal(sw_provider_webpush.encode(provider, &target, &n, T0, &arena, &send, NULL), SW_EINVAL);
	sw_arena_release(&arena);
	assert_null(sw_provider_webpush.endpoint_retired(provider));
	assert_ptr_equal(endpoint_of(provider, A), a);
	sw_provider_webpush.close(provider);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__bad_value__names_key_and_expectation),
		cmocka_unit_test(open__bad_key_file__says_what_was_expected),
		cmocka_unit_test(encode__configured_values__in_the_endpoint),
		cmocka_unit_test(encode__as_in_rfc_8292__the_same_token_by_another_key),
		cmocka_unit_test(encode__each_origin__a_token_of_its_own),
		cmocka_unit_test(encode__as_time_goes__renewed_before_its_expiry),
		cmocka_unit_test(classify__refused_token__renewed_once_an_hour_for_its_origin_alone),
		cmocka_unit_test(reload__same_other_and_bad_key__tokens_kept_dropped_kept),
		cmocka_unit_test(origins__one_too_many__the_least_recently_used_goes),
		cmocka_unit_test(origins__as_many_still_closing__busy_until_one_is_closed),
		cmocka_unit_test(origins__refused_before_a_send__table_as_it_was),
	};
	return cmocka_run_group_tests(tests, on_group_setup, on_group_teardown);
}
