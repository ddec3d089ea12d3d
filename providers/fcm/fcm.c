/* SPDX-License-Identifier: Apache-2.0 */
/* Firebase Cloud Messaging, HTTP v1: configuration, token form, requests. Opens no connection: the pusher owns sockets
 * and policy. Never asks for pings: FCM answers frequent ones with GOAWAY ENHANCE_YOUR_CALM. */
#include "fcm_int.h"

#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CONNECTIONS_DEFAULT = 2,
	CONNECTIONS_LIMIT = 64,
	ANSWER_TIMEOUT_MS = 30 * 1000, /* FCM's own limit inside is 10 s: sooner would repeat what is under way */
	SCRATCH_BYTES_MAX = SW_FCM_PAYLOAD_MAX + 2 * SW_FCM_TOKEN_MAX,
	PATH_BYTES_MAX = 256,
};

static const char *const known_keys[] = {"service_account_file", "apps", "host", "port", "token_uri", "ca_file",
					 "connections",          NULL};

/* ---- configuration ---- */

/* Host names and addresses as they go into a request; no scheme, no port. */
static bool is_host(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_");
	return len > 0 && len <= 253 && text[len] == '\0';
}

static int read_endpoint(const struct sw_provider_config *config, struct sw_endpoint *endpoint,
			 struct sw_diag *diag_out)
{
	int port = 443;
	*endpoint = (struct sw_endpoint){
		.host = sw_provider_text(config, "host", "fcm.googleapis.com"),
		.ca_file = sw_provider_text(config, "ca_file", NULL),
		.connections_max = CONNECTIONS_DEFAULT,
		.answer_timeout_ms = ANSWER_TIMEOUT_MS,
	};
	if (!is_host(endpoint->host)) {
		return sw_provider_expected(config, "host", "a host name without scheme, port and path", diag_out);
	}
	if (endpoint->ca_file && access(endpoint->ca_file, R_OK) != 0) {
		return sw_provider_expected(config, "ca_file", "a readable file of certificates (PEM)", diag_out);
	}
	int err = sw_provider_number(config, "connections", CONNECTIONS_LIMIT, &endpoint->connections_max, diag_out);
	err = err ? err : sw_provider_number(config, "port", 65535, &port, diag_out);
	endpoint->port = (uint16_t)port;
	return err;
}

/* The next item of a comma-separated list, without the blanks around it. False at the end. */
static bool next_item(struct sw_bytes *rest, struct sw_bytes *item_out)
{
	if (rest->len == 0) {
		return false;
	}
	const uint8_t *comma = memchr(rest->ptr, ',', rest->len);
	size_t len = comma ? (size_t)(comma - rest->ptr) : rest->len;
	struct sw_bytes item = sw_bytes(rest->ptr, len);
	*rest = comma ? sw_bytes(comma + 1, rest->len - len - 1) : sw_bytes(rest->ptr + len, 0);
	while (item.len && (item.ptr[0] == ' ' || item.ptr[0] == '\t')) {
		item = sw_bytes(item.ptr + 1, item.len - 1);
	}
	while (item.len && (item.ptr[item.len - 1] == ' ' || item.ptr[item.len - 1] == '\t')) {
		item.len--;
	}
	*item_out = item;
	return true;
}

static int read_apps(const struct sw_provider_config *config, struct sw_bytes *apps_out, struct sw_diag *diag_out)
{
	struct sw_bytes rest = sw_bytes_str(sw_provider_text(config, "apps", ""));
	struct sw_bytes app;
	*apps_out = rest;
	while (next_item(&rest, &app)) {
		if (app.len == 0) {
			return sw_provider_expected(config, "apps", "app names separated by commas, none of them empty",
						    diag_out);
		}
	}
	return SW_OK;
}

static int read_config(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	provider->instance = config->instance;
	provider->token_uri = sw_provider_text(config, "token_uri", NULL);
	provider->account_file = sw_provider_text(config, "service_account_file", NULL);
	if (!provider->account_file) {
		return sw_provider_expected(config, "service_account_file",
					    "the path of a service account's JSON key from the Firebase console",
					    diag_out);
	}
	if (provider->token_uri && !sw_fcm_is_token_uri(provider->token_uri)) {
		return sw_provider_expected(config, "token_uri", "an https address, or http towards loopback",
					    diag_out);
	}
	int err = read_apps(config, &provider->apps, diag_out);
	return err ? err : read_endpoint(config, &provider->endpoint, diag_out);
}

