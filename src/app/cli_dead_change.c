/* SPDX-License-Identifier: Apache-2.0 */
/* surewire dead: sending letters again, watching that, and dropping them. */
#include "app/cli_dead.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RATE_DEFAULT = 50, LOOK_MS = 500, ANSWER_MAX = 16 };

static void sleep_ms(int64_t ms)
{
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&pause, NULL);
}

/* ---- letters by their ids ---- */

static int replay_one(struct sw_cli_admin *admin, const struct sw_dead_args *args, const char *id)
{
	char *path = sw_xasprintf("/v1/admin/dead/%s/replay", id);
	json_t *answer = NULL;
	int code = sw_cli_admin_call(admin, "POST", path, NULL, &answer);
	free(path);
	if (code == SW_EXIT_OK && args->admin.json) {
		sw_cli_print_json(answer);
	} else if (code == SW_EXIT_OK) {
		printf("letter %s is on its way to %s as %s\n", id, sw_cli_text(answer, "queue"),
		       sw_cli_text(answer, "job"));
	}
	json_decref(answer);
	return code;
}

static int drop_one(struct sw_cli_admin *admin, const struct sw_dead_args *args, const char *id)
{
	char *path = sw_xasprintf("/v1/admin/dead/%s", id);
	json_t *answer = NULL;
	int code = sw_cli_admin_call(admin, "DELETE", path, NULL, &answer);
	free(path);
	if (code == SW_EXIT_OK && args->admin.json) {
		sw_cli_print_json(answer);
	} else if (code == SW_EXIT_OK) {
		printf("letter %s dropped\n", id);
	}
	json_decref(answer);
	return code;
}

/* All of them, whatever becomes of the others, unless the API is not there: the first failure is the exit code. */
static int each(struct sw_cli_admin *admin, const struct sw_dead_args *args,
		int (*run)(struct sw_cli_admin *, const struct sw_dead_args *, const char *), int64_t pause_ms)
{
	int code = SW_EXIT_OK;
	for (int i = 0; i < args->id_count && code != SW_EXIT_UNAVAILABLE; i++) {
		if (i) {
			sleep_ms(pause_ms);
		}
		int one = run(admin, args, args->ids[i]);
		code = code == SW_EXIT_OK || one == SW_EXIT_UNAVAILABLE ? one : code;
	}
	return code;
}

/* ---- replays ---- */

static json_t *look(struct sw_cli_admin *admin, const char *id, int *code_out)
{
	char *path = sw_xasprintf("/v1/admin/dead/replays/%s", id);
	json_t *replay = NULL;
	*code_out = sw_cli_admin_call(admin, "GET", path, NULL, &replay);
	free(path);
	return replay;
}

static void print_end(const json_t *replay)
{
	const char *name;
	json_t *count;
	printf("replay %s %s: %lld of %lld letters sent, %lld failed", sw_cli_text(replay, "id"),
	       sw_cli_text(replay, "state"), (long long)sw_cli_int(replay, "sent"),
	       (long long)sw_cli_int(replay, "total"), (long long)sw_cli_int(replay, "failed"));
	const char *before = "; so far ";
	json_object_foreach (json_object_get(replay, "outcomes"), name, count) {
		printf("%s%lld %s", before, (long long)json_integer_value(count), name);
		before = ", ";
	}
	putchar('\n');
}

int sw_dead_watch(struct sw_cli_admin *admin, const struct sw_dead_args *args, const char *id)
{
	int64_t told = -1;
	for (;;) {
		int code;
		json_t *replay = look(admin, id, &code);
		if (code != SW_EXIT_OK) {
			return code;
		}
		bool running = strcmp(sw_cli_text(replay, "state"), "running") == 0;
		int64_t done = sw_cli_int(replay, "sent") + sw_cli_int(replay, "failed");
		if (!running && args->admin.json) {
			sw_cli_print_json(replay);
		} else if (!running) {
			print_end(replay);
		} else if (done != told) {
			fprintf(stderr, "replay %s: %lld of %lld\n", id, (long long)done,
				(long long)sw_cli_int(replay, "total"));
			told = done;
		}
		json_decref(replay);
		if (!running) {
			return SW_EXIT_OK;
		}
		sleep_ms(LOOK_MS);
	}
}

