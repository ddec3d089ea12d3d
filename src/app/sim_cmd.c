/* SPDX-License-Identifier: Apache-2.0 */
/* `surewire sim`: reads options, runs the stand-ins of the push services until it is told to stop. Needs no
 * configuration file; the one it is given is not read. */
#include "app/commands.h"

#include <argp.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/sim.h"

enum sim_option {
	OPT_APNS_PORT = 256,
	OPT_FCM_PORT,
	OPT_SMTP_PORT,
	OPT_HUAWEI_PORT,
	OPT_WEBPUSH_PORT,
	OPT_WEBHOOK_PORT,
	OPT_CONTROL_PORT,
	OPT_LISTEN,
	OPT_CERT,
	OPT_KEY,
	OPT_APNS_KEY,
	OPT_APNS_TEAM,
	OPT_APNS_TOPIC,
	OPT_APNS_WINDOW,
	OPT_FCM_ACCOUNT,
	OPT_HUAWEI_CLIENT,
	OPT_WEBHOOK_SECRETS,
	OPT_OAUTH_EXPIRES,
	OPT_SMTP_USER,
	OPT_SMTP_PASSWORD,
	OPT_SMTP_SIZE,
	OPT_RECORD_MAX,
};

static const struct argp_option options[] = {
	{"apns-port", OPT_APNS_PORT, "PORT", 0, "port of APNs; 0 (default): a free one", 0},
	{"fcm-port", OPT_FCM_PORT, "PORT", 0, "port of FCM and its token endpoint", 0},
	{"smtp-port", OPT_SMTP_PORT, "PORT", 0, "port of the mail relay", 0},
	{"webpush-port", OPT_WEBPUSH_PORT, "PORT", 0, "port of the Web Push service", 0},
	{"webhook-port", OPT_WEBHOOK_PORT, "PORT", 0, "port of the receiver of webhooks", 0},
	{"huawei-port", OPT_HUAWEI_PORT, "PORT", 0, "port of Push Kit and its token endpoint", 0},
	{"control-port", OPT_CONTROL_PORT, "PORT", 0, "port of the control API, always on 127.0.0.1", 0},
	{"listen", OPT_LISTEN, "ADDRESS", 0, "IPv4 address of the services (127.0.0.1)", 0},
	{"cert", OPT_CERT, "FILE", 0, "certificate chain of all services, PEM (needed)", 0},
	{"key", OPT_KEY, "FILE", 0, "its private key, PEM (needed)", 0},
	{"apns-key", OPT_APNS_KEY, "KID=FILE", 0, "a known signing key: public, or the .p8 itself; may be repeated", 0},
	{"apns-team", OPT_APNS_TEAM, "TEAM", 0, "the only issuer of provider tokens; default: any", 0},
	{"apns-topic", OPT_APNS_TOPIC, "TOPIC", 0, "a known topic, may be repeated; default: any", 0},
	{"apns-token-window", OPT_APNS_WINDOW, "SECONDS", 0,
	 "least time between provider tokens of a connection (1200)", 0},
	{"fcm-account", OPT_FCM_ACCOUNT, "FILE", 0, "a service-account file; may be repeated", 0},
	{"huawei-client", OPT_HUAWEI_CLIENT, "ID[:PROJECT]=FILE", 0,
	 "a client of Push Kit, its secret in FILE; may be repeated", 0},
	{"webhook-secret-file", OPT_WEBHOOK_SECRETS, "FILE", 0, "secrets of webhooks, whsec_…, one a line", 0},
	{"oauth-expires-in", OPT_OAUTH_EXPIRES, "SECONDS", 0, "life of access tokens (3599)", 0},
	{"smtp-user", OPT_SMTP_USER, "NAME", 0, "demand TLS and AUTH as NAME; default: AUTH is optional", 0},
	{"smtp-password-file", OPT_SMTP_PASSWORD, "FILE", 0, "the password of NAME, first line of FILE", 0},
	{"smtp-size-max", OPT_SMTP_SIZE, "BYTES", 0, "largest mail (1048576)", 0},
	{"record-max", OPT_RECORD_MAX, "N", 0, "notifications kept (10000)", 0},
	{0},
};

static long number(struct argp_state *state, const char *text, long least, long most)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < least || value > most) {
		argp_error(state, "\"%s\": expected a number from %ld to %ld", text, least, most);
	}
	return value;
}

static void append(struct argp_state *state, const char **list, size_t *count, size_t max, const char *value)
{
	if (*count == max) {
		argp_error(state, "\"%s\": at most %zu of these", value, max);
		return;
	}
	list[(*count)++] = value;
}

