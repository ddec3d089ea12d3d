/* SPDX-License-Identifier: Apache-2.0 */
/* The OAuth access token by service account ("Using OAuth 2.0 for Server to Server Applications"): a signed assertion
 * is exchanged for a token of about an hour. When to run the exchange is said here, the pusher runs it. The last good
 * token is kept until it expires or the service refuses it. */
#include "fcm_int.h"

#include <surewire/jwt.h>
#include <surewire/mem.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SCOPE "https://www.googleapis.com/auth/firebase.messaging"
#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:jwt-bearer"

enum {
	ASSERTION_LIFE_S = 3600, /* the longest that Google takes */
	MINUTE_MS = 60 * 1000,
	HOLD_MS = MINUTE_MS,
	RENEW_LEFT_MS = 5 * MINUTE_MS,
	RENEW_PERCENT = 80,
	RENEW_PAUSE_MS = 30 * 1000, /* after a failed renewal, while the old token is good */
	LIFE_MAX_S = 24 * 3600,
	LIFE_DEFAULT_S = 3600,
	TOKEN_BYTES_MAX = 8 * 1024,
	BODY_BYTES_MAX = 16 * 1024,
	BODY_DEPTH_MAX = 8,
	FORM_BYTES_MAX = 32 * 1024,
};

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

static void drop_token(struct sw_provider *provider)
{
	if (provider->authorization) {
		sw_free_secret(provider->authorization, strlen(provider->authorization));
		provider->authorization = NULL;
	}
}

/* A token of the old account is of use to the new one only when it is the same account with another key. */
static void replace_account(struct sw_provider *provider, struct sw_fcm_account *fresh)
{
	struct sw_fcm_account *old = &provider->account;
	if (!old->client_email || strcmp(old->client_email, fresh->client_email) != 0 ||
	    strcmp(old->project_id, fresh->project_id) != 0) {
		drop_token(provider);
	}
	sw_fcm_account_release(old);
	*old = *fresh;
	provider->renew_ms = 0;
	provider->refusals = 0;
	provider->held = false;
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
	drop_token(provider);
	sw_fcm_account_release(&provider->account);
}

static bool is_held(const struct sw_provider *provider, int64_t now_ms)
{
	/* Outside of the minute also when the clock was set back. */
	return provider->held && now_ms >= provider->held_since_ms && now_ms < provider->held_since_ms + HOLD_MS;
}

static void hold(struct sw_provider *provider, int64_t now_ms)
{
	provider->held = true;
	provider->held_since_ms = now_ms;
}

static bool is_usable(const struct sw_provider *provider, int64_t now_ms)
{
	return provider->authorization && !provider->refused && now_ms < provider->expires_ms;
}

enum sw_credential_state sw_fcm_credential_state(struct sw_provider *provider, int64_t now_ms)
{
	bool usable = is_usable(provider, now_ms);
	if (is_held(provider, now_ms)) {
		return usable ? SW_CREDENTIAL_READY : SW_CREDENTIAL_BROKEN;
	}
	if (!usable) {
		return SW_CREDENTIAL_FETCH;
	}
	return now_ms >= provider->renew_ms ? SW_CREDENTIAL_RENEW : SW_CREDENTIAL_READY;
}

/* application/x-www-form-urlencoded: everything but the unreserved characters of RFC 3986 is percent-encoded. */
static void put_form_value(struct sw_buf *buf, const char *value)
{
	for (const char *c = value; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
			   *c == '-' || *c == '.' || *c == '_' || *c == '~';
		if (plain) {
			sw_buf_put_char(buf, *c);
		} else {
			sw_buf_printf(buf, "%%%02X", (unsigned)(uint8_t)*c);
		}
	}
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
	struct sw_buf form;
	sw_buf_init(&form, FORM_BYTES_MAX);
	sw_buf_put_str(&form, "grant_type=");
	put_form_value(&form, GRANT_TYPE);
	sw_buf_put_str(&form, "&assertion=");
	put_form_value(&form, assertion);
	err = form.err;
	*request_out = (struct sw_credential_request){
		.url = sw_arena_copy(arena, sw_bytes_str(uri)),
		.ca_file = provider->endpoint.ca_file,
		.content_type = "application/x-www-form-urlencoded",
		.body = sw_arena_copy(arena, sw_buf_bytes(&form)),
	};
	sw_buf_release(&form);
	sw_free_secret(assertion, strlen(assertion));
	return err ? sw_diag_set(diag_out, err, "the request for a token is larger than %d bytes", FORM_BYTES_MAX)
		   : SW_OK;
}

