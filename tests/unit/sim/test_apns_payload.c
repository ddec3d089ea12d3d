/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/apns_payload.h"

static const char *reason_of(const char *type, const char *text)
{
	json_t *payload = json_of(text);
	const char *reason = sw_sim_apns_check_payload(payload, type);
	json_decref(payload);
	return reason ? reason : "";
}

static void check_payload__alert__members_and_their_types(void **state)
{
	(void)state;
	static const char *const good[] = {
		"{\"aps\":{\"alert\":\"x\"}}",
		"{\"aps\":{\"badge\":0},\"own\":[1,{}]}",
		"{\"aps\":{\"alert\":{\"title\":\"t\",\"subtitle\":\"s\",\"body\":\"b\",\"launch-image\":\"i\"}}}",
		"{\"aps\":{\"alert\":{\"title-loc-key\":\"k\",\"title-loc-args\":[\"a\"],\"loc-key\":\"k\",\"loc-args\":[]}}}",
		"{\"aps\":{\"sound\":{\"critical\":1,\"name\":\"a.caf\",\"volume\":0.5}}}",
		"{\"aps\":{\"alert\":\"x\",\"thread-id\":\"c\",\"category\":\"C\",\"content-available\":1,"
		"\"mutable-content\":1,\"target-content-id\":\"w\",\"interruption-level\":\"time-sensitive\","
		"\"relevance-score\":1,\"filter-criteria\":\"f\"}}",
	};
	static const char *const bad[] = {
		"{}",
		"{\"aps\":5}",
		"{\"aps\":{\"alert\":5}}",
		"{\"aps\":{\"alert\":\"x\",\"own\":\"y\"}}",
		"{\"aps\":{\"alert\":{\"text\":\"x\"}}}",
		"{\"aps\":{\"alert\":{\"loc-args\":[1]}}}",
		"{\"aps\":{\"alert\":{\"loc-args\":\"a\"}}}",
		"{\"aps\":{\"badge\":\"3\"}}",
		"{\"aps\":{\"badge\":-1}}",
		"{\"aps\":{\"sound\":1}}",
		"{\"aps\":{\"sound\":{\"name\":\"a\"}}}",
		"{\"aps\":{\"sound\":{\"critical\":1,\"name\":\"a\",\"volume\":1.5}}}",
		"{\"aps\":{\"alert\":\"x\",\"interruption-level\":\"loud\"}}",
		"{\"aps\":{\"alert\":\"x\",\"relevance-score\":1.01}}",
		"{\"aps\":{\"alert\":\"x\",\"relevance-score\":\"1\"}}",
		"{\"aps\":{\"alert\":\"x\",\"mutable-content\":2}}",
		"{\"aps\":{\"alert\":\"x\",\"category\":1}}",
	};
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_string_equal(reason_of("alert", good[i]), "");
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_string_equal(reason_of("alert", bad[i]), "BadPayload");
	}
}

static void check_payload__other_types__what_they_must_and_must_not_hold(void **state)
{
	(void)state;
	static const struct {
		const char *type, *text, *reason;
	} rows[] = {
		{"alert", "{\"aps\":{\"content-available\":1}}", "InvalidPushType"},
		{"background", "{\"aps\":{\"content-available\":1,\"sound\":\"x\"}}", "InvalidPushType"},
		{"voip", "{\"aps\":{\"alert\":\"Bob calls\"},\"call\":\"1\"}", ""},
		{"complication", "{\"aps\":{\"badge\":1}}", "InvalidPushType"},
		{"pushtotalk", "{\"aps\":{\"alert\":\"x\"}}", "InvalidPushType"},
		{"location", "{\"aps\":{}}", ""},
		{"widgets", "{\"aps\":{}}", "InvalidPushType"},
		{"widgets", "{\"aps\":{\"content-changed\":\"yes\"}}", "BadPayload"},
		{"mdm", "{\"aps\":{}}", "BadPayload"},
		{"mdm", "{\"mdm\":\"magic\",\"aps\":{}}", "BadPayload"},
		{"mdm", "{\"mdm\":\"magic\"}", ""},
		{"liveactivity", "{\"aps\":{\"timestamp\":1,\"event\":\"update\",\"content-state\":{\"a\":1}}}", ""},
		{"liveactivity", "{\"aps\":{\"timestamp\":1,\"event\":\"end\",\"dismissal-date\":2}}", ""},
		{"liveactivity", "{\"aps\":{\"event\":\"update\",\"content-state\":{}}}", "InvalidPushType"},
		{"liveactivity", "{\"aps\":{\"timestamp\":1,\"event\":\"update\"}}", "InvalidPushType"},
		{"liveactivity", "{\"aps\":{\"timestamp\":1,\"event\":\"stop\",\"content-state\":{}}}", "BadPayload"},
		{"liveactivity", "{\"aps\":{\"timestamp\":1,\"event\":\"update\",\"content-state\":[]}}", "BadPayload"},
		{"liveactivity", "{\"aps\":{\"timestamp\":1,\"event\":\"start\",\"content-state\":{}}}",
		 "InvalidPushType"},
		{"liveactivity",
		 "{\"aps\":{\"timestamp\":1,\"event\":\"start\",\"content-state\":{},\"attributes-type\":\"T\","
		 "\"attributes\":{},\"alert\":{\"title\":{\"loc-key\":\"K\",\"loc-args\":[\"a\"]},\"body\":\"b\","
		 "\"sound\":\"s\"}}}",
		 ""},
		{"liveactivity", "{\"aps\":{\"timestamp\":1,\"event\":\"end\",\"badge\":1}}", "BadPayload"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_string_equal(reason_of(rows[i].type, rows[i].text), rows[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_payload__alert__members_and_their_types),
		cmocka_unit_test(check_payload__other_types__what_they_must_and_must_not_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
