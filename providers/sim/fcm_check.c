/* SPDX-License-Identifier: Apache-2.0 */
/* Fields are known by tables (snake_case; lowerCamelCase is taken as well, as proto JSON does). */
#include "sim/fcm_check.h"

#include <stdio.h>
#include <string.h>

enum { PAYLOAD_MAX = 4096, TOPIC_PAYLOAD_MAX = 2048, TTL_MAX_S = 2419200, NAME_MAX_CHARS = 64 };

enum kind { STR, BOOL, OBJ, MAP, NUM, STRS, COLOR, PRIORITY, SHOWN_PRIORITY, VISIBILITY, TTL, BLOCK };

struct field {
	const char *name;
	enum kind kind;
	const struct field *fields; /* BLOCK */
};

static const struct field options_fields[] = {
	{"analytics_label", STR, NULL}, {"image", STR, NULL}, {"link", STR, NULL}, {0}};
static const struct field notification_fields[] = {
	{"title", STR, NULL}, {"body", STR, NULL}, {"image", STR, NULL}, {0}};
static const struct field android_notification_fields[] = {{"title", STR, NULL},
							   {"body", STR, NULL},
							   {"icon", STR, NULL},
							   {"color", COLOR, NULL},
							   {"sound", STR, NULL},
							   {"tag", STR, NULL},
							   {"click_action", STR, NULL},
							   {"body_loc_key", STR, NULL},
							   {"body_loc_args", STRS, NULL},
							   {"title_loc_key", STR, NULL},
							   {"title_loc_args", STRS, NULL},
							   {"channel_id", STR, NULL},
							   {"ticker", STR, NULL},
							   {"sticky", BOOL, NULL},
							   {"event_time", STR, NULL},
							   {"local_only", BOOL, NULL},
							   {"notification_priority", SHOWN_PRIORITY, NULL},
							   {"visibility", VISIBILITY, NULL},
							   {"notification_count", NUM, NULL},
							   {"image", STR, NULL},
							   {"default_sound", BOOL, NULL},
							   {"default_vibrate_timings", BOOL, NULL},
							   {"default_light_settings", BOOL, NULL},
							   {"vibrate_timings", STRS, NULL},
							   {"light_settings", OBJ, NULL},
							   {0}};
static const struct field android_fields[] = {{"collapse_key", STR, NULL},
					      {"priority", PRIORITY, NULL},
					      {"ttl", TTL, NULL},
					      {"restricted_package_name", STR, NULL},
					      {"direct_boot_ok", BOOL, NULL},
					      {"data", MAP, NULL},
					      {"notification", BLOCK, android_notification_fields},
					      {"fcm_options", BLOCK, options_fields},
					      {0}};
static const struct field apns_fields[] = {
	{"headers", MAP, NULL}, {"payload", OBJ, NULL}, {"fcm_options", BLOCK, options_fields}, {0}};
static const struct field webpush_fields[] = {{"headers", MAP, NULL},
					      {"data", MAP, NULL},
					      {"notification", OBJ, NULL},
					      {"fcm_options", BLOCK, options_fields},
					      {0}};
static const struct field message_fields[] = {{"name", STR, NULL},
					      {"token", STR, NULL},
					      {"topic", STR, NULL},
					      {"condition", STR, NULL},
					      {"data", MAP, NULL},
					      {"notification", BLOCK, notification_fields},
					      {"android", BLOCK, android_fields},
					      {"apns", BLOCK, apns_fields},
					      {"webpush", BLOCK, webpush_fields},
					      {"fcm_options", BLOCK, options_fields},
					      {0}};
static const struct field root_fields[] = {{"validate_only", BOOL, NULL}, {"message", BLOCK, message_fields}, {0}};

static int violate(struct sw_sim_fcm_violation *violation, const char *field, const char *text)
{
	snprintf(violation->field, sizeof(violation->field), "%.*s", (int)sizeof(violation->field) - 1, field);
	snprintf(violation->text, sizeof(violation->text), "%.*s", (int)sizeof(violation->text) - 1, text);
	return SW_EINVAL;
}

static void camel(const char *snake, char out[NAME_MAX_CHARS])
{
	size_t n = 0;
	for (; *snake && n + 1 < NAME_MAX_CHARS; snake++) {
		if (*snake == '_' && snake[1] >= 'a' && snake[1] <= 'z') {
			snake++;
			out[n++] = (char)(*snake - ('a' - 'A'));
		} else {
			out[n++] = *snake;
		}
	}
	out[n] = '\0';
}

