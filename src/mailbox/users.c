/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of users with their devices and sessions. First in, first out; a batch that failed takes its users with it. */
#include "mailbox/mailbox_int.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

struct user *user_find(struct mailbox *m, int64_t id)
{
	struct user *found;
	HASH_FIND(hh, m->users, &id, sizeof(id), found);
	return found;
}

struct user *user_add(struct mailbox *m, int64_t id, struct sw_bytes name)
{
	struct user *user = sw_xcalloc(1, sizeof(*user));
	user->id = id;
	user->name = sw_xstrndup((const char *)name.ptr, name.len);
	HASH_ADD(hh, m->users, id, sizeof(user->id), user);
	return user;
}

static void device_release(struct device *device)
{
	free(device->id);
	free(device->platform);
	free(device->provider);
	free(device->app);
	free(device->token);
	free(device->time_zone);
	free(device->locale);
}

static void discard(struct mailbox *m, struct user *user)
{
	HASH_DELETE(hh, m->users, user);
	for (size_t i = 0; i < user->device_count; i++) {
		device_release(&user->devices[i]);
	}
	for (size_t i = 0; i < user->session_count; i++) {
		free(user->sessions[i].device);
	}
	free(user->devices);
	free(user->preferences);
	free(user->sessions);
	free(user->name);
	free(user);
}

void user_touch(struct mailbox *m, struct user *user)
{
	if (!user->touched) {
		user->touched = true;
		user->next_touched = m->touched;
		m->touched = user;
	}
}

static void clean(struct user *user)
{
	user->plan_dirty = false;
	for (size_t i = 0; i < user->device_count; i++) {
		user->devices[i].dirt = CLEAN;
	}
	for (size_t i = 0; i < user->preference_count; i++) {
		user->preferences[i].dirt = CLEAN;
	}
	for (size_t i = 0; i < user->session_count; i++) {
		user->sessions[i].dirt = CLEAN;
		user->sessions[i].stored = true;
	}
}

void users_settle(struct mailbox *m, bool committed)
{
	while (m->touched) {
		struct user *user = m->touched;
		m->touched = user->next_touched;
		user->touched = false;
		if (committed) {
			clean(user);
		} else {
			discard(m, user);
		}
	}
	while (HASH_CNT(hh, m->users) > m->config->users_max) {
		discard(m, m->users);
	}
}

void users_clear(struct mailbox *m)
{
	m->touched = NULL;
	while (m->users) {
		discard(m, m->users);
	}
}

struct device *user_device(const struct user *user, struct sw_bytes id)
{
	for (size_t i = 0; i < user->device_count; i++) {
		if (sw_bytes_equal_str(id, user->devices[i].id)) {
			return &user->devices[i];
		}
	}
	return NULL;
}

void set_text(char **field, struct sw_bytes text)
{
	free(*field);
	*field = sw_xstrndup((const char *)text.ptr, text.len);
}

struct device *user_add_device(struct user *user, struct sw_bytes id)
{
	struct device *device = user_device(user, id);
	if (device) {
		return device;
	}
	user->devices = sw_xrealloc(user->devices, (user->device_count + 1) * sizeof(*user->devices));
	device = &user->devices[user->device_count++];
	*device = (struct device){.id = sw_xstrndup((const char *)id.ptr, id.len),
				  .platform = sw_xstrdup(""),
				  .provider = sw_xstrdup(""),
				  .app = sw_xstrdup(""),
				  .token = sw_xstrdup(""),
				  .time_zone = sw_xstrdup(""),
				  .locale = sw_xstrdup(""),
				  .quiet_from = -1,
				  .quiet_until = -1,
				  .dirt = CHANGED};
	return device;
}

void user_remove_device(struct user *user, struct device *device)
{
	size_t index = (size_t)(device - user->devices);
	device_release(device);
	user->device_count--;
	memmove(device, device + 1, (user->device_count - index) * sizeof(*device));
}

struct session *user_add_session(struct user *user, int64_t node, int64_t session, struct sw_bytes device)
{
	user->sessions = sw_xrealloc(user->sessions, (user->session_count + 1) * sizeof(*user->sessions));
	struct session *added = &user->sessions[user->session_count++];
	*added = (struct session){.node = node,
				  .session = session,
				  .device = sw_xstrndup((const char *)device.ptr, device.len),
				  .dirt = CHANGED};
	return added;
}

void user_remove_session(struct mailbox *m, struct sw_arena *arena, struct user *user, size_t index)
{
	struct session *session = &user->sessions[index];
	if (session->stored) {
		*(struct session_key *)sw_rows_add(&m->gone_sessions, arena,
						   sizeof(struct session_key)) = (struct session_key){
			user->id, session->node, session->session};
	}
	free(session->device);
	user->session_count--;
	memmove(session, session + 1, (user->session_count - index) * sizeof(*session));
}

int64_t user_seen(const struct user *user)
{
	int64_t seen = 0;
	for (size_t i = 0; i < user->device_count; i++) {
		seen = user->devices[i].active_cursor > seen ? user->devices[i].active_cursor : seen;
	}
	return seen;
}

int64_t user_handled(const struct user *user)
{
	int64_t seen = user_seen(user);
	return seen > user->pushed_pos ? seen : user->pushed_pos;
}
