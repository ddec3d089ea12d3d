/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/route.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

static const struct row {
	const char *method;
	const char *path;
	bool api;
} rows[SW_ROUTE_COUNT] = {
#define SW_ROUTE(NAME, method, path, api) {method, path, api},
#include "admin/routes.def"
#undef SW_ROUTE
};

/* Takes what is before the next '/', which goes too. */
static struct sw_bytes next_segment(struct sw_bytes *path)
{
	const uint8_t *slash = path->len ? memchr(path->ptr, '/', path->len) : NULL;
	struct sw_bytes segment = sw_bytes(path->ptr, slash ? (size_t)(slash - path->ptr) : path->len);
	size_t used = segment.len + (slash ? 1 : 0);
	*path = sw_bytes(path->ptr + used, path->len - used);
	return segment;
}

static bool is_id(struct sw_bytes segment, int64_t *id_out)
{
	uint64_t value;
	if (sw_bytes_to_u64(segment, &value) != SW_OK || value > INT64_MAX) {
		return false;
	}
	*id_out = (int64_t)value;
	return true;
}

static bool segment_matches(struct sw_bytes want, struct sw_bytes have, struct sw_route_match *match, size_t *texts)
{
	if (sw_bytes_equal_str(want, "{id}")) {
		return is_id(have, &match->id);
	}
	if (want.len && want.ptr[0] == '{' && have.len && *texts < SW_ROUTE_TEXTS_MAX) {
		match->texts[(*texts)++] = have;
		return true;
	}
	return sw_bytes_equal(want, have);
}

static bool path_matches(const char *pattern_text, struct sw_bytes path, struct sw_route_match *match)
{
	size_t texts = 0;
	struct sw_bytes pattern = sw_bytes_str(pattern_text);
	if (path.len && path.ptr[path.len - 1] == '/') {
		return false;
	}
	while (pattern.len && path.len) {
		struct sw_bytes want = next_segment(&pattern);
		struct sw_bytes have = next_segment(&path);
		if (!segment_matches(want, have, match, &texts)) {
			return false;
		}
	}
	return pattern.len == 0 && path.len == 0;
}

static bool method_matches(const char *wanted, struct sw_bytes method)
{
	return sw_bytes_equal_str(method, wanted) || (strcmp(wanted, "GET") == 0 && sw_bytes_equal_str(method, "HEAD"));
}

static void allow(struct sw_route_match *match, const char *method)
{
	size_t used = strlen(match->allow);
	snprintf(match->allow + used, sizeof(match->allow) - used, "%s%s", used ? ", " : "",
		 strcmp(method, "GET") == 0 ? "GET, HEAD" : method);
}

int sw_route_find(struct sw_bytes method, struct sw_bytes path, struct sw_route_match *match_out)
{
	*match_out = (struct sw_route_match){0};
	for (size_t i = 0; i < SW_ROUTE_COUNT; i++) {
		if (!path_matches(rows[i].path, path, match_out)) {
			continue;
		}
		match_out->route = (enum sw_route)i;
		match_out->api = rows[i].api;
		if (method_matches(rows[i].method, method)) {
			return SW_OK;
		}
		allow(match_out, rows[i].method);
	}
	return match_out->allow[0] ? SW_EPERM : SW_ENOTFOUND;
}

bool sw_bearer_matches(struct sw_bytes authorization, const uint8_t digest[SW_TOKEN_DIGEST_BYTES])
{
	static const char scheme[] = "Bearer ";
	size_t skip = sizeof(scheme) - 1;
	if (authorization.len <= skip || !sw_bytes_equal_nocase(sw_bytes(authorization.ptr, skip), scheme)) {
		return false;
	}
	uint8_t given[SW_TOKEN_DIGEST_BYTES];
	sw_hash_sha256(sw_bytes(authorization.ptr + skip, authorization.len - skip), given);
	return sw_bytes_equal_secret(sw_bytes(given, sizeof(given)), sw_bytes(digest, SW_TOKEN_DIGEST_BYTES));
}
