/* SPDX-License-Identifier: Apache-2.0 */
/* The step's calls: load the users that the batch names and the cache lacks, apply items in order, write, settle. */
#include "mailbox/mailbox_int.h"

#include <surewire/mem.h>

#include <stdlib.h>

enum { RECORD_BYTES_MAX = 16 << 20 };

static void *step_open(const void *config, struct sw_idgen *ids)
{
	(void)ids;
	struct mailbox *m = sw_xcalloc(1, sizeof(*m));
	m->config = config;
	m->appended = sw_metric_counter("surewire_mailbox_appended_total", NULL, "Inbox rows.");
	m->live = sw_metric_counter("surewire_mailbox_live_total", NULL, "Events sent towards open sessions.");
	m->pushes = sw_metric_counter("surewire_mailbox_pushes_planned_total", NULL, "Push jobs emitted.");
	m->checks = sw_metric_counter("surewire_mailbox_checks_total", NULL, "Checks for an ack that were scheduled.");
	m->late = sw_metric_counter("surewire_mailbox_late_total", NULL,
				    "Messages to people thought online that nobody acked in time.");
	m->unreachable = sw_metric_counter("surewire_mailbox_unreachable_total", NULL,
					   "Messages whose recipient has no device that could be pushed.");
	m->clears = sw_metric_counter("surewire_mailbox_clears_planned_total", NULL,
				      "Silent pushes that take back what was read elsewhere.");
	static const char steps_help[] = "Steps of plans after the first that were taken.";
	m->steps_due = sw_metric_counter("surewire_mailbox_plan_steps_total", "cause=\"due\"", steps_help);
	m->steps_failed = sw_metric_counter("surewire_mailbox_plan_steps_total", "cause=\"failed\"", steps_help);
	m->unwanted = sw_metric_counter("surewire_mailbox_unwanted_total", NULL,
					"Messages that were not to be pushed: muted, or no mention.");
	return m;
}

/* What lives in the batch. */
static void drop_rows(struct mailbox *m)
{
	m->inbox = m->gone_devices = m->gone_preferences = m->gone_sessions = m->alert_acks = (struct sw_rows){0};
	m->ledger = m->new_steps = (struct sw_rows){0};
	m->pending = NULL;
	m->pending_count = 0;
}

static void step_forget(void *step)
{
	struct mailbox *m = step;
	users_clear(m);
	drop_rows(m);
}

static void step_close(void *step)
{
	step_forget(step);
	free(step);
}

/* ---- load ---- */

struct range {
	int64_t user;
	int64_t after;
	int64_t upto;
};

struct wanted {
	struct sw_rows users;  /* int64_t */
	struct sw_rows ranges; /* struct range */
	struct sw_rows steps;  /* struct step_row: user and pos */
	struct sw_rows nodes;  /* int64_t */
	struct sw_rows alerts; /* struct alert_ack_row */
};

static void want_user(struct mailbox *m, struct sw_arena *arena, struct wanted *want, int64_t id)
{
	if (!user_find(m, id)) {
		*(int64_t *)sw_rows_add(&want->users, arena, sizeof(int64_t)) = id;
	}
}

static void want_range(struct sw_arena *arena, struct wanted *want, int64_t user, int64_t after, int64_t upto)
{
	*(struct range *)sw_rows_add(&want->ranges, arena, sizeof(struct range)) = (struct range){user, after, upto};
}

/* recorded: of a section that was applied before, else NULL. */
static void want_check(struct mailbox *m, struct sw_arena *arena, struct wanted *want,
		       const struct sw_item_check *check, struct sw_reader *recorded)
{
	if (recorded) {
		int64_t from = (int64_t)sw_reader_varint(recorded);
		want_range(arena, want, check->user, from, (int64_t)sw_reader_varint(recorded));
		return;
	}
	const struct user *user = user_find(m, check->user);
	if (!user) {
		want_range(arena, want, check->user, -1, INT64_MAX);
		return;
	}
	int64_t after = user_handled(user);
	if (after < user->pos) {
		want_range(arena, want, check->user, after, user->pos);
	}
}

