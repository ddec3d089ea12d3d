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
static char *shown(struct sw_bytes payload)
{
	json_t *value = NULL;
	struct sw_diag diag = {0};
	assert_int_equal(sw_json_parse(payload, 8, &value, &diag), SW_OK);
	json_t *alert = json_object_get(json_object_get(value, "aps"), "alert");
	char *text = strdup(json_string_value(json_object_get(alert, "body")));
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
	char *got = shown(payload);
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
		char *got = shown(payload);
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

/* A title that leaves 0 to 8 bytes for a longer text. */
static void encode__hardly_any_room__ellipsis_or_nothing(void **state)
{
	static char title[PAYLOAD_MAX];
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"), .token = sw_bytes_str(APNS_TOKEN)};
	memset(title, 't', sizeof(title));
	struct sw_arena arena;
	sw_arena_init(&arena);
	size_t refused = 0;
	for (size_t room = 9; room-- > 0;) {
		struct sw_send send;
		struct sw_diag diag = {0};
		static const char frame[] = "{\"aps\":{\"alert\":{\"title\":\"\",\"body\":\"\"},\"sound\":\"default\","
					    "\"mutable-content\":1}}";
		struct sw_notification n = {.title = sw_bytes(title, PAYLOAD_MAX - (sizeof(frame) - 1) - room),
					    .body = sw_bytes_str("0123456789abcdef"),
					    .badge = -1};
		int err = sw_provider_apns.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag);
		assert_int_equal(err, SW_OK);
		char *got = shown(send.as.http.body);
		size_t want = room < 3 ? 0 : room;
		assert_int_equal(strlen(got), want);
		free(got);
		/* One byte more than there is room for is refused, with a text. */
		n.title.len += room + 1;
		refused += sw_provider_apns.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag) == SW_ELIMIT;
		assert_true(strlen(diag.text) > 0);
	}
	assert_int_equal(refused, 9);
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
		assert_string_equal(diag.text, "title, body, thread and sound: expected UTF-8");
	}
	sw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode__vectors__exact_requests),
		cmocka_unit_test(classify__vectors__outcomes),
		cmocka_unit_test(classify__every_row__has_a_vector),
		cmocka_unit_test(classify__every_prefix_of_a_body__never_the_token),
		cmocka_unit_test(encode__long_text__cut_at_whole_characters),
		cmocka_unit_test(encode__every_length_around_the_limit__whole_or_cut),
		cmocka_unit_test(encode__hardly_any_room__ellipsis_or_nothing),
		cmocka_unit_test(encode__text_that_is_not_utf8__refused),
	};
	return cmocka_run_group_tests(tests, on_setup, on_teardown);
}
