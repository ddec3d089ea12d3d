/* SPDX-License-Identifier: Apache-2.0 */
/* Wires the roles of a process from its configuration: who gets which part of it, what /readyz asks, how it ends. */
#include "app/serve_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CONVERSATIONS_MAX = 100000,
	RECENT_MAX = 100000,
	USERS_MAX = 200000,
	BATCH_BYTES_MAX = 4 << 20,
	WRITER_PREFETCH = 500,
	WRITER_DEPTH = 4,
	PUSHER_DRAIN_MS = 10000,
	CLEAR_ATTEMPTS_MAX = 3,
};

/* ---- configuration of the parts ---- */

/* A consumer's thread. Its whole family is declared: what is there already stays as it is. */
static void restore_queues(void *ctx)
{
	struct sw_diag diag = {0};
	int err = serve_declare(ctx, &diag);
	if (err) {
		SW_LOG(WARN, "app.queues_not_restored", SW_F_ERR(err), SW_F_STR("detail", diag.text));
	} else {
		SW_LOG(WARN, "app.queues_restored",
		       SW_F_STR("reason", "one was not there: a new broker, or somebody deleted it with all in it"));
	}
}

static void prepare_bus(struct serve *serve)
{
	const struct sw_config *config = serve->config;
	struct sw_bus_config *bus = &serve->publish_bus;
	*bus = serve->bus_text;
	bus->name = "surewire";
	bus->connect_timeout_ms = (int)config->bus.connect_timeout_ms;
	bus->heartbeat_s = (int)(config->bus.heartbeat_ms / 1000);
	bus->inflight_messages_max = (size_t)config->bus.inflight_messages_max;
	bus->inflight_bytes_max = config->bus.inflight_bytes_max_bytes;
	bus->restore = restore_queues;
	bus->restore_ctx = serve;
	serve->consume_bus = *bus;
	serve->consume_bus.heartbeat_s = (int)(config->bus.consumer_heartbeat_ms / 1000);
}

static void prepare_providers(struct serve *serve)
{
	const struct sw_config *config = serve->config;
	size_t n = config->push_count;
	serve->mailbox_providers = sw_xcalloc(n, sizeof(*serve->mailbox_providers));
	serve->gateway_providers = sw_xcalloc(n, sizeof(*serve->gateway_providers));
	serve->pusher_instances = sw_xcalloc(n, sizeof(*serve->pusher_instances));
	serve->alert_providers = sw_xcalloc(n, sizeof(*serve->alert_providers));
	serve->direct_providers = sw_xcalloc(n, sizeof(*serve->direct_providers));
	serve->provider_names = sw_xcalloc(n, sizeof(*serve->provider_names));
	for (size_t i = 0; i < n; i++) {
		const struct sw_push_instance *push = &config->push[i];
		serve->provider_names[i] = push->name;
		serve->mailbox_providers[i] = (struct sw_mailbox_provider){push->name, push->ops->fallback_only,
									   push->ops->clears};
		serve->alert_providers[i] = (struct sw_plan_provider){push->name, push->ops->fallback_only};
		serve->gateway_providers[i] = (struct sw_gateway_provider){push->name, push->ops,
									   &push->provider_config};
		serve->direct_providers[i] = (struct sw_direct_provider){push->name, push->ops, &push->provider_config};
		serve->pusher_instances[i] = (struct sw_pusher_instance){push->name, push->ops, &push->provider_config};
	}
}

