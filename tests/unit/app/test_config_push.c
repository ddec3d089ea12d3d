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

static const char *get(const struct sw_push_instance *instance, const char *key)
{
	return instance->provider_config.get(&instance->provider_config, key);
}

static void config_push__two_accounts__read_by_their_providers(void **state)
{
	(void)state;
	static const char *const environ[] = {"SUREWIRE_PUSH_MAIL_2_HOST=env.example", NULL};
	fixture_write("k.p8", "x");
	struct sw_config *config = NULL;
	assert_int_equal(fixture_load("[push.apple]\nprovider = apns\nkey_file = k.p8\nkey_id = ABC\nteam_id =\n"
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

static void config_push__bad_sections__refused(void **state)
{
	(void)state;
	fixture_expect_error("[push.a]\nkey_id = x\n",
			     "@/s.ini:1: [push.a] provider: expected apns or email, got nothing");
	fixture_expect_error("[push.a]\n", "@/s.ini:1: [push.a] provider: expected apns or email, got nothing");
	fixture_expect_error("[push.a]\nprovider = pigeon\n",
			     "@/s.ini:2: [push.a] provider: expected apns or email, got \"pigeon\"");
	fixture_expect_error(
		"[push.a]\nprovider = apns\nhost = x\n",
		"@/s.ini:3: [push.a] host: expected a key of apns (key_file, key_id or team_id; of all: rate_per_s, rate_app_per_s or rate_device_per_min), got an unknown one");
	fixture_expect_error("[push.A]\nprovider = apns\n",
			     "@/s.ini:1: [push.A]: expected a name of 1 to 32 of a-z 0-9 _ - after the dot");
	fixture_expect_error("[push.]\nprovider = apns\n",
			     "@/s.ini:1: [push.]: expected a name of 1 to 32 of a-z 0-9 _ - after the dot");
	fixture_expect_error("[push.a]\nprovider = apns\nprovider = email\n",
			     "@/s.ini:3: [push.a] provider: expected once, got it in line 2 too");
}

static void config_push__missing_file__refused(void **state)
{
	(void)state;
	fixture_expect_error(
		"[push.a]\nprovider = apns\nkey_file = none\n",
		"@/s.ini:3: [push.a] key_file: expected a file that can be read, got \"@/none\": No such file or directory");
}

static void config_push__too_many__refused(void **state)
{
	(void)state;
	char *contents = sw_xcalloc(1, 4096);
	for (int i = 0; i <= 32; i++) {
		size_t used = strlen(contents);
		snprintf(contents + used, 4096 - used, "[push.i%d]\nprovider = apns\n", i);
	}
	fixture_expect_error(contents, "@/s.ini:65: [push.i32]: expected at most 32 push sections");
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
	return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
