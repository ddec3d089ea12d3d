/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/webhook_check.h"

#include <surewire/json.h>

struct part {
	const char *name;
	const char *value;
};

/* The example of "Standard Webhooks", but for its body, which that of ours has to be: signed by Python's hmac. */
enum { NOW_S = 1614265330 };
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define BODY "{\"id\":\"msg_1\",\"kind\":\"alert\",\"data\":{\"a\":\"b\"}}"
#define SIGNATURE "v1,OH1gPPCbikHwzvValEcCAZ3Mu2oL777ojTpxDIOFGik="

static struct sw_sim_webhook_verdict check(struct part change, const char *path, const char *body, int64_t now_s)
{
	static const struct part good[] = {{"content-type", "application/json"},
					   {"webhook-id", "msg_1"},
					   {"webhook-timestamp", "1614265330"},
					   {"webhook-signature", SIGNATURE}};
	struct sw_sim_webhook_secrets secrets = {.count = 0};
	struct sw_sim_request request;
	assert_true(sw_sim_webhook_secret_add(&secrets, sw_bytes_str(SECRET)));
	sw_sim_request_init(&request);
	request.method = "POST";
	request.path = path;
	for (size_t i = 0; i < COUNT(good); i++) {
		bool changed = change.name && strcmp(good[i].name, change.name) == 0;
		const char *value = changed ? change.value : good[i].value;
		if (value) {
			assert_int_equal(sw_sim_request_add(&request, sw_bytes_str(good[i].name), sw_bytes_str(value)),
					 SW_OK);
		}
	}
	sw_sim_request_add_body(&request, sw_bytes_str(body));
	json_t *json = sw_sim_request_json(&request, 8);
	struct sw_sim_webhook_verdict verdict = sw_sim_webhook_check(&secrets, &request, json, now_s);
	json_decref(json);
	sw_sim_request_release(&request);
	return verdict;
}

static void expect(struct part change, int status, const char *reason)
{
	struct sw_sim_webhook_verdict verdict = check(change, "/hook/a", BODY, NOW_S);
	assert_string_equal(verdict.reason ? verdict.reason : "", reason);
	assert_int_equal(verdict.status, status);
}

static void check__headers__by_their_rules(void **state)
{
	(void)state;
	expect((struct part){NULL, NULL}, 200, "");
	expect((struct part){"webhook-signature", "v1a,xyz v1,nonsense " SIGNATURE}, 200, "");
	expect((struct part){"content-type", "text/plain"}, 415, "NotJson");
	expect((struct part){"webhook-id", NULL}, 400, "BadId");
	expect((struct part){"webhook-id", "a.b"}, 400, "BadId");
	expect((struct part){"webhook-id", "msg_2"}, 401, "BadSignature");
	expect((struct part){"webhook-timestamp", NULL}, 400, "BadTimestamp");
	expect((struct part){"webhook-timestamp", "-1"}, 400, "BadTimestamp");
	expect((struct part){"webhook-timestamp", "18446744073709551615"}, 400, "BadTimestamp");
	expect((struct part){"webhook-timestamp", "1614265331"}, 401, "BadSignature");
	expect((struct part){"webhook-signature", NULL}, 401, "MissingSignature");
	expect((struct part){"webhook-signature", ""}, 401, "MissingSignature");
	expect((struct part){"webhook-signature", "v2" SIGNATURE}, 401, "BadSignature");
	expect((struct part){"webhook-signature", "v1,"}, 401, "BadSignature");
}

static void check__time__five_minutes_either_way(void **state)
{
	(void)state;
	static const struct {
		int64_t now_s;
		const char *reason;
	} rows[] = {{NOW_S + 300, NULL},
		    {NOW_S - 300, NULL},
		    {NOW_S + 301, "TimestampTooOld"},
		    {NOW_S - 301, "TimestampTooNew"}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_webhook_verdict verdict = check((struct part){NULL, NULL}, "/hook/a", BODY,
							      rows[i].now_s);
		assert_string_equal(verdict.reason ? verdict.reason : "", rows[i].reason ? rows[i].reason : "");
		assert_int_equal(verdict.status, rows[i].reason ? 401 : 200);
	}
}

static void check__other_path_or_body__refused(void **state)
{
	(void)state;
	struct part none = {NULL, NULL};
	assert_int_equal(check(none, "/hook/", BODY, NOW_S).status, 404);
	assert_int_equal(check(none, "/other/a", BODY, NOW_S).status, 404);
	assert_string_equal(check(none, "/hook/a", BODY " ", NOW_S).reason, "BadSignature");
}

static void secret_add__what_is_none__refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "whsec_", "whsec_AAAA", "secret_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
					  "whsec_????????????????????????????????"};
	struct sw_sim_webhook_secrets secrets = {.count = 0};
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(sw_sim_webhook_secret_add(&secrets, sw_bytes_str(bad[i])));
	}
	assert_int_equal(secrets.count, 0);
	for (size_t i = 0; i < SW_SIM_WEBHOOK_SECRETS_MAX; i++) {
		assert_true(sw_sim_webhook_secret_add(&secrets, sw_bytes_str(SECRET)));
	}
	assert_false(sw_sim_webhook_secret_add(&secrets, sw_bytes_str(SECRET)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check__headers__by_their_rules),
		cmocka_unit_test(check__time__five_minutes_either_way),
		cmocka_unit_test(check__other_path_or_body__refused),
		cmocka_unit_test(secret_add__what_is_none__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
