/* SPDX-License-Identifier: Apache-2.0 */
/* A dead letter on its way again: as a job of its own, so that its attempts are told apart from the old ones. */
#ifndef SW_ADMIN_REPLAY_H
#define SW_ADMIN_REPLAY_H

#include "bus/bus.h"
#include "proto/envelope.h"

/* SW_OK when payload is exactly one JOB item; runs are borrowed from it. */
int sw_replay_read(struct sw_bytes payload, struct sw_arena *arena, struct sw_item *item_out) SW_MUST_CHECK;

struct sw_replay {
	struct sw_uuid job;                /* of the replay; the same for the same letter and number */
	char routing_key[SW_BUS_NAME_MAX]; /* push.<provider> */
	struct sw_blob *envelope;          /* one reference, the caller's */
};
/* number from 1. The new job is created now, may be tried until now_ms + age_ms, and has no attempt behind it.
 * SW_EINVAL: its provider is no queue name. Pure. */
int sw_replay_build(const struct sw_item_job *old, int number, int64_t now_ms, int64_t age_ms,
		    struct sw_replay *replay_out) SW_MUST_CHECK;

/* Publishes and waits for the confirm; takes the envelope. SW_OK; SW_ETIMEOUT: not confirmed in time, it may arrive yet;
 * SW_EUNROUTABLE; SW_EREFUSED; SW_EBUSY; SW_ECLOSED. */
int sw_replay_publish(struct sw_publisher *publisher, struct sw_replay *replay, int64_t deadline_mono_ms) SW_MUST_CHECK;

#endif
