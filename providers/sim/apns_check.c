/* SPDX-License-Identifier: Apache-2.0 */
/* One small function a rule, in the order in which they are looked at; the first that refuses decides. */
#include "sim/apns_check.h"

#include "sim/apns_payload.h"

#include <string.h>

enum { TOKEN_CHARS_MAX = 512, PAYLOAD_MAX = 4096, VOIP_PAYLOAD_MAX = 5120, PAYLOAD_DEPTH_MAX = 16 };

struct push_type {
	const char *name;
	const char *topic_suffix; /* NULL: the bundle id itself */
	size_t payload_max_bytes;
	const char *priorities; /* the digits allowed, '0' for 10 */
};

static const struct push_type push_types[] = {
	{"alert", NULL, PAYLOAD_MAX, "051"},
	{"background", NULL, PAYLOAD_MAX, "5"},
	{"voip", ".voip", VOIP_PAYLOAD_MAX, "0"},
	{"complication", ".complication", PAYLOAD_MAX, "051"},
	{"fileprovider", ".pushkit.fileprovider", PAYLOAD_MAX, "051"},
	{"mdm", NULL, PAYLOAD_MAX, "051"},
	{"location", ".location-query", PAYLOAD_MAX, "05"},
	{"liveactivity", ".push-type.liveactivity", PAYLOAD_MAX, "05"},
	{"pushtotalk", ".voip-ptt", PAYLOAD_MAX, "051"},
	{"widgets", ".push-type.widgets", PAYLOAD_MAX, "051"},
	{"controls", ".push-type.controls", PAYLOAD_MAX, "051"},
};

static const struct sw_sim_verdict fine = {200, NULL};

static struct sw_sim_verdict refuse(int status, const char *reason)
{
	return (struct sw_sim_verdict){status, reason};
}

struct sw_sim_verdict sw_sim_apns_check_path(const struct sw_sim_request *request, struct sw_bytes *token_out)
{
	static const char prefix[] = "/3/device/";
	struct sw_bytes path = sw_bytes_str(request->path);
	size_t prefix_len = sizeof(prefix) - 1;
	if (path.len < prefix_len || memcmp(path.ptr, prefix, prefix_len) != 0) {
		return refuse(404, "BadPath");
	}
	if (strcmp(request->method, "POST") != 0) {
		return refuse(405, "MethodNotAllowed");
	}
	*token_out = sw_bytes(path.ptr + prefix_len, path.len - prefix_len);
	if (token_out->len == 0) {
		return refuse(400, "MissingDeviceToken");
	}
	return memchr(token_out->ptr, '/', token_out->len) ? refuse(404, "BadPath") : fine;
}

static bool is_hex(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
			return false;
		}
	}
	return true;
}

static bool token_ok(struct sw_bytes token)
{
	return token.len > 0 && token.len % 2 == 0 && token.len <= TOKEN_CHARS_MAX && is_hex(token);
}

/* Canonical and lower case: 8-4-4-4-12. */
static bool uuid_ok(struct sw_bytes text)
{
	if (text.len != 36) {
		return false;
	}
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text.ptr[i] != '-' : !is_hex(sw_bytes(text.ptr + i, 1))) {
			return false;
		}
	}
	return true;
}

static const struct push_type *find_type(struct sw_bytes name)
{
	for (size_t i = 0; i < sizeof(push_types) / sizeof(push_types[0]); i++) {
		if (sw_bytes_equal_str(name, push_types[i].name)) {
			return &push_types[i];
		}
	}
	return NULL;
}

static bool topic_known(struct sw_bytes topic, const struct sw_sim_apns_rules *rules)
{
	for (size_t i = 0; i < rules->topic_count; i++) {
		if (sw_bytes_equal_str(topic, rules->topics[i])) {
			return true;
		}
	}
	return rules->topic_count == 0;
}

/* A sender of an app may use its topics of every type. */
static struct sw_sim_verdict check_topic(struct sw_bytes topic, const struct push_type *type,
					 const struct sw_sim_apns_rules *rules)
{
	if (!topic.ptr || topic.len == 0) {
		return refuse(400, "MissingTopic");
	}
	size_t suffix_len = type->topic_suffix ? strlen(type->topic_suffix) : 0;
	if (suffix_len > 0 && (topic.len <= suffix_len ||
			       memcmp(topic.ptr + topic.len - suffix_len, type->topic_suffix, suffix_len) != 0)) {
		return refuse(400, "BadTopic");
	}
	struct sw_bytes app = sw_bytes(topic.ptr, topic.len - suffix_len);
	return topic_known(topic, rules) || topic_known(app, rules) ? fine : refuse(400, "TopicDisallowed");
}

