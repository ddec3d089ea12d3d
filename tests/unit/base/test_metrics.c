/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"
#include <pthread.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_export(const char *expected)
{
	struct sw_buf out;
	sw_buf_init(&out, 1 << 20);
	sw_metrics_export(&out);
	if (!strstr(sw_buf_cstr(&out), expected)) {
		fail_msg("not in the export:\n%s\nbut:\n%s", expected, sw_buf_cstr(&out));
	}
	sw_buf_release(&out);
}

static void counter__same_name_and_labels__is_the_same_metric(void **state)
{
	(void)state;
	struct sw_metric *a = sw_metric_counter("t_same_total", "k=\"1\"", "h");
	assert_ptr_equal(sw_metric_counter("t_same_total", "k=\"1\"", "h"), a);
	assert_ptr_not_equal(sw_metric_counter("t_same_total", "k=\"2\"", "h"), a);
	assert_ptr_equal(sw_metric_counter("t_bare_total", NULL, "h"), sw_metric_counter("t_bare_total", NULL, "h"));
	sw_metric_add(a, 2);
	sw_metric_add(a, 40);
	assert_int_equal(sw_metric_get(a), 42);
}

static void export__rows_of_one_name_registered_apart__stand_together(void **state)
{
	(void)state;
	sw_metric_add(sw_metric_counter("t_group_total", "k=\"1\"", "Grouped."), 1);
	sw_metric_set(sw_metric_gauge("t_between", NULL, "A gauge."), -5);
	sw_metric_add(sw_metric_counter("t_group_total", "k=\"2\"", "Grouped."), 2);
	expect_export("# HELP t_group_total Grouped.\n# TYPE t_group_total counter\n"
		      "t_group_total{k=\"1\"} 1\nt_group_total{k=\"2\"} 2\n");
	expect_export("# HELP t_between A gauge.\n# TYPE t_between gauge\nt_between -5\n");
}

static void histogram__observations__cumulative_buckets_in_seconds(void **state)
{
	(void)state;
	struct sw_metric *h = sw_metric_histogram_ms("t_wait_seconds", "q=\"x\"", "Waits.");
	sw_metric_observe_ms(h, 0);
	sw_metric_observe_ms(h, 1);
	sw_metric_observe_ms(h, 3);
	sw_metric_observe_ms(h, 70000);
	assert_int_equal(sw_metric_get(h), 4);
	expect_export("# TYPE t_wait_seconds histogram\nt_wait_seconds_bucket{q=\"x\",le=\"0.001\"} 2\n"
		      "t_wait_seconds_bucket{q=\"x\",le=\"0.002\"} 2\nt_wait_seconds_bucket{q=\"x\",le=\"0.005\"} 3\n");
	expect_export("t_wait_seconds_bucket{q=\"x\",le=\"60\"} 3\nt_wait_seconds_bucket{q=\"x\",le=\"+Inf\"} 4\n"
		      "t_wait_seconds_sum{q=\"x\"} 70.004\nt_wait_seconds_count{q=\"x\"} 4\n");
	sw_metric_observe_ms(sw_metric_histogram_ms("t_plain_seconds", NULL, "Plain."), 5);
	expect_export("t_plain_seconds_bucket{le=\"+Inf\"} 1\nt_plain_seconds_sum 0.005\nt_plain_seconds_count 1\n");
}

enum { THREADS = 4, EACH = 20000 };

static void *count(void *arg)
{
	(void)arg;
	for (int i = 0; i < EACH; i++) {
		sw_metric_add(sw_metric_counter("t_threads_total", NULL, "h"), 1);
	}
	return NULL;
}

static void add__several_threads__nothing_is_lost(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	assert_int_equal(sw_metric_get(sw_metric_counter("t_threads_total", NULL, "h")), THREADS * EACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counter__same_name_and_labels__is_the_same_metric),
		cmocka_unit_test(export__rows_of_one_name_registered_apart__stand_together),
		cmocka_unit_test(histogram__observations__cumulative_buckets_in_seconds),
		cmocka_unit_test(add__several_threads__nothing_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
