/* SPDX-License-Identifier: Apache-2.0 */
/* The API over sockets with a store that is a fake (jobs are given back as the test says) or away, and its queries. */
#include "admin/ops_http.h"

#include "admin/api.h"
#include "http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef"
#define AUTHORIZED "Authorization: Bearer " TOKEN "\r\n"

/* ---- the query ---- */

static int parse(const char *query, struct sw_arena *arena, struct sw_api_query *out, struct sw_diag *diag)
{
	*diag = (struct sw_diag){0};
	return sw_api_query_parse(sw_bytes_str(query), arena, out, diag);
}

static void query_parse__all_parameters__taken(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_api_query q;
	struct sw_diag diag;
	assert_int_equal(parse("provider=apns&app=&reason=a%20b+c&user=bob&before=17&limit=500&"
			       "device=phone&reason_has=b%25&older_ms=7200000&newer_ms=1&replayed=false&confirm=0",
			       &arena, &q, &diag),
			 SW_OK);
	assert_true(sw_bytes_equal_str(q.provider, "apns"));
	assert_non_null(q.app.ptr); /* given, and empty */
	assert_int_equal(q.app.len, 0);
	assert_true(sw_bytes_equal_str(q.reason, "a b c"));
	assert_true(sw_bytes_equal_str(q.user, "bob"));
	assert_int_equal(q.before, 17);
	assert_int_equal(q.limit, 500);
	assert_true(sw_bytes_equal_str(q.device, "phone"));
	assert_true(sw_bytes_equal_str(q.reason_has, "b%"));
	assert_int_equal(q.older_ms, 7200000);
	assert_int_equal(q.newer_ms, 1);
	assert_int_equal(q.replayed, SW_API_NOT_REPLAYED);
	assert_int_equal(q.confirm, 0);
	assert_int_equal(parse("", &arena, &q, &diag), SW_OK);
	assert_null(q.provider.ptr);
	assert_int_equal(q.before, 0);
	assert_int_equal(q.older_ms, 0);
	assert_int_equal(q.replayed, SW_API_ANY);
	assert_int_equal(q.confirm, -1);
	assert_int_equal(q.limit, SW_API_PAGE_DEFAULT);
	sw_arena_release(&arena);
}

static void query_parse__bad_values__name_the_parameter(void **state)
{
	(void)state;
	static const struct {
		const char *query, *named;
	} rows[] = {{"limit=0", "\"limit\""},
		    {"limit=501", "\"limit\""},
		    {"limit=x", "\"limit\""},
		    {"limit=", "\"limit\""},
		    {"before=-1", "\"before\""},
		    {"before=9223372036854775808", "\"before\""},
		    {"provider=%zz", "\"provider\""},
		    {"reason_has=%ff", "\"reason_has\""},
		    {"older_ms=0", "\"older_ms\""},
		    {"newer_ms=2h", "\"newer_ms\""},
		    {"newer_ms=9223372036854775807", "\"newer_ms\""},
		    {"replayed=yes", "\"replayed\""},
		    {"replayed=", "\"replayed\""},
		    {"confirm=all", "\"confirm\""}};
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_api_query q;
		struct sw_diag diag;
		assert_int_equal(parse(rows[i].query, &arena, &q, &diag), SW_EINVAL);
		assert_non_null(strstr(diag.text, rows[i].named));
	}
	sw_arena_release(&arena);
}

static int parse_body(const char *body, struct sw_arena *arena, struct sw_api_query *out, struct sw_diag *diag)
{
	*diag = (struct sw_diag){0};
	return sw_api_query_parse_body(sw_bytes_str(body), arena, out, diag);
}

