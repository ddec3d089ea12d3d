/* SPDX-License-Identifier: Apache-2.0 */
/* A listening socket on one loop. Several loops share a port with reuse_port. Loop thread. */
#ifndef SW_NET_LISTEN_H
#define SW_NET_LISTEN_H

#include "net/conn.h"

struct sw_listener;

/* Copied; what the pointers refer to must outlive the listener (address only the call). */
struct sw_listen_options {
	const char *address; /* numeric IPv4 or IPv6 */
	uint16_t port;       /* 0: chosen by the kernel, see sw_listener_port */
	bool reuse_port;
	int backlog;        /* 0: 1024 */
	struct sw_tls *tls; /* NULL: plain */
	void *ctx;
	/* A new connection, not yet read from: the callee gives it an owner, or closes it. With TLS the handshake runs
	 * underneath, so that the owner's deadline covers it. */
	void (*on_conn)(void *ctx, struct sw_conn *conn);
	/* Per-address limits: false refuses (closes at once). `leave` follows for everyone admitted. Both may be NULL. */
	bool (*admit)(void *ctx, const struct sw_peer *peer);
	void (*leave)(void *ctx, const struct sw_peer *peer);
};

/* Errors: SW_EINVAL not an address; SW_EEXISTS in use; SW_EPERM; SW_EIO. diag says address, port and what to do. */
int sw_listener_open(struct sw_net *net, const struct sw_listen_options *options, struct sw_listener **listener_out,
		     struct sw_diag *diag_out) SW_MUST_CHECK;
uint16_t sw_listener_port(const struct sw_listener *listener);
/* Stops accepting and frees it; connections stay. `leave` still comes for them, so ctx must outlive them. */
void sw_listener_close(struct sw_listener *listener);

#endif
