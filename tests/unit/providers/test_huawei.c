/* SPDX-License-Identifier: Apache-2.0 */
/* Push Kit requests and answers by vectors, the cut of the text around the limit, and what the provider learns from
 * answers: when "invalid" is not believed, and that HIGH is not allowed. */
#include "cut.h"
#include "fixture.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGE_MAX = 4096, INVALID_MAX = 10 };
#define NOW_MS 1790000000000
#define HUAWEI_TOKEN "IQAAAACy0kXwAACtu8B2Vd0m7"

/* Of the group. */
static struct sw_provider *provider;

static int on_setup(void **state)
{
	struct config_fake fake;
	struct sw_diag diag = {0};
	fixture_open();
	fixture_write("secret", "0123456789abcdef\n", 17);
	config_fake_init(&fake, "huawei");
	config_fake_set(&fake, "client_id", "104600001");
	config_fake_set(&fake, "client_secret_file", fixture_path("secret"));
	config_fake_set(&fake, "apps", "org.example.chat, org.example.beta");
	config_fake_set(&fake, "category", "IM");
	config_fake_set(&fake, "urgency", "high");
	config_fake_set(&fake, "badge_class", "org.example.chat.MainActivity");
	assert_int_equal(sw_provider_huawei.open(&fake.config, &provider, &diag), SW_OK);
	struct sw_http_response answer = {
		.status = 200,
		/* Escaped as Huawei's service does. */
		.body = sw_bytes_str(
			"{\"access_token\":\"DQE.first+\\/=\",\"expires_in\":3600,\"token_type\":\"Bearer\"}"),
	};
	assert_int_equal(sw_provider_huawei.credential_response(provider, &answer, NOW_MS, &diag), SW_OK);
	*state = provider;
	return 0;
}

static int on_teardown(void **state)
{
	sw_provider_huawei.close(*state);
	fixture_close();
	return 0;
}

static void encode__vectors__exact_requests(void **state)
{
	json_t *vectors = vectors_load("huawei", "requests.json");
	vectors_run_requests(&sw_provider_huawei, *state, vectors, NULL);
	json_decref(vectors);
}

static void classify__vectors__outcomes(void **state)
{
	json_t *vectors = vectors_load("huawei", "answers.json");
	vectors_run_answers(&sw_provider_huawei, *state, vectors);
	json_decref(vectors);
}

static void classify__every_row__has_a_vector(void **state)
{
	(void)state;
	json_t *vectors = vectors_load("huawei", "answers.json");
#define SW_HUAWEI_OUTCOME(code, kind, after_ms, meaning) vectors_assert_row(vectors, code, SW_OUTCOME_##kind);
#include "huawei/outcomes.def"
#undef SW_HUAWEI_OUTCOME
	json_decref(vectors);
}

static struct sw_outcome classify(int status, struct sw_bytes body)
{
	struct sw_push_target target = {.token = sw_bytes_str(HUAWEI_TOKEN)};
	struct sw_http_response http = {.status = status, .body = body};
	struct sw_answer answer = {&target, &http, NULL, NOW_MS};
	struct sw_outcome outcome;
	sw_provider_huawei.classify(provider, &answer, &outcome);
	return outcome;
}

static struct sw_outcome classify_code(const char *code)
{
	char body[64];
	snprintf(body, sizeof(body), "{\"code\":\"%s\",\"msg\":\"m\"}", code);
	return classify(200, sw_bytes_str(body));
}

static void classify__every_prefix_of_a_body__never_the_token(void **state)
{
	(void)state;
	static const char body[] = "{\"code\":\"80100000\",\"msg\":\"{\\\"success\\\":0,\\\"failure\\\":1,"
				   "\\\"illegal_tokens\\\":[\\\"" HUAWEI_TOKEN "\\\"]}\",\"requestId\":\"1\"}";
	for (size_t len = 0; len <= sizeof(body) - 1; len++) {
		struct sw_outcome outcome = classify(200, sw_bytes(body, len));
		assert_int_equal(outcome.kind, len == sizeof(body) - 1 ? SW_OUTCOME_TOKEN_DEAD : SW_OUTCOME_UNKNOWN);
	}
}

