/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: each has a name, which its connections to the broker and to the store bear. */
#include "world.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIRST_NODE = 911 };

static const char *const gateway_names[GATEWAYS_MAX] = {"g0", "g1", "g2", "g3"};
static const char *const pusher_names[PUSHERS_MAX] = {"p0", "p1"};
static const char *const names[PEOPLE + 1] = {"", "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"};

static const char *get_nothing(const struct sw_provider_config *config, const char *key)
{
	(void)config;
	(void)key;
	return NULL;
}

static const struct sw_provider_config phones_config = {.instance = "phones", .get = get_nothing};
static const struct sw_provider_config mail_config = {.instance = "mail", .get = get_nothing};
static const struct sw_pusher_instance instances[] = {{"phones", &fake_provider_phones, &phones_config},
						      {"mail", &fake_provider_mail, &mail_config}};

static const struct sw_gateway_provider providers[] = {{.name = "phones", .ops = &fake_provider_phones},
						       {.name = "mail", .ops = &fake_provider_mail}};

const char *world_name_of(int64_t user)
{
	return names[user];
}

/* ---- tokens ---- */

static void key_path(const struct world *world, char path[96])
{
	snprintf(path, 96, "%s/main.HS256.key", world->keys_dir);
}

static void make_keys(struct world *world)
{
	char path[96];
	snprintf(world->keys_dir, sizeof(world->keys_dir), "/tmp/surewire_flow_XXXXXX");
	assert_non_null(mkdtemp(world->keys_dir));
	key_path(world, path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", file);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
}

static void mint_tokens(struct world *world)
{
	struct sw_diag diag = {0};
	struct sw_keyset *keys = NULL;
	assert_int_equal(sw_keyset_load(world->keys_dir, &keys, &diag), SW_OK);
	for (int64_t user = 1; user <= PEOPLE; user++) {
		struct sw_token_claims claims = {.user = names[user], .lifetime_ms = 3600000};
		assert_int_equal(sw_token_mint(keys, &claims, sw_clock_wall_ms(), &world->tokens[user], &diag), SW_OK);
	}
	sw_keyset_unref(keys);
}

/* ---- processes ---- */

static void open_gateway(struct world *world, unsigned place)
{
	assert_true(world->gateways < GATEWAYS_MAX);
	unsigned serial = world->gateways++;
	world->gateway_bus[serial] = (struct sw_bus_config){.name = gateway_names[serial]};
	world->gateway_pg[serial] = (struct sw_pg_config){.application_name = gateway_names[serial]};
	struct sw_gateway_config config = {
		.publish_bus = &world->gateway_bus[serial],
		.consume_bus = &world->gateway_bus[serial],
		.pg = &world->gateway_pg[serial],
		.ids = &world->flow.ids,
		.node = FIRST_NODE + serial,
		.listen_host = "127.0.0.1",
		.tls_host = "",
		.threads = 1 + place, /* one of each kind */
		.connections_max = 100,
		.window = 64,
		.ping_interval_ms = 25000,
		.hello_timeout_ms = 10000,
		.body_bytes_max = 65536,
		.frame_bytes_max = 131072,
		.send_queue_bytes_max = 1 << 20,
		.rate_user_per_s = 10000,
		.rate_user_burst = 10000,
		.rate_address_per_s = 10000,
		.rate_address_burst = 10000,
		.long_poll_max_ms = 30000,
		.drain_timeout_ms = 1000,
		.ingest_queues = FLOW_QUEUES,
		.mailbox_queues = FLOW_QUEUES,
		.reader_threads = 1,
		.reader_queue_max = 100,
		.keys_dir = world->keys_dir,
		.providers = providers,
		.provider_count = 2,
	};
	struct sw_diag diag = {0};
	assert_int_equal(sw_gateway_open(&config, &world->places[place].gateway, &diag), SW_OK);
	world->places[place].serial = serial;
	world->places[place].port = sw_gateway_state(world->places[place].gateway).port;
}

static void open_pusher(struct world *world)
{
	assert_true(world->pushers < PUSHERS_MAX);
	unsigned serial = world->pushers++;
	world->pusher_bus[serial] = (struct sw_bus_config){.name = pusher_names[serial]};
	world->pusher_pg[serial] = (struct sw_pg_config){.application_name = pusher_names[serial]};
	struct sw_pusher_config config = {.bus = &world->pusher_bus[serial],
					  .breaker = {.failures = 10, .pause_ms = 1000, .pause_max_ms = 10000},
					  .pg = &world->pusher_pg[serial],
					  .instances = instances,
					  .instance_count = 2,
					  .mailbox_queues = FLOW_QUEUES,
					  .new_message_key = "",
					  .classes = {{8, 3600000}, {8, 3600000}, {8, 3600000}, {8, 3600000}},
					  .concurrency = 16};
	struct sw_diag diag = {0};
	assert_int_equal(sw_pusher_open(&config, &world->pusher, &diag), SW_OK);
}

static bool all_owned(const struct fake_store *store, int64_t count)
{
	int64_t owned = 0;
	sw_fake_foreach(store, owner, o)
	{
		owned += o->owner != 0;
	}
	return owned == count;
}

void world_open(struct world *world)
{
	*world = (struct world){0};
	flow_open(&world->flow, 2);
	world->flow.bus.hold_delayed = true;
	fake_vendor_open(&world->vendor);
	world->vendor.plan = walk_plan;
	world->vendor.plan_count = walk_plan_count;
	world->scenario.flow = &world->flow;
	make_keys(world);
	mint_tokens(world);
	flow_start(&world->flow, 0);
	flow_wait_store(&world->flow, all_owned, 2 * FLOW_QUEUES);
	for (unsigned place = 0; place < PLACES; place++) {
		open_gateway(world, place);
	}
	open_pusher(world);
}

static void close_gateways(struct world *world)
{
	for (unsigned place = 0; place < PLACES; place++) {
		sw_gateway_close(world->places[place].gateway);
		world->places[place].gateway = NULL;
	}
}

void world_stop(struct world *world)
{
	for (size_t i = 0; i < world->client_count; i++) {
		client_leave(&world->clients[i]);
	}
	close_gateways(world);
	world_settle(world);   /* the last sessions that went down; */
	close_gateways(world); /* and one that died of saying so */
	for (unsigned i = 0; i < FLOW_WRITERS_MAX; i++) {
		flow_stop(&world->flow, i);
	}
	sw_pusher_close(world->pusher, sw_clock_mono_ms() + 5000);
	world->pusher = NULL;
}

void world_close(struct world *world)
{
	char path[96];
	key_path(world, path);
	unlink(path);
	rmdir(world->keys_dir);
	for (int64_t user = 1; user <= PEOPLE; user++) {
		free(world->tokens[user]);
	}
	fake_vendor_close(&world->vendor);
	flow_close(&world->flow);
}

/* ---- the dead ---- */

static void replace_gateway(struct world *world, const char *dead)
{
	for (unsigned place = 0; place < PLACES; place++) {
		if (strcmp(gateway_names[world->places[place].serial], dead) == 0) {
			sw_gateway_close(world->places[place].gateway);
			fake_bus_bury(&world->flow.bus);
			open_gateway(world, place);
		}
	}
}

static void replace_pusher(struct world *world)
{
	sw_pusher_close(world->pusher, sw_clock_mono_ms());
	fake_bus_bury(&world->flow.bus);
	open_pusher(world);
}

void world_bury_dead(struct world *world)
{
	const char *dead = fake_bus_dead(&world->flow.bus);
	if (!dead) {
		return;
	}
	world->kills++;
	pthread_mutex_lock(&world->flow.store.lock);
	world->flow.store.dead_name = dead;
	pthread_mutex_unlock(&world->flow.store.lock);
	if (dead[0] == 'w') {
		flow_replace(&world->flow);
	} else if (dead[0] == 'g') {
		replace_gateway(world, dead);
	} else {
		replace_pusher(world);
	}
}
