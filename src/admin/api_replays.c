/* SPDX-License-Identifier: Apache-2.0 */
/* Replays of many letters: asked for, watched and called off. Who works on them is replay_run.c. */
#include "admin/api.h"
#include "admin/api_json.h"

#include <surewire/clock.h>
#include <surewire/log.h>

static void put_job(struct sw_buf *out, const struct sw_pg_result *rows, size_t i)
{
	sw_json_put_id(out, "id", sw_pg_i64(rows, i, 0));
	sw_json_put_text(out, "state", sw_pg_bytes(rows, i, 1));
	sw_json_put_text(out, "operator", sw_pg_bytes(rows, i, 2));
	sw_json_put_int(out, "at_ms", sw_pg_i64(rows, i, 3));
	sw_json_put_int_or_null(out, "ended_at_ms", sw_pg_i64(rows, i, 4));
	sw_json_put_int(out, "rate", sw_pg_i32(rows, i, 5));
	sw_json_put_int(out, "total", sw_pg_i64(rows, i, 6));
	sw_json_put_raw(out, "filter", sw_pg_bytes(rows, i, 7));
	sw_json_put_int(out, "sent", sw_pg_i64(rows, i, 8));
	sw_json_put_int(out, "failed", sw_pg_i64(rows, i, 9));
}

/* What became of the letters of one job: "outcomes":{"delivered":3,…} */
static void put_outcomes(struct sw_buf *out, const struct sw_pg_result *rows)
{
	struct sw_buf counts;
	sw_buf_init(&counts, 1024);
	sw_buf_put_char(&counts, '{');
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		char name[32];
		sw_bytes_printable(sw_pg_bytes(rows, i, 0), name, sizeof(name));
		sw_json_put_int(&counts, name, sw_pg_i64(rows, i, 1));
	}
	sw_buf_put_char(&counts, '}');
	sw_json_put_raw(out, "outcomes", sw_buf_bytes(&counts));
	sw_buf_release(&counts);
}

static void queue_jobs(struct sw_api_request *request, struct sw_pg *pg, int64_t id)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	if (id) {
		sw_pg_add_i64(&params, id);
	} else {
		sw_pg_add_null(&params);
	}
	if (!id && request->query.before) {
		sw_pg_add_i64(&params, request->query.before);
	} else {
		sw_pg_add_null(&params);
	}
	sw_pg_add_i32(&params, id ? 1 : request->query.limit + 1);
	sw_pg_queue(pg, SW_SQL_ADMIN_REPLAY_JOBS, &params);
}

void sw_api_run_replays_list(struct sw_api_request *request, struct sw_pg *pg)
{
	sw_pg_begin(pg);
	queue_jobs(request, pg, 0);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	size_t limit = (size_t)request->query.limit;
	size_t count = sw_pg_rows(rows) < limit ? sw_pg_rows(rows) : limit;
	struct sw_buf *out = &request->body;
	struct sw_json_list list = {.out = out};
	sw_buf_put_str(out, "{\"replays\":[");
	for (size_t i = 0; i < count; i++) {
		sw_json_list_next(&list);
		sw_buf_put_char(out, '{');
		put_job(out, rows, i);
		sw_buf_put_char(out, '}');
	}
	sw_buf_put_char(out, ']');
	sw_json_put_id_or_null(out, "next_before", sw_pg_rows(rows) > limit ? sw_pg_i64(rows, count - 1, 0) : 0);
	sw_buf_put_char(out, '}');
	request->status = 200;
}

/* The job in the answer, with what became of its letters. */
static void answer_job(struct sw_api_request *request, struct sw_pg *pg, int64_t id, int status)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, id);
	sw_pg_begin(pg);
	queue_jobs(request, pg, id);
	sw_pg_queue(pg, SW_SQL_ADMIN_REPLAY_JOB_OUTCOMES, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	if (sw_pg_rows(sw_pg_result(pg, 0)) == 0) {
		sw_api_fail(request, 404, "not_found", "there is no replay with this id");
		return;
	}
	sw_buf_put_char(&request->body, '{');
	put_job(&request->body, sw_pg_result(pg, 0), 0);
	put_outcomes(&request->body, sw_pg_result(pg, 1));
	sw_buf_put_char(&request->body, '}');
	request->status = status;
}

void sw_api_run_replays_get(struct sw_api_request *request, struct sw_pg *pg)
{
	answer_job(request, pg, request->id, 200);
}

void sw_api_run_replays_start(struct sw_api_request *request, struct sw_pg *pg)
{
	int rate_max = sw_api_admin(request->api)->config.replay_rate_max;
	int rate = request->query.rate ? request->query.rate : SW_API_RATE_DEFAULT;
	if (request->query.rate > rate_max) {
		struct sw_diag text = {0};
		sw_diag_set(&text, SW_OK, "the member \"rate\": expected 1 to %d, as [admin] replay_rate_max says",
			    rate_max);
		sw_api_fail(request, 400, "bad_request", text.text);
		return;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_text(&params, sw_api_filter(&request->query, sw_clock_wall_ms(), &request->arena));
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_add_text(&params, sw_bytes_str(request->operator));
	sw_pg_add_i32(&params, rate < rate_max ? rate : rate_max);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_REPLAY_JOB_ADD, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	int64_t id = sw_pg_i64(sw_pg_result(pg, 0), 0, 0);
	SW_LOG(INFO, "admin.replay_asked", SW_F_INT("replay", id), SW_F_STR("operator", request->operator));
	answer_job(request, pg, id, 201);
}

void sw_api_run_replays_cancel(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_REPLAY_JOB_CANCEL, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	if (sw_pg_affected(sw_pg_result(pg, 0))) {
		SW_LOG(INFO, "admin.replay_cancelled", SW_F_INT("replay", request->id),
		       SW_F_STR("operator", request->operator));
	}
	answer_job(request, pg, request->id, 200); /* one that has ended stays as it is */
}
