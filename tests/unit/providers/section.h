/* SPDX-License-Identifier: Apache-2.0 */
/* A provider opened on a section of the configuration, or refused for one value in it. */
#ifndef SW_TEST_SECTION_H
#define SW_TEST_SECTION_H

#include "fixture.h"

/* Provider and a section that it takes. */
struct section {
	const struct sw_provider_ops *ops;
	void (*fill)(struct config_fake *fake);
};

/* Opened with a pair besides; key NULL: as it is. Fails with the provider's text. */
struct sw_provider *section_open(const struct section *section, const char *key, const char *value);
/* Not opened with the pair besides: SW_ECONFIG and a text that begins so. */
void section_assert_refused(const struct section *section, const char *key, const char *value, const char *text);
/* For cmocka: the folder of the fixture goes. */
int section_group_teardown(void **state);

#endif
