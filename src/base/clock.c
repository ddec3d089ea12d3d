/* SPDX-License-Identifier: Apache-2.0 */
/* clock_gettime, replaceable by tests. */
#include <surewire/clock.h>

#include <stddef.h>
#include <string.h>
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

/* Many times of one second are written one after the other: its text is kept. */
const char *sw_clock_text(int64_t wall_ms, char text_out[SW_CLOCK_TEXT_MAX])
{
	static _Thread_local time_t kept = -1;
	static _Thread_local char text[SW_CLOCK_TEXT_MAX];
	static _Thread_local size_t len;
	time_t second = (time_t)(wall_ms / 1000);
	int ms = (int)(wall_ms % 1000);
	if (second != kept) {
		struct tm tm;
		gmtime_r(&second, &tm);
		len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		kept = second;
	}
	const char fraction[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), 'Z',
				 0};
	memcpy(text_out, text, len);
	memcpy(text_out + len, fraction, sizeof(fraction));
	return text_out;
}
