/* SPDX-License-Identifier: Apache-2.0 */
/* One account of a provider: its consumers, its connections, its numbers. */
#include "pusher/pusher_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LABELS_MAX = 256,
	URGENT_SHARE = 4, /* urgent jobs have a quarter of the places on top */
};

/* ---- numbers ---- */

static struct sw_metric *counter(const struct sw_pusher_instance_run *instance, const char *name, const char *more,
				 const char *help)
{
	char labels[LABELS_MAX];
	snprintf(labels, sizeof(labels), "provider=\"%.64s\"%s%.128s", instance->config->name, more[0] ? "," : "",
		 more);
	return sw_metric_counter(name, labels, help);
}

static void find_metrics(struct sw_pusher_instance_run *instance)
{
	static const char *const result_labels[] = {
#define SW_PUSH_RESULT(NAME, labels) labels,
#include "pusher/results.def"
#undef SW_PUSH_RESULT
	};
	char labels[LABELS_MAX];
	for (int i = 0; i < SW_PUSH_RESULTS; i++) {
		instance->results[i] = counter(instance, "surewire_push_jobs_total", result_labels[i],
					       "Push jobs by what became of them.");
	}
	for (int i = 0; i <= SW_OUTCOME_CONFIG; i++) {
		snprintf(labels, sizeof(labels), "outcome=\"%s\"", sw_outcome_name((enum sw_outcome_kind)i));
		instance->outcomes[i] = counter(instance, "surewire_push_attempts_total", labels,
						"Sends by their outcome.");
	}
	instance->malformed = counter(instance, "surewire_push_malformed_total", "",
				      "Envelopes that could not be read.");
	snprintf(labels, sizeof(labels), "provider=\"%s\"", instance->config->name);
	instance->sending_gauge = sw_metric_gauge("surewire_push_in_flight", labels, "Notifications at the provider.");
	instance->active_gauge = sw_metric_gauge("surewire_push_active", labels, "Jobs taken up and not settled.");
	instance->breakers_gauge = sw_metric_gauge("surewire_push_breakers_open", labels,
						   "Circuit breakers that hold jobs back, by endpoint and app.");
	instance->credential_gauge = sw_metric_gauge("surewire_push_credential_ready", labels,
						     "1: the service takes our credential; 0: work waits for one.");
	instance->quarantined = counter(
		instance, "surewire_push_quarantined_total", "",
		"Tokens kept though the service called them dead, since it did so of too many.");
	instance->breaker_opened = counter(instance, "surewire_push_breaker_opened_total", "",
					   "Times that a circuit breaker opened.");
	instance->attempt_ms = sw_metric_histogram_ms("surewire_push_attempt_seconds", labels, "Duration of a send.");
}

void sw_pusher_instance_note(struct sw_pusher_instance_run *instance)
{
	sw_metric_set(instance->sending_gauge, (int64_t)instance->sending);
	size_t active = 0;
	for (size_t i = 0; i < SW_JOB_QUEUES; i++) {
		active += instance->intakes[i].active;
	}
	sw_metric_set(instance->active_gauge, (int64_t)active);
	sw_metric_set(instance->breakers_gauge, (int64_t)instance->breakers_open);
	sw_metric_set(instance->credential_gauge, instance->credential.ready);
	pthread_mutex_lock(&instance->state_lock);
	instance->state.in_flight = instance->sending;
	instance->state.active = active;
	instance->state.breakers_open = instance->breakers_open;
	instance->state.credential_ready = instance->credential.ready;
	memcpy(instance->state.credential_text, instance->credential.text, sizeof(instance->state.credential_text));
	pthread_mutex_unlock(&instance->state_lock);
}

/* ---- turns ---- */

static void on_turn(struct sw_turn *turn)
{
	struct sw_pusher_instance_run *instance =
		(struct sw_pusher_instance_run *)((char *)turn - offsetof(struct sw_pusher_instance_run, turn));
	sw_pusher_pull(instance);
	if (instance->pusher->phase == SW_PUSHER_RUNNING && sw_pusher_credential_ready(instance)) {
		sw_pusher_dispatch(instance);
	}
	sw_pusher_instance_note(instance);
}

void sw_pusher_instance_kick(struct sw_pusher_instance_run *instance)
{
	sw_loop_at_turn_end(instance->pusher->loop, &instance->turn);
}

static void on_credential_timer(struct sw_wheel_node *node)
{
	sw_pusher_instance_kick((struct sw_pusher_instance_run *)((char *)node - offsetof(struct sw_pusher_instance_run,
											  credential.timer)));
}

