/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of one frame or batch: many allocations, freed at once. Aligned to 16. One thread. */
#ifndef SUREWIRE_ARENA_H
#define SUREWIRE_ARENA_H

#include <surewire/bytes.h>

struct sw_arena_block;
struct sw_arena {
	struct sw_arena_block *block;
	size_t used_bytes;
};

void sw_arena_init(struct sw_arena *arena);
void sw_arena_release(struct sw_arena *arena);
/* Frees all but one block, so that a batch loop settles on one allocation. */
void sw_arena_reset(struct sw_arena *arena);
void *sw_arena_alloc(struct sw_arena *arena, size_t size_bytes);
/* Zeroed array. */
void *sw_arena_calloc(struct sw_arena *arena, size_t count, size_t size_bytes);
struct sw_bytes sw_arena_copy(struct sw_arena *arena, struct sw_bytes bytes);
/* Terminated copy. */
char *sw_arena_str(struct sw_arena *arena, struct sw_bytes bytes);

#endif
