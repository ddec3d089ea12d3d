/* SPDX-License-Identifier: Apache-2.0 */
/* Reading binary results. Widths are asserted: a column of another type is a mistake in our own SQL. */
#include "store/pg_int.h"

#include <assert.h>
#include <string.h>

const struct sw_pg_result *sw_pg_result(const struct sw_pg *pg, size_t index)
{
	assert(pg->has_results && index < pg->queue_count && pg->results[index].res);
	return &pg->results[index];
}

size_t sw_pg_rows(const struct sw_pg_result *r)
{
	return (size_t)PQntuples(r->res);
}

size_t sw_pg_affected(const struct sw_pg_result *r)
{
	/* "" for commands that count nothing. */
	uint64_t count = 0;
	return sw_bytes_to_u64(sw_bytes_str(PQcmdTuples(r->res)), &count) == SW_OK ? (size_t)count : 0;
}

bool sw_pg_is_null(const struct sw_pg_result *r, size_t row, size_t col)
{
	assert(row < sw_pg_rows(r) && col < (size_t)PQnfields(r->res));
	return PQgetisnull(r->res, (int)row, (int)col) != 0;
}

/* The width bytes of a value, or NULL for SQL NULL. */
static const char *fixed(const struct sw_pg_result *r, size_t row, size_t col, int width)
{
	if (sw_pg_is_null(r, row, col)) {
		return NULL;
	}
	assert(PQfformat(r->res, (int)col) == 1 && PQgetlength(r->res, (int)row, (int)col) == width);
	return PQgetvalue(r->res, (int)row, (int)col);
}

static uint64_t big_endian(const char *ptr, int width)
{
	uint64_t v = 0;
	for (int i = 0; ptr && i < width; i++) {
		v = v << 8 | (uint8_t)ptr[i];
	}
	return v;
}

int64_t sw_pg_i64(const struct sw_pg_result *r, size_t row, size_t col)
{
	return (int64_t)big_endian(fixed(r, row, col, 8), 8);
}

int32_t sw_pg_i32(const struct sw_pg_result *r, size_t row, size_t col)
{
	return (int32_t)big_endian(fixed(r, row, col, 4), 4);
}

int16_t sw_pg_i16(const struct sw_pg_result *r, size_t row, size_t col)
{
	return (int16_t)big_endian(fixed(r, row, col, 2), 2);
}

bool sw_pg_bool(const struct sw_pg_result *r, size_t row, size_t col)
{
	return big_endian(fixed(r, row, col, 1), 1) != 0;
}

struct sw_bytes sw_pg_bytes(const struct sw_pg_result *r, size_t row, size_t col)
{
	if (sw_pg_is_null(r, row, col)) {
		return (struct sw_bytes){0};
	}
	return sw_bytes(PQgetvalue(r->res, (int)row, (int)col), (size_t)PQgetlength(r->res, (int)row, (int)col));
}

struct sw_uuid sw_pg_uuid(const struct sw_pg_result *r, size_t row, size_t col)
{
	struct sw_uuid uuid = {0};
	const char *value = fixed(r, row, col, sizeof(uuid.bytes));
	if (value) {
		memcpy(uuid.bytes, value, sizeof(uuid.bytes));
	}
	return uuid;
}
