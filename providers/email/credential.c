/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's password and the key of links, from files. There is nothing to renew: a refusal (535) is for an operator and classified as
 * CONFIG, never as CREDENTIAL. */
#include "email_int.h"

#include <surewire/provider_config.h>

#include <openssl/crypto.h>
#include <string.h>

int sw_email_credential_load(struct sw_provider *provider, struct sw_diag *diag_out)
{
	char key[SW_PROVIDER_SECRET_MAX + 1] = "";
	int err = SW_OK;
	if (provider->signing_key_file) {
		err = sw_provider_secret(provider->instance, "signing_key_file", provider->signing_key_file, key,
					 diag_out);
		if (!err && strlen(key) < SW_MAIL_TOKEN_KEY_MIN) {
			err = sw_diag_set(diag_out, SW_ECONFIG,
					  "[push.%s] signing_key_file: expected one line of at least %d characters",
					  provider->instance, SW_MAIL_TOKEN_KEY_MIN);
		}
	}
	if (!err && provider->password_file) {
		err = sw_provider_secret(provider->instance, "password_file", provider->password_file,
					 provider->password, diag_out);
	}
	if (!err) {
		memcpy(provider->signing_key, key, sizeof(key));
	}
	OPENSSL_cleanse(key, sizeof(key));
	return err;
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
