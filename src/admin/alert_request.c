/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/alert_request.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 8 };

struct parse {
	const json_t *root;
	const struct sw_alert_config *config;
	struct sw_arena *arena;
	struct sw_alert_request *out;
	struct sw_diag *diag;
};

static int bad(const struct parse *parse, const char *member, const char *expected)
{
	return sw_diag_set(parse->diag, SW_EINVAL, "the member \"%.64s\": expected %s", member, expected);
}

static int check_members(const struct parse *parse)
{
	static const char *const members[] = {"users", "group",     "severity",   "title", "text",
					      "plan",  "needs_ack", "deadline_s", "from",  "idempotency_key"};
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)parse->root, name, value) {
		bool known = false;
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
			known |= strcmp(name, members[i]) == 0;
		}
		if (!known) {
			return bad(parse, name, "no such member of an alert");
		}
	}
	return SW_OK;
}

/* What is absent is the empty text with a NULL pointer. */
static int take_text(const struct parse *parse, const char *name, size_t bytes_max, struct sw_bytes *text_out)
{
	const json_t *value = json_object_get(parse->root, name);
	struct sw_bytes text = sw_bytes(json_string_value(value), json_string_length(value));
	*text_out = sw_bytes(NULL, 0);
	if (!value) {
		return SW_OK;
	}
	if (!json_is_string(value) || text.len == 0 || text.len > bytes_max || memchr(text.ptr, 0, text.len)) {
		char expected[64];
		snprintf(expected, sizeof(expected), "a text of 1 to %zu bytes", bytes_max);
		return bad(parse, name, expected);
	}
	*text_out = sw_arena_copy(parse->arena, text);
	return SW_OK;
}

static bool has_user(const struct sw_alert_request *request, struct sw_bytes name)
{
	bool has = false;
	for (size_t i = 0; i < request->user_count; i++) {
		has |= sw_bytes_equal(request->users[i], name);
	}
	return has;
}

static int take_users(const struct parse *parse, const json_t *users)
{
	struct sw_alert_request *out = parse->out;
	size_t count = json_array_size(users);
	if (!json_is_array(users) || count == 0 || count > SW_ALERT_PEOPLE_MAX) {
		return bad(parse, "users", "a list of 1 to 1000 names");
	}
	out->users = sw_arena_calloc(parse->arena, count, sizeof(*out->users));
	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_array_get(users, i);
		struct sw_bytes name = sw_bytes(json_string_value(value), json_string_length(value));
		if (!json_is_string(value) || name.len == 0 || name.len > 64 || memchr(name.ptr, 0, name.len)) {
			return bad(parse, "users", "names of users as texts");
		}
		if (has_user(out, name)) {
			return bad(parse, "users", "each name once");
		}
		out->users[out->user_count++] = sw_arena_copy(parse->arena, name);
	}
	return SW_OK;
}

static int take_people(const struct parse *parse)
{
	const json_t *users = json_object_get(parse->root, "users");
	const json_t *group = json_object_get(parse->root, "group");
	uint64_t conv = 0;
	if (!users == !group) {
		return bad(parse, users ? "group" : "users", "either \"users\", a list of names, or \"group\"");
	}
	if (users) {
		return take_users(parse, users);
	}
	if (sw_bytes_to_u64(sw_json_get_str(parse->root, "group"), &conv) != SW_OK || conv == 0 || conv > INT64_MAX) {
		return bad(parse, "group", "the id of a group conversation as text");
	}
	parse->out->group = (int64_t)conv;
	return SW_OK;
}

static int take_severity(const struct parse *parse)
{
	struct sw_bytes severity = sw_json_get_str(parse->root, "severity");
	for (int i = 0; i < SW_ALERT_SEVERITIES; i++) {
		if (sw_bytes_equal_str(severity, sw_alert_severities[i])) {
			parse->out->severity = (enum sw_alert_severity)i;
			return SW_OK;
		}
	}
	return bad(parse, "severity", "low, normal, high or critical");
}

