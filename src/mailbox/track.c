/* SPDX-License-Identifier: Apache-2.0 */
/* What the devices tell: cursors, sockets opening and closing, presence, registrations, dead tokens. All of it is
 * idempotent, so that a redelivery needs no record. */
#include "mailbox/mailbox_int.h"

#include "base/id.h"
#include "proto/codes.h"

#include <inttypes.h>
#include <stdio.h>
#include <surewire/mail_token.h>

static int64_t clamp(const struct user *user, int64_t pos)
{
	return pos > user->pos ? user->pos : pos;
}

static void on_ack(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct sw_item_ack *ack)
{
	struct device *device = user_device(user, ack->device);
	struct cursor_step step = {.pos = clamp(user, ack->pos),
				   .active = ack->active != 0,
				   .at_ms = ack->at_ms,
				   .sent_at_ms = ack->sent_at_ms};
	if (device) {
		move_cursor(m, batch, user, device, &step);
	}
}

/* A session's number is its gateway's own. */
static struct session *find_session(struct user *user, int64_t node, int64_t session)
{
	for (size_t i = 0; i < user->session_count; i++) {
		if (user->sessions[i].node == node && user->sessions[i].session == session) {
			return &user->sessions[i];
		}
	}
	return NULL;
}

/* A device has one socket: the newest. */
static void replace(struct sw_batch *batch, int64_t node, int64_t session)
{
	struct sw_item item = {.kind = SW_ITEM_REPLACED, .as.replaced = {.session = session}};
	sw_batch_to_node(batch, node, &item);
}

/* Another socket of this device came up after the one that is announced again: it was replaced, but did not hear of it. */
static bool is_stale(const struct user *user, const struct sw_item_session_up *up)
{
	for (size_t i = 0; i < user->session_count && (up->active & SW_SESSION_AGAIN); i++) {
		const struct session *other = &user->sessions[i];
		if (sw_bytes_equal_str(up->device, other->device) &&
		    (other->node != up->node || other->session != up->session)) {
			return true;
		}
	}
	return false;
}

static void replace_older(struct mailbox *m, struct sw_batch *batch, struct user *user,
			  const struct sw_item_session_up *up)
{
	for (size_t i = 0; i < user->session_count;) {
		const struct session *old = &user->sessions[i];
		if (!sw_bytes_equal_str(up->device, old->device) ||
		    (old->node == up->node && old->session == up->session)) {
			i++;
			continue;
		}
		replace(batch, old->node, old->session);
		user_remove_session(m, &batch->arena, user, i);
	}
}

/* NULL: it would be one too many. */
static struct device *admit_device(const struct mailbox *m, struct user *user, struct sw_bytes id)
{
	struct device *known = user_device(user, id);
	return known || user->device_count >= m->config->devices_max ? known : user_add_device(user, id);
}

static void deny(struct sw_batch *batch, int64_t node, int64_t session)
{
	struct sw_item item = {.kind = SW_ITEM_DEVICE_DENIED, .as.device_denied = {.session = session}};
	sw_batch_to_node(batch, node, &item);
}

static void on_session_up(struct mailbox *m, struct sw_batch *batch, struct user *user,
			  const struct sw_item_session_up *up)
{
	bool active = up->active & SW_SESSION_ACTIVE;
	if (is_stale(user, up)) {
		replace(batch, up->node, up->session);
		return;
	}
	struct device *device = admit_device(m, user, up->device);
	if (!device) {
		deny(batch, up->node, up->session);
		return;
	}
	replace_older(m, batch, user, up);
	struct session *session = find_session(user, up->node, up->session);
	if (!session) {
		session = user_add_session(user, up->node, up->session, up->device);
	}
	session->active = active;
	session->dirt = CHANGED;
	struct cursor_step step = {.pos = clamp(user, up->cursor), .active = active};
	move_cursor(m, batch, user, device, &step);
	struct sw_item ready = {.kind = SW_ITEM_READY, .as.ready = {.session = up->session, .pos = user->pos}};
	sw_batch_to_node(batch, up->node, &ready);
}

static void on_session_down(struct mailbox *m, struct sw_batch *batch, struct user *user,
			    const struct sw_item_session_down *down)
{
	struct session *session = find_session(user, down->node, down->session);
	if (!session) {
		return;
	}
	user_remove_session(m, &batch->arena, user, (size_t)(session - user->sessions));
	if (user->session_count == 0 && user->pos > user_seen(user)) {
		arm_check(m, batch, user, 0, user->pos);
	}
}

static void on_presence(struct mailbox *m, struct sw_batch *batch, struct user *user,
			const struct sw_item_presence *presence)
{
	struct session *session = find_session(user, presence->node, presence->session);
	if (!session) {
		return;
	}
	session->active = presence->active;
	session->dirt = CHANGED;
	struct device *device = user_device(user, sw_bytes_str(session->device));
	if (device) {
		/* Who comes back sees what the device has received meanwhile. */
		struct cursor_step step = {.pos = device->cursor, .active = presence->active != 0};
		move_cursor(m, batch, user, device, &step);
	}
}

