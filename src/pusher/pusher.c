/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the parts together, and takes them apart in the order that loses nothing: connections answer, jobs settle, and
 * what is left is given back to the broker by closing its consumers. */
#include "pusher/pusher_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { TASKS_MAX = 65536, STORE_QUEUE_MAX = 16, PUBLISHER_CLOSE_MS = 1000 };

/* ---- the loop's side ---- */

static void on_replies(uv_async_t *wake)
{
	struct sw_pusher *pusher = wake->data;
	struct sw_mail *mail = sw_mailbox_take(&pusher->replies);
	while (mail) {
		struct sw_pusher_batch *batch = (struct sw_pusher_batch *)mail;
		mail = mail->next;
		sw_pusher_batch_replied(batch);
	}
}

static void on_reply_posted(void *ctx)
{
	struct sw_pusher *pusher = ctx;
	uv_async_send(&pusher->replies_wake);
}

void sw_pusher_check_drained(struct sw_pusher *pusher)
{
	if (pusher->phase == SW_PUSHER_RUNNING) {
		return;
	}
	pthread_mutex_lock(&pusher->lock);
	pusher->egress_closed = pusher->open_egress == 0;
	pusher->drained = pusher->egress_closed && pusher->active == 0 && pusher->parcels == 0;
	pthread_cond_broadcast(&pusher->changed);
	pthread_mutex_unlock(&pusher->lock);
}

static void on_curl_closed(void *ctx)
{
	struct sw_pusher *pusher = ctx;
	pusher->open_egress--;
	sw_pusher_check_drained(pusher);
}

static void do_start(struct sw_pusher *pusher)
{
	for (size_t i = 0; i < pusher->instance_count; i++) {
		sw_pusher_instance_start(&pusher->instances[i]);
	}
}

static void do_drain(struct sw_pusher *pusher)
{
	pusher->phase = SW_PUSHER_DRAINING;
	for (size_t i = 0; i < pusher->instance_count; i++) {
		if (pusher->instances[i].pusher) {
			sw_pusher_instance_drain(&pusher->instances[i]);
		}
	}
	sw_pusher_batch_abandon(&pusher->gate);
	sw_pusher_batch_abandon(&pusher->digest);
	if (pusher->curl) {
		sw_curl_loop_close(pusher->curl, on_curl_closed, pusher);
		pusher->curl = NULL;
	}
	sw_pusher_check_drained(pusher);
}

static void do_cut(struct sw_pusher *pusher)
{
	pusher->phase = SW_PUSHER_CUT;
	sw_pusher_batch_abandon(&pusher->gate);
	sw_pusher_batch_abandon(&pusher->digest);
	sw_pusher_batch_abandon(&pusher->settle);
	sw_pusher_parcels_abandon(pusher);
}

static void do_finish(struct sw_pusher *pusher)
{
	on_replies(&pusher->replies_wake);
	sw_pusher_batch_release(&pusher->gate);
	sw_pusher_batch_release(&pusher->digest);
	sw_pusher_batch_release(&pusher->settle);
	for (size_t i = 0; i < pusher->instance_count; i++) {
		sw_turn_cancel(&pusher->instances[i].turn);
	}
	uv_close((uv_handle_t *)&pusher->replies_wake, NULL);
}

struct order {
	struct sw_task task; /* first */
	struct sw_pusher *pusher;
	void (*run)(struct sw_pusher *pusher);
	bool done;
};

static void on_order(struct sw_task *task)
{
	struct order *order = (struct order *)task;
	struct sw_pusher *pusher = order->pusher;
	order->run(pusher);
	pthread_mutex_lock(&pusher->lock);
	order->done = true;
	pthread_cond_broadcast(&pusher->changed);
	pthread_mutex_unlock(&pusher->lock);
}

/* Returns when it has run. Before the loop's start its things belong to the caller. */
static void on_loop(struct sw_pusher *pusher, void (*run)(struct sw_pusher *pusher))
{
	if (!pusher->started) {
		run(pusher);
		return;
	}
	struct order order = {.task.run = on_order, .pusher = pusher, .run = run};
	sw_loop_post_always(pusher->loop, &order.task);
	pthread_mutex_lock(&pusher->lock);
	while (!order.done) {
		pthread_cond_wait(&pusher->changed, &pusher->lock);
	}
	pthread_mutex_unlock(&pusher->lock);
}

