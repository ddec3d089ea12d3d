/* SPDX-License-Identifier: Apache-2.0 */
/* Pushes as fast as the APNs provider and the HTTP/2 client of the pusher allow: what src/pusher/send.c does with a job
 * (encode, send, classify), for COUNT jobs of which OUTSTANDING are under way, over one connection. Every job has ids,
 * numbers and a payload of its own; all payloads have the same length. No broker, no store, no records: those are
 * measured elsewhere. Prints one line of JSON; fails when one push was not accepted. */
#include "pusher/pusher_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>
#include <surewire/outcome.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONV_COUNT = 1000, DAY_MS = 24 * 3600 * 1000 };

/* Ids are 19 digits wide, as those of a running system. */
static const int64_t event_base = 7300000000000000000;
static const int64_t conv_base = 7200000000000000000;
static const int64_t seq_base = 1000000;

struct load;

struct push {
	struct push *next;
	struct load *load;
	struct sw_item_job item;
	struct sw_arena arena;
	struct sw_send send;
	struct sw_h2_call call;
	struct sw_outcome outcome;
};

struct load {
	struct sw_loop *loop;
	struct sw_provider *provider;
	struct sw_h2_pool *pool; /* NULL until the first request names its endpoint */
	struct sw_turn turn;
	struct push *idle;
	struct sw_bytes token;
	struct sw_bytes preview;
	size_t count;
	size_t outstanding;
	size_t started;
	size_t ended;
	size_t delivered;
	struct sw_outcome other; /* the first that was not accepted */
	int64_t start_us;
	int64_t end_us;
};

static const char *get_key(const struct sw_provider_config *config, const char *key)
{
	const char *const *pairs = config->ctx;
	for (; pairs[0] && strcmp(pairs[0], key) != 0; pairs += 2) {
	}
	return pairs[0] ? pairs[1] : NULL;
}

static void fill_item(struct push *push, size_t number)
{
	int64_t n = (int64_t)number;
	int64_t now_ms = sw_clock_wall_ms();
	push->item = (struct sw_item_job){
		.user_name = sw_bytes_str("bob"),
		.device = sw_bytes_str("phone"),
		.app = sw_bytes_str("org.example.chat"),
		.token = push->load->token,
		.registered_at_ms = 1,
		.event = event_base + n,
		.conv = conv_base + n % CONV_COUNT,
		.seq = seq_base + n,
		.pos = seq_base + n,
		.title = sw_bytes_str("Alice Example"),
		.preview = push->load->preview,
		.badge = 3,
		.created_at_ms = now_ms,
		.expires_at_ms = now_ms + DAY_MS,
		.attempt = 1,
	};
	memcpy(push->item.job.bytes, &push->item.event, sizeof(push->item.event));
	memcpy(push->item.job.bytes + 8, &push->item.conv, sizeof(push->item.conv));
}

static int encode(struct push *push)
{
	struct sw_diag diag = {""};
	struct sw_notification notification;
	sw_arena_reset(&push->arena);
	int err = sw_pusher_notification(&push->item, &push->arena, &notification, &diag);
	struct sw_push_target target = sw_pusher_target(&push->item);
	err = err ? err
		  : sw_provider_apns.encode(push->load->provider, &target, &notification, sw_clock_wall_ms(),
					    &push->arena, &push->send, &diag);
	if (err) {
		fprintf(stderr, "push_load: %s\n", diag.text);
	}
	return err;
}

static void on_closed(void *ctx)
{
	struct load *load = ctx;
	sw_loop_stop(load->loop);
}

static void finish(struct load *load)
{
	load->end_us = sw_clock_mono_us();
	sw_h2_pool_close(load->pool, on_closed, load);
}

static void on_done(struct sw_h2_call *call, const struct sw_h2_result *result)
{
	struct push *push = call->ctx;
	struct load *load = push->load;
	push->outcome = (struct sw_outcome){.kind = SW_OUTCOME_RETRY, .after_ms = -1};
	snprintf(push->outcome.reason, sizeof(push->outcome.reason), "%s", result->detail);
	if (result->end == SW_H2_ANSWERED) {
		struct sw_push_target target = sw_pusher_target(&push->item);
		struct sw_answer answer = {.target = &target, .http = &result->response, .now_ms = sw_clock_wall_ms()};
		sw_provider_apns.classify(load->provider, &answer, &push->outcome);
	}
	load->ended++;
	if (push->outcome.kind == SW_OUTCOME_DELIVERED) {
		load->delivered++;
	} else if (load->other.kind == SW_OUTCOME_DELIVERED) {
		load->other = push->outcome;
	}
	push->next = load->idle;
	load->idle = push;
	if (load->ended == load->count) {
		finish(load);
	} else {
		sw_loop_at_turn_end(load->loop, &load->turn);
	}
}