/* Also keeps the credential fresh, and its state true, while there is nothing to send. */
static void on_tick(struct sw_wheel_node *node)
{
	struct sw_pusher_instance_run *instance =
		(struct sw_pusher_instance_run *)((char *)node - offsetof(struct sw_pusher_instance_run, tick));
	if (instance->pusher->phase != SW_PUSHER_RUNNING) {
		return;
	}
	sw_pusher_let_go_held(instance);
	sw_pusher_instance_kick(instance);
	sw_loop_arm(instance->pusher->loop, &instance->tick, SW_PUSHER_TICK_MS);
}

/* ---- connections ---- */

static struct sw_pusher_endpoint *find_endpoint(const struct sw_pusher_instance_run *instance,
						const struct sw_endpoint *endpoint)
{
	struct sw_pusher_endpoint *known = instance->endpoints;
	while (known && known->endpoint != endpoint) {
		known = known->next;
	}
	return known;
}

struct sw_pusher_endpoint *sw_pusher_endpoint_of(struct sw_pusher_instance_run *instance,
						 const struct sw_endpoint *endpoint, struct sw_diag *diag_out)
{
	struct sw_pusher_endpoint *known = find_endpoint(instance, endpoint);
	if (known) {
		return known;
	}
	struct sw_h2_pool *h2 = NULL;
	struct sw_http_pool *http = NULL;
	struct sw_mail_pool *mail = NULL;
	uv_loop_t *uv = sw_loop_uv(instance->pusher->loop);
	if (instance->ops->transport == SW_TRANSPORT_H2) {
		h2 = sw_h2_pool_new(uv, endpoint, instance->active_max);
	} else if (instance->ops->transport == SW_TRANSPORT_HTTP) {
		http = sw_http_pool_new(uv, endpoint, instance->active_max);
	} else if (sw_mail_pool_new(uv, endpoint, instance->active_max, &mail, diag_out) != SW_OK) {
		return NULL;
	}
	struct sw_pusher_endpoint *fresh = sw_xcalloc(1, sizeof(*fresh));
	fresh->instance = instance;
	fresh->endpoint = endpoint;
	fresh->h2 = h2;
	fresh->http = http;
	fresh->mail = mail;
	fresh->next = instance->endpoints;
	instance->endpoints = fresh;
	instance->pusher->open_egress++;
	return fresh;
}

/* One that is leaving is the provider's again. */
static void forget(struct sw_pusher_endpoint *endpoint)
{
	struct sw_pusher_instance_run *instance = endpoint->instance;
	struct sw_pusher_endpoint **link = &instance->endpoints;
	while (*link != endpoint) {
		link = &(*link)->next;
	}
	*link = endpoint->next;
	sw_pusher_breakers_free(endpoint);
	instance->ops->endpoint_closed(instance->provider, endpoint->endpoint);
	free(endpoint);
}

static void on_closed(void *ctx)
{
	struct sw_pusher_endpoint *endpoint = ctx;
	struct sw_pusher *pusher = endpoint->instance->pusher;
	if (endpoint->leaving) {
		forget(endpoint);
	}
	pusher->open_egress--;
	sw_pusher_check_drained(pusher);
}

static void close_connections(struct sw_pusher_endpoint *endpoint)
{
	if (endpoint->h2) {
		sw_h2_pool_close(endpoint->h2, on_closed, endpoint);
	} else if (endpoint->http) {
		sw_http_pool_close(endpoint->http, on_closed, endpoint);
	} else {
		sw_mail_pool_close(endpoint->mail, on_closed, endpoint);
	}
}

void sw_pusher_endpoints_let_go(struct sw_pusher_instance_run *instance)
{
	const struct sw_provider_ops *ops = instance->ops;
	const struct sw_endpoint *retired;
	while (ops->endpoint_retired && (retired = ops->endpoint_retired(instance->provider))) {
		struct sw_pusher_endpoint *known = find_endpoint(instance, retired);
		if (known) {
			known->leaving = true;
			close_connections(known);
		} else {
			ops->endpoint_closed(instance->provider, retired); /* nothing was sent to it */
		}
	}
}

/* ---- life ---- */

bool sw_pusher_is_urgent(const struct sw_pusher_job *job)
{
	return job->intake == &job->instance->intakes[SW_JOB_QUEUE_URGENT];
}

