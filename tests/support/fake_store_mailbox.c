/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox.sql in memory. */
#include "fake_store.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static struct fake_plan *find_plan(struct fake_store *store, int64_t user)
{
	sw_fake_foreach(store, plan, p)
	{
		if (p->user == user) {
			return p;
		}
	}
	return NULL;
}

static void load_users(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, result->arena);
	fake_result_columns(result, 5);
	sw_fake_foreach(store, account, a)
	{
		if (!fake_array_has(&users, a->id)) {
			continue;
		}
		int64_t pos = 0;
		int64_t told = 0;
		sw_fake_foreach(store, inbox, i)
		{
			told = i->user == a->id && i->pos > pos ? i->told : told;
			pos = i->user == a->id && i->pos > pos ? i->pos : pos;
		}
		const struct fake_plan *plan = find_plan(store, a->id);
		fake_put_i64(result, a->id);
		fake_put_bytes(result, a->name);
		fake_put_i64(result, pos);
		fake_put_i64(result, plan ? plan->pushed_pos : 0);
		fake_put_i32(result, (int32_t)told);
	}
}

static void load_devices(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, result->arena);
	fake_result_columns(result, 14);
	sw_fake_foreach(store, device, d)
	{
		if (fake_array_has(&users, d->user)) {
			fake_put_i64(result, d->user);
			fake_put_bytes(result, d->device);
			fake_put_bytes(result, d->platform);
			fake_put_bytes(result, d->provider);
			fake_put_bytes(result, d->app);
			fake_put_bytes(result, d->token);
			fake_put_bool(result, d->sandbox);
			fake_put_i64(result, d->registered_at_ms);
			fake_put_i64(result, d->cursor);
			fake_put_i64(result, d->active_cursor);
			fake_put_bytes(result, sw_bytes("", 0)); /* neither time zone nor locale nor quiet hours here */
			fake_put_bytes(result, sw_bytes("", 0));
			fake_put_i32(result, -1);
			fake_put_i32(result, -1);
		}
	}
}

static void load_sessions(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, result->arena);
	fake_result_columns(result, 5);
	sw_fake_foreach(store, session, row)
	{
		if (fake_array_has(&users, row->user)) {
			fake_put_i64(result, row->user);
			fake_put_i64(result, row->session);
			fake_put_bytes(result, row->device);
			fake_put_i64(result, row->node);
			fake_put_bool(result, row->active);
		}
	}
}

static void load_node_sessions(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array nodes = fake_arg_array(s, 0, FAKE_INT8, result->arena);
	fake_result_columns(result, 3);
	sw_fake_foreach(store, session, row)
	{
		if (fake_array_has(&nodes, row->node)) {
			fake_put_i64(result, row->user);
			fake_put_i64(result, row->session);
			fake_put_i64(result, row->node);
		}
	}
}

static int64_t handled(struct fake_store *store, int64_t user)
{
	const struct fake_plan *plan = find_plan(store, user);
	int64_t after = plan ? plan->pushed_pos : 0;
	sw_fake_foreach(store, device, d)
	{
		after = d->user == user && d->active_cursor > after ? d->active_cursor : after;
	}
	return after;
}

static int by_user_and_pos(const void *a, const void *b)
{
	const struct fake_inbox *x = a;
	const struct fake_inbox *y = b;
	if (x->user != y->user) {
		return (x->user > y->user) - (x->user < y->user);
	}
	return (x->pos > y->pos) - (x->pos < y->pos);
}

void fake_put_unacked(struct fake_store *store, struct sw_pg_result *result, const struct fake_inbox *row)
{
	sw_fake_foreach(store, event, e)
	{
		if (e->conv == row->conv && e->seq == row->seq) {
			fake_put_i64(result, row->user);
			fake_put_i64(result, row->pos);
			fake_put_i64(result, row->conv);
			fake_put_i64(result, row->seq);
			fake_put_i64(result, e->id);
			fake_put_bytes(result, e->title);
			fake_put_bytes(result, e->preview);
			fake_put_i64(result, e->at_ms);
			fake_put_bool(result, row->mentioned);
		}
	}
}

static void load_unacked(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, result->arena);
	struct fake_array after = fake_arg_array(s, 1, FAKE_INT8, result->arena);
	struct fake_array upto = fake_arg_array(s, 2, FAKE_INT8, result->arena);
	fake_result_columns(result, 9);
	if (store->tables.inbox.count) {
		qsort(store->tables.inbox.rows, store->tables.inbox.count, sizeof(struct fake_inbox), by_user_and_pos);
	}
	size_t *counts = sw_arena_calloc(result->arena, users.count + 1, sizeof(*counts));
	/* By user, then by pos, whatever the order of the questions. */
	sw_fake_foreach(store, inbox, row)
	{
		for (size_t q = 0; q < users.count; q++) {
			if (row->user != fake_item_i64(&users, q) || !row->notify ||
			    row->pos > fake_item_i64(&upto, q)) {
				continue;
			}
			int64_t from = fake_item_i64(&after, q) >= 0 ? fake_item_i64(&after, q)
								     : handled(store, row->user);
			if (row->pos > from && counts[q]++ < 100) {
				fake_put_unacked(store, result, row);
			}
		}
	}
}

