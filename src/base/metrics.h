/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, gauges and histograms of this process in Prometheus text form. Registration takes a lock; updating is one
 * atomic operation. A metric lives as long as the process. Any thread. */
#ifndef SW_BASE_METRICS_H
#define SW_BASE_METRICS_H

#include <surewire/buf.h>

struct sw_metric;

/* name: "surewire_gateway_accepted_total"; labels: "provider=\"apns\"" or NULL. The same name and labels give the
 * same metric again, so that a module may ask at start and keep the pointer. help is a static string. */
struct sw_metric *sw_metric_counter(const char *name, const char *labels, const char *help);
struct sw_metric *sw_metric_gauge(const char *name, const char *labels, const char *help);
/* Buckets in milliseconds, 1 to 60,000, roughly 1-2-5. Exported in seconds. */
struct sw_metric *sw_metric_histogram_ms(const char *name, const char *labels, const char *help);

void sw_metric_add(struct sw_metric *metric, int64_t n);
void sw_metric_set(struct sw_metric *metric, int64_t value);
void sw_metric_observe_ms(struct sw_metric *metric, int64_t value_ms);
int64_t sw_metric_get(const struct sw_metric *metric);

/* The whole registry as Prometheus text, version 0.0.4. */
void sw_metrics_export(struct sw_buf *out);

#endif
