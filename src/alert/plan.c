/* SPDX-License-Identifier: Apache-2.0 */
/* A misspelt member is refused: a plan that means something else than was written is worse than none. */
#include "alert/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct parse {
	const struct sw_alert_provider *providers;
	size_t provider_count;
	struct sw_diag *diag;
};

static int bad(const struct parse *parse, const char *where, const char *expected)
{
	return sw_diag_set(parse->diag, SW_EINVAL, "plan: %.100s: expected %s", where, expected);
}

/* Whole numbers of a range; what is absent leaves *value_io as it is. */
static int take_number(const struct parse *parse, const json_t *value, const char *name, int64_t range[2],
		       int64_t *value_io)
{
	char expected[80];
	if (!value) {
		return SW_OK;
	}
	if (!json_is_integer(value) || json_integer_value(value) < range[0] || json_integer_value(value) > range[1]) {
		snprintf(expected, sizeof(expected), "a whole number from %" PRId64 " to %" PRId64, range[0], range[1]);
		return bad(parse, name, expected);
	}
	*value_io = json_integer_value(value);
	return SW_OK;
}

static int take_seconds(const struct parse *parse, const json_t *value, const char *name, int64_t min_s, int64_t *ms_io)
{
	int64_t seconds = *ms_io / 1000;
	int err = take_number(parse, value, name, (int64_t[2]){min_s, SW_ALERT_WAIT_S_MAX}, &seconds);
	*ms_io = seconds * 1000;
	return err;
}

static int check_members(const struct parse *parse, const json_t *object, const char *where, const char *const *names)
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
			return bad(parse, text, "no such member");
		}
	}
	return SW_OK;
}

static bool is_target(const struct parse *parse, const char *name)
{
	bool known = !parse->providers || strcmp(name, "all") == 0 || strcmp(name, "fallback") == 0;
	for (size_t i = 0; i < parse->provider_count; i++) {
		known |= strcmp(parse->providers[i].name, name) == 0;
	}
	return known && strlen(name) < SW_ALERT_INSTANCE_MAX;
}

static int take_step(const struct parse *parse, const json_t *value, int index, struct sw_alert_step *step_out)
{
	static const char *const members[] = {"after_s", "socket", "push", NULL};
	char where[32];
	snprintf(where, sizeof(where), "steps[%d]", index);
	*step_out = (struct sw_alert_step){0};
	if (!json_is_object(value)) {
		return bad(parse, where, "an object");
	}
	int err = check_members(parse, value, where, members);
	err = err ? err : take_seconds(parse, json_object_get(value, "after_s"), "after_s", 0, &step_out->after_ms);
	const json_t *socket = json_object_get(value, "socket");
	const json_t *push = json_object_get(value, "push");
	if (!err && (!socket == !push || (socket && !json_is_true(socket)) || (push && !json_is_string(push)))) {
		return bad(parse, where,
			   "either \"socket\": true or \"push\": \"all\", \"fallback\" or a push account");
	}
	step_out->socket = socket != NULL;
	if (!err && push && !is_target(parse, json_string_value(push))) {
		return bad(parse, where,
			   "\"all\", \"fallback\" or the name of a push account of this server as \"push\"");
	}
	if (!err && push) {
		snprintf(step_out->target, sizeof(step_out->target), "%s", json_string_value(push));
	}
	return err;
}

static int take_steps(const struct parse *parse, const json_t *steps, struct sw_alert_plan *plan)
{
	size_t count = json_array_size(steps);
	if (!json_is_array(steps) || count == 0 || count > SW_ALERT_STEPS_MAX) {
		return bad(parse, "steps", "a list of 1 to 32 steps");
	}
	int err = SW_OK;
	for (size_t i = 0; i < count && !err; i++) {
		err = take_step(parse, json_array_get(steps, i), (int)i, &plan->steps[i]);
	}
	plan->count = (int)count;
	return err;
}

static int take_repeat(const struct parse *parse, const json_t *repeat, struct sw_alert_plan *plan)
{
	static const char *const members[] = {"every_s", "times", NULL};
	if (!repeat) {
		return SW_OK;
	}
	if (!json_is_object(repeat) || !json_object_get(repeat, "every_s") || !json_object_get(repeat, "times")) {
		return bad(parse, "repeat", "{\"every_s\": …, \"times\": …}");
	}
	int64_t rounds = 1;
	int err = check_members(parse, repeat, "repeat", members);
	err = err ? err : take_seconds(parse, json_object_get(repeat, "every_s"), "every_s", 1, &plan->every_ms);
	err = err ? err
		  : take_number(parse, json_object_get(repeat, "times"), "times",
				(int64_t[2]){1, SW_ALERT_ROUNDS_MAX - 1}, &rounds);
	plan->rounds = err ? 1 : (int)rounds + 1;
	return err;
}

