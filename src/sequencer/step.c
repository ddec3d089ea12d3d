/* SPDX-License-Identifier: Apache-2.0 */
/* The step's five calls: load what the batch needs and the cache lacks, apply items in order, write, settle. */
#include "sequencer/sequencer_int.h"

#include <surewire/buf.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { FATE_BYTES_MAX = 64 << 20 };

static void *step_open(const void *config, struct sw_idgen *ids)
{
	struct sequencer *s = sw_xcalloc(1, sizeof(*s));
	s->config = config;
	s->ids = ids;
	s->stored = sw_metric_counter("surewire_sequencer_stored_total", NULL, "Messages that got a seq.");
	s->rejected = sw_metric_counter("surewire_sequencer_rejected_total", NULL,
					"Accepted messages refused by a rule.");
	s->repeats = sw_metric_counter("surewire_sequencer_repeats_total", NULL,
				       "Retries of clients answered with the original result.");
	s->redelivered = sw_metric_counter("surewire_sequencer_redelivered_total", NULL,
					   "Sections delivered again by the broker and recognised.");
	return s;
}

static void step_forget(void *step)
{
	struct sequencer *s = step;
	conversations_clear(s);
	recent_clear(s);
	s->events = s->conversations = s->sents = (struct sw_rows){0};
}

static void step_close(void *step)
{
	step_forget(step);
	free(step);
}

/* ---- what to load ---- */

struct wanted {
	struct sw_rows convs;   /* int64_t */
	struct sw_rows pairs;   /* struct pair */
	struct sw_rows cids;    /* struct cid_key */
	struct sw_rows results; /* struct pair of (conv, seq) */
};

static void want_conversation(struct sequencer *s, struct sw_arena *arena, struct wanted *want, int64_t conv,
			      struct pair pair)
{
	if (conv && !conversation_find(s, conv)) {
		*(int64_t *)sw_rows_add(&want->convs, arena, sizeof(int64_t)) = conv;
	} else if (pair.lo && !conversation_find_pair(s, pair)) {
		*(struct pair *)sw_rows_add(&want->pairs, arena, sizeof(pair)) = pair;
	}
}

static void want_cid(struct sequencer *s, struct sw_arena *arena, struct wanted *want, int64_t sender,
		     const struct sw_uuid *cid)
{
	if (!recent_find(s, sender, cid)) {
		*(struct cid_key *)sw_rows_add(&want->cids, arena, sizeof(struct cid_key)) = (struct cid_key){
			.sender = sender, .cid = *cid};
	}
}

static void want_item(struct sequencer *s, struct sw_batch *batch, struct wanted *want, const struct sw_item *item)
{
	if (item->kind == SW_ITEM_SEND) {
		const struct sw_item_send *send = &item->as.send;
		want_conversation(s, &batch->arena, want, send->conv, (struct pair){send->peer_lo, send->peer_hi});
		if (batch->careful) {
			want_cid(s, &batch->arena, want, send->sender, &send->cid);
		}
	} else if (item->kind == SW_ITEM_CREATE) {
		const struct sw_item_create *create = &item->as.create;
		want_conversation(s, &batch->arena, want, 0, (struct pair){create->peer_lo, create->peer_hi});
		if (batch->careful) {
			want_cid(s, &batch->arena, want, create->sender, &create->cid);
		}
	}
}

/* ---- fates as recorded ---- */

static void put_fate(struct sw_buf *buf, const struct fate *fate)
{
	sw_buf_put_u8(buf, (uint8_t)fate->kind);
	sw_buf_put_u8(buf, (uint8_t)fate->reject);
	sw_buf_put_u64(buf, (uint64_t)fate->conv);
	sw_buf_put_u64(buf, (uint64_t)fate->seq);
	sw_buf_put_u64(buf, (uint64_t)fate->id);
}

static struct fate get_fate(struct sw_reader *r)
{
	struct fate fate;
	fate.kind = (enum fate_kind)sw_reader_u8(r);
	fate.reject = (enum sw_reject)sw_reader_u8(r);
	fate.conv = (int64_t)sw_reader_u64(r);
	fate.seq = (int64_t)sw_reader_u64(r);
	fate.id = (int64_t)sw_reader_u64(r);
	return r->err ? (struct fate){.kind = FATE_NONE} : fate;
}

