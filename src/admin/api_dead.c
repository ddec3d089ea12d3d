/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: the list, one of them, its replay, and dropping. A replay is planned before it is published and marked
 * when it is confirmed: one that was not repeats as the same job. */
#include "admin/api.h"
#include "admin/api_json.h"
#include "admin/replay.h"

#include <surewire/clock.h>
#include <surewire/log.h>

enum { CONFIRM_MS = 8000, PAYLOAD_COLUMN = 15 };

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
				    .replay_job = sw_pg_uuid(rows, i, 13),
				    .replay_outcome = sw_pg_bytes(rows, i, 14)};
}

void sw_api_run_dead_list(struct sw_api_request *request, struct sw_pg *pg)
{
	const struct sw_api_query *query = &request->query;
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_text(&params, sw_api_filter(query, sw_clock_wall_ms(), &request->arena));
	if (query->before) {
		sw_pg_add_i64(&params, query->before);
	} else {
		sw_pg_add_null(&params);
	}
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

void sw_api_run_dead_count(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_text(&params, sw_api_filter(&request->query, sw_clock_wall_ms(), &request->arena));
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_DEAD_COUNT, &params);
	if (sw_api_query_store(request, pg)) {
		sw_buf_put_char(&request->body, '{');
		sw_json_put_int(&request->body, "count", sw_pg_i64(sw_pg_result(pg, 0), 0, 0));
		sw_buf_put_char(&request->body, '}');
		request->status = 200;
	}
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
	struct sw_bytes payload = sw_pg_bytes(rows, 0, PAYLOAD_COLUMN);
	struct sw_item item;
	bool readable = sw_replay_read(payload, &request->arena, &item) == SW_OK;
	const struct sw_dead_detail detail = {.row = read_row(rows, 0),
					      .job = readable ? &item.as.job : NULL,
					      .payload_bytes = payload.len,
					      .attempts = sw_pg_bytes(rows, 0, 16),
					      .replay_list = sw_pg_bytes(rows, 0, 17),
					      .replay_of = sw_pg_i64(rows, 0, 18)};
	sw_json_put_dead_detail(&request->body, &detail);
	request->status = 200;
}

/* ---- replay ---- */

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

/* A statement about the letter of the path: its id, now, and who asked. False: answered. */
static bool change_one(struct sw_api_request *request, struct sw_pg *pg, enum sw_sql statement)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_add_text(&params, sw_bytes_str(request->operator));
	sw_pg_begin(pg);
	sw_pg_queue(pg, statement, &params);
	return sw_api_query_store(request, pg);
}

static bool plan(struct sw_api_request *request, struct sw_pg *pg, struct sw_uuid *job_out)
{
	if (!change_one(request, pg, SW_SQL_ADMIN_REPLAY_ONE)) {
		return false;
	}
	*job_out = sw_pg_uuid(sw_pg_result(pg, 0), 0, 0);
	return true;
}

/* Failed for good, or sent. What is only unconfirmed stays planned. */
static bool mark(struct sw_api_request *request, struct sw_pg *pg, const struct sw_uuid *job, int err)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_uuids(&params, job, 1);
	if (err) {
		const struct sw_bytes reason = sw_bytes_str("no queue of this provider");
		sw_pg_add_texts(&params, &reason, 1);
	} else {
		sw_pg_add_i64(&params, sw_clock_wall_ms());
	}
	sw_pg_begin(pg);
	sw_pg_queue(pg, err ? SW_SQL_ADMIN_REPLAY_FAIL : SW_SQL_ADMIN_REPLAY_MARK, &params);
	return sw_api_query_store(request, pg);
}