static error_t parse_text(int key, char *arg, struct argp_state *state)
{
	struct sw_sim_options *o = state->input;
	switch (key) {
	case OPT_LISTEN:
		o->listen = arg;
		return 0;
	case OPT_CERT:
		o->cert_file = arg;
		return 0;
	case OPT_KEY:
		o->key_file = arg;
		return 0;
	case OPT_APNS_TEAM:
		o->apns_team = arg;
		return 0;
	case OPT_APNS_KEY:
		append(state, o->apns_keys, &o->apns_key_count, SW_SIM_KEYS_MAX, arg);
		return 0;
	case OPT_APNS_TOPIC:
		append(state, o->topics, &o->topic_count, SW_SIM_TOPICS_MAX, arg);
		return 0;
	case OPT_FCM_ACCOUNT:
		append(state, o->fcm_accounts, &o->fcm_account_count, SW_SIM_ACCOUNTS_MAX, arg);
		return 0;
	case OPT_HUAWEI_CLIENT:
		append(state, o->huawei_clients, &o->huawei_client_count, SW_SIM_HUAWEI_CLIENTS_MAX, arg);
		return 0;
	case OPT_WEBHOOK_SECRETS:
		o->webhook_secret_file = arg;
		return 0;
	case OPT_SMTP_USER:
		o->smtp_user = arg;
		return 0;
	case OPT_SMTP_PASSWORD:
		o->smtp_password_file = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sw_sim_options *o = state->input;
	switch (key) {
	case OPT_APNS_PORT:
		o->apns_port = (uint16_t)number(state, arg, 0, UINT16_MAX);
		return 0;
	case OPT_FCM_PORT:
		o->fcm_port = (uint16_t)number(state, arg, 0, UINT16_MAX);
		return 0;
	case OPT_SMTP_PORT:
		o->smtp_port = (uint16_t)number(state, arg, 0, UINT16_MAX);
		return 0;
	case OPT_WEBPUSH_PORT:
		o->webpush_port = (uint16_t)number(state, arg, 0, UINT16_MAX);
		return 0;
	case OPT_WEBHOOK_PORT:
		o->webhook_port = (uint16_t)number(state, arg, 0, UINT16_MAX);
		return 0;
	case OPT_HUAWEI_PORT:
		o->huawei_port = (uint16_t)number(state, arg, 0, UINT16_MAX);
		return 0;
	case OPT_CONTROL_PORT:
		o->control_port = (uint16_t)number(state, arg, 0, UINT16_MAX);
		return 0;
	case OPT_APNS_WINDOW:
		o->apns_token_window_s = (int)number(state, arg, 0, 86400);
		return 0;
	case OPT_OAUTH_EXPIRES:
		o->oauth_expires_in_s = (int)number(state, arg, 1, 86400);
		return 0;
	case OPT_SMTP_SIZE:
		o->smtp_size_max_bytes = (size_t)number(state, arg, 1024, 64 * 1024 * 1024);
		return 0;
	case OPT_RECORD_MAX:
		o->record_max = (size_t)number(state, arg, 1, 1000000);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\": no arguments expected", arg);
		return 0;
	case ARGP_KEY_END:
		if (!o->cert_file || !o->key_file) {
			argp_error(state, "--cert and --key are needed");
		}
		return 0;
	default:
		return parse_text(key, arg, state);
	}
}

int sw_cmd_sim(const struct sw_config *config, int argc, char **argv)
{
	(void)config;
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Stand-ins of APNs, FCM, Push Kit, Web Push, a receiver of webhooks and an SMTP relay, with faults on command."};
	struct sw_sim_options sim_options;
	struct sw_sim *sim;
	struct sw_diag diag = {{0}};
	sigset_t signals;
	int caught;
	sw_sim_options_init(&sim_options);
	argp_err_exit_status = SW_EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &sim_options);
	/* Before there are threads: they inherit it, and this one waits for the signals. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	int err = sw_sim_open(&sim_options, &sim, &diag);
	if (err) {
		return sw_cli_fail(err, &diag);
	}
	struct sw_sim_ports ports = sw_sim_ports(sim);
	printf("sim ready apns=%u fcm=%u smtp=%u huawei=%u webpush=%u webhook=%u control=%u\n", ports.apns, ports.fcm,
	       ports.smtp, ports.huawei, ports.webpush, ports.webhook, ports.control);
	fflush(stdout);
	sigwait(&signals, &caught);
	sw_sim_close(sim);
	return SW_EXIT_OK;
}
