/* SPDX-License-Identifier: Apache-2.0 */
/* Audience, scope and times of an assertion, with Google's texts. */
#include "sim/oauth_check.h"

#include <stdio.h>
#include <string.h>

static const struct sw_sim_oauth_error fine = {NULL, NULL};

static bool audience_ok(struct sw_bytes aud, const char *token_uri, const char *authority)
{
	char ours[256];
	snprintf(ours, sizeof(ours), "https://%s/token", authority);
	return (token_uri && sw_bytes_equal_str(aud, token_uri)) || sw_bytes_equal_str(aud, ours);
}

/* Space-separated; one that allows sending is enough. */
static bool scope_ok(struct sw_bytes scope)
{
	const uint8_t *at = scope.ptr;
	const uint8_t *end = scope.ptr + scope.len;
	while (at < end) {
		const uint8_t *stop = memchr(at, ' ', (size_t)(end - at));
		stop = stop ? stop : end;
		struct sw_bytes one = sw_bytes(at, (size_t)(stop - at));
		if (sw_bytes_equal_str(one, SW_SIM_FCM_SCOPE) || sw_bytes_equal_str(one, SW_SIM_CLOUD_SCOPE)) {
			return true;
		}
		at = stop + 1;
	}
	return false;
}

static bool times_ok(const json_t *claims, int64_t now_s)
{
	const json_t *iat = json_object_get(claims, "iat");
	const json_t *exp = json_object_get(claims, "exp");
	if (!json_is_integer(iat) || !json_is_integer(exp)) {
		return false;
	}
	int64_t from_s = json_integer_value(iat);
	int64_t to_s = json_integer_value(exp);
	return from_s >= 0 && to_s > from_s && to_s - from_s <= SW_SIM_ASSERTION_LIFE_MAX_S &&
	       from_s - now_s <= SW_SIM_CLOCK_SKEW_MAX_S && to_s > now_s - SW_SIM_CLOCK_SKEW_MAX_S;
}

struct sw_sim_oauth_error sw_sim_oauth_check_claims(const json_t *claims, const char *token_uri, const char *authority,
						    int64_t now_s)
{
	if (!audience_ok(sw_json_get_str(claims, "aud"), token_uri, authority)) {
		return (struct sw_sim_oauth_error){"invalid_grant", "Invalid JWT: Failed audience check."};
	}
	if (!times_ok(claims, now_s)) {
		return (struct sw_sim_oauth_error){
			"invalid_grant",
			"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
			"Check your iat and exp values in the JWT claim."};
	}
	struct sw_bytes scope = sw_json_get_str(claims, "scope");
	if (scope.len == 0) {
		return (struct sw_sim_oauth_error){"invalid_scope", "Empty or missing scope not allowed."};
	}
	if (!scope_ok(scope)) {
		return (struct sw_sim_oauth_error){"invalid_scope",
						   "Invalid OAuth scope or ID token audience provided."};
	}
	return fine;
}
