/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cli_client.h"

#include "auth/token.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { LIFETIME_MS = 24 * 3600 * 1000 };

struct scheme {
	const char *variable;
	const char *plain;
	const char *tls;
	const char *path;
};

static const struct scheme schemes[] = {
	[SW_CLI_WS] = {"SUREWIRE_WS", "ws", "wss", "/v1/ws"},
	[SW_CLI_HTTP] = {"SUREWIRE_URL", "http", "https", ""},
	[SW_CLI_ADMIN] = {"SUREWIRE_ADMIN_URL", "http", "http", ""},
};

/* Where a server that listens on all addresses is to be found. */
static const char *reachable(const char *host)
{
	if (strcmp(host, "0.0.0.0") == 0) {
		return "127.0.0.1";
	}
	return strcmp(host, "::") == 0 ? "::1" : host;
}

int sw_cli_server_url(const struct sw_config *config, enum sw_cli_scheme scheme, const char *option, char **url_out,
		      struct sw_diag *diag_out)
{
	const struct scheme *s = &schemes[scheme];
	const char *given = option ? option : getenv(s->variable);
	if (given && given[0]) {
		*url_out = sw_xstrdup(given);
		return SW_OK;
	}
	bool admin = scheme == SW_CLI_ADMIN;
	bool plain = admin || config->gateway.listen.host[0] != '\0';
	const struct sw_address *address = admin ? &config->admin.listen
					 : plain ? &config->gateway.listen
						 : &config->gateway.tls_listen;
	if (!address->host[0] || !address->port) {
		return sw_diag_set(diag_out, SW_ECONFIG,
				   "expected --url, $%s or a fixed port in [%s] listen, got none of them", s->variable,
				   admin ? "admin" : "gateway");
	}
	const char *host = reachable(address->host);
	bool brackets = strchr(host, ':') != NULL;
	*url_out = sw_xasprintf("%s://%s%s%s:%u%s", plain ? s->plain : s->tls, brackets ? "[" : "", host,
				brackets ? "]" : "", address->port, s->path);
	return SW_OK;
}

int sw_cli_client_token(const struct sw_config *config, const char *user, const char *option, char **token_out,
			struct sw_diag *diag_out)
{
	if (option) {
		*token_out = sw_xstrdup(option);
		return SW_OK;
	}
	const struct sw_token_claims claims = {
		.user = user,
		.issuer = config->auth.issuer,
		.audience = config->auth.audience,
		.lifetime_ms = LIFETIME_MS,
	};
	struct sw_keyset *keyset = NULL;
	int err = sw_config_need(config, "auth", "keys_dir", diag_out);
	err = err ? err : sw_keyset_load(config->auth.keys_dir, &keyset, diag_out);
	err = err ? err : sw_token_mint(keyset, &claims, sw_clock_wall_ms(), token_out, diag_out);
	sw_keyset_unref(keyset);
	return err;
}
