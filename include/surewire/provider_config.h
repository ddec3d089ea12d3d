/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a provider's configuration section, with errors in one form: "[push.NAME] KEY: expected …". Pure. */
#ifndef SUREWIRE_PROVIDER_CONFIG_H
#define SUREWIRE_PROVIDER_CONFIG_H

#include <surewire/provider.h>

/* The key's text, or fallback when it is absent or empty. Borrowed. */
const char *sw_provider_text(const struct sw_provider_config *config, const char *key, const char *fallback);
/* SW_ECONFIG, with the text "[push.NAME] KEY: expected WHAT". */
int sw_provider_expected(const struct sw_provider_config *config, const char *key, const char *what,
			 struct sw_diag *diag_out);
/* 1 to limit; *value_io stays as it is when the key is absent. */
int sw_provider_number(const struct sw_provider_config *config, const char *key, int limit, int *value_io,
		       struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
