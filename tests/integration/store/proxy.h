/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP relay on loopback that can be taken away and brought back: a server that is gone, as its clients see it. */
#ifndef SW_TESTS_STORE_PROXY_H
#define SW_TESTS_STORE_PROXY_H

struct proxy;

/* Takes a port, relays to host:port once up. Down at first: connections are refused. */
struct proxy *proxy_open(const char *host, const char *port);
int proxy_port(const struct proxy *proxy);
void proxy_up(struct proxy *proxy);
/* Cuts everything and refuses. */
void proxy_down(struct proxy *proxy);
void proxy_close(struct proxy *proxy);

#endif
