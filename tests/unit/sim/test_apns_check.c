/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/apns_check.h"

static const char *const topics[] = {"com.example.chat", "com.example.chat.voip"};
static const struct sw_sim_apns_rules rules = {topics, 2};
static const struct sw_sim_apns_rules any_topic = {NULL, 0};

struct part {
	const char *name;
	const char *value;
};

/* A good request; `change` replaces a header, or removes it when its value is NULL. */
static void build(struct sw_sim_request *request, struct part change, const char *body)
{
	static const struct part good[] = {{"apns-topic", "com.example.chat"},
					   {"apns-push-type", "alert"},
					   {"apns-priority", "10"},
					   {"apns-id", "0f0e0d0c-0b0a-4908-8706-050403020100"},
					   {"apns-collapse-id", "c"},
					   {"apns-expiration", "0"}};
	sw_sim_request_init(request);
	request->method = "POST";
	request->path = "/3/device/abcd";
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *value = change.name && strcmp(good[i].name, change.name) == 0 ? change.value
											  : good[i].value;
		if (value) {
			assert_int_equal(sw_sim_request_add(request, sw_bytes_str(good[i].name), sw_bytes_str(value)),
					 SW_OK);
		}
	}
	sw_sim_request_add_body(request, sw_bytes_str(body));
}

static void expect(struct part change, const char *token, const char *body, int status, const char *reason)
{
	struct sw_sim_request request;
	build(&request, change, body);
	struct sw_sim_verdict verdict = sw_sim_apns_check_message(&request, sw_bytes_str(token), &rules);
	assert_int_equal(verdict.status, status);
	assert_string_equal(verdict.reason ? verdict.reason : "", reason);
	sw_sim_request_release(&request);
}

static const char alert[] = "{\"aps\":{\"alert\":\"hi\"}}";

static void check_message__good__accepted(void **state)
{
	(void)state;
	expect((struct part){0}, "abcd", alert, 200, "");
	expect((struct part){"apns-priority", NULL}, "abcd", alert, 200, "");
	expect((struct part){"apns-priority", "1"}, "abcd", alert, 200, "");
	expect((struct part){"apns-id", NULL}, "abcd", alert, 200, "");
	expect((struct part){"apns-collapse-id", NULL}, "abcd", alert, 200, "");
}

