/* SPDX-License-Identifier: Apache-2.0 */
/* surewire dead: dead letters, through the operators' API. Here: looking at them. */
#include "app/cli_dead.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { PAGE = 200 };

/* ---- list ---- */

static void print_head(void)
{
	printf("%-8s  %-23s  %-20s  %-16s  %-10s  %-6s  %-10s  %s\n", "ID", "DIED", "USER", "DEVICE", "PROVIDER",
	       "STATUS", "REPLAYED", "REASON");
}

static void print_letter(const json_t *letter)
{
	char at[SW_CLI_TIME_MAX];
	char status[24];
	char replayed[48] = "no";
	snprintf(status, sizeof(status), "%lld", (long long)sw_cli_int(letter, "status"));
	if (sw_cli_int(letter, "replays")) {
		snprintf(replayed, sizeof(replayed), "%s", sw_cli_text(letter, "replay_outcome"));
	}
	sw_cli_print_column(stdout, sw_cli_text(letter, "id"), 8);
	sw_cli_print_column(stdout, sw_cli_time(sw_cli_int(letter, "at_ms"), at), 23);
	sw_cli_print_column(stdout, sw_cli_text(letter, "user"), 20);
	sw_cli_print_column(stdout, sw_cli_text(letter, "device"), 16);
	sw_cli_print_column(stdout, sw_cli_text(letter, "provider"), 10);
	sw_cli_print_column(stdout, status, 6);
	sw_cli_print_column(stdout, replayed, 10);
	sw_cli_print_column(stdout, sw_cli_text(letter, "reason"), 0);
	putchar('\n');
}

/* One kind of list, page by page. */
struct listing {
	const char *path;
	const char *member; /* of the answer: the array */
	void (*head)(void);
	void (*row)(const json_t *row);
};

static int64_t print_page(const struct sw_dead_args *args, const struct listing *listing, const json_t *page,
			  int64_t shown)
{
	size_t i;
	const json_t *row;
	json_array_foreach (json_object_get(page, listing->member), i, row) {
		if (args->admin.json) {
			sw_cli_print_json(row);
		} else {
			if (shown == 0) {
				listing->head();
			}
			listing->row(row);
		}
		shown++;
	}
	return shown;
}

static int list(struct sw_cli_admin *admin, const struct sw_dead_args *args, const struct listing *listing)
{
	char *query = sw_dead_query(args);
	char *before = sw_xstrdup("");
	int64_t shown = 0;
	int code = SW_EXIT_OK;
	bool more = true;
	while (code == SW_EXIT_OK && more) {
		int64_t left = args->limit ? args->limit - shown : PAGE;
		char *path = sw_xasprintf("%s?limit=%lld%s%s%s%s", listing->path,
					  (long long)(left < PAGE ? left : PAGE), before[0] ? "&before=" : "", before,
					  query[0] ? "&" : "", query);
		json_t *page = NULL;
		code = sw_cli_admin_call(admin, "GET", path, NULL, &page);
		free(path);
		shown = print_page(args, listing, page, shown);
		free(before);
		before = sw_xstrdup(sw_cli_text(page, "next_before"));
		more = before[0] && (!args->limit || shown < args->limit);
		json_decref(page);
	}
	if (code == SW_EXIT_OK && shown == 0 && !args->admin.json) {
		fputs("none\n", stderr);
	}
	free(before);
	free(query);
	return code;
}

/* ---- show ---- */

static void print_field(const char *name, const char *text)
{
	printf("%-13s ", name);
	sw_cli_print_text(stdout, text);
	putchar('\n');
}

static void print_time(const char *name, int64_t at_ms)
{
	char text[SW_CLI_TIME_MAX];
	print_field(name, sw_cli_time(at_ms, text));
}

