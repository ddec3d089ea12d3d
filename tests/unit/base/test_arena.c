/* SPDX-License-Identifier: Apache-2.0 */
#include <surewire/arena.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void alloc__many_sizes__aligned_disjoint_and_kept(void **state)
{
	(void)state;
	enum { COUNT = 400 };
	struct sw_arena arena;
	uint8_t *runs[COUNT];
	sw_arena_init(&arena);
	for (size_t i = 0; i < COUNT; i++) {
		runs[i] = sw_arena_alloc(&arena, i * 7);
		assert_int_equal((uintptr_t)runs[i] % 16, 0);
		memset(runs[i], (int)(i & 0xff), i * 7);
	}
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t j = 0; j < i * 7; j++) {
			assert_int_equal(runs[i][j], i & 0xff);
		}
	}
	sw_arena_release(&arena);
	sw_arena_release(&arena);
}

static void alloc__larger_than_any_block__given(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	uint8_t *small = sw_arena_alloc(&arena, 8);
	memset(small, 's', 8);
	uint8_t *large = sw_arena_alloc(&arena, 3 << 20);
	memset(large, 'l', 3 << 20);
	assert_int_equal(small[7], 's');
	sw_arena_reset(&arena); /* a block that large is not kept */
	assert_null(arena.block);
	assert_non_null(sw_arena_alloc(&arena, 1));
	sw_arena_release(&arena);
}

static void reset__several_blocks__one_stays_and_is_used_again(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	sw_arena_reset(&arena);
	for (int i = 0; i < 100; i++) {
		sw_arena_alloc(&arena, 1000);
	}
	sw_arena_reset(&arena);
	assert_int_equal(arena.used_bytes, 0);
	struct sw_arena_block *kept = arena.block;
	assert_non_null(kept);
	void *first = sw_arena_alloc(&arena, 16);
	sw_arena_reset(&arena);
	assert_ptr_equal(sw_arena_alloc(&arena, 16), first);
	assert_ptr_equal(arena.block, kept);
	sw_arena_release(&arena);
}

static void copies__calloc_copy_and_str__independent_of_their_source(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	memset(sw_arena_alloc(&arena, 64), 0xff, 64);
	sw_arena_reset(&arena);
	uint8_t *zeroes = sw_arena_calloc(&arena, 8, 8);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(zeroes[i], 0);
	}
	char source[] = "text";
	struct sw_bytes copy = sw_arena_copy(&arena, sw_bytes(source, 4));
	char *str = sw_arena_str(&arena, sw_bytes(source, 4));
	source[0] = 'X';
	assert_true(sw_bytes_equal_str(copy, "text"));
	assert_string_equal(str, "text");
	assert_int_equal(sw_arena_copy(&arena, sw_bytes(NULL, 0)).len, 0);
	assert_string_equal(sw_arena_str(&arena, sw_bytes(NULL, 0)), "");
	sw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alloc__many_sizes__aligned_disjoint_and_kept),
		cmocka_unit_test(alloc__larger_than_any_block__given),
		cmocka_unit_test(reset__several_blocks__one_stays_and_is_used_again),
		cmocka_unit_test(copies__calloc_copy_and_str__independent_of_their_source),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
