/* SPDX-License-Identifier: Apache-2.0 */
/* A hashed wheel: a node sits in the slot of its tick modulo the number of slots, and is looked at once a revolution. */
#include "loop/wheel.h"

#include <assert.h>

void sw_wheel_init(struct sw_wheel *wheel, int64_t now_ms)
{
	*wheel = (struct sw_wheel){.start_ms = now_ms};
}

static void link_node(struct sw_wheel_node **head, struct sw_wheel_node *node)
{
	node->next = *head;
	node->link = head;
	if (node->next) {
		node->next->link = &node->next;
	}
	*head = node;
}

static void unlink_node(struct sw_wheel_node *node)
{
	*node->link = node->next;
	if (node->next) {
		node->next->link = node->link;
	}
	node->next = NULL;
	node->link = NULL;
}

static bool is_later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static struct sw_wheel_node **slot_of(struct sw_wheel *wheel, uint32_t tick)
{
	return &wheel->slots[tick % SW_WHEEL_SLOTS];
}

void sw_wheel_arm(struct sw_wheel *wheel, struct sw_wheel_node *node, int64_t now_ms, int64_t delay_ms)
{
	assert(node->fire);
	sw_wheel_cancel(wheel, node);
	int64_t after_ms = now_ms + (delay_ms > 0 ? delay_ms : 0) - wheel->start_ms;
	uint32_t due = (uint32_t)((after_ms + SW_WHEEL_TICK_MS - 1) / SW_WHEEL_TICK_MS);
	node->due_tick = is_later(due, wheel->tick) ? due : wheel->tick + 1;
	link_node(slot_of(wheel, node->due_tick), node);
	wheel->armed++;
}

void sw_wheel_cancel(struct sw_wheel *wheel, struct sw_wheel_node *node)
{
	if (node->link) {
		unlink_node(node);
		wheel->armed--;
	}
}

static void fire_slot(struct sw_wheel *wheel, uint32_t tick)
{
	struct sw_wheel_node **slot = slot_of(wheel, tick);
	/* Onto a list of our own: what fires may arm into this very slot, and cancel whatever still waits here. */
	struct sw_wheel_node *visit = *slot;
	*slot = NULL;
	if (visit) {
		visit->link = &visit;
	}
	while (visit) {
		struct sw_wheel_node *node = visit;
		unlink_node(node);
		if (is_later(node->due_tick, tick)) {
			link_node(slot, node);
		} else {
			wheel->armed--;
			node->fire(node);
		}
	}
}

void sw_wheel_advance(struct sw_wheel *wheel, int64_t now_ms)
{
	uint32_t now_tick = (uint32_t)((now_ms - wheel->start_ms) / SW_WHEEL_TICK_MS);
	/* After a long sleep of the process one revolution sees every node. */
	if (is_later(now_tick, wheel->tick + SW_WHEEL_SLOTS)) {
		wheel->tick = now_tick - SW_WHEEL_SLOTS;
	}
	while (is_later(now_tick, wheel->tick)) {
		wheel->tick++;
		fire_slot(wheel, wheel->tick);
	}
}
