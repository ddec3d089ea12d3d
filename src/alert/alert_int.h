/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of this folder. */
#ifndef SW_ALERT_ALERT_INT_H
#define SW_ALERT_ALERT_INT_H

#include "alert/alert.h"
#include "base/metrics.h"
#include "bus/ticket.h"
#include "proto/envelope.h"

enum { SW_ALERT_LEASE_MS = 15000, SW_ALERT_STATEMENT_MS = 10000, SW_ALERT_CONFIRM_MS = 8000 };

struct sw_alert_runner {
	const struct sw_alert_config *config;
	struct sw_pg *pg;
	struct sw_publisher *publisher;
	struct sw_arena arena;
	int64_t number; /* who holds the leases */
	struct sw_metric *open, *steps, *jobs, *ack_ms;
	struct sw_metric *ended[4]; /* acknowledged, seen, exhausted, expired */
};

/* What messages and jobs of an alert are made of; texts live in the arena. */
struct sw_alert_about {
	int64_t alert;
	struct sw_bytes severity;
	struct sw_bytes title;
	struct sw_bytes body;
	int64_t sender;
	struct sw_bytes sender_name;
	int64_t now_ms; /* of the store */
};
struct sw_alert_device {
	struct sw_bytes device;
	struct sw_bytes provider;
	struct sw_bytes app;
	struct sw_bytes token;
	bool sandbox;
	int64_t registered_at_ms;
};
struct sw_alert_person {
	int64_t user;
	struct sw_bytes name;
	struct sw_alert_place place;
	bool needs_ack;
	int64_t deadline_ms; /* 0: none */
};

/* ---- items.c: pure; runs are borrowed or in the arena ---- */
/* The same alert, person and place give the same cid. */
struct sw_item sw_alert_message(const struct sw_alert_about *about, const struct sw_alert_person *person,
				struct sw_arena *arena);
struct sw_item sw_alert_ended_message(const struct sw_alert_about *about, const struct sw_alert_person *person,
				      struct sw_bytes state, struct sw_bytes by, struct sw_arena *arena);
struct sw_item sw_alert_job(const struct sw_alert_config *config, const struct sw_alert_about *about,
			    const struct sw_alert_person *person, const struct sw_alert_device *device,
			    struct sw_arena *arena);
struct sw_item sw_alert_letter(const struct sw_alert_about *about, const struct sw_alert_person *person,
			       struct sw_arena *arena);
/* NULL: no such account. */
const struct sw_plan_provider *sw_alert_provider(const struct sw_alert_config *config, struct sw_bytes name);

/* ---- run.c ---- */
int sw_alert_store(struct sw_alert_runner *runner, struct sw_diag *diag_out);
/* One item in an envelope of its own, whose section has this id. As sw_ticket_send. */
int sw_alert_publish(struct sw_alert_runner *runner, const char *queue, const struct sw_item *item,
		     const struct sw_uuid *section, struct sw_ticket **ticket_out) SW_MUST_CHECK;
/* A message to its conversation's queue. */
int sw_alert_publish_message(struct sw_alert_runner *runner, const struct sw_item *item,
			     struct sw_ticket **ticket_out) SW_MUST_CHECK;

/* ---- tell.c ---- */
/* Tells of one that is over. *told_out: there was one. */
int sw_alert_tell(struct sw_alert_runner *runner, bool *told_out, struct sw_diag *diag_out);

#endif
