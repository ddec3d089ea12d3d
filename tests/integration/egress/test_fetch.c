/* SPDX-License-Identifier: Apache-2.0 */
/* One POST at a time against Python's http.server: answers, limits, what is not allowed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "egress/fetch.h"
#include "server_process.h"

static char certs_dir[256];
static const char *const no_args[] = {NULL};

struct rig {
	uv_loop_t loop;
	struct sw_curl_loop *curl;
	struct server_process server;
	char ca_file[300];
	bool closed;
};

struct one {
	struct sw_fetch fetch;
	char url[128];
	int done;
	int status;
	char body[512];
	char retry_after[16];
	char detail[256];
};

static void on_done(struct sw_fetch *fetch, const struct sw_fetch_result *result)
{
	struct one *one = fetch->ctx;
	assert_int_equal(result->response.status == 0, result->detail[0] != '\0');
	one->done++;
	one->status = result->response.status;
	snprintf(one->body, sizeof(one->body), "%.*s", SW_BYTES_FMT(result->response.body));
	snprintf(one->retry_after, sizeof(one->retry_after), "%.*s",
		 SW_BYTES_FMT(sw_http_response_header(&result->response, "retry-after")));
	snprintf(one->detail, sizeof(one->detail), "%s", result->detail);
}

static void rig_open(struct rig *rig, const char *const *args)
{
	memset(rig, 0, sizeof(*rig));
	uv_loop_init(&rig->loop);
	snprintf(rig->ca_file, sizeof(rig->ca_file), "%s/ca.pem", certs_dir);
	rig->curl = sw_curl_loop_new(&rig->loop);
	server_start(&rig->server, "/usr/bin/python3", "https_server.py", certs_dir, 0, args);
}

static void on_closed(void *ctx)
{
	*(bool *)ctx = true;
}

static void rig_release(struct rig *rig)
{
	sw_curl_loop_close(rig->curl, on_closed, &rig->closed);
	assert_false(rig->closed);
	uv_run(&rig->loop, UV_RUN_DEFAULT);
	assert_true(rig->closed);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	server_stop(&rig->server);
}

static void prepare(struct rig *rig, struct one *one, const char *scheme, const char *path)
{
	memset(one, 0, sizeof(*one));
	snprintf(one->url, sizeof(one->url), "%s://localhost:%u%s", scheme, rig->server.port, path);
	one->fetch.request.url = sw_bytes_str(one->url);
	one->fetch.request.ca_file = rig->ca_file;
	one->fetch.request.content_type = "application/x-www-form-urlencoded";
	one->fetch.request.body = sw_bytes_str("grant_type=x&assertion=y");
	one->fetch.timeout_ms = 20000;
	one->fetch.done = on_done;
	one->fetch.ctx = one;
}

static void run_one(struct rig *rig, struct one *one)
{
	struct sw_diag diag = {""};
	assert_int_equal(sw_fetch_start(rig->curl, &one->fetch, &diag), SW_OK);
	assert_int_equal(one->done, 0);
	while (one->done == 0) {
		uv_run(&rig->loop, UV_RUN_ONCE);
	}
	assert_int_equal(one->done, 1);
}

static void start__https_post__answer_with_body(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_open(&rig, no_args);
	prepare(&rig, &one, "https", "/token?a=b");
	run_one(&rig, &one);
	assert_int_equal(one.status, 200);
	assert_string_equal(one.body, "{\"type\": \"application/x-www-form-urlencoded\", "
				      "\"body\": \"grant_type=x&assertion=y\", \"expect\": null}");
	prepare(&rig, &one, "https", "/refused");
	run_one(&rig, &one);
	assert_int_equal(one.status, 401);
	assert_string_equal(one.body, "{\"error\":\"invalid_grant\"}");
	assert_string_equal(one.retry_after, "9");
	rig_release(&rig);
}

static void start__redirect__not_followed(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_open(&rig, no_args);
	prepare(&rig, &one, "https", "/redirect");
	run_one(&rig, &one);
	assert_int_equal(one.status, 302);
	rig_release(&rig);
}

static void start__no_usable_answer__status_zero_and_a_text(void **state)
{
	(void)state;
	struct rig rig;
	struct one one;
	rig_open(&rig, no_args);
	prepare(&rig, &one, "https", "/huge");
	run_one(&rig, &one);
	assert_int_equal(one.status, 0);
	assert_string_equal(one.detail, "the answer is larger than 64 KB");
	prepare(&rig, &one, "https", "/longhead");
	run_one(&rig, &one);
	assert_int_equal(one.status, 0);
	assert_string_equal(one.detail, "the head of the answer is larger than libcurl takes");
	prepare(&rig, &one, "https", "/cut");
	run_one(&rig, &one);
	assert_int_equal(one.status, 0);
	prepare(&rig, &one, "https", "/slow");
	one.fetch.timeout_ms = 300;
	run_one(&rig, &one);
	assert_int_equal(one.status, 0);
	char other_ca[300];
	snprintf(other_ca, sizeof(other_ca), "%s/other_ca.pem", certs_dir);
	prepare(&rig, &one, "https", "/token");
	one.fetch.request.ca_file = other_ca;
	run_one(&rig, &one);
	assert_int_equal(one.status, 0);
	assert_non_null(strstr(one.detail, "certificate"));
	prepare(&rig, &one, "https", "/token");
	snprintf(one.url, sizeof(one.url), "https://127.0.0.1:%u/token", free_port());
	one.fetch.request.url = sw_bytes_str(one.url);
	run_one(&rig, &one);
	assert_int_equal(one.status, 0);
	rig_release(&rig);
}

static void start__http__loopback_only(void **state)
{
	(void)state;
	static const char *const args[] = {"--plain", NULL};
	static const char *const refused[] = {"http://example.org/token",
					      "http://127.0.0.1.example.org/",
					      "ftp://localhost/",
					      "file:///etc/hostname",
					      "token",
					      "",
					      "http://192.0.2.1/"};
	struct rig rig;
	struct one one;
	rig_open(&rig, args);
	prepare(&rig, &one, "http", "/token");
	run_one(&rig, &one);
	assert_int_equal(one.status, 200);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct sw_diag diag = {""};
		prepare(&rig, &one, "http", "/");
		one.fetch.request.url = sw_bytes_str(refused[i]);
		assert_int_equal(sw_fetch_start(rig.curl, &one.fetch, &diag), SW_EINVAL);
		assert_int_not_equal(diag.text[0], '\0');
	}
	rig_release(&rig);
}

static void close__fetches_under_way__each_ends_once(void **state)
{
	(void)state;
	struct rig rig;
	struct one ones[5];
	rig_open(&rig, no_args);
	for (size_t i = 0; i < 5; i++) {
		prepare(&rig, &ones[i], "https", "/slow");
		assert_int_equal(sw_fetch_start(rig.curl, &ones[i].fetch, NULL), SW_OK);
	}
	for (int i = 0; i < 5; i++) {
		uv_run(&rig.loop, UV_RUN_ONCE);
	}
	rig_release(&rig);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(ones[i].done, 1);
		assert_int_equal(ones[i].status, 0);
	}
}

static int setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	certs_make(certs_dir, sizeof(certs_dir));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	certs_remove(certs_dir);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		cmocka_set_test_filter(argv[1]);
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start__https_post__answer_with_body),
		cmocka_unit_test(start__redirect__not_followed),
		cmocka_unit_test(start__no_usable_answer__status_zero_and_a_text),
		cmocka_unit_test(start__http__loopback_only),
		cmocka_unit_test(close__fetches_under_way__each_ends_once),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
