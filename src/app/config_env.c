/* SPDX-License-Identifier: Apache-2.0 */
/* Overrides from the environment. */
#include "app/config_rows.h"

#include <string.h>

static char variable_char(char c)
{
	if (c >= 'a' && c <= 'z') {
		return (char)(c - 'a' + 'A');
	}
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
}

const char *sw_conf_env(const char *const *environ, const char *section, const char *key, char name_out[96])
{
	snprintf(name_out, 96, "SUREWIRE_%s_%s", section, key);
	for (char *c = name_out; *c; c++) {
		*c = variable_char(*c);
	}
	size_t len = strlen(name_out);
	for (; environ && *environ; environ++) {
		if (strncmp(*environ, name_out, len) == 0 && (*environ)[len] == '=') {
			return *environ + len + 1;
		}
	}
	return NULL;
}
