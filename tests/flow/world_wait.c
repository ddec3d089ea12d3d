/* SPDX-License-Identifier: Apache-2.0 */
/* Time in the world: turns of the test's own parts, waiting for something, and what happens when nothing happens. */
#include "world.h"

#include "http_call.h"

#include <surewire/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Patience grows while nothing comes of losing it: a busy machine must not be hurried for ever. */
enum { WAIT_MS = 120000, AWAY_MS = 30, PATIENCE_MS = 150, PATIENCE_MAX_MS = 8000, HTTP_BYTES_MAX = 4096 };

static void bring_back(struct world *world)
{
	pthread_mutex_lock(&world->flow.bus.lock);
	bool away = world->flow.bus.away != NULL;
	pthread_mutex_unlock(&world->flow.bus.lock);
	int64_t now_ms = sw_clock_mono_ms();
	if (!away) {
		world->away_since_ms = now_ms;
	} else if (now_ms - world->away_since_ms >= AWAY_MS) {
		fake_bus_reconnect(&world->flow.bus);
	}
}

void world_tick(struct world *world)
{
	world_bury_dead(world);
	bring_back(world);
	for (size_t i = 0; i < world->client_count; i++) {
		client_tick(&world->clients[i]);
	}
	if (!world_is_idle(world)) {
		world->idle_since_ms = sw_clock_mono_ms();
	}
	nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
}

bool world_is_idle(struct world *world)
{
	struct fake_bus *bus = &world->flow.bus;
	pthread_mutex_lock(&bus->lock);
	bool idle = !bus->dead && !bus->away && fake_bus_is_drained(bus, "ingest.", "mailbox.") &&
		    fake_bus_is_drained(bus, "push.", "node.");
	pthread_mutex_unlock(&bus->lock);
	return idle;
}

static int64_t more(int64_t patience_ms)
{
	return patience_ms * 2 < PATIENCE_MAX_MS ? patience_ms * 2 : PATIENCE_MAX_MS;
}

/* Nobody waits for ever: the delays pass; and a client that lacks something connects anew. */
static void lose_patience(struct world *world)
{
	world->idle_since_ms = sw_clock_mono_ms();
	size_t released = fake_bus_release_stage(&world->flow.bus, "retry.");
	released += fake_bus_release_stage(&world->flow.bus, "check.");
	for (size_t i = 0; i < world->client_count && !released; i++) {
		if (world->clients[i].wanted && !client_has_all(&world->clients[i])) {
			client_drop(&world->clients[i]);
		}
	}
}

static void dump(struct world *world)
{
	for (size_t i = 0; i < world->client_count; i++) {
		const struct client *c = &world->clients[i];
		fprintf(stderr, "  client %s: wanted %d, socket %d, welcome %d, cursor %lld, has all %d\n", c->device,
			c->wanted, c->ws != NULL, c->welcome, (long long)c->cursor, client_has_all(&world->clients[i]));
	}
	for (size_t i = 0; i < world->scenario.count; i++) {
		const struct fate *f = &world->fates[i];
		if (f->pending) {
			fprintf(stderr, "  message %zu %s: in flight %d, accepted %d\n", i,
				world->scenario.messages[i].body, f->in_flight, f->accepted);
		}
	}
	for (size_t i = 0; i < world->vendor.count; i++) {
		const struct fake_push *p = &world->vendor.pushes[i];
		fprintf(stderr, "  push %s pos %lld: answer %d\n", p->token, (long long)p->pos, p->answer);
	}
	for (size_t i = 0; i < sw_pusher_instance_count(world->pusher); i++) {
		struct sw_pusher_instance_state state = sw_pusher_instance_state(world->pusher, i);
		fprintf(stderr, "  pusher %s: %zu active, %zu at the service, credential %d %s\n", state.name,
			state.active, state.in_flight, state.credential_ready, state.credential_text);
	}
	sw_fake_foreach(&world->flow.store, delivery, d)
	{
		fprintf(stderr, "  delivery to %.*s pos %lld: %.*s\n", SW_BYTES_FMT(d->device), (long long)d->pos,
			SW_BYTES_FMT(d->state));
	}
	fprintf(stderr, "  %zu wait for a retry, %zu for a check\n", fake_bus_count_delayed(&world->flow.bus, "retry."),
		fake_bus_count_delayed(&world->flow.bus, "check."));
}

void world_until(struct world *world, world_predicate_fn predicate, int64_t arg)
{
	int64_t until_ms = sw_clock_mono_ms() + WAIT_MS;
	int64_t patience_ms = PATIENCE_MS;
	world->idle_since_ms = sw_clock_mono_ms();
	do {
		world_tick(world);
		if (sw_clock_mono_ms() > until_ms) {
			dump(world);
			flow_give_up(&world->flow, "what the test waits for");
		}
		if (world->impatient && sw_clock_mono_ms() - world->idle_since_ms > patience_ms) {
			lose_patience(world);
			patience_ms = more(patience_ms);
		}
	} while (!predicate(world, arg));
}

static bool is_quiet(struct world *world, int64_t ignored)
{
	(void)ignored;
	if (!world_is_idle(world)) {
		return false;
	}
	for (size_t i = 0; i < world->client_count; i++) {
		if (world->clients[i].wanted && !client_has_all(&world->clients[i])) {
			return false;
		}
	}
	return true;
}

/* Twice with a word to every mailbox between, so that what an engine had in mind is done. */
void world_settle(struct world *world)
{
	for (int round = 0; round < 2; round++) {
		world_until(world, is_quiet, 0);
		flow_ping(&world->flow);
	}
	world_until(world, is_quiet, 0);
}

/* ---- HTTP ---- */

static bool is_good(int status)
{
	return status / 100 == 2;
}

void world_http(struct world *world, int64_t user, unsigned place, const char *request, const char *body)
{
	char text[HTTP_BYTES_MAX];
	int len = snprintf(text, sizeof(text),
			   "%s HTTP/1.1\r\nHost: flow\r\nAuthorization: Bearer %s\r\nContent-Type: "
			   "application/json\r\nContent-Length: %zu\r\n\r\n%s",
			   request, world->tokens[user], strlen(body), body);
	must(world, len < (int)sizeof(text));
	int64_t until_ms = sw_clock_mono_ms() + WAIT_MS;
	int64_t patience_ms = PATIENCE_MS;
	int64_t asked_ms = 0;
	struct http_call *call = NULL;
	int status = -1;
	while (!is_good(status)) {
		must(world, sw_clock_mono_ms() < until_ms);
		must(world, status <= 0 || status == 503);
		world_tick(world);
		if (status || (world->impatient && sw_clock_mono_ms() - asked_ms > patience_ms)) {
			http_call_end(call);
			call = http_call_start(world->places[place].port, sw_bytes(text, (size_t)len));
			asked_ms = sw_clock_mono_ms();
			patience_ms = more(patience_ms);
		}
		status = call ? http_call_status(call) : -1;
	}
	http_call_end(call);
}
