/* SPDX-License-Identifier: Apache-2.0 */
/* A circuit breaker (Nygard, Release It!): after so many failures in a row nothing is sent for a pause; then a single
 * probe decides. While a service is away its jobs cost no attempts, and it is not hammered when it comes back. Pure:
 * time (monotonic) and chance are given. */
#ifndef SW_PUSHER_BREAKER_H
#define SW_PUSHER_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct sw_breaker_limits {
	unsigned failures; /* in a row, >= 1 */
	int64_t pause_ms;  /* the first one; doubled by every probe that fails */
	int64_t pause_max_ms;
};

struct sw_breaker {
	bool open;
	bool probing; /* its probe is out */
	unsigned failures;
	int64_t pause_ms;
	int64_t until_ms;
	int64_t opened_ms;
};

enum sw_breaker_verdict {
	SW_BREAKER_SEND,
	SW_BREAKER_PROBE, /* send, and say so with its news */
	SW_BREAKER_HOLD,
};

/* What an attempt says of the service. */
enum sw_breaker_news {
	SW_BREAKER_NOTHING, /* it was not asked, or spoke of our credential */
	SW_BREAKER_WORKS,
	SW_BREAKER_FAILS,
	SW_BREAKER_REFUSES, /* works, but throttles us: opens at once */
};

enum sw_breaker_verdict sw_breaker_ask(struct sw_breaker *breaker, int64_t now_ms);

struct sw_breaker_report {
	enum sw_breaker_news news;
	bool probe;       /* of one that sw_breaker_ask called a probe */
	int64_t after_ms; /* the service's own wish, -1: none */
	uint64_t random;
};
/* True: it was closed and is open now, or the other way round. */
bool sw_breaker_tell(struct sw_breaker *breaker, const struct sw_breaker_limits *limits,
		     const struct sw_breaker_report *report, int64_t now_ms);

/* For a job that is held: how long it should stay away. Spread, and longer the longer the service has been away, so that
 * a crowd that waits neither turns round all the time nor comes back in one moment. */
int64_t sw_breaker_wait_ms(const struct sw_breaker *breaker, int64_t now_ms, uint64_t random);

#endif
