/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_scene.h"

#include "proto/job.h"

#include <surewire/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct sw_mailbox_provider accounts[] = {{.name = "phones"},
						      {.name = "droids"},
						      {.name = "mail", .fallback_only = true},
						      {.name = "hooks", .fallback_only = true}};

static const struct sw_mailbox_plan plans[] = {
	{.name = "patient",
	 .steps = {{.target = "phones"},
		   {.after_ms = 60000, .target = "droids"},
		   {.after_ms = 240000, .target = "mail"}},
	 .count = 3},
	{.name = "brisk", .steps = {{.target = "all"}, {.after_ms = 10000, .target = "hooks"}}, .count = 2},
	{.name = "plain", .steps = {{.target = "all"}}, .count = 1},
	{.name = "again", .steps = {{.target = "phones"}, {.after_ms = 10000, .target = "phones"}}, .count = 2},
	{.name = "droid", .steps = {{.target = "droids"}}, .count = 1}};

static _Atomic int64_t clock_ms;

static int64_t wall_ms(void)
{
	return clock_ms;
}

void scene_clock_set(int64_t now_ms)
{
	clock_ms = now_ms;
	sw_clock_override(NULL, wall_ms);
}

void scene_clock_add_s(int64_t seconds)
{
	clock_ms += seconds * 1000;
}

void scene_open(struct scene *scene, unsigned engines)
{
	*scene = (struct scene){0};
	flow_open(&scene->flow, engines);
	scene_clock_set(scene->flow.clock_ms);
	scene->scenario.flow = &scene->flow;
	scene->flow.bus.hold_delayed = true;
	scene->flow.mailbox_config.providers = accounts;
	scene->flow.mailbox_config.provider_count = sizeof(accounts) / sizeof(accounts[0]);
	scene->flow.mailbox_config.plans = plans;
	scene->flow.mailbox_config.plan_count = sizeof(plans) / sizeof(plans[0]);
	scene->flow.mailbox_config.plan = &plans[0];
	fake_bus_declare(&scene->flow.bus, "push.droids");
	fake_bus_declare(&scene->flow.bus, "push.hooks");
}

void scene_close(struct scene *scene)
{
	flow_close(&scene->flow);
}

void bob_has(struct scene *scene, const char *provider)
{
	post_to_mailbox(&scene->flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_DEVICE_SET,
					  .as.device_set = {.user = BOB,
							    .device = sw_bytes_str(provider),
							    .platform = sw_bytes_str("any"),
							    .provider = sw_bytes_str(provider),
							    .app = sw_bytes_str("app"),
							    .token = sw_bytes_str("token"),
							    .at_ms = 1,
							    .node = NODE_B,
							    .request = 1}});
	flow_settle(&scene->flow);
}

void bob_acks(struct scene *scene, const char *device, int64_t pos, bool active)
{
	post_to_mailbox(&scene->flow, BOB,
			&(struct sw_item){
				.kind = SW_ITEM_ACK,
				.as.ack = {.user = BOB, .device = sw_bytes_str(device), .pos = pos, .active = active}});
	flow_settle(&scene->flow);
}

void bob_prefers(struct scene *scene, int64_t conv, int64_t muted_until_ms, const char *plan)
{
	post_to_mailbox(&scene->flow, BOB,
			&(struct sw_item){.kind = SW_ITEM_PREFERENCE_SET,
					  .as.preference_set = {.user = BOB,
								.conv = conv,
								.muted_until_ms = muted_until_ms,
								.mentions_only = 2,
								.content = sw_bytes("", 0),
								.node = NODE_B,
								.request = 2,
								.plan = sw_bytes_str(plan)}});
	flow_settle(&scene->flow);
}

void alice_writes(struct scene *scene, const char *text)
{
	struct letter letter;
	const struct message *message = scenario_message(&scene->scenario, ALICE, text);
	struct sw_item item = scenario_send_item(&scene->scenario, message, 0, BOB);
	item.as.send.at_ms = wall_ms();
	letter_begin(&letter);
	letter_put(&letter, &item);
	letter_post(&scene->flow, &letter, SW_ROLE_SEQUENCER, queue_of_pair(ALICE, BOB));
	flow_settle(&scene->flow);
}

void checks_fire(struct scene *scene)
{
	fake_bus_release_delayed(&scene->flow.bus, true);
	flow_settle(&scene->flow);
}

void seconds_pass(struct scene *scene, int64_t seconds, int64_t at_a_time)
{
	for (int64_t passed = 0; passed < seconds; passed += at_a_time) {
		scene_clock_add_s(at_a_time);
		checks_fire(scene);
	}
}

static void add_job(struct scene_jobs *jobs, const struct sw_item_job *job)
{
	for (size_t i = 0; i < jobs->count; i++) {
		if (sw_uuid_equal(&jobs->ids[i], &job->job)) {
			return;
		}
	}
	assert_true(jobs->count < SCENE_JOBS_MAX);
	jobs->ids[jobs->count] = job->job;
	jobs->pos[jobs->count] = job->pos;
	jobs->step[jobs->count++] = sw_job_step(job->class, job->content);
}

static void on_job(void *ctx, const struct sw_uuid *section, const struct sw_item *item)
{
	(void)section;
	assert_int_equal(item->kind, SW_ITEM_JOB);
	assert_int_equal(item->as.job.user, BOB);
	add_job(ctx, &item->as.job);
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

size_t rows_left(struct scene *scene)
{
	pthread_mutex_lock(&scene->flow.store.lock);
	size_t count = scene->flow.store.tables.step.count;
	pthread_mutex_unlock(&scene->flow.store.lock);
	return count;
}

static void on_delayed(void *ctx, const struct sw_uuid *section, const struct sw_item *item)
{
	(void)section;
	(void)item;
	(*(size_t *)ctx)++;
}

size_t looks_under_way(struct scene *scene)
{
	size_t count = 0;
	pthread_mutex_lock(&scene->flow.bus.lock);
	for (const struct fake_delayed *delayed = scene->flow.bus.delayed; delayed; delayed = delayed->next) {
		flow_each_item(sw_blob_bytes(delayed->body), on_delayed, &count);
	}
	pthread_mutex_unlock(&scene->flow.bus.lock);
	return count;
}
