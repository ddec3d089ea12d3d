/* SPDX-License-Identifier: Apache-2.0 */
/* What the providers of APNs and FCM send, judged by the rules of the stand-ins, which know the services for themselves;
 * and certificates judged by both. */
#include "fixture_certificate.h"
#include "vectors.h"

#include "sim/apns_certificate.h"
#include "sim/apns_check.h"
#include "sim/fcm_check.h"

#include <openssl/pem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_S INT64_C(1790000000)
#define APP "org.example.chat"

static int on_setup(void **state)
{
	(void)state;
	fixture_open();
	fixture_ec_key("key.p8", "P-256", NULL);
	fixture_account("account.json", NULL);
	return 0;
}

static int on_teardown(void **state)
{
	(void)state;
	fixture_close();
	return 0;
}

static struct sw_provider *open_apns(void)
{
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	config_fake_init(&fake, "apns");
	config_fake_set(&fake, "key_file", fixture_path("key.p8"));
	config_fake_set(&fake, "key_id", "ABC123DEFG");
	config_fake_set(&fake, "team_id", "DEF123GHIJ");
	config_fake_set(&fake, "topics", APP ", org.example.beta");
	assert_int_equal(sw_provider_apns.open(&fake.config, &provider, NULL), SW_OK);
	return provider;
}

static struct sw_provider *open_fcm(void)
{
	struct config_fake fake;
	struct sw_provider *provider = NULL;
	struct sw_http_response token = {
		.status = 200,
		.body = sw_bytes_str("{\"access_token\":\"t\",\"expires_in\":3599,\"token_type\":\"Bearer\"}")};
	config_fake_init(&fake, "fcm");
	config_fake_set(&fake, "service_account_file", fixture_path("account.json"));
	assert_int_equal(sw_provider_fcm.open(&fake.config, &provider, NULL), SW_OK);
	assert_int_equal(sw_provider_fcm.credential_response(provider, &token, NOW_S * 1000, NULL), SW_OK);
	return provider;
}

static void judge_apns(const char *name, const struct sw_http_request *http)
{
	static const char *const topics[] = {APP, "org.example.beta"};
	static const struct sw_sim_apns_rules rules = {topics, 2};
	struct sw_sim_request request;
	struct sw_bytes token;
	char path[1024];
	sw_sim_request_init(&request);
	snprintf(path, sizeof(path), "%.*s", SW_BYTES_FMT(http->path));
	request.method = http->method;
	request.path = path;
	for (size_t i = 0; i < http->header_count; i++) {
		assert_int_equal(sw_sim_request_add(&request, http->headers[i].name, http->headers[i].value), SW_OK);
	}
	sw_sim_request_add_body(&request, http->body);
	struct sw_sim_verdict verdict = sw_sim_apns_check_path(&request, &token);
	if (!verdict.reason) {
		verdict = sw_sim_apns_check_message(&request, token, &rules);
	}
	if (verdict.reason) {
		fail_msg("%s: %s: %.*s", name, verdict.reason, SW_BYTES_FMT(http->body));
	}
	sw_sim_request_release(&request);
}

static void judge_fcm(const char *name, const struct sw_http_request *http)
{
	json_t *root = NULL;
	struct sw_sim_fcm_message message = {0};
	struct sw_sim_fcm_violation violation = {"", ""};
	assert_int_equal(sw_json_parse(http->body, 16, &root, NULL), SW_OK);
	if (sw_sim_fcm_check(root, &message, &violation) != SW_OK) {
		fail_msg("%s: %s: %.*s", name, violation.text, SW_BYTES_FMT(http->body));
	}
	json_decref(root);
}

