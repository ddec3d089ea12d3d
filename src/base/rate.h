/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets by key, as many as there are keys in use. All that is kept of a bucket is when it will be full again (the
 * generic cell rate algorithm, ITU-T I.371); then it is forgotten. Time is monotonic and given. One thread at a time. */
#ifndef SW_BASE_RATE_H
#define SW_BASE_RATE_H

#include "base/table.h"

enum { SW_RATE_KEY_BYTES = 16 };

struct sw_rate_key {
	uint8_t bytes[SW_RATE_KEY_BYTES];
};

/* token_ns: between two tokens; 0: no limit but a pause (sw_rates_pause). burst: tokens of a full bucket, >= 1. */
struct sw_rate {
	int64_t token_ns;
	unsigned burst;
};

struct sw_rates {
	struct sw_table buckets;
	unsigned calls;
};

void sw_rates_init(struct sw_rates *rates);
void sw_rates_release(struct sw_rates *rates);
/* 0: a token was taken. Else none was, and there will be one after so many ns. */
int64_t sw_rates_take(struct sw_rates *rates, const struct sw_rate_key *key, struct sw_rate rate, int64_t now_ns);
/* For one who was refused and can wait: when to ask again, in ns from now. Each is told a later time, one token after the
 * other, so that they do not come back all at once; it is no promise of a token. */
int64_t sw_rates_come_back(struct sw_rates *rates, const struct sw_rate_key *key, struct sw_rate rate, int64_t now_ns);
/* No token before that time. */
void sw_rates_pause(struct sw_rates *rates, const struct sw_rate_key *key, int64_t until_ns, int64_t now_ns);

#endif
