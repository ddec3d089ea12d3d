/* SPDX-License-Identifier: Apache-2.0 */
/* Does a person want to be told of a message? The conversation's own preference comes before the default. */
#include "mailbox/mailbox_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NOW_MS = 1000, CONV = 7 };

static void set(struct user *user, int64_t conv, int64_t muted_until_ms, int mentions_only)
{
	struct preference *preference = user_add_preference(user, conv);
	preference->muted_until_ms = muted_until_ms;
	preference->mentions_only = (int8_t)mentions_only;
}

static void wants__nothing_said__everything(void **state)
{
	(void)state;
	struct user user = {.id = 1};
	assert_true(user_wants(&user, CONV, false, NOW_MS));
	assert_true(user_wants(&user, CONV, true, NOW_MS));
}

static void wants__muted__not_before_the_end(void **state)
{
	(void)state;
	struct user user = {.id = 1};
	set(&user, CONV, NOW_MS + 1, PREFER_UNSET);
	assert_false(user_wants(&user, CONV, false, NOW_MS));
	assert_false(user_wants(&user, CONV, true, NOW_MS)); /* a mute is a mute */
	assert_true(user_wants(&user, CONV + 1, false, NOW_MS));
	assert_true(user_wants(&user, CONV, false, NOW_MS + 1));
	set(&user, CONV, INT64_MAX, PREFER_UNSET);
	assert_false(user_wants(&user, CONV, false, INT64_MAX - 1));
	free(user.preferences);
}

static void wants__mentions_only__those(void **state)
{
	(void)state;
	struct user user = {.id = 1};
	set(&user, CONV, PREFER_UNSET, 1);
	assert_false(user_wants(&user, CONV, false, NOW_MS));
	assert_true(user_wants(&user, CONV, true, NOW_MS));
	free(user.preferences);
}

static void wants__default_and_own__each_member_for_itself(void **state)
{
	(void)state;
	struct user user = {.id = 1};
	set(&user, 0, INT64_MAX, 1);
	assert_false(user_wants(&user, CONV, true, NOW_MS));
	set(&user, CONV, 0, PREFER_UNSET);
	assert_true(user_wants(&user, CONV, true, NOW_MS));
	assert_false(user_wants(&user, CONV, false, NOW_MS)); /* mentions only is still the default's word */
	set(&user, CONV, 0, 0);
	assert_true(user_wants(&user, CONV, false, NOW_MS));
	set(&user, 0, 0, 0);
	set(&user, CONV, PREFER_UNSET, PREFER_UNSET);
	assert_true(user_wants(&user, CONV, false, NOW_MS));
	free(user.preferences);
}

static void add_preference__in_any_order__found(void **state)
{
	(void)state;
	static const int64_t convs[] = {50, 10, 90, 0, 70, 30, 50};
	struct user user = {.id = 1};
	for (size_t i = 0; i < sizeof(convs) / sizeof(convs[0]); i++) {
		set(&user, convs[i], convs[i] ? INT64_MAX : 0, PREFER_UNSET);
	}
	assert_int_equal(user.preference_count, 6);
	for (int64_t conv = 5; conv < 100; conv += 5) {
		bool muted = conv == 10 || conv == 30 || conv == 50 || conv == 70 || conv == 90;
		assert_int_equal(user_wants(&user, conv, false, NOW_MS), !muted);
	}
	free(user.preferences);
}

static void plan__own_default_and_usual__the_first_that_is_set(void **state)
{
	(void)state;
	static const struct sw_mailbox_plan plans[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
	struct sw_mailbox_config config = {.plans = plans, .plan_count = 3};
	const struct mailbox m = {.config = &config};
	struct user user = {.id = 1};
	assert_ptr_equal(user_plan(&m, &user, CONV), &push_to_all);
	config.plan = &plans[2];
	assert_ptr_equal(user_plan(&m, &user, CONV), &plans[2]);
	set(&user, CONV, 0, 0);
	assert_ptr_equal(user_plan(&m, &user, CONV), &plans[2]);
	user_add_preference(&user, 0)->plan = prefer_plan_find(&m, sw_bytes_str("b"));
	assert_ptr_equal(user_plan(&m, &user, CONV), &plans[1]);
	user_add_preference(&user, CONV)->plan = prefer_plan_find(&m, sw_bytes_str("a"));
	assert_ptr_equal(user_plan(&m, &user, CONV), &plans[0]);
	assert_ptr_equal(user_plan(&m, &user, CONV + 1), &plans[1]);
	assert_int_equal(prefer_plan_find(&m, sw_bytes_str("")), PREFER_UNSET);
	assert_int_equal(prefer_plan_find(&m, sw_bytes_str("ab")), PREFER_UNSET);
	free(user.preferences);
}

static void way__last_resort__only_what_no_step_names(void **state)
{
	(void)state;
	static const struct sw_mailbox_provider phone = {.name = "phone"};
	static const struct sw_mailbox_provider mail = {.name = "mail", .fallback_only = true};
	static const struct sw_mailbox_provider fax = {.name = "fax", .fallback_only = true};
	static const struct sw_mailbox_plan plan = {.steps = {{.target = "phone"}, {.target = "mail"}}, .count = 2};
	const struct way first = {&plan, 0};
	const struct way last_resort = {&plan, LAST_RESORT};
	assert_true(way_takes(&first, &phone));
	assert_false(way_takes(&first, &mail));
	assert_false(way_takes(&last_resort, &phone));
	assert_false(way_takes(&last_resort, &mail));
	assert_true(way_takes(&last_resort, &fax));
	assert_true(way_takes(&(struct way){&push_to_all, LAST_RESORT}, &mail));
	assert_false(way_takes(&(struct way){&push_to_all, 0}, &mail));
}

static void content__every_text__comes_back(void **state)
{
	(void)state;
	enum prefer_content content;
	for (int i = 0; i < PREFER_CONTENTS; i++) {
		assert_true(prefer_content_parse(sw_bytes_str(prefer_content_text((enum prefer_content)i)), &content));
		assert_int_equal(content, i);
	}
	assert_false(prefer_content_parse(sw_bytes_str("half"), &content));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wants__nothing_said__everything),
		cmocka_unit_test(wants__muted__not_before_the_end),
		cmocka_unit_test(wants__mentions_only__those),
		cmocka_unit_test(wants__default_and_own__each_member_for_itself),
		cmocka_unit_test(add_preference__in_any_order__found),
		cmocka_unit_test(plan__own_default_and_usual__the_first_that_is_set),
		cmocka_unit_test(way__last_resort__only_what_no_step_names),
		cmocka_unit_test(content__every_text__comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
