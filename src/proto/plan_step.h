/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a plan: by which ways, one after the other, a person is to be reached. Read from JSON, the same for alerts
 * and for messages:
 *   [{"socket": true}, {"push": "all"}, {"after_s": 60, "push": "fcm"}, {"after_s": 300, "push": "fallback"}]
 * Who takes them, and what is around the list, is not known here. Pure; any thread. */
#ifndef SW_PROTO_PLAN_STEP_H
#define SW_PROTO_PLAN_STEP_H

#include <surewire/json.h>

enum {
	SW_PLAN_WAIT_S_MAX = 7 * 24 * 3600,
	SW_PLAN_TARGET_MAX = 64,
};

/* A push provider's account that a plan may name. */
struct sw_plan_provider {
	const char *name;
	bool fallback_only; /* mail and the like */
};

struct sw_plan_step {
	int64_t after_ms; /* since the step before */
	bool socket;      /* a message, live and into the inbox; else pushes … */
	/* … to the devices of an account, or of all that are not only a fallback ("all"), or of those that are ("fallback") */
	char target[SW_PLAN_TARGET_MAX];
};

/* What a list of steps may have in it. */
struct sw_plan_rules {
	const struct sw_plan_provider *providers; /* NULL: any account may be named */
	size_t provider_count;
	size_t steps_max; /* room at steps_out */
	bool sockets;     /* whether a step may be a message */
};

/* A list with at least one step. SW_EINVAL: the text says which member, and what was expected. */
int sw_plan_steps_parse(const json_t *json, const struct sw_plan_rules *rules, struct sw_plan_step *steps_out,
			int *count_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* With every member written out; owned by the caller (json_decref). */
json_t *sw_plan_steps_json(const struct sw_plan_step *steps, int count);
/* Whether a step's pushes go to devices of this account. */
bool sw_plan_step_takes(const struct sw_plan_step *step, const char *provider, bool fallback_only);

/* ---- for what is around the list ---- */

/* SW_EINVAL with "plan: WHERE: expected EXPECTED". */
int sw_plan_refuse(struct sw_diag *diag_out, const char *where, const char *expected);
/* A misspelt member is refused: a plan that means something else than was written is worse than none. names ends with
 * NULL. */
int sw_plan_check_members(const json_t *object, const char *where, const char *const *names,
			  struct sw_diag *diag_out) SW_MUST_CHECK;
/* Whole numbers of a range; what is absent leaves *value_io as it is. */
int sw_plan_take_number(const json_t *value, const char *name, const int64_t range[2], int64_t *value_io,
			struct sw_diag *diag_out) SW_MUST_CHECK;
int sw_plan_take_seconds(const json_t *value, const char *name, int64_t min_s, int64_t *ms_io,
			 struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
