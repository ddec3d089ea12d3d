/* SPDX-License-Identifier: Apache-2.0 */
#include "app/plans.h"

#include <surewire/buf.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 4, NAMES_BYTES_MAX = 2048 };

static int read_steps(const char *text, const struct sw_plan_rules *rules, struct sw_mailbox_plan *plan,
		      struct sw_diag *why)
{
	json_t *json = NULL;
	int err = sw_json_parse(sw_bytes_str(text), DEPTH_MAX, &json, why);
	err = err ? err : sw_plan_steps_parse(json, rules, plan->steps, &plan->count, why);
	json_decref(json);
	if (!err && plan->steps[0].after_ms) {
		err = sw_plan_refuse(why, "steps[0]: after_s",
				     "none: the first step is taken at once, or after [mailbox] ack_timeout");
	}
	return err;
}

static int read_all(const struct sw_config *config, struct sw_plans *plans, struct sw_diag *diag_out)
{
	struct sw_plan_provider *providers = sw_xcalloc(config->push_count + 1, sizeof(*providers));
	const struct sw_plan_rules rules = {providers, config->push_count, SW_MAILBOX_STEPS_MAX, false};
	int err = SW_OK;
	for (size_t i = 0; i < config->push_count; i++) {
		providers[i] = (struct sw_plan_provider){config->push[i].name, config->push[i].ops->fallback_only};
	}
	for (size_t i = 0; i < config->plan_count && !err; i++) {
		struct sw_diag why = {0};
		plans->plans[i].name = plans->names[i] = config->plans[i].name;
		if (read_steps(config->plans[i].steps, &rules, &plans->plans[i], &why)) {
			err = sw_diag_set(diag_out, SW_ECONFIG, "[plan.%s]: %s", config->plans[i].name, why.text);
		}
	}
	free(providers);
	return err;
}

static int refuse_name(const struct sw_plans *plans, const char *got, struct sw_diag *diag_out)
{
	struct sw_buf names;
	sw_buf_init(&names, NAMES_BYTES_MAX);
	for (size_t i = 0; i < plans->count; i++) {
		sw_buf_printf(&names, "%s%s", i ? ", " : "one of ", plans->names[i]);
	}
	int err = sw_diag_set(diag_out, SW_ECONFIG, "[mailbox] plan: expected %s, got \"%.40s\"",
			      plans->count ? sw_buf_cstr(&names) : "nothing, since there is no section [plan.NAME]",
			      got);
	sw_buf_release(&names);
	return err;
}

static int choose(const struct sw_config *config, struct sw_plans *plans, struct sw_diag *diag_out)
{
	for (size_t i = 0; i < plans->count; i++) {
		if (strcmp(plans->names[i], config->mailbox.plan) == 0) {
			plans->usual = &plans->plans[i];
		}
	}
	return config->mailbox.plan[0] && !plans->usual ? refuse_name(plans, config->mailbox.plan, diag_out) : SW_OK;
}

int sw_plans_read(const struct sw_config *config, struct sw_plans *plans_out, struct sw_diag *diag_out)
{
	*plans_out = (struct sw_plans){.plans = sw_xcalloc(config->plan_count + 1, sizeof(*plans_out->plans)),
				       .names = sw_xcalloc(config->plan_count + 1, sizeof(*plans_out->names)),
				       .count = config->plan_count};
	int err = read_all(config, plans_out, diag_out);
	return err ? err : choose(config, plans_out, diag_out);
}

void sw_plans_release(struct sw_plans *plans)
{
	free(plans->plans);
	free(plans->names);
}
