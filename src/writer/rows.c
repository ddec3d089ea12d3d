/* SPDX-License-Identifier: Apache-2.0 */
#include "writer/rows.h"

#include <string.h>

void *sw_rows_add(struct sw_rows *rows, struct sw_arena *arena, size_t row_bytes)
{
	if (rows->count == rows->cap) {
		size_t cap = rows->cap ? rows->cap * 2 : 16;
		void *items = sw_arena_alloc(arena, cap * row_bytes);
		if (rows->count) {
			memcpy(items, rows->items, rows->count * row_bytes);
		}
		rows->items = items;
		rows->cap = cap;
	}
	return (char *)rows->items + row_bytes * rows->count++;
}
