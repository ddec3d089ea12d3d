/* SPDX-License-Identifier: Apache-2.0 */
/* The script of the whole walk: everybody's way through one day, from socket to socket and to the push services. */
#include "world.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Erin's phone is dead, Frank's service is busy once, Grace's relay wants no mail, Heidi's has every trouble in turn. */
const struct fake_plan_row walk_plan[] = {
	{"erin-token", 0, FAKE_ANSWER_TOKEN_DEAD},      {"frank-token", 0, FAKE_ANSWER_RETRY},
	{"grace@example.org", 0, FAKE_ANSWER_REJECTED}, {"heidi-token", 0, FAKE_ANSWER_CREDENTIAL},
	{"heidi-token", 1, FAKE_ANSWER_THROTTLED},      {"heidi-token", 2, FAKE_ANSWER_LOST},
};
const size_t walk_plan_count = sizeof(walk_plan) / sizeof(walk_plan[0]);

struct walk {
	struct world *world;
	bool exact;
	struct client *alice, *bob_1, *bob_2, *dave, *frank, *carol;
	char group[64];
};

static void register_device(struct world *world, int64_t user, const char *device, const char *provider,
			    const char *token)
{
	char request[64];
	char body[160];
	snprintf(request, sizeof(request), "PUT /v1/devices/%s", device);
	snprintf(body, sizeof(body), "{\"platform\":\"any\",\"provider\":\"%s\",\"app\":\"app\",\"token\":\"%s\"}",
		 provider, token);
	world_http(world, user, user % PLACES, request, body);
}

static void people_come(struct walk *walk)
{
	struct world *world = walk->world;
	walk->alice = client_add(world, ALICE, "alice-1", 0, true);
	walk->bob_1 = client_add(world, BOB, "bob-1", 0, true);
	walk->bob_2 = client_add(world, BOB, "bob-2", 1, true);
	walk->dave = client_add(world, DAVE, "dave-phone", 1, false); /* takes everything and says nothing */
	register_device(world, CAROL, "carol-phone", "phones", "carol-token");
	register_device(world, DAVE, "dave-phone", "phones", "dave-token");
	register_device(world, ERIN, "erin-phone", "phones", "erin-token");
	register_device(world, ERIN, "erin-mail", "mail", "erin@example.org");
	register_device(world, FRANK, "frank-phone", "phones", "frank-token");
	register_device(world, GRACE, "grace-mail", "mail", "grace@example.org");
	register_device(world, HEIDI, "heidi-phone", "phones", "heidi-token");
	world_settle(world);
}

struct wish {
	const char *token;
	int64_t pos;
	size_t count;
};

static bool is_taken(struct world *world, int64_t arg)
{
	const struct wish *wish = (const struct wish *)(intptr_t)arg;
	return fake_vendor_taken(&world->vendor, wish->token, wish->pos) >= wish->count;
}

static void await_push(struct walk *walk, const char *token, int64_t pos, size_t count)
{
	struct wish wish = {token, pos, count};
	world_until(walk->world, is_taken, (int64_t)(intptr_t)&wish);
}

static void exactly(struct walk *walk, const char *token, int64_t pos, size_t count)
{
	if (walk->exact) {
		assert_int_equal(fake_vendor_taken(&walk->world->vendor, token, pos), count);
	}
}

static bool has_dead_letter(struct world *world, int64_t count)
{
	return fake_bus_count(&world->flow.bus, "dead") >= (size_t)count;
}

/* Alice writes to everybody. */
static void first_words(struct walk *walk)
{
	for (int64_t peer = BOB; peer <= HEIDI; peer++) {
		(void)client_send_to(walk->alice, peer, "first words");
	}
	world_settle(walk->world);
	await_push(walk, "carol-token", 1, 1);
	await_push(walk, "erin@example.org", 1, 1);   /* her phone's token is dead */
	world_until(walk->world, has_dead_letter, 1); /* Grace's */
	world_settle(walk->world);
	if (walk->exact) {
		assert_int_equal(walk->bob_1->cursor, 1);
		assert_int_equal(walk->bob_2->cursor, 1);
		assert_int_equal(walk->dave->cursor, 1);
		assert_int_equal(fake_bus_count(&walk->world->flow.bus, "dead"), 1);
		assert_int_equal(fake_bus_count_delayed(&walk->world->flow.bus, "retry."), 2);
	}
	exactly(walk, "dave-token", 0, 0); /* who has a socket is not pushed, yet */
	exactly(walk, "frank-token", 0, 0);
	exactly(walk, "heidi-token", 0, 0);
}

