/* SPDX-License-Identifier: Apache-2.0 */
/* How far the cursors of devices have come, and the ledger: a row a step, with when it was said. A step is from where the
 * cursor is to further on, so that what comes again takes none. */
#include "mailbox/mailbox_int.h"

static void record(struct mailbox *m, struct sw_batch *batch, const struct cursor_step *step, struct ledger_row row)
{
	row.at_ms = step->at_ms ? step->at_ms : batch->now_ms;
	row.sent_before_ms = -1;
	if (step->sent_at_ms) {
		row.sent_before_ms = within_i32(row.at_ms - step->sent_at_ms);
	}
	row.device = sw_arena_copy(&batch->arena, row.device);
	*(struct ledger_row *)sw_rows_add(&m->ledger, &batch->arena, sizeof(row)) = row;
}

void move_cursor(struct mailbox *m, struct sw_batch *batch, const struct user *user, struct device *device,
		 const struct cursor_step *step)
{
	int64_t acked = step->pos > device->cursor ? step->pos - device->cursor : 0;
	device->cursor += acked;
	int64_t read = step->active ? device->cursor - device->active_cursor : 0;
	device->active_cursor += read;
	if (!acked && !read) {
		return;
	}
	device->dirt = device->dirt == CHANGED ? CHANGED : CURSOR_MOVED;
	if (m->config->keeps_ledger) {
		record(m, batch, step,
		       (struct ledger_row){.user = user->id,
					   .device = sw_bytes_str(device->id),
					   .active = step->active,
					   .pos = device->cursor,
					   .acked = within_i32(acked),
					   .read = within_i32(read)});
	}
}

/* ---- write ---- */

static void add_cursors(const struct mailbox *m, struct sw_arena *arena, struct sw_pg_params *params)
{
	size_t max = count_devices(m, CURSOR_MOVED);
	int64_t *columns = sw_arena_alloc(arena, 3 * (max + 1) * sizeof(*columns));
	struct sw_bytes *devices = sw_arena_alloc(arena, (max + 1) * sizeof(*devices));
	size_t n = 0;
	for (const struct user *user = m->touched; user; user = user->next_touched) {
		for (size_t i = 0; i < user->device_count; i++) {
			const struct device *device = &user->devices[i];
			if (device->dirt == CURSOR_MOVED) {
				columns[n] = user->id;
				columns[max + n] = device->cursor;
				columns[2 * max + n] = device->active_cursor;
				devices[n++] = sw_bytes_str(device->id);
			}
		}
	}
	sw_pg_add_i64s(params, columns, n);
	sw_pg_add_texts(params, devices, n);
	sw_pg_add_i64s(params, columns + max, n);
	sw_pg_add_i64s(params, columns + 2 * max, n);
}

static void add_ledger(const struct mailbox *m, struct sw_arena *arena, struct sw_pg_params *params)
{
	size_t n = m->ledger.count;
	const struct ledger_row *rows = m->ledger.items;
	int64_t *columns = sw_arena_alloc(arena, 3 * (n + 1) * sizeof(*columns));
	int32_t *numbers = sw_arena_alloc(arena, 3 * (n + 1) * sizeof(*numbers));
	struct sw_bytes *devices = sw_arena_alloc(arena, (n + 1) * sizeof(*devices));
	bool *active = sw_arena_alloc(arena, (n + 1) * sizeof(*active));
	for (size_t i = 0; i < n; i++) {
		columns[i] = rows[i].user;
		columns[n + i] = rows[i].pos;
		columns[2 * n + i] = rows[i].at_ms;
		numbers[i] = rows[i].acked;
		numbers[n + i] = rows[i].read;
		numbers[2 * n + i] = rows[i].sent_before_ms;
		devices[i] = rows[i].device;
		active[i] = rows[i].active;
	}
	sw_pg_add_i64s(params, columns, n);
	sw_pg_add_texts(params, devices, n);
	sw_pg_add_bools(params, active, n);
	sw_pg_add_i64s(params, columns + n, n);
	sw_pg_add_i64s(params, columns + 2 * n, n);
	for (size_t column = 0; column < 3; column++) {
		sw_pg_add_i32s(params, numbers + column * n, n);
	}
}

void write_cursors(struct mailbox *m, struct sw_arena *arena, struct sw_pg *pg)
{
	if (count_devices(m, CURSOR_MOVED) == 0 && m->ledger.count == 0) {
		return;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, arena);
	add_cursors(m, arena, &params);
	add_ledger(m, arena, &params);
	sw_pg_queue(pg, SW_SQL_MAILBOX_MOVE_CURSORS, &params);
}
