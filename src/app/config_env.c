/* SPDX-License-Identifier: Apache-2.0 */
/* Overrides from the environment. */
#include "app/config_rows.h"

#include <ctype.h>
#include <string.h>

const char *sw_conf_env(const char *const *environ, const char *section, const char *key, char name_out[96])
{
	snprintf(name_out, 96, "SUREWIRE_%s_%s", section, key);
	for (char *c = name_out; *c; c++) {
		*c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
	}
	size_t len = strlen(name_out);
	for (; environ && *environ; environ++) {
		if (strncmp(*environ, name_out, len) == 0 && (*environ)[len] == '=') {
			return *environ + len + 1;
		}
	}
	return NULL;
}