int serve_prepare(struct serve *serve, struct sw_diag *diag_out)
{
	const struct sw_config *config = serve->config;
	prepare_bus(serve);
	prepare_providers(serve);
	serve->direct = (struct sw_direct_rules){serve->direct_providers, config->push_count,
						 config->pusher.direct_age_max_ms};
	serve->pg = (struct sw_pg_config){.url = config->store.url,
					  .application_name = "surewire",
					  .connect_timeout_ms = (int)config->store.connect_timeout_ms,
					  .statement_timeout_ms = (int)config->store.statement_timeout_ms};
	serve->sequencer = (struct sw_sequencer_config){.conversations_max = CONVERSATIONS_MAX,
							.recent_max = RECENT_MAX};
	serve->mailbox = (struct sw_mailbox_config){.users_max = USERS_MAX,
						    .devices_max = (size_t)config->mailbox.devices_max,
						    .preferences_max = (size_t)config->mailbox.preferences_max,
						    .ack_timeout_ms = config->mailbox.ack_timeout_ms,
						    .keeps_ledger = config->mailbox.ledger_keep_ms > 0,
						    .push_ttl_ms = config->pusher.age_max_ms,
						    .clear_delay_ms = config->mailbox.clear_delay_ms,
						    .providers = serve->mailbox_providers,
						    .provider_count = config->push_count};
	int err = sw_plans_read(config, &serve->plans, diag_out);
	serve->mailbox.plans = serve->plans.plans;
	serve->mailbox.plan_count = serve->plans.count;
	serve->mailbox.plan = serve->plans.usual;
	return err;
}

/* ---- readiness: on the ops thread ---- */

static bool check_started(void *ctx, char detail_out[SW_READY_DETAIL_MAX])
{
	struct serve *serve = ctx;
	pthread_mutex_lock(&serve->starting_lock);
	memcpy(detail_out, serve->starting, SW_READY_DETAIL_MAX);
	pthread_mutex_unlock(&serve->starting_lock);
	return detail_out[0] == '\0';
}

static bool check_gateway(void *ctx, char detail_out[SW_READY_DETAIL_MAX])
{
	struct sw_gateway *gateway = ((struct serve *)ctx)->gateway;
	if (!gateway) {
		snprintf(detail_out, SW_READY_DETAIL_MAX, "not started");
		return false;
	}
	struct sw_gateway_state state = sw_gateway_state(gateway);
	snprintf(detail_out, SW_READY_DETAIL_MAX, "broker %s, store %s, %zu sessions",
		 !state.broker_connected ? "away"
		 : state.broker_blocked  ? "blocked by an alarm"
					 : "connected",
		 state.store_connected ? "connected" : "away", state.sessions);
	return state.broker_connected && !state.broker_blocked && state.store_connected;
}

static bool check_writer(void *ctx, char detail_out[SW_READY_DETAIL_MAX])
{
	struct sw_writer *writer = ((struct serve *)ctx)->writer;
	if (!writer) {
		snprintf(detail_out, SW_READY_DETAIL_MAX, "not started");
		return false;
	}
	struct sw_writer_state state = sw_writer_state(writer);
	snprintf(detail_out, SW_READY_DETAIL_MAX,
		 "store %s, %u ingest and %u mailbox partitions here, %u without owner",
		 state.store_connected ? "connected" : "away", state.owned[SW_ROLE_SEQUENCER],
		 state.owned[SW_ROLE_MAILBOX], state.unowned);
	return state.store_connected && state.unowned == 0;
}

static bool check_pusher(void *ctx, char detail_out[SW_READY_DETAIL_MAX])
{
	struct sw_pusher *pusher = ((struct serve *)ctx)->pusher;
	if (!pusher) {
		snprintf(detail_out, SW_READY_DETAIL_MAX, "not started");
		return false;
	}
	struct sw_pusher_state state = sw_pusher_state(pusher);
	if (!state.store_connected || !state.publisher.connected) {
		snprintf(detail_out, SW_READY_DETAIL_MAX, "%s is away", state.store_connected ? "broker" : "store");
		return false;
	}
	for (size_t i = 0; i < sw_pusher_instance_count(pusher); i++) {
		struct sw_pusher_instance_state instance = sw_pusher_instance_state(pusher, i);
		if (!instance.consumer.connected) {
			snprintf(detail_out, SW_READY_DETAIL_MAX, "%s: its queue is not consumed", instance.name);
			return false;
		}
		if (!instance.credential_ready) { /* work waits for the operator, the process is well */
			size_t used = strlen(detail_out);
			snprintf(detail_out + used, SW_READY_DETAIL_MAX - used, "%s%s: credential: %s",
				 used ? "; " : "", instance.name, instance.credential_text);
		}
	}
	return true;
}

