/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_scene.h"

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

void plan_scene_open(struct scene *scene, unsigned engines)
{
	scene_open(scene, engines);
	scene->flow.mailbox_config.providers = accounts;
	scene->flow.mailbox_config.provider_count = sizeof(accounts) / sizeof(accounts[0]);
	scene->flow.mailbox_config.plans = plans;
	scene->flow.mailbox_config.plan_count = sizeof(plans) / sizeof(plans[0]);
	scene->flow.mailbox_config.plan = &plans[0];
	fake_bus_declare(&scene->flow.bus, "push.droids");
	fake_bus_declare(&scene->flow.bus, "push.hooks");
}

void bob_has_each(struct scene *scene, const char *const *providers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bob_has(scene, providers[i], providers[i]);
	}
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

void seconds_pass(struct scene *scene, int64_t seconds, int64_t at_a_time)
{
	for (int64_t passed = 0; passed < seconds; passed += at_a_time) {
		scene_clock_add_ms(at_a_time * 1000);
		checks_fire(scene);
	}
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
