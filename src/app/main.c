/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: options that all subcommands share, then the subcommand from cli.def. Each subcommand parses its
 * own arguments. */
#include "app/commands.h"

#include <surewire/buf.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <argp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/surewire/surewire.ini"

enum { NO_CONFIG, CONFIG };
enum { OPTION_HELP_CONFIG = 256 };

struct command {
	const char *name;
	sw_command_fn run;
	int needs_config;
	const char *arguments;
	const char *summary;
};

static const struct command commands[] = {
#define SW_COMMAND(name, function, config, arguments, summary) {#name, (function), (config), (arguments), (summary)},
#include "app/cli.def"
#undef SW_COMMAND
};

struct arguments {
	const struct command *command;
	int command_index; /* in argv */
};

static const char *config_option;

const char *sw_cli_config_path(void)
{
	if (config_option) {
		return config_option;
	}
	const char *variable = getenv("SUREWIRE_CONFIG");
	if (variable && variable[0]) {
		return variable;
	}
	return access(DEFAULT_CONFIG, F_OK) == 0 ? DEFAULT_CONFIG : NULL;
}

int sw_cli_load_config(struct sw_config **config_out, struct sw_diag *diag_out)
{
	const struct sw_config_source source = {
		.path = sw_cli_config_path(),
		.environ = (const char *const *)environ,
		.providers = sw_cli_providers,
	};
	return sw_config_load(&source, config_out, diag_out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case 'c':
		config_option = arg;
		return 0;
	case OPTION_HELP_CONFIG:
		sw_config_print_help(stdout, sw_cli_providers);
		exit(SW_EXIT_OK);
	case ARGP_KEY_ARG:
		arguments->command = find_command(arg);
		if (!arguments->command) {
			argp_error(state, "unknown command '%s'", arg);
		}
		/* What follows is the command's own. */
		arguments->command_index = state->next - 1;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "expected a command");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The list of commands, below the options in --help. */
static char *on_help(int key, const char *text, void *input)
{
	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC) {
		return (char *)text;
	}
	struct sw_buf list;
	sw_buf_init(&list, 8192);
	sw_buf_put_str(&list, "Commands (surewire COMMAND --help says more):\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		sw_buf_printf(&list, "  %-9s %s\n", commands[i].name, commands[i].summary);
	}
	sw_buf_put_str(&list, "\nExit codes: 0 done, 1 failed, 64 usage, 69 a server is away, 78 configuration.");
	char *copy = sw_xstrdup(sw_buf_cstr(&list));
	sw_buf_release(&list);
	return copy; /* argp frees it */
}

/* Many connections need many descriptors; what the hard limit grants is taken, `doctor` says if it is too little. */
static void raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int run_with_config(const struct command *command, int argc, char **argv)
{
	struct sw_config *config = NULL;
	struct sw_diag diag = {""};
	int err = sw_cli_load_config(&config, &diag);
	if (err) {
		return sw_cli_fail(err, &diag);
	}
	enum sw_log_level level = SW_LOG_INFO;
	if (sw_log_level_parse(config->log.level, &level)) {
		sw_log_set_level(level);
	}
	sw_log_set_json(strcmp(config->log.format, "json") == 0);
	int code = command->run(config, argc, argv);
	sw_config_free(config);
	return code;
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"config", 'c', "FILE", 0, "The configuration (default: $SUREWIRE_CONFIG, then " DEFAULT_CONFIG ")", 0},
		{"help-config", OPTION_HELP_CONFIG, NULL, 0, "Explain every key of the configuration", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = on_option,
		.args_doc = "COMMAND [ARGUMENT...]",
		.doc = "Surewire: a chat backend and push delivery with a guarantee.\v",
		.help_filter = on_help,
	};
	struct arguments arguments = {.command = NULL};
	argp_program_version = "surewire " SW_VERSION;
	argp_err_exit_status = SW_EXIT_USAGE;
	signal(SIGPIPE, SIG_IGN);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	raise_file_limit();

	const struct command *command = arguments.command;
	char *name = sw_xasprintf("surewire %s", command->name);
	int sub_argc = argc - arguments.command_index;
	char **sub_argv = argv + arguments.command_index;
	sub_argv[0] = name;
	int code = command->needs_config ? run_with_config(command, sub_argc, sub_argv)
					 : command->run(NULL, sub_argc, sub_argv);
	free(name);
	return code;
}
