/* SPDX-License-Identifier: Apache-2.0 */
/* One small function a rule; the first that refuses decides. */
#include "sim/webpush_check.h"

#include <surewire/b64url.h>

#include <string.h>

enum { TTL_LIMIT_S = 28 * 24 * 3600, TOPIC_MAX = 32, TAG_BYTES = 16, TOKEN_LIFE_MAX_S = 24 * 3600 };

static const struct sw_sim_webpush_verdict fine = {201, 0, NULL};

static struct sw_sim_webpush_verdict refuse(int status, int number, const char *reason)
{
	return (struct sw_sim_webpush_verdict){status, number, reason};
}

static bool is_b64url(struct sw_bytes text)
{
	return text.len > 0 && sw_b64url_is_text(text);
}

struct sw_sim_webpush_verdict sw_sim_webpush_check_path(const struct sw_sim_request *request, struct sw_bytes *id_out)
{
	static const char prefix[] = "/push/";
	struct sw_bytes path = sw_bytes_str(request->path);
	size_t prefix_len = sizeof(prefix) - 1;
	if (path.len <= prefix_len || memcmp(path.ptr, prefix, prefix_len) != 0) {
		return refuse(404, 102, "NoSuchPath");
	}
	*id_out = sw_bytes(path.ptr + prefix_len, path.len - prefix_len);
	if (id_out->len > SW_SIM_WEBPUSH_ID_MAX || !is_b64url(*id_out)) {
		return refuse(404, 102, "NoSuchSubscription");
	}
	return strcmp(request->method, "POST") == 0 ? fine : refuse(405, 0, "MethodNotAllowed");
}

static bool is_one_of(struct sw_bytes text, const char *const *words)
{
	for (; *words; words++) {
		if (sw_bytes_equal_str(text, *words)) {
			return true;
		}
	}
	return false;
}

static struct sw_sim_webpush_verdict check_headers(const struct sw_sim_request *request)
{
	static const char *const urgencies[] = {"very-low", "low", "normal", "high", NULL};
	static const char *const once[] = {"ttl", "urgency", "topic", "content-encoding", "authorization", NULL};
	struct sw_bytes ttl = sw_sim_request_header(request, "ttl");
	struct sw_bytes urgency = sw_sim_request_header(request, "urgency");
	struct sw_bytes topic = sw_sim_request_header(request, "topic");
	uint64_t seconds = 0;
	for (const char *const *name = once; *name; name++) {
		if (sw_sim_request_repeats(request, *name)) {
			return refuse(400, 0, "HeaderTwice");
		}
	}
	if (!ttl.ptr) {
		return refuse(400, 111, "MissingTtl");
	}
	if (sw_bytes_to_u64(ttl, &seconds) != SW_OK || seconds > TTL_LIMIT_S) {
		return refuse(400, 112, "BadTtl");
	}
	if (urgency.ptr && !is_one_of(urgency, urgencies)) {
		return refuse(400, 0, "BadUrgency");
	}
	if (topic.ptr && (topic.len > TOPIC_MAX || !is_b64url(topic))) {
		return refuse(400, 113, "BadTopic");
	}
	return fine;
}

/* RFC 8291, 4: exactly one record, whose size says so. */
static struct sw_sim_webpush_verdict check_body(const struct sw_sim_request *request)
{
	const uint8_t *body = request->body.ptr;
	size_t len = request->body_total_bytes;
	if (len > SW_SIM_WEBPUSH_BODY_MAX) {
		return refuse(413, 104, "PayloadTooLarge");
	}
	if (!sw_bytes_equal_str(sw_sim_request_header(request, "content-encoding"), "aes128gcm")) {
		return refuse(400, 110, "BadContentEncoding");
	}
	if (len < SW_SIM_WEBPUSH_HEADER_BYTES + 1 + TAG_BYTES || body[20] != SW_SIM_WEBPUSH_POINT_BYTES ||
	    body[21] != 4) {
		return refuse(400, 110, "BadCryptoHeader");
	}
	uint32_t record = (uint32_t)body[16] << 24 | (uint32_t)body[17] << 16 | (uint32_t)body[18] << 8 | body[19];
	return record >= len - SW_SIM_WEBPUSH_HEADER_BYTES ? fine : refuse(400, 110, "MoreThanOneRecord");
}

struct sw_sim_webpush_verdict sw_sim_webpush_check_message(const struct sw_sim_request *request)
{
	struct sw_sim_webpush_verdict verdict = check_headers(request);
	return verdict.reason || request->body_total_bytes == 0 ? verdict : check_body(request);
}

bool sw_sim_webpush_split(struct sw_bytes authorization, struct sw_bytes *token_out, struct sw_bytes *key_out)
{
	static const char scheme[] = "vapid t=";
	static const char between[] = ", k=";
	size_t scheme_len = sizeof(scheme) - 1;
	size_t between_len = sizeof(between) - 1;
	if (authorization.len <= scheme_len ||
	    !sw_bytes_equal_nocase(sw_bytes(authorization.ptr, scheme_len), scheme)) {
		return false;
	}
	struct sw_bytes rest = sw_bytes(authorization.ptr + scheme_len, authorization.len - scheme_len);
	const uint8_t *comma = memchr(rest.ptr, ',', rest.len);
	size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
	if (rest.len - len <= between_len || memcmp(comma, between, between_len) != 0) {
		return false;
	}
	*token_out = sw_bytes(rest.ptr, len);
	*key_out = sw_bytes(comma + between_len, rest.len - len - between_len);
	return true;
}

struct sw_sim_webpush_verdict sw_sim_webpush_check_claims(const json_t *claims, const char *authority, int64_t now_s)
{
	static const char scheme[] = "https://";
	struct sw_bytes aud = sw_json_get_str(claims, "aud");
	struct sw_bytes sub = sw_json_get_str(claims, "sub");
	const json_t *exp = json_object_get(claims, "exp");
	size_t scheme_len = sizeof(scheme) - 1;
	if (aud.len <= scheme_len || memcmp(aud.ptr, scheme, scheme_len) != 0 ||
	    !sw_bytes_equal_str(sw_bytes(aud.ptr + scheme_len, aud.len - scheme_len), authority)) {
		return refuse(401, 109, "BadAudience");
	}
	if (!json_is_integer(exp) || json_integer_value(exp) <= now_s ||
	    json_integer_value(exp) > now_s + TOKEN_LIFE_MAX_S) {
		return refuse(401, 109, "BadExpiry");
	}
	bool mail = sub.len > 7 && memcmp(sub.ptr, "mailto:", 7) == 0;
	bool page = sub.len > scheme_len && memcmp(sub.ptr, scheme, scheme_len) == 0;
	return mail || page ? fine : refuse(401, 109, "BadSubject");
}
