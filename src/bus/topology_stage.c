/* SPDX-License-Identifier: Apache-2.0 */
/* The ladders of delays and how a stage is chosen. Pure. A changed ladder leaves its old queues to drain: their names
 * say how long they delay, and what is in them still comes out. */
#include "bus/topology.h"

/* About 1.5 times the one before, from 1 s to 6 h, so that a random stage below a cap is spread evenly enough. */
/* clang-format off */
#define RETRY_LADDER(X)                                                                                              \
	X(1000) X(1500) X(2200) X(3300) X(5000) X(7500) X(11000) X(17000) X(25000) X(38000) X(57000) X(85000)        \
	X(130000) X(190000) X(290000) X(430000) X(650000) X(980000) X(1500000) X(2200000) X(3300000) X(4900000)      \
	X(7400000) X(11000000) X(16000000) X(21600000)
/* Fine where a check for what came later has part of the time left: it is rounded up. */
#define CHECK_LADDER(X)                                                                                              \
	X(1000) X(2000) X(3000) X(5000) X(7000) X(10000) X(15000) X(20000) X(30000) X(45000) X(60000) X(120000)      \
	X(300000)
/* clang-format on */

#define DELAY(ms) (ms),
#define RETRY_NAME(ms) "retry." #ms,
#define CHECK_NAME(ms) "check." #ms,
const int sw_retry_delays_ms[SW_RETRY_STAGES] = {RETRY_LADDER(DELAY)};
const char *const sw_retry_exchanges[SW_RETRY_STAGES] = {RETRY_LADDER(RETRY_NAME)};
const int sw_check_delays_ms[SW_CHECK_STAGES] = {CHECK_LADDER(DELAY)};
const char *const sw_check_exchanges[SW_CHECK_STAGES] = {CHECK_LADDER(CHECK_NAME)};

static unsigned stage_at_least(const int *delays_ms, unsigned count, int64_t delay_ms)
{
	unsigned stage = 0;
	while (stage + 1 < count && delays_ms[stage] < delay_ms) {
		stage++;
	}
	return stage;
}

unsigned sw_topology_retry_stage_at_least(int64_t delay_ms)
{
	return stage_at_least(sw_retry_delays_ms, SW_RETRY_STAGES, delay_ms);
}

unsigned sw_topology_check_stage_at_least(int64_t delay_ms)
{
	return stage_at_least(sw_check_delays_ms, SW_CHECK_STAGES, delay_ms);
}

static unsigned stage_at_most(const int *delays_ms, unsigned count, int64_t delay_ms)
{
	unsigned stage = 0;
	while (stage + 1 < count && delays_ms[stage + 1] <= delay_ms) {
		stage++;
	}
	return stage;
}

unsigned sw_topology_check_stage_at_most(int64_t delay_ms)
{
	return stage_at_most(sw_check_delays_ms, SW_CHECK_STAGES, delay_ms);
}

/* The last stage that is not over 1 s * 2^attempt. */
static unsigned cap_stage(unsigned attempt)
{
	int64_t cap_ms = attempt < 20 ? INT64_C(1000) << attempt : INT64_MAX;
	return stage_at_most(sw_retry_delays_ms, SW_RETRY_STAGES, cap_ms);
}

/* The stages are geometric: choosing among them evenly would favour the short ones, so a delay is chosen evenly below
 * the cap, and then the stage that is nearest above it. */
unsigned sw_topology_retry_stage(unsigned attempt, int64_t minimum_ms, uint64_t random)
{
	unsigned first = sw_topology_retry_stage_at_least(minimum_ms);
	unsigned last = cap_stage(attempt);
	if (last <= first) {
		return first;
	}
	uint64_t below_ms = first ? (uint64_t)sw_retry_delays_ms[first - 1] : 0;
	uint64_t span_ms = (uint64_t)sw_retry_delays_ms[last] - below_ms;
	return sw_topology_retry_stage_at_least((int64_t)(below_ms + 1 + random % span_ms));
}
