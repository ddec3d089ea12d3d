/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `surewire push`, and the request as the API wants it. */
#include "app/cli_push.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum {
	OPTION_TITLE = 256,
	OPTION_NOTIFICATION,
	OPTION_TTL,
	OPTION_KEY,
	OPTION_LIMIT,
	TEXT_BYTES_MAX = 1 << 16,
	DEPTH_MAX = 16
};
enum { OPTION_SANDBOX = 512 };

/* ---- addresses ---- */

static error_t on_address_option(int key, char *arg, struct argp_state *state)
{
	struct sw_cli_address *address = state->input;
	switch (key) {
	case 'D':
		address->device = arg;
		return 0;
	case 'k':
		address->token = arg;
		return 0;
	case 'P':
		address->provider = arg;
		return 0;
	case 'A':
		address->app = arg;
		return 0;
	case OPTION_SANDBOX:
		address->sandbox = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option address_options[] = {
	{"device", 'D', "DEVICE", 0, "Only this device of the user", 0},
	{"token", 'k', "TOKEN", 0, "A token by itself, with --provider", 0},
	{"provider", 'P', "NAME", 0, "Its account (section push.NAME)", 0},
	{"app", 'A', "APP", 0, "Its app", 0},
	{"sandbox", OPTION_SANDBOX, NULL, 0, "It is one of the provider's development environment", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};
const struct argp sw_cli_address_argp = {.options = address_options, .parser = on_address_option};

json_t *sw_cli_token_json(const struct sw_cli_address *address)
{
	json_t *token = json_pack("{s:s, s:s*, s:s*}", "token", address->token, "provider", address->provider, "app",
				  address->app);
	if (token && address->sandbox) {
		json_object_set_new(token, "sandbox", json_true());
	}
	return token;
}

/* ---- the command line ---- */

static void take_word(struct argp_state *state, struct sw_push_args *args, char *arg)
{
	uint64_t id = 0;
	if (!args->verb) {
		args->verb = arg;
		return;
	}
	if (strcmp(args->verb, "send") != 0 &&
	    (sw_bytes_to_u64(sw_bytes_str(arg), &id) != SW_OK || id < 1 || id > INT64_MAX)) {
		argp_error(state, "expected an id, a decimal number, got '%s'", arg);
	}
	args->words = sw_xrealloc(args->words, sizeof(*args->words) * (size_t)(args->word_count + 1));
	args->words[args->word_count++] = arg;
}

static void take_user(struct sw_push_args *args, char *arg)
{
	args->users = sw_xrealloc(args->users, sizeof(*args->users) * (size_t)(args->user_count + 1));
	args->users[args->user_count++] = arg;
}

static void take_ttl(struct argp_state *state, struct sw_push_args *args, const char *arg)
{
	if (sw_config_parse_duration(arg, &args->ttl_ms) != SW_OK || args->ttl_ms < 1000) {
		argp_error(state, "--ttl: expected a time like 90s, 30m or 2h, at least 1s, got '%s'", arg);
	}
}

static void take_limit(struct argp_state *state, struct sw_push_args *args, const char *arg)
{
	uint64_t value = 0;
	if (sw_bytes_to_u64(sw_bytes_str(arg), &value) != SW_OK || value < 1 || value > 500) {
		argp_error(state, "--limit: expected a whole number from 1 to 500, got '%s'", arg);
	}
	args->limit = (int64_t)value;
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct sw_push_args *args = state->input;
	switch (key) {
	case 'U':
		take_user(args, arg);
		return 0;
	case 'T':
		args->topic = arg;
		return 0;
	case 'p':
		args->priority = arg;
		return 0;
	case OPTION_TITLE:
		args->title = arg;
		return 0;
	case OPTION_NOTIFICATION:
		args->notification = arg;
		return 0;
	case OPTION_TTL:
		take_ttl(state, args, arg);
		return 0;
	case OPTION_KEY:
		args->key = arg;
		return 0;
	case OPTION_LIMIT:
		take_limit(state, args, arg);
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->address;
		state->child_inputs[1] = &args->admin;
		return 0;
	case ARGP_KEY_ARG:
		take_word(state, args, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "expected send, show, list or cancel");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option push_options[] = {
	{NULL, 0, NULL, 0, "send: to whom:", 1},
	{"user", 'U', "USER", 0, "All devices of this user; may be repeated", 1},
	{"topic", 'T', "TOPIC", 0, "All who subscribe to it", 1},
	{NULL, 0, NULL, 0, "send: what:", 3},
	{"title", OPTION_TITLE, "TEXT", 0, "Its title; the words are its body", 3},
	{"notification", OPTION_NOTIFICATION, "JSON", 0, "Its other members, as the API takes them", 3},
	{"priority", 'p', "normal|high", 0, "high overtakes what else waits", 3},
	{"ttl", OPTION_TTL, "TIME", 0, "Not later than that: 90s, 30m, 2h", 3},
	{"key", OPTION_KEY, "KEY", 0, "Idempotency key: the same command again is the same push", 3},
	{NULL, 0, NULL, 0, "list:", 4},
	{"limit", OPTION_LIMIT, "N", 0, "At most so many (default 50)", 4},
	{NULL, 0, NULL, 0, NULL, 0},
};

void sw_push_args_parse(struct sw_push_args *args, int argc, char **argv)
{
	static const struct argp_child children[] = {
		{&sw_cli_address_argp, 0, NULL, 1}, {&sw_cli_admin_argp, 0, "Where and how:", 5}, {NULL, 0, NULL, 0}};
	static const struct argp argp = {
		.options = push_options,
		.parser = on_option,
		.args_doc = "send TEXT...\nshow ID\nlist\ncancel ID",
		.doc = "Notifications without a message, to users, devices, tokens and the subscribers of topics.\v"
		       "A push is work of the servers: it goes on when this command ends; `show` tells how far it is.\n\n"
		       "Exit codes: 0 done, 1 failed or not found, 64 usage, 69 the API is away or refuses the token, "
		       "78 configuration.",
		.children = children,
	};
	*args = (struct sw_push_args){.program = argv[0]};
	argp_parse(&argp, argc, argv, 0, NULL, args);
}

/* ---- the request ---- */

static json_t *to_json(const struct sw_push_args *args)
{
	const struct sw_cli_address *address = &args->address;
	if (args->topic) {
		return json_pack("{s:s}", "topic", args->topic);
	}
	if (address->token) {
		return sw_cli_token_json(address);
	}
	if (args->user_count == 1) {
		return json_pack("{s:s, s:s*}", "user", args->users[0], "device", address->device);
	}
	json_t *users = json_array();
	for (int i = 0; i < args->user_count; i++) {
		json_array_append_new(users, json_string(args->users[i]));
	}
	return json_pack("{s:o}", "users", users);
}

static json_t *notification_json(const struct sw_push_args *args)
{
	struct sw_buf text;
	struct sw_diag diag = {""};
	json_t *notification = NULL;
	if (!args->notification) {
		notification = json_object();
	} else if (sw_json_parse(sw_bytes_str(args->notification), DEPTH_MAX, &notification, &diag) != SW_OK ||
		   !json_is_object(notification)) {
		sw_cli_usage(args->program, "--notification: expected a JSON object%s%s", diag.text[0] ? ": " : "",
			     diag.text);
		json_decref(notification);
		return NULL;
	}
	sw_buf_init(&text, TEXT_BYTES_MAX);
	for (int i = 0; i < args->word_count; i++) {
		sw_buf_put_str(&text, i ? " " : "");
		sw_buf_put_str(&text, args->words[i]);
	}
	if (text.len) {
		json_object_set_new(notification, "body", json_string(sw_buf_cstr(&text)));
	}
	if (args->title) {
		json_object_set_new(notification, "title", json_string(args->title));
	}
	sw_buf_release(&text);
	return notification;
}

char *sw_push_body(const struct sw_push_args *args)
{
	const struct sw_cli_address *address = &args->address;
	if ((args->topic != NULL) + (address->token != NULL) + (args->user_count > 0) != 1) {
		sw_cli_usage(args->program, "send: expected either --user, or --topic, or --token");
		return NULL;
	}
	if (address->device && args->user_count != 1) {
		sw_cli_usage(args->program, "--device: expected one --user beside it");
		return NULL;
	}
	json_t *notification = notification_json(args);
	if (!notification) {
		return NULL;
	}
	json_t *to = to_json(args);
	json_t *body = json_pack("{s:o, s:o, s:s*}", "to", to, "notification", notification, "priority",
				 args->priority);
	if (body && args->ttl_ms) {
		json_object_set_new(body, "ttl_s", json_integer(args->ttl_ms / 1000));
	}
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (!text) {
		sw_cli_usage(args->program, "send: expected texts in UTF-8");
	}
	return text;
}
