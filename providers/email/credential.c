/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's password and the key of links, from files. There is nothing to renew: after a refusal (535) one mail a minute
 * asks again, until an operator has replaced the file. */
#include "email_int.h"

#include <surewire/provider_config.h>

#include <openssl/crypto.h>
#include <string.h>

enum { HOLD_MS = 60 * 1000 };

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
		provider->held = false;
	}
	OPENSSL_cleanse(key, sizeof(key));
	return err;
}

enum sw_credential_state sw_email_credential_state(struct sw_provider *provider, int64_t now_ms)
{
	/* Outside of the minute also when the clock was set back. */
	bool held = provider->held && now_ms >= provider->held_since_ms && now_ms < provider->held_since_ms + HOLD_MS;
	return held ? SW_CREDENTIAL_BROKEN : SW_CREDENTIAL_READY;
}

void sw_email_credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	provider->held = true;
	provider->held_since_ms = now_ms;
}
