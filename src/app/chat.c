/* SPDX-License-Identifier: Apache-2.0 */
/* surewire chat: a client for the terminal and for scripts. Lines of stdin are messages, those that start with '/' are
 * commands. It reconnects and resumes on its own, and ends at the end of input when everything typed was answered. */
#include "app/chat_int.h"

#include "auth/token.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TURN_MS = 1000, READ_BYTES = 65536 };

struct arguments {
	const char *user;
	const char *to;
	const char *conv;
	const char *url;
	const char *device;
	const char *token;
	const char *ca_file;
};

/* ---- lines ---- */

static bool set_target(struct chat *chat, bool conv, struct sw_bytes name)
{
	uint64_t id = 0;
	if (conv ? sw_bytes_to_u64(name, &id) != SW_OK || !id : !sw_user_name_valid(name)) {
		return false;
	}
	free(chat->target.name);
	chat->target = (struct chat_target){conv, sw_xstrndup((const char *)name.ptr, name.len)};
	return true;
}

/* What follows the command's name, or an empty run with NULL when it is another command. */
static struct sw_bytes argument_of(struct sw_bytes line, const char *command)
{
	size_t len = strlen(command);
	if (line.len < len || memcmp(line.ptr, command, len) != 0 || (line.len > len && line.ptr[len] != ' ')) {
		return sw_bytes(NULL, 0);
	}
	struct sw_bytes rest = sw_bytes(line.ptr + len, line.len - len);
	while (rest.len && rest.ptr[0] == ' ') {
		rest = sw_bytes(rest.ptr + 1, rest.len - 1);
	}
	return rest;
}

static void on_command(struct chat *chat, struct sw_bytes line)
{
	struct sw_bytes user = argument_of(line, "/to");
	struct sw_bytes conv = argument_of(line, "/conv");
	bool away = sw_bytes_equal_str(line, "/away");
	if (user.ptr || conv.ptr) {
		if (set_target(chat, conv.ptr != NULL, conv.ptr ? conv : user)) {
			chat_note(chat, "writing to %s%s", conv.ptr ? "conversation " : "", chat->target.name);
			return;
		}
		chat_note(chat, conv.ptr ? "expected /conv and a number" : "expected /to and a user name");
		/* What follows must not reach the wrong people. */
		free(chat->target.name);
		chat->target.name = NULL;
		chat->not_stored++;
	} else if (away || sw_bytes_equal_str(line, "/active")) {
		chat->away = away;
		chat_send_presence(chat);
	} else if (sw_bytes_equal_str(line, "/quit")) {
		chat->input_ended = true;
		chat->progress_ms = sw_clock_mono_ms();
	} else {
		chat->not_stored++;
		chat_note(chat,
			  "commands: /to USER, /conv ID, /away, /active, /quit; // for a text that starts with /");
	}
}

static void on_line(struct chat *chat, struct sw_bytes line)
{
	if (line.len && line.ptr[line.len - 1] == '\r') {
		line.len--;
	}
	if (line.len == 0) {
		return;
	}
	bool slash = line.ptr[0] == '/';
	bool escaped = slash && line.len > 1 && line.ptr[1] == '/';
	if (slash && !escaped) {
		on_command(chat, line);
	} else {
		chat_say(chat, escaped ? sw_bytes(line.ptr + 1, line.len - 1) : line);
	}
}

static bool outbox_full(const struct chat *chat)
{
	return chat->message_count >= CHAT_OUTBOX_MAX;
}

/* The whole lines that were read, as far as the outbox has room; at the end also the last one without its end. */
static void take_lines(struct chat *chat, bool at_end)
{
	while (!chat->input_ended && !outbox_full(chat) && chat->input.len) {
		const uint8_t *end = memchr(chat->input.ptr, '\n', chat->input.len);
		if (!end && !at_end) {
			return;
		}
		size_t len = end ? (size_t)(end - chat->input.ptr) : chat->input.len;
		if (!chat->line_too_long) {
			on_line(chat, sw_bytes(chat->input.ptr, len));
		}
		chat->line_too_long = false;
		sw_buf_consume(&chat->input, end ? len + 1 : len);
	}
}

static void on_input(struct chat *chat)
{
	uint8_t *room = sw_buf_reserve(&chat->input, READ_BYTES);
	if (!room) {
		if (!chat->line_too_long) {
			chat->not_stored++;
			chat_note(chat, "not sent: expected a line of at most %d bytes", CHAT_LINE_BYTES_MAX);
		}
		chat->line_too_long = true;
		sw_buf_clear(&chat->input);
		return;
	}
	ssize_t got = read(STDIN_FILENO, room, READ_BYTES);
	if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
		return;
	}
	chat->input.len += got > 0 ? (size_t)got : 0;
	if (got <= 0) {
		take_lines(chat, true);
		chat->input_ended = chat->input.len == 0 || chat->input_ended;
		chat->progress_ms = sw_clock_mono_ms();
		return;
	}
	take_lines(chat, false);
}

/* ---- turns ---- */

static void check_end(struct chat *chat)
{
	if (!chat->input_ended || chat->over) {
		return;
	}
	if (!chat->messages && chat->live && chat->cursor >= chat->known_pos) {
		chat_end(chat, chat->not_stored ? SW_EXIT_FAILURE : SW_EXIT_OK);
	} else if (sw_clock_mono_ms() - chat->progress_ms > CHAT_END_MS) {
		fprintf(stderr, "surewire: %u messages without an answer after %d s\n", chat->message_count,
			CHAT_END_MS / 1000);
		chat_end(chat, chat->ever_live || chat->typed ? SW_EXIT_FAILURE : SW_EXIT_UNAVAILABLE);
	}
}

