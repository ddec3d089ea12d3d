/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions that move while somebody works: a frozen writer that wakes up, a keeper that is cut off, envelopes that
 * nobody can apply, a store that refuses the password. */
#include "scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool owned_by_all(const struct fake_store *store, int64_t count)
{
	int64_t owned = 0;
	sw_fake_foreach(store, owner, o)
	{
		owned += o->owner != 0;
	}
	return owned == count;
}

static bool is_holding(const struct fake_store *store, int64_t ignored)
{
	(void)ignored;
	return store->holding;
}

static bool is_fenced(const struct fake_store *store, int64_t times)
{
	return store->fenced >= (unsigned)times;
}

/* Every partition has an owner whose epoch is above that. */
static bool moved(const struct fake_store *store, int64_t epoch)
{
	size_t count = 0;
	sw_fake_foreach(store, owner, o)
	{
		count += o->owner != 0 && o->epoch > epoch;
	}
	return count == 2 * FLOW_QUEUES;
}

/* Lets everything end, and looks. */
static void end_scene(struct scenario *s)
{
	fake_bus_release_delayed(&s->flow->bus, false);
	flow_settle(s->flow);
	for (unsigned i = 0; i < FLOW_WRITERS_MAX; i++) {
		flow_stop(s->flow, i);
	}
	check_left_overs(s->flow);
	check_messages(s);
	check_order(s->flow);
	check_inboxes(s->flow);
}

static void open_scene(struct flow *flow, struct scenario *s, unsigned engines)
{
	flow_open(flow, engines);
	*s = (struct scenario){.flow = flow};
	flow->bus.hold_delayed = true;
	flow_start(flow, 0);
	flow_wait_store(flow, owned_by_all, 2 * FLOW_QUEUES);
}

static void set_names(struct flow *flow, const char *hold, const char *mute)
{
	pthread_mutex_lock(&flow->store.lock);
	flow->store.hold_name = hold;
	flow->store.mute_name = mute;
	pthread_cond_broadcast(&flow->store.changed);
	pthread_mutex_unlock(&flow->store.lock);
}

static void drop_consumers(struct flow *flow)
{
	static const char *const queues[] = {"ingest.0", "ingest.1", "mailbox.0", "mailbox.1"};
	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		assert_true(fake_bus_wait_consumers(&flow->bus, queues[i], 2));
		fake_bus_drop_active(&flow->bus, queues[i]);
	}
}

static void takeover__first_is_frozen_before_its_commit__it_changes_nothing(void **state)
{
	(void)state;
	struct flow flow;
	struct scenario s;
	open_scene(&flow, &s, 1);
	scenario_write(&s, ALICE, BOB, "before");
	flow_settle(&flow);
	set_names(&flow, "w0", "w0"); /* stops where it stands, with its transaction decided and not yet sent */
	scenario_write(&s, ALICE, BOB, "in the hands of the frozen one");
	flow_wait_store(&flow, is_holding, 0);
	flow_start(&flow, 1);
	flow_wait_store(&flow, moved, 1);
	scenario_write(&s, BOB, ALICE, "after");
	drop_consumers(&flow); /* as the broker does when the heartbeats stop */
	flow_settle(&flow);
	size_t events = flow.store.tables.event.count;
	assert_int_equal(events, 3);
	set_names(&flow, "", "w0"); /* it wakes up */
	flow_wait_store(&flow, is_fenced, 1);
	flow_settle(&flow);
	assert_int_equal(flow.store.tables.event.count, events);
	end_scene(&s);
	flow_close(&flow);
}

static void takeover__keeper_is_cut_off_but_the_engine_lives__fenced_at_its_next_write(void **state)
{
	(void)state;
	struct flow flow;
	struct scenario s;
	open_scene(&flow, &s, 2);
	scenario_write(&s, ALICE, BOB, "before");
	flow_settle(&flow);
	set_names(&flow, "", "w0");
	flow_start(&flow, 1);
	flow_wait_store(&flow, moved, 1);
	/* It still is the active consumer, so it gets the messages, fails and lets go. */
	for (int i = 0; i < 4; i++) {
		scenario_write(&s, i % 2 ? BOB : ALICE, i % 2 ? ALICE : BOB, "for the new owner");
		scenario_write(&s, CAROL, DAVE + i, "for the new owner");
	}
	flow_settle(&flow);
	assert_true(flow.store.fenced > 0);
	set_names(&flow, "", ""); /* and both share again */
	scenario_write(&s, ALICE, CAROL, "together");
	flow_settle(&flow);
	flow_stop(&flow, 0);
	scenario_write(&s, ALICE, DAVE, "alone again");
	flow_settle(&flow);
	end_scene(&s);
	flow_close(&flow);
}