static struct sw_sim_verdict check_priority(struct sw_bytes priority, const struct push_type *type)
{
	if (!priority.ptr) {
		priority = sw_bytes("10", 2); /* Apple's default */
	}
	bool known = sw_bytes_equal_str(priority, "10") || sw_bytes_equal_str(priority, "5") ||
		     sw_bytes_equal_str(priority, "1");
	if (!known || !strchr(type->priorities, priority.ptr[priority.len - 1])) {
		return refuse(400, "BadPriority");
	}
	return fine;
}

static struct sw_sim_verdict check_headers(const struct sw_sim_request *request)
{
	struct sw_bytes id = sw_sim_request_header(request, "apns-id");
	if (id.ptr && !uuid_ok(id)) {
		return refuse(400, "BadMessageId");
	}
	struct sw_bytes expiration = sw_sim_request_header(request, "apns-expiration");
	uint64_t seconds;
	if (expiration.ptr && sw_bytes_to_u64(expiration, &seconds) != SW_OK) {
		return refuse(400, "BadExpirationDate");
	}
	if (sw_sim_request_header(request, "apns-collapse-id").len > SW_SIM_APNS_COLLAPSE_MAX) {
		return refuse(400, "BadCollapseId");
	}
	return fine;
}

static struct sw_sim_verdict check_payload(const struct sw_sim_request *request, const struct push_type *type)
{
	if (request->body_total_bytes == 0) {
		return refuse(400, "PayloadEmpty");
	}
	if (request->body_total_bytes > type->payload_max_bytes) {
		return refuse(413, "PayloadTooLarge");
	}
	json_t *payload;
	if (sw_json_parse(sw_buf_bytes(&request->body), PAYLOAD_DEPTH_MAX, &payload, NULL) != SW_OK) {
		return refuse(400, "BadPayload");
	}
	struct sw_sim_verdict verdict = fine;
	const char *reason = json_is_object(payload) && json_object_size(payload) == 0
				   ? "PayloadEmpty"
				   : sw_sim_apns_check_payload(payload, type->name);
	if (reason) {
		verdict = refuse(400, reason);
	}
	json_decref(payload);
	return verdict;
}

struct sw_sim_verdict sw_sim_apns_check_message(const struct sw_sim_request *request, struct sw_bytes token,
						const struct sw_sim_apns_rules *rules)
{
	if (sw_sim_request_repeats(request, "apns-") || sw_sim_request_repeats(request, "authorization")) {
		return refuse(400, "DuplicateHeaders");
	}
	struct sw_sim_verdict verdict = check_headers(request);
	if (verdict.reason) {
		return verdict;
	}
	const struct push_type *type = find_type(sw_sim_request_header(request, "apns-push-type"));
	if (!type) {
		return refuse(400, "InvalidPushType");
	}
	verdict = check_topic(sw_sim_request_header(request, "apns-topic"), type, rules);
	if (!verdict.reason) {
		verdict = check_priority(sw_sim_request_header(request, "apns-priority"), type);
	}
	if (!verdict.reason && !token_ok(token)) {
		verdict = refuse(400, "BadDeviceToken");
	}
	return verdict.reason ? verdict : check_payload(request, type);
}

struct sw_sim_verdict sw_sim_apns_check_claims(const json_t *claims, const char *team, int64_t now_s)
{
	struct sw_bytes iss = sw_json_get_str(claims, "iss");
	const json_t *iat = json_object_get(claims, "iat");
	if (iss.len == 0 || (team && !sw_bytes_equal_str(iss, team)) || !json_is_integer(iat)) {
		return refuse(403, "InvalidProviderToken");
	}
	int64_t age_s = now_s - json_integer_value(iat);
	if (age_s < 0) {
		return refuse(403, "InvalidProviderToken");
	}
	return age_s > SW_SIM_APNS_TOKEN_AGE_MAX_S ? refuse(403, "ExpiredProviderToken") : fine;
}
