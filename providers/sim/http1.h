/* SPDX-License-Identifier: Apache-2.0 */
/* The least of HTTP/1.1 that a stand-in needs: one request with Content-Length, one answer. RFC 9112; no chunked
 * bodies, no continuation lines, no trailers. Pure. */
#ifndef SW_SIM_HTTP1_H
#define SW_SIM_HTTP1_H

#include "sim/request.h"

enum { SW_SIM_HTTP1_HEAD_MAX = 32 * 1024 };

/* SW_OK and the bytes of the request, SW_EAGAIN when more are needed, SW_EPROTO or SW_ELIMIT when it is refused.
 * The request is to be fresh (init) on every call. */
int sw_sim_http1_parse(struct sw_bytes in, struct sw_sim_request *request, size_t *used_out) SW_MUST_CHECK;
/* Does the client keep the connection? */
bool sw_sim_http1_keeps(const struct sw_sim_request *request);
void sw_sim_http1_write(const struct sw_sim_reply *reply, bool keep, struct sw_buf *out);

#endif
