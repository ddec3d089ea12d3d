/* SPDX-License-Identifier: Apache-2.0 */
/* A client as docs/protocol.md wants it: it keeps its messages until they are answered, sends them again with their cid
 * on the next connection, acks what it has, and never believes that a pos may come twice. */
#include "world.h"

#include "proto/client_codec.h"

#include <surewire/clock.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SOCKET_MS = 5000, RECONNECT_MS = 20, AGAIN_MS = 20, FRAME_MAX = 1024 };

struct client *client_add(struct world *world, int64_t user, const char *device, unsigned place, bool acks)
{
	assert_true(world->client_count < CLIENTS_MAX);
	struct client *client = &world->clients[world->client_count++];
	*client = (struct client){.world = world, .user = user, .device = device, .place = place, .acks = acks};
	client->wanted = true;
	return client;
}

static void disconnect(struct client *client)
{
	sw_ws_client_close(client->ws);
	client->ws = NULL;
	client->welcome = false;
	client->retry_at_ms = sw_clock_mono_ms() + RECONNECT_MS;
	for (size_t i = 0; i < client->world->scenario.count; i++) {
		if (client->world->fates[i].client == client) {
			client->world->fates[i].in_flight = false;
		}
	}
}

void client_leave(struct client *client)
{
	client->wanted = false;
	disconnect(client);
}

void client_drop(struct client *client)
{
	disconnect(client);
}

static void say(struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct client *client, const char *format, ...)
{
	char text[FRAME_MAX];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	must(client->world, len < (int)sizeof(text));
	if (client->ws &&
	    sw_ws_client_send(client->ws, sw_bytes(text, (size_t)len), sw_clock_mono_ms() + SOCKET_MS) != SW_OK) {
		disconnect(client);
	}
}

/* Who never acks keeps nothing, and so has no cursor of its own. */
static void connect_now(struct client *client)
{
	char url[64];
	char cursor[48] = "";
	struct sw_diag diag = {0};
	snprintf(url, sizeof(url), "ws://127.0.0.1:%u/v1/ws", client->world->places[client->place].port);
	struct sw_ws_client_options options = {.url = url, .subprotocol = "surewire.v1", .message_bytes_max = 1 << 20};
	client->retry_at_ms = sw_clock_mono_ms() + RECONNECT_MS;
	if (sw_ws_client_open(&options, sw_clock_mono_ms() + SOCKET_MS, &client->ws, &diag) != SW_OK) {
		client->ws = NULL;
		return;
	}
	client->connects++;
	if (client->acks && client->connects > 1) {
		snprintf(cursor, sizeof(cursor), ",\"cursor\":\"%" PRId64 "\"", client->cursor);
	}
	say(client, "{\"t\":\"hello\",\"token\":\"%s\",\"device\":\"%s\"%s}", client->world->tokens[client->user],
	    client->device, cursor);
}

/* ---- sending ---- */

static void put_frame(const struct message *m, const struct fate *fate, char frame[FRAME_MAX])
{
	char cid[SW_UUID_TEXT_LEN + 1];
	sw_uuid_format(&m->cid, cid);
	snprintf(frame, FRAME_MAX, "{\"t\":\"send\",\"cid\":\"%s\",\"to\":%s,\"kind\":\"text\",\"body\":%s}", cid,
		 fate->to, m->body);
}

static void send_now(struct client *client, size_t index)
{
	char frame[FRAME_MAX];
	struct fate *fate = &client->world->fates[index];
	put_frame(&client->world->scenario.messages[index], fate, frame);
	fate->in_flight = true;
	say(client, "%s", frame);
}

struct message *client_send(struct client *client, const char *to, const char *text)
{
	struct world *world = client->world;
	char frame_text[FRAME_MAX];
	struct sw_client_frame frame;
	struct sw_diag diag = {0};
	struct message *m = scenario_message(&world->scenario, client->user, text);
	struct fate *fate = &world->fates[world->scenario.count - 1];
	*fate = (struct fate){.client = client, .pending = true};
	snprintf(fate->to, sizeof(fate->to), "%s", to);
	put_frame(m, fate, frame_text);
	must(world, sw_client_frame_parse(sw_bytes_str(frame_text), SIZE_MAX, &frame, &diag) == SW_ERROR_NONE);
	m->content = frame.as.send.content;
	sw_client_frame_release(&frame);
	return m;
}

struct message *client_send_to(struct client *client, int64_t peer, const char *text)
{
	char to[64];
	snprintf(to, sizeof(to), "{\"user\":\"%s\"}", world_name_of(peer));
	return client_send(client, to, text);
}

void client_repeat(struct client *client, const struct message *message)
{
	struct world *world = client->world;
	size_t of = (size_t)(message - world->scenario.messages);
	struct message *m = scenario_message(&world->scenario, client->user, "");
	*m = *message;
	m->repeats = message;
	struct fate *fate = &world->fates[world->scenario.count - 1];
	*fate = (struct fate){.client = client, .pending = true};
	memcpy(fate->to, world->fates[of].to, sizeof(fate->to));
}

