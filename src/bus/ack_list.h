/* SPDX-License-Identifier: Apache-2.0 */
/* The deliveries of one connection that the broker still holds for us, in order of their tags, and the fewest frames
 * that tell it about a batch of verdicts: one "everything up to" for the run of acks at the front, single ones for the
 * rest. "Multiple" never covers a delivery without a verdict. Pure; the consumer's thread. */
#ifndef SW_BUS_ACK_LIST_H
#define SW_BUS_ACK_LIST_H

#include "bus/bus.h"

enum sw_verdict { SW_VERDICT_NONE, SW_VERDICT_ACK, SW_VERDICT_REQUEUE, SW_VERDICT_KEEP };

struct sw_ack_list {
	struct sw_delivery *first;
	struct sw_delivery *last;
};

/* multiple: every outstanding tag up to this one. requeue: a nack, never multiple. */
struct sw_ack_frame {
	uint64_t tag;
	bool multiple;
	bool requeue;
};
typedef void (*sw_ack_emit_fn)(void *ctx, const struct sw_ack_frame *frame);

/* Tags ascend. */
void sw_ack_list_add(struct sw_ack_list *list, struct sw_delivery *delivery);
/* A chain of deliveries of this list that were ended (asked). Acked and requeued ones are unlinked and freed; kept ones
 * (sw_delivery_free) lose their body and stay, as they stay unacked at the broker. */
void sw_ack_list_settle(struct sw_ack_list *list, struct sw_mail *batch, sw_ack_emit_fn emit, void *ctx);
/* The connection is gone: forgets all, frees the kept ones; the others are still their owners'. */
void sw_ack_list_forget(struct sw_ack_list *list);
/* Body and struct. */
void sw_delivery_destroy(struct sw_delivery *delivery);

#endif
