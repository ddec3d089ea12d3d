/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator from inside: shared state behind one lock, and what a connection's thread gets. */
#ifndef SW_SIM_SIM_INT_H
#define SW_SIM_SIM_INT_H

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "sim/conn_io.h"
#include "sim/fault.h"
#include "sim/huawei_oauth.h"
#include "sim/oauth.h"
#include "sim/record.h"
#include "sim/request.h"
#include "sim/sim.h"
#include "sim/stats.h"
#include "sim/webhook_check.h"
#include "sim/webpush_subs.h"

enum {
	SW_SIM_SERVICE_APNS,
	SW_SIM_SERVICE_FCM,
	SW_SIM_SERVICE_SMTP,
	SW_SIM_SERVICE_HUAWEI,
	SW_SIM_SERVICE_WEBPUSH,
	SW_SIM_SERVICE_WEBHOOK,
	SW_SIM_SERVICE_CONTROL,
	SW_SIM_SERVICE_COUNT
};
enum { SW_SIM_LINKS_MAX = 512, SW_SIM_SEEN_MAX = 256, SW_SIM_KID_MAX = 64 };

/* What the control API asks of open connections. */
enum sw_sim_command { SW_SIM_COMMAND_NONE, SW_SIM_COMMAND_GOAWAY, SW_SIM_COMMAND_DROP };

/* One connection and its thread. */
struct sw_sim_link {
	struct sw_sim *sim;
	int service;
	struct sw_sim_conn conn;
	_Atomic int command; /* enum sw_sim_command, taken by the connection's thread */
	struct sw_sim_link *prev;
	struct sw_sim_link *next;
};

struct sw_sim_service {
	struct sw_sim *sim;
	int index;
	int fd; /* listening; -1: not open */
	uint16_t port;
	pthread_t thread;
	bool started;
	SSL_CTX *tls; /* NULL: plain */
	void (*serve)(struct sw_sim_link *link);
};

struct sw_sim_apns_key {
	char kid[SW_SIM_KID_MAX];
	EVP_PKEY *key;
};

/* Provider tokens of APNs and Web Push that were used, so that they can be expired on command. */
struct sw_sim_seen_token {
	uint8_t hash[32];
	bool expired;
};

struct sw_sim {
	/* Constant while serving. */
	struct sw_sim_service services[SW_SIM_SERVICE_COUNT];
	struct sw_sim_apns_key apns_keys[SW_SIM_KEYS_MAX];
	size_t apns_key_count;
	const char *apns_team;
	const char *topics[SW_SIM_TOPICS_MAX];
	size_t topic_count;
	char *smtp_user; /* NULL: AUTH is optional */
	char *smtp_password;
	size_t smtp_size_max_bytes;
	struct sw_sim_webhook_secrets webhook_secrets;

	_Atomic bool stopping;

	/* Everything below under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t link_gone;
	struct sw_sim_link *links;
	size_t link_count;
	struct sw_sim_records records;
	struct sw_sim_faults faults;
	struct sw_sim_stats stats[SW_SIM_PROVIDER_COUNT];
	struct sw_sim_oauth oauth;
	struct sw_sim_huawei_oauth huawei;
	struct sw_sim_webpush_subs webpush_subs;
	struct sw_sim_seen_token seen[SW_SIM_SEEN_MAX];
	size_t seen_next;
	unsigned credential_generation; /* grows when credentials are expired on command */
	int apns_token_window_s;
};

/* What the HTTP/2 and HTTP/1.1 connections ask. */
struct sw_sim_http_handler {
	uint32_t streams_max; /* HTTP/2: announced at the start */
	/* A whole request; the reply is initialised and may be left with status 0 when its effect says what happens. */
	void (*on_request)(void *ctx, struct sw_sim_request *request, struct sw_sim_reply *reply);
	void *ctx;
};

/* One thread each, until the connection ends. */
void sw_sim_serve_apns(struct sw_sim_link *link);
void sw_sim_serve_fcm(struct sw_sim_link *link);
void sw_sim_serve_smtp(struct sw_sim_link *link);
void sw_sim_serve_webpush(struct sw_sim_link *link);
void sw_sim_serve_webhook(struct sw_sim_link *link);
void sw_sim_serve_huawei(struct sw_sim_link *link);
void sw_sim_serve_control(struct sw_sim_link *link);

/* Whether the simulator is closing. */
static inline bool sw_sim_stopping(const struct sw_sim_link *link)
{
	return atomic_load(&link->sim->stopping);
}
/* Keeps the connection open and mute until the peer goes. */
void sw_sim_link_mute(struct sw_sim_link *link);
/* Sleeps, but not beyond the end of the simulator. */
void sw_sim_link_wait(const struct sw_sim_link *link, int64_t delay_ms);

/* Under the lock. Remembers a signed token by its hash; false when it was expired on command. */
bool sw_sim_token_in_force(struct sw_sim *sim, const uint8_t hash[32]);
/* Under the lock. All tokens issued or seen so far are expired from now on. */
void sw_sim_expire_credentials(struct sw_sim *sim);
/* Under the lock. Looks for a fault, counts it, and expires credentials when it says so. */
bool sw_sim_take_fault(struct sw_sim *sim, enum sw_sim_provider provider, enum sw_sim_stage stage,
		       struct sw_bytes token, struct sw_sim_action *action_out);
/* Under the lock. Keeps an accepted notification and counts it. */
void sw_sim_accept(struct sw_sim *sim, enum sw_sim_provider provider, const struct sw_sim_record_new *record);
/* Does the fault let the request be looked at as usual, before its effect? */
bool sw_sim_action_processes(const struct sw_sim_action *action);

#endif
