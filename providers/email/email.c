/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications by mail, as the last resort when no device of a person is left: configuration and address form. Opens
 * no connection: the pusher owns the mail dialogue and policy. */
#include "email_int.h"

#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CONNECTIONS_DEFAULT = 2,
	CONNECTIONS_LIMIT = 32,
	ANSWER_TIMEOUT_MS = 120 * 1000, /* RFC 5321 section 4.5.3.2 asks for minutes */
	PORT_STARTTLS = 587,
	PORT_TLS = 465,
	PORT_PLAIN = 25,
	DIGEST_DEFAULT_MS = 15 * 60 * 1000,
	DIGEST_LIMIT_MS = 24 * 3600 * 1000,
};

static const char *const known_keys[] = {"host",
					 "port",
					 "tls",
					 "ehlo_name",
					 "username",
					 "password_file",
					 "from",
					 "reply_to",
					 "ca_file",
					 "message_id_domain",
					 "connections",
					 "digest_interval",
					 "unsubscribe_url",
					 "bounce_address",
					 "signing_key_file",
					 NULL};

static bool is_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strcmp(host, "127.0.0.1") == 0;
}

static int read_tls(const struct sw_provider_config *config, struct sw_endpoint *endpoint, int *port_out,
		    struct sw_diag *diag_out)
{
	const char *tls = sw_provider_text(config, "tls", "starttls");
	if (strcmp(tls, "starttls") == 0) {
		endpoint->mail_tls = SW_MAIL_STARTTLS;
		*port_out = PORT_STARTTLS;
	} else if (strcmp(tls, "tls") == 0) {
		endpoint->mail_tls = SW_MAIL_TLS;
		*port_out = PORT_TLS;
	} else if (strcmp(tls, "plain") == 0) {
		endpoint->mail_tls = SW_MAIL_PLAIN;
		*port_out = PORT_PLAIN;
	} else {
		return sw_provider_expected(config, "tls", "starttls, tls, or plain towards loopback", diag_out);
	}
	if (endpoint->mail_tls == SW_MAIL_PLAIN && !is_loopback(endpoint->host)) {
		return sw_provider_expected(
			config, "tls", "starttls or tls: plain is for localhost, 127.0.0.1 and ::1 only", diag_out);
	}
	return SW_OK;
}

static int read_relay(const struct sw_provider_config *config, struct sw_endpoint *endpoint, struct sw_diag *diag_out)
{
	int port = 0;
	endpoint->host = sw_provider_text(config, "host", NULL);
	endpoint->ca_file = sw_provider_text(config, "ca_file", NULL);
	endpoint->connections_max = CONNECTIONS_DEFAULT;
	endpoint->answer_timeout_ms = ANSWER_TIMEOUT_MS;
	if (!endpoint->host || (!is_loopback(endpoint->host) && !sw_email_is_host(sw_bytes_str(endpoint->host)))) {
		return sw_provider_expected(config, "host", "the host name of a mail relay, without scheme and port",
					    diag_out);
	}
	if (endpoint->ca_file && access(endpoint->ca_file, R_OK) != 0) {
		return sw_provider_expected(config, "ca_file", "a readable file of certificates (PEM)", diag_out);
	}
	int err = read_tls(config, endpoint, &port, diag_out);
	err = err ? err : sw_provider_number(config, "port", 65535, &port, diag_out);
	err = err ? err
		  : sw_provider_number(config, "connections", CONNECTIONS_LIMIT, &endpoint->connections_max, diag_out);
	endpoint->port = (uint16_t)port;
	return err;
}

static int read_sender(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	static const char form[] = "name@example.org or Name <name@example.org>, the name in double quotes when it has "
				   "punctuation in it";
	struct sw_bytes ignored;
	provider->from = sw_bytes_str(sw_provider_text(config, "from", ""));
	provider->reply_to = sw_bytes_str(sw_provider_text(config, "reply_to", ""));
	if (!sw_email_mailbox(provider->from, &provider->sender)) {
		return sw_provider_expected(config, "from", form, diag_out);
	}
	if (provider->reply_to.len && !sw_email_mailbox(provider->reply_to, &ignored)) {
		return sw_provider_expected(config, "reply_to", form, diag_out);
	}
	return SW_OK;
}