static const struct field *find_field(const struct field *fields, const char *name)
{
	for (; fields->name; fields++) {
		char other[NAME_MAX_CHARS];
		camel(fields->name, other);
		if (strcmp(fields->name, name) == 0 || strcmp(other, name) == 0) {
			return fields;
		}
	}
	return NULL;
}

static const json_t *get(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	char other[NAME_MAX_CHARS];
	camel(name, other);
	return value ? value : json_object_get(object, other);
}

static struct sw_bytes get_text(const json_t *object, const char *name)
{
	const json_t *value = get(object, name);
	return json_is_string(value) ? sw_bytes(json_string_value(value), json_string_length(value))
				     : sw_bytes(NULL, 0);
}

bool sw_sim_fcm_ttl_ok(struct sw_bytes ttl)
{
	if (ttl.len < 2 || ttl.ptr[ttl.len - 1] != 's') {
		return false;
	}
	ttl.len--;
	const uint8_t *point = memchr(ttl.ptr, '.', ttl.len);
	struct sw_bytes whole = sw_bytes(ttl.ptr, point ? (size_t)(point - ttl.ptr) : ttl.len);
	uint64_t seconds;
	uint64_t nanos = 0;
	if (sw_bytes_to_u64(whole, &seconds) != SW_OK) {
		return false;
	}
	if (point) {
		struct sw_bytes fraction = sw_bytes(point + 1, ttl.len - whole.len - 1);
		if (fraction.len > 9 || sw_bytes_to_u64(fraction, &nanos) != SW_OK) {
			return false;
		}
	}
	return seconds < TTL_MAX_S || (seconds == TTL_MAX_S && nanos == 0);
}

static bool priority_ok(const json_t *value)
{
	struct sw_bytes text = sw_bytes(json_string_value(value), json_string_length(value));
	return sw_bytes_equal_nocase(text, "high") || sw_bytes_equal_nocase(text, "normal");
}

/* Values of enumerations have one spelling. */
static const char *const shown_priorities[] = {"PRIORITY_UNSPECIFIED",
					       "PRIORITY_MIN",
					       "PRIORITY_LOW",
					       "PRIORITY_DEFAULT",
					       "PRIORITY_HIGH",
					       "PRIORITY_MAX",
					       NULL};
static const char *const visibilities[] = {"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET", NULL};

static bool is_word(const char *text, const char *const *words)
{
	for (; text && *words; words++) {
		if (strcmp(text, *words) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_color(const char *text)
{
	return text && text[0] == '#' && strlen(text) == 7 && strspn(text + 1, "0123456789abcdefABCDEF") == 6;
}

static bool are_strings(const json_t *value)
{
	bool ok = json_is_array(value);
	for (size_t i = 0; ok && i < json_array_size(value); i++) {
		ok = json_is_string(json_array_get(value, i));
	}
	return ok;
}

static int check_map(const json_t *map, const char *path, struct sw_sim_fcm_violation *violation)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)map, key, value) {
		if (!json_is_string(value)) {
			char text[192];
			snprintf(text, sizeof(text), "Invalid value at '%.64s[%.64s]' (TYPE_STRING)", path, key);
			return violate(violation, path, text);
		}
	}
	return SW_OK;
}

static int check_value(const struct field *field, const json_t *value, const char *path,
		       struct sw_sim_fcm_violation *violation)
{
	static const char *const expected[] = {[STR] = "a string",
					       [BOOL] = "true or false",
					       [OBJ] = "an object",
					       [MAP] = "an object of strings",
					       [NUM] = "a number",
					       [STRS] = "an array of strings",
					       [COLOR] = "#rrggbb",
					       [PRIORITY] = "NORMAL or HIGH",
					       [SHOWN_PRIORITY] = "PRIORITY_MIN, LOW, DEFAULT, HIGH or MAX",
					       [VISIBILITY] = "PRIVATE, PUBLIC or SECRET",
					       [TTL] = "seconds as \"3600s\", at most four weeks",
					       [BLOCK] = "an object"};
	bool ok = false;
	switch (field->kind) {
	case STR:
		ok = json_is_string(value);
		break;
	case BOOL:
		ok = json_is_boolean(value);
		break;
	case NUM:
		ok = json_is_integer(value);
		break;
	case STRS:
		ok = are_strings(value);
		break;
	case COLOR:
		ok = is_color(json_string_value(value));
		break;
	case SHOWN_PRIORITY:
		ok = is_word(json_string_value(value), shown_priorities);
		break;
	case VISIBILITY:
		ok = is_word(json_string_value(value), visibilities);
		break;
	case OBJ:
	case MAP:
	case BLOCK:
		ok = json_is_object(value);
		break;
	case PRIORITY:
		ok = json_is_string(value) && priority_ok(value);
		break;
	case TTL:
		ok = json_is_string(value) &&
		     sw_sim_fcm_ttl_ok(sw_bytes(json_string_value(value), json_string_length(value)));
		break;
	}
	if (!ok) {
		char text[192];
		snprintf(text, sizeof(text), "Invalid value at '%.96s': expected %s", path, expected[field->kind]);
		return violate(violation, path, text);
	}
	return field->kind == MAP ? check_map(value, path, violation) : SW_OK;
}

