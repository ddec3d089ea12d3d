/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of the executable: one function each, in a file of its own, one row each in cli.def. */
#ifndef SW_APP_COMMANDS_H
#define SW_APP_COMMANDS_H

#include "app/config.h"

/* sysexits(3), as far as we use them. */
enum sw_exit {
	SW_EXIT_OK = 0,
	SW_EXIT_FAILURE = 1,      /* it was tried and did not work */
	SW_EXIT_USAGE = 64,       /* the command line is wrong */
	SW_EXIT_DATA = 65,        /* the input is wrong */
	SW_EXIT_UNAVAILABLE = 69, /* broker, store or another server is away, or refuses us */
	SW_EXIT_TEMPORARY = 75,   /* not now: whoever called should try again */
	SW_EXIT_CONFIG = 78,      /* the configuration or a file it names is wrong */
};

/* argv[0] is "surewire NAME", as argp shows it. config is NULL for commands whose row says NO_CONFIG. The result is the exit code;
 * what went wrong is already on stderr, in one line. */
typedef int (*sw_command_fn)(const struct sw_config *config, int argc, char **argv);

/* cli_bounce.c, cli_config.c, cli_dead.c, cli_doctor.c, cli_migrate.c, cli_push.c, cli_token.c, cli_topic.c, cli_trace.c,
 * cli_user.c, cli_version.c */
int sw_cmd_bounce(const struct sw_config *config, int argc, char **argv);
int sw_cmd_config(const struct sw_config *config, int argc, char **argv);
int sw_cmd_dead(const struct sw_config *config, int argc, char **argv);
int sw_cmd_doctor(const struct sw_config *config, int argc, char **argv);
int sw_cmd_migrate(const struct sw_config *config, int argc, char **argv);
int sw_cmd_push(const struct sw_config *config, int argc, char **argv);
int sw_cmd_topic(const struct sw_config *config, int argc, char **argv);
int sw_cmd_token(const struct sw_config *config, int argc, char **argv);
int sw_cmd_trace(const struct sw_config *config, int argc, char **argv);
int sw_cmd_user(const struct sw_config *config, int argc, char **argv);
int sw_cmd_version(const struct sw_config *config, int argc, char **argv);
/* serve.c, send.c, chat.c, sim.c, drain.c: whoever adds the file adds its row in cli.def. */
int sw_cmd_serve(const struct sw_config *config, int argc, char **argv);
int sw_cmd_send(const struct sw_config *config, int argc, char **argv);
int sw_cmd_alert(const struct sw_config *config, int argc, char **argv);
int sw_cmd_chat(const struct sw_config *config, int argc, char **argv);
int sw_cmd_sim(const struct sw_config *config, int argc, char **argv);
int sw_cmd_drain(const struct sw_config *config, int argc, char **argv);

/* "surewire: TEXT" on stderr; returns the exit code that fits the error (SW_ECONFIG 78, a server away 69, else 1). */
int sw_cli_fail(int err, const struct sw_diag *diag);
/* The same for a wrong command line, with the hint to --help: 64. */
int sw_cli_usage(const char *command, const char *fmt, ...) SW_PRINTF(2, 3);
/* Length of the sequence at text[0] that a terminal might obey: C0, DEL, C1, U+2028 to U+202E, U+2066 to U+2069; 0: none.
 * Text that others wrote is shown, never obeyed. */
size_t sw_cli_dangerous(struct sw_bytes text);
/* The providers in this build, NULL-terminated. */
extern const struct sw_provider_ops *const sw_cli_providers[];
/* The file of the configuration: --config, else $SUREWIRE_CONFIG, else /etc/surewire/surewire.ini if there is one,
 * else NULL. For commands without a configuration of their own (config --check) and for reloads. */
const char *sw_cli_config_path(void);
/* Loads it, with this process's environment. */
int sw_cli_load_config(struct sw_config **config_out, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