static void check_message__one_header_wrong__its_reason(void **state)
{
	(void)state;
	static const struct {
		struct part change;
		const char *reason;
	} rows[] = {
		{{"apns-topic", NULL}, "MissingTopic"},
		{{"apns-topic", ""}, "MissingTopic"},
		{{"apns-topic", "com.example.other"}, "TopicDisallowed"},
		{{"apns-push-type", NULL}, "InvalidPushType"},
		{{"apns-push-type", "Alert"}, "InvalidPushType"},
		{{"apns-push-type", "voip"}, "BadTopic"},
		{{"apns-push-type", "background"}, "BadPriority"},
		{{"apns-priority", "0"}, "BadPriority"},
		{{"apns-priority", ""}, "BadPriority"},
		{{"apns-priority", "100"}, "BadPriority"},
		{{"apns-id", "0F0E0D0C-0B0A-4908-8706-050403020100"}, "BadMessageId"},
		{{"apns-id", "0f0e0d0c0b0a49088706050403020100"}, "BadMessageId"},
		{{"apns-id", ""}, "BadMessageId"},
		{{"apns-expiration", "-1"}, "BadExpirationDate"},
		{{"apns-expiration", ""}, "BadExpirationDate"},
		{{"apns-collapse-id", "0123456789012345678901234567890123456789012345678901234567890123x"},
		 "BadCollapseId"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect(rows[i].change, "abcd", alert, 400, rows[i].reason);
	}
}

static void check_message__collapse_id_of_64_bytes__accepted(void **state)
{
	(void)state;
	expect((struct part){"apns-collapse-id", "0123456789012345678901234567890123456789012345678901234567890123"},
	       "abcd", alert, 200, "");
}

static void check_message__token_form__bad_device_token(void **state)
{
	(void)state;
	static const char *const bad[] = {"abc", "ABCD", "wxyz", "ab cd"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		expect((struct part){0}, bad[i], alert, 400, "BadDeviceToken");
	}
	char longest[516];
	memset(longest, 'a', 514);
	longest[514] = '\0';
	expect((struct part){0}, longest, alert, 400, "BadDeviceToken");
	longest[512] = '\0';
	expect((struct part){0}, longest, alert, 200, "");
}

static void check_message__payload__judged_by_type(void **state)
{
	(void)state;
	expect((struct part){0}, "abcd", "", 400, "PayloadEmpty");
	expect((struct part){0}, "abcd", "{}", 400, "PayloadEmpty");
	expect((struct part){0}, "abcd", "{", 400, "BadPayload");
	expect((struct part){0}, "abcd", "[1]", 400, "BadPayload");
	expect((struct part){0}, "abcd", "{\"aps\":5}", 400, "BadPayload");
	expect((struct part){0}, "abcd", "{\"aps\":{}}", 400, "InvalidPushType");
	expect((struct part){0}, "abcd", "{\"aps\":{\"badge\":0}}", 200, "");
}

static void check_background(const char *body, const char *reason)
{
	struct sw_sim_request request;
	build(&request, (struct part){"apns-push-type", "background"}, body);
	for (size_t i = 0; i < request.header_count; i++) {
		if (sw_bytes_equal_str(request.headers[i].name, "apns-priority")) {
			request.headers[i].value = sw_bytes_str("5");
		}
	}
	struct sw_sim_verdict verdict = sw_sim_apns_check_message(&request, sw_bytes_str("abcd"), &any_topic);
	assert_string_equal(verdict.reason ? verdict.reason : "", reason);
	sw_sim_request_release(&request);
}

static void check_message__background__only_wakes(void **state)
{
	(void)state;
	check_background("{\"aps\":{\"content-available\":1}}", "");
	check_background("{\"aps\":{\"content-available\":0}}", "InvalidPushType");
	check_background("{\"aps\":{\"content-available\":1,\"alert\":\"x\"}}", "InvalidPushType");
	check_background("{\"aps\":{\"content-available\":1,\"badge\":1}}", "InvalidPushType");
}

/* A request of another type: topic, priority and body are its own. */
static const char *reason_of(const char *type, const char *topic, const char *priority, const char *body)
{
	static const char *const apps[] = {"com.example.chat"};
	static const struct sw_sim_apns_rules one_app = {apps, 1};
	struct sw_sim_request request;
	build(&request, (struct part){"apns-push-type", type}, body);
	for (size_t i = 0; i < request.header_count; i++) {
		if (sw_bytes_equal_str(request.headers[i].name, "apns-topic")) {
			request.headers[i].value = sw_bytes_str(topic);
		} else if (sw_bytes_equal_str(request.headers[i].name, "apns-priority")) {
			request.headers[i].value = sw_bytes_str(priority);
		}
	}
	struct sw_sim_verdict verdict = sw_sim_apns_check_message(&request, sw_bytes_str("abcd"), &one_app);
	sw_sim_request_release(&request);
	return verdict.reason ? verdict.reason : "";
}

static void check_message__types__topic_and_priority_of_each(void **state)
{
	(void)state;
	static const struct {
		const char *type, *suffix, *priorities, *body; /* priorities: allowed ones, '0' for 10 */
	} rows[] = {
		{"alert", "", "150", "{\"aps\":{\"alert\":\"x\"}}"},
		{"background", "", "5", "{\"aps\":{\"content-available\":1}}"},
		{"voip", ".voip", "0", "{\"aps\":{}}"},
		{"complication", ".complication", "150", "{\"aps\":{}}"},
		{"fileprovider", ".pushkit.fileprovider", "150", "{\"aps\":{}}"},
		{"mdm", "", "150", "{\"mdm\":\"magic\"}"},
		{"location", ".location-query", "50", "{\"aps\":{}}"},
		{"liveactivity", ".push-type.liveactivity", "50",
		 "{\"aps\":{\"timestamp\":1,\"event\":\"update\",\"content-state\":{}}}"},
		{"pushtotalk", ".voip-ptt", "150", "{\"aps\":{}}"},
		{"widgets", ".push-type.widgets", "150", "{\"aps\":{\"content-changed\":true}}"},
		{"controls", ".push-type.controls", "150", "{\"aps\":{\"content-changed\":true}}"},
	};
	static const char *const priorities[] = {"1", "5", "10"};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char topic[64];
		snprintf(topic, sizeof(topic), "com.example.chat%s", rows[i].suffix);
		for (size_t p = 0; p < COUNT(priorities); p++) {
			bool allowed = strchr(rows[i].priorities, priorities[p][strlen(priorities[p]) - 1]);
			assert_string_equal(reason_of(rows[i].type, topic, priorities[p], rows[i].body),
					    allowed ? "" : "BadPriority");
		}
		const char *good = strchr(rows[i].priorities, '5') ? "5" : "10";
		if (rows[i].suffix[0]) {
			assert_string_equal(reason_of(rows[i].type, "com.example.chat", good, rows[i].body),
					    "BadTopic");
			assert_string_equal(reason_of(rows[i].type, rows[i].suffix, good, rows[i].body), "BadTopic");
		}
		snprintf(topic, sizeof(topic), "com.example.other%s", rows[i].suffix);
		assert_string_equal(reason_of(rows[i].type, topic, good, rows[i].body), "TopicDisallowed");
	}
}

