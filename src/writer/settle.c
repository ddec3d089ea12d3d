/* SPDX-License-Identifier: Apache-2.0 */
/* When hand-overs may skip the queue. A partition that has just come here may have a backlog in its mailbox queue, from
 * its earlier owner or from the sequencer that was elsewhere: what is applied directly would overtake it, and a user would
 * see a conversation out of order. So after every move a marker goes through the queue, and another one with the first
 * envelope of the partition: only then is its earlier owner surely gone. Until it is back hand-overs go behind it. If some
 * did, they are in the queue in turn: new messages then wait for one more marker, a round trip. */
#include "writer/writer_int.h"

static void send_marker(struct sw_engine *engine, struct holding *holding)
{
	struct sw_batch batch;
	sw_batch_init(&batch, engine->writer->config.queues[SW_ROLE_MAILBOX]);
	holding->marker = sw_uuid_random();
	holding->handed_over = false;
	holding->marker_back = false;
	sw_batch_marker(&batch, holding->queue, &holding->marker);
	outbox_send(engine, &batch, NULL);
	sw_batch_release(&batch);
}

void settle_begin(struct sw_engine *engine)
{
	for (struct holding *h = engine->holdings; h; h = h->next) {
		if (!h->leaving && h->role == SW_ROLE_MAILBOX) {
			h->hand_over = HAND_OVER_QUEUE;
			send_marker(engine, h);
		}
	}
}

void settle_taken(struct holding *holding, const struct sw_work *work)
{
	holding->marker_back |= work->count == 0 && sw_uuid_equal(&work->id, &holding->marker);
}

void settle_committed(struct sw_engine *engine, const struct sw_batch *batch)
{
	for (struct holding *h = engine->holdings; h; h = h->next) {
		if (h->leaving || h->role != SW_ROLE_MAILBOX || h->hand_over == HAND_OVER_DIRECT) {
			continue;
		}
		for (const struct sw_work *work = batch->remote.first; work; work = work->next) {
			h->handed_over |= work->queue == h->queue;
		}
		if (!h->marker_back) {
			continue;
		}
		h->marker_back = false;
		if (h->handed_over) {
			h->hand_over = HAND_OVER_WAITS;
			send_marker(engine, h);
		} else {
			h->hand_over = HAND_OVER_DIRECT;
		}
	}
}

bool settle_waits(const struct sw_engine *engine)
{
	for (const struct holding *h = engine->holdings; h; h = h->next) {
		if (!h->leaving && h->hand_over == HAND_OVER_WAITS) {
			return true;
		}
	}
	return false;
}
