/* SPDX-License-Identifier: Apache-2.0 */
/* One turn: a batch of envelopes through the steps, one transaction, then the outbox. A transaction that failed half-way
 * is tried again as a whole; one that fails for its contents is narrowed down to the envelope that makes it fail. */
#include "writer/writer_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	STATEMENT_MS = 30000,
	BACKOFF_MS = 50,
	BACKOFF_MS_MAX = 1000,
	CONFLICTS_MAX = 5,
	TURN_LONG_MS = 500,
	TURN_SHORT_MS = 100,
};

struct turn {
	struct sw_engine *engine;
	struct sw_batch batch;
	struct arrival *arrivals;
	size_t envelopes;
	bool careful;
};

static void note_markers(struct turn *turn, struct holding *holding)
{
	if (holding->role != SW_ROLE_MAILBOX || holding->hand_over == HAND_OVER_DIRECT) {
		return;
	}
	for (const struct sw_work *work = turn->batch.works[SW_ROLE_MAILBOX].first; work; work = work->next) {
		settle_taken(holding, work);
	}
}

static void take_arrival(struct turn *turn, struct arrival *arrival)
{
	struct sw_bytes envelope = sw_blob_bytes(arrival->delivery->body);
	int err = sw_batch_add(&turn->batch, arrival->holding->role, arrival->holding->queue, envelope);
	if (err) {
		SW_LOG(ERROR, "writer.bad_envelope", SW_F_STR("queue", arrival->delivery->routing_key), SW_F_ERR(err));
		arrival->malformed = true;
	}
	if (arrival->holding->role == SW_ROLE_SEQUENCER && !arrival->holding->begun) {
		arrival->holding->begun = true;
		settle_begin(turn->engine);
	}
	note_markers(turn, arrival->holding);
	turn->careful |= arrival->delivery->redelivered;
	turn->envelopes++;
	arrival->holding->taken++;
}

static void take_gone_nodes(struct turn *turn)
{
	struct sw_engine *engine = turn->engine;
	for (unsigned i = 0; i < engine->gone_count; i++) {
		for (const struct holding *h = engine->holdings; h; h = h->next) {
			if (h->leaving || h->role != SW_ROLE_MAILBOX) {
				continue;
			}
			struct sw_buf buf;
			sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
			sw_envelope_begin(&buf);
			struct sw_uuid id = sw_uuid_random();
			size_t mark = sw_section_begin(&buf, &id);
			sw_item_put(&buf, &(struct sw_item){.kind = SW_ITEM_NODE_GONE,
							    .as.node_gone = {.node = engine->gone_nodes[i]}});
			sw_section_end(&buf, mark);
			struct sw_bytes kept = sw_arena_copy(&turn->batch.arena, sw_buf_bytes(&buf));
			sw_buf_release(&buf);
			if (sw_batch_add(&turn->batch, SW_ROLE_MAILBOX, h->queue, kept) != SW_OK) {
				abort();
			}
		}
	}
	engine->gone_count = 0;
}

static void take(struct turn *turn)
{
	struct sw_engine *engine = turn->engine;
	const struct sw_writer_config *config = &engine->writer->config;
	struct arrival **last = &turn->arrivals;
	size_t bytes = 0;
	size_t envelopes_max = engine->one_by_one ? 1 : SIZE_MAX;
	for (struct holding *h = engine->holdings; h; h = h->next) {
		h->marker_back = false; /* of an earlier try */
	}
	struct arrival **at;
	while (*(at = engine_takeable(engine)) && turn->envelopes < envelopes_max) {
		struct arrival *arrival = *at;
		size_t items = turn->batch.works[0].items + turn->batch.works[1].items;
		bytes += arrival->delivery->body->len;
		if (turn->envelopes && (items >= engine->items_max || bytes > config->batch_bytes_max)) {
			break;
		}
		*at = arrival->next;
		engine->pending_last = *at ? engine->pending_last : at;
		engine->pending_count--;
		arrival->next = NULL;
		*last = arrival;
		last = &arrival->next;
		take_arrival(turn, arrival);
	}
	if (engine->one_by_one) {
		engine->one_by_one--;
	}
	take_gone_nodes(turn);
}

