/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the rows of a batch as arrays: a handful of statements however many messages. */
#include "sequencer/sequencer_int.h"

#include "proto/preview.h"

#include <string.h>

/* An empty value is the empty text, not SQL NULL. */
static struct sw_bytes text(struct sw_bytes value)
{
	return value.ptr ? value : sw_bytes("", 0);
}

static void write_conversations(struct sequencer *s, struct sw_arena *arena, struct sw_pg *pg)
{
	const struct conversation_row *rows = s->conversations.items;
	size_t n = s->conversations.count;
	if (n == 0) {
		return;
	}
	int64_t *conv = sw_arena_alloc(arena, n * sizeof(*conv));
	int16_t *kind = sw_arena_alloc(arena, n * sizeof(*kind));
	int64_t *lo = sw_arena_alloc(arena, n * sizeof(*lo));
	int64_t *hi = sw_arena_alloc(arena, n * sizeof(*hi));
	struct sw_bytes *title = sw_arena_alloc(arena, n * sizeof(*title));
	int64_t *creator = sw_arena_alloc(arena, n * sizeof(*creator));
	int64_t *at_ms = sw_arena_alloc(arena, n * sizeof(*at_ms));
	for (size_t i = 0; i < n; i++) {
		conv[i] = rows[i].conversation->conv;
		kind[i] = (int16_t)rows[i].conversation->kind;
		lo[i] = rows[i].conversation->pair.lo;
		hi[i] = rows[i].conversation->pair.hi;
		title[i] = text(rows[i].title);
		creator[i] = rows[i].creator;
		at_ms[i] = rows[i].at_ms;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, conv, n);
	sw_pg_add_i16s(&params, kind, n);
	sw_pg_add_i64s(&params, lo, n);
	sw_pg_add_i64s(&params, hi, n);
	sw_pg_add_texts(&params, title, n);
	sw_pg_add_i64s(&params, creator, n);
	sw_pg_add_i64s(&params, at_ms, n);
	sw_pg_queue(pg, SW_SQL_SEQUENCER_INSERT_CONVERSATIONS, &params);
}

static void write_members(struct sequencer *s, struct sw_arena *arena, struct sw_pg *pg)
{
	const struct conversation_row *rows = s->conversations.items;
	size_t n = 0;
	for (size_t i = 0; i < s->conversations.count; i++) {
		n += rows[i].conversation->member_count;
	}
	if (n == 0) {
		return;
	}
	int64_t *conv = sw_arena_alloc(arena, n * sizeof(*conv));
	int64_t *user = sw_arena_alloc(arena, n * sizeof(*user));
	int16_t *role = sw_arena_alloc(arena, n * sizeof(*role));
	int64_t *joined_seq = sw_arena_alloc(arena, n * sizeof(*joined_seq));
	n = 0;
	for (size_t i = 0; i < s->conversations.count; i++) {
		const struct conversation *c = rows[i].conversation;
		for (size_t m = 0; m < c->member_count; m++, n++) {
			conv[n] = c->conv;
			user[n] = c->members[m].user;
			role[n] = c->members[m].role;
			joined_seq[n] = c->members[m].joined_seq;
		}
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, conv, n);
	sw_pg_add_i64s(&params, user, n);
	sw_pg_add_i16s(&params, role, n);
	sw_pg_add_i64s(&params, joined_seq, n);
	sw_pg_queue(pg, SW_SQL_SEQUENCER_INSERT_MEMBERS, &params);
}

/* NULL, which reads as the body's text, when that says it. */
static struct sw_bytes stored_preview(struct sw_bytes preview, struct sw_bytes body)
{
	struct sw_bytes beside = sw_preview_beside(preview, body);
	return beside.len || !sw_preview_of_body(body).len ? text(beside) : (struct sw_bytes){NULL, 0};
}

/* The columns of event, in the order of the statement. */
struct event_columns {
	int64_t *conv, *seq, *id, *sender, *at_ms;
	struct sw_bytes *sender_name, *kind, *title, *preview, *body;
};

