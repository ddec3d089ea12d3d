/* SPDX-License-Identifier: Apache-2.0 */
/* A libuv loop on a thread of its own, or run by the caller. Other threads reach it only by posting tasks.
 * Everything marked "loop thread" is for callbacks of this loop, and for the owner before start and after join. */
#ifndef SW_LOOP_LOOP_H
#define SW_LOOP_LOOP_H

#include "loop/mailbox.h"
#include "loop/wheel.h"

#include <surewire/err.h>

#include <uv.h>

struct sw_loop;

struct sw_task;
typedef void (*sw_task_fn)(struct sw_task *task);
/* Put first into the struct that is given away. `run` is called on the loop thread, owns the task and frees it. */
struct sw_task {
	struct sw_mail mail;
	sw_task_fn run;
};

struct sw_turn;
typedef void (*sw_turn_fn)(struct sw_turn *item);
/* Something to do once at the end of this turn of the loop, before it waits for events. Zero: not queued. */
struct sw_turn {
	struct sw_turn *next;
	struct sw_turn **link;
	sw_turn_fn run;
};

/* name: of the thread, at most 15 characters are kept. tasks_max bounds what may wait in sw_loop_post. */
struct sw_loop *sw_loop_new(const char *name, size_t tasks_max);
/* Runs it on a new thread. */
int sw_loop_start(struct sw_loop *loop) SW_MUST_CHECK;
/* Waits until the thread of sw_loop_start has ended. */
void sw_loop_join(struct sw_loop *loop);
/* Runs it in the caller until it is stopped. */
void sw_loop_run(struct sw_loop *loop);
/* Any thread, also inside a callback: the loop returns after this turn. Tasks posted before are run. */
void sw_loop_stop(struct sw_loop *loop);
/* After join or run, when no other thread posts any more. Runs the remaining tasks and the close callbacks under way;
 * every handle that others opened must be closing by now, a forgotten one aborts with its type. NULL is allowed. */
void sw_loop_free(struct sw_loop *loop);

/* Any thread. False when full: the caller keeps the task. */
bool sw_loop_post(struct sw_loop *loop, struct sw_task *task);
/* Past the bound, for completions of what was admitted before. False only once sw_loop_free is done with tasks. */
bool sw_loop_post_always(struct sw_loop *loop, struct sw_task *task);
/* Any thread: tasks waiting. */
size_t sw_loop_backlog(struct sw_loop *loop);
bool sw_loop_is_current(const struct sw_loop *loop);

/* Loop thread. */
uv_loop_t *sw_loop_uv(struct sw_loop *loop);
/* Time of this turn, monotonic (uv_now). */
int64_t sw_loop_now_ms(struct sw_loop *loop);
/* Queued at most once, run in no particular order; an item queued by another item still runs in this turn. */
void sw_loop_at_turn_end(struct sw_loop *loop, struct sw_turn *item);
/* Harmless when not queued. Needed before the item's memory goes. */
void sw_turn_cancel(struct sw_turn *item);
/* Deadlines on the loop's wheel; fire is set in the node by the caller. */
void sw_loop_arm(struct sw_loop *loop, struct sw_wheel_node *node, int64_t delay_ms);
void sw_loop_disarm(struct sw_loop *loop, struct sw_wheel_node *node);

#endif
