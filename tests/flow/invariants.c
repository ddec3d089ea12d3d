/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold at the end of a run. Every check says which row is wrong. */
#include "scenario.h"

#include "proto/job.h"

#include <surewire/mem.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct fake_sent *sent_of(struct flow *flow, const struct message *m)
{
	const struct fake_sent *found = NULL;
	sw_fake_foreach(&flow->store, sent, row)
	{
		if (row->sender == m->sender && sw_uuid_equal(&row->cid, &m->cid)) {
			assert_null(found); /* G3: stored twice */
			found = row;
		}
	}
	return found;
}

/* Every message has one fate, and nothing else is there. */
void check_messages(struct scenario *s)
{
	struct flow *flow = s->flow;
	size_t stored = 0;
	for (size_t i = 0; i < s->count; i++) {
		const struct message *m = &s->messages[i];
		const struct fake_sent *sent = sent_of(flow, m);
		if (m->reject == SW_REJECT_NOT_MEMBER) {
			assert_null(sent);
			continue;
		}
		if (!sent) {
			fail_msg("lost: %s of %" PRId64, m->body, m->sender);
			return;
		}
		if (m->repeats) {
			continue;
		}
		stored++;
		size_t events = 0;
		assert_true(sw_uuid_equal(&sent->content, &m->content));
		sw_fake_foreach(&flow->store, event, e)
		{
			if (e->id == sent->id) {
				events++;
				assert_true(e->conv == sent->conv && e->seq == sent->seq && e->sender == m->sender);
				assert_true(sw_bytes_equal_str(e->body, m->body));
			}
		}
		assert_int_equal(events, 1);
	}
	assert_int_equal(flow->store.tables.sent.count, stored);
	assert_int_equal(flow->store.tables.event.count, stored);
}

/* seq and pos are 1, 2, 3, … without a hole or a twin. */
void check_order(struct flow *flow)
{
	sw_fake_foreach(&flow->store, conversation, c)
	{
		int64_t highest = 0;
		int64_t count = 0;
		sw_fake_foreach(&flow->store, event, e)
		{
			highest = e->conv == c->conv && e->seq > highest ? e->seq : highest;
			count += e->conv == c->conv;
			sw_fake_foreach(&flow->store, event, other)
			{
				assert_false(other != e && other->conv == e->conv && other->seq == e->seq);
			}
		}
		assert_int_equal(highest, count);
		sw_fake_foreach(&flow->store, conversation, other)
		{
			assert_false(other != c && c->lo && other->lo == c->lo && other->hi == c->hi);
		}
	}
	for (int64_t user = 1; user <= PEOPLE; user++) {
		int64_t highest = 0;
		int64_t count = 0;
		sw_fake_foreach(&flow->store, inbox, row)
		{
			highest = row->user == user && row->pos > highest ? row->pos : highest;
			count += row->user == user;
		}
		assert_int_equal(highest, count); /* and (user, pos) is a key */
	}
}

/* Every event is once in the inbox of every member, and of nobody else. */
void check_inboxes(struct flow *flow)
{
	size_t expected = 0;
	sw_fake_foreach(&flow->store, event, e)
	{
		sw_fake_foreach(&flow->store, member, m)
		{
			if (m->conv != e->conv) {
				continue;
			}
			size_t rows = 0;
			sw_fake_foreach(&flow->store, inbox, row)
			{
				if (row->user == m->user && row->conv == e->conv && row->seq == e->seq) {
					rows++;
					assert_int_equal(row->notify, m->user != e->sender);
				}
			}
			if (rows != 1) {
				fail_msg("event %" PRId64 ".%" PRId64 " is %zu times in the inbox of %" PRId64, e->conv,
					 e->seq, rows, m->user);
			}
			expected++;
		}
	}
	assert_int_equal(flow->store.tables.inbox.count, expected);
}

/* ---- pushes ---- */

enum { JOBS_MAX = 4096 };

struct job {
	struct sw_uuid id;
	int64_t user, pos, conv, seq;
	char device[32];
	bool mail;
};

struct jobs {
	struct job items[JOBS_MAX];
	size_t count;
	bool mail;
};

