/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/2 server connection on nghttp2: gathers requests, asks a handler, answers when it is time, and does to the
 * connection what the reply's effect says. One thread: the connection's. */
#ifndef SW_SIM_H2_SERVER_H
#define SW_SIM_H2_SERVER_H

#include "sim/request.h"
#include "sim/sim_int.h"

/* Until the connection ends. */
void sw_sim_h2_serve(struct sw_sim_link *link, const struct sw_sim_http_handler *handler);

#endif
