/* SPDX-License-Identifier: Apache-2.0 */
/* The token endpoint: assertion in, access token out. Claims are judged in oauth_check.c. */
#include "sim/oauth.h"

#include <openssl/crypto.h>
#include <string.h>

#include "sim/jws.h"
#include "sim/oauth_check.h"

#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:jwt-bearer"

enum { FILE_MAX_BYTES = 68 * 1024, JSON_DEPTH_MAX = 8 };

static int read_member(const json_t *json, const char *file, const char *name, char out[SW_SIM_ACCOUNT_TEXT_MAX],
		       struct sw_diag *diag)
{
	struct sw_bytes text = sw_json_get_str(json, name);
	if (text.len == 0 || text.len >= SW_SIM_ACCOUNT_TEXT_MAX) {
		return sw_diag_set(diag, SW_ECONFIG, "%s: expected a service-account file with %s", file, name);
	}
	memcpy(out, text.ptr, text.len);
	out[text.len] = '\0';
	return SW_OK;
}

static int read_account(const json_t *json, const char *file, struct sw_sim_account *account, struct sw_diag *diag)
{
	*account = (struct sw_sim_account){0};
	int err = read_member(json, file, "client_email", account->email, diag);
	err = err ? err : read_member(json, file, "project_id", account->project, diag);
	err = err ? err : read_member(json, file, "private_key_id", account->kid, diag);
	if (!err && json_object_get(json, "token_uri")) {
		err = read_member(json, file, "token_uri", account->token_uri, diag);
	}
	return err ? err : sw_sim_key_parse(file, sw_json_get_str(json, "private_key"), "RS256", &account->key, diag);
}

int sw_sim_oauth_load(struct sw_sim_oauth *oauth, const char *file, struct sw_diag *diag_out)
{
	struct sw_buf text;
	json_t *json = NULL;
	sw_buf_init(&text, FILE_MAX_BYTES);
	int err = sw_sim_file_read(file, &text, diag_out);
	if (!err && sw_json_parse(sw_buf_bytes(&text), JSON_DEPTH_MAX, &json, NULL) != SW_OK) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "%s: expected a service-account file in JSON", file);
	}
	if (!err && oauth->account_count == SW_SIM_ACCOUNTS_MAX) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "%s: more than %d accounts", file, SW_SIM_ACCOUNTS_MAX);
	}
	err = err ? err : read_account(json, file, &oauth->accounts[oauth->account_count], diag_out);
	oauth->account_count += err == SW_OK;
	json_decref(json);
	OPENSSL_cleanse(text.ptr, text.len);
	sw_buf_release(&text);
	return err;
}

void sw_sim_oauth_release(struct sw_sim_oauth *oauth)
{
	for (size_t i = 0; i < oauth->account_count; i++) {
		EVP_PKEY_free(oauth->accounts[i].key);
	}
	oauth->account_count = 0;
}

const struct sw_sim_account *sw_sim_oauth_check(const struct sw_sim_oauth *oauth, struct sw_bytes token, int64_t now_ms)
{
	const struct sw_sim_access_token *known = sw_sim_tokens_find(&oauth->tokens, token);
	return known && now_ms < known->expires_at_ms ? known->owner : NULL;
}

bool sw_sim_oauth_project_known(const struct sw_sim_oauth *oauth, struct sw_bytes project)
{
	for (size_t i = 0; i < oauth->account_count; i++) {
		if (sw_bytes_equal_str(project, oauth->accounts[i].project)) {
			return true;
		}
	}
	return false;
}

void sw_sim_oauth_refuse(struct sw_sim_reply *reply, int status, const char *error, const char *description)
{
	reply->status = status;
	sw_sim_reply_add(reply, "content-type", "application/json; charset=utf-8");
	sw_buf_put_str(&reply->body, "{\"error\":");
	sw_json_put_cstr(&reply->body, error);
	sw_buf_put_str(&reply->body, ",\"error_description\":");
	sw_json_put_cstr(&reply->body, description);
	sw_buf_put_str(&reply->body, "}");
}

static const char *refuse(struct sw_sim_reply *reply, const char *error, const char *description)
{
	sw_sim_oauth_refuse(reply, 400, error, description);
	return error;
}

