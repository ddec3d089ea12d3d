/* SPDX-License-Identifier: Apache-2.0 */
/* One day in the life of the writers: some thirty commands that touch every path, in phases; and what must hold after
 * it, whatever failed on the way. */
#ifndef SW_TESTS_FLOW_SCENARIO_H
#define SW_TESTS_FLOW_SCENARIO_H

#include "flow.h"

#include "proto/reject.h"

enum { ALICE = 1, BOB, CAROL, DAVE, ERIN, FRANK, GRACE, HEIDI, PEOPLE = HEIDI };
enum { MESSAGES_MAX = 64, BODY_MAX = 64 };

/* A message that was given to the queue, and what it must come to. */
struct message {
	int64_t sender;
	struct sw_uuid cid;
	struct sw_uuid content;
	int64_t node;
	int64_t session;
	int reject;                    /* 0: stored */
	const struct message *repeats; /* NULL: the first with its cid */
	char body[BODY_MAX];
};

struct scenario {
	struct flow *flow;
	struct message messages[MESSAGES_MAX];
	size_t count;
	int64_t group;
	int64_t erin_pos; /* the pos whose push told that her token is dead */
	/* A publish of this run never arrived, so answers and live events may be missing. */
	bool nodes_may_miss;
};

void scenario_run(struct scenario *scenario, struct flow *flow);

/* Text of a message's body; the hash of its content follows from it. */
struct message *scenario_message(struct scenario *scenario, int64_t sender, const char *text);
struct sw_item scenario_send_item(struct scenario *scenario, const struct message *message, int64_t conv, int64_t peer);
/* From one person to another. */
void scenario_write(struct scenario *scenario, int64_t sender, int64_t peer, const char *text);
void scenario_device_set(struct scenario *scenario, int64_t user, const char *device, const char *provider,
			 const char *token);
void scenario_ack(struct scenario *scenario, int64_t user, const char *device, int64_t pos, bool active);

/* invariants.c: after the writers were closed. */
void check_everything(struct scenario *scenario);
void check_messages(struct scenario *scenario);
void check_order(struct flow *flow);
void check_inboxes(struct flow *flow);
void check_pushes(struct flow *flow);
void check_ledger(struct flow *flow);
void check_left_overs(struct flow *flow);
void check_nodes(struct scenario *scenario);

#endif
