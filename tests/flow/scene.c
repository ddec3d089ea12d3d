/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include "proto/job.h"

#include <surewire/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static _Atomic int64_t clock_ms;

int64_t scene_now_ms(void)
{
	return clock_ms;
}

void scene_clock_add_ms(int64_t ms)
{
	clock_ms += ms;
}

void scene_open(struct scene *scene, unsigned engines)
{
	*scene = (struct scene){0};
	flow_open(&scene->flow, engines);
	clock_ms = scene->flow.clock_ms;
	sw_clock_override(NULL, scene_now_ms);
	scene->scenario.flow = &scene->flow;
	scene->flow.bus.hold_delayed = true;
}

void scene_close(struct scene *scene)
{
	flow_close(&scene->flow);
}

void bob_has(struct scene *scene, const char *device, const char *provider)
{
	scenario_device_set(&scene->scenario, BOB, device, provider, "token");
	flow_settle(&scene->flow);
}

void bob_connects(struct scene *scene, const char *device, int64_t cursor, bool active)
{
	post_to_mailbox(&scene->flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_SESSION_UP,
					  .as.session_up = {.user = BOB,
							    .device = sw_bytes_str(device),
							    .node = NODE_B,
							    .session = BOB,
							    .active = active,
							    .cursor = cursor}});
	flow_settle(&scene->flow);
}

void bob_acks(struct scene *scene, const char *device, int64_t pos, bool active)
{
	scenario_ack(&scene->scenario, BOB, device, pos, active);
	flow_settle(&scene->flow);
}

void alice_writes(struct scene *scene, const char *text)
{
	const struct message *message = scenario_message(&scene->scenario, ALICE, text);
	struct sw_item item = scenario_send_item(&scene->scenario, message, 0, BOB);
	item.as.send.at_ms = scene_now_ms();
	post_to_sequencer(&scene->flow, queue_of_pair(ALICE, BOB), &item);
	flow_settle(&scene->flow);
}

void checks_fire(struct scene *scene)
{
	fake_bus_release_delayed(&scene->flow.bus, true);
	flow_settle(&scene->flow);
}

void push_fails(struct scene *scene, int64_t pos, uint8_t step)
{
	post_to_mailbox(
		&scene->flow, BOB,
		&(struct sw_item){
			.kind = SW_ITEM_FALLBACK,
			.as.fallback = {.user = BOB, .pos = pos, .reason = sw_bytes_str("spent"), .step = step}});
	flow_settle(&scene->flow);
}

void token_dies(struct scene *scene, const char *device, int64_t pos, uint8_t step)
{
	post_to_mailbox(&scene->flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_TOKEN_DEAD,
					  .as.token_dead = {.user = BOB,
							    .device = sw_bytes_str(device),
							    .token = sw_bytes_str("token"),
							    .pos = pos,
							    .step = step}});
	flow_settle(&scene->flow);
}

/* Two checks at a time may say the same twice. */
static bool is_known(const struct scene_jobs *jobs, const struct sw_uuid *id)
{
	for (size_t i = 0; i < jobs->count; i++) {
		if (sw_uuid_equal(&jobs->ids[i], id)) {
			return true;
		}
	}
	return false;
}

static void on_job(void *ctx, const struct sw_uuid *section, const struct sw_item *item)
{
	struct scene_jobs *jobs = ctx;
	const struct sw_item_job *job = &item->as.job;
	(void)section;
	assert_int_equal(item->kind, SW_ITEM_JOB);
	assert_int_equal(job->user, BOB);
	if (is_known(jobs, &job->job)) {
		return;
	}
	assert_true(jobs->count < SCENE_JOBS_MAX);
	jobs->ids[jobs->count] = job->job;
	jobs->pos[jobs->count] = job->pos;
	jobs->planned_at_ms[jobs->count] = job->planned_at_ms;
	jobs->reason[jobs->count] = job->reason;
	jobs->step[jobs->count++] = sw_job_step(job->class, job->content);
}

struct scene_jobs jobs_of(struct scene *scene, const char *provider)
{
	char queue[SW_BUS_NAME_MAX];
	struct scene_jobs jobs = {.count = 0};
	snprintf(queue, sizeof(queue), "push.%s", provider);
	flow_each_queued(&scene->flow, queue, on_job, &jobs);
	return jobs;
}

size_t job_count(struct scene *scene, const char *provider)
{
	return jobs_of(scene, provider).count;
}
