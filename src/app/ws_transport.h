/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP connection of the terminal client, with TLS when asked: bytes out, bytes in, each call with a deadline. Blocks its
 * caller, never longer than that. One thread at a time. */
#ifndef SW_APP_WS_TRANSPORT_H
#define SW_APP_WS_TRANSPORT_H

#include <surewire/bytes.h>
#include <surewire/err.h>

struct sw_transport;

struct sw_transport_target {
	const char *host;    /* name or numeric address, IPv6 without brackets */
	const char *port;    /* decimal */
	bool tls;            /* 1.2 or later; certificate and name are always checked */
	const char *ca_file; /* PEM; NULL: the system's certificates */
};

/* Deadlines are monotonic milliseconds. SW_ECONNECT, SW_ETIMEOUT, SW_ETLS, SW_ECONFIG (ca_file). */
int sw_transport_open(const struct sw_transport_target *target, int64_t deadline_ms,
		      struct sw_transport **transport_out, struct sw_diag *diag_out) SW_MUST_CHECK;
/* All of it, or SW_ETIMEOUT, SW_ECLOSED, SW_EIO: then the connection is of no use any more. */
int sw_transport_write(struct sw_transport *transport, struct sw_bytes bytes, int64_t deadline_ms) SW_MUST_CHECK;
/* At least one byte. SW_EAGAIN: none by the deadline, and all that the socket held was read. SW_ECLOSED, SW_EIO. */
int sw_transport_read(struct sw_transport *transport, void *ptr, size_t size_bytes, int64_t deadline_ms,
		      size_t *len_out) SW_MUST_CHECK;
/* To be polled for input after a read returned SW_EAGAIN. */
int sw_transport_fd(const struct sw_transport *transport);
/* NULL is allowed. */
void sw_transport_close(struct sw_transport *transport);

#endif
