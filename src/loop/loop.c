/* SPDX-License-Identifier: Apache-2.0 */
/* The uv loop with its four extras: posted tasks (async), end-of-turn work (prepare), deadlines (one timer driving the
 * wheel, only while something is armed), and a thread. */
#include "loop/loop.h"

#include <surewire/log.h>
#include <surewire/mem.h>

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 15 };

struct sw_loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_prepare_t turn_end;
	uv_timer_t tick;
	struct sw_mailbox tasks;
	struct sw_turn *turns;
	struct sw_wheel wheel;
	pthread_t thread; /* to join: the owner's */
	pthread_t runner; /* who runs it, good while running */
	_Atomic bool running;
	_Atomic bool stopping;
	bool started;
	char name[NAME_MAX_LEN + 1];
};

static struct sw_loop *loop_of(uv_loop_t *uv)
{
	return uv->data;
}

static void on_post(void *ctx)
{
	struct sw_loop *loop = ctx;
	uv_async_send(&loop->wake);
}

static void run_tasks(struct sw_loop *loop)
{
	struct sw_mail *item = sw_mailbox_take(&loop->tasks);
	while (item) {
		struct sw_task *task = (struct sw_task *)item;
		item = item->next;
		task->run(task);
	}
}

static void run_turns(struct sw_loop *loop)
{
	while (loop->turns) {
		struct sw_turn *item = loop->turns;
		sw_turn_cancel(item);
		item->run(item);
	}
}

static void on_wake(uv_async_t *wake)
{
	struct sw_loop *loop = loop_of(wake->loop);
	bool stopping = atomic_load(&loop->stopping);
	run_tasks(loop);
	if (stopping) {
		uv_stop(&loop->uv);
	}
}

static void on_turn_end(uv_prepare_t *prepare)
{
	run_turns(loop_of(prepare->loop));
}

static void on_tick(uv_timer_t *timer)
{
	struct sw_loop *loop = loop_of(timer->loop);
	sw_wheel_advance(&loop->wheel, (int64_t)uv_now(&loop->uv));
	if (loop->wheel.armed == 0) {
		uv_timer_stop(timer);
	}
}

static void must(int rc, const char *what)
{
	if (rc) {
		SW_LOG(ERROR, "loop.failed", SW_F_STR("call", what), SW_F_STR("reason", uv_strerror(rc)));
		abort();
	}
}

struct sw_loop *sw_loop_new(const char *name, size_t tasks_max)
{
	struct sw_loop *loop = sw_xcalloc(1, sizeof(*loop));
	must(uv_loop_init(&loop->uv), "uv_loop_init");
	loop->uv.data = loop;
	must(uv_async_init(&loop->uv, &loop->wake, on_wake), "uv_async_init");
	must(uv_prepare_init(&loop->uv, &loop->turn_end), "uv_prepare_init");
	must(uv_prepare_start(&loop->turn_end, on_turn_end), "uv_prepare_start");
	must(uv_timer_init(&loop->uv, &loop->tick), "uv_timer_init");
	sw_mailbox_init(&loop->tasks, tasks_max, on_post, loop);
	sw_wheel_init(&loop->wheel, (int64_t)uv_now(&loop->uv));
	snprintf(loop->name, sizeof(loop->name), "%s", name);
	return loop;
}

void sw_loop_run(struct sw_loop *loop)
{
	loop->runner = pthread_self();
	atomic_store(&loop->running, true);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	atomic_store(&loop->running, false);
}

static void *run_thread(void *arg)
{
	struct sw_loop *loop = arg;
	pthread_setname_np(pthread_self(), loop->name);
	sw_loop_run(loop);
	return NULL;
}

int sw_loop_start(struct sw_loop *loop)
{
	if (pthread_create(&loop->thread, NULL, run_thread, loop) != 0) {
		return SW_EUNAVAILABLE;
	}
	loop->started = true;
	return SW_OK;
}

void sw_loop_join(struct sw_loop *loop)
{
	if (loop->started) {
		pthread_join(loop->thread, NULL);
		loop->started = false;
	}
}

