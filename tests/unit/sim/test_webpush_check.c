/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/webpush_check.h"
#include "sim/webpush_subs.h"

#include <stdio.h>
#include <stdlib.h>

struct part {
	const char *name;
	const char *value;
};

enum { BODY_LEN = 144 };

/* RFC 8291, appendix A. */
#define UA_PRIVATE "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
#define UA_PUBLIC "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
#define UA_AUTH "BTBZMqHH6r4Tts7J_aSIgg"
static const uint8_t rfc_body[BODY_LEN] = {
	0x0c, 0x6b, 0xfa, 0xad, 0xad, 0x67, 0x95, 0x88, 0x03, 0x09, 0x2d, 0x45, 0x46, 0x76, 0xf3, 0x97, 0x00, 0x00,
	0x10, 0x00, 0x41, 0x04, 0xfe, 0x33, 0xf4, 0xab, 0x0d, 0xea, 0x71, 0x91, 0x4d, 0xb5, 0x58, 0x23, 0xf7, 0x3b,
	0x54, 0x94, 0x8f, 0x41, 0x30, 0x6d, 0x92, 0x07, 0x32, 0xdb, 0xb9, 0xa5, 0x9a, 0x53, 0x28, 0x64, 0x82, 0x20,
	0x0e, 0x59, 0x7a, 0x7b, 0x7b, 0xc2, 0x60, 0xba, 0x1c, 0x22, 0x79, 0x98, 0x58, 0x09, 0x92, 0xe9, 0x39, 0x73,
	0x00, 0x2f, 0x30, 0x12, 0xa2, 0x8a, 0xe8, 0xf0, 0x6b, 0xbb, 0x78, 0xe5, 0xec, 0x0f, 0xf2, 0x97, 0xde, 0x5b,
	0x42, 0x9b, 0xba, 0x71, 0x53, 0xd3, 0xa4, 0xae, 0x0c, 0xaa, 0x09, 0x1f, 0xd4, 0x25, 0xf3, 0xb4, 0xb5, 0x41,
	0x4a, 0xdd, 0x8a, 0xb3, 0x7a, 0x19, 0xc1, 0xbb, 0xb0, 0x5c, 0xf5, 0xcb, 0x5b, 0x2a, 0x2e, 0x05, 0x62, 0xd5,
	0x58, 0x63, 0x56, 0x41, 0xec, 0x52, 0x81, 0x2c, 0x6c, 0x8f, 0xf4, 0x2e, 0x95, 0xcc, 0xb8, 0x6b, 0xe7, 0xcd};

/* A good request; `change` replaces a header, or removes it when its value is NULL. */
static void build(struct sw_sim_request *request, struct part change, struct sw_bytes body)
{
	static const struct part good[] = {
		{"ttl", "60"}, {"urgency", "high"}, {"topic", "c-1"}, {"content-encoding", "aes128gcm"}};
	sw_sim_request_init(request);
	request->method = "POST";
	request->path = "/push/abc";
	for (size_t i = 0; i < COUNT(good); i++) {
		bool changed = change.name && strcmp(good[i].name, change.name) == 0;
		const char *value = changed ? change.value : good[i].value;
		if (value) {
			assert_int_equal(sw_sim_request_add(request, sw_bytes_str(good[i].name), sw_bytes_str(value)),
					 SW_OK);
		}
	}
	sw_sim_request_add_body(request, body);
}

static void expect(struct part change, struct sw_bytes body, int status, const char *reason)
{
	struct sw_sim_request request;
	build(&request, change, body);
	struct sw_sim_webpush_verdict verdict = sw_sim_webpush_check_message(&request);
	assert_int_equal(verdict.status, status);
	assert_string_equal(verdict.reason ? verdict.reason : "", reason);
	sw_sim_request_release(&request);
}

static void check_message__headers__by_their_rules(void **state)
{
	(void)state;
	struct sw_bytes body = sw_bytes(rfc_body, sizeof(rfc_body));
	expect((struct part){0}, body, 201, "");
	expect((struct part){"urgency", NULL}, body, 201, "");
	expect((struct part){"topic", NULL}, body, 201, "");
	expect((struct part){"topic", "abcdefghijklmnopqrstuvwxyz_-0123"}, body, 201, "");
	expect((struct part){"ttl", "0"}, body, 201, "");
	expect((struct part){"content-encoding", NULL}, sw_bytes("", 0), 201, "");
	expect((struct part){"ttl", NULL}, body, 400, "MissingTtl");
	expect((struct part){"ttl", "-1"}, body, 400, "BadTtl");
	expect((struct part){"ttl", "2419201"}, body, 400, "BadTtl");
	expect((struct part){"urgency", "urgent"}, body, 400, "BadUrgency");
	expect((struct part){"topic", "abcdefghijklmnopqrstuvwxyz_-01234"}, body, 400, "BadTopic");
	expect((struct part){"topic", "a:b"}, body, 400, "BadTopic");
	expect((struct part){"content-encoding", "aesgcm"}, body, 400, "BadContentEncoding");
	expect((struct part){"content-encoding", NULL}, body, 400, "BadContentEncoding");
}

