/* SPDX-License-Identifier: Apache-2.0 */
/* What was published and not yet confirmed, in order. On one connection the broker numbers publishes 1, 2, 3 …
 * (delivery tags) and settles them in any order; after a reconnect the window is rewound and everything left is sent
 * again, in order, under new tags. Pure; one thread. */
#ifndef SW_BUS_PUBLISH_WINDOW_H
#define SW_BUS_PUBLISH_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sw_window_slot {
	void *item; /* NULL: settled */
	uint64_t number;
	bool returned;
};

/* Positions count up for ever; the slot of a position is position modulo capacity. */
struct sw_publish_window {
	struct sw_window_slot *slots;
	size_t capacity; /* a power of two */
	uint64_t head;   /* oldest unsettled */
	uint64_t next;   /* first not yet sent on this connection */
	uint64_t tail;   /* one past the newest */
	uint64_t origin; /* position of delivery tag 0 */
	size_t count;    /* unsettled */
};

typedef void (*sw_window_settled_fn)(void *ctx, void *item, bool returned);
typedef bool (*sw_window_match_fn)(void *ctx, const void *item);

/* Rounded up to a power of two. */
void sw_window_init(struct sw_publish_window *window, size_t capacity_min);
/* Items left are the caller's. */
void sw_window_release(struct sw_publish_window *window);
/* Appends an item that is not sent yet. Numbers ascend. False: no room before the oldest one is settled. */
bool sw_window_push(struct sw_publish_window *window, void *item, uint64_t number);
/* The next item to send, or NULL. sent() gives its delivery tag and moves on. */
void *sw_window_peek_unsent(const struct sw_publish_window *window);
uint64_t sw_window_sent(struct sw_publish_window *window);
/* The broker returned a sent item: remembered until its confirm. False: no such item. */
bool sw_window_return(struct sw_publish_window *window, uint64_t number);
/* A confirm or refusal of tag, or with multiple of everything unsettled up to it (tag 0: of everything sent). Calls
 * settled for each, in order. False: the tag was never sent or is settled already: the broker broke the protocol. */
bool sw_window_settle(struct sw_publish_window *window, uint64_t tag, bool multiple, sw_window_settled_fn settled,
		      void *ctx);
/* Takes out every unsettled item, sent or not, that matches (NULL: all), in order. A rewind or release must follow. */
void sw_window_take(struct sw_publish_window *window, sw_window_match_fn match, sw_window_settled_fn taken, void *ctx);
/* The connection is gone: nothing is sent, tags start at 1 again. */
void sw_window_rewind(struct sw_publish_window *window);

#endif
