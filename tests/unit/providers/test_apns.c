/* SPDX-License-Identifier: Apache-2.0 */
/* APNs requests and answers by vectors, and the cut of the text at every length around the limit. */
#include "fixture.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PAYLOAD_MAX = 4096 };
#define NOW_MS 1790000000000
#define APNS_TOKEN "00fc13ad"

static int on_setup(void **state)
{
	struct config_fake fake;
	struct sw_diag diag = {0};
	fixture_open();
	fixture_ec_key("key.p8", "P-256", NULL);
	config_fake_init(&fake, "apns");
	config_fake_set(&fake, "key_file", fixture_path("key.p8"));
	config_fake_set(&fake, "key_id", "ABC123DEFG");
	config_fake_set(&fake, "team_id", "DEF123GHIJ");
	config_fake_set(&fake, "topics", "org.example.chat, org.example.beta");
	struct sw_provider *provider = NULL;
	assert_int_equal(sw_provider_apns.open(&fake.config, &provider, &diag), SW_OK);
	*state = provider;
	return 0;
}

static int on_teardown(void **state)
{
	sw_provider_apns.close(*state);
	fixture_close();
	return 0;
}

static void encode__vectors__exact_requests(void **state)
{
	json_t *vectors = vectors_load("apns", "requests.json");
	vectors_run_requests(&sw_provider_apns, *state, vectors, NULL);
	json_decref(vectors);
}

static void assert_type_has_vector(const json_t *vectors, const char *name)
{
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		const json_t *expect = json_object_get(json_array_get(vectors, i), "expect");
		const json_t *header = json_array_get(json_object_get(expect, "headers"), 2);
		const char *value = json_string_value(json_array_get(header, 1));
		if (value && strcmp(value, name) == 0) {
			return;
		}
	}
	fail_msg("no vector for the push type %s", name);
}

static void encode__every_push_type__has_a_vector(void **state)
{
	(void)state;
	json_t *vectors = vectors_load("apns", "requests.json");
#define SW_APNS_PUSH_TYPE(type, name, suffix, bytes_max, priorities, shows, aps, flags) \
	assert_type_has_vector(vectors, name);
#include "apns/push_types.def"
#undef SW_APNS_PUSH_TYPE
	json_decref(vectors);
}

static void classify__vectors__outcomes(void **state)
{
	json_t *vectors = vectors_load("apns", "answers.json");
	vectors_run_answers(&sw_provider_apns, *state, vectors);
	json_decref(vectors);
}

static void classify__every_row__has_a_vector(void **state)
{
	(void)state;
	json_t *vectors = vectors_load("apns", "answers.json");
#define SW_APNS_OUTCOME(status, reason, kind, after_ms, source) \
	vectors_assert_row(vectors, #status " " reason, SW_OUTCOME_##kind);
#include "apns/outcomes.def"
#undef SW_APNS_OUTCOME
	json_decref(vectors);
}

static void classify__every_prefix_of_a_body__never_the_token(void **state)
{
	static const char body[] = "{\"reason\":\"Unregistered\",\"timestamp\":1789999000123}";
	struct sw_push_target target = {0};
	for (size_t len = 0; len < sizeof(body) - 1; len++) {
		/* With 400, so that only a whole body could name a reason. */
		struct sw_http_response http = {.status = 400, .body = sw_bytes(body, len)};
		struct sw_answer answer = {&target, &http, NULL, NOW_MS};
		struct sw_outcome outcome;
		sw_provider_apns.classify(*state, &answer, &outcome);
		assert_int_equal(outcome.kind, SW_OUTCOME_REJECTED);
		assert_string_equal(outcome.reason, "HTTP 400 without a reason");
	}
}

/* ---- the cut ---- */

static int encode_text(struct sw_provider *provider, struct sw_bytes body, struct sw_arena *arena,
		       struct sw_bytes *payload_out, struct sw_diag *diag)
{
	struct sw_send send;
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(APNS_TOKEN)};
	struct sw_notification n = {.title = sw_bytes_str("Bob"), .body = body, .badge = -1};
	int err = sw_provider_apns.encode(provider, &target, &n, NOW_MS, arena, &send, diag);
	*payload_out = err ? sw_bytes(NULL, 0) : send.as.http.body;
	return err;
}

/* The text that the device will show. */
static char *shown(struct sw_bytes payload, const char *which)
{
	json_t *value = NULL;
	struct sw_diag diag = {0};
	assert_int_equal(sw_json_parse(payload, 8, &value, &diag), SW_OK);
	json_t *alert = json_object_get(json_object_get(value, "aps"), "alert");
	char *text = strdup(json_string_value(json_object_get(alert, which)));
	json_decref(value);
	return text;
}

/* `before` ASCII characters, then `count` times the unit. Whatever the alignment, the result fits, is whole characters
 * of the text with an ellipsis after them, and one more unit would not have fitted. */
