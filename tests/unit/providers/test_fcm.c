/* SPDX-License-Identifier: Apache-2.0 */
/* FCM requests and answers by vectors, and the cut of the text at every length around the limit. */
#include "cut.h"
#include "fixture.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGE_MAX = 4096 };
#define NOW_MS 1790000000000
#define FCM_TOKEN "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1"

/* Of the group. */
static struct sw_provider *provider;

static int on_setup(void **state)
{
	struct config_fake fake;
	struct sw_diag diag = {0};
	fixture_open();
	fixture_account("account.json", NULL);
	config_fake_init(&fake, "fcm");
	config_fake_set(&fake, "service_account_file", fixture_path("account.json"));
	config_fake_set(&fake, "apps", "org.example.chat, org.example.beta");
	assert_int_equal(sw_provider_fcm.open(&fake.config, &provider, &diag), SW_OK);
	struct sw_http_response answer = {
		.status = 200,
		.body = sw_bytes_str("{\"access_token\":\"ya29.first\",\"expires_in\":3599,\"token_type\":\"Bearer\"}"),
	};
	assert_int_equal(sw_provider_fcm.credential_response(provider, &answer, NOW_MS, &diag), SW_OK);
	*state = provider;
	return 0;
}

static int on_teardown(void **state)
{
	sw_provider_fcm.close(*state);
	fixture_close();
	return 0;
}

static void encode__vectors__exact_requests(void **state)
{
	json_t *vectors = vectors_load("fcm", "requests.json");
	vectors_run_requests(&sw_provider_fcm, *state, vectors, NULL);
	json_decref(vectors);
}

static void classify__vectors__outcomes(void **state)
{
	json_t *vectors = vectors_load("fcm", "answers.json");
	vectors_run_answers(&sw_provider_fcm, *state, vectors);
	json_decref(vectors);
}

static void classify__every_row__has_a_vector(void **state)
{
	(void)state;
	json_t *vectors = vectors_load("fcm", "answers.json");
#define SW_FCM_OUTCOME(status, code, kind, after_ms, source) \
	vectors_assert_row(vectors, #status " " code, SW_OUTCOME_##kind);
#include "fcm/outcomes.def"
#undef SW_FCM_OUTCOME
	json_decref(vectors);
}

static void classify__every_prefix_of_a_body__never_the_token(void **state)
{
	static const char body[] =
		"{\"error\":{\"code\":404,\"status\":\"NOT_FOUND\",\"details\":[{\"@type\":"
		"\"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\"errorCode\":\"UNREGISTERED\"}]}}";
	struct sw_push_target target = {0};
	for (size_t len = 0; len <= sizeof(body) - 1; len++) {
		struct sw_http_response http = {.status = 404, .body = sw_bytes(body, len)};
		struct sw_answer answer = {&target, &http, NULL, NOW_MS};
		struct sw_outcome outcome;
		sw_provider_fcm.classify(*state, &answer, &outcome);
		assert_int_equal(outcome.kind, len == sizeof(body) - 1 ? SW_OUTCOME_TOKEN_DEAD : SW_OUTCOME_CONFIG);
	}
}

/* ---- the cut ---- */

static int encode_text(struct sw_bytes body, struct sw_arena *arena, struct sw_bytes *message_out, struct sw_diag *diag)
{
	struct sw_send send;
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(FCM_TOKEN)};
	struct sw_notification n = {.title = sw_bytes_str("Bob"), .body = body, .badge = -1};
	int err = sw_provider_fcm.encode(provider, &target, &n, NOW_MS, arena, &send, diag);
	*message_out = err ? sw_bytes(NULL, 0) : send.as.http.body;
	return err;
}

static const char *const text_path[] = {"message", "notification", NULL};
static const struct cut message_cut = {.encode = encode_text,
				       .path = text_path,
				       .limit_bytes = MESSAGE_MAX,
				       .uncounted_bytes = sizeof(FCM_TOKEN) - 1,
				       .around = 8};

static void encode__every_length_around_the_limit__whole_or_cut(void **state)
{
	(void)state;
	cut_check_lengths(&message_cut, "y", 1);
	cut_check_lengths(&message_cut, "\xc3\xa9", 2);
	cut_check_lengths(&message_cut, "\xe2\x82\xac", 3);
	cut_check_lengths(&message_cut, "\xf0\x9f\x98\x80", 4);
	cut_check_lengths(&message_cut, "\\", 2);
	cut_check_lengths(&message_cut, "\n", 2);
	cut_check_lengths(&message_cut, "\x02", 6);
}

/* A title that leaves no room for the body, and none for itself: both end, and the message is as long as it may be. */
static void encode__title_over_the_limit__cut_after_the_body(void **state)
{
	static char title[2 * MESSAGE_MAX];
	struct sw_arena arena;
	struct sw_send send;
	struct sw_diag diag = {0};
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(FCM_TOKEN)};
	memset(title, 't', sizeof(title));
	sw_arena_init(&arena);
	for (int data_only = 0; data_only < 2; data_only++) {
		struct sw_notification n = {.title = sw_bytes(title, sizeof(title)),
					    .body = sw_bytes_str("Hi"),
					    .badge = -1,
					    .android.data_only = data_only};
		assert_int_equal(sw_provider_fcm.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_OK);
		assert_int_equal(send.as.http.body.len, MESSAGE_MAX + sizeof(FCM_TOKEN) - 1);
		json_t *value = NULL;
		assert_int_equal(sw_json_parse(send.as.http.body, 8, &value, &diag), SW_OK);
		const json_t *message = json_object_get(value, "message");
		const json_t *texts = json_object_get(message, data_only ? "data" : "notification");
		assert_string_equal(json_string_value(json_object_get(texts, "body")), "");
		const char *got = json_string_value(json_object_get(texts, "title"));
		assert_string_equal(got + strlen(got) - 4, "t\xe2\x80\xa6");
		json_decref(value);
	}
	sw_arena_release(&arena);
}

static void encode__text_that_is_not_utf8__refused(void **state)
{
	(void)state;
	cut_check_no_utf8(&message_cut, "title, body and sound: expected UTF-8");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode__vectors__exact_requests),
		cmocka_unit_test(classify__vectors__outcomes),
		cmocka_unit_test(classify__every_row__has_a_vector),
		cmocka_unit_test(classify__every_prefix_of_a_body__never_the_token),
		cmocka_unit_test(encode__every_length_around_the_limit__whole_or_cut),
		cmocka_unit_test(encode__title_over_the_limit__cut_after_the_body),
		cmocka_unit_test(encode__text_that_is_not_utf8__refused),
	};
	return cmocka_run_group_tests(tests, on_setup, on_teardown);
}