static int insert_inbox(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array pos = fake_arg_array(s, 1, FAKE_INT8, arena);
	struct fake_array conv = fake_arg_array(s, 2, FAKE_INT8, arena);
	struct fake_array seq = fake_arg_array(s, 3, FAKE_INT8, arena);
	struct fake_array notify = fake_arg_array(s, 4, FAKE_BOOL, arena);
	struct fake_array mentioned = fake_arg_array(s, 5, FAKE_BOOL, arena);
	struct fake_array told = fake_arg_array(s, 6, FAKE_INT4, arena);
	struct fake_array routed = fake_arg_array(s, 7, FAKE_INT4, arena);
	struct fake_array sockets = fake_arg_array(s, 8, FAKE_INT2, arena);
	struct fake_array pushes = fake_arg_array(s, 9, FAKE_INT2, arena);
	for (size_t i = 0; i < users.count; i++) {
		sw_fake_foreach(store, inbox, row)
		{
			if (row->user == fake_item_i64(&users, i) && row->pos == fake_item_i64(&pos, i)) {
				return SW_ECONFLICT;
			}
		}
		FAKE_ADD(store, inbox, fake_item_i64(&users, i), fake_item_i64(&pos, i), fake_item_i64(&conv, i),
			 fake_item_i64(&seq, i), fake_item_i64(&notify, i) != 0, fake_item_i64(&mentioned, i) != 0,
			 fake_item_i64(&told, i), fake_item_i64(&routed, i), fake_item_i64(&sockets, i),
			 fake_item_i64(&pushes, i));
	}
	return SW_OK;
}

static struct fake_device *find_device(struct fake_store *store, int64_t user, struct sw_bytes device)
{
	sw_fake_foreach(store, device, d)
	{
		if (d->user == user && sw_bytes_equal(d->device, device)) {
			return d;
		}
	}
	return NULL;
}

static void upsert_devices(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array texts[5];
	for (int i = 0; i < 5; i++) {
		texts[i] = fake_arg_array(s, 1 + i, FAKE_TEXT, arena);
	}
	struct fake_array sandbox = fake_arg_array(s, 8, FAKE_BOOL, arena);
	struct fake_array at_ms = fake_arg_array(s, 9, FAKE_INT8, arena);
	struct fake_array cursor = fake_arg_array(s, 10, FAKE_INT8, arena);
	struct fake_array active = fake_arg_array(s, 11, FAKE_INT8, arena);
	for (size_t i = 0; i < users.count; i++) {
		struct fake_device row = {.user = fake_item_i64(&users, i),
					  .registered_at_ms = fake_item_i64(&at_ms, i),
					  .cursor = fake_item_i64(&cursor, i),
					  .active_cursor = fake_item_i64(&active, i),
					  .device = fake_item_text(store, &texts[0], i),
					  .platform = fake_item_text(store, &texts[1], i),
					  .provider = fake_item_text(store, &texts[2], i),
					  .app = fake_item_text(store, &texts[3], i),
					  .token = fake_item_text(store, &texts[4], i),
					  .sandbox = fake_item_i64(&sandbox, i) != 0};
		struct fake_device *old = find_device(store, row.user, row.device);
		if (!old) {
			FAKE_ADD(store, device, 0);
			old = &store->tables.device.rows[store->tables.device.count - 1];
		}
		*old = row;
	}
}

static void delete_devices(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array devices = fake_arg_array(s, 1, FAKE_TEXT, arena);
	for (size_t i = 0; i < users.count; i++) {
		struct fake_device *found = find_device(store, fake_item_i64(&users, i), devices.items[i]);
		if (found) {
			FAKE_REMOVE(store, device, found - store->tables.device.rows);
		}
	}
}

static bool has_step(struct fake_store *store, const struct fake_ledger *step)
{
	sw_fake_foreach(store, ledger, row)
	{
		if (row->user == step->user && row->active == step->active && row->pos == step->pos &&
		    sw_bytes_equal(row->device, step->device)) {
			return true;
		}
	}
	return false;
}

static void insert_ledger(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 4, FAKE_INT8, arena);
	struct fake_array devices = fake_arg_array(s, 5, FAKE_TEXT, arena);
	struct fake_array active = fake_arg_array(s, 6, FAKE_BOOL, arena);
	struct fake_array pos = fake_arg_array(s, 7, FAKE_INT8, arena);
	struct fake_array at_ms = fake_arg_array(s, 8, FAKE_INT8, arena);
	struct fake_array numbers[3];
	for (int i = 0; i < 3; i++) {
		numbers[i] = fake_arg_array(s, 9 + i, FAKE_INT4, arena);
	}
	for (size_t i = 0; i < users.count; i++) {
		struct fake_ledger row = {.user = fake_item_i64(&users, i),
					  .pos = fake_item_i64(&pos, i),
					  .at_ms = fake_item_i64(&at_ms, i),
					  .acked = fake_item_i64(&numbers[0], i),
					  .read = fake_item_i64(&numbers[1], i),
					  .sent_before_ms = fake_item_i64(&numbers[2], i),
					  .active = fake_item_i64(&active, i) != 0,
					  .device = fake_item_text(store, &devices, i)};
		if (!has_step(store, &row)) {
			FAKE_ADD(store, ledger, .user = row.user);
			store->tables.ledger.rows[store->tables.ledger.count - 1] = row;
		}
	}
}

