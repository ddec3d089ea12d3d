/* SPDX-License-Identifier: Apache-2.0 */
/* A new event into the inboxes of its recipients: the next pos of each. */
#include "mailbox/mailbox_int.h"

static void append(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct sw_item_deliver *deliver)
{
	bool notify = user->id != deliver->sender;
	user_touch(m, user);
	user->pos++;
	*(struct inbox_row *)sw_rows_add(&m->inbox, &batch->arena, sizeof(struct inbox_row)) = (struct inbox_row){
		.user = user->id, .pos = user->pos, .conv = deliver->conv, .seq = deliver->seq, .notify = notify};
	m->batch_appended++;
	if (!notify) {
		return;
	}
	if (user->session_count) {
		arm_check(m, batch, user, m->config->ack_timeout_ms);
	} else {
		plan_push(m, batch, user,
			  &(struct news){.pos = user->pos,
					 .conv = deliver->conv,
					 .seq = deliver->seq,
					 .event = deliver->id,
					 .title = deliver->title,
					 .preview = deliver->preview,
					 .at_ms = deliver->at_ms});
	}
}

/* Committed before, but whether its live events, pushes and checks went out is unknown: the inbox has the rows, so the
 * rest is a check. At once for those who are offline. */
static void repeat(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct sw_item_deliver *deliver)
{
	if (user->id != deliver->sender) {
		user->check_armed = false;
		arm_check(m, batch, user, user->session_count ? m->config->ack_timeout_ms : 0);
	}
}

void append_deliver(struct mailbox *m, struct sw_batch *batch, const struct sw_work *work,
		    const struct sw_item_deliver *deliver)
{
	for (size_t i = 0; i < deliver->users.count; i++) {
		struct user *user = user_find(m, deliver->users.values[i]);
		if (!user) {
			continue; /* the account is gone */
		}
		if (work->applied) {
			repeat(m, batch, user, deliver);
		} else {
			append(m, batch, user, deliver);
		}
	}
	if (!work->applied) {
		route_live(m, batch, deliver);
	}
}