static bool check_admin(void *ctx, char detail_out[SW_READY_DETAIL_MAX])
{
	struct sw_admin_state state = sw_admin_state(((struct serve *)ctx)->admin);
	snprintf(detail_out, SW_READY_DETAIL_MAX, "broker %s, store %s, %zu dead letters to archive",
		 state.broker_connected ? "connected" : "away", state.store_connected ? "connected" : "away",
		 state.waiting);
	return state.broker_connected && state.store_connected;
}

static void add_check(struct serve *serve, bool wanted, const char *name, bool (*check)(void *, char *))
{
	if (wanted) {
		serve->checks[serve->check_count++] = (struct sw_ready_check){name, check, serve};
	}
}

static struct sw_alert_config alerts_config(const struct serve *serve)
{
	const struct sw_config *config = serve->config;
	return (struct sw_alert_config){.providers = serve->alert_providers,
					.provider_count = config->push_count,
					.ingest_queues = (unsigned)config->sequencer.ingest_queues,
					.age_max_ms = config->pusher.alert_age_max_ms,
					.from = config->alerts.from,
					.plans = {[SW_ALERT_LOW] = config->alerts.plan_low,
						  [SW_ALERT_NORMAL] = config->alerts.plan_normal,
						  [SW_ALERT_HIGH] = config->alerts.plan_high,
						  [SW_ALERT_CRITICAL] = config->alerts.plan_critical},
					.critical_apps = config->alerts.critical_apps.items,
					.critical_app_count = config->alerts.critical_apps.count};
}

/* Any thread; the API is there before the node has its number. */
static int64_t next_id(void *ctx)
{
	struct serve *serve = ctx;
	return atomic_load(&serve->ids_ready) ? sw_id_next(&serve->ids) : 0;
}

int serve_open_ops(struct serve *serve, struct sw_diag *diag_out)
{
	const struct sw_config *config = serve->config;
	bool writes = serve->roles[ROLE_SEQUENCER] || serve->roles[ROLE_MAILBOX];
	add_check(serve, true, "start", check_started);
	add_check(serve, serve->roles[ROLE_GATEWAY], "gateway", check_gateway);
	add_check(serve, writes, "writer", check_writer);
	add_check(serve, serve->roles[ROLE_PUSHER], "pusher", check_pusher);
	add_check(serve, serve->roles[ROLE_ADMIN], "admin", check_admin);
	if (serve->roles[ROLE_ADMIN]) {
		struct sw_admin_config admin = {.bus = &serve->consume_bus,
						.pg = &serve->pg,
						.replay_age_ms = config->pusher.age_max_ms,
						.ledger_keep_ms = config->mailbox.ledger_keep_ms,
						.direct = &serve->direct,
						.next_id = next_id,
						.next_id_ctx = serve,
						.replay_rate_max = config->admin.replay_rate_max,
						.push_deliveries_max = config->bus.push_deliveries_max,
						.alerts = alerts_config(serve)};
		int err = sw_alert_config_check(&admin.alerts, diag_out);
		err = err ? err : sw_admin_open(&admin, &serve->admin, diag_out);
		if (err) {
			return err;
		}
	}
	struct sw_ops_config ops = {.host = config->admin.listen.host,
				    .port = config->admin.listen.port,
				    .token = config->admin.token,
				    .checks = serve->checks,
				    .count = serve->check_count,
				    .admin = serve->admin};
	return sw_ops_open(&ops, &serve->ops, diag_out);
}

/* ---- the roles ---- */

int serve_declare(struct serve *serve, struct sw_diag *diag_out)
{
	const struct sw_config *config = serve->config;
	struct sw_topology topology = {.ingest_queues = (unsigned)config->sequencer.ingest_queues,
				       .mailbox_queues = (unsigned)config->mailbox.mailbox_queues,
				       .providers = serve->provider_names,
				       .provider_count = config->push_count,
				       .queue_length_max = (size_t)config->bus.queue_length_max,
				       .push_deliveries_max = config->bus.push_deliveries_max};
	return sw_topology_declare(&serve->publish_bus, &topology, diag_out);
}

