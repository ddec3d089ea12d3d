/* SPDX-License-Identifier: Apache-2.0 */
/* A ring with holes: settling out of order leaves a NULL, and the head moves over them. */
#include "bus/publish_window.h"

#include <surewire/mem.h>

#include <assert.h>
#include <stdlib.h>

void sw_window_init(struct sw_publish_window *window, size_t capacity_min)
{
	size_t capacity = 16;
	while (capacity < capacity_min) {
		capacity *= 2;
	}
	*window = (struct sw_publish_window){.capacity = capacity};
	window->slots = sw_xcalloc(capacity, sizeof(*window->slots));
	sw_window_rewind(window);
}

void sw_window_release(struct sw_publish_window *window)
{
	free(window->slots);
	*window = (struct sw_publish_window){0};
}

static struct sw_window_slot *slot_at(const struct sw_publish_window *window, uint64_t position)
{
	return &window->slots[position & (window->capacity - 1)];
}

bool sw_window_push(struct sw_publish_window *window, void *item, uint64_t number)
{
	if (window->tail - window->head == window->capacity) {
		return false;
	}
	assert(item && (window->tail == window->head || slot_at(window, window->tail - 1)->number < number));
	*slot_at(window, window->tail++) = (struct sw_window_slot){.item = item, .number = number};
	window->count++;
	return true;
}

void *sw_window_peek_unsent(const struct sw_publish_window *window)
{
	return window->next < window->tail ? slot_at(window, window->next)->item : NULL;
}

uint64_t sw_window_sent(struct sw_publish_window *window)
{
	assert(window->next < window->tail);
	return window->next++ - window->origin;
}

bool sw_window_return(struct sw_publish_window *window, uint64_t number)
{
	uint64_t low = window->head;
	uint64_t high = window->next;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (slot_at(window, middle)->number < number) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	struct sw_window_slot *slot = slot_at(window, low);
	if (low >= window->next || slot->number != number || !slot->item) {
		return false;
	}
	slot->returned = true;
	return true;
}

/* Moves the head over settled slots, but not past what is still to be sent. */
static void advance_head(struct sw_publish_window *window)
{
	while (window->head < window->next && !slot_at(window, window->head)->item) {
		window->head++;
	}
}

static void settle_slot(struct sw_publish_window *window, uint64_t position, sw_window_settled_fn settled, void *ctx)
{
	struct sw_window_slot *slot = slot_at(window, position);
	void *item = slot->item;
	if (item) {
		slot->item = NULL;
		window->count--;
		settled(ctx, item, slot->returned);
	}
}

bool sw_window_settle(struct sw_publish_window *window, uint64_t tag, bool multiple, sw_window_settled_fn settled,
		      void *ctx)
{
	uint64_t last = multiple && tag == 0 ? window->next - 1 : window->origin + tag;
	if (tag > window->next - window->origin - 1 || (tag == 0 && !multiple)) {
		return false;
	}
	if (!multiple && (last < window->head || !slot_at(window, last)->item)) {
		return false;
	}
	for (uint64_t at = multiple ? window->head : last; at <= last; at++) {
		settle_slot(window, at, settled, ctx);
	}
	advance_head(window);
	return true;
}

/* Closes the holes; the order stays. */
static void compact(struct sw_publish_window *window)
{
	uint64_t to = window->tail;
	for (uint64_t from = window->tail; from-- > window->head;) {
		struct sw_window_slot *slot = slot_at(window, from);
		if (slot->item) {
			*slot_at(window, --to) = *slot;
		}
	}
	window->head = to;
}

void sw_window_take(struct sw_publish_window *window, sw_window_match_fn match, sw_window_settled_fn taken, void *ctx)
{
	for (uint64_t at = window->head; at < window->tail; at++) {
		struct sw_window_slot *slot = slot_at(window, at);
		if (slot->item && (!match || match(ctx, slot->item))) {
			settle_slot(window, at, taken, ctx);
		}
	}
}

void sw_window_rewind(struct sw_publish_window *window)
{
	compact(window);
	for (uint64_t at = window->head; at < window->tail; at++) {
		slot_at(window, at)->returned = false;
	}
	/* Positions start at 1 so that the tag 0 has one, too. */
	uint64_t shift = window->head == 0 ? 1 : 0;
	assert(shift == 0 || window->tail == 0);
	window->head += shift;
	window->tail += shift;
	window->next = window->head;
	window->origin = window->head - 1;
}
