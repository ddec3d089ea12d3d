/* SPDX-License-Identifier: Apache-2.0 */
/* Workers take from one queue, so that a slow job holds up nobody else's; a mailbox has one taker, hence the list here.
 * A worker takes a job only while connected. One more thread watches deadlines, because all workers may be busy or
 * waiting for a server that is away. */
#include "store/pool.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include "base/metrics.h"
#include "base/rng.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { BACKOFF_MIN_MS = 100, BACKOFF_MAX_MS = 2000, IDLE_CHECK_MS = 1000 };

struct sw_pg_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;     /* for workers: a job is there, or closing */
	pthread_cond_t deadline; /* for the watcher: an earlier deadline, or closing */
	pthread_cond_t close;    /* for workers that back off; apart from work, whose signals they would swallow */
	struct sw_mail *first;
	struct sw_mail **last;
	size_t count;
	size_t max;
	int64_t watched_ms; /* the watcher sleeps until then */
	unsigned connected;
	bool told; /* that the store is away: one line a time, not one a try and thread */
	bool closing;

	struct sw_metric *waiting;
	struct sw_metric *unavailable;
	pthread_t watcher;
	unsigned worker_count;
	struct worker *workers;
};

struct worker {
	struct sw_pg_pool *pool;
	struct sw_pg *pg;
	pthread_t thread;
	bool counted; /* in pool->connected */
	int backoff_ms;
};

static struct sw_pg_job *job_of(struct sw_mail *mail)
{
	return (struct sw_pg_job *)mail; /* mail is the first member */
}

static void reply(struct sw_pg_job *job, int error)
{
	job->error = error;
	if (!sw_mailbox_post_always(job->reply_to, &job->mail)) {
		SW_LOG(ERROR, "store.reply_lost", SW_F_ERR(error));
	}
}

/* Sleeps on cond until the monotonic deadline at the latest. */
static void wait_until(struct sw_pg_pool *pool, pthread_cond_t *cond, int64_t deadline_mono_ms)
{
	struct timespec at = {.tv_sec = deadline_mono_ms / 1000, .tv_nsec = deadline_mono_ms % 1000 * 1000000};
	pthread_cond_timedwait(cond, &pool->lock, &at);
}

static void unlink_job(struct sw_pg_pool *pool, struct sw_mail **at)
{
	struct sw_mail *mail = *at;
	*at = mail->next;
	if (!*at) {
		pool->last = at;
	}
	pool->count--;
	sw_metric_add(pool->waiting, -1);
}

/* Unlinks the jobs whose deadline is not after now_ms; gives them as a list, and the earliest deadline left. */
static struct sw_mail *take_expired(struct sw_pg_pool *pool, int64_t now_ms, int64_t *next_ms_out)
{
	struct sw_mail *expired = NULL;
	struct sw_mail **end = &expired;
	*next_ms_out = now_ms + 60000;
	for (struct sw_mail **at = &pool->first; *at;) {
		struct sw_mail *mail = *at;
		int64_t deadline_ms = job_of(mail)->deadline_mono_ms;
		if (deadline_ms <= now_ms) {
			unlink_job(pool, at);
			mail->next = NULL;
			*end = mail;
			end = &mail->next;
			continue;
		}
		*next_ms_out = deadline_ms < *next_ms_out ? deadline_ms : *next_ms_out;
		at = &mail->next;
	}
	return expired;
}

static void refuse_all(struct sw_pg_pool *pool, struct sw_mail *list)
{
	while (list) {
		struct sw_mail *mail = list;
		list = list->next;
		sw_metric_add(pool->unavailable, 1);
		reply(job_of(mail), SW_EUNAVAILABLE);
	}
}

