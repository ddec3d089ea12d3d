/* SPDX-License-Identifier: Apache-2.0 */
/* surewire trace MESSAGE: what happened to a message, told by the operators' API. */
#include "app/cli_admin.h"

enum { PATH_BYTES_MAX = 64 << 10 };

struct arguments {
	const char *message;
	const char *user;
	struct sw_cli_admin_options admin;
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	uint64_t id = 0;
	switch (key) {
	case 'U':
		arguments->user = arg;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->admin;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->message) {
			argp_error(state, "expected one message, got '%s' too", arg);
		}
		if (sw_bytes_to_u64(sw_bytes_str(arg), &id) != SW_OK || id > INT64_MAX) {
			argp_error(state, "expected the id of a message, a decimal number, got '%s'", arg);
		}
		arguments->message = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "expected the id of a message");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_trace(const json_t *trace)
{
	size_t i;
	const json_t *row;
	json_array_foreach (json_object_get(trace, "timeline"), i, row) {
		char at[SW_CLI_TIME_MAX];
		sw_cli_print_column(stdout, sw_cli_time(sw_cli_int(row, "at_ms"), at), 23);
		sw_cli_print_text(stdout, sw_cli_text(row, "text"));
		putchar('\n');
	}
	puts("nobody can know:");
	json_array_foreach (json_object_get(trace, "unknown"), i, row) {
		printf("  %s\n", json_string_value(row));
	}
	if (json_is_true(json_object_get(trace, "more"))) {
		puts("there are more recipients than are shown: ask for one by --user");
	}
	json_array_foreach (json_object_get(trace, "conclusions"), i, row) {
		sw_cli_print_text(stdout, sw_cli_text(row, "text"));
		putchar('\n');
	}
}

static int trace_message(const struct sw_config *config, const struct arguments *arguments)
{
	struct sw_diag diag = {""};
	struct sw_cli_admin *admin = NULL;
	int err = sw_cli_admin_open(config, &arguments->admin, &admin, &diag);
	if (err) {
		return sw_cli_fail(err, &diag);
	}
	struct sw_buf path;
	sw_buf_init(&path, PATH_BYTES_MAX);
	sw_buf_printf(&path, "/v1/admin/messages/%s/trace", arguments->message);
	if (arguments->user) {
		sw_buf_put_str(&path, "?user=");
		sw_cli_put_encoded(&path, arguments->user);
	}
	json_t *trace = NULL;
	int code = sw_cli_admin_call(admin, "GET", sw_buf_cstr(&path), NULL, &trace);
	if (code == SW_EXIT_OK && arguments->admin.json) {
		sw_cli_print_json(trace);
	} else if (code == SW_EXIT_OK) {
		print_trace(trace);
	}
	json_decref(trace);
	sw_buf_release(&path);
	sw_cli_admin_close(admin);
	return code;
}

int sw_cmd_trace(const struct sw_config *config, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"user", 'U', "USER", 0, "Only this recipient", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp_child children[] = {{&sw_cli_admin_argp, 0, NULL, 0}, {NULL, 0, NULL, 0}};
	static const struct argp argp = {
		.options = options,
		.parser = on_option,
		.args_doc = "MESSAGE",
		.doc = "Tells what happened to a message, oldest first, and for each recipient whether it arrived and why not.",
		.children = children,
	};
	struct arguments arguments = {.message = NULL};
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	return trace_message(config, &arguments);
}