static void check_cut(struct sw_provider *provider, size_t before, const char *unit, size_t json_len)
{
	enum { TEXT_MAX = 3 * PAYLOAD_MAX };
	static char text[TEXT_MAX + 8];
	size_t unit_len = strlen(unit);
	size_t len = before;
	memset(text, 'x', before);
	while (len + unit_len <= TEXT_MAX) {
		memcpy(text + len, unit, unit_len);
		len += unit_len;
	}
	struct sw_arena arena;
	struct sw_bytes payload;
	struct sw_diag diag = {0};
	sw_arena_init(&arena);
	assert_int_equal(encode_text(provider, sw_bytes(text, len), &arena, &payload, &diag), SW_OK);
	assert_true(payload.len <= PAYLOAD_MAX);
	assert_true(payload.len + json_len > PAYLOAD_MAX);
	char *got = shown(payload, "body");
	size_t got_len = strlen(got);
	assert_true(got_len > 3);
	assert_string_equal(got + got_len - 3, "\xe2\x80\xa6");
	assert_int_equal((got_len - 3 - before) % unit_len, 0);
	assert_memory_equal(got, text, got_len - 3);
	free(got);
	sw_arena_release(&arena);
}

static void encode__long_text__cut_at_whole_characters(void **state)
{
	static const struct {
		const char *unit;
		size_t json_len;
	} units[] = {
		{"y", 1},    {"\xc3\xa9", 2}, {"\xe2\x82\xac", 3}, {"\xf0\x9f\x98\x80", 4},
		{"\"", 2},   {"\\", 2},       {"\n", 2},           {"\t", 2},
		{"\x01", 6}, {"\x1f", 6},
	};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (size_t before = 1; before <= 12; before++) {
			check_cut(*state, before, units[i].unit, units[i].json_len);
		}
	}
}

/* Every length from well below to well above the limit: whole up to it, cut beyond it, never over it. */
static void check_lengths(struct sw_provider *provider, const char *unit, size_t json_len)
{
	static char text[2 * PAYLOAD_MAX];
	size_t unit_len = strlen(unit);
	struct sw_arena arena;
	struct sw_diag diag = {0};
	struct sw_bytes payload;
	sw_arena_init(&arena);
	assert_int_equal(encode_text(provider, sw_bytes("x", 1), &arena, &payload, &diag), SW_OK);
	size_t overhead = payload.len - 1;
	size_t fits = (PAYLOAD_MAX - overhead) / json_len;
	for (size_t count = fits - 8; count <= fits + 8; count++) {
		for (size_t i = 0; i < count; i++) {
			memcpy(text + i * unit_len, unit, unit_len);
		}
		sw_arena_reset(&arena);
		assert_int_equal(encode_text(provider, sw_bytes(text, count * unit_len), &arena, &payload, &diag),
				 SW_OK);
		assert_true(payload.len <= PAYLOAD_MAX);
		char *got = shown(payload, "body");
		bool whole = strlen(got) == count * unit_len && memcmp(got, text, count * unit_len) == 0;
		assert_int_equal(whole, count <= fits);
		assert_true(!whole || payload.len == overhead + count * json_len);
		free(got);
	}
	sw_arena_release(&arena);
}

static void encode__every_length_around_the_limit__whole_or_cut(void **state)
{
	check_lengths(*state, "y", 1);
	check_lengths(*state, "\xc3\xa9", 2);
	check_lengths(*state, "\xe2\x82\xac", 3);
	check_lengths(*state, "\xf0\x9f\x98\x80", 4);
	check_lengths(*state, "\"", 2);
	check_lengths(*state, "\x02", 6);
}

/* A title that leaves 0 to 8 bytes for a longer text; one byte more, and it is cut itself. */
static void encode__hardly_any_room__ellipsis_or_nothing_then_the_title(void **state)
{
	static char title[PAYLOAD_MAX];
	static const char frame[] = "{\"aps\":{\"alert\":{\"title\":\"\",\"body\":\"\"},\"sound\":\"default\","
				    "\"mutable-content\":1}}";
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(APNS_TOKEN)};
	memset(title, 't', sizeof(title));
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (size_t room = 9; room-- > 0;) {
		struct sw_send send;
		struct sw_diag diag = {0};
		struct sw_notification n = {.title = sw_bytes(title, PAYLOAD_MAX - (sizeof(frame) - 1) - room),
					    .body = sw_bytes_str("0123456789abcdef"),
					    .badge = -1};
		assert_int_equal(sw_provider_apns.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_OK);
		char *got = shown(send.as.http.body, "body");
		assert_int_equal(strlen(got), room < 3 ? 0 : room);
		free(got);
		n.title.len += room + 1;
		assert_int_equal(sw_provider_apns.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_OK);
		assert_int_equal(send.as.http.body.len, PAYLOAD_MAX);
		got = shown(send.as.http.body, "body");
		assert_string_equal(got, "");
		free(got);
		got = shown(send.as.http.body, "title");
		assert_string_equal(got + strlen(got) - 4, "t\xe2\x80\xa6");
		free(got);
	}
	sw_arena_release(&arena);
}

