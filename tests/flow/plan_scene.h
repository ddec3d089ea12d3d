/* SPDX-License-Identifier: Apache-2.0 */
/* The scene with four accounts, and plans for the messages that Alice writes to Bob: what the tests of plans have in
 * common. */
#ifndef SW_TESTS_FLOW_PLAN_SCENE_H
#define SW_TESTS_FLOW_PLAN_SCENE_H

#include "scene.h"

/* Not started. The usual plan: phones; 60 s later droids; 240 s after those the fallback. People may choose "brisk":
 * all; 10 s later hooks; "plain": all; "again": phones, twice; and "droid": droids. */
void plan_scene_open(struct scene *scene, unsigned engines);
/* A device of each, named like its account. */
void bob_has_each(struct scene *scene, const char *const *providers, size_t count);
/* muted_until_ms -1 and plan "": not set. */
void bob_prefers(struct scene *scene, int64_t conv, int64_t muted_until_ms, const char *plan);
/* As time goes by, seconds at a time, with checks that come back in each. */
void seconds_pass(struct scene *scene, int64_t seconds, int64_t at_a_time);
size_t rows_left(struct scene *scene);
/* Items in the check queues. */
size_t looks_under_way(struct scene *scene);

#endif
