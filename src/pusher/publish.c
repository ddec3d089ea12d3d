/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from a job, as messages: the same job to a retry stage, news for the user's mailbox, a dead letter. The
 * mailbox's sections have ids made of the job's, so that publishing one twice has one effect. A refused message is
 * published again until the broker takes it. */
#include "pusher/pusher_int.h"

#include "bus/topology.h"
#include "proto/partition.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

enum { AGAIN_MS = 500, REASON_MAX = 200 };

/* A message on its way. */
struct sw_pusher_parcel {
	struct sw_publish publish; /* first */
	struct sw_task task;       /* back to the loop */
	struct sw_wheel_node again;
	struct sw_pusher_parcel *next; /* while it waits to be published again */
	struct sw_pusher_parcel *prev;
	struct sw_pusher *pusher;
	struct sw_blob *body;
	struct sw_pusher_job *job;    /* or … */
	struct sw_delivery *delivery; /* … of a malformed envelope */
	int result;
};

/* ---- the messages ---- */

static struct sw_blob *pack(const struct sw_item *item, const struct sw_uuid *id)
{
	struct sw_buf buf;
	sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX + SW_ENVELOPE_BYTES_MAX / 8);
	sw_envelope_begin(&buf);
	size_t mark = sw_section_begin(&buf, id);
	sw_item_put(&buf, item);
	sw_section_end(&buf, mark);
	assert(!buf.err); /* an item is no larger than the envelope it came in, and a little */
	struct sw_blob *blob = sw_blob_new(sw_buf_bytes(&buf));
	sw_buf_release(&buf);
	return blob;
}

static struct sw_pusher_letter retry_letter(const struct sw_pusher_job *job)
{
	struct sw_item item = {.kind = SW_ITEM_JOB, .as.job = job->item};
	item.as.job.attempt = job->step.attempts;
	struct sw_uuid id = sw_uuid_random();
	struct sw_pusher_letter letter = {.exchange = sw_retry_exchanges[job->step.stage], .body = pack(&item, &id)};
	snprintf(letter.routing_key, sizeof(letter.routing_key), "%s", job->intake->queue);
	return letter;
}

static struct sw_pusher_letter mailbox_letter(const struct sw_pusher_job *job, const struct sw_item *item,
					      const struct sw_uuid *id)
{
	struct sw_pusher_letter letter = {.exchange = "", .body = pack(item, id)};
	unsigned queues = job->instance->pusher->config.mailbox_queues;
	sw_queue_name(SW_ROLE_MAILBOX, sw_partition_of_user(job->item.user) % queues, letter.routing_key);
	return letter;
}

static struct sw_bytes job_bytes(const struct sw_pusher_job *job)
{
	return sw_bytes(job->item.job.bytes, sizeof(job->item.job.bytes));
}

/* Without a time of the provider's own: a token reported after the one that was tried is another registration. */
static struct sw_pusher_letter token_dead_letter(const struct sw_pusher_job *job)
{
	bool dated = job->outcome.kind == SW_OUTCOME_TOKEN_DEAD && job->outcome.since_ms > 0;
	struct sw_item item = {.kind = SW_ITEM_TOKEN_DEAD,
			       .as.token_dead = {.user = job->item.user,
						 .device = job->item.device,
						 .token = job->item.token,
						 .since_ms = dated ? job->outcome.since_ms : job->registered_at_ms,
						 .pos = job->item.pos,
						 .step = sw_job_step(job->item.class, job->item.content)}};
	struct sw_uuid id = sw_uuid_derive("surewire.token_dead", job_bytes(job), job->item.token);
	return mailbox_letter(job, &item, &id);
}

static struct sw_pusher_letter fallback_letter(const struct sw_pusher_job *job, const char *reason)
{
	struct sw_item item = {.kind = SW_ITEM_FALLBACK,
			       .as.fallback = {.user = job->item.user,
					       .pos = job->item.pos,
					       .reason = sw_bytes_str(reason),
					       .step = sw_job_step(job->item.class, job->item.content)}};
	struct sw_uuid id = sw_uuid_derive("surewire.fallback", job_bytes(job), sw_bytes(NULL, 0));
	return mailbox_letter(job, &item, &id);
}

