/* SPDX-License-Identifier: Apache-2.0 */
/* The ticket is shared by the waiter, who may give up, and the publisher, who always ends it. */
#include "bus/ticket.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct sw_ticket {
	struct sw_publish publish; /* first */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned refs;
	bool done;
	int result;
};

static struct sw_ticket *new_ticket(void)
{
	struct sw_ticket *ticket = sw_xcalloc(1, sizeof(*ticket));
	pthread_mutex_init(&ticket->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ticket->ended, &attr);
	pthread_condattr_destroy(&attr);
	ticket->refs = 2;
	return ticket;
}

static void unref_ticket(struct sw_ticket *ticket)
{
	pthread_mutex_lock(&ticket->lock);
	unsigned left = --ticket->refs;
	pthread_mutex_unlock(&ticket->lock);
	if (left == 0) {
		pthread_cond_destroy(&ticket->ended);
		pthread_mutex_destroy(&ticket->lock);
		free(ticket);
	}
}

/* The publisher's thread. */
static void on_done(struct sw_publish *publish, int result)
{
	struct sw_ticket *ticket = (struct sw_ticket *)publish;
	pthread_mutex_lock(&ticket->lock);
	ticket->done = true;
	ticket->result = result;
	pthread_cond_signal(&ticket->ended);
	pthread_mutex_unlock(&ticket->lock);
	unref_ticket(ticket);
}

int sw_ticket_await(struct sw_ticket *ticket, int64_t deadline_mono_ms)
{
	struct timespec until = {deadline_mono_ms / 1000, deadline_mono_ms % 1000 * 1000000};
	pthread_mutex_lock(&ticket->lock);
	while (!ticket->done && sw_clock_mono_ms() < deadline_mono_ms) {
		pthread_cond_timedwait(&ticket->ended, &ticket->lock, &until);
	}
	int result = ticket->done ? ticket->result : SW_ETIMEOUT;
	pthread_mutex_unlock(&ticket->lock);
	unref_ticket(ticket);
	return result;
}

int sw_ticket_send(struct sw_publisher *publisher, const char *routing_key, struct sw_blob *envelope,
		   struct sw_ticket **ticket_out)
{
	struct sw_ticket *ticket = new_ticket();
	ticket->publish = (struct sw_publish){.exchange = "",
					      .body = envelope,
					      .mandatory = true,
					      .persistent = true,
					      .done = on_done,
					      .ctx = ticket};
	snprintf(ticket->publish.routing_key, sizeof(ticket->publish.routing_key), "%s", routing_key);
	int err = sw_publisher_send(publisher, &ticket->publish);
	if (err) {
		sw_blob_unref(envelope);
		unref_ticket(ticket);
		unref_ticket(ticket);
		return err;
	}
	*ticket_out = ticket;
	return SW_OK;
}
