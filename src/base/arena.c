/* SPDX-License-Identifier: Apache-2.0 */
/* Bump allocation in a chain of blocks, newest first. */
#include <surewire/arena.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

struct sw_arena_block {
	struct sw_arena_block *older;
	size_t size_bytes;
	_Alignas(16) uint8_t data[];
};

enum { FIRST_BLOCK_BYTES = 4096, BLOCK_BYTES_MAX = 1 << 20 };

void sw_arena_init(struct sw_arena *arena)
{
	*arena = (struct sw_arena){0};
}

void sw_arena_release(struct sw_arena *arena)
{
	struct sw_arena_block *block = arena->block;
	while (block) {
		struct sw_arena_block *older = block->older;
		free(block);
		block = older;
	}
	*arena = (struct sw_arena){0};
}

void sw_arena_reset(struct sw_arena *arena)
{
	struct sw_arena_block *newest = arena->block;
	if (!newest) {
		return;
	}
	arena->block = newest->older;
	sw_arena_release(arena);
	if (newest->size_bytes > BLOCK_BYTES_MAX) {
		free(newest);
		return;
	}
	newest->older = NULL;
	arena->block = newest;
}

void *sw_arena_alloc(struct sw_arena *arena, size_t size_bytes)
{
	size_t need = (size_bytes + 15) & ~(size_t)15;
	struct sw_arena_block *block = arena->block;
	if (!block || need > block->size_bytes - arena->used_bytes) {
		size_t size = block ? block->size_bytes * 2 : FIRST_BLOCK_BYTES;
		if (size > BLOCK_BYTES_MAX) {
			size = BLOCK_BYTES_MAX;
		}
		if (size < need) {
			size = need;
		}
		struct sw_arena_block *fresh = sw_xmalloc(sizeof(*fresh) + size);
		fresh->older = block;
		fresh->size_bytes = size;
		arena->block = block = fresh;
		arena->used_bytes = 0;
	}
	void *ptr = block->data + arena->used_bytes;
	arena->used_bytes += need;
	return ptr;
}

void *sw_arena_calloc(struct sw_arena *arena, size_t count, size_t size_bytes)
{
	if (size_bytes && count > SIZE_MAX / 2 / size_bytes) {
		abort();
	}
	void *ptr = sw_arena_alloc(arena, count * size_bytes);
	memset(ptr, 0, count * size_bytes);
	return ptr;
}

struct sw_bytes sw_arena_copy(struct sw_arena *arena, struct sw_bytes bytes)
{
	uint8_t *copy = sw_arena_alloc(arena, bytes.len);
	if (bytes.len) {
		memcpy(copy, bytes.ptr, bytes.len);
	}
	return (struct sw_bytes){copy, bytes.len};
}

char *sw_arena_str(struct sw_arena *arena, struct sw_bytes bytes)
{
	char *copy = sw_arena_alloc(arena, bytes.len + 1);
	if (bytes.len) {
		memcpy(copy, bytes.ptr, bytes.len);
	}
	copy[bytes.len] = '\0';
	return copy;
}
