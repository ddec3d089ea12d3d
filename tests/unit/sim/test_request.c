/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/request.h"

static void form_get__values__decoded(void **state)
{
	(void)state;
	static const struct {
		const char *form, *name, *value; /* value NULL: absent or malformed */
	} rows[] = {
		{"a=b", "a", "b"},       {"a=b&c=d+e%2Bf", "c", "d e+f"},
		{"a=", "a", ""},         {"", "a", NULL},
		{"a", "a", NULL},        {"ab=1&a=2", "a", "2"},
		{"a=1&a=2", "a", "1"},   {"a=%4", "a", NULL},
		{"a=%", "a", NULL},      {"a=%zz", "a", NULL},
		{"a=%41%42", "a", "AB"}, {"&&a=1", "a", "1"},
		{"a=b=c", "a", "b=c"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_arena arena;
		sw_arena_init(&arena);
		struct sw_bytes got = sw_sim_form_get(&arena, sw_bytes_str(rows[i].form), rows[i].name);
		if (rows[i].value) {
			assert_non_null(got.ptr);
			assert_true(sw_bytes_equal_str(got, rows[i].value));
		} else {
			assert_null(got.ptr);
		}
		sw_arena_release(&arena);
	}
}

static void add__more_than_there_is_room_for__limit(void **state)
{
	(void)state;
	struct sw_sim_request request;
	sw_sim_request_init(&request);
	for (int i = 0; i < SW_SIM_HEADERS_MAX; i++) {
		assert_int_equal(sw_sim_request_add(&request, sw_bytes_str("a"), sw_bytes_str("b")), SW_OK);
	}
	assert_int_equal(sw_sim_request_add(&request, sw_bytes_str("a"), sw_bytes_str("b")), SW_ELIMIT);
	sw_sim_request_release(&request);
}

static void add_body__beyond_the_bound__cut_but_counted(void **state)
{
	(void)state;
	static uint8_t part[SW_SIM_BODY_MAX - 1];
	struct sw_sim_request request;
	sw_sim_request_init(&request);
	sw_sim_request_add_body(&request, sw_bytes(part, sizeof(part)));
	sw_sim_request_add_body(&request, sw_bytes(part, sizeof(part)));
	assert_int_equal(request.body.len, SW_SIM_BODY_MAX);
	assert_int_equal(request.body.err, SW_OK);
	assert_int_equal(request.body_total_bytes, 2 * sizeof(part));
	sw_sim_request_release(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(form_get__values__decoded),
		cmocka_unit_test(add__more_than_there_is_room_for__limit),
		cmocka_unit_test(add_body__beyond_the_bound__cut_but_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