static void check_message__bodies__by_their_frame(void **state)
{
	(void)state;
	uint8_t body[4097] = {0};
	memcpy(body, rfc_body, sizeof(rfc_body));
	expect((struct part){0}, sw_bytes(body, 4096), 201, "");
	expect((struct part){0}, sw_bytes(body, 4097), 413, "PayloadTooLarge");
	expect((struct part){0}, sw_bytes(body, 86 + 16), 400, "BadCryptoHeader");
	expect((struct part){0}, sw_bytes(body, 86 + 17), 201, "");
	body[20] = 64;
	expect((struct part){0}, sw_bytes(body, BODY_LEN), 400, "BadCryptoHeader");
	body[20] = 65;
	body[21] = 3;
	expect((struct part){0}, sw_bytes(body, BODY_LEN), 400, "BadCryptoHeader");
	body[21] = 4;
	body[18] = 0; /* the record is shorter than the body */
	body[19] = BODY_LEN - 86 - 1;
	expect((struct part){0}, sw_bytes(body, BODY_LEN), 400, "MoreThanOneRecord");
	body[19]++;
	expect((struct part){0}, sw_bytes(body, BODY_LEN), 201, "");
}

static void check_path__push_and_an_id__the_id(void **state)
{
	(void)state;
	static const struct {
		const char *method;
		const char *path;
		int status;
	} rows[] = {{"POST", "/push/aZ09_-", 201}, {"GET", "/push/a", 405},    {"POST", "/push/", 404},
		    {"POST", "/pusher/a", 404},    {"POST", "/push/a/b", 404}, {"POST", "/push/a?b", 404}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_request request;
		struct sw_bytes id;
		sw_sim_request_init(&request);
		request.method = rows[i].method;
		request.path = rows[i].path;
		assert_int_equal(sw_sim_webpush_check_path(&request, &id).status, rows[i].status);
		sw_sim_request_release(&request);
	}
}

static void split__only_the_form_of_rfc_8292__taken(void **state)
{
	(void)state;
	struct sw_bytes token;
	struct sw_bytes key;
	assert_true(sw_sim_webpush_split(sw_bytes_str("vapid t=a.b.c, k=BA"), &token, &key));
	assert_true(sw_bytes_equal_str(token, "a.b.c") && sw_bytes_equal_str(key, "BA"));
	static const char *const bad[] = {"",
					  "vapid",
					  "vapid t=a.b.c",
					  "vapid t=a.b.c, k=",
					  "vapid t=a.b.c,k=BA",
					  "bearer t=a.b.c, k=BA",
					  "vapid k=BA, t=a.b.c",
					  "WebPush a.b.c"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(sw_sim_webpush_split(sw_bytes_str(bad[i]), &token, &key));
	}
}

