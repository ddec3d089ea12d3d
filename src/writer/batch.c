/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding sections and collecting what follows from them. */
#include "writer/batch.h"

#include "bus/topology.h"
#include "proto/job.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_BYTES_FULL = 1 << 20 };

static void list_init(struct sw_work_list *list)
{
	*list = (struct sw_work_list){0};
	list->last = &list->first;
}

static void list_add(struct sw_work_list *list, struct sw_work *work)
{
	*list->last = work;
	list->last = &work->next;
}

void sw_batch_init(struct sw_batch *batch, unsigned mailbox_queues)
{
	*batch = (struct sw_batch){.mailbox_queues = mailbox_queues, .now_ms = sw_clock_wall_ms()};
	sw_arena_init(&batch->arena);
	for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
		list_init(&batch->works[role]);
	}
	list_init(&batch->remote);
}

static void drop_outs(struct sw_batch *batch)
{
	while (batch->outs) {
		struct sw_out *out = batch->outs;
		batch->outs = out->next;
		sw_buf_release(&out->buf);
		free(out);
	}
}

void sw_batch_release(struct sw_batch *batch)
{
	drop_outs(batch);
	sw_arena_release(&batch->arena);
}

void sw_batch_rewind(struct sw_batch *batch)
{
	drop_outs(batch);
	list_init(&batch->remote);
	for (size_t role = 0; role < SW_WRITER_ROLES; role++) {
		struct sw_work_list kept;
		list_init(&kept);
		for (struct sw_work *work = batch->works[role].first; work; work = work->next) {
			if (!work->local) {
				list_add(&kept, work);
				kept.items += work->count;
				work->result = work->applied ? work->result : (struct sw_bytes){NULL, 0};
			}
		}
		*kept.last = NULL;
		batch->works[role] = kept;
		if (!kept.first) {
			batch->works[role].last = &batch->works[role].first;
		}
	}
	batch->last_from = NULL;
}

static void work_add_item(struct sw_arena *arena, struct sw_work *work, const struct sw_item *item)
{
	if (work->count == work->cap) {
		size_t cap = work->cap ? work->cap * 2 : 4;
		struct sw_item *items = sw_arena_alloc(arena, cap * sizeof(*items));
		if (work->count) {
			memcpy(items, work->items, work->count * sizeof(*items));
		}
		work->items = items;
		work->cap = cap;
	}
	work->items[work->count++] = *item;
}

static int decode_section(struct sw_batch *batch, const struct sw_section *section, struct sw_work *work)
{
	struct sw_bytes items = section->items;
	struct sw_item item;
	int err;
	while ((err = sw_item_next(&items, &batch->arena, &item)) == SW_OK) {
		work_add_item(&batch->arena, work, &item);
	}
	return err == SW_EEND ? SW_OK : err;
}

int sw_batch_add(struct sw_batch *batch, enum sw_writer_role role, unsigned queue, struct sw_bytes envelope)
{
	struct sw_envelope_reader reader;
	int err = sw_envelope_open(&reader, envelope);
	if (err) {
		return err;
	}
	struct sw_work_list fresh;
	list_init(&fresh);
	struct sw_section section;
	while ((err = sw_envelope_next(&reader, &section)) == SW_OK) {
		struct sw_work *work = sw_arena_calloc(&batch->arena, 1, sizeof(*work));
		work->id = section.id;
		work->role = role;
		work->queue = queue;
		err = decode_section(batch, &section, work);
		if (err) {
			return err;
		}
		list_add(&fresh, work);
		fresh.items += work->count;
	}
	if (err != SW_EEND) {
		return err;
	}
	while (fresh.first) {
		struct sw_work *work = fresh.first;
		fresh.first = work->next;
		work->next = NULL;
		list_add(&batch->works[role], work);
	}
	batch->works[role].items += fresh.items;
	return SW_OK;
}

static bool is_twin(const struct sw_work_list *list, const struct sw_work *work)
{
	const struct sw_work *other = list->first;
	while (other != work && !sw_uuid_equal(&other->id, &work->id)) {
		other = other->next;
	}
	return other != work;
}

void sw_batch_drop_twins(struct sw_batch *batch, enum sw_writer_role role)
{
	struct sw_work_list *list = &batch->works[role];
	struct sw_work **at = &list->first;
	while (*at) {
		struct sw_work *work = *at;
		if (is_twin(list, work)) {
			list->items -= work->local ? 0 : work->count;
			*at = work->next;
		} else {
			at = &work->next;
		}
	}
	list->last = at;
}

unsigned sw_batch_mailbox_queue(const struct sw_batch *batch, int64_t user)
{
	return sw_partition_of_user(user) % batch->mailbox_queues;
}

