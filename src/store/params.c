/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's binary formats (src/backend/utils/adt: *_recv, array_recv): big-endian integers, raw bytes, arrays as
 * dimensions, null flag, element type and length-prefixed elements. */
#include "store/params.h"

#include <surewire/err.h>

#include <string.h>

/* pg_type.dat */
enum oid { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_UUID = 2950 };

enum { ARRAY_HEADER_BYTES = 20, ARRAY_EMPTY_BYTES = 12 };

void sw_pg_params_init(struct sw_pg_params *p, struct sw_arena *arena)
{
	p->arena = arena;
	p->count = 0;
	p->err = SW_OK;
}

static void add(struct sw_pg_params *p, const void *value, size_t len)
{
	if (p->count == SW_PG_PARAMS_MAX || len > SW_PG_PARAM_BYTES_MAX) {
		p->err = SW_ELIMIT;
		return;
	}
	p->values[p->count] = value;
	p->lengths[p->count] = (int)len;
	p->count++;
}

static uint8_t *put(uint8_t *at, uint64_t v, size_t width)
{
	for (size_t i = 0; i < width; i++) {
		at[i] = (uint8_t)(v >> 8 * (width - 1 - i));
	}
	return at + width;
}

static void add_integer(struct sw_pg_params *p, uint64_t v, size_t width)
{
	uint8_t *value = sw_arena_alloc(p->arena, width);
	put(value, v, width);
	add(p, value, width);
}

void sw_pg_add_null(struct sw_pg_params *p)
{
	add(p, NULL, 0);
}

void sw_pg_add_bool(struct sw_pg_params *p, bool v)
{
	add_integer(p, v, 1);
}

void sw_pg_add_i16(struct sw_pg_params *p, int16_t v)
{
	add_integer(p, (uint64_t)v, 2);
}

void sw_pg_add_i32(struct sw_pg_params *p, int32_t v)
{
	add_integer(p, (uint64_t)v, 4);
}

void sw_pg_add_i64(struct sw_pg_params *p, int64_t v)
{
	add_integer(p, (uint64_t)v, 8);
}

void sw_pg_add_text(struct sw_pg_params *p, struct sw_bytes v)
{
	if (!v.ptr) {
		add(p, NULL, 0);
	} else if (v.len > SW_PG_PARAM_BYTES_MAX) {
		p->err = SW_ELIMIT;
	} else {
		add(p, sw_arena_copy(p->arena, v).ptr, v.len);
	}
}

void sw_pg_add_bytea(struct sw_pg_params *p, struct sw_bytes v)
{
	sw_pg_add_text(p, v);
}

void sw_pg_add_uuid(struct sw_pg_params *p, const struct sw_uuid *v)
{
	sw_pg_add_text(p, v ? sw_bytes(v->bytes, sizeof(v->bytes)) : (struct sw_bytes){0});
}

/* Allocates an array parameter, writes its header and gives the place of the first element; NULL when it has none or
 * passes a bound. elements_bytes counts the elements with their length words. */
static uint8_t *add_array(struct sw_pg_params *p, enum oid oid, size_t n, bool has_null, size_t elements_bytes)
{
	size_t size = n ? ARRAY_HEADER_BYTES + elements_bytes : ARRAY_EMPTY_BYTES;
	if (n > SW_PG_ARRAY_MAX || size > SW_PG_PARAM_BYTES_MAX) {
		p->err = SW_ELIMIT;
		return NULL;
	}
	uint8_t *value = sw_arena_alloc(p->arena, size);
	uint8_t *at = put(value, n ? 1 : 0, 4); /* dimensions: an empty array has none */
	at = put(at, has_null, 4);
	at = put(at, oid, 4);
	add(p, value, size);
	if (!n) {
		return NULL;
	}
	at = put(at, n, 4);
	return put(at, 1, 4); /* lower bound */
}

void sw_pg_add_bools(struct sw_pg_params *p, const bool *v, size_t n)
{
	uint8_t *at = add_array(p, OID_BOOL, n, false, n * 5);
	for (size_t i = 0; at && i < n; i++) {
		at = put(put(at, 1, 4), v[i], 1);
	}
}

void sw_pg_add_i16s(struct sw_pg_params *p, const int16_t *v, size_t n)
{
	uint8_t *at = add_array(p, OID_INT2, n, false, n * 6);
	for (size_t i = 0; at && i < n; i++) {
		at = put(put(at, 2, 4), (uint64_t)v[i], 2);
	}
}

void sw_pg_add_i32s(struct sw_pg_params *p, const int32_t *v, size_t n)
{
	uint8_t *at = add_array(p, OID_INT4, n, false, n * 8);
	for (size_t i = 0; at && i < n; i++) {
		at = put(put(at, 4, 4), (uint64_t)v[i], 4);
	}
}

void sw_pg_add_i64s(struct sw_pg_params *p, const int64_t *v, size_t n)
{
	uint8_t *at = add_array(p, OID_INT8, n, false, n * 12);
	for (size_t i = 0; at && i < n; i++) {
		at = put(put(at, 8, 4), (uint64_t)v[i], 8);
	}
}

static void add_runs(struct sw_pg_params *p, enum oid oid, const struct sw_bytes *v, size_t n)
{
	size_t bytes = 0;
	bool has_null = false;
	for (size_t i = 0; i < n; i++) {
		if (v[i].ptr && v[i].len > SW_PG_PARAM_BYTES_MAX) {
			p->err = SW_ELIMIT;
			return;
		}
		has_null = has_null || !v[i].ptr;
		bytes += 4 + (v[i].ptr ? v[i].len : 0);
	}
	uint8_t *at = add_array(p, oid, n, has_null, bytes);
	for (size_t i = 0; at && i < n; i++) {
		at = put(at, v[i].ptr ? v[i].len : UINT32_MAX, 4); /* -1: NULL */
		if (v[i].ptr) {
			memcpy(at, v[i].ptr, v[i].len);
			at += v[i].len;
		}
	}
}

void sw_pg_add_texts(struct sw_pg_params *p, const struct sw_bytes *v, size_t n)
{
	add_runs(p, OID_TEXT, v, n);
}

void sw_pg_add_byteas(struct sw_pg_params *p, const struct sw_bytes *v, size_t n)
{
	add_runs(p, OID_BYTEA, v, n);
}

void sw_pg_add_uuids(struct sw_pg_params *p, const struct sw_uuid *v, size_t n)
{
	uint8_t *at = add_array(p, OID_UUID, n, false, n * 20);
	for (size_t i = 0; at && i < n; i++) {
		at = put(at, sizeof(v[i].bytes), 4);
		memcpy(at, v[i].bytes, sizeof(v[i].bytes));
		at += sizeof(v[i].bytes);
	}
}
