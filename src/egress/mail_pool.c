/* SPDX-License-Identifier: Apache-2.0 */
/* The mail client's queue and worker threads. A worker has at most one job; jobs go there and come back through
 * mailboxes, everything else belongs to the loop's thread. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <surewire/clock.h>
#include <surewire/mem.h>

#include "egress/host_int.h"
#include "egress/mail_int.h"

struct worker {
	struct sw_mail goodbye; /* first: posted once, when the thread ends */
	struct sw_mail_pool *pool;
	pthread_t thread;
	struct sw_mailbox box;
	bool started;
	bool busy;
};

struct sw_mail_pool {
	uv_loop_t *loop;
	const struct sw_endpoint *endpoint;
	uv_async_t wake;
	uv_timer_t timer;
	struct sw_mailbox back; /* jobs that ended, workers that left */
	struct worker workers[SW_MAIL_CONNECTIONS_MAX];
	size_t workers_max;
	size_t workers_running;
	size_t in_flight;
	struct mail_job *queue_first;
	struct mail_job **queue_last;
	size_t queued;
	size_t queue_max;
	atomic_bool abort_flag;
	bool closing;
	bool stopping;
	bool handles_closing;
	int64_t grace_ms;
	int handles;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void turn(struct sw_mail_pool *pool);

static void *worker_main(void *ctx)
{
	struct worker *worker = ctx;
	struct sw_mail_pool *pool = worker->pool;
	struct sw_mail_dialogue *dialogue = sw_mail_dialogue_new(pool->endpoint, &pool->abort_flag);
	struct sw_mail *mail;
	/* NULL: the box was closed. */
	while ((mail = sw_mailbox_wait(&worker->box, INT64_MAX)) != NULL) {
		struct mail_job *job = (struct mail_job *)mail;
		sw_mail_dialogue_run(dialogue, job);
		(void)sw_mailbox_post_always(&pool->back, &job->mail);
	}
	sw_mail_dialogue_free(dialogue);
	(void)sw_mailbox_post_always(&pool->back, &worker->goodbye);
	return NULL;
}

static void on_async(uv_async_t *async)
{
	turn(async->data);
}

static void on_timer(uv_timer_t *timer)
{
	turn(timer->data);
}

static void wake_loop(void *ctx)
{
	struct sw_mail_pool *pool = ctx;
	(void)uv_async_send(&pool->wake);
}

int sw_mail_pool_new(uv_loop_t *loop, const struct sw_endpoint *endpoint, size_t queue_max,
		     struct sw_mail_pool **pool_out, struct sw_diag *diag_out)
{
	if (endpoint->mail_tls == SW_MAIL_PLAIN && !sw_host_is_loopback(endpoint->host)) {
		return sw_diag_set(diag_out, SW_ECONFIG, "mail without TLS is allowed towards loopback only, not %s",
				   endpoint->host);
	}
	struct sw_mail_pool *pool = sw_xcalloc(1, sizeof(*pool));
	pool->loop = loop;
	pool->endpoint = endpoint;
	pool->queue_max = queue_max;
	pool->queue_last = &pool->queue_first;
	pool->workers_max = endpoint->connections_max > 1 ? (size_t)endpoint->connections_max : 1;
	if (pool->workers_max > SW_MAIL_CONNECTIONS_MAX) {
		pool->workers_max = SW_MAIL_CONNECTIONS_MAX;
	}
	if (uv_async_init(loop, &pool->wake, on_async) != 0) {
		free(pool);
		return sw_diag_set(diag_out, SW_EIO, "cannot create a wake-up for the mail threads");
	}
	pool->wake.data = pool;
	uv_timer_init(loop, &pool->timer);
	pool->timer.data = pool;
	pool->handles = 2;
	/* Room for every job and every goodbye; posts are never refused before the close. */
	sw_mailbox_init(&pool->back, (size_t)2 * SW_MAIL_CONNECTIONS_MAX, wake_loop, pool);
	*pool_out = pool;
	return SW_OK;
}

static struct worker *start_worker(struct sw_mail_pool *pool, struct worker *worker)
{
	worker->pool = pool;
	sw_mailbox_init(&worker->box, 1, NULL, NULL);
	if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
		sw_mailbox_release(&worker->box);
		return NULL;
	}
	worker->started = true;
	pool->workers_running++;
	return worker;
}

/* One that waits, else a new one, else NULL. Those that ran before come first: they may have a connection. */
static struct worker *idle_worker(struct sw_mail_pool *pool)
{
	for (size_t i = 0; i < pool->workers_max; i++) {
		struct worker *worker = &pool->workers[i];
		if (worker->started && !worker->busy) {
			return worker;
		}
		if (!worker->started) {
			return start_worker(pool, worker);
		}
	}
	return NULL;
}

static struct mail_job *pop(struct sw_mail_pool *pool)
{
	struct mail_job *job = pool->queue_first;
	pool->queue_first = job->next;
	if (pool->queue_first == NULL) {
		pool->queue_last = &pool->queue_first;
	}
	pool->queued--;
	return job;
}

static void tell(struct mail_job *job)
{
	job->result.detail = job->detail;
	job->call->done(job->call, &job->result);
	sw_mail_job_free(job);
}

static void tell_unsent(struct mail_job *job, const char *detail)
{
	job->result.end = SW_MAIL_UNSENT;
	job->result.duration_ms = sw_clock_mono_ms() - job->accepted_ms;
	snprintf(job->detail, sizeof(job->detail), "%s", detail);
	tell(job);
}

