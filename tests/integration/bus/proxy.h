/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP proxy in front of the broker that can fall silent or say something of its own. One thread. */
#ifndef TEST_BUS_PROXY_H
#define TEST_BUS_PROXY_H

#include <stddef.h>
#include <stdint.h>

/* Listens on a free loopback port and forwards to host:port. */
void proxy_open(const char *host, uint16_t port);
void proxy_close(void);
uint16_t proxy_port(void);
/* Connections that exist now forward nothing any more and stay open; new ones work. */
void proxy_freeze(void);
/* Sends bytes to every client, between what the broker sends. Only while the broker is quiet. */
void proxy_inject(const void *ptr, size_t len);

#endif
