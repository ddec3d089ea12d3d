/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters against PostgreSQL's binary formats, byte by byte, and their bounds. */
#include "store/params.h"

#include <surewire/err.h>
#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct sw_arena arena;
	struct sw_pg_params p;
};

static int setup(void **state)
{
	struct fixture *f = sw_xcalloc(1, sizeof(*f));
	sw_arena_init(&f->arena);
	sw_pg_params_init(&f->p, &f->arena);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	sw_arena_release(&f->arena);
	free(f);
	return 0;
}

#define assert_param(p, i, literal)                                                \
	do {                                                                       \
		assert_int_equal((p)->lengths[i], sizeof(literal) - 1);            \
		assert_memory_equal((p)->values[i], literal, sizeof(literal) - 1); \
	} while (0)

static void sw_pg_add__scalars__are_big_endian(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	sw_pg_add_bool(p, true);
	sw_pg_add_bool(p, false);
	sw_pg_add_i16(p, -2);
	sw_pg_add_i32(p, INT32_MIN);
	sw_pg_add_i64(p, 0x0102030405060708);
	sw_pg_add_i64(p, -1);
	assert_int_equal(p->err, SW_OK);
	assert_int_equal(p->count, 6);
	assert_param(p, 0, "\1");
	assert_param(p, 1, "\0");
	assert_param(p, 2, "\xff\xfe");
	assert_param(p, 3, "\x80\0\0\0");
	assert_param(p, 4, "\1\2\3\4\5\6\7\10");
	assert_param(p, 5, "\xff\xff\xff\xff\xff\xff\xff\xff");
}

