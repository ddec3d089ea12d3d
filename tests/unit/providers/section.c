/* SPDX-License-Identifier: Apache-2.0 */
#include "section.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int open_with(const struct section *section, const char *key, const char *value,
		     struct sw_provider **provider_out, struct sw_diag *diag)
{
	struct config_fake fake;
	*provider_out = NULL;
	section->fill(&fake);
	if (key) {
		config_fake_set(&fake, key, value);
	}
	return section->ops->open(&fake.config, provider_out, diag);
}

struct sw_provider *section_open(const struct section *section, const char *key, const char *value)
{
	struct sw_provider *provider;
	struct sw_diag diag = {0};
	if (open_with(section, key, value, &provider, &diag) != SW_OK) {
		fail_msg("%s=%s: %s", key, value, diag.text);
	}
	assert_string_equal(diag.text, "");
	return provider;
}

void section_assert_refused(const struct section *section, const char *key, const char *value, const char *text)
{
	struct sw_provider *provider;
	struct sw_diag diag = {0};
	assert_int_equal(open_with(section, key, value, &provider, &diag), SW_ECONFIG);
	assert_null(provider);
	if (strncmp(diag.text, text, strlen(text)) != 0) {
		fail_msg("%s=%s\n  expected: %s\n  got:      %s", key, value, text, diag.text);
	}
}

int section_group_teardown(void **state)
{
	(void)state;
	fixture_close();
	return 0;
}
