/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of an alert: by which ways, one after the other, it is to reach a person. Read from JSON:
 *   {"steps": [{"socket": true}, {"push": "all"}, {"after_s": 60, "push": "fcm"}, {"after_s": 300, "push": "fallback"}],
 *    "repeat": {"every_s": 600, "times": 2}, "order": "on_call", "next_after_s": 300, "give_up_after_s": 300}
 * or only the list of steps. What comes after a step is a matter of this plan alone. Pure. */
#ifndef SW_ALERT_PLAN_H
#define SW_ALERT_PLAN_H

#include "proto/plan_step.h"

enum {
	SW_ALERT_STEPS_MAX = 32,
	SW_ALERT_ROUNDS_MAX = 100,
	SW_ALERT_GIVE_UP_S = 300,
	SW_ALERT_NEXT_AFTER_S = 300,
};

struct sw_alert_plan {
	struct sw_plan_step steps[SW_ALERT_STEPS_MAX];
	int count;
	int rounds;         /* the steps are taken so many times */
	int64_t every_ms;   /* from the end of one round to the next */
	bool on_call;       /* one person after the other; else all at once */
	int64_t next_ms;    /* on_call: to the next person, whatever became of the first */
	int64_t give_up_ms; /* after the last step */
};

/* SW_EINVAL: the text says which member, and what was expected. providers NULL: any account may be named. */
int sw_alert_plan_parse(const json_t *json, const struct sw_plan_provider *providers, size_t provider_count,
			struct sw_alert_plan *plan_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* The plan with every member written out; owned by the caller (json_decref). */
json_t *sw_alert_plan_json(const struct sw_alert_plan *plan);
bool sw_alert_plan_has_socket(const struct sw_alert_plan *plan);

/* Where the plan is with one person. */
struct sw_alert_place {
	int round;
	int step;  /* the next one to be taken */
	bool last; /* all are taken: what comes next is that it is given up */
};
/* The place after the one that was taken, *wait_ms_out: until then; -1: it was given up. */
struct sw_alert_place sw_alert_plan_next(const struct sw_alert_plan *plan, struct sw_alert_place taken,
					 int64_t *wait_ms_out);

#endif
