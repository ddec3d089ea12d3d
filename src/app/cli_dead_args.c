/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `surewire dead`, and the filter as the API wants it. */
#include "app/cli_dead.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum {
	OPTION_OLDER = 256,
	OPTION_NEWER,
	OPTION_REASON_IS,
	OPTION_REPLAYED,
	OPTION_NOT_REPLAYED,
	OPTION_ALL,
	OPTION_LIMIT,
	OPTION_RATE,
	OPTION_YES,
	OPTION_DETACH,
	QUERY_BYTES_MAX = 64 << 10,
};

enum { TEXT_PROVIDER, TEXT_APP, TEXT_USER, TEXT_DEVICE, TEXT_REASON, TEXT_REASON_HAS, TEXTS };
const char *const sw_dead_texts[TEXTS] = {"provider", "app", "user", "device", "reason", "reason_has"};

static void take_age(struct argp_state *state, const char *name, const char *arg, int64_t *ms_out)
{
	if (sw_config_parse_duration(arg, ms_out) != SW_OK || *ms_out < 1) {
		argp_error(state, "%s: expected an age like 90s, 30m, 2h or 7d, got '%s'", name, arg);
	}
}

static void take_count(struct argp_state *state, const char *name, const char *arg, int64_t *count_out)
{
	uint64_t value = 0;
	if (sw_bytes_to_u64(sw_bytes_str(arg), &value) != SW_OK || value < 1 || value > INT32_MAX) {
		argp_error(state, "%s: expected a whole number, at least 1, got '%s'", name, arg);
	}
	*count_out = (int64_t)value;
}

static void take_word(struct argp_state *state, struct sw_dead_args *args, char *arg)
{
	uint64_t id = 0;
	if (!args->verb) {
		args->verb = arg;
		return;
	}
	if (sw_bytes_to_u64(sw_bytes_str(arg), &id) != SW_OK || id < 1 || id > INT64_MAX) {
		argp_error(state, "expected an id, a decimal number, got '%s'", arg);
	}
	args->ids = sw_xrealloc(args->ids, sizeof(*args->ids) * (size_t)(args->id_count + 1));
	args->ids[args->id_count++] = arg;
}

