/* SPDX-License-Identifier: Apache-2.0 */
/* The connection of `surewire chat`: hello and resume, events and acks, and what each way of ending asks for. */
#include "app/chat_int.h"

#include "base/rng.h"
#include "proto/codes.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRAME_BYTES_MAX = 33 << 20, /* of the server's frames */
	FRAME_DEPTH_MAX = 64,
	BACKOFF_MS = 500,
	BACKOFF_MS_MAX = 15000,
	HEARTBEAT_MS = 25000, /* until the server says its own */
};

void chat_end(struct chat *chat, int code)
{
	chat->over = true;
	chat->code = code;
}

static void lose(struct chat *chat, bool at_once, const char *why)
{
	sw_ws_client_close(chat->client);
	chat->client = NULL;
	chat->live = false;
	chat_outbox_rewind(chat);
	int64_t wait_ms = 0;
	if (!at_once) {
		unsigned shift = chat->failures < 5 ? chat->failures : 5;
		int64_t most_ms = BACKOFF_MS << shift;
		most_ms = most_ms < BACKOFF_MS_MAX ? most_ms : BACKOFF_MS_MAX;
		wait_ms = most_ms / 2 + (int64_t)sw_rng_below((uint64_t)most_ms / 2 + 1);
		chat->failures++;
	}
	chat->retry_at_ms = sw_clock_mono_ms() + wait_ms;
	chat_note(chat, "not connected: %s; again in %.1f s", why, (double)wait_ms / 1000);
}

void chat_link_lost(struct chat *chat, const char *why)
{
	lose(chat, false, why);
}

/* ---- sending ---- */

static void send_text(struct chat *chat, struct sw_buf *frame)
{
	if (sw_ws_client_send(chat->client, sw_buf_bytes(frame), sw_clock_mono_ms() + CHAT_IO_MS) != SW_OK) {
		chat_link_lost(chat, "the connection broke while sending");
	}
}

void chat_send_presence(struct chat *chat)
{
	if (!chat->live) {
		return; /* hello says it */
	}
	struct sw_buf frame;
	sw_buf_init(&frame, 256);
	sw_buf_printf(&frame, "{\"t\":\"presence\",\"state\":\"%s\"}", chat->away ? "away" : "active");
	send_text(chat, &frame);
	sw_buf_release(&frame);
}

static void send_ack(struct chat *chat)
{
	struct sw_buf frame;
	sw_buf_init(&frame, 256);
	sw_buf_printf(&frame, "{\"t\":\"ack\",\"pos\":\"%" PRId64 "\"}", chat->cursor);
	send_text(chat, &frame);
	sw_buf_release(&frame);
}

static void send_hello(struct chat *chat, const char *token)
{
	struct sw_buf frame;
	sw_buf_init(&frame, 16384);
	sw_buf_put_str(&frame, "{\"t\":\"hello\",\"token\":");
	sw_json_put_cstr(&frame, token);
	sw_buf_put_str(&frame, ",\"device\":");
	sw_json_put_cstr(&frame, chat->device);
	if (chat->cursor >= 0) {
		sw_buf_printf(&frame, ",\"cursor\":\"%" PRId64 "\"", chat->cursor);
	}
	sw_buf_put_str(&frame, chat->away ? ",\"state\":\"away\"}" : ",\"state\":\"active\"}");
	send_text(chat, &frame);
	sw_buf_release(&frame);
}

/* Away for a while, or something that no second try will change? */
static bool is_final(int err)
{
	return err == SW_EINVAL || err == SW_ECONFIG || err == SW_EPROTO || err == SW_ETLS || err == SW_ENOTFOUND;
}

void chat_connect(struct chat *chat)
{
	if (sw_clock_mono_ms() < chat->retry_at_ms) {
		return;
	}
	const struct sw_ws_client_options options = {.url = chat->url,
						     .subprotocol = "surewire.v1",
						     .ca_file = chat->ca_file,
						     .message_bytes_max = FRAME_BYTES_MAX};
	struct sw_diag diag = {""};
	char *token = NULL;
	/* A fresh token each time: an old one may have expired. */
	int err = sw_cli_client_token(chat->config, chat->user, chat->token_option, &token, &diag);
	err = err ? err : sw_ws_client_open(&options, sw_clock_mono_ms() + CHAT_IO_MS, &chat->client, &diag);
	if (err && is_final(err)) {
		chat_end(chat,
			 err == SW_EINVAL ? sw_cli_usage("surewire chat", "%s", diag.text) : sw_cli_fail(err, &diag));
	} else if (err) {
		chat_link_lost(chat, diag.text);
	} else {
		chat->heartbeat_ms = HEARTBEAT_MS;
		chat->pinged_ms = 0;
		send_hello(chat, token);
	}
	if (token) {
		sw_free_secret(token, strlen(token));
	}
}

/* ---- receiving ---- */

