/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a link's thread. The library decodes and does the synchronous calls of the setup; on an established
 * connection we send ourselves, since its sending waits without a deadline for a peer that may be dead or blocked. */
#include "bus/link.h"

#include "base/metrics.h"
#include "base/rng.h"
#include "bus/amqp_encode.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <amqp_framing.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKOFF_MIN_MS = 100,
	BACKOFF_MAX_MS = 5000,
	STOP_POLL_MS = 20,
	STEADY_MS = 1000,      /* a connection that lived so long starts the backoff anew */
	FRAMES_PER_TURN = 512, /* so that a stream of deliveries does not keep acks waiting */
	OUT_MAX = SW_LINK_OUT_HIGH + SW_BUS_BODY_MAX + 1024 * 1024,
	OUT_KEEP = 2 * SW_LINK_OUT_HIGH, /* a larger buffer is given back when it is empty */
};

int sw_link_init(struct sw_link *link, const struct sw_bus_config *config, const char *label)
{
	if (config->heartbeat_s < 1 || config->heartbeat_s > 600 || config->connect_timeout_ms < 1 || !config->host ||
	    !config->user || !config->password || !config->vhost || !config->name) {
		return SW_EINVAL;
	}
	*link = (struct sw_link){.config = *config, .label = label, .fd = -1, .backoff_ms = BACKOFF_MIN_MS};
	link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (link->wake_fd < 0) {
		return SW_EIO;
	}
	pthread_mutex_init(&link->state_lock, NULL);
	sw_buf_init(&link->out, OUT_MAX);
	link->state.since_mono_ms = sw_clock_mono_ms();
	link->metric_connected = sw_link_gauge(link, "surewire_bus_connected", "1 while the connection is up");
	link->metric_reconnects = sw_link_counter(link, "surewire_bus_reconnects_total", "Connections lost");
	link->metric_blocked = sw_link_counter(link, "surewire_bus_blocked_total",
					       "Times the broker's alarm stopped publishing");
	link->metric_blocked_now = sw_link_gauge(link, "surewire_bus_blocked", "1 while the broker's alarm lasts");
	return SW_OK;
}

void sw_link_release(struct sw_link *link)
{
	sw_buf_release(&link->out);
	pthread_mutex_destroy(&link->state_lock);
	close(link->wake_fd);
}

static struct sw_metric *with_label(const struct sw_link *link, const char *name, const char *help,
				    struct sw_metric *(*make)(const char *, const char *, const char *))
{
	char *labels = sw_xasprintf("link=\"%s\"", link->label);
	struct sw_metric *metric = make(name, labels, help);
	free(labels);
	return metric;
}

struct sw_metric *sw_link_counter(const struct sw_link *link, const char *name, const char *help)
{
	return with_label(link, name, help, sw_metric_counter);
}

struct sw_metric *sw_link_gauge(const struct sw_link *link, const char *name, const char *help)
{
	return with_label(link, name, help, sw_metric_gauge);
}

void sw_link_wake(void *ctx)
{
	struct sw_link *link = ctx;
	uint64_t one = 1;
	/* Fails only when the counter is full: then it is readable anyway. */
	ssize_t n = write(link->wake_fd, &one, sizeof(one));
	(void)n;
}

struct sw_link_state sw_link_get_state(struct sw_link *link)
{
	pthread_mutex_lock(&link->state_lock);
	struct sw_link_state state = link->state;
	pthread_mutex_unlock(&link->state_lock);
	return state;
}

static void note_error(struct sw_link *link, const char *text)
{
	size_t max = sizeof(link->state.last_error) - 1; /* longer ones are cut */
	size_t len = strnlen(text, max);
	pthread_mutex_lock(&link->state_lock);
	memcpy(link->state.last_error, text, len);
	link->state.last_error[len] = '\0';
	pthread_mutex_unlock(&link->state_lock);
}

void sw_link_fail(struct sw_link *link, int err, const char *fmt, ...)
{
	if (link->failed < 0) {
		return;
	}
	link->failed = err;
	char text[sizeof(link->state.last_error)];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	note_error(link, text);
}

