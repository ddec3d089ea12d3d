/* SPDX-License-Identifier: Apache-2.0 */
/* The queues and exchanges of Surewire (the table is topology.def) and the choice of a delay stage.
 * Delays are queues with a fixed time to live, one per stage: a message is published to the stage's exchange with the
 * name of its target queue as routing key, and comes out there when its time is over. */
#ifndef SW_BUS_TOPOLOGY_H
#define SW_BUS_TOPOLOGY_H

#include "bus/bus.h"

enum { SW_PUSH_DELIVERIES_DEFAULT = 21 };

struct sw_topology {
	unsigned ingest_queues;       /* ingest.0 … */
	unsigned mailbox_queues;      /* mailbox.0 … */
	const char *const *providers; /* push.NAME, urgent.NAME */
	size_t provider_count;
	size_t queue_length_max; /* messages, of every queue; > 0, <= INT32_MAX */
	int push_deliveries_max; /* of an envelope of push.NAME or urgent.NAME: then it goes to `dead`; at least 2, 0: the default */
};

/* Declares everything, idempotently. Blocking, one attempt. SW_ECONNECT: no broker; SW_EAUTH: the text says which
 * user; SW_EUNAVAILABLE: it went away or timed out meanwhile; SW_ECONFIG: an existing queue or exchange is different
 * (the text has its name and the broker's words), or the topology itself is unusable. */
int sw_topology_declare(const struct sw_bus_config *config, const struct sw_topology *topology,
			struct sw_diag *diag_out) SW_MUST_CHECK;

enum { SW_RETRY_STAGES = 26, SW_CHECK_STAGES = 13 };

/* Ascending. Exchange and queue of stage i have the same name: "retry.1000". Static strings. */
extern const int sw_retry_delays_ms[SW_RETRY_STAGES];
extern const char *const sw_retry_exchanges[SW_RETRY_STAGES];
extern const int sw_check_delays_ms[SW_CHECK_STAGES];
extern const char *const sw_check_exchanges[SW_CHECK_STAGES];

/* Full jitter: a stage at random (random: 64 fresh bits) among those up to min(6 h, 1 s * 2^attempt), attempt from 0,
 * but never shorter than minimum_ms (the provider's Retry-After); past the ladder its last stage. */
unsigned sw_topology_retry_stage(unsigned attempt, int64_t minimum_ms, uint64_t random);
/* The shortest stage of at least delay_ms; past the ladder its last one. */
unsigned sw_topology_retry_stage_at_least(int64_t delay_ms);
unsigned sw_topology_check_stage_at_least(int64_t delay_ms);
/* The longest stage of at most delay_ms; before the ladder its first one. */
unsigned sw_topology_check_stage_at_most(int64_t delay_ms);

#endif
