/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an access token; see oauth.h. Holds no policy of a single service: what its errors mean comes as a table. */
#include <surewire/oauth.h>

#include <surewire/json.h>
#include <surewire/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
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
	URI_BYTES_MAX = 1024,
	FORM_BYTES_MAX = 32 * 1024,
	CODE_BYTES = 64,
	DETAIL_BYTES = 96,
};

void sw_oauth_drop(struct sw_oauth_token *token)
{
	if (token->authorization) {
		sw_free_secret(token->authorization, strlen(token->authorization));
		token->authorization = NULL;
	}
}

void sw_oauth_renew(struct sw_oauth_token *token)
{
	token->renew_ms = 0;
	token->refusals = 0;
	token->held = false;
}

/* ---- when to fetch ---- */

static bool is_held(const struct sw_oauth_token *token, int64_t now_ms)
{
	/* Outside of the minute also when the clock was set back. */
	return token->held && now_ms >= token->held_since_ms && now_ms < token->held_since_ms + HOLD_MS;
}

static void hold(struct sw_oauth_token *token, int64_t now_ms)
{
	token->held = true;
	token->held_since_ms = now_ms;
}

enum sw_credential_state sw_oauth_state(const struct sw_oauth_token *token, int64_t now_ms)
{
	bool usable = token->authorization && !token->refused && now_ms < token->expires_ms;
	if (is_held(token, now_ms)) {
		return usable ? SW_CREDENTIAL_READY : SW_CREDENTIAL_BROKEN;
	}
	if (!usable) {
		return SW_CREDENTIAL_FETCH;
	}
	return now_ms >= token->renew_ms ? SW_CREDENTIAL_RENEW : SW_CREDENTIAL_READY;
}

void sw_oauth_refused(struct sw_oauth_token *token, int64_t now_ms)
{
	token->refused = true;
	token->refusals++;
	/* One refusal is answered with a new token at once. When the new one is refused as well, once a minute. */
	if (token->refusals >= 2) {
		hold(token, now_ms);
	}
}

void sw_oauth_accepted(struct sw_oauth_token *token)
{
	token->refusals = 0;
	token->held = false;
}

int sw_oauth_authorize(const struct sw_oauth_token *token, struct sw_arena *arena, struct sw_http_request *request,
		       struct sw_diag *diag_out)
{
	if (!token->authorization) {
		return sw_diag_set(diag_out, SW_EAUTH,
				   "no access token yet: expected credential state READY before a send");
	}
	struct sw_bytes authorization = sw_arena_copy(arena, sw_bytes_str(token->authorization));
	sw_http_request_add(request, "authorization", authorization, false);
	return SW_OK;
}

/* ---- the request for a token ---- */

static bool is_loopback_uri(const char *rest)
{
	static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t len = strlen(hosts[i]);
		if (strncmp(rest, hosts[i], len) == 0 && (rest[len] == ':' || rest[len] == '/')) {
			/* "localhost:x@elsewhere" has another host. */
			return strchr(rest, '@') == NULL;
		}
	}
	return false;
}

bool sw_oauth_is_token_uri(const char *uri)
{
	size_t len = strlen(uri);
	for (size_t i = 0; i < len; i++) {
		if (uri[i] <= 0x20 || uri[i] >= 0x7f) {
			return false;
		}
	}
	if (len > URI_BYTES_MAX) {
		return false;
	}
	if (strncmp(uri, "https://", 8) == 0) {
		return uri[8] != '\0' && uri[8] != '/';
	}
	return strncmp(uri, "http://", 7) == 0 && is_loopback_uri(uri + 7);
}

/* Everything but the unreserved characters of RFC 3986 is percent-encoded. */
static void put_value(struct sw_buf *buf, const char *value)
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

int sw_oauth_request(const char *uri, const struct sw_oauth_pair *pairs, struct sw_arena *arena,
		     struct sw_credential_request *request_out, struct sw_diag *diag_out)
{
	struct sw_buf form;
	sw_buf_init(&form, FORM_BYTES_MAX);
	for (const struct sw_oauth_pair *pair = pairs; pair->name; pair++) {
		sw_buf_put_str(&form, pair == pairs ? "" : "&");
		sw_buf_put_str(&form, pair->name);
		sw_buf_put_char(&form, '=');
		put_value(&form, pair->value);
	}
	int err = form.err;
	*request_out = (struct sw_credential_request){
		.url = sw_arena_copy(arena, sw_bytes_str(uri)),
		.content_type = "application/x-www-form-urlencoded",
		.body = sw_arena_copy(arena, sw_buf_bytes(&form)),
	};
	sw_free_secret(form.ptr, form.cap);
	return err ? sw_diag_set(diag_out, err, "the request for a token is larger than %d bytes", FORM_BYTES_MAX)
		   : SW_OK;
}