static void print_notification(const json_t *letter)
{
	const json_t *notification = json_object_get(letter, "notification");
	if (!json_is_object(notification)) {
		printf("%-13s %lld bytes that hold no notification: it cannot be sent again\n", "payload",
		       (long long)sw_cli_int(letter, "payload_bytes"));
		return;
	}
	print_field("title", sw_cli_text(notification, "title"));
	print_field("text", sw_cli_text(notification, "preview"));
	printf("%-13s %s seq %s, inbox pos %s, badge %lld%s\n", "conversation", sw_cli_text(notification, "conv"),
	       sw_cli_text(notification, "seq"), sw_cli_text(notification, "pos"),
	       (long long)sw_cli_int(notification, "badge"),
	       json_is_true(json_object_get(notification, "sandbox")) ? ", sandbox" : "");
	print_time("created", sw_cli_int(notification, "created_at_ms"));
	print_time("expires", sw_cli_int(notification, "expires_at_ms"));
}

static void print_attempts(const json_t *attempts)
{
	printf("%zu attempt%s\n", json_array_size(attempts), json_array_size(attempts) == 1 ? "" : "s");
	size_t i;
	const json_t *attempt;
	json_array_foreach (attempts, i, attempt) {
		char at[SW_CLI_TIME_MAX];
		printf("  %3lld  %s  %6lld ms  ", (long long)sw_cli_int(attempt, "number"),
		       sw_cli_time(sw_cli_int(attempt, "at_ms"), at), (long long)sw_cli_int(attempt, "duration_ms"));
		sw_cli_print_column(stdout, sw_cli_text(attempt, "outcome"), 10);
		printf("%3lld  ", (long long)sw_cli_int(attempt, "status"));
		sw_cli_print_text(stdout, sw_cli_text(attempt, "reason"));
		putchar('\n');
	}
}

static void print_replays(const json_t *replays)
{
	size_t i;
	const json_t *replay;
	printf("%zu replay%s\n", json_array_size(replays), json_array_size(replays) == 1 ? "" : "s");
	json_array_foreach (replays, i, replay) {
		char at[SW_CLI_TIME_MAX];
		const char *again = sw_cli_text(replay, "again");
		printf("  %s  %s  ", sw_cli_time(sw_cli_int(replay, "at_ms"), at), sw_cli_text(replay, "job"));
		sw_cli_print_text(stdout, sw_cli_text(replay, "outcome"));
		if (sw_cli_text(replay, "reason")[0]) {
			fputs(": ", stdout);
			sw_cli_print_text(stdout, sw_cli_text(replay, "reason"));
		}
		printf("%s%s%s%s", again[0] ? ", now letter " : "", again,
		       sw_cli_text(replay, "run")[0] ? ", in replay " : "", sw_cli_text(replay, "run"));
		fputs(sw_cli_text(replay, "operator")[0] ? ", by " : "", stdout);
		sw_cli_print_text(stdout, sw_cli_text(replay, "operator"));
		putchar('\n');
	}
}

static void print_detail(const json_t *letter)
{
	print_field("letter", sw_cli_text(letter, "id"));
	print_field("job", sw_cli_text(letter, "job"));
	print_field("message", sw_cli_text(letter, "event"));
	print_field("user", sw_cli_text(letter, "user"));
	print_field("device", sw_cli_text(letter, "device"));
	print_field("provider", sw_cli_text(letter, "provider"));
	print_field("app", sw_cli_text(letter, "app"));
	print_time("died", sw_cli_int(letter, "at_ms"));
	printf("%-13s %lld ", "reason", (long long)sw_cli_int(letter, "status"));
	sw_cli_print_text(stdout, sw_cli_text(letter, "reason"));
	putchar('\n');
	print_notification(letter);
	if (sw_cli_text(letter, "replay_of")[0]) {
		print_field("replay of", sw_cli_text(letter, "replay_of"));
	}
	print_attempts(json_object_get(letter, "attempts"));
	print_replays(json_object_get(letter, "replay_list"));
}

int sw_dead_call(struct sw_cli_admin *admin, const struct sw_dead_args *args, struct sw_dead_request request)
{
	json_t *answer = NULL;
	int code = sw_cli_admin_call(admin, request.method, request.path, NULL, &answer);
	if (code == SW_EXIT_OK && args->admin.json) {
		sw_cli_print_json(answer);
	} else if (code == SW_EXIT_OK) {
		request.print(answer);
	}
	json_decref(answer);
	return code;
}

