/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `surewire alert`. */
#include "app/cli_alert.h"

#include <string.h>

enum { OPTION_DEADLINE = 256, OPTION_NO_ACK, OPTION_WATCH, OPTION_KEY, OPTION_LIMIT, PLAN_DEPTH = 8 };

static void take_plan(struct argp_state *state, const char *arg, json_t **plan_out)
{
	struct sw_diag diag = {""};
	json_decref(*plan_out);
	*plan_out = NULL;
	if (sw_json_parse(sw_bytes_str(arg), PLAN_DEPTH, plan_out, &diag) != SW_OK) {
		argp_error(state, "--plan: expected JSON like [{\"push\": \"all\"}]: %s", diag.text);
	}
}

static void take_word(struct argp_state *state, struct sw_alert_args *args, const char *arg)
{
	if (!args->verb) {
		args->verb = arg;
	} else if (!args->word) {
		args->word = arg;
	} else {
		argp_error(state, "expected one id or title, got '%s' too: put a title into quotes", arg);
	}
}

static void take_limit(struct argp_state *state, const char *arg, int64_t *limit_out)
{
	uint64_t value = 0;
	if (sw_bytes_to_u64(sw_bytes_str(arg), &value) != SW_OK || value < 1 || value > 500) {
		argp_error(state, "--limit: expected a number from 1 to 500, got '%s'", arg);
	}
	*limit_out = (int64_t)value;
}

static error_t on_text(int key, const char *arg, struct sw_alert_args *args)
{
	switch (key) {
	case 'U':
		args->users = args->users ? args->users : json_array();
		json_array_append_new(args->users, json_string(arg));
		return 0;
	case 'G':
		args->group = arg;
		return 0;
	case 'S':
		args->severity = arg;
		return 0;
	case 'T':
		args->text = arg;
		return 0;
	case 'F':
		args->from = arg;
		return 0;
	case OPTION_KEY:
		args->key = arg;
		return 0;
	case 's':
		args->state = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct sw_alert_args *args = state->input;
	switch (key) {
	case 'P':
		take_plan(state, arg, &args->plan);
		return 0;
	case OPTION_DEADLINE:
		if (sw_config_parse_duration(arg, &args->deadline_ms) != SW_OK || args->deadline_ms < 1000) {
			argp_error(state, "--deadline: expected a time like 90s, 30m or 2h, got '%s'", arg);
		}
		return 0;
	case OPTION_NO_ACK:
		args->no_ack = true;
		return 0;
	case OPTION_WATCH:
		args->watch = true;
		return 0;
	case OPTION_LIMIT:
		take_limit(state, arg, &args->limit);
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->admin;
		return 0;
	case ARGP_KEY_ARG:
		take_word(state, args, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "expected send, list, show, cancel or watch");
		return 0;
	default:
		return on_text(key, arg, args);
	}
}

static const struct argp_option alert_options[] = {
	{NULL, 0, NULL, 0, "send TITLE:", 1},
	{"user", 'U', "USER", 0, "To this user; several times: in this order", 1},
	{"group", 'G', "CONVERSATION", 0, "To the members of this group", 1},
	{"severity", 'S', "SEVERITY", 0, "low, normal, high or critical (default normal)", 1},
	{"text", 'T', "TEXT", 0, "What is shown below the title", 1},
	{"plan", 'P', "JSON", 0, "By which ways and when (default: [alerts] plan_SEVERITY)", 1},
	{"from", 'F', "USER", 0, "The account it comes from (default: [alerts] from)", 1},
	{"deadline", OPTION_DEADLINE, "TIME", 0, "Given up after this: 90s, 30m, 2h", 1},
	{"no-ack", OPTION_NO_ACK, NULL, 0, "Nobody has to acknowledge it: it ends when it was seen", 1},
	{"key", OPTION_KEY, "KEY", 0, "The same key again is the same alert", 1},
	{"watch", OPTION_WATCH, NULL, 0, "Wait for its end", 1},
	{NULL, 0, NULL, 0, "list:", 2},
	{"state", 's', "STATE", 0, "Only open, acknowledged, seen, exhausted, expired or cancelled ones", 2},
	{"limit", OPTION_LIMIT, "N", 0, "At most so many (default 50)", 2},
	{NULL, 0, NULL, 0, NULL, 0},
};

void sw_alert_args_parse(struct sw_alert_args *args, int argc, char **argv)
{
	static const struct argp_child children[] = {{&sw_cli_admin_argp, 0, "Where and how:", 3}, {NULL, 0, NULL, 0}};
	static const struct argp argp = {
		.options = alert_options,
		.parser = on_option,
		.args_doc = "send TITLE\nlist\nshow ID\ncancel ID\nwatch ID",
		.doc = "Alerts that must reach a person. watch ends with 0 when somebody acknowledged or saw it, else with 1.",
		.children = children,
	};
	*args = (struct sw_alert_args){.program = argv[0]};
	argp_parse(&argp, argc, argv, 0, NULL, args);
}

void sw_alert_args_release(struct sw_alert_args *args)
{
	json_decref(args->users);
	json_decref(args->plan);
}
