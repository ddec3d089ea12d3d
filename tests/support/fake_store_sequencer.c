/* SPDX-License-Identifier: Apache-2.0 */
/* sequencer.sql in memory. */
#include "fake_store.h"

#include <surewire/mem.h>

#include <assert.h>
#include <string.h>

/* WHERE conv = ANY($1) OR (lo, hi) IN unnest($2, $3) */
static bool wanted(const struct fake_statement *s, struct sw_arena *arena, const struct fake_conversation *c)
{
	struct fake_array convs = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array lo = fake_arg_array(s, 1, FAKE_INT8, arena);
	struct fake_array hi = fake_arg_array(s, 2, FAKE_INT8, arena);
	bool found = fake_array_has(&convs, c->conv);
	for (size_t i = 0; i < lo.count && c->lo; i++) {
		found |= fake_item_i64(&lo, i) == c->lo && fake_item_i64(&hi, i) == c->hi;
	}
	return found;
}

static void load_conversations(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	fake_result_columns(result, 5);
	sw_fake_foreach(store, conversation, c)
	{
		if (!wanted(s, result->arena, c)) {
			continue;
		}
		int64_t seq = 0;
		sw_fake_foreach(store, event, e)
		{
			seq = e->conv == c->conv && e->seq > seq ? e->seq : seq;
		}
		fake_put_i64(result, c->conv);
		fake_put_i16(result, (int16_t)c->kind);
		fake_put_i64(result, c->lo);
		fake_put_i64(result, c->hi);
		fake_put_i64(result, seq);
	}
}

static void load_members(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	fake_result_columns(result, 4);
	sw_fake_foreach(store, conversation, c)
	{
		if (!wanted(s, result->arena, c)) {
			continue;
		}
		sw_fake_foreach(store, member, m)
		{
			if (m->conv == c->conv) {
				fake_put_i64(result, m->conv);
				fake_put_i64(result, m->user);
				fake_put_i16(result, (int16_t)m->role);
				fake_put_i64(result, m->joined_seq);
			}
		}
	}
}

static struct fake_sent *find_sent(struct fake_store *store, int64_t sender, const struct sw_uuid *cid)
{
	sw_fake_foreach(store, sent, row)
	{
		if (row->sender == sender && sw_uuid_equal(&row->cid, cid)) {
			return row;
		}
	}
	return NULL;
}

static void load_sent(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array senders = fake_arg_array(s, 0, FAKE_INT8, result->arena);
	struct fake_array cids = fake_arg_array(s, 1, FAKE_UUID, result->arena);
	fake_result_columns(result, 6);
	for (size_t i = 0; i < senders.count; i++) {
		struct sw_uuid cid = fake_item_uuid(&cids, i);
		const struct fake_sent *row = find_sent(store, fake_item_i64(&senders, i), &cid);
		if (row) {
			fake_put_i64(result, row->sender);
			fake_put_uuid(result, &row->cid);
			fake_put_uuid(result, &row->content);
			fake_put_i64(result, row->id);
			fake_put_i64(result, row->conv);
			fake_put_i64(result, row->seq);
		}
	}
}

static void load_members_as_of(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array convs = fake_arg_array(s, 0, FAKE_INT8, result->arena);
	struct fake_array seqs = fake_arg_array(s, 1, FAKE_INT8, result->arena);
	fake_result_columns(result, 3);
	for (size_t i = 0; i < convs.count; i++) {
		sw_fake_foreach(store, member, m)
		{
			if (m->conv == fake_item_i64(&convs, i) && m->joined_seq <= fake_item_i64(&seqs, i)) {
				fake_put_i64(result, m->conv);
				fake_put_i64(result, fake_item_i64(&seqs, i));
				fake_put_i64(result, m->user);
			}
		}
	}
}

static int insert_conversations(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array conv = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array kind = fake_arg_array(s, 1, FAKE_INT2, arena);
	struct fake_array lo = fake_arg_array(s, 2, FAKE_INT8, arena);
	struct fake_array hi = fake_arg_array(s, 3, FAKE_INT8, arena);
	(void)fake_arg_array(s, 4, FAKE_TEXT, arena);
	struct fake_array creator = fake_arg_array(s, 5, FAKE_INT8, arena);
	(void)fake_arg_array(s, 6, FAKE_INT8, arena);
	for (size_t i = 0; i < conv.count; i++) {
		bool direct = fake_item_i64(&kind, i) == 1;
		if (direct != (fake_item_i64(&lo, i) != 0 && fake_item_i64(&lo, i) < fake_item_i64(&hi, i))) {
			return SW_ESQL; /* the table's CHECK */
		}
		sw_fake_foreach(store, conversation, c)
		{
			if (c->conv == fake_item_i64(&conv, i) ||
			    (direct && c->lo == fake_item_i64(&lo, i) && c->hi == fake_item_i64(&hi, i))) {
				return SW_ECONFLICT;
			}
		}
		FAKE_ADD(store, conversation, fake_item_i64(&conv, i), fake_item_i64(&kind, i), fake_item_i64(&lo, i),
			 fake_item_i64(&hi, i), fake_item_i64(&creator, i));
	}
	return SW_OK;
}

