/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sw_uuid content_of(const char *body)
{
	return sw_uuid_derive("content", sw_bytes_str(body), sw_bytes("", 0));
}

/* Where a person's commands come from. */
static int64_t node_of(int64_t user)
{
	return user == ALICE || user == DAVE || user == FRANK ? NODE_A : NODE_B;
}

struct message *scenario_message(struct scenario *s, int64_t sender, const char *text)
{
	assert_true(s->count < MESSAGES_MAX);
	struct message *m = &s->messages[s->count++];
	*m = (struct message){.sender = sender,
			      .cid = sw_uuid_random(),
			      .node = node_of(sender),
			      .session = sender}; /* the session of a person's first device */
	snprintf(m->body, sizeof(m->body), "{\"text\":\"%s\"}", text);
	m->content = content_of(m->body);
	return m;
}

static struct message *repeat_of(struct scenario *s, const struct message *first)
{
	struct message *m = scenario_message(s, first->sender, "");
	*m = *first;
	m->repeats = first;
	return m;
}

struct sw_item scenario_send_item(struct scenario *s, const struct message *m, int64_t conv, int64_t peer)
{
	struct sw_item item = {.kind = SW_ITEM_SEND,
			       .as.send = {.sender = m->sender,
					   .sender_name = sw_bytes_str("somebody"),
					   .device = sw_bytes_str("d"),
					   .node = m->node,
					   .session = m->session,
					   .cid = m->cid,
					   .content = m->content,
					   .conv = conv,
					   .kind = sw_bytes_str("text"),
					   .at_ms = ++s->flow->clock_ms,
					   .preview = sw_bytes_str("hello"),
					   .body = sw_bytes_str(m->body)}};
	if (peer) {
		item.as.send.peer_lo = m->sender < peer ? m->sender : peer;
		item.as.send.peer_hi = m->sender < peer ? peer : m->sender;
	}
	return item;
}

void scenario_write(struct scenario *s, int64_t sender, int64_t peer, const char *text)
{
	struct sw_item item = scenario_send_item(s, scenario_message(s, sender, text), 0, peer);
	post_to_sequencer(s->flow, queue_of_pair(sender, peer), &item);
}

static void post_to_group(struct scenario *s, const struct message *m)
{
	struct sw_item item = scenario_send_item(s, m, s->group, 0);
	post_to_sequencer(s->flow, queue_of_conversation(s->group), &item);
}

/* ---- mailbox commands ---- */

static void session_up(struct scenario *s, int64_t user, const char *device, int64_t node, int64_t session)
{
	post_to_mailbox(s->flow, user,
			&(struct sw_item){.kind = SW_ITEM_SESSION_UP,
					  .as.session_up = {.user = user,
							    .device = sw_bytes_str(device),
							    .node = node,
							    .session = session,
							    .active = 1,
							    .cursor = -1}});
}

void scenario_device_set(struct scenario *s, int64_t user, const char *device, const char *provider, const char *token)
{
	post_to_mailbox(s->flow, user,
			&(struct sw_item){.kind = SW_ITEM_DEVICE_SET,
					  .as.device_set = {.user = user,
							    .device = sw_bytes_str(device),
							    .platform = sw_bytes_str("any"),
							    .provider = sw_bytes_str(provider),
							    .app = sw_bytes_str("app"),
							    .token = sw_bytes_str(token),
							    .at_ms = 1000,
							    .node = NODE_A,
							    .request = user}});
}

void scenario_ack(struct scenario *s, int64_t user, const char *device, int64_t pos, bool active)
{
	post_to_mailbox(
		s->flow, user,
		&(struct sw_item){
			.kind = SW_ITEM_ACK,
			.as.ack = {.user = user, .device = sw_bytes_str(device), .pos = pos, .active = active}});
}

/* ---- phases ---- */

static void people_arrive(struct scenario *s)
{
	scenario_device_set(s, BOB, "bob-phone", "phones", "token-bob");
	scenario_device_set(s, CAROL, "carol-phone", "phones", "token-carol");
	scenario_device_set(s, DAVE, "dave-phone", "phones", "token-dave");
	scenario_device_set(s, ERIN, "erin-phone", "phones", "token-erin");
	scenario_device_set(s, ERIN, "erin-mail", "mail", "erin@example.org");
	scenario_device_set(s, GRACE, "grace-mail", "mail", "grace@example.org");
	session_up(s, ALICE, "alice-1", NODE_A, ALICE);
	/* The other gateway has given the same number to her other device. */
	session_up(s, ALICE, "alice-2", NODE_B, ALICE);
	session_up(s, BOB, "bob-1", NODE_B, BOB);
	session_up(s, DAVE, "dave-1", NODE_A, DAVE); /* and never acks */
	flow_settle(s->flow);
}

/* Two people write to each other for the first time, at the same moment, through two gateways. */
static void they_meet(struct scenario *s)
{
	scenario_write(s, ALICE, BOB, "first");
	scenario_write(s, BOB, ALICE, "first too");
	scenario_write(s, CAROL, DAVE, "to one who is half-open");
	scenario_write(s, ALICE, CAROL, "to one who is offline");
	flow_settle(s->flow);
}

