/* SPDX-License-Identifier: Apache-2.0 */
/* Times in buckets that are 1/64 of their value wide, from 1 µs to an hour: quantiles to within 1.6 %, rounded up. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB 64u
#define HISTOGRAM_BUCKETS (HISTOGRAM_SUB * 28u)

struct histogram {
	uint64_t buckets[HISTOGRAM_BUCKETS];
	uint64_t count;
	uint64_t max_us;
};

void histogram_add(struct histogram *histogram, int64_t ns);
/* In milliseconds. share: 0 to 1. */
double histogram_quantile_ms(const struct histogram *histogram, double share);

#endif
