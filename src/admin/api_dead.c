/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: the list, one of them, and its replay. A replay is published before it is marked, and repeats under the
 * same id when the mark was lost. */
#include "admin/api.h"
#include "admin/api_json.h"
#include "admin/replay.h"

#include <surewire/clock.h>
#include <surewire/log.h>

enum { CONFIRM_MS = 8000, PAYLOAD_COLUMN = 14 };

static struct sw_dead_row read_row(const struct sw_pg_result *rows, size_t i)
{
	return (struct sw_dead_row){.id = sw_pg_i64(rows, i, 0),
				    .job = sw_pg_uuid(rows, i, 1),
				    .event = sw_pg_i64(rows, i, 2),
				    .user = sw_pg_i64(rows, i, 3),
				    .user_name = sw_pg_bytes(rows, i, 4),
				    .device = sw_pg_bytes(rows, i, 5),
				    .provider = sw_pg_bytes(rows, i, 6),
				    .app = sw_pg_bytes(rows, i, 7),
				    .reason = sw_pg_bytes(rows, i, 8),
				    .status = sw_pg_i32(rows, i, 9),
				    .at_ms = sw_pg_i64(rows, i, 10),
				    .replays = sw_pg_i32(rows, i, 11),
				    .replayed_at_ms = sw_pg_i64(rows, i, 12),
				    .replay_job = sw_pg_uuid(rows, i, 13)};
}

void sw_api_run_dead_list(struct sw_api_request *request, struct sw_pg *pg)
{
	const struct sw_api_query *query = &request->query;
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	if (query->before) {
		sw_pg_add_i64(&params, query->before);
	} else {
		sw_pg_add_null(&params);
	}
	sw_pg_add_text(&params, query->provider);
	sw_pg_add_text(&params, query->app);
	sw_pg_add_text(&params, query->reason);
	sw_pg_add_i32(&params, query->limit + 1);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_DEAD_LIST, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	size_t limit = (size_t)query->limit;
	size_t count = sw_pg_rows(rows) < limit ? sw_pg_rows(rows) : limit;
	struct sw_buf *out = &request->body;
	struct sw_json_list list = {.out = out};
	sw_buf_put_str(out, "{\"dead\":[");
	for (size_t i = 0; i < count; i++) {
		struct sw_dead_row row = read_row(rows, i);
		sw_json_list_next(&list);
		sw_json_put_dead(out, &row);
	}
	sw_buf_put_char(out, ']');
	if (sw_pg_rows(rows) > limit) {
		sw_json_put_id(out, "next_before", sw_pg_i64(rows, count - 1, 0));
	} else {
		sw_json_put_null(out, "next_before");
	}
	sw_buf_put_char(out, '}');
	request->status = 200;
}

/* NULL: the request was ended. */
static const struct sw_pg_result *find_letter(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_DEAD_GET, &params);
	if (!sw_api_query_store(request, pg)) {
		return NULL;
	}
	if (sw_pg_rows(sw_pg_result(pg, 0)) == 0) {
		sw_api_fail(request, 404, "not_found", "there is no dead letter with this id");
		return NULL;
	}
	return sw_pg_result(pg, 0);
}

void sw_api_run_dead_get(struct sw_api_request *request, struct sw_pg *pg)
{
	const struct sw_pg_result *rows = find_letter(request, pg);
	if (!rows) {
		return;
	}
	struct sw_dead_row row = read_row(rows, 0);
	struct sw_bytes payload = sw_pg_bytes(rows, 0, PAYLOAD_COLUMN);
	struct sw_item item;
	bool readable = sw_replay_read(payload, &request->arena, &item) == SW_OK;
	sw_json_put_dead_detail(&request->body, &row, readable ? &item.as.job : NULL, payload.len);
	request->status = 200;
}

static void fail_publish(struct sw_api_request *request, int err)
{
	if (err == SW_EUNROUTABLE) {
		sw_api_fail(request, 409, "no_queue",
			    "no queue takes jobs of this provider: it is not configured any more");
	} else if (err == SW_ETIMEOUT || err == SW_ECLOSED) {
		sw_api_fail(request, 503, "unconfirmed",
			    "the broker did not confirm in time; replaying again is safe, it repeats the same job");
	} else {
		sw_api_fail(request, 503, "unavailable", "the broker refuses it now");
	}
}

static bool mark(struct sw_api_request *request, struct sw_pg *pg, int number, const struct sw_replay *replay)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_add_i32(&params, number);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_add_uuid(&params, &replay->job);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_DEAD_MARK, &params);
	return sw_api_query_store(request, pg);
}

static void answer_replay(struct sw_api_request *request, int number, const struct sw_replay *replay)
{
	struct sw_buf *out = &request->body;
	sw_buf_put_char(out, '{');
	sw_json_put_id(out, "id", request->id);
	sw_json_put_uuid(out, "job", &replay->job);
	sw_json_put_int(out, "replays", number);
	sw_json_put_text(out, "queue", sw_bytes_str(replay->routing_key));
	sw_buf_put_char(out, '}');
	request->status = 200;
}

void sw_api_run_dead_replay(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_admin *admin = sw_api_admin(request->api);
	const struct sw_pg_result *rows = find_letter(request, pg);
	if (!rows) {
		return;
	}
	int number = sw_pg_i32(rows, 0, 11) + 1;
	struct sw_item item;
	struct sw_replay replay;
	if (sw_replay_read(sw_pg_bytes(rows, 0, PAYLOAD_COLUMN), &request->arena, &item) != SW_OK ||
	    sw_replay_build(&item.as.job, number, sw_clock_wall_ms(), admin->config.replay_age_ms, &replay) != SW_OK) {
		sw_api_fail(request, 409, "not_replayable", "this dead letter holds no notification that can be sent");
		return;
	}
	if (!sw_publisher_state(admin->publisher).connected) {
		sw_blob_unref(replay.envelope);
		sw_api_fail(request, 503, "unavailable", "the broker is away: nothing was sent");
		return;
	}
	int err = sw_replay_publish(admin->publisher, &replay, sw_clock_mono_ms() + CONFIRM_MS);
	if (err) {
		fail_publish(request, err);
	} else if (mark(request, pg, number, &replay)) {
		answer_replay(request, number, &replay);
	}
	SW_LOG(INFO, "admin.dead_replayed", SW_F_INT("dead", request->id), SW_F_STR("queue", replay.routing_key),
	       SW_F_INT("number", number), SW_F_INT("status", request->status));
}
