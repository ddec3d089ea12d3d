/* SPDX-License-Identifier: Apache-2.0 */
#include "writer/batch.h"

#include "bus/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { QUEUES = 4 };

static struct sw_item ack_of(int64_t user)
{
	return (struct sw_item){.kind = SW_ITEM_ACK,
				.as.ack = {.user = user, .device = sw_bytes_str("d"), .pos = user}};
}

/* An envelope of so many sections; section i has i + 1 acks. */
static struct sw_buf envelope_of(size_t sections, struct sw_uuid *ids)
{
	struct sw_buf buf;
	sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
	sw_envelope_begin(&buf);
	for (size_t i = 0; i < sections; i++) {
		ids[i] = sw_uuid_random();
		size_t mark = sw_section_begin(&buf, &ids[i]);
		for (size_t k = 0; k <= i; k++) {
			struct sw_item item = ack_of((int64_t)(10 * i + k));
			sw_item_put(&buf, &item);
		}
		sw_section_end(&buf, mark);
	}
	return buf;
}

static size_t count_works(const struct sw_work_list *list)
{
	size_t count = 0;
	for (const struct sw_work *work = list->first; work; work = work->next) {
		count++;
	}
	return count;
}

static size_t count_outs(const struct sw_batch *batch)
{
	size_t count = 0;
	for (const struct sw_out *out = batch->outs; out; out = out->next) {
		count++;
	}
	return count;
}

static void add__two_envelopes__sections_and_items_in_order(void **state)
{
	(void)state;
	struct sw_batch batch;
	struct sw_uuid ids[5];
	struct sw_buf a = envelope_of(3, ids);
	struct sw_buf b = envelope_of(2, ids + 3);
	sw_batch_init(&batch, QUEUES);
	assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 1, sw_buf_bytes(&a)), SW_OK);
	assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 2, sw_buf_bytes(&b)), SW_OK);
	assert_null(batch.works[SW_ROLE_SEQUENCER].first);
	assert_int_equal(batch.works[SW_ROLE_MAILBOX].items, 6 + 3);
	size_t i = 0;
	for (const struct sw_work *work = batch.works[SW_ROLE_MAILBOX].first; work; work = work->next, i++) {
		assert_true(sw_uuid_equal(&work->id, &ids[i]));
		assert_int_equal(work->queue, i < 3 ? 1 : 2);
		assert_int_equal(work->count, i < 3 ? i + 1 : i - 2);
		assert_false(work->local || work->durable || work->applied);
		for (size_t k = 0; k < work->count; k++) {
			assert_int_equal(work->items[k].as.ack.user, 10 * (i < 3 ? i : i - 3) + k);
		}
	}
	assert_int_equal(i, 5);
	sw_batch_release(&batch);
	sw_buf_release(&a);
	sw_buf_release(&b);
}

static void add__cut_at_every_byte__nothing_of_it_is_added(void **state)
{
	(void)state;
	struct sw_batch batch;
	struct sw_uuid ids[3];
	struct sw_buf buf = envelope_of(2, ids);
	struct sw_buf good = envelope_of(1, ids + 2);
	size_t first_end = 1 + 16 + 4 + (1 + 8 + 2 + 8 + 1 + 8 + 8);
	sw_batch_init(&batch, QUEUES);
	for (size_t len = 0; len < buf.len; len++) {
		if (len != 1 && len != first_end) { /* between two sections it is an envelope */
			assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 0, sw_bytes(buf.ptr, len)), SW_EPARSE);
		}
	}
	buf.ptr[0] = SW_ENVELOPE_VERSION + 1;
	assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 0, sw_buf_bytes(&buf)), SW_EVERSION);
	assert_null(batch.works[SW_ROLE_MAILBOX].first);
	assert_int_equal(batch.works[SW_ROLE_MAILBOX].items, 0);
	assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 0, sw_buf_bytes(&good)), SW_OK);
	assert_int_equal(count_works(&batch.works[SW_ROLE_MAILBOX]), 1);
	sw_batch_release(&batch);
	sw_buf_release(&buf);
	sw_buf_release(&good);
}

/* ---- hand-over ---- */