static void check_message__voip__5120_is_the_last(void **state)
{
	(void)state;
	static char body[5122];
	memset(body, ' ', sizeof(body));
	memcpy(body, "{\"aps\":{}}", 10);
	body[5120] = '\0';
	assert_string_equal(reason_of("voip", "com.example.chat.voip", "10", body), "");
	body[5120] = ' ';
	body[5121] = '\0';
	assert_string_equal(reason_of("voip", "com.example.chat.voip", "10", body), "PayloadTooLarge");
}

static void check_message__size__4096_is_the_last(void **state)
{
	(void)state;
	static char body[4098];
	memset(body, ' ', sizeof(body));
	memcpy(body, alert, sizeof(alert) - 1);
	body[4096] = '\0';
	expect((struct part){0}, "abcd", body, 200, "");
	body[4096] = ' ';
	body[4097] = '\0';
	expect((struct part){0}, "abcd", body, 413, "PayloadTooLarge");
}

static void check_message__header_twice__duplicate(void **state)
{
	(void)state;
	struct sw_sim_request request;
	build(&request, (struct part){0}, alert);
	assert_int_equal(sw_sim_request_add(&request, sw_bytes_str("Apns-Priority"), sw_bytes_str("5")), SW_OK);
	assert_string_equal(sw_sim_apns_check_message(&request, sw_bytes_str("abcd"), &rules).reason,
			    "DuplicateHeaders");
	sw_sim_request_release(&request);
}

static void check_path__forms__told_apart(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		int status;
		const char *reason;
	} rows[] = {
		{"POST", "/3/device/ab", 200, ""},
		{"GET", "/3/device/ab", 405, "MethodNotAllowed"},
		{"POST", "/3/device/", 400, "MissingDeviceToken"},
		{"POST", "/3/device", 404, "BadPath"},
		{"POST", "/3/device/ab/c", 404, "BadPath"},
		{"POST", "", 404, "BadPath"},
		{"POST", "/4/device/ab", 404, "BadPath"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_request request;
		struct sw_bytes token;
		sw_sim_request_init(&request);
		request.method = rows[i].method;
		request.path = rows[i].path;
		struct sw_sim_verdict verdict = sw_sim_apns_check_path(&request, &token);
		assert_int_equal(verdict.status, rows[i].status);
		assert_string_equal(verdict.reason ? verdict.reason : "", rows[i].reason);
		sw_sim_request_release(&request);
	}
}

static void claims(const char *text, const char *team, const char *reason)
{
	json_t *json = json_of(text);
	struct sw_sim_verdict verdict = sw_sim_apns_check_claims(json, team, 10000);
	assert_string_equal(verdict.reason ? verdict.reason : "", reason);
	json_decref(json);
}

static void check_claims__age_and_issuer__bounds(void **state)
{
	(void)state;
	claims("{\"iss\":\"T\",\"iat\":10000}", "T", "");
	claims("{\"iss\":\"T\",\"iat\":6400}", NULL, "");
	claims("{\"iss\":\"T\",\"iat\":6399}", NULL, "ExpiredProviderToken");
	claims("{\"iss\":\"T\",\"iat\":10001}", NULL, "InvalidProviderToken");
	claims("{\"iss\":\"U\",\"iat\":10000}", "T", "InvalidProviderToken");
	claims("{\"iat\":10000}", NULL, "InvalidProviderToken");
	claims("{\"iss\":\"T\"}", NULL, "InvalidProviderToken");
	claims("{\"iss\":\"T\",\"iat\":\"10000\"}", NULL, "InvalidProviderToken");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_message__good__accepted),
		cmocka_unit_test(check_message__one_header_wrong__its_reason),
		cmocka_unit_test(check_message__collapse_id_of_64_bytes__accepted),
		cmocka_unit_test(check_message__token_form__bad_device_token),
		cmocka_unit_test(check_message__payload__judged_by_type),
		cmocka_unit_test(check_message__background__only_wakes),
		cmocka_unit_test(check_message__types__topic_and_priority_of_each),
		cmocka_unit_test(check_message__voip__5120_is_the_last),
		cmocka_unit_test(check_message__size__4096_is_the_last),
		cmocka_unit_test(check_message__header_twice__duplicate),
		cmocka_unit_test(check_path__forms__told_apart),
		cmocka_unit_test(check_claims__age_and_issuer__bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
