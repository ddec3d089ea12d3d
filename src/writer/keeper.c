/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper's thread: renews the lease of this process's engines, and moves partitions. The wanted owner of a queue is
 * computed by everybody from the same list of live engines; who is not wanted any more lets go, who is wanted waits until
 * the queue is free or its owner's lease is over. Time is the store's clock alone. A keeper that cannot reach the store
 * takes nothing away: if somebody else took a partition meanwhile, the fence in every transaction says so. */
#include "writer/writer_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum {
	ENGINES_MAX = 256,
	QUEUES_MAX = 2 * SW_LOGICAL_PARTITIONS,
	EXPIRE_EVERY_TICKS = 200,
	APPLIED_KEEP_MS = 48 * 3600 * 1000
};

struct live_engine {
	int64_t id;
	bool runs[SW_WRITER_ROLES];
	bool draining;
};

struct owner_row {
	enum sw_writer_role role;
	unsigned queue;
	int64_t owner;
	int64_t epoch;
	bool alive;
};

struct keeper {
	struct sw_writer *writer;
	struct sw_pg *pg;
	struct sw_arena arena;
	struct live_engine engines[ENGINES_MAX];
	size_t engine_count;
	struct owner_row rows[QUEUES_MAX];
	size_t row_count;
	bool told[QUEUES_MAX]; /* row i: the owner, an engine of ours, was told to consume */
	bool ensured;
	unsigned ticks;
};

void keeper_tell(struct sw_writer *writer, struct sw_engine *engine, enum mail_kind kind, const struct holding *holding)
{
	struct note *note = sw_xcalloc(1, sizeof(*note));
	note->kind = kind;
	note->engine = engine;
	if (holding) {
		note->role = holding->role;
		note->queue = holding->queue;
		note->epoch = holding->epoch;
	}
	if (!sw_mailbox_post_always(&writer->keeper_inbox, &note->mail)) {
		free(note);
	}
}

static void tell_engine(struct sw_engine *engine, enum mail_kind kind, const struct owner_row *row)
{
	struct note *note = sw_xcalloc(1, sizeof(*note));
	note->kind = kind;
	note->role = row->role;
	note->queue = row->queue;
	note->epoch = row->epoch;
	if (!sw_mailbox_post_always(&engine->inbox, &note->mail)) {
		free(note);
	}
}

static struct sw_engine *own_engine(const struct keeper *keeper, int64_t id)
{
	for (unsigned i = 0; i < keeper->writer->config.engines; i++) {
		if (keeper->writer->engines[i].id == id) {
			return &keeper->writer->engines[i];
		}
	}
	return NULL;
}

static int64_t deadline_ms(const struct keeper *keeper)
{
	return sw_clock_mono_ms() + keeper->writer->config.lease_ms;
}

static void queue_beat(struct keeper *keeper, bool draining)
{
	const struct sw_writer_config *config = &keeper->writer->config;
	for (unsigned i = 0; i < config->engines; i++) {
		struct sw_pg_params params;
		sw_pg_params_init(&params, &keeper->arena);
		sw_pg_add_i64(&params, keeper->writer->engines[i].id);
		sw_pg_add_bool(&params, config->steps[SW_ROLE_SEQUENCER].ops != NULL);
		sw_pg_add_bool(&params, config->steps[SW_ROLE_MAILBOX].ops != NULL);
		sw_pg_add_bool(&params, draining);
		sw_pg_add_i32(&params, config->lease_ms);
		sw_pg_queue(keeper->pg, SW_SQL_WRITER_ENGINE_BEAT, &params);
	}
}

static int ensure_rows(struct keeper *keeper)
{
	if (keeper->ensured) {
		return SW_OK;
	}
	sw_pg_begin(keeper->pg);
	for (int16_t role = 0; role < SW_WRITER_ROLES; role++) {
		struct sw_pg_params params;
		sw_pg_params_init(&params, &keeper->arena);
		sw_pg_add_i16(&params, role);
		sw_pg_add_i32(&params, (int32_t)keeper->writer->config.queues[role]);
		sw_pg_queue(keeper->pg, SW_SQL_WRITER_OWNER_ENSURE, &params);
	}
	struct sw_diag diag = {0};
	int err = sw_pg_run(keeper->pg, deadline_ms(keeper), &diag);
	keeper->ensured = err == SW_OK;
	return err;
}

