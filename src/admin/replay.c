/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a confirm: the ticket is shared by the waiter, who may give up, and the publisher, who always ends it. */
#include "admin/replay.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ENVELOPE_BYTES_MAX = 1 << 20 };

struct sw_replay_ticket {
	struct sw_publish publish; /* first */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned refs;
	bool done;
	int result;
};

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
	static const char prefix[] = "push.";
	*replay_out = (struct sw_replay){0};
	bool usable = old->provider.len > 0 && old->provider.len + sizeof(prefix) <= SW_BUS_NAME_MAX &&
		      !memchr(old->provider.ptr, 0, old->provider.len);
	if (!usable) {
		return SW_EINVAL;
	}
	snprintf(replay_out->routing_key, sizeof(replay_out->routing_key), "%s%.*s", prefix,
		 SW_BYTES_FMT(old->provider));
	replay_out->job = *job;
	struct sw_item item = {.kind = SW_ITEM_JOB, .as.job = *old};
	item.as.job.job = replay_out->job;
	item.as.job.created_at_ms = now_ms;
	item.as.job.expires_at_ms = now_ms + age_ms;
	item.as.job.attempt = 0;
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

static struct sw_replay_ticket *new_ticket(void)
{
	struct sw_replay_ticket *ticket = sw_xcalloc(1, sizeof(*ticket));
	pthread_mutex_init(&ticket->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ticket->ended, &attr);
	pthread_condattr_destroy(&attr);
	ticket->refs = 2;
	return ticket;
}

static void unref_ticket(struct sw_replay_ticket *ticket)
{
	pthread_mutex_lock(&ticket->lock);
	unsigned left = --ticket->refs;
	pthread_mutex_unlock(&ticket->lock);
	if (left == 0) {
		pthread_cond_destroy(&ticket->ended);
		pthread_mutex_destroy(&ticket->lock);
		free(ticket);
	}
}

/* The publisher's thread. */
static void on_done(struct sw_publish *publish, int result)
{
	struct sw_replay_ticket *ticket = (struct sw_replay_ticket *)publish;
	pthread_mutex_lock(&ticket->lock);
	ticket->done = true;
	ticket->result = result;
	pthread_cond_signal(&ticket->ended);
	pthread_mutex_unlock(&ticket->lock);
	unref_ticket(ticket);
}

int sw_replay_await(struct sw_replay_ticket *ticket, int64_t deadline_mono_ms)
{
	struct timespec until = {deadline_mono_ms / 1000, deadline_mono_ms % 1000 * 1000000};
	pthread_mutex_lock(&ticket->lock);
	while (!ticket->done && sw_clock_mono_ms() < deadline_mono_ms) {
		pthread_cond_timedwait(&ticket->ended, &ticket->lock, &until);
	}
	int result = ticket->done ? ticket->result : SW_ETIMEOUT;
	pthread_mutex_unlock(&ticket->lock);
	unref_ticket(ticket);
	return result;
}

int sw_replay_publish(struct sw_publisher *publisher, struct sw_replay *replay, struct sw_replay_ticket **ticket_out)
{
	struct sw_replay_ticket *ticket = new_ticket();
	ticket->publish = (struct sw_publish){.exchange = "",
					      .body = replay->envelope,
					      .mandatory = true,
					      .persistent = true,
					      .done = on_done,
					      .ctx = ticket};
	memcpy(ticket->publish.routing_key, replay->routing_key, sizeof(ticket->publish.routing_key));
	replay->envelope = NULL;
	int err = sw_publisher_send(publisher, &ticket->publish);
	if (err) {
		sw_blob_unref(ticket->publish.body);
		unref_ticket(ticket);
		unref_ticket(ticket);
		return err;
	}
	*ticket_out = ticket;
	return SW_OK;
}
