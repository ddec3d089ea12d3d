/* SPDX-License-Identifier: Apache-2.0 */
/* Where a message goes from the inbox: live to the nodes that hold sockets of the user, or to the push queues; and the
 * check that looks again, because an open socket proves nothing. */
#include "mailbox/mailbox_int.h"
#include "proto/job.h"

#include "base/id.h"

#include <surewire/buf.h>

#include <string.h>

/* ---- live ---- */

struct node_targets {
	struct node_targets *next;
	int64_t node;
	int64_t *values;
	size_t count;
	size_t cap;
};

static void add_target(struct sw_arena *arena, struct node_targets **list, const struct session *session, int64_t pos)
{
	struct node_targets *at = *list;
	while (at && at->node != session->node) {
		at = at->next;
	}
	if (!at) {
		at = sw_arena_calloc(arena, 1, sizeof(*at));
		at->node = session->node;
		at->next = *list;
		*list = at;
	}
	if (at->count + 2 > at->cap) {
		size_t cap = at->cap ? at->cap * 2 : 8;
		int64_t *values = sw_arena_alloc(arena, cap * sizeof(*values));
		if (at->count) {
			memcpy(values, at->values, at->count * sizeof(*values));
		}
		at->values = values;
		at->cap = cap;
	}
	at->values[at->count++] = session->session;
	at->values[at->count++] = pos;
}

void route_live(struct mailbox *m, struct sw_batch *batch, const struct sw_item_deliver *deliver,
		const int64_t *positions)
{
	struct node_targets *nodes = NULL;
	for (size_t i = 0; i < deliver->users.count; i++) {
		const struct user *user = user_find(m, deliver->users.values[i]);
		for (size_t s = 0; user && positions[i] && s < user->session_count; s++) {
			add_target(&batch->arena, &nodes, &user->sessions[s], positions[i]);
		}
	}
	for (; nodes; nodes = nodes->next) {
		struct sw_item event = {.kind = SW_ITEM_EVENT,
					.as.event = {.conv = deliver->conv,
						     .seq = deliver->seq,
						     .id = deliver->id,
						     .sender_name = deliver->sender_name,
						     .kind = deliver->kind,
						     .at_ms = deliver->at_ms,
						     .body = deliver->body,
						     .targets = {nodes->values, nodes->count}}};
		sw_batch_to_node(batch, nodes->node, &event);
		m->batch_live += (int64_t)nodes->count / 2;
	}
}

/* ---- push ---- */

const struct sw_mailbox_provider *find_provider(const struct mailbox *m, const char *name)
{
	for (size_t i = 0; i < m->config->provider_count; i++) {
		if (strcmp(m->config->providers[i].name, name) == 0) {
			return &m->config->providers[i];
		}
	}
	return NULL;
}

const struct sw_mailbox_plan push_to_all = {.name = "", .steps = {{.target = "all"}}, .count = 1};

/* The same message, device and step give the same job, whoever plans it and however often. */
static struct sw_uuid job_id(const struct user *user, const struct news *news, const struct device *device, int step)
{
	struct sw_buf key;
	sw_buf_init(&key, 64);
	sw_buf_put_u64(&key, (uint64_t)user->id);
	sw_buf_put_u64(&key, (uint64_t)news->pos);
	if (step > 0) {
		sw_buf_put_u64(&key, (uint64_t)step);
	}
	struct sw_uuid id = sw_uuid_derive_at(news->at_ms, step > 0 ? "surewire.step_job" : "surewire.job",
					      sw_buf_bytes(&key), sw_bytes_str(device->id));
	sw_buf_release(&key);
	return id;
}

/* A turn may have begun before the message was stored in it. */
static int64_t planned_at_ms(const struct sw_batch *batch, const struct news *news)
{
	int64_t stored_ms = sw_id_time_ms(news->event);
	return stored_ms > batch->now_ms ? stored_ms : batch->now_ms;
}

/* Where a push to all is the whole plan its jobs say nothing: they are those of a server without plans. */
static bool is_push_to_all(const struct sw_mailbox_plan *plan)
{
	return plan->count == 1 && strcmp(plan->steps[0].target, push_to_all.steps[0].target) == 0;
}