static void reply(struct sw_batch *batch, int64_t node, int64_t request, enum sw_error_code error)
{
	struct sw_item item = {.kind = SW_ITEM_REPLY,
			       .as.reply = {.request = request,
					    .code = sw_bytes_str(sw_error_code(error)),
					    .message = sw_bytes("", 0)}};
	sw_batch_to_node(batch, node, &item);
}

static void on_device_set(const struct mailbox *m, struct sw_batch *batch, struct user *user,
			  const struct sw_item_device_set *set)
{
	struct device *device = admit_device(m, user, set->device);
	if (!device) {
		reply(batch, set->node, set->request, SW_ERROR_TOO_MANY_DEVICES);
		return;
	}
	set_text(&device->platform, set->platform);
	set_text(&device->provider, set->provider);
	set_text(&device->app, set->app);
	set_text(&device->token, set->token);
	device->sandbox = set->sandbox;
	device->registered_at_ms = set->at_ms;
	set_text(&device->time_zone, set->time_zone);
	set_text(&device->locale, set->locale);
	bool quiet = set->quiet_from != set->quiet_until;
	device->quiet_from = (int16_t)(quiet ? set->quiet_from : -1);
	device->quiet_until = (int16_t)(quiet ? set->quiet_until : -1);
	device->dirt = CHANGED;
	reply(batch, set->node, set->request, SW_ERROR_NONE);
}

static void on_device_drop(struct mailbox *m, struct sw_batch *batch, struct user *user,
			   const struct sw_item_device_drop *drop)
{
	struct device *device = user_device(user, drop->device);
	if (device) {
		struct device_key *key = sw_rows_add(&m->gone_devices, &batch->arena, sizeof(*key));
		*key = (struct device_key){user->id, sw_arena_str(&batch->arena, drop->device)};
		user_remove_device(user, device);
	}
	reply(batch, drop->node, drop->request, SW_ERROR_NONE);
}

/* The person took it off, or mail to it came back. Said again it finds nothing, which is as good. */
static void on_address_drop(struct sw_batch *batch, struct user *user, const struct sw_item_address_drop *drop)
{
	for (size_t i = 0; i < user->device_count; i++) {
		struct device *device = &user->devices[i];
		if (device->token[0] &&
		    sw_mail_address_id(user->id, sw_bytes_str(device->id), sw_bytes_str(device->token)) ==
			    drop->address_id &&
		    (!drop->since_ms || device->registered_at_ms <= drop->since_ms)) {
			set_text(&device->token, sw_bytes("", 0));
			device->dirt = CHANGED;
		}
	}
	if (drop->request) {
		reply(batch, drop->node, drop->request, SW_ERROR_NONE);
	}
}

/* Anybody may say that he read about an alert; only whom it went to counts. */
static void on_alert_ack(struct mailbox *m, struct sw_batch *batch, const struct sw_item_alert_ack *ack)
{
	for (size_t i = 0; m->alerted && i < sw_pg_rows(m->alerted); i++) {
		if (sw_pg_i64(m->alerted, i, 0) == ack->alert && sw_pg_i64(m->alerted, i, 1) == ack->user) {
			struct alert_ack_row *row = sw_rows_add(&m->alert_acks, &batch->arena, sizeof(*row));
			*row = (struct alert_ack_row){ack->alert, ack->user, ack->at_ms};
			char text[SW_ID_TEXT_MAX];
			snprintf(text, sizeof(text), "%" PRId64, ack->alert);
			struct sw_item item = {.kind = SW_ITEM_REPLY,
					       .as.reply = {.request = ack->request,
							    .code = sw_bytes("", 0),
							    .message = sw_bytes_str(text)}};
			sw_batch_to_node(batch, ack->node, &item);
			return;
		}
	}
	reply(batch, ack->node, ack->request, SW_ERROR_UNKNOWN_ALERT);
}

/* Only the token that was tried, and only if it was not reported again since. Several pushes may have met it, and each
 * of them needs its fallback: that the token is gone already ends nothing. */
static void on_token_dead(struct mailbox *m, struct sw_batch *batch, struct sw_work *work, struct user *user,
			  const struct sw_item_token_dead *dead)
{
	const struct failed_step failed = {.pos = dead->pos, .step = dead->step};
	if (work->applied) { /* whatever the device has reported since */
		on_step_failed(m, batch, work, user, &failed);
		return;
	}
	struct device *device = user_device(user, dead->device);
	if (device && ((device->token[0] && !sw_bytes_equal_str(dead->token, device->token)) ||
		       (dead->since_ms && device->registered_at_ms > dead->since_ms))) {
		return;
	}
	if (!device && dead->step == 0) {
		return;
	}
	if (device && device->token[0]) {
		set_text(&device->token, sw_bytes("", 0));
		device->dirt = CHANGED;
	}
	on_step_failed(m, batch, work, user, &failed);
}

/* To a node that was away only for a moment and holds the session still: it announces it again. When the node is gone this
 * comes back unroutable, and finds nothing left to drop. */
