/* SPDX-License-Identifier: Apache-2.0 */
/* The registry is an append-only list: rows are never freed, so that pointers stay good without locks. */
#include "base/metrics.h"

#include <surewire/mem.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static const int bounds_ms[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000};
enum { BUCKETS = sizeof(bounds_ms) / sizeof(bounds_ms[0]) };

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct sw_metric {
	struct sw_metric *next;
	enum kind kind;
	char *name;
	char *labels;
	const char *help;
	_Atomic int64_t value; /* histogram: count */
	_Atomic int64_t sum_ms;
	_Atomic int64_t buckets[BUCKETS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sw_metric *first;

static struct sw_metric *find_or_add(enum kind kind, const char *name, const char *labels, const char *help)
{
	labels = labels ? labels : "";
	pthread_mutex_lock(&lock);
	struct sw_metric **at = &first;
	struct sw_metric **group_end = NULL;
	for (; *at; at = &(*at)->next) {
		if (strcmp((*at)->name, name) == 0) {
			if (strcmp((*at)->labels, labels) == 0) {
				break;
			}
			group_end = &(*at)->next;
		}
	}
	if (!*at) {
		/* Rows of one name must stand together in the export. */
		at = group_end ? group_end : at;
		struct sw_metric *metric = sw_xcalloc(1, sizeof(*metric));
		metric->kind = kind;
		metric->name = sw_xstrdup(name);
		metric->labels = sw_xstrdup(labels);
		metric->help = help;
		metric->next = *at;
		*at = metric;
	}
	struct sw_metric *metric = *at;
	pthread_mutex_unlock(&lock);
	return metric;
}

struct sw_metric *sw_metric_counter(const char *name, const char *labels, const char *help)
{
	return find_or_add(COUNTER, name, labels, help);
}

struct sw_metric *sw_metric_gauge(const char *name, const char *labels, const char *help)
{
	return find_or_add(GAUGE, name, labels, help);
}

struct sw_metric *sw_metric_histogram_ms(const char *name, const char *labels, const char *help)
{
	return find_or_add(HISTOGRAM, name, labels, help);
}

void sw_metric_add(struct sw_metric *metric, int64_t n)
{
	atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

void sw_metric_set(struct sw_metric *metric, int64_t value)
{
	atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void sw_metric_observe_ms(struct sw_metric *metric, int64_t value_ms)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		if (value_ms <= bounds_ms[i]) {
			atomic_fetch_add_explicit(&metric->buckets[i], 1, memory_order_relaxed);
			break;
		}
	}
	atomic_fetch_add_explicit(&metric->sum_ms, value_ms, memory_order_relaxed);
	atomic_fetch_add_explicit(&metric->value, 1, memory_order_relaxed);
}

int64_t sw_metric_get(const struct sw_metric *metric)
{
	return atomic_load_explicit(&metric->value, memory_order_relaxed);
}

static void export_histogram(struct sw_buf *out, const struct sw_metric *m)
{
	const char *comma = m->labels[0] ? "," : "";
	int64_t seen = 0;
	for (size_t i = 0; i < BUCKETS; i++) {
		seen += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
		sw_buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %" PRId64 "\n", m->name, m->labels, comma,
			      bounds_ms[i] / 1000.0, seen);
	}
	const char *open = m->labels[0] ? "{" : "";
	const char *close = m->labels[0] ? "}" : "";
	int64_t count = sw_metric_get(m);
	sw_buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", m->name, m->labels, comma, count);
	sw_buf_printf(out, "%s_sum%s%s%s %g\n", m->name, open, m->labels, close,
		      (double)atomic_load_explicit(&m->sum_ms, memory_order_relaxed) / 1000.0);
	sw_buf_printf(out, "%s_count%s%s%s %" PRId64 "\n", m->name, open, m->labels, close, count);
}

void sw_metrics_export(struct sw_buf *out)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	const char *name = "";
	pthread_mutex_lock(&lock);
	for (const struct sw_metric *m = first; m; m = m->next) {
		if (strcmp(name, m->name) != 0) {
			name = m->name;
			sw_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, m->help, name, types[m->kind]);
		}
		if (m->kind == HISTOGRAM) {
			export_histogram(out, m);
		} else if (m->labels[0]) {
			sw_buf_printf(out, "%s{%s} %" PRId64 "\n", name, m->labels, sw_metric_get(m));
		} else {
			sw_buf_printf(out, "%s %" PRId64 "\n", name, sw_metric_get(m));
		}
	}
	pthread_mutex_unlock(&lock);
}
