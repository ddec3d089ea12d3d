/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of one statement in PostgreSQL's binary format. Types are not converted: the nth value must be of the
 * type that the statement casts $n to (add_i64 for $n::bigint, add_i64s for $n::bigint[]).
 * Values are copied into the arena, which must live, unreset, until sw_pg_run() of the batch has returned.
 * Errors are sticky (SW_ELIMIT past a bound) and come out of sw_pg_run(). One thread. */
#ifndef SW_STORE_PARAMS_H
#define SW_STORE_PARAMS_H

#include "base/uuid.h"

#include <surewire/arena.h>

enum {
	SW_PG_PARAMS_MAX = 32,
	SW_PG_ARRAY_MAX = 100000,                 /* elements */
	SW_PG_PARAM_BYTES_MAX = 64 * 1024 * 1024, /* one encoded value */
};

struct sw_pg_params {
	struct sw_arena *arena;
	int count;
	int err;
	const char *values[SW_PG_PARAMS_MAX]; /* NULL: SQL NULL */
	int lengths[SW_PG_PARAMS_MAX];
};

/* Cheap: arrays are not cleared. The arena is borrowed. */
void sw_pg_params_init(struct sw_pg_params *p, struct sw_arena *arena);

void sw_pg_add_null(struct sw_pg_params *p);
void sw_pg_add_bool(struct sw_pg_params *p, bool v);   /* boolean */
void sw_pg_add_i16(struct sw_pg_params *p, int16_t v); /* smallint */
void sw_pg_add_i32(struct sw_pg_params *p, int32_t v); /* integer */
void sw_pg_add_i64(struct sw_pg_params *p, int64_t v); /* bigint */
/* text, bytea: a NULL pointer is SQL NULL, an empty run with a pointer is the empty value. Text must be UTF-8 without
 * zero bytes: the server refuses others (SW_ESQL). */
void sw_pg_add_text(struct sw_pg_params *p, struct sw_bytes v);
void sw_pg_add_bytea(struct sw_pg_params *p, struct sw_bytes v);
void sw_pg_add_uuid(struct sw_pg_params *p, const struct sw_uuid *v); /* NULL: SQL NULL */

/* One-dimensional arrays of n elements; n = 0 is the empty array. The pointer may be NULL only when n = 0.
 * A text or bytea element whose pointer is NULL is SQL NULL. */
void sw_pg_add_bools(struct sw_pg_params *p, const bool *v, size_t n);
void sw_pg_add_i16s(struct sw_pg_params *p, const int16_t *v, size_t n);
void sw_pg_add_i32s(struct sw_pg_params *p, const int32_t *v, size_t n);
void sw_pg_add_i64s(struct sw_pg_params *p, const int64_t *v, size_t n);
void sw_pg_add_texts(struct sw_pg_params *p, const struct sw_bytes *v, size_t n);
void sw_pg_add_byteas(struct sw_pg_params *p, const struct sw_bytes *v, size_t n);
void sw_pg_add_uuids(struct sw_pg_params *p, const struct sw_uuid *v, size_t n);

#endif
