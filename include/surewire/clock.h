/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks: monotonic for deadlines, wall for what people and providers see. Milliseconds. Any thread.
 * Tests replace both. */
#ifndef SUREWIRE_CLOCK_H
#define SUREWIRE_CLOCK_H

#include <stdint.h>

int64_t sw_clock_mono_ms(void);
int64_t sw_clock_mono_us(void);
int64_t sw_clock_wall_ms(void);

typedef int64_t (*sw_clock_fn)(void);
/* NULL restores the real clock. Only before threads start. */
void sw_clock_override(sw_clock_fn mono_ms, sw_clock_fn wall_ms);

#endif
