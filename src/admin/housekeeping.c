/* SPDX-License-Identifier: Apache-2.0 */
/* What must happen now and then and by nobody in particular. Every statement may run in several processes at once. */
#include "admin/admin_int.h"
#include "base/id.h"

#include <surewire/clock.h>

#include <time.h>

enum { ROUND_MS = 30000, ID_TIME_SHIFT = 22 };
#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* The promise is 7 days; the hour is for clocks that differ. */
#define SENT_KEEP_MS (7 * DAY_MS + INT64_C(3600) * 1000)

/* The first moment of the following month, UTC. */
static int64_t next_month_ms(int64_t now_ms)
{
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm day;
	gmtime_r(&seconds, &day);
	struct tm first = {.tm_year = day.tm_year, .tm_mon = day.tm_mon + 1, .tm_mday = 1};
	return (int64_t)timegm(&first) * 1000;
}

static void queue_i64(struct sw_pg *pg, struct sw_arena *arena, enum sw_sql statement, int64_t value)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64(&params, value);
	sw_pg_queue(pg, statement, &params);
}

/* With its idempotency key. A job of it may be tried until it expires. */
static void queue_expire_pushes(struct sw_pg *pg, struct sw_arena *arena, int64_t now_ms)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64(&params, (now_ms - SENT_KEEP_MS - SW_ID_EPOCH_MS) << ID_TIME_SHIFT);
	sw_pg_add_i64(&params, now_ms);
	sw_pg_queue(pg, SW_SQL_DIRECT_EXPIRE, &params);
}

int sw_housekeeping_run(struct sw_pg *pg, struct sw_arena *arena, int64_t ledger_keep_ms, struct sw_diag *diag_out)
{
	int64_t now_ms = sw_clock_wall_ms();
	sw_pg_begin(pg);
	queue_i64(pg, arena, SW_SQL_SEQUENCER_EXPIRE_SENT, now_ms - SENT_KEEP_MS);
	queue_i64(pg, arena, SW_SQL_MAILBOX_EXPIRE_LEDGER, now_ms - ledger_keep_ms);
	queue_i64(pg, arena, SW_SQL_SEQUENCER_ENSURE_EVENT_PARTITION, now_ms);
	queue_i64(pg, arena, SW_SQL_SEQUENCER_ENSURE_EVENT_PARTITION, next_month_ms(now_ms));
	sw_pg_queue(pg, SW_SQL_SEQUENCER_SUMMARIZE_EVENTS, NULL);
	sw_pg_queue(pg, SW_SQL_ADMIN_NODE_EXPIRE, NULL);
	queue_expire_pushes(pg, arena, now_ms);
	return sw_pg_run(pg, sw_clock_mono_ms() + ROUND_MS, diag_out);
}
