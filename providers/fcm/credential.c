/* SPDX-License-Identifier: Apache-2.0 */
/* The OAuth access token by service account ("Using OAuth 2.0 for Server to Server Applications"): a signed assertion
 * is exchanged for a token of about an hour, whose life is kept by oauth.h. */
#include "fcm_int.h"

#include <surewire/jwt.h>
#include <surewire/mem.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SCOPE "https://www.googleapis.com/auth/firebase.messaging"
#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:jwt-bearer"

enum { ASSERTION_LIFE_S = 3600 }; /* the longest that Google takes */

static const char *token_uri(const struct sw_provider *provider)
{
	return provider->token_uri ? provider->token_uri : provider->account.token_uri;
}

static int sign(const struct sw_fcm_account *account, const char *audience, int64_t now_ms, char **assertion_out,
		struct sw_diag *diag_out)
{
	json_int_t now_s = now_ms / 1000;
	json_t *claims = json_pack("{s:s, s:s, s:s, s:I, s:I}", "iss", account->client_email, "scope", SCOPE, "aud",
				   audience, "iat", now_s, "exp", now_s + ASSERTION_LIFE_S);
	if (!claims) {
		return sw_diag_set(diag_out, SW_EINVAL, "the account's texts cannot be written as JSON");
	}
	int err = sw_jwt_sign("RS256", sw_bytes_str(account->private_key), account->private_key_id, claims,
			      assertion_out, diag_out);
	json_decref(claims);
	return err;
}

/* A token of the old account is of use to the new one only when it is the same account with another key. */
static void replace_account(struct sw_provider *provider, struct sw_fcm_account *fresh)
{
	struct sw_fcm_account *old = &provider->account;
	if (!old->client_email || strcmp(old->client_email, fresh->client_email) != 0 ||
	    strcmp(old->project_id, fresh->project_id) != 0) {
		sw_oauth_drop(&provider->token);
	}
	sw_fcm_account_release(old);
	*old = *fresh;
	sw_oauth_renew(&provider->token);
}

int sw_fcm_credential_load(struct sw_provider *provider, struct sw_diag *diag_out)
{
	struct sw_fcm_account account = {0};
	int err = sw_fcm_account_read(provider->instance, provider->account_file, &account, diag_out);
	if (err) {
		return err;
	}
	/* Signed and thrown away: a key that cannot sign is an error now, not at the first message. */
	char *trial = NULL;
	struct sw_diag cause = {0};
	if (sign(&account, account.token_uri, 0, &trial, &cause)) {
		sw_fcm_account_release(&account);
		return sw_diag_set(diag_out, SW_ECONFIG,
				   "[push.%s] service_account_file: expected \"private_key\" to be an RSA key: %s",
				   provider->instance, cause.text);
	}
	free(trial);
	replace_account(provider, &account);
	return SW_OK;
}

void sw_fcm_credential_release(struct sw_provider *provider)
{
	sw_oauth_drop(&provider->token);
	sw_fcm_account_release(&provider->account);
}

enum sw_credential_state sw_fcm_credential_state(struct sw_provider *provider, int64_t now_ms)
{
	return sw_oauth_state(&provider->token, now_ms);
}

int sw_fcm_credential_request(struct sw_provider *provider, int64_t now_ms, struct sw_arena *arena,
			      struct sw_credential_request *request_out, struct sw_diag *diag_out)
{
	char *assertion = NULL;
	const char *uri = token_uri(provider);
	int err = sign(&provider->account, uri, now_ms, &assertion, diag_out);
	if (err) {
		return err;
	}
	assert(assertion);
	const struct sw_oauth_pair pairs[] = {{"grant_type", GRANT_TYPE}, {"assertion", assertion}, {NULL, NULL}};
	err = sw_oauth_request(uri, pairs, arena, request_out, diag_out);
	request_out->ca_file = provider->endpoint.ca_file;
	sw_free_secret(assertion, strlen(assertion));
	return err;
}

int sw_fcm_credential_response(struct sw_provider *provider, const struct sw_http_response *response, int64_t now_ms,
			       struct sw_diag *diag_out)
{
	static const struct sw_oauth_error errors[] = {
#define SW_FCM_OAUTH_ERROR(error, result, hint) {error, result, hint},
#include "oauth_errors.def"
#undef SW_FCM_OAUTH_ERROR
		{NULL, SW_OK, NULL},
	};
	return sw_oauth_response(&provider->token, errors, response, now_ms, diag_out);
}

void sw_fcm_credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	sw_oauth_refused(&provider->token, now_ms);
}
