/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a batch as arrays: what was appended, and the final state of what was tracked. */
#include "mailbox/mailbox_int.h"

/* Of one statement: a message to a large group is a thousand rows, and a batch may hold a thousand of them. */
enum { INBOX_ROWS_MAX = 50000 };
_Static_assert((int)INBOX_ROWS_MAX <= (int)SW_PG_ARRAY_MAX, "an array of a statement holds them");

/* A statement whose parameters are `count` arrays of n numbers, one behind the other in columns. */
static void queue_numbers(struct sw_arena *arena, struct sw_pg *pg, enum sw_sql statement, const int64_t *columns,
			  size_t n, size_t count)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	for (size_t column = 0; column < count; column++) {
		sw_pg_add_i64s(&params, columns + column * n, n);
	}
	sw_pg_queue(pg, statement, &params);
}

static void write_inbox_part(const struct inbox_row *rows, size_t n, struct sw_arena *arena, struct sw_pg *pg)
{
	int64_t *columns = sw_arena_alloc(arena, 4 * n * sizeof(*columns));
	bool *flags = sw_arena_alloc(arena, 2 * n * sizeof(*flags));
	int32_t *told = sw_arena_alloc(arena, 2 * n * sizeof(*told));
	int16_t *counts = sw_arena_alloc(arena, 2 * n * sizeof(*counts));
	for (size_t i = 0; i < n; i++) {
		columns[i] = rows[i].user;
		columns[n + i] = rows[i].pos;
		columns[2 * n + i] = rows[i].conv;
		columns[3 * n + i] = rows[i].seq;
		flags[i] = rows[i].notify;
		flags[n + i] = rows[i].mentioned;
		told[i] = rows[i].told;
		told[n + i] = rows[i].routed_after_ms;
		counts[i] = rows[i].sockets;
		counts[n + i] = rows[i].pushes;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	for (size_t column = 0; column < 4; column++) {
		sw_pg_add_i64s(&params, columns + column * n, n);
	}
	sw_pg_add_bools(&params, flags, n);
	sw_pg_add_bools(&params, flags + n, n);
	sw_pg_add_i32s(&params, told, n);
	sw_pg_add_i32s(&params, told + n, n);
	sw_pg_add_i16s(&params, counts, n);
	sw_pg_add_i16s(&params, counts + n, n);
	sw_pg_queue(pg, SW_SQL_MAILBOX_INSERT_INBOX, &params);
}

static void write_inbox(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	const struct inbox_row *rows = m->inbox.items;
	for (size_t done = 0; done < m->inbox.count; done += INBOX_ROWS_MAX) {
		size_t left = m->inbox.count - done;
		write_inbox_part(rows + done, left < INBOX_ROWS_MAX ? left : INBOX_ROWS_MAX, arena, pg);
	}
}

size_t count_devices(const struct mailbox *m, enum dirt dirt)
{
	size_t n = 0;
	for (const struct user *user = m->touched; user; user = user->next_touched) {
		for (size_t i = 0; i < user->device_count; i++) {
			n += user->devices[i].dirt == dirt;
		}
	}
	return n;
}

enum { DEVICE_TEXTS = 7, DEVICE_NUMBERS = 4 };

struct device_columns {
	int64_t *numbers;
	struct sw_bytes *texts;
	int16_t *minutes;
	bool *sandbox;
	size_t max;
};

static void fill_device(struct device_columns *columns, size_t n, const struct user *user, const struct device *device)
{
	size_t max = columns->max;
	int64_t *numbers = columns->numbers;
	struct sw_bytes *texts = columns->texts;
	columns->sandbox[n] = device->sandbox;
	columns->minutes[n] = device->quiet_from;
	columns->minutes[max + n] = device->quiet_until;
	numbers[n] = user->id;
	numbers[max + n] = device->registered_at_ms;
	numbers[2 * max + n] = device->cursor;
	numbers[3 * max + n] = device->active_cursor;
	texts[n] = sw_bytes_str(device->id);
	texts[max + n] = sw_bytes_str(device->platform);
	texts[2 * max + n] = sw_bytes_str(device->provider);
	texts[3 * max + n] = sw_bytes_str(device->app);
	texts[4 * max + n] = sw_bytes_str(device->token);
	texts[5 * max + n] = sw_bytes_str(device->time_zone);
	texts[6 * max + n] = sw_bytes_str(device->locale);
}

static void write_devices(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	size_t max = count_devices(m, CHANGED);
	if (max == 0) {
		return;
	}
	struct device_columns columns = {.numbers = sw_arena_alloc(arena, DEVICE_NUMBERS * max * sizeof(int64_t)),
					 .texts = sw_arena_alloc(arena, DEVICE_TEXTS * max * sizeof(struct sw_bytes)),
					 .minutes = sw_arena_alloc(arena, 2 * max * sizeof(int16_t)),
					 .sandbox = sw_arena_alloc(arena, max * sizeof(bool)),
					 .max = max};
	size_t n = 0;
	for (const struct user *user = m->touched; user; user = user->next_touched) {
		for (size_t i = 0; i < user->device_count; i++) {
			if (user->devices[i].dirt == CHANGED) {
				fill_device(&columns, n++, user, &user->devices[i]);
			}
		}
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, columns.numbers, n);
	for (size_t column = 0; column < DEVICE_TEXTS; column++) {
		sw_pg_add_texts(&params, columns.texts + column * max, n);
	}
	sw_pg_add_bools(&params, columns.sandbox, n);
	for (size_t column = 1; column < DEVICE_NUMBERS; column++) {
		sw_pg_add_i64s(&params, columns.numbers + column * max, n);
	}
	sw_pg_add_i16s(&params, columns.minutes, n);
	sw_pg_add_i16s(&params, columns.minutes + max, n);
	sw_pg_queue(pg, SW_SQL_MAILBOX_UPSERT_DEVICES, &params);
}

static void write_gone_devices(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	size_t n = m->gone_devices.count;
	if (n == 0) {
		return;
	}
	const struct device_key *keys = m->gone_devices.items;
	int64_t *users = sw_arena_alloc(arena, n * sizeof(*users));
	struct sw_bytes *devices = sw_arena_alloc(arena, n * sizeof(*devices));
	for (size_t i = 0; i < n; i++) {
		users[i] = keys[i].user;
		devices[i] = sw_bytes_str(keys[i].device);
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, users, n);
	sw_pg_add_texts(&params, devices, n);
	sw_pg_queue(pg, SW_SQL_MAILBOX_DELETE_DEVICES, &params);
}

static void write_sessions(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	size_t max = 0;
	for (const struct user *user = m->touched; user; user = user->next_touched) {
		max += user->session_count;
	}
	int64_t *columns = sw_arena_alloc(arena, 3 * (max + 1) * sizeof(*columns));
	struct sw_bytes *devices = sw_arena_alloc(arena, (max + 1) * sizeof(*devices));
	bool *active = sw_arena_alloc(arena, (max + 1) * sizeof(*active));
	size_t n = 0;
	for (const struct user *user = m->touched; user; user = user->next_touched) {
		for (size_t i = 0; i < user->session_count; i++) {
			const struct session *session = &user->sessions[i];
			if (session->dirt == CLEAN) {
				continue;
			}
			columns[n] = user->id;
			columns[max + n] = session->session;
			columns[2 * max + n] = session->node;
			devices[n] = sw_bytes_str(session->device);
			active[n++] = session->active;
		}
	}
	if (n == 0) {
		return;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	sw_pg_add_i64s(&params, columns, n);
	sw_pg_add_i64s(&params, columns + max, n);
	sw_pg_add_texts(&params, devices, n);
	sw_pg_add_i64s(&params, columns + 2 * max, n);
	sw_pg_add_bools(&params, active, n);
	sw_pg_queue(pg, SW_SQL_MAILBOX_INSERT_SESSIONS, &params);
}

static void write_gone_sessions(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	size_t n = m->gone_sessions.count;
	if (n == 0) {
		return;
	}
	const struct session_key *keys = m->gone_sessions.items;
	int64_t *columns = sw_arena_alloc(arena, 3 * n * sizeof(*columns));
	for (size_t i = 0; i < n; i++) {
		columns[i] = keys[i].user;
		columns[n + i] = keys[i].node;
		columns[2 * n + i] = keys[i].session;
	}
	queue_numbers(arena, pg, SW_SQL_MAILBOX_DELETE_SESSIONS, columns, n, 3);
}

static void write_gone_preferences(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	size_t n = m->gone_preferences.count;
	if (n == 0) {
		return;
	}
	const struct preference_key *keys = m->gone_preferences.items;
	int64_t *columns = sw_arena_alloc(arena, 2 * n * sizeof(*columns));
	for (size_t i = 0; i < n; i++) {
		columns[i] = keys[i].user;
		columns[n + i] = keys[i].conv;
	}
	queue_numbers(arena, pg, SW_SQL_MAILBOX_DELETE_PREFERENCES, columns, n, 2);
}

static size_t count_preferences(const struct mailbox *m)
{
	size_t n = 0;
	for (const struct user *user = m->touched; user; user = user->next_touched) {
		for (size_t i = 0; i < user->preference_count; i++) {
			n += user->preferences[i].dirt != CLEAN;
		}
	}
	return n;
}

static void write_preferences(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	size_t max = count_preferences(m);
	if (max == 0) {
		return;
	}
	int64_t *columns = sw_arena_alloc(arena, 4 * max * sizeof(*columns));
	struct sw_bytes *contents = sw_arena_alloc(arena, max * sizeof(*contents));
	struct sw_bytes *plans = sw_arena_alloc(arena, max * sizeof(*plans));
	size_t n = 0;
	for (const struct user *user = m->touched; user; user = user->next_touched) {
		for (size_t i = 0; i < user->preference_count; i++) {
			const struct preference *preference = &user->preferences[i];
			if (preference->dirt != CLEAN) {
				columns[n] = user->id;
				columns[max + n] = preference->conv;
				columns[2 * max + n] = preference->muted_until_ms;
				columns[3 * max + n] = preference->mentions_only;
				plans[n] = sw_bytes_str(prefer_plan_name(m, preference->plan));
				contents[n++] = sw_bytes_str(prefer_content_text(preference->content));
			}
		}
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	for (size_t column = 0; column < 4; column++) {
		sw_pg_add_i64s(&params, columns + column * max, n);
	}
	sw_pg_add_texts(&params, contents, n);
	sw_pg_add_texts(&params, plans, n);
	sw_pg_queue(pg, SW_SQL_MAILBOX_UPSERT_PREFERENCES, &params);
}

static void write_plans(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	size_t max = 0;
	for (const struct user *user = m->touched; user; user = user->next_touched) {
		max += user->plan_dirty;
	}
	if (max == 0) {
		return;
	}
	int64_t *columns = sw_arena_alloc(arena, 2 * max * sizeof(*columns));
	size_t n = 0;
	for (const struct user *user = m->touched; user; user = user->next_touched) {
		if (user->plan_dirty) {
			columns[n] = user->id;
			columns[max + n++] = user->pushed_pos;
		}
	}
	queue_numbers(arena, pg, SW_SQL_MAILBOX_UPSERT_PUSH_PLAN, columns, n, 2);
}

void write_steps(const struct sw_rows *rows, struct sw_arena *arena, struct sw_pg *pg, enum sw_sql statement)
{
	const struct step_row *steps = rows->items;
	size_t n = rows->count;
	int64_t *columns = sw_arena_alloc(arena, 4 * n * sizeof(*columns));
	for (size_t i = 0; i < n; i++) {
		columns[i] = steps[i].user;
		columns[n + i] = steps[i].pos;
		columns[2 * n + i] = steps[i].step;
		columns[3 * n + i] = steps[i].due_at_ms;
	}
	queue_numbers(arena, pg, statement, columns, n, statement == SW_SQL_MAILBOX_UPSERT_STEPS ? 4 : 2);
}

/* Those that were new in this batch, and what became of those that were loaded. */
static void write_pending(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	struct sw_rows gone = {0};
	for (size_t i = 0; i < m->pending_count; i++) {
		const struct pending *pending = &m->pending[i];
		if (pending->changed) {
			struct sw_rows *rows = pending->step == OVER ? &gone : &m->new_steps;
			*(struct step_row *)sw_rows_add(rows, arena, sizeof(struct step_row)) = (struct step_row){
				pending->user, pending->news.pos, pending->step, pending->due_at_ms};
		}
	}
	if (gone.count) {
		write_steps(&gone, arena, pg, SW_SQL_MAILBOX_DELETE_STEPS);
	}
	if (m->new_steps.count) {
		write_steps(&m->new_steps, arena, pg, SW_SQL_MAILBOX_UPSERT_STEPS);
	}
}

void write_alert_pairs(const struct sw_rows *rows, struct sw_arena *arena, struct sw_pg *pg, enum sw_sql statement)
{
	const struct alert_ack_row *acks = rows->items;
	size_t n = rows->count;
	int64_t *columns = sw_arena_alloc(arena, 3 * n * sizeof(*columns));
	for (size_t i = 0; i < n; i++) {
		columns[i] = acks[i].alert;
		columns[n + i] = acks[i].user;
		columns[2 * n + i] = acks[i].at_ms;
	}
	queue_numbers(arena, pg, statement, columns, n, statement == SW_SQL_MAILBOX_INSERT_ALERT_ACKS ? 3 : 2);
}

void write_rows(struct mailbox *m, struct sw_batch *batch, struct sw_pg *pg)
{
	write_inbox(m, &batch->arena, pg);
	write_gone_devices(m, &batch->arena, pg);
	write_devices(m, &batch->arena, pg);
	write_cursors(m, &batch->arena, pg);
	write_gone_sessions(m, &batch->arena, pg);
	write_sessions(m, &batch->arena, pg);
	write_gone_preferences(m, &batch->arena, pg);
	write_preferences(m, &batch->arena, pg);
	write_plans(m, &batch->arena, pg);
	write_pending(m, &batch->arena, pg);
	if (m->alert_acks.count) {
		write_alert_pairs(&m->alert_acks, &batch->arena, pg, SW_SQL_MAILBOX_INSERT_ALERT_ACKS);
	}
}
