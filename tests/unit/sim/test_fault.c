/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include <surewire/clock.h>

#include "sim/fault.h"

static int64_t now_ms = 1000;

static int64_t fake_ms(void)
{
	return now_ms;
}

static int parse(const char *text, struct sw_sim_fault *fault, struct sw_diag *diag)
{
	json_t *json = json_of(text);
	*diag = (struct sw_diag){{0}};
	int err = sw_sim_fault_parse(json, fault, diag);
	json_decref(json);
	return err;
}

static void add(struct sw_sim_faults *faults, const char *text)
{
	struct sw_sim_fault fault;
	struct sw_diag diag;
	assert_int_equal(parse(text, &fault, &diag), SW_OK);
	assert_true(sw_sim_faults_add(faults, &fault, now_ms) > 0);
}

static bool take(struct sw_sim_faults *faults, enum sw_sim_provider provider, enum sw_sim_stage stage,
		 const char *token)
{
	struct sw_sim_action action;
	return sw_sim_faults_take(faults, provider, stage, sw_bytes_str(token), &action);
}

static void parse__stages__by_provider_and_action(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum sw_sim_stage stage;
	} rows[] = {
		{"{\"provider\":\"apns\",\"action\":{\"status\":500}}", SW_SIM_STAGE_REQUEST},
		{"{\"provider\":\"fcm\",\"action\":{\"silent\":true,\"stage\":\"connect\"}}", SW_SIM_STAGE_ACCEPT},
		{"{\"provider\":\"smtp\",\"action\":{\"smtp_code\":450}}", SW_SIM_STAGE_RCPT},
		{"{\"provider\":\"smtp\",\"action\":{\"token_dead_ms\":1}}", SW_SIM_STAGE_RCPT},
		{"{\"provider\":\"smtp\",\"action\":{\"cut_after_dot\":true}}", SW_SIM_STAGE_DOT},
		{"{\"provider\":\"smtp\",\"action\":{\"delay_ms\":5}}", SW_SIM_STAGE_DOT},
		{"{\"provider\":\"smtp\",\"action\":{\"smtp_code\":451,\"smtp_stage\":\"data\"}}", SW_SIM_STAGE_DATA},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_fault fault;
		struct sw_diag diag;
		assert_int_equal(parse(rows[i].text, &fault, &diag), SW_OK);
		assert_int_equal(fault.stage, rows[i].stage);
		json_decref(fault.source);
	}
}

static void parse__goaway__three_forms(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		enum sw_sim_goaway goaway;
		int32_t stream;
		uint32_t code;
	} rows[] = {{"{\"last_stream\":\"all\"}", SW_SIM_GOAWAY_ALL, 0, 0},
		    {"{}", SW_SIM_GOAWAY_ALL, 0, 0},
		    {"{\"last_stream\":\"none\",\"code\":11}", SW_SIM_GOAWAY_NONE, 0, 11},
		    {"{\"last_stream\":7}", SW_SIM_GOAWAY_AT, 7, 0}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[200];
		struct sw_sim_fault fault;
		struct sw_diag diag;
		snprintf(text, sizeof(text), "{\"provider\":\"apns\",\"action\":{\"goaway\":%s}}", rows[i].value);
		assert_int_equal(parse(text, &fault, &diag), SW_OK);
		assert_int_equal(fault.action.effect.goaway, rows[i].goaway);
		assert_int_equal(fault.action.effect.goaway_stream, rows[i].stream);
		assert_int_equal(fault.action.effect.goaway_code, rows[i].code);
		json_decref(fault.source);
	}
}

static void parse__bad__told_what(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"{\"provider\":\"apns\",\"action\":{\"goaway\":true}}",
		"{\"provider\":\"apns\",\"action\":{\"goaway\":{\"last_stream\":-1}}}",
		"{\"provider\":\"apns\",\"action\":{\"goaway\":{\"last_stream\":\"some\"}}}",
		"{\"provider\":\"apns\",\"action\":{\"silent\":false}}",
		"{\"provider\":\"apns\",\"action\":{\"rst\":-1}}",
		"{\"provider\":\"apns\",\"action\":{\"status\":503},\"match\":[]}",
		"{\"provider\":\"apns\",\"action\":{\"status\":503},\"match\":{\"tokens\":\"a\"}}",
		"{\"provider\":\"apns\",\"action\":{\"status\":503,\"stage\":\"dot\"}}",
		"{\"provider\":\"apns\",\"action\":{\"status\":503,\"stage\":\"connect\"}}",
		"{\"provider\":\"smtp\",\"action\":{\"smtp_code\":250}}",
		"{\"provider\":\"smtp\",\"action\":{\"smtp_code\":450,\"smtp_stage\":\"request\"}}",
		"{\"provider\":\"smtp\",\"action\":{\"rst\":7}}",
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_fault fault;
		struct sw_diag diag;
		assert_int_equal(parse(rows[i], &fault, &diag), SW_EINVAL);
		assert_true(diag.text[0] != '\0');
	}
}

