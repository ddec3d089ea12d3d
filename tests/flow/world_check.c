/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold after the whole walk, whatever failed on the way. Every check says which row is wrong. */
#include "world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- messages: accepted is exactly one of stored and rejected ---- */

static const struct fake_sent *sent_of(struct world *world, const struct message *m)
{
	sw_fake_foreach(&world->flow.store, sent, row)
	{
		if (row->sender == m->sender && sw_uuid_equal(&row->cid, &m->cid)) {
			return row;
		}
	}
	return NULL;
}

static void check_fates(struct world *world)
{
	for (size_t i = 0; i < world->scenario.count; i++) {
		const struct fate *fate = &world->fates[i];
		const struct message *m = &world->scenario.messages[i];
		if (!fate->client) {
			continue; /* made over HTTP */
		}
		assert_true(fate->accepted && !fate->pending);
		assert_int_equal(fate->stored + fate->rejected, 1);
		assert_int_equal(fate->rejected, m->reject != 0);
		const struct fake_sent *sent = sent_of(world, m);
		if (fate->stored) {
			assert_non_null(sent);
			assert_true(sent->id == fate->id && sent->conv == fate->conv && sent->seq == fate->seq);
		}
	}
}

/* ---- dead letters ---- */

struct letters {
	struct sw_uuid ids[FAKE_PUSHES_MAX];
	struct {
		int64_t user, pos;
	} of[FAKE_PUSHES_MAX];
	size_t count; /* different ones: a letter that came twice has the same id */
};

static void add_letter(struct letters *letters, const struct sw_uuid *id, const struct sw_item_dead *dead)
{
	struct sw_item job;
	struct sw_bytes rest = dead->job;
	struct sw_arena arena;
	for (size_t i = 0; i < letters->count; i++) {
		if (sw_uuid_equal(&letters->ids[i], id)) {
			return;
		}
	}
	sw_arena_init(&arena);
	assert_int_equal(sw_item_next(&rest, &arena, &job), SW_OK);
	assert_int_equal(job.kind, SW_ITEM_JOB);
	letters->ids[letters->count] = *id;
	letters->of[letters->count].user = job.as.job.user;
	letters->of[letters->count++].pos = job.as.job.pos;
	sw_arena_release(&arena);
}

static void on_dead(void *ctx, const struct sw_uuid *section, const struct sw_item *item)
{
	assert_int_equal(item->kind, SW_ITEM_DEAD);
	add_letter(ctx, section, &item->as.dead);
}

/* Only Grace's relay refused. */
static void check_dead(const struct letters *letters)
{
	assert_int_equal(letters->count, 1);
	assert_int_equal(letters->of[0].user, GRACE);
	assert_int_equal(letters->of[0].pos, 1);
}

/* ---- pushes ---- */

static bool acked(struct world *world, int64_t user, int64_t pos)
{
	sw_fake_foreach(&world->flow.store, device, d)
	{
		if (d->user == user && d->active_cursor >= pos) {
			return true;
		}
	}
	return false;
}

/* A token is its owner's name and something more. */
static bool is_token_of(const char *token, int64_t user)
{
	const char *name = world_name_of(user);
	return strncmp(token, name, strlen(name)) == 0;
}

static bool pushed(struct world *world, int64_t user, int64_t pos)
{
	for (size_t i = 0; i < world->vendor.count; i++) {
		const struct fake_push *push = &world->vendor.pushes[i];
		if (push->taken && push->pos == pos && is_token_of(push->token, user)) {
			return true;
		}
	}
	return false;
}

static bool is_dead(const struct letters *letters, int64_t user, int64_t pos)
{
	for (size_t i = 0; i < letters->count; i++) {
		if (letters->of[i].user == user && letters->of[i].pos == pos) {
			return true;
		}
	}
	return false;
}

/* G6: a device has acked it, or a service has taken a push of it, or a person will read the dead letter. */
static void check_told(struct world *world, const struct letters *letters)
{
	sw_fake_foreach(&world->flow.store, inbox, row)
	{
		if (row->notify && !acked(world, row->user, row->pos) && !pushed(world, row->user, row->pos) &&
		    !is_dead(letters, row->user, row->pos)) {
			fail_msg("%s was never told of pos %" PRId64, world_name_of(row->user), row->pos);
		}
	}
}

static const struct fake_delivery *delivery_of(struct world *world, const struct sw_uuid *job)
{
	sw_fake_foreach(&world->flow.store, delivery, d)
	{
		if (sw_uuid_equal(&d->job, job)) {
			return d;
		}
	}
	return NULL;
}

/* A person's message is one job for one device, and is recorded as what it came to. */
static void check_jobs(struct world *world)
{
	const struct fake_vendor *vendor = &world->vendor;
	for (size_t i = 0; i < vendor->count; i++) {
		const struct fake_push *push = &vendor->pushes[i];
		const struct fake_delivery *d = delivery_of(world, &push->job);
		if (!d) {
			fail_msg("no record of the push of pos %" PRId64 " to %s", push->pos, push->token);
			return;
		}
		assert_true(d->planned_reason.len && d->planned_at_ms > 0);
		bool ended = sw_bytes_equal_str(d->state, "delivered") || sw_bytes_equal_str(d->state, "dropped");
		if (push->taken && !push->by_fault && !ended) {
			fail_msg("the push of pos %" PRId64 " to %s is recorded as %.*s", push->pos, push->token,
				 SW_BYTES_FMT(d->state));
		}
		for (size_t k = 0; k < i; k++) {
			const struct fake_push *other = &vendor->pushes[k];
			bool same = strcmp(push->token, other->token) == 0 && push->pos == other->pos;
			assert_int_equal(same, sw_uuid_equal(&push->job, &other->job));
		}
	}
}

static void count_repeats(const struct fake_vendor *vendor, struct world_repeats *repeats)
{
	*repeats = (struct world_repeats){0};
	for (size_t i = 0; i < vendor->count; i++) {
		bool lost = false;
		bool before = false;
		for (size_t k = 0; k < i && vendor->pushes[i].taken; k++) {
			const struct fake_push *other = &vendor->pushes[k];
			bool same = other->taken && sw_uuid_equal(&other->job, &vendor->pushes[i].job);
			before |= same;
			lost |= same && other->answer == FAKE_ANSWER_LOST;
		}
		repeats->planned += lost;
		repeats->others += before && !lost;
	}
}

static void check_nothing_waits(struct world *world)
{
	static const char *const queues[] = {"ingest.0",  "ingest.1",    "mailbox.0",
					     "mailbox.1", "push.phones", "push.mail"};
	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		if (fake_bus_count(&world->flow.bus, queues[i])) {
			fail_msg("%zu messages are left in %s", fake_bus_count(&world->flow.bus, queues[i]), queues[i]);
		}
	}
}

void world_check(struct world *world, struct world_repeats *repeats_out)
{
	static struct letters letters;
	letters.count = 0;
	flow_each_queued(&world->flow, "dead", on_dead, &letters);
	check_nothing_waits(world);
	check_messages(&world->scenario);
	check_order(&world->flow);
	check_inboxes(&world->flow);
	check_ledger(&world->flow);
	check_fates(world);
	check_dead(&letters);
	check_told(world, &letters);
	check_jobs(world);
	count_repeats(&world->vendor, repeats_out);
}
