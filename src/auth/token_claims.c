/* SPDX-License-Identifier: Apache-2.0 */
/* The claims: times with leeway, issuer, audience, and who the bearer is. Called after the signature was found good,
 * so nothing here is chosen by a stranger; still every type is checked. */
#include "auth/token_int.h"

#include <string.h>

#define SECONDS_MAX 1e11 /* the year 5138: multiplied by 1000 it stays exact in int64 and double */

enum { MS_PER_S = 1000 };

/* NumericDate (RFC 7519 section 2): seconds, fractions allowed. *found_out is false when the claim is absent. */
static int read_time(const json_t *claims, const char *name, int64_t *ms_out, bool *found_out, struct sw_diag *diag_out)
{
	const json_t *value = json_object_get(claims, name);
	*found_out = value != NULL;
	*ms_out = 0;
	if (!value) {
		return SW_OK;
	}
	double seconds = json_number_value(value);
	if (!json_is_number(value) || !(seconds >= 0 && seconds <= SECONDS_MAX)) {
		return sw_diag_set(diag_out, SW_EAUTH, "token: expected \"%s\" to be seconds since 1970", name);
	}
	*ms_out = (int64_t)(seconds * MS_PER_S);
	return SW_OK;
}

static int check_times(const json_t *claims, int64_t leeway_ms, int64_t now_ms, struct sw_token *token,
		       struct sw_diag *diag_out)
{
	bool has_exp = false;
	bool has_nbf = false;
	bool has_iat = false;
	int64_t not_before_ms = 0;
	int err = read_time(claims, "exp", &token->expires_at_ms, &has_exp, diag_out);
	err = err ? err : read_time(claims, "nbf", &not_before_ms, &has_nbf, diag_out);
	err = err ? err : read_time(claims, "iat", &token->issued_at_ms, &has_iat, diag_out);
	if (err) {
		return err;
	}
	if (!has_exp) {
		return sw_diag_set(diag_out, SW_EAUTH, "token: expected an expiry time (exp)");
	}
	if (has_nbf && not_before_ms > now_ms + leeway_ms) {
		return sw_diag_set(diag_out, SW_EAUTH, "token: not valid yet (nbf is in the future)");
	}
	if (has_iat && token->issued_at_ms > now_ms + leeway_ms) {
		return sw_diag_set(diag_out, SW_EAUTH, "token: issued in the future (iat)");
	}
	if (now_ms >= token->expires_at_ms + leeway_ms) {
		return sw_diag_set(diag_out, SW_EEXPIRED, "token: expired %lld s ago",
				   (long long)((now_ms - token->expires_at_ms) / MS_PER_S));
	}
	return SW_OK;
}

static bool audience_contains(const json_t *aud, const char *wanted)
{
	if (json_is_string(aud)) {
		return strcmp(json_string_value(aud), wanted) == 0;
	}
	size_t index;
	json_t *item;
	json_array_foreach (aud, index, item) {
		if (json_is_string(item) && strcmp(json_string_value(item), wanted) == 0) {
			return true;
		}
	}
	return false;
}

static int check_origin(const json_t *claims, const struct sw_token_policy *policy, struct sw_diag *diag_out)
{
	if (policy->issuer && policy->issuer[0] &&
	    !sw_bytes_equal_str(sw_json_get_str(claims, "iss"), policy->issuer)) {
		return sw_diag_set(diag_out, SW_EAUTH, "token: expected issuer (iss) \"%.64s\"", policy->issuer);
	}
	if (policy->audience && policy->audience[0] &&
	    !audience_contains(json_object_get(claims, "aud"), policy->audience)) {
		return sw_diag_set(diag_out, SW_EAUTH, "token: expected audience (aud) \"%.64s\"", policy->audience);
	}
	return SW_OK;
}

/* RFC 8693 section 4.2: words separated by single spaces. */
static bool scope_contains(struct sw_bytes scope, const char *word)
{
	while (scope.len > 0) {
		const uint8_t *space = memchr(scope.ptr, ' ', scope.len);
		size_t len = space ? (size_t)(space - scope.ptr) : scope.len;
		if (sw_bytes_equal_str(sw_bytes(scope.ptr, len), word)) {
			return true;
		}
		size_t used = space ? len + 1 : len;
		scope = sw_bytes(scope.ptr + used, scope.len - used);
	}
	return false;
}

static int read_bearer(const json_t *claims, struct sw_token *token, struct sw_diag *diag_out)
{
	struct sw_bytes user = sw_json_get_str(claims, "sub");
	struct sw_bytes device = sw_json_get_str(claims, "device");
	if (!sw_user_name_valid(user)) {
		return sw_diag_set(diag_out, SW_EAUTH,
				   "token: expected a user name as subject (sub): 1 to %d of a-z 0-9 . _ @ + -",
				   SW_USER_NAME_MAX);
	}
	if (json_object_get(claims, "device") && !sw_device_name_valid(device)) {
		return sw_diag_set(diag_out, SW_EAUTH,
				   "token: expected \"device\" to be 1 to %d of A-Z a-z 0-9 . _ : -",
				   SW_TOKEN_DEVICE_MAX);
	}
	memcpy(token->user, user.ptr, user.len);
	if (device.len > 0) {
		memcpy(token->device, device.ptr, device.len);
	}
	token->admin = scope_contains(sw_json_get_str(claims, "scope"), "admin");
	return SW_OK;
}

int sw_token_read_claims(const json_t *claims, const struct sw_token_policy *policy, int64_t now_ms,
			 struct sw_token *token_out, struct sw_diag *diag_out)
{
	struct sw_token token = {.user = ""};
	int err = check_origin(claims, policy, diag_out);
	err = err ? err : read_bearer(claims, &token, diag_out);
	/* Times last: SW_EEXPIRED then says that nothing else was wrong. */
	err = err ? err : check_times(claims, policy->leeway_ms, now_ms, &token, diag_out);
	if (!err) {
		*token_out = token;
	}
	return err;
}
