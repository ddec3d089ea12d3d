/* SPDX-License-Identifier: Apache-2.0 */
/* Apple Push Notification service: configuration, token form, requests ("Sending notification requests to APNs").
 * Opens no connection: the pusher owns sockets and policy. */
#include "apns_int.h"

#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TOPIC_MAX_BYTES = 155,
	CONNECTIONS_DEFAULT = 2,
	CONNECTIONS_LIMIT = 64,
	PING_INTERVAL_MS = 10 * 1000,
	ANSWER_TIMEOUT_MS = 30 * 1000,
};

static const char *const known_keys[] = {"key_file", "key_id",      "team_id", "cert_file",    "cert_key_file",
					 "topics",   "host",        "port",    "sandbox_host", "sandbox_port",
					 "ca_file",  "connections", NULL};

/* ---- configuration ---- */

/* Host names and addresses as they go into a request; no scheme, no port. */
static bool is_host(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_");
	return len > 0 && len <= 253 && text[len] == '\0' && !strstr(text, "://");
}

static int read_endpoint(const struct sw_provider_config *config, const char *host_key, const char *port_key,
			 struct sw_endpoint *endpoint, struct sw_diag *diag_out)
{
	int port = 443;
	endpoint->host = sw_provider_text(config, host_key, endpoint->host);
	if (!is_host(endpoint->host)) {
		return sw_provider_expected(config, host_key, "a host name without scheme, port and path", diag_out);
	}
	endpoint->ca_file = sw_provider_text(config, "ca_file", NULL);
	if (endpoint->ca_file && access(endpoint->ca_file, R_OK) != 0) {
		return sw_provider_expected(config, "ca_file", "a readable file of certificates (PEM)", diag_out);
	}
	endpoint->connections_max = CONNECTIONS_DEFAULT;
	/* Until a request with a valid token succeeded, APNs allows one; a certificate is good from the start. */
	endpoint->initial_streams_max = sw_provider_text(config, "cert_file", NULL) ? 0 : 1;
	endpoint->cert_file = sw_provider_text(config, "cert_file", NULL);
	endpoint->key_file = sw_provider_text(config, "cert_key_file", NULL);
	endpoint->ping_interval_ms = PING_INTERVAL_MS;
	endpoint->answer_timeout_ms = ANSWER_TIMEOUT_MS;
	int err = sw_provider_number(config, "connections", CONNECTIONS_LIMIT, &endpoint->connections_max, diag_out);
	err = err ? err : sw_provider_number(config, port_key, 65535, &port, diag_out);
	endpoint->port = (uint16_t)port;
	return err;
}

/* Key and team ids: ten capital letters and digits. */
static int read_id(const struct sw_provider_config *config, const char *key, const char **id_out,
		   struct sw_diag *diag_out)
{
	const char *id = sw_provider_text(config, key, "");
	if (strlen(id) != 10 || strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != 10) {
		return sw_provider_expected(config, key,
					    "ten capital letters and digits, from Apple's developer account", diag_out);
	}
	*id_out = id;
	return SW_OK;
}

static bool is_topic_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

bool sw_apns_is_topic(struct sw_bytes topic)
{
	for (size_t i = 0; i < topic.len; i++) {
		if (!is_topic_char(topic.ptr[i])) {
			return false;
		}
	}
	return topic.len > 0 && topic.len <= TOPIC_MAX_BYTES;
}

/* A certificate knows its topics. */
static int read_topics(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	provider->topics_text = sw_provider_text(config, "topics", "");
	struct sw_bytes rest = sw_bytes_str(provider->topics_text);
	struct sw_bytes topic;
	bool any = provider->cert_file;
	while (sw_provider_next_item(&rest, &topic)) {
		if (!sw_apns_is_topic(topic)) {
			return sw_provider_expected(config, "topics", "app bundle ids separated by commas", diag_out);
		}
		any = true;
	}
	return any ? SW_OK
		   : sw_provider_expected(config, "topics", "at least one app bundle id, e.g. org.example.chat",
					  diag_out);
}

/* A key with its ids, or a certificate: never both, for then one of them is not in force and nobody would know which. */
static int read_identity(const struct sw_provider_config *config, struct sw_provider *provider,
			 struct sw_diag *diag_out)
{
	static const char *const of_keys[] = {"key_file", "key_id", "team_id"};
	provider->key_file = sw_provider_text(config, "key_file", NULL);
	provider->cert_file = sw_provider_text(config, "cert_file", NULL);
	provider->cert_key_file = sw_provider_text(config, "cert_key_file", NULL);
	if (!provider->cert_file && provider->cert_key_file) {
		return sw_provider_expected(config, "cert_key_file", "cert_file beside it", diag_out);
	}
	for (size_t i = 0; provider->cert_file && i < sizeof(of_keys) / sizeof(of_keys[0]); i++) {
		if (sw_provider_text(config, of_keys[i], NULL)) {
			return sw_provider_expected(config, of_keys[i], "either a key or cert_file, not both",
						    diag_out);
		}
	}
	if (provider->cert_file) {
		return SW_OK;
	}
	if (!provider->key_file) {
		return sw_provider_expected(config, "key_file",
					    "the path of the .p8 key from Apple's developer account", diag_out);
	}
	int err = read_id(config, "key_id", &provider->key_id, diag_out);
	return err ? err : read_id(config, "team_id", &provider->team_id, diag_out);
}

