/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the gateway: its loops, each with listeners on the shared port, and what they share. */
#include "gateway/gateway_int.h"

#include "base/rng.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <time.h>

enum { TICK_MS = 200, SCAN_EVERY_TICKS = 5, TASKS_MAX = 100000, DRAIN_POLL_MS = 50 };

struct sw_keyset *gateway_keys(struct sw_gateway *gateway)
{
	pthread_mutex_lock(&gateway->keys_lock);
	struct sw_keyset *keys = sw_keyset_ref(gateway->keys);
	pthread_mutex_unlock(&gateway->keys_lock);
	return keys;
}

struct gw_loop *loop_of_number(struct sw_gateway *gateway, int64_t number)
{
	return &gateway->loops[(uint64_t)number % (1u << LOOP_BITS) % gateway->config.threads];
}

int64_t loop_new_number(struct gw_loop *loop)
{
	return ++loop->next_number << LOOP_BITS | loop->index;
}

/* ---- accepting ---- */

static bool on_admit(void *ctx, const struct sw_peer *peer)
{
	struct gw_loop *loop = ctx;
	bool admitted = rate_take_address(loop->gateway, peer);
	if (!admitted) {
		sw_metric_add(loop->gateway->metrics.limited, 1);
	}
	return admitted;
}

static void on_conn(void *ctx, struct sw_conn *conn)
{
	struct gw_loop *loop = ctx;
	sw_http_serve(loop->http, conn);
}

static int listen_on(struct gw_loop *loop, const char *host, uint16_t port, struct sw_tls *tls,
		     struct sw_listener **listener_out, struct sw_diag *diag_out)
{
	struct sw_listen_options options = {.address = host,
					    .port = port,
					    .reuse_port = loop->gateway->config.threads > 1,
					    .tls = tls,
					    .ctx = loop,
					    .on_conn = on_conn,
					    .admit = on_admit};
	return sw_listener_open(loop->net, &options, listener_out, diag_out);
}

/* The first loop binds the port, which may be "any"; the others join it. */
static int open_listeners(struct gw_loop *loop, struct sw_diag *diag_out)
{
	struct sw_gateway *gateway = loop->gateway;
	const struct sw_gateway_config *config = &gateway->config;
	int err = SW_OK;
	if (config->listen_host[0]) {
		err = listen_on(loop, config->listen_host, loop->index ? gateway->port : config->listen_port, NULL,
				&loop->plain, diag_out);
		gateway->port = err ? 0 : sw_listener_port(loop->plain);
	}
	if (!err && config->tls_host[0]) {
		err = listen_on(loop, config->tls_host, loop->index ? gateway->tls_port : config->tls_port,
				gateway->tls, &loop->tls, diag_out);
		gateway->tls_port = err ? 0 : sw_listener_port(loop->tls);
	}
	return err;
}

/* ---- the loop's own ticking ---- */

