/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /v1/push:
 *
 *	{"to": {"user": "bob"} | {"users": ["bob", …]} | {"user": "bob", "device": "phone"} | {"topic": "news"} |
 *	       {"token": "…", "provider": "fcm", "app": "…", "sandbox": false},
 *	 "notification": {…}, "priority": "normal" | "high", "ttl_s": 3600 | "expires_at_ms": 1790000000000}
 *
 * Pure; any thread. */
#ifndef SW_DIRECT_REQUEST_H
#define SW_DIRECT_REQUEST_H

#include "base/uuid.h"
#include "direct/rules.h"

enum sw_direct_kind { SW_DIRECT_USERS, SW_DIRECT_DEVICE, SW_DIRECT_TOKEN, SW_DIRECT_TOPIC };

struct sw_direct_request {
	enum sw_direct_kind kind;
	struct sw_bytes *users; /* names; of DEVICE one */
	size_t user_count;
	struct sw_direct_address address; /* of DEVICE and TOKEN */
	struct sw_bytes topic;
	struct sw_bytes title;
	struct sw_bytes body;
	struct sw_bytes content; /* the notification without these two (proto/push_content.h) */
	struct sw_notification notification;
	bool urgent;
	int64_t created_at_ms;
	int64_t expires_at_ms;
	struct sw_uuid hash; /* of the whole, whatever the order of members and the blanks */
};

/* "users", "device", "token", "topic": as it is stored. */
const char *sw_direct_kind_name(enum sw_direct_kind kind);
/* When and from what a request is read. */
struct sw_direct_reading {
	const struct sw_direct_rules *rules;
	int64_t now_ms;
	struct sw_arena *arena;
};
/* SW_OK; else the text names the member and what was expected: SW_EINVAL, SW_EPARSE, or SW_ELIMIT where it cannot fit a
 * message of the services that it would go to, as far as that is known. All is in the arena. */
int sw_direct_request_parse(struct sw_bytes body, const struct sw_direct_reading *reading,
			    struct sw_direct_request *request_out, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
