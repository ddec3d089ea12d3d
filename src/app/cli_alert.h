/* SPDX-License-Identifier: Apache-2.0 */
/* Private to `surewire alert`: its arguments. */
#ifndef SW_APP_CLI_ALERT_H
#define SW_APP_CLI_ALERT_H

#include "app/cli_admin.h"

struct sw_alert_args {
	const char *program;
	const char *verb;
	const char *word; /* an id, or the title */
	/* send; NULL and 0: not given */
	json_t *users;
	const char *group;
	const char *severity;
	const char *text;
	json_t *plan;
	const char *from;
	const char *key;
	int64_t deadline_ms;
	bool no_ack;
	bool watch;
	/* list */
	const char *state;
	int64_t limit;
	struct sw_cli_admin_options admin;
};

/* Ends the process when the command line is wrong. */
void sw_alert_args_parse(struct sw_alert_args *args, int argc, char **argv);
void sw_alert_args_release(struct sw_alert_args *args);

#endif
