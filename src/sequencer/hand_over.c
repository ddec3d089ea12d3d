/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to the sender and the event to the members' mailboxes: one item a mailbox queue, however many members. */
#include "sequencer/sequencer_int.h"

#include "proto/preview.h"

#include <string.h>

struct origin {
	int64_t node;
	int64_t session;
	struct sw_uuid cid;
};

static void answer(struct sw_batch *batch, const struct origin *to, const struct fate *fate)
{
	if (!to->node) {
		return;
	}
	struct sw_item item = {0};
	if (fate->kind == FATE_REJECTED) {
		item.kind = SW_ITEM_REJECTED;
		item.as.rejected = (struct sw_item_rejected){.session = to->session,
							     .cid = to->cid,
							     .code = sw_bytes_str(sw_reject_code(fate->reject)),
							     .message = sw_bytes_str(sw_reject_text(fate->reject))};
	} else {
		item.kind = SW_ITEM_STORED;
		item.as.stored = (struct sw_item_stored){
			.session = to->session, .cid = to->cid, .id = fate->id, .conv = fate->conv, .seq = fate->seq};
	}
	sw_batch_to_node(batch, to->node, &item);
}

static struct sw_item_deliver delivery_of(const struct sw_item *item, const struct fate *fate)
{
	struct sw_item_deliver deliver = {.conv = fate->conv, .seq = fate->seq, .id = fate->id};
	if (item->kind == SW_ITEM_SEND) {
		const struct sw_item_send *send = &item->as.send;
		deliver.sender = send->sender;
		deliver.sender_name = send->sender_name;
		deliver.kind = send->kind;
		deliver.at_ms = send->at_ms;
		deliver.title = send->title;
		deliver.preview = sw_preview_whole(send->preview, send->body);
		deliver.body = send->body;
		deliver.mentions = send->mentions;
	} else {
		const struct sw_item_create *create = &item->as.create;
		deliver.sender = create->sender;
		deliver.sender_name = create->sender_name;
		deliver.kind = sw_bytes_str("created");
		deliver.at_ms = create->at_ms;
		deliver.title = create->title;
		deliver.preview = create->title;
		deliver.body = create->body;
	}
	return deliver;
}

struct users {
	int64_t *values;
	size_t count;
};

/* Members as of the event: of a repeated section from the store, else from the cache. */
static struct users members_of(struct sequencer *s, struct sw_batch *batch, const struct sw_work *work,
			       const struct fate *fate)
{
	struct users users = {0};
	if (!work->applied) {
		const struct conversation *c = conversation_find(s, fate->conv);
		users.values = sw_arena_alloc(&batch->arena, c->member_count * sizeof(*users.values));
		for (size_t i = 0; i < c->member_count; i++) {
			users.values[users.count++] = c->members[i].user;
		}
		return users;
	}
	size_t rows = sw_pg_rows(s->as_of);
	users.values = sw_arena_alloc(&batch->arena, rows * sizeof(*users.values));
	for (size_t i = 0; i < rows; i++) {
		if (sw_pg_i64(s->as_of, i, 0) == fate->conv && sw_pg_i64(s->as_of, i, 1) == fate->seq) {
			users.values[users.count++] = sw_pg_i64(s->as_of, i, 2);
		}
	}
	return users;
}

static void deliver_to(struct sw_batch *batch, const struct sw_work *work, struct sw_item *item, struct users users)
{
	size_t left = users.count;
	for (unsigned queue = 0; queue < batch->mailbox_queues && left; queue++) {
		int64_t *list = sw_arena_alloc(&batch->arena, users.count * sizeof(*list));
		size_t count = 0;
		for (size_t i = 0; i < users.count; i++) {
			if (sw_batch_mailbox_queue(batch, users.values[i]) == queue) {
				list[count++] = users.values[i];
			}
		}
		if (count) {
			item->as.deliver.users = (struct sw_item_list){list, count};
			sw_batch_hand_over(batch, work, queue, item);
		}
		left -= count;
	}
}

void hand_over(struct sequencer *s, struct sw_batch *batch, struct sw_work *work, const struct sw_item *item,
	       const struct fate *fate)
{
	struct origin origin = item->kind == SW_ITEM_SEND
				     ? (struct origin){item->as.send.node, item->as.send.session, item->as.send.cid}
				     : (struct origin){item->as.create.node, item->as.create.session,
						       item->as.create.cid};
	answer(batch, &origin, fate);
	if (fate->kind == FATE_STORED) {
		struct sw_item deliver = {.kind = SW_ITEM_DELIVER, .as.deliver = delivery_of(item, fate)};
		deliver_to(batch, work, &deliver, members_of(s, batch, work, fate));
	}
}