/* An engine's thread. */
static bool take_here(void *ctx, struct sw_blob *envelope)
{
	struct serve *serve = ctx;
	pthread_mutex_lock(&serve->taking_lock);
	bool taken = serve->taking != NULL;
	if (taken) {
		sw_gateway_take(serve->taking, envelope);
	}
	pthread_mutex_unlock(&serve->taking_lock);
	return taken;
}

static void set_taking(struct serve *serve, struct sw_gateway *gateway)
{
	pthread_mutex_lock(&serve->taking_lock);
	serve->taking = gateway;
	pthread_mutex_unlock(&serve->taking_lock);
}

static int open_writer(struct serve *serve, struct sw_diag *diag_out)
{
	const struct sw_config *config = serve->config;
	struct sw_writer_config writer = {
		.publish_bus = &serve->publish_bus,
		.consume_bus = &serve->consume_bus,
		.pg = &serve->pg,
		.ids = &serve->ids,
		.queues = {(unsigned)config->sequencer.ingest_queues, (unsigned)config->mailbox.mailbox_queues},
		.engines = (unsigned)config->writer.threads,
		.batch_items_max = (unsigned)config->writer.batch_max,
		.batch_bytes_max = BATCH_BYTES_MAX,
		.prefetch = WRITER_PREFETCH,
		.depth_max = WRITER_DEPTH,
		.lease_ms = (int)config->writer.lease_ms,
		.here = serve->roles[ROLE_GATEWAY] ? sw_node_boot(serve->node) : 0,
		.take_here = take_here,
		.take_ctx = serve};
	if (serve->roles[ROLE_SEQUENCER]) {
		writer.steps[SW_ROLE_SEQUENCER] = (struct sw_writer_step){&sw_sequencer_step, &serve->sequencer};
	}
	if (serve->roles[ROLE_MAILBOX]) {
		writer.steps[SW_ROLE_MAILBOX] = (struct sw_writer_step){&sw_mailbox_step, &serve->mailbox};
	}
	struct sw_writer *opened = NULL;
	int err = sw_writer_open(&writer, &opened, diag_out);
	serve->writer = opened;
	return err;
}

static int open_gateway(struct serve *serve, struct sw_diag *diag_out)
{
	const struct sw_config *c = serve->config;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct sw_gateway_config gateway = {
		.publish_bus = &serve->publish_bus,
		.consume_bus = &serve->consume_bus,
		.pg = &serve->pg,
		.ids = &serve->ids,
		.node = sw_node_boot(serve->node),
		.listen_host = c->gateway.listen.host,
		.listen_port = c->gateway.listen.port,
		.tls_host = c->gateway.tls_listen.host,
		.tls_port = c->gateway.tls_listen.port,
		.tls_cert = c->gateway.tls_cert,
		.tls_key = c->gateway.tls_key,
		.threads = c->gateway.threads ? (unsigned)c->gateway.threads
					      : (unsigned)(processors > 0 ? processors : 1),
		.connections_max = (size_t)c->gateway.connections_max,
		.window = (unsigned)c->gateway.window,
		.ping_interval_ms = c->gateway.ping_interval_ms,
		.hello_timeout_ms = c->gateway.hello_timeout_ms,
		.body_bytes_max = c->gateway.body_max_bytes,
		.frame_bytes_max = c->gateway.frame_max_bytes,
		.send_queue_bytes_max = c->gateway.send_queue_max_bytes,
		.rate_user_per_s = (unsigned)c->gateway.rate_user_per_s,
		.rate_user_burst = (unsigned)c->gateway.rate_user_burst,
		.rate_address_per_s = (unsigned)c->gateway.rate_address_per_s,
		.rate_address_burst = (unsigned)c->gateway.rate_address_burst,
		.long_poll_max_ms = c->gateway.long_poll_max_ms,
		.head_timeout_ms = c->gateway.head_timeout_ms,
		.body_timeout_ms = c->gateway.body_timeout_ms,
		.idle_timeout_ms = c->gateway.idle_timeout_ms,
		.group_members_max = (unsigned)c->gateway.group_members_max,
		.mentions_max = (unsigned)c->gateway.mentions_max,
		.drain_timeout_ms = c->gateway.drain_timeout_ms,
		.batch_interval_ms = c->gateway.batch_interval_ms,
		.ingest_queues = (unsigned)c->sequencer.ingest_queues,
		.mailbox_queues = (unsigned)c->mailbox.mailbox_queues,
		.reader_threads = (unsigned)c->store.reader_threads,
		.reader_queue_max = (size_t)c->store.reader_queue_max,
		.keys_dir = c->auth.keys_dir,
		.tokens = {.issuer = c->auth.issuer, .audience = c->auth.audience, .leeway_ms = c->auth.leeway_ms},
		.providers = serve->gateway_providers,
		.provider_count = c->push_count,
		.plans = serve->plans.names,
		.plan_count = serve->plans.count};
	struct sw_gateway *opened = NULL;
	int err = sw_gateway_open(&gateway, &opened, diag_out);
	serve->gateway = opened;
	set_taking(serve, opened);
	return err;
}