static struct sw_bytes step_content(struct sw_arena *arena, const struct way *way)
{
	if (way->step == LAST_RESORT || is_push_to_all(way->plan)) {
		return sw_bytes(NULL, 0);
	}
	struct sw_buf text;
	sw_buf_init(&text, 64);
	sw_job_step_put(&text, way->step + 1);
	struct sw_bytes kept = sw_arena_copy(arena, sw_buf_bytes(&text));
	sw_buf_release(&text);
	return kept;
}

static void emit_job(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct news *news,
		     const struct device *device, const struct way *way)
{
	struct sw_item job = {.kind = SW_ITEM_JOB,
			      .as.job = {.job = job_id(user, news, device, way->step),
					 .user = user->id,
					 .user_name = sw_bytes_str(user->name),
					 .device = sw_bytes_str(device->id),
					 .provider = sw_bytes_str(device->provider),
					 .app = sw_bytes_str(device->app),
					 .token = sw_bytes_str(device->token),
					 .sandbox = device->sandbox,
					 .registered_at_ms = device->registered_at_ms,
					 .event = news->event,
					 .conv = news->conv,
					 .seq = news->seq,
					 .pos = news->pos,
					 .title = news->title,
					 .preview = news->preview,
					 .badge = -1, /* counted when it is sent */
					 .created_at_ms = news->at_ms,
					 .expires_at_ms = news->at_ms + m->config->push_ttl_ms,
					 .content = step_content(&batch->arena, way),
					 .reason = (uint8_t)news->reason,
					 .planned_at_ms = planned_at_ms(batch, news)}};
	sw_batch_to_push(batch, job.as.job.provider, &job);
	m->batch_pushes++;
}

bool way_takes(const struct way *way, const struct sw_mailbox_provider *provider)
{
	if (way->step != LAST_RESORT) {
		return sw_plan_step_takes(&way->plan->steps[way->step], provider->name, provider->fallback_only);
	}
	bool named = false; /* by a step: then it has had, or will have, its turn */
	for (int i = 0; i < way->plan->count; i++) {
		named |= sw_plan_step_takes(&way->plan->steps[i], provider->name, provider->fallback_only);
	}
	return provider->fallback_only && !named;
}

size_t push_by(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct news *news,
	       const struct way *way)
{
	size_t count = 0;
	for (size_t i = 0; i < user->device_count; i++) {
		struct device *device = &user->devices[i];
		const struct sw_mailbox_provider *provider = find_provider(m, device->provider);
		if (provider && way_takes(way, provider) && device->token[0] && device->cursor < news->pos) {
			emit_job(m, batch, user, news, device, way);
			device->shown_from = device->shown_from ? device->shown_from : news->pos;
			device->shown_upto = news->pos > device->shown_upto ? news->pos : device->shown_upto;
			count++;
		}
	}
	return count;
}

static void note_planned(struct user *user, int64_t pos)
{
	if (pos > user->pushed_pos) {
		user->pushed_pos = pos;
		user->plan_dirty = true;
	}
}

bool has_device_for(const struct mailbox *m, const struct user *user, const struct way *way)
{
	for (size_t i = 0; i < user->device_count; i++) {
		const struct sw_mailbox_provider *provider = find_provider(m, user->devices[i].provider);
		if (provider && user->devices[i].token[0] && way_takes(way, provider)) {
			return true;
		}
	}
	return false;
}

bool take_steps(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct news *news,
		struct way *way_io)
{
	bool taken = false;
	for (; way_io->step < way_io->plan->count && !taken; way_io->step++) {
		/* Of a plan, devices that have the message already are waited for like the others. */
		taken = push_by(m, batch, user, news, way_io) > 0 ||
			(!is_push_to_all(way_io->plan) && has_device_for(m, user, way_io));
	}
	return taken;
}