static int show(struct sw_cli_admin *admin, const struct sw_dead_args *args)
{
	char *path = sw_xasprintf("/v1/admin/dead/%s", args->ids[0]);
	int code = sw_dead_call(admin, args, (struct sw_dead_request){"GET", path, print_detail});
	free(path);
	return code;
}

/* ---- replays ---- */

static void print_replays_head(void)
{
	printf("%-8s  %-23s  %-9s  %9s  %9s  %9s  %6s  %s\n", "REPLAY", "ASKED FOR", "STATE", "LETTERS", "SENT",
	       "FAILED", "RATE", "BY");
}

void sw_dead_print_replay(const json_t *replay)
{
	char at[SW_CLI_TIME_MAX];
	printf("%-8s  %-23s  %-9s  %9lld  %9lld  %9lld  %6lld  ", sw_cli_text(replay, "id"),
	       sw_cli_time(sw_cli_int(replay, "at_ms"), at), sw_cli_text(replay, "state"),
	       (long long)sw_cli_int(replay, "total"), (long long)sw_cli_int(replay, "sent"),
	       (long long)sw_cli_int(replay, "failed"), (long long)sw_cli_int(replay, "rate"));
	sw_cli_print_text(stdout, sw_cli_text(replay, "operator"));
	putchar('\n');
}

/* ---- verbs ---- */

static int list_letters(struct sw_cli_admin *admin, const struct sw_dead_args *args)
{
	const struct listing listing = {"/v1/admin/dead", "dead", print_head, print_letter};
	return list(admin, args, &listing);
}

static int list_replays(struct sw_cli_admin *admin, const struct sw_dead_args *args)
{
	const struct listing listing = {"/v1/admin/dead/replays", "replays", print_replays_head, sw_dead_print_replay};
	return list(admin, args, &listing);
}

static int watch(struct sw_cli_admin *admin, const struct sw_dead_args *args)
{
	return sw_dead_watch(admin, args, args->ids[0]);
}

static const struct verb {
	const char *name;
	int (*run)(struct sw_cli_admin *admin, const struct sw_dead_args *args);
	int ids_min;
	int ids_max;
	bool filters;
} verbs[] = {
	{"list", list_letters, 0, 0, true},
	{"show", show, 1, 1, false},
	{"replay", sw_dead_replay, 0, 1 << 20, true},
	{"replays", list_replays, 0, 0, false},
	{"watch", watch, 1, 1, false},
	{"cancel", sw_dead_cancel, 1, 1, false},
	{"drop", sw_dead_drop, 0, 1 << 20, true},
};

/* NULL: usage, and it was told. */
static const struct verb *find_verb(const struct sw_dead_args *args)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct verb *verb = &verbs[i];
		if (strcmp(verb->name, args->verb) != 0) {
			continue;
		}
		bool filter = sw_dead_has_filter(args);
		bool chooses = verb->filters && verb->ids_max > 0;
		if (args->id_count < verb->ids_min || args->id_count > verb->ids_max) {
			sw_cli_usage(args->program, "%s: expected %s", verb->name, verb->ids_max ? "one id" : "no id");
		} else if (filter && !verb->filters) {
			sw_cli_usage(args->program, "%s: expected no filter", verb->name);
		} else if (chooses && (args->id_count > 0) + filter + args->all != 1) {
			sw_cli_usage(args->program, "%s: expected either ids, or a filter, or --all", verb->name);
		} else {
			return verb;
		}
		return NULL;
	}
	sw_cli_usage(args->program, "expected list, show, replay, replays, watch, cancel or drop, got '%.64s'",
		     args->verb);
	return NULL;
}

int sw_cmd_dead(const struct sw_config *config, int argc, char **argv)
{
	struct sw_dead_args args;
	sw_dead_args_parse(&args, argc, argv);
	const struct verb *verb = find_verb(&args);
	struct sw_cli_admin *admin = NULL;
	struct sw_diag diag = {""};
	int code = SW_EXIT_USAGE;
	if (verb) {
		int err = sw_cli_admin_open(config, &args.admin, &admin, &diag);
		code = err ? sw_cli_fail(err, &diag) : verb->run(admin, &args);
	}
	sw_cli_admin_close(admin);
	free(args.ids);
	return code;
}
