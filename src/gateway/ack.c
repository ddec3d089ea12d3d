/* SPDX-License-Identifier: Apache-2.0 */
/* What the mailbox has to know of a session: it is up, it has acked so far, its person is there or away, it is down. Acks
 * are cumulative: only the last one of a tick travels. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>

/* Past the bounds: sessions that go down must be known, above all when everything is full. */
static void to_mailbox(struct session *session, const struct sw_item *item)
{
	(void)lane_add(session->loop, SW_ROLE_MAILBOX, sw_partition_of_user(session->user), item, NULL, true);
}

static int publish(struct gw_loop *loop, struct sw_item_ack ack)
{
	struct sw_item item = {.kind = SW_ITEM_ACK, .as.ack = ack};
	item.as.ack.at_ms = sw_clock_wall_ms();
	sw_metric_add(loop->gateway->metrics.acks, 1);
	return lane_add(loop, SW_ROLE_MAILBOX, sw_partition_of_user(ack.user), &item, NULL, false);
}

int publish_read(struct gw_loop *loop, int64_t user, const char *device, int64_t pos)
{
	return publish(loop,
		       (struct sw_item_ack){.user = user, .device = sw_bytes_str(device), .pos = pos, .active = true});
}

/* ---- what was written ---- */

void written_add(struct session *session)
{
	struct written *written = sw_xcalloc(1, sizeof(*written));
	*written = (struct written){.next = session->written, .pos = session->sent_pos, .at_ms = sw_clock_wall_ms()};
	session->written = written;
}

void written_free(struct session *session, int64_t pos)
{
	struct written **at = &session->written;
	while (*at && (*at)->pos > pos) {
		at = &(*at)->next;
	}
	while (*at) {
		struct written *old = *at;
		*at = old->next;
		free(old);
	}
}

int64_t written_at_ms(const struct session *session, int64_t pos)
{
	int64_t at_ms = 0;
	for (const struct written *w = session->written; w && w->pos >= pos; w = w->next) {
		at_ms = w->at_ms;
	}
	return at_ms;
}

static int publish_ack(struct session *session)
{
	int err = publish(session->loop,
			  (struct sw_item_ack){.user = session->user,
					       .device = sw_bytes_str(session->device),
					       .pos = session->acked_pos,
					       .active = session->active,
					       .sent_at_ms = written_at_ms(session, session->acked_pos)});
	if (err == SW_OK) {
		written_free(session, session->acked_pos);
	}
	return err;
}

/* ---- sessions ---- */

void announce_up(struct session *session, bool again)
{
	session->announced = true;
	struct sw_item item = {.kind = SW_ITEM_SESSION_UP,
			       .as.session_up = {.user = session->user,
						 .device = sw_bytes_str(session->device),
						 .node = session->loop->gateway->config.node,
						 .session = session->number,
						 .active = (uint8_t)((session->active ? SW_SESSION_ACTIVE : 0) |
								     (again ? SW_SESSION_AGAIN : 0)),
						 .cursor = session->acked_pos}};
	to_mailbox(session, &item);
}

static void forget_ack(struct session *session)
{
	struct session **at = &session->loop->acks;
	while (*at && *at != session) {
		at = &(*at)->next_ack;
	}
	if (*at) {
		*at = session->next_ack;
	}
}

void announce_down(struct session *session)
{
	if (session->ack_dirty) {
		forget_ack(session);
		(void)publish_ack(session);
	}
	if (!session->announced) {
		return;
	}
	session->announced = false;
	struct sw_item item = {.kind = SW_ITEM_SESSION_DOWN,
			       .as.session_down = {.user = session->user,
						   .node = session->loop->gateway->config.node,
						   .session = session->number}};
	to_mailbox(session, &item);
}

void on_ack(struct session *session, int64_t pos)
{
	if (pos > session->sent_pos) {
		session_error(session, SW_ERROR_BAD_FRAME, sw_bytes("", 0), "pos: expected one that was sent");
		return;
	}
	if (pos <= session->acked_pos) {
		return;
	}
	session->acked_pos = pos;
	if (!session->ack_dirty) {
		session->ack_dirty = true;
		session->next_ack = session->loop->acks;
		session->loop->acks = session;
	}
	feed_continue(session);
}

struct sw_item alert_ack_item(const struct sw_gateway *gateway, int64_t user, int64_t alert, int64_t number)
{
	return (struct sw_item){.kind = SW_ITEM_ALERT_ACK,
				.as.alert_ack = {.user = user,
						 .alert = alert,
						 .at_ms = sw_clock_wall_ms(),
						 .node = gateway->config.node,
						 .request = number}};
}

void on_alert_ack(struct session *session, int64_t alert)
{
	struct sw_item item = alert_ack_item(session->loop->gateway, session->user, alert, session->number);
	if (lane_add(session->loop, SW_ROLE_MAILBOX, sw_partition_of_user(session->user), &item, NULL, false) !=
	    SW_OK) {
		session_error(session, SW_ERROR_UNAVAILABLE, sw_bytes("", 0), NULL);
	}
}

void on_presence(struct session *session, bool active)
{
	session->active = active;
	struct sw_item item = {.kind = SW_ITEM_PRESENCE,
			       .as.presence = {.user = session->user,
					       .node = session->loop->gateway->config.node,
					       .session = session->number,
					       .active = active}};
	to_mailbox(session, &item);
}

void acks_flush(struct gw_loop *loop)
{
	struct session *list = loop->acks;
	loop->acks = NULL;
	while (list) {
		struct session *session = list;
		list = session->next_ack;
		session->next_ack = NULL;
		session->ack_dirty = false;
		if (publish_ack(session) != SW_OK) {
			session->ack_dirty = true;
			session->next_ack = loop->acks;
			loop->acks = session;
		}
	}
}
