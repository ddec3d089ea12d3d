/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /v1/push: each kind of recipient, times, the hash, and everything that is refused. */
#include "direct/request.h"
#include "providers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1790000000000)
#define HELLO "\"notification\":{\"title\":\"Hi\",\"body\":\"there\",\"badge\":2}"

static struct sw_arena arena;

static int set_up(void **state)
{
	(void)state;
	sw_arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sw_arena_release(&arena);
	return 0;
}

static int parse(const char *body, struct sw_direct_request *request, struct sw_diag *diag)
{
	const struct sw_direct_reading reading = {&test_rules, NOW_MS, &arena};
	*diag = (struct sw_diag){""};
	return sw_direct_request_parse(sw_bytes_str(body), &reading, request, diag);
}

static struct sw_direct_request good(const char *body)
{
	struct sw_direct_request request;
	struct sw_diag diag;
	int err = parse(body, &request, &diag);
	if (err) {
		fail_msg("%s: %s", body, diag.text);
	}
	return request;
}

static void parse__a_user__with_the_contents_apart(void **state)
{
	(void)state;
	struct sw_direct_request r = good("{\"to\":{\"user\":\"bob\"}," HELLO "}");
	assert_int_equal(r.kind, SW_DIRECT_USERS);
	assert_int_equal(r.user_count, 1);
	assert_true(sw_bytes_equal_str(r.users[0], "bob"));
	assert_true(sw_bytes_equal_str(r.title, "Hi"));
	assert_true(sw_bytes_equal_str(r.body, "there"));
	assert_true(sw_bytes_equal_str(r.content, "{\"badge\":2}"));
	assert_false(r.urgent);
	assert_int_equal(r.created_at_ms, NOW_MS);
	assert_int_equal(r.expires_at_ms, NOW_MS + test_rules.age_max_ms);
}

static void parse__each_kind__told_apart(void **state)
{
	(void)state;
	struct sw_direct_request r = good("{\"to\":{\"users\":[\"a\",\"b\"]}," HELLO "}");
	assert_int_equal(r.kind, SW_DIRECT_USERS);
	assert_int_equal(r.user_count, 2);
	r = good("{\"to\":{\"user\":\"bob\",\"device\":\"phone\"}," HELLO "}");
	assert_int_equal(r.kind, SW_DIRECT_DEVICE);
	assert_true(sw_bytes_equal_str(r.address.device, "phone"));
	assert_int_equal(r.user_count, 1);
	r = good("{\"to\":{\"topic\":\"news.de\"}," HELLO "}");
	assert_int_equal(r.kind, SW_DIRECT_TOPIC);
	assert_true(sw_bytes_equal_str(r.topic, "news.de"));
	r = good("{\"to\":{\"token\":\"t1\",\"provider\":\"fcm\",\"app\":\"app\",\"sandbox\":true}," HELLO "}");
	assert_int_equal(r.kind, SW_DIRECT_TOKEN);
	assert_true(sw_bytes_equal_str(r.address.token, "t1"));
	assert_true(r.address.sandbox);
	assert_int_equal(r.user_count, 0);
}

static void parse__times_and_priority__taken(void **state)
{
	(void)state;
	struct sw_direct_request r = good("{\"to\":{\"user\":\"b\"},\"ttl_s\":60,\"priority\":\"high\"," HELLO "}");
	assert_int_equal(r.expires_at_ms, NOW_MS + 60000);
	assert_true(r.urgent);
	r = good("{\"to\":{\"user\":\"b\"},\"expires_at_ms\":1790000000500," HELLO "}");
	assert_int_equal(r.expires_at_ms, NOW_MS + 500);
	r = good("{\"to\":{\"user\":\"b\"},\"ttl_s\":100000000," HELLO "}");
	assert_int_equal(r.expires_at_ms, NOW_MS + test_rules.age_max_ms);
	r = good("{\"to\":{\"user\":\"b\"},\"ttl_s\":60,\"notification\":{\"title\":\"x\",\"ttl_s\":7}}");
	assert_int_equal(r.expires_at_ms, NOW_MS + 7000);
}

static void parse__hash__of_the_meaning(void **state)
{
	(void)state;
	struct sw_uuid a = good("{\"to\":{\"user\":\"b\"},\"notification\":{\"title\":\"x\",\"badge\":1}}").hash;
	struct sw_uuid same =
		good("{ \"notification\" : {\"badge\":1, \"title\":\"x\"}, \"to\":{\"user\":\"b\"}}").hash;
	struct sw_uuid other = good("{\"to\":{\"user\":\"b\"},\"notification\":{\"title\":\"x\",\"badge\":2}}").hash;
	struct sw_uuid another = good("{\"to\":{\"user\":\"c\"},\"notification\":{\"title\":\"x\",\"badge\":1}}").hash;
	assert_true(sw_uuid_equal(&a, &same));
	assert_false(sw_uuid_equal(&a, &other));
	assert_false(sw_uuid_equal(&a, &another));
}