static int read_config(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	struct sw_apns_hosts *hosts = provider->hosts;
	provider->instance = config->instance;
	hosts->production.host = "api.push.apple.com";
	hosts->sandbox.host = "api.sandbox.push.apple.com";
	int err = read_identity(config, provider, diag_out);
	err = err ? err : read_topics(config, provider, diag_out);
	err = err ? err : read_endpoint(config, "host", "port", &hosts->production, diag_out);
	err = err ? err : read_endpoint(config, "sandbox_host", "sandbox_port", &hosts->sandbox, diag_out);
	return err;
}

static void on_close(struct sw_provider *provider)
{
	if (!provider) {
		return;
	}
	sw_apns_credential_release(provider);
	sw_apns_certificate_release(provider);
	sw_apns_hosts_release(provider);
	sw_buf_release(&provider->scratch);
	free(provider);
}

static int on_open(const struct sw_provider_config *config, struct sw_provider **provider_out, struct sw_diag *diag_out)
{
	struct sw_provider *provider = sw_xcalloc(1, sizeof(*provider));
	provider->hosts = sw_xcalloc(1, sizeof(*provider->hosts));
	sw_buf_init(&provider->scratch, SW_APNS_PAYLOAD_MAX);
	int err = read_config(config, provider, diag_out);
	err = err ? err : sw_apns_credential_load(provider, diag_out);
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
	bool good = token.len > 0 && token.len % 2 == 0 && token.len <= SW_APNS_TOKEN_MAX;
	for (size_t i = 0; good && i < token.len; i++) {
		uint8_t c = token.ptr[i];
		good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
	}
	if (!good) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "APNs token: expected an even number of lower case hex digits, at most %d",
				   SW_APNS_TOKEN_MAX);
	}
	return SW_OK;
}

/* Those of the section, or else the certificate's. */
static struct sw_bytes topics_of(const struct sw_provider *provider)
{
	return sw_bytes_str(*provider->topics_text ? provider->topics_text : provider->certificate.topics);
}

/* The topic for an app; empty when this account has none. A certificate lists those with suffixes behind the app's. */
static struct sw_bytes topic_of(const struct sw_provider *provider, struct sw_bytes app)
{
	struct sw_bytes rest = topics_of(provider);
	struct sw_bytes topic;
	size_t count = 0;
	struct sw_bytes first = {NULL, 0};
	while (sw_provider_next_item(&rest, &topic)) {
		if (sw_bytes_equal(topic, app)) {
			return topic;
		}
		first = count++ ? first : topic;
	}
	bool only = count == 1 || (count > 1 && !*provider->topics_text);
	return app.len == 0 && only ? first : (struct sw_bytes){NULL, 0};
}

static bool on_serves_app(const struct sw_provider *provider, struct sw_bytes app)
{
	return topic_of(provider, app).len > 0;
}

/* What topics a certificate has is not in the section: then the pusher says it. */
static int on_check_app_for(const struct sw_provider_config *config, struct sw_bytes app, struct sw_diag *diag_out)
{
	struct sw_bytes topics = sw_bytes_str(sw_provider_text(config, "topics", ""));
	return sw_provider_serves(topics, app)
		     ? SW_OK
		     : sw_diag_set(diag_out, SW_EINVAL, "app: expected one of topics of [push.%s]", config->instance);
}

static struct sw_bytes uuid_text(const uint8_t id[16], struct sw_arena *arena)
{
	char *text = sw_arena_alloc(arena, SW_APNS_UUID_LEN + 1);
	char *to = text;
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			*to++ = '-';
		}
		*to++ = "0123456789abcdef"[id[i] >> 4];
		*to++ = "0123456789abcdef"[id[i] & 15];
	}
	*to = '\0';
	return sw_bytes(text, SW_APNS_UUID_LEN);
}

/* Without a value of its own an alert collapses with its own repetitions: a send whose answer was lost is sent again,
 * and the device then shows it once. */
static struct sw_bytes collapse_id(const struct sw_notification *n, const struct sw_apns_push_type *type,
				   struct sw_bytes uuid)
{
	return n->collapse.len || type->shows != SW_APNS_SHOWS_MUST ? n->collapse : uuid;
}