/* recorded: as want_check. */
static void want_taken(struct sw_arena *arena, struct wanted *want, int64_t user, struct sw_reader *recorded)
{
	uint64_t count = sw_reader_varint(recorded);
	for (uint64_t i = 0; i < count && !recorded->err; i++) {
		int64_t pos = (int64_t)sw_reader_varint(recorded);
		(void)sw_reader_varint(recorded);
		want_range(arena, want, user, pos - 1, pos);
	}
}

static void want_steps(struct sw_arena *arena, struct wanted *want, int64_t user, int64_t pos)
{
	*(struct step_row *)sw_rows_add(&want->steps, arena, sizeof(struct step_row)) = (struct step_row){user, pos, 0,
													  0};
}

static void want_step_due(struct sw_arena *arena, struct wanted *want, int64_t user, struct sw_reader *recorded)
{
	want_steps(arena, want, user, 0);
	if (recorded) {
		want_taken(arena, want, user, recorded);
	}
}

/* A push that failed: its message, and where the plan is with it. */
static void want_failed(struct sw_arena *arena, struct wanted *want, const struct step_row *failed,
			struct sw_reader *recorded)
{
	if (failed->step && recorded) {
		want_taken(arena, want, failed->user, recorded);
		return;
	}
	want_range(arena, want, failed->user, failed->pos - 1, failed->pos);
	if (failed->step) {
		want_steps(arena, want, failed->user, failed->pos);
	}
}

static void want_alert(struct sw_arena *arena, struct wanted *want, const struct sw_item_alert_ack *ack)
{
	*(struct alert_ack_row *)sw_rows_add(
		&want->alerts, arena, sizeof(struct alert_ack_row)) = (struct alert_ack_row){ack->alert, ack->user,
											     ack->at_ms};
}

static void want_item(struct mailbox *m, struct sw_arena *arena, struct wanted *want, const struct sw_item *item,
		      struct sw_reader *recorded)
{
	switch (item->kind) {
	case SW_ITEM_DELIVER:
		for (size_t i = 0; i < item->as.deliver.users.count; i++) {
			want_user(m, arena, want, item->as.deliver.users.values[i]);
			if (recorded) {
				(void)sw_reader_varint(recorded);
			}
		}
		break;
	case SW_ITEM_CHECK:
		want_user(m, arena, want, item->as.check.user);
		want_check(m, arena, want, &item->as.check, recorded);
		break;
	case SW_ITEM_TOKEN_DEAD:
		want_user(m, arena, want, item->as.token_dead.user);
		want_failed(arena, want,
			    &(struct step_row){.user = item->as.token_dead.user,
					       .pos = item->as.token_dead.pos,
					       .step = item->as.token_dead.step},
			    recorded);
		break;
	case SW_ITEM_FALLBACK:
		want_user(m, arena, want, item->as.fallback.user);
		want_failed(arena, want,
			    &(struct step_row){.user = item->as.fallback.user,
					       .pos = item->as.fallback.pos,
					       .step = item->as.fallback.step},
			    recorded);
		break;
	case SW_ITEM_STEP_DUE:
		want_user(m, arena, want, item->as.step_due.user);
		want_step_due(arena, want, item->as.step_due.user, recorded);
		break;
	case SW_ITEM_NODE_GONE:
		*(int64_t *)sw_rows_add(&want->nodes, arena, sizeof(int64_t)) = item->as.node_gone.node;
		break;
	case SW_ITEM_ACK:
		want_user(m, arena, want, item->as.ack.user);
		break;
	case SW_ITEM_ALERT_ACK:
		want_user(m, arena, want, item->as.alert_ack.user);
		want_alert(arena, want, &item->as.alert_ack);
		break;
	case SW_ITEM_SESSION_UP:
		want_user(m, arena, want, item->as.session_up.user);
		break;
	case SW_ITEM_SESSION_DOWN:
		want_user(m, arena, want, item->as.session_down.user);
		break;
	case SW_ITEM_PRESENCE:
		want_user(m, arena, want, item->as.presence.user);
		break;
	case SW_ITEM_DEVICE_SET:
		want_user(m, arena, want, item->as.device_set.user);
		break;
	case SW_ITEM_DEVICE_DROP:
		want_user(m, arena, want, item->as.device_drop.user);
		break;
	case SW_ITEM_ADDRESS_DROP:
		want_user(m, arena, want, item->as.address_drop.user);
		break;
	case SW_ITEM_CLEAR:
		want_user(m, arena, want, item->as.clear.user);
		break;
	case SW_ITEM_PREFERENCE_SET:
		want_user(m, arena, want, item->as.preference_set.user);
		break;
	default:
		break;
	}
}

