/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/plan_step.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int sw_plan_refuse(struct sw_diag *diag_out, const char *where, const char *expected)
{
	return sw_diag_set(diag_out, SW_EINVAL, "plan: %.100s: expected %s", where, expected);
}

int sw_plan_take_number(const json_t *value, const char *name, const int64_t range[2], int64_t *value_io,
			struct sw_diag *diag_out)
{
	char expected[80];
	if (!value) {
		return SW_OK;
	}
	if (!json_is_integer(value) || json_integer_value(value) < range[0] || json_integer_value(value) > range[1]) {
		snprintf(expected, sizeof(expected), "a whole number from %" PRId64 " to %" PRId64, range[0], range[1]);
		return sw_plan_refuse(diag_out, name, expected);
	}
	*value_io = json_integer_value(value);
	return SW_OK;
}

int sw_plan_take_seconds(const json_t *value, const char *name, int64_t min_s, int64_t *ms_io, struct sw_diag *diag_out)
{
	int64_t seconds = *ms_io / 1000;
	int err = sw_plan_take_number(value, name, (int64_t[2]){min_s, SW_PLAN_WAIT_S_MAX}, &seconds, diag_out);
	*ms_io = seconds * 1000;
	return err;
}

int sw_plan_check_members(const json_t *object, const char *where, const char *const *names, struct sw_diag *diag_out)
{
	const char *name;
	json_t *value;
	char text[160];
	json_object_foreach ((json_t *)object, name, value) {
		const char *const *known = names;
		while (*known && strcmp(*known, name) != 0) {
			known++;
		}
		if (!*known) {
			snprintf(text, sizeof(text), "%s: \"%.40s\"", where, name);
			return sw_plan_refuse(diag_out, text, "no such member");
		}
	}
	return SW_OK;
}

static bool is_target(const struct sw_plan_rules *rules, const char *name)
{
	bool known = !rules->providers || strcmp(name, "all") == 0 || strcmp(name, "fallback") == 0;
	for (size_t i = 0; i < rules->provider_count; i++) {
		known |= strcmp(rules->providers[i].name, name) == 0;
	}
	return known && strlen(name) < SW_PLAN_TARGET_MAX;
}

/* Which way it is: exactly one of the two members, as far as both are allowed. */
static int check_way(const struct sw_plan_rules *rules, const json_t *value, const char *where,
		     struct sw_diag *diag_out)
{
	const json_t *socket = json_object_get(value, "socket");
	const json_t *push = json_object_get(value, "push");
	if (!rules->sockets && (socket || !json_is_string(push))) {
		return sw_plan_refuse(diag_out, where, "\"push\": \"all\", \"fallback\" or a push account");
	}
	if (!socket == !push || (socket && !json_is_true(socket)) || (push && !json_is_string(push))) {
		return sw_plan_refuse(diag_out, where,
				      "either \"socket\": true or \"push\": \"all\", \"fallback\" or a push account");
	}
	if (push && !is_target(rules, json_string_value(push))) {
		return sw_plan_refuse(diag_out, where,
				      "\"all\", \"fallback\" or the name of a push account of this server as \"push\"");
	}
	return SW_OK;
}

static int take_step(const struct sw_plan_rules *rules, const json_t *value, int index, struct sw_plan_step *step_out,
		     struct sw_diag *diag_out)
{
	static const char *const members[] = {"after_s", "socket", "push", NULL};
	char where[32];
	snprintf(where, sizeof(where), "steps[%d]", index);
	*step_out = (struct sw_plan_step){0};
	if (!json_is_object(value)) {
		return sw_plan_refuse(diag_out, where, "an object");
	}
	int err = sw_plan_check_members(value, where, members, diag_out);
	err = err ? err
		  : sw_plan_take_seconds(json_object_get(value, "after_s"), "after_s", 0, &step_out->after_ms,
					 diag_out);
	err = err ? err : check_way(rules, value, where, diag_out);
	if (err) {
		return err;
	}
	step_out->socket = json_object_get(value, "socket") != NULL;
	if (!step_out->socket) {
		snprintf(step_out->target, sizeof(step_out->target), "%s",
			 json_string_value(json_object_get(value, "push")));
	}
	return SW_OK;
}

int sw_plan_steps_parse(const json_t *json, const struct sw_plan_rules *rules, struct sw_plan_step *steps_out,
			int *count_out, struct sw_diag *diag_out)
{
	size_t count = json_array_size(json);
	if (!json_is_array(json) || count == 0 || count > rules->steps_max) {
		char expected[48];
		snprintf(expected, sizeof(expected), "a list of 1 to %zu steps", rules->steps_max);
		return sw_plan_refuse(diag_out, "steps", expected);
	}
	int err = SW_OK;
	for (size_t i = 0; i < count && !err; i++) {
		err = take_step(rules, json_array_get(json, i), (int)i, &steps_out[i], diag_out);
	}
	*count_out = (int)count;
	return err;
}

static json_t *step_json(const struct sw_plan_step *step)
{
	json_t *json = json_pack("{s:I}", "after_s", (json_int_t)(step->after_ms / 1000));
	json_object_set_new(json, step->socket ? "socket" : "push",
			    step->socket ? json_true() : json_string(step->target));
	return json;
}

json_t *sw_plan_steps_json(const struct sw_plan_step *steps, int count)
{
	json_t *json = json_array();
	for (int i = 0; i < count; i++) {
		json_array_append_new(json, step_json(&steps[i]));
	}
	return json;
}

bool sw_plan_step_takes(const struct sw_plan_step *step, const char *provider, bool fallback_only)
{
	if (step->socket) {
		return false;
	}
	if (strcmp(step->target, "all") == 0) {
		return !fallback_only;
	}
	return strcmp(step->target, "fallback") == 0 ? fallback_only : strcmp(step->target, provider) == 0;
}