static error_t take_filter(int key, char *arg, struct argp_state *state)
{
	struct sw_dead_args *args = state->input;
	switch (key) {
	case 'P':
		args->texts[TEXT_PROVIDER] = arg;
		return 0;
	case 'A':
		args->texts[TEXT_APP] = arg;
		return 0;
	case 'U':
		args->texts[TEXT_USER] = arg;
		return 0;
	case 'D':
		args->texts[TEXT_DEVICE] = arg;
		return 0;
	case 'R':
		args->texts[TEXT_REASON_HAS] = arg;
		return 0;
	case OPTION_REASON_IS:
		args->texts[TEXT_REASON] = arg;
		return 0;
	case OPTION_OLDER:
		take_age(state, "--older", arg, &args->older_ms);
		return 0;
	case OPTION_NEWER:
		take_age(state, "--newer", arg, &args->newer_ms);
		return 0;
	case OPTION_REPLAYED:
		args->replayed = "true";
		return 0;
	case OPTION_NOT_REPLAYED:
		args->replayed = "false";
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct sw_dead_args *args = state->input;
	switch (key) {
	case OPTION_ALL:
		args->all = true;
		return 0;
	case OPTION_LIMIT:
		take_count(state, "--limit", arg, &args->limit);
		return 0;
	case OPTION_RATE:
		take_count(state, "--rate", arg, &args->rate);
		return 0;
	case OPTION_YES:
		args->yes = true;
		return 0;
	case OPTION_DETACH:
		args->detach = true;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->admin;
		return 0;
	case ARGP_KEY_ARG:
		take_word(state, args, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "expected list, show, replay, replays, watch, cancel or drop");
		return 0;
	default:
		return take_filter(key, arg, state);
	}
}

static const struct argp_option dead_options[] = {
	{NULL, 0, NULL, 0, "Which letters (list, replay, drop):", 1},
	{"provider", 'P', "NAME", 0, "Of this account (section push.NAME)", 1},
	{"app", 'A', "APP", 0, "Of this app", 1},
	{"user", 'U', "USER", 0, "Of this user", 1},
	{"device", 'D', "DEVICE", 0, "Of this device", 1},
	{"reason", 'R', "TEXT", 0, "Whose reason contains this", 1},
	{"reason-is", OPTION_REASON_IS, "TEXT", 0, "Whose reason is exactly this", 1},
	{"older", OPTION_OLDER, "AGE", 0, "That died at least so long ago: 90s, 30m, 2h, 7d", 1},
	{"newer", OPTION_NEWER, "AGE", 0, "That died at most so long ago", 1},
	{"replayed", OPTION_REPLAYED, NULL, 0, "That were sent again", 1},
	{"not-replayed", OPTION_NOT_REPLAYED, NULL, 0, "That were not", 1},
	{"all", OPTION_ALL, NULL, 0, "replay, drop: really all of them, without a filter", 1},
	{NULL, 0, NULL, 0, "What to do with them:", 2},
	{"limit", OPTION_LIMIT, "N", 0, "list, replays: at most so many (default: all)", 2},
	{"rate", OPTION_RATE, "N", 0, "replay: letters a second (default 50)", 2},
	{"detach", OPTION_DETACH, NULL, 0, "replay: do not wait for its end", 2},
	{"yes", OPTION_YES, NULL, 0, "drop: do not ask", 2},
	{NULL, 0, NULL, 0, NULL, 0},
};

void sw_dead_args_parse(struct sw_dead_args *args, int argc, char **argv)
{
	static const struct argp_child children[] = {{&sw_cli_admin_argp, 0, "Where and how:", 3}, {NULL, 0, NULL, 0}};
	static const struct argp argp = {
		.options = dead_options,
		.parser = on_option,
		.args_doc =
			"list\nshow ID\nreplay ID... | FILTER\nreplays\nwatch REPLAY\ncancel REPLAY\ndrop ID... | FILTER",
		.doc = "Dead letters: pushes that ended without success. Looks at them, sends them again, drops them.\v"
		       "A replay of a filter is work of the servers: it goes on when this command ends (`watch` and `cancel` "
		       "take its number), and sends every letter at most once. What became of each is in `show`.\n\n"
		       "Exit codes: 0 done, 1 failed or not found, 64 usage, 69 the API is away or refuses the token, "
		       "78 configuration.",
		.children = children,
	};
	*args = (struct sw_dead_args){.program = argv[0]};
	argp_parse(&argp, argc, argv, 0, NULL, args);
}

bool sw_dead_has_filter(const struct sw_dead_args *args)
{
	bool any = args->older_ms || args->newer_ms || args->replayed;
	for (int i = 0; i < TEXTS; i++) {
		any = any || args->texts[i];
	}
	return any;
}

static void put_name(struct sw_buf *out, const char *name)
{
	sw_buf_printf(out, "%s%s=", out->len ? "&" : "", name);
}

static char *take_text(struct sw_buf *buf)
{
	char *text = sw_xstrdup(sw_buf_cstr(buf));
	sw_buf_release(buf);
	return text;
}

char *sw_dead_query(const struct sw_dead_args *args)
{
	struct sw_buf out;
	sw_buf_init(&out, QUERY_BYTES_MAX);
	for (int i = 0; i < TEXTS; i++) {
		if (args->texts[i]) {
			put_name(&out, sw_dead_texts[i]);
			sw_cli_put_encoded(&out, args->texts[i]);
		}
	}
	if (args->older_ms) {
		put_name(&out, "older_ms");
		sw_buf_printf(&out, "%lld", (long long)args->older_ms);
	}
	if (args->newer_ms) {
		put_name(&out, "newer_ms");
		sw_buf_printf(&out, "%lld", (long long)args->newer_ms);
	}
	if (args->replayed) {
		put_name(&out, "replayed");
		sw_buf_put_str(&out, args->replayed);
	}
	return take_text(&out);
}

char *sw_dead_body(const struct sw_dead_args *args)
{
	json_t *filter = json_object();
	for (int i = 0; i < TEXTS; i++) {
		if (args->texts[i]) {
			json_object_set_new(filter, sw_dead_texts[i], json_string(args->texts[i]));
		}
	}
	if (args->older_ms) {
		json_object_set_new(filter, "older_ms", json_integer(args->older_ms));
	}
	if (args->newer_ms) {
		json_object_set_new(filter, "newer_ms", json_integer(args->newer_ms));
	}
	if (args->replayed) {
		json_object_set_new(filter, "replayed", json_boolean(strcmp(args->replayed, "true") == 0));
	}
	json_t *body = json_object();
	json_object_set_new(body, "filter", filter);
	if (args->rate) {
		json_object_set_new(body, "rate", json_integer(args->rate));
	}
	char *dumped = json_dumps(body, JSON_COMPACT);
	char *text = sw_xstrdup(dumped);
	free(dumped);
	json_decref(body);
	return text;
}