static int insert_members(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array conv = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array user = fake_arg_array(s, 1, FAKE_INT8, arena);
	struct fake_array role = fake_arg_array(s, 2, FAKE_INT2, arena);
	struct fake_array joined = fake_arg_array(s, 3, FAKE_INT8, arena);
	for (size_t i = 0; i < conv.count; i++) {
		sw_fake_foreach(store, member, m)
		{
			if (m->conv == fake_item_i64(&conv, i) && m->user == fake_item_i64(&user, i) &&
			    m->joined_seq == fake_item_i64(&joined, i)) {
				return SW_ECONFLICT;
			}
		}
		FAKE_ADD(store, member, fake_item_i64(&conv, i), fake_item_i64(&user, i), fake_item_i64(&role, i),
			 fake_item_i64(&joined, i));
	}
	return SW_OK;
}

static bool is_poison(struct sw_bytes body)
{
	return memmem(body.ptr, body.len, FAKE_STORE_POISON, strlen(FAKE_STORE_POISON)) != NULL;
}

/* Of a body that is a text without escapes and nothing else: only such events have no preview of their own. */
static struct sw_bytes text_of(struct sw_bytes body)
{
	static const char head[] = "{\"text\":\"";
	size_t before = sizeof(head) - 1;
	assert(body.len >= before + 2 && memcmp(body.ptr, head, before) == 0);
	return sw_bytes(body.ptr + before, body.len - before - 2);
}

static int insert_events(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array conv = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array seq = fake_arg_array(s, 1, FAKE_INT8, arena);
	struct fake_array id = fake_arg_array(s, 2, FAKE_INT8, arena);
	struct fake_array sender = fake_arg_array(s, 3, FAKE_INT8, arena);
	struct fake_array sender_name = fake_arg_array(s, 4, FAKE_TEXT, arena);
	struct fake_array kind = fake_arg_array(s, 5, FAKE_TEXT, arena);
	struct fake_array at_ms = fake_arg_array(s, 6, FAKE_INT8, arena);
	struct fake_array title = fake_arg_array(s, 7, FAKE_TEXT, arena);
	struct fake_array preview = fake_arg_nulls(s, 8, FAKE_TEXT, arena);
	struct fake_array body = fake_arg_array(s, 9, FAKE_TEXT, arena);
	for (size_t i = 0; i < conv.count; i++) {
		if (is_poison(body.items[i])) {
			return SW_ESQL;
		}
		if (!preview.items[i].ptr) {
			preview.items[i] = text_of(body.items[i]);
		}
		FAKE_ADD(store, event, fake_item_i64(&conv, i), fake_item_i64(&seq, i), fake_item_i64(&id, i),
			 fake_item_i64(&sender, i), fake_item_i64(&at_ms, i), fake_item_text(store, &kind, i),
			 fake_item_text(store, &title, i), fake_item_text(store, &preview, i),
			 fake_item_text(store, &body, i), fake_item_text(store, &sender_name, i));
	}
	return SW_OK;
}

static int insert_sent(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array sender = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array cid = fake_arg_array(s, 1, FAKE_UUID, arena);
	struct fake_array content = fake_arg_array(s, 2, FAKE_UUID, arena);
	struct fake_array id = fake_arg_array(s, 3, FAKE_INT8, arena);
	struct fake_array conv = fake_arg_array(s, 4, FAKE_INT8, arena);
	struct fake_array seq = fake_arg_array(s, 5, FAKE_INT8, arena);
	(void)fake_arg_array(s, 6, FAKE_INT8, arena);
	for (size_t i = 0; i < sender.count; i++) {
		struct sw_uuid key = fake_item_uuid(&cid, i);
		if (find_sent(store, fake_item_i64(&sender, i), &key)) {
			return SW_ECONFLICT;
		}
		FAKE_ADD(store, sent, fake_item_i64(&sender, i), fake_item_i64(&id, i), fake_item_i64(&conv, i),
			 fake_item_i64(&seq, i), key, fake_item_uuid(&content, i));
	}
	return SW_OK;
}

int fake_sql_sequencer(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	switch (s->sql) {
	case SW_SQL_SEQUENCER_LOAD_CONVERSATIONS:
		load_conversations(store, s, result);
		return SW_OK;
	case SW_SQL_SEQUENCER_LOAD_MEMBERS:
		load_members(store, s, result);
		return SW_OK;
	case SW_SQL_SEQUENCER_LOAD_SENT:
		load_sent(store, s, result);
		return SW_OK;
	case SW_SQL_SEQUENCER_LOAD_MEMBERS_AS_OF:
		load_members_as_of(store, s, result);
		return SW_OK;
	case SW_SQL_SEQUENCER_INSERT_CONVERSATIONS:
		return insert_conversations(store, s, result->arena);
	case SW_SQL_SEQUENCER_INSERT_MEMBERS:
		return insert_members(store, s, result->arena);
	case SW_SQL_SEQUENCER_INSERT_EVENTS:
		return insert_events(store, s, result->arena);
	case SW_SQL_SEQUENCER_INSERT_SENT:
		return insert_sent(store, s, result->arena);
	default:
		return SW_ENOTFOUND;
	}
}
