/* SPDX-License-Identifier: Apache-2.0 */
/* [push.NAME] sections: what a provider gets to read, and what is refused before it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static struct fixture fixture;

static int set_up(void **state)
{
	(void)state;
	fixture = fixture_new();
	fixture_write(&fixture, "k.p8", "x");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_remove(&fixture);
	return 0;
}

static const char *get(const struct sw_push_instance *instance, const char *key)
{
	return instance->provider_config.get(&instance->provider_config, key);
}

static void config_push__two_accounts__read_by_their_providers(void **state)
{
	(void)state;
	static const char *const environ[] = {"SUREWIRE_PUSH_MAIL_2_HOST=env.example", NULL};
	struct sw_config *config = NULL;
	assert_int_equal(fixture_load(&fixture,
				      "[push.apple]\nprovider = apns\nkey_file = k.p8\nkey_id = ABC\nteam_id =\n"
				      "[push.mail-2]\nprovider = email\nhost = file.example\n",
				      environ, &config, NULL),
			 SW_OK);
	assert_int_equal(config->push_count, 2);
	const struct sw_push_instance *apple = &config->push[0];
	assert_string_equal(apple->name, "apple");
	assert_ptr_equal(apple->ops, fixture_providers[0]);
	assert_string_equal(apple->provider_config.instance, "apple");
	char *key = sw_xasprintf("%s/k.p8", fixture.dir);
	assert_string_equal(get(apple, "key_file"), key);
	free(key);
	assert_string_equal(get(apple, "key_id"), "ABC");
	assert_null(get(apple, "team_id")); /* empty is absent */
	assert_null(get(apple, "host"));
	assert_string_equal(get(&config->push[1], "host"), "env.example");
	assert_null(get(&config->push[1], "password_file"));
	sw_config_free(config);
}

/* text follows "PATH:". */
static void expect(const char *contents, const char *text)
{
	struct sw_config *config = NULL;
	struct sw_diag diag = {""};
	assert_int_equal(fixture_load(&fixture, contents, NULL, &config, &diag), SW_ECONFIG);
	char *expected = sw_xasprintf("%s:%s", fixture.path, text);
	assert_string_equal(diag.text, expected);
	free(expected);
}

static void config_push__bad_sections__refused(void **state)
{
	(void)state;
	expect("[push.a]\nkey_id = x\n", "1: [push.a] provider: expected apns or email, got nothing");
	expect("[push.a]\n", "1: [push.a] provider: expected apns or email, got nothing");
	expect("[push.a]\nprovider = pigeon\n", "2: [push.a] provider: expected apns or email, got \"pigeon\"");
	expect("[push.a]\nprovider = apns\nhost = x\n",
	       "3: [push.a] host: expected a key of apns (key_file, key_id or team_id; of all: rate_per_s, rate_app_per_s or rate_device_per_min), got an unknown one");
	expect("[push.A]\nprovider = apns\n", "1: [push.A]: expected a name of 1 to 32 of a-z 0-9 _ - after the dot");
	expect("[push.]\nprovider = apns\n", "1: [push.]: expected a name of 1 to 32 of a-z 0-9 _ - after the dot");
	expect("[push.a]\nprovider = apns\nprovider = email\n",
	       "3: [push.a] provider: expected once, got it in line 2 too");
}

static void config_push__missing_file__refused(void **state)
{
	(void)state;
	char *text = sw_xasprintf(
		"3: [push.a] key_file: expected a file that can be read, got \"%s/none\": No such file or "
		"directory",
		fixture.dir);
	expect("[push.a]\nprovider = apns\nkey_file = none\n", text);
	free(text);
}

static void config_push__too_many__refused(void **state)
{
	(void)state;
	char *contents = sw_xcalloc(1, 4096);
	for (int i = 0; i <= 32; i++) {
		size_t used = strlen(contents);
		snprintf(contents + used, 4096 - used, "[push.i%d]\nprovider = apns\n", i);
	}
	expect(contents, "65: [push.i32]: expected at most 32 push sections");
	free(contents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_push__two_accounts__read_by_their_providers),
		cmocka_unit_test(config_push__bad_sections__refused),
		cmocka_unit_test(config_push__missing_file__refused),
		cmocka_unit_test(config_push__too_many__refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