static void take__count_token_stage__only_the_meant_ones(void **state)
{
	(void)state;
	struct sw_sim_faults faults;
	sw_sim_faults_init(&faults);
	add(&faults, "{\"provider\":\"apns\",\"action\":{\"status\":503},\"match\":{\"token\":\"ab\"},\"count\":2}");
	assert_false(take(&faults, SW_SIM_FCM, SW_SIM_STAGE_REQUEST, "ab"));
	assert_false(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_ACCEPT, "ab"));
	assert_false(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "abc"));
	assert_true(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "ab"));
	assert_true(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "ab"));
	assert_false(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "ab"));
	sw_sim_faults_release(&faults);
}

static void take__for_s__ends_with_its_time(void **state)
{
	(void)state;
	struct sw_sim_faults faults;
	sw_sim_faults_init(&faults);
	sw_clock_override(fake_ms, fake_ms);
	add(&faults, "{\"provider\":\"apns\",\"action\":{\"status\":503},\"for_s\":2}");
	now_ms += 1999;
	assert_true(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "x"));
	now_ms += 1;
	assert_false(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "x"));
	sw_clock_override(NULL, NULL);
	sw_sim_faults_release(&faults);
}

static void take__after_s__begins_then_and_lasts_from_there(void **state)
{
	(void)state;
	struct sw_sim_faults faults;
	sw_sim_faults_init(&faults);
	sw_clock_override(fake_ms, fake_ms);
	add(&faults, "{\"provider\":\"apns\",\"action\":{\"status\":503},\"after_s\":3,\"for_s\":2}");
	now_ms += 2999;
	assert_false(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "x"));
	now_ms += 1;
	assert_true(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "x"));
	now_ms += 1999;
	assert_true(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "x"));
	now_ms += 1;
	assert_false(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "x"));
	sw_clock_override(NULL, NULL);
	sw_sim_faults_release(&faults);
}

static void take__two_match__the_older_first_then_the_next(void **state)
{
	(void)state;
	struct sw_sim_faults faults;
	struct sw_sim_action action;
	sw_sim_faults_init(&faults);
	add(&faults, "{\"provider\":\"apns\",\"action\":{\"status\":503},\"count\":1}");
	add(&faults, "{\"provider\":\"apns\",\"action\":{\"status\":429},\"count\":1}");
	assert_true(sw_sim_faults_take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, sw_bytes("", 0), &action));
	assert_int_equal(action.status, 503);
	assert_true(sw_sim_faults_take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, sw_bytes("", 0), &action));
	assert_int_equal(action.status, 429);
	sw_sim_faults_release(&faults);
}

static void take__share__about_as_often(void **state)
{
	(void)state;
	struct sw_sim_faults faults;
	int hits = 0;
	sw_sim_faults_init(&faults);
	add(&faults, "{\"provider\":\"apns\",\"action\":{\"status\":503},\"match\":{\"share\":0.25}}");
	for (int i = 0; i < 4000; i++) {
		hits += take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, "");
	}
	assert_in_range(hits, 800, 1200); /* expected 1000, standard deviation 27 */
	sw_sim_faults_release(&faults);
}

static void add__more_than_there_is_room_for__refused_unless_some_are_over(void **state)
{
	(void)state;
	struct sw_sim_faults faults;
	struct sw_sim_fault fault;
	struct sw_diag diag;
	sw_sim_faults_init(&faults);
	for (int i = 0; i < SW_SIM_FAULTS_MAX; i++) {
		add(&faults, "{\"provider\":\"apns\",\"action\":{\"status\":503},\"count\":1}");
	}
	assert_int_equal(parse("{\"provider\":\"apns\",\"action\":{\"status\":503}}", &fault, &diag), SW_OK);
	assert_int_equal(sw_sim_faults_add(&faults, &fault, now_ms), 0);
	assert_true(take(&faults, SW_SIM_APNS, SW_SIM_STAGE_REQUEST, ""));
	add(&faults, "{\"provider\":\"apns\",\"action\":{\"status\":503}}");
	sw_sim_faults_release(&faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__stages__by_provider_and_action),
		cmocka_unit_test(parse__goaway__three_forms),
		cmocka_unit_test(parse__bad__told_what),
		cmocka_unit_test(take__count_token_stage__only_the_meant_ones),
		cmocka_unit_test(take__for_s__ends_with_its_time),
		cmocka_unit_test(take__after_s__begins_then_and_lasts_from_there),
		cmocka_unit_test(take__two_match__the_older_first_then_the_next),
		cmocka_unit_test(take__share__about_as_often),
		cmocka_unit_test(add__more_than_there_is_room_for__refused_unless_some_are_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