static void sw_pg_add__text_and_uuid__are_copied_raw(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	char text[] = "h\xc3\xa4";
	struct sw_uuid uuid = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
	sw_pg_add_text(p, sw_bytes_str(text));
	sw_pg_add_bytea(p, sw_bytes("\0\1", 2));
	sw_pg_add_uuid(p, &uuid);
	memset(text, 'x', sizeof(text) - 1);
	memset(&uuid, 0, sizeof(uuid));
	assert_param(p, 0, "h\xc3\xa4");
	assert_param(p, 1, "\0\1");
	assert_param(p, 2, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20");
}

static void sw_pg_add__null_and_empty__are_told_apart(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	sw_pg_add_null(p);
	sw_pg_add_text(p, (struct sw_bytes){0});
	sw_pg_add_bytea(p, (struct sw_bytes){0});
	sw_pg_add_uuid(p, NULL);
	sw_pg_add_text(p, sw_bytes("", 0));
	for (int i = 0; i < 4; i++) {
		assert_null(p->values[i]);
		assert_int_equal(p->lengths[i], 0);
	}
	assert_non_null(p->values[4]);
	assert_int_equal(p->lengths[4], 0);
}

static void sw_pg_add__integer_arrays__have_header_and_elements(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	sw_pg_add_bools(p, (const bool[]){true, false}, 2);
	sw_pg_add_i16s(p, (const int16_t[]){-1}, 1);
	sw_pg_add_i32s(p, (const int32_t[]){258}, 1);
	sw_pg_add_i64s(p, (const int64_t[]){1, -1}, 2);
	assert_param(p, 0,
		     "\0\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\2\0\0\0\1"
		     "\0\0\0\1\1"
		     "\0\0\0\1\0");
	assert_param(p, 1,
		     "\0\0\0\1\0\0\0\0\0\0\0\x15\0\0\0\1\0\0\0\1"
		     "\0\0\0\2\xff\xff");
	assert_param(p, 2,
		     "\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1"
		     "\0\0\0\4\0\0\1\2");
	assert_param(p, 3,
		     "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\2\0\0\0\1"
		     "\0\0\0\10\0\0\0\0\0\0\0\1"
		     "\0\0\0\10\xff\xff\xff\xff\xff\xff\xff\xff");
}

static void sw_pg_add_texts__with_null_and_empty__null_flag_and_length(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	const struct sw_bytes runs[] = {sw_bytes("ab", 2), {NULL, 0}, sw_bytes("", 0)};
	sw_pg_add_texts(p, runs, 3);
	sw_pg_add_byteas(p, runs, 1);
	assert_param(p, 0,
		     "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\3\0\0\0\1"
		     "\0\0\0\2ab"
		     "\xff\xff\xff\xff"
		     "\0\0\0\0");
	assert_param(p, 1,
		     "\0\0\0\1\0\0\0\0\0\0\0\x11\0\0\0\1\0\0\0\1"
		     "\0\0\0\2ab");
}

static void sw_pg_add_uuids__one__is_raw(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	sw_pg_add_uuids(p, &(const struct sw_uuid){{0xaa}}, 1);
	assert_param(p, 0,
		     "\0\0\0\1\0\0\0\0\0\0\x0b\x86\0\0\0\1\0\0\0\1"
		     "\0\0\0\x10\xaa\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
}

static void sw_pg_add__empty_arrays__have_no_dimension(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	sw_pg_add_bools(p, NULL, 0);
	sw_pg_add_i16s(p, NULL, 0);
	sw_pg_add_i32s(p, NULL, 0);
	sw_pg_add_i64s(p, NULL, 0);
	sw_pg_add_texts(p, NULL, 0);
	sw_pg_add_byteas(p, NULL, 0);
	sw_pg_add_uuids(p, NULL, 0);
	assert_int_equal(p->err, SW_OK);
	assert_int_equal(p->count, 7);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(p->lengths[i], 12);
		assert_memory_equal(p->values[i], "\0\0\0\0\0\0\0\0", 8);
	}
	assert_memory_equal(p->values[3] + 8, "\0\0\0\x14", 4);
}

static void sw_pg_add__one_too_many__sticky_limit(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	for (int i = 0; i < SW_PG_PARAMS_MAX; i++) {
		sw_pg_add_i32(p, i);
		assert_int_equal(p->err, SW_OK);
	}
	sw_pg_add_null(p);
	assert_int_equal(p->err, SW_ELIMIT);
	assert_int_equal(p->count, SW_PG_PARAMS_MAX);
}

static void sw_pg_add__array_at_and_past_the_bound__limit(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	int32_t *many = sw_xcalloc(SW_PG_ARRAY_MAX + 1, sizeof(*many));
	sw_pg_add_i32s(p, many, SW_PG_ARRAY_MAX);
	assert_int_equal(p->err, SW_OK);
	assert_int_equal(p->lengths[0], 20 + 8 * SW_PG_ARRAY_MAX);
	sw_pg_add_i32s(p, many, SW_PG_ARRAY_MAX + 1);
	assert_int_equal(p->err, SW_ELIMIT);
	sw_pg_add_i32(p, 1);
	assert_int_equal(p->err, SW_ELIMIT);
	free(many);
}

static void sw_pg_add__value_past_the_bound__limit_without_reading_it(void **state)
{
	struct sw_pg_params *p = &((struct fixture *)*state)->p;
	const struct sw_bytes huge = {(const uint8_t *)"", (size_t)SW_PG_PARAM_BYTES_MAX + 1};
	sw_pg_add_text(p, huge);
	assert_int_equal(p->err, SW_ELIMIT);
	sw_pg_params_init(p, p->arena);
	assert_int_equal(p->err, SW_OK);
	sw_pg_add_byteas(p, &huge, 1);
	assert_int_equal(p->err, SW_ELIMIT);
	/* Each within the bound, together past it. */
	sw_pg_params_init(p, p->arena);
	const struct sw_bytes half = {(const uint8_t *)"", SW_PG_PARAM_BYTES_MAX / 2};
	sw_pg_add_texts(p, (const struct sw_bytes[]){half, half}, 2);
	assert_int_equal(p->err, SW_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sw_pg_add__scalars__are_big_endian, setup, teardown),
		cmocka_unit_test_setup_teardown(sw_pg_add__text_and_uuid__are_copied_raw, setup, teardown),
		cmocka_unit_test_setup_teardown(sw_pg_add__null_and_empty__are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(sw_pg_add__integer_arrays__have_header_and_elements, setup, teardown),
		cmocka_unit_test_setup_teardown(sw_pg_add_texts__with_null_and_empty__null_flag_and_length, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sw_pg_add_uuids__one__is_raw, setup, teardown),
		cmocka_unit_test_setup_teardown(sw_pg_add__empty_arrays__have_no_dimension, setup, teardown),
		cmocka_unit_test_setup_teardown(sw_pg_add__one_too_many__sticky_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(sw_pg_add__array_at_and_past_the_bound__limit, setup, teardown),
		cmocka_unit_test_setup_teardown(sw_pg_add__value_past_the_bound__limit_without_reading_it, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