void plan_push(struct mailbox *m, struct sw_batch *batch, struct user *user, const struct news *news)
{
	bool again = news->pos <= user->pushed_pos;
	struct way way = {user_plan(m, user, news->conv), 0};
	const struct way last_resort = {way.plan, LAST_RESORT};
	note_planned(user, news->pos);
	if (take_steps(m, batch, user, news, &way)) {
		expect_step(m, batch, user, news->pos, &way, again);
	} else if (push_by(m, batch, user, news, &last_resort) == 0) {
		m->batch_unreachable++; /* waits in the inbox for a device to come */
	}
}

struct news read_news(const struct sw_pg_result *r, size_t row)
{
	return (struct news){.pos = sw_pg_i64(r, row, 1),
			     .conv = sw_pg_i64(r, row, 2),
			     .seq = sw_pg_i64(r, row, 3),
			     .event = sw_pg_i64(r, row, 4),
			     .title = sw_pg_bytes(r, row, 5),
			     .preview = sw_pg_bytes(r, row, 6),
			     .at_ms = sw_pg_i64(r, row, 7),
			     .mentioned = sw_pg_bool(r, row, 8)};
}

/* The rows are by user and pos. Searched, not walked: a batch may check a thousand people with a hundred rows each. */
static size_t first_unacked(const struct mailbox *m, const struct user *user)
{
	size_t low = 0;
	size_t high = m->unacked ? sw_pg_rows(m->unacked) : 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (sw_pg_i64(m->unacked, middle, 0) < user->id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* The next of this user's that nobody has acked, from *row on, in the order of pos. */
static bool next_unacked(const struct mailbox *m, const struct user *user, size_t *row, struct news *news_out)
{
	if (!m->unacked || *row >= sw_pg_rows(m->unacked) || sw_pg_i64(m->unacked, *row, 0) != user->id) {
		return false;
	}
	*news_out = read_news(m->unacked, (*row)++);
	return true;
}

/* Results are read again by the write's round trip: what is emitted must outlive them. */
void keep_news(struct sw_arena *arena, struct news *news)
{
	news->title = sw_arena_copy(arena, news->title);
	news->preview = sw_arena_copy(arena, news->preview);
}

bool find_news(const struct mailbox *m, const struct user *user, int64_t pos, struct news *news_out)
{
	for (size_t row = first_unacked(m, user); next_unacked(m, user, &row, news_out);) {
		if (news_out->pos == pos) {
			return true;
		}
	}
	return false;
}

void plan_fallback(struct mailbox *m, struct sw_batch *batch, struct user *user, int64_t pos, bool spent)
{
	const struct way last_resort = {&push_to_all, LAST_RESORT};
	struct news news;
	if ((spent || !has_device_for(m, user, &(struct way){&push_to_all, 0})) && pos > user_seen(user) &&
	    find_news(m, user, pos, &news)) {
		keep_news(&batch->arena, &news);
		news.reason = spent ? SW_JOB_REASON_OTHERS_FAILED : SW_JOB_REASON_NO_LIVE_DEVICE;
		push_by(m, batch, user, &news, &last_resort);
	}
}

/* ---- checks ---- */

void arm_check(struct mailbox *m, struct sw_batch *batch, struct user *user, int64_t delay_ms, int64_t pos)
{
	if (user->check_armed && user->check_delay_ms <= delay_ms) {
		return; /* the one under way will look at what came since and arm the next */
	}
	user_touch(m, user);
	user->check_armed = true;
	user->check_delay_ms = (int32_t)delay_ms;
	struct sw_item check = {.kind = SW_ITEM_CHECK, .as.check = {.user = user->id, .pos = pos}};
	sw_batch_to_check(batch, delay_ms, user->id, &check);
	m->batch_checks++;
}

void remind_sessions(struct sw_batch *batch, const struct user *user)
{
	for (size_t i = 0; i < user->session_count; i++) {
		struct sw_item ready = {.kind = SW_ITEM_READY,
					.as.ready = {.session = user->sessions[i].session, .pos = user->pos}};
		sw_batch_to_node(batch, user->sessions[i].node, &ready);
	}
}

/* Why it is pushed although it was sent towards sockets, or had to wait for others that were. */
static enum sw_job_reason late_reason(const struct user *user, int64_t pos)
{
	for (size_t i = 0; i < user->device_count; i++) {
		if (user->devices[i].cursor >= pos) {
			return SW_JOB_REASON_AWAY;
		}
	}
	return user->session_count ? SW_JOB_REASON_NO_ACK : SW_JOB_REASON_OFFLINE;
}

/* Pushes for what nobody acked after one pos and up to another. The pos of the first is in *first_out, 0: none. */
static size_t plan_range(struct mailbox *m, struct sw_batch *batch, struct user *user, const int64_t range[2],
			 int64_t *first_out)
{
	size_t planned = 0;
	*first_out = 0;
	struct news news;
	for (size_t row = first_unacked(m, user); next_unacked(m, user, &row, &news);) {
		if (news.pos > range[1] || news.pos <= range[0] || news.pos <= user_seen(user)) {
			continue;
		}
		if (user_wants(user, news.conv, news.mentioned, batch->now_ms)) {
			keep_news(&batch->arena, &news);
			news.reason = late_reason(user, news.pos);
			plan_push(m, batch, user, &news);
			*first_out = planned++ ? *first_out : news.pos;
		} else {
			/* Muted while it waited: nor is it to be told of when the mute has ended. */
			note_planned(user, news.pos);
			m->batch_unwanted++;
		}
	}
	m->batch_late += (int64_t)planned;
	return planned;
}

/* When nobody who has a socket may be waited for any longer. */
static int64_t due_ms(const struct mailbox *m, const struct user *user, const struct news *news)
{
	return user->session_count ? news->at_ms + user->lag_ms + m->config->ack_timeout_ms : 0;
}

/* What is late: what the check was armed for, and what has become old enough meanwhile. */
static int64_t late_pos(const struct mailbox *m, const struct sw_batch *batch, const struct user *user,
			int64_t armed_pos)
{
	int64_t late = armed_pos;
	struct news news;
	for (size_t row = first_unacked(m, user); next_unacked(m, user, &row, &news);) {
		if (news.pos > late && due_ms(m, user, &news) > batch->now_ms) {
			break;
		}
		late = news.pos > late ? news.pos : late;
	}
	return late;
}

/* For the first that is not late yet. */
static void arm_next(struct mailbox *m, struct sw_batch *batch, struct user *user, int64_t late)
{
	int64_t full_ms = user->session_count ? m->config->ack_timeout_ms : 0;
	struct news news;
	for (size_t row = first_unacked(m, user); next_unacked(m, user, &row, &news);) {
		if (news.pos <= late) {
			continue;
		}
		int64_t left_ms = due_ms(m, user, &news) - batch->now_ms;
		left_ms = left_ms > 0 ? left_ms : 0;
		arm_check(m, batch, user, left_ms < full_ms ? left_ms : full_ms, news.pos);
		return;
	}
	arm_check(m, batch, user, full_ms, user->pos);
}

void on_check(struct mailbox *m, struct sw_batch *batch, struct sw_work *work, const struct sw_item_check *check)
{
	struct user *user = user_find(m, check->user);
	int64_t range[2] = {user ? user->pushed_pos : 0, user ? late_pos(m, batch, user, check->pos) : 0};
	int64_t first = 0;
	size_t planned = 0;
	if (work->applied) {
		range[0] = (int64_t)sw_reader_varint(&m->recorded);
		range[1] = (int64_t)sw_reader_varint(&m->recorded);
	}
	if (user) {
		user_touch(m, user);
		user->check_armed = false;
		planned = plan_range(m, batch, user, range, &first);
		if (planned) {
			remind_sessions(batch, user);
		}
		if (user->pos <= user_handled(user)) {
			user->lag_ms = 0;
		} else if (user->pos > range[1] || planned) {
			arm_next(m, batch, user, range[1]);
		}
	}
	work->durable |= planned > 0;
	sw_buf_put_varint(&m->record, planned ? (uint64_t)first - 1 : 0);
	sw_buf_put_varint(&m->record, planned ? (uint64_t)user->pushed_pos : 0);
}
