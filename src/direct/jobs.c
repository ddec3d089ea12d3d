/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/jobs.h"

#include "proto/job.h"

#include <assert.h>
#include <string.h>

enum { KEY_BYTES_MAX = 16 << 10 };

/* ---- one job ---- */

static struct sw_uuid job_id(const struct sw_direct_work *work, const struct sw_direct_recipient *r)
{
	struct sw_buf key;
	sw_buf_init(&key, KEY_BYTES_MAX);
	sw_buf_put_u64(&key, (uint64_t)work->id);
	sw_buf_put_u64(&key, (uint64_t)r->user);
	if (r->user == 0) {
		sw_buf_put_bytes(&key, r->provider);
		sw_buf_put_char(&key, '\0');
		sw_buf_put_bytes(&key, r->app);
	}
	assert(!key.err);
	struct sw_uuid id = sw_uuid_derive("surewire.direct", sw_buf_bytes(&key), r->user ? r->device : r->token);
	sw_buf_release(&key);
	return id;
}

struct sw_item_job sw_direct_job(const struct sw_direct_work *work, const struct sw_direct_recipient *recipient)
{
	return (struct sw_item_job){.job = job_id(work, recipient),
				    .user = recipient->user,
				    .user_name = recipient->user_name,
				    .device = recipient->device,
				    .provider = recipient->provider,
				    .app = recipient->app,
				    .token = recipient->token,
				    .sandbox = recipient->sandbox,
				    .registered_at_ms = recipient->registered_at_ms,
				    .event = work->id,
				    .title = work->title,
				    .preview = work->body,
				    .badge = -1,
				    .created_at_ms = work->created_at_ms,
				    .expires_at_ms = work->expires_at_ms,
				    .class = SW_JOB_DIRECT,
				    .content = work->content,
				    .reason = SW_JOB_REASON_DIRECT,
				    .planned_at_ms = work->created_at_ms};
}

/* ---- envelopes ---- */

void sw_direct_packer_init(struct sw_direct_packer *packer, size_t jobs_max, struct sw_arena *arena)
{
	packer->arena = arena;
	packer->open_count = 0;
	packer->full_count = 0;
	packer->jobs = 0;
	packer->full_max = jobs_max; /* each may be one of its own, when they are large */
	packer->full = sw_arena_calloc(arena, jobs_max, sizeof(*packer->full));
}

static void flush(struct sw_direct_packer *packer, struct sw_direct_open *open)
{
	if (open->jobs == 0) {
		return;
	}
	sw_section_end(&open->buf, open->mark);
	assert(!open->buf.err && packer->full_count < packer->full_max);
	struct sw_direct_envelope *envelope = &packer->full[packer->full_count++];
	memcpy(envelope->queue, open->queue, sizeof(envelope->queue));
	envelope->body = sw_blob_new(sw_buf_bytes(&open->buf));
	envelope->jobs = open->jobs;
	sw_buf_release(&open->buf);
	open->jobs = 0;
}

static struct sw_direct_open *open_of(struct sw_direct_packer *packer, const char *queue)
{
	for (size_t i = 0; i < packer->open_count; i++) {
		if (strcmp(packer->open[i].queue, queue) == 0) {
			return &packer->open[i];
		}
	}
	if (packer->open_count == SW_DIRECT_QUEUES_MAX) {
		return NULL;
	}
	struct sw_direct_open *open = &packer->open[packer->open_count++];
	*open = (struct sw_direct_open){.jobs = 0};
	memcpy(open->queue, queue, sizeof(open->queue));
	return open;
}

int sw_direct_packer_add(struct sw_direct_packer *packer, const struct sw_direct_work *work,
			 const struct sw_direct_recipient *recipient)
{
	char queue[SW_BUS_NAME_MAX] = "";
	struct sw_item item = {.kind = SW_ITEM_JOB, .as.job = sw_direct_job(work, recipient)};
	int err = sw_job_queue_name(work->urgent ? SW_JOB_QUEUE_URGENT : SW_JOB_QUEUE_NORMAL, recipient->provider,
				    queue, sizeof(queue));
	struct sw_direct_open *open = err ? NULL : open_of(packer, queue);
	if (!open) {
		return SW_EINVAL;
	}
	if (open->jobs == 0) {
		sw_buf_init(&open->buf, SW_ENVELOPE_BYTES_MAX);
		sw_envelope_begin(&open->buf);
		open->mark = sw_section_begin(&open->buf, &item.as.job.job);
	}
	sw_item_put(&open->buf, &item);
	open->jobs++;
	packer->jobs++;
	if (open->jobs == SW_DIRECT_JOBS_PER_ENVELOPE || open->buf.len >= SW_DIRECT_ENVELOPE_BYTES) {
		flush(packer, open);
	}
	return SW_OK;
}

void sw_direct_packer_finish(struct sw_direct_packer *packer)
{
	for (size_t i = 0; i < packer->open_count; i++) {
		flush(packer, &packer->open[i]);
	}
}
