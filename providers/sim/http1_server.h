/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 connections, keep-alive, one request at a time. One thread: the connection's. */
#ifndef SW_SIM_HTTP1_SERVER_H
#define SW_SIM_HTTP1_SERVER_H

#include "sim/sim_int.h"

/* Until the connection ends. Of the effects, a reset stream and GOAWAY "none" become a dropped connection. */
void sw_sim_http1_serve(struct sw_sim_link *link, const struct sw_sim_http_handler *handler);

#endif
