/* SPDX-License-Identifier: Apache-2.0 */
/* writer.sql in memory, and the way to the others. */
#include "fake_store.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A writer holds every row with its own epoch, or it holds nothing. */
static int fence(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array roles = fake_arg_array(s, 0, FAKE_INT2, result->arena);
	struct fake_array queues = fake_arg_array(s, 1, FAKE_INT4, result->arena);
	struct fake_array epochs = fake_arg_array(s, 2, FAKE_INT8, result->arena);
	size_t held = 0;
	for (size_t i = 0; i < roles.count; i++) {
		sw_fake_foreach(store, owner, o)
		{
			held += o->role == fake_item_i64(&roles, i) && o->queue == fake_item_i64(&queues, i) &&
				o->epoch == fake_item_i64(&epochs, i);
		}
	}
	return held == roles.count ? SW_OK : SW_EFENCED;
}

static void applied_find(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array ids = fake_arg_array(s, 0, FAKE_UUID, result->arena);
	fake_result_columns(result, 2);
	sw_fake_foreach(store, applied, a)
	{
		bool wanted = false;
		for (size_t i = 0; i < ids.count && !wanted; i++) {
			struct sw_uuid id = fake_item_uuid(&ids, i);
			wanted = sw_uuid_equal(&id, &a->section);
		}
		if (wanted) {
			fake_put_uuid(result, &a->section);
			fake_put_bytes(result, a->result);
		}
	}
}

static int applied_insert(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array ids = fake_arg_array(s, 0, FAKE_UUID, result->arena);
	struct fake_array results = fake_arg_array(s, 1, FAKE_BYTEA, result->arena);
	assert(ids.count == results.count && s->count == 3);
	for (size_t i = 0; i < ids.count; i++) {
		struct sw_uuid id = fake_item_uuid(&ids, i);
		sw_fake_foreach(store, applied, a)
		{
			if (sw_uuid_equal(&id, &a->section)) {
				return SW_ECONFLICT;
			}
		}
		FAKE_ADD(store, applied, id, fake_item_text(store, &results, i));
	}
	return SW_OK;
}

static struct fake_engine *find_engine(struct fake_store *store, int64_t id)
{
	sw_fake_foreach(store, engine, e)
	{
		if (e->id == id) {
			return e;
		}
	}
	return NULL;
}

static void engine_beat(struct fake_store *store, const struct fake_statement *s)
{
	int64_t id = fake_arg_i64(s, 0);
	struct fake_engine beat = {.id = id,
				   .sequencer = s->values[1].ptr[0] != 0,
				   .mailbox = s->values[2].ptr[0] != 0,
				   .draining = s->values[3].ptr[0] != 0,
				   .lease_until_ms = sw_clock_mono_ms() + fake_arg_i64(s, 4)};
	struct fake_engine *engine = find_engine(store, id);
	if (engine) {
		engine->draining = beat.draining;
		engine->lease_until_ms = beat.lease_until_ms;
	} else {
		FAKE_ADD(store, engine, beat.id, beat.lease_until_ms, beat.sequencer, beat.mailbox, beat.draining);
	}
}

static void engine_drop(struct fake_store *store, int64_t id)
{
	for (size_t i = store->tables.engine.count; i-- > 0;) {
		if (store->tables.engine.rows[i].id == id) {
			FAKE_REMOVE(store, engine, i);
		}
	}
}