static struct sw_uuid handed_over_id(const struct sw_uuid *from_id, unsigned queue, bool owned)
{
	struct sw_batch batch;
	struct sw_work from = {.id = *from_id};
	struct sw_item item = ack_of(1);
	sw_batch_init(&batch, QUEUES);
	batch.owned[SW_ROLE_MAILBOX] = owned ? UINT64_C(1) << queue : 0;
	sw_batch_hand_over(&batch, &from, queue, &item);
	const struct sw_work *work = owned ? batch.works[SW_ROLE_MAILBOX].first : batch.remote.first;
	assert_non_null(work);
	assert_int_equal(work->queue, queue);
	struct sw_uuid id = work->id;
	sw_batch_release(&batch);
	return id;
}

static void hand_over__same_section_and_queue__same_id_wherever(void **state)
{
	(void)state;
	struct sw_uuid a = sw_uuid_random();
	struct sw_uuid b = sw_uuid_random();
	struct sw_uuid ids[] = {handed_over_id(&a, 0, true),
				handed_over_id(&a, 1, true),
				handed_over_id(&b, 0, true),
				handed_over_id(&b, 1, true),
				a,
				b};
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		for (size_t k = 0; k < i; k++) {
			assert_false(sw_uuid_equal(&ids[i], &ids[k]));
		}
	}
	struct sw_uuid again = handed_over_id(&a, 0, true);
	struct sw_uuid remote = handed_over_id(&a, 0, false);
	assert_true(sw_uuid_equal(&again, &ids[0]));
	assert_true(sw_uuid_equal(&remote, &ids[0]));
}

static void hand_over__several_items_of_a_section__one_section_a_queue(void **state)
{
	(void)state;
	struct sw_batch batch;
	struct sw_work first = {.id = sw_uuid_random()};
	struct sw_work second = {.id = sw_uuid_random()};
	sw_batch_init(&batch, QUEUES);
	batch.owned[SW_ROLE_MAILBOX] = 1 << 0;
	for (int64_t i = 0; i < 20; i++) {
		struct sw_item item = ack_of(i);
		sw_batch_hand_over(&batch, i < 10 ? &first : &second, i % 2, &item);
	}
	assert_int_equal(count_works(&batch.works[SW_ROLE_MAILBOX]), 2);
	assert_int_equal(count_works(&batch.remote), 2);
	const struct sw_work *local = batch.works[SW_ROLE_MAILBOX].first;
	assert_true(local->local && local->durable);
	assert_int_equal(local->count, 5);
	for (size_t k = 0; k < local->count; k++) {
		assert_int_equal(local->items[k].as.ack.user, 2 * k);
	}
	assert_int_equal(local->next->items[0].as.ack.user, 10);
	assert_int_equal(batch.remote.first->items[0].as.ack.user, 1);
	sw_batch_release(&batch);
}

static void rewind__after_an_attempt__only_what_came_in_is_left(void **state)
{
	(void)state;
	for (size_t sections = 0; sections < 3; sections++) {
		struct sw_batch batch;
		struct sw_uuid ids[3];
		struct sw_buf buf = envelope_of(sections, ids);
		struct sw_work from = {.id = sw_uuid_random()};
		struct sw_item item = ack_of(1);
		sw_batch_init(&batch, QUEUES);
		batch.owned[SW_ROLE_MAILBOX] = 1;
		assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 0, sw_buf_bytes(&buf)), SW_OK);
		size_t items = batch.works[SW_ROLE_MAILBOX].items;
		for (int attempt = 0; attempt < 2; attempt++) {
			for (struct sw_work *work = batch.works[SW_ROLE_MAILBOX].first; work; work = work->next) {
				assert_null(work->result.ptr);
				work->result = sw_bytes("decided", 7);
			}
			sw_batch_hand_over(&batch, &from, 0, &item);
			sw_batch_hand_over(&batch, &from, 1, &item);
			sw_batch_to_node(&batch, 5, &item);
			assert_int_equal(sw_batch_finish(&batch), SW_OK);
			assert_int_equal(count_works(&batch.works[SW_ROLE_MAILBOX]), sections + 1);
			sw_batch_rewind(&batch);
			assert_int_equal(count_works(&batch.works[SW_ROLE_MAILBOX]), sections);
			assert_int_equal(batch.works[SW_ROLE_MAILBOX].items, items);
			assert_null(batch.remote.first);
			assert_null(batch.outs);
		}
		sw_batch_release(&batch);
		sw_buf_release(&buf);
	}
}

