/* SPDX-License-Identifier: Apache-2.0 */
/* What was pushed to one device and then read on another: a silent push takes it back and sets the badge. It is worth
 * little more than a clean screen, so that it may be lost with a process; the next one takes it along. */
#include "mailbox/mailbox_int.h"

#include "proto/job.h"

enum { CLEAR_TTL_MS = 86400000 };

static bool is_due(const struct mailbox *m, const struct device *device, int64_t seen)
{
	const struct sw_mailbox_provider *provider = find_provider(m, device->provider);
	return provider && provider->clears && device->token[0] && device->shown_from && device->shown_from <= seen;
}

void arm_clear(struct mailbox *m, struct sw_batch *batch, struct user *user)
{
	int64_t seen = user_seen(user);
	for (size_t i = 0; i < user->device_count && !user->clear_armed; i++) {
		if (is_due(m, &user->devices[i], seen)) {
			struct sw_item item = {.kind = SW_ITEM_CLEAR, .as.clear = {.user = user->id}};
			user->clear_armed = true;
			sw_batch_to_check(batch, m->config->clear_delay_ms, user->id, &item);
		}
	}
}

static struct sw_uuid clear_id(const struct user *user, const struct device *device, int64_t upto)
{
	struct sw_buf key;
	sw_buf_init(&key, 64);
	sw_buf_put_u64(&key, (uint64_t)user->id);
	sw_buf_put_u64(&key, (uint64_t)upto);
	struct sw_uuid id = sw_uuid_derive("surewire.clear", sw_buf_bytes(&key), sw_bytes_str(device->id));
	sw_buf_release(&key);
	return id;
}

static void emit(struct mailbox *m, struct sw_batch *batch, const struct user *user, const struct device *device,
		 int64_t upto)
{
	struct sw_item job = {.kind = SW_ITEM_JOB,
			      .as.job = {.job = clear_id(user, device, upto),
					 .user = user->id,
					 .user_name = sw_bytes_str(user->name),
					 .device = sw_bytes_str(device->id),
					 .provider = sw_bytes_str(device->provider),
					 .app = sw_bytes_str(device->app),
					 .token = sw_bytes_str(device->token),
					 .sandbox = device->sandbox,
					 .registered_at_ms = device->registered_at_ms,
					 .event = device->shown_from,
					 .seq = upto,
					 .badge = -1,
					 .created_at_ms = batch->now_ms,
					 .expires_at_ms = batch->now_ms + CLEAR_TTL_MS,
					 .class = SW_JOB_CLEAR}};
	sw_batch_to_push(batch, job.as.job.provider, &job);
	m->batch_clears++;
}

void on_clear(struct mailbox *m, struct sw_batch *batch, struct user *user)
{
	int64_t seen = user_seen(user);
	user->clear_armed = false;
	for (size_t i = 0; i < user->device_count; i++) {
		struct device *device = &user->devices[i];
		if (!is_due(m, device, seen)) {
			continue;
		}
		int64_t upto = device->shown_upto < seen ? device->shown_upto : seen;
		if (device->cursor < upto) { /* else its app has the messages itself, and knows */
			emit(m, batch, user, device, upto);
		}
		device->shown_from = device->shown_upto > seen ? seen + 1 : 0;
	}
}

void guess_shown(struct user *user)
{
	int64_t seen = user_seen(user);
	for (size_t i = 0; i < user->device_count; i++) {
		struct device *device = &user->devices[i];
		bool perhaps = user->pushed_pos > seen && user->pushed_pos > device->cursor;
		device->shown_from = perhaps ? seen + 1 : 0;
		device->shown_upto = perhaps ? user->pushed_pos : 0;
	}
}