static void classify__all_invalid_in_a_row__believed_until_it_is_a_fleet(void **state)
{
	(void)state;
	assert_int_equal(classify_code("80000000").kind, SW_OUTCOME_DELIVERED);
	for (int i = 0; i < INVALID_MAX; i++) {
		assert_int_equal(classify_code("80300007").kind, SW_OUTCOME_TOKEN_DEAD);
		assert_int_equal(classify_code("81000001").kind, SW_OUTCOME_RETRY); /* proves nothing */
	}
	struct sw_outcome outcome = classify_code("80300007");
	assert_int_equal(outcome.kind, SW_OUTCOME_CONFIG);
	assert_string_equal(outcome.reason,
			    "80300007 all tokens are invalid (too many in a row, check client_id and project_id)");
	assert_int_equal(classify_code("80300007").kind, SW_OUTCOME_CONFIG);
	/* A push that goes through shows that ids and address are right. */
	assert_int_equal(classify_code("80000000").kind, SW_OUTCOME_DELIVERED);
	assert_int_equal(classify_code("80300007").kind, SW_OUTCOME_TOKEN_DEAD);
	assert_int_equal(classify_code("80000000").kind, SW_OUTCOME_DELIVERED);
}

/* ---- requests ---- */

static int encode_text(struct sw_bytes body, struct sw_arena *arena, struct sw_bytes *message_out, struct sw_diag *diag)
{
	struct sw_send send;
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(HUAWEI_TOKEN)};
	struct sw_notification n = {.title = sw_bytes_str("Bob"),
				    .body = body,
				    .badge = -1,
				    .urgent = true,
				    .data = {{"message", sw_bytes_str("81")}},
				    .data_count = 1};
	int err = sw_provider_huawei.encode(provider, &target, &n, NOW_MS, arena, &send, diag);
	*message_out = err ? sw_bytes(NULL, 0) : send.as.http.body;
	return err;
}

static json_t *parsed(struct sw_bytes message)
{
	json_t *value = NULL;
	struct sw_diag diag = {0};
	assert_int_equal(sw_json_parse(message, 8, &value, &diag), SW_OK);
	return value;
}

static const char *const text_path[] = {"message", "notification", NULL};
static const struct cut message_cut = {.encode = encode_text,
				       .path = text_path,
				       .limit_bytes = MESSAGE_MAX,
				       .uncounted_bytes = sizeof(HUAWEI_TOKEN) - 1,
				       .around = 8};

static void encode__every_length_around_the_limit__whole_or_cut(void **state)
{
	(void)state;
	cut_check_lengths(&message_cut, "y", 1);
	cut_check_lengths(&message_cut, "\xc3\xa9", 2);
	cut_check_lengths(&message_cut, "\xe2\x82\xac", 3);
	cut_check_lengths(&message_cut, "\xf0\x9f\x98\x80", 4);
	cut_check_lengths(&message_cut, "\\", 2);
	cut_check_lengths(&message_cut, "\x02", 6);
}

static void encode__text_that_is_not_utf8__refused(void **state)
{
	(void)state;
	cut_check_no_utf8(&message_cut, "title, body and sound: expected UTF-8");
}

static void assert_urgency(const char *urgency)
{
	struct sw_arena arena;
	struct sw_bytes message;
	struct sw_diag diag = {0};
	sw_arena_init(&arena);
	assert_int_equal(encode_text(sw_bytes("x", 1), &arena, &message, &diag), SW_OK);
	json_t *value = parsed(message);
	json_t *android = json_object_get(json_object_get(value, "message"), "android");
	assert_string_equal(json_string_value(json_object_get(android, "urgency")), urgency);
	json_decref(value);
	sw_arena_release(&arena);
}

static void encode__no_right_to_high__without_it_until_a_reload(void **state)
{
	struct sw_diag diag = {0};
	assert_int_equal(sw_provider_huawei.reload(*state, &diag), SW_OK);
	assert_urgency("HIGH");
	assert_int_equal(classify_code("80300011").kind, SW_OUTCOME_CONFIG);
	assert_urgency("NORMAL");
	assert_int_equal(classify_code("80000000").kind, SW_OUTCOME_DELIVERED);
	assert_urgency("NORMAL");
	assert_int_equal(sw_provider_huawei.reload(*state, &diag), SW_OK);
	assert_urgency("HIGH");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode__vectors__exact_requests),
		cmocka_unit_test(classify__vectors__outcomes),
		cmocka_unit_test(classify__every_row__has_a_vector),
		cmocka_unit_test(classify__every_prefix_of_a_body__never_the_token),
		cmocka_unit_test(classify__all_invalid_in_a_row__believed_until_it_is_a_fleet),
		cmocka_unit_test(encode__every_length_around_the_limit__whole_or_cut),
		cmocka_unit_test(encode__text_that_is_not_utf8__refused),
		cmocka_unit_test(encode__no_right_to_high__without_it_until_a_reload),
	};
	return cmocka_run_group_tests(tests, on_setup, on_teardown);
}
