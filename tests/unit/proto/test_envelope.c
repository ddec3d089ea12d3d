/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of items.def through the codec: fields are filled, put, read and compared by the same table. */
#include "proto/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- an item with every field of its own value ---- */

static unsigned next_value;

static void fill_i64(int64_t *v)
{
	*v = next_value % 2 ? INT64_MAX - next_value : INT64_MIN + next_value;
	next_value++;
}

static void fill_u8(uint8_t *v)
{
	*v = (uint8_t)(200 + next_value++);
}

static void fill_uuid(struct sw_uuid *v)
{
	*v = sw_uuid_derive("test", sw_bytes(&next_value, sizeof(next_value)), sw_bytes("", 0));
	next_value++;
}

static void fill_bytes(struct sw_bytes *v)
{
	static const char text[] = "0123456789\0abcdefghij\xff klmnopqrstuvwxyz";
	*v = sw_bytes(text + next_value % 10, 1 + next_value % 30);
	next_value++;
}

static void fill_list(struct sw_item_list *v)
{
	static const int64_t values[] = {INT64_MAX, 0, -1, INT64_MIN, 77};
	*v = (struct sw_item_list){values, 1 + next_value++ % 5};
}

static bool same_i64(const int64_t *a, const int64_t *b)
{
	return *a == *b;
}

static bool same_u8(const uint8_t *a, const uint8_t *b)
{
	return *a == *b;
}

static bool same_uuid(const struct sw_uuid *a, const struct sw_uuid *b)
{
	return sw_uuid_equal(a, b);
}

static bool same_bytes(const struct sw_bytes *a, const struct sw_bytes *b)
{
	return sw_bytes_equal(*a, *b);
}

static bool same_list(const struct sw_item_list *a, const struct sw_item_list *b)
{
	return a->count == b->count && (a->count == 0 || memcmp(a->values, b->values, a->count * sizeof(int64_t)) == 0);
}

#define FILL_FIELD(type, name) fill_##type(&v->name);
#define SAME_FIELD(type, name) &&same_##type(&a->name, &b->name)
#define SW_ITEM(NAME, name, number)                                                                  \
	static void fill_item_##name(struct sw_item_##name *v)                                       \
	{                                                                                            \
		SW_FIELDS_##NAME(FILL_FIELD)                                                         \
	}                                                                                            \
	static bool same_item_##name(const struct sw_item_##name *a, const struct sw_item_##name *b) \
	{                                                                                            \
		return true SW_FIELDS_##NAME(SAME_FIELD);                                            \
	}
#include "proto/items.def"
#undef SW_ITEM

