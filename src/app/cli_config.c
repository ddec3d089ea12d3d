/* SPDX-License-Identifier: Apache-2.0 */
/* surewire config: the sample, the manual, and a check that starts nothing. */
#include "app/commands.h"
#include "app/plans.h"

#include <argp.h>

enum action { ACTION_NONE, ACTION_CHECK, ACTION_SAMPLE, ACTION_HELP };

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	enum action *action = state->input;
	switch (key) {
	case 'k':
		*action = ACTION_CHECK;
		return 0;
	case 's':
		*action = ACTION_SAMPLE;
		return 0;
	case 'm':
		*action = ACTION_HELP;
		return 0;
	case ARGP_KEY_END:
		if (*action == ACTION_NONE) {
			argp_error(state, "expected --check, --sample or --help-config");
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int check(void)
{
	struct sw_config *config = NULL;
	struct sw_diag diag = {""};
	int err = sw_cli_load_config(&config, &diag);
	if (err) {
		return sw_cli_fail(err, &diag);
	}
	struct sw_plans plans;
	err = sw_plans_read(config, &plans, &diag);
	sw_plans_release(&plans);
	if (err) {
		sw_config_free(config);
		return sw_cli_fail(err, &diag);
	}
	printf("%s: good\n", config->path[0] ? config->path : "no configuration file, defaults and environment");
	sw_config_free(config);
	return SW_EXIT_OK;
}

int sw_cmd_config(const struct sw_config *config, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"check", 'k', NULL, 0, "Read the configuration and say what is wrong with it", 0},
		{"sample", 's', NULL, 0, "Print a configuration file with every key at its default", 0},
		{"help-config", 'm', NULL, 0, "Explain every key", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {
		.options = options, .parser = on_option, .doc = "Checks or explains the configuration."};
	(void)config;
	enum action action = ACTION_NONE;
	argp_parse(&argp, argc, argv, 0, NULL, &action);
	if (action == ACTION_CHECK) {
		return check();
	}
	if (action == ACTION_SAMPLE) {
		sw_config_print_sample(stdout, sw_cli_providers);
	} else {
		sw_config_print_help(stdout, sw_cli_providers);
	}
	return fflush(stdout) == 0 ? SW_EXIT_OK : SW_EXIT_FAILURE;
}
