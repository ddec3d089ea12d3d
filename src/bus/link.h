/* SPDX-License-Identifier: Apache-2.0 */
/* One thread with one AMQP connection: connecting with backoff, reading frames, sending one output buffer without ever
 * blocking in it, heartbeats of its own, the alarm of the broker, the state that others see. Publisher and consumer
 * are its users. Everything here runs on the link's thread unless it says otherwise. */
#ifndef SW_BUS_LINK_H
#define SW_BUS_LINK_H

#include "bus/dial.h"

#include <stdatomic.h>

struct sw_metric;

struct sw_link_ops {
	/* A fresh connection with channel 1: synchronous calls are allowed here and only here. */
	int (*setup)(void *ctx, amqp_connection_state_t conn, struct sw_diag *diag_out);
	/* Setup succeeded, nothing was read yet; and: the connection is gone. In pairs. */
	void (*on_up)(void *ctx);
	void (*on_down)(void *ctx);
	/* A frame of channel 1 other than channel.close. Its memory is good until the return. */
	void (*on_frame)(void *ctx, const amqp_frame_t *frame);
	/* The broker closed the channel; the link goes down after it. */
	void (*on_channel_close)(void *ctx, const amqp_channel_close_t *close);
	/* Takes what was posted, and appends to link->out when connected and below SW_LINK_OUT_HIGH. */
	void (*pump)(void *ctx);
	/* Nothing is left to do; asked only after stop. */
	bool (*idle)(void *ctx);
	/* Last call on the thread. */
	void (*on_exit)(void *ctx);
};

enum { SW_LINK_OUT_HIGH = 256 * 1024 };

struct sw_link {
	const struct sw_link_ops *ops;
	void *ctx;
	struct sw_bus_config config;
	const char *label;
	pthread_t thread;
	int wake_fd;
	_Atomic bool stopping;
	_Atomic int64_t stop_deadline_mono_ms;

	amqp_connection_state_t conn; /* NULL: away */
	int fd;
	size_t frame_max;
	int heartbeat_ms;
	bool blocked;
	int failed; /* SW_E*: go down at the end of this turn */
	struct sw_buf out;
	size_t out_sent;
	int64_t received_mono_ms;
	int64_t sent_mono_ms;
	int64_t up_since_mono_ms;
	int64_t next_attempt_mono_ms;
	int backoff_ms;

	pthread_mutex_t state_lock;
	struct sw_link_state state; /* unconfirmed is filled by the owner */
	char logged_error[160];
	struct sw_metric *metric_connected;
	struct sw_metric *metric_reconnects;
	struct sw_metric *metric_blocked;
	struct sw_metric *metric_blocked_now;
};

/* ops, ctx and label are borrowed. SW_EINVAL when the config is unusable. No thread yet: the owner finishes itself. */
int sw_link_init(struct sw_link *link, const struct sw_bus_config *config, const char *label) SW_MUST_CHECK;
/* SW_EIO: no thread. */
int sw_link_start(struct sw_link *link, const struct sw_link_ops *ops, void *ctx) SW_MUST_CHECK;
/* Any other thread. Asks it to end when idle or at the deadline, and does not wait. The first deadline counts. */
void sw_link_stop_soon(struct sw_link *link, int64_t deadline_mono_ms);
/* The same, and joins. */
void sw_link_stop(struct sw_link *link, int64_t deadline_mono_ms);
void sw_link_release(struct sw_link *link);
/* Any thread; a sw_mailbox_wake_fn. */
void sw_link_wake(void *link);
/* Any thread. */
struct sw_link_state sw_link_get_state(struct sw_link *link);
/* The connection cannot go on; the first reason of a turn counts. */
void sw_link_fail(struct sw_link *link, int err, const char *fmt, ...) SW_PRINTF(3, 4);
static inline bool sw_link_has_room(const struct sw_link *link)
{
	return link->out.len - link->out_sent < SW_LINK_OUT_HIGH;
}
/* A counter or gauge with the label of this link. */
struct sw_metric *sw_link_counter(const struct sw_link *link, const char *name, const char *help);
struct sw_metric *sw_link_gauge(const struct sw_link *link, const char *name, const char *help);

#endif
