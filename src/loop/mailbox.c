/* SPDX-License-Identifier: Apache-2.0 */
/* A mutex and a list: posting is rare next to what an item costs later, since everything is batched. */
#include "loop/mailbox.h"

#include <assert.h>
#include <time.h>

void sw_mailbox_init(struct sw_mailbox *mb, size_t max_items, sw_mailbox_wake_fn wake, void *wake_ctx)
{
	*mb = (struct sw_mailbox){.max = max_items, .wake = wake, .wake_ctx = wake_ctx};
	mb->last = &mb->first;
	pthread_mutex_init(&mb->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&mb->filled, &attr);
	pthread_condattr_destroy(&attr);
}

void sw_mailbox_release(struct sw_mailbox *mb)
{
	assert(!mb->first);
	pthread_cond_destroy(&mb->filled);
	pthread_mutex_destroy(&mb->lock);
}

static bool post(struct sw_mailbox *mb, struct sw_mail *item, size_t max)
{
	pthread_mutex_lock(&mb->lock);
	bool taken = !mb->closed && mb->count < max;
	bool was_empty = mb->count == 0;
	if (taken) {
		item->next = NULL;
		*mb->last = item;
		mb->last = &item->next;
		mb->count++;
		pthread_cond_signal(&mb->filled);
	}
	pthread_mutex_unlock(&mb->lock);
	if (taken && was_empty && mb->wake) {
		mb->wake(mb->wake_ctx);
	}
	return taken;
}

bool sw_mailbox_post(struct sw_mailbox *mb, struct sw_mail *item)
{
	return post(mb, item, mb->max);
}

bool sw_mailbox_post_always(struct sw_mailbox *mb, struct sw_mail *item)
{
	return post(mb, item, SIZE_MAX);
}

static struct sw_mail *take_locked(struct sw_mailbox *mb)
{
	struct sw_mail *items = mb->first;
	mb->first = NULL;
	mb->last = &mb->first;
	mb->count = 0;
	return items;
}

struct sw_mail *sw_mailbox_take(struct sw_mailbox *mb)
{
	pthread_mutex_lock(&mb->lock);
	struct sw_mail *items = take_locked(mb);
	pthread_mutex_unlock(&mb->lock);
	return items;
}

struct sw_mail *sw_mailbox_wait(struct sw_mailbox *mb, int64_t deadline_mono_ms)
{
	struct timespec until = {deadline_mono_ms / 1000, deadline_mono_ms % 1000 * 1000000};
	pthread_mutex_lock(&mb->lock);
	while (!mb->first && !mb->closed) {
		if (pthread_cond_timedwait(&mb->filled, &mb->lock, &until) != 0) {
			break;
		}
	}
	struct sw_mail *items = take_locked(mb);
	pthread_mutex_unlock(&mb->lock);
	return items;
}

size_t sw_mailbox_count(struct sw_mailbox *mb)
{
	pthread_mutex_lock(&mb->lock);
	size_t count = mb->count;
	pthread_mutex_unlock(&mb->lock);
	return count;
}

void sw_mailbox_close(struct sw_mailbox *mb)
{
	pthread_mutex_lock(&mb->lock);
	mb->closed = true;
	pthread_cond_broadcast(&mb->filled);
	pthread_mutex_unlock(&mb->lock);
	if (mb->wake) {
		mb->wake(mb->wake_ctx);
	}
}
