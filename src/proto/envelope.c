/* SPDX-License-Identifier: Apache-2.0 */
/* The envelope codec, generated from items.def field by field. */
#include "proto/envelope.h"

#include <string.h>

enum { LENGTH_BYTES = 4 };

const char *sw_item_name(enum sw_item_kind kind)
{
	switch (kind) {
#define SW_ITEM(NAME, name, number) \
	case SW_ITEM_##NAME:        \
		return #name;
#include "proto/items.def"
#undef SW_ITEM
	}
	return "unknown";
}

void sw_envelope_begin(struct sw_buf *buf)
{
	sw_buf_put_u8(buf, SW_ENVELOPE_VERSION);
}

size_t sw_section_begin(struct sw_buf *buf, const struct sw_uuid *id)
{
	sw_buf_put(buf, id->bytes, sizeof(id->bytes));
	size_t mark = buf->len;
	sw_buf_put_u32(buf, 0);
	return mark;
}

void sw_section_end(struct sw_buf *buf, size_t mark)
{
	if (buf->err) {
		return;
	}
	size_t len = buf->len - mark - LENGTH_BYTES;
	for (size_t i = 0; i < LENGTH_BYTES; i++) {
		buf->ptr[mark + i] = (uint8_t)(len >> (8 * (LENGTH_BYTES - 1 - i)));
	}
}

static void put_i64(struct sw_buf *buf, int64_t v)
{
	sw_buf_put_u64(buf, (uint64_t)v);
}

static void put_u8(struct sw_buf *buf, uint8_t v)
{
	sw_buf_put_u8(buf, v);
}

static void put_uuid(struct sw_buf *buf, struct sw_uuid v)
{
	sw_buf_put(buf, v.bytes, sizeof(v.bytes));
}

static void put_bytes(struct sw_buf *buf, struct sw_bytes v)
{
	sw_buf_put_varint(buf, v.len);
	sw_buf_put_bytes(buf, v);
}

static void put_list(struct sw_buf *buf, struct sw_item_list v)
{
	sw_buf_put_varint(buf, v.count);
	for (size_t i = 0; i < v.count; i++) {
		put_i64(buf, v.values[i]);
	}
}

#define PUT_FIELD(type, name) put_##type(buf, v->name);
#define SW_ITEM(NAME, name, number)                                                     \
	static void put_item_##name(struct sw_buf *buf, const struct sw_item_##name *v) \
	{                                                                               \
		SW_FIELDS_##NAME(PUT_FIELD)                                             \
	}
#include "proto/items.def"
#undef SW_ITEM

void sw_item_put(struct sw_buf *buf, const struct sw_item *item)
{
	sw_buf_put_u8(buf, (uint8_t)item->kind);
	switch (item->kind) {
#define SW_ITEM(NAME, name, number)                   \
	case SW_ITEM_##NAME:                          \
		put_item_##name(buf, &item->as.name); \
		break;
#include "proto/items.def"
#undef SW_ITEM
	}
}

int sw_envelope_open(struct sw_envelope_reader *reader, struct sw_bytes envelope)
{
	sw_reader_init(&reader->in, envelope);
	uint8_t version = sw_reader_u8(&reader->in);
	if (reader->in.err) {
		return SW_EPARSE;
	}
	return version == SW_ENVELOPE_VERSION ? SW_OK : SW_EVERSION;
}

int sw_envelope_next(struct sw_envelope_reader *reader, struct sw_section *section_out)
{
	if (reader->in.left == 0 && !reader->in.err) {
		return SW_EEND;
	}
	struct sw_bytes id = sw_reader_bytes(&reader->in, sizeof(section_out->id.bytes));
	uint32_t len = sw_reader_u32(&reader->in);
	section_out->items = sw_reader_bytes(&reader->in, len);
	if (reader->in.err) {
		return SW_EPARSE;
	}
	memcpy(section_out->id.bytes, id.ptr, id.len);
	return SW_OK;
}

static void get_i64(struct sw_reader *r, struct sw_arena *arena, int64_t *out)
{
	(void)arena;
	*out = (int64_t)sw_reader_u64(r);
}

static void get_u8(struct sw_reader *r, struct sw_arena *arena, uint8_t *out)
{
	(void)arena;
	*out = sw_reader_u8(r);
}

static void get_uuid(struct sw_reader *r, struct sw_arena *arena, struct sw_uuid *out)
{
	(void)arena;
	struct sw_bytes run = sw_reader_bytes(r, sizeof(out->bytes));
	if (run.len) {
		memcpy(out->bytes, run.ptr, run.len);
	}
}

static void get_bytes(struct sw_reader *r, struct sw_arena *arena, struct sw_bytes *out)
{
	(void)arena;
	uint64_t len = sw_reader_varint(r);
	*out = sw_reader_bytes(r, (size_t)len);
}

static void get_list(struct sw_reader *r, struct sw_arena *arena, struct sw_item_list *out)
{
	uint64_t count = sw_reader_varint(r);
	if (r->err || count > SW_ITEM_LIST_MAX || count > r->left / sizeof(int64_t)) {
		r->err = SW_EPARSE;
		return;
	}
	int64_t *values = sw_arena_alloc(arena, (size_t)count * sizeof(*values));
	for (size_t i = 0; i < count; i++) {
		get_i64(r, arena, &values[i]);
	}
	*out = (struct sw_item_list){values, (size_t)count};
}

#define GET_FIELD(type, name) get_##type(r, arena, &v->name);
#define SW_ITEM(NAME, name, number)                                                                        \
	static void get_item_##name(struct sw_reader *r, struct sw_arena *arena, struct sw_item_##name *v) \
	{                                                                                                  \
		SW_FIELDS_##NAME(GET_FIELD)                                                                \
	}
#define SW_FORMER(NAME, name, number, FIELDS)                                                                \
	static void get_item_##number(struct sw_reader *r, struct sw_arena *arena, struct sw_item_##name *v) \
	{                                                                                                    \
		FIELDS(GET_FIELD)                                                                            \
	}
#include "proto/items.def"
#undef SW_ITEM
#undef SW_FORMER

int sw_item_next(struct sw_bytes *items, struct sw_arena *arena, struct sw_item *item_out)
{
	if (items->len == 0) {
		return SW_EEND;
	}
	struct sw_reader r;
	sw_reader_init(&r, *items);
	uint8_t number = sw_reader_u8(&r);
	*item_out = (struct sw_item){0};
	switch (number) {
#define SW_ITEM(NAME, name, value)                              \
	case (value):                                           \
		item_out->kind = SW_ITEM_##NAME;                \
		get_item_##name(&r, arena, &item_out->as.name); \
		break;
#define SW_FORMER(NAME, name, value, FIELDS)                     \
	case (value):                                            \
		item_out->kind = SW_ITEM_##NAME;                 \
		get_item_##value(&r, arena, &item_out->as.name); \
		break;
#include "proto/items.def"
#undef SW_ITEM
#undef SW_FORMER
	default:
		return SW_EPARSE;
	}
	if (r.err) {
		return SW_EPARSE;
	}
	*items = sw_bytes(r.ptr, r.left);
	return SW_OK;
}