static int open_pusher(struct serve *serve, struct sw_diag *diag_out)
{
	const struct sw_config *config = serve->config;
	struct sw_pusher_config pusher = {
		.bus = &serve->consume_bus,
		.pg = &serve->pg,
		.instances = serve->pusher_instances,
		.instance_count = config->push_count,
		.mailbox_queues = (unsigned)config->mailbox.mailbox_queues,
		.classes = {[SW_JOB_CHAT] = {(unsigned)config->pusher.attempts_max, config->pusher.age_max_ms},
			    [SW_JOB_ALERT] = {(unsigned)config->pusher.alert_attempts_max,
					      config->pusher.alert_age_max_ms},
			    [SW_JOB_DIRECT] = {(unsigned)config->pusher.direct_attempts_max,
					       config->pusher.direct_age_max_ms},
			    [SW_JOB_CLEAR] = {CLEAR_ATTEMPTS_MAX, config->pusher.age_max_ms}},
		.token_age_max_ms = config->pusher.token_age_max_ms,
		.new_message_key = config->pusher.new_message_key,
		.concurrency = (unsigned)config->pusher.concurrency,
		.quarantine_after = (unsigned)config->pusher.quarantine_after,
		.breaker = {.failures = (unsigned)config->pusher.breaker_failures,
			    .pause_ms = config->pusher.breaker_pause_ms,
			    .pause_max_ms = config->pusher.breaker_pause_max_ms}};
	struct sw_pusher *opened = NULL;
	int err = sw_pusher_open(&pusher, &opened, diag_out);
	serve->pusher = opened;
	return err;
}

int serve_open_roles(struct serve *serve, struct sw_diag *diag_out)
{
	int err = SW_OK;
	if (serve->roles[ROLE_SEQUENCER] || serve->roles[ROLE_MAILBOX]) {
		err = open_writer(serve, diag_out);
	}
	if (!err && serve->roles[ROLE_PUSHER]) {
		err = open_pusher(serve, diag_out);
	}
	if (!err && serve->roles[ROLE_GATEWAY]) {
		err = open_gateway(serve, diag_out);
	}
	return err;
}

void serve_close(struct serve *serve)
{
	serve->closing = "gateway";
	if (serve->gateway) {
		sw_gateway_drain(serve->gateway);
	}
	sw_ops_close(serve->ops);
	set_taking(serve, NULL);
	sw_gateway_close(serve->gateway);
	serve->closing = "pusher";
	sw_pusher_close(serve->pusher, sw_clock_mono_ms() + PUSHER_DRAIN_MS);
	serve->closing = "writer";
	sw_writer_close(serve->writer);
	serve->closing = "admin";
	sw_admin_close(serve->admin);
	sw_node_close(serve->node);
	free(serve->mailbox_providers);
	free(serve->gateway_providers);
	free(serve->alert_providers);
	free(serve->pusher_instances);
	free(serve->direct_providers);
	sw_plans_release(&serve->plans);
	free(serve->provider_names);
	sw_bus_config_release(&serve->bus_text);
}
