/* SPDX-License-Identifier: Apache-2.0 */
/* The operators' side of a process over real sockets, without the role admin. */
#include "admin/ops_http.h"

#include "http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

struct fixture {
	struct sw_ops *ops;
	_Atomic bool broker_ok;
	struct http_answer answer;
};

static bool check_broker(void *ctx, char detail_out[SW_READY_DETAIL_MAX])
{
	struct fixture *f = ctx;
	if (!f->broker_ok) {
		snprintf(detail_out, SW_READY_DETAIL_MAX, "refused by \"rabbit\"");
	}
	return f->broker_ok;
}

static bool check_store(void *ctx, char detail_out[SW_READY_DETAIL_MAX])
{
	(void)ctx;
	(void)detail_out;
	return true;
}

static int setup(void **state)
{
	static struct fixture f;
	const struct sw_ready_check checks[] = {{"broker", check_broker, &f}, {"store", check_store, &f}};
	const struct sw_ops_config config = {.host = "127.0.0.1", .checks = checks, .count = 2};
	struct sw_diag diag = {0};
	f.broker_ok = true;
	assert_int_equal(sw_ops_open(&config, &f.ops, &diag), SW_OK);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	sw_ops_close(f->ops);
	return 0;
}

static const struct http_answer *ask(struct fixture *f, const char *method, const char *path)
{
	http_ask(sw_ops_port(f->ops), method, path, "", &f->answer);
	return &f->answer;
}

static void healthz__running__200(void **state)
{
	const struct http_answer *answer = ask(*state, "GET", "/healthz");
	assert_int_equal(answer->status, 200);
	assert_string_equal(answer->body, "{\"alive\":true}");
}

static void healthz__head__no_body(void **state)
{
	const struct http_answer *answer = ask(*state, "HEAD", "/healthz");
	assert_int_equal(answer->status, 200);
	assert_string_equal(answer->body, "");
}

static void readyz__all_well__200_with_every_check(void **state)
{
	const struct http_answer *answer = ask(*state, "GET", "/readyz");
	assert_int_equal(answer->status, 200);
	assert_string_equal(answer->body,
			    "{\"ready\":true,\"checks\":[{\"name\":\"broker\",\"ok\":true,\"detail\":\"\"},"
			    "{\"name\":\"store\",\"ok\":true,\"detail\":\"\"}]}");
}

static void readyz__one_check_fails__503_says_which_and_heals(void **state)
{
	struct fixture *f = *state;
	f->broker_ok = false;
	const struct http_answer *answer = ask(f, "GET", "/readyz");
	assert_int_equal(answer->status, 503);
	assert_string_equal(answer->body,
			    "{\"ready\":false,\"checks\":[{\"name\":\"broker\",\"ok\":false,\"detail\":\"refused by "
			    "\\\"rabbit\\\"\"},{\"name\":\"store\",\"ok\":true,\"detail\":\"\"}]}");
	f->broker_ok = true;
	assert_int_equal(ask(f, "GET", "/readyz")->status, 200);
}

static void metrics__running__registry_and_process(void **state)
{
	const struct http_answer *answer = ask(*state, "GET", "/metrics");
	assert_int_equal(answer->status, 200);
	assert_non_null(strstr(answer->text, "Content-Type: text/plain; version=0.0.4"));
	assert_non_null(strstr(answer->body, "\nsurewire_net_accepted_total "));
	assert_non_null(strstr(answer->body, "\nprocess_resident_memory_bytes "));
	assert_non_null(strstr(answer->body, "\nprocess_open_fds "));
	assert_non_null(strstr(answer->body, "\nprocess_start_time_seconds "));
	assert_non_null(strstr(answer->body, "\nsurewire_build_info{version=\"" SW_VERSION "\"} 1\n"));
}

static void request__unknown_path__404_problem(void **state)
{
	const struct http_answer *answer = ask(*state, "GET", "/nothing");
	assert_int_equal(answer->status, 404);
	assert_non_null(strstr(answer->text, "Content-Type: application/problem+json"));
	json_t *problem = json_loads(answer->body, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(problem, "status")), 404);
	assert_string_equal(json_string_value(json_object_get(problem, "code")), "not_found");
	json_decref(problem);
}

static void request__wrong_method__405_with_allow(void **state)
{
	const struct http_answer *answer = ask(*state, "DELETE", "/metrics");
	assert_int_equal(answer->status, 405);
	assert_non_null(strstr(answer->text, "\r\nAllow: GET, HEAD\r\n"));
}

static void request__api_without_the_role__404(void **state)
{
	assert_int_equal(ask(*state, "GET", "/v1/admin/status")->status, 404);
	assert_int_equal(ask(*state, "POST", "/v1/admin/status")->status, 404);
}

static void open__port_in_use__says_so(void **state)
{
	struct fixture *f = *state;
	const struct sw_ops_config config = {.host = "127.0.0.1", .port = sw_ops_port(f->ops)};
	struct sw_ops *second;
	struct sw_diag diag = {0};
	assert_int_equal(sw_ops_open(&config, &second, &diag), SW_EEXISTS);
	assert_non_null(strstr(diag.text, "in use"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(healthz__running__200),
		TEST(healthz__head__no_body),
		TEST(readyz__all_well__200_with_every_check),
		TEST(readyz__one_check_fails__503_says_which_and_heals),
		TEST(metrics__running__registry_and_process),
		TEST(request__unknown_path__404_problem),
		TEST(request__wrong_method__405_with_allow),
		TEST(request__api_without_the_role__404),
		TEST(open__port_in_use__says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
