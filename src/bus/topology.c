/* SPDX-License-Identifier: Apache-2.0 */
/* Declares the table of topology.def over one short connection. It deletes and changes nothing: a queue that exists
 * with other arguments is an operator's decision. */
#include "bus/topology.h"

#include "bus/dial.h"

#include <amqp_framing.h>
#include <stdio.h>

enum trait {
	TRAIT_SINGLE_CONSUMER = 1, /* one consumer at a time: the partition's owner */
	TRAIT_DEAD = 2,            /* dead letters go to "dead", at least once */
	TRAIT_POISON = 4,          /* delivered push_deliveries_max times at most */
	TRAIT_DELAY = 8,           /* a stage: an exchange of its name, time to live, then by routing key */
};
enum { ARGUMENTS_MAX = 8 };
enum instances { ONE, INGEST, MAILBOX, PROVIDER, RETRY, CHECK };

struct queue_family {
	const char *prefix;
	enum instances instances;
	int traits;
};
static const struct queue_family families[] = {
#define SW_QUEUE(prefix, instances, traits) {prefix, instances, traits},
#include "bus/topology.def"
#undef SW_QUEUE
};

struct arguments {
	amqp_table_entry_t entries[ARGUMENTS_MAX];
	int count;
};

static void add_text(struct arguments *arguments, const char *key, const char *text)
{
	arguments->entries[arguments->count++] = (amqp_table_entry_t){
		.key = amqp_cstring_bytes(key),
		.value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(text)},
	};
}

static void add_int(struct arguments *arguments, const char *key, int32_t value)
{
	arguments->entries[arguments->count++] = (amqp_table_entry_t){
		.key = amqp_cstring_bytes(key),
		.value = {.kind = AMQP_FIELD_KIND_I32, .value.i32 = value},
	};
}

static struct arguments queue_arguments(int traits, const struct sw_topology *topology, int delay_ms)
{
	struct arguments arguments = {.count = 0};
	add_text(&arguments, "x-queue-type", "quorum");
	add_text(&arguments, "x-overflow", "reject-publish");
	add_int(&arguments, "x-max-length", (int32_t)topology->queue_length_max);
	if (traits & TRAIT_SINGLE_CONSUMER) {
		arguments.entries[arguments.count++] = (amqp_table_entry_t){
			.key = amqp_cstring_bytes("x-single-active-consumer"),
			.value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1},
		};
	}
	if (traits & TRAIT_POISON) {
		/* The broker counts the deliveries that failed. */
		int deliveries = topology->push_deliveries_max ? topology->push_deliveries_max
							       : SW_PUSH_DELIVERIES_DEFAULT;
		add_int(&arguments, "x-delivery-limit", deliveries - 1);
	}
	if (traits & TRAIT_DELAY) {
		add_int(&arguments, "x-message-ttl", delay_ms);
	}
	if (traits & (TRAIT_DEAD | TRAIT_DELAY)) {
		add_text(&arguments, "x-dead-letter-exchange", "");
		add_text(&arguments, "x-dead-letter-strategy", "at-least-once");
	}
	if (traits & TRAIT_DEAD) {
		add_text(&arguments, "x-dead-letter-routing-key", "dead");
	}
	return arguments;
}

static int declare_stage_exchange(amqp_connection_state_t conn, const char *name, struct sw_diag *diag_out)
{
	char what[SW_BUS_NAME_MAX + 16];
	snprintf(what, sizeof(what), "exchange %s", name);
	amqp_exchange_declare(conn, SW_BUS_CHANNEL, amqp_cstring_bytes(name), amqp_cstring_bytes("fanout"), 0, 1, 0, 0,
			      amqp_empty_table);
	int err = sw_bus_reply(conn, what, diag_out);
	if (err == SW_OK) {
		amqp_queue_bind(conn, SW_BUS_CHANNEL, amqp_cstring_bytes(name), amqp_cstring_bytes(name),
				amqp_empty_bytes, amqp_empty_table);
		err = sw_bus_reply(conn, what, diag_out);
	}
	return err;
}