/* ---- open ---- */

static void list_push_names(struct sw_pusher *pusher)
{
	pusher->push_names = sw_xcalloc(pusher->config.instance_count + 1, sizeof(*pusher->push_names));
	for (size_t i = 0; i < pusher->config.instance_count; i++) {
		if (!pusher->config.instances[i].ops->fallback_only) {
			pusher->push_names[pusher->push_name_count++] = pusher->config.instances[i].name;
		}
	}
}

static struct sw_pusher *pusher_new(const struct sw_pusher_config *config)
{
	struct sw_pusher *pusher = sw_xcalloc(1, sizeof(*pusher));
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pusher->changed, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&pusher->lock, NULL);
	pusher->config = *config;
	pusher->loop = sw_loop_new("pusher", TASKS_MAX);
	sw_mailbox_init(&pusher->replies, STORE_QUEUE_MAX, on_reply_posted, pusher);
	uv_async_init(sw_loop_uv(pusher->loop), &pusher->replies_wake, on_replies);
	pusher->replies_wake.data = pusher;
	pusher->curl = sw_curl_loop_new(sw_loop_uv(pusher->loop));
	pusher->open_egress = 1;
	sw_pusher_gate_init(pusher);
	sw_pusher_digest_init(pusher);
	sw_pusher_settle_init(pusher);
	list_push_names(pusher);
	pusher->instances = sw_xcalloc(config->instance_count + 1, sizeof(*pusher->instances));
	return pusher;
}

static int start(struct sw_pusher *pusher, struct sw_diag *diag_out)
{
	const struct sw_pusher_config *config = &pusher->config;
	int err = sw_publisher_open(config->bus, "pusher", &pusher->publisher);
	if (err) {
		return sw_diag_set(diag_out, err, "broker: %s", sw_err_text(err));
	}
	pusher->store = sw_pg_pool_open(config->pg, SW_PUSHER_STORE_THREADS, STORE_QUEUE_MAX);
	for (size_t i = 0; i < config->instance_count; i++) {
		pusher->instance_count = i + 1;
		err = sw_pusher_instance_open(pusher, &pusher->instances[i], &config->instances[i], diag_out);
		if (err) {
			return err;
		}
	}
	do_start(pusher);
	err = sw_loop_start(pusher->loop);
	pusher->started = err == SW_OK;
	return err ? sw_diag_set(diag_out, err, "no thread for the pusher") : SW_OK;
}

int sw_pusher_open(const struct sw_pusher_config *config, struct sw_pusher **out, struct sw_diag *diag_out)
{
	*out = NULL;
	bool limited = true;
	for (int i = 0; i < SW_JOB_CLASSES; i++) {
		limited &= config->classes[i].attempts_max > 0 && config->classes[i].age_max_ms > 0;
	}
	if (config->mailbox_queues == 0 || !limited || config->concurrency == 0 || config->breaker.failures == 0 ||
	    config->breaker.pause_ms <= 0) {
		return sw_diag_set(
			diag_out, SW_EINVAL,
			"pusher: expected queues, attempts, concurrency, age, failures and pause of at least 1");
	}
	struct sw_pusher *pusher = pusher_new(config);
	int err = start(pusher, diag_out);
	if (err) {
		sw_pusher_close(pusher, sw_clock_mono_ms());
		return err;
	}
	*out = pusher;
	return SW_OK;
}

/* ---- while it runs ---- */

struct reload {
	struct sw_task task; /* first */
	struct sw_pusher *pusher;
};

static void reload_one(struct sw_pusher_instance_run *instance)
{
	struct sw_diag diag = {""};
	int err = instance->ops->reload(instance->provider, &diag);
	if (err) {
		SW_LOG(ERROR, "pusher.reload_failed", SW_F_STR("instance", instance->config->name), SW_F_ERR(err),
		       SW_F_STR("reason", diag.text));
		return;
	}
	SW_LOG(INFO, "pusher.reloaded", SW_F_STR("instance", instance->config->name));
	sw_pusher_credential_reloaded(instance);
	sw_pusher_instance_kick(instance);
}