static void want_results(struct sw_batch *batch, struct wanted *want, const struct sw_work *work)
{
	struct sw_reader r;
	sw_reader_init(&r, work->result);
	for (size_t i = 0; i < work->count; i++) {
		struct fate fate = get_fate(&r);
		if (fate.kind == FATE_STORED) {
			*(struct pair *)sw_rows_add(&want->results, &batch->arena,
						    sizeof(struct pair)) = (struct pair){fate.conv, fate.seq};
		}
	}
}

/* ---- statements ---- */

static void add_pairs(struct sw_pg_params *params, struct sw_arena *arena, const struct sw_rows *rows)
{
	const struct pair *pairs = rows->items;
	int64_t *lo = sw_arena_alloc(arena, (rows->count + 1) * sizeof(*lo));
	int64_t *hi = sw_arena_alloc(arena, (rows->count + 1) * sizeof(*hi));
	for (size_t i = 0; i < rows->count; i++) {
		lo[i] = pairs[i].lo;
		hi[i] = pairs[i].hi;
	}
	sw_pg_add_i64s(params, lo, rows->count);
	sw_pg_add_i64s(params, hi, rows->count);
}

static size_t load_conversations(struct sw_arena *arena, const struct wanted *want, struct sw_pg *pg)
{
	if (want->convs.count + want->pairs.count == 0) {
		return 0;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, want->convs.items, want->convs.count);
	add_pairs(&params, arena, &want->pairs);
	sw_pg_queue(pg, SW_SQL_SEQUENCER_LOAD_CONVERSATIONS, &params);
	sw_pg_queue(pg, SW_SQL_SEQUENCER_LOAD_MEMBERS, &params);
	return 2;
}

static size_t load_sent(struct sw_arena *arena, const struct wanted *want, struct sw_pg *pg)
{
	size_t n = want->cids.count;
	if (n == 0) {
		return 0;
	}
	const struct cid_key *keys = want->cids.items;
	int64_t *senders = sw_arena_alloc(arena, n * sizeof(*senders));
	struct sw_uuid *cids = sw_arena_alloc(arena, n * sizeof(*cids));
	for (size_t i = 0; i < n; i++) {
		senders[i] = keys[i].sender;
		cids[i] = keys[i].cid;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, senders, n);
	sw_pg_add_uuids(&params, cids, n);
	sw_pg_queue(pg, SW_SQL_SEQUENCER_LOAD_SENT, &params);
	return 1;
}

