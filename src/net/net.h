/* SPDX-License-Identifier: Apache-2.0 */
/* What the connections of one loop share: the read buffer, scratch memory of TLS, their number and its limit.
 * Loop thread (see loop/loop.h). */
#ifndef SW_NET_NET_H
#define SW_NET_NET_H

#include "loop/loop.h"

struct sw_net;
struct sw_conn;

/* conns_max: accepted connections open at a time on this loop; more are refused. Ignores SIGPIPE in this process. */
struct sw_net *sw_net_new(struct sw_loop *loop, size_t conns_max);
/* All connections and listeners must have been closed, and their callbacks run. NULL is allowed. */
void sw_net_free(struct sw_net *net);
struct sw_loop *sw_net_loop(struct sw_net *net);
size_t sw_net_conns(const struct sw_net *net);
/* Closes every connection of this loop at once; on_closed follows for each. The last step of a drain. */
void sw_net_close_conns(struct sw_net *net);

#endif
