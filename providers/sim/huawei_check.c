/* SPDX-License-Identifier: Apache-2.0 */
/* Fields are known by tables; what is not known is refused, so that a typing error does not go unseen. */
#include "sim/huawei_check.h"

#include <stdio.h>
#include <string.h>

#define CODE_PARAMETER "80100001"
#define CODE_STRUCTURE "80100003"
#define CODE_EXPIRY "80100004"
#define CODE_COLLAPSE "80100013"
#define CODE_SIZE "80300008"
#define CODE_TOKENS "80300010"
#define CODE_TEST_TOKENS "80300030"

enum { BODY_MAX = 4096, TOKENS_MAX = 1000, TEST_TOKENS_MAX = 10, TTL_MAX_S = 1296000, DATA_DEPTH_MAX = 8 };

enum kind { STR, BOOL, INT, ARR, OBJ, BLOCK };

struct field {
	const char *name;
	enum kind kind;
	const struct field *fields; /* BLOCK */
};

static const struct field click_fields[] = {
	{"type", INT, NULL}, {"intent", STR, NULL}, {"url", STR, NULL}, {"action", STR, NULL}, {0}};
static const struct field badge_fields[] = {{"add_num", INT, NULL}, {"set_num", INT, NULL}, {"class", STR, NULL}, {0}};
static const struct field notification_fields[] = {
	{"title", STR, NULL}, {"body", STR, NULL}, {"image", STR, NULL}, {0}};
static const struct field android_notification_fields[] = {{"title", STR, NULL},
							   {"body", STR, NULL},
							   {"icon", STR, NULL},
							   {"color", STR, NULL},
							   {"sound", STR, NULL},
							   {"default_sound", BOOL, NULL},
							   {"tag", STR, NULL},
							   {"click_action", BLOCK, click_fields},
							   {"channel_id", STR, NULL},
							   {"notify_summary", STR, NULL},
							   {"image", STR, NULL},
							   {"style", INT, NULL},
							   {"big_title", STR, NULL},
							   {"big_body", STR, NULL},
							   {"notify_id", INT, NULL},
							   {"group", STR, NULL},
							   {"badge", BLOCK, badge_fields},
							   {"importance", STR, NULL},
							   {"visibility", STR, NULL},
							   {"foreground_show", BOOL, NULL},
							   {0}};
static const struct field android_fields[] = {{"collapse_key", INT, NULL},
					      {"urgency", STR, NULL},
					      {"category", STR, NULL},
					      {"ttl", STR, NULL},
					      {"bi_tag", STR, NULL},
					      {"receipt_id", STR, NULL},
					      {"target_user_type", INT, NULL},
					      {"data", STR, NULL},
					      {"notification", BLOCK, android_notification_fields},
					      {0}};
static const struct field message_fields[] = {{"token", ARR, NULL},
					      {"topic", STR, NULL},
					      {"condition", STR, NULL},
					      {"data", STR, NULL},
					      {"notification", BLOCK, notification_fields},
					      {"android", BLOCK, android_fields},
					      {"apns", OBJ, NULL},
					      {"webpush", OBJ, NULL},
					      {0}};
static const struct field root_fields[] = {{"validate_only", BOOL, NULL}, {"message", BLOCK, message_fields}, {0}};

static int violate(struct sw_sim_huawei_violation *violation, const char *code, const char *text)
{
	violation->code = code;
	snprintf(violation->text, sizeof(violation->text), "%s", text);
	return SW_EINVAL;
}

static bool is_kind(enum kind kind, const json_t *value)
{
	switch (kind) {
	case STR:
		return json_is_string(value);
	case BOOL:
		return json_is_boolean(value);
	case INT:
		return json_is_integer(value);
	case ARR:
		return json_is_array(value);
	case OBJ:
	case BLOCK:
		return json_is_object(value);
	}
	return false;
}

/* Recursion is as deep as the tables. */
static int check_block(const json_t *block, const struct field *fields, struct sw_sim_huawei_violation *violation)
{
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)block, name, value) {
		const struct field *field = fields;
		while (field->name && strcmp(field->name, name) != 0) {
			field++;
		}
		if (!field->name || !is_kind(field->kind, value)) {
			char text[128];
			snprintf(text, sizeof(text), "Illegal payload, %s %.64s.",
				 field->name ? "wrong type of" : "unknown field", name);
			return violate(violation, CODE_STRUCTURE, text);
		}
		int err = field->kind == BLOCK ? check_block(value, field->fields, violation) : SW_OK;
		if (err) {
			return err;
		}
	}
	return SW_OK;
}

