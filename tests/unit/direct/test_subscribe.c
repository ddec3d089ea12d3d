/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a change of a topic's subscribers. */
#include "direct/subscribe.h"
#include "providers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *body, struct sw_arena *arena, struct sw_topic_change *change, struct sw_diag *diag)
{
	*diag = (struct sw_diag){""};
	return sw_topic_change_parse(sw_bytes_str(body), &test_rules, arena, change, diag);
}

static void parse__names_and_addresses__taken(void **state)
{
	(void)state;
	struct sw_arena arena;
	struct sw_topic_change change;
	struct sw_diag diag;
	sw_arena_init(&arena);
	assert_int_equal(parse("{\"add\":[\"bob\",{\"user\":\"eve\",\"device\":\"tv\"},"
			       "{\"token\":\"t9\",\"provider\":\"fcm\",\"app\":\"app\"}],\"remove\":[\"carol\"]}",
			       &arena, &change, &diag),
			 SW_OK);
	assert_int_equal(change.add.count, 3);
	assert_true(sw_bytes_equal_str(change.add.rows[0].user, "bob"));
	assert_int_equal(change.add.rows[0].device.len, 0);
	assert_true(sw_bytes_equal_str(change.add.rows[1].device, "tv"));
	assert_true(sw_bytes_equal_str(change.add.rows[2].token, "t9"));
	assert_int_equal(change.remove.count, 1);
	assert_true(sw_bytes_equal_str(change.remove.rows[0].user, "carol"));
	sw_arena_release(&arena);
}

static void parse__bad__named_with_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *body, *diag;
	} rows[] = {
		{"{}", "the body: expected {\"add\": […], \"remove\": […]}"},
		{"[]", "the body: expected {\"add\": […], \"remove\": […]}"},
		{"{\"ad\":[]}", "the body: expected {\"add\": […], \"remove\": […]}"},
		{"{\"add\":[],\"x\":1}", "the body: expected {\"add\": […], \"remove\": […]}"},
		{"{\"add\":\"bob\"}", "add: expected a list"},
		{"{\"add\":[\"bob\",7]}", "add[1]: expected an object with a user or a token"},
		{"{\"remove\":[{\"device\":\"d\"}]}", "remove[0]: user: expected a name"},
		{"{\"add\":[{\"token\":\"x\",\"provider\":\"fcm\",\"app\":\"app\"}]}",
		 "add[0]: token: expected one that begins with t"},
	};
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_topic_change change;
		struct sw_diag diag;
		assert_int_equal(parse(rows[i].body, &arena, &change, &diag), SW_EINVAL);
		assert_string_equal(diag.text, rows[i].diag);
	}
	sw_arena_release(&arena);
}

static void parse__more_than_a_thousand__refused(void **state)
{
	(void)state;
	struct sw_arena arena;
	struct sw_topic_change change;
	struct sw_diag diag;
	struct sw_buf body;
	sw_arena_init(&arena);
	for (int count = 1000; count <= 1001; count++) {
		sw_buf_init(&body, 1 << 16);
		sw_buf_put_str(&body, "{\"add\":[\"bob\"");
		for (int i = 1; i < count; i++) {
			sw_buf_put_str(&body, ",\"bob\"");
		}
		sw_buf_put_str(&body, "]}");
		assert_int_equal(parse(sw_buf_cstr(&body), &arena, &change, &diag), count == 1000 ? SW_OK : SW_EINVAL);
		assert_string_equal(diag.text, count == 1000 ? "" : "add: expected at most 1000");
		sw_buf_release(&body);
	}
	sw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__names_and_addresses__taken),
		cmocka_unit_test(parse__bad__named_with_its_place),
		cmocka_unit_test(parse__more_than_a_thousand__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
