/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's multi handle on a libuv loop: sockets, timer and completions. Serves fetch.h. Not for SMTP: libcurl waits
 * for the reply to a mail's final dot inside its "done" step, which would stop the loop (see mail.h).
 * The loop's thread only. */
#ifndef SW_EGRESS_CURL_LOOP_H
#define SW_EGRESS_CURL_LOOP_H

#include <uv.h>

struct sw_curl_loop;

struct sw_curl_loop *sw_curl_loop_new(uv_loop_t *loop);
/* Transfers still running end at once without a status. `closed` (NULL is allowed) is called on the loop after the
 * last completion, never from inside this function; the object is freed then. */
void sw_curl_loop_close(struct sw_curl_loop *curl, void (*closed)(void *ctx), void *ctx);

#endif