static void body_parse__all_members__taken(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_api_query q;
	struct sw_diag diag;
	assert_int_equal(parse_body("{\"rate\":7,\"filter\":{\"provider\":\"fcm\",\"app\":\"\",\"user\":\"bob\","
				    "\"device\":\"d\",\"reason\":\"r\",\"reason_has\":\"h\",\"older_ms\":5,"
				    "\"newer_ms\":6,\"replayed\":true}}",
				    &arena, &q, &diag),
			 SW_OK);
	assert_true(sw_bytes_equal_str(q.provider, "fcm"));
	assert_non_null(q.app.ptr);
	assert_true(sw_bytes_equal_str(q.user, "bob"));
	assert_true(sw_bytes_equal_str(q.device, "d"));
	assert_true(sw_bytes_equal_str(q.reason, "r"));
	assert_true(sw_bytes_equal_str(q.reason_has, "h"));
	assert_int_equal(q.older_ms, 5);
	assert_int_equal(q.newer_ms, 6);
	assert_int_equal(q.replayed, SW_API_REPLAYED);
	assert_int_equal(q.rate, 7);
	assert_int_equal(parse_body("{\"filter\":{}}", &arena, &q, &diag), SW_OK);
	assert_null(q.provider.ptr);
	assert_int_equal(q.rate, 0);
	sw_arena_release(&arena);
}

static void body_parse__bad_bodies__name_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *body, *named;
	} rows[] = {{"", "the body"},
		    {"{", "the body"},
		    {"[]", "the body"},
		    {"{}", "filter"},
		    {"{\"rate\":5}", "filter"},
		    {"{\"filter\":[]}", "\"filter\""},
		    {"{\"filter\":{},\"rate\":0}", "\"rate\""},
		    {"{\"filter\":{},\"rate\":1.5}", "\"rate\""},
		    {"{\"filter\":{},\"rate\":\"50\"}", "\"rate\""},
		    {"{\"filter\":{},\"speed\":5}", "\"speed\""},
		    {"{\"filter\":{\"provder\":\"fcm\"}}", "\"provder\""},
		    {"{\"filter\":{\"provider\":7}}", "\"provider\""},
		    {"{\"filter\":{\"reason\":\"a\\u0000b\"}}", "the body"},
		    {"{\"filter\":{\"older_ms\":0}}", "\"older_ms\""},
		    {"{\"filter\":{\"older_ms\":\"2h\"}}", "\"older_ms\""},
		    {"{\"filter\":{\"replayed\":\"yes\"}}", "\"replayed\""}};
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_api_query q;
		struct sw_diag diag;
		assert_int_equal(parse_body(rows[i].body, &arena, &q, &diag), SW_EINVAL);
		if (!strstr(diag.text, rows[i].named)) {
			fail_msg("%s: %s", rows[i].body, diag.text);
		}
	}
	sw_arena_release(&arena);
}

static void filter__ages__become_times(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_api_query q = {.user = sw_bytes_str("b\"ob"),
				 .app = sw_bytes("", 0),
				 .older_ms = 100,
				 .newer_ms = 1000,
				 .replayed = SW_API_NOT_REPLAYED};
	struct sw_bytes filter = sw_api_filter(&q, 5000, &arena);
	assert_true(sw_bytes_equal_str(filter, "{\"app\":\"\",\"user\":\"b\\\"ob\",\"since_ms\":4000,\"until_ms\":4900,"
					       "\"replayed\":false}"));
	struct sw_api_query none = {.confirm = -1};
	assert_true(sw_bytes_equal_str(sw_api_filter(&none, 5000, &arena), "{}"));
	sw_arena_release(&arena);
}

/* ---- with the role, store and broker away ---- */

struct fixture {
	struct sw_admin admin; /* the API needs only its configuration */
	struct sw_pg_config pg;
	struct sw_ops *ops;
	struct http_answer answer;
};

