/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins of APNs, FCM and Push Kit (with their token endpoints), a Web Push service, a receiver of webhooks and an SMTP relay in one process, with a
 * control API on loopback.
 * They check what the real services check, keep what they accepted and inject faults on command (README.md).
 * They deliver nothing. One listening thread per service, one thread per connection. */
#ifndef SW_SIM_SIM_H
#define SW_SIM_SIM_H

#include <surewire/bytes.h>
#include <surewire/err.h>

struct sw_sim;

enum { SW_SIM_KEYS_MAX = 16, SW_SIM_TOPICS_MAX = 64, SW_SIM_ACCOUNTS_MAX = 8, SW_SIM_HUAWEI_CLIENTS_MAX = 8 };

/* All text is borrowed until sw_sim_open returns, except `topics` and `apns_team`: until sw_sim_close. */
struct sw_sim_options {
	const char *listen; /* IPv4 address of the services; the control API is always on 127.0.0.1 */
	uint16_t apns_port; /* 0: a free one, likewise below */
	uint16_t fcm_port;
	uint16_t smtp_port;
	uint16_t huawei_port;
	uint16_t webpush_port;
	uint16_t webhook_port;
	uint16_t control_port;
	const char *cert_file; /* PEM chain and key of all TLS services */
	const char *key_file;
	const char *apns_keys[SW_SIM_KEYS_MAX]; /* "KID=FILE", PEM public or private P-256 key */
	size_t apns_key_count;
	const char *apns_team;                 /* expected `iss`; NULL: any text */
	const char *topics[SW_SIM_TOPICS_MAX]; /* known topics; none: all */
	size_t topic_count;
	const char *fcm_accounts[SW_SIM_ACCOUNTS_MAX]; /* Google service-account JSON files */
	size_t fcm_account_count;
	const char *huawei_clients[SW_SIM_HUAWEI_CLIENTS_MAX]; /* "ID=FILE" or "ID:PROJECT=FILE", the secret in FILE */
	size_t huawei_client_count;
	const char *webhook_secret_file; /* one secret a line; NULL: no signature is good */
	const char *smtp_user;           /* NULL: AUTH is optional and takes anything */
	const char *smtp_password_file;
	size_t smtp_size_max_bytes;
	size_t record_max;       /* accepted notifications kept */
	int apns_token_window_s; /* least time between two provider tokens of a connection */
	int oauth_expires_in_s;  /* life of an access token */
};

struct sw_sim_ports {
	uint16_t apns;
	uint16_t fcm;
	uint16_t smtp;
	uint16_t huawei;
	uint16_t webpush;
	uint16_t webhook;
	uint16_t control;
};

void sw_sim_options_init(struct sw_sim_options *options);
/* Reads keys, opens all ports and starts serving. SW_ECONFIG for files and values, SW_ECONNECT for a port that
 * cannot be opened; both with a text. The caller ignores SIGPIPE. *sim_out is owned until sw_sim_close. */
int sw_sim_open(const struct sw_sim_options *options, struct sw_sim **sim_out, struct sw_diag *diag_out) SW_MUST_CHECK;
struct sw_sim_ports sw_sim_ports(const struct sw_sim *sim);
/* Ends all connections, waits for their threads. NULL is allowed. */
void sw_sim_close(struct sw_sim *sim);

#endif