/* The order of one's own messages: the next one when the one before is accepted. */
static void send_pending(struct client *client)
{
	struct world *world = client->world;
	for (size_t i = 0; i < world->scenario.count && client->welcome; i++) {
		struct fate *fate = &world->fates[i];
		if (fate->client != client || !fate->pending) {
			continue;
		}
		if (!fate->in_flight && sw_clock_mono_ms() >= fate->again_at_ms) {
			send_now(client, i);
		}
		if (!fate->accepted) {
			return;
		}
	}
}

/* ---- hearing ---- */

static int64_t number(struct client *client, const json_t *object, const char *key)
{
	uint64_t value = 0;
	must(client->world, sw_bytes_to_u64(sw_json_get_str(object, key), &value) == SW_OK);
	return (int64_t)value;
}

/* The oldest one with this cid that still waits; NULL: none. */
static struct fate *fate_of(struct client *client, const json_t *frame)
{
	struct world *world = client->world;
	struct sw_uuid cid;
	must(world, sw_uuid_parse(sw_json_get_str(frame, "cid"), &cid) == SW_OK);
	for (size_t i = 0; i < world->scenario.count; i++) {
		struct fate *fate = &world->fates[i];
		if (fate->client == client && fate->pending && sw_uuid_equal(&cid, &world->scenario.messages[i].cid)) {
			return fate;
		}
	}
	return NULL;
}

static void on_answer(struct client *client, const json_t *frame, struct sw_bytes type)
{
	struct fate *fate = fate_of(client, frame);
	must(client->world, fate); /* on one socket, none twice, and none that was not asked for */
	if (sw_bytes_equal_str(type, "accepted")) {
		fate->accepted = true;
		return;
	}
	must(client->world, fate->accepted);
	fate->pending = false;
	if (sw_bytes_equal_str(type, "rejected")) {
		fate->rejected = true;
		return;
	}
	fate->stored = true;
	fate->id = number(client, frame, "id");
	fate->conv = number(client, frame, "conv");
	fate->seq = number(client, frame, "seq");
}

static void on_error(struct client *client, const json_t *frame)
{
	must(client->world, sw_bytes_equal_str(sw_json_get_str(frame, "code"), "unavailable"));
	struct fate *fate = fate_of(client, frame);
	must(client->world, fate);
	fate->in_flight = false;
	fate->again_at_ms = sw_clock_mono_ms() + AGAIN_MS;
}

static void on_events(struct client *client, const json_t *frame)
{
	const json_t *events = json_object_get(frame, "events");
	for (size_t i = 0; i < json_array_size(events); i++) {
		int64_t pos = number(client, json_array_get(events, i), "pos");
		if (pos != client->cursor + 1) {
			fprintf(stderr, "%s got pos %" PRId64 " after %" PRId64 "\n", client->device, pos,
				client->cursor);
		}
		must(client->world, pos == client->cursor + 1);
		client->cursor = pos;
	}
	if (client->acks) {
		say(client, "{\"t\":\"ack\",\"pos\":\"%" PRId64 "\"}", client->cursor);
	}
}

static void on_welcome(struct client *client, const json_t *frame)
{
	int64_t cursor = number(client, frame, "cursor");
	must(client->world, !client->acks || client->connects == 1 || cursor == client->cursor);
	client->cursor = cursor;
	client->welcome = true;
}

static void on_frame(struct client *client, struct sw_bytes text)
{
	json_t *frame = NULL;
	struct sw_diag diag = {0};
	must(client->world, sw_json_parse(text, SW_FRAME_DEPTH_MAX, &frame, &diag) == SW_OK);
	struct sw_bytes type = sw_json_get_str(frame, "t");
	if (sw_bytes_equal_str(type, "welcome")) {
		on_welcome(client, frame);
	} else if (sw_bytes_equal_str(type, "events")) {
		on_events(client, frame);
	} else if (sw_bytes_equal_str(type, "error")) {
		on_error(client, frame);
	} else {
		on_answer(client, frame, type);
	}
	json_decref(frame);
}

void client_tick(struct client *client)
{
	if (client->wanted && !client->ws && sw_clock_mono_ms() >= client->retry_at_ms) {
		connect_now(client);
	}
	while (client->ws) {
		struct sw_bytes text;
		int err = sw_ws_client_receive(client->ws, sw_clock_mono_ms(), &text);
		if (err == SW_EAGAIN) {
			break;
		}
		if (err) {
			disconnect(client);
		} else {
			on_frame(client, text);
		}
	}
	send_pending(client);
}

/* ---- looking ---- */

static bool knows(const struct fake_store *store, const struct client *client, int64_t pos)
{
	sw_fake_foreach(store, device, d)
	{
		if (d->user == client->user && sw_bytes_equal_str(d->device, client->device)) {
			return d->cursor >= pos;
		}
	}
	return false;
}

bool client_has_all(struct client *client)
{
	struct fake_store *store = &client->world->flow.store;
	int64_t pos = 0;
	pthread_mutex_lock(&store->lock);
	sw_fake_foreach(store, inbox, row)
	{
		pos = row->user == client->user && row->pos > pos ? row->pos : pos;
	}
	bool has = client->welcome && client->cursor == pos && (!client->acks || knows(store, client, pos));
	pthread_mutex_unlock(&store->lock);
	for (size_t i = 0; i < client->world->scenario.count; i++) {
		has &= client->world->fates[i].client != client || !client->world->fates[i].pending;
	}
	return has;
}