static int read_names(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	struct sw_endpoint *endpoint = &provider->endpoint;
	const char *sender_domain = (const char *)sw_email_domain(provider->sender).ptr;
	provider->message_id_domain = sw_provider_text(config, "message_id_domain", NULL);
	if (provider->message_id_domain && !sw_email_is_host(sw_bytes_str(provider->message_id_domain))) {
		return sw_provider_expected(config, "message_id_domain", "a host name", diag_out);
	}
	endpoint->ehlo_name = sw_provider_text(config, "ehlo_name", NULL);
	if (!endpoint->ehlo_name) {
		provider->ehlo_name = sw_xstrndup(sender_domain, sw_email_domain(provider->sender).len);
		endpoint->ehlo_name = provider->ehlo_name;
	} else if (!sw_email_is_host(sw_bytes_str(endpoint->ehlo_name))) {
		return sw_provider_expected(config, "ehlo_name", "the full host name of this machine", diag_out);
	}
	return SW_OK;
}

static int read_login(const struct sw_provider_config *config, struct sw_provider *provider, struct sw_diag *diag_out)
{
	struct sw_endpoint *endpoint = &provider->endpoint;
	endpoint->username = sw_provider_text(config, "username", NULL);
	provider->password_file = sw_provider_text(config, "password_file", NULL);
	if (!endpoint->username != !provider->password_file) {
		return sw_provider_expected(config, endpoint->username ? "password_file" : "username",
					    "a value: username and password_file go together", diag_out);
	}
	endpoint->password = endpoint->username ? provider->password : NULL;
	return sw_email_credential_load(provider, diag_out);
}

static void on_close(struct sw_provider *provider)
{
	if (!provider) {
		return;
	}
	free(provider->ehlo_name);
	sw_free_secret(provider, sizeof(*provider));
}

static int on_open(const struct sw_provider_config *config, struct sw_provider **provider_out, struct sw_diag *diag_out)
{
	struct sw_provider *provider = sw_xcalloc(1, sizeof(*provider));
	provider->instance = config->instance;
	int err = read_relay(config, &provider->endpoint, diag_out);
	err = err ? err : read_sender(config, provider, diag_out);
	err = err ? err : read_names(config, provider, diag_out);
	err = err ? err : sw_email_links_open(config, provider, diag_out);
	provider->digest_interval_ms = DIGEST_DEFAULT_MS;
	err = err ? err
		  : sw_provider_duration(config, "digest_interval", DIGEST_LIMIT_MS, &provider->digest_interval_ms,
					 diag_out);
	err = err ? err : read_login(config, provider, diag_out);
	if (err) {
		on_close(provider);
		return err;
	}
	*provider_out = provider;
	return SW_OK;
}

static int on_check_token(struct sw_bytes token, struct sw_diag *diag_out)
{
	const char *what;
	if (!sw_email_is_address(token, &what)) {
		return sw_diag_set(diag_out, SW_EINVAL, "e-mail address: expected %s", what);
	}
	return SW_OK;
}

/* A mail says nothing about apps. */
static bool on_serves_app(const struct sw_provider *provider, struct sw_bytes app)
{
	(void)provider;
	(void)app;
	return true;
}

static int64_t on_digest_interval_ms(const struct sw_provider *provider)
{
	return provider->digest_interval_ms;
}

const struct sw_provider_ops sw_provider_email = {
	.name = "email",
	.transport = SW_TRANSPORT_MAIL,
	.known_keys = known_keys,
	.fallback_only = true,
	.shared_tokens = true,
	.open = on_open,
	.close = on_close,
	.reload = sw_email_credential_load,
	.check_token = on_check_token,
	.serves_app = on_serves_app,
	.credential_state = sw_email_credential_state,
	.credential_refused = sw_email_credential_refused,
	.encode = sw_email_encode,
	.classify = sw_email_classify,
	.digest_interval_ms = on_digest_interval_ms,
};
