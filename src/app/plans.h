/* SPDX-License-Identifier: Apache-2.0 */
/* The [plan.NAME] sections as the mailbox takes them and the gateway offers them. */
#ifndef SW_APP_PLANS_H
#define SW_APP_PLANS_H

#include "app/config.h"
#include "mailbox/mailbox_step.h"

struct sw_plans {
	struct sw_mailbox_plan *plans;
	const char **names;
	size_t count;
	const struct sw_mailbox_plan *usual; /* [mailbox] plan; NULL: not set */
};

/* SW_ECONFIG: the text says which section and what was expected. Names are borrowed from the configuration; the rest is
 * owned (sw_plans_release), also after an error. */
int sw_plans_read(const struct sw_config *config, struct sw_plans *plans_out, struct sw_diag *diag_out) SW_MUST_CHECK;
void sw_plans_release(struct sw_plans *plans);

#endif
