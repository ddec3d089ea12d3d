/* SPDX-License-Identifier: Apache-2.0 */
/* The work on alerts that are open: the steps that are due are taken, those that are over are told so. Any number of
 * processes share it by leases in the store. What is published has ids made of the alert, round, step, user and device: a
 * crash before the store knows of it repeats the very same jobs. One thread for each runner. */
#ifndef SW_ALERT_ALERT_H
#define SW_ALERT_ALERT_H

#include "alert/plan.h"
#include "bus/bus.h"
#include "store/pg.h"

#define SW_ALERT_KIND "surewire.alert"
#define SW_ALERT_ENDED_KIND "surewire.alert_ended"

enum sw_alert_severity {
	SW_ALERT_LOW,
	SW_ALERT_NORMAL,
	SW_ALERT_HIGH,
	SW_ALERT_CRITICAL,
	SW_ALERT_SEVERITIES,
};
extern const char *const sw_alert_severities[SW_ALERT_SEVERITIES];

/* What it points to is borrowed. */
struct sw_alert_config {
	const struct sw_plan_provider *providers;
	size_t provider_count;
	unsigned ingest_queues;
	int64_t age_max_ms; /* a push of an alert is worthless after */
	const char *from;   /* the account that alerts come from unless the caller names one; "": none */
	const char *plans[SW_ALERT_SEVERITIES]; /* JSON: unless the caller gives one */
	char *const *critical_apps;             /* that may sound on a muted device */
	size_t critical_app_count;
};

/* Whether every plan of the configuration can be read. SW_ECONFIG. */
int sw_alert_config_check(const struct sw_alert_config *config, struct sw_diag *diag_out) SW_MUST_CHECK;

struct sw_alert_runner;
/* config and publisher are borrowed. */
struct sw_alert_runner *sw_alert_runner_new(const struct sw_alert_config *config, const struct sw_pg_config *pg,
					    struct sw_publisher *publisher);
/* NULL is allowed. */
void sw_alert_runner_free(struct sw_alert_runner *runner);
/* One look and the work that is due, in bounds. *more_out: there may be more to do at once. */
int sw_alert_turn(struct sw_alert_runner *runner, bool *more_out, struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