static void put_back(struct turn *turn)
{
	struct sw_engine *engine = turn->engine;
	struct arrival **last = &turn->arrivals;
	while (*last) {
		(*last)->holding->taken--;
		last = &(*last)->next;
		engine->pending_count++;
	}
	*last = engine->pending;
	if (!engine->pending) {
		engine->pending_last = last;
	}
	engine->pending = turn->arrivals;
}

static void queue_applied_find(struct turn *turn, enum sw_writer_role role)
{
	struct sw_batch *batch = &turn->batch;
	size_t count = 0;
	for (const struct sw_work *work = batch->works[role].first; work; work = work->next) {
		count++;
	}
	struct sw_uuid *ids = sw_arena_alloc(&batch->arena, (count + 1) * sizeof(*ids));
	count = 0;
	for (const struct sw_work *work = batch->works[role].first; work; work = work->next) {
		ids[count++] = work->id;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &batch->arena);
	sw_pg_add_uuids(&params, ids, count);
	sw_pg_queue(turn->engine->pg, SW_SQL_WRITER_APPLIED_FIND, &params);
}

static void mark_applied(struct turn *turn, enum sw_writer_role role)
{
	const struct sw_pg_result *found = sw_pg_result(turn->engine->pg, 0);
	for (struct sw_work *work = turn->batch.works[role].first; work; work = work->next) {
		work->applied = false;
		for (size_t row = 0; row < sw_pg_rows(found) && !work->applied; row++) {
			struct sw_uuid id = sw_pg_uuid(found, row, 0);
			if (sw_uuid_equal(&id, &work->id)) {
				work->applied = true;
				work->result = sw_arena_copy(&turn->batch.arena, sw_pg_bytes(found, row, 1));
			}
		}
	}
}

static int run(struct turn *turn, struct sw_diag *diag)
{
	return sw_pg_run(turn->engine->pg, sw_clock_mono_ms() + STATEMENT_MS, diag);
}

static int run_step(struct turn *turn, enum sw_writer_role role, struct sw_diag *diag)
{
	struct sw_engine *engine = turn->engine;
	const struct sw_step_ops *ops = engine->writer->config.steps[role].ops;
	if (!turn->batch.works[role].first) {
		return SW_OK;
	}
	if (turn->careful) {
		sw_batch_drop_twins(&turn->batch, role);
		sw_pg_begin(engine->pg);
		queue_applied_find(turn, role);
		int err = run(turn, diag);
		if (err) {
			return err;
		}
		mark_applied(turn, role);
	}
	sw_pg_begin(engine->pg);
	if (ops->load(engine->steps[role], &turn->batch, engine->pg) > 0) {
		int err = run(turn, diag);
		if (err) {
			return err;
		}
		ops->loaded(engine->steps[role], &turn->batch, engine->pg);
	}
	ops->apply(engine->steps[role], &turn->batch);
	return SW_OK;
}

static void queue_fence(struct turn *turn)
{
	int16_t roles[2 * SW_LOGICAL_PARTITIONS];
	int32_t queues[2 * SW_LOGICAL_PARTITIONS];
	int64_t epochs[2 * SW_LOGICAL_PARTITIONS];
	size_t count = 0;
	for (const struct holding *h = turn->engine->holdings; h; h = h->next) {
		if (!h->leaving && turn->batch.works[h->role].first) {
			roles[count] = (int16_t)h->role;
			queues[count] = (int32_t)h->queue;
			epochs[count++] = h->epoch;
		}
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &turn->batch.arena);
	sw_pg_add_i16s(&params, roles, count);
	sw_pg_add_i32s(&params, queues, count);
	sw_pg_add_i64s(&params, epochs, count);
	sw_pg_queue(turn->engine->pg, SW_SQL_WRITER_FENCE, &params);
}

