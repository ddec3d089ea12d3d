/* SPDX-License-Identifier: Apache-2.0 */
#include "alert/plan.h"

#include <string.h>

static int take_repeat(const json_t *repeat, struct sw_alert_plan *plan, struct sw_diag *diag_out)
{
	static const char *const members[] = {"every_s", "times", NULL};
	if (!repeat) {
		return SW_OK;
	}
	if (!json_is_object(repeat) || !json_object_get(repeat, "every_s") || !json_object_get(repeat, "times")) {
		return sw_plan_refuse(diag_out, "repeat", "{\"every_s\": …, \"times\": …}");
	}
	int64_t rounds = 1;
	int err = sw_plan_check_members(repeat, "repeat", members, diag_out);
	err = err ? err
		  : sw_plan_take_seconds(json_object_get(repeat, "every_s"), "every_s", 1, &plan->every_ms, diag_out);
	err = err ? err
		  : sw_plan_take_number(json_object_get(repeat, "times"), "times",
					(int64_t[2]){1, SW_ALERT_ROUNDS_MAX - 1}, &rounds, diag_out);
	plan->rounds = err ? 1 : (int)rounds + 1;
	return err;
}

static int take_order(const json_t *json, struct sw_alert_plan *plan, struct sw_diag *diag_out)
{
	const json_t *order = json_object_get(json, "order");
	const char *text = json_string_value(order);
	if (order && (!text || (strcmp(text, "all") != 0 && strcmp(text, "on_call") != 0))) {
		return sw_plan_refuse(diag_out, "order", "\"all\" or \"on_call\"");
	}
	plan->on_call = text && strcmp(text, "on_call") == 0;
	return sw_plan_take_seconds(json_object_get(json, "next_after_s"), "next_after_s", 1, &plan->next_ms, diag_out);
}

int sw_alert_plan_parse(const json_t *json, const struct sw_plan_provider *providers, size_t provider_count,
			struct sw_alert_plan *plan_out, struct sw_diag *diag_out)
{
	static const char *const members[] = {"steps", "repeat", "order", "next_after_s", "give_up_after_s", NULL};
	const struct sw_plan_rules rules = {providers, provider_count, SW_ALERT_STEPS_MAX, true};
	*plan_out = (struct sw_alert_plan){.rounds = 1,
					   .next_ms = SW_ALERT_NEXT_AFTER_S * INT64_C(1000),
					   .give_up_ms = SW_ALERT_GIVE_UP_S * INT64_C(1000)};
	if (json_is_array(json)) {
		return sw_plan_steps_parse(json, &rules, plan_out->steps, &plan_out->count, diag_out);
	}
	if (!json_is_object(json)) {
		return sw_plan_refuse(diag_out, "it", "a list of steps, or {\"steps\": […], …}");
	}
	int err = sw_plan_check_members(json, "it", members, diag_out);
	err = err ? err
		  : sw_plan_steps_parse(json_object_get(json, "steps"), &rules, plan_out->steps, &plan_out->count,
					diag_out);
	err = err ? err : take_repeat(json_object_get(json, "repeat"), plan_out, diag_out);
	err = err ? err : take_order(json, plan_out, diag_out);
	return err ? err
		   : sw_plan_take_seconds(json_object_get(json, "give_up_after_s"), "give_up_after_s", 0,
					  &plan_out->give_up_ms, diag_out);
}

json_t *sw_alert_plan_json(const struct sw_alert_plan *plan)
{
	json_t *json = json_pack("{s:o,s:s,s:I,s:I}", "steps", sw_plan_steps_json(plan->steps, plan->count), "order",
				 plan->on_call ? "on_call" : "all", "next_after_s", (json_int_t)(plan->next_ms / 1000),
				 "give_up_after_s", (json_int_t)(plan->give_up_ms / 1000));
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