static const enum sw_item_kind kinds[] = {
#define SW_ITEM(NAME, name, number) SW_ITEM_##NAME,
#include "proto/items.def"
#undef SW_ITEM
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const unsigned former_numbers[] = {
#define SW_ITEM(NAME, name, number)
#define SW_FORMER(NAME, name, number, FIELDS) (number),
#include "proto/items.def"
#undef SW_ITEM
#undef SW_FORMER
};
enum { FORMER_NUMBERS = sizeof(former_numbers) / sizeof(former_numbers[0]) };

static struct sw_item full_item(enum sw_item_kind kind)
{
	struct sw_item item = {.kind = kind};
	next_value = (unsigned)kind;
	switch (kind) {
#define SW_ITEM(NAME, name, number)              \
	case SW_ITEM_##NAME:                     \
		fill_item_##name(&item.as.name); \
		break;
#include "proto/items.def"
#undef SW_ITEM
	}
	return item;
}

static bool same_item(const struct sw_item *a, const struct sw_item *b)
{
	if (a->kind != b->kind) {
		return false;
	}
	switch (a->kind) {
#define SW_ITEM(NAME, name, number) \
	case SW_ITEM_##NAME:        \
		return same_item_##name(&a->as.name, &b->as.name);
#include "proto/items.def"
#undef SW_ITEM
	}
	return false;
}

/* ---- items ---- */

static void item__every_kind__comes_back_as_it_was(void **state)
{
	(void)state;
	struct sw_arena arena;
	struct sw_buf buf;
	sw_arena_init(&arena);
	sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
	for (size_t i = 0; i < KINDS; i++) {
		struct sw_item item = full_item(kinds[i]);
		sw_item_put(&buf, &item);
	}
	assert_int_equal(buf.err, SW_OK);
	struct sw_bytes left = sw_buf_bytes(&buf);
	for (size_t i = 0; i < KINDS; i++) {
		struct sw_item expected = full_item(kinds[i]);
		struct sw_item item;
		assert_int_equal(sw_item_next(&left, &arena, &item), SW_OK);
		assert_true(same_item(&expected, &item));
	}
	struct sw_item none;
	assert_int_equal(sw_item_next(&left, &arena, &none), SW_EEND);
	sw_buf_release(&buf);
	sw_arena_release(&arena);
}

/* The item as it was written under a former number, without the fields at its end: of that many bytes, when they are
 * zero or empty. */
static void check_former(struct sw_item item, uint8_t number, size_t added_bytes)
{
	struct sw_arena arena;
	struct sw_buf buf;
	sw_arena_init(&arena);
	sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
	sw_item_put(&buf, &item);
	buf.ptr[0] = number;
	struct sw_bytes items = sw_bytes(buf.ptr, buf.len - added_bytes);
	struct sw_item read;
	assert_int_equal(sw_item_next(&items, &arena, &read), SW_OK);
	assert_true(same_item(&item, &read));
	assert_int_equal(sw_item_next(&items, &arena, &read), SW_EEND);
	items = sw_bytes(buf.ptr, buf.len - added_bytes - 1);
	assert_int_equal(sw_item_next(&items, &arena, &read), SW_EPARSE);
	sw_buf_release(&buf);
	sw_arena_release(&arena);
}

static void item__a_former_layout__is_read_with_the_rest_zero(void **state)
{
	(void)state;
	enum { REASON_BYTES = 1, I64_BYTES = 8, CLASS_BYTES = 1, EMPTY_BYTES = 1 };
	struct sw_item item = full_item(SW_ITEM_JOB);
	item.as.job.reason = 0;
	item.as.job.planned_at_ms = 0;
	check_former(item, 82, REASON_BYTES + I64_BYTES);
	item.as.job.class = 0;
	item.as.job.content = sw_bytes("", 0);
	check_former(item, 80, CLASS_BYTES + EMPTY_BYTES + REASON_BYTES + I64_BYTES);
	item = full_item(SW_ITEM_ACK);
	item.as.ack.at_ms = item.as.ack.sent_at_ms = 0;
	check_former(item, 17, 2 * I64_BYTES);
}

static void item__empty_fields__come_back_empty(void **state)
{
	(void)state;
	struct sw_arena arena;
	struct sw_buf buf;
	sw_arena_init(&arena);
	for (size_t i = 0; i < KINDS; i++) {
		struct sw_item empty = {.kind = kinds[i]};
		struct sw_item item;
		sw_buf_init(&buf, 1000);
		sw_item_put(&buf, &empty);
		struct sw_bytes left = sw_buf_bytes(&buf);
		assert_int_equal(sw_item_next(&left, &arena, &item), SW_OK);
		assert_true(same_item(&empty, &item));
		assert_int_equal(left.len, 0);
		sw_buf_release(&buf);
	}
	sw_arena_release(&arena);
}

static void item__cut_at_every_byte__parse_error(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (size_t i = 0; i < KINDS; i++) {
		struct sw_item item = full_item(kinds[i]);
		struct sw_buf buf;
		sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
		sw_item_put(&buf, &item);
		for (size_t len = 1; len < buf.len; len++) {
			/* A copy of exactly this length, so that a read past the end is seen. */
			uint8_t *copy = malloc(len);
			memcpy(copy, buf.ptr, len);
			struct sw_bytes cut = sw_bytes(copy, len);
			assert_int_equal(sw_item_next(&cut, &arena, &item), SW_EPARSE);
			free(copy);
		}
		sw_buf_release(&buf);
	}
	sw_arena_release(&arena);
}

static void item__unknown_number__parse_error(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (unsigned number = 0; number < 256; number++) {
		bool known = false;
		for (size_t i = 0; i < KINDS; i++) {
			known |= number == (unsigned)kinds[i];
		}
		for (size_t i = 0; i < FORMER_NUMBERS; i++) {
			known |= number == former_numbers[i];
		}
		uint8_t bytes[600] = {(uint8_t)number};
		struct sw_bytes items = sw_bytes(bytes, sizeof(bytes));
		struct sw_item item;
		assert_int_equal(sw_item_next(&items, &arena, &item), known ? SW_OK : SW_EPARSE);
	}
	sw_arena_release(&arena);
}

static int read_list(uint64_t says, size_t has)
{
	struct sw_arena arena;
	struct sw_buf buf;
	sw_arena_init(&arena);
	sw_buf_init(&buf, SW_ENVELOPE_BYTES_MAX);
	struct sw_item item = full_item(SW_ITEM_DELIVER);
	item.as.deliver.mentions.count = 0;
	sw_item_put(&buf, &item);
	buf.len--; /* its own empty list, the last field */
	sw_buf_put_varint(&buf, says);
	for (size_t i = 0; i < has; i++) {
		sw_buf_put_u64(&buf, i);
	}
	assert_int_equal(buf.err, SW_OK);
	struct sw_bytes items = sw_buf_bytes(&buf);
	int err = sw_item_next(&items, &arena, &item);
	if (!err) {
		assert_int_equal(item.as.deliver.mentions.count, says);
		assert_true(says == 0 || item.as.deliver.mentions.values[says - 1] == (int64_t)says - 1);
	}
	sw_buf_release(&buf);
	sw_arena_release(&arena);
	return err;
}

static void list__at_and_over_the_limits__taken_or_refused(void **state)
{
	(void)state;
	assert_int_equal(read_list(0, 0), SW_OK);
	assert_int_equal(read_list(3, 3), SW_OK);
	assert_int_equal(read_list(SW_ITEM_LIST_MAX, SW_ITEM_LIST_MAX), SW_OK);
	assert_int_equal(read_list(SW_ITEM_LIST_MAX + 1, SW_ITEM_LIST_MAX + 1), SW_EPARSE);
	assert_int_equal(read_list(4, 3), SW_EPARSE);
	assert_int_equal(read_list(UINT64_MAX, 3), SW_EPARSE);
	assert_int_equal(read_list(UINT64_C(1) << 61, 3), SW_EPARSE); /* times 8 it is 0 */
}

static void bytes__length_that_lies__parse_error(void **state)
{
	(void)state;
	static const uint64_t lengths[] = {5, 1000, UINT32_MAX, UINT64_MAX, UINT64_C(1) << 63};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct sw_arena arena;
		struct sw_buf buf;
		sw_arena_init(&arena);
		sw_buf_init(&buf, 1000);
		sw_buf_put_u8(&buf, SW_ITEM_FALLBACK);
		sw_buf_put_u64(&buf, 1);
		sw_buf_put_u64(&buf, 2);
		sw_buf_put_varint(&buf, lengths[i]);
		sw_buf_put_str(&buf, "four");
		struct sw_bytes items = sw_buf_bytes(&buf);
		struct sw_item item;
		assert_int_equal(sw_item_next(&items, &arena, &item), SW_EPARSE);
		sw_buf_release(&buf);
		sw_arena_release(&arena);
	}
}