static void queue_applied_insert(struct turn *turn)
{
	struct sw_batch *batch = &turn->batch;
	size_t count = 0;
	for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
		for (const struct sw_work *work = batch->works[role].first; work; work = work->next) {
			count += work->durable && !work->applied;
		}
	}
	if (count == 0) {
		return;
	}
	struct sw_uuid *ids = sw_arena_alloc(&batch->arena, count * sizeof(*ids));
	struct sw_bytes *results = sw_arena_alloc(&batch->arena, count * sizeof(*results));
	count = 0;
	for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
		for (const struct sw_work *work = batch->works[role].first; work; work = work->next) {
			if (work->durable && !work->applied) {
				ids[count] = work->id;
				results[count++] = work->result.ptr ? work->result : sw_bytes("", 0);
			}
		}
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &batch->arena);
	sw_pg_add_uuids(&params, ids, count);
	sw_pg_add_byteas(&params, results, count);
	sw_pg_add_i64(&params, batch->now_ms);
	sw_pg_queue(turn->engine->pg, SW_SQL_WRITER_APPLIED_INSERT, &params);
}

static int write_all(struct turn *turn, struct sw_diag *diag)
{
	struct sw_engine *engine = turn->engine;
	sw_pg_begin(engine->pg);
	queue_fence(turn);
	queue_applied_insert(turn);
	for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
		if (turn->batch.works[role].first) {
			engine->writer->config.steps[role].ops->write(engine->steps[role], &turn->batch, engine->pg);
		}
	}
	return run(turn, diag);
}

/* Anew in every attempt: what a failed one emitted is dropped. */
static void bury_malformed(struct turn *turn)
{
	for (const struct arrival *arrival = turn->arrivals; arrival; arrival = arrival->next) {
		if (arrival->malformed) {
			sw_batch_to_dead(&turn->batch, "malformed envelope", sw_blob_bytes(arrival->delivery->body));
		}
	}
}

static int attempt(struct turn *turn, struct sw_diag *diag)
{
	struct sw_engine *engine = turn->engine;
	struct sw_batch *batch = &turn->batch;
	batch->careful = turn->careful;
	memset(batch->owned, 0, sizeof(batch->owned));
	for (const struct holding *h = engine->holdings; h; h = h->next) {
		if (!h->leaving && (h->role != SW_ROLE_MAILBOX || h->hand_over == HAND_OVER_DIRECT)) {
			batch->owned[h->role] |= UINT64_C(1) << h->queue;
		}
	}
	int err = sw_pg_connect(engine->pg, sw_clock_mono_ms() + STATEMENT_MS, diag);
	for (int role = 0; role < SW_WRITER_ROLES && !err; role++) {
		err = run_step(turn, (enum sw_writer_role)role, diag);
	}
	bury_malformed(turn);
	err = err ? err : sw_batch_finish(batch); /* before the commit: what cannot be said must not be done */
	return err ? err : write_all(turn, diag);
}

static void settle(struct turn *turn, bool committed)
{
	struct sw_engine *engine = turn->engine;
	for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
		if (engine->steps[role]) {
			engine->writer->config.steps[role].ops->settle(engine->steps[role], committed);
		}
	}
	if (!committed) {
		sw_batch_rewind(&turn->batch);
	}
}

