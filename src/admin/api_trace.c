/* SPDX-License-Identifier: Apache-2.0 */
/* The trace of a message: what the store knows of it in one look, told by trace.c. */
#include "admin/api.h"
#include "admin/trace.h"

static struct sw_trace_letter read_letter(const struct sw_pg_result *rows, size_t i)
{
	return (struct sw_trace_letter){.id = sw_pg_i64(rows, i, 0),
					.job = sw_pg_uuid(rows, i, 1),
					.user = sw_pg_bytes(rows, i, 2),
					.device = sw_pg_bytes(rows, i, 3),
					.provider = sw_pg_bytes(rows, i, 4),
					.reason = sw_pg_bytes(rows, i, 5),
					.status = sw_pg_i32(rows, i, 6),
					.at_ms = sw_pg_i64(rows, i, 7),
					.has_replay = sw_pg_bool(rows, i, 8),
					.replay_job = sw_pg_uuid(rows, i, 9),
					.replay_at_ms = sw_pg_i64(rows, i, 10),
					.operator= sw_pg_bytes(rows, i, 11),
					.run = sw_pg_i64(rows, i, 12),
					.outcome = sw_pg_bytes(rows, i, 13),
					.replay_reason = sw_pg_bytes(rows, i, 14)};
}

static void read_rows(struct sw_pg *pg, struct sw_arena *arena, struct sw_trace *trace)
{
	const struct sw_pg_result *recipients = sw_pg_result(pg, 0);
	const struct sw_pg_result *deliveries = sw_pg_result(pg, 1);
	const struct sw_pg_result *letters = sw_pg_result(pg, 2);
	trace->recipient_count = sw_pg_rows(recipients);
	trace->delivery_count = sw_pg_rows(deliveries);
	trace->letter_count = sw_pg_rows(letters);
	struct sw_recipient_row *r = sw_arena_calloc(arena, trace->recipient_count + 1, sizeof(*r));
	struct sw_delivery_row *d = sw_arena_calloc(arena, trace->delivery_count + 1, sizeof(*d));
	struct sw_trace_letter *l = sw_arena_calloc(arena, trace->letter_count + 1, sizeof(*l));
	for (size_t i = 0; i < trace->recipient_count; i++) {
		r[i] = sw_api_read_recipient(recipients, i);
	}
	for (size_t i = 0; i < trace->delivery_count; i++) {
		d[i] = sw_api_read_delivery(deliveries, i);
	}
	for (size_t i = 0; i < trace->letter_count; i++) {
		l[i] = read_letter(letters, i);
	}
	trace->recipients = r;
	trace->deliveries = d;
	trace->letters = l;
}

static size_t users(const struct sw_trace *trace)
{
	size_t count = 0;
	for (size_t i = 0; i < trace->recipient_count; i++) {
		count += i == 0 || !sw_bytes_equal(trace->recipients[i - 1].user, trace->recipients[i].user);
	}
	return count;
}

static void queue(struct sw_api_request *request, struct sw_pg *pg, const struct sw_message_row *message)
{
	struct sw_pg_params params;
	sw_pg_begin(pg);
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, message->conv);
	sw_pg_add_i64(&params, message->seq);
	sw_pg_add_text(&params, request->query.user);
	sw_pg_add_i32(&params, SW_API_ROWS_MAX);
	sw_pg_queue(pg, SW_SQL_ADMIN_RECIPIENTS, &params);
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_add_text(&params, request->query.user);
	sw_pg_add_i32(&params, SW_API_ROWS_MAX);
	sw_pg_queue(pg, SW_SQL_ADMIN_DELIVERIES, &params);
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_add_text(&params, request->query.user);
	sw_pg_queue(pg, SW_SQL_ADMIN_TRACE_LETTERS, &params);
}

void sw_api_run_trace(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_trace trace = {0};
	if (!sw_api_find_message(request, pg, &trace.message)) {
		return;
	}
	queue(request, pg, &trace.message);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	read_rows(pg, &request->arena, &trace);
	struct sw_buf *out = &request->body;
	sw_buf_put_char(out, '{');
	sw_json_put_message(out, &trace.message);
	sw_trace_put_json(out, &trace, &request->arena);
	sw_json_put_bool(out, "more", users(&trace) >= SW_API_ROWS_MAX);
	sw_buf_put_char(out, '}');
	if (request->query.user.ptr && trace.recipient_count == 0) {
		sw_api_fail(request, 404, "not_found", "this user was no member when the message was sent");
		return;
	}
	request->status = 200;
}