static void parse__bad__named(void **state)
{
	(void)state;
	static const struct {
		const char *body, *diag;
	} rows[] = {
		{"[]", "the body: expected {\"to\": …, \"notification\": {…}}"},
		{"{" HELLO "}", "to: expected {\"user\"}"},
		{"{\"to\":\"bob\"," HELLO "}", "to: expected {\"user\"}"},
		{"{\"to\":{}," HELLO "}", "to: expected {\"user\"}"},
		{"{\"to\":{\"user\":\"\"}," HELLO "}", "to: user: expected a name"},
		{"{\"to\":{\"user\":7}," HELLO "}", "to: user: expected a text of at most 64 bytes"},
		{"{\"to\":{\"user\":\"b\",\"users\":[\"c\"]}," HELLO "}", "to: users: expected only user and device"},
		{"{\"to\":{\"user\":\"b\",\"device\":\"\"}," HELLO "}", "to: device: expected a name"},
		{"{\"to\":{\"users\":[]}," HELLO "}", "to.users: expected 1 to 1000 names"},
		{"{\"to\":{\"users\":[7]}," HELLO "}", "to.users: expected names"},
		{"{\"to\":{\"topic\":\"a b\"}," HELLO "}", "to.topic: expected 1 to 64 of"},
		{"{\"to\":{\"topic\":\"\"}," HELLO "}", "to.topic: expected 1 to 64 of"},
		{"{\"to\":{\"token\":\"x\",\"provider\":\"fcm\",\"app\":\"app\"}," HELLO "}",
		 "to: token: expected one that begins with t"},
		{"{\"to\":{\"token\":\"t\",\"provider\":\"gcm\",\"app\":\"app\"}," HELLO "}",
		 "to: provider: expected one that this server is configured for"},
		{"{\"to\":{\"token\":\"t\",\"provider\":\"fcm\",\"app\":\"other\"}," HELLO "}",
		 "to: app: expected app"},
		{"{\"to\":{\"token\":\"t\",\"provider\":\"fcm\",\"app\":\"app\",\"sandbox\":1}," HELLO "}",
		 "to: sandbox: expected true or false"},
		{"{\"to\":{\"token\":\"t\",\"provider\":\"fcm\",\"app\":\"app\",\"user\":\"b\"}," HELLO "}",
		 "to: user: expected only token, provider, app and sandbox"},
		{"{\"to\":{\"user\":\"b\"}}", "notification: expected an object"},
		{"{\"to\":{\"user\":\"b\"},\"notification\":{}}", "notification: an alert: expected a title or a body"},
		{"{\"to\":{\"user\":\"b\"},\"notification\":{\"titel\":\"x\"}}",
		 "notification: titel: there is no such member"},
		{"{\"to\":{\"user\":\"b\"},\"notification\":{\"title\":\"x\",\"image\":\"http://x\"}}",
		 "notification: image: expected an https address"},
		{"{\"to\":{\"user\":\"b\"},\"notification\":{\"title\":\"x\",\"data\":{\"push\":\"1\"}}}",
		 "notification: data push: expected each name once"},
		{"{\"to\":{\"user\":\"b\"},\"priority\":\"low\"," HELLO "}", "priority: expected normal or high"},
		{"{\"to\":{\"user\":\"b\"},\"ttl_s\":0," HELLO "}", "ttl_s: expected seconds, at least 1"},
		{"{\"to\":{\"user\":\"b\"},\"expires_at_ms\":1790000000000," HELLO "}",
		 "expires_at_ms: expected milliseconds since 1970 that are still to come"},
		{"{\"to\":{\"user\":\"b\"},\"ttl_s\":1,\"expires_at_ms\":1890000000000," HELLO "}",
		 "ttl_s, expires_at_ms: expected at most one of them"},
		{"{\"to\":{\"user\":\"b\"},\"prio\":1," HELLO "}",
		 "prio: expected only to, notification, priority, ttl_s and expires_at_ms"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_direct_request request;
		struct sw_diag diag;
		assert_int_equal(parse(rows[i].body, &request, &diag), SW_EINVAL);
		if (strncmp(diag.text, rows[i].diag, strlen(rows[i].diag)) != 0) {
			fail_msg("%s\n  gave \"%s\", expected \"%s\"", rows[i].body, diag.text, rows[i].diag);
		}
	}
}

/* data of so many bytes to a recipient. */
static int parse_large(const char *to, size_t bytes, struct sw_diag *diag)
{
	struct sw_buf body;
	struct sw_direct_request request;
	sw_buf_init(&body, 1 << 16);
	sw_buf_printf(&body, "{\"to\":%s,\"notification\":{\"title\":\"x\",\"data\":{\"d\":\"", to);
	for (size_t i = 0; i < bytes; i++) {
		sw_buf_put_char(&body, 'x');
	}
	sw_buf_put_str(&body, "\"}}}");
	int err = parse(sw_buf_cstr(&body), &request, diag);
	sw_buf_release(&body);
	return err;
}

static void parse__data_that_no_message_of_the_service_holds__refused(void **state)
{
	(void)state;
	struct sw_diag diag;
	assert_int_equal(parse_large("{\"token\":\"t\",\"provider\":\"apns\",\"app\":\"app\"}", 4000, &diag), SW_OK);
	assert_int_equal(parse_large("{\"token\":\"t\",\"provider\":\"apns\",\"app\":\"app\"}", 4100, &diag),
			 SW_ELIMIT);
	assert_string_equal(diag.text,
			    "the notification: 4137 bytes of data and arguments alone, of the 4096 that apns "
			    "takes");
	assert_int_equal(parse_large("{\"topic\":\"news\"}", 4100, &diag), SW_ELIMIT);
	assert_int_equal(parse_large("{\"token\":\"t\",\"provider\":\"hook\"}", 4100, &diag), SW_OK);
	assert_int_equal(parse_large("{\"user\":\"b\"}", 4100, &diag), SW_OK); /* its devices are looked up */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__a_user__with_the_contents_apart),
		cmocka_unit_test(parse__each_kind__told_apart),
		cmocka_unit_test(parse__times_and_priority__taken),
		cmocka_unit_test(parse__hash__of_the_meaning),
		cmocka_unit_test(parse__bad__named),
		cmocka_unit_test(parse__data_that_no_message_of_the_service_holds__refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