static int open_intake(struct sw_pusher_instance_run *instance, enum sw_job_queue queue, struct sw_diag *diag_out)
{
	struct sw_pusher_intake *intake = &instance->intakes[queue];
	size_t concurrency = instance->pusher->config.concurrency;
	intake->instance = instance;
	intake->sending_max = concurrency;
	if (queue == SW_JOB_QUEUE_URGENT) {
		intake->sending_max += concurrency / URGENT_SHARE + 1;
	}
	struct sw_consumer_config config = {
		.prefetch = (uint16_t)instance->active_max,
		.on_delivery = sw_pusher_on_delivery,
		.ctx = intake,
	};
	snprintf(config.queue, sizeof(config.queue), "%s", intake->queue);
	int err = sw_consumer_open(instance->pusher->config.bus, &config, &intake->consumer);
	return err ? sw_diag_set(diag_out, err, "queue %s: %s", intake->queue, sw_err_text(err)) : SW_OK;
}

static int name_queues(struct sw_pusher_instance_run *instance, struct sw_diag *diag_out)
{
	const char *name = instance->config->name;
	for (int i = 0; i < SW_JOB_QUEUES; i++) {
		char *queue = instance->intakes[i].queue;
		if (sw_job_queue_name((enum sw_job_queue)i, sw_bytes_str(name), queue, SW_BUS_NAME_MAX) != SW_OK) {
			return sw_diag_set(diag_out, SW_ECONFIG, "push.%s: expected a name of at most %zu characters",
					   name, SW_BUS_NAME_MAX - sizeof("urgent."));
		}
	}
	return SW_OK;
}

int sw_pusher_instance_open(struct sw_pusher *pusher, struct sw_pusher_instance_run *instance,
			    const struct sw_pusher_instance *config, struct sw_diag *diag_out)
{
	instance->pusher = pusher;
	instance->config = config;
	instance->ops = config->ops;
	instance->turn.run = on_turn;
	instance->tick.fire = on_tick;
	instance->credential.timer.fire = on_credential_timer;
	instance->state.name = config->name;
	pthread_mutex_init(&instance->state_lock, NULL);
	sw_arena_init(&instance->credential.arena);
	/* As many again as may be at the provider: they are read and recorded meanwhile. */
	size_t active_max = (size_t)pusher->config.concurrency * 2;
	instance->active_max = active_max < SW_PUSHER_PREFETCH_MAX ? active_max : SW_PUSHER_PREFETCH_MAX;
	find_metrics(instance);
	int err = name_queues(instance, diag_out);
	err = err ? err : sw_pusher_rates_open(instance, diag_out);
	err = err ? err : config->ops->open(config->config, &instance->provider, diag_out);
	if (!err) {
		sw_pusher_digest_open(instance);
	}
	for (int i = 0; err == SW_OK && i < SW_JOB_QUEUES; i++) {
		err = open_intake(instance, (enum sw_job_queue)i, diag_out);
	}
	return err;
}

void sw_pusher_instance_start(struct sw_pusher_instance_run *instance)
{
	sw_loop_arm(instance->pusher->loop, &instance->tick, 0);
}

void sw_pusher_instance_drain(struct sw_pusher_instance_run *instance)
{
	struct sw_pusher_job *job;
	for (size_t i = 0; i < SW_JOB_QUEUES; i++) {
		while ((job = sw_pusher_list_pop(&instance->intakes[i].ready))) {
			sw_pusher_job_abandon(job);
		}
	}
	for (struct sw_pusher_endpoint *endpoint = instance->endpoints; endpoint; endpoint = endpoint->next) {
		if (!endpoint->leaving) {
			close_connections(endpoint);
		}
	}
	sw_loop_disarm(instance->pusher->loop, &instance->tick);
	sw_loop_disarm(instance->pusher->loop, &instance->credential.timer);
	sw_loop_disarm(instance->pusher->loop, &instance->rates.timer);
}

void sw_pusher_instance_release(struct sw_pusher_instance_run *instance)
{
	if (!instance->pusher) {
		return; /* never opened */
	}
	for (size_t i = 0; i < SW_JOB_QUEUES; i++) {
		sw_pusher_envelopes_free(&instance->intakes[i]);
		sw_consumer_free(instance->intakes[i].consumer);
	}
	while (instance->endpoints) {
		struct sw_pusher_endpoint *endpoint = instance->endpoints;
		instance->endpoints = endpoint->next;
		sw_pusher_breakers_free(endpoint);
		free(endpoint);
	}
	if (instance->provider) {
		instance->ops->close(instance->provider);
	}
	sw_arena_release(&instance->credential.arena);
	sw_pusher_rates_release(instance);
	pthread_mutex_destroy(&instance->state_lock);
}
