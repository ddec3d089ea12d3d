/* SPDX-License-Identifier: Apache-2.0 */
/* What a host name or an address is: a literal, loopback, public. No lookups. Pure. */
#ifndef SW_EGRESS_HOST_INT_H
#define SW_EGRESS_HOST_INT_H

#include <stdbool.h>
#include <sys/socket.h>

/* A literal IPv4 or IPv6 address (without brackets). */
bool sw_host_is_address(const char *host);
/* "localhost" or a literal loopback address. A name may still resolve elsewhere: check the address when connecting. */
bool sw_host_is_loopback(const char *host);
bool sw_host_sockaddr_is_loopback(const struct sockaddr *addr);
/* An address of the public internet: unicast, and of no range that is kept for this machine, a private network, a
 * carrier's, a link, documentation or the like (RFC 6890 and IANA's special-purpose registries). Addresses that hold an
 * IPv4 address (mapped, NAT64, 6to4, Teredo) are as public as that one. False for what is not IP. */
bool sw_host_sockaddr_is_public(const struct sockaddr *addr);

#endif