static int queue_users(struct sw_arena *arena, const struct sw_rows *users, struct sw_pg *pg)
{
	static const enum sw_sql statements[] = {SW_SQL_MAILBOX_LOAD_USERS, SW_SQL_MAILBOX_LOAD_DEVICES,
						 SW_SQL_MAILBOX_LOAD_SESSIONS, SW_SQL_MAILBOX_LOAD_PREFERENCES};
	if (users->count == 0) {
		return 0;
	}
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		struct sw_pg_params params;
		sw_pg_params_init(&params, arena);
		sw_pg_add_i64s(&params, users->items, users->count);
		sw_pg_queue(pg, statements[i], &params);
	}
	return (int)(sizeof(statements) / sizeof(statements[0]));
}

static int queue_ranges(struct sw_arena *arena, const struct sw_rows *rows, struct sw_pg *pg)
{
	size_t n = rows->count;
	if (n == 0) {
		return 0;
	}
	const struct range *ranges = rows->items;
	int64_t *columns = sw_arena_alloc(arena, 3 * n * sizeof(*columns));
	for (size_t i = 0; i < n; i++) {
		columns[i] = ranges[i].user;
		columns[n + i] = ranges[i].after;
		columns[2 * n + i] = ranges[i].upto;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	for (size_t column = 0; column < 3; column++) {
		sw_pg_add_i64s(&params, columns + column * n, n);
	}
	sw_pg_queue(pg, SW_SQL_MAILBOX_LOAD_UNACKED, &params);
	return 1;
}

static int queue_steps(struct sw_arena *arena, const struct sw_rows *rows, struct sw_pg *pg)
{
	if (rows->count == 0) {
		return 0;
	}
	write_steps(rows, arena, pg, SW_SQL_MAILBOX_LOAD_STEPS);
	return 1;
}

static int queue_nodes(struct sw_arena *arena, const struct sw_rows *nodes, struct sw_pg *pg)
{
	if (nodes->count == 0) {
		return 0;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, nodes->items, nodes->count);
	sw_pg_queue(pg, SW_SQL_MAILBOX_LOAD_NODE_SESSIONS, &params);
	return 1;
}

static int queue_alerts(struct sw_arena *arena, const struct sw_rows *rows, struct sw_pg *pg)
{
	if (rows->count == 0) {
		return 0;
	}
	write_alert_pairs(rows, arena, pg, SW_SQL_MAILBOX_LOAD_ALERTED);
	return 1;
}

static size_t step_load(void *step, struct sw_batch *batch, struct sw_pg *pg)
{
	struct mailbox *m = step;
	struct wanted want = {0};
	for (const struct sw_work *work = batch->works[SW_ROLE_MAILBOX].first; work; work = work->next) {
		struct sw_reader recorded;
		sw_reader_init(&recorded, work->result);
		for (size_t i = 0; i < work->count; i++) {
			want_item(m, &batch->arena, &want, &work->items[i], work->applied ? &recorded : NULL);
		}
	}
	m->unacked = m->node_sessions = m->alerted = NULL;
	m->pending = NULL;
	m->pending_count = 0;
	m->loading_users = queue_users(&batch->arena, &want.users, pg);
	m->loading_unacked = queue_ranges(&batch->arena, &want.ranges, pg);
	m->loading_steps = queue_steps(&batch->arena, &want.steps, pg);
	m->loading_node = queue_nodes(&batch->arena, &want.nodes, pg);
	m->loading_alerts = queue_alerts(&batch->arena, &want.alerts, pg);
	return (size_t)(m->loading_users + m->loading_unacked + m->loading_steps + m->loading_node + m->loading_alerts);
}

static void read_users(struct mailbox *m, const struct sw_pg_result *r)
{
	for (size_t i = 0; i < sw_pg_rows(r); i++) {
		int64_t id = sw_pg_i64(r, i, 0);
		if (user_find(m, id)) {
			continue; /* asked for twice in this batch */
		}
		struct user *user = user_add(m, id, sw_pg_bytes(r, i, 1));
		user->pos = sw_pg_i64(r, i, 2);
		user->pushed_pos = sw_pg_i64(r, i, 3);
		user->told = sw_pg_i32(r, i, 4);
		user->loading = true;
	}
}

static void read_devices(struct mailbox *m, const struct sw_pg_result *r)
{
	for (size_t i = 0; i < sw_pg_rows(r); i++) {
		struct user *user = user_find(m, sw_pg_i64(r, i, 0));
		if (!user || !user->loading) {
			continue;
		}
		struct device *device = user_add_device(user, sw_pg_bytes(r, i, 1));
		set_text(&device->platform, sw_pg_bytes(r, i, 2));
		set_text(&device->provider, sw_pg_bytes(r, i, 3));
		set_text(&device->app, sw_pg_bytes(r, i, 4));
		set_text(&device->token, sw_pg_bytes(r, i, 5));
		device->sandbox = sw_pg_bool(r, i, 6);
		device->registered_at_ms = sw_pg_i64(r, i, 7);
		device->cursor = sw_pg_i64(r, i, 8);
		device->active_cursor = sw_pg_i64(r, i, 9);
		set_text(&device->time_zone, sw_pg_bytes(r, i, 10));
		set_text(&device->locale, sw_pg_bytes(r, i, 11));
		device->quiet_from = (int16_t)sw_pg_i32(r, i, 12);
		device->quiet_until = (int16_t)sw_pg_i32(r, i, 13);
		device->dirt = CLEAN;
	}
}

static void read_sessions(struct mailbox *m, const struct sw_pg_result *r)
{
	for (size_t i = 0; i < sw_pg_rows(r); i++) {
		struct user *user = user_find(m, sw_pg_i64(r, i, 0));
		if (user && user->loading) {
			struct session *session = user_add_session(user, sw_pg_i64(r, i, 3), sw_pg_i64(r, i, 1),
								   sw_pg_bytes(r, i, 2));
			session->active = sw_pg_bool(r, i, 4);
			session->stored = true;
			session->dirt = CLEAN;
		}
	}
}

static void read_preferences(struct mailbox *m, const struct sw_pg_result *r)
{
	for (size_t i = 0; i < sw_pg_rows(r); i++) {
		struct user *user = user_find(m, sw_pg_i64(r, i, 0));
		if (user && user->loading) {
			struct preference *preference = user_add_preference(user, sw_pg_i64(r, i, 1));
			int32_t mentions_only = sw_pg_i32(r, i, 3);
			preference->muted_until_ms = sw_pg_i64(r, i, 2);
			preference->mentions_only = mentions_only <= 1 ? (int8_t)mentions_only : PREFER_UNSET;
			(void)prefer_content_parse(sw_pg_bytes(r, i, 4), &preference->content);
			preference->plan = prefer_plan_find(m, sw_pg_bytes(r, i, 5)); /* that is gone: none */
		}
	}
}

static void step_loaded(void *step, struct sw_batch *batch, const struct sw_pg *pg)
{
	struct mailbox *m = step;
	size_t index = 0;
	if (m->loading_users) {
		const struct sw_pg_result *users = sw_pg_result(pg, 0);
		read_users(m, users);
		read_devices(m, sw_pg_result(pg, 1));
		read_sessions(m, sw_pg_result(pg, 2));
		read_preferences(m, sw_pg_result(pg, 3));
		for (size_t i = 0; i < sw_pg_rows(users); i++) {
			struct user *user = user_find(m, sw_pg_i64(users, i, 0));
			if (user->loading) {
				user->open_pos = user->pos;
				guess_shown(user);
			}
			user->loading = false;
		}
		index = (size_t)m->loading_users;
	}
	if (m->loading_unacked) {
		m->unacked = sw_pg_result(pg, index++);
	}
	if (m->loading_steps) {
		read_pending(m, &batch->arena, sw_pg_result(pg, index++));
	}
	if (m->loading_node) {
		m->node_sessions = sw_pg_result(pg, index++);
	}
	if (m->loading_alerts) {
		m->alerted = sw_pg_result(pg, index);
	}
}

/* ---- apply and settle ---- */

static void apply_work(struct mailbox *m, struct sw_batch *batch, struct sw_work *work)
{
	sw_reader_init(&m->recorded, work->result);
	sw_buf_init(&m->record, RECORD_BYTES_MAX);
	for (size_t i = 0; i < work->count; i++) {
		const struct sw_item *item = &work->items[i];
		if (item->kind == SW_ITEM_DELIVER) {
			work->durable = true;
			append_deliver(m, batch, work, &item->as.deliver);
		} else if (item->kind == SW_ITEM_CHECK) {
			on_check(m, batch, work, &item->as.check);
		} else if (item->kind == SW_ITEM_STEP_DUE) {
			on_step_due(m, batch, work, &item->as.step_due);
		} else {
			track(m, batch, work, item);
		}
	}
	if (!work->applied) {
		work->result = sw_arena_copy(&batch->arena, sw_buf_bytes(&m->record));
	}
	sw_buf_release(&m->record);
}

static void step_apply(void *step, struct sw_batch *batch)
{
	struct mailbox *m = step;
	for (struct sw_work *work = batch->works[SW_ROLE_MAILBOX].first; work; work = work->next) {
		apply_work(m, batch, work);
	}
}

static void step_write(void *step, struct sw_batch *batch, struct sw_pg *pg)
{
	write_rows(step, batch, pg);
}

static void step_settle(void *step, bool committed)
{
	struct mailbox *m = step;
	users_settle(m, committed);
	drop_rows(m);
	m->unacked = m->node_sessions = m->alerted = NULL;
	if (committed) {
		sw_metric_add(m->appended, m->batch_appended);
		sw_metric_add(m->live, m->batch_live);
		sw_metric_add(m->pushes, m->batch_pushes);
		sw_metric_add(m->checks, m->batch_checks);
		sw_metric_add(m->late, m->batch_late);
		sw_metric_add(m->unreachable, m->batch_unreachable);
		sw_metric_add(m->unwanted, m->batch_unwanted);
		sw_metric_add(m->clears, m->batch_clears);
		sw_metric_add(m->steps_due, m->batch_steps_due);
		sw_metric_add(m->steps_failed, m->batch_steps_failed);
	}
	m->batch_steps_due = m->batch_steps_failed = 0;
	m->batch_appended = m->batch_live = m->batch_pushes = 0;
	m->batch_checks = m->batch_late = m->batch_unreachable = 0;
	m->batch_unwanted = m->batch_clears = 0;
}

const struct sw_step_ops sw_mailbox_step = {
	.role = SW_ROLE_MAILBOX,
	.open = step_open,
	.close = step_close,
	.load = step_load,
	.loaded = step_loaded,
	.apply = step_apply,
	.write = step_write,
	.settle = step_settle,
	.forget = step_forget,
};