static int refresh(struct keeper *keeper, bool draining)
{
	struct sw_diag diag = {0};
	sw_pg_begin(keeper->pg);
	queue_beat(keeper, draining);
	size_t first = keeper->writer->config.engines;
	sw_pg_queue(keeper->pg, SW_SQL_WRITER_ENGINE_LIST, NULL);
	sw_pg_queue(keeper->pg, SW_SQL_WRITER_OWNER_LIST, NULL);
	int err = sw_pg_run(keeper->pg, deadline_ms(keeper), &diag);
	if (err) {
		return err;
	}
	const struct sw_pg_result *engines = sw_pg_result(keeper->pg, first);
	keeper->engine_count = 0;
	for (size_t i = 0; i < sw_pg_rows(engines) && i < ENGINES_MAX; i++) {
		keeper->engines[keeper->engine_count++] = (struct live_engine){
			.id = sw_pg_i64(engines, i, 0),
			.runs = {sw_pg_bool(engines, i, 1), sw_pg_bool(engines, i, 2)},
			.draining = sw_pg_bool(engines, i, 3)};
	}
	const struct sw_pg_result *owners = sw_pg_result(keeper->pg, first + 1);
	keeper->row_count = 0;
	for (size_t i = 0; i < sw_pg_rows(owners) && i < QUEUES_MAX; i++) {
		struct owner_row row = {.role = (enum sw_writer_role)sw_pg_i16(owners, i, 0),
					.queue = (unsigned)sw_pg_i32(owners, i, 1),
					.owner = sw_pg_i64(owners, i, 2),
					.epoch = sw_pg_i64(owners, i, 3),
					.alive = sw_pg_bool(owners, i, 4)};
		if (row.role < SW_WRITER_ROLES && row.queue < keeper->writer->config.queues[row.role]) {
			keeper->rows[keeper->row_count++] = row;
		}
	}
	return SW_OK;
}

/* Round robin over the live engines in the order of their ids: queue q of both roles falls to the same engine, so that
 * hand-overs are local as often as they can be. */
static int64_t wanted_owner(const struct keeper *keeper, const struct owner_row *row)
{
	int64_t able[ENGINES_MAX];
	size_t count = 0;
	for (size_t i = 0; i < keeper->engine_count; i++) {
		const struct live_engine *engine = &keeper->engines[i];
		if (engine->runs[row->role] && !engine->draining) {
			able[count++] = engine->id;
		}
	}
	return count ? able[row->queue % count] : 0;
}

static void take_row(struct keeper *keeper, size_t index)
{
	struct owner_row *row = &keeper->rows[index];
	int64_t wanted = wanted_owner(keeper, row);
	struct sw_engine *engine = own_engine(keeper, wanted);
	if (!engine) {
		return;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &keeper->arena);
	sw_pg_add_i64(&params, wanted);
	sw_pg_add_i16(&params, (int16_t)row->role);
	sw_pg_add_i32(&params, (int32_t)row->queue);
	sw_pg_add_i64(&params, row->epoch);
	sw_pg_begin(keeper->pg);
	sw_pg_queue(keeper->pg, SW_SQL_WRITER_OWNER_TAKE, &params);
	struct sw_diag diag = {0};
	if (sw_pg_run(keeper->pg, deadline_ms(keeper), &diag) != SW_OK ||
	    sw_pg_rows(sw_pg_result(keeper->pg, 0)) == 0) {
		return; /* somebody else was first: the next tick shows who */
	}
	row->owner = wanted;
	row->alive = true;
	row->epoch = sw_pg_i64(sw_pg_result(keeper->pg, 0), 0, 0);
	tell_engine(engine, MAIL_ASSIGN, row);
	keeper->told[index] = true;
}

/* Whichever engine of ours had it stops consuming: the queue has one active consumer, and it shall be the owner's. */
static void release_stale(struct keeper *keeper, const struct owner_row *row)
{
	for (unsigned i = 0; i < keeper->writer->config.engines; i++) {
		tell_engine(&keeper->writer->engines[i], MAIL_RELEASE, row);
	}
}

static void decide(struct keeper *keeper, bool draining)
{
	unsigned unowned = 0;
	for (size_t i = 0; i < keeper->row_count; i++) {
		struct owner_row *row = &keeper->rows[i];
		struct sw_engine *holder = own_engine(keeper, row->owner);
		if (row->owner == 0 || (!row->alive && !holder)) {
			keeper->told[i] = false;
			if (!draining) {
				take_row(keeper, i);
			}
		} else if (holder && !keeper->told[i]) {
			tell_engine(holder, MAIL_ASSIGN, row);
			keeper->told[i] = true;
		} else if (holder && wanted_owner(keeper, row) != row->owner) {
			tell_engine(holder, MAIL_RELEASE, row);
		} else if (!holder && keeper->told[i]) {
			release_stale(keeper, row); /* taken from us while we could not renew */
			keeper->told[i] = false;
		}
		bool ours = keeper->writer->config.steps[row->role].ops != NULL;
		unowned += ours && (!row->owner || !row->alive);
	}
	keeper->writer->unowned = unowned;
}