static void move_cursors(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array devices = fake_arg_array(s, 1, FAKE_TEXT, arena);
	struct fake_array cursor = fake_arg_array(s, 2, FAKE_INT8, arena);
	struct fake_array active = fake_arg_array(s, 3, FAKE_INT8, arena);
	for (size_t i = 0; i < users.count; i++) {
		struct fake_device *found = find_device(store, fake_item_i64(&users, i), devices.items[i]);
		if (found) {
			found->cursor = fake_item_i64(&cursor, i);
			found->active_cursor = fake_item_i64(&active, i);
		}
	}
	insert_ledger(store, s, arena);
}

static struct fake_session *find_session(struct fake_store *store, int64_t user, int64_t node, int64_t session)
{
	sw_fake_foreach(store, session, row)
	{
		if (row->user == user && row->node == node && row->session == session) {
			return row;
		}
	}
	return NULL;
}

static void insert_sessions(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array sessions = fake_arg_array(s, 1, FAKE_INT8, arena);
	struct fake_array devices = fake_arg_array(s, 2, FAKE_TEXT, arena);
	struct fake_array nodes = fake_arg_array(s, 3, FAKE_INT8, arena);
	struct fake_array active = fake_arg_array(s, 4, FAKE_BOOL, arena);
	for (size_t i = 0; i < users.count; i++) {
		struct fake_session *old = find_session(store, fake_item_i64(&users, i), fake_item_i64(&nodes, i),
							fake_item_i64(&sessions, i));
		if (old) {
			old->active = fake_item_i64(&active, i) != 0;
			old->device = fake_item_text(store, &devices, i);
			continue;
		}
		FAKE_ADD(store, session, fake_item_i64(&users, i), fake_item_i64(&sessions, i),
			 fake_item_i64(&nodes, i), fake_item_text(store, &devices, i), fake_item_i64(&active, i) != 0);
	}
}

static void delete_sessions(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array nodes = fake_arg_array(s, 1, FAKE_INT8, arena);
	struct fake_array sessions = fake_arg_array(s, 2, FAKE_INT8, arena);
	for (size_t i = 0; i < users.count; i++) {
		struct fake_session *found = find_session(store, fake_item_i64(&users, i), fake_item_i64(&nodes, i),
							  fake_item_i64(&sessions, i));
		if (found) {
			FAKE_REMOVE(store, session, found - store->tables.session.rows);
		}
	}
}

static void upsert_plans(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array pushed = fake_arg_array(s, 1, FAKE_INT8, arena);
	for (size_t i = 0; i < users.count; i++) {
		int64_t pos = fake_item_i64(&pushed, i);
		struct fake_plan *plan = find_plan(store, fake_item_i64(&users, i));
		if (plan) {
			plan->pushed_pos = pos > plan->pushed_pos ? pos : plan->pushed_pos;
		} else {
			FAKE_ADD(store, plan, fake_item_i64(&users, i), pos);
		}
	}
}

int fake_sql_mailbox(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct sw_arena *arena = result->arena;
	switch (s->sql) {
	case SW_SQL_MAILBOX_LOAD_USERS:
		load_users(store, s, result);
		return SW_OK;
	case SW_SQL_MAILBOX_LOAD_DEVICES:
		load_devices(store, s, result);
		return SW_OK;
	case SW_SQL_MAILBOX_LOAD_SESSIONS:
		load_sessions(store, s, result);
		return SW_OK;
	case SW_SQL_MAILBOX_LOAD_NODE_SESSIONS:
		load_node_sessions(store, s, result);
		return SW_OK;
	case SW_SQL_MAILBOX_LOAD_UNACKED:
		load_unacked(store, s, result);
		return SW_OK;
	case SW_SQL_MAILBOX_INSERT_INBOX:
		return insert_inbox(store, s, arena);
	case SW_SQL_MAILBOX_UPSERT_DEVICES:
		upsert_devices(store, s, arena);
		return SW_OK;
	case SW_SQL_MAILBOX_DELETE_DEVICES:
		delete_devices(store, s, arena);
		return SW_OK;
	case SW_SQL_MAILBOX_MOVE_CURSORS:
		move_cursors(store, s, arena);
		return SW_OK;
	case SW_SQL_MAILBOX_INSERT_SESSIONS:
		insert_sessions(store, s, arena);
		return SW_OK;
	case SW_SQL_MAILBOX_DELETE_SESSIONS:
		delete_sessions(store, s, arena);
		return SW_OK;
	case SW_SQL_MAILBOX_UPSERT_PUSH_PLAN:
		upsert_plans(store, s, arena);
		return SW_OK;
	default:
		return fake_sql_mailbox_plan(store, s, result);
	}
}
