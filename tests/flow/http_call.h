/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request over a connection of its own, which is asked for its answer now and then. Never blocks for long. */
#ifndef SW_TESTS_HTTP_CALL_H
#define SW_TESTS_HTTP_CALL_H

#include <surewire/bytes.h>

#include <stdint.h>

struct http_call;

/* To 127.0.0.1. NULL: there was no connection. */
struct http_call *http_call_start(uint16_t port, struct sw_bytes request);
/* The status; 0: not yet; -1: it ended without one. */
int http_call_status(struct http_call *call);
/* NULL is allowed. */
void http_call_end(struct http_call *call);

#endif
