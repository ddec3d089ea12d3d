/* SPDX-License-Identifier: Apache-2.0 */
/* The clients of a load and the loop they live in. What they say is the protocols', why they say it the modes'. */
#include "load.h"

#include <openssl/rand.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_PER_TURN 256
#define FROM_DIGITS 6
#define NUMBER_DIGITS 10

int64_t load_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * LOAD_NS_PER_S + ts.tv_nsec;
}

void load_fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void *need(void *ptr)
{
	if (!ptr) {
		load_fail("out of memory");
	}
	return ptr;
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		load_fail("%s: %s", path, strerror(errno));
	}
	fclose(file);
	return text;
}

static void read_users(struct load *load)
{
	char *rest = load->users_text = read_file(load->options->users);
	for (unsigned i = 0; i < load->count; i++) {
		char *line = strsep(&rest, "\n");
		char *secret = line ? strchr(line, ' ') : NULL;
		if (!secret) {
			load_fail("%s: expected %u lines NAME SECRET, got %u", load->options->users, load->count, i);
		}
		*secret = '\0';
		load->clients[i].name = line;
		load->clients[i].secret = secret + 1;
	}
}

static void init_tls(struct load *load)
{
	if (!load->options->ca) {
		return;
	}
	load->tls = need(SSL_CTX_new(TLS_client_method()));
	SSL_CTX_set_verify(load->tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(load->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					    SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_load_verify_locations(load->tls, load->options->ca, NULL) != 1) {
		load_fail("%s: no certificate of an authority", load->options->ca);
	}
}

void load_init(struct load *load, const struct load_options *options, size_t buffer_bytes)
{
	uint32_t random;
	load->options = options;
	load->count = options->clients;
	load->clients = need(calloc(load->count, sizeof(*load->clients)));
	load->dirty = need(calloc(load->count, sizeof(struct client *)));
	/* Pages of it become real when they are used. */
	load->slab = need(calloc(load->count, 2 * buffer_bytes));
	for (unsigned i = 0; i < load->count; i++) {
		load->clients[i].index = i;
		load->clients[i].conn.fd = -1;
		load->clients[i].conn.in = load->slab + 2 * buffer_bytes * i;
		load->clients[i].conn.out = load->clients[i].conn.in + buffer_bytes;
		load->clients[i].conn.max = buffer_bytes;
	}
	memset(load->filler, 'x', sizeof(load->filler));
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (load->epoll < 0 || RAND_bytes((unsigned char *)&random, sizeof(random)) != 1 ||
	    asprintf(&load->run, "%08x", random) < 0) {
		load_fail("cannot start");
	}
	read_users(load);
	init_tls(load);
}

void load_release(struct load *load)
{
	for (unsigned i = 0; i < load->count; i++) {
		conn_close(&load->clients[i].conn);
	}
	close(load->epoll);
	SSL_CTX_free(load->tls);
	free(load->slab);
	free(load->clients);
	free(load->dirty);
	free(load->users_text);
	free(load->run);
}

static void watch(struct load *load, struct client *client, int how, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = client};
	if (epoll_ctl(load->epoll, how, client->conn.fd, &event) != 0) {
		load_fail("epoll: %s", strerror(errno));
	}
}

void load_connect(struct load *load, struct client *client)
{
	conn_open(&client->conn, load->options->port, client->index, load->tls);
	watch(load, client, EPOLL_CTL_ADD, EPOLLIN);
	load->options->protocol->start(load, client);
	load_mark(load, client);
}

void load_mark(struct load *load, struct client *client)
{
	if (!client->dirty) {
		client->dirty = true;
		load->dirty[load->dirty_count++] = client;
	}
}

static void flush_all(struct load *load)
{
	for (unsigned i = 0; i < load->dirty_count; i++) {
		struct client *client = load->dirty[i];
		client->dirty = false;
		if (!conn_flush(&client->conn)) {
			watch(load, client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
		}
	}
	load->dirty_count = 0;
}

static void on_event(struct load *load, struct client *client, uint32_t events)
{
	if (events & EPOLLOUT) {
		watch(load, client, EPOLL_CTL_MOD, EPOLLIN);
		load_mark(load, client);
	}
	if (events & ~(uint32_t)EPOLLOUT) {
		bool open = conn_read(&client->conn);
		load->options->protocol->receive(load, client);
		if (!open) {
			load_fail("the server has closed the connection of %s", client->name);
		}
	}
}

void load_turn(struct load *load, int64_t deadline_ns)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int64_t now = load_now();
	int64_t due_ns = load->options->protocol->say_due ? load->options->protocol->say_due(load, now) : INT64_MAX;
	flush_all(load);
	int64_t wait_ns = (due_ns < deadline_ns ? due_ns : deadline_ns) - now;
	wait_ns = wait_ns < 0 ? 0 : wait_ns;
	struct timespec timeout = {.tv_sec = wait_ns / LOAD_NS_PER_S, .tv_nsec = wait_ns % LOAD_NS_PER_S};
	int n = epoll_pwait2(load->epoll, events, EVENTS_PER_TURN, &timeout, NULL);
	if (n < 0 && errno != EINTR) {
		load_fail("epoll: %s", strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		on_event(load, events[i].data.ptr, events[i].events);
	}
	flush_all(load);
}

static void put_digits(char *out, unsigned digits, uint64_t value)
{
	for (unsigned i = digits; i-- > 0; value /= 10) {
		out[i] = (char)('0' + value % 10);
	}
}

static uint64_t read_digits(const uint8_t *text, unsigned digits)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < digits; i++) {
		if (text[i] < '0' || text[i] > '9') {
			load_fail("a message that was not sent here");
		}
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	return value;
}

size_t load_put_text(const struct load *load, char *out, unsigned from, uint64_t number)
{
	put_digits(out, FROM_DIGITS, from);
	put_digits(out + FROM_DIGITS, NUMBER_DIGITS, number);
	memcpy(out + FROM_DIGITS + NUMBER_DIGITS, load->filler,
	       load->options->body_bytes - FROM_DIGITS - NUMBER_DIGITS);
	return load->options->body_bytes;
}

void load_read_text(const uint8_t *text, size_t len, uint64_t *from_out, uint64_t *number_out)
{
	if (len < FROM_DIGITS + NUMBER_DIGITS) {
		load_fail("a message that was cut");
	}
	*from_out = read_digits(text, FROM_DIGITS);
	*number_out = read_digits(text + FROM_DIGITS, NUMBER_DIGITS);
}
