/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness from the kernel. Any thread. */
#ifndef SW_BASE_RNG_H
#define SW_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

void sw_rng_bytes(void *ptr, size_t len);
/* 0 … bound - 1, unbiased enough for jitter and spreading; not for keys. bound > 0. */
uint64_t sw_rng_below(uint64_t bound);

#endif
