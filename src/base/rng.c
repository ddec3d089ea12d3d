/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include <stdlib.h>
#include <sys/random.h>

void sw_rng_bytes(void *ptr, size_t len)
{
	uint8_t *to = ptr;
	while (len) {
		ssize_t n = getrandom(to, len, 0);
		if (n <= 0) {
			abort();
		}
		to += n;
		len -= (size_t)n;
	}
}

uint64_t sw_rng_below(uint64_t bound)
{
	uint64_t v;
	sw_rng_bytes(&v, sizeof(v));
	return v % bound;
}
