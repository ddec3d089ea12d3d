/* SPDX-License-Identifier: Apache-2.0 */
/* A load of chat clients: one thread, one epoll, nothing allocated for a message. Shares no code with the product, so
 * that neither a fault nor a saving of one is hidden by the other. A broken promise ends the program with a line on
 * stderr and code 1; a timing never does. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "conn.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_NS_PER_S 1000000000LL
#define LOAD_BODY_MAX 4096u

struct load;

/* One person on one connection. index is the line in the file of users; messages name it as their sender. */
struct client {
	struct conn conn;
	const char *name;
	const char *secret;
	unsigned index;
	int state; /* the protocol's own; 0 at first */
	bool ready;
	bool dirty;
	uint64_t pos;
	uint64_t acked;
	/* In the queue of those that owe an acknowledgement, by when. */
	struct client *next_owing;
	int64_t ack_by_ns;
	bool owing;
};

/* How one kind of server is spoken to. */
struct protocol {
	const char *name;
	/* Every message is answered to its sender when it is stored. */
	bool answers;
	/* The connection stands: say the first thing. */
	void (*start)(struct load *load, struct client *client);
	/* Take what is complete of the bytes in conn.in. */
	void (*receive)(struct load *load, struct client *client);
	void (*send)(struct load *load, struct client *from, const struct client *to, uint64_t number);
	/* Says what is due by now. Returns when there is more to say, INT64_MAX: never. NULL: nothing is ever due. */
	int64_t (*say_due)(struct load *load, int64_t now_ns);
};

extern const struct protocol load_surewire;
extern const struct protocol load_xmpp;

/* What is done with what the protocols read. from is the index of the message's sender; numbers count from 1. */
struct load_hooks {
	void (*on_ready)(void *ctx, struct client *client);
	void (*on_answer)(void *ctx, struct client *client, uint64_t number);
	void (*on_message)(void *ctx, struct client *client, uint64_t from, uint64_t number);
};

struct load_options {
	const struct protocol *protocol;
	const char *users; /* file: NAME SECRET, one a line */
	const char *ca;    /* with TLS, checked against this authority */
	uint16_t port;
	unsigned clients;
	unsigned window;
	unsigned body_bytes;
	double warmup_s;
	double seconds;
	double rate; /* messages a second on a fixed schedule; 0: as many as the window lets through */
};

struct load {
	const struct load_options *options;
	const struct load_hooks *hooks;
	void *ctx;
	int epoll;
	SSL_CTX *tls;
	struct client *clients;
	unsigned count;
	struct client **dirty;
	unsigned dirty_count;
	struct client *owing_first;
	struct client *owing_last;
	char *run;                  /* eight hex digits of this run */
	char filler[LOAD_BODY_MAX]; /* of the bodies */
	char *users_text;
	uint8_t *slab;
};

int64_t load_now(void);
/* Ends the program: a promise was broken, or the server does not do what it should. */
_Noreturn void load_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reads the users and makes the clients, each with buffers of buffer_bytes; none is connected. */
void load_init(struct load *load, const struct load_options *options, size_t buffer_bytes);
void load_release(struct load *load);
void load_connect(struct load *load, struct client *client);
/* Waits for something to happen until deadline_ns at the latest, handles all of it, writes what that gave. */
void load_turn(struct load *load, int64_t deadline_ns);
/* Something was put into conn.out. */
void load_mark(struct load *load, struct client *client);
/* The text of a message: who, which, and filler up to body_bytes. Returns its length. */
size_t load_put_text(const struct load *load, char *out, unsigned from, uint64_t number);
/* Reads it back from what follows the opening of the text. */
void load_read_text(const uint8_t *text, size_t len, uint64_t *from_out, uint64_t *number_out);

void chat_run(const struct load_options *options);
void idle_run(const struct load_options *options);

#endif
