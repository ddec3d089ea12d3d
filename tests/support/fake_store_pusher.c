/* SPDX-License-Identifier: Apache-2.0 */
/* pusher.sql in memory. */
#include "fake_store.h"

#include <surewire/mem.h>

#include <string.h>

static struct fake_delivery *find_delivery(struct fake_store *store, const struct sw_uuid *job)
{
	sw_fake_foreach(store, delivery, d)
	{
		if (sw_uuid_equal(&d->job, job)) {
			return d;
		}
	}
	return NULL;
}

static bool is_one_of(const struct fake_array *names, struct sw_bytes name)
{
	for (size_t i = 0; i < names->count; i++) {
		if (sw_bytes_equal(names->items[i], name)) {
			return true;
		}
	}
	return false;
}

static bool is_later(const struct fake_device *a, const struct fake_device *b)
{
	if (a->registered_at_ms != b->registered_at_ms) {
		return a->registered_at_ms > b->registered_at_ms;
	}
	if (a->user != b->user) {
		return a->user > b->user;
	}
	size_t len = a->device.len < b->device.len ? a->device.len : b->device.len;
	int order = len ? memcmp(a->device.ptr, b->device.ptr, len) : 0;
	return order ? order > 0 : a->device.len > b->device.len;
}

static bool has_moved(struct fake_store *store, const struct fake_device *from, const struct fake_array *names)
{
	bool moved = false;
	sw_fake_foreach(store, device, d)
	{
		moved |= from->token.len && sw_bytes_equal(d->token, from->token) &&
			 sw_bytes_equal(d->provider, from->provider) && is_one_of(names, d->provider) &&
			 is_later(d, from);
	}
	return moved;
}

static void put_device(struct fake_store *store, int64_t user, struct sw_bytes device, const struct fake_array *names,
		       const struct fake_array *exclusive, struct sw_pg_result *result)
{
	const struct fake_device *found = NULL;
	int64_t seen = 0;
	bool other_live = false;
	sw_fake_foreach(store, device, d)
	{
		if (d->user != user) {
			continue;
		}
		bool same = sw_bytes_equal(d->device, device);
		found = same ? d : found;
		seen = d->active_cursor > seen ? d->active_cursor : seen;
		other_live |= !same && d->token.len && is_one_of(names, d->provider);
	}
	fake_put_bytes(result, found ? found->provider : sw_bytes("", 0));
	fake_put_bytes(result, found ? found->token : sw_bytes("", 0));
	fake_put_i64(result, found ? found->registered_at_ms : 0);
	fake_put_i64(result, found ? found->cursor : 0);
	fake_put_i64(result, seen);
	fake_put_bool(result, other_live);
	fake_put_bool(result, found && has_moved(store, found, exclusive));
}

/* Nobody has preferences or quiet hours here. */
static void put_wishes(struct sw_pg_result *result)
{
	fake_put_i64(result, 0);
	fake_put_bool(result, false);
	fake_put_bytes(result, sw_bytes_str("full"));
	fake_put_bytes(result, sw_bytes("", 0));
	fake_put_bytes(result, sw_bytes("", 0));
	fake_put_i64(result, 0);
	fake_put_bool(result, false);
	fake_put_i32(result, 1);
	fake_put_bool(result, false);
}

static void gate(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	struct fake_array jobs = fake_arg_array(s, 0, FAKE_UUID, result->arena);
	struct fake_array users = fake_arg_array(s, 1, FAKE_INT8, result->arena);
	struct fake_array devices = fake_arg_array(s, 2, FAKE_TEXT, result->arena);
	struct fake_array names = fake_arg_array(s, 3, FAKE_TEXT, result->arena);
	struct fake_array exclusive = fake_arg_array(s, 4, FAKE_TEXT, result->arena);
	fake_result_columns(result, 22);
	for (size_t i = 0; i < jobs.count; i++) {
		struct sw_uuid job = fake_item_uuid(&jobs, i);
		const struct fake_delivery *d = find_delivery(store, &job);
		fake_put_bytes(result, d ? d->state : sw_bytes("", 0));
		fake_put_i32(result, d ? (int32_t)d->attempts : 0);
		fake_put_i32(result, d ? (int32_t)d->status : 0);
		fake_put_bytes(result, d ? d->reason : sw_bytes("", 0));
		put_device(store, fake_item_i64(&users, i), devices.items[i], &names, &exclusive, result);
		put_wishes(result);
		fake_put_bytes(result, sw_bytes("", 0)); /* there are no alerts here */
		fake_put_bool(result, false);            /* no test here calls a request off */
	}
}

