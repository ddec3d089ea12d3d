/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a notification: every member lands where it belongs, and what is wrong is named. */
#include "proto/push_content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sw_arena arena;

static int set_up(void **state)
{
	(void)state;
	sw_arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sw_arena_release(&arena);
	return 0;
}

static struct sw_notification empty(void)
{
	return (struct sw_notification){.badge = -1, .created_at_ms = 1000};
}

static void expect_text(struct sw_bytes text, const char *expected)
{
	if (!sw_bytes_equal_str(text, expected)) {
		fail_msg("got \"%.*s\", expected \"%s\"", SW_BYTES_FMT(text), expected);
	}
}

static void read__texts_and_numbers__all_taken(void **state)
{
	(void)state;
	struct sw_notification n = empty();
	assert_int_equal(
		sw_push_content_read(
			sw_bytes_str(
				"{\"title\":\"T\",\"subtitle\":\"S\",\"body\":\"B\",\"sound\":\"so\",\"category\":\"ca\","
				"\"thread\":\"th\",\"collapse\":\"co\",\"image\":\"https://i\",\"badge\":7,"
				"\"relevance\":30,\"priority\":\"low\",\"interruption\":\"critical\",\"ttl_s\":60,"
				"\"silent\":true,\"data\":{\"b\":\"2\",\"a\":\"\"},"
				"\"title_loc\":{\"key\":\"TK\"},\"subtitle_loc\":{\"key\":\"SK\",\"args\":[]},"
				"\"body_loc\":{\"key\":\"BK\",\"args\":[\"x\",\"y\"]}}"),
			&arena, &n, NULL),
		SW_OK);
	expect_text(n.title, "T");
	expect_text(n.subtitle, "S");
	expect_text(n.body, "B");
	expect_text(n.sound, "so");
	expect_text(n.category, "ca");
	expect_text(n.thread, "th");
	expect_text(n.collapse, "co");
	expect_text(n.image, "https://i");
	assert_int_equal(n.badge, 7);
	assert_int_equal(n.relevance_percent, 30);
	assert_int_equal(n.priority, SW_PUSH_PRIORITY_LOW);
	assert_int_equal(n.interruption, SW_PUSH_INTERRUPTION_CRITICAL);
	assert_int_equal(n.expires_at_ms, 61000);
	assert_int_equal(n.kind, SW_PUSH_SILENT);
	assert_int_equal(n.data_count, 2);
	assert_string_equal(n.data[0].name, "b");
	expect_text(n.data[0].value, "2");
	expect_text(n.title_loc.key, "TK");
	expect_text(n.subtitle_loc.key, "SK");
	expect_text(n.body_loc.key, "BK");
	assert_int_equal(n.body_loc.arg_count, 2);
	expect_text(n.body_loc.args[1], "y");
}

static void read__apple_and_android__all_taken(void **state)
{
	(void)state;
	struct sw_notification n = empty();
	assert_int_equal(
		sw_push_content_read(
			sw_bytes_str(
				"{\"apple\":{\"type\":\"live_activity\",\"target_content\":\"tc\",\"filter\":\"fi\","
				"\"final_text\":true,\"wake_app\":true,\"critical_sound\":true,\"critical_volume\":40,"
				"\"activity\":{\"event\":\"end\",\"content_state\":{\"n\": 1},\"attributes_type\":\"at\","
				"\"attributes\":{},\"stale_at_ms\":5,\"dismiss_at_ms\":6}},"
				"\"android\":{\"channel\":\"ch\",\"tag\":\"ta\",\"click_action\":\"cl\",\"icon\":\"ic\","
				"\"color\":\"#00ff00\",\"visibility\":\"secret\",\"data_only\":true}}"),
			&arena, &n, NULL),
		SW_OK);
	assert_int_equal(n.apple.type, SW_APPLE_LIVE_ACTIVITY);
	expect_text(n.apple.target_content, "tc");
	expect_text(n.apple.filter, "fi");
	assert_true(n.apple.final_text && n.apple.wake_app && n.apple.critical_sound);
	assert_int_equal(n.apple.critical_volume_percent, 40);
	assert_int_equal(n.apple.activity.event, SW_APPLE_ACTIVITY_END);
	expect_text(n.apple.activity.content_state, "{\"n\":1}");
	expect_text(n.apple.activity.attributes_type, "at");
	expect_text(n.apple.activity.attributes, "{}");
	assert_int_equal(n.apple.activity.stale_at_ms, 5);
	assert_int_equal(n.apple.activity.dismiss_at_ms, 6);
	expect_text(n.android.channel, "ch");
	expect_text(n.android.tag, "ta");
	expect_text(n.android.click_action, "cl");
	expect_text(n.android.icon, "ic");
	expect_text(n.android.color, "#00ff00");
	assert_int_equal(n.android.visibility, SW_ANDROID_VISIBILITY_SECRET);
	assert_true(n.android.data_only);
}

/* The names in the order of their values. */
static void read__every_choice__its_value(void **state)
{
	(void)state;
	static const char *const types[] = {"alert",         "background", "voip",     "complication",
					    "file_provider", "mdm",        "location", "live_activity",
					    "push_to_talk",  "widgets",    "controls"};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char text[64];
		struct sw_notification n = empty();
		snprintf(text, sizeof(text), "{\"apple\":{\"type\":\"%s\"}}", types[i]);
		assert_int_equal(sw_push_content_read(sw_bytes_str(text), &arena, &n, NULL), SW_OK);
		assert_int_equal(n.apple.type, i + SW_APPLE_ALERT);
	}
}

