/* SPDX-License-Identifier: Apache-2.0 */
/* Web Push (RFC 8030) to browsers: configuration and requests. Opens no connection: the pusher owns sockets and policy.
 * Subscriptions name their push service themselves, so requests go to many origins. */
#include "webpush_int.h"

#include <surewire/b64url.h>
#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CONNECTIONS_DEFAULT = 1,
	ANSWER_TIMEOUT_MS = 30 * 1000,
	TTL_MAX_S = 28 * 24 * 3600, /* Google keeps a push for four weeks, Apple and Mozilla for 30 days */
	TOPIC_MAX = 32,
	DIGEST_BYTES = 32,
	DIGEST_TEXT = 43,
};

static const char *const known_keys[] = {
	"key_file", "subject", "apps", "ca_file", "connections", "origins", "allow_private_addresses", NULL};

/* ---- configuration ---- */

static int read_endpoint(const struct sw_provider_config *config, struct sw_endpoint *endpoint,
			 struct sw_diag *diag_out)
{
	bool allow_private = false;
	*endpoint = (struct sw_endpoint){
		.ca_file = sw_provider_text(config, "ca_file", NULL),
		.connections_max = CONNECTIONS_DEFAULT,
		.answer_timeout_ms = ANSWER_TIMEOUT_MS,
	};
	if (endpoint->ca_file && access(endpoint->ca_file, R_OK) != 0) {
		return sw_provider_expected(config, "ca_file", "a readable file of certificates (PEM)", diag_out);
	}
	int err = sw_provider_flag(config, "allow_private_addresses", &allow_private, diag_out);
	endpoint->public_only = !allow_private;
	return err ? err
		   : sw_provider_number(config, "connections", SW_PROVIDER_CONNECTIONS_LIMIT,
					&endpoint->connections_max, diag_out);
}

/* RFC 8292, 2.1: where the operator of a push service finds us. It goes into JSON. */
static bool is_subject(const char *text)
{
	bool mail = strncmp(text, "mailto:", 7) == 0 && strchr(text + 7, '@') > text + 7;
	bool page = strncmp(text, "https://", 8) == 0 && text[8] != '\0';
	for (const char *c = text; *c; c++) {
		if (*c <= 0x20 || *c >= 0x7f || *c == '"' || *c == '\\') {
			return false;
		}
	}
	return (mail || page) && strlen(text) <= 256;
}

static void drop_origin(struct sw_origin *origin)
{
	struct sw_webpush_origin *service = (struct sw_webpush_origin *)origin;
	sw_webpush_vapid_forget(service);
	free(service);
}

static int read_config(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	int origins = SW_ORIGINS_DEFAULT;
	provider->instance = config->instance;
	provider->key_file = sw_provider_text(config, "key_file", NULL);
	provider->subject = sw_provider_text(config, "subject", "");
	if (!provider->key_file) {
		return sw_provider_expected(config, "key_file", "the path of the VAPID key, an EC P-256 key (PEM)",
					    diag_out);
	}
	if (!is_subject(provider->subject)) {
		return sw_provider_expected(config, "subject", "mailto:ADDRESS or https://PAGE of whoever runs this",
					    diag_out);
	}
	int err = sw_provider_apps(config, &provider->apps, diag_out);
	err = err ? err : read_endpoint(config, &provider->endpoint, diag_out);
	err = err ? err : sw_provider_number(config, "origins", SW_ORIGINS_LIMIT, &origins, diag_out);
	provider->origins = (struct sw_origins){
		.max = (size_t)origins, .origin_bytes = sizeof(struct sw_webpush_origin), .drop = drop_origin};
	return err;
}

static void on_close(struct sw_provider *provider)
{
	if (!provider) {
		return;
	}
	sw_origins_release(&provider->origins);
	sw_webpush_vapid_release(provider);
	sw_buf_release(&provider->scratch);
	free(provider);
}

static int on_open(const struct sw_provider_config *config, struct sw_provider **provider_out, struct sw_diag *diag_out)
{
	struct sw_provider *provider = sw_xcalloc(1, sizeof(*provider));
	sw_buf_init(&provider->scratch, SW_WEBPUSH_PLAIN_MAX);
	int err = read_config(config, provider, diag_out);
	err = err ? err : sw_webpush_vapid_load(provider, diag_out);
	if (err) {
		on_close(provider);
		return err;
	}
	*provider_out = provider;
	return SW_OK;
}

/* ---- requests ---- */

static bool on_serves_app(const struct sw_provider *provider, struct sw_bytes app)
{
	return sw_provider_serves(provider->apps, app);
}

/* Each origin has a token of its own, signed when it is needed: one that is refused holds up no other. */
static enum sw_credential_state on_credential_state(struct sw_provider *provider, int64_t now_ms)
{
	(void)provider;
	(void)now_ms;
	return SW_CREDENTIAL_READY;
}

/* Which origin refused is not said here: classify has seen to it. */
static void on_credential_refused(struct sw_provider *provider, int64_t now_ms)
{
	(void)provider;
	(void)now_ms;
}

static bool is_topic(struct sw_bytes text)
{
	return text.len > 0 && text.len <= TOPIC_MAX && sw_b64url_is_text(text);
}

/* A push of the same topic replaces one that the service still keeps (RFC 8030, 5.4). Without a collapse value an alert
 * replaces its own repetitions. What is no topic becomes one by its hash. */
