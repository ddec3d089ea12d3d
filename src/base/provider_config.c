/* SPDX-License-Identifier: Apache-2.0 */
#include <surewire/provider_config.h>

const char *sw_provider_text(const struct sw_provider_config *config, const char *key, const char *fallback)
{
	const char *text = config->get(config, key);
	return text && *text ? text : fallback;
}

int sw_provider_expected(const struct sw_provider_config *config, const char *key, const char *what,
			 struct sw_diag *diag_out)
{
	return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: expected %s", config->instance, key, what);
}

int sw_provider_number(const struct sw_provider_config *config, const char *key, int limit, int *value_io,
		       struct sw_diag *diag_out)
{
	const char *text = sw_provider_text(config, key, NULL);
	uint64_t value;
	if (!text) {
		return SW_OK;
	}
	if (sw_bytes_to_u64(sw_bytes_str(text), &value) != SW_OK || value < 1 || value > (uint64_t)limit) {
		return sw_diag_set(diag_out, SW_ECONFIG, "[push.%s] %s: expected a number from 1 to %d, not \"%s\"",
				   config->instance, key, limit, text);
	}
	*value_io = (int)value;
	return SW_OK;
}
