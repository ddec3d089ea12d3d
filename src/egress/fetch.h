/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP POST and its answer, for OAuth token requests: rare, small, no connection kept. Follows no redirect,
 * verifies certificates always; https only, http towards loopback only. The loop's thread only. */
#ifndef SW_EGRESS_FETCH_H
#define SW_EGRESS_FETCH_H

#include <surewire/err.h>
#include <surewire/provider.h>

#include "egress/curl_loop.h"

enum { SW_FETCH_BODY_MAX = 64 * 1024, SW_FETCH_HEADERS_BYTES_MAX = 8 * 1024, SW_FETCH_CONNECT_TIMEOUT_MS = 10000 };

/* Valid inside `done` only. */
struct sw_fetch_result {
	struct sw_http_response response; /* status 0: no answer came (also when its body passed SW_FETCH_BODY_MAX) */
	const char *detail;               /* what went wrong on the way; "" when there is a status */
	int64_t duration_ms;
};

/* The caller's storage, to be kept until `done`. */
struct sw_fetch {
	struct sw_credential_request request; /* everything borrowed until done */
	int timeout_ms;                       /* the whole exchange, > 0 */
	/* Exactly once, on the loop, never from inside sw_fetch_start. */
	void (*done)(struct sw_fetch *fetch, const struct sw_fetch_result *result);
	void *ctx;
};

/* SW_EINVAL with a text when the address is not allowed, SW_ECLOSED after sw_curl_loop_close; then no `done`. */
int sw_fetch_start(struct sw_curl_loop *curl, struct sw_fetch *fetch, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