static void drop_twins__same_section_again__first_stays(void **state)
{
	(void)state;
	struct sw_batch batch;
	struct sw_uuid ids[3];
	struct sw_buf a = envelope_of(2, ids);
	struct sw_buf b = envelope_of(1, ids + 2);
	sw_batch_init(&batch, QUEUES);
	assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 0, sw_buf_bytes(&a)), SW_OK);
	assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 0, sw_buf_bytes(&b)), SW_OK);
	assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 0, sw_buf_bytes(&a)), SW_OK);
	sw_batch_drop_twins(&batch, SW_ROLE_MAILBOX);
	assert_int_equal(count_works(&batch.works[SW_ROLE_MAILBOX]), 3);
	assert_int_equal(batch.works[SW_ROLE_MAILBOX].items, 4);
	size_t i = 0;
	for (const struct sw_work *work = batch.works[SW_ROLE_MAILBOX].first; work; work = work->next) {
		assert_true(sw_uuid_equal(&work->id, &ids[i++]));
	}
	/* The list can still grow at its end. */
	assert_int_equal(sw_batch_add(&batch, SW_ROLE_MAILBOX, 0, sw_buf_bytes(&b)), SW_OK);
	assert_int_equal(count_works(&batch.works[SW_ROLE_MAILBOX]), 4);
	sw_batch_release(&batch);
	sw_buf_release(&a);
	sw_buf_release(&b);
}

/* ---- outs ---- */

static size_t count_items(const struct sw_out *out, size_t *sections_out)
{
	struct sw_envelope_reader reader;
	struct sw_section section;
	struct sw_arena arena;
	size_t count = 0;
	sw_arena_init(&arena);
	*sections_out = 0;
	assert_int_equal(sw_envelope_open(&reader, sw_buf_bytes(&out->buf)), SW_OK);
	while (sw_envelope_next(&reader, &section) == SW_OK) {
		struct sw_item item;
		int err;
		while ((err = sw_item_next(&section.items, &arena, &item)) == SW_OK) {
			count++;
		}
		assert_int_equal(err, SW_EEND);
		++*sections_out;
	}
	sw_arena_release(&arena);
	return count;
}

static const struct sw_out *find_out(const struct sw_batch *batch, const char *exchange, const char *key)
{
	for (const struct sw_out *out = batch->outs; out; out = out->next) {
		if (strcmp(out->exchange, exchange) == 0 && strcmp(out->routing_key, key) == 0) {
			return out;
		}
	}
	fail_msg("nothing for %s %s", exchange, key);
	return NULL;
}

static void finish__one_of_each_kind__addressed_and_readable(void **state)
{
	(void)state;
	struct sw_batch batch;
	struct sw_work from = {.id = sw_uuid_random()};
	struct sw_work other = {.id = sw_uuid_random()};
	struct sw_item item = ack_of(1);
	size_t sections;
	char mailbox[SW_QUEUE_NAME_MAX];
	sw_batch_init(&batch, QUEUES);
	sw_batch_hand_over(&batch, &from, 3, &item);
	sw_batch_hand_over(&batch, &from, 3, &item);
	sw_batch_hand_over(&batch, &other, 3, &item);
	sw_batch_to_node(&batch, 77, &item);
	sw_batch_to_node(&batch, 77, &item);
	sw_batch_to_node(&batch, 78, &item);
	sw_batch_to_push(&batch, sw_bytes_str("apns"), &item);
	sw_batch_to_check(&batch, 0, 42, &item);
	sw_batch_to_check(&batch, 1001, 42, &item);
	sw_batch_to_dead(&batch, "why", sw_bytes_str("whole"));
	assert_int_equal(sw_batch_finish(&batch), SW_OK);
	assert_int_equal(count_outs(&batch), 7);
	const struct sw_out *out = find_out(&batch, "", "mailbox.3");
	assert_int_equal(out->kind, SW_OUT_MAILBOX);
	assert_int_equal(count_items(out, &sections), 3);
	assert_int_equal(sections, 2);
	out = find_out(&batch, "", "node.77");
	assert_true(out->kind == SW_OUT_NODE && out->node == 77);
	assert_int_equal(count_items(out, &sections), 2);
	assert_int_equal(sections, 1);
	(void)find_out(&batch, "", "node.78");
	assert_int_equal(find_out(&batch, "", "push.apns")->kind, SW_OUT_JOB);
	snprintf(mailbox, sizeof(mailbox), "mailbox.%u", sw_partition_of_user(42) % QUEUES);
	assert_int_equal(sw_batch_mailbox_queue(&batch, 42), sw_partition_of_user(42) % QUEUES);
	assert_int_equal(find_out(&batch, "check.1000", mailbox)->kind, SW_OUT_JOB);
	assert_int_equal(count_items(find_out(&batch, "check.2000", mailbox), &sections), 1);
	assert_int_equal(count_items(find_out(&batch, "", "dead"), &sections), 1);
	sw_batch_release(&batch);
}

