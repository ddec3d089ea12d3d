/* SPDX-License-Identifier: Apache-2.0 */
/* Surewire's client protocol (docs/protocol.md). Frames are searched, not parsed: a load must cost little. What is
 * promised is checked for every event: pos goes up by one. Everything is acknowledged, as a client does who saves its
 * battery: with the next message it sends, at a quarter of the window, or after a while. */
#include "load.h"
#include "websocket.h"

#include <stdio.h>
#include <string.h>

enum { ACK_EVENTS = 16 };
#define ACK_WITHIN_NS (LOAD_NS_PER_S / 20)

enum state { ST_UPGRADING, ST_GREETED, ST_READY };

struct reading {
	struct load *load;
	struct client *client;
};

/* What follows the first key in text, or NULL. */
static const uint8_t *after(const uint8_t *text, const uint8_t *end, const char *key)
{
	size_t len = strlen(key);
	const uint8_t *at = memmem(text, (size_t)(end - text), key, len);
	return at ? at + len : NULL;
}

static const uint8_t *must(const uint8_t *text, const uint8_t *end, const char *key)
{
	const uint8_t *at = after(text, end, key);
	if (!at) {
		load_fail("a frame without %s: %.*s", key, (int)(end - text < 200 ? end - text : 200),
			  (const char *)text);
	}
	return at;
}

static uint64_t decimal(const uint8_t *text, const uint8_t *end)
{
	uint64_t value = 0;
	for (; text < end && *text >= '0' && *text <= '9'; text++) {
		value = value * 10 + (uint64_t)(*text - '0');
	}
	return value;
}

static uint64_t hex(const uint8_t *text, size_t len)
{
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++) {
		value = value << 4 | (uint64_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);
	}
	return value;
}

static void start(struct load *load, struct client *client)
{
	(void)load;
	websocket_start(&client->conn, "/v1/ws", "surewire.v1");
}

static void greet(struct client *client)
{
	size_t max = strlen(client->secret) + 128;
	char *frame = websocket_begin(&client->conn, max);
	int len = snprintf(frame, max, "{\"t\":\"hello\",\"token\":\"%s\",\"device\":\"bench\"}", client->secret);
	websocket_end(&client->conn, (size_t)len);
}

static void on_welcome(struct reading *reading, const uint8_t *text, const uint8_t *end)
{
	struct client *client = reading->client;
	if (client->state == ST_READY) {
		load_fail("%s was welcomed twice", client->name);
	}
	client->state = ST_READY;
	client->ready = true;
	client->pos = client->acked = decimal(must(text, end, "\"cursor\":\""), end);
	reading->load->hooks->on_ready(reading->load->ctx, client);
}

static void on_stored(struct reading *reading, const uint8_t *text, const uint8_t *end)
{
	/* RRRRRRRR-0000-4000-8000-NNNNNNNNNNNN */
	const uint8_t *cid = must(text, end, "\"cid\":\"");
	if (end - cid < 36 || memcmp(cid, reading->load->run, 8) != 0) {
		load_fail("%s got an answer to what it has not sent", reading->client->name);
	}
	reading->load->hooks->on_answer(reading->load->ctx, reading->client, hex(cid + 24, 12));
}

static void on_events(struct reading *reading, const uint8_t *text, const uint8_t *end)
{
	struct client *client = reading->client;
	for (const uint8_t *at = text; (at = after(at, end, "{\"pos\":\""));) {
		uint64_t from, number, pos = decimal(at, end);
		if (pos != client->pos + 1) {
			load_fail("%s got pos %llu after %llu: lost, doubled or out of order", client->name,
				  (unsigned long long)pos, (unsigned long long)client->pos);
		}
		client->pos = pos;
		at = must(at, end, "\"text\":\"");
		load_read_text(at, (size_t)(end - at), &from, &number);
		reading->load->hooks->on_message(reading->load->ctx, client, from, number);
	}
}

static bool is(const uint8_t *text, size_t len, const char *start_of_frame)
{
	size_t n = strlen(start_of_frame);
	return len >= n && memcmp(text, start_of_frame, n) == 0;
}

static void on_text(void *ctx, const uint8_t *text, size_t len)
{
	struct reading *reading = ctx;
	const uint8_t *end = text + len;
	if (is(text, len, "{\"t\":\"events\"")) {
		on_events(reading, text, end);
	} else if (is(text, len, "{\"t\":\"stored\"")) {
		on_stored(reading, text, end);
	} else if (is(text, len, "{\"t\":\"welcome\"")) {
		on_welcome(reading, text, end);
	} else if (!is(text, len, "{\"t\":\"accepted\"")) {
		load_fail("%s got %.*s", reading->client->name, (int)(len < 300 ? len : 300), (const char *)text);
	}
}

static void put_ack(struct client *client)
{
	char *frame = websocket_begin(&client->conn, 64);
	int len = snprintf(frame, 64, "{\"t\":\"ack\",\"pos\":\"%llu\"}", (unsigned long long)client->pos);
	websocket_end(&client->conn, (size_t)len);
	client->acked = client->pos;
}

static void owe_ack(struct load *load, struct client *client)
{
	if (client->owing) {
		return;
	}
	client->owing = true;
	client->ack_by_ns = load_now() + ACK_WITHIN_NS;
	client->next_owing = NULL;
	if (load->owing_first) {
		load->owing_last->next_owing = client;
	} else {
		load->owing_first = client;
	}
	load->owing_last = client;
}

/* Who has acknowledged meanwhile stays in the queue until its time and has nothing to say then. */
static int64_t say_due(struct load *load, int64_t now_ns)
{
	struct client *client;
	while ((client = load->owing_first) && client->ack_by_ns <= now_ns) {
		load->owing_first = client->next_owing;
		client->owing = false;
		if (client->pos > client->acked) {
			put_ack(client);
			load_mark(load, client);
		}
	}
	return client ? client->ack_by_ns : INT64_MAX;
}

static void receive(struct load *load, struct client *client)
{
	struct reading reading = {.load = load, .client = client};
	if (client->state == ST_UPGRADING) {
		if (!websocket_accepted(&client->conn)) {
			return;
		}
		client->state = ST_GREETED;
		greet(client);
		load_mark(load, client);
	}
	if (websocket_receive(&client->conn, on_text, &reading)) {
		load_mark(load, client);
	}
	if (client->pos >= client->acked + ACK_EVENTS) {
		put_ack(client);
		load_mark(load, client);
	} else if (client->pos > client->acked) {
		owe_ack(load, client);
	}
}

static void send_message(struct load *load, struct client *from, const struct client *to, uint64_t number)
{
	size_t max = load->options->body_bytes + 256;
	if (from->pos > from->acked) {
		put_ack(from);
	}
	char *frame = websocket_begin(&from->conn, max);
	int len = snprintf(
		frame, max,
		"{\"t\":\"send\",\"cid\":\"%s-0000-4000-8000-%012llx\",\"to\":{\"user\":\"%s\"},\"body\":{\"text\":\"",
		load->run, (unsigned long long)number, to->name);
	len += (int)load_put_text(load, frame + len, from->index, number);
	memcpy(frame + len, "\"}}", 3);
	websocket_end(&from->conn, (size_t)len + 3);
	load_mark(load, from);
}

const struct protocol load_surewire = {.name = "surewire",
				       .answers = true,
				       .start = start,
				       .receive = receive,
				       .send = send_message,
				       .say_due = say_due};
