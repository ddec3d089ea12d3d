/* SPDX-License-Identifier: Apache-2.0 */
/* The role that sends pushes and mails: consume (push.<instance>, urgent.<instance>) → gate (is it still worth sending?) → send → settle
 * (record, publish what follows, ack). At least once: an envelope is acked when every job in it is recorded and what
 * follows from it is confirmed by the broker. Between a provider's answer and the record a crash gives a repeat with
 * the same notification id.
 *
 * One loop thread owns providers, credentials, connections and jobs; two threads of the store's pool do the reads and
 * writes, in batches; each consumer and the publisher have the bus's own thread. It includes no provider: instances
 * come through the configuration. It declares no queues (bus/topology.h). */
#ifndef SW_PUSHER_PUSHER_H
#define SW_PUSHER_PUSHER_H

#include "bus/bus.h"
#include "proto/job.h"
#include "pusher/breaker.h"
#include "store/pg.h"

#include <surewire/err.h>
#include <surewire/provider.h>

/* One account of a provider; its queues are push.<name> and urgent.<name>. */
struct sw_pusher_instance {
	const char *name;
	const struct sw_provider_ops *ops;
	const struct sw_provider_config *config;
};

/* How long one notification of a class is tried. */
struct sw_push_class_limits {
	unsigned attempts_max; /* >= 1; real attempts only */
	int64_t age_max_ms;    /* >= 1 */
};

/* Everything is borrowed until close. */
struct sw_pusher_config {
	const struct sw_bus_config *bus;
	const struct sw_pg_config *pg;
	const struct sw_pusher_instance *instances;
	size_t instance_count;
	unsigned mailbox_queues;  /* >= 1 */
	int64_t token_age_max_ms; /* since its app last reported it: then it is dropped; 0: never */
	struct sw_push_class_limits classes[SW_JOB_CLASSES];
	const char *new_message_key; /* of a text of the apps, for pushes whose own is hidden; "": none */
	unsigned concurrency;        /* per instance: notifications at the provider at once, >= 1 */
	unsigned
		quarantine_after; /* dead tokens of an app, the most of recent ones: more are not believed; 0: all are */
	struct sw_breaker_limits breaker; /* >= 1 each */
};

struct sw_pusher;

/* Opens every instance (SW_ECONFIG with the provider's text: key and expectation), starts the threads and returns;
 * broker, store and providers are connected in the background. No instance at all is fine. */
int sw_pusher_open(const struct sw_pusher_config *config, struct sw_pusher **out,
		   struct sw_diag *diag_out) SW_MUST_CHECK;
/* HUP: providers read their key files again; on an error the old ones stay in force and the log says why. Any thread,
 * returns at once. */
void sw_pusher_reload(struct sw_pusher *pusher);

/* Of the pusher as a whole. */
struct sw_pusher_state {
	bool store_connected;
	struct sw_link_state publisher;
};
struct sw_pusher_instance_state {
	const char *name;
	struct sw_link_state consumer; /* of its two queues, the one that is worse off */
	bool credential_ready;
	char credential_text[160]; /* what is wrong with it; "" when ready */
	size_t in_flight;          /* notifications at the provider now */
	size_t active;             /* jobs taken up and not yet settled */
	size_t breakers_open;      /* of its endpoints and apps */
};
/* Any thread. */
struct sw_pusher_state sw_pusher_state(struct sw_pusher *pusher);
size_t sw_pusher_instance_count(const struct sw_pusher *pusher);
/* Any thread; index < sw_pusher_instance_count. */
struct sw_pusher_instance_state sw_pusher_instance_state(struct sw_pusher *pusher, size_t index);

/* Takes no new jobs, awaits the answers of those that are out and settles them until the deadline; the rest stays
 * unacked, for another pusher. It may take the close grace of the connections (10 s) longer. NULL is allowed. */
void sw_pusher_close(struct sw_pusher *pusher, int64_t drain_deadline_mono_ms);

#endif
