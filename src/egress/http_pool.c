/* SPDX-License-Identifier: Apache-2.0 */
/* Calls wait in one queue and become libcurl transfers as connections are free. What is due later (a call that waited
 * too long, idle connections, the end) is looked at in one turn of a timer. */
#include "egress/http_pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <surewire/clock.h>
#include <surewire/mem.h>
#include <unistd.h>
#include <utlist.h>

#include "egress/curl_http_int.h"
#include "egress/curl_loop_int.h"
#include "egress/host_int.h"

enum { ANSWER_TIMEOUT_DEFAULT_MS = 30000, ORIGIN_MAX = 280, LIFE_SECONDS_MAX = 300 };

static const char not_public[] = "connect: not an address of the public internet";
static const char not_loopback[] = "connect: http is allowed towards loopback only";

/* Of one connection, open. */
struct conn_socket {
	struct conn_socket *next;
	struct conn_socket *prev;
	curl_socket_t fd;
};

struct exchange {
	struct sw_curl_transfer transfer; /* first */
	struct exchange *next;            /* in the queue */
	struct exchange *prev;
	struct sw_http_pool *pool;
	struct sw_h2_call *call;
	struct curl_slist *headers;
	struct sw_curl_answer answer;
	size_t body_at;      /* how much of the body libcurl has taken */
	bool opened;         /* a socket of its own: else it goes onto a kept connection */
	bool stale;          /* the kept connection was closed by the server meanwhile: nothing sent */
	bool issued;         /* on a connection */
	bool body_taken;     /* asked for at least once: some of it may have left */
	const char *refused; /* the address it was not to connect to */
	int64_t since_ms;    /* when it was queued, then when it was started */
	char error[CURL_ERROR_SIZE];
};

