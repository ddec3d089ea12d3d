/* SPDX-License-Identifier: Apache-2.0 */
/* A doubly linked list through the deliveries themselves: a batch costs what it contains, not what is outstanding. */
#include "bus/ack_list.h"

#include <stdlib.h>

void sw_delivery_destroy(struct sw_delivery *delivery)
{
	sw_blob_unref(delivery->body);
	free(delivery);
}

void sw_ack_list_add(struct sw_ack_list *list, struct sw_delivery *delivery)
{
	delivery->verdict = SW_VERDICT_NONE;
	delivery->prev = list->last;
	delivery->next = NULL;
	*(list->last ? &list->last->next : &list->first) = delivery;
	list->last = delivery;
}

static void unlink_delivery(struct sw_ack_list *list, struct sw_delivery *delivery)
{
	*(delivery->prev ? &delivery->prev->next : &list->first) = delivery->next;
	*(delivery->next ? &delivery->next->prev : &list->last) = delivery->prev;
	delivery->prev = delivery->next = NULL;
}

/* The run of acks at the front, in one frame. They stay in the batch, which frees them. */
static void settle_front(struct sw_ack_list *list, sw_ack_emit_fn emit, void *ctx)
{
	struct sw_ack_frame frame = {0};
	size_t run = 0;
	for (; list->first && list->first->verdict == SW_VERDICT_ACK; run++) {
		struct sw_delivery *delivery = list->first;
		frame.tag = delivery->tag;
		unlink_delivery(list, delivery);
		delivery->verdict = SW_VERDICT_NONE;
	}
	if (run > 0) {
		frame.multiple = run > 1;
		emit(ctx, &frame);
	}
}

void sw_ack_list_settle(struct sw_ack_list *list, struct sw_mail *batch, sw_ack_emit_fn emit, void *ctx)
{
	for (struct sw_mail *mail = batch; mail; mail = mail->next) {
		struct sw_delivery *delivery = (struct sw_delivery *)mail;
		delivery->verdict = delivery->asked;
	}
	settle_front(list, emit, ctx);
	while (batch) {
		struct sw_delivery *delivery = (struct sw_delivery *)batch;
		batch = batch->next;
		if (delivery->verdict == SW_VERDICT_KEEP) {
			sw_blob_unref(delivery->body);
			delivery->body = NULL;
			continue;
		}
		if (delivery->verdict != SW_VERDICT_NONE) {
			emit(ctx, &(struct sw_ack_frame){.tag = delivery->tag,
							 .requeue = delivery->verdict == SW_VERDICT_REQUEUE});
			unlink_delivery(list, delivery);
		}
		sw_delivery_destroy(delivery);
	}
}

void sw_ack_list_forget(struct sw_ack_list *list)
{
	while (list->first) {
		struct sw_delivery *delivery = list->first;
		unlink_delivery(list, delivery);
		if (delivery->verdict == SW_VERDICT_KEEP) {
			sw_delivery_destroy(delivery);
		}
	}
}
