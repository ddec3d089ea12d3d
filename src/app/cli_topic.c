/* SPDX-License-Identifier: Apache-2.0 */
/* surewire topic: who subscribes, through the operators' API. */
#include "app/cli_push.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES_MAX = 1024 };

struct arguments {
	const char *program;
	const char *verb;
	const char *topic;
	char **users;
	int user_count;
	struct sw_cli_address address;
	struct sw_cli_admin_options admin;
};

static void take_word(struct arguments *arguments, char *arg)
{
	if (!arguments->verb) {
		arguments->verb = arg;
	} else if (!arguments->topic) {
		arguments->topic = arg;
	} else {
		arguments->users = sw_xrealloc(arguments->users,
					       sizeof(*arguments->users) * (size_t)(arguments->user_count + 1));
		arguments->users[arguments->user_count++] = arg;
	}
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &arguments->address;
		state->child_inputs[1] = &arguments->admin;
		return 0;
	case ARGP_KEY_ARG:
		take_word(arguments, arg);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "expected add, remove or show");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static json_t *addresses(const struct arguments *arguments)
{
	json_t *list = json_array();
	if (arguments->address.token) {
		json_array_append_new(list, sw_cli_token_json(&arguments->address));
	}
	for (int i = 0; i < arguments->user_count; i++) {
		json_array_append_new(list, json_pack("{s:s, s:s*}", "user", arguments->users[i], "device",
						      arguments->address.device));
	}
	return list;
}

static void print_topic(const json_t *answer)
{
	printf("%s: %lld subscribers, of them %lld users and %lld tokens\n", sw_cli_text(answer, "topic"),
	       (long long)sw_cli_int(answer, "subscribers"), (long long)sw_cli_int(answer, "users"),
	       (long long)sw_cli_int(answer, "tokens"));
}

static void print_change(const json_t *answer)
{
	printf("%s: %lld added, %lld removed\n", sw_cli_text(answer, "topic"), (long long)sw_cli_int(answer, "added"),
	       (long long)sw_cli_int(answer, "removed"));
}

static int call(const struct sw_config *config, const struct arguments *arguments)
{
	bool show = strcmp(arguments->verb, "show") == 0;
	struct sw_cli_admin *admin = NULL;
	struct sw_diag diag = {""};
	int err = sw_cli_admin_open(config, &arguments->admin, &admin, &diag);
	if (err) {
		return sw_cli_fail(err, &diag);
	}
	struct sw_buf path;
	sw_buf_init(&path, PATH_BYTES_MAX);
	sw_buf_put_str(&path, "/v1/topics/");
	sw_cli_put_encoded(&path, arguments->topic);
	sw_buf_put_str(&path, show ? "" : "/subscribers");
	json_t *change = show ? NULL : json_pack("{s:o}", arguments->verb, addresses(arguments));
	char *body = change ? json_dumps(change, JSON_COMPACT) : NULL;
	json_t *answer = NULL;
	int code = sw_cli_admin_call(admin, show ? "GET" : "POST", sw_buf_cstr(&path), body, &answer);
	if (code == SW_EXIT_OK && arguments->admin.json) {
		sw_cli_print_json(answer);
	} else if (code == SW_EXIT_OK) {
		(show ? print_topic : print_change)(answer);
	}
	json_decref(answer);
	json_decref(change);
	free(body);
	sw_buf_release(&path);
	sw_cli_admin_close(admin);
	return code;
}

/* SW_EXIT_OK, or usage, and it was told. */
static int check(const struct arguments *arguments)
{
	bool show = strcmp(arguments->verb, "show") == 0;
	bool whom = arguments->user_count || arguments->address.token;
	if (!show && strcmp(arguments->verb, "add") != 0 && strcmp(arguments->verb, "remove") != 0) {
		return sw_cli_usage(arguments->program, "expected add, remove or show, got '%.64s'", arguments->verb);
	}
	if (!arguments->topic || strlen(arguments->topic) > PATH_BYTES_MAX / 4) {
		return sw_cli_usage(arguments->program, "%s: expected a topic", arguments->verb);
	}
	if (show && (whom || arguments->address.device)) {
		return sw_cli_usage(arguments->program, "show: expected a topic alone");
	}
	if (!show && !whom) {
		return sw_cli_usage(arguments->program, "%s: expected users, or --token", arguments->verb);
	}
	return SW_EXIT_OK;
}

int sw_cmd_topic(const struct sw_config *config, int argc, char **argv)
{
	static const struct argp_child children[] = {{&sw_cli_address_argp, 0, "add, remove:", 1},
						     {&sw_cli_admin_argp, 0, "Where and how:", 2},
						     {NULL, 0, NULL, 0}};
	static const struct argp argp = {
		.parser = on_option,
		.args_doc = "add TOPIC USER...\nremove TOPIC USER...\nshow TOPIC",
		.doc = "Subscribers of a topic, for `surewire push send --topic`: users with all their devices, single "
		       "devices, or tokens by themselves.\vExit codes: 0 done, 1 failed or not found, 64 usage, 69 the API "
		       "is away or refuses the token, 78 configuration.",
		.children = children,
	};
	struct arguments arguments = {.program = argv[0]};
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	int code = check(&arguments);
	code = code == SW_EXIT_OK ? call(config, &arguments) : code;
	free(arguments.users);
	return code;
}
