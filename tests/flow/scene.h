/* SPDX-License-Identifier: Apache-2.0 */
/* Alice writes to Bob, and the writers' wall clock is in the test's hand: what the tests of checks, of the ledger and of
 * plans have in common. Whatever is done here is settled when it returns. */
#ifndef SW_TESTS_FLOW_SCENE_H
#define SW_TESTS_FLOW_SCENE_H

#include "scenario.h"

enum { SCENE_JOBS_MAX = 64 };

struct scene {
	struct flow flow;
	struct scenario scenario;
};

struct scene_jobs {
	struct sw_uuid ids[SCENE_JOBS_MAX]; /* different ones, as they came */
	int64_t pos[SCENE_JOBS_MAX];
	int64_t planned_at_ms[SCENE_JOBS_MAX];
	uint8_t reason[SCENE_JOBS_MAX];
	uint8_t step[SCENE_JOBS_MAX]; /* proto/job.h */
	size_t count;
};

/* Not started; what is delayed waits for checks_fire. */
void scene_open(struct scene *scene, unsigned engines);
void scene_close(struct scene *scene);
int64_t scene_now_ms(void);
void scene_clock_add_ms(int64_t ms);

/* With the token "token". */
void bob_has(struct scene *scene, const char *device, const char *provider);
/* To node B; cursor -1: says none. */
void bob_connects(struct scene *scene, const char *device, int64_t cursor, bool active);
void bob_acks(struct scene *scene, const char *device, int64_t pos, bool active);
void alice_writes(struct scene *scene, const char *text);
/* What waits in the check queues comes out. */
void checks_fire(struct scene *scene);
/* The pusher says so of a push to Bob; step 0: of no plan. */
void push_fails(struct scene *scene, int64_t pos, uint8_t step);
void token_dies(struct scene *scene, const char *device, int64_t pos, uint8_t step);

/* In push.<provider>. */
struct scene_jobs jobs_of(struct scene *scene, const char *provider);
size_t job_count(struct scene *scene, const char *provider);

#endif
