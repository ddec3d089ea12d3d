/* SPDX-License-Identifier: Apache-2.0 */
/* clock_gettime, replaceable by tests. */
#include <surewire/clock.h>

#include <stddef.h>
#include <time.h>

static sw_clock_fn fake_mono_ms;
static sw_clock_fn fake_wall_ms;

static int64_t read_us(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t sw_clock_mono_us(void)
{
	return fake_mono_ms ? fake_mono_ms() * 1000 : read_us(CLOCK_MONOTONIC);
}

int64_t sw_clock_mono_ms(void)
{
	return fake_mono_ms ? fake_mono_ms() : read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t sw_clock_wall_ms(void)
{
	return fake_wall_ms ? fake_wall_ms() : read_us(CLOCK_REALTIME) / 1000;
}

void sw_clock_override(sw_clock_fn mono_ms, sw_clock_fn wall_ms)
{
	fake_mono_ms = mono_ms;
	fake_wall_ms = wall_ms;
}