static void send_one(struct load *load, struct push *push)
{
	fill_item(push, load->started);
	if (encode(push) != SW_OK) {
		exit(1);
	}
	if (!load->pool) {
		load->pool = sw_h2_pool_new(sw_loop_uv(load->loop), push->send.endpoint, 2 * load->outstanding);
	}
	push->call = (struct sw_h2_call){.request = &push->send.as.http, .done = on_done, .ctx = push};
	if (sw_h2_send(load->pool, &push->call) != SW_OK) {
		fprintf(stderr, "push_load: the client took no request\n");
		exit(1);
	}
	load->started++;
}

static void on_turn(struct sw_turn *turn)
{
	struct load *load = (struct load *)((char *)turn - offsetof(struct load, turn));
	while (load->idle && load->started < load->count &&
	       sw_provider_apns.credential_state(load->provider, sw_clock_wall_ms()) == SW_CREDENTIAL_READY) {
		struct push *push = load->idle;
		load->idle = push->next;
		send_one(load, push);
	}
}

static void run(struct load *load)
{
	struct push *pushes = sw_xcalloc(load->outstanding, sizeof(*pushes));
	for (size_t i = 0; i < load->outstanding; i++) {
		sw_arena_init(&pushes[i].arena);
		pushes[i].load = load;
		pushes[i].next = load->idle;
		load->idle = &pushes[i];
	}
	load->turn.run = on_turn;
	sw_loop_at_turn_end(load->loop, &load->turn);
	load->start_us = sw_clock_mono_us();
	sw_loop_run(load->loop);
	for (size_t i = 0; i < load->outstanding; i++) {
		sw_arena_release(&pushes[i].arena);
	}
	free(pushes);
}

static void report(const struct load *load)
{
	double seconds = (double)(load->end_us - load->start_us) / 1e6;
	printf("{\"pushes\":%zu,\"delivered\":%zu,\"seconds\":%.3f,\"per_s\":%.0f}\n", load->count, load->delivered,
	       seconds, (double)load->count / seconds);
	if (load->delivered < load->count) {
		fprintf(stderr, "push_load: %zu of %zu pushes were not accepted; the first: %s %d %s\n",
			load->count - load->delivered, load->count, sw_outcome_name(load->other.kind),
			load->other.status, load->other.reason);
	}
}

/* The first payload, for clients that send the same one. */
static int print_payload(struct load *load)
{
	struct push push = {.load = load};
	sw_arena_init(&push.arena);
	fill_item(&push, 0);
	int err = encode(&push);
	if (err == SW_OK) {
		printf("%.*s", SW_BYTES_FMT(push.send.as.http.body));
	}
	sw_arena_release(&push.arena);
	return err;
}

static int push_load(struct load *load)
{
	if (load->count == 0) {
		return print_payload(load) ? 1 : 0;
	}
	load->loop = sw_loop_new("push", 1);
	run(load);
	report(load);
	sw_loop_free(load->loop);
	return load->delivered == load->count ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc != 8) {
		fprintf(stderr, "usage: push_load PORT CA_FILE KEY_FILE TOKEN PREVIEW COUNT OUTSTANDING\n"
				"  COUNT 0: prints the payload of the first push and sends nothing\n");
		return 64;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	const char *pairs[] = {
		"host",        "127.0.0.1", "port",       argv[1],   "ca_file",    argv[2],  "key_file",
		argv[3],       "key_id",    "BENCHKEY01", "team_id", "BENCHTEAM1", "topics", "org.example.chat",
		"connections", "1",         NULL};
	struct sw_provider_config config = {.instance = "apns", .get = get_key, .ctx = pairs};
	struct sw_diag diag = {""};
	struct load load = {
		.token = sw_bytes_str(argv[4]),
		.preview = sw_bytes_str(argv[5]),
		.count = strtoul(argv[6], NULL, 10),
		.outstanding = strtoul(argv[7], NULL, 10),
	};
	if (sw_provider_apns.open(&config, &load.provider, &diag) != SW_OK) {
		fprintf(stderr, "push_load: %s\n", diag.text);
		return 1;
	}
	int rc = push_load(&load);
	sw_provider_apns.close(load.provider);
	return rc;
}
