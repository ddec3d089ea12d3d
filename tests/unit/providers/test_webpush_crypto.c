/* SPDX-License-Identifier: Apache-2.0 */
/* The encryption of Web Push against the example of RFC 8291 (section 5 and appendix A), and against a receiver that
 * shares no code with it. */
#include "push_receiver.h"

#include "webpush/webpush_int.h"

#include <surewire/b64url.h>
#include <surewire/json.h>

#include <openssl/ec.h>
#include <openssl/rand.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BODY_MAX = 4096, OVERHEAD = 86 + 1 + 16 };

static json_t *load(void)
{
	json_error_t error;
	json_t *vector = json_load_file(SW_VECTORS_DIR "/webpush/rfc8291.json", JSON_REJECT_DUPLICATES, &error);
	assert_non_null(vector);
	return vector;
}

static const char *text_of(const json_t *vector, const char *name)
{
	const char *text = json_string_value(json_object_get(vector, name));
	assert_non_null(text);
	return text;
}

static void receiver_to_subscription(const struct push_receiver *receiver, struct sw_webpush_subscription *sub)
{
	*sub = (struct sw_webpush_subscription){.url.port = 443};
	memcpy(sub->point, receiver->point, sizeof(sub->point));
	memcpy(sub->auth, receiver->auth, sizeof(sub->auth));
}

static void encrypt__example_of_rfc_8291__its_bytes(void **state)
{
	(void)state;
	json_t *vector = load();
	struct push_receiver sender;
	struct push_receiver receiver;
	struct sw_webpush_subscription sub;
	struct sw_webpush_fresh fresh;
	struct sw_arena arena;
	struct sw_bytes body;
	uint8_t want[BODY_MAX];
	push_receiver_open(&sender, text_of(vector, "as_private"), NULL);
	push_receiver_open(&receiver, text_of(vector, "ua_private"), text_of(vector, "auth"));
	assert_string_equal(sender.p256dh, text_of(vector, "as_public"));
	assert_string_equal(receiver.p256dh, text_of(vector, "ua_public"));
	receiver_to_subscription(&receiver, &sub);
	fresh.key = sender.key;
	assert_int_equal(push_decode(text_of(vector, "salt"), fresh.salt, sizeof(fresh.salt)), sizeof(fresh.salt));
	sw_arena_init(&arena);
	assert_int_equal(sw_webpush_encrypt(&sub, &fresh, sw_bytes_str(text_of(vector, "plaintext")), &arena, &body),
			 SW_OK);
	assert_int_equal(push_decode(text_of(vector, "body"), want, sizeof(want)), body.len);
	assert_memory_equal(body.ptr, want, body.len);
	sw_arena_release(&arena);
	push_receiver_close(&sender);
	push_receiver_close(&receiver);
	json_decref(vector);
}

/* Encrypts so many bytes for a new receiver and reads them back. */
static void round_trip(size_t len)
{
	struct push_receiver receiver;
	struct sw_webpush_subscription sub;
	struct sw_webpush_fresh fresh;
	struct sw_arena arena;
	struct sw_bytes body;
	uint8_t plain[SW_WEBPUSH_PLAIN_MAX];
	char got[RECEIVER_PLAIN_MAX];
	assert_int_equal(RAND_bytes(plain, (int)len + 1), 1);
	push_receiver_open(&receiver, NULL, NULL);
	receiver_to_subscription(&receiver, &sub);
	assert_int_equal(sw_webpush_fresh_make(&fresh, NULL), SW_OK);
	sw_arena_init(&arena);
	assert_int_equal(sw_webpush_encrypt(&sub, &fresh, sw_bytes(plain, len), &arena, &body), SW_OK);
	assert_int_equal(body.len, len + OVERHEAD);
	assert_int_equal(push_receiver_decrypt(&receiver, body, got), len);
	assert_memory_equal(got, plain, len);
	sw_arena_release(&arena);
	sw_webpush_fresh_release(&fresh);
	push_receiver_close(&receiver);
}

static void encrypt__many_lengths__read_by_the_receiver(void **state)
{
	(void)state;
	static const size_t lengths[] = {0, 1, 15, 16, 17, 100, 1000, 2744, SW_WEBPUSH_PLAIN_MAX - 1};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		round_trip(lengths[i]);
	}
}