static size_t load_as_of(struct sw_arena *arena, const struct wanted *want, struct sw_pg *pg)
{
	if (want->results.count == 0) {
		return 0;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	add_pairs(&params, arena, &want->results);
	sw_pg_queue(pg, SW_SQL_SEQUENCER_LOAD_MEMBERS_AS_OF, &params);
	return 1;
}

static size_t step_load(void *step, struct sw_batch *batch, struct sw_pg *pg)
{
	struct sequencer *s = step;
	struct wanted want = {0};
	for (const struct sw_work *work = batch->works[SW_ROLE_SEQUENCER].first; work; work = work->next) {
		if (work->applied) {
			want_results(batch, &want, work);
			continue;
		}
		for (size_t i = 0; i < work->count; i++) {
			want_item(s, batch, &want, &work->items[i]);
		}
	}
	s->loading_conversations = load_conversations(&batch->arena, &want, pg) > 0;
	s->loading_sent = load_sent(&batch->arena, &want, pg) > 0;
	s->loading_as_of = load_as_of(&batch->arena, &want, pg) > 0;
	return 2 * (size_t)s->loading_conversations + s->loading_sent + s->loading_as_of;
}

static void read_conversations(struct sequencer *s, const struct sw_pg_result *convs,
			       const struct sw_pg_result *members)
{
	for (size_t i = 0; i < sw_pg_rows(convs); i++) {
		int64_t conv = sw_pg_i64(convs, i, 0);
		if (conversation_find(s, conv)) {
			continue;
		}
		struct conversation *c = conversation_add(
			s, conv, (struct pair){sw_pg_i64(convs, i, 2), sw_pg_i64(convs, i, 3)});
		c->seq = sw_pg_i64(convs, i, 4);
		c->loading = true;
	}
	for (size_t i = 0; i < sw_pg_rows(members); i++) {
		struct conversation *c = conversation_find(s, sw_pg_i64(members, i, 0));
		if (c && c->loading) {
			conversation_add_member(c, (struct member){.user = sw_pg_i64(members, i, 1),
								   .role = sw_pg_i16(members, i, 2),
								   .joined_seq = sw_pg_i64(members, i, 3)});
		}
	}
	for (size_t i = 0; i < sw_pg_rows(convs); i++) {
		conversation_find(s, sw_pg_i64(convs, i, 0))->loading = false;
	}
}

static void read_sent(struct sequencer *s, const struct sw_pg_result *sent)
{
	for (size_t i = 0; i < sw_pg_rows(sent); i++) {
		struct recent values = {.key = {.sender = sw_pg_i64(sent, i, 0), .cid = sw_pg_uuid(sent, i, 1)},
					.content = sw_pg_uuid(sent, i, 2),
					.id = sw_pg_i64(sent, i, 3),
					.conv = sw_pg_i64(sent, i, 4),
					.seq = sw_pg_i64(sent, i, 5)};
		if (!recent_find(s, values.key.sender, &values.key.cid)) {
			recent_add(s, &values);
		}
	}
}

static void step_loaded(void *step, struct sw_batch *batch, const struct sw_pg *pg)
{
	(void)batch;
	struct sequencer *s = step;
	size_t index = 0;
	if (s->loading_conversations) {
		read_conversations(s, sw_pg_result(pg, index), sw_pg_result(pg, index + 1));
		index += 2;
	}
	if (s->loading_sent) {
		read_sent(s, sw_pg_result(pg, index++));
	}
	s->as_of = s->loading_as_of ? sw_pg_result(pg, index) : NULL;
}

/* ---- apply ---- */

static void count_fate(struct sequencer *s, const struct fate *fate)
{
	s->batch_stored += fate->kind == FATE_STORED;
	s->batch_rejected += fate->kind == FATE_REJECTED;
	s->batch_repeats += fate->kind == FATE_REPEAT;
}

static struct fate decide(struct sequencer *s, struct sw_batch *batch, const struct sw_item *item)
{
	switch (item->kind) {
	case SW_ITEM_SEND:
		return admit_send(s, batch, &item->as.send);
	case SW_ITEM_CREATE:
		return admit_create(s, batch, &item->as.create);
	default:
		return (struct fate){.kind = FATE_NONE};
	}
}

static void apply_work(struct sequencer *s, struct sw_batch *batch, struct sw_work *work)
{
	struct sw_reader recorded;
	struct sw_buf results;
	sw_reader_init(&recorded, work->result);
	sw_buf_init(&results, FATE_BYTES_MAX);
	work->durable = true;
	for (size_t i = 0; i < work->count; i++) {
		struct fate fate = work->applied ? get_fate(&recorded) : decide(s, batch, &work->items[i]);
		if (fate.kind == FATE_NONE) {
			put_fate(&results, &fate);
			continue;
		}
		hand_over(s, batch, work, &work->items[i], &fate);
		if (!work->applied) {
			put_fate(&results, &fate);
			count_fate(s, &fate);
		}
	}
	if (!work->applied) {
		work->result = sw_arena_copy(&batch->arena, sw_buf_bytes(&results));
	}
	sw_buf_release(&results);
}

static void step_apply(void *step, struct sw_batch *batch)
{
	struct sequencer *s = step;
	for (struct sw_work *work = batch->works[SW_ROLE_SEQUENCER].first; work; work = work->next) {
		s->batch_redelivered += work->applied;
		apply_work(s, batch, work);
	}
}

static void step_write(void *step, struct sw_batch *batch, struct sw_pg *pg)
{
	append_write(step, batch, pg);
}

static void step_settle(void *step, bool committed)
{
	struct sequencer *s = step;
	conversations_settle(s, committed);
	recent_settle(s, committed);
	s->events = s->conversations = s->sents = (struct sw_rows){0};
	if (committed) {
		sw_metric_add(s->stored, s->batch_stored);
		sw_metric_add(s->rejected, s->batch_rejected);
		sw_metric_add(s->repeats, s->batch_repeats);
		sw_metric_add(s->redelivered, s->batch_redelivered);
	}
	s->batch_stored = s->batch_rejected = s->batch_repeats = s->batch_redelivered = 0;
}

const struct sw_step_ops sw_sequencer_step = {
	.role = SW_ROLE_SEQUENCER,
	.open = step_open,
	.close = step_close,
	.load = step_load,
	.loaded = step_loaded,
	.apply = step_apply,
	.write = step_write,
	.settle = step_settle,
	.forget = step_forget,
};