static int take_switches(const struct parse *parse)
{
	struct sw_alert_request *out = parse->out;
	const json_t *needs_ack = json_object_get(parse->root, "needs_ack");
	const json_t *deadline = json_object_get(parse->root, "deadline_s");
	json_int_t seconds = json_integer_value(deadline);
	out->needs_ack = !needs_ack || json_is_true(needs_ack);
	if (needs_ack && !json_is_boolean(needs_ack)) {
		return bad(parse, "needs_ack", "true or false");
	}
	if (deadline && (!json_is_integer(deadline) || seconds < 1 || seconds > SW_PLAN_WAIT_S_MAX)) {
		return bad(parse, "deadline_s", "a whole number of seconds from 1 to 604800");
	}
	out->deadline_ms = (int64_t)seconds * 1000;
	return SW_OK;
}

static int take_plan(const struct parse *parse)
{
	struct sw_alert_request *out = parse->out;
	const struct sw_alert_config *config = parse->config;
	json_t *standard = NULL;
	const json_t *json = json_object_get(parse->root, "plan");
	int err = SW_OK;
	if (!json) {
		err = sw_json_parse(sw_bytes_str(config->plans[out->severity]), DEPTH, &standard, parse->diag);
		json = standard;
	}
	err = err ? err : sw_alert_plan_parse(json, config->providers, config->provider_count, &out->plan, parse->diag);
	json_decref(standard);
	if (err) {
		return SW_EINVAL;
	}
	if (!out->needs_ack && !sw_alert_plan_has_socket(&out->plan)) {
		return bad(
			parse, "needs_ack",
			"true, or a plan with a step {\"socket\": true}: by that message it is known who has seen it");
	}
	json_t *whole = sw_alert_plan_json(&out->plan);
	char *text = json_dumps(whole, JSON_COMPACT);
	out->plan_text = sw_arena_copy(parse->arena, sw_bytes_str(text));
	free(text);
	json_decref(whole);
	return SW_OK;
}

static int take_content(const struct parse *parse)
{
	char *text = json_dumps(parse->root, JSON_COMPACT | JSON_SORT_KEYS);
	uint8_t digest[32];
	if (!text) {
		return bad(parse, "text", "UTF-8");
	}
	sw_hash_sha256(sw_bytes_str(text), digest);
	parse->out->content = sw_uuid_derive("surewire.alert_content", sw_bytes(digest, sizeof(digest)),
					     sw_bytes("", 0));
	free(text);
	return SW_OK;
}

static int take_all(const struct parse *parse)
{
	struct sw_alert_request *out = parse->out;
	int err = check_members(parse);
	err = err ? err : take_people(parse);
	err = err ? err : take_severity(parse);
	err = err ? err : take_text(parse, "title", SW_ALERT_TITLE_MAX, &out->title);
	err = err ? err : take_text(parse, "text", SW_ALERT_TEXT_MAX, &out->text);
	if (!err && !out->title.ptr) {
		return bad(parse, "title", "a text: what the alert is about");
	}
	err = err ? err : take_text(parse, "from", 64, &out->from);
	err = err ? err : take_text(parse, "idempotency_key", SW_ALERT_KEY_MAX, &out->key);
	err = err ? err : take_switches(parse);
	err = err ? err : take_plan(parse);
	out->text = out->text.ptr ? out->text : sw_bytes("", 0);
	out->from = out->from.ptr ? out->from : sw_bytes_str(parse->config->from);
	return err ? err : take_content(parse);
}

int sw_alert_request_parse(struct sw_bytes body, const struct sw_alert_config *config, struct sw_arena *arena,
			   struct sw_alert_request *request_out, struct sw_diag *diag_out)
{
	json_t *root = NULL;
	struct sw_diag why = {0};
	*request_out = (struct sw_alert_request){0};
	if (sw_json_parse(body, DEPTH, &root, &why) != SW_OK || !json_is_object(root)) {
		json_decref(root);
		return sw_diag_set(diag_out, SW_EINVAL, "the body: expected one JSON object%s%.100s",
				   why.text[0] ? ": " : "", why.text);
	}
	const struct parse parse = {root, config, arena, request_out, diag_out};
	int err = take_all(&parse);
	json_decref(root);
	return err;
}