static void partitions__writers_come_and_go_under_load__everything_once(void **state)
{
	(void)state;
	struct flow flow;
	struct scenario s;
	open_scene(&flow, &s, 1);
	for (int round = 0; round < 6; round++) {
		for (int64_t peer = BOB; peer <= HEIDI; peer++) {
			scenario_write(&s, ALICE, peer, "round");
		}
		if (round == 1) {
			flow_start(&flow, 1);
		} else if (round == 3) {
			flow_stop(&flow, 0);
		} else if (round == 4) {
			flow_start(&flow, 2);
		}
	}
	end_scene(&s);
	flow_close(&flow);
}

static bool engine_count_is(const struct fake_store *store, int64_t count)
{
	return (int64_t)store->tables.engine.count == count;
}

/* No lease is left behind that the next one would have to wait for. */
static void close__while_partitions_come__the_next_gets_all(void **state)
{
	(void)state;
	struct flow flow;
	struct scenario s;
	open_scene(&flow, &s, 2);
	flow_stop(&flow, 0);
	flow_wait_store(&flow, engine_count_is, 0);
	flow_start(&flow, 1);
	flow_wait_store(&flow, moved, 1);
	scenario_write(&s, ALICE, BOB, "to the next");
	end_scene(&s);
	flow_close(&flow);
}

/* ---- poison ---- */

static void poison__among_good_ones__it_alone_is_buried(void **state)
{
	(void)state;
	struct flow flow;
	struct scenario s;
	flow_open(&flow, 1);
	s = (struct scenario){.flow = &flow};
	flow.bus.hold_delayed = true;
	struct message bad = {0};
	for (int i = 0; i < 5; i++) { /* all of them wait when the writer comes: one batch */
		scenario_write(&s, ALICE, BOB, i == 2 ? FAKE_STORE_POISON : "good");
		if (i == 2) {
			bad = s.messages[--s.count];
		}
	}
	struct letter broken;
	letter_begin(&broken);
	letter_put(&broken, &(struct sw_item){.kind = SW_ITEM_ACK});
	sw_section_end(&broken.buf, broken.mark);
	char name[SW_QUEUE_NAME_MAX];
	sw_queue_name(SW_ROLE_MAILBOX, 0, name);
	fake_bus_put(&flow.bus, name, sw_bytes(broken.buf.ptr, broken.buf.len - 1));
	sw_buf_release(&broken.buf);
	flow_start(&flow, 0);
	flow_settle(&flow);
	flow_stop(&flow, 0);
	assert_int_equal(fake_bus_count(&flow.bus, "dead"), 2);
	assert_int_equal(flow.store.tables.event.count, 4);
	sw_fake_foreach(&flow.store, sent, row)
	{
		assert_false(sw_uuid_equal(&row->cid, &bad.cid));
	}
	check_messages(&s);
	check_order(&flow);
	check_inboxes(&flow);
	flow_close(&flow);
}

static void store__refuses_the_password__nothing_is_buried(void **state)
{
	(void)state;
	static const int errors[] = {SW_EAUTH, SW_ECONFIG, SW_ECONNECT};
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct flow flow;
		struct scenario s;
		open_scene(&flow, &s, 1);
		pthread_mutex_lock(&flow.store.lock);
		flow.store.connect_err = errors[i];
		flow.store.fault_at = flow.store.runs + 1; /* so that it has to connect */
		flow.store.fault = FAKE_STORE_CLOSED_BEFORE;
		pthread_mutex_unlock(&flow.store.lock);
		scenario_write(&s, ALICE, BOB, "patience");
		pthread_mutex_lock(&flow.store.lock);
		while (flow.store.connect_refusals < 4) {
			pthread_cond_wait(&flow.store.changed, &flow.store.lock);
		}
		flow.store.connect_err = SW_OK;
		pthread_mutex_unlock(&flow.store.lock);
		end_scene(&s); /* the dead letters are empty */
		flow_close(&flow);
	}
}

/* ---- redelivery ---- */

static void redelivery__beside_its_first_copy__once(void **state)
{
	(void)state;
	struct flow flow;
	struct scenario s;
	open_scene(&flow, &s, 1);
	set_names(&flow, "w0", "");
	scenario_write(&s, ALICE, CAROL, "holds the engine");
	flow_wait_store(&flow, is_holding, 0);
	for (int i = 0; i < 5; i++) {
		scenario_write(&s, ALICE, BOB, "behind it");
	}
	fake_bus_lose_consumers(&flow.bus); /* all of them come a second time, beside the first copies */
	set_names(&flow, "", "");
	end_scene(&s);
	/* Not by trying: the twins are seen as soon as the batch is known to hold repeats. */
	assert_true(flow.store.conflicts <= 2);
	flow_close(&flow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takeover__first_is_frozen_before_its_commit__it_changes_nothing),
		cmocka_unit_test(takeover__keeper_is_cut_off_but_the_engine_lives__fenced_at_its_next_write),
		cmocka_unit_test(partitions__writers_come_and_go_under_load__everything_once),
		cmocka_unit_test(close__while_partitions_come__the_next_gets_all),
		cmocka_unit_test(poison__among_good_ones__it_alone_is_buried),
		cmocka_unit_test(store__refuses_the_password__nothing_is_buried),
		cmocka_unit_test(redelivery__beside_its_first_copy__once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
