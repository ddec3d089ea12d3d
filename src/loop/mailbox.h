/* SPDX-License-Identifier: Apache-2.0 */
/* The only thing that threads share: a bounded queue of intrusive items with one taker. Posting gives the item away.
 * The taker either blocks in wait(), or is woken through a callback (uv_async_send, an eventfd). */
#ifndef SW_LOOP_MAILBOX_H
#define SW_LOOP_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Put first into the posted struct. */
struct sw_mail {
	struct sw_mail *next;
};

typedef void (*sw_mailbox_wake_fn)(void *ctx);

struct sw_mailbox {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct sw_mail *first;
	struct sw_mail **last;
	size_t count;
	size_t max;
	bool closed;
	sw_mailbox_wake_fn wake;
	void *wake_ctx;
};

/* wake may be NULL. It is called from the posting thread, outside the lock, when the queue was empty before. */
void sw_mailbox_init(struct sw_mailbox *mb, size_t max_items, sw_mailbox_wake_fn wake, void *wake_ctx);
/* The queue must be empty: take what is left first. */
void sw_mailbox_release(struct sw_mailbox *mb);
/* False when full or closed: the caller keeps the item. Any thread. */
bool sw_mailbox_post(struct sw_mailbox *mb, struct sw_mail *item);
/* As post but past the bound, for what was admitted before (acks, completions). False only when closed. */
bool sw_mailbox_post_always(struct sw_mailbox *mb, struct sw_mail *item);
/* Everything that is there, oldest first, NULL when empty. The taker's thread. */
struct sw_mail *sw_mailbox_take(struct sw_mailbox *mb);
/* As take, after waiting until something is there, the queue is closed, or the monotonic deadline passed. */
struct sw_mail *sw_mailbox_wait(struct sw_mailbox *mb, int64_t deadline_mono_ms);
size_t sw_mailbox_count(struct sw_mailbox *mb);
void sw_mailbox_close(struct sw_mailbox *mb);

#endif