static void on_released(struct keeper *keeper, const struct note *note)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &keeper->arena);
	sw_pg_add_i64(&params, note->engine->id);
	sw_pg_add_i16(&params, (int16_t)note->role);
	sw_pg_add_i32(&params, (int32_t)note->queue);
	sw_pg_add_i64(&params, note->epoch);
	sw_pg_begin(keeper->pg);
	sw_pg_queue(keeper->pg, SW_SQL_WRITER_OWNER_RELEASE, &params);
	struct sw_diag diag = {0};
	if (sw_pg_connect(keeper->pg, deadline_ms(keeper), &diag) != SW_OK ||
	    sw_pg_run(keeper->pg, deadline_ms(keeper), &diag) != SW_OK) {
		SW_LOG(WARN, "writer.release_failed", SW_F_STR("detail", diag.text));
	}
}

static void read_notes(struct keeper *keeper, struct sw_mail *mails)
{
	while (mails) {
		struct note *note = (struct note *)mails;
		mails = mails->next;
		if (note->kind == MAIL_RELEASED) {
			on_released(keeper, note);
		}
		/* Lost or let go: whatever is still ours by the store is assigned anew at the next tick. */
		for (size_t i = 0; i < keeper->row_count; i++) {
			if (own_engine(keeper, keeper->rows[i].owner) == note->engine) {
				keeper->told[i] = false;
			}
		}
		free(note);
	}
}

/* Rows of committed sections are needed only as long as the broker may redeliver. */
static void expire(struct keeper *keeper)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &keeper->arena);
	sw_pg_add_i64(&params, sw_clock_wall_ms() - APPLIED_KEEP_MS);
	sw_pg_begin(keeper->pg);
	sw_pg_queue(keeper->pg, SW_SQL_WRITER_APPLIED_EXPIRE, &params);
	sw_pg_queue(keeper->pg, SW_SQL_WRITER_ENGINE_EXPIRE, NULL);
	struct sw_diag diag = {0};
	if (sw_pg_run(keeper->pg, sw_clock_mono_ms() + 10000, &diag) != SW_OK) {
		SW_LOG(WARN, "writer.expire_failed", SW_F_STR("detail", diag.text));
	}
}

static void tick(struct keeper *keeper, bool draining)
{
	struct sw_diag diag = {0};
	int err = sw_pg_connect(keeper->pg, deadline_ms(keeper), &diag);
	err = err ? err : ensure_rows(keeper);
	err = err ? err : refresh(keeper, draining);
	bool connected = err == SW_OK;
	if (connected != keeper->writer->store_connected || (!connected && keeper->ticks == 0)) {
		if (connected) {
			SW_LOG(INFO, "writer.store_up", SW_F_INT("engines", (int64_t)keeper->writer->config.engines));
		} else {
			SW_LOG(WARN, "writer.store_away", SW_F_STR("detail", diag.text));
		}
	}
	keeper->writer->store_connected = connected;
	if (connected) {
		decide(keeper, draining);
		if (++keeper->ticks % EXPIRE_EVERY_TICKS == 0) {
			expire(keeper);
		}
	}
	sw_arena_reset(&keeper->arena);
}

static void drop_engines(struct keeper *keeper)
{
	struct sw_diag diag = {0};
	sw_pg_begin(keeper->pg);
	for (unsigned i = 0; i < keeper->writer->config.engines; i++) {
		struct sw_pg_params params;
		sw_pg_params_init(&params, &keeper->arena);
		sw_pg_add_i64(&params, keeper->writer->engines[i].id);
		sw_pg_queue(keeper->pg, SW_SQL_WRITER_ENGINE_DROP, &params);
	}
	if (sw_pg_run(keeper->pg, deadline_ms(keeper), &diag) != SW_OK) {
		SW_LOG(WARN, "writer.leave_failed", SW_F_STR("detail", diag.text));
	}
}

void *keeper_main(void *arg)
{
	struct sw_writer *writer = arg;
	struct keeper *keeper = sw_xcalloc(1, sizeof(*keeper));
	keeper->writer = writer;
	keeper->pg = sw_pg_new(writer->config.pg);
	sw_arena_init(&keeper->arena);
	int64_t period_ms = writer->config.lease_ms / 6;
	while (!writer->stopping) {
		tick(keeper, false);
		int64_t until_ms = sw_clock_mono_ms() + period_ms;
		read_notes(keeper, sw_mailbox_wait(&writer->keeper_inbox, until_ms));
	}
	/* Engines report each partition as they let go; until all of them have ended. */
	while (!writer->engines_done) {
		read_notes(keeper, sw_mailbox_wait(&writer->keeper_inbox, sw_clock_mono_ms() + period_ms));
	}
	read_notes(keeper, sw_mailbox_take(&writer->keeper_inbox));
	drop_engines(keeper);
	sw_arena_release(&keeper->arena);
	sw_pg_free(keeper->pg);
	free(keeper);
	return NULL;
}
