/* SPDX-License-Identifier: Apache-2.0 */
/* What the connections of one loop share: the read buffer and scratch memory of TLS; and their limit, which several
 * loops may share. Loop thread (see loop/loop.h). */
#ifndef SW_NET_NET_H
#define SW_NET_NET_H

#include "loop/loop.h"

#include <stdatomic.h>

struct sw_net;
struct sw_conn;

/* Accepted connections open at a time, of all loops that share it; more are closed right after accept. Any thread. */
struct sw_net_limit {
	size_t max;
	_Atomic size_t open;
};

/* The limit is borrowed until the net is freed. Ignores SIGPIPE in this process. */
struct sw_net *sw_net_new(struct sw_loop *loop, struct sw_net_limit *limit);
/* All connections and listeners must have been closed, and their callbacks run. NULL is allowed. */
void sw_net_free(struct sw_net *net);
struct sw_loop *sw_net_loop(struct sw_net *net);
size_t sw_net_conns(const struct sw_net *net);
/* Closes every connection of this loop at once; on_closed follows for each. The last step of a drain. */
void sw_net_close_conns(struct sw_net *net);

#endif
