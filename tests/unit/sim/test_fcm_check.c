/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/fcm_check.h"

static int check(const char *text, struct sw_sim_fcm_message *message, struct sw_sim_fcm_violation *violation)
{
	json_t *root = json_of(text);
	*message = (struct sw_sim_fcm_message){0};
	*violation = (struct sw_sim_fcm_violation){{0}, {0}};
	int err = sw_sim_fcm_check(root, message, violation);
	json_decref(root);
	return err;
}

#define ANDROID(member) "{\"message\":{\"token\":\"t\",\"android\":{\"notification\":{" member "}}}}"

static void check__good__target_found(void **state)
{
	(void)state;
	static const struct {
		const char *text, *kind;
	} rows[] = {
		{"{\"message\":{\"token\":\"abc:d_e-f\"}}", "token"},
		{"{\"message\":{\"topic\":\"news\",\"data\":{\"a\":\"b\"}}}", "topic"},
		{"{\"message\":{\"condition\":\"'a' in topics\"}}", "condition"},
		{"{\"validateOnly\":true,\"message\":{\"token\":\"t\",\"android\":{\"ttl\":\"0s\",\"collapseKey\":\"k\"}}}",
		 "token"},
		{"{\"message\":{\"token\":\"t\",\"apns\":{\"headers\":{\"apns-priority\":\"5\"},\"payload\":{\"aps\":{}}}}}",
		 "token"},
		{"{\"message\":{\"token\":\"t\",\"webpush\":{\"headers\":{\"TTL\":\"5\"}}}}", "token"},
		{"{\"message\":{\"token\":\"t\",\"notification\":{\"image\":\"https://x\"},\"android\":{\"notification\":{"
		 "\"color\":\"#00ffAA\",\"titleLocKey\":\"k\",\"title_loc_args\":[\"a\"],\"notification_priority\":"
		 "\"PRIORITY_MAX\",\"visibility\":\"SECRET\",\"channel_id\":\"c\",\"click_action\":\"a\",\"icon\":\"i\"}}}}",
		 "token"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_fcm_message message;
		struct sw_sim_fcm_violation violation;
		assert_int_equal(check(rows[i].text, &message, &violation), SW_OK);
		assert_string_equal(message.target_kind, rows[i].kind);
	}
}

static void check__bad__field_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *field;
	} rows[] = {
		{"[]", ""},
		{"{}", "message"},
		{"{\"message\":[]}", "message"},
		{"{\"message\":{}}", "message"},
		{"{\"message\":{\"token\":\"t\",\"topic\":\"n\"}}", "message"},
		{"{\"message\":{\"token\":\"\"}}", "message.token"},
		{"{\"message\":{\"token\":\"a b\"}}", "message.token"},
		{"{\"message\":{\"token\":5}}", "message.token"},
		{"{\"massage\":{}}", ""},
		{"{\"message\":{\"token\":\"t\",\"data\":{\"a\":1}}}", "message.data"},
		{"{\"message\":{\"token\":\"t\",\"data\":{\"message_type\":\"x\"}}}", "message.data"},
		{"{\"message\":{\"token\":\"t\",\"data\":{\"gcm.x\":\"x\"}}}", "message.data"},
		{"{\"message\":{\"token\":\"t\",\"android\":{\"data\":{\"from\":\"x\"}}}}", "message.data"},
		{"{\"message\":{\"token\":\"t\",\"android\":{\"ttl\":\"1\"}}}", "message.android.ttl"},
		{"{\"message\":{\"token\":\"t\",\"android\":{\"priority\":\"max\"}}}", "message.android.priority"},
		{"{\"message\":{\"token\":\"t\",\"android\":{\"notification\":{\"sticky\":\"no\"}}}}",
		 "message.android.notification.sticky"},
		{ANDROID("\"color\":\"red\""), "message.android.notification.color"},
		{ANDROID("\"color\":\"#00ff0g\""), "message.android.notification.color"},
		{ANDROID("\"title_loc_args\":\"a\""), "message.android.notification.title_loc_args"},
		{ANDROID("\"bodyLocArgs\":[1]"), "message.android.notification.body_loc_args"},
		{ANDROID("\"notification_priority\":\"HIGH\""), "message.android.notification.notification_priority"},
		{ANDROID("\"visibility\":\"private\""), "message.android.notification.visibility"},
		{ANDROID("\"notification_count\":\"1\""), "message.android.notification.notification_count"},
		{ANDROID("\"chanel_id\":\"c\""), "message.android.notification"},
		{"{\"message\":{\"token\":\"t\",\"apns\":{\"headers\":{\"a\":5}}}}", "message.apns.headers"},
		{"{\"validate_only\":1,\"message\":{\"token\":\"t\"}}", "validate_only"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_fcm_message message;
		struct sw_sim_fcm_violation violation;
		assert_int_equal(check(rows[i].text, &message, &violation), SW_EINVAL);
		assert_string_equal(violation.field, rows[i].field);
		assert_true(violation.text[0] != '\0');
	}
}

/* {"message":{KIND:"t","data":{"k":"xxx…"}}} with keys and values of `size` bytes. */
static int check_sized(const char *kind, size_t size)
{
	json_t *root = json_object();
	json_t *message = json_object();
	json_t *data = json_object();
	static char value[8192];
	memset(value, 'x', sizeof(value));
	json_object_set_new(data, "k", json_stringn(value, size - 1));
	json_object_set_new(message, kind, json_string("t"));
	json_object_set_new(message, "data", data);
	json_object_set_new(root, "message", message);
	struct sw_sim_fcm_message out = {0};
	struct sw_sim_fcm_violation violation;
	int err = sw_sim_fcm_check(root, &out, &violation);
	json_decref(root);
	return err;
}

static void check__size__bound_by_target(void **state)
{
	(void)state;
	assert_int_equal(check_sized("token", 4096), SW_OK);
	assert_int_equal(check_sized("token", 4097), SW_ELIMIT);
	assert_int_equal(check_sized("topic", 2048), SW_OK);
	assert_int_equal(check_sized("topic", 2049), SW_ELIMIT);
}

static void ttl_ok__forms__told_apart(void **state)
{
	(void)state;
	static const char *const good[] = {"0s", "3600s", "2419200s", "3.5s", "0.000000001s", "2419200.0s"};
	static const char *const bad[] = {"",           "s",   "5",   "-1s",           "+1s", "2419201s",
					  "2419200.1s", "1.s", ".5s", "1.1234567890s", "1m",  "1 s"};
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(sw_sim_fcm_ttl_ok(sw_bytes_str(good[i])));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(sw_sim_fcm_ttl_ok(sw_bytes_str(bad[i])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check__good__target_found),
		cmocka_unit_test(check__bad__field_named),
		cmocka_unit_test(check__size__bound_by_target),
		cmocka_unit_test(ttl_ok__forms__told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
