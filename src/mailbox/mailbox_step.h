/* SPDX-License-Identifier: Apache-2.0 */
/* The user's step of the writer engine: append (inbox rows), track (cursors, sessions, devices, presence), route (live to
 * the nodes that hold the user's sessions, or pushes; and the check that somebody acked). The only writer of inbox,
 * device, ledger, preference, session, push_plan and plan_step. Since all that concerns a user passes here one after the
 * other, a message and the closing of a socket cannot cross. */
#ifndef SW_MAILBOX_STEP_H
#define SW_MAILBOX_STEP_H

#include "proto/plan_step.h"
#include "writer/step.h"

/* A provider instance that devices may name. */
struct sw_mailbox_provider {
	const char *name;
	bool fallback_only;
	bool clears; /* a silent push takes back what it showed */
};

enum { SW_MAILBOX_STEPS_MAX = 8 };

/* By which ways a person is told of a message that nobody acks. */
struct sw_mailbox_plan {
	const char *name;
	struct sw_plan_step steps[SW_MAILBOX_STEPS_MAX]; /* the first without delay, none with a socket */
	int count;
};

struct sw_mailbox_config {
	size_t users_max;       /* kept in the cache */
	size_t devices_max;     /* of a user */
	size_t preferences_max; /* of a user: the default and single conversations */
	int64_t ack_timeout_ms; /* unacked for so long: pushed as if offline */
	int64_t push_ttl_ms;    /* a push is worthless after */
	int64_t clear_delay_ms; /* what was read within is taken back together */
	bool keeps_ledger;      /* steps of cursors are recorded */
	const struct sw_mailbox_provider *providers;
	size_t provider_count;
	const struct sw_mailbox_plan *plans; /* that people may choose; at most INT8_MAX */
	size_t plan_count;
	const struct sw_mailbox_plan *plan; /* of those who have not; NULL: one push to all devices */
};

extern const struct sw_step_ops sw_mailbox_step;

#endif
