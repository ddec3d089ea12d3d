/* SPDX-License-Identifier: Apache-2.0 */
/* surewire push: direct notifications, through the operators' API. */
#include "app/cli_push.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { LIST_DEFAULT = 50 };

/* ---- showing ---- */

static void print_field(const char *name, const char *text)
{
	printf("%-11s ", name);
	sw_cli_print_text(stdout, text);
	putchar('\n');
}

static void print_counts(const char *name, const json_t *counts)
{
	const char *state;
	json_t *count;
	printf("%-11s ", name);
	json_object_foreach ((json_t *)counts, state, count) {
		printf("%s %lld  ", state, (long long)json_integer_value(count));
	}
	putchar('\n');
}

static void print_detail(const json_t *push)
{
	char at[SW_CLI_TIME_MAX];
	const char *device = sw_cli_text(push, "device");
	print_field("push", sw_cli_text(push, "id"));
	print_field("title", sw_cli_text(push, "title"));
	printf("%-11s %s ", "to", sw_cli_text(push, "kind"));
	sw_cli_print_text(stdout, sw_cli_text(push, "to"));
	fputs(device[0] ? ", device " : "", stdout);
	sw_cli_print_text(stdout, device);
	putchar('\n');
	print_field("asked for", sw_cli_time(sw_cli_int(push, "created_at_ms"), at));
	print_field("expires", sw_cli_time(sw_cli_int(push, "expires_at_ms"), at));
	print_field("state", sw_cli_text(push, "state"));
	printf("%-11s %lld of %lld\n", "recipients", (long long)sw_cli_int(push, "passed"),
	       (long long)sw_cli_int(push, "recipients"));
	printf("%-11s %lld, %lld ended, %lld waiting: %.1f %%\n", "jobs", (long long)sw_cli_int(push, "planned"),
	       (long long)sw_cli_int(push, "ended"), (long long)sw_cli_int(push, "waiting"),
	       100 * json_number_value(json_object_get(push, "progress")));
	print_counts("outcomes", json_object_get(push, "outcomes"));
	if (json_object_size(json_object_get(push, "replays"))) {
		print_counts("replays", json_object_get(push, "replays"));
	}
}

static void print_row(const json_t *push)
{
	char at[SW_CLI_TIME_MAX];
	sw_cli_print_column(stdout, sw_cli_text(push, "id"), 19);
	sw_cli_print_column(stdout, sw_cli_time(sw_cli_int(push, "created_at_ms"), at), 23);
	sw_cli_print_column(stdout, sw_cli_text(push, "state"), 9);
	printf("%9lld  ", (long long)sw_cli_int(push, "planned"));
	sw_cli_print_column(stdout, sw_cli_text(push, "kind"), 6);
	sw_cli_print_column(stdout, sw_cli_text(push, "to"), 20);
	sw_cli_print_column(stdout, sw_cli_text(push, "title"), 0);
	putchar('\n');
}

static void print_list(const json_t *answer, bool json)
{
	const json_t *rows = json_object_get(answer, "pushes");
	size_t i;
	const json_t *row;
	if (!json && json_array_size(rows)) {
		printf("%-19s  %-23s  %-9s  %9s  %-6s  %-20s  %s\n", "PUSH", "ASKED FOR", "STATE", "JOBS", "KIND", "TO",
		       "TITLE");
	} else if (!json) {
		fputs("none\n", stderr);
	}
	json_array_foreach (rows, i, row) {
		if (json) {
			sw_cli_print_json(row);
		} else {
			print_row(row);
		}
	}
}

/* ---- verbs ---- */

static int send(struct sw_cli_admin *admin, const struct sw_push_args *args)
{
	char *body = sw_push_body(args);
	json_t *answer = NULL;
	if (!body) {
		return SW_EXIT_USAGE;
	}
	sw_cli_admin_set_key(admin, args->key);
	int code = sw_cli_admin_call(admin, "POST", "/v1/push", body, &answer);
	if (code == SW_EXIT_OK && args->admin.json) {
		sw_cli_print_json(answer);
	} else if (code == SW_EXIT_OK) {
		printf("push %s %s\n", sw_cli_text(answer, "id"),
		       json_is_true(json_object_get(answer, "repeated")) ? "was asked for before" : "is on its way");
	}
	json_decref(answer);
	free(body);
	return code;
}

static int call(struct sw_cli_admin *admin, const struct sw_push_args *args, const char *method, const char *suffix)
{
	char *path = sw_xasprintf("/v1/push/%s%s", args->words[0], suffix);
	json_t *answer = NULL;
	int code = sw_cli_admin_call(admin, method, path, NULL, &answer);
	if (code == SW_EXIT_OK && args->admin.json) {
		sw_cli_print_json(answer);
	} else if (code == SW_EXIT_OK) {
		print_detail(answer);
	}
	json_decref(answer);
	free(path);
	return code;
}

static int show(struct sw_cli_admin *admin, const struct sw_push_args *args)
{
	return call(admin, args, "GET", "");
}

static int cancel(struct sw_cli_admin *admin, const struct sw_push_args *args)
{
	return call(admin, args, "POST", "/cancel");
}

static int list(struct sw_cli_admin *admin, const struct sw_push_args *args)
{
	char *path = sw_xasprintf("/v1/push?limit=%lld", (long long)(args->limit ? args->limit : LIST_DEFAULT));
	json_t *answer = NULL;
	int code = sw_cli_admin_call(admin, "GET", path, NULL, &answer);
	if (code == SW_EXIT_OK) {
		print_list(answer, args->admin.json);
	}
	json_decref(answer);
	free(path);
	return code;
}

static const struct verb {
	const char *name;
	int (*run)(struct sw_cli_admin *admin, const struct sw_push_args *args);
	int words_min;
	int words_max;
} verbs[] = {{"send", send, 0, 1 << 20}, {"show", show, 1, 1}, {"list", list, 0, 0}, {"cancel", cancel, 1, 1}};

/* NULL: usage, and it was told. */
static const struct verb *find_verb(const struct sw_push_args *args)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct verb *verb = &verbs[i];
		if (strcmp(verb->name, args->verb) == 0) {
			if (args->word_count >= verb->words_min && args->word_count <= verb->words_max) {
				return verb;
			}
			sw_cli_usage(args->program, "%s: expected %s", verb->name,
				     verb->words_max ? "one id" : "no id");
			return NULL;
		}
	}
	sw_cli_usage(args->program, "expected send, show, list or cancel, got '%.64s'", args->verb);
	return NULL;
}

int sw_cmd_push(const struct sw_config *config, int argc, char **argv)
{
	struct sw_push_args args;
	sw_push_args_parse(&args, argc, argv);
	const struct verb *verb = find_verb(&args);
	struct sw_cli_admin *admin = NULL;
	struct sw_diag diag = {""};
	int code = SW_EXIT_USAGE;
	if (verb) {
		int err = sw_cli_admin_open(config, &args.admin, &admin, &diag);
		code = err ? sw_cli_fail(err, &diag) : verb->run(admin, &args);
	}
	sw_cli_admin_close(admin);
	free(args.words);
	free(args.users);
	return code;
}
