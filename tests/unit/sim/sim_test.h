/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit tests of the simulator share: cmocka's includes in their order, and JSON from text. */
#ifndef SIM_TEST_H
#define SIM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <surewire/json.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static inline json_t *json_of(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);
	assert_non_null(value);
	return value;
}

#endif