struct sw_http_pool {
	uv_loop_t *loop;
	const struct sw_endpoint *endpoint;
	char origin[ORIGIN_MAX];
	struct sw_curl_loop *curl; /* NULL: no connections */
	size_t curls;              /* not closed yet, also former ones */
	struct conn_socket *sockets;
	struct exchange *queue;
	size_t queued;
	size_t queue_max;
	size_t in_flight;
	int64_t idle_since_ms;
	uv_timer_t timer;
	bool closing;
	bool timer_closing;
	int64_t grace_ms;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

static void arm(struct sw_http_pool *pool);

static int answer_timeout_ms(const struct sw_http_pool *pool)
{
	return pool->endpoint->answer_timeout_ms > 0 ? pool->endpoint->answer_timeout_ms : ANSWER_TIMEOUT_DEFAULT_MS;
}

/* ---- one exchange ---- */

static void release_transfer(struct exchange *x)
{
	if (x->transfer.easy != NULL) {
		curl_easy_cleanup(x->transfer.easy);
		curl_slist_free_all(x->headers);
		sw_curl_answer_release(&x->answer);
		x->transfer.easy = NULL;
	}
}

static void exchange_free(struct exchange *x)
{
	release_transfer(x);
	free(x);
}

/* The only way out: `done` may send again or free its call. */
static void tell(struct exchange *x, enum sw_h2_end end, const char *detail)
{
	struct sw_h2_result result = {.end = end, .detail = detail};
	result.duration_ms = sw_clock_mono_ms() - x->since_ms;
	if (end == SW_H2_ANSWERED) {
		sw_curl_answer_response(&x->answer, &result.response);
	}
	x->call->done(x->call, &result);
	exchange_free(x);
}

static size_t on_read(char *to, size_t size, size_t count, void *ctx)
{
	struct exchange *x = ctx;
	struct sw_bytes body = x->call->request->body;
	size_t len = body.len - x->body_at;
	len = len < size * count ? len : size * count;
	if (len > 0) {
		memcpy(to, body.ptr + x->body_at, len);
	}
	x->body_at += len;
	x->body_taken = true;
	return len;
}

static bool has_port(curl_socket_t fd, int local_port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr = {.any.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(addr);
	if (getsockname(fd, &addr.any, &len) != 0) {
		return false;
	}
	return ntohs(addr.any.sa_family == AF_INET6 ? addr.v6.sin6_port : addr.v4.sin_port) == local_port;
}

/* A server that speaks on an idle connection says that it is over: FIN, or TLS's close_notify, which libcurl 7.88 does not
 * see: it would write the request, and nobody could tell what became of it. */
static bool is_silent(const struct sw_http_pool *pool, int local_port)
{
	const struct conn_socket *sock;
	bool found = false;
	DL_FOREACH (pool->sockets, sock) {
		char byte;
		if (!has_port(sock->fd, local_port)) {
			continue;
		}
		found = true;
		if (recv(sock->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
		    (errno != EAGAIN && errno != EWOULDBLOCK)) {
			return false;
		}
	}
	return found;
}

/* Before a request goes onto a connection; once more when the connection broke and libcurl takes another. */
static int on_issue(void *ctx, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	(void)remote_ip;
	(void)local_ip;
	(void)remote_port;
	struct exchange *x = ctx;
	x->stale = !x->opened && !is_silent(x->pool, local_port);
	if (x->stale || x->body_taken) {
		return CURL_PREREQFUNC_ABORT;
	}
	x->issued = true;
	x->body_taken = x->call->request->body.len == 0; /* whole without one */
	return CURL_PREREQFUNC_OK;
}

static curl_socket_t open_socket(struct sw_http_pool *pool, const struct curl_sockaddr *addr)
{
	int fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
	if (fd < 0) {
		return CURL_SOCKET_BAD;
	}
	struct conn_socket *sock = sw_xcalloc(1, sizeof(*sock));
	sock->fd = fd;
	DL_APPEND(pool->sockets, sock);
	return fd;
}

static int on_close_socket(void *ctx, curl_socket_t fd)
{
	struct sw_http_pool *pool = ctx;
	struct conn_socket *sock = pool->sockets;
	while (sock->fd != fd) {
		sock = sock->next;
	}
	DL_DELETE(pool->sockets, sock);
	free(sock);
	return close(fd);
}

/* What the name resolved to, just now. */
static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
	(void)purpose;
	struct exchange *x = ctx;
	const struct sw_endpoint *endpoint = x->pool->endpoint;
	if (endpoint->public_only && !sw_host_sockaddr_is_public(&addr->addr)) {
		x->refused = not_public;
	} else if (endpoint->plain && !sw_host_sockaddr_is_loopback(&addr->addr)) {
		x->refused = not_loopback;
	} else {
		x->refused = NULL;
		x->opened = true;
		return open_socket(x->pool, addr);
	}
	return CURL_SOCKET_BAD;
}

static void set_server(CURL *easy, const struct sw_endpoint *endpoint)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, endpoint->plain ? "http" : "https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (endpoint->cert_file != NULL) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT, endpoint->cert_file);
		curl_easy_setopt(easy, CURLOPT_SSLKEY, endpoint->key_file);
	}
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)(SW_HTTP_IDLE_MS / 1000));
	curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)LIFE_SECONDS_MAX);
}

static void set_request(CURL *easy, struct exchange *x)
{
	const struct sw_http_request *request = x->call->request;
	char *url = sw_xasprintf("%s%.*s", x->pool->origin, SW_BYTES_FMT(request->path));
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	free(url);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
	x->headers = sw_curl_http_append(NULL, "expect:");
	for (size_t i = 0; i < request->header_count; i++) {
		char *line = sw_xasprintf("%.*s: %.*s", SW_BYTES_FMT(request->headers[i].name),
					  SW_BYTES_FMT(request->headers[i].value));
		x->headers = sw_curl_http_append(x->headers, line);
		free(line);
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
}

static void set_callbacks(CURL *easy, struct exchange *x)
{
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_READDATA, x);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_issue);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, x->pool);
}

/* ---- the pool ---- */

static void on_timer(uv_timer_t *timer);

static void on_curl_closed(void *ctx)
{
	struct sw_http_pool *pool = ctx;
	pool->curls--;
	arm(pool);
}

