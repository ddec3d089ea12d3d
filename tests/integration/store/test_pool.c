/* SPDX-License-Identifier: Apache-2.0 */
/* The pool on a real server behind a relay: every job comes back exactly once, whatever happens to the server. */
#include "fixture.h"
#include "proxy.h"

#include "store/pool.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct pool {
	struct fixture *f;
	struct proxy *proxy;
	char url[600]; /* through the proxy */
	struct sw_mailbox replies;
	sem_t entered; /* posted by blocking jobs when they run */
	sem_t leave;
};

struct job {
	struct sw_pg_job base; /* first */
	struct pool *owner;
	int64_t value;
	int64_t result;
	int run_error;
	int runs;
};

static int setup(void **state)
{
	struct pool *p = sw_xcalloc(1, sizeof(*p));
	void *f = NULL;
	if (fixture_setup(&f) != 0) {
		free(p);
		return -1;
	}
	p->f = f;
	p->proxy = proxy_open(PQhost(p->f->admin->conn), PQport(p->f->admin->conn));
	char parameter[64];
	snprintf(parameter, sizeof(parameter), "host=127.0.0.1&port=%d", proxy_port(p->proxy));
	fixture_url_with(p->url, sizeof(p->url), p->f->url, parameter);
	sw_mailbox_init(&p->replies, 1, NULL, NULL);
	sem_init(&p->entered, 0, 0);
	sem_init(&p->leave, 0, 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pool *p = *state;
	void *f = p->f;
	proxy_close(p->proxy);
	sw_mailbox_release(&p->replies);
	sem_destroy(&p->entered);
	sem_destroy(&p->leave);
	free(p);
	return fixture_teardown(&f);
}

static struct sw_pg_pool *open_pool(struct pool *p, unsigned threads, size_t queue_max)
{
	const struct sw_pg_config config = {.url = p->url, .connect_timeout_ms = 5000};
	return sw_pg_pool_open(&config, threads, queue_max);
}

static void run_ping(struct sw_pg_job *base, struct sw_pg *pg)
{
	struct job *job = (struct job *)base;
	job->runs++;
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_HEALTH_PING, NULL);
	job->run_error = sw_pg_run(pg, base->deadline_mono_ms, NULL);
	if (job->run_error == SW_OK) {
		job->result = job->value + sw_pg_i32(sw_pg_result(pg, 0), 0, 0);
	}
}

static void run_blocking(struct sw_pg_job *base, struct sw_pg *pg)
{
	struct job *job = (struct job *)base;
	(void)pg;
	job->runs++;
	sem_post(&job->owner->entered);
	sem_wait(&job->owner->leave);
}

static struct job make_job(struct pool *p, int64_t deadline_mono_ms)
{
	return (struct job){
		.base = {.run = run_ping, .reply_to = &p->replies, .deadline_mono_ms = deadline_mono_ms, .error = 1},
		.owner = p,
	};
}

/* Waits until n jobs came back. */
static void await(struct pool *p, int n)
{
	while (n > 0) {
		struct sw_mail *mail = sw_mailbox_wait(&p->replies, fixture_deadline());
		assert_non_null(mail);
		for (; mail; mail = mail->next) {
			n--;
		}
	}
	assert_int_equal(n, 0);
}

static void await_ready(struct sw_pg_pool *pool, bool ready)
{
	int64_t deadline_ms = fixture_deadline();
	while (sw_pg_pool_ready(pool) != ready) {
		assert_true(sw_clock_mono_ms() < deadline_ms);
		nanosleep(&(const struct timespec){.tv_nsec = 10000000}, NULL);
	}
}

static void sw_pg_pool__many_jobs__each_runs_once(void **state)
{
	struct pool *p = *state;
	enum { N = 200 };
	static struct job jobs[N];
	proxy_up(p->proxy);
	struct sw_pg_pool *pool = open_pool(p, 3, N);
	for (int i = 0; i < N; i++) {
		jobs[i] = make_job(p, fixture_deadline());
		jobs[i].value = i;
		assert_int_equal(sw_pg_pool_submit(pool, &jobs[i].base), SW_OK);
	}
	await(p, N);
	assert_true(sw_pg_pool_ready(pool));
	for (int i = 0; i < N; i++) {
		assert_int_equal(jobs[i].base.error, SW_OK);
		assert_int_equal(jobs[i].run_error, SW_OK);
		assert_int_equal(jobs[i].runs, 1);
		assert_int_equal(jobs[i].result, i + 1);
	}
	sw_pg_pool_close(pool);
}

static void sw_pg_pool_submit__queue_full__busy_and_untouched(void **state)
{
	struct pool *p = *state;
	proxy_up(p->proxy);
	struct sw_pg_pool *pool = open_pool(p, 1, 2);
	struct job blocking = make_job(p, fixture_deadline());
	blocking.base.run = run_blocking;
	struct job jobs[3];
	assert_int_equal(sw_pg_pool_submit(pool, &blocking.base), SW_OK);
	sem_wait(&p->entered);
	for (int i = 0; i < 3; i++) {
		jobs[i] = make_job(p, fixture_deadline());
		assert_int_equal(sw_pg_pool_submit(pool, &jobs[i].base), i < 2 ? SW_OK : SW_EBUSY);
	}
	sem_post(&p->leave);
	await(p, 3);
	assert_int_equal(jobs[1].run_error, SW_OK);
	assert_int_equal(jobs[2].base.error, 1);
	assert_int_equal(sw_pg_pool_submit(pool, &jobs[2].base), SW_OK);
	await(p, 1);
	assert_int_equal(jobs[2].runs, 1);
	sw_pg_pool_close(pool);
}

