/* SPDX-License-Identifier: Apache-2.0 */
/* What a breaker and a rate hold back, and whom they let pass: endpoints, apps and devices of one instance. */
#include "pusher/pusher_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FAILURES = 3, PAUSE_MS = 1000, QUARANTINE_AFTER = 5 };

static int64_t now_ms;
static const char *rate_app, *rate_device; /* of the configuration */

static int64_t fake_mono_ms(void)
{
	return now_ms;
}

static const char *get(const struct sw_provider_config *config, const char *key)
{
	(void)config;
	return strcmp(key, "rate_app_per_s") == 0      ? rate_app
	     : strcmp(key, "rate_device_per_min") == 0 ? rate_device
						       : NULL;
}

struct fixture {
	struct sw_pusher pusher;
	struct sw_provider_config provider_config;
	struct sw_pusher_instance config;
	struct sw_pusher_instance_run instance;
	struct sw_endpoint hosts[2];
	struct sw_pusher_endpoint endpoints[2];
};

static void open_rates(struct fixture *f)
{
	struct sw_diag diag = {""};
	assert_int_equal(sw_pusher_rates_open(&f->instance, &diag), SW_OK);
}

static int setup(void **state)
{
	struct fixture *f = sw_xcalloc(1, sizeof(*f));
	now_ms = 1000000;
	rate_app = rate_device = NULL;
	sw_clock_override(fake_mono_ms, NULL);
	f->provider_config = (struct sw_provider_config){.instance = "main", .get = get};
	f->config = (struct sw_pusher_instance){.name = "main", .config = &f->provider_config};
	f->pusher.config.breaker = (struct sw_breaker_limits){
		.failures = FAILURES, .pause_ms = PAUSE_MS, .pause_max_ms = 4 * PAUSE_MS};
	f->pusher.config.quarantine_after = QUARANTINE_AFTER;
	f->instance.pusher = &f->pusher;
	f->instance.config = &f->config;
	f->instance.breaker_opened = sw_metric_counter("test_opened_total", "", "Test.");
	f->instance.quarantined = sw_metric_counter("test_quarantined_total", "", "Test.");
	for (int i = 0; i < 2; i++) {
		f->hosts[i].host = i ? "b.example" : "a.example";
		f->endpoints[i] = (struct sw_pusher_endpoint){.instance = &f->instance, .endpoint = &f->hosts[i]};
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	sw_pusher_breakers_free(&f->endpoints[0]);
	sw_pusher_breakers_free(&f->endpoints[1]);
	assert_int_equal(f->instance.breakers_open, 0);
	sw_pusher_rates_release(&f->instance);
	sw_clock_override(NULL, NULL);
	free(f);
	return 0;
}

static struct sw_pusher_job job_of(struct fixture *f, const char *app, int64_t user)
{
	return (struct sw_pusher_job){
		.instance = &f->instance,
		.item = {.app = sw_bytes_str(app), .device = sw_bytes_str("phone"), .user = user}};
}

/* True: it was let through, and came back with that outcome. */
static bool attempt(struct fixture *f, int endpoint, const char *app, enum sw_outcome_kind kind)
{
	struct sw_pusher_job job = job_of(f, app, 1);
	if (sw_pusher_breaker_wait_ms(&job, &f->endpoints[endpoint]) > 0) {
		return false;
	}
	job.outcome = (struct sw_outcome){.kind = kind, .after_ms = -1};
	sw_pusher_limits_tell(&job);
	assert_null(job.breaker);
	return true;
}

static void breaker__one_app_at_one_host_fails__only_that_is_held(void **state)
{
	struct fixture *f = *state;
	open_rates(f);
	for (int i = 0; i < FAILURES; i++) {
		assert_true(attempt(f, 0, "chat", SW_OUTCOME_RETRY));
	}
	assert_false(attempt(f, 0, "chat", SW_OUTCOME_DELIVERED));
	assert_true(attempt(f, 0, "alerts", SW_OUTCOME_DELIVERED));
	assert_true(attempt(f, 1, "chat", SW_OUTCOME_DELIVERED));
	assert_int_equal(f->instance.breakers_open, 1);
}

static void breaker__after_the_pause__one_probe_decides(void **state)
{
	struct fixture *f = *state;
	open_rates(f);
	for (int i = 0; i < FAILURES; i++) {
		assert_true(attempt(f, 0, "chat", SW_OUTCOME_UNKNOWN));
	}
	now_ms += PAUSE_MS * 2;
	struct sw_pusher_job probe = job_of(f, "chat", 1);
	assert_int_equal(sw_pusher_breaker_wait_ms(&probe, &f->endpoints[0]), 0);
	assert_true(probe.probe);
	assert_false(attempt(f, 0, "chat", SW_OUTCOME_DELIVERED)); /* while it is out */
	probe.outcome = (struct sw_outcome){.kind = SW_OUTCOME_DELIVERED};
	sw_pusher_limits_tell(&probe);
	assert_true(attempt(f, 0, "chat", SW_OUTCOME_DELIVERED));
	assert_int_equal(f->instance.breakers_open, 0);
}

/* What speaks of tokens, messages or our credential says that the service works, or nothing. */
static void breaker__answers_that_blame_not_the_service__stays_closed(void **state)
{
	static const enum sw_outcome_kind kinds[] = {SW_OUTCOME_REJECTED, SW_OUTCOME_UNSENT, SW_OUTCOME_CREDENTIAL,
						     SW_OUTCOME_CONFIG};
	struct fixture *f = *state;
	open_rates(f);
	for (size_t i = 0; i < FAILURES * 10; i++) {
		assert_true(attempt(f, 0, "chat", kinds[i % (sizeof(kinds) / sizeof(kinds[0]))]));
	}
	for (size_t i = 0; i < FAILURES * 10; i++) {
		struct sw_pusher_job job = job_of(f, "chat", 1);
		assert_int_equal(sw_pusher_breaker_wait_ms(&job, &f->endpoints[0]), 0);
		job.outcome = (struct sw_outcome){.kind = SW_OUTCOME_RETRY, .scope = SW_SCOPE_TARGET};
		sw_pusher_limits_tell(&job);
	}
	assert_int_equal(f->instance.breakers_open, 0);
}

static void breaker__service_wants_no_more__held_at_once_and_as_long_as_asked(void **state)
{
	struct fixture *f = *state;
	open_rates(f);
	struct sw_pusher_job job = job_of(f, "chat", 1);
	assert_int_equal(sw_pusher_breaker_wait_ms(&job, &f->endpoints[0]), 0);
	job.outcome = (struct sw_outcome){.kind = SW_OUTCOME_THROTTLED, .after_ms = 30000};
	sw_pusher_limits_tell(&job);
	now_ms += 29999;
	assert_false(attempt(f, 0, "chat", SW_OUTCOME_DELIVERED));
	now_ms += 6002; /* a fifth more at the most */
	assert_true(attempt(f, 0, "chat", SW_OUTCOME_DELIVERED));
}

static void rate__too_many_for_one_device__another_passes(void **state)
{
	struct fixture *f = *state;
	rate_device = "60";
	open_rates(f);
	struct sw_pusher_job mine = job_of(f, "chat", 1);
	struct sw_pusher_job other = job_of(f, "chat", 2);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(sw_pusher_rate_wait_ms(&mine), 0);
	}
	assert_int_equal(sw_pusher_rate_wait_ms(&mine), 1000);
	assert_int_equal(sw_pusher_rate_wait_ms(&mine), 2000); /* the next one comes back after it */
	assert_int_equal(sw_pusher_rate_wait_ms(&other), 0);
}