static void on_reload(struct sw_task *task)
{
	struct reload *reload = (struct reload *)task;
	struct sw_pusher *pusher = reload->pusher;
	free(reload);
	for (size_t i = 0; i < pusher->instance_count; i++) {
		reload_one(&pusher->instances[i]);
	}
}

void sw_pusher_reload(struct sw_pusher *pusher)
{
	struct reload *reload = sw_xcalloc(1, sizeof(*reload));
	reload->task.run = on_reload;
	reload->pusher = pusher;
	sw_loop_post_always(pusher->loop, &reload->task);
}

struct sw_pusher_state sw_pusher_state(struct sw_pusher *pusher)
{
	return (struct sw_pusher_state){.store_connected = sw_pg_pool_ready(pusher->store),
					.publisher = sw_publisher_state(pusher->publisher)};
}

size_t sw_pusher_instance_count(const struct sw_pusher *pusher)
{
	return pusher->instance_count;
}

struct sw_pusher_instance_state sw_pusher_instance_state(struct sw_pusher *pusher, size_t index)
{
	struct sw_pusher_instance_run *instance = &pusher->instances[index];
	pthread_mutex_lock(&instance->state_lock);
	struct sw_pusher_instance_state state = instance->state;
	pthread_mutex_unlock(&instance->state_lock);
	state.consumer = sw_consumer_state(instance->intakes[SW_JOB_QUEUE_NORMAL].consumer);
	struct sw_link_state urgent = sw_consumer_state(instance->intakes[SW_JOB_QUEUE_URGENT].consumer);
	if (!urgent.connected) {
		state.consumer = urgent;
	}
	return state;
}

/* ---- close ---- */

static void wait_for(struct sw_pusher *pusher, const bool *flag, int64_t deadline_mono_ms)
{
	struct timespec at = {.tv_sec = deadline_mono_ms / 1000, .tv_nsec = deadline_mono_ms % 1000 * 1000000};
	pthread_mutex_lock(&pusher->lock);
	while (pusher->started && !*flag && pthread_cond_timedwait(&pusher->changed, &pusher->lock, &at) != ETIMEDOUT) {
	}
	pthread_mutex_unlock(&pusher->lock);
}

/* Connections end on the loop; one that was never started is turned here. */
static void await_egress(struct sw_pusher *pusher)
{
	while (!pusher->started && pusher->open_egress) {
		uv_run(sw_loop_uv(pusher->loop), UV_RUN_ONCE);
	}
	wait_for(pusher, &pusher->egress_closed, INT64_MAX / 2);
}

static void each_consumer(struct sw_pusher *pusher, void (*stop)(struct sw_consumer *consumer))
{
	for (size_t i = 0; i < pusher->instance_count * SW_JOB_QUEUES; i++) {
		struct sw_consumer *consumer = pusher->instances[i / SW_JOB_QUEUES].intakes[i % SW_JOB_QUEUES].consumer;
		if (consumer) {
			stop(consumer);
		}
	}
}

static void release(struct sw_pusher *pusher)
{
	for (size_t i = 0; i < pusher->instance_count; i++) {
		sw_pusher_instance_release(&pusher->instances[i]);
	}
	sw_mailbox_release(&pusher->replies);
	pthread_cond_destroy(&pusher->changed);
	pthread_mutex_destroy(&pusher->lock);
	free(pusher->push_names);
	free(pusher->instances);
	free(pusher);
}

void sw_pusher_close(struct sw_pusher *pusher, int64_t drain_deadline_mono_ms)
{
	if (!pusher) {
		return;
	}
	on_loop(pusher, do_drain);
	wait_for(pusher, &pusher->drained, drain_deadline_mono_ms);
	on_loop(pusher, do_cut);
	each_consumer(pusher, sw_consumer_stop_soon);
	each_consumer(pusher, sw_consumer_stop);
	await_egress(pusher);
	sw_pg_pool_close(pusher->store);
	sw_publisher_close(pusher->publisher, sw_clock_mono_ms() + PUBLISHER_CLOSE_MS);
	on_loop(pusher, do_finish);
	if (pusher->started) {
		sw_loop_stop(pusher->loop);
		sw_loop_join(pusher->loop);
	}
	sw_loop_free(pusher->loop);
	release(pusher);
}