static int by_id(const void *a, const void *b)
{
	const struct fake_engine *x = a;
	const struct fake_engine *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

static void engine_list(struct fake_store *store, struct sw_pg_result *result)
{
	fake_result_columns(result, 4);
	if (store->tables.engine.count) {
		qsort(store->tables.engine.rows, store->tables.engine.count, sizeof(struct fake_engine), by_id);
	}
	sw_fake_foreach(store, engine, e)
	{
		if (e->lease_until_ms > sw_clock_mono_ms()) {
			fake_put_i64(result, e->id);
			fake_put_bool(result, e->sequencer);
			fake_put_bool(result, e->mailbox);
			fake_put_bool(result, e->draining);
		}
	}
}

static struct fake_owner *find_owner(struct fake_store *store, int64_t role, int64_t queue)
{
	sw_fake_foreach(store, owner, o)
	{
		if (o->role == role && o->queue == queue) {
			return o;
		}
	}
	return NULL;
}

static void owner_ensure(struct fake_store *store, const struct fake_statement *s)
{
	for (int64_t queue = 0; queue < fake_arg_i64(s, 1); queue++) {
		if (!find_owner(store, fake_arg_i64(s, 0), queue)) {
			FAKE_ADD(store, owner, fake_arg_i64(s, 0), queue, 0, 0);
		}
	}
}

static void owner_list(struct fake_store *store, struct sw_pg_result *result)
{
	fake_result_columns(result, 5);
	sw_fake_foreach(store, owner, o)
	{
		const struct fake_engine *engine = find_engine(store, o->owner);
		fake_put_i16(result, (int16_t)o->role);
		fake_put_i32(result, (int32_t)o->queue);
		fake_put_i64(result, o->owner);
		fake_put_i64(result, o->epoch);
		fake_put_bool(result, engine && engine->lease_until_ms > sw_clock_mono_ms());
	}
}

static void owner_take(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_owner *owner = find_owner(store, fake_arg_i64(s, 1), fake_arg_i64(s, 2));
	fake_result_columns(result, 1);
	if (owner && owner->epoch == fake_arg_i64(s, 3)) {
		owner->owner = fake_arg_i64(s, 0);
		owner->epoch++;
		fake_put_i64(result, owner->epoch);
	}
}

static void owner_release(struct fake_store *store, const struct fake_statement *s)
{
	struct fake_owner *owner = find_owner(store, fake_arg_i64(s, 1), fake_arg_i64(s, 2));
	if (owner && owner->owner == fake_arg_i64(s, 0) && owner->epoch == fake_arg_i64(s, 3)) {
		owner->owner = 0;
	}
}

int fake_sql_writer(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	switch (s->sql) {
	case SW_SQL_WRITER_FENCE:
		return fence(store, s, result);
	case SW_SQL_WRITER_APPLIED_FIND:
		applied_find(store, s, result);
		return SW_OK;
	case SW_SQL_WRITER_APPLIED_INSERT:
		return applied_insert(store, s, result);
	case SW_SQL_WRITER_APPLIED_EXPIRE:
	case SW_SQL_WRITER_ENGINE_EXPIRE:
		return SW_OK; /* nothing is that old in a test */
	case SW_SQL_WRITER_ENGINE_BEAT:
		engine_beat(store, s);
		return SW_OK;
	case SW_SQL_WRITER_ENGINE_DROP:
		engine_drop(store, fake_arg_i64(s, 0));
		return SW_OK;
	case SW_SQL_WRITER_ENGINE_LIST:
		engine_list(store, result);
		return SW_OK;
	case SW_SQL_WRITER_OWNER_ENSURE:
		owner_ensure(store, s);
		return SW_OK;
	case SW_SQL_WRITER_OWNER_LIST:
		owner_list(store, result);
		return SW_OK;
	case SW_SQL_WRITER_OWNER_TAKE:
		owner_take(store, s, result);
		return SW_OK;
	case SW_SQL_WRITER_OWNER_RELEASE:
		owner_release(store, s);
		return SW_OK;
	default:
		return SW_ENOTFOUND;
	}
}

int fake_sql_run(struct fake_store *store, const struct fake_statement *statement, struct sw_pg_result *result)
{
	int err = fake_sql_writer(store, statement, result);
	err = err == SW_ENOTFOUND ? fake_sql_sequencer(store, statement, result) : err;
	err = err == SW_ENOTFOUND ? fake_sql_mailbox(store, statement, result) : err;
	err = err == SW_ENOTFOUND ? fake_sql_gateway(store, statement, result) : err;
	err = err == SW_ENOTFOUND ? fake_sql_pusher(store, statement, result) : err;
	if (err == SW_ENOTFOUND) {
		fprintf(stderr, "fake store: statement %d is not known\n", (int)statement->sql);
		abort();
	}
	return err;
}