static void encrypt__around_the_limit__one_record_or_refused(void **state)
{
	(void)state;
	static const uint8_t plain[SW_WEBPUSH_PLAIN_MAX + 1];
	struct push_receiver receiver;
	struct sw_webpush_subscription sub;
	struct sw_webpush_fresh fresh;
	struct sw_arena arena;
	struct sw_bytes body;
	push_receiver_open(&receiver, NULL, NULL);
	receiver_to_subscription(&receiver, &sub);
	assert_int_equal(sw_webpush_fresh_make(&fresh, NULL), SW_OK);
	sw_arena_init(&arena);
	assert_int_equal(sw_webpush_encrypt(&sub, &fresh, sw_bytes(plain, SW_WEBPUSH_PLAIN_MAX), &arena, &body), SW_OK);
	assert_int_equal(body.len, BODY_MAX);
	assert_int_equal(sw_webpush_encrypt(&sub, &fresh, sw_bytes(plain, SW_WEBPUSH_PLAIN_MAX + 1), &arena, &body),
			 SW_ELIMIT);
	sw_arena_release(&arena);
	sw_webpush_fresh_release(&fresh);
	push_receiver_close(&receiver);
}

static void encrypt__point_off_the_curve__refused(void **state)
{
	(void)state;
	struct push_receiver receiver;
	struct sw_webpush_subscription sub;
	struct sw_webpush_fresh fresh;
	struct sw_arena arena;
	struct sw_bytes body;
	push_receiver_open(&receiver, NULL, NULL);
	receiver_to_subscription(&receiver, &sub);
	sub.point[64] ^= 1;
	assert_int_equal(sw_webpush_fresh_make(&fresh, NULL), SW_OK);
	sw_arena_init(&arena);
	assert_int_equal(sw_webpush_encrypt(&sub, &fresh, sw_bytes_str("x"), &arena, &body), SW_EINVAL);
	sw_arena_release(&arena);
	sw_webpush_fresh_release(&fresh);
	push_receiver_close(&receiver);
}

static void fresh__twice__nothing_in_common(void **state)
{
	(void)state;
	struct sw_webpush_fresh a;
	struct sw_webpush_fresh b;
	assert_int_equal(sw_webpush_fresh_make(&a, NULL), SW_OK);
	assert_int_equal(sw_webpush_fresh_make(&b, NULL), SW_OK);
	assert_int_equal(EVP_PKEY_eq(a.key, b.key), 0);
	assert_memory_not_equal(a.salt, b.salt, sizeof(a.salt));
	sw_webpush_fresh_release(&a);
	sw_webpush_fresh_release(&b);
}

static void key_read__every_length__there_and_back(void **state)
{
	(void)state;
	uint8_t bytes[66];
	uint8_t back[66];
	char text[96];
	assert_int_equal(RAND_bytes(bytes, sizeof(bytes)), 1);
	for (size_t len = 1; len < sizeof(bytes); len++) {
		sw_b64url_encode_to(sw_bytes(bytes, len), text);
		assert_true(sw_webpush_key_read(sw_bytes_str(text), back, len));
		assert_memory_equal(bytes, back, len);
		assert_false(sw_webpush_key_read(sw_bytes_str(text), back, len + 1));
		for (size_t at = strlen(text); at % 4;) {
			text[at++] = '=';
			text[at] = '\0';
			assert_int_equal(sw_webpush_key_read(sw_bytes_str(text), back, len), at % 4 == 0);
		}
	}
}

static void key_read__other_spellings__refused(void **state)
{
	(void)state;
	uint8_t out[16];
	/* Good are "AAA", "AAA=" for two bytes and "AA", "AA==" for one. */
	static const char *const bad[] = {"AAB", "A+A", "A/A", "AA\n", "AA", "AAAA", "AAA==", "=AAA", "AA=A", ""};
	assert_true(sw_webpush_key_read(sw_bytes_str("AAA"), out, 2));
	assert_true(sw_webpush_key_read(sw_bytes_str("AAA="), out, 2));
	assert_true(sw_webpush_key_read(sw_bytes_str("AA=="), out, 1));
	assert_false(sw_webpush_key_read(sw_bytes_str("AB=="), out, 1));
	assert_false(sw_webpush_key_read(sw_bytes_str("A==="), out, 1));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(sw_webpush_key_read(sw_bytes_str(bad[i]), out, 2));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encrypt__example_of_rfc_8291__its_bytes),
		cmocka_unit_test(encrypt__many_lengths__read_by_the_receiver),
		cmocka_unit_test(encrypt__around_the_limit__one_record_or_refused),
		cmocka_unit_test(encrypt__point_off_the_curve__refused),
		cmocka_unit_test(fresh__twice__nothing_in_common),
		cmocka_unit_test(key_read__every_length__there_and_back),
		cmocka_unit_test(key_read__other_spellings__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