/* Every vector that is sent. How many those were is looked at, so that none can be all. */
static void judge_all(const struct sw_provider_ops *ops, struct sw_provider *provider,
		      void (*judge)(const char *name, const struct sw_http_request *http))
{
	json_t *vectors = vectors_load(ops->name, "requests.json");
	size_t judged = 0;
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		const json_t *vector = json_array_get(vectors, i);
		struct sw_push_target target;
		struct sw_notification notification;
		struct sw_send send;
		struct sw_arena arena;
		sw_arena_init(&arena);
		vectors_target(vector, &target);
		vectors_notification(vector, &notification);
		if (ops->encode(provider, &target, &notification, NOW_S * 1000, &arena, &send, NULL) == SW_OK) {
			judge(json_string_value(json_object_get(vector, "name")), &send.as.http);
			judged++;
		}
		sw_arena_release(&arena);
	}
	assert_true(judged * 2 > json_array_size(vectors));
	json_decref(vectors);
}

static void encode__apns_vectors__taken_by_the_stand_in(void **state)
{
	(void)state;
	struct sw_provider *provider = open_apns();
	judge_all(&sw_provider_apns, provider, judge_apns);
	sw_provider_apns.close(provider);
}

static void encode__fcm_vectors__taken_by_the_stand_in(void **state)
{
	(void)state;
	struct sw_provider *provider = open_fcm();
	judge_all(&sw_provider_fcm, provider, judge_fcm);
	sw_provider_fcm.close(provider);
}

/* ---- certificates ---- */

static const char *certificate_reason(const char *file, const char *topic, int64_t now_s)
{
	FILE *pem = fopen(fixture_path(file), "r");
	assert_non_null(pem);
	X509 *certificate = PEM_read_X509(pem, NULL, NULL, NULL);
	fclose(pem);
	assert_non_null(certificate);
	struct sw_sim_verdict verdict = sw_sim_apns_check_certificate(certificate, sw_bytes_str(topic), now_s);
	X509_free(certificate);
	return verdict.reason ? verdict.reason : "";
}

static void check_certificate__topics_and_life__as_apple_says(void **state)
{
	(void)state;
	static const char *const topics[] = {APP, APP ".voip", NULL};
	static const char *const one[] = {APP, NULL};
	static const char *const none[] = {NULL};
	struct fixture_certificate what = {APP, topics, NOW_S - 1000, NOW_S + 1000};
	fixture_certificate("push.pem", &what);
	what.topics = one;
	fixture_certificate("one.pem", &what);
	what.topics = none;
	fixture_certificate("none.pem", &what);
	what.topics = NULL;
	fixture_certificate("single.pem", &what);
	what.uid = NULL;
	fixture_certificate("nameless.pem", &what);
	assert_string_equal(certificate_reason("push.pem", APP, NOW_S), "");
	assert_string_equal(certificate_reason("push.pem", APP ".voip", NOW_S), "");
	assert_string_equal(certificate_reason("push.pem", APP ".complication", NOW_S), "TopicDisallowed");
	assert_string_equal(certificate_reason("push.pem", "org.example", NOW_S), "TopicDisallowed");
	assert_string_equal(certificate_reason("push.pem", "app", NOW_S), "TopicDisallowed"); /* what a topic is for */
	assert_string_equal(certificate_reason("push.pem", "", NOW_S), "MissingTopic");
	assert_string_equal(certificate_reason("push.pem", APP, NOW_S + 1001), "BadCertificate");
	assert_string_equal(certificate_reason("push.pem", APP, NOW_S - 1001), "BadCertificate");
	assert_string_equal(certificate_reason("one.pem", "", NOW_S), "");
	assert_string_equal(certificate_reason("single.pem", APP, NOW_S), "");
	assert_string_equal(certificate_reason("single.pem", "", NOW_S), "");
	assert_string_equal(certificate_reason("single.pem", APP ".voip", NOW_S), "TopicDisallowed");
	assert_string_equal(certificate_reason("none.pem", APP, NOW_S), "BadCertificate");
	assert_string_equal(certificate_reason("nameless.pem", APP, NOW_S), "BadCertificate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode__apns_vectors__taken_by_the_stand_in),
		cmocka_unit_test(encode__fcm_vectors__taken_by_the_stand_in),
		cmocka_unit_test(check_certificate__topics_and_life__as_apple_says),
	};
	return cmocka_run_group_tests(tests, on_setup, on_teardown);
}