static void *watcher_main(void *arg)
{
	struct sw_pg_pool *pool = arg;
	pthread_mutex_lock(&pool->lock);
	while (!pool->closing) {
		struct sw_mail *expired = take_expired(pool, sw_clock_mono_ms(), &pool->watched_ms);
		if (!expired) {
			wait_until(pool, &pool->deadline, pool->watched_ms);
			continue;
		}
		pthread_mutex_unlock(&pool->lock);
		refuse_all(pool, expired);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* With the lock held. err and diag are of the last attempt to connect. */
static void note_state(struct worker *w, int err, const struct sw_diag *diag)
{
	struct sw_pg_pool *pool = w->pool;
	bool connected = sw_pg_connected(w->pg);
	if (connected != w->counted) {
		pool->connected += connected ? 1U : -1U;
		w->counted = connected;
	}
	if (err != SW_OK && pool->connected == 0 && !pool->told) {
		SW_LOG(WARN, "store.away", SW_F_ERR(err), SW_F_STR("reason", diag->text));
		pool->told = true;
	} else if (connected && pool->told) {
		SW_LOG(INFO, "store.back", SW_F_U64("waiting", pool->count));
		pool->told = false;
	}
}

/* With the lock held: sleeps for the backoff, with jitter, unless the pool closes. */
static void back_off(struct worker *w)
{
	int64_t until_ms = sw_clock_mono_ms() + w->backoff_ms / 2 + (int64_t)sw_rng_below((uint64_t)w->backoff_ms);
	while (!w->pool->closing && sw_clock_mono_ms() < until_ms) {
		wait_until(w->pool, &w->pool->close, until_ms);
	}
	w->backoff_ms = w->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : w->backoff_ms * 2;
}

/* With the lock held on entry and return, not between: connects, or sees that a connection died while idle, so that
 * ready() tells the truth. */
static bool ensure_connected(struct worker *w)
{
	struct sw_diag diag = {0};
	pthread_mutex_unlock(&w->pool->lock);
	int err = sw_pg_connect(w->pg, INT64_MAX, &diag); /* bounded by connect_timeout_ms */
	pthread_mutex_lock(&w->pool->lock);
	note_state(w, err, &diag);
	if (err != SW_OK) {
		/* The wake-up that brought us here may be meant for somebody who has a connection. */
		pthread_cond_signal(&w->pool->work);
		return false;
	}
	w->backoff_ms = BACKOFF_MIN_MS;
	return true;
}

/* Without the lock. */
static void run_job(struct worker *w, struct sw_pg_job *job)
{
	if (job->deadline_mono_ms <= sw_clock_mono_ms()) {
		sw_metric_add(w->pool->unavailable, 1);
		reply(job, SW_EUNAVAILABLE);
		return;
	}
	job->run(job, w->pg);
	reply(job, SW_OK);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct sw_pg_pool *pool = w->pool;
	pthread_mutex_lock(&pool->lock);
	while (!pool->closing) {
		if (!ensure_connected(w)) {
			back_off(w);
		} else if (!pool->first && !pool->closing) {
			wait_until(pool, &pool->work, sw_clock_mono_ms() + IDLE_CHECK_MS);
		} else if (!pool->closing) {
			struct sw_mail *mail = pool->first;
			unlink_job(pool, &pool->first);
			pthread_mutex_unlock(&pool->lock);
			run_job(w, job_of(mail));
			pthread_mutex_lock(&pool->lock);
			note_state(w, SW_OK, NULL);
		}
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

static void start_thread(pthread_t *thread, void *(*main)(void *), void *arg)
{
	if (pthread_create(thread, NULL, main, arg) != 0) {
		SW_LOG(ERROR, "store.no_thread", SW_F_STR("reason", "pthread_create failed"));
		abort();
	}
}

struct sw_pg_pool *sw_pg_pool_open(const struct sw_pg_config *config, unsigned threads, size_t queue_max)
{
	assert(threads >= 1);
	struct sw_pg_pool *pool = sw_xcalloc(1, sizeof(*pool));
	pthread_mutex_init(&pool->lock, NULL);
	init_cond(&pool->work);
	init_cond(&pool->deadline);
	init_cond(&pool->close);
	pool->last = &pool->first;
	pool->max = queue_max;
	pool->waiting = sw_metric_gauge("surewire_store_pool_waiting", NULL, "Store jobs that wait for a thread.");
	pool->unavailable = sw_metric_counter("surewire_store_pool_unavailable_total", NULL,
					      "Store jobs given back without being run.");
	pool->worker_count = threads;
	pool->workers = sw_xcalloc(threads, sizeof(*pool->workers));
	start_thread(&pool->watcher, watcher_main, pool);
	for (unsigned i = 0; i < threads; i++) {
		struct worker *w = &pool->workers[i];
		w->pool = pool;
		w->pg = sw_pg_new(config);
		w->backoff_ms = BACKOFF_MIN_MS;
		start_thread(&w->thread, worker_main, w);
	}
	return pool;
}

int sw_pg_pool_submit(struct sw_pg_pool *pool, struct sw_pg_job *job)
{
	pthread_mutex_lock(&pool->lock);
	bool taken = pool->count < pool->max;
	if (taken) {
		job->mail.next = NULL;
		*pool->last = &job->mail;
		pool->last = &job->mail.next;
		pool->count++;
		sw_metric_add(pool->waiting, 1);
		pthread_cond_signal(&pool->work);
		if (job->deadline_mono_ms < pool->watched_ms) {
			pthread_cond_signal(&pool->deadline);
		}
	}
	pthread_mutex_unlock(&pool->lock);
	return taken ? SW_OK : SW_EBUSY;
}

bool sw_pg_pool_ready(struct sw_pg_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool ready = pool->connected > 0;
	pthread_mutex_unlock(&pool->lock);
	return ready;
}

void sw_pg_pool_close(struct sw_pg_pool *pool)
{
	if (!pool) {
		return;
	}
	pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	pthread_cond_broadcast(&pool->work);
	pthread_cond_broadcast(&pool->deadline);
	pthread_cond_broadcast(&pool->close);
	pthread_mutex_unlock(&pool->lock);
	pthread_join(pool->watcher, NULL);
	for (unsigned i = 0; i < pool->worker_count; i++) {
		pthread_join(pool->workers[i].thread, NULL);
		sw_pg_free(pool->workers[i].pg);
	}
	sw_metric_add(pool->waiting, -(int64_t)pool->count);
	refuse_all(pool, pool->first);
	pthread_cond_destroy(&pool->close);
	pthread_cond_destroy(&pool->deadline);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool->workers);
	free(pool);
}