static int record_deliveries(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array jobs = fake_arg_array(s, 0, FAKE_UUID, arena);
	struct fake_array numbers[3];
	struct fake_array texts[3];
	for (int i = 0; i < 3; i++) {
		numbers[i] = fake_arg_array(s, 1 + i, FAKE_INT8, arena);
		texts[i] = fake_arg_array(s, 4 + i, FAKE_TEXT, arena);
	}
	struct fake_array attempts = fake_arg_array(s, 7, FAKE_INT4, arena);
	struct fake_array statuses = fake_arg_array(s, 8, FAKE_INT4, arena);
	struct fake_array reasons = fake_arg_array(s, 9, FAKE_TEXT, arena);
	struct fake_array created_at = fake_arg_array(s, 10, FAKE_INT8, arena);
	(void)fake_arg_array(s, 11, FAKE_INT8, arena);
	struct fake_array planned_at = fake_arg_array(s, 12, FAKE_INT8, arena);
	struct fake_array planned_reasons = fake_arg_array(s, 13, FAKE_TEXT, arena);
	struct fake_array next_at = fake_arg_array(s, 14, FAKE_INT8, arena);
	for (size_t i = 0; i < jobs.count; i++) {
		struct fake_delivery row = {.job = fake_item_uuid(&jobs, i),
					    .event = fake_item_i64(&numbers[0], i),
					    .user = fake_item_i64(&numbers[1], i),
					    .pos = fake_item_i64(&numbers[2], i),
					    .attempts = fake_item_i64(&attempts, i),
					    .status = fake_item_i64(&statuses, i),
					    .created_at_ms = fake_item_i64(&created_at, i),
					    .device = fake_item_text(store, &texts[0], i),
					    .provider = fake_item_text(store, &texts[1], i),
					    .state = fake_item_text(store, &texts[2], i),
					    .reason = fake_item_text(store, &reasons, i),
					    .planned_at_ms = fake_item_i64(&planned_at, i),
					    .planned_reason = fake_item_text(store, &planned_reasons, i),
					    .next_at_ms = fake_item_i64(&next_at, i)};
		for (size_t before = 0; before < i; before++) {
			struct sw_uuid other = fake_item_uuid(&jobs, before);
			if (sw_uuid_equal(&row.job, &other)) {
				return SW_ESQL; /* 21000: ON CONFLICT DO UPDATE cannot touch a row twice */
			}
		}
		struct fake_delivery *old = find_delivery(store, &row.job);
		if (!old) {
			FAKE_ADD(store, delivery, .job = row.job, .planned_at_ms = row.planned_at_ms,
				 .planned_reason = row.planned_reason);
			old = &store->tables.delivery.rows[store->tables.delivery.count - 1];
		} else if (sw_bytes_equal_str(old->state, "delivered")) {
			continue;
		}
		row.attempts = old->attempts > row.attempts ? old->attempts : row.attempts;
		row.planned_at_ms = old->planned_at_ms;
		row.planned_reason = old->planned_reason;
		*old = row;
	}
	return SW_OK;
}

static void record_attempts(struct fake_store *store, const struct fake_statement *s, struct sw_arena *arena)
{
	struct fake_array jobs = fake_arg_array(s, 0, FAKE_UUID, arena);
	struct fake_array numbers = fake_arg_array(s, 1, FAKE_INT4, arena);
	struct fake_array at_ms = fake_arg_array(s, 2, FAKE_INT8, arena);
	(void)fake_arg_array(s, 3, FAKE_INT4, arena);
	struct fake_array outcomes = fake_arg_array(s, 4, FAKE_TEXT, arena);
	(void)fake_arg_array(s, 5, FAKE_INT4, arena);
	struct fake_array reasons = fake_arg_array(s, 6, FAKE_TEXT, arena);
	size_t before = store->tables.attempt.count;
	for (size_t i = 0; i < jobs.count; i++) {
		struct sw_uuid job = fake_item_uuid(&jobs, i);
		bool known = false;
		for (size_t row = 0; row < before; row++) { /* as of the statement's snapshot */
			const struct fake_attempt *a = &store->tables.attempt.rows[row];
			known |= sw_uuid_equal(&a->job, &job) && a->number == fake_item_i64(&numbers, i) &&
				 a->at_ms == fake_item_i64(&at_ms, i);
		}
		if (!known) {
			FAKE_ADD(store, attempt, job, fake_item_i64(&numbers, i), fake_item_i64(&at_ms, i),
				 fake_item_text(store, &outcomes, i), fake_item_text(store, &reasons, i));
		}
	}
}

int fake_sql_pusher(struct fake_store *store, const struct fake_statement *s, struct sw_pg_result *result)
{
	switch (s->sql) {
	case SW_SQL_PUSHER_GATE:
		gate(store, s, result);
		return SW_OK;
	case SW_SQL_PUSHER_RECORD_DELIVERIES:
		return record_deliveries(store, s, result->arena);
	case SW_SQL_PUSHER_RECORD_ATTEMPTS:
		record_attempts(store, s, result->arena);
		return SW_OK;
	default:
		return SW_ENOTFOUND;
	}
}
