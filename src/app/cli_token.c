/* SPDX-License-Identifier: Apache-2.0 */
/* surewire token USER: a client token for development and for scripts, on stdout. Asks neither broker nor store: that
 * the user exists is checked when the token is used. */
#include "app/commands.h"

#include "auth/token.h"

#include <surewire/clock.h>

#include <argp.h>
#include <stdlib.h>

enum { DEFAULT_LIFETIME_MS = 24 * 3600 * 1000 };

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct sw_token_claims *claims = state->input;
	switch (key) {
	case 'd':
		claims->device = arg;
		return 0;
	case 'a':
		claims->admin = true;
		return 0;
	case 'k':
		claims->kid = arg;
		return 0;
	case 'l':
		if (sw_config_parse_duration(arg, &claims->lifetime_ms) != SW_OK) {
			argp_error(state, "--lifetime: expected a duration like 90s, 30m, 24h or 7d, got '%s'", arg);
		}
		return 0;
	case ARGP_KEY_ARG:
		if (claims->user) {
			argp_error(state, "expected one user, got '%s' too", arg);
		}
		claims->user = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "expected a user name");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int sw_cmd_token(const struct sw_config *config, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"device", 'd', "DEVICE", 0, "Good for this device only", 0},
		{"admin", 'a', NULL, 0, "With scope admin", 0},
		{"lifetime", 'l', "DURATION", 0, "Default 24h", 0},
		{"kid", 'k', "KID", 0, "Which HS256 key signs (default: the first by name)", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {
		.options = options, .parser = on_option, .args_doc = "USER", .doc = "Prints a client token."};
	struct sw_token_claims claims = {
		.issuer = config->auth.issuer,
		.audience = config->auth.audience,
		.lifetime_ms = DEFAULT_LIFETIME_MS,
	};
	argp_parse(&argp, argc, argv, 0, NULL, &claims);

	struct sw_diag diag = {""};
	struct sw_keyset *keyset = NULL;
	char *token = NULL;
	int err = sw_config_need(config, "auth", "keys_dir", &diag);
	err = err ? err : sw_keyset_load(config->auth.keys_dir, &keyset, &diag);
	err = err ? err : sw_token_mint(keyset, &claims, sw_clock_wall_ms(), &token, &diag);
	if (!err) {
		puts(token);
	}
	free(token);
	sw_keyset_unref(keyset);
	if (err == SW_EINVAL) {
		return sw_cli_usage(argv[0], "%s", diag.text);
	}
	return err ? sw_cli_fail(err, &diag) : SW_EXIT_OK;
}