static struct sw_bytes topic_of(const struct sw_notification *n, struct sw_arena *arena)
{
	if (n->collapse.len == 0 && n->kind == SW_PUSH_SILENT) {
		return n->collapse;
	}
	char hex[SW_NOTIFICATION_HEX_BYTES];
	struct sw_bytes tag = sw_notification_tag(n, hex);
	if (is_topic(tag)) {
		return sw_arena_copy(arena, tag);
	}
	uint8_t digest[DIGEST_BYTES] = {0};
	char text[DIGEST_TEXT + 1];
	(void)!EVP_Digest(tag.ptr, tag.len, digest, NULL, EVP_sha256(), NULL);
	sw_b64url_encode_to(sw_bytes(digest, sizeof(digest)), text);
	return sw_arena_copy(arena, sw_bytes(text, TOPIC_MAX));
}

/* Seconds that are left; 0 is "now or never" (RFC 8030, 5.2). */
static struct sw_bytes ttl_of(const struct sw_notification *n, int64_t now_ms, struct sw_arena *arena)
{
	char text[16];
	int64_t left_s = TTL_MAX_S;
	if (n->expires_at_ms > 0) {
		left_s = n->expires_at_ms > now_ms ? (n->expires_at_ms - now_ms) / 1000 : 0;
	}
	int len = snprintf(text, sizeof(text), "%d", left_s > TTL_MAX_S ? TTL_MAX_S : (int)left_s);
	return sw_arena_copy(arena, sw_bytes(text, (size_t)len));
}

static const char *urgency_of(const struct sw_notification *n)
{
	return n->kind == SW_PUSH_SILENT ? "low" : n->urgent ? "high" : "normal";
}

static int encrypt(const struct sw_webpush_subscription *sub, struct sw_bytes plain, struct sw_arena *arena,
		   struct sw_bytes *body_out, struct sw_diag *diag_out)
{
	struct sw_webpush_fresh fresh = {.key = NULL};
	int err = sw_webpush_fresh_make(&fresh, diag_out);
	if (err) {
		return err;
	}
	err = sw_webpush_encrypt(sub, &fresh, plain, arena, body_out);
	sw_webpush_fresh_release(&fresh);
	return err ? sw_diag_set(diag_out, err, "Web Push subscription: its key cannot be used") : SW_OK;
}

static void add_headers(struct sw_http_request *req, const struct sw_notification *n, int64_t now_ms,
			struct sw_arena *arena)
{
	struct sw_bytes topic = topic_of(n, arena);
	sw_http_request_add(req, "ttl", ttl_of(n, now_ms, arena), false);
	sw_http_request_add(req, "urgency", sw_bytes_str(urgency_of(n)), false);
	if (topic.len) {
		sw_http_request_add(req, "topic", topic, true);
	}
	sw_http_request_add(req, "content-type", sw_bytes_str("application/octet-stream"), false);
	sw_http_request_add(req, "content-encoding", sw_bytes_str("aes128gcm"), false);
}

/* NOLINTNEXTLINE(readability-function-size): the shape of provider.h */
static int on_encode(struct sw_provider *provider, const struct sw_push_target *target,
		     const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		     struct sw_send *send_out, struct sw_diag *diag_out)
{
	struct sw_webpush_subscription sub;
	struct sw_origin *origin = NULL;
	if (!on_serves_app(provider, target->app)) {
		return sw_diag_set(diag_out, SW_EINVAL, "app: expected one of apps of [push.%s]", provider->instance);
	}
	*send_out = (struct sw_send){.endpoint = NULL};
	struct sw_http_request *req = &send_out->as.http;
	int err = sw_webpush_subscription_read(target->token, &sub, diag_out);
	err = err ? err : sw_webpush_payload(provider, notification, arena, diag_out);
	err = err ? err : encrypt(&sub, sw_buf_bytes(&provider->scratch), arena, &req->body, diag_out);
	err = err ? err : sw_origins_take(&provider->origins, &sub.url, &provider->endpoint, &origin, diag_out);
	struct sw_webpush_origin *service = (struct sw_webpush_origin *)origin;
	err = err ? err : sw_webpush_vapid_ensure(provider, service, now_ms, diag_out);
	if (err) {
		return err;
	}
	send_out->endpoint = &origin->endpoint;
	req->method = "POST";
	req->path = sw_arena_copy(arena, sw_bytes_str(sub.url.path));
	/* A copy: the token may be renewed while this request waits for a stream. */
	struct sw_bytes authorization = sw_arena_copy(arena, sw_bytes_str(service->authorization));
	sw_http_request_add(req, "authorization", authorization, false);
	add_headers(req, notification, now_ms, arena);
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

const struct sw_provider_ops sw_provider_webpush = {
	.name = "webpush",
	.transport = SW_TRANSPORT_H2,
	.clears = true,
	.known_keys = known_keys,
	.open = on_open,
	.close = on_close,
	.reload = sw_webpush_vapid_load,
	.check_token = sw_webpush_check_token,
	.check_app_for = sw_provider_check_app,
	.serves_app = on_serves_app,
	.credential_state = on_credential_state,
	.credential_refused = on_credential_refused,
	.encode = on_encode,
	.classify = sw_webpush_classify,
	.endpoint_retired = on_endpoint_retired,
	.endpoint_closed = on_endpoint_closed,
};
