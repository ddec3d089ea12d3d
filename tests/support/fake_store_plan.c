/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of mailbox.sql about preferences and plans of several steps, in memory. */
#include "fake_store.h"

#include <surewire/mem.h>

#include <stdlib.h>

static void load_preferences(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, result->arena);
	fake_result_columns(result, 6);
	sw_fake_foreach(store, preference, row)
	{
		if (fake_array_has(&users, row->user)) {
			fake_put_i64(result, row->user);
			fake_put_i64(result, row->conv);
			fake_put_i64(result, row->muted_until_ms);
			fake_put_i32(result, (int32_t)row->mentions_only);
			fake_put_bytes(result, row->content);
			fake_put_bytes(result, row->plan);
		}
	}
}

static void drop_preference(struct fake_store *store, int64_t user, int64_t conv)
{
	sw_fake_foreach(store, preference, row)
	{
		if (row->user == user && row->conv == conv) {
			FAKE_REMOVE(store, preference, row - store->tables.preference.rows);
			return;
		}
	}
}

static void upsert_preferences(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array numbers[4];
	for (int i = 0; i < 4; i++) {
		numbers[i] = fake_arg_array(s, i, FAKE_INT8, arena);
	}
	struct fake_array contents = fake_arg_array(s, 4, FAKE_TEXT, arena);
	struct fake_array plans = fake_arg_array(s, 5, FAKE_TEXT, arena);
	for (size_t i = 0; i < contents.count; i++) {
		int64_t user = fake_item_i64(&numbers[0], i);
		int64_t conv = fake_item_i64(&numbers[1], i);
		int64_t mentions_only = fake_item_i64(&numbers[3], i);
		drop_preference(store, user, conv);
		FAKE_ADD(store, preference, user, conv, fake_item_i64(&numbers[2], i),
			 mentions_only < 0 ? 2 : mentions_only, fake_item_text(store, &contents, i),
			 fake_item_text(store, &plans, i));
	}
}

static void delete_preferences(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array convs = fake_arg_array(s, 1, FAKE_INT8, arena);
	for (size_t i = 0; i < users.count; i++) {
		drop_preference(store, fake_item_i64(&users, i), fake_item_i64(&convs, i));
	}
}

static int by_step(const void *a, const void *b)
{
	const struct fake_step *x = a;
	const struct fake_step *y = b;
	if (x->user != y->user) {
		return (x->user > y->user) - (x->user < y->user);
	}
	return (x->pos > y->pos) - (x->pos < y->pos);
}

static void put_step(struct fake_store *store, struct sw_pg_result *result, const struct fake_step *step)
{
	sw_fake_foreach(store, inbox, i)
	{
		if (i->user == step->user && i->pos == step->pos) {
			fake_put_unacked(store, result, i);
			fake_put_i32(result, (int32_t)step->step);
			fake_put_i64(result, step->due_at_ms);
		}
	}
}

/* Fewer than the limit of the real one. */
static void load_steps(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, result->arena);
	struct fake_array pos = fake_arg_array(s, 1, FAKE_INT8, result->arena);
	fake_result_columns(result, 11);
	if (store->tables.step.count) {
		qsort(store->tables.step.rows, store->tables.step.count, sizeof(struct fake_step), by_step);
	}
	sw_fake_foreach(store, step, row)
	{
		bool wanted = false;
		for (size_t q = 0; q < users.count; q++) {
			wanted |= row->user == fake_item_i64(&users, q) &&
				  (fake_item_i64(&pos, q) == 0 || fake_item_i64(&pos, q) == row->pos);
		}
		if (wanted) {
			put_step(store, result, row);
		}
	}
}

static struct fake_step *find_step(struct fake_store *store, int64_t user, int64_t pos)
{
	sw_fake_foreach(store, step, row)
	{
		if (row->user == user && row->pos == pos) {
			return row;
		}
	}
	return NULL;
}

static int upsert_steps(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array columns[4];
	for (int i = 0; i < 4; i++) {
		columns[i] = fake_arg_array(s, i, FAKE_INT8, arena);
	}
	for (size_t i = 0; i < columns[0].count; i++) {
		struct fake_step row = {fake_item_i64(&columns[0], i), fake_item_i64(&columns[1], i),
					fake_item_i64(&columns[2], i), fake_item_i64(&columns[3], i)};
		for (size_t k = 0; k < i; k++) {
			if (fake_item_i64(&columns[0], k) == row.user && fake_item_i64(&columns[1], k) == row.pos) {
				return SW_ESQL; /* ON CONFLICT DO UPDATE cannot affect a row a second time */
			}
		}
		struct fake_step *old = find_step(store, row.user, row.pos);
		if (old) {
			*old = row;
		} else {
			FAKE_ADD(store, step, row.user, row.pos, row.step, row.due_at_ms);
		}
	}
	return SW_OK;
}

static void delete_steps(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array users = fake_arg_array(s, 0, FAKE_INT8, arena);
	struct fake_array pos = fake_arg_array(s, 1, FAKE_INT8, arena);
	for (size_t i = 0; i < users.count; i++) {
		const struct fake_step *found = find_step(store, fake_item_i64(&users, i), fake_item_i64(&pos, i));
		if (found) {
			FAKE_REMOVE(store, step, found - store->tables.step.rows);
		}
	}
}

int fake_sql_mailbox_plan(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct sw_arena *arena = result->arena;
	switch (s->sql) {
	case SW_SQL_MAILBOX_LOAD_PREFERENCES:
		load_preferences(store, s, result);
		return SW_OK;
	case SW_SQL_MAILBOX_UPSERT_PREFERENCES:
		upsert_preferences(store, s, arena);
		return SW_OK;
	case SW_SQL_MAILBOX_DELETE_PREFERENCES:
		delete_preferences(store, s, arena);
		return SW_OK;
	case SW_SQL_MAILBOX_LOAD_STEPS:
		load_steps(store, s, result);
		return SW_OK;
	case SW_SQL_MAILBOX_UPSERT_STEPS:
		return upsert_steps(store, s, arena);
	case SW_SQL_MAILBOX_DELETE_STEPS:
		delete_steps(store, s, arena);
		return SW_OK;
	default:
		return SW_ENOTFOUND;
	}
}
