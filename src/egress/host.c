/* SPDX-License-Identifier: Apache-2.0 */
/* Literal addresses, loopback, public addresses. Does not resolve names. */
#include "egress/host_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
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

struct range {
	uint8_t prefix[16];
	unsigned bits;
};

/* IANA, "IPv4 Special-Purpose Address Registry", and multicast with what is above it. */
static const struct range special_v4[] = {
	{{0}, 8},             /* this network */
	{{10}, 8},            /* private, RFC 1918 */
	{{100, 64}, 10},      /* carriers' NAT, RFC 6598 */
	{{127}, 8},           /* loopback */
	{{169, 254}, 16},     /* link-local; cloud metadata */
	{{172, 16}, 12},      /* private */
	{{192, 0, 0}, 24},    /* protocol assignments */
	{{192, 0, 2}, 24},    /* documentation */
	{{192, 88, 99}, 24},  /* 6to4 relays */
	{{192, 168}, 16},     /* private */
	{{198, 18}, 15},      /* benchmarks */
	{{198, 51, 100}, 24}, /* documentation */
	{{203, 0, 113}, 24},  /* documentation */
	{{224}, 3},           /* multicast, reserved, broadcast */
};

/* Of 2000::/3, the only block that is global unicast: IANA, "IPv6 Special-Purpose Address Registry". */
static const struct range special_v6[] = {
	{{0x20, 0x01, 0x00}, 23},       /* protocol assignments; Teredo is looked at before */
	{{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
	{{0x3f, 0xff, 0x00}, 20},       /* documentation */
	{{0x3f, 0xfe}, 16},             /* 6bone, returned */
};
static const struct range global_v6 = {{0x20}, 3};
static const struct range teredo = {{0x20, 0x01, 0x00, 0x00}, 32};
static const struct range sixtofour = {{0x20, 0x02}, 16};
static const struct range nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};
static const struct range mapped = {{[10] = 0xff, 0xff}, 96};

static bool in_range(const uint8_t *addr, const struct range *range)
{
	size_t whole = range->bits / 8;
	unsigned rest = range->bits % 8;
	uint8_t mask = (uint8_t)(0xff << (8 - rest));
	return memcmp(addr, range->prefix, whole) == 0 &&
	       (rest == 0 || (addr[whole] & mask) == (range->prefix[whole] & mask));
}

static bool in_any(const uint8_t *addr, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (in_range(addr, &ranges[i])) {
			return true;
		}
	}
	return false;
}

static bool ipv4_is_public(const uint8_t addr[4])
{
	return !in_any(addr, special_v4, sizeof(special_v4) / sizeof(special_v4[0]));
}

static bool ipv6_is_public(const uint8_t addr[16])
{
	if (in_range(addr, &mapped) || in_range(addr, &nat64)) {
		return ipv4_is_public(addr + 12);
	}
	if (in_range(addr, &sixtofour)) {
		return ipv4_is_public(addr + 2);
	}
	if (in_range(addr, &teredo)) {
		uint8_t client[4];
		for (size_t i = 0; i < sizeof(client); i++) {
			client[i] = (uint8_t)~addr[12 + i]; /* RFC 4380, 4: obscured */
		}
		return ipv4_is_public(client) && ipv4_is_public(addr + 4);
	}
	return in_range(addr, &global_v6) && !in_any(addr, special_v6, sizeof(special_v6) / sizeof(special_v6[0]));
}

bool sw_host_sockaddr_is_public(const struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)addr;
		return ipv4_is_public((const uint8_t *)&v4->sin_addr);
	}
	if (addr->sa_family == AF_INET6) {
		return ipv6_is_public(((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr.s6_addr);
	}
	return false;
}
