/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the jobs of direct pushes: a few recipients of one request after the other, as long as there are any. Several
 * processes share the requests by leases. One thread. */
#ifndef SW_DIRECT_FAN_OUT_H
#define SW_DIRECT_FAN_OUT_H

#include "bus/bus.h"
#include "direct/rules.h"
#include "store/pg.h"

/* Copied; what it points to is borrowed until free. */
struct sw_fan_out_config {
	const struct sw_pg_config *pg;
	struct sw_publisher *publisher;
	const struct sw_direct_rules *rules;
};

struct sw_fan_out;

struct sw_fan_out *sw_fan_out_new(const struct sw_fan_out_config *config);
/* One turn; blocks for a bounded time. *pause_ms_out: when the next one should be; 0: at once. */
int sw_fan_out_work(struct sw_fan_out *fan_out, int64_t *pause_ms_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* NULL is allowed. */
void sw_fan_out_free(struct sw_fan_out *fan_out);

#endif