/* The subtitle is cut after the body and before the title; what is not text never is. */
static void encode__too_long_everywhere__body_then_subtitle_then_title(void **state)
{
	static char text[PAYLOAD_MAX];
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(APNS_TOKEN)};
	struct sw_arena arena;
	struct sw_send send;
	struct sw_diag diag = {0};
	memset(text, 'x', sizeof(text));
	sw_arena_init(&arena);
	struct sw_notification n = {.title = sw_bytes(text, 2000),
				    .subtitle = sw_bytes(text, 3000),
				    .body = sw_bytes(text, 500),
				    .badge = -1};
	assert_int_equal(sw_provider_apns.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_OK);
	char *title = shown(send.as.http.body, "title");
	char *subtitle = shown(send.as.http.body, "subtitle");
	char *body = shown(send.as.http.body, "body");
	assert_int_equal(strlen(title), 2000);
	assert_true(strlen(subtitle) > 1900 && strlen(subtitle) < 3000);
	assert_string_equal(body, "");
	free(title);
	free(subtitle);
	free(body);
	n.category = sw_bytes(text, PAYLOAD_MAX);
	assert_int_equal(sw_provider_apns.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_ELIMIT);
	assert_string_equal(diag.text, "payload: more than 4096 bytes even without texts");
	sw_arena_release(&arena);
}

/* Every type has its own limit. */
static void encode__voip__up_to_5120_bytes(void **state)
{
	static char text[2 * 5120];
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(APNS_TOKEN)};
	struct sw_arena arena;
	struct sw_send send;
	struct sw_diag diag = {0};
	memset(text, 'x', sizeof(text));
	sw_arena_init(&arena);
	struct sw_notification n = {.body = sw_bytes(text, sizeof(text)), .badge = -1, .apple.type = SW_APPLE_VOIP};
	assert_int_equal(sw_provider_apns.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_OK);
	assert_int_equal(send.as.http.body.len, 5120);
	n.apple.type = SW_APPLE_ALERT;
	assert_int_equal(sw_provider_apns.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_OK);
	assert_int_equal(send.as.http.body.len, 4096);
	sw_arena_release(&arena);
}

/* Values that no enumeration has come from a defect, and are refused, not read past a table. */
static void encode__values_out_of_range__refused(void **state)
{
	const struct sw_notification good = {.body = sw_bytes_str("Hi"), .badge = -1};
	struct sw_notification bad[10];
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(APNS_TOKEN)};
	struct sw_arena arena;
	struct sw_send send;
	for (size_t i = 0; i < 10; i++) {
		bad[i] = good;
	}
	bad[0].priority = (enum sw_push_priority)4;
	bad[1].interruption = (enum sw_push_interruption)5;
	bad[2].apple.type = (enum sw_apple_push_type)12;
	bad[3].apple.activity.event = 4;
	bad[4].android.visibility = (enum sw_android_visibility)4;
	bad[5].relevance_percent = 101;
	bad[6].apple.critical_volume_percent = 101;
	bad[7].title_loc.arg_count = 1; /* and no key */
	bad[8].body_loc = (struct sw_push_loc){.key = sw_bytes_str("K"), .arg_count = SW_PUSH_LOC_ARGS_MAX + 1};
	bad[9].data_count = SW_PUSH_DATA_MAX + 1;
	sw_arena_init(&arena);
	for (size_t i = 0; i < 10; i++) {
		struct sw_diag diag = {0};
		int err = sw_provider_apns.encode(*state, &target, &bad[i], NOW_MS, &arena, &send, &diag);
		assert_int_equal(err, SW_EINVAL);
		assert_true(strlen(diag.text) > 0);
	}
	sw_arena_release(&arena);
}

static void encode__text_that_is_not_utf8__refused(void **state)
{
	static const char *const bad[] = {"\x80", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xff"};
	struct sw_arena arena;
	struct sw_bytes payload;
	sw_arena_init(&arena);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sw_diag diag = {0};
		assert_int_equal(encode_text(*state, sw_bytes_str(bad[i]), &arena, &payload, &diag), SW_EINVAL);
		assert_string_equal(diag.text, "title, body and sound: expected UTF-8");
	}
	sw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode__vectors__exact_requests),
		cmocka_unit_test(encode__every_push_type__has_a_vector),
		cmocka_unit_test(classify__vectors__outcomes),
		cmocka_unit_test(classify__every_row__has_a_vector),
		cmocka_unit_test(classify__every_prefix_of_a_body__never_the_token),
		cmocka_unit_test(encode__long_text__cut_at_whole_characters),
		cmocka_unit_test(encode__every_length_around_the_limit__whole_or_cut),
		cmocka_unit_test(encode__hardly_any_room__ellipsis_or_nothing_then_the_title),
		cmocka_unit_test(encode__too_long_everywhere__body_then_subtitle_then_title),
		cmocka_unit_test(encode__voip__up_to_5120_bytes),
		cmocka_unit_test(encode__values_out_of_range__refused),
		cmocka_unit_test(encode__text_that_is_not_utf8__refused),
	};
	return cmocka_run_group_tests(tests, on_setup, on_teardown);
}