/* Seconds. 0 is "now or never", which is what is left to one that expires within this second. */
static struct sw_bytes expiration(int64_t expires_at_ms, int64_t now_ms, struct sw_arena *arena)
{
	char text[24];
	int64_t seconds = expires_at_ms / 1000;
	int len = snprintf(text, sizeof(text), "%lld", (long long)(seconds > now_ms / 1000 ? seconds : 0));
	return sw_arena_copy(arena, sw_bytes(text, (size_t)len));
}

/* The two runs one behind the other. */
static struct sw_bytes joined(struct sw_bytes a, struct sw_bytes b, struct sw_arena *arena)
{
	uint8_t *text = sw_arena_alloc(arena, a.len + b.len + 1);
	memcpy(text, a.ptr, a.len);
	memcpy(text + a.len, b.ptr, b.len);
	return sw_bytes(text, a.len + b.len);
}

/* What a request is made of beside its body. */
struct parts {
	const struct sw_notification *notification;
	const struct sw_apns_push_type *type;
	struct sw_bytes topic;
	int64_t now_ms;
};

/* Headers that change with every request stay out of the small table that Apple keeps for HPACK. */
static void add_headers(struct sw_provider *provider, const struct parts *parts, struct sw_arena *arena,
			struct sw_http_request *req)
{
	const struct sw_notification *n = parts->notification;
	const struct sw_apns_push_type *type = parts->type;
	struct sw_bytes uuid = uuid_text(n->id, arena);
	struct sw_bytes collapse = collapse_id(n, type, uuid);
	/* A copy: the token may be renewed while this request waits for a stream. */
	if (provider->authorization) {
		struct sw_bytes authorization = sw_arena_copy(arena, sw_bytes_str(provider->authorization));
		sw_http_request_add(req, "authorization", authorization, false);
	}
	sw_http_request_add(req, "apns-topic", parts->topic, false);
	sw_http_request_add(req, "apns-push-type", sw_bytes_str(type->name), false);
	const char *priority = sw_apns_priority(type, sw_notification_priority(n));
	sw_http_request_add(req, "apns-priority", sw_bytes_str(priority), false);
	if (type->once || n->expires_at_ms > 0) {
		int64_t expires_at_ms = type->once ? 0 : n->expires_at_ms;
		sw_http_request_add(req, "apns-expiration", expiration(expires_at_ms, parts->now_ms, arena), true);
	}
	if (collapse.len) {
		sw_http_request_add(req, "apns-collapse-id", collapse, true);
	}
	sw_http_request_add(req, "apns-id", uuid, true);
}

/* NOLINTNEXTLINE(readability-function-size): the shape of provider.h */
static int on_encode(struct sw_provider *provider, const struct sw_push_target *target,
		     const struct sw_notification *notification, int64_t now_ms, struct sw_arena *arena,
		     struct sw_send *send_out, struct sw_diag *diag_out)
{
	struct parts parts = {notification, NULL, topic_of(provider, target->app), now_ms};
	if (parts.topic.len == 0) {
		return sw_diag_set(diag_out, SW_EINVAL, "app: expected one of topics of [push.%s]", provider->instance);
	}
	struct sw_http_request *req = &send_out->as.http;
	const struct sw_apns_hosts *hosts = provider->hosts;
	*send_out = (struct sw_send){.endpoint = target->sandbox ? &hosts->sandbox : &hosts->production};
	int err = on_check_token(target->token, diag_out);
	err = err ? err : sw_apns_push_type(notification, &parts.type, diag_out);
	if (err) {
		return err;
	}
	parts.topic = joined(parts.topic, sw_bytes_str(parts.type->topic_suffix), arena);
	const struct sw_apns_job job = {notification, parts.type, now_ms};
	err = sw_apns_payload(&provider->scratch, &job, arena, &req->body, diag_out);
	if (!err && provider->cert_file) {
		err = sw_apns_certificate_check(provider, parts.type, parts.topic, now_ms, diag_out);
	} else if (!err) {
		err = sw_apns_credential_ensure(provider, now_ms, diag_out);
	}
	if (err) {
		return err;
	}
	req->method = "POST";
	req->path = joined(sw_bytes_str("/3/device/"), target->token, arena);
	add_headers(provider, &parts, arena, req);
	return SW_OK;
}

const struct sw_provider_ops sw_provider_apns = {
	.name = "apns",
	.transport = SW_TRANSPORT_H2,
	.clears = true,
	.known_keys = known_keys,
	.open = on_open,
	.close = on_close,
	.reload = sw_apns_credential_load,
	.check_token = on_check_token,
	.check_app_for = on_check_app_for,
	.serves_app = on_serves_app,
	.credential_state = sw_apns_credential_state,
	.credential_refused = sw_apns_credential_refused,
	.encode = on_encode,
	.classify = sw_apns_classify,
	.endpoint_retired = sw_apns_endpoint_retired,
	.endpoint_closed = sw_apns_endpoint_closed,
};
