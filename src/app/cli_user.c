/* SPDX-License-Identifier: Apache-2.0 */
/* surewire user add|list|disable|enable: accounts, straight in the store. Disabling takes effect at the user's next
 * log-in. */
#include "app/cli_store.h"
#include "app/commands.h"
#include "auth/password.h"
#include "auth/token.h"
#include "base/id.h"

#include <surewire/clock.h>

#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { WORDS_MAX = 2, EMAIL_BYTES_MAX = 254 };

struct arguments {
	const char *words[WORDS_MAX]; /* verb, name */
	int count;
	const char *email;
	bool password;
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case 'e':
		arguments->email = arg;
		return 0;
	case 'p':
		arguments->password = true;
		return 0;
	case ARGP_KEY_ARG:
		if (arguments->count == WORDS_MAX) {
			argp_error(state, "unexpected argument '%s'", arg);
		}
		arguments->words[arguments->count++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* One line of stdin; on a terminal with a prompt and without echo. Length without the line end; 0 when nothing came. */
static size_t read_password(char *text, int size_bytes)
{
	struct termios before;
	bool is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before) == 0;
	if (is_terminal) {
		struct termios silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		fputs("Password: ", stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	size_t len = fgets(text, size_bytes, stdin) ? strcspn(text, "\r\n") : 0;
	if (is_terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	return len;
}

static int hash_password(char hash_out[SW_PASSWORD_HASH_TEXT_MAX], struct sw_diag *diag_out)
{
	char text[SW_PASSWORD_BYTES_MAX + 3];
	size_t len = read_password(text, sizeof(text));
	int err = sw_password_hash(sw_bytes(text, len), hash_out, diag_out);
	explicit_bzero(text, sizeof(text));
	return err;
}

static int insert(const struct sw_config *config, const struct arguments *arguments, const char *hash, int64_t *id_out,
		  struct sw_diag *diag_out)
{
	struct sw_pg *pg = NULL;
	int err = sw_cli_pg_open(config, &pg, diag_out);
	if (err) {
		return err;
	}
	struct sw_idgen ids;
	sw_idgen_init(&ids, SW_ID_NODE_MAX); /* the node number kept for the command line */
	*id_out = sw_id_next(&ids);
	sw_idgen_release(&ids);
	struct sw_arena arena;
	struct sw_pg_params params;
	sw_arena_init(&arena);
	sw_pg_params_init(&params, &arena);
	sw_pg_add_i64(&params, *id_out);
	sw_pg_add_text(&params, sw_bytes_str(arguments->words[1]));
	sw_pg_add_text(&params, sw_bytes_str(hash));
	sw_pg_add_text(&params, sw_bytes_str(arguments->email));
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	struct sw_diag why = {""};
	err = sw_cli_pg_run(pg, SW_SQL_APP_USER_ADD, &params, &why);
	if (err == SW_ECONFLICT) {
		sw_diag_set(diag_out, err, "there is a user %s already", arguments->words[1]);
	} else if (err) {
		sw_diag_set(diag_out, err, "%s", why.text);
	}
	sw_arena_release(&arena);
	sw_pg_free(pg);
	return err;
}

static int add(const struct sw_config *config, const struct arguments *arguments, const char *program)
{
	const char *email = arguments->email;
	if (email && (strlen(email) > EMAIL_BYTES_MAX || !strchr(email, '@') || strpbrk(email, " \t\r\n<>"))) {
		return sw_cli_usage(program, "--email: expected an address of at most %d bytes", EMAIL_BYTES_MAX);
	}
	struct sw_diag diag = {""};
	char hash[SW_PASSWORD_HASH_TEXT_MAX];
	if (arguments->password && hash_password(hash, &diag) != SW_OK) {
		return sw_cli_usage(program, "%s", diag.text);
	}
	int64_t id = 0;
	int err = insert(config, arguments, arguments->password ? hash : NULL, &id, &diag);
	if (err) {
		return sw_cli_fail(err, &diag);
	}
	printf("%s added, id %lld\n", arguments->words[1], (long long)id);
	return SW_EXIT_OK;
}

/* One page after the name; false when it was the last. */
static bool print_page(struct sw_pg *pg, char after[SW_USER_NAME_MAX + 1])
{
	const struct sw_pg_result *result = sw_pg_result(pg, 0);
	size_t rows = sw_pg_rows(result);
	for (size_t row = 0; row < rows; row++) {
		struct sw_bytes name = sw_pg_bytes(result, row, 1);
		struct sw_bytes email = sw_pg_bytes(result, row, 2);
		if (email.len == 0) {
			email = sw_bytes_str("-");
		}
		printf("%lld\t%.*s\t%.*s\t%s\t%s\n", (long long)sw_pg_i64(result, row, 0), SW_BYTES_FMT(name),
		       SW_BYTES_FMT(email), sw_pg_bool(result, row, 3) ? "password" : "token only",
		       sw_pg_bool(result, row, 4) ? "disabled" : "active");
		snprintf(after, SW_USER_NAME_MAX + 1, "%.*s", SW_BYTES_FMT(name));
	}
	return rows > 0;
}

static int list(const struct sw_config *config)
{
	struct sw_diag diag = {""};
	struct sw_pg *pg = NULL;
	int err = sw_cli_pg_open(config, &pg, &diag);
	char after[SW_USER_NAME_MAX + 1] = "";
	bool more = true;
	while (!err && more) {
		struct sw_arena arena;
		struct sw_pg_params params;
		sw_arena_init(&arena);
		sw_pg_params_init(&params, &arena);
		sw_pg_add_text(&params, sw_bytes(after, strlen(after)));
		err = sw_cli_pg_run(pg, SW_SQL_APP_USER_LIST, &params, &diag);
		more = !err && print_page(pg, after);
		sw_arena_release(&arena);
	}
	sw_pg_free(pg);
	return err ? sw_cli_fail(err, &diag) : SW_EXIT_OK;
}

static int set_disabled(const struct sw_config *config, const char *name, bool disabled)
{
	struct sw_diag diag = {""};
	struct sw_pg *pg = NULL;
	int err = sw_cli_pg_open(config, &pg, &diag);
	if (!err) {
		struct sw_arena arena;
		struct sw_pg_params params;
		sw_arena_init(&arena);
		sw_pg_params_init(&params, &arena);
		sw_pg_add_text(&params, sw_bytes_str(name));
		sw_pg_add_bool(&params, disabled);
		err = sw_cli_pg_run(pg, SW_SQL_APP_USER_SET_DISABLED, &params, &diag);
		sw_arena_release(&arena);
	}
	if (!err && sw_pg_affected(sw_pg_result(pg, 0)) == 0) {
		err = sw_diag_set(&diag, SW_ENOTFOUND, "no user %s", name);
	}
	sw_pg_free(pg);
	if (err) {
		return sw_cli_fail(err, &diag);
	}
	printf("%s %s\n", name, disabled ? "disabled" : "enabled");
	return SW_EXIT_OK;
}

static int dispatch(const struct sw_config *config, const struct arguments *arguments, const char *program)
{
	const char *verb = arguments->count > 0 ? arguments->words[0] : "";
	if (strcmp(verb, "list") == 0 && arguments->count == 1) {
		return list(config);
	}
	bool is_add = strcmp(verb, "add") == 0;
	bool is_disable = strcmp(verb, "disable") == 0;
	if ((!is_add && !is_disable && strcmp(verb, "enable") != 0) || arguments->count != WORDS_MAX) {
		return sw_cli_usage(program, "expected add NAME, list, disable NAME or enable NAME");
	}
	if (!sw_user_name_valid(sw_bytes_str(arguments->words[1]))) {
		return sw_cli_usage(program, "expected a user name of 1 to %d of a-z 0-9 . _ @ + -, got '%.64s'",
				    SW_USER_NAME_MAX, arguments->words[1]);
	}
	return is_add ? add(config, arguments, program) : set_disabled(config, arguments->words[1], is_disable);
}

int sw_cmd_user(const struct sw_config *config, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"email", 'e', "ADDRESS", 0, "add: where mails go when no device is left", 0},
		{"password", 'p', NULL, 0, "add: read a password from stdin (asked for on a terminal)", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = on_option,
		.args_doc = "add NAME\nlist\ndisable NAME\nenable NAME",
		.doc = "Manages accounts.",
	};
	struct arguments arguments = {.count = 0};
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	return dispatch(config, &arguments, argv[0]);
}
