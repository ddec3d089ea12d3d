/* SPDX-License-Identifier: Apache-2.0 */
/* The app's access token by OAuth 2 client credentials (Huawei, "Obtaining an app-level access token"): id and secret are
 * exchanged for a token of an hour, whose life is kept by oauth.h. */
#include "huawei_int.h"

#include <string.h>

/* Huawei's own rule for secrets. Said here, it is an error with a name and not a refusal at the first message. */
static bool is_secret(const char *secret)
{
	return secret[strspn(secret, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=/\\+")] == '\0';
}

int sw_huawei_credential_load(struct sw_provider *provider, struct sw_diag *diag_out)
{
	char secret[SW_PROVIDER_SECRET_MAX + 1] = "";
	int err = sw_provider_secret(provider->instance, "client_secret_file", provider->secret_file, secret, diag_out);
	if (!err && !is_secret(secret)) {
		err = sw_diag_set(diag_out, SW_ECONFIG,
				  "[push.%s] client_secret_file: expected letters, digits and =/\\+ only: %s",
				  provider->instance, provider->secret_file);
	}
	if (!err) {
		memcpy(provider->secret, secret, sizeof(secret));
		provider->high_urgency_refused = false;
		provider->invalid_streak = 0;
		sw_oauth_renew(&provider->token);
	}
	explicit_bzero(secret, sizeof(secret));
	return err;
}

enum sw_credential_state sw_huawei_credential_state(struct sw_provider *provider, int64_t now_ms)
{
	return sw_oauth_state(&provider->token, now_ms);
}

int sw_huawei_credential_request(struct sw_provider *provider, int64_t now_ms, struct sw_arena *arena,
				 struct sw_credential_request *request_out, struct sw_diag *diag_out)
{
	(void)now_ms;
	const struct sw_oauth_pair pairs[] = {{"grant_type", "client_credentials"},
					      {"client_id", provider->client_id},
					      {"client_secret", provider->secret},
					      {NULL, NULL}};
	int err = sw_oauth_request(provider->token_uri, pairs, arena, request_out, diag_out);
	request_out->ca_file = provider->endpoint.ca_file;
	return err;
}

int sw_huawei_credential_response(struct sw_provider *provider, const struct sw_http_response *response, int64_t now_ms,
				  struct sw_diag *diag_out)
{
	static const struct sw_oauth_error errors[] = {
#define SW_HUAWEI_OAUTH_ERROR(error, result, hint) {error, result, hint},
#include "oauth_errors.def"
#undef SW_HUAWEI_OAUTH_ERROR
		{NULL, SW_OK, NULL},
	};
	return sw_oauth_response(&provider->token, errors, response, now_ms, diag_out);
}

void sw_huawei_credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	sw_oauth_refused(&provider->token, now_ms);
}
