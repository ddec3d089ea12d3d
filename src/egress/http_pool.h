/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 client for servers of any kind: a pool of connections to one endpoint, one bounded queue in front of them,
 * one request on a connection at a time. Its calls and ends are those of h2_client.h, and mean the same.
 *
 * libcurl sends a request again, unasked, when a kept connection breaks before an answer. Here it may do so only when
 * not one byte of the body had been taken from us: such a request was not complete for anybody. Else the end is UNKNOWN.
 * An answer whose head is complete counts, whatever becomes of its body. Follows no redirect, verifies certificates
 * always; plain only towards loopback. Each pool has connections of its own, so that none that was made for one which
 * may speak to private addresses is used for one which may not.
 * The loop's thread only. Sources: RFC 9110 (9.2.2), RFC 9112 (9.3). */
#ifndef SW_EGRESS_HTTP_POOL_H
#define SW_EGRESS_HTTP_POOL_H

#include "egress/h2_client.h"

enum {
	SW_HTTP_BODY_MAX = 16 * 1024, /* of an answer; what is longer is cut and the connection closed */
	SW_HTTP_HEADERS_BYTES_MAX = 8 * 1024,
	SW_HTTP_CONNECT_TIMEOUT_MS = 10000,
	SW_HTTP_IDLE_MS = 4000, /* then a connection is not used again: many servers close theirs after 5 s */
	SW_HTTP_CLOSE_GRACE_MS = 10000,
};

struct sw_http_pool;

/* The endpoint is borrowed until the pool is closed. Never fails: an unreadable certificate file shows as
 * CONNECT_FAILED with a detail. */
struct sw_http_pool *sw_http_pool_new(uv_loop_t *loop, const struct sw_endpoint *endpoint, size_t queue_max);
/* POST only. SW_EBUSY when queue_max calls wait already, SW_ECLOSED after sw_http_pool_close, SW_EINVAL when method,
 * path or a header is not allowed; then `done` is not called. A call that waited answer_timeout_ms for a free
 * connection ends UNSENT; once it has one, or makes one, it has answer_timeout_ms for all of it. */
int sw_http_send(struct sw_http_pool *pool, struct sw_h2_call *call) SW_MUST_CHECK;
/* Takes no new work; what waits ends UNSENT; answers are awaited up to their deadlines and SW_HTTP_CLOSE_GRACE_MS.
 * `closed` (NULL is allowed) is called on the loop after the last `done`, never from inside this function; the pool is
 * freed then. */
void sw_http_pool_close(struct sw_http_pool *pool, void (*closed)(void *ctx), void *ctx);

#endif