static void issue(struct sw_sim_oauth *oauth, const struct sw_sim_account *account, int64_t now_ms,
		  struct sw_sim_reply *reply)
{
	const char *token = sw_sim_tokens_issue(&oauth->tokens, account, "ya29.",
						now_ms + (int64_t)oauth->expires_in_s * 1000);
	reply->status = 200;
	sw_sim_reply_add(reply, "content-type", "application/json; charset=utf-8");
	sw_sim_reply_add(reply, "cache-control", "no-store");
	sw_buf_printf(&reply->body, "{\"access_token\":\"%s\",\"expires_in\":%d,\"token_type\":\"Bearer\"}", token,
		      oauth->expires_in_s);
}

static const struct sw_sim_account *find_account(const struct sw_sim_oauth *oauth, struct sw_bytes email)
{
	for (size_t i = 0; i < oauth->account_count; i++) {
		if (sw_bytes_equal_str(email, oauth->accounts[i].email)) {
			return &oauth->accounts[i];
		}
	}
	return NULL;
}

static const char *answer_assertion(struct sw_sim_oauth *oauth, const struct sw_sim_request *request,
				    const struct sw_sim_jws *jws, int64_t now_ms, struct sw_sim_reply *reply)
{
	const struct sw_sim_account *account = find_account(oauth, sw_json_get_str(jws->claims, "iss"));
	if (!account) {
		return refuse(reply, "invalid_grant", "Invalid grant: account not found");
	}
	struct sw_bytes kid = sw_json_get_str(jws->header, "kid");
	if ((kid.ptr && !sw_bytes_equal_str(kid, account->kid)) || !sw_sim_jws_verify(jws, "RS256", account->key)) {
		return refuse(reply, "invalid_grant", "Invalid JWT Signature.");
	}
	struct sw_sim_oauth_error error = sw_sim_oauth_check_claims(
		jws->claims, account->token_uri[0] ? account->token_uri : NULL, request->authority, now_ms / 1000);
	if (error.error) {
		return refuse(reply, error.error, error.description);
	}
	issue(oauth, account, now_ms, reply);
	return NULL;
}

const char *sw_sim_oauth_answer(struct sw_sim_oauth *oauth, struct sw_sim_request *request, int64_t now_ms,
				struct sw_sim_reply *reply)
{
	if (strcmp(request->method, "POST") != 0) {
		sw_sim_oauth_refuse(reply, 405, "invalid_request", "Only POST is allowed.");
		return "invalid_request";
	}
	if (!sw_sim_request_is(request, "application/x-www-form-urlencoded")) {
		return refuse(reply, "invalid_request", "Expected application/x-www-form-urlencoded.");
	}
	struct sw_bytes form = sw_buf_bytes(&request->body);
	struct sw_bytes grant = sw_sim_form_get(&request->arena, form, "grant_type");
	struct sw_bytes assertion = sw_sim_form_get(&request->arena, form, "assertion");
	if (!grant.ptr || (!assertion.ptr && sw_bytes_equal_str(grant, GRANT_TYPE))) {
		return refuse(reply, "invalid_request",
			      grant.ptr ? "Missing required parameter: assertion"
					: "Missing required parameter: grant_type");
	}
	if (!sw_bytes_equal_str(grant, GRANT_TYPE)) {
		return refuse(reply, "unsupported_grant_type", "Invalid grant_type.");
	}
	struct sw_sim_jws jws;
	if (sw_sim_jws_parse(assertion, &jws) != SW_OK) {
		return refuse(reply, "invalid_grant", "Bad Request");
	}
	const char *error = answer_assertion(oauth, request, &jws, now_ms, reply);
	sw_sim_jws_release(&jws);
	return error;
}

struct sw_bytes sw_sim_oauth_claimed(struct sw_sim_request *request)
{
	struct sw_bytes assertion = sw_sim_form_get(&request->arena, sw_buf_bytes(&request->body), "assertion");
	struct sw_sim_jws jws;
	if (!assertion.ptr || sw_sim_jws_parse(assertion, &jws) != SW_OK) {
		return sw_bytes("", 0);
	}
	struct sw_bytes email = sw_arena_copy(&request->arena, sw_json_get_str(jws.claims, "iss"));
	sw_sim_jws_release(&jws);
	return email;
}