static void rate__too_many_of_one_app__another_passes(void **state)
{
	struct fixture *f = *state;
	rate_app = "5";
	open_rates(f);
	for (int i = 0; i < 5; i++) {
		struct sw_pusher_job job = job_of(f, "chat", i);
		assert_int_equal(sw_pusher_rate_wait_ms(&job), 0);
	}
	struct sw_pusher_job job = job_of(f, "chat", 9);
	struct sw_pusher_job other = job_of(f, "alerts", 9);
	assert_int_equal(sw_pusher_rate_wait_ms(&job), 200);
	assert_int_equal(sw_pusher_rate_wait_ms(&other), 0);
}

static void rate__device_throttled_by_the_service__it_alone_waits(void **state)
{
	struct fixture *f = *state;
	open_rates(f);
	struct sw_pusher_job mine = job_of(f, "chat", 1);
	struct sw_pusher_job other = job_of(f, "chat", 2);
	mine.outcome = (struct sw_outcome){.kind = SW_OUTCOME_THROTTLED, .scope = SW_SCOPE_TARGET, .after_ms = 5000};
	sw_pusher_limits_tell(&mine);
	assert_int_equal(sw_pusher_rate_wait_ms(&mine), 5000);
	assert_int_equal(sw_pusher_rate_wait_ms(&other), 0);
	now_ms += 5000;
	assert_int_equal(sw_pusher_rate_wait_ms(&mine), 0);
}

static void rates_open__no_number__refused(void **state)
{
	struct fixture *f = *state;
	struct sw_diag diag = {""};
	rate_app = "fast";
	assert_int_equal(sw_pusher_rates_open(&f->instance, &diag), SW_ECONFIG);
	assert_string_equal(diag.text, "[push.main] rate_app_per_s: expected a number from 1 to 1000000, not \"fast\"");
}

static void quarantine__too_many_dead_tokens__the_rest_is_kept(void **state)
{
	struct fixture *f = *state;
	open_rates(f);
	for (int i = 1; i <= QUARANTINE_AFTER * 3; i++) {
		struct sw_pusher_job job = job_of(f, "chat", i);
		assert_int_equal(sw_pusher_breaker_wait_ms(&job, &f->endpoints[0]), 0);
		job.outcome = (struct sw_outcome){.kind = SW_OUTCOME_TOKEN_DEAD};
		sw_pusher_limits_tell(&job);
		assert_int_equal(job.outcome.kind, i < QUARANTINE_AFTER ? SW_OUTCOME_TOKEN_DEAD : SW_OUTCOME_CONFIG);
	}
	/* Of another app they are believed. */
	struct sw_pusher_job job = job_of(f, "alerts", 1);
	assert_int_equal(sw_pusher_breaker_wait_ms(&job, &f->endpoints[0]), 0);
	job.outcome = (struct sw_outcome){.kind = SW_OUTCOME_TOKEN_DEAD};
	sw_pusher_limits_tell(&job);
	assert_int_equal(job.outcome.kind, SW_OUTCOME_TOKEN_DEAD);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(breaker__one_app_at_one_host_fails__only_that_is_held),
		TEST(breaker__after_the_pause__one_probe_decides),
		TEST(breaker__answers_that_blame_not_the_service__stays_closed),
		TEST(breaker__service_wants_no_more__held_at_once_and_as_long_as_asked),
		TEST(rate__too_many_for_one_device__another_passes),
		TEST(rate__too_many_of_one_app__another_passes),
		TEST(rate__device_throttled_by_the_service__it_alone_waits),
		TEST(rates_open__no_number__refused),
		TEST(quarantine__too_many_dead_tokens__the_rest_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