static void item_name__every_kind__is_its_own(void **state)
{
	(void)state;
	assert_string_equal(sw_item_name(SW_ITEM_SEND), "send");
	assert_string_equal(sw_item_name(SW_ITEM_NODE_GONE), "node_gone");
	assert_string_equal(sw_item_name((enum sw_item_kind)200), "unknown");
	for (size_t i = 0; i < KINDS; i++) {
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(sw_item_name(kinds[i]), sw_item_name(kinds[k]));
		}
	}
}

/* ---- envelopes ---- */

enum { SECTIONS = 3 };

/* Section i has i items. */
static void put_envelope(struct sw_buf *buf, struct sw_uuid ids[SECTIONS], size_t ends[SECTIONS + 1])
{
	sw_buf_init(buf, SW_ENVELOPE_BYTES_MAX);
	sw_envelope_begin(buf);
	ends[0] = buf->len;
	for (size_t i = 0; i < SECTIONS; i++) {
		ids[i] = sw_uuid_random();
		size_t mark = sw_section_begin(buf, &ids[i]);
		for (size_t k = 0; k < i; k++) {
			struct sw_item item = full_item(SW_ITEM_ACK);
			sw_item_put(buf, &item);
		}
		sw_section_end(buf, mark);
		ends[i + 1] = buf->len;
	}
}