static struct sw_pusher_letter dead_letter(const char *reason, int status, struct sw_bytes payload,
					   const struct sw_uuid *id)
{
	struct sw_item item = {
		.kind = SW_ITEM_DEAD,
		.as.dead = {
			.reason = sw_bytes_str(reason), .status = status, .at_ms = sw_clock_wall_ms(), .job = payload}};
	struct sw_pusher_letter letter = {.exchange = "", .body = pack(&item, id)};
	snprintf(letter.routing_key, sizeof(letter.routing_key), "dead");
	return letter;
}

static struct sw_pusher_letter dead_job(const struct sw_pusher_job *job, const char *reason)
{
	struct sw_item item = {.kind = SW_ITEM_JOB, .as.job = job->item};
	item.as.job.attempt = job->step.attempts;
	struct sw_buf buf;
	sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
	sw_item_put(&buf, &item);
	struct sw_uuid id = sw_uuid_derive("surewire.dead", job_bytes(job), sw_bytes(NULL, 0));
	struct sw_pusher_letter letter = dead_letter(reason, job->outcome.status, sw_buf_bytes(&buf), &id);
	sw_buf_release(&buf);
	return letter;
}

/* Alerts and requests have plans of their own. Where a message has one, mail is a way like the others; and whether another
 * device of a step is left, of which the token is gone, the mailbox knows. */
static bool falls_back(const struct sw_pusher_job *job)
{
	if (!sw_job_step(job->item.class, job->item.content)) {
		return job->item.class == SW_JOB_CHAT && job->step.fallback;
	}
	return job->step.dead || (job->step.fallback && job->step.result != SW_PUSH_RESULT_DROPPED_TOKEN_GONE);
}

static bool tells_of_token(const struct sw_pusher_job *job)
{
	return job->item.user && (job->step.token_dead || (job->step.result == SW_PUSH_RESULT_DROPPED_TOKEN_GONE &&
							   sw_job_step(job->item.class, job->item.content)));
}

size_t sw_pusher_letters(const struct sw_pusher_job *job, struct sw_pusher_letter letters_out[SW_PUSHER_LETTERS_MAX])
{
	char reason[REASON_MAX];
	sw_pusher_reason(job, reason, sizeof(reason));
	size_t count = 0;
	if (job->step.next == SW_PUSH_NEXT_LATER) {
		letters_out[count++] = retry_letter(job);
	}
	if (tells_of_token(job)) {
		letters_out[count++] = token_dead_letter(job);
	}
	if (falls_back(job)) {
		letters_out[count++] = fallback_letter(job, reason);
	}
	if (job->step.dead) {
		letters_out[count++] = dead_job(job, reason);
	}
	return count;
}

/* ---- on their way ---- */

static void parcel_free(struct sw_pusher_parcel *parcel)
{
	struct sw_pusher *pusher = parcel->pusher;
	sw_blob_unref(parcel->body);
	free(parcel);
	pusher->parcels--;
	sw_pusher_check_drained(pusher);
}

static void parcel_end(struct sw_pusher_parcel *parcel, bool confirmed)
{
	struct sw_pusher_job *job = parcel->job;
	if (!job && confirmed) {
		sw_delivery_ack(parcel->delivery);
	} else if (!job) {
		sw_delivery_free(parcel->delivery);
	} else {
		job->publish_failed |= !confirmed;
	}
	parcel_free(parcel);
	if (!job || --job->publishes_left) {
		return;
	}
	if (job->publish_failed) {
		sw_pusher_job_abandon(job);
	} else {
		sw_pusher_job_end(job);
	}
}

static void dispatch(struct sw_pusher_parcel *parcel)
{
	parcel->publish.body = sw_blob_ref(parcel->body);
	int err = sw_publisher_send_always(parcel->pusher->publisher, &parcel->publish);
	if (err) {
		sw_blob_unref(parcel->publish.body);
		if (err != SW_ECLOSED) {
			SW_LOG(ERROR, "pusher.unpublishable", SW_F_STR("queue", parcel->publish.routing_key),
			       SW_F_ERR(err));
		}
		parcel_end(parcel, false);
	}
}

