/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAIRS_MAX = 64 };

struct pair {
	int client;
	int server;
	bool frozen;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pair pairs[PAIRS_MAX];
static int pair_count;
static int listener;
static bool closing;
static struct sockaddr_in broker;
static pthread_t thread;

static void accept_one(void)
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client < 0 || pair_count == PAIRS_MAX || connect(server, (struct sockaddr *)&broker, sizeof(broker)) < 0) {
		close(server);
		close(client);
		return;
	}
	pairs[pair_count++] = (struct pair){.client = client, .server = server};
}

/* False: the end of one side. */
static bool forward(int from, int to)
{
	char data[65536];
	ssize_t n = recv(from, data, sizeof(data), MSG_DONTWAIT);
	for (ssize_t at = 0; n > 0 && at < n;) {
		ssize_t sent = send(to, data + at, (size_t)(n - at), MSG_NOSIGNAL);
		if (sent <= 0) {
			return false;
		}
		at += sent;
	}
	return n != 0;
}

static void serve(struct pair *pair)
{
	struct pollfd fds[2] = {{.fd = pair->client, .events = POLLIN}, {.fd = pair->server, .events = POLLIN}};
	if (pair->frozen || pair->client < 0 || poll(fds, 2, 0) <= 0) {
		return;
	}
	bool alive = !fds[0].revents || forward(pair->client, pair->server);
	alive = alive && (!fds[1].revents || forward(pair->server, pair->client));
	if (!alive) {
		close(pair->client);
		close(pair->server);
		pair->client = pair->server = -1;
	}
}

static void *run(void *arg)
{
	(void)arg;
	for (bool over = false; !over;) {
		struct pollfd fd = {.fd = listener, .events = POLLIN};
		int n = poll(&fd, 1, 2);
		pthread_mutex_lock(&lock);
		if (n > 0) {
			accept_one();
		}
		for (int i = 0; i < pair_count; i++) {
			serve(&pairs[i]);
		}
		over = closing;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

void proxy_open(const char *host, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	broker = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET, host, &broker.sin_addr), 1);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 16), 0);
	pair_count = 0;
	closing = false;
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
}

uint16_t proxy_port(void)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	return ntohs(address.sin_port);
}

void proxy_freeze(void)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < pair_count; i++) {
		pairs[i].frozen = true;
	}
	pthread_mutex_unlock(&lock);
}

void proxy_inject(const void *ptr, size_t len)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < pair_count; i++) {
		if (pairs[i].client >= 0) {
			assert_int_equal(send(pairs[i].client, ptr, len, MSG_NOSIGNAL), len);
		}
	}
	pthread_mutex_unlock(&lock);
}

void proxy_close(void)
{
	pthread_mutex_lock(&lock);
	closing = true;
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	for (int i = 0; i < pair_count; i++) {
		if (pairs[i].client >= 0) {
			close(pairs[i].client);
			close(pairs[i].server);
		}
	}
	close(listener);
}
