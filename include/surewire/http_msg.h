/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request and response as values, so that providers stay pure: they fill the one and read the other. */
#ifndef SUREWIRE_HTTP_MSG_H
#define SUREWIRE_HTTP_MSG_H

#include <surewire/bytes.h>

enum { SW_HTTP_HEADERS_MAX = 24 };

struct sw_http_header {
	struct sw_bytes name; /* lower case */
	struct sw_bytes value;
	bool no_index; /* HPACK: never put into the dynamic table (tokens of devices, ids) */
};

/* Everything is borrowed; the pusher keeps the job's arena alive until the response was classified. */
struct sw_http_request {
	const char *method;
	struct sw_bytes path; /* with query */
	struct sw_http_header headers[SW_HTTP_HEADERS_MAX];
	size_t header_count;
	struct sw_bytes body;
};

struct sw_http_response {
	int status;                                         /* 0: none arrived */
	struct sw_http_header headers[SW_HTTP_HEADERS_MAX]; /* the first ones, lower case names */
	size_t header_count;
	struct sw_bytes body; /* cut at the client's limit */
};

/* False when there is no room for one more header. */
bool sw_http_request_add(struct sw_http_request *req, const char *name, struct sw_bytes value, bool no_index);
/* Empty run when absent. */
struct sw_bytes sw_http_response_header(const struct sw_http_response *res, const char *name);
/* Retry-After as delta-seconds or HTTP-date; -1 when absent or malformed; clamped to max_ms. */
int64_t sw_http_retry_after_ms(const struct sw_http_response *res, int64_t now_ms, int64_t max_ms);

#endif