static int take_order(const struct parse *parse, const json_t *json, struct sw_alert_plan *plan)
{
	const json_t *order = json_object_get(json, "order");
	const char *text = json_string_value(order);
	if (order && (!text || (strcmp(text, "all") != 0 && strcmp(text, "on_call") != 0))) {
		return bad(parse, "order", "\"all\" or \"on_call\"");
	}
	plan->on_call = text && strcmp(text, "on_call") == 0;
	return take_seconds(parse, json_object_get(json, "next_after_s"), "next_after_s", 1, &plan->next_ms);
}

int sw_alert_plan_parse(const json_t *json, const struct sw_alert_provider *providers, size_t provider_count,
			struct sw_alert_plan *plan_out, struct sw_diag *diag_out)
{
	static const char *const members[] = {"steps", "repeat", "order", "next_after_s", "give_up_after_s", NULL};
	const struct parse parse = {providers, provider_count, diag_out};
	*plan_out = (struct sw_alert_plan){.rounds = 1,
					   .next_ms = SW_ALERT_NEXT_AFTER_S * INT64_C(1000),
					   .give_up_ms = SW_ALERT_GIVE_UP_S * INT64_C(1000)};
	if (json_is_array(json)) {
		return take_steps(&parse, json, plan_out);
	}
	if (!json_is_object(json)) {
		return bad(&parse, "it", "a list of steps, or {\"steps\": […], …}");
	}
	int err = check_members(&parse, json, "it", members);
	err = err ? err : take_steps(&parse, json_object_get(json, "steps"), plan_out);
	err = err ? err : take_repeat(&parse, json_object_get(json, "repeat"), plan_out);
	err = err ? err : take_order(&parse, json, plan_out);
	return err ? err
		   : take_seconds(&parse, json_object_get(json, "give_up_after_s"), "give_up_after_s", 0,
				  &plan_out->give_up_ms);
}

static json_t *step_json(const struct sw_alert_step *step)
{
	json_t *json = json_pack("{s:I}", "after_s", (json_int_t)(step->after_ms / 1000));
	json_object_set_new(json, step->socket ? "socket" : "push",
			    step->socket ? json_true() : json_string(step->target));
	return json;
}

json_t *sw_alert_plan_json(const struct sw_alert_plan *plan)
{
	json_t *steps = json_array();
	for (int i = 0; i < plan->count; i++) {
		json_array_append_new(steps, step_json(&plan->steps[i]));
	}
	json_t *json = json_pack("{s:o,s:s,s:I,s:I}", "steps", steps, "order", plan->on_call ? "on_call" : "all",
				 "next_after_s", (json_int_t)(plan->next_ms / 1000), "give_up_after_s",
				 (json_int_t)(plan->give_up_ms / 1000));
	if (plan->rounds > 1) {
		json_object_set_new(json, "repeat",
				    json_pack("{s:I,s:i}", "every_s", (json_int_t)(plan->every_ms / 1000), "times",
					      plan->rounds - 1));
	}
	return json;
}

bool sw_alert_plan_has_socket(const struct sw_alert_plan *plan)
{
	bool has = false;
	for (int i = 0; i < plan->count; i++) {
		has |= plan->steps[i].socket;
	}
	return has;
}

bool sw_alert_step_takes(const struct sw_alert_step *step, const struct sw_alert_provider *provider)
{
	if (step->socket) {
		return false;
	}
	if (strcmp(step->target, "all") == 0) {
		return !provider->fallback_only;
	}
	return strcmp(step->target, "fallback") == 0 ? provider->fallback_only
						     : strcmp(step->target, provider->name) == 0;
}

struct sw_alert_place sw_alert_plan_next(const struct sw_alert_plan *plan, struct sw_alert_place taken,
					 int64_t *wait_ms_out)
{
	if (taken.last) {
		*wait_ms_out = -1;
		return taken;
	}
	struct sw_alert_place next = {taken.round, taken.step + 1, false};
	if (next.step < plan->count) {
		*wait_ms_out = plan->steps[next.step].after_ms;
	} else if (next.round + 1 < plan->rounds) {
		next = (struct sw_alert_place){next.round + 1, 0, false};
		*wait_ms_out = plan->every_ms + plan->steps[0].after_ms;
	} else {
		next.last = true;
		*wait_ms_out = plan->give_up_ms;
	}
	return next;
}
