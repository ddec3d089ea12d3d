/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's multi_socket interface on libuv. Completions are handled from the timer or a socket's event, never from
 * inside sw_curl_loop_add. Knows nothing of HTTP. */
#include "egress/curl_loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <surewire/mem.h>

#include "egress/curl_loop_int.h"

struct sw_curl_loop {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	struct sw_curl_transfer *transfers;
	size_t sockets; /* uv_poll handles not yet closed */
	bool closing;
	bool timer_closing;
	void (*closed)(void *ctx);
	void *closed_ctx;
};

struct curl_socket {
	uv_poll_t poll;
	struct sw_curl_loop *curl;
	curl_socket_t fd;
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		abort();
	}
}

void sw_curl_global(void)
{
	(void)pthread_once(&global_once, global_init);
}

static void unlink_transfer(struct sw_curl_loop *curl, struct sw_curl_transfer *transfer)
{
	if (transfer->prev != NULL) {
		transfer->prev->next = transfer->next;
	} else {
		curl->transfers = transfer->next;
	}
	if (transfer->next != NULL) {
		transfer->next->prev = transfer->prev;
	}
}

static void end_transfer(struct sw_curl_loop *curl, CURL *easy, CURLcode code)
{
	struct sw_curl_transfer *transfer = NULL;
	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
	curl_multi_remove_handle(curl->multi, easy);
	unlink_transfer(curl, transfer);
	transfer->done(transfer, code);
}

static void check_done(struct sw_curl_loop *curl)
{
	int left;
	CURLMsg *msg;
	while ((msg = curl_multi_info_read(curl->multi, &left)) != NULL) {
		if (msg->msg == CURLMSG_DONE) {
			/* msg dies with the handle's removal. */
			CURL *easy = msg->easy_handle;
			CURLcode code = msg->data.result;
			end_transfer(curl, easy, code);
		}
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct sw_curl_loop *curl = handle->data;
	if (curl->closed != NULL) {
		curl->closed(curl->closed_ctx);
	}
	free(curl);
}

/* The last socket's handle is gone: now the timer, and with it the object. */
static void maybe_free(struct sw_curl_loop *curl)
{
	if (curl->multi == NULL && curl->sockets == 0 && !curl->timer_closing) {
		curl->timer_closing = true;
		uv_close((uv_handle_t *)&curl->timer, on_closed);
	}
}

static void on_socket_closed(uv_handle_t *handle)
{
	struct curl_socket *sock = handle->data;
	struct sw_curl_loop *curl = sock->curl;
	curl->sockets--;
	free(sock);
	maybe_free(curl);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct curl_socket *sock = poll->data;
	struct sw_curl_loop *curl = sock->curl;
	int mask = 0;
	mask |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
	mask |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
	mask |= status < 0 ? CURL_CSELECT_ERR : 0;
	int running;
	(void)curl_multi_socket_action(curl->multi, sock->fd, mask, &running);
	check_done(curl);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	(void)easy;
	struct sw_curl_loop *curl = ctx;
	struct curl_socket *sock = socket_ctx;
	if (what == CURL_POLL_REMOVE) {
		if (sock != NULL) {
			curl_multi_assign(curl->multi, fd, NULL);
			uv_poll_stop(&sock->poll);
			uv_close((uv_handle_t *)&sock->poll, on_socket_closed);
		}
		return 0;
	}
	if (sock == NULL) {
		sock = sw_xcalloc(1, sizeof(*sock));
		sock->curl = curl;
		sock->fd = fd;
		if (uv_poll_init_socket(curl->loop, &sock->poll, fd) != 0) {
			free(sock);
			return -1;
		}
		sock->poll.data = sock;
		curl->sockets++;
		curl_multi_assign(curl->multi, fd, sock);
	}
	int events = 0;
	events |= (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
	events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
	return uv_poll_start(&sock->poll, events, on_poll) == 0 ? 0 : -1;
}

static void on_timeout(uv_timer_t *timer)
{
	struct sw_curl_loop *curl = timer->data;
	int running;
	(void)curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_done(curl);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	(void)multi;
	struct sw_curl_loop *curl = ctx;
	if (timeout_ms < 0) {
		return uv_timer_stop(&curl->timer);
	}
	return uv_timer_start(&curl->timer, on_timeout, (uint64_t)timeout_ms, 0);
}

struct sw_curl_loop *sw_curl_loop_new(uv_loop_t *loop)
{
	sw_curl_global();
	struct sw_curl_loop *curl = sw_xcalloc(1, sizeof(*curl));
	curl->loop = loop;
	uv_timer_init(loop, &curl->timer);
	curl->timer.data = curl;
	curl->multi = curl_multi_init();
	if (curl->multi == NULL) {
		abort();
	}
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
	return curl;
}

void sw_curl_loop_keep(struct sw_curl_loop *curl, int connections_max)
{
	curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, (long)connections_max);
}

bool sw_curl_loop_add(struct sw_curl_loop *curl, struct sw_curl_transfer *transfer)
{
	if (curl->closing) {
		return false;
	}
	transfer->prev = NULL;
	transfer->next = curl->transfers;
	if (curl->transfers != NULL) {
		curl->transfers->prev = transfer;
	}
	curl->transfers = transfer;
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	if (curl_multi_add_handle(curl->multi, transfer->easy) != CURLM_OK) {
		abort();
	}
	return true;
}

static void on_close_turn(uv_timer_t *timer)
{
	struct sw_curl_loop *curl = timer->data;
	while (curl->transfers != NULL) {
		end_transfer(curl, curl->transfers->easy, CURLE_ABORTED_BY_CALLBACK);
	}
	curl_multi_cleanup(curl->multi);
	curl->multi = NULL;
	uv_timer_stop(timer);
	maybe_free(curl);
}

void sw_curl_loop_close(struct sw_curl_loop *curl, void (*closed)(void *ctx), void *ctx)
{
	curl->closing = true;
	curl->closed = closed;
	curl->closed_ctx = ctx;
	uv_timer_start(&curl->timer, on_close_turn, 0, 0);
}
