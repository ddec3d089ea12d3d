/* SPDX-License-Identifier: Apache-2.0 */
/* A timing wheel for tens of thousands of deadlines: intrusive nodes, arm and cancel in O(1), resolution 100 ms.
 * A deadline fires up to one tick late, never early. Pure: whoever owns it tells it the time. One thread. */
#ifndef SW_LOOP_WHEEL_H
#define SW_LOOP_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SW_WHEEL_TICK_MS = 100, SW_WHEEL_SLOTS = 1024 };

struct sw_wheel_node;
/* The node is disarmed already: it may be armed again, or freed, and any other node armed or cancelled. */
typedef void (*sw_wheel_fn)(struct sw_wheel_node *node);

/* Zero-initialised means not armed. Lives in the struct that it watches over. */
struct sw_wheel_node {
	struct sw_wheel_node *next;
	struct sw_wheel_node **link; /* NULL when not armed */
	sw_wheel_fn fire;
	uint32_t due_tick;
};

struct sw_wheel {
	struct sw_wheel_node *slots[SW_WHEEL_SLOTS];
	int64_t start_ms;
	uint32_t tick; /* the last tick that was handled */
	size_t armed;
};

void sw_wheel_init(struct sw_wheel *wheel, int64_t now_ms);
/* Fires `fire` once, delay_ms after now_ms; an armed node is moved. The furthest deadline is about six years away. */
void sw_wheel_arm(struct sw_wheel *wheel, struct sw_wheel_node *node, int64_t now_ms, int64_t delay_ms);
/* Harmless on a node that is not armed. */
void sw_wheel_cancel(struct sw_wheel *wheel, struct sw_wheel_node *node);
static inline bool sw_wheel_is_armed(const struct sw_wheel_node *node)
{
	return node->link != NULL;
}
/* Fires everything that is due. Not to be called from `fire`. */
void sw_wheel_advance(struct sw_wheel *wheel, int64_t now_ms);

#endif
