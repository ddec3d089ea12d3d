/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of people of whom one writes and one reads. A message is done when the reader has it and, where the server
 * says so, the writer knows that it is stored: the later of both. Either every pair has `window` messages under way
 * (the rate is the server's), or messages are due on a fixed schedule (the rate is ours): then times count from when a
 * message was due, also if the window or the server held it up. Lines on stdout tell when measuring begins and ends. */
#include "histogram.h"
#include "load.h"

#include <stdio.h>
#include <stdlib.h>

/* More than a window may be; a message holds its slot until it is done. */
#define SLOTS 128u
#define DRAIN_S 60
#define LOGIN_S 60

struct slot {
	uint64_t number; /* 0: free */
	int64_t due_ns;
	bool answered;
	bool received;
};

struct pair {
	struct client *writer;
	struct client *reader;
	uint64_t due; /* by the schedule */
	uint64_t sent;
	uint64_t done;
	uint64_t echoed; /* of the writer's own messages, as its inbox shows them */
	uint64_t read;
	struct slot slots[SLOTS];
};

struct chat {
	struct load load;
	const struct load_options *options;
	struct pair *pairs;
	unsigned pair_count;
	unsigned ready;
	int64_t start_ns, from_ns, to_ns;
	uint64_t due; /* of all pairs */
	uint64_t done_in_time;
	struct histogram delivered, stored;
};

static struct pair *pair_of(struct chat *chat, const struct client *client)
{
	return &chat->pairs[client->index / 2];
}

static void on_ready(void *ctx, struct client *client)
{
	struct chat *chat = ctx;
	(void)client;
	chat->ready++;
}

static bool is_measured(const struct chat *chat, int64_t ns)
{
	return ns >= chat->from_ns && ns < chat->to_ns;
}

static struct slot *slot_of(struct pair *pair, uint64_t number)
{
	struct slot *slot = &pair->slots[number % SLOTS];
	if (slot->number != number) {
		load_fail("message %llu of %s is not under way: doubled", (unsigned long long)number,
			  pair->writer->name);
	}
	return slot;
}

static void settle(struct chat *chat, struct pair *pair, struct slot *slot, int64_t now)
{
	if (slot->answered && slot->received) {
		slot->number = 0;
		pair->done++;
		chat->done_in_time += is_measured(chat, now);
	}
}

/* Latencies are those of the messages that were due while it was measured. */
static void record(const struct chat *chat, struct histogram *histogram, const struct slot *slot, int64_t now)
{
	if (is_measured(chat, slot->due_ns)) {
		histogram_add(histogram, now - slot->due_ns);
	}
}

static void on_answer(void *ctx, struct client *client, uint64_t number)
{
	struct chat *chat = ctx;
	struct pair *pair = pair_of(chat, client);
	struct slot *slot = slot_of(pair, number);
	int64_t now = load_now();
	if (slot->answered) {
		load_fail("%s: stored twice: %llu", client->name, (unsigned long long)number);
	}
	slot->answered = true;
	record(chat, &chat->stored, slot, now);
	settle(chat, pair, slot, now);
}

static void on_message(void *ctx, struct client *client, uint64_t from, uint64_t number)
{
	struct chat *chat = ctx;
	struct pair *pair = pair_of(chat, client);
	uint64_t *last = client == pair->writer ? &pair->echoed : &pair->read;
	if (from != pair->writer->index || number != *last + 1) {
		load_fail("%s got message %llu of client %llu after %llu: lost, doubled, out of order or not for it",
			  client->name, (unsigned long long)number, (unsigned long long)from,
			  (unsigned long long)*last);
	}
	*last = number;
	if (client == pair->reader) {
		struct slot *slot = slot_of(pair, number);
		int64_t now = load_now();
		slot->received = true;
		record(chat, &chat->delivered, slot, now);
		settle(chat, pair, slot, now);
	}
}

static void send_next(struct chat *chat, struct pair *pair, int64_t due_ns)
{
	uint64_t number = ++pair->sent;
	pair->slots[number % SLOTS] = (struct slot){
		.number = number, .due_ns = due_ns, .answered = !chat->options->protocol->answers};
	chat->options->protocol->send(&chat->load, pair->writer, pair->reader, number);
}

static bool has_room(const struct chat *chat, const struct pair *pair)
{
	return pair->sent - pair->done < chat->options->window && pair->slots[(pair->sent + 1) % SLOTS].number == 0;
}

static int64_t due_at(const struct chat *chat, uint64_t index)
{
	return chat->start_ns + (int64_t)((double)index * (double)LOAD_NS_PER_S / chat->options->rate);
}

/* Message number n (from 1) of a pair is number (n - 1) * pairs + the pair's place of all. */
static int64_t due_of(const struct chat *chat, const struct pair *pair, uint64_t number)
{
	return due_at(chat, (number - 1) * chat->pair_count + (uint64_t)(pair - chat->pairs));
}

static void send_scheduled(struct chat *chat, int64_t now)
{
	while (due_at(chat, chat->due) <= now && now < chat->to_ns) {
		chat->pairs[chat->due++ % chat->pair_count].due++;
	}
	for (unsigned i = 0; i < chat->pair_count; i++) {
		struct pair *pair = &chat->pairs[i];
		while (pair->sent < pair->due && has_room(chat, pair)) {
			send_next(chat, pair, due_of(chat, pair, pair->sent + 1));
		}
	}
}

static void send_all(struct chat *chat, int64_t now)
{
	for (unsigned i = 0; i < chat->pair_count; i++) {
		while (has_room(chat, &chat->pairs[i])) {
			send_next(chat, &chat->pairs[i], now);
		}
	}
}

static uint64_t total(const struct chat *chat, size_t offset)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < chat->pair_count; i++) {
		sum += *(const uint64_t *)((const char *)&chat->pairs[i] + offset);
	}
	return sum;
}

