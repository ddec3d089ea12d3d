/* SPDX-License-Identifier: Apache-2.0 */
/* Who subscribes to a topic: the body of a change, and the change in the store. */
#ifndef SW_DIRECT_SUBSCRIBE_H
#define SW_DIRECT_SUBSCRIBE_H

#include "direct/rules.h"
#include "store/pg.h"

struct sw_direct_list {
	struct sw_direct_address *rows;
	size_t count;
};

struct sw_topic_change {
	struct sw_bytes topic;
	struct sw_direct_list add;
	struct sw_direct_list remove;
};

/* {"add": [who, …], "remove": [who, …]}, at most 1,000 together; who is a user's name or an address as
 * sw_direct_address_read takes it. SW_EINVAL, SW_EPARSE with a text. Pure. */
int sw_topic_change_parse(struct sw_bytes body, const struct sw_direct_rules *rules, struct sw_arena *arena,
			  struct sw_topic_change *change_out, struct sw_diag *diag_out) SW_MUST_CHECK;

struct sw_topic_result {
	const char *unknown; /* "user" or "device": nothing was changed, the diag says whose; else NULL */
	int64_t added;
	int64_t removed;
};
/* All of it, or nothing. Any error is the store's. Blocks. */
int sw_topic_change(struct sw_pg *pg, const struct sw_topic_change *change, struct sw_arena *arena,
		    struct sw_topic_result *result_out, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