static int setup(void **state)
{
	static struct fixture f;
	/* Port 1 refuses at once. */
	f.pg = (struct sw_pg_config){.url = "postgresql://nobody@127.0.0.1:1/none", .connect_timeout_ms = 100};
	f.admin.config.pg = &f.pg;
	const struct sw_ops_config config = {.host = "127.0.0.1", .token = TOKEN, .admin = &f.admin};
	struct sw_diag diag = {0};
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

static const struct http_answer *ask(struct fixture *f, const char *method, const char *path, const char *headers)
{
	http_ask(sw_ops_port(f->ops), method, path, headers, &f->answer);
	return &f->answer;
}

static void request__without_or_with_a_wrong_token__401(void **state)
{
	const struct http_answer *answer = ask(*state, "GET", "/v1/admin/status", "");
	assert_int_equal(answer->status, 401);
	assert_non_null(strstr(answer->text, "\r\nWWW-Authenticate: Bearer"));
	assert_non_null(strstr(answer->body, "\"code\":\"unauthorized\""));
	assert_int_equal(ask(*state, "GET", "/v1/admin/status", "Authorization: Bearer 0123456789abcdeX\r\n")->status,
			 401);
	assert_int_equal(ask(*state, "POST", "/v1/admin/dead/1/replay", "")->status, 401);
}

static void request__bad_query__400_names_it(void **state)
{
	const struct http_answer *answer = ask(*state, "GET", "/v1/admin/dead?limit=1000", AUTHORIZED);
	assert_int_equal(answer->status, 400);
	assert_non_null(strstr(answer->body, "limit"));
}

static void request__wrong_method__405_even_with_the_token(void **state)
{
	assert_int_equal(ask(*state, "GET", "/v1/admin/dead/1/replay", AUTHORIZED)->status, 405);
}

static void request__healthz_of_an_admin__needs_no_token(void **state)
{
	assert_int_equal(ask(*state, "GET", "/healthz", "")->status, 200);
}

static void close__request_waits_for_the_store__is_answered_first(void **state)
{
	struct fixture *f = *state;
	int fd = http_send(sw_ops_port(f->ops), "GET", "/v1/admin/status", AUTHORIZED);
	/* The gauge shows when it has reached the pool. */
	const struct sw_metric *waiting = sw_metric_gauge("surewire_store_pool_waiting", NULL, "");
	for (int tries = 0; tries < 1000 && sw_metric_get(waiting) == 0; tries++) {
		assert_int_equal(ask(f, "GET", "/healthz", "")->status, 200);
	}
	assert_int_equal(sw_metric_get(waiting), 1);
	sw_ops_close(f->ops);
	f->ops = NULL;
	http_receive(fd, &f->answer);
	assert_int_equal(f->answer.status, 503);
	assert_non_null(strstr(f->answer.text, "\r\nRetry-After: "));
}

static void open__admin_with_a_short_token__refused(void **state)
{
	struct fixture *f = *state;
	const struct sw_ops_config config = {.host = "127.0.0.1", .token = "short", .admin = &f->admin};
	struct sw_ops *second;
	struct sw_diag diag = {0};
	assert_int_equal(sw_ops_open(&config, &second, &diag), SW_ECONFIG);
	assert_non_null(strstr(diag.text, "16"));
}

/* ---- with a fake store ---- */

struct fake {
	struct sw_loop *loop;
	struct sw_net_limit limit;
	struct sw_net *net;
	struct sw_http_server *server;
	struct sw_listener *listener;
	struct sw_api *api;
	uint16_t port;
	int submit_result;
	void (*fill)(struct sw_api_request *request);
	struct sw_task close_task;
};

static int fake_submit(void *ctx, struct sw_pg_job *job)
{
	struct fake *fake = ctx;
	if (fake->submit_result == SW_OK) {
		struct sw_api_request *request = (struct sw_api_request *)job;
		fake->fill(request);
		sw_mailbox_post_always(job->reply_to, &job->mail);
	}
	return fake->submit_result;
}

static void on_request(void *ctx, struct sw_http_exchange *exchange)
{
	struct fake *fake = ctx;
	struct sw_route_match match;
	assert_int_equal(sw_route_find(sw_http_method(exchange), sw_http_path(exchange), &match), SW_OK);
	sw_api_handle(fake->api, exchange, &match);
}

static void on_conn(void *ctx, struct sw_conn *conn)
{
	sw_http_serve(((struct fake *)ctx)->server, conn);
}

static void on_idle(void *ctx)
{
	(void)ctx;
}

static void on_close(struct sw_task *task)
{
	struct fake *fake = (struct fake *)((char *)task - offsetof(struct fake, close_task));
	sw_listener_close(fake->listener);
	sw_net_close_conns(fake->net);
	sw_api_close(fake->api);
	sw_loop_stop(fake->loop);
}

static int fake_setup(void **state)
{
	static struct fake fake;
	fake = (struct fake){.close_task.run = on_close, .limit.max = 8};
	fake.loop = sw_loop_new("fake", 8);
	fake.net = sw_net_new(fake.loop, &fake.limit);
	const struct sw_http_options options = {.ctx = &fake, .on_request = on_request};
	fake.server = sw_http_server_new(&options);
	const struct sw_api_store store = {fake_submit, &fake};
	fake.api = sw_api_new(fake.loop, NULL, &store, on_idle, NULL);
	const struct sw_listen_options listen = {.address = "127.0.0.1", .ctx = &fake, .on_conn = on_conn};
	struct sw_diag diag = {0};
	assert_int_equal(sw_listener_open(fake.net, &listen, &fake.listener, &diag), SW_OK);
	fake.port = sw_listener_port(fake.listener);
	assert_int_equal(sw_loop_start(fake.loop), SW_OK);
	*state = &fake;
	return 0;
}

static int fake_teardown(void **state)
{
	struct fake *fake = *state;
	sw_loop_post_always(fake->loop, &fake->close_task);
	sw_loop_join(fake->loop);
	sw_loop_free(fake->loop);
	sw_api_free(fake->api);
	sw_http_server_free(fake->server);
	sw_net_free(fake->net);
	return 0;
}

static void fill_good(struct sw_api_request *request)
{
	sw_buf_printf(&request->body, "{\"route\":%d,\"id\":%d,\"limit\":%d}", (int)request->route, (int)request->id,
		      request->query.limit);
	request->status = 200;
}

static void fill_missing(struct sw_api_request *request)
{
	sw_api_fail(request, 404, "not_found", "no such thing");
}

static void fill_unavailable(struct sw_api_request *request)
{
	request->job.error = SW_EUNAVAILABLE;
}

static struct http_answer answer;

static void handle__store_answers__body_and_type(void **state)
{
	struct fake *fake = *state;
	fake->fill = fill_good;
	http_ask(fake->port, "GET", "/v1/admin/dead/17?limit=3", "", &answer);
	char expected[64];
	snprintf(expected, sizeof(expected), "{\"route\":%d,\"id\":17,\"limit\":3}", SW_ROUTE_DEAD_GET);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.body, expected);
	assert_non_null(strstr(answer.text, "\r\nContent-Type: application/json\r\n"));
}

