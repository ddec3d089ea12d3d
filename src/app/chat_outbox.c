/* SPDX-License-Identifier: Apache-2.0 */
/* What was typed, until it is stored or refused. A message keeps its cid whatever happens to the connection: the server
 * stores it once. */
#include "app/chat_int.h"

#include "base/utf8.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { RETRY_AFTER_MS = 2000 };

static char *make_frame(const struct chat *chat, const struct sw_uuid *cid, struct sw_bytes text)
{
	char cid_text[SW_UUID_TEXT_LEN + 1];
	struct sw_buf frame;
	sw_uuid_format(cid, cid_text);
	sw_buf_init(&frame, 8 * (size_t)CHAT_LINE_BYTES_MAX);
	sw_buf_printf(&frame, "{\"t\":\"send\",\"cid\":\"%s\",\"to\":{\"%s\":", cid_text,
		      chat->target.conv ? "conv" : "user");
	sw_json_put_cstr(&frame, chat->target.name);
	sw_buf_put_str(&frame, "},\"kind\":\"text\",\"body\":{\"text\":");
	sw_json_put_string(&frame, text);
	sw_buf_put_str(&frame, "}}");
	char *copy = sw_xstrdup(sw_buf_cstr(&frame));
	sw_buf_release(&frame);
	return copy;
}

void chat_say(struct chat *chat, struct sw_bytes text)
{
	if (!chat->target.name || !sw_utf8_valid(text)) {
		chat->not_stored++;
		chat_note(chat, "not sent: %s", chat->target.name ? "expected UTF-8" : "to whom? /to USER or /conv ID");
		return;
	}
	struct chat_message *message = sw_xcalloc(1, sizeof(*message));
	message->cid = sw_uuid_random();
	message->frame = make_frame(chat, &message->cid, text);
	message->number = ++chat->typed;
	struct chat_message **last = &chat->messages;
	while (*last) {
		last = &(*last)->next;
	}
	*last = message;
	chat->message_count++;
}

static void remove_message(struct chat *chat, struct chat_message *message)
{
	struct chat_message **at = &chat->messages;
	while (*at != message) {
		at = &(*at)->next;
	}
	*at = message->next;
	chat->message_count--;
	chat->accepted_count -= message->state == CHAT_ACCEPTED;
	free(message->frame);
	free(message);
}

void chat_outbox_free(struct chat *chat)
{
	while (chat->messages) {
		remove_message(chat, chat->messages);
	}
}

void chat_outbox_rewind(struct chat *chat)
{
	for (struct chat_message *message = chat->messages; message; message = message->next) {
		message->state = CHAT_QUEUED;
		message->at_ms = 0;
	}
	chat->accepted_count = 0;
}

/* The first one that is not accepted yet. */
static struct chat_message *current(const struct chat *chat)
{
	struct chat_message *message = chat->messages;
	while (message && message->state == CHAT_ACCEPTED) {
		message = message->next;
	}
	return message;
}

int64_t chat_outbox_next_ms(const struct chat *chat)
{
	const struct chat_message *message = current(chat);
	if (!message || !chat->live) {
		return INT64_MAX;
	}
	if (message->state == CHAT_SENT) {
		return message->at_ms + CHAT_ACCEPT_MS;
	}
	return chat->accepted_count < chat->window ? message->at_ms : INT64_MAX;
}

bool chat_outbox_flush(struct chat *chat)
{
	struct chat_message *message = current(chat);
	int64_t now_ms = sw_clock_mono_ms();
	if (chat_outbox_next_ms(chat) > now_ms) {
		return true;
	}
	if (message->state == CHAT_SENT) {
		return false; /* no word about it for too long */
	}
	message->state = CHAT_SENT;
	message->at_ms = now_ms;
	return sw_ws_client_send(chat->client, sw_bytes_str(message->frame), now_ms + CHAT_IO_MS) == SW_OK;
}

static struct chat_message *find(const struct chat *chat, const json_t *frame)
{
	struct sw_uuid cid;
	if (sw_uuid_parse(sw_json_get_str(frame, "cid"), &cid) != SW_OK) {
		return NULL;
	}
	struct chat_message *message = chat->messages;
	while (message && !sw_uuid_equal(&message->cid, &cid)) {
		message = message->next;
	}
	return message;
}

static void on_accepted(struct chat *chat, struct chat_message *message)
{
	chat->accepted_count += message->state != CHAT_ACCEPTED;
	message->state = CHAT_ACCEPTED;
	if (!message->shown_accepted) {
		message->shown_accepted = true;
		chat_note(chat, "#%u accepted", message->number);
	}
}

static void refuse(struct chat *chat, struct chat_message *message, const char *how, const json_t *frame)
{
	chat_note(chat, "#%u %s: %.*s (%.*s)", message->number, how, SW_BYTES_FMT(sw_json_get_str(frame, "message")),
		  SW_BYTES_FMT(sw_json_get_str(frame, "code")));
	chat->not_stored++;
	remove_message(chat, message);
}

static bool may_repeat(struct sw_bytes code)
{
	return sw_bytes_equal_str(code, "unavailable") || sw_bytes_equal_str(code, "rate_limited") ||
	       sw_bytes_equal_str(code, "window_full");
}

static void on_error(struct chat *chat, struct chat_message *message, const json_t *frame)
{
	struct sw_bytes code = sw_json_get_str(frame, "code");
	if (!message) {
		chat_note(chat, "the server says: %.*s (%.*s)", SW_BYTES_FMT(sw_json_get_str(frame, "message")),
			  SW_BYTES_FMT(code));
	} else if (may_repeat(code)) {
		json_int_t after_ms = json_integer_value(json_object_get(frame, "retry_after_ms"));
		after_ms = after_ms > 0 && after_ms < CHAT_END_MS ? after_ms : RETRY_AFTER_MS;
		chat->accepted_count -= message->state == CHAT_ACCEPTED;
		message->state = CHAT_QUEUED;
		message->at_ms = sw_clock_mono_ms() + after_ms;
		chat_note(chat, "#%u not accepted (%.*s), again in %lld ms", message->number, SW_BYTES_FMT(code),
			  (long long)after_ms);
	} else {
		refuse(chat, message, "refused", frame);
	}
}

void chat_on_answer(struct chat *chat, struct sw_bytes type, const json_t *frame)
{
	struct chat_message *message = find(chat, frame);
	chat->progress_ms = sw_clock_mono_ms();
	if (sw_bytes_equal_str(type, "error")) {
		on_error(chat, message, frame);
	} else if (!message) {
		return; /* answered before the connection was lost */
	} else if (sw_bytes_equal_str(type, "accepted")) {
		on_accepted(chat, message);
	} else if (sw_bytes_equal_str(type, "rejected")) {
		refuse(chat, message, "rejected", frame);
	} else {
		chat_note(chat, "#%u stored conv=%.*s seq=%.*s id=%.*s", message->number,
			  SW_BYTES_FMT(sw_json_get_str(frame, "conv")), SW_BYTES_FMT(sw_json_get_str(frame, "seq")),
			  SW_BYTES_FMT(sw_json_get_str(frame, "id")));
		remove_message(chat, message);
	}
}