static void pass(struct walk *walk, const char *stage)
{
	(void)fake_bus_release_stage(&walk->world->flow.bus, stage);
	world_settle(walk->world);
}

static void time_passes(struct walk *walk)
{
	pass(walk, "retry.");
	await_push(walk, "frank-token", 1, 1);
	await_push(walk, "heidi-token", 1, 1); /* the answer to this one is lost */
	pass(walk, "retry.");
	exactly(walk, "frank-token", 1, 1);
	exactly(walk, "heidi-token", 1, 2); /* with the same id */
	pass(walk, "check.");
	await_push(walk, "dave-token", 1, 1); /* nobody acked */
	exactly(walk, "dave-token", 0, 1);
	exactly(walk, "carol-token", 0, 1);
}

/* ---- a group ---- */

static void note_created(struct walk *walk, const struct sw_uuid *cid)
{
	const int64_t nobody = 0;
	struct message *m = scenario_message(&walk->world->scenario, BOB, "");
	m->cid = *cid;
	snprintf(m->body, sizeof(m->body), "{\"title\":\"team\",\"members\":[\"bob\",\"alice\",\"carol\",\"dave\"]}");
	m->content = sw_uuid_derive("surewire.create", sw_bytes_str(m->body), sw_bytes(&nobody, sizeof(nobody)));
}

static void group_is_made(struct walk *walk)
{
	struct world *world = walk->world;
	char body[192];
	char text[SW_UUID_TEXT_LEN + 1];
	struct sw_uuid cid = sw_uuid_random();
	sw_uuid_format(&cid, text);
	snprintf(body, sizeof(body),
		 "{\"kind\":\"group\",\"title\":\"team\",\"members\":[\"alice\",\"carol\",\"dave\"],\"cid\":\"%s\"}",
		 text);
	world_http(world, BOB, 1, "POST /v1/conversations", body);
	world_settle(world);
	note_created(walk, &cid);
	pthread_mutex_lock(&world->flow.store.lock);
	sw_fake_foreach(&world->flow.store, conversation, c)
	{
		if (c->lo == 0) {
			snprintf(walk->group, sizeof(walk->group), "{\"conv\":\"%" PRId64 "\"}", c->conv);
		}
	}
	pthread_mutex_unlock(&world->flow.store.lock);
}

static void group_talks(struct walk *walk)
{
	struct world *world = walk->world;
	walk->frank = client_add(world, FRANK, "frank-phone", 1, true); /* and reads what waited for him */
	world_settle(world);
	const struct message *first = client_send(walk->bob_1, walk->group, "one");
	(void)client_send(walk->bob_2, walk->group, "two");
	client_send(walk->frank, walk->group, "let me in")->reject = SW_REJECT_NOT_MEMBER;
	world_settle(world);
	client_drop(walk->bob_1);
	client_repeat(walk->bob_1, first);
	world_settle(world);
	await_push(walk, "carol-token", 4, 1);
	walk->carol = client_add(world, CAROL, "carol-phone", 1, true);
	world_settle(world);
	if (walk->exact) {
		assert_int_equal(walk->frank->cursor, 1);
		assert_int_equal(walk->carol->cursor, 4);
		assert_int_equal(walk->bob_2->cursor, 4);
		assert_int_equal(fake_vendor_taken(&world->vendor, "carol-token", 0), 4);
	}
}

/* The gateway of half of them dies; some come back, some leave. */
static void gateway_dies(struct walk *walk)
{
	struct world *world = walk->world;
	if (walk->exact) {
		fake_bus_kill(&world->flow.bus, "g1");
	}
	(void)client_send_to(walk->alice, CAROL, "still there?");
	(void)client_send_to(walk->carol, ALICE, "yes");
	world_settle(world);
	client_leave(walk->carol);
	client_leave(walk->bob_2);
	world_settle(world);
	(void)client_send_to(walk->alice, CAROL, "and now?");
	(void)client_send(walk->alice, walk->group, "good night");
	world_settle(world);
	await_push(walk, "carol-token", 7, 1);
	await_push(walk, "carol-token", 8, 1);
}

/* Until nothing waits for its time any more. */
static void evening(struct walk *walk)
{
	struct world *world = walk->world;
	while (fake_bus_release_stage(&world->flow.bus, "") > 0) {
		world_settle(world);
	}
	await_push(walk, "dave-token", 5, 1);
}

void walk_run(struct world *world, bool exact)
{
	struct walk walk = {.world = world, .exact = exact};
	people_come(&walk);
	first_words(&walk);
	time_passes(&walk);
	group_is_made(&walk);
	group_talks(&walk);
	gateway_dies(&walk);
	evening(&walk);
}
