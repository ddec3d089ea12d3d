/* SPDX-License-Identifier: Apache-2.0 */
/* Which route a path is, methods, ids, and the bearer token. */
#include "admin/route.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int find(const char *method, const char *path, struct sw_route_match *match)
{
	return sw_route_find(sw_bytes_str(method), sw_bytes_str(path), match);
}

static void find__every_row__its_route(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		enum sw_route route;
		int64_t id;
		bool api;
	} rows[] = {
		{"GET", "/healthz", SW_ROUTE_HEALTHZ, 0, false},
		{"HEAD", "/readyz", SW_ROUTE_READYZ, 0, false},
		{"GET", "/metrics", SW_ROUTE_METRICS, 0, false},
		{"GET", "/v1/admin/status", SW_ROUTE_STATUS, 0, true},
		{"GET", "/v1/admin/dead", SW_ROUTE_DEAD_LIST, 0, true},
		{"GET", "/v1/admin/dead/count", SW_ROUTE_DEAD_COUNT, 0, true},
		{"DELETE", "/v1/admin/dead", SW_ROUTE_DEAD_DROP, 0, true},
		{"GET", "/v1/admin/dead/replays", SW_ROUTE_REPLAYS_LIST, 0, true},
		{"POST", "/v1/admin/dead/replays", SW_ROUTE_REPLAYS_START, 0, true},
		{"GET", "/v1/admin/dead/replays/3", SW_ROUTE_REPLAYS_GET, 3, true},
		{"POST", "/v1/admin/dead/replays/3/cancel", SW_ROUTE_REPLAYS_CANCEL, 3, true},
		{"GET", "/v1/admin/dead/17", SW_ROUTE_DEAD_GET, 17, true},
		{"DELETE", "/v1/admin/dead/17", SW_ROUTE_DEAD_DROP_ONE, 17, true},
		{"POST", "/v1/admin/dead/17/replay", SW_ROUTE_DEAD_REPLAY, 17, true},
		{"GET", "/v1/alerts", SW_ROUTE_ALERTS_LIST, 0, true},
		{"POST", "/v1/alerts", SW_ROUTE_ALERTS_CREATE, 0, true},
		{"GET", "/v1/alerts/5", SW_ROUTE_ALERTS_GET, 5, true},
		{"POST", "/v1/alerts/5/cancel", SW_ROUTE_ALERTS_CANCEL, 5, true},
		{"GET", "/v1/admin/messages/9223372036854775807/deliveries", SW_ROUTE_DELIVERIES, INT64_MAX, true},
		{"GET", "/v1/admin/messages/1/inbox", SW_ROUTE_INBOX, 1, true},
		{"GET", "/v1/admin/messages/1/trace", SW_ROUTE_TRACE, 1, true},
		{"GET", "/v1/push", SW_ROUTE_PUSH_LIST, 0, true},
		{"POST", "/v1/push", SW_ROUTE_PUSH_START, 0, true},
		{"GET", "/v1/push/5", SW_ROUTE_PUSH_GET, 5, true},
		{"POST", "/v1/push/5/cancel", SW_ROUTE_PUSH_CANCEL, 5, true},
		{"GET", "/v1/topics/news", SW_ROUTE_TOPIC_GET, 0, true},
		{"POST", "/v1/topics/news/subscribers", SW_ROUTE_TOPIC_CHANGE, 0, true},
		{"PUT", "/v1/topics/news/subscribers/bob", SW_ROUTE_TOPIC_ADD, 0, true},
		{"DELETE", "/v1/topics/news/subscribers/bob", SW_ROUTE_TOPIC_REMOVE, 0, true},
	};
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), SW_ROUTE_COUNT);
	for (size_t i = 0; i < SW_ROUTE_COUNT; i++) {
		struct sw_route_match match;
		assert_int_equal(find(rows[i].method, rows[i].path, &match), SW_OK);
		assert_int_equal(match.route, rows[i].route);
		assert_int_equal(match.id, rows[i].id);
		assert_int_equal(match.api, rows[i].api);
	}
}

static void find__texts_of_a_path__in_their_order(void **state)
{
	(void)state;
	struct sw_route_match match;
	assert_int_equal(find("PUT", "/v1/topics/a.b/subscribers/bob@x.org", &match), SW_OK);
	assert_true(sw_bytes_equal_str(match.texts[0], "a.b"));
	assert_true(sw_bytes_equal_str(match.texts[1], "bob@x.org"));
	assert_int_equal(find("PUT", "/v1/topics//subscribers/bob", &match), SW_ENOTFOUND);
	assert_int_equal(find("PUT", "/v1/topics/a/b/subscribers/bob", &match), SW_ENOTFOUND);
	assert_int_equal(find("GET", "/v1/topics/news", &match), SW_OK);
	assert_int_equal(match.texts[1].len, 0);
}

static void find__unknown_path__not_found(void **state)
{
	(void)state;
	static const char *const paths[] = {"/",
					    "*",
					    "/healthz/",
					    "/healthzz",
					    "/health",
					    "//healthz",
					    "/v1/admin",
					    "/v1/admin/dead/",
					    "/v1/admin/dead/x",
					    "/v1/admin/dead/-1",
					    "/v1/admin/dead/9223372036854775808",
					    "/v1/admin/dead/1/replay/",
					    "/v1/admin/dead/1/other",
					    "/v1/admin/messages/1",
					    "/v1/admin/messages//inbox"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct sw_route_match match;
		if (find("GET", paths[i], &match) != SW_ENOTFOUND) {
			fail_msg("%s was found", paths[i]);
		}
	}
}

static void find__wrong_method__says_which_are_allowed(void **state)
{
	(void)state;
	struct sw_route_match match;
	assert_int_equal(find("POST", "/healthz", &match), SW_EPERM);
	assert_string_equal(match.allow, "GET, HEAD");
	assert_int_equal(find("GET", "/v1/admin/dead/1/replay", &match), SW_EPERM);
	assert_string_equal(match.allow, "POST");
	assert_int_equal(find("HEAD", "/v1/admin/dead/1/replay", &match), SW_EPERM);
	assert_int_equal(find("PUT", "/v1/admin/dead/1", &match), SW_EPERM);
	assert_string_equal(match.allow, "GET, HEAD, DELETE");
	assert_true(match.api);
}

static bool bears(const char *value)
{
	uint8_t digest[SW_TOKEN_DIGEST_BYTES];
	sw_hash_sha256(sw_bytes_str("0123456789abcdef"), digest);
	return sw_bearer_matches(value ? sw_bytes_str(value) : (struct sw_bytes){0}, digest);
}

static void bearer__only_the_exact_token__matches(void **state)
{
	(void)state;
	assert_true(bears("Bearer 0123456789abcdef"));
	assert_true(bears("bearer 0123456789abcdef"));
	static const char *const wrong[] = {NULL,
					    "",
					    "Bearer",
					    "Bearer ",
					    "0123456789abcdef",
					    "Basic 0123456789abcdef",
					    "Bearer 0123456789abcde",
					    "Bearer 0123456789abcdeg",
					    "Bearer 0123456789abcdef ",
					    "Bearer  0123456789abcdef",
					    "Bearer 0123456789ABCDEF"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_false(bears(wrong[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find__every_row__its_route),
		cmocka_unit_test(find__texts_of_a_path__in_their_order),
		cmocka_unit_test(find__unknown_path__not_found),
		cmocka_unit_test(find__wrong_method__says_which_are_allowed),
		cmocka_unit_test(bearer__only_the_exact_token__matches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
