/* SPDX-License-Identifier: Apache-2.0 */
/* Bob with a device for each of four accounts, plans for the messages that Alice writes to him, and the writers' wall clock
 * in the test's hand: what the tests of plans have in common. */
#ifndef SW_TESTS_FLOW_PLAN_SCENE_H
#define SW_TESTS_FLOW_PLAN_SCENE_H

#include "scenario.h"

enum { SCENE_JOBS_MAX = 64 };

struct scene {
	struct flow flow;
	struct scenario scenario;
};

struct scene_jobs {
	struct sw_uuid ids[SCENE_JOBS_MAX]; /* different ones, as they came */
	int64_t pos[SCENE_JOBS_MAX];
	uint8_t step[SCENE_JOBS_MAX]; /* proto/job.h */
	size_t count;
};

/* Not started. The usual plan: phones; 60 s later droids; 240 s after those the fallback. People may choose "brisk":
 * all; 10 s later hooks; "plain": all; "again": phones, twice; and "droid": droids. */
void scene_open(struct scene *scene, unsigned engines);
void scene_close(struct scene *scene);
void scene_clock_set(int64_t now_ms);
void scene_clock_add_s(int64_t seconds);
void bob_has(struct scene *scene, const char *provider);
void bob_acks(struct scene *scene, const char *device, int64_t pos, bool active);
/* muted_until_ms -1 and plan "": not set. */
void bob_prefers(struct scene *scene, int64_t conv, int64_t muted_until_ms, const char *plan);
void alice_writes(struct scene *scene, const char *text);
/* What waits in the check queues comes out. */
void checks_fire(struct scene *scene);
/* As time goes by, seconds at a time, with checks that come back in each. */
void seconds_pass(struct scene *scene, int64_t seconds, int64_t at_a_time);
/* In push.<provider>. */
struct scene_jobs jobs_of(struct scene *scene, const char *provider);
size_t job_count(struct scene *scene, const char *provider);
size_t rows_left(struct scene *scene);
/* Items in the check queues. */
size_t looks_under_way(struct scene *scene);

#endif
