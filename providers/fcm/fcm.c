/* SPDX-License-Identifier: Apache-2.0 */
/* Firebase Cloud Messaging, HTTP v1: configuration, token form, requests. Opens no connection: the pusher owns sockets
 * and policy. Never asks for pings: FCM answers frequent ones with GOAWAY ENHANCE_YOUR_CALM. */
#include "fcm_int.h"

#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <stdlib.h>

enum {
	CONNECTIONS_DEFAULT = 2,
	ANSWER_TIMEOUT_MS = 30 * 1000, /* FCM's own limit inside is 10 s: sooner would repeat what is under way */
	SCRATCH_BYTES_MAX = SW_FCM_PAYLOAD_MAX + 2 * SW_FCM_TOKEN_MAX,
	PATH_BYTES_MAX = 256,
};

static const char *const known_keys[] = {"service_account_file", "apps", "host", "port", "token_uri", "ca_file",
					 "connections",          NULL};

/* ---- configuration ---- */

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
	if (provider->token_uri && !sw_oauth_is_token_uri(provider->token_uri)) {
		return sw_provider_expected(config, "token_uri", "an https address, or http towards loopback",
					    diag_out);
	}
	provider->endpoint = (struct sw_endpoint){
		.host = "fcm.googleapis.com",
		.port = 443,
		.connections_max = CONNECTIONS_DEFAULT,
		.answer_timeout_ms = ANSWER_TIMEOUT_MS,
	};
	int err = sw_provider_apps(config, &provider->apps, diag_out);
	return err ? err : sw_provider_endpoint(config, &provider->endpoint, diag_out);
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

static int on_check_token(struct sw_bytes token, struct sw_diag *diag_out)
{
	if (!sw_push_token_is_word(token, SW_FCM_TOKEN_MAX)) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "FCM registration token: expected 1 to %d printable ASCII characters without blanks",
				   SW_FCM_TOKEN_MAX);
	}
	return SW_OK;
}

static bool on_serves_app(const struct sw_provider *provider, struct sw_bytes app)
{
	return sw_provider_serves(provider->apps, app);
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
	struct sw_fcm_job job = {target, notification, now_ms};
	int err = sw_oauth_authorize(&provider->token, arena, req, diag_out);
	err = err ? err : on_check_token(target->token, diag_out);
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
	sw_http_request_add(req, "content-type", sw_bytes_str("application/json; charset=UTF-8"), false);
	return SW_OK;
}

const struct sw_provider_ops sw_provider_fcm = {
	.name = "fcm",
	.transport = SW_TRANSPORT_H2,
	.clears = true,
	.known_keys = known_keys,
	.open = on_open,
	.close = on_close,
	.reload = sw_fcm_credential_load,
	.check_token = on_check_token,
	.check_app_for = sw_provider_check_app,
	.serves_app = on_serves_app,
	.credential_state = sw_fcm_credential_state,
	.credential_request = sw_fcm_credential_request,
	.credential_response = sw_fcm_credential_response,
	.credential_refused = sw_fcm_credential_refused,
	.encode = on_encode,
	.classify = sw_fcm_classify,
};
