/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/replay.h"

#include "proto/job.h"

enum { ENVELOPE_BYTES_MAX = 1 << 20 };

int sw_replay_read(struct sw_bytes payload, struct sw_arena *arena, struct sw_item *item_out)
{
	int err = sw_item_next(&payload, arena, item_out);
	if (err) {
		return SW_EPARSE;
	}
	return item_out->kind == SW_ITEM_JOB && payload.len == 0 ? SW_OK : SW_EPARSE;
}

int sw_replay_build(const struct sw_item_job *old, const struct sw_uuid *job, int64_t now_ms, int64_t age_ms,
		    struct sw_replay *replay_out)
{
	*replay_out = (struct sw_replay){0};
	enum sw_job_queue queue = old->class == SW_JOB_ALERT ? SW_JOB_QUEUE_URGENT : SW_JOB_QUEUE_NORMAL;
	if (sw_job_queue_name(queue, old->provider, replay_out->routing_key, sizeof(replay_out->routing_key)) !=
	    SW_OK) {
		return SW_EINVAL;
	}
	replay_out->job = *job;
	struct sw_item item = {.kind = SW_ITEM_JOB, .as.job = *old};
	item.as.job.job = replay_out->job;
	item.as.job.created_at_ms = now_ms;
	item.as.job.expires_at_ms = now_ms + age_ms;
	item.as.job.attempt = 0;
	item.as.job.reason = SW_JOB_REASON_REPLAY;
	item.as.job.planned_at_ms = now_ms;
	struct sw_buf buf;
	sw_buf_init(&buf, ENVELOPE_BYTES_MAX);
	sw_envelope_begin(&buf);
	size_t mark = sw_section_begin(&buf, &replay_out->job);
	sw_item_put(&buf, &item);
	sw_section_end(&buf, mark);
	int err = buf.err ? SW_EINVAL : SW_OK;
	if (err == SW_OK) {
		replay_out->envelope = sw_blob_new(sw_buf_bytes(&buf));
	}
	sw_buf_release(&buf);
	return err;
}

int sw_replay_publish(struct sw_publisher *publisher, struct sw_replay *replay, struct sw_ticket **ticket_out)
{
	struct sw_blob *envelope = replay->envelope;
	replay->envelope = NULL;
	return sw_ticket_send(publisher, replay->routing_key, envelope, ticket_out);
}
