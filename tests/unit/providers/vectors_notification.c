/* SPDX-License-Identifier: Apache-2.0 */
/* The notification of a vector: members by the names of struct sw_notification, enumerations by their last word. */
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int64_t int_or(const json_t *object, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(object, key);
	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* Index of the word; 0 when the member is absent, so that a list begins with what zero means. */
static int word_of(const json_t *object, const char *key, const char *const *words, size_t count)
{
	struct sw_bytes word = sw_json_get_str(object, key);
	for (size_t i = 0; i < count && word.len; i++) {
		if (sw_bytes_equal_str(word, words[i])) {
			return (int)i;
		}
	}
	if (word.len) {
		fail_msg("%s: %.*s", key, SW_BYTES_FMT(word));
	}
	return 0;
}
#define WORD_OF(object, key, ...)                                \
	word_of(object, key, (const char *const[]){__VA_ARGS__}, \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static struct sw_push_loc loc_of(const json_t *n, const char *key)
{
	const json_t *loc = json_object_get(n, key);
	const json_t *args = json_object_get(loc, "args");
	struct sw_push_loc out = {.key = sw_json_get_str(loc, "key"), .arg_count = json_array_size(args)};
	for (size_t i = 0; i < out.arg_count && i < SW_PUSH_LOC_ARGS_MAX; i++) {
		const json_t *arg = json_array_get(args, i);
		out.args[i] = sw_bytes(json_string_value(arg), json_string_length(arg));
	}
	return out;
}

static struct sw_push_apple apple_of(const json_t *apple)
{
	const json_t *activity = json_object_get(apple, "activity");
	return (struct sw_push_apple){
		.type = (enum sw_apple_push_type)WORD_OF(apple, "type", "", "alert", "background", "voip",
							 "complication", "file_provider", "mdm", "location",
							 "live_activity", "push_to_talk", "widgets", "controls"),
		.activity = {.event = WORD_OF(activity, "event", "", "start", "update", "end"),
			     .content_state = sw_json_get_str(activity, "content_state"),
			     .attributes_type = sw_json_get_str(activity, "attributes_type"),
			     .attributes = sw_json_get_str(activity, "attributes"),
			     .stale_at_ms = int_or(activity, "stale_at_ms", 0),
			     .dismiss_at_ms = int_or(activity, "dismiss_at_ms", 0)},
		.target_content = sw_json_get_str(apple, "target_content"),
		.filter = sw_json_get_str(apple, "filter"),
		.final_text = is_true(apple, "final_text"),
		.wake_app = is_true(apple, "wake_app"),
		.critical_sound = is_true(apple, "critical_sound"),
		.critical_volume_percent = (uint8_t)int_or(apple, "critical_volume_percent", 0),
	};
}

static struct sw_push_android android_of(const json_t *android)
{
	return (struct sw_push_android){
		.channel = sw_json_get_str(android, "channel"),
		.tag = sw_json_get_str(android, "tag"),
		.click_action = sw_json_get_str(android, "click_action"),
		.icon = sw_json_get_str(android, "icon"),
		.color = sw_json_get_str(android, "color"),
		.visibility = (enum sw_android_visibility)WORD_OF(android, "visibility", "", "private", "public",
								  "secret"),
		.data_only = is_true(android, "data_only"),
	};
}

static void read_data(const json_t *n, struct sw_notification *out)
{
	const char *key;
	json_t *value;
	json_object_foreach (json_object_get(n, "data"), key, value) {
		struct sw_push_datum *datum = &out->data[out->data_count++];
		*datum = (struct sw_push_datum){key, sw_bytes(json_string_value(value), json_string_length(value))};
	}
}

/* One vector's at a time. */
static void read_missed(const json_t *n, struct sw_notification *out)
{
	static struct sw_push_missed missed[8];
	const json_t *list = json_object_get(n, "missed");
	assert_true(json_array_size(list) <= sizeof(missed) / sizeof(missed[0]));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);
		missed[i] = (struct sw_push_missed){.thread = sw_json_get_str(entry, "thread"),
						    .title = sw_json_get_str(entry, "title"),
						    .sender = sw_json_get_str(entry, "sender"),
						    .preview = sw_json_get_str(entry, "preview"),
						    .at_ms = int_or(entry, "at_ms", 0)};
	}
	out->missed = missed;
	out->missed_count = json_array_size(list);
	out->missed_more = int_or(n, "missed_more", 0);
}

void vectors_notification(const json_t *vector, struct sw_notification *notification_out)
{
	const json_t *n = json_object_get(vector, "notification");
	*notification_out = (struct sw_notification){
		.kind = sw_bytes_equal_str(sw_json_get_str(n, "kind"), "silent") ? SW_PUSH_SILENT : SW_PUSH_ALERT,
		.urgent = is_true(n, "urgent"),
		.title = sw_json_get_str(n, "title"),
		.body = sw_json_get_str(n, "body"),
		.thread = sw_json_get_str(n, "thread"),
		.collapse = sw_json_get_str(n, "collapse"),
		.sound = sw_json_get_str(n, "sound"),
		.badge = int_or(n, "badge", -1),
		.created_at_ms = int_or(n, "created_at_ms", 0),
		.expires_at_ms = int_or(n, "expires_at_ms", 0),
		.subtitle = sw_json_get_str(n, "subtitle"),
		.title_loc = loc_of(n, "title_loc"),
		.subtitle_loc = loc_of(n, "subtitle_loc"),
		.body_loc = loc_of(n, "body_loc"),
		.category = sw_json_get_str(n, "category"),
		.image = sw_json_get_str(n, "image"),
		.priority = (enum sw_push_priority)WORD_OF(n, "priority", "", "low", "normal", "high"),
		.interruption = (enum sw_push_interruption)WORD_OF(n, "interruption", "", "passive", "active",
								   "time_sensitive", "critical"),
		.relevance_percent = (uint8_t)int_or(n, "relevance_percent", 0),
		.apple = apple_of(json_object_get(n, "apple")),
		.android = android_of(json_object_get(n, "android")),
	};
	for (uint8_t i = 0; i < 16; i++) {
		notification_out->id[i] = (uint8_t)(i * 0x11);
	}
	read_data(n, notification_out);
	read_missed(n, notification_out);
}
