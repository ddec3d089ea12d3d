/* SPDX-License-Identifier: Apache-2.0 */
/* SQLSTATEs to our errors, connections that cannot come about, and batches that are refused before anything is sent. */
#include "base/metrics.h"
#include "store/pg_int.h"

#include <surewire/clock.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void sw_pg_error_of__every_class__mapped(void **state)
{
	(void)state;
	static const struct {
		const char *sqlstate;
		int err;
	} cases[] = {
		{"23505", SW_ECONFLICT},
		{"40001", SW_EAGAIN},
		{"40P01", SW_EAGAIN},
		{"55P03", SW_EAGAIN},
		{"26000", SW_EAGAIN},
		{"SW001", SW_EFENCED},
		{"57014", SW_EUNAVAILABLE},
		{"57P01", SW_EUNAVAILABLE},
		{"57P02", SW_EUNAVAILABLE},
		{"57P03", SW_EUNAVAILABLE},
		{"53300", SW_EUNAVAILABLE},
		{"25006", SW_EUNAVAILABLE},
		{"28P01", SW_EAUTH},
		{"28000", SW_EAUTH},
		{"23503", SW_ESQL},
		{"23514", SW_ESQL},
		{"42P01", SW_ESCHEMA},
		{"22021", SW_ESQL},
		{"XX000", SW_EUNAVAILABLE},
		{"SW002", SW_ESQL},
		{"3D000", SW_ESCHEMA},
		{"3F000", SW_ESCHEMA},
		{"42501", SW_ESCHEMA},
		{"58030", SW_EUNAVAILABLE},
		{"", SW_ESQL},
		{"2350", SW_ESQL},
		{NULL, SW_ESQL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sw_pg_error_of(cases[i].sqlstate), cases[i].err);
	}
}

static void sw_pg_find_sqlstate__messages__found_or_not(void **state)
{
	(void)state;
	char found[6];
	assert_true(
		sw_pg_find_sqlstate("connection to server at \"h\", port 1 failed: FATAL:  28P01: password", found));
	assert_string_equal(found, "28P01");
	assert_true(sw_pg_find_sqlstate(":  short:  3D000: no", found));
	assert_string_equal(found, "3D000");
	assert_false(sw_pg_find_sqlstate("failed: Connection refused", found));
	assert_false(sw_pg_find_sqlstate("FATAL:  28p01: x", found));
	assert_false(sw_pg_find_sqlstate("FATAL:  28P01", found));
	assert_false(sw_pg_find_sqlstate("FATAL:  2", found));
	assert_false(sw_pg_find_sqlstate("", found));
}

static void sw_pg_count_failure__sqlstate_and_word__one_label_each(void **state)
{
	(void)state;
	struct sw_metric *class_42 = sw_metric_counter("surewire_store_failures_total", "class=\"42\"", "");
	struct sw_metric *lost = sw_metric_counter("surewire_store_failures_total", "class=\"lost\"", "");
	int64_t before_42 = sw_metric_get(class_42);
	int64_t before_lost = sw_metric_get(lost);
	sw_pg_count_failure("42P01");
	sw_pg_count_failure("42601");
	sw_pg_count_failure("lost");
	assert_int_equal(sw_metric_get(class_42), before_42 + 2);
	assert_int_equal(sw_metric_get(lost), before_lost + 1);
}

static int connect_to(const char *url, struct sw_diag *diag_out)
{
	const struct sw_pg_config config = {.url = url, .connect_timeout_ms = 300};
	struct sw_pg *pg = sw_pg_new(&config);
	*diag_out = (struct sw_diag){0};
	int err = sw_pg_connect(pg, INT64_MAX, diag_out);
	assert_false(sw_pg_connected(pg));
	sw_pg_free(pg);
	return err;
}

static void sw_pg_connect__malformed_url__config_error_without_the_password(void **state)
{
	(void)state;
	struct sw_diag diag;
	static const char *const urls[] = {"postgresql://u:s3cret@h:port/db?nonsense=1", "s3cret",
					   "postgresql://u:s3cret@[::1"};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		assert_int_equal(connect_to(urls[i], &diag), SW_ECONFIG);
		assert_non_null(strstr(diag.text, "expected postgresql://"));
		assert_null(strstr(diag.text, "s3cret"));
	}
}

/* A loopback port that is bound; with a backlog it takes connections and never says a word. */
static int bound_socket(bool listening, char *url_out, size_t url_size)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	if (listening) {
		assert_int_equal(listen(fd, 4), 0);
	}
	snprintf(url_out, url_size, "postgresql://u:s3cret@127.0.0.1:%d/d?sslmode=disable", ntohs(addr.sin_port));
	return fd;
}

static void sw_pg_connect__port_closed__connect_error(void **state)
{
	(void)state;
	char url[128];
	struct sw_diag diag;
	int fd = bound_socket(false, url, sizeof(url));
	assert_int_equal(connect_to(url, &diag), SW_ECONNECT);
	assert_non_null(strstr(diag.text, "refused"));
	assert_null(strstr(diag.text, "s3cret"));
	assert_null(strchr(diag.text, '\n'));
	close(fd);
}

static void sw_pg_connect__silent_server__timeout(void **state)
{
	(void)state;
	char url[128];
	struct sw_diag diag;
	int fd = bound_socket(true, url, sizeof(url));
	assert_int_equal(connect_to(url, &diag), SW_ETIMEOUT);
	close(fd);
}

static void sw_pg_run__not_connected__closed(void **state)
{
	(void)state;
	const struct sw_pg_config config = {.url = "postgresql://127.0.0.1:1/none"};
	struct sw_pg *pg = sw_pg_new(&config);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_HEALTH_PING, NULL);
	assert_int_equal(sw_pg_run(pg, sw_clock_mono_ms() + 1000, NULL), SW_ECLOSED);
	sw_pg_free(pg);
}

static void sw_pg_run__errors_of_queueing__sticky_until_begin(void **state)
{
	(void)state;
	const struct sw_pg_config config = {.url = "postgresql://127.0.0.1:1/none"};
	struct sw_pg *pg = sw_pg_new(&config);
	struct sw_diag diag = {0};
	sw_pg_begin(pg);
	for (int i = 0; i <= SW_PG_BATCH_MAX; i++) {
		sw_pg_queue(pg, SW_SQL_HEALTH_PING, NULL);
	}
	assert_int_equal(sw_pg_run(pg, sw_clock_mono_ms() + 1000, &diag), SW_ELIMIT);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_HEALTH_PING, &(const struct sw_pg_params){.err = SW_ELIMIT});
	assert_int_equal(sw_pg_run(pg, sw_clock_mono_ms() + 1000, &diag), SW_ELIMIT);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_HEALTH_PING, NULL);
	assert_int_equal(sw_pg_run(pg, sw_clock_mono_ms() + 1000, &diag), SW_ECLOSED);
	sw_pg_free(pg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sw_pg_error_of__every_class__mapped),
		cmocka_unit_test(sw_pg_find_sqlstate__messages__found_or_not),
		cmocka_unit_test(sw_pg_count_failure__sqlstate_and_word__one_label_each),
		cmocka_unit_test(sw_pg_connect__malformed_url__config_error_without_the_password),
		cmocka_unit_test(sw_pg_connect__port_closed__connect_error),
		cmocka_unit_test(sw_pg_connect__silent_server__timeout),
		cmocka_unit_test(sw_pg_run__not_connected__closed),
		cmocka_unit_test(sw_pg_run__errors_of_queueing__sticky_until_begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
