/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and their JSON. */
#include "sim/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <surewire/json.h>

void sw_sim_stats_refuse(struct sw_sim_stats *stats, const char *reason)
{
	size_t i = 0;
	while (i < stats->refused_count && strcmp(stats->refused[i].reason, reason) != 0) {
		i++;
	}
	if (i == stats->refused_count) {
		if (i == SW_SIM_REASONS_MAX - 1) {
			reason = "other";
		}
		if (i < SW_SIM_REASONS_MAX) {
			snprintf(stats->refused[i].reason, SW_SIM_REASON_MAX, "%.*s", SW_SIM_REASON_MAX - 1, reason);
			stats->refused_count++;
		} else {
			i = SW_SIM_REASONS_MAX - 1;
		}
	}
	stats->refused[i].count++;
}

void sw_sim_stats_write(const struct sw_sim_stats *stats, struct sw_buf *out)
{
	sw_buf_printf(out, "{\"connections\":%" PRIu64 ",\"open\":%" PRIu64 ",\"streams\":%" PRIu64, stats->connections,
		      stats->open, stats->streams);
	sw_buf_printf(out, ",\"accepted\":%" PRIu64 ",\"repeats\":%" PRIu64 ",\"faults\":%" PRIu64 ",\"refused\":{",
		      stats->accepted, stats->repeats, stats->faults);
	for (size_t i = 0; i < stats->refused_count; i++) {
		sw_buf_put_str(out, i ? "," : "");
		sw_json_put_cstr(out, stats->refused[i].reason);
		sw_buf_printf(out, ":%" PRIu64, stats->refused[i].count);
	}
	sw_buf_put_str(out, "}}");
}
