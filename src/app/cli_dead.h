/* SPDX-License-Identifier: Apache-2.0 */
/* Private to `surewire dead`: its arguments, and its verbs. */
#ifndef SW_APP_CLI_DEAD_H
#define SW_APP_CLI_DEAD_H

#include "app/cli_admin.h"

struct sw_dead_args {
	const char *program;
	const char *verb;
	char **ids; /* decimal numbers, checked */
	int id_count;
	/* The filter; NULL and 0: not given. */
	const char *texts[6]; /* by sw_dead_texts */
	int64_t older_ms;
	int64_t newer_ms;
	const char *replayed; /* "true", "false" */
	bool all;
	int64_t limit;
	int64_t rate;
	bool yes;
	bool detach;
	struct sw_cli_admin_options admin;
};

/* Members of the filter that are texts, as the API calls them. */
extern const char *const sw_dead_texts[6];

/* cli_dead_args.c. Ends the process when the command line is wrong. */
void sw_dead_args_parse(struct sw_dead_args *args, int argc, char **argv);
bool sw_dead_has_filter(const struct sw_dead_args *args);
/* "provider=…&…" for a query, and {"filter":{…},"rate":…} for a body; fresh strings. */
char *sw_dead_query(const struct sw_dead_args *args);
char *sw_dead_body(const struct sw_dead_args *args);

/* cli_dead_change.c: exit codes. */
int sw_dead_replay(struct sw_cli_admin *admin, const struct sw_dead_args *args);
int sw_dead_watch(struct sw_cli_admin *admin, const struct sw_dead_args *args, const char *id);
int sw_dead_cancel(struct sw_cli_admin *admin, const struct sw_dead_args *args);
int sw_dead_drop(struct sw_cli_admin *admin, const struct sw_dead_args *args);
/* cli_dead.c */
struct sw_dead_request {
	const char *method;
	const char *path;
	void (*print)(const json_t *answer); /* for a person; a script gets the JSON */
};
/* Asks and shows the answer: an exit code. */
int sw_dead_call(struct sw_cli_admin *admin, const struct sw_dead_args *args, struct sw_dead_request request);
void sw_dead_print_replay(const json_t *replay);

#endif
