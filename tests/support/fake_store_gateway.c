/* SPDX-License-Identifier: Apache-2.0 */
/* gateway.sql in memory. No account is disabled. */
#include "fake_store.h"

static void find_account(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	fake_result_columns(result, 2);
	sw_fake_foreach(store, account, a)
	{
		if (sw_bytes_equal(a->name, fake_arg_text(s, 0))) {
			fake_put_i64(result, a->id);
			fake_put_bool(result, false);
		}
	}
}

static void find_accounts(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array names = fake_arg_array(s, 0, FAKE_TEXT, result->arena);
	fake_result_columns(result, 2);
	for (size_t i = 0; i < names.count; i++) {
		sw_fake_foreach(store, account, a)
		{
			if (sw_bytes_equal(a->name, names.items[i])) {
				fake_put_bytes(result, a->name);
				fake_put_i64(result, a->id);
			}
		}
	}
}

static void resume(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	int64_t user = fake_arg_i64(s, 0);
	int64_t pos = 0;
	int64_t cursor = 0;
	sw_fake_foreach(store, inbox, row)
	{
		pos = row->user == user && row->pos > pos ? row->pos : pos;
	}
	sw_fake_foreach(store, device, d)
	{
		cursor = d->user == user && sw_bytes_equal(d->device, fake_arg_text(s, 1)) ? d->cursor : cursor;
	}
	fake_result_columns(result, 2);
	fake_put_i64(result, pos);
	fake_put_i64(result, cursor);
}

static const struct fake_inbox *next_in_inbox(struct fake_store *store, int64_t user, int64_t after)
{
	const struct fake_inbox *next = NULL;
	sw_fake_foreach(store, inbox, row)
	{
		if (row->user == user && row->pos > after && (!next || row->pos < next->pos)) {
			next = row;
		}
	}
	return next;
}

static void put_event(struct fake_store *store, const struct fake_inbox *row, struct sw_pg_result *result)
{
	sw_fake_foreach(store, event, e)
	{
		if (e->conv == row->conv && e->seq == row->seq) {
			fake_put_i64(result, row->pos);
			fake_put_i64(result, row->conv);
			fake_put_i64(result, row->seq);
			fake_put_i64(result, e->id);
			fake_put_bytes(result, e->kind);
			fake_put_bytes(result, e->sender_name);
			fake_put_i64(result, e->at_ms);
			fake_put_bytes(result, e->body);
		}
	}
}

static void sync_inbox(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	int64_t user = fake_arg_i64(s, 0);
	int64_t after = fake_arg_i64(s, 1);
	fake_result_columns(result, 8);
	for (int64_t left = fake_arg_i64(s, 2); left > 0; left--) {
		const struct fake_inbox *row = next_in_inbox(store, user, after);
		if (!row) {
			return;
		}
		after = row->pos;
		put_event(store, row, result);
	}
}

static void find_sent(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array cids = fake_arg_array(s, 1, FAKE_UUID, result->arena);
	fake_result_columns(result, 4);
	sw_fake_foreach(store, sent, row)
	{
		bool wanted = false;
		for (size_t i = 0; i < cids.count && row->sender == fake_arg_i64(s, 0); i++) {
			struct sw_uuid cid = fake_item_uuid(&cids, i);
			wanted |= sw_uuid_equal(&cid, &row->cid);
		}
		if (wanted) {
			fake_put_uuid(result, &row->cid);
			fake_put_i64(result, row->id);
			fake_put_i64(result, row->conv);
			fake_put_i64(result, row->seq);
		}
	}
}

int fake_sql_gateway(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	switch (s->sql) {
	case SW_SQL_GATEWAY_FIND_ACCOUNT:
		find_account(store, s, result);
		return SW_OK;
	case SW_SQL_GATEWAY_FIND_ACCOUNTS:
		find_accounts(store, s, result);
		return SW_OK;
	case SW_SQL_GATEWAY_RESUME:
		resume(store, s, result);
		return SW_OK;
	case SW_SQL_GATEWAY_SYNC:
		sync_inbox(store, s, result);
		return SW_OK;
	case SW_SQL_GATEWAY_FIND_SENT:
		find_sent(store, s, result);
		return SW_OK;
	default:
		return SW_ENOTFOUND;
	}
}