/* Recursion is as deep as the tables. */
static int check_block(const json_t *block, const struct field *fields, const char *path,
		       struct sw_sim_fcm_violation *violation)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)block, key, value) {
		const struct field *field = find_field(fields, key);
		char child[96];
		snprintf(child, sizeof(child), "%.47s%s%.47s", path, *path ? "." : "", field ? field->name : key);
		if (!field) {
			char text[192];
			snprintf(text, sizeof(text),
				 "Invalid JSON payload received. Unknown name \"%.47s\" at '%.47s': Cannot find field.",
				 key, path);
			return violate(violation, path, text);
		}
		int err = check_value(field, value, child, violation);
		if (err == SW_OK && field->kind == BLOCK) {
			err = check_block(value, field->fields, child, violation);
		}
		if (err) {
			return err;
		}
	}
	return SW_OK;
}

static int check_data_keys(const json_t *data, struct sw_sim_fcm_violation *violation)
{
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)data, key, value) {
		if (strcmp(key, "from") == 0 || strcmp(key, "message_type") == 0 || strncmp(key, "google", 6) == 0 ||
		    strncmp(key, "gcm", 3) == 0) {
			char text[192];
			snprintf(text, sizeof(text), "Invalid data payload key: %.96s", key);
			return violate(violation, "message.data", text);
		}
	}
	return SW_OK;
}

static int check_target(const json_t *message, struct sw_sim_fcm_message *out, struct sw_sim_fcm_violation *violation)
{
	static const char *const kinds[] = {"token", "topic", "condition"};
	out->target_kind = NULL;
	for (size_t i = 0; i < 3; i++) {
		struct sw_bytes text = get_text(message, kinds[i]);
		if (!text.ptr) {
			continue;
		}
		if (out->target_kind) {
			return violate(violation, "message", "oneof field 'target' is already set.");
		}
		out->target_kind = kinds[i];
		out->target = text;
	}
	if (!out->target_kind) {
		return violate(violation, "message", "Recipient of the message is not set.");
	}
	bool ok = out->target.len > 0 && out->target.len <= 4096;
	for (size_t i = 0; ok && strcmp(out->target_kind, "condition") != 0 && i < out->target.len; i++) {
		uint8_t c = out->target.ptr[i];
		ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		     (c && strchr("-_:.~%", c));
	}
	if (!ok) {
		char field[32];
		snprintf(field, sizeof(field), "message.%s", out->target_kind);
		return violate(violation, field, "The registration token is not a valid FCM registration token");
	}
	return SW_OK;
}

static size_t size_of_texts(const json_t *object)
{
	size_t size = 0;
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size += strlen(key) + json_string_length(value);
	}
	return size;
}

int sw_sim_fcm_check(const json_t *root, struct sw_sim_fcm_message *message_out,
		     struct sw_sim_fcm_violation *violation_out)
{
	if (!json_is_object(root)) {
		return violate(violation_out, "", "Invalid JSON payload received. Expected an object.");
	}
	int err = check_block(root, root_fields, "", violation_out);
	if (err) {
		return err;
	}
	const json_t *message = json_object_get(root, "message");
	if (!message) {
		return violate(violation_out, "message", "The message is not set.");
	}
	const json_t *android = get(message, "android");
	const json_t *android_data = get(android, "data");
	message_out->validate_only = json_is_true(get(root, "validate_only"));
	message_out->data = get(message, "data");
	message_out->collapse_key = get_text(android, "collapse_key");
	err = check_target(message, message_out, violation_out);
	err = err ? err : check_data_keys(message_out->data, violation_out);
	err = err ? err : check_data_keys(android_data, violation_out);
	if (err) {
		return err;
	}
	size_t size = size_of_texts(android_data ? android_data : message_out->data) +
		      size_of_texts(get(message, "notification")) + size_of_texts(get(android, "notification"));
	if (size > (strcmp(message_out->target_kind, "topic") == 0 ? TOPIC_PAYLOAD_MAX : PAYLOAD_MAX)) {
		violate(violation_out, "", "Android message is too big");
		return SW_ELIMIT;
	}
	return SW_OK;
}
