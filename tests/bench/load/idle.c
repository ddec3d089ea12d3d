/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections that do nothing but answer pings, so that the server's memory can be looked at from outside. Lines
 * on stdin steer it: `exchange N` lets each send N messages to its neighbour, `quit` or the end of stdin ends it; a
 * line on stdout answers when it is done. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Handshakes, and later writers, at work at once. */
#define AT_ONCE 200u
#define STEP_S 240

struct person {
	uint64_t wanted;
	uint64_t sent;
	uint64_t stored;
	uint64_t from_self;
	uint64_t from_other;
};

struct idle {
	struct load load;
	struct person *people;
	unsigned ready;
	unsigned next; /* to write */
	unsigned quiet;
};

static struct client *neighbour(struct idle *idle, const struct client *client)
{
	return &idle->load.clients[client->index ^ 1u];
}

static void on_ready(void *ctx, struct client *client)
{
	struct idle *idle = ctx;
	(void)client;
	idle->ready++;
}

static void write_next(struct idle *idle, struct client *client)
{
	struct person *person = &idle->people[client->index];
	idle->load.options->protocol->send(&idle->load, client, neighbour(idle, client), ++person->sent);
}

static void start_next(struct idle *idle)
{
	if (idle->next < idle->load.count) {
		write_next(idle, &idle->load.clients[idle->next++]);
	}
}

static void check_quiet(struct idle *idle, const struct person *person)
{
	if (person->stored == person->wanted && person->from_self == person->wanted &&
	    person->from_other == person->wanted) {
		idle->quiet++;
	}
}

static void on_answer(void *ctx, struct client *client, uint64_t number)
{
	struct idle *idle = ctx;
	struct person *person = &idle->people[client->index];
	if (number != ++person->stored) {
		load_fail("%s: message %llu is stored where %llu was awaited", client->name, (unsigned long long)number,
			  (unsigned long long)person->stored);
	}
	if (person->stored < person->wanted) {
		write_next(idle, client);
	} else {
		start_next(idle);
	}
	check_quiet(idle, person);
}

static void on_message(void *ctx, struct client *client, uint64_t from, uint64_t number)
{
	struct idle *idle = ctx;
	struct person *person = &idle->people[client->index];
	uint64_t *last = from == client->index ? &person->from_self : &person->from_other;
	if ((from | 1u) != (client->index | 1u) || number != ++*last) {
		load_fail("%s: message %llu of client %llu: lost, doubled, out of order or not for it", client->name,
			  (unsigned long long)number, (unsigned long long)from);
	}
	check_quiet(idle, person);
}

static void await(struct idle *idle, const unsigned *value, unsigned least, const char *what)
{
	int64_t deadline = load_now() + STEP_S * LOAD_NS_PER_S;
	while (*value < least) {
		if (load_now() > deadline) {
			load_fail("%u of %u %s within %d s", *value, least, what, STEP_S);
		}
		load_turn(&idle->load, load_now() + LOAD_NS_PER_S / 10);
	}
}

static void log_in(struct idle *idle)
{
	for (unsigned i = 0; i < idle->load.count; i++) {
		load_connect(&idle->load, &idle->load.clients[i]);
		if (i >= AT_ONCE) {
			await(idle, &idle->ready, i - AT_ONCE, "clients were logged in");
		}
		if (i % 1000 == 0) {
			fprintf(stderr, "\r    %5u connections ", i);
		}
		load_turn(&idle->load, 0);
	}
	await(idle, &idle->ready, idle->load.count, "clients were logged in");
	fputs("\r", stderr);
}

static void exchange(struct idle *idle, unsigned count)
{
	idle->next = idle->quiet = 0;
	for (unsigned i = 0; i < idle->load.count; i++) {
		idle->people[i].wanted += count;
	}
	for (unsigned i = 0; i < AT_ONCE; i++) {
		start_next(idle);
	}
	await(idle, &idle->quiet, idle->load.count, "clients had sent and received their messages");
}

/* False when it shall end: by `quit`, or because whoever steers it is gone. */
static bool obey(struct idle *idle)
{
	char line[64];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
	if (n < 0 && errno == EAGAIN) {
		return true;
	}
	unsigned count;
	line[n < 0 ? 0 : n] = '\0';
	if (sscanf(line, "exchange %u", &count) != 1 || count == 0) {
		return false;
	}
	exchange(idle, count);
	puts("exchanged");
	return true;
}

void idle_run(const struct load_options *options)
{
	static const struct load_hooks hooks = {.on_ready = on_ready, .on_answer = on_answer, .on_message = on_message};
	struct idle idle = {.people = calloc(options->clients, sizeof(struct person))};
	if (!idle.people || fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) != 0) {
		load_fail("cannot start: %s", strerror(errno));
	}
	load_init(&idle.load, options, 16u << 10);
	idle.load.hooks = &hooks;
	idle.load.ctx = &idle;
	log_in(&idle);
	puts("ready");
	while (obey(&idle)) {
		load_turn(&idle.load, load_now() + LOAD_NS_PER_S / 5);
	}
	load_release(&idle.load);
	free(idle.people);
}