static void tell_forgotten(struct sw_batch *batch, int64_t node, int64_t session)
{
	struct sw_item item = {.kind = SW_ITEM_FORGOTTEN, .as.forgotten = {.session = session}};
	sw_batch_to_node(batch, node, &item);
}

/* The sessions of a node whose queue is gone. Users who are not cached lose their rows all the same. */
static void on_node_gone(struct mailbox *m, struct sw_batch *batch, const struct sw_work *work, int64_t node)
{
	for (size_t i = 0; m->node_sessions && i < sw_pg_rows(m->node_sessions); i++) {
		int64_t id = sw_pg_i64(m->node_sessions, i, 0);
		if (sw_batch_mailbox_queue(batch, id) != work->queue || sw_pg_i64(m->node_sessions, i, 2) != node) {
			continue;
		}
		struct session_key *key = sw_rows_add(&m->gone_sessions, &batch->arena, sizeof(*key));
		*key = (struct session_key){id, node, sw_pg_i64(m->node_sessions, i, 1)};
		if (!user_find(m, id)) {
			tell_forgotten(batch, node, key->session);
		}
		struct sw_item check = {.kind = SW_ITEM_CHECK, .as.check = {.user = id, .pos = INT64_MAX}};
		sw_batch_to_check(batch, 0, id, &check);
	}
	for (struct user *user = m->users; user; user = user->hh.next) {
		if (sw_batch_mailbox_queue(batch, user->id) != work->queue) {
			continue;
		}
		for (size_t i = user->session_count; i-- > 0;) {
			if (user->sessions[i].node == node) {
				user_touch(m, user);
				tell_forgotten(batch, node, user->sessions[i].session);
				user_remove_session(m, &batch->arena, user, i);
			}
		}
	}
}

static int64_t user_of(const struct sw_item *item)
{
	switch (item->kind) {
	case SW_ITEM_ACK:
		return item->as.ack.user;
	case SW_ITEM_SESSION_UP:
		return item->as.session_up.user;
	case SW_ITEM_SESSION_DOWN:
		return item->as.session_down.user;
	case SW_ITEM_PRESENCE:
		return item->as.presence.user;
	case SW_ITEM_DEVICE_SET:
		return item->as.device_set.user;
	case SW_ITEM_DEVICE_DROP:
		return item->as.device_drop.user;
	case SW_ITEM_ADDRESS_DROP:
		return item->as.address_drop.user;
	case SW_ITEM_CLEAR:
		return item->as.clear.user;
	case SW_ITEM_PREFERENCE_SET:
		return item->as.preference_set.user;
	case SW_ITEM_ALERT_ACK:
		return item->as.alert_ack.user;
	case SW_ITEM_TOKEN_DEAD:
		return item->as.token_dead.user;
	case SW_ITEM_FALLBACK:
		return item->as.fallback.user;
	default:
		return 0;
	}
}

void track(struct mailbox *m, struct sw_batch *batch, struct sw_work *work, const struct sw_item *item)
{
	if (item->kind == SW_ITEM_NODE_GONE) {
		on_node_gone(m, batch, work, item->as.node_gone.node);
		return;
	}
	struct user *user = user_find(m, user_of(item));
	if (!user) {
		return;
	}
	user_touch(m, user);
	int64_t seen = user_seen(user);
	switch (item->kind) {
	case SW_ITEM_ACK:
		on_ack(m, batch, user, &item->as.ack);
		break;
	case SW_ITEM_SESSION_UP:
		on_session_up(m, batch, user, &item->as.session_up);
		break;
	case SW_ITEM_SESSION_DOWN:
		on_session_down(m, batch, user, &item->as.session_down);
		break;
	case SW_ITEM_PRESENCE:
		on_presence(m, batch, user, &item->as.presence);
		break;
	case SW_ITEM_DEVICE_SET:
		on_device_set(m, batch, user, &item->as.device_set);
		break;
	case SW_ITEM_DEVICE_DROP:
		on_device_drop(m, batch, user, &item->as.device_drop);
		break;
	case SW_ITEM_ADDRESS_DROP:
		on_address_drop(batch, user, &item->as.address_drop);
		break;
	case SW_ITEM_CLEAR:
		on_clear(m, batch, user);
		break;
	case SW_ITEM_PREFERENCE_SET:
		reply(batch, item->as.preference_set.node, item->as.preference_set.request,
		      prefer(m, batch, user, &item->as.preference_set));
		break;
	case SW_ITEM_ALERT_ACK:
		on_alert_ack(m, batch, &item->as.alert_ack);
		break;
	case SW_ITEM_TOKEN_DEAD:
		on_token_dead(m, batch, work, user, &item->as.token_dead);
		break;
	case SW_ITEM_FALLBACK:
		on_step_failed(m, batch, work, user,
			       &(struct failed_step){item->as.fallback.pos, item->as.fallback.step, true});
		break;
	default:
		break;
	}
	if (user_seen(user) > seen) {
		arm_clear(m, batch, user);
	}
}