void sw_loop_stop(struct sw_loop *loop)
{
	atomic_store(&loop->stopping, true);
	uv_async_send(&loop->wake);
}

static void check_closing(uv_handle_t *handle, void *ctx)
{
	struct sw_loop *loop = ctx;
	bool own = handle == (uv_handle_t *)&loop->wake || handle == (uv_handle_t *)&loop->turn_end ||
		   handle == (uv_handle_t *)&loop->tick;
	if (!own && !uv_is_closing(handle)) {
		SW_LOG(ERROR, "loop.handle_left_open", SW_F_STR("loop", loop->name),
		       SW_F_STR("type", uv_handle_type_name(uv_handle_get_type(handle))));
		abort();
	}
}

void sw_loop_free(struct sw_loop *loop)
{
	if (!loop) {
		return;
	}
	assert(!loop->started && !atomic_load(&loop->running));
	atomic_store(&loop->stopping, false);
	run_tasks(loop);
	run_turns(loop);
	uv_walk(&loop->uv, check_closing, loop);
	/* Without our own handles the loop ends when the last close callback has run. */
	uv_unref((uv_handle_t *)&loop->wake);
	uv_unref((uv_handle_t *)&loop->turn_end);
	uv_unref((uv_handle_t *)&loop->tick);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	run_tasks(loop);
	run_turns(loop);
	sw_mailbox_close(&loop->tasks);
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->turn_end, NULL);
	uv_close((uv_handle_t *)&loop->tick, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	must(uv_loop_close(&loop->uv), "uv_loop_close");
	sw_mailbox_release(&loop->tasks);
	free(loop);
}

bool sw_loop_post(struct sw_loop *loop, struct sw_task *task)
{
	return sw_mailbox_post(&loop->tasks, &task->mail);
}

bool sw_loop_post_always(struct sw_loop *loop, struct sw_task *task)
{
	return sw_mailbox_post_always(&loop->tasks, &task->mail);
}

size_t sw_loop_backlog(struct sw_loop *loop)
{
	return sw_mailbox_count(&loop->tasks);
}

bool sw_loop_is_current(const struct sw_loop *loop)
{
	return atomic_load(&loop->running) && pthread_equal(loop->runner, pthread_self());
}

uv_loop_t *sw_loop_uv(struct sw_loop *loop)
{
	return &loop->uv;
}

int64_t sw_loop_now_ms(struct sw_loop *loop)
{
	if (!atomic_load_explicit(&loop->running, memory_order_relaxed)) {
		uv_update_time(&loop->uv);
	}
	return (int64_t)uv_now(&loop->uv);
}

void sw_loop_at_turn_end(struct sw_loop *loop, struct sw_turn *item)
{
	if (item->link) {
		return;
	}
	item->next = loop->turns;
	item->link = &loop->turns;
	if (item->next) {
		item->next->link = &item->next;
	}
	loop->turns = item;
}

void sw_turn_cancel(struct sw_turn *item)
{
	if (item->link) {
		*item->link = item->next;
		if (item->next) {
			item->next->link = item->link;
		}
		item->next = NULL;
		item->link = NULL;
	}
}

void sw_loop_arm(struct sw_loop *loop, struct sw_wheel_node *node, int64_t delay_ms)
{
	int64_t now_ms = sw_loop_now_ms(loop);
	if (loop->wheel.armed == 0 && !uv_is_active((uv_handle_t *)&loop->tick)) {
		/* Nothing is armed: the ticks that passed meanwhile have nobody to see. */
		sw_wheel_advance(&loop->wheel, now_ms);
		uv_timer_start(&loop->tick, on_tick, SW_WHEEL_TICK_MS, SW_WHEEL_TICK_MS);
	}
	sw_wheel_arm(&loop->wheel, node, now_ms, delay_ms);
}

void sw_loop_disarm(struct sw_loop *loop, struct sw_wheel_node *node)
{
	sw_wheel_cancel(&loop->wheel, node);
}
