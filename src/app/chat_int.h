/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between the files of `surewire chat`. One thread; nothing here outlives the command. */
#ifndef SW_APP_CHAT_INT_H
#define SW_APP_CHAT_INT_H

#include "app/cli_client.h"
#include "app/ws_client.h"
#include "base/uuid.h"

#include <surewire/json.h>

enum {
	CHAT_IO_MS = 10000,     /* connecting, and writing one frame */
	CHAT_ACCEPT_MS = 15000, /* a message not accepted after this: the connection is given up */
	CHAT_END_MS = 30000,    /* after the end of input, without any answer */
	CHAT_OUTBOX_MAX = 256,  /* then stdin waits */
	CHAT_LINE_BYTES_MAX = 1 << 20,
};

enum chat_state { CHAT_QUEUED, CHAT_SENT, CHAT_ACCEPTED };

/* Typed, and neither stored nor refused yet. In order; at most one of them is SENT, so that a message that must be sent
 * again is not overtaken by the next. */
struct chat_message {
	struct chat_message *next;
	struct sw_uuid cid;
	char *frame;
	unsigned number; /* as shown */
	enum chat_state state;
	bool shown_accepted;
	int64_t at_ms; /* QUEUED: not before; SENT: since */
};

struct chat_target {
	bool conv;  /* id of a conversation, else the name of a user */
	char *name; /* NULL: none chosen yet */
};

struct chat {
	const struct sw_config *config;
	const char *user;
	const char *device;
	const char *token_option;
	const char *ca_file;
	char *url;
	struct chat_target target;
	bool away;

	struct sw_ws_client *client; /* NULL: not connected */
	bool live;                   /* welcome came */
	bool ever_live;
	unsigned failures; /* in a row */
	int64_t retry_at_ms;
	int64_t heartbeat_ms;
	int64_t pinged_ms;
	unsigned window;
	int64_t cursor;    /* last event printed; -1: the server knows better */
	int64_t known_pos; /* last one that existed at welcome */

	struct chat_message *messages;
	unsigned message_count;
	unsigned accepted_count;
	unsigned typed;
	unsigned not_stored; /* refused, rejected, not understood */
	int64_t progress_ms; /* last answer, or the end of input */

	struct sw_buf input;
	bool input_ended;
	bool line_too_long; /* skipped up to its end */

	bool color;
	char *shown_conv; /* of the last event */
	bool over;
	int code;
};

/* chat_view.c: stdout */
/* A dim line. */
void chat_note(const struct chat *chat, const char *fmt, ...) SW_PRINTF(2, 3);
void chat_show_event(struct chat *chat, const json_t *event);

/* chat_outbox.c */
void chat_say(struct chat *chat, struct sw_bytes text);
/* Sends what may be sent now. False: the connection failed. */
bool chat_outbox_flush(struct chat *chat);
/* After a lost connection everything is sent again, with the same cid. */
void chat_outbox_rewind(struct chat *chat);
/* When flush has something to do again, monotonic; INT64_MAX: only after an answer. */
int64_t chat_outbox_next_ms(const struct chat *chat);
/* accepted, stored, rejected, error. */
void chat_on_answer(struct chat *chat, struct sw_bytes type, const json_t *frame);
void chat_outbox_free(struct chat *chat);

/* chat_link.c: the connection */
/* Connects when it is time to; says hello. */
void chat_connect(struct chat *chat);
/* Takes what has come in. */
void chat_receive(struct chat *chat);
void chat_send_presence(struct chat *chat);
/* Gives the connection up; the next one comes after a pause. */
void chat_link_lost(struct chat *chat, const char *why);
/* Notices a silent peer. */
void chat_check_link(struct chat *chat);
/* For good. */
void chat_end(struct chat *chat, int code);

#endif
