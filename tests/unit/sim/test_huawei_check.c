/* SPDX-License-Identifier: Apache-2.0 */
/* What the stand-in of Push Kit says of a message's shape. */
#include "sim_test.h"

#include "sim/huawei_check.h"

#include <stdlib.h>

static const char *check(const char *text, size_t body_bytes, struct sw_sim_huawei_message *message)
{
	static struct sw_sim_huawei_violation violation;
	json_t *root = json_of(text);
	*message = (struct sw_sim_huawei_message){0};
	int err = sw_sim_huawei_check(root, body_bytes, message, &violation);
	json_decref(root);
	return err ? violation.code : "";
}

#define SHOWN "'notification':{'title':'t','body':'b'}"
#define ANDROID(more) "'android':{'notification':{'click_action':{'type':3}}" more "}"
#define NOTIFICATION(more) "{'message':{'token':['t1']," SHOWN ",'android':{'notification':{" more "}}}}"
#define MESSAGE(more) "{'message':{'token':['t1']," more "}}"

/* The rows are written with single quotes. */
static const char *quoted(const char *row)
{
	static char text[512];
	size_t len = strlen(row);
	assert_true(len < sizeof(text));
	for (size_t i = 0; i <= len; i++) {
		text[i] = row[i] == '\'' ? '"' : row[i];
	}
	return text;
}

static void check__good__no_code(void **state)
{
	(void)state;
	static const char *const rows[] = {
		MESSAGE("'data':'x'"),
		MESSAGE(SHOWN "," ANDROID("")),
		MESSAGE(SHOWN ",'data':'{}'," ANDROID("")),
		MESSAGE(SHOWN "," ANDROID(",'ttl':'1296000s','collapse_key':-1,'urgency':'HIGH'")),
		MESSAGE("'android':{'notification':{'title':'t','body':'b','click_action':{'type':3}}}"),
		"{'validate_only':true,'message':{'topic':'n','data':'x'}}",
		"{'message':{'condition':'n in topics','data':'x'}}",
		NOTIFICATION("'click_action':{'type':2,'url':'u'}"),
		NOTIFICATION("'click_action':{'type':1,'intent':'i'}"),
		NOTIFICATION("'click_action':{'type':3},'badge':{'set_num':99,'class':'c'}"),
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_huawei_message message;
		assert_string_equal(check(quoted(rows[i]), strlen(rows[i]), &message), "");
	}
}

static void check__bad__its_code(void **state)
{
	(void)state;
	static const struct {
		const char *text, *code;
	} rows[] = {
		{"[]", "80100003"},
		{"{}", "80100003"},
		{"{'massage':{}}", "80100003"},
		{"{'message':[]}", "80100003"},
		{"{'message':{'data':'x'}}", "80100003"},
		{"{'message':{'token':'t','data':'x'}}", "80100003"},
		{"{'message':{'token':['t'],'topic':'n','data':'x'}}", "80100003"},
		{"{'message':{'token':[],'data':'x'}}", "80300010"},
		{"{'message':{'token':[1],'data':'x'}}", "80100003"},
		{"{'message':{'token':['a','b','a'],'data':'x'}}", "80100001"},
		{MESSAGE("'data':{}"), "80100003"},
		{MESSAGE("'data':''"), "80100003"},
		{MESSAGE("'android':{}"), "80100003"},
		{MESSAGE(SHOWN), "80100003"},
		{NOTIFICATION(""), "80100003"},
		{NOTIFICATION("'click_action':{'type':1}"), "80100003"},
		{NOTIFICATION("'click_action':{'type':2}"), "80100003"},
		{NOTIFICATION("'click_action':{'type':4}"), "80100003"},
		{NOTIFICATION("'click_action':{'type':3},'badge':{'set_num':100}"), "80100001"},
		{NOTIFICATION("'click_action':{'type':3},'badge':{'add_num':0}"), "80100001"},
		{MESSAGE("'notification':{'title':'t'}," ANDROID("")), "80100003"},
		{MESSAGE("'notification':{'body':'b'}," ANDROID("")), "80100003"},
		{MESSAGE(SHOWN ",'data':'no JSON'," ANDROID("")), "80100003"},
		{MESSAGE(SHOWN "," ANDROID(",'priority':'HIGH'")), "80100003"},
		{MESSAGE(SHOWN "," ANDROID(",'ttl':60")), "80100003"},
		{MESSAGE(SHOWN "," ANDROID(",'ttl':'0s'")), "80100004"},
		{MESSAGE(SHOWN "," ANDROID(",'ttl':'1296001s'")), "80100004"},
		{MESSAGE(SHOWN "," ANDROID(",'ttl':'1.5s'")), "80100004"},
		{MESSAGE(SHOWN "," ANDROID(",'collapse_key':101")), "80100013"},
		{MESSAGE(SHOWN "," ANDROID(",'collapse_key':-2")), "80100013"},
		{MESSAGE(SHOWN "," ANDROID(",'urgency':'high'")), "80100001"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_huawei_message message;
		const char *code = check(quoted(rows[i].text), strlen(rows[i].text), &message);
		if (strcmp(code, rows[i].code) != 0) {
			fail_msg("%s: expected %s, got %s", rows[i].text, rows[i].code, code);
		}
	}
}

static void check__size__tokens_do_not_count(void **state)
{
	(void)state;
	struct sw_sim_huawei_message message;
	assert_string_equal(check(quoted(MESSAGE("'data':'x'")), 4096 + 2, &message), "");
	assert_string_equal(check(quoted(MESSAGE("'data':'x'")), 4096 + 3, &message), "80300008");
}

static void check__numbers_of_tokens__limits(void **state)
{
	(void)state;
	static const struct {
		int count;
		int user_type;
		const char *code;
	} rows[] = {{10, 1, ""}, {11, 1, "80300030"}, {11, 0, ""}, {1000, 0, ""}, {1001, 0, "80300010"}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *tokens = json_array();
		for (int n = 0; n < rows[i].count; n++) {
			json_array_append_new(tokens, json_sprintf("t%d", n));
		}
		json_t *root = json_pack("{s:{s:o, s:s, s:{s:i}}}", "message", "token", tokens, "data", "x", "android",
					 "target_user_type", rows[i].user_type);
		char *text = json_dumps(root, JSON_COMPACT);
		struct sw_sim_huawei_message message;
		assert_string_equal(check(text, 100, &message), rows[i].code);
		free(text);
		json_decref(root);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check__good__no_code),
		cmocka_unit_test(check__bad__its_code),
		cmocka_unit_test(check__size__tokens_do_not_count),
		cmocka_unit_test(check__numbers_of_tokens__limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
