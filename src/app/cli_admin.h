/* SPDX-License-Identifier: Apache-2.0 */
/* What `dead`, `push`, `topic` and `trace` share: where the operators' API is, its token, one call, and showing what it says on a
 * terminal. */
#ifndef SW_APP_CLI_ADMIN_H
#define SW_APP_CLI_ADMIN_H

#include "app/commands.h"

#include <surewire/json.h>

#include <argp.h>

/* The options --url, --ca and --json; a child of the command's own argp, its input is this struct. */
struct sw_cli_admin_options {
	const char *url;
	const char *ca_file;
	bool json;
};
extern const struct argp sw_cli_admin_argp;

struct sw_cli_admin;

/* --url, else $SUREWIRE_ADMIN_URL, else [admin] listen; the token is [admin] token. SW_ECONFIG when they are missing. */
int sw_cli_admin_open(const struct sw_config *config, const struct sw_cli_admin_options *options,
		      struct sw_cli_admin **admin_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* NULL is allowed. */
void sw_cli_admin_close(struct sw_cli_admin *admin);

/* The Idempotency-Key of the calls that follow; borrowed. NULL: none. */
void sw_cli_admin_set_key(struct sw_cli_admin *admin, const char *key);
/* SW_EXIT_OK with the answer (json_decref), else the exit code, and what went wrong is on stderr: the API's own words.
 * body: NULL for none. */
int sw_cli_admin_call(struct sw_cli_admin *admin, const char *method, const char *path, const char *body,
		      json_t **answer_out);

/* Percent-encoded, for a query. */
void sw_cli_put_encoded(struct sw_buf *out, const char *text);

/* One object on one line. */
void sw_cli_print_json(const json_t *value);
/* Texts of strangers: what would steer a terminal becomes '?'. */
void sw_cli_print_text(FILE *out, const char *text);
/* The same in a column of that many characters; cut with an ellipsis unless it is the last (width 0). */
void sw_cli_print_column(FILE *out, const char *text, int width);
enum { SW_CLI_TIME_MAX = 32 };
/* Local time with milliseconds, "-" for 0. */
const char *sw_cli_time(int64_t at_ms, char text_out[SW_CLI_TIME_MAX]);
/* Members of an object: "" and 0 when absent or null. */
const char *sw_cli_text(const json_t *object, const char *key);
int64_t sw_cli_int(const json_t *object, const char *key);

#endif