static uint64_t total_done(const struct chat *chat)
{
	return total(chat, offsetof(struct pair, done));
}

static void progress(struct chat *chat, int64_t now)
{
	static int64_t last_ns;
	static uint64_t last;
	if (now - last_ns >= LOAD_NS_PER_S) {
		uint64_t done = total_done(chat);
		if (last_ns) {
			fprintf(stderr, "\r    %3.0f s  %6.0f/s ",
				(double)(now - chat->start_ns) / (double)LOAD_NS_PER_S,
				(double)(done - last) * (double)LOAD_NS_PER_S / (double)(now - last_ns));
		}
		last_ns = now;
		last = done;
	}
}

/* Sends until the given time. */
static void pump(struct chat *chat, int64_t until_ns)
{
	int64_t now;
	while ((now = load_now()) < until_ns) {
		int64_t next = until_ns;
		if (chat->options->rate > 0) {
			send_scheduled(chat, now);
			next = due_at(chat, chat->due);
		} else {
			send_all(chat, now);
		}
		progress(chat, now);
		load_turn(&chat->load, next < until_ns ? next : until_ns);
	}
}

static void log_in(struct chat *chat)
{
	int64_t deadline = load_now() + LOGIN_S * LOAD_NS_PER_S;
	for (unsigned i = 0; i < chat->load.count; i++) {
		load_connect(&chat->load, &chat->load.clients[i]);
	}
	while (chat->ready < chat->load.count) {
		if (load_now() > deadline) {
			load_fail("%u of %u clients were logged in within %d s", chat->ready, chat->load.count,
				  LOGIN_S);
		}
		load_turn(&chat->load, deadline);
	}
}

/* Every message that was sent must be done, in the writer's inbox too where it has one, and acknowledged. */
static bool is_quiet(const struct chat *chat)
{
	for (unsigned i = 0; i < chat->pair_count; i++) {
		const struct pair *pair = &chat->pairs[i];
		if (pair->done != pair->sent || (chat->options->protocol->answers && pair->echoed != pair->sent)) {
			return false;
		}
	}
	return !chat->load.owing_first;
}

static void drain(struct chat *chat)
{
	int64_t deadline = load_now() + DRAIN_S * LOAD_NS_PER_S;
	while (!is_quiet(chat)) {
		if (load_now() > deadline) {
			load_fail("lost: %llu of %llu messages did not arrive within %d s",
				  (unsigned long long)(total(chat, offsetof(struct pair, sent)) - total_done(chat)),
				  (unsigned long long)total(chat, offsetof(struct pair, sent)), DRAIN_S);
		}
		load_turn(&chat->load, load_now() + LOAD_NS_PER_S / 10);
	}
}

static void print_times(const char *name, const struct histogram *histogram)
{
	printf(",\"%s_ms\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"count\":%llu}", name,
	       histogram_quantile_ms(histogram, 0.5), histogram_quantile_ms(histogram, 0.9),
	       histogram_quantile_ms(histogram, 0.99), (double)histogram->max_us / 1000,
	       (unsigned long long)histogram->count);
}

static void print_result(const struct chat *chat, uint64_t waiting)
{
	printf("{\"messages\":%llu,\"seconds\":%.3f,\"rate\":%.1f,\"sent\":%llu,\"waiting\":%llu",
	       (unsigned long long)chat->done_in_time, chat->options->seconds,
	       (double)chat->done_in_time / chat->options->seconds,
	       (unsigned long long)total(chat, offsetof(struct pair, sent)), (unsigned long long)waiting);
	print_times("delivered", &chat->delivered);
	if (chat->options->protocol->answers) {
		print_times("stored", &chat->stored);
	}
	puts("}");
}

static void init(struct chat *chat, const struct load_options *options)
{
	static const struct load_hooks hooks = {.on_ready = on_ready, .on_answer = on_answer, .on_message = on_message};
	chat->options = options;
	load_init(&chat->load, options, 256u << 10);
	chat->load.hooks = &hooks;
	chat->load.ctx = chat;
	chat->pair_count = options->clients / 2;
	chat->pairs = calloc(chat->pair_count, sizeof(*chat->pairs));
	if (!chat->pairs) {
		load_fail("out of memory");
	}
	for (unsigned i = 0; i < chat->pair_count; i++) {
		chat->pairs[i].writer = &chat->load.clients[(size_t)2 * i];
		chat->pairs[i].reader = &chat->load.clients[(size_t)2 * i + 1];
	}
}

void chat_run(const struct load_options *options)
{
	struct chat *chat = calloc(1, sizeof(*chat));
	if (!chat) {
		load_fail("out of memory");
	}
	init(chat, options);
	log_in(chat);
	chat->start_ns = load_now();
	chat->from_ns = chat->start_ns + (int64_t)(options->warmup_s * (double)LOAD_NS_PER_S);
	chat->to_ns = chat->from_ns + (int64_t)(options->seconds * (double)LOAD_NS_PER_S);
	pump(chat, chat->from_ns);
	puts("begin");
	pump(chat, chat->to_ns);
	puts("end");
	uint64_t waiting = chat->due > 0 ? chat->due - total(chat, offsetof(struct pair, sent)) : 0;
	drain(chat);
	fputs("\r", stderr);
	print_result(chat, waiting);
	load_release(&chat->load);
	free(chat->pairs);
	free(chat);
}
