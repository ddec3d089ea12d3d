/* SPDX-License-Identifier: Apache-2.0 */
/* What a transfer on the curl loop needs: an easy handle that calls back when it ended. */
#ifndef SW_EGRESS_CURL_LOOP_INT_H
#define SW_EGRESS_CURL_LOOP_INT_H

#include <curl/curl.h>
#include <stdbool.h>

#include "egress/curl_loop.h"

/* Kept by the owner until `done`; the owner then cleans up easy. */
struct sw_curl_transfer {
	CURL *easy; /* CURLOPT_PRIVATE is used by the loop */
	/* Once, from the loop. code is CURLE_ABORTED_BY_CALLBACK when the loop is closing. */
	void (*done)(struct sw_curl_transfer *transfer, CURLcode code);
	struct sw_curl_transfer *next;
	struct sw_curl_transfer *prev;
};

/* False when the loop is closing. */
bool sw_curl_loop_add(struct sw_curl_loop *curl, struct sw_curl_transfer *transfer);
/* How many connections are kept for the next transfers. */
void sw_curl_loop_keep(struct sw_curl_loop *curl, int connections_max);
/* Both curl_global_init and its options, once for the process. */
void sw_curl_global(void);

#endif
