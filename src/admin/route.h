/* SPDX-License-Identifier: Apache-2.0 */
/* Which row of routes.def a request means, and whether it may. Pure. */
#ifndef SW_ADMIN_ROUTE_H
#define SW_ADMIN_ROUTE_H

#include <surewire/bytes.h>
#include <surewire/err.h>

enum sw_route {
#define SW_ROUTE(NAME, method, path, api) SW_ROUTE_##NAME,
#include "admin/routes.def"
#undef SW_ROUTE
	SW_ROUTE_COUNT
};

enum { SW_ROUTE_ALLOW_MAX = 32, SW_ROUTE_TEXTS_MAX = 2 };

struct sw_route_match {
	enum sw_route route;
	bool api;
	int64_t id;                                /* of {id}, else 0 */
	struct sw_bytes texts[SW_ROUTE_TEXTS_MAX]; /* of {topic} and so on, in their order; borrowed from the path */
	char allow[SW_ROUTE_ALLOW_MAX];            /* of SW_EPERM: the methods, "GET, HEAD" */
};

/* SW_OK; SW_ENOTFOUND: no such path; SW_EPERM: the path exists, the method is another. */
int sw_route_find(struct sw_bytes method, struct sw_bytes path, struct sw_route_match *match_out) SW_MUST_CHECK;

enum { SW_TOKEN_DIGEST_BYTES = 32 };
/* Whether the value of Authorization carries the token with this SHA-256. Takes the same time for all wrong ones. */
bool sw_bearer_matches(struct sw_bytes authorization, const uint8_t digest[SW_TOKEN_DIGEST_BYTES]);

#endif