static void close_connections(struct sw_http_pool *pool)
{
	if (pool->curl != NULL) {
		sw_curl_loop_close(pool->curl, on_curl_closed, pool);
		pool->curl = NULL;
	}
}

static void start_waiting(struct sw_http_pool *pool);
static void start(struct sw_http_pool *pool, struct exchange *x);

static const char *detail_of(const struct exchange *x, CURLcode code)
{
	if (x->refused != NULL) {
		return x->refused;
	}
	if (code == CURLE_SEND_FAIL_REWIND || (code == CURLE_ABORTED_BY_CALLBACK && !x->pool->closing)) {
		return "the connection broke before an answer";
	}
	return sw_curl_http_detail(code, x->error);
}

static void on_transfer_done(struct sw_curl_transfer *transfer, CURLcode code)
{
	struct exchange *x = (struct exchange *)transfer;
	struct sw_http_pool *pool = x->pool;
	const char *detail = detail_of(x, code);
	pool->in_flight--;
	if (x->stale && !x->issued && !pool->closing) {
		release_transfer(x);
		start(pool, x);
		return;
	}
	if (x->answer.final) {
		tell(x, SW_H2_ANSWERED, "");
	} else if (x->body_taken) {
		tell(x, SW_H2_UNKNOWN, detail);
	} else {
		tell(x, x->issued ? SW_H2_UNSENT : SW_H2_CONNECT_FAILED, detail);
	}
	pool->idle_since_ms = sw_clock_mono_ms();
	start_waiting(pool);
	arm(pool);
}

static void start(struct sw_http_pool *pool, struct exchange *x)
{
	CURL *easy = curl_easy_init();
	int timeout_ms = answer_timeout_ms(pool);
	if (easy == NULL) {
		abort();
	}
	if (pool->curl == NULL) {
		pool->curl = sw_curl_loop_new(pool->loop);
		pool->curls++;
		sw_curl_loop_keep(pool->curl, pool->endpoint->connections_max);
	}
	x->transfer.easy = easy;
	x->transfer.done = on_transfer_done;
	x->since_ms = sw_clock_mono_ms();
	sw_curl_http_prepare(easy, pool->endpoint->ca_file, x->error);
	sw_curl_answer_init(&x->answer, easy, SW_HTTP_HEADERS_BYTES_MAX, SW_HTTP_BODY_MAX);
	set_server(easy, pool->endpoint);
	set_request(easy, x);
	set_callbacks(easy, x);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, x->stale ? 1L : 0L);
	x->error[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(timeout_ms < SW_HTTP_CONNECT_TIMEOUT_MS ? timeout_ms : SW_HTTP_CONNECT_TIMEOUT_MS));
	pool->in_flight++;
	/* It is not closing: that is said to a loop that is not in pool->curl any more. */
	(void)sw_curl_loop_add(pool->curl, &x->transfer);
}

static struct exchange *pop(struct sw_http_pool *pool)
{
	struct exchange *x = pool->queue;
	DL_DELETE(pool->queue, x);
	pool->queued--;
	return x;
}

static void start_waiting(struct sw_http_pool *pool)
{
	while (!pool->closing && pool->queue && pool->in_flight < (size_t)pool->endpoint->connections_max) {
		start(pool, pop(pool));
	}
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct sw_http_pool *pool = handle->data;
	if (pool->closed != NULL) {
		pool->closed(pool->closed_ctx);
	}
	free(pool);
}

