/* SPDX-License-Identifier: Apache-2.0 */
/* Where a server is that a command talks to, and for `chat` and `send` who they are. */
#ifndef SW_APP_CLI_CLIENT_H
#define SW_APP_CLI_CLIENT_H

#include "app/commands.h"

enum sw_cli_scheme { SW_CLI_WS, SW_CLI_HTTP, SW_CLI_ADMIN };

/* option (--url), else $SUREWIRE_WS (ws://…/v1/ws), $SUREWIRE_URL or $SUREWIRE_ADMIN_URL (http://…), else from [gateway]
 * listen or tls_listen, or from [admin] listen. *url_out is a fresh string (free). SW_ECONFIG when nothing says it. */
int sw_cli_server_url(const struct sw_config *config, enum sw_cli_scheme scheme, const char *option, char **url_out,
		      struct sw_diag *diag_out) SW_MUST_CHECK;
/* option (--token), else one minted with the keys of [auth] keys_dir, good for a day. *token_out is a fresh string. */
int sw_cli_client_token(const struct sw_config *config, const char *user, const char *option, char **token_out,
			struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
