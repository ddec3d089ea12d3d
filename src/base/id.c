/* SPDX-License-Identifier: Apache-2.0 */
/* The id generator. When a millisecond's counter is used up it borrows from the next one, never repeats. */
#include "base/id.h"

#include <surewire/clock.h>

#include <stdbool.h>

enum { COUNTER_BITS = 12, NODE_BITS = 10, LOW6 = 64 };

void sw_idgen_init(struct sw_idgen *gen, unsigned node)
{
	*gen = (struct sw_idgen){.node = node & SW_ID_NODE_MAX};
	pthread_mutex_init(&gen->lock, NULL);
}

void sw_idgen_release(struct sw_idgen *gen)
{
	pthread_mutex_destroy(&gen->lock);
}

static void advance(struct sw_idgen *gen)
{
	int64_t now_ms = sw_clock_wall_ms() - SW_ID_EPOCH_MS;
	if (now_ms > gen->last_ms) {
		gen->last_ms = now_ms;
		gen->counter = 0;
	} else if (++gen->counter >> COUNTER_BITS) {
		gen->last_ms++;
		gen->counter = 0;
	}
}

static int64_t compose(const struct sw_idgen *gen)
{
	return gen->last_ms << (NODE_BITS + COUNTER_BITS) | (int64_t)gen->node << COUNTER_BITS | gen->counter;
}

int64_t sw_id_next(struct sw_idgen *gen)
{
	pthread_mutex_lock(&gen->lock);
	advance(gen);
	int64_t id = compose(gen);
	pthread_mutex_unlock(&gen->lock);
	return id;
}

int64_t sw_id_next_low6(struct sw_idgen *gen, unsigned low6)
{
	pthread_mutex_lock(&gen->lock);
	do {
		advance(gen);
		unsigned up = (gen->counter & ~(unsigned)(LOW6 - 1)) | (low6 % LOW6);
		if (up >= gen->counter) {
			gen->counter = up;
			break;
		}
		gen->counter |= LOW6 - 1;
	} while (true);
	int64_t id = compose(gen);
	pthread_mutex_unlock(&gen->lock);
	return id;
}

int64_t sw_id_time_ms(int64_t id)
{
	return (id >> (NODE_BITS + COUNTER_BITS)) + SW_ID_EPOCH_MS;
}