static int wait_ms_until(const struct chat *chat)
{
	int64_t at_ms = chat->client ? chat_outbox_next_ms(chat) : chat->retry_at_ms;
	int64_t left_ms = at_ms == INT64_MAX ? TURN_MS : at_ms - sw_clock_mono_ms();
	return left_ms < 0 ? 0 : left_ms > TURN_MS ? TURN_MS : (int)left_ms;
}

static void wait_for_something(struct chat *chat)
{
	bool wants_input = !chat->input_ended && !outbox_full(chat);
	if (wants_input && chat->input.len && memchr(chat->input.ptr, '\n', chat->input.len)) {
		take_lines(chat, false); /* left when the outbox was full */
		return;
	}
	struct pollfd ready[2] = {
		{.fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN},
		{.fd = chat->client ? sw_ws_client_fd(chat->client) : -1, .events = POLLIN},
	};
	if (poll(ready, 2, wait_ms_until(chat)) > 0 && ready[0].revents) {
		on_input(chat);
	}
}

static void run(struct chat *chat)
{
	while (!chat->over) {
		if (!chat->client) {
			chat_connect(chat);
		}
		chat_receive(chat);
		if (chat->client && !chat->over) {
			chat_check_link(chat);
		}
		if (chat->client && !chat->over && !chat_outbox_flush(chat)) {
			chat_link_lost(chat, "the connection broke, or a message got no answer");
		}
		check_end(chat);
		fflush(stdout);
		if (ferror(stdout)) {
			chat_end(chat, SW_EXIT_FAILURE); /* nobody reads */
		}
		if (!chat->over) {
			wait_for_something(chat);
		}
	}
}

/* ---- command line ---- */

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case 'A':
		arguments->user = arg;
		return 0;
	case 't':
		arguments->to = arg;
		return 0;
	case 'C':
		arguments->conv = arg;
		return 0;
	case 'u':
		arguments->url = arg;
		return 0;
	case 'd':
		arguments->device = arg;
		return 0;
	case 'k':
		arguments->token = arg;
		return 0;
	case 'a':
		arguments->ca_file = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const char *complaint(struct chat *chat, const struct arguments *arguments)
{
	if (!arguments->user || !sw_user_name_valid(sw_bytes_str(arguments->user))) {
		return "expected --as and a user name";
	}
	if (!sw_device_name_valid(sw_bytes_str(arguments->device))) {
		return "--device: expected 1 to 64 of A-Z a-z 0-9 . _ : -";
	}
	if (arguments->to && arguments->conv) {
		return "expected either --to USER or --conv ID";
	}
	if (arguments->to && !set_target(chat, false, sw_bytes_str(arguments->to))) {
		return "--to: expected a user name";
	}
	if (arguments->conv && !set_target(chat, true, sw_bytes_str(arguments->conv))) {
		return "--conv: expected a decimal number";
	}
	return NULL;
}

static int chat_with(const struct sw_config *config, const struct arguments *arguments, const char *program)
{
	struct chat chat = {.config = config,
			    .user = arguments->user,
			    .device = arguments->device,
			    .token_option = arguments->token,
			    .ca_file = arguments->ca_file,
			    .cursor = -1,
			    .window = 1,
			    .color = isatty(STDOUT_FILENO)};
	struct sw_diag diag = {""};
	sw_buf_init(&chat.input, CHAT_LINE_BYTES_MAX + READ_BYTES);
	const char *wrong = complaint(&chat, arguments);
	int err = wrong ? SW_EINVAL : sw_cli_server_url(config, SW_CLI_WS, arguments->url, &chat.url, &diag);
	if (wrong) {
		chat.code = sw_cli_usage(program, "%s", wrong);
	} else if (err) {
		chat.code = sw_cli_fail(err, &diag);
	} else {
		setvbuf(stdout, NULL, _IOLBF, 0);
		run(&chat);
	}
	sw_ws_client_close(chat.client);
	chat_outbox_free(&chat);
	sw_buf_release(&chat.input);
	free(chat.target.name);
	free(chat.shown_conv);
	free(chat.url);
	return chat.code;
}

int sw_cmd_chat(const struct sw_config *config, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"as", 'A', "USER", 0, "Who you are", 0},
		{"to", 't', "USER", 0, "Write to this person", 0},
		{"conv", 'C', "ID", 0, "Write to this conversation", 0},
		{"url", 'u', "URL", 0, "ws://HOST:PORT/v1/ws (default: $SUREWIRE_WS, then [gateway] listen)", 0},
		{"device", 'd', "DEVICE", 0,
		 "Which of your devices this is (default: terminal); each has a cursor of its own", 0},
		{"token", 'k', "TOKEN", 0, "A client token (default: minted with a key of [auth] keys_dir)", 0},
		{"ca", 'a', "FILE", 0, "Certificates that wss is checked with (default: the system's)", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = on_option,
		.doc = "Chats on the terminal: shows what comes, sends what you type.\v"
		       "Commands: /to USER, /conv ID, /away, /active, /quit; a line that starts with // is a text with one slash.\n"
		       "At the end of input it waits until everything typed was answered.\n"
		       "Exit codes: 0 all stored, 1 something was refused or had no answer for 30 s, 69 not let in or never "
		       "connected.",
	};
	struct arguments arguments = {.device = "terminal"};
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	return chat_with(config, &arguments, argv[0]);
}