static void fill_event(struct event_columns *to, size_t i, const struct event_row *row)
{
	to->conv[i] = row->conv;
	to->seq[i] = row->seq;
	to->id[i] = row->id;
	if (row->send) {
		to->sender[i] = row->send->sender;
		to->sender_name[i] = text(row->send->sender_name);
		to->kind[i] = text(row->send->kind);
		to->at_ms[i] = row->send->at_ms;
		to->title[i] = text(row->send->title);
		to->preview[i] = stored_preview(row->send->preview, row->send->body);
		to->body[i] = text(row->send->body);
	} else {
		to->sender[i] = row->create->sender;
		to->sender_name[i] = text(row->create->sender_name);
		to->kind[i] = sw_bytes_str("created");
		to->at_ms[i] = row->create->at_ms;
		to->title[i] = text(row->create->title);
		to->preview[i] = text(row->create->title);
		to->body[i] = text(row->create->body);
	}
}

static void write_events(struct sequencer *s, struct sw_arena *arena, struct sw_pg *pg)
{
	size_t n = s->events.count;
	if (n == 0) {
		return;
	}
	int64_t *numbers = sw_arena_alloc(arena, 5 * n * sizeof(*numbers));
	struct sw_bytes *texts = sw_arena_alloc(arena, 5 * n * sizeof(*texts));
	struct event_columns c = {.conv = numbers,
				  .seq = numbers + n,
				  .id = numbers + 2 * n,
				  .sender = numbers + 3 * n,
				  .at_ms = numbers + 4 * n,
				  .sender_name = texts,
				  .kind = texts + n,
				  .title = texts + 2 * n,
				  .preview = texts + 3 * n,
				  .body = texts + 4 * n};
	const struct event_row *rows = s->events.items;
	for (size_t i = 0; i < n; i++) {
		fill_event(&c, i, &rows[i]);
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, c.conv, n);
	sw_pg_add_i64s(&params, c.seq, n);
	sw_pg_add_i64s(&params, c.id, n);
	sw_pg_add_i64s(&params, c.sender, n);
	sw_pg_add_texts(&params, c.sender_name, n);
	sw_pg_add_texts(&params, c.kind, n);
	sw_pg_add_i64s(&params, c.at_ms, n);
	sw_pg_add_texts(&params, c.title, n);
	sw_pg_add_texts(&params, c.preview, n);
	sw_pg_add_texts(&params, c.body, n);
	sw_pg_queue(pg, SW_SQL_SEQUENCER_INSERT_EVENTS, &params);
}

static void write_sent(struct sequencer *s, struct sw_arena *arena, struct sw_pg *pg)
{
	size_t n = s->sents.count;
	if (n == 0) {
		return;
	}
	const struct sent_row *rows = s->sents.items;
	int64_t *numbers = sw_arena_alloc(arena, 5 * n * sizeof(*numbers));
	struct sw_uuid *ids = sw_arena_alloc(arena, 2 * n * sizeof(*ids));
	for (size_t i = 0; i < n; i++) {
		const struct recent *recent = rows[i].recent;
		numbers[i] = recent->key.sender;
		ids[i] = recent->key.cid;
		ids[n + i] = recent->content;
		numbers[n + i] = recent->id;
		numbers[2 * n + i] = recent->conv;
		numbers[3 * n + i] = recent->seq;
		numbers[4 * n + i] = rows[i].at_ms;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, numbers, n);
	sw_pg_add_uuids(&params, ids, n);
	sw_pg_add_uuids(&params, ids + n, n);
	for (size_t column = 1; column < 5; column++) {
		sw_pg_add_i64s(&params, numbers + column * n, n);
	}
	sw_pg_queue(pg, SW_SQL_SEQUENCER_INSERT_SENT, &params);
}

void append_write(struct sequencer *s, struct sw_batch *batch, struct sw_pg *pg)
{
	write_conversations(s, &batch->arena, pg);
	write_members(s, &batch->arena, pg);
	write_events(s, &batch->arena, pg);
	write_sent(s, &batch->arena, pg);
}
