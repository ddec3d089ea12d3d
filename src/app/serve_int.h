/* SPDX-License-Identifier: Apache-2.0 */
/* Shared between serve.c (the life of the process) and serve_roles.c (what it is made of). */
#ifndef SW_APP_SERVE_INT_H
#define SW_APP_SERVE_INT_H

#include "admin/node.h"
#include "admin/ops_http.h"
#include "app/config.h"
#include "app/plans.h"
#include "bus/topology.h"
#include "gateway/gateway.h"
#include "mailbox/mailbox_step.h"
#include "pusher/pusher.h"
#include "sequencer/sequencer.h"
#include "writer/writer.h"

#include <stdatomic.h>

enum { SERVE_CHECKS_MAX = 8 };

enum serve_role { ROLE_GATEWAY, ROLE_SEQUENCER, ROLE_MAILBOX, ROLE_PUSHER, ROLE_ADMIN, ROLES };

struct serve {
	const struct sw_config *config;
	bool roles[ROLES];
	char role_text[64];
	struct sw_bus_config bus_text; /* owns the strings of the two below */
	struct sw_bus_config publish_bus;
	struct sw_bus_config consume_bus;
	struct sw_pg_config pg;
	struct sw_idgen ids;
	_Atomic bool ids_ready;
	struct sw_node *node;
	struct sw_admin *admin;
	struct sw_ops *ops;
	struct sw_ready_check checks[SERVE_CHECKS_MAX];
	size_t check_count;
	struct sw_sequencer_config sequencer;
	struct sw_mailbox_config mailbox;
	struct sw_mailbox_provider *mailbox_providers;
	struct sw_gateway_provider *gateway_providers;
	struct sw_pusher_instance *pusher_instances;
	struct sw_plan_provider *alert_providers;
	struct sw_direct_provider *direct_providers;
	struct sw_direct_rules direct;
	struct sw_plans plans;
	const char **provider_names;
	/* Read by the ops thread: set once when the role is up. */
	struct sw_writer *_Atomic writer;
	struct sw_gateway *_Atomic gateway;
	struct sw_gateway *taking; /* the same while the writer may hand it events; under its lock */
	pthread_mutex_t taking_lock;
	struct sw_pusher *_Atomic pusher;
	char starting[SW_READY_DETAIL_MAX]; /* what the start waits for; "" when it is over */
	pthread_mutex_t starting_lock;
	const char *_Atomic closing; /* which part is being closed */
};

/* serve_roles.c */
/* SW_ECONFIG: a plan that cannot be read. */
int serve_prepare(struct serve *serve, struct sw_diag *diag_out) SW_MUST_CHECK;
int serve_open_ops(struct serve *serve, struct sw_diag *diag_out) SW_MUST_CHECK;
int serve_declare(struct serve *serve, struct sw_diag *diag_out) SW_MUST_CHECK;
int serve_open_roles(struct serve *serve, struct sw_diag *diag_out) SW_MUST_CHECK;
/* In the order that loses nothing and keeps nobody waiting: clients leave first, the writers last. */
void serve_close(struct serve *serve);

#endif