static void collect_job(void *ctx, const struct sw_uuid *section, const struct sw_item *item)
{
	struct jobs *jobs = ctx;
	const struct sw_item_job *j = &item->as.job;
	(void)section;
	assert_int_equal(item->kind, SW_ITEM_JOB);
	assert_true(jobs->count < JOBS_MAX);
	struct job *job = &jobs->items[jobs->count++];
	*job = (struct job){j->job, j->user, j->pos, j->conv, j->seq, "", jobs->mail};
	snprintf(job->device, sizeof(job->device), "%.*s", SW_BYTES_FMT(j->device));
	assert_true(j->token.len > 0 && j->expires_at_ms > j->created_at_ms);
	assert_true(j->reason != SW_JOB_REASON_NONE && j->planned_at_ms > 0);
}

static void check_job(struct flow *flow, const struct jobs *jobs, const struct job *job)
{
	const struct fake_inbox *of = NULL;
	sw_fake_foreach(&flow->store, inbox, row)
	{
		of = row->user == job->user && row->pos == job->pos ? row : of;
	}
	assert_non_null(of);
	assert_true(of->notify && of->conv == job->conv && of->seq == job->seq);
	for (size_t i = 0; i < jobs->count; i++) {
		const struct job *other = &jobs->items[i];
		bool same = job->user == other->user && job->pos == other->pos &&
			    strcmp(job->device, other->device) == 0;
		assert_int_equal(same, sw_uuid_equal(&job->id, &other->id));
	}
}

static bool acked(struct flow *flow, int64_t user, int64_t pos)
{
	sw_fake_foreach(&flow->store, device, d)
	{
		if (d->user == user && d->active_cursor >= pos) {
			return true;
		}
	}
	return false;
}

static bool reachable(struct flow *flow, int64_t user)
{
	sw_fake_foreach(&flow->store, device, d)
	{
		if (d->user == user && d->provider.len) {
			return true;
		}
	}
	return false;
}

static bool has_job(const struct jobs *jobs, int64_t user, int64_t pos, const char *device)
{
	for (size_t i = 0; i < jobs->count; i++) {
		if (jobs->items[i].user == user && jobs->items[i].pos == pos &&
		    (!device || strcmp(jobs->items[i].device, device) == 0)) {
			return true;
		}
	}
	return false;
}

/* G6: whom nobody saw acking was pushed, with one job id for a message and device. */
void check_pushes(struct flow *flow)
{
	struct jobs *jobs = sw_xcalloc(1, sizeof(*jobs));
	flow_each_queued(flow, "push.phones", collect_job, jobs);
	jobs->mail = true;
	flow_each_queued(flow, "push.mail", collect_job, jobs);
	for (size_t i = 0; i < jobs->count; i++) {
		check_job(flow, jobs, &jobs->items[i]);
	}
	sw_fake_foreach(&flow->store, inbox, row)
	{
		if (row->notify && reachable(flow, row->user) && !acked(flow, row->user, row->pos) &&
		    !has_job(jobs, row->user, row->pos, NULL)) {
			fail_msg("user %" PRId64 " was never told of pos %" PRId64, row->user, row->pos);
		}
	}
	/* Both pushes that ended with a dead token went to the address that is left. */
	assert_true(has_job(jobs, ERIN, 1, "erin-mail"));
	assert_true(has_job(jobs, ERIN, 2, "erin-mail"));
	free(jobs);
}

/* ---- the ledger ---- */

static bool is_of(const struct fake_ledger *row, const struct fake_device *device)
{
	return row->user == device->user && sw_bytes_equal(row->device, device->device);
}

/* Whatever came twice: each pos that a device has acked, or read, was taken by exactly one step. */
static void check_steps(struct flow *flow, const struct fake_device *device)
{
	for (int64_t pos = 1; pos <= device->cursor + 1; pos++) {
		int acked = 0;
		int read = 0;
		sw_fake_foreach(&flow->store, ledger, row)
		{
			bool reaches = is_of(row, device) && row->pos >= pos;
			acked += reaches && row->pos - row->acked < pos;
			read += reaches && row->pos - row->read < pos;
		}
		if (acked != (pos <= device->cursor) || read != (pos <= device->active_cursor)) {
			fail_msg("%.*s of %" PRId64 ": pos %" PRId64 " was acked %d and read %d times",
				 SW_BYTES_FMT(device->device), device->user, pos, acked, read);
		}
	}
}