static int publish(struct sw_admin *admin, struct sw_replay *replay)
{
	struct sw_ticket *ticket;
	int err = sw_replay_publish(admin->publisher, replay, &ticket);
	return err ? err : sw_ticket_await(ticket, sw_clock_mono_ms() + CONFIRM_MS);
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

/* The letter's job with the id of a planned replay; false: the request was ended. *number_out: how many it makes. */
static bool prepare(struct sw_api_request *request, struct sw_pg *pg, struct sw_replay *replay_out, int *number_out)
{
	struct sw_admin *admin = sw_api_admin(request->api);
	const struct sw_pg_result *rows = find_letter(request, pg);
	if (!rows) {
		return false;
	}
	*number_out = sw_pg_i32(rows, 0, 11) + 1;
	struct sw_bytes payload = sw_arena_copy(&request->arena, sw_pg_bytes(rows, 0, PAYLOAD_COLUMN));
	struct sw_item item;
	if (sw_replay_read(payload, &request->arena, &item) != SW_OK) {
		sw_api_fail(request, 409, "not_replayable", "this dead letter holds no notification that can be sent");
		return false;
	}
	if (!sw_publisher_state(admin->publisher).connected) {
		sw_api_fail(request, 503, "unavailable", "the broker is away: nothing was sent");
		return false;
	}
	struct sw_uuid job;
	if (!plan(request, pg, &job)) {
		return false;
	}
	if (sw_replay_build(&item.as.job, &job, sw_clock_wall_ms(), admin->config.replay_age_ms, replay_out) != SW_OK) {
		if (mark(request, pg, &job, SW_EUNROUTABLE)) {
			fail_publish(request, SW_EUNROUTABLE);
		}
		return false;
	}
	return true;
}

void sw_api_run_dead_replay(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_replay replay;
	int number;
	if (!prepare(request, pg, &replay, &number)) {
		return;
	}
	int err = publish(sw_api_admin(request->api), &replay);
	if ((err == SW_OK || err == SW_EUNROUTABLE) && !mark(request, pg, &replay.job, err)) {
		return; /* it is planned still: the next one is the same */
	}
	if (err) {
		fail_publish(request, err);
	} else {
		answer_replay(request, number, &replay);
	}
	SW_LOG(INFO, "admin.dead_replayed", SW_F_INT("dead", request->id), SW_F_STR("queue", replay.routing_key),
	       SW_F_STR("operator", request->operator), SW_F_INT("status", request->status));
}

/* ---- drop ---- */

static void answer_dropped(struct sw_api_request *request, int64_t count)
{
	sw_buf_put_char(&request->body, '{');
	sw_json_put_int(&request->body, "dropped", count);
	sw_buf_put_char(&request->body, '}');
	request->status = 200;
	SW_LOG(INFO, "admin.dead_dropped", SW_F_INT("count", count), SW_F_STR("operator", request->operator));
}

void sw_api_run_dead_drop_one(struct sw_api_request *request, struct sw_pg *pg)
{
	if (!change_one(request, pg, SW_SQL_ADMIN_DEAD_DROP_ONE)) {
		return;
	}
	if (sw_pg_affected(sw_pg_result(pg, 0)) == 0) {
		sw_api_fail(request, 404, "not_found", "there is no dead letter with this id");
		return;
	}
	answer_dropped(request, 1);
}

void sw_api_run_dead_drop(struct sw_api_request *request, struct sw_pg *pg)
{
	if (request->query.confirm < 0) {
		sw_api_fail(request, 400, "bad_request",
			    "the query parameter \"confirm\": expected how many letters are to be dropped");
		return;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_text(&params, sw_api_filter(&request->query, sw_clock_wall_ms(), &request->arena));
	sw_pg_add_i64(&params, request->query.confirm);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_add_text(&params, sw_bytes_str(request->operator));
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ADMIN_DEAD_DROP, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	int64_t found = sw_pg_i64(sw_pg_result(pg, 0), 0, 0);
	int64_t dropped = sw_pg_i64(sw_pg_result(pg, 0), 0, 1);
	if (found != request->query.confirm) {
		struct sw_diag text = {0};
		sw_diag_set(&text, SW_OK, "the filter chooses %lld letters, confirm says %lld: nothing was dropped",
			    (long long)found, (long long)request->query.confirm);
		sw_api_fail(request, 412, "count_differs", text.text);
		return;
	}
	answer_dropped(request, dropped);
}
