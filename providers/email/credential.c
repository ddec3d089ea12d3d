/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's password, from a file. There is nothing to renew: a refusal (535) is for an operator and classified as
 * CONFIG, never as CREDENTIAL. */
#include "email_int.h"

#include <surewire/provider_config.h>

int sw_email_credential_load(struct sw_provider *provider, struct sw_diag *diag_out)
{
	return provider->password_file ? sw_provider_secret(provider->instance, "password_file",
							    provider->password_file, provider->password, diag_out)
				       : SW_OK;
}

enum sw_credential_state sw_email_credential_state(struct sw_provider *provider, int64_t now_ms)
{
	(void)provider;
	(void)now_ms;
	return SW_CREDENTIAL_READY;
}

void sw_email_credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	/* classify gives no CREDENTIAL, so there is nothing to renew. */
	(void)provider;
	(void)now_ms;
}