static json_t *parse_body(struct sw_bytes body)
{
	json_t *value = NULL;
	if (body.len == 0 || body.len > BODY_BYTES_MAX || sw_json_parse(body, BODY_DEPTH_MAX, &value, NULL)) {
		return NULL;
	}
	return value;
}

/* The token becomes a header value. */
static bool is_token(struct sw_bytes token)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] <= 0x20 || token.ptr[i] >= 0x7f) {
			return false;
		}
	}
	return token.len > 0 && token.len <= TOKEN_BYTES_MAX;
}

static int64_t renewal_ms(int64_t now_ms, int64_t life_ms)
{
	int64_t by_share = life_ms * RENEW_PERCENT / 100;
	int64_t by_rest = life_ms - RENEW_LEFT_MS;
	/* "Five minutes left" says nothing about tokens that live but a few minutes. */
	return now_ms + (life_ms >= (int64_t)2 * RENEW_LEFT_MS && by_rest < by_share ? by_rest : by_share);
}

static int take_token(struct sw_provider *provider, const json_t *body, int64_t now_ms, struct sw_diag *diag_out)
{
	struct sw_bytes token = sw_json_get_str(body, "access_token");
	struct sw_bytes type = sw_json_get_str(body, "token_type");
	const json_t *expires = json_object_get(body, "expires_in");
	json_int_t life_s = expires ? json_integer_value(expires) : LIFE_DEFAULT_S;
	if (!is_token(token) || (type.len && !sw_bytes_equal_nocase(type, "Bearer")) || life_s < 1) {
		return sw_diag_set(
			diag_out, SW_EUNAVAILABLE,
			"token service: expected access_token, token_type Bearer and expires_in in its answer");
	}
	life_s = life_s > LIFE_MAX_S ? LIFE_MAX_S : life_s;
	drop_token(provider);
	provider->authorization = sw_xasprintf("Bearer %.*s", SW_BYTES_FMT(token));
	provider->expires_ms = now_ms + life_s * 1000;
	provider->renew_ms = renewal_ms(now_ms, life_s * 1000);
	provider->refused = false;
	provider->held = false;
	return SW_OK;
}

struct oauth_error {
	const char *error;
	int result;
	const char *hint;
};

static const struct oauth_error oauth_errors[] = {
#define SW_FCM_OAUTH_ERROR(error, result, hint) {error, result, hint},
#include "oauth_errors.def"
#undef SW_FCM_OAUTH_ERROR
};

static int explain(int status, const json_t *body, struct sw_diag *diag_out)
{
	struct sw_bytes error = sw_json_get_str(body, "error");
	char code[64];
	char detail[96];
	sw_fcm_printable(error, code, sizeof(code));
	sw_fcm_printable(sw_json_get_str(body, "error_description"), detail, sizeof(detail));
	for (size_t i = 0; i < sizeof(oauth_errors) / sizeof(oauth_errors[0]); i++) {
		if (sw_bytes_equal_str(error, oauth_errors[i].error)) {
			return sw_diag_set(diag_out, oauth_errors[i].result, "token service: HTTP %d %s (%s): %s",
					   status, code, detail, oauth_errors[i].hint);
		}
	}
	if (status >= 500 || status == 429 || status == 408 || status < 300) {
		return sw_diag_set(diag_out, SW_EUNAVAILABLE, "token service: HTTP %d %s", status, code);
	}
	return sw_diag_set(diag_out, SW_EAUTH, "token service: HTTP %d %s; expected 200, check token_uri", status,
			   code);
}

int sw_fcm_credential_response(struct sw_provider *provider, const struct sw_http_response *response, int64_t now_ms,
			       struct sw_diag *diag_out)
{
	int err;
	if (response->status == 0) {
		err = sw_diag_set(diag_out, SW_EUNAVAILABLE, "token service: no answer");
	} else {
		json_t *body = parse_body(response->body);
		err = response->status == 200 ? take_token(provider, body, now_ms, diag_out)
					      : explain(response->status, body, diag_out);
		json_decref(body);
	}
	if (err) {
		provider->renew_ms = now_ms + RENEW_PAUSE_MS;
	}
	if (err == SW_EAUTH) {
		hold(provider, now_ms);
	}
	return err;
}

void sw_fcm_credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	provider->refused = true;
	provider->refusals++;
	/* One refusal is answered with a new token at once. When the new one is refused as well, once a minute. */
	if (provider->refusals >= 2) {
		hold(provider, now_ms);
	}
}

void sw_fcm_credential_accepted(struct sw_provider *provider)
{
	provider->refusals = 0;
	provider->held = false;
}
