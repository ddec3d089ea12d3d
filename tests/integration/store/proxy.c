/* SPDX-License-Identifier: Apache-2.0 */
/* One thread while up; it ends with the relay. The port is kept by a bound socket that listens only while up. */
#include "proxy.h"

#include <surewire/mem.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAIRS_MAX = 32, FIRST_PAIR = 2 };

struct proxy {
	struct addrinfo *target;
	int port;
	int stop[2]; /* pipe */
	int listener;
	bool up;
	pthread_t thread;
	struct pollfd fds[FIRST_PAIR + 2 * PAIRS_MAX]; /* stop, listener, then client and server of each pair */
	nfds_t count;
};

static int bind_port(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	const struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

struct proxy *proxy_open(const char *host, const char *port)
{
	struct proxy *proxy = sw_xcalloc(1, sizeof(*proxy));
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	assert_int_equal(getaddrinfo(host, port, &hints, &proxy->target), 0);
	proxy->listener = bind_port(0);
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	assert_int_equal(getsockname(proxy->listener, (struct sockaddr *)&addr, &len), 0);
	proxy->port = ntohs(addr.sin_port);
	assert_int_equal(pipe(proxy->stop), 0);
	return proxy;
}

int proxy_port(const struct proxy *proxy)
{
	return proxy->port;
}

static void accept_one(struct proxy *proxy)
{
	int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
	int server = socket(proxy->target->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client < 0 || server < 0 || proxy->count + 2 > FIRST_PAIR + 2 * PAIRS_MAX ||
	    connect(server, proxy->target->ai_addr, proxy->target->ai_addrlen) != 0) {
		close(client);
		close(server);
		return;
	}
	proxy->fds[proxy->count++] = (struct pollfd){.fd = client, .events = POLLIN};
	proxy->fds[proxy->count++] = (struct pollfd){.fd = server, .events = POLLIN};
}

static bool relay(int from, int to)
{
	char bytes[65536];
	ssize_t n = read(from, bytes, sizeof(bytes));
	for (ssize_t sent = 0; sent < n;) {
		ssize_t m = send(to, bytes + sent, (size_t)(n - sent), MSG_NOSIGNAL);
		if (m <= 0) {
			return false;
		}
		sent += m;
	}
	return n > 0;
}

static void relay_pairs(struct proxy *proxy)
{
	for (nfds_t i = FIRST_PAIR; i < proxy->count; i += 2) {
		struct pollfd *pair = &proxy->fds[i];
		bool alive = (!pair[0].revents || relay(pair[0].fd, pair[1].fd)) &&
			     (!pair[1].revents || relay(pair[1].fd, pair[0].fd));
		if (!alive) {
			close(pair[0].fd);
			close(pair[1].fd);
			/* poll() passes over negative ones. */
			pair[0] = pair[1] = (struct pollfd){.fd = -1};
		}
	}
}

static void *proxy_main(void *arg)
{
	struct proxy *proxy = arg;
	proxy->fds[0] = (struct pollfd){.fd = proxy->stop[0], .events = POLLIN};
	proxy->fds[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
	proxy->count = FIRST_PAIR;
	while (poll(proxy->fds, proxy->count, -1) > 0 && !proxy->fds[0].revents) {
		relay_pairs(proxy);
		if (proxy->fds[1].revents) {
			accept_one(proxy);
		}
	}
	for (nfds_t i = FIRST_PAIR; i < proxy->count; i++) {
		close(proxy->fds[i].fd);
	}
	return NULL;
}

void proxy_up(struct proxy *proxy)
{
	assert_int_equal(listen(proxy->listener, 16), 0);
	assert_int_equal(pthread_create(&proxy->thread, NULL, proxy_main, proxy), 0);
	proxy->up = true;
}

void proxy_down(struct proxy *proxy)
{
	if (!proxy->up) {
		return;
	}
	char byte = 0;
	assert_int_equal(write(proxy->stop[1], &byte, 1), 1);
	pthread_join(proxy->thread, NULL);
	assert_int_equal(read(proxy->stop[0], &byte, 1), 1);
	close(proxy->listener);
	proxy->listener = bind_port(proxy->port);
	proxy->up = false;
}

void proxy_close(struct proxy *proxy)
{
	proxy_down(proxy);
	close(proxy->listener);
	close(proxy->stop[0]);
	close(proxy->stop[1]);
	freeaddrinfo(proxy->target);
	free(proxy);
}