void check_ledger(struct flow *flow)
{
	sw_fake_foreach(&flow->store, device, d)
	{
		check_steps(flow, d);
	}
	sw_fake_foreach(&flow->store, ledger, row)
	{
		assert_true(row->at_ms > 0 && (row->acked > 0 || row->read > 0));
		assert_int_equal(row->active, row->read > 0);
	}
}

void check_left_overs(struct flow *flow)
{
	static const char *const queues[] = {"ingest.0", "ingest.1", "mailbox.0", "mailbox.1", "dead"};
	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		if (fake_bus_count(&flow->bus, queues[i])) {
			fail_msg("%zu messages are left in %s", fake_bus_count(&flow->bus, queues[i]), queues[i]);
		}
	}
	assert_null(flow->bus.delayed);
}

/* ---- what the gateways got ---- */

struct heard {
	struct scenario *scenario;
	int64_t node;
	bool answered[MESSAGES_MAX];
	size_t events;
};

static void on_answer(struct heard *heard, int64_t session, const struct sw_uuid *cid, const struct sw_item *item)
{
	struct scenario *s = heard->scenario;
	bool known = false;
	for (size_t i = 0; i < s->count; i++) {
		const struct message *m = &s->messages[i];
		if (!sw_uuid_equal(cid, &m->cid)) {
			continue;
		}
		known = true;
		assert_true(m->node == heard->node && m->session == session);
		if (item->kind == SW_ITEM_REJECTED && m->reject) {
			heard->answered[i] |= sw_bytes_equal_str(item->as.rejected.code,
								 sw_reject_code((enum sw_reject)m->reject));
		} else if (item->kind == SW_ITEM_STORED && !m->reject) {
			const struct fake_sent *sent = sent_of(s->flow, m);
			assert_true(sent && sent->id == item->as.stored.id && sent->conv == item->as.stored.conv &&
				    sent->seq == item->as.stored.seq);
			heard->answered[i] = true;
		}
	}
	assert_true(known);
}

/* A live event names the place that the inbox gave it. */
static void on_event(struct heard *heard, const struct sw_item_event *event)
{
	struct flow *flow = heard->scenario->flow;
	assert_int_equal(event->targets.count % 2, 0);
	for (size_t i = 0; i < event->targets.count; i += 2) {
		int64_t user = event->targets.values[i]; /* sessions are numbered like their people */
		bool found = false;
		sw_fake_foreach(&flow->store, inbox, row)
		{
			found |= row->user == user && row->pos == event->targets.values[i + 1] &&
				 row->conv == event->conv && row->seq == event->seq;
		}
		assert_true(found);
		heard->events++;
	}
}

static void hear(void *ctx, const struct sw_uuid *section, const struct sw_item *item)
{
	struct heard *heard = ctx;
	(void)section;
	if (item->kind == SW_ITEM_STORED) {
		on_answer(heard, item->as.stored.session, &item->as.stored.cid, item);
	} else if (item->kind == SW_ITEM_REJECTED) {
		on_answer(heard, item->as.rejected.session, &item->as.rejected.cid, item);
	} else if (item->kind == SW_ITEM_EVENT) {
		on_event(heard, &item->as.event);
	} else {
		assert_true(item->kind == SW_ITEM_READY || item->kind == SW_ITEM_REPLY);
	}
}

/* Node B's queue went with it; A's is whole. */
void check_nodes(struct scenario *s)
{
	struct heard heard = {.scenario = s, .node = NODE_A};
	flow_each_queued(s->flow, "node.901", hear, &heard);
	for (size_t i = 0; i < s->count && !s->nodes_may_miss; i++) {
		if (s->messages[i].node == NODE_A && !heard.answered[i]) {
			fail_msg("no answer to %s of %" PRId64, s->messages[i].body, s->messages[i].sender);
		}
	}
	if (!s->nodes_may_miss) {
		assert_true(heard.events > 0);
	}
}

void check_everything(struct scenario *s)
{
	check_left_overs(s->flow);
	check_messages(s);
	check_order(s->flow);
	check_inboxes(s->flow);
	check_pushes(s->flow);
	check_ledger(s->flow);
	check_nodes(s);
}