static void wind_down(struct sw_http_pool *pool, int64_t now_ms)
{
	if (pool->in_flight == 0 || now_ms >= pool->grace_ms) {
		close_connections(pool);
	}
	if (pool->in_flight == 0 && pool->curls == 0) {
		pool->timer_closing = true;
		uv_close((uv_handle_t *)&pool->timer, on_timer_closed);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct sw_http_pool *pool = timer->data;
	int64_t now_ms = sw_clock_mono_ms();
	while (pool->queue && (pool->closing || pool->queue->since_ms + answer_timeout_ms(pool) <= now_ms)) {
		tell(pop(pool), SW_H2_UNSENT, pool->closing ? "closing" : "no free connection in time");
	}
	if (pool->closing) {
		wind_down(pool, now_ms);
	} else if (pool->in_flight == 0 && now_ms - pool->idle_since_ms >= SW_HTTP_IDLE_MS) {
		close_connections(pool);
	}
	arm(pool);
}

/* For whatever is due next. */
static void arm(struct sw_http_pool *pool)
{
	int64_t next_ms = INT64_MAX;
	if (pool->timer_closing) {
		return;
	}
	if (pool->closing) {
		next_ms = pool->in_flight > 0 ? pool->grace_ms : pool->curl || pool->curls == 0 ? 0 : INT64_MAX;
	} else if (pool->queue) {
		next_ms = pool->queue->since_ms + answer_timeout_ms(pool);
	} else if (pool->curl && pool->in_flight == 0) {
		next_ms = pool->idle_since_ms + SW_HTTP_IDLE_MS;
	}
	if (next_ms == INT64_MAX) {
		uv_timer_stop(&pool->timer);
		return;
	}
	int64_t now_ms = sw_clock_mono_ms();
	uv_update_time(pool->loop);
	uv_timer_start(&pool->timer, on_timer, next_ms > now_ms ? (uint64_t)(next_ms - now_ms) : 0, 0);
}

/* RFC 9110, 4.2: an IPv6 address in brackets. */
static void set_origin(struct sw_http_pool *pool)
{
	const struct sw_endpoint *endpoint = pool->endpoint;
	bool bracket = strchr(endpoint->host, ':') != NULL;
	snprintf(pool->origin, sizeof(pool->origin), "%s://%s%s%s:%u", endpoint->plain ? "http" : "https",
		 bracket ? "[" : "", endpoint->host, bracket ? "]" : "", endpoint->port);
}

struct sw_http_pool *sw_http_pool_new(uv_loop_t *loop, const struct sw_endpoint *endpoint, size_t queue_max)
{
	struct sw_http_pool *pool = sw_xcalloc(1, sizeof(*pool));
	pool->loop = loop;
	pool->endpoint = endpoint;
	pool->queue_max = queue_max;
	set_origin(pool);
	uv_timer_init(loop, &pool->timer);
	pool->timer.data = pool;
	return pool;
}

/* ---- sending ---- */

static bool is_visible(struct sw_bytes text, uint8_t least)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < least || text.ptr[i] == 0x7f) {
			return false;
		}
	}
	return true;
}

static bool is_allowed(const struct sw_http_request *request)
{
	if (strcmp(request->method, "POST") != 0 || request->path.len == 0 || request->path.ptr[0] != '/' ||
	    !is_visible(request->path, 0x21)) {
		return false;
	}
	for (size_t i = 0; i < request->header_count; i++) {
		const struct sw_http_header *header = &request->headers[i];
		if (header->name.len == 0 || !is_visible(header->name, 0x21) || header->value.len == 0 ||
		    memchr(header->name.ptr, ':', header->name.len) || !is_visible(header->value, 0x20)) {
			return false;
		}
	}
	return true;
}

int sw_http_send(struct sw_http_pool *pool, struct sw_h2_call *call)
{
	if (pool->closing) {
		return SW_ECLOSED;
	}
	if (!is_allowed(call->request)) {
		return SW_EINVAL;
	}
	if (pool->queued >= pool->queue_max) {
		return SW_EBUSY;
	}
	struct exchange *x = sw_xcalloc(1, sizeof(*x));
	x->pool = pool;
	x->call = call;
	x->since_ms = sw_clock_mono_ms();
	DL_APPEND(pool->queue, x);
	pool->queued++;
	start_waiting(pool);
	arm(pool);
	return SW_OK;
}

void sw_http_pool_close(struct sw_http_pool *pool, void (*closed)(void *ctx), void *ctx)
{
	pool->closing = true;
	pool->closed = closed;
	pool->closed_ctx = ctx;
	pool->grace_ms = sw_clock_mono_ms() + SW_HTTP_CLOSE_GRACE_MS;
	uv_timer_start(&pool->timer, on_timer, 0, 0);
}
