/* SPDX-License-Identifier: Apache-2.0 */
/* A dead letter on its way again: as a job of its own, so that its attempts are told apart from the old ones. */
#ifndef SW_ADMIN_REPLAY_H
#define SW_ADMIN_REPLAY_H

#include "bus/ticket.h"
#include "proto/envelope.h"

/* SW_OK when payload is exactly one JOB item; runs are borrowed from it. */
int sw_replay_read(struct sw_bytes payload, struct sw_arena *arena, struct sw_item *item_out) SW_MUST_CHECK;

struct sw_replay {
	struct sw_uuid job;
	char routing_key[SW_BUS_NAME_MAX]; /* push.<provider>, of an alert urgent.<provider> */
	struct sw_blob *envelope;          /* one reference, the caller's */
};
/* job: the id of the replay. The new job is created now, may be tried until now_ms + age_ms, and has no attempt behind
 * it. SW_EINVAL: its provider is no queue name. Pure. */
int sw_replay_build(const struct sw_item_job *old, const struct sw_uuid *job, int64_t now_ms, int64_t age_ms,
		    struct sw_replay *replay_out) SW_MUST_CHECK;

/* Takes the envelope; as sw_ticket_send. */
int sw_replay_publish(struct sw_publisher *publisher, struct sw_replay *replay,
		      struct sw_ticket **ticket_out) SW_MUST_CHECK;

#endif
