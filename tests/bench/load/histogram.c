/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of times with buckets of equal relative width. */
#include "histogram.h"

static unsigned bucket_of(uint64_t us)
{
	unsigned shift = 0;
	while (us >> shift >= 2 * HISTOGRAM_SUB) {
		shift++;
	}
	unsigned bucket = shift * HISTOGRAM_SUB + (unsigned)(us >> shift);
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The first value above a bucket. */
static uint64_t end_of(unsigned bucket)
{
	unsigned shift = bucket < 2 * HISTOGRAM_SUB ? 0 : bucket / HISTOGRAM_SUB - 1;
	return (uint64_t)(bucket - shift * HISTOGRAM_SUB + 1) << shift;
}

void histogram_add(struct histogram *histogram, int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	histogram->buckets[bucket_of(us)]++;
	histogram->count++;
	histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
}

double histogram_quantile_ms(const struct histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)((double)histogram->count * share);
	uint64_t seen = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen > wanted) {
			uint64_t us = end_of(i);
			return (double)(us < histogram->max_us ? us : histogram->max_us) / 1000;
		}
	}
	return (double)histogram->max_us / 1000;
}
