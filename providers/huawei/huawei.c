/* SPDX-License-Identifier: Apache-2.0 */
/* Huawei Push Kit, v1 and v2 of its send API: configuration, token form, requests. One token a request. Opens no
 * connection: the pusher owns sockets and policy. */
#include "huawei_int.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum {
	CONNECTIONS_DEFAULT = 2,
	ANSWER_TIMEOUT_MS = 30 * 1000,
	/* A token, and data twice escaped: as members of an object, and that as a text. */
	SCRATCH_BYTES_MAX = 4 * SW_HUAWEI_MESSAGE_MAX + SW_HUAWEI_TOKEN_MAX,
	PATH_BYTES_MAX = 128,
	ID_MAX = 64,
	CATEGORY_MAX = 64,
	CLASS_MAX = 256,
};

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const char *const known_keys[] = {"client_id",   "client_secret_file", "project_id", "apps",     "host",
					 "port",        "token_uri",          "ca_file",    "category", "urgency",
					 "badge_class", "connections",        NULL};

/* ---- configuration ---- */

/* 1 to max characters, all of them of the set. */
static bool is_of(const char *text, const char *set, size_t max)
{
	size_t len = strspn(text, set);
	return len > 0 && len <= max && text[len] == '\0';
}

static int read_ids(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	provider->client_id = sw_provider_text(config, "client_id", "");
	provider->project_id = sw_provider_text(config, "project_id", NULL);
	provider->secret_file = sw_provider_text(config, "client_secret_file", NULL);
	provider->token_uri = sw_provider_text(config, "token_uri",
					       "https://oauth-login.cloud.huawei.com/oauth2/v3/token");
	if (!is_of(provider->client_id, DIGITS, ID_MAX)) {
		return sw_provider_expected(config, "client_id",
					    "the digits of the OAuth 2.0 client ID from AppGallery Connect", diag_out);
	}
	if (provider->project_id && !is_of(provider->project_id, DIGITS, ID_MAX)) {
		return sw_provider_expected(config, "project_id",
					    "the digits of the project ID from AppGallery Connect", diag_out);
	}
	if (!provider->secret_file) {
		return sw_provider_expected(config, "client_secret_file",
					    "the path of a file with the OAuth 2.0 client secret", diag_out);
	}
	if (!sw_oauth_is_token_uri(provider->token_uri)) {
		return sw_provider_expected(config, "token_uri", "an https address, or http towards loopback",
					    diag_out);
	}
	return SW_OK;
}

static int read_message(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	const char *urgency = sw_provider_text(config, "urgency", "normal");
	provider->category = sw_provider_text(config, "category", NULL);
	provider->badge_class = sw_provider_text(config, "badge_class", NULL);
	provider->high_urgency = strcmp(urgency, "high") == 0;
	if (!provider->high_urgency && strcmp(urgency, "normal") != 0) {
		return sw_provider_expected(config, "urgency", "normal, or high when Huawei allows it to the app",
					    diag_out);
	}
	if (provider->category && !is_of(provider->category, LETTERS DIGITS "_", CATEGORY_MAX)) {
		return sw_provider_expected(config, "category", "a category of Push Kit like IM", diag_out);
	}
	if (provider->badge_class && !is_of(provider->badge_class, LETTERS DIGITS "_.$", CLASS_MAX)) {
		return sw_provider_expected(config, "badge_class", "the class name of the app's first activity",
					    diag_out);
	}
	return SW_OK;
}

static int read_config(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	provider->instance = config->instance;
	provider->endpoint = (struct sw_endpoint){
		.host = "push-api.cloud.huawei.com",
		.port = 443,
		.connections_max = CONNECTIONS_DEFAULT,
		.answer_timeout_ms = ANSWER_TIMEOUT_MS,
	};
	int err = read_ids(config, provider, diag_out);
	err = err ? err : read_message(config, provider, diag_out);
	err = err ? err : sw_provider_apps(config, &provider->apps, diag_out);
	return err ? err : sw_provider_endpoint(config, &provider->endpoint, diag_out);
}

static void on_close(struct sw_provider *provider)
{
	if (!provider) {
		return;
	}
	sw_oauth_drop(&provider->token);
	sw_buf_release(&provider->scratch);
	sw_free_secret(provider, sizeof(*provider));
}

static int on_open(const struct sw_provider_config *config, struct sw_provider **provider_out, struct sw_diag *diag_out)
{
	struct sw_provider *provider = sw_xcalloc(1, sizeof(*provider));
	sw_buf_init(&provider->scratch, SCRATCH_BYTES_MAX);
	int err = read_config(config, provider, diag_out);
	err = err ? err : sw_huawei_credential_load(provider, diag_out);
	if (err) {
		on_close(provider);
		return err;
	}
	*provider_out = provider;
	return SW_OK;
}

/* ---- requests ---- */

static int on_check_token(struct sw_bytes token, struct sw_diag *diag_out)
{
	if (!sw_push_token_is_word(token, SW_HUAWEI_TOKEN_MAX)) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "Push Kit token: expected 1 to %d printable ASCII characters without blanks",
				   SW_HUAWEI_TOKEN_MAX);
	}
	return SW_OK;
}

static bool on_serves_app(const struct sw_provider *provider, struct sw_bytes app)
{
	return sw_provider_serves(provider->apps, app);
}

static struct sw_bytes path_of(const struct sw_provider *provider, struct sw_arena *arena)
{
	struct sw_buf path;
	sw_buf_init(&path, PATH_BYTES_MAX);
	if (provider->project_id) {
		sw_buf_printf(&path, "/v2/%s/messages:send", provider->project_id);
	} else {
		sw_buf_printf(&path, "/v1/%s/messages:send", provider->client_id);
	}
	struct sw_bytes text = sw_arena_copy(arena, sw_buf_bytes(&path));
	sw_buf_release(&path);
	return text;
}

/* NOLINTNEXTLINE(readability-function-size): the shape of provider.h */
static int on_encode(struct sw_provider *provider, const struct sw_push_target *target,
		     const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		     struct sw_send *send_out, struct sw_diag *diag_out)
{
	if (!on_serves_app(provider, target->app)) {
		return sw_diag_set(diag_out, SW_EINVAL, "app: expected one of apps of [push.%s]", provider->instance);
	}
	*send_out = (struct sw_send){.endpoint = &provider->endpoint};
	struct sw_http_request *req = &send_out->as.http;
	struct sw_huawei_job job = {target, notification, now_ms};
	int err = sw_oauth_authorize(&provider->token, arena, req, diag_out);
	err = err ? err : on_check_token(target->token, diag_out);
	err = err ? err : sw_huawei_payload(provider, &job, arena, &req->body, diag_out);
	if (err) {
		return err;
	}
	req->method = "POST";
	req->path = path_of(provider, arena);
	sw_http_request_add(req, "content-type", sw_bytes_str("application/json;charset=UTF-8"), false);
	return SW_OK;
}

const struct sw_provider_ops sw_provider_huawei = {
	.name = "huawei",
	.transport = SW_TRANSPORT_H2,
	.clears = true,
	.known_keys = known_keys,
	.open = on_open,
	.close = on_close,
	.reload = sw_huawei_credential_load,
	.check_token = on_check_token,
	.check_app_for = sw_provider_check_app,
	.serves_app = on_serves_app,
	.credential_state = sw_huawei_credential_state,
	.credential_request = sw_huawei_credential_request,
	.credential_response = sw_huawei_credential_response,
	.credential_refused = sw_huawei_credential_refused,
	.encode = on_encode,
	.classify = sw_huawei_classify,
};
