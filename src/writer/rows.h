/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that a step collects during a batch, in the batch's arena. Zero-initialised; zeroed again after the batch. */
#ifndef SW_WRITER_ROWS_H
#define SW_WRITER_ROWS_H

#include <surewire/arena.h>

struct sw_rows {
	void *items;
	size_t count;
	size_t cap;
};

/* Room for one more row, not cleared. All rows of a list have the same size. */
void *sw_rows_add(struct sw_rows *rows, struct sw_arena *arena, size_t row_bytes);

#endif
