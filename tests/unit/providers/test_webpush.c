/* SPDX-License-Identifier: Apache-2.0 */
/* Web Push requests and answers by vectors (tests/vectors/webpush), and the cut of the text at every length around the
 * limit. A vector of requests.json has "subscription", the endpoint, and in "expect" the "payload" that the browser
 * decrypts; the rest is as vectors.h says. */
#include "cut.h"
#include "fixture.h"
#include "push_receiver.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLAIN_MAX = 3993, BODY_MAX = 4096 };
#define NOW_MS 1790000000000
#define ENDPOINT "https://push.example/send/abc"

struct rig {
	struct sw_provider *provider;
	struct push_receiver receiver;
};

static struct rig rig;

static int on_setup(void **state)
{
	(void)state;
	struct config_fake fake;
	struct sw_diag diag = {0};
	fixture_open();
	fixture_ec_key("vapid.pem", "P-256", NULL);
	config_fake_init(&fake, "webpush");
	config_fake_set(&fake, "key_file", fixture_path("vapid.pem"));
	config_fake_set(&fake, "subject", "mailto:push@example.com");
	config_fake_set(&fake, "apps", "org.example.chat, org.example.beta");
	push_receiver_open(&rig.receiver, NULL, NULL);
	assert_int_equal(sw_provider_webpush.open(&fake.config, &rig.provider, &diag), SW_OK);
	return 0;
}

static int on_teardown(void **state)
{
	(void)state;
	sw_provider_webpush.close(rig.provider);
	push_receiver_close(&rig.receiver);
	fixture_close();
	return 0;
}

/* ---- requests ---- */

static void complete_target(const json_t *vector, struct sw_push_target *target)
{
	target->token = push_receiver_token(&rig.receiver, json_string_value(json_object_get(vector, "subscription")));
}

/* What the browser reads. */
static void assert_payload(const char *name, const json_t *expect, const struct sw_send *send)
{
	char plain[RECEIVER_PLAIN_MAX];
	assert_true(send->endpoint->public_only);
	if (push_receiver_decrypt(&rig.receiver, send->as.http.body, plain) < 0) {
		fail_msg("%s: the body cannot be decrypted", name);
	}
	char *want = json_dumps(json_object_get(expect, "payload"), JSON_COMPACT);
	if (strcmp(plain, want) != 0) {
		fail_msg("%s: payload\n  expected: %s\n  got:      %s", name, want, plain);
	}
	free(want);
}

static void encode__vectors__requests_and_what_the_browser_reads(void **state)
{
	(void)state;
	json_t *vectors = vectors_load("webpush", "requests.json");
	static const struct vectors_hooks hooks = {.target = complete_target, .body = assert_payload};
	vectors_run_requests(&sw_provider_webpush, rig.provider, vectors, &hooks);
	json_decref(vectors);
}

/* ---- answers ---- */

static void classify__vectors__outcomes(void **state)
{
	(void)state;
	json_t *vectors = vectors_load("webpush", "answers.json");
	vectors_run_answers(&sw_provider_webpush, rig.provider, vectors);
	json_decref(vectors);
}

static void classify__every_row__has_a_vector(void **state)
{
	(void)state;
	json_t *vectors = vectors_load("webpush", "answers.json");
#define SW_WEBPUSH_OUTCOME(status, code, kind, after_ms, source) \
	vectors_assert_row(vectors, #status " " code, SW_OUTCOME_##kind);
#include "webpush/outcomes.def"
#undef SW_WEBPUSH_OUTCOME
	json_decref(vectors);
}

/* ---- the cut ---- */

static int encode_text(struct sw_bytes body, struct sw_arena *arena, struct sw_bytes *message_out, struct sw_diag *diag)
{
	char plain[RECEIVER_PLAIN_MAX];
	struct sw_send send;
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"),
					.token = push_receiver_token(&rig.receiver, ENDPOINT)};
	struct sw_notification n = {.title = sw_bytes_str("Bob"), .body = body, .badge = -1};
	int err = sw_provider_webpush.encode(rig.provider, &target, &n, NOW_MS, arena, &send, diag);
	if (err) {
		return err;
	}
	assert_true(send.as.http.body.len <= BODY_MAX);
	int len = push_receiver_decrypt(&rig.receiver, send.as.http.body, plain);
	assert_in_range(len, 1, PLAIN_MAX);
	*message_out = sw_arena_copy(arena, sw_bytes_str(plain));
	return SW_OK;
}

static const char *const text_path[] = {NULL};
static const struct cut plain_cut = {.encode = encode_text, .path = text_path, .limit_bytes = PLAIN_MAX, .around = 4};

static void encode__every_length_around_the_limit__whole_or_cut(void **state)
{
	(void)state;
	cut_check_lengths(&plain_cut, "y", 1);
	cut_check_lengths(&plain_cut, "\xc3\xa9", 2);
	cut_check_lengths(&plain_cut, "\xe2\x82\xac", 3);
	cut_check_lengths(&plain_cut, "\xf0\x9f\x98\x80", 4);
	cut_check_lengths(&plain_cut, "\\", 2);
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
		cmocka_unit_test(encode__vectors__requests_and_what_the_browser_reads),
		cmocka_unit_test(classify__vectors__outcomes),
		cmocka_unit_test(classify__every_row__has_a_vector),
		cmocka_unit_test(encode__every_length_around_the_limit__whole_or_cut),
		cmocka_unit_test(encode__text_that_is_not_utf8__refused),
	};
	return cmocka_run_group_tests(tests, on_setup, on_teardown);
}