static void on_close(struct sw_provider *provider)
{
	if (!provider) {
		return;
	}
	sw_fcm_credential_release(provider);
	sw_buf_release(&provider->scratch);
	free(provider);
}

static int on_open(const struct sw_provider_config *config, struct sw_provider **provider_out, struct sw_diag *diag_out)
{
	struct sw_provider *provider = sw_xcalloc(1, sizeof(*provider));
	sw_buf_init(&provider->scratch, SCRATCH_BYTES_MAX);
	int err = read_config(config, provider, diag_out);
	err = err ? err : sw_fcm_credential_load(provider, diag_out);
	if (err) {
		on_close(provider);
		return err;
	}
	*provider_out = provider;
	return SW_OK;
}

/* ---- requests ---- */

/* Google promises nothing about the form of a token; that it is one word is all that can be asked for. */
static int on_check_token(struct sw_bytes token, struct sw_diag *diag_out)
{
	bool good = token.len > 0 && token.len <= SW_FCM_TOKEN_MAX;
	for (size_t i = 0; good && i < token.len; i++) {
		uint8_t c = token.ptr[i];
		good = c > 0x20 && c < 0x7f && c != '"' && c != '\\';
	}
	if (!good) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "FCM registration token: expected 1 to %d printable ASCII characters without blanks",
				   SW_FCM_TOKEN_MAX);
	}
	return SW_OK;
}

static bool on_serves_app(const struct sw_provider *provider, struct sw_bytes app)
{
	struct sw_bytes rest = provider->apps;
	struct sw_bytes item;
	size_t count = 0;
	while (next_item(&rest, &item)) {
		if (sw_bytes_equal(item, app)) {
			return true;
		}
		count++;
	}
	return count == 0 || (count == 1 && app.len == 0);
}

/* NOLINTNEXTLINE(readability-function-size): the shape of provider.h */
static int on_encode(struct sw_provider *provider, const struct sw_push_target *target,
		     const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		     struct sw_send *send_out, struct sw_diag *diag_out)
{
	if (!on_serves_app(provider, target->app)) {
		return sw_diag_set(diag_out, SW_EINVAL, "app: expected one of apps of [push.%s]", provider->instance);
	}
	if (!provider->authorization) {
		return sw_diag_set(diag_out, SW_EAUTH,
				   "no access token yet: expected credential state READY before a send");
	}
	*send_out = (struct sw_send){.endpoint = &provider->endpoint};
	struct sw_http_request *req = &send_out->as.http;
	struct sw_fcm_job job = {target, notification, now_ms};
	int err = on_check_token(target->token, diag_out);
	err = err ? err : sw_fcm_payload(provider, &job, arena, &req->body, diag_out);
	if (err) {
		return err;
	}
	struct sw_buf path;
	sw_buf_init(&path, PATH_BYTES_MAX);
	sw_buf_printf(&path, "/v1/projects/%s/messages:send", provider->account.project_id);
	req->method = "POST";
	req->path = sw_arena_copy(arena, sw_buf_bytes(&path));
	sw_buf_release(&path);
	/* A copy: the token may be renewed while this request waits for a stream. */
	struct sw_bytes authorization = sw_arena_copy(arena, sw_bytes_str(provider->authorization));
	sw_http_request_add(req, "authorization", authorization, false);
	sw_http_request_add(req, "content-type", sw_bytes_str("application/json; charset=UTF-8"), false);
	return SW_OK;
}

const struct sw_provider_ops sw_provider_fcm = {
	.name = "fcm",
	.transport = SW_TRANSPORT_H2,
	.known_keys = known_keys,
	.open = on_open,
	.close = on_close,
	.reload = sw_fcm_credential_load,
	.check_token = on_check_token,
	.serves_app = on_serves_app,
	.credential_state = sw_fcm_credential_state,
	.credential_request = sw_fcm_credential_request,
	.credential_response = sw_fcm_credential_response,
	.credential_refused = sw_fcm_credential_refused,
	.encode = on_encode,
	.classify = sw_fcm_classify,
};
