/* SPDX-License-Identifier: Apache-2.0 */
/* Literal addresses and loopback. Does not resolve names. */
#include "egress/host_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

static bool ipv4_is_loopback(const struct in_addr *addr)
{
	return (ntohl(addr->s_addr) >> 24) == 127;
}

static bool ipv6_is_loopback(const struct in6_addr *addr)
{
	if (IN6_IS_ADDR_V4MAPPED(addr)) {
		return addr->s6_addr[12] == 127;
	}
	return IN6_IS_ADDR_LOOPBACK(addr);
}

bool sw_host_is_address(const char *host)
{
	struct in6_addr addr;
	return inet_pton(AF_INET, host, &addr) == 1 || inet_pton(AF_INET6, host, &addr) == 1;
}

bool sw_host_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, host, &v4) == 1) {
		return ipv4_is_loopback(&v4);
	}
	if (inet_pton(AF_INET6, host, &v6) == 1) {
		return ipv6_is_loopback(&v6);
	}
	return strcasecmp(host, "localhost") == 0;
}

bool sw_host_sockaddr_is_loopback(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET) {
		return ipv4_is_loopback(&((const struct sockaddr_in *)(const void *)addr)->sin_addr);
	}
	if (addr->sa_family == AF_INET6) {
		return ipv6_is_loopback(&((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr);
	}
	return false;
}