static int declare_queue(amqp_connection_state_t conn, const char *name, const struct arguments *arguments,
			 struct sw_diag *diag_out)
{
	char what[SW_BUS_NAME_MAX + 16];
	snprintf(what, sizeof(what), "queue %s", name);
	amqp_table_t table = {arguments->count, (amqp_table_entry_t *)arguments->entries};
	amqp_queue_declare(conn, SW_BUS_CHANNEL, amqp_cstring_bytes(name), 0, 1, 0, 0, table);
	return sw_bus_reply(conn, what, diag_out);
}

static size_t instance_count(const struct queue_family *family, const struct sw_topology *topology)
{
	switch (family->instances) {
	case ONE:
		return 1;
	case INGEST:
		return topology->ingest_queues;
	case MAILBOX:
		return topology->mailbox_queues;
	case PROVIDER:
		return topology->provider_count;
	case RETRY:
		return SW_RETRY_STAGES;
	case CHECK:
		return SW_CHECK_STAGES;
	}
	return 0;
}

/* The name of instance i, and its delay when it is a stage. False: longer than a routing key may be. */
static bool instance_name(const struct queue_family *family, const struct sw_topology *topology, size_t i,
			  char name_out[SW_BUS_NAME_MAX], int *delay_ms_out)
{
	*delay_ms_out = 0;
	int len = 0;
	if (family->instances == ONE) {
		len = snprintf(name_out, SW_BUS_NAME_MAX, "%s", family->prefix);
	} else if (family->instances == PROVIDER) {
		len = snprintf(name_out, SW_BUS_NAME_MAX, "%s%s", family->prefix, topology->providers[i]);
	} else if (family->instances == RETRY || family->instances == CHECK) {
		*delay_ms_out = family->instances == RETRY ? sw_retry_delays_ms[i] : sw_check_delays_ms[i];
		len = snprintf(name_out, SW_BUS_NAME_MAX, "%s%d", family->prefix, *delay_ms_out);
	} else {
		len = snprintf(name_out, SW_BUS_NAME_MAX, "%s%zu", family->prefix, i);
	}
	return len < SW_BUS_NAME_MAX;
}

static int declare_family(amqp_connection_state_t conn, const struct queue_family *family,
			  const struct sw_topology *topology, struct sw_diag *diag_out)
{
	size_t count = instance_count(family, topology);
	for (size_t i = 0; i < count; i++) {
		char name[SW_BUS_NAME_MAX];
		int delay_ms;
		if (!instance_name(family, topology, i, name, &delay_ms)) {
			return sw_diag_set(diag_out, SW_ECONFIG, "queue %s…: the name is longer than %d bytes", name,
					   SW_BUS_NAME_MAX - 1);
		}
		struct arguments arguments = queue_arguments(family->traits, topology, delay_ms);
		int err = declare_queue(conn, name, &arguments, diag_out);
		if (err == SW_OK && family->traits & TRAIT_DELAY) {
			err = declare_stage_exchange(conn, name, diag_out);
		}
		if (err < 0) {
			return err;
		}
	}
	return SW_OK;
}

int sw_topology_declare(const struct sw_bus_config *config, const struct sw_topology *topology,
			struct sw_diag *diag_out)
{
	if (topology->queue_length_max == 0 || topology->queue_length_max > INT32_MAX) {
		return sw_diag_set(diag_out, SW_ECONFIG, "queue length: expected 1 to %d messages", INT32_MAX);
	}
	amqp_connection_state_t conn;
	int heartbeat_s;
	int err = sw_bus_dial(config, "topology", &conn, &heartbeat_s, diag_out);
	for (size_t i = 0; err == SW_OK && i < sizeof(families) / sizeof(families[0]); i++) {
		err = declare_family(conn, &families[i], topology, diag_out);
	}
	/* After a timeout the library has closed the socket already. */
	sw_bus_hang_up(conn, err == SW_OK || err == SW_ECONFIG);
	return err;
}
