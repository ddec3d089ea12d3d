/* SPDX-License-Identifier: Apache-2.0 */
/* Private to `surewire push` and `surewire topic`: whom they are about. */
#ifndef SW_APP_CLI_PUSH_H
#define SW_APP_CLI_PUSH_H

#include "app/cli_admin.h"

/* A token by itself, or the device of a user. */
struct sw_cli_address {
	const char *device;
	const char *token;
	const char *provider;
	const char *app;
	bool sandbox;
};
/* Their options; the input is the struct above. */
extern const struct argp sw_cli_address_argp;
/* {"token": …, "provider": …}; fresh. */
json_t *sw_cli_token_json(const struct sw_cli_address *address);

struct sw_push_args {
	const char *program;
	const char *verb;
	char **words; /* of send the text, else ids */
	int word_count;
	char **users;
	int user_count;
	const char *topic;
	struct sw_cli_address address;
	const char *title;
	const char *notification; /* JSON */
	const char *priority;
	int64_t ttl_ms; /* 0: not given */
	const char *key;
	int64_t limit;
	struct sw_cli_admin_options admin;
};

/* cli_push_args.c. Ends the process when the command line is wrong. */
void sw_push_args_parse(struct sw_push_args *args, int argc, char **argv);
/* The body of POST /v1/push; NULL: usage, and it was told. Fresh string. */
char *sw_push_body(const struct sw_push_args *args);

#endif
