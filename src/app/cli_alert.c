/* SPDX-License-Identifier: Apache-2.0 */
/* surewire alert: alerts, through the operators' API. */
#include "app/cli_alert.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 500 };

/* ---- showing ---- */

static void print_summary(const json_t *alert)
{
	char at[SW_CLI_TIME_MAX];
	sw_cli_print_column(stdout, sw_cli_text(alert, "id"), 19);
	sw_cli_print_column(stdout, sw_cli_time(sw_cli_int(alert, "at_ms"), at), 23);
	sw_cli_print_column(stdout, sw_cli_text(alert, "severity"), 8);
	sw_cli_print_column(stdout, sw_cli_text(alert, "state"), 12);
	sw_cli_print_column(stdout, sw_cli_text(alert, "acknowledged_by"), 16);
	sw_cli_print_column(stdout, sw_cli_text(alert, "title"), 0);
	putchar('\n');
}

static void print_step(const json_t *step)
{
	char at[SW_CLI_TIME_MAX];
	size_t i;
	const json_t *job;
	printf("%s  round %lld step %lld  ", sw_cli_time(sw_cli_int(step, "at_ms"), at),
	       (long long)sw_cli_int(step, "round") + 1, (long long)sw_cli_int(step, "step") + 1);
	sw_cli_print_column(stdout, sw_cli_text(step, "user"), 16);
	printf("%s %s\n", sw_cli_text(step, "what"), sw_cli_text(step, "target"));
	json_array_foreach (json_object_get(step, "jobs"), i, job) {
		printf("    %s  ", sw_cli_text(job, "job"));
		sw_cli_print_column(stdout, sw_cli_text(job, "device"), 16);
		sw_cli_print_column(stdout, sw_cli_text(job, "state"), 10);
		sw_cli_print_text(stdout, sw_cli_text(job, "reason"));
		putchar('\n');
	}
}

static void print_alert(const json_t *alert)
{
	char at[SW_CLI_TIME_MAX];
	size_t i;
	const json_t *row;
	printf("alert %s, %s, from ", sw_cli_text(alert, "id"), sw_cli_text(alert, "severity"));
	sw_cli_print_text(stdout, sw_cli_text(alert, "from"));
	printf(", %s\n", sw_cli_time(sw_cli_int(alert, "at_ms"), at));
	sw_cli_print_text(stdout, sw_cli_text(alert, "title"));
	putchar('\n');
	json_array_foreach (json_object_get(alert, "steps"), i, row) {
		print_step(row);
	}
	json_array_foreach (json_object_get(alert, "acks"), i, row) {
		printf("%s  acknowledged by ", sw_cli_time(sw_cli_int(row, "at_ms"), at));
		sw_cli_print_text(stdout, sw_cli_text(row, "user"));
		putchar('\n');
	}
	printf("%s", sw_cli_text(alert, "state"));
	if (sw_cli_int(alert, "ended_at_ms")) {
		printf(" since %s", sw_cli_time(sw_cli_int(alert, "ended_at_ms"), at));
	}
	putchar('\n');
}

static void show_answer(const struct sw_alert_args *args, const json_t *alert)
{
	if (args->admin.json) {
		sw_cli_print_json(alert);
	} else {
		print_alert(alert);
	}
}

/* ---- verbs ---- */

static int call(struct sw_cli_admin *admin, const char *method, const char *id, const char *tail, json_t **alert_out)
{
	char *path = sw_xasprintf("/v1/alerts/%s%s", id, tail);
	int code = sw_cli_admin_call(admin, method, path, NULL, alert_out);
	free(path);
	return code;
}

static int show(struct sw_cli_admin *admin, const struct sw_alert_args *args)
{
	json_t *alert = NULL;
	bool cancel = strcmp(args->verb, "cancel") == 0;
	int code = call(admin, cancel ? "POST" : "GET", args->word, cancel ? "/cancel" : "", &alert);
	if (code == SW_EXIT_OK) {
		show_answer(args, alert);
	}
	json_decref(alert);
	return code;
}

static int watch_id(struct sw_cli_admin *admin, const struct sw_alert_args *args, const char *id)
{
	const struct timespec pause = {0, LOOK_MS * 1000000};
	size_t told = 0;
	for (;;) {
		json_t *alert = NULL;
		int code = call(admin, "GET", id, "", &alert);
		if (code != SW_EXIT_OK) {
			return code;
		}
		const char *state = sw_cli_text(alert, "state");
		const json_t *steps = json_object_get(alert, "steps");
		bool open = strcmp(state, "open") == 0;
		for (; open && told < json_array_size(steps); told++) {
			const json_t *step = json_array_get(steps, told);
			fprintf(stderr, "alert %s: %s %s\n", id, sw_cli_text(step, "what"),
				sw_cli_text(step, "target"));
		}
		bool reached = strcmp(state, "acknowledged") == 0 || strcmp(state, "seen") == 0;
		if (!open) {
			show_answer(args, alert);
		}
		json_decref(alert);
		if (!open) {
			return reached ? SW_EXIT_OK : SW_EXIT_FAILURE;
		}
		nanosleep(&pause, NULL);
	}
}

