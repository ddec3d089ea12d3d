/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of alerts: the same place gives the same id, and what they carry. */
#include "alert/alert_int.h"
#include "proto/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct sw_plan_provider providers[] = {{"apns", false}, {"email", true}};
static char app[] = "org.example.pager";
static char *const critical[] = {app};
static const struct sw_alert_config config = {.providers = providers,
					      .provider_count = 2,
					      .age_max_ms = 1000,
					      .critical_apps = critical,
					      .critical_app_count = 1};

static struct sw_item job(struct sw_arena *arena, int step, const char *provider, const char *of_app,
			  int64_t deadline_ms)
{
	const struct sw_alert_about about = {.alert = 7,
					     .severity = sw_bytes_str("critical"),
					     .title = sw_bytes_str("fire"),
					     .body = sw_bytes_str("run"),
					     .now_ms = 5000};
	const struct sw_alert_person person = {
		.user = 3, .name = sw_bytes_str("bob"), .place = {0, step, false}, .deadline_ms = deadline_ms};
	const struct sw_alert_device device = {.device = sw_bytes_str("d"),
					       .provider = sw_bytes_str(provider),
					       .app = sw_bytes_str(of_app),
					       .token = sw_bytes_str("t")};
	return sw_alert_job(&config, &about, &person, &device, arena);
}

static void job__same_place__same_id_and_another_step_another_one(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_item first = job(&arena, 0, "apns", app, 0);
	struct sw_item again = job(&arena, 0, "apns", app, 0);
	struct sw_item next = job(&arena, 1, "apns", app, 0);
	assert_true(sw_uuid_equal(&first.as.job.job, &again.as.job.job));
	assert_false(sw_uuid_equal(&first.as.job.job, &next.as.job.job));
	assert_int_equal(first.as.job.class, SW_JOB_ALERT);
	assert_int_equal(first.as.job.reason, SW_JOB_REASON_ALERT_STEP);
	assert_int_equal(first.as.job.planned_at_ms, first.as.job.created_at_ms);
	assert_int_equal(first.as.job.event, 7);
	assert_int_equal(first.as.job.pos, 0);
	assert_int_equal(first.as.job.expires_at_ms, 6000);
	sw_arena_release(&arena);
}

static void job__by_app_and_provider__sound_subject_and_deadline(void **state)
{
	(void)state;
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_item loud = job(&arena, 0, "apns", app, 5500);
	struct sw_item other = job(&arena, 0, "apns", "org.example.other", 0);
	struct sw_item mail = job(&arena, 0, "email", "", 0);
	assert_true(sw_bytes_equal_str(loud.as.job.content, "{\"severity\":\"critical\",\"critical_sound\":true}"));
	assert_int_equal(loud.as.job.expires_at_ms, 5500);
	assert_true(sw_bytes_equal_str(loud.as.job.title, "fire"));
	assert_true(sw_bytes_equal_str(other.as.job.content, "{\"severity\":\"critical\"}"));
	assert_true(sw_bytes_equal_str(mail.as.job.title, "[critical] fire"));
	sw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(job__same_place__same_id_and_another_step_another_one),
		cmocka_unit_test(job__by_app_and_provider__sound_subject_and_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
