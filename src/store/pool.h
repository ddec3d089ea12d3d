/* SPDX-License-Identifier: Apache-2.0 */
/* Threads with a connection each, that run blocking store work for event loops. A job is given away with submit and
 * comes back through its mailbox exactly once, run or not. Threads reconnect on their own, with backoff; while none is
 * connected, jobs wait until their deadline. It does not repeat a job that failed. */
#ifndef SW_STORE_POOL_H
#define SW_STORE_POOL_H

#include "loop/mailbox.h"
#include "store/pg.h"

struct sw_pg_pool;

struct sw_pg_job {
	struct sw_mail mail; /* first: the reply is this */
	/* Pool thread; pg is connected. Its own result goes into the struct around the job. It must bound its own
	 * statements, usually with deadline_mono_ms. */
	void (*run)(struct sw_pg_job *job, struct sw_pg *pg);
	/* Set by the pool: SW_OK when run was called, SW_EUNAVAILABLE when not (deadline passed, pool closed). */
	int error;
	/* Gets the job back (post_always); must stay open until then. */
	struct sw_mailbox *reply_to;
	int64_t deadline_mono_ms;
};

/* Starts the threads and returns; they connect in the background. threads >= 1. */
struct sw_pg_pool *sw_pg_pool_open(const struct sw_pg_config *config, unsigned threads, size_t queue_max);
/* SW_OK: taken. SW_EBUSY: queue_max jobs wait already; the caller keeps the job. Any thread. */
int sw_pg_pool_submit(struct sw_pg_pool *pool, struct sw_pg_job *job) SW_MUST_CHECK;
/* Whether at least one thread is connected. Any thread. */
bool sw_pg_pool_ready(struct sw_pg_pool *pool);
/* Waits for running jobs and gives the waiting ones back with SW_EUNAVAILABLE. No submit may be under way.
 * NULL is allowed. */
void sw_pg_pool_close(struct sw_pg_pool *pool);

#endif
