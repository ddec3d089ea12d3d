/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/exchange.h"

#include "sim/h2_server.h"
#include "sim/http1_server.h"

enum { HANDSHAKE_MS = 10000 };

static void add_retry_after(struct sw_sim_reply *reply, const struct sw_sim_action *action)
{
	if (action->retry_after[0]) {
		sw_sim_reply_add(reply, "retry-after", action->retry_after);
	}
}

static void count_refusal(struct sw_sim *sim, enum sw_sim_provider provider, const char *named)
{
	if (named) {
		sw_sim_stats_refuse(&sim->stats[provider], named);
	}
}

void sw_sim_exchange(struct sw_sim *sim, const struct sw_sim_exchange *exchange, struct sw_sim_reply *reply)
{
	struct sw_sim_action action;
	pthread_mutex_lock(&sim->lock);
	sim->stats[exchange->provider].streams++;
	bool fault = sw_sim_take_fault(sim, exchange->provider, SW_SIM_STAGE_REQUEST, exchange->subject, &action);
	if (!fault || sw_sim_action_processes(&action)) {
		count_refusal(sim, exchange->provider, exchange->process(exchange->ctx, reply));
	}
	if (fault) {
		reply->effect = action.effect;
	}
	if (fault && (action.status || action.token_dead_ms >= 0)) {
		const char *named = exchange->answer_fault(exchange->ctx, &action, reply);
		add_retry_after(reply, &action);
		count_refusal(sim, exchange->provider, named);
	}
	pthread_mutex_unlock(&sim->lock);
}

void sw_sim_token_exchange(struct sw_sim *sim, const struct sw_sim_token_exchange *exchange, struct sw_sim_reply *reply)
{
	struct sw_sim_action action;
	struct sw_sim_stats *stats = &sim->stats[exchange->provider];
	const char *error = NULL;
	pthread_mutex_lock(&sim->lock);
	stats->streams++;
	bool fault = sw_sim_take_fault(sim, exchange->provider, SW_SIM_STAGE_REQUEST, exchange->subject, &action);
	if (fault && action.status) {
		error = action.reason[0]    ? action.reason
		      : action.status < 500 ? exchange->client_error
					    : exchange->server_error;
		exchange->refuse(reply, action.status, error, "Injected by the simulator.");
		add_retry_after(reply, &action);
	} else if (!fault || sw_sim_action_processes(&action)) {
		error = exchange->answer(exchange->ctx, reply);
		stats->accepted += !error;
	}
	if (fault) {
		reply->effect = action.effect;
	}
	count_refusal(sim, exchange->provider, error);
	pthread_mutex_unlock(&sim->lock);
}

void sw_sim_http_serve(struct sw_sim_link *link, const struct sw_sim_http_handler *handler, enum sw_sim_http versions)
{
	if (sw_sim_conn_handshake(&link->conn, link->sim->services[link->service].tls, HANDSHAKE_MS) != SW_OK) {
		return;
	}
	if (sw_bytes_equal_str(sw_sim_conn_alpn(&link->conn), "h2")) {
		sw_sim_h2_serve(link, handler);
	} else if (versions == SW_SIM_HTTP_ANY) {
		sw_sim_http1_serve(link, handler);
	}
}
