/* SPDX-License-Identifier: Apache-2.0 */
/* What only reads: the cluster's status, and the ways of one message. */
#include "admin/api.h"
#include "admin/api_json.h"

static void put_nodes(struct sw_buf *out, const struct sw_pg_result *rows)
{
	struct sw_json_list list = {.out = out};
	sw_buf_put_str(out, "\"nodes\":[");
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		sw_json_list_next(&list);
		sw_buf_put_char(out, '{');
		sw_json_put_id(out, "node", sw_pg_i64(rows, i, 0));
		sw_json_put_int(out, "slot", sw_pg_i32(rows, i, 1));
		sw_json_put_text(out, "roles", sw_pg_bytes(rows, i, 2));
		sw_json_put_text(out, "address", sw_pg_bytes(rows, i, 3));
		sw_json_put_bool(out, "alive", sw_pg_bool(rows, i, 4));
		sw_json_put_int(out, "lease_left_ms", sw_pg_i64(rows, i, 5));
		sw_buf_put_char(out, '}');
	}
	sw_buf_put_char(out, ']');
}

static void put_engines(struct sw_buf *out, const struct sw_pg_result *rows)
{
	struct sw_json_list list = {.out = out};
	sw_buf_put_str(out, ",\"engines\":[");
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		sw_json_list_next(&list);
		sw_buf_put_char(out, '{');
		sw_json_put_id(out, "engine", sw_pg_i64(rows, i, 0));
		sw_json_put_bool(out, "sequencer", sw_pg_bool(rows, i, 1));
		sw_json_put_bool(out, "mailbox", sw_pg_bool(rows, i, 2));
		sw_json_put_bool(out, "draining", sw_pg_bool(rows, i, 3));
		sw_json_put_bool(out, "alive", sw_pg_bool(rows, i, 4));
		sw_buf_put_char(out, '}');
	}
	sw_buf_put_char(out, ']');
}

static void put_partitions(struct sw_buf *out, const struct sw_pg_result *rows)
{
	struct sw_json_list list = {.out = out};
	sw_buf_put_str(out, ",\"partitions\":[");
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		bool sequencer = sw_pg_i16(rows, i, 0) == 0;
		int64_t owner = sw_pg_i64(rows, i, 2);
		sw_json_list_next(&list);
		sw_buf_put_char(out, '{');
		sw_json_put_text(out, "role", sw_bytes_str(sequencer ? "sequencer" : "mailbox"));
		sw_json_put_int(out, "queue", sw_pg_i32(rows, i, 1));
		if (owner) {
			sw_json_put_id(out, "owner", owner);
		} else {
			sw_json_put_null(out, "owner");
		}
		sw_json_put_id(out, "epoch", sw_pg_i64(rows, i, 3));
		sw_json_put_bool(out, "alive", sw_pg_bool(rows, i, 4));
		sw_buf_put_char(out, '}');
	}
	sw_buf_put_char(out, ']');
}

static void put_dead_counts(struct sw_buf *out, const struct sw_pg_result *total, const struct sw_pg_result *rows)
{
	struct sw_json_list list = {.out = out};
	sw_buf_put_str(out, ",\"dead\":{");
	sw_json_put_int(out, "total", sw_pg_i64(total, 0, 0));
	sw_json_put_int(out, "replayed", sw_pg_i64(total, 0, 1));
	sw_buf_put_str(out, ",\"by_reason\":[");
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		sw_json_list_next(&list);
		sw_buf_put_char(out, '{');
		sw_json_put_text(out, "provider", sw_pg_bytes(rows, i, 0));
		sw_json_put_text(out, "reason", sw_pg_bytes(rows, i, 1));
		sw_json_put_int(out, "count", sw_pg_i64(rows, i, 2));
		sw_json_put_int(out, "replayed", sw_pg_i64(rows, i, 3));
		sw_json_put_int(out, "last_at_ms", sw_pg_i64(rows, i, 4));
		sw_buf_put_char(out, '}');
	}
	sw_buf_put_str(out, "]}");
}

void sw_api_run_status(struct sw_api_request *request, struct sw_pg *pg)
{
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_NODES, NULL);
	sw_pg_queue(pg, SW_SQL_ADMIN_ENGINES, NULL);
	sw_pg_queue(pg, SW_SQL_WRITER_OWNER_LIST, NULL);
	sw_pg_queue(pg, SW_SQL_ADMIN_DEAD_TOTAL, NULL);
	sw_pg_queue(pg, SW_SQL_ADMIN_DEAD_COUNTS, NULL);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	struct sw_buf *out = &request->body;
	sw_buf_put_char(out, '{');
	put_nodes(out, sw_pg_result(pg, 0));
	put_engines(out, sw_pg_result(pg, 1));
	put_partitions(out, sw_pg_result(pg, 2));
	put_dead_counts(out, sw_pg_result(pg, 3), sw_pg_result(pg, 4));
	sw_buf_put_char(out, '}');
	request->status = 200;
}