static void pause_ms(int64_t ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Nothing but this is the envelope's fault: a refused password is no reason to bury messages. */
static bool refuses_contents(int err)
{
	return err == SW_ESQL || err == SW_ELIMIT;
}

/* Until committed, or a final error. A lost connection leaves the commit unknown: look before writing again. */
static int commit(struct turn *turn, struct sw_diag *diag)
{
	struct sw_engine *engine = turn->engine;
	int64_t backoff_ms = BACKOFF_MS;
	unsigned conflicts = 0;
	while (true) {
		*diag = (struct sw_diag){0};
		int err = attempt(turn, diag);
		settle(turn, err == SW_OK);
		engine->writer->store_connected = sw_pg_connected(engine->pg);
		if (err == SW_OK || err == SW_EFENCED || refuses_contents(err) || engine->stopping) {
			return err;
		}
		turn->careful = true;
		if (err == SW_ECONFLICT) {
			sw_metric_add(engine->writer->conflicts, 1);
			if (++conflicts > CONFLICTS_MAX) {
				return SW_ESQL;
			}
			continue;
		}
		SW_LOG(WARN, "writer.store_retry", SW_F_ERR(err), SW_F_STR("detail", diag->text),
		       SW_F_INT("wait_ms", backoff_ms));
		pause_ms(backoff_ms);
		backoff_ms = backoff_ms * 2 < BACKOFF_MS_MAX ? backoff_ms * 2 : BACKOFF_MS_MAX;
	}
}

/* The store or a step refused the contents. */
static void on_poison(struct turn *turn, int err, const struct sw_diag *diag)
{
	struct sw_engine *engine = turn->engine;
	if (turn->envelopes > 1) {
		engine->one_by_one = (unsigned)turn->envelopes;
		put_back(turn);
		return;
	}
	sw_metric_add(engine->writer->poisoned, 1);
	SW_LOG(ERROR, "writer.poison", SW_F_ERR(err), SW_F_STR("detail", diag->text));
	struct sw_batch letter;
	sw_batch_init(&letter, engine->writer->config.queues[SW_ROLE_MAILBOX]);
	if (turn->arrivals) {
		sw_batch_to_dead(&letter, "poison", sw_blob_bytes(turn->arrivals->delivery->body));
	}
	if (sw_batch_finish(&letter) == SW_OK) {
		outbox_send(engine, &letter, turn->arrivals);
	} else {
		engine_arrivals_end(engine, turn->arrivals, false);
	}
	sw_batch_release(&letter);
}

/* An item may be a row or a thousand, by the size of its group: what is too much for a batch, only its time tells. */
static void adapt(struct sw_engine *engine, size_t items, int64_t took_ms)
{
	unsigned most = engine->writer->config.batch_items_max;
	if (took_ms > TURN_LONG_MS) {
		engine->items_max = items > 1 ? (unsigned)items / 2 : 1;
	} else if (took_ms < TURN_SHORT_MS) {
		engine->items_max *= 2;
	}
	engine->items_max = engine->items_max < most ? engine->items_max : most;
}

void engine_turn(struct sw_engine *engine)
{
	struct turn turn = {.engine = engine};
	sw_batch_init(&turn.batch, engine->writer->config.queues[SW_ROLE_MAILBOX]);
	int64_t start_ms = sw_clock_mono_ms();
	take(&turn);
	size_t items = turn.batch.works[0].items + turn.batch.works[1].items;
	struct sw_diag diag;
	int err = commit(&turn, &diag);
	if (err == SW_OK) {
		sw_metric_add(engine->writer->batches, 1);
		sw_metric_add(engine->writer->items, (int64_t)items);
		int64_t took_ms = sw_clock_mono_ms() - start_ms;
		sw_metric_observe_ms(engine->writer->batch_ms, took_ms);
		adapt(engine, items, took_ms);
		outbox_send(engine, &turn.batch, turn.arrivals);
		settle_committed(engine, &turn.batch);
	} else if (err == SW_EFENCED) {
		sw_metric_add(engine->writer->fenced, 1);
		SW_LOG(WARN, "writer.fenced", SW_F_INT("engine", engine->id));
		engine_arrivals_end(engine, turn.arrivals, false);
		engine_lose_all(engine);
	} else if (engine->stopping) {
		engine_arrivals_end(engine, turn.arrivals, false);
	} else {
		on_poison(&turn, err, &diag);
	}
	sw_batch_release(&turn.batch);
}
