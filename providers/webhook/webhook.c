/* SPDX-License-Identifier: Apache-2.0 */
/* Signed HTTP POSTs, after the convention "Standard Webhooks": configuration, tokens and requests. Opens no connection:
 * the pusher owns sockets and policy.
 *
 * With a `url` everything goes to that one system of our own, and tokens are words of it; without one each device's token
 * is the URL of its receiver, so requests go to many origins, any of which may be a stranger's. */
#include "webhook_int.h"

#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <openssl/crypto.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_DEFAULT = 4, ANSWER_TIMEOUT_MS = 15 * 1000, ID_HEX = 32 };

static const char *const known_keys[] = {"url",         "secret_file", "apps",
					 "ca_file",     "cert_file",   "key_file",
					 "connections", "origins",     "allow_private_addresses",
					 NULL};

/* ---- configuration ---- */

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

static int read_url(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	const char *text = sw_provider_text(config, "url", NULL);
	if (!text) {
		return SW_OK;
	}
	provider->own_system = true;
	if (!sw_url_read(sw_bytes_str(text), &provider->url) ||
	    (provider->url.plain && !is_loopback(provider->url.host))) {
		return sw_provider_expected(
			config, "url", "https://HOST/PATH, or http towards this machine, without user and fragment",
			diag_out);
	}
	provider->endpoint.host = provider->url.host;
	provider->endpoint.port = provider->url.port;
	provider->endpoint.plain = provider->url.plain;
	return SW_OK;
}

static int read_pem(const struct sw_provider_config *config, const char *key, const char **path_out,
		    struct sw_diag *diag_out)
{
	*path_out = sw_provider_text(config, key, NULL);
	return !*path_out || access(*path_out, R_OK) == 0
		     ? SW_OK
		     : sw_provider_expected(config, key, "a readable file (PEM)", diag_out);
}

static int read_endpoint(const struct sw_provider_config *config, struct sw_endpoint *endpoint,
			 struct sw_diag *diag_out)
{
	*endpoint = (struct sw_endpoint){.connections_max = CONNECTIONS_DEFAULT,
					 .answer_timeout_ms = ANSWER_TIMEOUT_MS};
	int err = read_pem(config, "ca_file", &endpoint->ca_file, diag_out);
	err = err ? err : read_pem(config, "cert_file", &endpoint->cert_file, diag_out);
	err = err ? err : read_pem(config, "key_file", &endpoint->key_file, diag_out);
	if (!err && !endpoint->cert_file != !endpoint->key_file) {
		return sw_provider_expected(config, "cert_file", "both of cert_file and key_file, or none", diag_out);
	}
	return err ? err
		   : sw_provider_number(config, "connections", SW_PROVIDER_CONNECTIONS_LIMIT,
					&endpoint->connections_max, diag_out);
}

static int read_config(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	int origins = SW_ORIGINS_DEFAULT;
	bool allow_private = false;
	provider->instance = config->instance;
	provider->secret_file = sw_provider_text(config, "secret_file", NULL);
	if (!provider->secret_file) {
		return sw_provider_expected(config, "secret_file", "the path of a file with one or two lines whsec_…",
					    diag_out);
	}
	int err = sw_provider_apps(config, &provider->apps, diag_out);
	err = err ? err : read_endpoint(config, &provider->endpoint, diag_out);
	err = err ? err : read_url(config, provider, diag_out);
	err = err ? err : sw_provider_number(config, "origins", SW_ORIGINS_LIMIT, &origins, diag_out);
	err = err ? err : sw_provider_flag(config, "allow_private_addresses", &allow_private, diag_out);
	provider->endpoint.public_only = !provider->own_system && !allow_private;
	provider->origins = (struct sw_origins){.max = (size_t)origins, .origin_bytes = sizeof(struct sw_origin)};
	return err;
}

static void on_close(struct sw_provider *provider)
{
	if (!provider) {
		return;
	}
	sw_origins_release(&provider->origins);
	OPENSSL_cleanse(&provider->secrets, sizeof(provider->secrets));
	sw_buf_release(&provider->scratch);
	free(provider);
}

static int on_open(const struct sw_provider_config *config, struct sw_provider **provider_out, struct sw_diag *diag_out)
{
	struct sw_provider *provider = sw_xcalloc(1, sizeof(*provider));
	sw_buf_init(&provider->scratch, SW_WEBHOOK_BODY_MAX);
	int err = read_config(config, provider, diag_out);
	err = err ? err : sw_webhook_secrets_load(provider, diag_out);
	if (err) {
		on_close(provider);
		return err;
	}
	*provider_out = provider;
	return SW_OK;
}

/* ---- tokens ---- */

static int check_word(struct sw_bytes token, struct sw_diag *diag_out)
{
	return sw_push_token_is_word(token, SW_WEBHOOK_TOKEN_MAX)
		     ? SW_OK
		     : sw_diag_set(
			       diag_out, SW_EINVAL,
			       "webhook token: expected 1 to %d printable ASCII characters, no space, quote, backslash",
			       SW_WEBHOOK_TOKEN_MAX);
}