/* ---- the answer ---- */

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

static int take_token(struct sw_oauth_token *token, const json_t *body, int64_t now_ms, struct sw_diag *diag_out)
{
	struct sw_bytes text = sw_json_get_str(body, "access_token");
	struct sw_bytes type = sw_json_get_str(body, "token_type");
	const json_t *expires = json_object_get(body, "expires_in");
	json_int_t life_s = expires ? json_integer_value(expires) : LIFE_DEFAULT_S;
	if (!is_token(text) || (type.len && !sw_bytes_equal_nocase(type, "Bearer")) || life_s < 1) {
		return sw_diag_set(
			diag_out, SW_EUNAVAILABLE,
			"token service: expected access_token, token_type Bearer and expires_in in its answer");
	}
	life_s = life_s > LIFE_MAX_S ? LIFE_MAX_S : life_s;
	sw_oauth_drop(token);
	token->authorization = sw_xasprintf("Bearer %.*s", SW_BYTES_FMT(text));
	token->expires_ms = now_ms + life_s * 1000;
	token->renew_ms = renewal_ms(now_ms, life_s * 1000);
	token->refused = false;
	token->held = false;
	return SW_OK;
}

static void error_code(const json_t *body, char code[CODE_BYTES])
{
	const json_t *error = json_object_get(body, "error");
	const json_t *sub_error = json_object_get(body, "sub_error");
	if (!json_is_integer(error)) {
		sw_bytes_printable(sw_json_get_str(body, "error"), code, CODE_BYTES);
	} else if (!json_is_integer(sub_error)) {
		snprintf(code, CODE_BYTES, "%lld", (long long)json_integer_value(error));
	} else {
		snprintf(code, CODE_BYTES, "%lld/%lld", (long long)json_integer_value(error),
			 (long long)json_integer_value(sub_error));
	}
}

static const struct sw_oauth_error *find_error(const struct sw_oauth_error *errors, const char *code)
{
	const struct sw_oauth_error *found = NULL;
	size_t main_len = strcspn(code, "/");
	for (const struct sw_oauth_error *row = errors; row->error; row++) {
		if (strcmp(row->error, code) == 0) {
			return row;
		}
		if (strlen(row->error) == main_len && strncmp(row->error, code, main_len) == 0) {
			found = row;
		}
	}
	return found;
}

static int explain(const struct sw_oauth_error *errors, int status, const json_t *body, struct sw_diag *diag_out)
{
	char code[CODE_BYTES];
	char detail[DETAIL_BYTES];
	error_code(body, code);
	sw_bytes_printable(sw_json_get_str(body, "error_description"), detail, sizeof(detail));
	const struct sw_oauth_error *row = find_error(errors, code);
	if (row) {
		return sw_diag_set(diag_out, row->result, "token service: HTTP %d %s (%s): %s", status, code, detail,
				   row->hint);
	}
	if (status >= 500 || status == 429 || status == 408 || status < 300) {
		return sw_diag_set(diag_out, SW_EUNAVAILABLE, "token service: HTTP %d %s", status, code);
	}
	return sw_diag_set(diag_out, SW_EAUTH, "token service: HTTP %d %s; expected 200, check token_uri", status,
			   code);
}

int sw_oauth_response(struct sw_oauth_token *token, const struct sw_oauth_error *errors,
		      const struct sw_http_response *response, int64_t now_ms, struct sw_diag *diag_out)
{
	int err;
	if (response->status == 0) {
		err = sw_diag_set(diag_out, SW_EUNAVAILABLE, "token service: no answer");
	} else {
		json_t *body = sw_json_of_answer(response->body, BODY_BYTES_MAX, BODY_DEPTH_MAX);
		err = response->status == 200 ? take_token(token, body, now_ms, diag_out)
					      : explain(errors, response->status, body, diag_out);
		json_decref(body);
	}
	if (err) {
		token->renew_ms = now_ms + RENEW_PAUSE_MS;
	}
	if (err == SW_EAUTH) {
		hold(token, now_ms);
	}
	return err;
}
