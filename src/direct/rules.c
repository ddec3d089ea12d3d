/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/rules.h"

#include <surewire/provider_config.h>

#include <string.h>

enum { NAME_BYTES_MAX = 64, APP_BYTES_MAX = 256, MEASURE_BYTES_MAX = 64 << 10, SHOWN_MAX = 65 };

bool sw_topic_is_valid(struct sw_bytes topic)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
	for (size_t i = 0; i < topic.len; i++) {
		if (!memchr(allowed, topic.ptr[i], sizeof(allowed) - 1)) {
			return false;
		}
	}
	return topic.len > 0 && topic.len <= SW_TOPIC_BYTES_MAX;
}

const struct sw_direct_provider *sw_direct_provider_find(const struct sw_direct_rules *rules, struct sw_bytes name)
{
	for (size_t i = 0; i < rules->provider_count; i++) {
		if (sw_bytes_equal_str(name, rules->providers[i].name)) {
			return &rules->providers[i];
		}
	}
	return NULL;
}

int sw_direct_text(const json_t *object, const char *name, size_t bytes_max, struct sw_arena *arena,
		   struct sw_bytes *text_out)
{
	const json_t *value = json_object_get(object, name);
	*text_out = (struct sw_bytes){NULL, 0};
	if (!value) {
		return SW_OK;
	}
	if (!json_is_string(value) || json_string_length(value) > bytes_max) {
		return SW_EINVAL;
	}
	struct sw_bytes text = sw_bytes(json_string_value(value), json_string_length(value));
	*text_out = text.len ? sw_arena_copy(arena, text) : sw_bytes("", 0);
	return SW_OK;
}

/* ---- addresses ---- */

static int check_token(const struct sw_direct_rules *rules, const struct sw_direct_address *address,
		       struct sw_diag *diag_out)
{
	const struct sw_direct_provider *provider = sw_direct_provider_find(rules, address->provider);
	if (!provider) {
		return sw_diag_set(diag_out, SW_EINVAL, "provider: expected one that this server is configured for");
	}
	int err = sw_provider_check_address(provider->ops, provider->config, address->token, address->app, diag_out);
	return err ? sw_diag_set(diag_out, SW_EINVAL, "token: not one of this provider") : SW_OK;
}

struct member {
	const char *name;
	size_t bytes_max;
	struct sw_bytes *text;
};

static int take_texts(const json_t *object, struct member *members, struct sw_arena *arena, struct sw_diag *diag_out)
{
	for (struct member *m = members; m->name; m++) {
		if (sw_direct_text(object, m->name, m->bytes_max, arena, m->text) != SW_OK) {
			return sw_diag_set(diag_out, SW_EINVAL, "%s: expected a text of at most %zu bytes", m->name,
					   m->bytes_max);
		}
	}
	return SW_OK;
}

static int refuse_unknown(const json_t *object, bool token, struct sw_diag *diag_out)
{
	static const char *const of_user[] = {"user", "device", NULL};
	static const char *const of_token[] = {"token", "provider", "app", "sandbox", NULL};
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)object, name, value) {
		const char *const *known = token ? of_token : of_user;
		while (*known && strcmp(*known, name) != 0) {
			known++;
		}
		if (!*known) {
			char shown[SHOWN_MAX];
			sw_bytes_printable(sw_bytes_str(name), shown, sizeof(shown));
			return sw_diag_set(diag_out, SW_EINVAL, "%s: expected only %s", shown,
					   token ? "token, provider, app and sandbox" : "user and device");
		}
	}
	return SW_OK;
}

int sw_direct_address_read(const struct sw_direct_rules *rules, const json_t *object, struct sw_arena *arena,
			   struct sw_direct_address *a, struct sw_diag *diag_out)
{
	*a = (struct sw_direct_address){0};
	struct member members[] = {
		{"user", NAME_BYTES_MAX, &a->user},
		{"device", NAME_BYTES_MAX, &a->device},
		{"provider", NAME_BYTES_MAX, &a->provider},
		{"app", APP_BYTES_MAX, &a->app},
		{"token", SW_DIRECT_TOKEN_BYTES_MAX, &a->token},
		{NULL, 0, NULL},
	};
	const json_t *sandbox = json_object_get(object, "sandbox");
	bool token = json_object_get(object, "token") != NULL;
	if (!json_is_object(object)) {
		return sw_diag_set(diag_out, SW_EINVAL, "expected an object with a user or a token");
	}
	int err = take_texts(object, members, arena, diag_out);
	err = err ? err : refuse_unknown(object, token, diag_out);
	if (err) {
		return err;
	}
	if (!token && a->user.len == 0) {
		return sw_diag_set(diag_out, SW_EINVAL, "user: expected a name");
	}
	if (a->device.ptr && a->device.len == 0) {
		return sw_diag_set(diag_out, SW_EINVAL, "device: expected a name");
	}
	if (sandbox && !json_is_boolean(sandbox)) {
		return sw_diag_set(diag_out, SW_EINVAL, "sandbox: expected true or false");
	}
	a->sandbox = json_is_true(sandbox);
	return token ? check_token(rules, a, diag_out) : SW_OK;
}

/* ---- size ---- */

/* Bytes of a message by the services' own documents: Apple's "Generating a remote notification", Firebase's "About FCM
 * messages", Huawei's "Push Kit, message body", RFC 8291 section 4 without the record's header and tag. */
static const struct {
	const char *service;
	size_t limit;
} limits[] = {{"apns", 4096}, {"fcm", 4096}, {"huawei", 4096}, {"webpush", 3993}};
enum { APNS_VOIP_MAX = 5120 };

static size_t limit_of(const struct sw_notification *n, const char *service)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (strcmp(limits[i].service, service) == 0) {
			bool voip = n->apple.type == SW_APPLE_VOIP && strcmp(service, "apns") == 0;
			return voip ? APNS_VOIP_MAX : limits[i].limit;
		}
	}
	return SIZE_MAX;
}

int sw_direct_check_size(const struct sw_notification *n, const struct sw_direct_provider *provider,
			 struct sw_diag *diag_out)
{
	size_t limit = limit_of(n, provider->ops->name);
	struct sw_buf buf;
	sw_buf_init(&buf, MEASURE_BYTES_MAX);
	sw_notification_put_data(n, &buf);
	if (strcmp(provider->ops->name, "webpush") != 0) {
		sw_notification_put_loc(&n->title_loc, "title-loc-key", "title-loc-args", &buf);
		sw_notification_put_loc(&n->body_loc, "loc-key", "loc-args", &buf);
	}
	if (strcmp(provider->ops->name, "apns") == 0) {
		sw_buf_put_bytes(&buf, n->apple.activity.content_state);
		sw_buf_put_bytes(&buf, n->apple.activity.attributes);
	}
	size_t size = buf.err ? MEASURE_BYTES_MAX : buf.len;
	sw_buf_release(&buf);
	return size <= limit
		     ? SW_OK
		     : sw_diag_set(diag_out, SW_ELIMIT,
				   "the notification: %zu bytes of data and arguments alone, of the %zu that %s takes",
				   size, limit, provider->name);
}