static int replay_filter(struct sw_cli_admin *admin, const struct sw_dead_args *args)
{
	char *body = sw_dead_body(args);
	json_t *replay = NULL;
	int code = sw_cli_admin_call(admin, "POST", "/v1/admin/dead/replays", body, &replay);
	free(body);
	if (code != SW_EXIT_OK) {
		return code;
	}
	char *id = sw_xstrdup(sw_cli_text(replay, "id"));
	if (args->detach && args->admin.json) {
		sw_cli_print_json(replay);
	} else if (args->detach) {
		printf("replay %s: %lld letters; `surewire dead watch %s` shows how far it is\n", id,
		       (long long)sw_cli_int(replay, "total"), id);
	} else {
		code = sw_dead_watch(admin, args, id);
	}
	json_decref(replay);
	free(id);
	return code;
}

int sw_dead_replay(struct sw_cli_admin *admin, const struct sw_dead_args *args)
{
	int64_t rate = args->rate ? args->rate : RATE_DEFAULT;
	return args->id_count ? each(admin, args, replay_one, 1000 / rate) : replay_filter(admin, args);
}

int sw_dead_cancel(struct sw_cli_admin *admin, const struct sw_dead_args *args)
{
	char *path = sw_xasprintf("/v1/admin/dead/replays/%s/cancel", args->ids[0]);
	int code = sw_dead_call(admin, args, (struct sw_dead_request){"POST", path, print_end});
	free(path);
	return code;
}

/* ---- drop ---- */

/* Only on a terminal; elsewhere --yes must be given. */
static bool confirmed(const struct sw_dead_args *args, int64_t count)
{
	if (args->yes) {
		return true;
	}
	char answer[ANSWER_MAX] = "";
	if (!isatty(STDIN_FILENO)) {
		sw_cli_usage(args->program, "drop: expected --yes, since nobody can be asked here");
		return false;
	}
	fprintf(stderr, "Drop %lld dead letter%s for good? [y/N] ", (long long)count, count == 1 ? "" : "s");
	bool yes = fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
	if (!yes) {
		fputs("surewire: nothing was dropped\n", stderr);
	}
	return yes;
}

static int count_letters(struct sw_cli_admin *admin, const char *query, int64_t *count_out)
{
	char *path = sw_xasprintf("/v1/admin/dead/count?%s", query);
	json_t *answer = NULL;
	int code = sw_cli_admin_call(admin, "GET", path, NULL, &answer);
	free(path);
	*count_out = sw_cli_int(answer, "count");
	json_decref(answer);
	return code;
}

static int drop_filter(struct sw_cli_admin *admin, const struct sw_dead_args *args)
{
	char *query = sw_dead_query(args);
	int64_t count = 0;
	int code = count_letters(admin, query, &count);
	json_t *answer = NULL;
	if (code == SW_EXIT_OK && !confirmed(args, count)) {
		code = isatty(STDIN_FILENO) ? SW_EXIT_FAILURE : SW_EXIT_USAGE;
	} else if (code == SW_EXIT_OK) {
		char *path = sw_xasprintf("/v1/admin/dead?confirm=%lld%s%s", (long long)count, query[0] ? "&" : "",
					  query);
		code = sw_cli_admin_call(admin, "DELETE", path, NULL, &answer);
		free(path);
	}
	free(query);
	if (answer && args->admin.json) {
		sw_cli_print_json(answer);
	} else if (answer) {
		printf("%lld dropped\n", (long long)sw_cli_int(answer, "dropped"));
	}
	json_decref(answer);
	return code;
}

int sw_dead_drop(struct sw_cli_admin *admin, const struct sw_dead_args *args)
{
	if (args->id_count == 0) {
		return drop_filter(admin, args);
	}
	if (!confirmed(args, args->id_count)) {
		return isatty(STDIN_FILENO) ? SW_EXIT_FAILURE : SW_EXIT_USAGE;
	}
	return each(admin, args, drop_one, 0);
}
