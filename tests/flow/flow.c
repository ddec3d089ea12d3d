/* SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char *const writer_names[FLOW_WRITERS_MAX] = {"w0", "w1", "w2"};

static const struct sw_mailbox_provider providers[] = {{.name = "phones"}, {.name = "mail", .fallback_only = true}};

static const char *const people[] = {"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"};

static void declare_queues(struct flow *flow)
{
	static const char *const names[] = {"ingest.0",      "ingest.1",    "mailbox.0",   "mailbox.1",
					    "node.901",      "node.902",    "push.phones", "push.mail",
					    "urgent.phones", "urgent.mail", "dead"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fake_bus_declare(&flow->bus, names[i]);
	}
}

void flow_open(struct flow *flow, unsigned engines)
{
	*flow = (struct flow){.engines = engines, .batch_items_max = 1000, .clock_ms = 1800000000000};
	sw_log_set_level(getenv("FLOW_LOG") ? SW_LOG_INFO : SW_LOG_ERROR);
	sw_idgen_init(&flow->ids, 7);
	fake_bus_open(&flow->bus);
	fake_store_open(&flow->store);
	declare_queues(flow);
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		fake_store_add_account(&flow->store, (int64_t)i + 1, people[i]);
	}
	flow->sequencer_config = (struct sw_sequencer_config){.conversations_max = 1000, .recent_max = 1000};
	flow->mailbox_config = (struct sw_mailbox_config){.users_max = 1000,
							  .devices_max = 100,
							  .preferences_max = 100,
							  .ack_timeout_ms = 10000,
							  .push_ttl_ms = 3600000,
							  .clear_delay_ms = 2000,
							  .keeps_ledger = true,
							  .providers = providers,
							  .provider_count = 2};
	for (size_t i = 0; i < FLOW_WRITERS_MAX; i++) {
		flow->pg[i] = (struct sw_pg_config){.application_name = writer_names[i]};
		flow->bus_configs[i] = (struct sw_bus_config){.name = writer_names[i]};
	}
}

void flow_start(struct flow *flow, unsigned index)
{
	struct sw_writer_config config = {
		.publish_bus = &flow->bus_configs[index],
		.consume_bus = &flow->bus_configs[index],
		.pg = &flow->pg[index],
		.ids = &flow->ids,
		.steps = {{&sw_sequencer_step, &flow->sequencer_config}, {&sw_mailbox_step, &flow->mailbox_config}},
		.queues = {FLOW_QUEUES, FLOW_QUEUES},
		.engines = flow->engines,
		.batch_items_max = flow->batch_items_max,
		.batch_bytes_max = 1 << 20,
		.prefetch = 100,
		.depth_max = 4,
		.lease_ms = FLOW_LEASE_MS,
	};
	struct sw_diag diag = {0};
	assert_int_equal(sw_writer_open(&config, &flow->writers[index], &diag), SW_OK);
}

void flow_stop(struct flow *flow, unsigned index)
{
	sw_writer_close(flow->writers[index]);
	flow->writers[index] = NULL;
}

void flow_close(struct flow *flow)
{
	for (unsigned i = 0; i < FLOW_WRITERS_MAX; i++) {
		flow_stop(flow, i);
	}
	fake_bus_close(&flow->bus);
	fake_store_close(&flow->store);
	sw_idgen_release(&flow->ids);
}

void flow_replace(struct flow *flow)
{
	unsigned old = flow->restarts++;
	assert_true(flow->restarts < FLOW_WRITERS_MAX);
	pthread_mutex_lock(&flow->store.lock);
	flow->store.dead_name = writer_names[old];
	pthread_mutex_unlock(&flow->store.lock);
	flow_stop(flow, old);
	fake_bus_bury(&flow->bus);
	flow_start(flow, flow->restarts);
}

void flow_give_up(struct flow *flow, const char *what)
{
	fprintf(stderr, "%s: not in time (fault %u of the store, %u of the bus)\n", what, flow->store.fault_at,
		flow->bus.fault_at);
	for (unsigned i = 0; i < flow->bus.queue_count; i++) {
		const char *name = flow->bus.queues[i].name;
		fprintf(stderr, "  %s: %zu messages, %zu consumers\n", name, fake_bus_count(&flow->bus, name),
			fake_bus_consumers(&flow->bus, name));
	}
	sw_fake_foreach(&flow->store, owner, o)
	{
		fprintf(stderr, "  partition %d.%d: owner %" PRId64 ", epoch %" PRId64 "\n", (int)o->role,
			(int)o->queue, o->owner, o->epoch);
	}
	abort();
}

static void wait_drained(struct flow *flow)
{
	while (!fake_bus_wait_drained(&flow->bus, "ingest.", "mailbox.")) {
		if (!fake_bus_dead(&flow->bus)) {
			flow_give_up(flow, "empty queues");
		}
		flow_replace(flow);
	}
}

void flow_ping(struct flow *flow)
{
	for (unsigned queue = 0; queue < FLOW_QUEUES; queue++) {
		struct letter letter;
		letter_begin(&letter);
		letter_put(&letter, &(struct sw_item){.kind = SW_ITEM_SESSION_DOWN, .as.session_down = {.user = 999}});
		letter_post(flow, &letter, SW_ROLE_MAILBOX, queue);
	}
	wait_drained(flow);
}

void flow_settle(struct flow *flow)
{
	wait_drained(flow);
	/* Twice: an engine acks before it sends to the nodes, and hears only then that one is gone. */
	flow_ping(flow);
	flow_ping(flow);
}