static struct sw_work *hand_over_target(struct sw_batch *batch, const struct sw_work *from, unsigned queue)
{
	if (batch->last_from != from) {
		memset(batch->last_to, 0, sizeof(batch->last_to));
		batch->last_from = from;
	}
	if (batch->last_to[queue]) {
		return batch->last_to[queue];
	}
	struct sw_work *work = sw_arena_calloc(&batch->arena, 1, sizeof(*work));
	uint8_t target[4] = {(uint8_t)SW_ROLE_MAILBOX, 0, (uint8_t)(queue >> 8), (uint8_t)queue};
	work->id = sw_uuid_derive("surewire.section", sw_bytes(from->id.bytes, sizeof(from->id.bytes)),
				  sw_bytes(target, sizeof(target)));
	work->role = SW_ROLE_MAILBOX;
	work->queue = queue;
	work->durable = true;
	work->local = true;
	bool owned = batch->owned[SW_ROLE_MAILBOX] >> queue & 1;
	list_add(owned ? &batch->works[SW_ROLE_MAILBOX] : &batch->remote, work);
	batch->last_to[queue] = work;
	return work;
}

void sw_batch_hand_over(struct sw_batch *batch, const struct sw_work *from, unsigned queue, const struct sw_item *item)
{
	work_add_item(&batch->arena, hand_over_target(batch, from, queue), item);
}

/* The newest envelope of this address, or another one when that is full: a fan-out must not hit the bound. */
static struct sw_out *find_out(struct sw_batch *batch, enum sw_out_kind kind, const char *exchange, const char *key)
{
	struct sw_out **last = &batch->outs;
	struct sw_out *found = NULL;
	for (; *last; last = &(*last)->next) {
		if ((*last)->kind == kind && strcmp((*last)->exchange, exchange) == 0 &&
		    strcmp((*last)->routing_key, key) == 0) {
			found = *last;
		}
	}
	if (found && found->buf.len < OUT_BYTES_FULL) {
		return found;
	}
	struct sw_out *out = sw_xcalloc(1, sizeof(*out));
	out->kind = kind;
	out->exchange = exchange;
	snprintf(out->routing_key, sizeof(out->routing_key), "%s", key);
	sw_buf_init(&out->buf, SW_ENVELOPE_BYTES_MAX);
	sw_envelope_begin(&out->buf);
	*last = out; /* behind the others of its address: they are sent in order */
	return out;
}

static void out_add(struct sw_out *out, const struct sw_item *item)
{
	if (!out->mark) {
		struct sw_uuid id = sw_uuid_random();
		out->mark = sw_section_begin(&out->buf, &id);
	}
	sw_item_put(&out->buf, item);
}

void sw_batch_to_node(struct sw_batch *batch, int64_t node, const struct sw_item *item)
{
	char key[SW_QUEUE_NAME_MAX];
	sw_node_queue_name(node, key);
	struct sw_out *out = find_out(batch, SW_OUT_NODE, "", key);
	out->node = node;
	out_add(out, item);
}

void sw_batch_to_push(struct sw_batch *batch, struct sw_bytes provider, const struct sw_item *item)
{
	char key[SW_QUEUE_NAME_MAX];
	if (sw_job_queue_name(SW_JOB_QUEUE_NORMAL, provider, key, sizeof(key)) != SW_OK) {
		return; /* of a name that no section can have: there is no such queue */
	}
	out_add(find_out(batch, SW_OUT_JOB, "", key), item);
}

void sw_batch_to_check(struct sw_batch *batch, int64_t delay_ms, int64_t user, const struct sw_item *item)
{
	char key[SW_QUEUE_NAME_MAX];
	sw_queue_name(SW_ROLE_MAILBOX, sw_batch_mailbox_queue(batch, user), key);
	const char *exchange = sw_check_exchanges[sw_topology_check_stage_at_least(delay_ms)];
	out_add(find_out(batch, SW_OUT_JOB, exchange, key), item);
}

void sw_batch_to_dead(struct sw_batch *batch, const char *reason, struct sw_bytes envelope)
{
	struct sw_item item = {.kind = SW_ITEM_DEAD,
			       .as.dead = {.reason = sw_bytes_str(reason), .at_ms = batch->now_ms, .job = envelope}};
	out_add(find_out(batch, SW_OUT_JOB, "", "dead"), &item);
}

void sw_batch_marker(struct sw_batch *batch, unsigned queue, const struct sw_uuid *id)
{
	char key[SW_QUEUE_NAME_MAX];
	sw_queue_name(SW_ROLE_MAILBOX, queue, key);
	struct sw_out *out = find_out(batch, SW_OUT_MAILBOX, "", key);
	sw_section_end(&out->buf, sw_section_begin(&out->buf, id));
}

int sw_batch_finish(struct sw_batch *batch)
{
	for (const struct sw_work *work = batch->remote.first; work; work = work->next) {
		char key[SW_QUEUE_NAME_MAX];
		sw_queue_name(SW_ROLE_MAILBOX, work->queue, key);
		struct sw_out *out = find_out(batch, SW_OUT_MAILBOX, "", key);
		size_t mark = sw_section_begin(&out->buf, &work->id);
		for (size_t i = 0; i < work->count; i++) {
			sw_item_put(&out->buf, &work->items[i]);
		}
		sw_section_end(&out->buf, mark);
	}
	for (struct sw_out *out = batch->outs; out; out = out->next) {
		if (out->mark) {
			sw_section_end(&out->buf, out->mark);
			out->mark = 0;
		}
		if (out->buf.err) {
			return out->buf.err;
		}
	}
	return SW_OK;
}