static int watch(struct sw_cli_admin *admin, const struct sw_alert_args *args)
{
	return watch_id(admin, args, args->word);
}

static void put_text(json_t *body, const char *name, const char *text)
{
	if (text) {
		json_object_set_new(body, name, json_string(text));
	}
}

static char *body_of(const struct sw_alert_args *args)
{
	json_t *body = json_object();
	if (args->users) {
		json_object_set(body, "users", args->users);
	}
	put_text(body, "group", args->group);
	put_text(body, "severity", args->severity ? args->severity : "normal");
	put_text(body, "title", args->word);
	put_text(body, "text", args->text);
	put_text(body, "from", args->from);
	put_text(body, "idempotency_key", args->key);
	if (args->plan) {
		json_object_set(body, "plan", args->plan);
	}
	if (args->deadline_ms) {
		json_object_set_new(body, "deadline_s", json_integer(args->deadline_ms / 1000));
	}
	json_object_set_new(body, "needs_ack", json_boolean(!args->no_ack));
	char *text = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return text;
}

static int send_alert(struct sw_cli_admin *admin, const struct sw_alert_args *args)
{
	json_t *alert = NULL;
	char *body = body_of(args);
	int code = body ? sw_cli_admin_call(admin, "POST", "/v1/alerts", body, &alert)
			: sw_cli_usage(args->program, "send: expected UTF-8");
	free(body);
	if (code == SW_EXIT_OK && args->watch) {
		code = watch_id(admin, args, sw_cli_text(alert, "id"));
	} else if (code == SW_EXIT_OK && args->admin.json) {
		sw_cli_print_json(alert);
	} else if (code == SW_EXIT_OK) {
		printf("alert %s; `surewire alert watch %s` waits for its end\n", sw_cli_text(alert, "id"),
		       sw_cli_text(alert, "id"));
	}
	json_decref(alert);
	return code;
}

static int list(struct sw_cli_admin *admin, const struct sw_alert_args *args)
{
	struct sw_buf path;
	sw_buf_init(&path, 4096);
	sw_buf_printf(&path, "/v1/alerts?limit=%lld", (long long)(args->limit ? args->limit : 50));
	if (args->state) {
		sw_buf_put_str(&path, "&state=");
		sw_cli_put_encoded(&path, args->state);
	}
	json_t *page = NULL;
	size_t i;
	const json_t *row;
	int code = sw_cli_admin_call(admin, "GET", sw_buf_cstr(&path), NULL, &page);
	sw_buf_release(&path);
	json_array_foreach (json_object_get(page, "alerts"), i, row) {
		if (args->admin.json) {
			sw_cli_print_json(row);
		} else {
			print_summary(row);
		}
	}
	json_decref(page);
	return code;
}

static const struct verb {
	const char *name;
	int (*run)(struct sw_cli_admin *admin, const struct sw_alert_args *args);
	const char *word; /* what must be given; NULL: nothing */
} verbs[] = {
	{"send", send_alert, "a title"}, {"list", list, NULL},      {"show", show, "an id"},
	{"cancel", show, "an id"},       {"watch", watch, "an id"},
};

/* NULL: usage, and it was told. */
static const struct verb *find_verb(const struct sw_alert_args *args)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct verb *verb = &verbs[i];
		uint64_t id = 0;
		if (strcmp(verb->name, args->verb) != 0) {
			continue;
		}
		bool is_id = args->word && sw_bytes_to_u64(sw_bytes_str(args->word), &id) == SW_OK;
		if (!verb->word != !args->word || (verb->word && strcmp(verb->word, "an id") == 0 && !is_id)) {
			sw_cli_usage(args->program, "%s: expected %s", verb->name, verb->word ? verb->word : "no word");
			return NULL;
		}
		return verb;
	}
	sw_cli_usage(args->program, "expected send, list, show, cancel or watch, got '%.64s'", args->verb);
	return NULL;
}

int sw_cmd_alert(const struct sw_config *config, int argc, char **argv)
{
	struct sw_alert_args args;
	sw_alert_args_parse(&args, argc, argv);
	const struct verb *verb = find_verb(&args);
	struct sw_cli_admin *admin = NULL;
	struct sw_diag diag = {""};
	int code = SW_EXIT_USAGE;
	if (verb) {
		int err = sw_cli_admin_open(config, &args.admin, &admin, &diag);
		code = err ? sw_cli_fail(err, &diag) : verb->run(admin, &args);
	}
	sw_cli_admin_close(admin);
	sw_alert_args_release(&args);
	return code;
}
