/* SPDX-License-Identifier: Apache-2.0 */
/* Smart batching of store work: what gathers while a transaction is under way makes up the next one. A transaction that
 * failed is run again, for as long as it takes: its jobs stay unacked, and since they count as active, nothing new is
 * taken up meanwhile. */
#include "pusher/pusher_int.h"

#include <surewire/clock.h>
#include <surewire/log.h>

#include <stddef.h>

enum { WORK_MS = 10000, BACKOFF_MIN_MS = 200, BACKOFF_MAX_MS = 5000, TELL_MS = 60000 };

static void start(struct sw_pusher_batch *batch)
{
	if (batch->busy || batch->waiting.count == 0 || sw_wheel_is_armed(&batch->retry)) {
		return;
	}
	batch->count = 0;
	while (batch->count < SW_PUSHER_STORE_BATCH_MAX && batch->waiting.count) {
		batch->jobs[batch->count++] = sw_pusher_list_pop(&batch->waiting);
	}
	sw_arena_reset(&batch->arena);
	batch->err = SW_OK;
	batch->diag = (struct sw_diag){""};
	batch->busy = true;
	batch->work.deadline_mono_ms = sw_clock_mono_ms() + WORK_MS;
	if (sw_pg_pool_submit(batch->pusher->store, &batch->work) != SW_OK) {
		batch->work.error = SW_EUNAVAILABLE;
		sw_pusher_batch_replied(batch);
	}
}

static void on_turn(struct sw_turn *turn)
{
	start((struct sw_pusher_batch *)((char *)turn - offsetof(struct sw_pusher_batch, turn)));
}

static void on_retry(struct sw_wheel_node *node)
{
	start((struct sw_pusher_batch *)((char *)node - offsetof(struct sw_pusher_batch, retry)));
}

static void run(struct sw_pg_job *work, struct sw_pg *pg)
{
	struct sw_pusher_batch *batch = (struct sw_pusher_batch *)work;
	batch->err = batch->transact(batch, pg, &batch->diag);
}

void sw_pusher_batch_init(struct sw_pusher_batch *batch, struct sw_pusher *pusher, const char *what)
{
	batch->pusher = pusher;
	batch->what = what;
	batch->work.run = run;
	batch->work.reply_to = &pusher->replies;
	batch->turn.run = on_turn;
	batch->retry.fire = on_retry;
	batch->backoff_ms = BACKOFF_MIN_MS;
	sw_arena_init(&batch->arena);
}

void sw_pusher_batch_add(struct sw_pusher_batch *batch, struct sw_pusher_job *job)
{
	if (batch->pusher->phase == SW_PUSHER_CUT) {
		sw_pusher_job_abandon(job);
		return;
	}
	if (sw_pusher_is_urgent(job)) {
		sw_pusher_list_push_front(&batch->waiting, job);
	} else {
		sw_pusher_list_push(&batch->waiting, job);
	}
	sw_loop_at_turn_end(batch->pusher->loop, &batch->turn);
}

static void tell(struct sw_pusher_batch *batch, int err)
{
	int64_t now_ms = sw_clock_mono_ms();
	if (!batch->told || now_ms - batch->told_mono_ms >= TELL_MS) {
		SW_LOG(WARN, "pusher.store_failed", SW_F_STR("what", batch->what), SW_F_ERR(err),
		       SW_F_STR("reason", batch->diag.text), SW_F_U64("waiting", batch->waiting.count));
		batch->told = true;
		batch->told_mono_ms = now_ms;
	}
}

static void run_again(struct sw_pusher_batch *batch, int err)
{
	while (batch->count) {
		sw_pusher_list_push_front(&batch->waiting, batch->jobs[--batch->count]);
	}
	if (batch->pusher->phase == SW_PUSHER_CUT) {
		sw_pusher_batch_abandon(batch);
		return;
	}
	tell(batch, err);
	sw_loop_arm(batch->pusher->loop, &batch->retry, err == SW_EAGAIN ? 0 : batch->backoff_ms);
	batch->backoff_ms = batch->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : batch->backoff_ms * 2;
}

void sw_pusher_batch_replied(struct sw_pusher_batch *batch)
{
	int err = batch->work.error ? batch->work.error : batch->err;
	batch->busy = false;
	if (err) {
		run_again(batch, err);
		return;
	}
	if (batch->told) {
		SW_LOG(INFO, "pusher.store_works", SW_F_STR("what", batch->what));
	}
	batch->told = false;
	batch->backoff_ms = BACKOFF_MIN_MS;
	batch->done(batch);
	batch->count = 0;
	sw_loop_at_turn_end(batch->pusher->loop, &batch->turn);
}

void sw_pusher_batch_abandon(struct sw_pusher_batch *batch)
{
	struct sw_pusher_job *job;
	while ((job = sw_pusher_list_pop(&batch->waiting))) {
		sw_pusher_job_abandon(job);
	}
}

void sw_pusher_batch_release(struct sw_pusher_batch *batch)
{
	sw_turn_cancel(&batch->turn);
	sw_loop_disarm(batch->pusher->loop, &batch->retry);
	sw_arena_release(&batch->arena);
}
