/* SPDX-License-Identifier: Apache-2.0 */
/* What `chat` and `send` share: where the gateway is, and who they are. */
#ifndef SW_APP_CLI_CLIENT_H
#define SW_APP_CLI_CLIENT_H

#include "app/commands.h"

enum sw_cli_scheme { SW_CLI_WS, SW_CLI_HTTP };

/* option (--url), else $SUREWIRE_WS (ws://…/v1/ws) or $SUREWIRE_URL (http://…), else from [gateway] listen or
 * tls_listen. *url_out is a fresh string (free). SW_ECONFIG when nothing says it. */
int sw_cli_gateway_url(const struct sw_config *config, enum sw_cli_scheme scheme, const char *option, char **url_out,
		       struct sw_diag *diag_out) SW_MUST_CHECK;
/* option (--token), else one minted with the keys of [auth] keys_dir, good for a day. *token_out is a fresh string. */
int sw_cli_client_token(const struct sw_config *config, const char *user, const char *option, char **token_out,
			struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
