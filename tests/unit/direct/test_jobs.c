/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of a direct push: whose id is the same however often they are made, and how they are packed. */
#include "direct/jobs.h"
#include "proto/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct sw_direct_work work(void)
{
	return (struct sw_direct_work){.id = 77,
				       .title = sw_bytes_str("T"),
				       .body = sw_bytes_str("B"),
				       .content = sw_bytes_str("{}"),
				       .created_at_ms = 10,
				       .expires_at_ms = 20};
}

static struct sw_direct_recipient phone(void)
{
	return (struct sw_direct_recipient){.user = 5,
					    .user_name = sw_bytes_str("bob"),
					    .device = sw_bytes_str("phone"),
					    .provider = sw_bytes_str("apns"),
					    .app = sw_bytes_str("app"),
					    .token = sw_bytes_str("aa"),
					    .registered_at_ms = 3};
}

static bool same(const struct sw_direct_work *a, const struct sw_direct_recipient *x, const struct sw_direct_work *b,
		 const struct sw_direct_recipient *y)
{
	struct sw_item_job one = sw_direct_job(a, x);
	struct sw_item_job other = sw_direct_job(b, y);
	return sw_uuid_equal(&one.job, &other.job);
}

static void job__id__of_request_and_recipient(void **state)
{
	(void)state;
	struct sw_direct_work w = work(), w2 = work();
	struct sw_direct_recipient r = phone(), changed = phone();
	changed.token = sw_bytes_str("bb"); /* reported anew meanwhile: still this device */
	assert_true(same(&w, &r, &w, &changed));
	changed = phone();
	changed.device = sw_bytes_str("tablet");
	assert_false(same(&w, &r, &w, &changed));
	changed = phone();
	changed.user = 6;
	assert_false(same(&w, &r, &w, &changed));
	w2.id = 78;
	assert_false(same(&w, &r, &w2, &r));
	struct sw_direct_recipient token = {.provider = sw_bytes_str("apns"), .token = sw_bytes_str("aa")};
	struct sw_direct_recipient other = token;
	assert_true(same(&w, &token, &w, &other));
	other.token = sw_bytes_str("ab");
	assert_false(same(&w, &token, &w, &other));
	other = token;
	other.provider = sw_bytes_str("fcm");
	assert_false(same(&w, &token, &w, &other));
}

static void job__members__are_the_requests(void **state)
{
	(void)state;
	struct sw_direct_work w = work();
	struct sw_direct_recipient r = phone();
	struct sw_item_job job = sw_direct_job(&w, &r);
	assert_int_equal(job.class, SW_JOB_DIRECT);
	assert_int_equal(job.event, 77);
	assert_int_equal(job.pos, 0);
	assert_int_equal(job.conv, 0);
	assert_int_equal(job.badge, -1);
	assert_int_equal(job.user, 5);
	assert_int_equal(job.registered_at_ms, 3);
	assert_int_equal(job.created_at_ms, 10);
	assert_int_equal(job.reason, SW_JOB_REASON_DIRECT);
	assert_int_equal(job.planned_at_ms, 10);
	assert_int_equal(job.expires_at_ms, 20);
	assert_true(sw_bytes_equal_str(job.title, "T"));
	assert_true(sw_bytes_equal_str(job.preview, "B"));
	assert_true(sw_bytes_equal_str(job.content, "{}"));
}

static size_t count_items(struct sw_blob *envelope, struct sw_arena *arena)
{
	struct sw_envelope_reader reader;
	struct sw_section section;
	struct sw_item item;
	size_t count = 0;
	assert_int_equal(sw_envelope_open(&reader, sw_blob_bytes(envelope)), SW_OK);
	while (sw_envelope_next(&reader, &section) == SW_OK) {
		while (sw_item_next(&section.items, arena, &item) == SW_OK) {
			assert_int_equal(item.kind, SW_ITEM_JOB);
			count++;
		}
	}
	return count;
}

/* 120 to apns and 1 to fcm: 50 + 50 + 20 + 1. */
static void pack__many__by_queue_and_fifty(void **state)
{
	(void)state;
	struct sw_arena arena;
	static struct sw_direct_packer packer;
	struct sw_direct_work w = work();
	w.urgent = true;
	sw_arena_init(&arena);
	sw_direct_packer_init(&packer, 121, &arena);
	for (int64_t i = 1; i <= 121; i++) {
		struct sw_direct_recipient r = phone();
		r.user = i;
		r.provider = sw_bytes_str(i == 60 ? "fcm" : "apns");
		assert_int_equal(sw_direct_packer_add(&packer, &w, &r), SW_OK);
	}
	sw_direct_packer_finish(&packer);
	assert_int_equal(packer.jobs, 121);
	assert_int_equal(packer.full_count, 4);
	size_t found[2] = {0, 0};
	for (size_t i = 0; i < packer.full_count; i++) {
		size_t count = count_items(packer.full[i].body, &arena);
		assert_int_equal(count, packer.full[i].jobs);
		assert_true(count <= SW_DIRECT_JOBS_PER_ENVELOPE);
		bool fcm = strcmp(packer.full[i].queue, "urgent.fcm") == 0;
		assert_true(fcm || strcmp(packer.full[i].queue, "urgent.apns") == 0);
		found[fcm] += count;
		sw_blob_unref(packer.full[i].body);
	}
	assert_int_equal(found[0], 120);
	assert_int_equal(found[1], 1);
	sw_arena_release(&arena);
}

static void pack__large_ones__each_by_itself(void **state)
{
	(void)state;
	static uint8_t large[SW_DIRECT_ENVELOPE_BYTES];
	struct sw_arena arena;
	static struct sw_direct_packer packer;
	struct sw_direct_work w = work();
	struct sw_direct_recipient r = phone();
	memset(large, 'x', sizeof(large));
	w.content = sw_bytes(large, sizeof(large));
	sw_arena_init(&arena);
	sw_direct_packer_init(&packer, 3, &arena);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sw_direct_packer_add(&packer, &w, &r), SW_OK);
	}
	sw_direct_packer_finish(&packer);
	assert_int_equal(packer.full_count, 3);
	for (size_t i = 0; i < packer.full_count; i++) {
		assert_string_equal(packer.full[i].queue, "push.apns");
		sw_blob_unref(packer.full[i].body);
	}
	r.provider = sw_bytes_str("");
	sw_direct_packer_init(&packer, 1, &arena);
	assert_int_equal(sw_direct_packer_add(&packer, &w, &r), SW_EINVAL);
	assert_int_equal(packer.jobs, 0);
	sw_arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(job__id__of_request_and_recipient),
		cmocka_unit_test(job__members__are_the_requests),
		cmocka_unit_test(pack__many__by_queue_and_fifty),
		cmocka_unit_test(pack__large_ones__each_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
