/* SPDX-License-Identifier: Apache-2.0 */
/* The role that holds the clients' sockets: WebSocket and HTTP on one port. It turns frames into items for the two
 * writers, and their events into frames; it reads from the store and writes nothing there. It holds no state that a crash
 * could lose: what it accepted is confirmed by the broker, what it shows comes from the inbox.
 *
 * Threads: one loop each for a share of the sockets; the consumer of the node's queue and the publisher have their own. */
#ifndef SW_GATEWAY_GATEWAY_H
#define SW_GATEWAY_GATEWAY_H

#include "auth/token.h"
#include "base/id.h"
#include "bus/bus.h"
#include "store/pg.h"

#include <surewire/provider.h>

struct sw_gateway;

/* A provider instance that devices may register a token for. */
struct sw_gateway_provider {
	const char *name;
	const struct sw_provider_ops *ops;
	const struct sw_provider_config *config;
};

/* Copied; what it points to is borrowed until close. Addresses: host "" is "not offered". */
struct sw_gateway_config {
	const struct sw_bus_config *publish_bus;
	const struct sw_bus_config *consume_bus;
	const struct sw_pg_config *pg;
	struct sw_idgen *ids;
	int64_t node; /* boot id: names the queue */
	const char *listen_host;
	uint16_t listen_port;
	const char *tls_host;
	uint16_t tls_port;
	const char *tls_cert;
	const char *tls_key;
	unsigned threads; /* >= 1 */
	size_t connections_max;
	unsigned window;
	int64_t ping_interval_ms;
	int64_t hello_timeout_ms;
	size_t body_bytes_max;
	size_t frame_bytes_max;
	size_t send_queue_bytes_max;
	unsigned rate_user_per_s, rate_user_burst;
	unsigned rate_address_per_s, rate_address_burst;
	int64_t long_poll_max_ms;
	int64_t head_timeout_ms, body_timeout_ms, idle_timeout_ms; /* of HTTP */
	unsigned group_members_max;
	unsigned mentions_max; /* of a message */
	int64_t drain_timeout_ms;
	int64_t batch_interval_ms; /* >= 0 */
	unsigned ingest_queues;
	unsigned mailbox_queues;
	unsigned reader_threads;
	size_t reader_queue_max;
	const char *keys_dir;
	struct sw_token_policy tokens;
	const struct sw_gateway_provider *providers;
	size_t provider_count;
	const char *const *plans; /* names that people may choose */
	size_t plan_count;
};

struct sw_gateway_state {
	uint16_t port; /* as bound */
	uint16_t tls_port;
	bool broker_connected; /* publishing and the node's queue */
	bool broker_blocked;
	bool store_connected;
	size_t sessions;
};

int sw_gateway_open(const struct sw_gateway_config *config, struct sw_gateway **gateway_out,
		    struct sw_diag *diag_out) SW_MUST_CHECK;
/* Any thread. */
struct sw_gateway_state sw_gateway_state(struct sw_gateway *gateway);
/* Keys of tokens and the certificate, read again (HUP). On an error the old ones stay. Any thread. */
int sw_gateway_reload(struct sw_gateway *gateway, struct sw_diag *diag_out) SW_MUST_CHECK;
/* Events and answers of a writer in this process, as they come through the node's queue from others. Borrows the envelope.
 * Any thread. */
void sw_gateway_take(struct sw_gateway *gateway, struct sw_blob *envelope);
/* Accepts nobody any more, tells everyone to go elsewhere, spread over drain_timeout_ms; returns when all have gone or
 * the time is over. */
void sw_gateway_drain(struct sw_gateway *gateway);
/* NULL is allowed. */
void sw_gateway_close(struct sw_gateway *gateway);

#endif
