/* SPDX-License-Identifier: Apache-2.0 */
/* Decides what becomes of a message: a repeat of an earlier one, a rule that it breaks, or the next seq. */
#include "sequencer/sequencer_int.h"

static struct fate reject(enum sw_reject why)
{
	return (struct fate){.kind = FATE_REJECTED, .reject = why};
}

/* The retry of a client gets the original answer; another message under the same id is refused. */
static bool answered_before(struct sequencer *s, int64_t sender, const struct sw_uuid *cid,
			    const struct sw_uuid *content, struct fate *fate_out)
{
	const struct recent *recent = recent_find(s, sender, cid);
	if (!recent) {
		return false;
	}
	*fate_out = sw_uuid_equal(&recent->content, content) ? (struct fate){.kind = FATE_REPEAT,
									     .conv = recent->conv,
									     .seq = recent->seq,
									     .id = recent->id}
							     : reject(SW_REJECT_CID_REUSED);
	return true;
}

static void note_sent(struct sequencer *s, struct sw_batch *batch, const struct recent *values, int64_t at_ms)
{
	struct sent_row *row = sw_rows_add(&s->sents, &batch->arena, sizeof(*row));
	row->recent = recent_add(s, values);
	row->at_ms = at_ms;
}

static struct conversation *new_conversation(struct sequencer *s, struct sw_batch *batch, int64_t conv,
					     struct pair pair, const struct conversation_row *about)
{
	struct conversation *c = conversation_add(s, conv, pair);
	conversation_touch(s, c);
	struct conversation_row *row = sw_rows_add(&s->conversations, &batch->arena, sizeof(*row));
	*row = *about;
	row->conversation = c;
	return c;
}

static struct conversation *direct_conversation(struct sequencer *s, struct sw_batch *batch, struct pair pair,
						int64_t creator, int64_t at_ms)
{
	struct conversation *c = conversation_find_pair(s, pair);
	if (c) {
		return c;
	}
	int64_t conv = sw_id_next_low6(s->ids, sw_partition_of_pair(pair.lo, pair.hi));
	struct conversation_row about = {.title = sw_bytes("", 0), .creator = creator, .at_ms = at_ms};
	c = new_conversation(s, batch, conv, pair, &about);
	conversation_add_member(c, (struct member){.user = pair.lo, .joined_seq = 1});
	conversation_add_member(c, (struct member){.user = pair.hi, .joined_seq = 1});
	return c;
}

struct fate admit_send(struct sequencer *s, struct sw_batch *batch, const struct sw_item_send *send)
{
	struct fate fate = {.kind = FATE_STORED};
	if (answered_before(s, send->sender, &send->cid, &send->content, &fate)) {
		return fate;
	}
	struct conversation *c = send->conv ? conversation_find(s, send->conv)
					    : direct_conversation(s, batch, (struct pair){send->peer_lo, send->peer_hi},
								  send->sender, send->at_ms);
	if (!c || !conversation_member(c, send->sender)) {
		return reject(SW_REJECT_NOT_MEMBER);
	}
	conversation_touch(s, c);
	fate.conv = c->conv;
	fate.seq = ++c->seq;
	fate.id = sw_id_next(s->ids);
	struct event_row *row = sw_rows_add(&s->events, &batch->arena, sizeof(*row));
	*row = (struct event_row){.send = send, .conv = fate.conv, .seq = fate.seq, .id = fate.id};
	struct recent values = {.key = {.sender = send->sender, .cid = send->cid},
				.content = send->content,
				.id = fate.id,
				.conv = fate.conv,
				.seq = fate.seq,
				.fresh = true};
	note_sent(s, batch, &values, send->at_ms);
	return fate;
}

struct fate admit_create(struct sequencer *s, struct sw_batch *batch, const struct sw_item_create *create)
{
	struct fate fate = {.kind = FATE_STORED};
	if (answered_before(s, create->sender, &create->cid, &create->content, &fate)) {
		return fate;
	}
	struct recent values = {
		.key = {.sender = create->sender, .cid = create->cid}, .content = create->content, .fresh = true};
	if (create->peer_lo) {
		/* Naming the direct conversation of two people makes no event. */
		struct conversation *c = direct_conversation(s, batch, (struct pair){create->peer_lo, create->peer_hi},
							     create->sender, create->at_ms);
		values.conv = c->conv;
		note_sent(s, batch, &values, create->at_ms);
		return (struct fate){.kind = FATE_REPEAT, .conv = c->conv};
	}
	struct conversation_row about = {.title = create->title, .creator = create->sender, .at_ms = create->at_ms};
	struct conversation *c = new_conversation(s, batch, create->conv, (struct pair){0}, &about);
	for (size_t i = 0; i < create->members.count; i++) {
		int64_t user = create->members.values[i];
		conversation_add_member(c,
					(struct member){.user = user, .role = user == create->sender, .joined_seq = 1});
	}
	values.conv = fate.conv = c->conv;
	values.seq = fate.seq = c->seq = 1;
	values.id = fate.id = sw_id_next(s->ids);
	struct event_row *row = sw_rows_add(&s->events, &batch->arena, sizeof(*row));
	*row = (struct event_row){.create = create, .conv = fate.conv, .seq = fate.seq, .id = fate.id};
	note_sent(s, batch, &values, create->at_ms);
	return fate;
}
