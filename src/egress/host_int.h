/* SPDX-License-Identifier: Apache-2.0 */
/* What a configured host name is: an address, loopback. Text only, no lookups. Pure. */
#ifndef SW_EGRESS_HOST_INT_H
#define SW_EGRESS_HOST_INT_H

#include <stdbool.h>
#include <sys/socket.h>

/* A literal IPv4 or IPv6 address (without brackets). */
bool sw_host_is_address(const char *host);
/* "localhost" or a literal loopback address. A name may still resolve elsewhere: check the address when connecting. */
bool sw_host_is_loopback(const char *host);
bool sw_host_sockaddr_is_loopback(const struct sockaddr *addr);

#endif