bool sw_api_find_message(struct sw_api_request *request, struct sw_pg *pg, struct sw_message_row *row_out)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_MESSAGE, &params);
	if (!sw_api_query_store(request, pg)) {
		return false;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	if (sw_pg_rows(rows) == 0) {
		sw_api_fail(request, 404, "not_found", "there is no message with this id");
		return false;
	}
	*row_out = (struct sw_message_row){.id = sw_pg_i64(rows, 0, 0),
					   .conv = sw_pg_i64(rows, 0, 1),
					   .seq = sw_pg_i64(rows, 0, 2),
					   .sender = sw_arena_copy(&request->arena, sw_pg_bytes(rows, 0, 3)),
					   .kind = sw_arena_copy(&request->arena, sw_pg_bytes(rows, 0, 4)),
					   .at_ms = sw_pg_i64(rows, 0, 5)};
	return true;
}

struct sw_delivery_row sw_api_read_delivery(const struct sw_pg_result *rows, size_t i)
{
	return (struct sw_delivery_row){.job = sw_pg_uuid(rows, i, 0),
					.user = sw_pg_bytes(rows, i, 1),
					.pos = sw_pg_i64(rows, i, 2),
					.device = sw_pg_bytes(rows, i, 3),
					.provider = sw_pg_bytes(rows, i, 4),
					.state = sw_pg_bytes(rows, i, 5),
					.attempts = sw_pg_i32(rows, i, 6),
					.last_status = sw_pg_i32(rows, i, 7),
					.last_reason = sw_pg_bytes(rows, i, 8),
					.created_at_ms = sw_pg_i64(rows, i, 9),
					.updated_at_ms = sw_pg_i64(rows, i, 10),
					.has_attempt = sw_pg_bool(rows, i, 11),
					.number = sw_pg_i32(rows, i, 12),
					.at_ms = sw_pg_i64(rows, i, 13),
					.duration_ms = sw_pg_i32(rows, i, 14),
					.outcome = sw_pg_bytes(rows, i, 15),
					.status = sw_pg_i32(rows, i, 16),
					.reason = sw_pg_bytes(rows, i, 17),
					.planned_at_ms = sw_pg_i64(rows, i, 18),
					.planned_reason = sw_pg_bytes(rows, i, 19),
					.next_at_ms = sw_pg_i64(rows, i, 20)};
}

void sw_api_run_deliveries(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_message_row message;
	if (!sw_api_find_message(request, pg, &message)) {
		return;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_add_text(&params, request->query.user);
	sw_pg_add_i32(&params, SW_API_ROWS_MAX);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_DELIVERIES, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	struct sw_buf *out = &request->body;
	sw_buf_put_char(out, '{');
	sw_json_put_message(out, &message);
	struct sw_json_deliveries d;
	sw_json_deliveries_begin(&d, out);
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		struct sw_delivery_row row = sw_api_read_delivery(rows, i);
		sw_json_deliveries_add(&d, &row);
	}
	sw_json_deliveries_end(&d);
	sw_json_put_bool(out, "more", d.count == SW_API_ROWS_MAX);
	sw_buf_put_char(out, '}');
	request->status = 200;
}

struct sw_recipient_row sw_api_read_recipient(const struct sw_pg_result *rows, size_t i)
{
	return (struct sw_recipient_row){.user = sw_pg_bytes(rows, i, 0),
					 .pos = sw_pg_i64(rows, i, 1),
					 .notify = sw_pg_bool(rows, i, 2),
					 .has_device = sw_pg_bool(rows, i, 3),
					 .device = sw_pg_bytes(rows, i, 4),
					 .platform = sw_pg_bytes(rows, i, 5),
					 .provider = sw_pg_bytes(rows, i, 6),
					 .cursor = sw_pg_i64(rows, i, 7),
					 .active_cursor = sw_pg_i64(rows, i, 8),
					 .routed_after_ms = sw_pg_i32(rows, i, 9),
					 .sockets = sw_pg_i32(rows, i, 10),
					 .pushes = sw_pg_i32(rows, i, 11),
					 .acked_at_ms = sw_pg_i64(rows, i, 12),
					 .sent_at_ms = sw_pg_i64(rows, i, 13),
					 .acked_upto = sw_pg_i64(rows, i, 14),
					 .read_at_ms = sw_pg_i64(rows, i, 15)};
}

void sw_api_run_inbox(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_message_row message;
	if (!sw_api_find_message(request, pg, &message)) {
		return;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, message.conv);
	sw_pg_add_i64(&params, message.seq);
	sw_pg_add_text(&params, request->query.user);
	sw_pg_add_i32(&params, SW_API_ROWS_MAX);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_RECIPIENTS, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	struct sw_buf *out = &request->body;
	sw_buf_put_char(out, '{');
	sw_json_put_message(out, &message);
	struct sw_json_recipients r;
	sw_json_recipients_begin(&r, out);
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		struct sw_recipient_row row = sw_api_read_recipient(rows, i);
		sw_json_recipients_add(&r, &row);
	}
	sw_json_recipients_end(&r);
	sw_json_put_bool(out, "more", r.count == SW_API_ROWS_MAX);
	sw_buf_put_char(out, '}');
	request->status = 200;
}
