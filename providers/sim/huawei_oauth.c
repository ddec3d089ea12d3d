/* SPDX-License-Identifier: Apache-2.0 */
/* Huawei's token endpoint: id and secret in, access token out. Errors as in "Account server error codes". */
#include "sim/huawei_oauth.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "sim/jws.h"

#define DIGITS "0123456789"
#define SECRET_SET "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS "=/\\+"
#define TOKEN_PREFIX "DQEA+/"

enum { FILE_MAX_BYTES = 8 * 1024, ID_MAX = 64 };

int sw_sim_huawei_oauth_load(struct sw_sim_huawei_oauth *oauth, const char *spec, struct sw_diag *diag_out)
{
	const char *equals = strchr(spec, '=');
	size_t id_len = strspn(spec, DIGITS);
	size_t project_len = spec[id_len] == ':' ? strspn(spec + id_len + 1, DIGITS) : 0;
	size_t end = spec[id_len] == ':' ? id_len + 1 + project_len : id_len;
	if (!equals || id_len == 0 || id_len > ID_MAX || project_len > ID_MAX || spec + end != equals ||
	    oauth->client_count == SW_SIM_HUAWEI_CLIENTS_MAX) {
		return sw_diag_set(diag_out, SW_ECONFIG,
				   "Huawei client \"%s\": expected ID=FILE or ID:PROJECT=FILE, at most %d of them",
				   spec, SW_SIM_HUAWEI_CLIENTS_MAX);
	}
	struct sw_sim_huawei_client *client = &oauth->clients[oauth->client_count];
	struct sw_buf text;
	sw_buf_init(&text, FILE_MAX_BYTES);
	int err = sw_sim_file_read(equals + 1, &text, diag_out);
	size_t len = err ? 0 : strcspn(sw_buf_cstr(&text), "\r\n");
	if (!err && (len == 0 || len >= SW_SIM_HUAWEI_TEXT_MAX)) {
		err = sw_diag_set(diag_out, SW_ECONFIG, "%s: expected a client secret in the first line", equals + 1);
	}
	if (!err) {
		snprintf(client->id, sizeof(client->id), "%.*s", (int)id_len, spec);
		snprintf(client->project, sizeof(client->project), "%.*s", (int)project_len, spec + id_len + 1);
		snprintf(client->secret, sizeof(client->secret), "%.*s", (int)len, sw_buf_cstr(&text));
		oauth->client_count++;
	}
	OPENSSL_cleanse(text.ptr, text.len);
	sw_buf_release(&text);
	return err;
}

void sw_sim_huawei_oauth_refuse(struct sw_sim_reply *reply, int status, const char *code, const char *description)
{
	int error_len = (int)strcspn(code, "/");
	reply->status = status;
	sw_sim_reply_add(reply, "content-type", "application/json;charset=utf-8");
	sw_buf_put_char(&reply->body, '{');
	if (code[error_len] == '/') {
		sw_buf_printf(&reply->body, "\"sub_error\":%s,", code + error_len + 1);
	}
	sw_buf_put_str(&reply->body, "\"error_description\":");
	sw_json_put_cstr(&reply->body, description);
	sw_buf_printf(&reply->body, ",\"error\":%.*s}", error_len, code);
}

static bool is_of(struct sw_bytes text, const char *set)
{
	return strspn((const char *)text.ptr, set) == text.len; /* decoded values are terminated */
}

static const struct sw_sim_huawei_client *find_client(const struct sw_sim_huawei_oauth *oauth, struct sw_bytes id)
{
	for (size_t i = 0; i < oauth->client_count; i++) {
		if (sw_bytes_equal_str(id, oauth->clients[i].id)) {
			return &oauth->clients[i];
		}
	}
	return NULL;
}

struct form {
	struct sw_bytes grant;
	struct sw_bytes id;
	struct sw_bytes secret;
};

struct refusal {
	const char *code;
	const char *description;
};

/* The client, or NULL with why not. */
static const struct sw_sim_huawei_client *judge(const struct sw_sim_huawei_oauth *oauth, const struct form *form,
						struct refusal *refusal_out)
{
	const struct sw_sim_huawei_client *client = form->id.len ? find_client(oauth, form->id) : NULL;
	if (form->grant.len == 0) {
		*refusal_out = (struct refusal){"1102/20181", "grant_type is empty"};
	} else if (!sw_bytes_equal_str(form->grant, "client_credentials")) {
		*refusal_out = (struct refusal){"1101/20182", "invalid grant_type"};
	} else if (form->id.len == 0) {
		*refusal_out = (struct refusal){"1102/20001", "client_id is empty"};
	} else if (form->id.len > ID_MAX || !is_of(form->id, DIGITS)) {
		*refusal_out = (struct refusal){"1101/20002", "invalid client_id"};
	} else if (form->secret.len == 0) {
		*refusal_out = (struct refusal){"1101/20171", "client_secret is empty"};
	} else if (!is_of(form->secret, SECRET_SET)) {
		*refusal_out = (struct refusal){"1101/20172", "invalid client_secret"};
	} else if (!client) {
		*refusal_out = (struct refusal){"1101/20003", "invalid client_id"};
	} else if (!sw_bytes_equal_secret(form->secret, sw_bytes_str(client->secret))) {
		*refusal_out = (struct refusal){"1101/12304", "invalid client_secret"};
	} else {
		return client;
	}
	return NULL;
}

const char *sw_sim_huawei_oauth_answer(struct sw_sim_huawei_oauth *oauth, struct sw_sim_request *request,
				       int64_t expires_at_ms, int expires_in_s, struct sw_sim_reply *reply)
{
	struct sw_bytes body = sw_buf_bytes(&request->body);
	struct form form = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
	struct refusal refusal = {NULL, NULL};
	if (strcmp(request->method, "POST") != 0) {
		reply->status = 405;
		return "method";
	}
	/* Of another type it is not read, and so everything is missing. */
	if (sw_sim_request_is(request, "application/x-www-form-urlencoded")) {
		form.grant = sw_sim_form_get(&request->arena, body, "grant_type");
		form.id = sw_sim_form_get(&request->arena, body, "client_id");
		form.secret = sw_sim_form_get(&request->arena, body, "client_secret");
	}
	const struct sw_sim_huawei_client *client = judge(oauth, &form, &refusal);
	if (!client) {
		sw_sim_huawei_oauth_refuse(reply, 400, refusal.code, refusal.description);
		return refusal.code;
	}
	const char *token = sw_sim_tokens_issue(&oauth->tokens, client, TOKEN_PREFIX, expires_at_ms);
	reply->status = 200;
	sw_sim_reply_add(reply, "content-type", "application/json;charset=utf-8");
	sw_sim_reply_add(reply, "cache-control", "no-store");
	/* The slash is escaped, as Huawei's own answers have it. */
	sw_buf_printf(&reply->body, "{\"access_token\":\"DQEA+\\/%s\",\"expires_in\":%d,\"token_type\":\"Bearer\"}",
		      token + sizeof(TOKEN_PREFIX) - 1, expires_in_s);
	return NULL;
}
