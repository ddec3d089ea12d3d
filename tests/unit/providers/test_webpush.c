/* SPDX-License-Identifier: Apache-2.0 */
/* Web Push requests and answers by vectors (tests/vectors/webpush), and the cut of the text at every length around the
 * limit. A vector of requests.json has "subscription", the endpoint, and in "expect" the "payload" that the browser
 * decrypts; the rest is as vectors.h says. */
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

/* A text that ends in '*' is compared up to there. */
static bool same(struct sw_bytes got, const char *want)
{
	size_t len = strlen(want);
	return len && want[len - 1] == '*' ? got.len >= len - 1 && memcmp(got.ptr, want, len - 1) == 0
					   : sw_bytes_equal_str(got, want);
}

static const char *element(const json_t *array, size_t index)
{
	const char *text = json_string_value(json_array_get(array, index));
	return text ? text : "";
}

static void assert_headers(const char *name, const json_t *headers, const struct sw_http_request *req)
{
	for (size_t i = 0; i < req->header_count && i < json_array_size(headers); i++) {
		const json_t *header = json_array_get(headers, i);
		const struct sw_http_header *got = &req->headers[i];
		if (!same(got->name, element(header, 0)) || !same(got->value, element(header, 1)) ||
		    got->no_index != (strcmp(element(header, 2), "no_index") == 0)) {
			fail_msg("%s: header %zu is %.*s: %.*s", name, i, SW_BYTES_FMT(got->name),
				 SW_BYTES_FMT(got->value));
		}
	}
	if (req->header_count != json_array_size(headers)) {
		fail_msg("%s: %zu headers", name, req->header_count);
	}
}

static void assert_sent(const char *name, const json_t *expect, const struct sw_send *send)
{
	char endpoint[300];
	char plain[RECEIVER_PLAIN_MAX];
	snprintf(endpoint, sizeof(endpoint), "%s:%u", send->endpoint->host, send->endpoint->port);
	assert_string_equal(endpoint, json_string_value(json_object_get(expect, "endpoint")));
	assert_true(send->endpoint->public_only);
	assert_string_equal(send->as.http.method, "POST");
	if (!same(send->as.http.path, json_string_value(json_object_get(expect, "path")))) {
		fail_msg("%s: path %.*s", name, SW_BYTES_FMT(send->as.http.path));
	}
	assert_headers(name, json_object_get(expect, "headers"), &send->as.http);
	if (push_receiver_decrypt(&rig.receiver, send->as.http.body, plain) < 0) {
		fail_msg("%s: the body cannot be decrypted", name);
	}
	char *want = json_dumps(json_object_get(expect, "payload"), JSON_COMPACT);
	if (strcmp(plain, want) != 0) {
		fail_msg("%s: payload\n  expected: %s\n  got:      %s", name, want, plain);
	}
	free(want);
}

static void run_request(const json_t *vector)
{
	const char *name = json_string_value(json_object_get(vector, "name"));
	struct sw_push_target target;
	struct sw_notification notification;
	struct sw_send send;
	struct sw_diag diag = {0};
	struct sw_arena arena;
	sw_arena_init(&arena);
	vectors_target(vector, &target);
	vectors_notification(vector, &notification);
	target.token = push_receiver_token(&rig.receiver, json_string_value(json_object_get(vector, "subscription")));
	int err = sw_provider_webpush.encode(rig.provider, &target, &notification,
					     json_integer_value(json_object_get(vector, "now_ms")), &arena, &send,
					     &diag);
	const json_t *error = json_object_get(vector, "error");
	if (error) {
		assert_string_equal(sw_err_name(err), json_string_value(json_object_get(error, "code")));
		if (!same(sw_bytes_str(diag.text), json_string_value(json_object_get(error, "text")))) {
			fail_msg("%s: %s", name, diag.text);
		}
	} else if (err) {
		fail_msg("%s: %s: %s", name, sw_err_name(err), diag.text);
	} else {
		assert_sent(name, json_object_get(vector, "expect"), &send);
	}
	sw_arena_release(&arena);
}

static void encode__vectors__requests_and_what_the_browser_reads(void **state)
{
	(void)state;
	json_t *vectors = vectors_load("webpush", "requests.json");
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		run_request(json_array_get(vectors, i));
	}
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

static int encode_text(struct sw_bytes body, struct sw_arena *arena, char plain_out[RECEIVER_PLAIN_MAX],
		       struct sw_diag *diag)
{
	struct sw_send send;
	struct sw_push_target target = {.app = sw_bytes_str("org.example.chat"),
					.token = push_receiver_token(&rig.receiver, ENDPOINT)};
	struct sw_notification n = {.title = sw_bytes_str("Bob"), .body = body, .badge = -1};
	int err = sw_provider_webpush.encode(rig.provider, &target, &n, NOW_MS, arena, &send, diag);
	if (err) {
		return err;
	}
	assert_true(send.as.http.body.len <= BODY_MAX);
	int len = push_receiver_decrypt(&rig.receiver, send.as.http.body, plain_out);
	assert_in_range(len, 1, PLAIN_MAX);
	return SW_OK;
}

static char *shown(const char *plain)
{
	json_t *value = NULL;
	assert_int_equal(sw_json_parse(sw_bytes_str(plain), 8, &value, NULL), SW_OK);
	char *text = strdup(json_string_value(json_object_get(value, "body")));
	json_decref(value);
	return text;
}

static void check_lengths(const char *unit, size_t json_len)
{
	static char text[2 * PLAIN_MAX];
	char plain[RECEIVER_PLAIN_MAX];
	size_t unit_len = strlen(unit);
	struct sw_arena arena;
	sw_arena_init(&arena);
	assert_int_equal(encode_text(sw_bytes("x", 1), &arena, plain, NULL), SW_OK);
	size_t overhead = strlen(plain) - 1;
	size_t fits = (PLAIN_MAX - overhead) / json_len;
	for (size_t count = fits - 4; count <= fits + 4; count++) {
		for (size_t i = 0; i < count; i++) {
			memcpy(text + i * unit_len, unit, unit_len);
		}
		sw_arena_reset(&arena);
		assert_int_equal(encode_text(sw_bytes(text, count * unit_len), &arena, plain, NULL), SW_OK);
		char *got = shown(plain);
		size_t got_len = strlen(got);
		if (count <= fits) {
			assert_int_equal(got_len, count * unit_len);
		} else {
			assert_string_equal(got + got_len - 3, "\xe2\x80\xa6");
			assert_int_equal((got_len - 3) % unit_len, 0);
			assert_memory_equal(got, text, got_len - 3);
			assert_true(strlen(plain) + json_len > PLAIN_MAX);
		}
		free(got);
	}
	sw_arena_release(&arena);
}

static void encode__every_length_around_the_limit__whole_or_cut(void **state)
{
	(void)state;
	check_lengths("y", 1);
	check_lengths("\xc3\xa9", 2);
	check_lengths("\xe2\x82\xac", 3);
	check_lengths("\xf0\x9f\x98\x80", 4);
	check_lengths("\\", 2);
	check_lengths("\x02", 6);
}

static void encode__text_that_is_not_utf8__refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"\x80", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xff"};
	char plain[RECEIVER_PLAIN_MAX];
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sw_diag diag = {0};
		assert_int_equal(encode_text(sw_bytes_str(bad[i]), &arena, plain, &diag), SW_EINVAL);
		assert_non_null(strstr(diag.text, "expected UTF-8"));
	}
	sw_arena_release(&arena);
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