static void sw_pg_pool__all_threads_busy__waiting_job_back_at_its_deadline(void **state)
{
	struct pool *p = *state;
	proxy_up(p->proxy);
	struct sw_pg_pool *pool = open_pool(p, 1, 10);
	struct job blocking = make_job(p, fixture_deadline());
	blocking.base.run = run_blocking;
	assert_int_equal(sw_pg_pool_submit(pool, &blocking.base), SW_OK);
	sem_wait(&p->entered);
	struct job late = make_job(p, fixture_deadline());
	struct job early = make_job(p, sw_clock_mono_ms() + 50);
	assert_int_equal(sw_pg_pool_submit(pool, &late.base), SW_OK);
	assert_int_equal(sw_pg_pool_submit(pool, &early.base), SW_OK);
	await(p, 1);
	assert_int_equal(early.base.error, SW_EUNAVAILABLE);
	assert_int_equal(early.runs, 0);
	sem_post(&p->leave);
	await(p, 2);
	assert_int_equal(late.base.error, SW_OK);
	sw_pg_pool_close(pool);
}

static void sw_pg_pool__database_away__unavailable_then_heals(void **state)
{
	struct pool *p = *state;
	struct sw_pg_pool *pool = open_pool(p, 2, 10);
	struct job job = make_job(p, sw_clock_mono_ms() + 200);
	assert_int_equal(sw_pg_pool_submit(pool, &job.base), SW_OK);
	await(p, 1);
	assert_int_equal(job.base.error, SW_EUNAVAILABLE);
	assert_int_equal(job.runs, 0);
	assert_false(sw_pg_pool_ready(pool));

	/* A job with patience is done once the server is there. */
	struct job patient = make_job(p, fixture_deadline());
	assert_int_equal(sw_pg_pool_submit(pool, &patient.base), SW_OK);
	proxy_up(p->proxy);
	await(p, 1);
	assert_int_equal(patient.base.error, SW_OK);
	assert_int_equal(patient.run_error, SW_OK);
	assert_true(sw_pg_pool_ready(pool));

	/* Away again: noticed without any job, and healed. */
	proxy_down(p->proxy);
	await_ready(pool, false);
	job = make_job(p, sw_clock_mono_ms() + 50);
	assert_int_equal(sw_pg_pool_submit(pool, &job.base), SW_OK);
	await(p, 1);
	assert_int_equal(job.base.error, SW_EUNAVAILABLE);
	proxy_up(p->proxy);
	await_ready(pool, true);
	job = make_job(p, fixture_deadline());
	assert_int_equal(sw_pg_pool_submit(pool, &job.base), SW_OK);
	await(p, 1);
	assert_int_equal(job.run_error, SW_OK);
	sw_pg_pool_close(pool);
}

static void sw_pg_pool__connections_cut_while_idle__next_job_has_a_new_one(void **state)
{
	struct pool *p = *state;
	proxy_up(p->proxy);
	struct sw_pg_pool *pool = open_pool(p, 1, 10);
	await_ready(pool, true);
	for (int i = 0; i < 3; i++) {
		proxy_down(p->proxy);
		proxy_up(p->proxy);
		struct job job = make_job(p, fixture_deadline());
		assert_int_equal(sw_pg_pool_submit(pool, &job.base), SW_OK);
		await(p, 1);
		assert_int_equal(job.base.error, SW_OK);
		assert_int_equal(job.run_error, SW_OK);
	}
	sw_pg_pool_close(pool);
}

static void sw_pg_pool_close__jobs_waiting__given_back(void **state)
{
	struct pool *p = *state;
	struct sw_pg_pool *pool = open_pool(p, 2, 10);
	struct job jobs[3];
	for (int i = 0; i < 3; i++) {
		jobs[i] = make_job(p, fixture_deadline());
		assert_int_equal(sw_pg_pool_submit(pool, &jobs[i].base), SW_OK);
	}
	sw_pg_pool_close(pool);
	await(p, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(jobs[i].base.error, SW_EUNAVAILABLE);
		assert_int_equal(jobs[i].runs, 0);
	}
	sw_pg_pool_close(NULL);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		ROW(sw_pg_pool__many_jobs__each_runs_once),
		ROW(sw_pg_pool_submit__queue_full__busy_and_untouched),
		ROW(sw_pg_pool__all_threads_busy__waiting_job_back_at_its_deadline),
		ROW(sw_pg_pool__database_away__unavailable_then_heals),
		ROW(sw_pg_pool__connections_cut_while_idle__next_job_has_a_new_one),
		ROW(sw_pg_pool_close__jobs_waiting__given_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