void flow_wait_store(struct flow *flow, flow_predicate_fn predicate, int64_t arg)
{
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += 30;
	pthread_mutex_lock(&flow->store.lock);
	int rc = 0;
	while (!predicate(&flow->store, arg) && rc != ETIMEDOUT) {
		rc = pthread_cond_timedwait(&flow->store.changed, &flow->store.lock, &deadline);
	}
	bool ok = predicate(&flow->store, arg);
	pthread_mutex_unlock(&flow->store.lock);
	if (!ok) {
		flow_give_up(flow, "a change of the store");
	}
}

/* ---- envelopes ---- */

void letter_section(struct letter *letter)
{
	if (letter->mark) {
		sw_section_end(&letter->buf, letter->mark);
	}
	struct sw_uuid id = sw_uuid_random();
	letter->mark = sw_section_begin(&letter->buf, &id);
}

void letter_begin(struct letter *letter)
{
	sw_buf_init(&letter->buf, SW_ENVELOPE_BYTES_MAX);
	letter->mark = 0;
	sw_envelope_begin(&letter->buf);
	letter_section(letter);
}

void letter_put(struct letter *letter, const struct sw_item *item)
{
	sw_item_put(&letter->buf, item);
}

void letter_post(struct flow *flow, struct letter *letter, enum sw_writer_role role, unsigned queue)
{
	char name[SW_QUEUE_NAME_MAX];
	sw_section_end(&letter->buf, letter->mark);
	assert_int_equal(letter->buf.err, SW_OK);
	sw_queue_name(role, queue, name);
	fake_bus_put(&flow->bus, name, sw_buf_bytes(&letter->buf));
	sw_buf_release(&letter->buf);
}

void flow_each_item(struct sw_bytes envelope, flow_item_fn on_item, void *ctx)
{
	struct sw_envelope_reader reader;
	struct sw_section section;
	struct sw_arena arena;
	struct sw_item item;
	sw_arena_init(&arena);
	assert_int_equal(sw_envelope_open(&reader, envelope), SW_OK);
	while (sw_envelope_next(&reader, &section) == SW_OK) {
		while (sw_item_next(&section.items, &arena, &item) == SW_OK) {
			on_item(ctx, &section.id, &item);
		}
		assert_int_equal(section.items.len, 0);
	}
	sw_arena_release(&arena);
}

struct item_hand {
	flow_item_fn on_item;
	void *ctx;
};

static void on_queued(void *ctx, struct sw_bytes body)
{
	const struct item_hand *hand = ctx;
	flow_each_item(body, hand->on_item, hand->ctx);
}

void flow_each_queued(struct flow *flow, const char *queue, flow_item_fn on_item, void *ctx)
{
	fake_bus_each(&flow->bus, queue, on_queued, &(struct item_hand){on_item, ctx});
}

static void post(struct flow *flow, enum sw_writer_role role, unsigned queue, const struct sw_item *item)
{
	struct letter letter;
	letter_begin(&letter);
	letter_put(&letter, item);
	letter_post(flow, &letter, role, queue);
}

void post_to_sequencer(struct flow *flow, unsigned queue, const struct sw_item *item)
{
	post(flow, SW_ROLE_SEQUENCER, queue, item);
}

void post_to_mailbox(struct flow *flow, int64_t user, const struct sw_item *item)
{
	post(flow, SW_ROLE_MAILBOX, queue_of_user(user), item);
}

unsigned queue_of_pair(int64_t a, int64_t b)
{
	return sw_partition_of_pair(a < b ? a : b, a < b ? b : a) % FLOW_QUEUES;
}

unsigned queue_of_conversation(int64_t conv)
{
	return sw_partition_of_conversation(conv) % FLOW_QUEUES;
}

unsigned queue_of_user(int64_t user)
{
	return sw_partition_of_user(user) % FLOW_QUEUES;
}