static int read_token_url(struct sw_bytes token, struct sw_url *url_out, struct sw_diag *diag_out)
{
	if (token.len <= SW_WEBHOOK_TOKEN_MAX && sw_url_read(token, url_out) && !url_out->plain) {
		return SW_OK;
	}
	return sw_diag_set(diag_out, SW_EINVAL,
			   "webhook token: expected https://HOST/PATH of at most %d bytes, without user and fragment",
			   SW_WEBHOOK_TOKEN_MAX);
}

/* A URL is a word too. */
static int on_check_token(struct sw_bytes token, struct sw_diag *diag_out)
{
	return check_word(token, diag_out);
}

static int on_check_token_for(const struct sw_provider_config *config, struct sw_bytes token, struct sw_diag *diag_out)
{
	struct sw_url url;
	return sw_provider_text(config, "url", NULL) ? check_word(token, diag_out)
						     : read_token_url(token, &url, diag_out);
}

/* ---- requests ---- */

static bool on_serves_app(const struct sw_provider *provider, struct sw_bytes app)
{
	return sw_provider_serves(provider->apps, app);
}

/* The secrets are what they are until somebody changes the file. */
static enum sw_credential_state on_credential_state(struct sw_provider *provider, int64_t now_ms)
{
	(void)provider;
	(void)now_ms;
	return SW_CREDENTIAL_READY;
}

static void on_credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	(void)provider;
	(void)now_ms;
}

/* Where to: endpoint and path of the request. */
static int take_target(struct sw_provider *provider, struct sw_bytes token, struct sw_arena *arena,
		       struct sw_send *send, struct sw_diag *diag_out)
{
	if (provider->own_system) {
		send->endpoint = &provider->endpoint;
		send->as.http.path = sw_bytes_str(provider->url.path);
		return check_word(token, diag_out);
	}
	struct sw_url url;
	struct sw_origin *origin = NULL;
	int err = read_token_url(token, &url, diag_out);
	err = err ? err : sw_origins_take(&provider->origins, &url, &provider->endpoint, &origin, diag_out);
	if (err) {
		return err;
	}
	send->endpoint = &origin->endpoint;
	send->as.http.path = sw_arena_copy(arena, sw_bytes_str(url.path));
	return SW_OK;
}

static struct sw_bytes hex_of(const uint8_t id[16], struct sw_arena *arena)
{
	char text[ID_HEX + 1];
	for (size_t i = 0; i < ID_HEX / 2; i++) {
		snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x", id[i]);
	}
	return sw_arena_copy(arena, sw_bytes(text, ID_HEX));
}

static void add_headers(const struct sw_provider *provider, struct sw_bytes id, int64_t now_ms, struct sw_arena *arena,
			struct sw_http_request *req)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%lld", (long long)(now_ms / 1000));
	struct sw_bytes timestamp = sw_arena_copy(arena, sw_bytes(text, (size_t)len));
	struct sw_bytes signature = sw_webhook_sign(&provider->secrets, id, timestamp, req->body, arena);
	sw_http_request_add(req, "content-type", sw_bytes_str("application/json"), false);
	sw_http_request_add(req, "user-agent", sw_bytes_str("surewire"), false);
	sw_http_request_add(req, "webhook-id", id, true);
	sw_http_request_add(req, "webhook-timestamp", timestamp, true);
	sw_http_request_add(req, "webhook-signature", signature, true);
}

/* NOLINTNEXTLINE(readability-function-size): the shape of provider.h */
static int on_encode(struct sw_provider *provider, const struct sw_push_target *target,
		     const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		     struct sw_send *send_out, struct sw_diag *diag_out)
{
	if (!on_serves_app(provider, target->app)) {
		return sw_diag_set(diag_out, SW_EINVAL, "app: expected one of apps of [push.%s]", provider->instance);
	}
	*send_out = (struct sw_send){.endpoint = NULL};
	struct sw_http_request *req = &send_out->as.http;
	struct sw_webhook_message message = {hex_of(notification->id, arena), target, notification};
	int err = sw_webhook_payload(provider, &message, arena, diag_out);
	err = err ? err : take_target(provider, target->token, arena, send_out, diag_out);
	if (err) {
		return err;
	}
	req->method = "POST";
	req->body = sw_arena_copy(arena, sw_buf_bytes(&provider->scratch));
	add_headers(provider, message.id, now_ms, arena, req);
	return SW_OK;
}

static const struct sw_endpoint *on_endpoint_retired(struct sw_provider *provider)
{
	return sw_origins_retired(&provider->origins);
}

static void on_endpoint_closed(struct sw_provider *provider, const struct sw_endpoint *endpoint)
{
	sw_origins_closed(&provider->origins, endpoint);
}

const struct sw_provider_ops sw_provider_webhook = {
	.name = "webhook",
	.transport = SW_TRANSPORT_HTTP,
	.shared_tokens = true,
	.known_keys = known_keys,
	.open = on_open,
	.close = on_close,
	.reload = sw_webhook_secrets_load,
	.check_token = on_check_token,
	.check_token_for = on_check_token_for,
	.check_app_for = sw_provider_check_app,
	.serves_app = on_serves_app,
	.credential_state = on_credential_state,
	.credential_refused = on_credential_refused,
	.encode = on_encode,
	.classify = sw_webhook_classify,
	.endpoint_retired = on_endpoint_retired,
	.endpoint_closed = on_endpoint_closed,
};
