/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one provider. Not thread-safe: the caller holds the lock of the simulator. */
#ifndef SW_SIM_STATS_H
#define SW_SIM_STATS_H

#include <surewire/buf.h>

enum { SW_SIM_REASONS_MAX = 64, SW_SIM_REASON_MAX = 64 };

struct sw_sim_stats {
	uint64_t connections; /* ever */
	uint64_t open;        /* now */
	uint64_t streams;     /* requests or mails begun */
	uint64_t accepted;
	uint64_t repeats; /* accepted ones that had been accepted before */
	uint64_t faults;  /* hits */
	struct {
		char reason[SW_SIM_REASON_MAX];
		uint64_t count;
	} refused[SW_SIM_REASONS_MAX];
	size_t refused_count;
};

/* Reasons beyond the table's room are counted as "other". */
void sw_sim_stats_refuse(struct sw_sim_stats *stats, const char *reason);
void sw_sim_stats_write(const struct sw_sim_stats *stats, struct sw_buf *out);

#endif