static void on_again(struct sw_wheel_node *node)
{
	struct sw_pusher_parcel *parcel = (struct sw_pusher_parcel *)((char *)node -
								      offsetof(struct sw_pusher_parcel, again));
	DL_DELETE(parcel->pusher->retrying, parcel);
	dispatch(parcel);
}

static void on_published(struct sw_task *task)
{
	struct sw_pusher_parcel *parcel = (struct sw_pusher_parcel *)((char *)task -
								      offsetof(struct sw_pusher_parcel, task));
	struct sw_pusher *pusher = parcel->pusher;
	if (parcel->result == SW_OK) {
		parcel_end(parcel, true);
	} else if (parcel->result == SW_ECLOSED || pusher->phase == SW_PUSHER_CUT) {
		parcel_end(parcel, false);
	} else {
		SW_LOG(WARN, "pusher.publish_refused", SW_F_STR("exchange", parcel->publish.exchange),
		       SW_F_STR("queue", parcel->publish.routing_key), SW_F_ERR(parcel->result));
		DL_APPEND(pusher->retrying, parcel);
		sw_loop_arm(pusher->loop, &parcel->again, AGAIN_MS);
	}
}

/* Publisher's thread. */
static void on_done(struct sw_publish *publish, int result)
{
	struct sw_pusher_parcel *parcel = (struct sw_pusher_parcel *)publish;
	parcel->result = result;
	sw_loop_post_always(parcel->pusher->loop, &parcel->task);
}

/* Takes the letter's reference. */
static struct sw_pusher_parcel *parcel_new(struct sw_pusher *pusher, const struct sw_pusher_letter *letter)
{
	struct sw_pusher_parcel *parcel = sw_xcalloc(1, sizeof(*parcel));
	parcel->publish.exchange = letter->exchange;
	snprintf(parcel->publish.routing_key, sizeof(parcel->publish.routing_key), "%s", letter->routing_key);
	parcel->publish.mandatory = true;
	parcel->publish.persistent = true;
	parcel->publish.done = on_done;
	parcel->task.run = on_published;
	parcel->again.fire = on_again;
	parcel->pusher = pusher;
	parcel->body = letter->body;
	pusher->parcels++;
	return parcel;
}

void sw_pusher_publish_step(struct sw_pusher_job *job)
{
	struct sw_pusher *pusher = job->instance->pusher;
	if (pusher->phase == SW_PUSHER_CUT) {
		sw_pusher_job_abandon(job);
		return;
	}
	struct sw_pusher_letter letters[SW_PUSHER_LETTERS_MAX];
	size_t count = sw_pusher_letters(job, letters);
	job->publishes_left = (unsigned)count;
	for (size_t i = 0; i < count; i++) {
		struct sw_pusher_parcel *parcel = parcel_new(pusher, &letters[i]);
		parcel->job = job;
		dispatch(parcel); /* the last one may end the job */
	}
	if (count == 0) {
		sw_pusher_job_end(job);
	}
}

void sw_pusher_bury(struct sw_pusher *pusher, struct sw_delivery *delivery)
{
	if (pusher->phase == SW_PUSHER_CUT) {
		sw_delivery_free(delivery);
		return;
	}
	struct sw_uuid id = sw_uuid_random();
	struct sw_pusher_letter letter = dead_letter("malformed envelope", 0, sw_blob_bytes(delivery->body), &id);
	struct sw_pusher_parcel *parcel = parcel_new(pusher, &letter);
	parcel->delivery = delivery;
	dispatch(parcel);
}

void sw_pusher_parcels_abandon(struct sw_pusher *pusher)
{
	while (pusher->retrying) {
		struct sw_pusher_parcel *parcel = pusher->retrying;
		DL_DELETE(pusher->retrying, parcel);
		sw_loop_disarm(pusher->loop, &parcel->again);
		parcel_end(parcel, false);
	}
}