static void scan(struct gw_loop *loop)
{
	struct session *session;
	struct session *next;
	HASH_ITER(hh, loop->sessions, session, next)
	{
		if (session->state == SESSION_LIVE) {
			answers_check(session);
			feed_check(session);
		}
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct gw_loop *loop = timer->data;
	acks_flush(loop);
	if (++loop->ticks % SCAN_EVERY_TICKS == 0) {
		scan(loop);
	}
}

static void on_reads(uv_async_t *async)
{
	reads_finish(async->data);
}

/* Pool thread. */
static void wake_reads(void *ctx)
{
	struct gw_loop *loop = ctx;
	uv_async_send(&loop->reads_async);
}

static int loop_open(struct sw_gateway *gateway, unsigned index, struct sw_diag *diag_out)
{
	struct gw_loop *loop = &gateway->loops[index];
	const struct sw_gateway_config *config = &gateway->config;
	loop->gateway = gateway;
	loop->index = index;
	loop->loop = sw_loop_new("gateway", TASKS_MAX);
	loop->net = sw_net_new(loop->loop, &gateway->connections);
	struct sw_http_options http = {.ctx = loop,
				       .on_request = api_on_request,
				       .body_bytes_max = config->frame_bytes_max,
				       .head_ms = (uint32_t)config->head_timeout_ms,
				       .body_ms = (uint32_t)config->body_timeout_ms,
				       .idle_ms = (uint32_t)config->idle_timeout_ms};
	loop->http = sw_http_server_new(&http);
	loop->ws_limits = (struct sw_ws_limits){.message_bytes_max = (uint32_t)config->frame_bytes_max,
						.queue_bytes_max = (uint32_t)config->send_queue_bytes_max,
						.ping_ms = (uint32_t)config->ping_interval_ms,
						.missed_max = 2,
						.close_ms = 3000};
	uv_async_init(sw_loop_uv(loop->loop), &loop->reads_async, on_reads);
	loop->reads_async.data = loop;
	sw_mailbox_init(&loop->reads, SIZE_MAX, wake_reads, loop);
	uv_timer_init(sw_loop_uv(loop->loop), &loop->tick);
	loop->tick.data = loop;
	uv_timer_start(&loop->tick, on_tick, TICK_MS, TICK_MS);
	uv_timer_init(sw_loop_uv(loop->loop), &loop->pace);
	loop->pace.data = gateway;
	names_open(loop);
	return open_listeners(loop, diag_out);
}

static void open_metrics(struct gw_metrics *m)
{
	m->sessions = sw_metric_gauge("surewire_gateway_sessions", NULL, "WebSocket sessions open.");
	m->accepted = sw_metric_counter("surewire_gateway_accepted_total", NULL, "Messages confirmed by the broker.");
	m->refused = sw_metric_counter("surewire_gateway_errors_total", NULL, "error frames sent.");
	m->stored = sw_metric_counter("surewire_gateway_stored_total", NULL, "stored frames sent.");
	m->rejected = sw_metric_counter("surewire_gateway_rejected_total", NULL, "rejected frames sent.");
	m->events = sw_metric_counter("surewire_gateway_events_total", NULL, "Events sent to devices.");
	m->acks = sw_metric_counter("surewire_gateway_acks_total", NULL, "Acks of devices passed on.");
	m->auth_failed = sw_metric_counter("surewire_gateway_auth_failed_total", NULL, "Tokens refused.");
	m->limited = sw_metric_counter("surewire_gateway_rate_limited_total", NULL,
				       "Messages and connections refused as too fast.");
	m->slow = sw_metric_counter("surewire_gateway_slow_readers_total", NULL,
				    "Sessions closed because they did not read.");
	m->gaps = sw_metric_counter("surewire_gateway_inbox_reads_total", NULL,
				    "Reads from the inbox: resume, gaps, closed windows.");
}

int sw_gateway_open(const struct sw_gateway_config *config, struct sw_gateway **gateway_out, struct sw_diag *diag_out)
{
	struct sw_gateway *gateway = sw_xcalloc(1, sizeof(*gateway));
	gateway->config = *config;
	gateway->connections.max = config->connections_max;
	open_metrics(&gateway->metrics);
	pthread_mutex_init(&gateway->keys_lock, NULL);
	gateway->rates = rates_new();
	gateway->loops = sw_xcalloc(config->threads, sizeof(*gateway->loops));
	lanes_open(gateway);
	int err = sw_keyset_load(config->keys_dir, &gateway->keys, diag_out);
	err = err ? err : mail_keys_load(config, &gateway->mail_keys, diag_out);
	if (!err && config->tls_host[0]) {
		err = sw_tls_open(config->tls_cert, config->tls_key, &gateway->tls, diag_out);
	}
	if (!err) {
		gateway->pool = sw_pg_pool_open(config->pg, config->reader_threads, config->reader_queue_max);
		err = sw_publisher_open(config->publish_bus, "gateway", &gateway->publisher);
	}
	for (unsigned i = 0; i < config->threads && !err; i++) {
		err = loop_open(gateway, i, diag_out);
	}
	err = err ? err : node_open(gateway, diag_out);
	for (unsigned i = 0; i < config->threads && !err; i++) {
		err = sw_loop_start(gateway->loops[i].loop);
	}
	if (err) {
		/* The process ends on this: threads and sockets go with it. */
		return sw_diag_set(diag_out, err, "gateway: %s", sw_err_text(err));
	}
	*gateway_out = gateway;
	return SW_OK;
}

struct sw_gateway_state sw_gateway_state(struct sw_gateway *gateway)
{
	struct sw_link_state link = sw_publisher_state(gateway->publisher);
	return (struct sw_gateway_state){.port = gateway->port,
					 .tls_port = gateway->tls_port,
					 .broker_connected = link.connected && gateway->node_connected,
					 .broker_blocked = link.blocked,
					 .store_connected = sw_pg_pool_ready(gateway->pool),
					 .sessions = gateway->session_count};
}

int sw_gateway_reload(struct sw_gateway *gateway, struct sw_diag *diag_out)
{
	struct sw_keyset *fresh = NULL;
	struct mail_keys *fresh_mail = NULL;
	int err = sw_keyset_load(gateway->config.keys_dir, &fresh, diag_out);
	err = err ? err : mail_keys_load(&gateway->config, &fresh_mail, diag_out);
	if (err) {
		sw_keyset_unref(fresh);
		return err;
	}
	pthread_mutex_lock(&gateway->keys_lock);
	struct sw_keyset *old = gateway->keys;
	struct mail_keys *old_mail = gateway->mail_keys;
	gateway->keys = fresh;
	gateway->mail_keys = fresh_mail;
	pthread_mutex_unlock(&gateway->keys_lock);
	sw_keyset_unref(old);
	mail_keys_free(old_mail);
	return gateway->tls ? sw_tls_reload(gateway->tls, diag_out) : SW_OK;
}

/* ---- leaving ---- */

struct drain_task {
	struct sw_task task; /* first */
	struct gw_loop *loop;
};

static void stop_accepting(struct gw_loop *loop)
{
	if (loop->plain) {
		sw_listener_close(loop->plain);
		loop->plain = NULL;
	}
	if (loop->tls) {
		sw_listener_close(loop->tls);
		loop->tls = NULL;
	}
	sw_http_server_drain(loop->http);
}

static void on_drain_task(struct sw_task *task)
{
	struct gw_loop *loop = ((struct drain_task *)task)->loop;
	free(task);
	loop->draining = true;
	stop_accepting(loop);
	int64_t spread_ms = loop->gateway->config.drain_timeout_ms * 3 / 4;
	struct session *session;
	struct session *next;
	HASH_ITER(hh, loop->sessions, session, next)
	{
		session_going_away(session, (int64_t)sw_rng_below((uint64_t)spread_ms + 1));
	}
}

static void on_close_task(struct sw_task *task)
{
	struct gw_loop *loop = ((struct drain_task *)task)->loop;
	free(task);
	stop_accepting(loop);
	sw_net_close_conns(loop->net);
}

static void on_end_task(struct sw_task *task)
{
	struct gw_loop *loop = ((struct drain_task *)task)->loop;
	free(task);
	acks_flush(loop);
	uv_timer_stop(&loop->tick);
	uv_close((uv_handle_t *)&loop->tick, NULL);
	uv_close((uv_handle_t *)&loop->pace, NULL);
	uv_close((uv_handle_t *)&loop->reads_async, NULL);
	sw_loop_stop(loop->loop);
}

static void post_all(struct sw_gateway *gateway, sw_task_fn run)
{
	for (unsigned i = 0; i < gateway->config.threads; i++) {
		struct drain_task *drain = sw_xcalloc(1, sizeof(*drain));
		drain->task.run = run;
		drain->loop = &gateway->loops[i];
		if (!sw_loop_post_always(gateway->loops[i].loop, &drain->task)) {
			free(drain);
		}
	}
}

static void wait_for_sessions(struct sw_gateway *gateway, int64_t timeout_ms)
{
	int64_t until_ms = sw_clock_mono_ms() + timeout_ms;
	while (gateway->session_count && sw_clock_mono_ms() < until_ms) {
		nanosleep(&(struct timespec){.tv_nsec = DRAIN_POLL_MS * 1000000L}, NULL);
	}
}

void sw_gateway_drain(struct sw_gateway *gateway)
{
	gateway->draining = true;
	SW_LOG(INFO, "gateway.draining", SW_F_INT("sessions", (int64_t)gateway->session_count));
	post_all(gateway, on_drain_task);
	wait_for_sessions(gateway, gateway->config.drain_timeout_ms);
}

void sw_gateway_close(struct sw_gateway *gateway)
{
	if (!gateway) {
		return;
	}
	post_all(gateway, on_close_task);
	wait_for_sessions(gateway, 2000);
	/* Readers give back what waits; the loops must still be there to take it. */
	sw_pg_pool_close(gateway->pool);
	sw_consumer_stop(gateway->consumer);
	sw_publisher_close(gateway->publisher, sw_clock_mono_ms() + 2000);
	sw_consumer_free(gateway->consumer);
	post_all(gateway, on_end_task);
	for (unsigned i = 0; i < gateway->config.threads; i++) {
		struct gw_loop *loop = &gateway->loops[i];
		sw_loop_join(loop->loop);
		reads_finish(loop);
		names_close(loop);
		sw_http_server_free(loop->http);
		sw_net_free(loop->net);
		sw_loop_free(loop->loop);
		sw_mailbox_release(&loop->reads);
	}
	lanes_close(gateway);
	rates_free(gateway->rates);
	sw_tls_free(gateway->tls);
	sw_keyset_unref(gateway->keys);
	mail_keys_free(gateway->mail_keys);
	pthread_mutex_destroy(&gateway->keys_lock);
	free(gateway->loops);
	free(gateway);
}