/* A message to a group of thousands makes more jobs than one envelope takes. */
static void to_push__more_than_an_envelope_takes__several(void **state)
{
	(void)state;
	enum { JOBS = 40000 };
	static char preview[512];
	struct sw_batch batch;
	struct sw_item job = {.kind = SW_ITEM_JOB, .as.job = {.preview = sw_bytes(preview, sizeof(preview))}};
	size_t items = 0;
	size_t sections;
	sw_batch_init(&batch, QUEUES);
	for (int i = 0; i < JOBS; i++) {
		sw_batch_to_push(&batch, sw_bytes_str("apns"), &job);
	}
	assert_int_equal(sw_batch_finish(&batch), SW_OK);
	assert_true(count_outs(&batch) > 1);
	for (const struct sw_out *out = batch.outs; out; out = out->next) {
		items += count_items(out, &sections);
		assert_true(out->buf.len < SW_ENVELOPE_BYTES_MAX / 4);
	}
	assert_int_equal(items, JOBS);
	sw_batch_release(&batch);
}

/* Envelopes of one queue leave in the order in which they were filled. */
static void hand_over__several_envelopes_of_a_queue__oldest_first(void **state)
{
	(void)state;
	static char body[400000];
	struct sw_batch batch;
	sw_batch_init(&batch, QUEUES);
	struct sw_work from[10];
	for (int64_t i = 0; i < 10; i++) {
		from[i] = (struct sw_work){.id = sw_uuid_random()};
		struct sw_item item = {.kind = SW_ITEM_DELIVER,
				       .as.deliver = {.seq = i, .body = sw_bytes(body, sizeof(body))}};
		sw_batch_hand_over(&batch, &from[i], 0, &item);
	}
	assert_int_equal(sw_batch_finish(&batch), SW_OK);
	assert_true(count_outs(&batch) > 2);
	int64_t next = 0;
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (const struct sw_out *out = batch.outs; out; out = out->next) {
		struct sw_envelope_reader reader;
		struct sw_section section;
		struct sw_item item;
		assert_int_equal(sw_envelope_open(&reader, sw_buf_bytes(&out->buf)), SW_OK);
		while (sw_envelope_next(&reader, &section) == SW_OK) {
			assert_int_equal(sw_item_next(&section.items, &arena, &item), SW_OK);
			assert_int_equal(item.as.deliver.seq, next++);
		}
	}
	assert_int_equal(next, 10);
	sw_arena_release(&arena);
	sw_batch_release(&batch);
}

static void finish__a_section_past_the_bound__limit(void **state)
{
	(void)state;
	static char body[9 << 20];
	struct sw_batch batch;
	struct sw_work from = {.id = sw_uuid_random()};
	struct sw_item item = {.kind = SW_ITEM_DELIVER, .as.deliver = {.body = sw_bytes(body, sizeof(body))}};
	sw_batch_init(&batch, QUEUES);
	sw_batch_hand_over(&batch, &from, 0, &item);
	sw_batch_hand_over(&batch, &from, 0, &item);
	assert_int_equal(sw_batch_finish(&batch), SW_ELIMIT);
	sw_batch_release(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add__two_envelopes__sections_and_items_in_order),
		cmocka_unit_test(add__cut_at_every_byte__nothing_of_it_is_added),
		cmocka_unit_test(hand_over__same_section_and_queue__same_id_wherever),
		cmocka_unit_test(hand_over__several_items_of_a_section__one_section_a_queue),
		cmocka_unit_test(rewind__after_an_attempt__only_what_came_in_is_left),
		cmocka_unit_test(drop_twins__same_section_again__first_stays),
		cmocka_unit_test(finish__one_of_each_kind__addressed_and_readable),
		cmocka_unit_test(to_push__more_than_an_envelope_takes__several),
		cmocka_unit_test(hand_over__several_envelopes_of_a_queue__oldest_first),
		cmocka_unit_test(finish__a_section_past_the_bound__limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
