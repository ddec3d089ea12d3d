/* SPDX-License-Identifier: Apache-2.0 */
/* A new event into the inboxes of its recipients: the next pos of each. */
#include "mailbox/mailbox_int.h"

#include "base/id.h"
#include "proto/client_codec.h"

static bool is_mentioned(const struct sw_item_deliver *deliver, const struct user *user)
{
	for (size_t i = 0; i < deliver->mentions.count; i++) {
		if (deliver->mentions.values[i] == user->id) {
			return true;
		}
	}
	return false;
}

/* For whom no socket is open: others wait for a check. */
static struct news news_of(const struct sw_item_deliver *deliver, const struct user *user, int64_t pos)
{
	return (struct news){.pos = pos,
			     .conv = deliver->conv,
			     .seq = deliver->seq,
			     .event = deliver->id,
			     .title = deliver->title,
			     .preview = deliver->preview,
			     .at_ms = deliver->at_ms,
			     .mentioned = is_mentioned(deliver, user),
			     .reason = SW_JOB_REASON_OFFLINE};
}

static int64_t check_delay_ms(const struct mailbox *m, const struct user *user)
{
	return user->session_count ? m->config->ack_timeout_ms : 0;
}

/* Of the server's own kinds somebody else plans the pushes, if any: alerts have their plan. */
static bool is_notified(const struct user *user, const struct sw_item_deliver *deliver)
{
	return user->id != deliver->sender && !sw_kind_is_own(deliver->kind);
}

static int16_t small(size_t count)
{
	return count < INT16_MAX ? (int16_t)count : INT16_MAX;
}

/* It has its id since it was stored; another writer's clock may be ahead. */
static int32_t since_stored_ms(const struct sw_batch *batch, const struct sw_item_deliver *deliver)
{
	return within_i32(batch->now_ms - sw_id_time_ms(deliver->id));
}

/* Whether a push was planned. */
static bool append(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct sw_item_deliver *deliver)
{
	bool mentioned = is_mentioned(deliver, user);
	bool notify = is_notified(user, deliver) && user_wants(user, deliver->conv, mentioned, batch->now_ms);
	bool waiting = user->open_pos > user_handled(user);
	user_touch(m, user);
	user->pos++;
	user->told += notify;
	struct inbox_row *row = sw_rows_add(&m->inbox, &batch->arena, sizeof(*row));
	*row = (struct inbox_row){.user = user->id,
				  .pos = user->pos,
				  .conv = deliver->conv,
				  .seq = deliver->seq,
				  .notify = notify,
				  .mentioned = mentioned,
				  .told = (int32_t)user->told,
				  .routed_after_ms = since_stored_ms(batch, deliver),
				  .sockets = small(user->session_count)};
	m->batch_appended++;
	if (!notify) {
		m->batch_unwanted += user->id != deliver->sender;
		return false;
	}
	if (user->session_count || waiting) {
		/* Not before those that wait to be acked: what is planned is planned up to a pos. */
		user->open_pos = user->pos;
		int64_t lag_ms = batch->now_ms - deliver->at_ms;
		user->lag_ms = lag_ms > user->lag_ms ? lag_ms : user->lag_ms;
		arm_check(m, batch, user, check_delay_ms(m, user), user->pos);
		return false;
	}
	struct news news = news_of(deliver, user, user->pos);
	int64_t before = m->batch_pushes;
	plan_push(m, batch, user, &news);
	row->pushes = small((size_t)(m->batch_pushes - before));
	return true;
}

/* Committed before, but whether its live events, pushes and checks went out is unknown. */
static void repeat(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct sw_item_deliver *deliver,
		   uint64_t recorded)
{
	int64_t pos = (int64_t)(recorded >> 1);
	if (!is_notified(user, deliver) || pos <= user_seen(user)) {
		return;
	}
	if (recorded & 1) {
		struct news news = news_of(deliver, user, pos);
		plan_push(m, batch, user, &news);
	} else {
		arm_check(m, batch, user, check_delay_ms(m, user), user->pos);
	}
}

void append_deliver(struct mailbox *m, struct sw_batch *batch, const struct sw_work *work,
		    const struct sw_item_deliver *deliver)
{
	size_t count = deliver->users.count;
	int64_t *positions = sw_arena_calloc(&batch->arena, count, sizeof(*positions));
	for (size_t i = 0; i < count; i++) {
		struct user *user = user_find(m, deliver->users.values[i]);
		uint64_t recorded = work->applied ? sw_reader_varint(&m->recorded) : 0;
		if (user && work->applied) {
			positions[i] = (int64_t)(recorded >> 1);
			repeat(m, batch, user, deliver, recorded);
		} else if (user) {
			bool planned = append(m, batch, user, deliver);
			positions[i] = user->pos;
			recorded = (uint64_t)user->pos << 1 | planned;
		}
		sw_buf_put_varint(&m->record, recorded);
	}
	route_live(m, batch, deliver, positions);
}