bool sw_sim_huawei_token_ok(const json_t *token)
{
	size_t len = json_string_length(token);
	return len > 0 && len <= BODY_MAX &&
	       strspn(json_string_value(token),
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:.~%+/=") == len;
}

static int check_tokens(const json_t *tokens, bool test, struct sw_sim_huawei_violation *violation)
{
	size_t count = json_array_size(tokens);
	if (count < 1 || count > TOKENS_MAX) {
		return violate(violation, CODE_TOKENS, "token count should within 1 and 1000.");
	}
	if (test && count > TEST_TOKENS_MAX) {
		return violate(violation, CODE_TEST_TOKENS, "When send test message, token count exceed limit.");
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *token = json_array_get(tokens, i);
		if (!json_is_string(token)) {
			return violate(violation, CODE_STRUCTURE, "Illegal payload, token is no text.");
		}
		for (size_t j = 0; j < i; j++) {
			if (json_equal(token, json_array_get(tokens, j))) {
				return violate(violation, CODE_PARAMETER, "Check Parameter Error. Duplicate tokens.");
			}
		}
	}
	return SW_OK;
}

static int check_target(const json_t *message, struct sw_sim_huawei_message *out,
			struct sw_sim_huawei_violation *violation)
{
	const json_t *android = json_object_get(message, "android");
	struct sw_bytes topic = sw_json_get_str(message, "topic");
	struct sw_bytes condition = sw_json_get_str(message, "condition");
	out->tokens = json_object_get(message, "token");
	if ((out->tokens != NULL) + (topic.ptr != NULL) + (condition.ptr != NULL) != 1) {
		return violate(violation, CODE_STRUCTURE,
			       "Illegal payload, exactly one of token, topic and condition is needed.");
	}
	if (!out->tokens) {
		out->target = topic.ptr ? topic : condition;
		return SW_OK;
	}
	bool test = json_integer_value(json_object_get(android, "target_user_type")) == 1;
	int err = check_tokens(out->tokens, test, violation);
	if (!err) {
		const json_t *first = json_array_get(out->tokens, 0);
		out->target = sw_bytes(json_string_value(first), json_string_length(first));
	}
	return err;
}

/* Seconds with or without the unit, 1 to fifteen days. */
static bool ttl_ok(struct sw_bytes ttl)
{
	uint64_t seconds;
	ttl.len -= ttl.len > 0 && ttl.ptr[ttl.len - 1] == 's';
	return sw_bytes_to_u64(ttl, &seconds) == SW_OK && seconds >= 1 && seconds <= TTL_MAX_S;
}

static int check_android(const json_t *android, struct sw_sim_huawei_violation *violation)
{
	struct sw_bytes urgency = sw_json_get_str(android, "urgency");
	const json_t *collapse = json_object_get(android, "collapse_key");
	const json_t *ttl = json_object_get(android, "ttl");
	if (urgency.ptr && !sw_bytes_equal_str(urgency, "HIGH") && !sw_bytes_equal_str(urgency, "NORMAL")) {
		return violate(violation, CODE_PARAMETER, "Check Parameter Error. urgency.");
	}
	if (ttl && !ttl_ok(sw_json_get_str(android, "ttl"))) {
		return violate(violation, CODE_EXPIRY, "Illegal expire time.");
	}
	if (collapse && (json_integer_value(collapse) < -1 || json_integer_value(collapse) > 100)) {
		return violate(violation, CODE_COLLAPSE, "Illegal collapse_key.");
	}
	return SW_OK;
}

static bool click_ok(const json_t *click)
{
	switch (json_integer_value(json_object_get(click, "type"))) {
	case 1:
		return sw_json_get_str(click, "intent").len || sw_json_get_str(click, "action").len;
	case 2:
		return sw_json_get_str(click, "url").len > 0;
	case 3:
		return true;
	default:
		return false;
	}
}

static bool badge_ok(const json_t *badge)
{
	const json_t *set = json_object_get(badge, "set_num");
	const json_t *add = json_object_get(badge, "add_num");
	return (!set || (json_integer_value(set) >= 0 && json_integer_value(set) < 100)) &&
	       (!add || (json_integer_value(add) > 0 && json_integer_value(add) < 100));
}

static bool is_json(struct sw_bytes text)
{
	json_t *value = NULL;
	bool ok = sw_json_parse(text, DATA_DEPTH_MAX, &value, NULL) == SW_OK;
	json_decref(value);
	return ok;
}

static int check_content(const json_t *message, struct sw_sim_huawei_violation *violation)
{
	const json_t *common = json_object_get(message, "notification");
	const json_t *own = json_object_get(json_object_get(message, "android"), "notification");
	struct sw_bytes data = sw_json_get_str(message, "data");
	if (!common && !own) {
		return data.len ? SW_OK
				: violate(violation, CODE_STRUCTURE, "Illegal payload, neither data nor notification.");
	}
	if (!click_ok(json_object_get(own, "click_action"))) {
		return violate(violation, CODE_STRUCTURE, "Illegal payload, click_action.");
	}
	if (!badge_ok(json_object_get(own, "badge"))) {
		return violate(violation, CODE_PARAMETER, "Check Parameter Error. badge.");
	}
	bool titled = sw_json_get_str(common, "title").len || sw_json_get_str(own, "title").len;
	bool bodied = sw_json_get_str(common, "body").len || sw_json_get_str(own, "body").len;
	if (!titled || !bodied) {
		return violate(violation, CODE_STRUCTURE, "Illegal payload, title and body.");
	}
	return !data.ptr || is_json(data)
		     ? SW_OK
		     : violate(violation, CODE_STRUCTURE, "Illegal payload, data of a notification is no JSON.");
}

static size_t size_of_tokens(const json_t *tokens)
{
	size_t size = 0;
	for (size_t i = 0; i < json_array_size(tokens); i++) {
		size += json_string_length(json_array_get(tokens, i));
	}
	return size;
}

int sw_sim_huawei_check(const json_t *root, size_t body_bytes, struct sw_sim_huawei_message *message_out,
			struct sw_sim_huawei_violation *violation_out)
{
	const json_t *message = json_object_get(root, "message");
	if (!json_is_object(root) || !message) {
		return violate(violation_out, CODE_STRUCTURE, "Illegal payload, no message.");
	}
	const json_t *android = json_object_get(message, "android");
	int err = check_block(root, root_fields, violation_out);
	err = err ? err : check_target(message, message_out, violation_out);
	err = err ? err : check_android(android, violation_out);
	err = err ? err : check_content(message, violation_out);
	if (!err && body_bytes > BODY_MAX + size_of_tokens(message_out->tokens)) {
		err = violate(violation_out, CODE_SIZE, "Push message size is too long.");
	}
	if (!err) {
		message_out->validate_only = json_is_true(json_object_get(root, "validate_only"));
		message_out->tag = sw_json_get_str(json_object_get(android, "notification"), "tag");
	}
	return err;
}