static void check_claims__audience_expiry_subject__all_three(void **state)
{
	(void)state;
	static const struct {
		const char *claims;
		const char *reason;
	} rows[] = {
		{"{\"aud\":\"https://a.example:8443\",\"exp\":1060,\"sub\":\"mailto:a@b.example\"}", ""},
		{"{\"aud\":\"https://a.example:8443\",\"exp\":87400,\"sub\":\"https://b.example\"}", ""},
		{"{\"exp\":1060,\"sub\":\"mailto:a@b.example\"}", "BadAudience"},
		{"{\"aud\":\"https://a.example\",\"exp\":1060,\"sub\":\"mailto:a@b.example\"}", "BadAudience"},
		{"{\"aud\":\"https://a.example:8443/\",\"exp\":1060,\"sub\":\"mailto:a@b.example\"}", "BadAudience"},
		{"{\"aud\":\"http://a.example:8443\",\"exp\":1060,\"sub\":\"mailto:a@b.example\"}", "BadAudience"},
		{"{\"aud\":\"https://a.example:8443\",\"sub\":\"mailto:a@b.example\"}", "BadExpiry"},
		{"{\"aud\":\"https://a.example:8443\",\"exp\":1000,\"sub\":\"mailto:a@b.example\"}", "BadExpiry"},
		{"{\"aud\":\"https://a.example:8443\",\"exp\":87401,\"sub\":\"mailto:a@b.example\"}", "BadExpiry"},
		{"{\"aud\":\"https://a.example:8443\",\"exp\":1060}", "BadSubject"},
		{"{\"aud\":\"https://a.example:8443\",\"exp\":1060,\"sub\":\"a@b.example\"}", "BadSubject"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *claims = json_of(rows[i].claims);
		struct sw_sim_webpush_verdict verdict = sw_sim_webpush_check_claims(claims, "a.example:8443", 1000);
		assert_string_equal(verdict.reason ? verdict.reason : "", rows[i].reason);
		json_decref(claims);
	}
}

#define SUBSCRIPTION \
	"{\"id\":\"one\",\"p256dh\":\"" UA_PUBLIC "\",\"private_key\":\"" UA_PRIVATE "\",\"auth\":\"" UA_AUTH "\"}"

static void decrypt__example_of_rfc_8291__its_plaintext(void **state)
{
	(void)state;
	struct sw_sim_webpush_subs subs;
	struct sw_buf plain;
	uint8_t body[BODY_LEN];
	json_t *json = json_of(SUBSCRIPTION);
	sw_sim_webpush_subs_init(&subs);
	sw_buf_init(&plain, 4096);
	assert_int_equal(sw_sim_webpush_subs_put(&subs, json, NULL), SW_OK);
	const struct sw_sim_webpush_sub *sub = sw_sim_webpush_subs_find(&subs, sw_bytes_str("one"));
	assert_non_null(sub);
	assert_int_equal(sw_sim_webpush_decrypt(sub, sw_bytes(rfc_body, BODY_LEN), &plain), SW_OK);
	assert_string_equal(sw_buf_cstr(&plain), "When I grow up, I want to be a watermelon");
	for (size_t i = 0; i < BODY_LEN; i++) {
		if (i >= 16 && i < 21) {
			continue; /* record size and length of the key: check_message's matter */
		}
		memcpy(body, rfc_body, BODY_LEN);
		body[i] ^= 1;
		assert_int_equal(sw_sim_webpush_decrypt(sub, sw_bytes(body, BODY_LEN), &plain), SW_EINVAL);
	}
	sw_buf_release(&plain);
	sw_sim_webpush_subs_release(&subs);
	json_decref(json);
}

static void subs_put__again_and_bad_ones__replaced_and_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"{}",
		"{\"id\":\"one\"}",
		"{\"id\":\"one\",\"p256dh\":\"" UA_PUBLIC "\",\"private_key\":\"AA\",\"auth\":\"" UA_AUTH "\"}",
		"{\"id\":\"one\",\"p256dh\":\"" UA_PUBLIC "\",\"private_key\":\"" UA_PRIVATE "\",\"auth\":\"AA\"}",
	};
	struct sw_sim_webpush_subs subs;
	json_t *json = json_of(SUBSCRIPTION);
	sw_sim_webpush_subs_init(&subs);
	assert_int_equal(sw_sim_webpush_subs_put(&subs, json, NULL), SW_OK);
	assert_int_equal(sw_sim_webpush_subs_put(&subs, json, NULL), SW_OK);
	assert_int_equal(subs.count, 1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct sw_diag diag = {0};
		json_t *other = json_of(bad[i]);
		assert_int_equal(sw_sim_webpush_subs_put(&subs, other, &diag), SW_EINVAL);
		assert_non_null(strstr(diag.text, "expected"));
		json_decref(other);
	}
	assert_int_equal(subs.count, 1);
	assert_null(sw_sim_webpush_subs_find(&subs, sw_bytes_str("two")));
	sw_sim_webpush_subs_release(&subs);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_message__headers__by_their_rules),
		cmocka_unit_test(check_message__bodies__by_their_frame),
		cmocka_unit_test(check_path__push_and_an_id__the_id),
		cmocka_unit_test(split__only_the_form_of_rfc_8292__taken),
		cmocka_unit_test(check_claims__audience_expiry_subject__all_three),
		cmocka_unit_test(decrypt__example_of_rfc_8291__its_plaintext),
		cmocka_unit_test(subs_put__again_and_bad_ones__replaced_and_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