static void set_connected(struct sw_link *link, bool connected)
{
	pthread_mutex_lock(&link->state_lock);
	link->state.connected = connected;
	link->state.since_mono_ms = sw_clock_mono_ms();
	pthread_mutex_unlock(&link->state_lock);
	sw_metric_set(link->metric_connected, connected);
}

/* A peer that takes no data for this long ends the connection, except while it says that it is blocked. */
static void set_user_timeout(struct sw_link *link, unsigned timeout_ms)
{
	(void)setsockopt(link->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

static void set_blocked(struct sw_link *link, bool blocked, struct sw_bytes reason)
{
	if (link->blocked == blocked) {
		return;
	}
	link->blocked = blocked;
	pthread_mutex_lock(&link->state_lock);
	link->state.blocked = blocked;
	pthread_mutex_unlock(&link->state_lock);
	sw_metric_set(link->metric_blocked_now, blocked);
	sw_metric_add(link->metric_blocked, blocked);
	if (link->conn) {
		set_user_timeout(link, blocked ? 0 : (unsigned)(2 * link->heartbeat_ms));
	}
	if (blocked) {
		SW_LOG(WARN, "bus.blocked", SW_F_STR("link", link->label), SW_F_BYTES("reason", reason));
	} else {
		SW_LOG(INFO, "bus.unblocked", SW_F_STR("link", link->label));
	}
}

/* ---- up and down ---- */

static void log_down(struct sw_link *link, int err)
{
	struct sw_link_state state = sw_link_get_state(link);
	if (strcmp(state.last_error, link->logged_error) == 0) {
		return;
	}
	memcpy(link->logged_error, state.last_error, sizeof(link->logged_error));
	SW_LOG(WARN, "bus.down", SW_F_STR("link", link->label), SW_F_ERR(err), SW_F_STR("reason", state.last_error));
}

/* Between half and the whole of the backoff, which doubles. */
static void schedule_attempt(struct sw_link *link)
{
	uint64_t half = (uint64_t)link->backoff_ms / 2;
	link->next_attempt_mono_ms = sw_clock_mono_ms() + (int64_t)(half + sw_rng_below(half + 1));
	link->backoff_ms = link->backoff_ms * 2 < BACKOFF_MAX_MS ? link->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void go_up(struct sw_link *link, int heartbeat_s)
{
	int64_t now = sw_clock_mono_ms();
	link->fd = amqp_get_sockfd(link->conn);
	link->frame_max = (size_t)amqp_get_frame_max(link->conn);
	link->heartbeat_ms = heartbeat_s * 1000;
	link->received_mono_ms = link->sent_mono_ms = link->up_since_mono_ms = now;
	link->failed = SW_OK;
	link->logged_error[0] = '\0';
	sw_buf_clear(&link->out);
	link->out_sent = 0;
	set_user_timeout(link, (unsigned)(2 * link->heartbeat_ms));
	SW_LOG(INFO, "bus.up", SW_F_STR("link", link->label), SW_F_STR("host", link->config.host),
	       SW_F_INT("port", link->config.port));
	link->ops->on_up(link->ctx);
	set_connected(link, true);
}

static void try_connect(struct sw_link *link)
{
	struct sw_diag diag = {0};
	int heartbeat_s;
	amqp_connection_state_t conn;
	int err = sw_bus_dial(&link->config, link->label, &conn, &heartbeat_s, &diag);
	if (err == SW_OK && heartbeat_s == 0) {
		err = sw_diag_set(&diag, SW_EPROTO, "broker: agreed on no heartbeats");
	}
	err = err < 0 ? err : link->ops->setup(link->ctx, conn, &diag);
	if (err < 0) {
		sw_bus_hang_up(conn, false);
		note_error(link, diag.text);
		log_down(link, err);
		schedule_attempt(link);
		return;
	}
	link->conn = conn;
	go_up(link, heartbeat_s);
}

static void go_down(struct sw_link *link, bool politely)
{
	if (sw_clock_mono_ms() - link->up_since_mono_ms >= STEADY_MS) {
		link->backoff_ms = BACKOFF_MIN_MS;
	}
	/* A goodbye in the middle of a frame would only confuse, and a blocked broker does not read it. */
	sw_bus_hang_up(link->conn, politely && link->out.len == 0 && !link->blocked);
	link->conn = NULL;
	link->fd = -1;
	set_blocked(link, false, (struct sw_bytes){0});
	set_connected(link, false);
	link->ops->on_down(link->ctx);
	schedule_attempt(link);
}

static void go_down_failed(struct sw_link *link)
{
	sw_metric_add(link->metric_reconnects, 1);
	log_down(link, link->failed);
	go_down(link, false);
}

/* ---- sending ---- */

static void flush(struct sw_link *link)
{
	while (link->failed == SW_OK && link->out_sent < link->out.len) {
		ssize_t n = send(link->fd, link->out.ptr + link->out_sent, link->out.len - link->out_sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			return;
		}
		if (n <= 0) {
			sw_link_fail(link, SW_ECLOSED, "sending: %s", strerror(errno));
			return;
		}
		link->out_sent += (size_t)n;
		link->sent_mono_ms = sw_clock_mono_ms();
	}
	if (link->out.cap > OUT_KEEP) {
		sw_buf_release(&link->out);
		sw_buf_init(&link->out, OUT_MAX);
	}
	sw_buf_clear(&link->out);
	link->out_sent = 0;
}

/* Both directions. Unsent bytes are a sign of life that the peer has yet to take: no heartbeat is put behind them. */
static void keep_alive(struct sw_link *link)
{
	int64_t now = sw_clock_mono_ms();
	if (now - link->received_mono_ms >= 2 * link->heartbeat_ms) {
		sw_link_fail(link, SW_ETIMEOUT, "nothing received for %d s (two heartbeats)",
			     2 * link->heartbeat_ms / 1000);
	} else if (now - link->sent_mono_ms >= link->heartbeat_ms / 2 && link->out.len == 0) {
		sw_amqp_put_heartbeat(&link->out);
		flush(link);
	}
}

/* ---- receiving ---- */

static void on_connection_close(struct sw_link *link, const amqp_connection_close_t *close_method)
{
	sw_link_fail(link, SW_ECLOSED, "closed by the broker: %.*s", (int)close_method->reply_text.len,
		     (const char *)close_method->reply_text.bytes);
	if (link->out_sent == 0) {
		uint8_t goodbye[16];
		struct sw_buf buf = {0};
		sw_buf_init(&buf, sizeof(goodbye));
		sw_amqp_put_connection_close_ok(&buf);
		(void)send(link->fd, buf.ptr, buf.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		sw_buf_release(&buf);
	}
}

static void on_connection_method(struct sw_link *link, const amqp_method_t *method)
{
	if (method->id == AMQP_CONNECTION_BLOCKED_METHOD) {
		const amqp_connection_blocked_t *blocked = method->decoded;
		set_blocked(link, true, sw_bytes(blocked->reason.bytes, blocked->reason.len));
	} else if (method->id == AMQP_CONNECTION_UNBLOCKED_METHOD) {
		set_blocked(link, false, (struct sw_bytes){0});
	} else if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
		on_connection_close(link, method->decoded);
	}
}

static void dispatch(struct sw_link *link, const amqp_frame_t *frame)
{
	bool is_method = frame->frame_type == AMQP_FRAME_METHOD;
	if (frame->channel == 0) {
		if (is_method) {
			on_connection_method(link, &frame->payload.method);
		}
	} else if (is_method && frame->payload.method.id == AMQP_CHANNEL_CLOSE_METHOD) {
		const amqp_channel_close_t *close_method = frame->payload.method.decoded;
		link->ops->on_channel_close(link->ctx, close_method);
		sw_link_fail(link, SW_ECLOSED, "channel closed by the broker: %.*s", (int)close_method->reply_text.len,
			     (const char *)close_method->reply_text.bytes);
	} else {
		link->ops->on_frame(link->ctx, frame);
	}
}

/* True when there may be more without the socket becoming readable again. */
static bool receive(struct sw_link *link)
{
	for (int i = 0; i < FRAMES_PER_TURN && link->failed == SW_OK; i++) {
		amqp_frame_t frame;
		struct timeval at_once = {0, 0};
		amqp_maybe_release_buffers(link->conn);
		int status = amqp_simple_wait_frame_noblock(link->conn, &frame, &at_once);
		if (status == AMQP_STATUS_TIMEOUT) {
			return false;
		}
		if (status != AMQP_STATUS_OK) {
			sw_link_fail(link, SW_ECLOSED, "receiving: %s", amqp_error_string2(status));
			return false;
		}
		dispatch(link, &frame);
	}
	return true;
}

/* ---- the thread ---- */

static void wait_for_work(struct sw_link *link, bool more)
{
	int64_t now = sw_clock_mono_ms();
	int64_t until = link->next_attempt_mono_ms;
	struct pollfd fds[2] = {{.fd = link->wake_fd, .events = POLLIN}, {.fd = link->fd, .events = POLLIN}};
	if (link->conn) {
		int64_t send_due = link->sent_mono_ms + link->heartbeat_ms / 2;
		until = link->received_mono_ms + 2 * link->heartbeat_ms;
		until = link->out.len == 0 && send_due < until ? send_due : until;
		fds[1].events |= link->out.len ? POLLOUT : 0;
	}
	if (atomic_load(&link->stopping)) {
		/* Being idle may be a question of time. */
		int64_t deadline = atomic_load(&link->stop_deadline_mono_ms);
		deadline = deadline < now + STOP_POLL_MS ? deadline : now + STOP_POLL_MS;
		until = deadline < until ? deadline : until;
	}
	int64_t timeout_ms = more || until <= now ? 0 : until - now;
	int n = poll(fds, link->conn ? 2 : 1, timeout_ms > 60000 ? 60000 : (int)timeout_ms);
	if (n > 0 && fds[0].revents) {
		uint64_t count;
		ssize_t got = read(link->wake_fd, &count, sizeof(count));
		(void)got;
	}
	if (n > 0 && link->conn && fds[1].revents & POLLIN) {
		link->received_mono_ms = sw_clock_mono_ms();
	}
}

static bool is_over(struct sw_link *link)
{
	bool sent = !link->conn || link->out.len == 0;
	return (sent && link->ops->idle(link->ctx)) || sw_clock_mono_ms() >= atomic_load(&link->stop_deadline_mono_ms);
}

/* One turn; true when there may be more to do without anything waking us. */
static bool turn(struct sw_link *link)
{
	bool more = receive(link);
	link->ops->pump(link->ctx);
	bool was_full = !sw_link_has_room(link);
	flush(link);
	more = more || (was_full && link->out.len == 0);
	keep_alive(link);
	if (link->failed < 0) {
		go_down_failed(link);
		more = false;
	}
	return more;
}

static void *run(void *arg)
{
	struct sw_link *link = arg;
	for (;;) {
		/* Read first: a turn after it sees everything that was posted before the stop. */
		bool stopping = atomic_load(&link->stopping);
		bool more = false;
		if (link->conn) {
			more = turn(link);
		} else {
			link->ops->pump(link->ctx);
		}
		if (stopping && is_over(link)) {
			break;
		}
		if (!link->conn && sw_clock_mono_ms() >= link->next_attempt_mono_ms) {
			try_connect(link);
			continue;
		}
		wait_for_work(link, more);
	}
	if (link->conn) {
		go_down(link, true);
	}
	link->ops->on_exit(link->ctx);
	return NULL;
}

int sw_link_start(struct sw_link *link, const struct sw_link_ops *ops, void *ctx)
{
	link->ops = ops;
	link->ctx = ctx;
	/* Signals are the main thread's. */
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = pthread_create(&link->thread, NULL, run, link);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err != 0) {
		return SW_EIO;
	}
	char name[16];
	snprintf(name, sizeof(name), "bus:%.11s", link->label);
	(void)pthread_setname_np(link->thread, name);
	return SW_OK;
}

void sw_link_stop_soon(struct sw_link *link, int64_t deadline_mono_ms)
{
	if (atomic_load(&link->stopping)) {
		return;
	}
	atomic_store(&link->stop_deadline_mono_ms, deadline_mono_ms);
	atomic_store(&link->stopping, true);
	sw_link_wake(link);
}

void sw_link_stop(struct sw_link *link, int64_t deadline_mono_ms)
{
	sw_link_stop_soon(link, deadline_mono_ms);
	pthread_join(link->thread, NULL);
}