static void assign(struct sw_mail_pool *pool)
{
	struct worker *worker;
	while (pool->queue_first != NULL && (worker = idle_worker(pool)) != NULL) {
		struct mail_job *job = pop(pool);
		worker->busy = true;
		job->worker = worker;
		pool->in_flight++;
		(void)sw_mailbox_post_always(&worker->box, &job->mail);
	}
}

static struct worker *goodbye_of(struct sw_mail_pool *pool, const struct sw_mail *mail)
{
	for (size_t i = 0; i < pool->workers_max; i++) {
		if (&pool->workers[i].goodbye == mail) {
			return &pool->workers[i];
		}
	}
	return NULL;
}

static void take_back(struct sw_mail_pool *pool)
{
	struct sw_mail *mail = sw_mailbox_take(&pool->back);
	while (mail != NULL) {
		struct sw_mail *next = mail->next;
		struct worker *left = goodbye_of(pool, mail);
		if (left != NULL) {
			(void)pthread_join(left->thread, NULL); /* at its last instruction */
			sw_mailbox_release(&left->box);
			pool->workers_running--;
		} else {
			struct mail_job *job = (struct mail_job *)mail;
			((struct worker *)job->worker)->busy = false;
			pool->in_flight--;
			tell(job);
		}
		mail = next;
	}
}

static void expire(struct sw_mail_pool *pool, int64_t now_ms)
{
	int timeout_ms = sw_mail_answer_timeout_ms(pool->endpoint);
	while (pool->queue_first != NULL && (pool->closing || pool->queue_first->accepted_ms + timeout_ms <= now_ms)) {
		tell_unsent(pop(pool), pool->closing ? "closing" : "no free connection in time");
	}
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct sw_mail_pool *pool = handle->data;
	if (--pool->handles > 0) {
		return;
	}
	sw_mailbox_release(&pool->back);
	if (pool->closed != NULL) {
		pool->closed(pool->closed_ctx);
	}
	free(pool);
}

static void stop_workers(struct sw_mail_pool *pool)
{
	pool->stopping = true;
	for (size_t i = 0; i < pool->workers_max; i++) {
		if (pool->workers[i].started) {
			sw_mailbox_close(&pool->workers[i].box);
		}
	}
}

static void wind_down(struct sw_mail_pool *pool, int64_t now_ms)
{
	if (now_ms >= pool->grace_ms) {
		atomic_store(&pool->abort_flag, true);
	}
	if (pool->in_flight == 0 && !pool->stopping) {
		stop_workers(pool);
	}
	if (pool->stopping && pool->workers_running == 0 && !pool->handles_closing) {
		pool->handles_closing = true;
		uv_close((uv_handle_t *)&pool->wake, on_handle_closed);
		uv_close((uv_handle_t *)&pool->timer, on_handle_closed);
	}
}

static void arm(struct sw_mail_pool *pool, int64_t now_ms)
{
	int64_t next_ms = INT64_MAX;
	if (pool->closing && !atomic_load(&pool->abort_flag)) {
		next_ms = pool->grace_ms;
	} else if (pool->queue_first != NULL) {
		next_ms = pool->queue_first->accepted_ms + sw_mail_answer_timeout_ms(pool->endpoint);
	}
	if (next_ms == INT64_MAX) {
		uv_timer_stop(&pool->timer);
		return;
	}
	uv_update_time(pool->loop);
	uv_timer_start(&pool->timer, on_timer, next_ms > now_ms ? (uint64_t)(next_ms - now_ms) : 1, 0);
}

static void turn(struct sw_mail_pool *pool)
{
	int64_t now_ms = sw_clock_mono_ms();
	take_back(pool);
	expire(pool, now_ms);
	if (pool->closing) {
		wind_down(pool, now_ms);
	} else {
		assign(pool);
	}
	if (!pool->handles_closing) {
		arm(pool, now_ms);
	}
}

int sw_mail_send(struct sw_mail_pool *pool, struct sw_mail_call *call, struct sw_diag *diag_out)
{
	if (pool->closing) {
		return sw_diag_set(diag_out, SW_ECLOSED, "closing");
	}
	if (pool->queued >= pool->queue_max) {
		return sw_diag_set(diag_out, SW_EBUSY, "%zu mails wait already", pool->queued);
	}
	struct mail_job *job;
	int err = sw_mail_job_new(pool->endpoint, call, &job, diag_out);
	if (err != SW_OK) {
		return err;
	}
	*pool->queue_last = job;
	pool->queue_last = &job->next;
	pool->queued++;
	assign(pool);
	if (!uv_is_active((uv_handle_t *)&pool->timer)) {
		arm(pool, job->accepted_ms);
	}
	return SW_OK;
}

size_t sw_mail_in_flight(const struct sw_mail_pool *pool)
{
	return pool->in_flight;
}

size_t sw_mail_queued(const struct sw_mail_pool *pool)
{
	return pool->queued;
}

void sw_mail_pool_close(struct sw_mail_pool *pool, void (*closed)(void *ctx), void *ctx)
{
	pool->closing = true;
	pool->closed = closed;
	pool->closed_ctx = ctx;
	pool->grace_ms = sw_clock_mono_ms() + SW_MAIL_CLOSE_GRACE_MS;
	(void)uv_async_send(&pool->wake);
}

const char *sw_mail_end_name(enum sw_mail_end end)
{
	switch (end) {
	case SW_MAIL_ANSWERED:
		return "answered";
	case SW_MAIL_UNSENT:
		return "unsent";
	case SW_MAIL_UNKNOWN:
		return "unknown";
	case SW_MAIL_CONNECT_FAILED:
		return "connect_failed";
	}
	return "?";
}
