/* SPDX-License-Identifier: Apache-2.0 */
/* Webhook requests and answers by vectors (tests/vectors/webhook; those that begin with own_ are for a section with a
 * url), whose signatures were made by Python's hmac, and the cut of the text at every length around the limit. */
#include "cut.h"
#include "fixture.h"
#include "vectors.h"

#include "webhook/webhook_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1790000000000
/* 0, 1, 2, … 31, and "an older secret, of 30 bytes..". */
#define SECRETS                                                \
	"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" \
	"whsec_YW4gb2xkZXIgc2VjcmV0LCBvZiAzMCBieXRlcy4u\n"

static struct sw_provider *strange;
static struct sw_provider *own;

static struct sw_provider *opened(const char *url)
{
	struct config_fake fake;
	struct sw_diag diag = {0};
	struct sw_provider *provider = NULL;
	config_fake_init(&fake, "webhook");
	config_fake_set(&fake, "secret_file", fixture_path("secrets"));
	config_fake_set(&fake, "apps", "org.example.chat, org.example.beta");
	config_fake_set(&fake, "url", url);
	if (sw_provider_webhook.open(&fake.config, &provider, &diag) != SW_OK) {
		fail_msg("%s", diag.text);
	}
	return provider;
}

static int on_setup(void **state)
{
	(void)state;
	fixture_open();
	fixture_write("secrets", SECRETS, strlen(SECRETS));
	strange = opened("");
	own = opened("https://push.example:8443/all?from=chat");
	return 0;
}

static int on_teardown(void **state)
{
	(void)state;
	sw_provider_webhook.close(strange);
	sw_provider_webhook.close(own);
	fixture_close();
	return 0;
}

static void run_requests(struct sw_provider *provider, const char *file)
{
	json_t *vectors = vectors_load("webhook", file);
	vectors_run_requests(&sw_provider_webhook, provider, vectors, NULL);
	json_decref(vectors);
}

static void run_answers(struct sw_provider *provider, const char *file)
{
	json_t *vectors = vectors_load("webhook", file);
	vectors_run_answers(&sw_provider_webhook, provider, vectors);
	json_decref(vectors);
}

static void encode__vectors__requests_and_signatures(void **state)
{
	(void)state;
	run_requests(strange, "requests.json");
	run_requests(own, "own_requests.json");
}

static void classify__vectors__outcomes(void **state)
{
	(void)state;
	run_answers(strange, "answers.json");
	run_answers(own, "own_answers.json");
}

/* The example of the specification (github.com/standard-webhooks, "Signature scheme"). */
static void sign__example_of_standard_webhooks__its_signature(void **state)
{
	(void)state;
	static const uint8_t key[24] = {0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4,
					0x3c, 0x3f, 0x08, 0x2c, 0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0};
	struct sw_webhook_secrets secrets = {.count = 1, .list[0].len = sizeof(key)};
	struct sw_arena arena;
	memcpy(secrets.list[0].bytes, key, sizeof(key));
	sw_arena_init(&arena);
	struct sw_bytes signature = sw_webhook_sign(&secrets, sw_bytes_str("msg_p5jXN8AQM9LWM0D4loKWxJek"),
						    sw_bytes_str("1614265330"), sw_bytes_str("{\"test\": 2432232314}"),
						    &arena);
	assert_true(sw_bytes_equal_str(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
	sw_arena_release(&arena);
}

static void encode__endpoints__as_far_as_they_may_reach(void **state)
{
	(void)state;
	struct sw_arena arena;
	struct sw_send send;
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"),
					.token = sw_bytes_str("https://hooks.example/x")};
	struct sw_notification n = {.body = sw_bytes_str("Hi"), .badge = -1};
	sw_arena_init(&arena);
	assert_int_equal(sw_provider_webhook.encode(strange, &target, &n, NOW_MS, &arena, &send, NULL), SW_OK);
	assert_true(send.endpoint->public_only);
	assert_false(send.endpoint->plain);
	const struct sw_endpoint *first = send.endpoint;
	assert_int_equal(sw_provider_webhook.encode(strange, &target, &n, NOW_MS, &arena, &send, NULL), SW_OK);
	assert_ptr_equal(send.endpoint, first);
	assert_int_equal(sw_provider_webhook.encode(own, &target, &n, NOW_MS, &arena, &send, NULL), SW_OK);
	assert_false(send.endpoint->public_only);
	sw_arena_release(&arena);
}

/* ---- the cut ---- */

static int encode_text(struct sw_bytes body, struct sw_arena *arena, struct sw_bytes *message_out, struct sw_diag *diag)
{
	struct sw_send send;
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"),
					.token = sw_bytes_str("https://hooks.example/x")};
	struct sw_notification n = {.title = sw_bytes_str("Bob"), .body = body, .badge = -1};
	int err = sw_provider_webhook.encode(strange, &target, &n, NOW_MS, arena, &send, diag);
	*message_out = send.as.http.body;
	return err;
}

static const char *const text_path[] = {NULL};
static const struct cut plain_cut = {
	.encode = encode_text, .path = text_path, .limit_bytes = SW_WEBHOOK_BODY_MAX, .around = 4};

static void encode__every_length_around_the_limit__whole_or_cut(void **state)
{
	(void)state;
	cut_check_lengths(&plain_cut, "y", 1);
	cut_check_lengths(&plain_cut, "\xe2\x82\xac", 3);
	cut_check_lengths(&plain_cut, "\xf0\x9f\x98\x80", 4);
	cut_check_lengths(&plain_cut, "\x02", 6);
}

static void encode__text_that_is_not_utf8__refused(void **state)
{
	(void)state;
	cut_check_no_utf8(&plain_cut, "title, body and sound: expected UTF-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode__vectors__requests_and_signatures),
		cmocka_unit_test(classify__vectors__outcomes),
		cmocka_unit_test(sign__example_of_standard_webhooks__its_signature),
		cmocka_unit_test(encode__endpoints__as_far_as_they_may_reach),
		cmocka_unit_test(encode__every_length_around_the_limit__whole_or_cut),
		cmocka_unit_test(encode__text_that_is_not_utf8__refused),
	};
	return cmocka_run_group_tests(tests, on_setup, on_teardown);
}
