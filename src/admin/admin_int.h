/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the role admin, for this folder only. */
#ifndef SW_ADMIN_ADMIN_INT_H
#define SW_ADMIN_ADMIN_INT_H

#include "admin/admin.h"
#include "admin/pause.h"
#include "base/metrics.h"

#include <stdatomic.h>

enum { SW_ADMIN_THREADS = 4 };

struct sw_admin {
	struct sw_admin_config config;
	struct sw_consumer *consumer;
	struct sw_publisher *publisher; /* of replays and alerts */
	struct sw_mailbox inbox;        /* deliveries; the archive's thread takes */
	struct sw_pause pause;
	struct sw_pause push_pause; /* of the thread that makes the jobs of direct pushes: it can be woken */
	pthread_t threads[SW_ADMIN_THREADS];
	size_t thread_count; /* that run */
	_Atomic bool store_connected;
	_Atomic size_t waiting;
	struct sw_metric *archived;
	struct sw_metric *replayed;
	struct sw_metric *pushes;
	struct sw_metric *waiting_gauge;
};

/* archive.c: the thread. Ends when the pause is stopped and the inbox closed; leaves what it did not archive unacked. */
void *sw_archive_main(void *admin);

/* replay_run.c: the thread. Ends when the pause is stopped. */
void *sw_replay_main(void *admin);

/* alert_run.c: the thread. Ends when the pause is stopped. */
void *sw_alert_main(void *admin);

/* push_run.c: the thread. Ends when its pause is stopped. */
void *sw_push_main(void *admin);

/* housekeeping.c: one round of it, bounded. */
int sw_housekeeping_run(struct sw_pg *pg, struct sw_arena *arena, int64_t ledger_keep_ms,
			struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
