/* SPDX-License-Identifier: Apache-2.0 */
/* 64-bit time-sortable ids: 41 bits of milliseconds since 2025-01-01, 10 bits node, 12 bits counter.
 * Positive as int64. On the wire they are decimal strings. The low 6 bits may be chosen, so that the id of a
 * conversation carries its logical partition. */
#ifndef SW_BASE_ID_H
#define SW_BASE_ID_H

#include <pthread.h>
#include <stdint.h>

#define SW_ID_EPOCH_MS INT64_C(1735689600000)
enum { SW_ID_NODE_MAX = 1023, SW_ID_TEXT_MAX = 21 };

/* Any thread. */
struct sw_idgen {
	pthread_mutex_t lock;
	unsigned node;
	int64_t last_ms;
	unsigned counter;
};

void sw_idgen_init(struct sw_idgen *gen, unsigned node);
void sw_idgen_release(struct sw_idgen *gen);
/* A clock that goes back is waited out by counting on from the last millisecond. */
int64_t sw_id_next(struct sw_idgen *gen);
/* The low 6 bits equal low6. */
int64_t sw_id_next_low6(struct sw_idgen *gen, unsigned low6);
int64_t sw_id_time_ms(int64_t id);

#endif
