/* SPDX-License-Identifier: Apache-2.0 */
/* What a push shows whose text is hidden: nothing of the message is left in it. */
#include "pusher/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct sw_notification secret(void)
{
	struct sw_bytes words = sw_bytes_str("secret");
	struct sw_push_loc loc = {.key = words, .args = {words}, .arg_count = 1};
	return (struct sw_notification){.title = words,
					.body = words,
					.subtitle = words,
					.image = words,
					.title_loc = loc,
					.subtitle_loc = loc,
					.body_loc = loc};
}

static void check(const struct sw_notification *n, const char *title, const char *body, const char *key)
{
	assert_true(sw_bytes_equal_str(n->title, title));
	assert_true(sw_bytes_equal_str(n->body, body));
	assert_true(sw_bytes_equal_str(n->body_loc.key, key));
	assert_int_equal(n->subtitle.len + n->image.len + n->title_loc.key.len + n->subtitle_loc.key.len, 0);
	assert_int_equal(n->body_loc.arg_count + n->title_loc.arg_count + n->subtitle_loc.arg_count, 0);
}

static void show__full__as_it_was(void **state)
{
	(void)state;
	struct sw_notification n = secret();
	struct sw_push_words words = {.sender = sw_bytes_str("Alice"), .key = sw_bytes_str("key")};
	sw_push_show(&n, SW_PUSH_CONTENT_FULL, &words);
	assert_true(sw_bytes_equal_str(n.body, "secret"));
	assert_int_equal(n.title_loc.arg_count, 1);
}

static void show__hidden__nothing_of_it_is_left(void **state)
{
	(void)state;
	struct sw_push_words words = {.sender = sw_bytes_str("Alice"), .locale = sw_bytes_str("de-CH")};
	struct sw_notification n = secret();
	sw_push_show(&n, SW_PUSH_CONTENT_SENDER, &words);
	check(&n, "Alice", "Neue Nachricht", "");
	n = secret();
	words.key = sw_bytes_str("new_message");
	sw_push_show(&n, SW_PUSH_CONTENT_NONE, &words);
	check(&n, "", "Neue Nachricht", "new_message");
}

static void new_message__by_the_first_subtag__else_english(void **state)
{
	(void)state;
	static const char *const german[] = {"de", "DE", "de-AT", "de_DE"};
	static const char *const english[] = {"", "en", "en-GB", "fr", "d", "den", "dep-x"};
	for (size_t i = 0; i < sizeof(german) / sizeof(german[0]); i++) {
		assert_string_equal(sw_push_new_message(sw_bytes_str(german[i])), "Neue Nachricht");
	}
	for (size_t i = 0; i < sizeof(english) / sizeof(english[0]); i++) {
		assert_string_equal(sw_push_new_message(sw_bytes_str(english[i])), "New message");
	}
}

static void content__unknown__shows_nothing(void **state)
{
	(void)state;
	assert_int_equal(sw_push_content_parse(sw_bytes_str("full")), SW_PUSH_CONTENT_FULL);
	assert_int_equal(sw_push_content_parse(sw_bytes_str("sender")), SW_PUSH_CONTENT_SENDER);
	assert_int_equal(sw_push_content_parse(sw_bytes_str("none")), SW_PUSH_CONTENT_NONE);
	assert_int_equal(sw_push_content_parse(sw_bytes_str("fully")), SW_PUSH_CONTENT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(show__full__as_it_was),
		cmocka_unit_test(show__hidden__nothing_of_it_is_left),
		cmocka_unit_test(new_message__by_the_first_subtag__else_english),
		cmocka_unit_test(content__unknown__shows_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