static void read__over_a_filled_one__rest_stays(void **state)
{
	(void)state;
	struct sw_notification n = empty();
	n.title = sw_bytes_str("kept");
	n.expires_at_ms = 5000;
	n.data[n.data_count++] = (struct sw_push_datum){"push", sw_bytes_str("1")};
	assert_int_equal(sw_push_content_read(sw_bytes_str("{\"ttl_s\":60,\"data\":{\"a\":\"1\"}}"), &arena, &n, NULL),
			 SW_OK);
	expect_text(n.title, "kept");
	assert_int_equal(n.badge, -1);
	assert_int_equal(n.expires_at_ms, 5000); /* sooner than the minute */
	assert_int_equal(n.data_count, 2);
	assert_int_equal(sw_push_content_read(sw_bytes_str("{\"ttl_s\":2}"), &arena, &n, NULL), SW_OK);
	assert_int_equal(n.expires_at_ms, 3000);
}

static void read__bad_member__named_with_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *text, *diag;
	} rows[] = {
		{"[]", "expected an object"},
		{"{\"titel\":\"x\"}", "titel: there is no such member"},
		{"{\"ti\\ntle\":\"x\"}", "ti?tle: there is no such member"},
		{"{\"title\":1}", "title: expected a text of at most 8192 bytes"},
		{"{\"badge\":-1}", "badge: expected a whole number, at least 0"},
		{"{\"badge\":2147483648}", "badge: expected a whole number, at least 0"},
		{"{\"badge\":1.5}", "badge: expected a whole number, at least 0"},
		{"{\"relevance\":0}", "relevance: expected a whole number from 1 to 100"},
		{"{\"relevance\":356}", "relevance: expected a whole number from 1 to 100"},
		{"{\"priority\":\"urgent\"}", "priority: expected low, normal or high"},
		{"{\"priority\":3}", "priority: expected low, normal or high"},
		{"{\"interruption\":\"\"}", "interruption: expected passive, active, time_sensitive or critical"},
		{"{\"ttl_s\":0}", "ttl_s: expected seconds, at least 1"},
		{"{\"silent\":\"yes\"}", "silent: expected true or false"},
		{"{\"data\":{\"a\":1}}", "data: expected an object of at most 8 texts"},
		{"{\"data\":[]}", "data: expected an object of at most 8 texts"},
		{"{\"data\":{\"1\":\"\",\"2\":\"\",\"3\":\"\",\"4\":\"\",\"5\":\"\",\"6\":\"\",\"7\":\"\",\"8\":\"\","
		 "\"9\":\"\",\"10\":\"\"}}",
		 "data: expected an object of at most 8 texts"},
		{"{\"title_loc\":{\"args\":[]}}", "title_loc: expected {\"key\": text, \"args\": [at most 8 texts]}"},
		{"{\"body_loc\":{\"key\":\"\"}}", "body_loc: expected {\"key\": text, \"args\": [at most 8 texts]}"},
		{"{\"body_loc\":{\"key\":\"k\",\"arg\":[]}}",
		 "body_loc: expected {\"key\": text, \"args\": [at most 8 texts]}"},
		{"{\"body_loc\":{\"key\":\"k\",\"args\":[1]}}",
		 "body_loc: expected {\"key\": text, \"args\": [at most 8 texts]}"},
		{"{\"body_loc\":{\"key\":\"k\",\"args\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]}}",
		 "body_loc: expected {\"key\": text, \"args\": [at most 8 texts]}"},
		{"{\"apple\":1}", "apple: expected an object"},
		{"{\"apple\":{\"typ\":1}}", "apple.typ: there is no such member"},
		{"{\"apple\":{\"critical_volume\":101}}",
		 "apple.critical_volume: expected a whole number from 1 to 100"},
		{"{\"apple\":{\"activity\":[]}}", "apple.activity: expected an object"},
		{"{\"apple\":{\"activity\":{\"event\":\"stop\"}}}",
		 "apple.activity.event: expected start, update or end"},
		{"{\"apple\":{\"activity\":{\"content_state\":\"{}\"}}}",
		 "apple.activity.content_state: expected an object"},
		{"{\"android\":{\"visibility\":\"hidden\"}}", "android.visibility: expected private, public or secret"},
		{"{\"android\":{\"colour\":\"#000000\"}}", "android.colour: there is no such member"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_notification n = empty();
		struct sw_diag diag = {""};
		assert_int_equal(sw_push_content_read(sw_bytes_str(rows[i].text), &arena, &n, &diag), SW_EINVAL);
		assert_string_equal(diag.text, rows[i].diag);
	}
}

static void read__no_json_or_too_much__refused(void **state)
{
	(void)state;
	static char large[SW_PUSH_CONTENT_BYTES_MAX + 2];
	struct sw_notification n = empty();
	struct sw_diag diag = {""};
	assert_int_equal(sw_push_content_read(sw_bytes_str("{\"title\":"), &arena, &n, &diag), SW_EPARSE);
	assert_true(diag.text[0]);
	memset(large, ' ', sizeof(large) - 1);
	diag = (struct sw_diag){""};
	assert_int_equal(sw_push_content_read(sw_bytes_str(large), &arena, &n, &diag), SW_ELIMIT);
	assert_string_equal(diag.text, "the notification: expected at most 32768 bytes");
	assert_int_equal(sw_push_content_read(sw_bytes_str("{\"nothing\":1}"), &arena, &n, NULL), SW_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__texts_and_numbers__all_taken),
		cmocka_unit_test(read__apple_and_android__all_taken),
		cmocka_unit_test(read__every_choice__its_value),
		cmocka_unit_test(read__over_a_filled_one__rest_stays),
		cmocka_unit_test(read__bad_member__named_with_what_was_expected),
		cmocka_unit_test(read__no_json_or_too_much__refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