static void group_is_made(struct scenario *s)
{
	static const int64_t members[] = {ALICE, BOB, CAROL, DAVE, ERIN, GRACE, HEIDI};
	s->group = sw_id_next_low6(&s->flow->ids, 17);
	struct message *m = scenario_message(s, ALICE, "the group");
	struct sw_item item = {.kind = SW_ITEM_CREATE,
			       .as.create = {.sender = ALICE,
					     .sender_name = sw_bytes_str("alice"),
					     .node = m->node,
					     .session = m->session,
					     .cid = m->cid,
					     .content = m->content,
					     .conv = s->group,
					     .title = sw_bytes_str("team"),
					     .members = {members, sizeof(members) / sizeof(members[0])},
					     .at_ms = ++s->flow->clock_ms,
					     .body = sw_bytes_str(m->body)}};
	post_to_sequencer(s->flow, queue_of_conversation(s->group), &item);
	flow_settle(s->flow);
}

static void group_talks(struct scenario *s)
{
	struct letter letter;
	letter_begin(&letter);
	const struct message *first = NULL;
	for (int i = 0; i < 4; i++) {
		char text[16];
		snprintf(text, sizeof(text), "line %d", i);
		const struct message *m = scenario_message(s, i % 2 ? ALICE : BOB, text);
		first = first ? first : m;
		struct sw_item item = scenario_send_item(s, m, s->group, 0);
		letter_put(&letter, &item);
		if (i == 1) {
			letter_section(&letter);
		}
	}
	letter_post(s->flow, &letter, SW_ROLE_SEQUENCER, queue_of_conversation(s->group));
	/* The retry of a client that heard no answer, twice; and other content under the same id. */
	post_to_group(s, repeat_of(s, first));
	flow_settle(s->flow);
	post_to_group(s, repeat_of(s, first));
	struct message *reused = repeat_of(s, first);
	snprintf(reused->body, sizeof(reused->body), "{\"text\":\"other\"}");
	reused->content = content_of(reused->body);
	reused->reject = SW_REJECT_CID_REUSED;
	post_to_group(s, reused);
	struct message *stranger = scenario_message(s, FRANK, "let me in");
	stranger->reject = SW_REJECT_NOT_MEMBER;
	post_to_group(s, stranger);
	flow_settle(s->flow);
}

/* Those who are awake ack; the checks find the one who is not. */
static void checks_fire(struct scenario *s)
{
	scenario_ack(s, ALICE, "alice-1", INT64_MAX, true);
	scenario_ack(s, ALICE, "alice-2", INT64_MAX, false);
	scenario_ack(s, BOB, "bob-1", INT64_MAX, true);
	/* She comes to where it was acked in the background. */
	post_to_mailbox(
		s->flow, ALICE,
		&(struct sw_item){.kind = SW_ITEM_PRESENCE,
				  .as.presence = {.user = ALICE, .node = NODE_B, .session = ALICE, .active = 1}});
	flow_settle(s->flow);
	fake_bus_release_delayed(&s->flow->bus, true);
	flow_settle(s->flow);
	fake_bus_release_delayed(&s->flow->bus, true);
	flow_settle(s->flow);
}

/* APNs says that Erin's token is dead: her mail address is what is left. */
static void token_dies(struct scenario *s)
{
	s->erin_pos = 1;
	for (int64_t pos = 1; pos <= 2; pos++) { /* two pushes were under way */
		post_to_mailbox(s->flow, ERIN,
				&(struct sw_item){.kind = SW_ITEM_TOKEN_DEAD,
						  .as.token_dead = {.user = ERIN,
								    .device = sw_bytes_str("erin-phone"),
								    .token = sw_bytes_str("token-erin"),
								    .pos = pos}});
	}
	post_to_mailbox(s->flow, CAROL,
			&(struct sw_item){.kind = SW_ITEM_FALLBACK,
					  .as.fallback = {.user = CAROL, .pos = 1, .reason = sw_bytes_str("spent")}});
	flow_settle(s->flow);
}

static void node_dies(struct scenario *s)
{
	post_to_mailbox(s->flow, ALICE,
			&(struct sw_item){.kind = SW_ITEM_SESSION_DOWN,
					  .as.session_down = {.user = ALICE, .node = NODE_A, .session = ALICE}});
	flow_settle(s->flow);
	fake_bus_remove(&s->flow->bus, "node.902");
	scenario_write(s, DAVE, BOB, "are you there");
	flow_settle(s->flow);
	struct message *m = scenario_message(s, DAVE, "hello all");
	post_to_group(s, m);
	flow_settle(s->flow);
}

static void evening(struct scenario *s)
{
	fake_bus_release_delayed(&s->flow->bus, false);
	flow_settle(s->flow);
	flow_settle(s->flow);
}

void scenario_run(struct scenario *s, struct flow *flow)
{
	*s = (struct scenario){.flow = flow};
	flow->bus.hold_delayed = true;
	flow_start(flow, 0);
	people_arrive(s);
	they_meet(s);
	group_is_made(s);
	group_talks(s);
	checks_fire(s);
	token_dies(s);
	node_dies(s);
	evening(s);
	for (unsigned i = 0; i < FLOW_WRITERS_MAX; i++) {
		flow_stop(flow, i);
	}
}