static void handle__store_finds_nothing__problem(void **state)
{
	struct fake *fake = *state;
	fake->fill = fill_missing;
	http_ask(fake->port, "GET", "/v1/admin/dead/17", "", &answer);
	assert_int_equal(answer.status, 404);
	assert_non_null(strstr(answer.text, "application/problem+json"));
	assert_non_null(strstr(answer.body, "\"detail\":\"no such thing\""));
	assert_null(strstr(answer.text, "Retry-After"));
}

static void handle__job_comes_back_unrun__503_with_retry(void **state)
{
	struct fake *fake = *state;
	fake->fill = fill_unavailable;
	http_ask(fake->port, "GET", "/v1/admin/status", "", &answer);
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.text, "\r\nRetry-After: "));
	assert_non_null(strstr(answer.body, "\"code\":\"unavailable\""));
}

static void handle__queue_full__503(void **state)
{
	struct fake *fake = *state;
	fake->submit_result = SW_EBUSY;
	http_ask(fake->port, "GET", "/v1/admin/status", "", &answer);
	assert_int_equal(answer.status, 503);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define FAKE_TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(query_parse__all_parameters__taken),
		cmocka_unit_test(query_parse__bad_values__name_the_parameter),
		cmocka_unit_test(body_parse__all_members__taken),
		cmocka_unit_test(body_parse__bad_bodies__name_what_is_wrong),
		cmocka_unit_test(filter__ages__become_times),
		TEST(request__without_or_with_a_wrong_token__401),
		TEST(request__bad_query__400_names_it),
		TEST(request__wrong_method__405_even_with_the_token),
		TEST(request__healthz_of_an_admin__needs_no_token),
		TEST(close__request_waits_for_the_store__is_answered_first),
		TEST(open__admin_with_a_short_token__refused),
		FAKE_TEST(handle__store_answers__body_and_type),
		FAKE_TEST(handle__store_finds_nothing__problem),
		FAKE_TEST(handle__job_comes_back_unrun__503_with_retry),
		FAKE_TEST(handle__queue_full__503),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