static int64_t number_of(const json_t *object, const char *key)
{
	uint64_t value = 0;
	return sw_bytes_to_u64(sw_json_get_str(object, key), &value) == SW_OK && value <= INT64_MAX ? (int64_t)value
												    : -1;
}

static void on_welcome(struct chat *chat, const json_t *frame)
{
	chat->live = true;
	chat->ever_live = true;
	chat->failures = 0;
	chat->cursor = number_of(frame, "cursor");
	chat->known_pos = number_of(frame, "pos");
	json_int_t window = json_integer_value(json_object_get(frame, "window"));
	json_int_t heartbeat_s = json_integer_value(json_object_get(frame, "heartbeat_s"));
	chat->window = window > 0 && window < 100000 ? (unsigned)window : 1;
	if (heartbeat_s > 0 && heartbeat_s < 3600) {
		chat->heartbeat_ms = heartbeat_s * 1000;
	}
	chat_note(chat, "connected as %s, device %s", chat->user, chat->device);
}

static void on_events(struct chat *chat, const json_t *frame)
{
	const json_t *events = json_object_get(frame, "events");
	int64_t before = chat->cursor;
	for (size_t i = 0; i < json_array_size(events); i++) {
		const json_t *event = json_array_get(events, i);
		int64_t pos = number_of(event, "pos");
		if (pos <= chat->cursor) {
			continue; /* seen on an earlier connection */
		}
		if (pos != chat->cursor + 1) {
			chat_link_lost(chat, "an event is missing, resuming before it");
			return;
		}
		chat_show_event(chat, event);
		chat->cursor = pos;
	}
	if (chat->cursor > before) {
		fflush(stdout); /* shown first, acknowledged then */
		send_ack(chat);
	}
}

static void on_frame(struct chat *chat, struct sw_bytes text)
{
	json_t *frame = NULL;
	struct sw_diag diag = {""};
	if (sw_json_parse(text, FRAME_DEPTH_MAX, &frame, &diag) != SW_OK) {
		chat_link_lost(chat, "the server sent a frame that is not JSON");
		return;
	}
	struct sw_bytes type = sw_json_get_str(frame, "t");
	if (sw_bytes_equal_str(type, "welcome")) {
		on_welcome(chat, frame);
	} else if (sw_bytes_equal_str(type, "events")) {
		on_events(chat, frame);
	} else if (sw_bytes_equal_str(type, "accepted") || sw_bytes_equal_str(type, "stored") ||
		   sw_bytes_equal_str(type, "rejected") || sw_bytes_equal_str(type, "error")) {
		chat_on_answer(chat, type, frame);
	} else if (sw_bytes_equal_str(type, "going_away")) {
		chat_note(chat, "the server is going away");
	} /* others are of a later version */
	json_decref(frame);
}

static void on_closed(struct chat *chat)
{
	unsigned code = sw_ws_client_close_code(chat->client);
	char why[256];
	snprintf(why, sizeof(why), "closed with %u %s", code, sw_ws_client_close_reason(chat->client));
	switch ((int)code) {
	case SW_CLOSE_UNAUTHORIZED:
	case SW_CLOSE_FORBIDDEN:
	case SW_CLOSE_BAD_FRAME:
	case SW_CLOSE_REPLACED:
		fprintf(stderr, "surewire: %s\n", why);
		chat_end(chat, code == SW_CLOSE_BAD_FRAME || code == SW_CLOSE_REPLACED ? SW_EXIT_FAILURE
										       : SW_EXIT_UNAVAILABLE);
		return;
	default:
		lose(chat, code == SW_CLOSE_GOING_AWAY && chat->live, why);
	}
}

void chat_receive(struct chat *chat)
{
	while (chat->client && !chat->over) {
		struct sw_bytes text;
		int err = sw_ws_client_receive(chat->client, 0, &text);
		if (err == SW_EAGAIN) {
			return;
		}
		if (err == SW_OK) {
			on_frame(chat, text);
		} else if (err == SW_ECLOSED) {
			on_closed(chat);
		} else {
			chat_link_lost(chat, sw_err_text(err));
		}
	}
}

/* The server pings; a connection on which nothing came for longer than that is asked, then given up. */
void chat_check_link(struct chat *chat)
{
	int64_t now_ms = sw_clock_mono_ms();
	int64_t silent_ms = now_ms - sw_ws_client_heard_ms(chat->client);
	if (silent_ms > 2 * chat->heartbeat_ms) {
		chat_link_lost(chat, "nothing came for too long");
	} else if (silent_ms > chat->heartbeat_ms + chat->heartbeat_ms / 4 &&
		   now_ms - chat->pinged_ms > chat->heartbeat_ms) {
		chat->pinged_ms = now_ms;
		if (sw_ws_client_ping(chat->client, now_ms + CHAT_IO_MS) != SW_OK) {
			chat_link_lost(chat, "the connection broke while sending");
		}
	}
}
