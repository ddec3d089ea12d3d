/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/breaker.h"

/* A held job is looked at again after this at the latest: a service that is back has all its jobs within two minutes. */
enum { WAIT_MIN_MS = 2000, WAIT_MAX_MS = 45000, JITTER_DIVISOR = 5 };

enum sw_breaker_verdict sw_breaker_ask(struct sw_breaker *breaker, int64_t now_ms)
{
	if (!breaker->open) {
		return SW_BREAKER_SEND;
	}
	if (breaker->probing || now_ms < breaker->until_ms) {
		return SW_BREAKER_HOLD;
	}
	breaker->probing = true;
	return SW_BREAKER_PROBE;
}

/* Up to a fifth longer: the breakers of several processes do not probe in step. */
static void pause_for(struct sw_breaker *breaker, int64_t pause_ms, const struct sw_breaker_report *report,
		      int64_t now_ms)
{
	int64_t wait_ms = pause_ms > report->after_ms ? pause_ms : report->after_ms;
	breaker->until_ms = now_ms + wait_ms + (int64_t)(report->random % (uint64_t)(wait_ms / JITTER_DIVISOR + 1));
}

static void open_up(struct sw_breaker *breaker, const struct sw_breaker_limits *limits,
		    const struct sw_breaker_report *report, int64_t now_ms)
{
	breaker->open = true;
	breaker->probing = false;
	breaker->opened_ms = now_ms;
	breaker->pause_ms = limits->pause_ms;
	pause_for(breaker, breaker->pause_ms, report, now_ms);
}

static bool tell_closed(struct sw_breaker *breaker, const struct sw_breaker_limits *limits,
			const struct sw_breaker_report *report, int64_t now_ms)
{
	if (report->news == SW_BREAKER_WORKS) {
		breaker->failures = 0;
	} else if (report->news == SW_BREAKER_FAILS) {
		breaker->failures++;
	}
	if (report->news != SW_BREAKER_REFUSES && breaker->failures < limits->failures) {
		return false;
	}
	open_up(breaker, limits, report, now_ms);
	return true;
}

bool sw_breaker_tell(struct sw_breaker *breaker, const struct sw_breaker_limits *limits,
		     const struct sw_breaker_report *report, int64_t now_ms)
{
	if (!breaker->open) {
		return tell_closed(breaker, limits, report, now_ms);
	}
	if (report->news == SW_BREAKER_WORKS) {
		*breaker = (struct sw_breaker){.open = false};
		return true;
	}
	if (!report->probe) {
		return false; /* sent before it opened */
	}
	breaker->probing = false;
	if (report->news != SW_BREAKER_NOTHING) {
		int64_t pause_ms = breaker->pause_ms * 2;
		breaker->pause_ms = pause_ms < limits->pause_max_ms ? pause_ms : limits->pause_max_ms;
	}
	pause_for(breaker, breaker->pause_ms, report, now_ms);
	return false;
}

int64_t sw_breaker_wait_ms(const struct sw_breaker *breaker, int64_t now_ms, uint64_t random)
{
	int64_t at_least_ms = breaker->until_ms - now_ms > WAIT_MIN_MS ? breaker->until_ms - now_ms : WAIT_MIN_MS;
	int64_t spread_ms = now_ms - breaker->opened_ms;
	spread_ms = spread_ms > WAIT_MIN_MS ? spread_ms : WAIT_MIN_MS;
	spread_ms = spread_ms < WAIT_MAX_MS - WAIT_MIN_MS ? spread_ms : WAIT_MAX_MS - WAIT_MIN_MS;
	return at_least_ms + (int64_t)(random % (uint64_t)spread_ms);
}
