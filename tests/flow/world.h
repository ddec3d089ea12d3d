/* SPDX-License-Identifier: Apache-2.0 */
/* A whole installation in this process: two gateways on loopback, the writer, the pusher, on the fake broker, the fake
 * store and the fake push services; clients with real sockets; and the hands of a test. What is real: all roles, their
 * threads, WebSocket and HTTP. Everything of a client and of the test is the test's one thread. */
#ifndef SW_TESTS_WORLD_H
#define SW_TESTS_WORLD_H

#include "fake_vendor.h"
#include "scenario.h"

#include "app/ws_client.h"
#include "gateway/gateway.h"
#include "pusher/pusher.h"

enum { PLACES = 2, GATEWAYS_MAX = 4, PUSHERS_MAX = 2, CLIENTS_MAX = 12 };

struct world;

/* A device that may be online. */
struct client {
	struct world *world;
	int64_t user;
	const char *device;
	unsigned place;
	bool wanted; /* online, if it can be */
	bool acks;
	struct sw_ws_client *ws;
	bool welcome;
	int64_t cursor; /* the last pos that it has */
	int64_t retry_at_ms;
	unsigned connects;
};

/* What a client heard of its message; beside struct message of the same index. */
struct fate {
	struct client *client;
	char to[64];  /* the member "to" of the frame */
	bool pending; /* no answer yet */
	bool accepted, stored, rejected;
	bool in_flight; /* sent on the socket that is open */
	int64_t again_at_ms;
	int64_t id, conv, seq;
};

struct world {
	struct flow flow;
	struct fake_vendor vendor;
	struct scenario scenario;
	struct fate fates[MESSAGES_MAX];
	struct client clients[CLIENTS_MAX];
	size_t client_count;

	/* Clients that heard nothing do not wait for the server's own repairs, and the delays pass by themselves. */
	bool impatient;
	char keys_dir[64];
	char *tokens[PEOPLE + 1];
	struct sw_bus_config gateway_bus[GATEWAYS_MAX], pusher_bus[PUSHERS_MAX];
	struct sw_pg_config gateway_pg[GATEWAYS_MAX], pusher_pg[PUSHERS_MAX];
	struct {
		struct sw_gateway *gateway;
		unsigned serial;
		uint16_t port;
	} places[PLACES];
	unsigned gateways; /* opened so far */
	struct sw_pusher *pusher;
	unsigned pushers;
	unsigned kills;
	int64_t away_since_ms;
	int64_t idle_since_ms;
};

/* For what the test's thread finds while the others run: says it, and aborts. */
#define must(world, what)                                                                   \
	do {                                                                                \
		if (!(what)) {                                                              \
			fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #what); \
			flow_give_up(&(world)->flow, "expectation");                        \
		}                                                                           \
	} while (0)

/* ---- world.c ---- */

/* Everything runs, nobody is there. */
void world_open(struct world *world);
/* All processes are closed, in the order of the program; what they left can be looked at. */
void world_stop(struct world *world);
void world_close(struct world *world);
/* The process that was cut off is replaced by a new one. */
void world_bury_dead(struct world *world);
const char *world_name_of(int64_t user);

/* ---- world_wait.c ---- */

/* A turn of everything that belongs to the test: clients, the dead, connections that are away. */
void world_tick(struct world *world);
typedef bool (*world_predicate_fn)(struct world *world, int64_t arg);
/* Ticks until it is so; fails after two minutes. */
void world_until(struct world *world, world_predicate_fn predicate, int64_t arg);
/* Until nothing is under way, every client has everything, and the store knows it. */
void world_settle(struct world *world);
/* No message under way in the broker's queues. Delayed ones may wait. */
bool world_is_idle(struct world *world);
/* A request over HTTP as this user, repeated until it is answered with 2xx. */
void world_http(struct world *world, int64_t user, unsigned place, const char *request, const char *body);

/* ---- client.c ---- */

struct client *client_add(struct world *world, int64_t user, const char *device, unsigned place, bool acks);
/* Leaves, like somebody who closes the app. */
void client_leave(struct client *client);
/* Its connection is lost, from its side; it comes back. */
void client_drop(struct client *client);
void client_tick(struct client *client);
/* Sends a text; to is the JSON object that says whom. */
struct message *client_send(struct client *client, const char *to, const char *text);
struct message *client_send_to(struct client *client, int64_t peer, const char *text);
/* The same message once more, with its cid. */
void client_repeat(struct client *client, const struct message *message);
bool client_has_all(struct client *client);

/* ---- walk.c, world_check.c ---- */

/* From the first connection to the last; exact: nothing fails, so everything is as it should be at every step. */
void walk_run(struct world *world, bool exact);
extern const struct fake_plan_row walk_plan[];
extern const size_t walk_plan_count;

struct world_repeats {
	size_t planned; /* second requests after an answer that was lost by the plan */
	size_t others;  /* requests that a service took although it had taken the same job before */
};
/* After world_stop. */
void world_check(struct world *world, struct world_repeats *repeats_out);

#endif