static void envelope__sections_of_none_one_and_two_items__come_back(void **state)
{
	(void)state;
	struct sw_buf buf;
	struct sw_uuid ids[SECTIONS];
	size_t ends[SECTIONS + 1];
	struct sw_envelope_reader reader;
	struct sw_section section;
	struct sw_arena arena;
	sw_arena_init(&arena);
	put_envelope(&buf, ids, ends);
	assert_int_equal(sw_envelope_open(&reader, sw_buf_bytes(&buf)), SW_OK);
	for (size_t i = 0; i < SECTIONS; i++) {
		struct sw_item item;
		assert_int_equal(sw_envelope_next(&reader, &section), SW_OK);
		assert_true(sw_uuid_equal(&section.id, &ids[i]));
		for (size_t k = 0; k < i; k++) {
			assert_int_equal(sw_item_next(&section.items, &arena, &item), SW_OK);
		}
		assert_int_equal(sw_item_next(&section.items, &arena, &item), SW_EEND);
	}
	assert_int_equal(sw_envelope_next(&reader, &section), SW_EEND);
	assert_int_equal(sw_envelope_next(&reader, &section), SW_EEND);
	sw_buf_release(&buf);
	sw_arena_release(&arena);
}

static int read_all(struct sw_bytes envelope)
{
	struct sw_envelope_reader reader;
	struct sw_section section;
	int err = sw_envelope_open(&reader, envelope);
	while (err == SW_OK) {
		err = sw_envelope_next(&reader, &section);
	}
	return err;
}

static void envelope__cut_at_every_byte__ends_only_between_sections(void **state)
{
	(void)state;
	struct sw_buf buf;
	struct sw_uuid ids[SECTIONS];
	size_t ends[SECTIONS + 1];
	put_envelope(&buf, ids, ends);
	for (size_t len = 0; len <= buf.len; len++) {
		bool whole = false;
		for (size_t i = 0; i <= SECTIONS; i++) {
			whole |= len == ends[i];
		}
		uint8_t *copy = malloc(len + 1);
		memcpy(copy, buf.ptr, len);
		assert_int_equal(read_all(sw_bytes(copy, len)), whole ? SW_EEND : SW_EPARSE);
		free(copy);
	}
	sw_buf_release(&buf);
}

static void envelope__version_of_another_program__said_so(void **state)
{
	(void)state;
	for (unsigned version = 0; version < 256; version++) {
		uint8_t byte = (uint8_t)version;
		struct sw_envelope_reader reader;
		assert_int_equal(sw_envelope_open(&reader, sw_bytes(&byte, 1)),
				 version == SW_ENVELOPE_VERSION ? SW_OK : SW_EVERSION);
	}
	assert_int_equal(read_all(sw_bytes("", 0)), SW_EPARSE);
}

static void section__length_that_lies__parse_error(void **state)
{
	(void)state;
	static const uint32_t lengths[] = {1, 26, 1000, UINT32_MAX};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct sw_buf buf;
		struct sw_uuid id = sw_uuid_random();
		sw_buf_init(&buf, 1000);
		sw_envelope_begin(&buf);
		sw_buf_put(&buf, id.bytes, sizeof(id.bytes));
		sw_buf_put_u32(&buf, lengths[i]);
		assert_int_equal(read_all(sw_buf_bytes(&buf)), SW_EPARSE);
		sw_buf_release(&buf);
	}
}

static void section__past_the_bound_of_the_buffer__sticky_limit(void **state)
{
	(void)state;
	struct sw_buf buf;
	struct sw_uuid id = sw_uuid_random();
	sw_buf_init(&buf, 30);
	sw_envelope_begin(&buf);
	size_t mark = sw_section_begin(&buf, &id);
	struct sw_item item = full_item(SW_ITEM_SEND);
	sw_item_put(&buf, &item);
	sw_section_end(&buf, mark);
	assert_int_equal(buf.err, SW_ELIMIT);
	sw_buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(item__every_kind__comes_back_as_it_was),
		cmocka_unit_test(item__a_former_layout__is_read_with_the_rest_zero),
		cmocka_unit_test(item__empty_fields__come_back_empty),
		cmocka_unit_test(item__cut_at_every_byte__parse_error),
		cmocka_unit_test(item__unknown_number__parse_error),
		cmocka_unit_test(list__at_and_over_the_limits__taken_or_refused),
		cmocka_unit_test(bytes__length_that_lies__parse_error),
		cmocka_unit_test(item_name__every_kind__is_its_own),
		cmocka_unit_test(envelope__sections_of_none_one_and_two_items__come_back),
		cmocka_unit_test(envelope__cut_at_every_byte__ends_only_between_sections),
		cmocka_unit_test(envelope__version_of_another_program__said_so),
		cmocka_unit_test(section__length_that_lies__parse_error),
		cmocka_unit_test(section__past_the_bound_of_the_buffer__sticky_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
