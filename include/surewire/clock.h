/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks: monotonic for deadlines, wall for what people and providers see. Milliseconds. Any thread.
 * Tests replace both. */
#ifndef SUREWIRE_CLOCK_H
#define SUREWIRE_CLOCK_H

#include <stdint.h>

int64_t sw_clock_mono_ms(void);
int64_t sw_clock_mono_us(void);
int64_t sw_clock_wall_ms(void);

enum { SW_CLOCK_TEXT_MAX = 32 };
/* RFC 3339, UTC, with milliseconds: 2026-12-01T06:00:00.000Z. Gives text_out. Not before 1970. */
const char *sw_clock_text(int64_t wall_ms, char text_out[SW_CLOCK_TEXT_MAX]);

typedef int64_t (*sw_clock_fn)(void);
/* NULL restores the real clock. Only before threads start. */
void sw_clock_override(sw_clock_fn mono_ms, sw_clock_fn wall_ms);

#endif
