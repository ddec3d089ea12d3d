/* SPDX-License-Identifier: Apache-2.0 */
/* Direct pushes: asked for, watched and called off. Who makes their jobs is direct/fan_out.c. */
#include "admin/api.h"
#include "admin/api_json.h"
#include "direct/admit.h"

#include <surewire/clock.h>
#include <surewire/log.h>

#include <stdio.h>

/* ---- start ---- */

static void answer_admission(struct sw_api_request *request, const struct sw_direct_admission *admission,
			     const struct sw_diag *diag)
{
	struct sw_admin *admin = sw_api_admin(request->api);
	switch (admission->verdict) {
	case SW_DIRECT_ADMITTED:
		sw_metric_add(admin->pushes, 1);
		sw_pause_wake(&admin->push_pause);
		SW_LOG(INFO, "admin.push_asked", SW_F_INT("push", admission->id),
		       SW_F_STR("operator", request->operator));
		break;
	case SW_DIRECT_REPEATED:
		break;
	case SW_DIRECT_KEY_REUSED:
		sw_api_fail(request, 409, "key_reused", diag->text);
		return;
	case SW_DIRECT_UNKNOWN:
		sw_api_fail(request, 404, "unknown_recipient", diag->text);
		return;
	case SW_DIRECT_TOO_LARGE:
		sw_api_fail(request, 413, "too_large", diag->text);
		return;
	}
	sw_buf_put_char(&request->body, '{');
	sw_json_put_id(&request->body, "id", admission->id);
	sw_json_put_bool(&request->body, "repeated", admission->verdict == SW_DIRECT_REPEATED);
	sw_buf_put_char(&request->body, '}');
	request->status = 202;
}

void sw_api_run_push_start(struct sw_api_request *request, struct sw_pg *pg)
{
	const struct sw_admin_config *config = &sw_api_admin(request->api)->config;
	const struct sw_direct_reading reading = {config->direct, sw_clock_wall_ms(), &request->arena};
	struct sw_direct_request asked_for;
	struct sw_direct_admission admission;
	struct sw_diag diag = {0};
	if (request->key.ptr && !sw_direct_key_is_valid(request->key)) {
		sw_api_fail(request, 400, "bad_request",
			    "the header Idempotency-Key: expected 1 to 128 printable ASCII characters");
		return;
	}
	int err = sw_direct_request_parse(request->given, &reading, &asked_for, &diag);
	if (err) {
		sw_api_fail(request, err == SW_ELIMIT ? 413 : 400, err == SW_ELIMIT ? "too_large" : "bad_request",
			    diag.text);
		return;
	}
	const struct sw_direct_asked asked = {.request = &asked_for,
					      .rules = config->direct,
					      .id = config->next_id(config->next_id_ctx),
					      .key = request->key,
					      .operator= request->operator};
	if (asked.id == 0) {
		sw_api_fail(request, 503, "unavailable", "this process has not started yet");
		return;
	}
	err = sw_direct_admit(pg, &asked, &request->arena, &admission, &diag);
	if (err) {
		sw_api_fail_store(request, err, &diag);
	} else {
		answer_admission(request, &admission, &diag);
	}
}

/* ---- look ---- */

struct outcomes {
	int64_t ended;
	struct sw_buf jobs;    /* {"delivered": 3, …} */
	struct sw_buf replays; /* the same of dead letters sent again */
};

static bool has_ended(struct sw_bytes state)
{
	return !sw_bytes_equal_str(state, "sending") && !sw_bytes_equal_str(state, "retry");
}

static void read_outcomes(const struct sw_pg_result *rows, struct outcomes *o)
{
	o->ended = 0;
	sw_buf_init(&o->jobs, 1024);
	sw_buf_init(&o->replays, 1024);
	sw_buf_put_char(&o->jobs, '{');
	sw_buf_put_char(&o->replays, '{');
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		char state[32];
		bool replay = sw_pg_bool(rows, i, 0);
		int64_t count = sw_pg_i64(rows, i, 2);
		sw_bytes_printable(sw_pg_bytes(rows, i, 1), state, sizeof(state));
		o->ended += !replay && has_ended(sw_pg_bytes(rows, i, 1)) ? count : 0;
		sw_json_put_int(replay ? &o->replays : &o->jobs, state, count);
	}
	sw_buf_put_char(&o->jobs, '}');
	sw_buf_put_char(&o->replays, '}');
}

static void put_request(struct sw_buf *out, const struct sw_pg_result *rows, size_t i)
{
	sw_json_put_id(out, "id", sw_pg_i64(rows, i, 0));
	sw_json_put_text(out, "state", sw_pg_bytes(rows, i, 1));
	sw_json_put_text(out, "kind", sw_pg_bytes(rows, i, 2));
	sw_json_put_text(out, "to", sw_pg_bytes(rows, i, 3));
	sw_json_put_text(out, "device", sw_pg_bytes(rows, i, 4));
	sw_json_put_text(out, "title", sw_pg_bytes(rows, i, 5));
	sw_json_put_text(out, "operator", sw_pg_bytes(rows, i, 6));
	sw_json_put_text(out, "idempotency_key", sw_pg_bytes(rows, i, 7));
	sw_json_put_int(out, "recipients", sw_pg_i64(rows, i, 8));
	sw_json_put_int(out, "passed", sw_pg_i64(rows, i, 9));
	sw_json_put_int(out, "planned", sw_pg_i64(rows, i, 10));
	sw_json_put_int(out, "created_at_ms", sw_pg_i64(rows, i, 11));
	sw_json_put_int(out, "expires_at_ms", sw_pg_i64(rows, i, 12));
	sw_json_put_int_or_null(out, "ended_at_ms", sw_pg_i64(rows, i, 13));
	sw_json_put_text(out, "priority", sw_bytes_str(sw_pg_bool(rows, i, 14) ? "high" : "normal"));
}

/* From 0 to 1: of the recipients how many have jobs, times of the jobs how many have ended. */
static double progress(const struct sw_pg_result *rows, int64_t ended)
{
	double recipients = (double)sw_pg_i64(rows, 0, 8);
	double passed = (double)sw_pg_i64(rows, 0, 9);
	double planned = (double)sw_pg_i64(rows, 0, 10);
	bool open = sw_bytes_equal_str(sw_pg_bytes(rows, 0, 1), "planned") ||
		    sw_bytes_equal_str(sw_pg_bytes(rows, 0, 1), "running");
	double made = !open ? 1 : passed < recipients ? passed / recipients : 0;
	return made * (planned > (double)ended ? (double)ended / planned : 1);
}

static void queue_requests(struct sw_api_request *request, struct sw_pg *pg, int64_t id)
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
	sw_pg_queue(pg, SW_SQL_DIRECT_REQUESTS, &params);
}

void sw_api_run_push_list(struct sw_api_request *request, struct sw_pg *pg)
{
	sw_pg_begin(pg);
	queue_requests(request, pg, 0);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	size_t limit = (size_t)request->query.limit;
	size_t count = sw_pg_rows(rows) < limit ? sw_pg_rows(rows) : limit;
	struct sw_buf *out = &request->body;
	struct sw_json_list list = {.out = out};
	sw_buf_put_str(out, "{\"pushes\":[");
	for (size_t i = 0; i < count; i++) {
		sw_json_list_next(&list);
		sw_buf_put_char(out, '{');
		put_request(out, rows, i);
		sw_buf_put_char(out, '}');
	}
	sw_buf_put_char(out, ']');
	sw_json_put_id_or_null(out, "next_before", sw_pg_rows(rows) > limit ? sw_pg_i64(rows, count - 1, 0) : 0);
	sw_buf_put_char(out, '}');
	request->status = 200;
}

static void put_detail(struct sw_buf *out, const struct sw_pg_result *rows, struct outcomes *outcomes)
{
	char text[32];
	int64_t waiting = sw_pg_i64(rows, 0, 10) - outcomes->ended;
	snprintf(text, sizeof(text), "%.4f", progress(rows, outcomes->ended));
	sw_buf_put_char(out, '{');
	put_request(out, rows, 0);
	sw_json_put_int(out, "ended", outcomes->ended);
	sw_json_put_int(out, "waiting", waiting > 0 ? waiting : 0);
	sw_json_put_raw(out, "progress", sw_bytes_str(text));
	sw_json_put_raw(out, "outcomes", sw_buf_bytes(&outcomes->jobs));
	sw_json_put_raw(out, "replays", sw_buf_bytes(&outcomes->replays));
	sw_buf_put_char(out, '}');
}

void sw_api_run_push_get(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_begin(pg);
	queue_requests(request, pg, request->id);
	sw_pg_queue(pg, SW_SQL_DIRECT_OUTCOMES, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	if (sw_pg_rows(sw_pg_result(pg, 0)) == 0) {
		sw_api_fail(request, 404, "not_found", "there is no push with this id");
		return;
	}
	struct outcomes outcomes;
	read_outcomes(sw_pg_result(pg, 1), &outcomes);
	put_detail(&request->body, sw_pg_result(pg, 0), &outcomes);
	sw_buf_release(&outcomes.jobs);
	sw_buf_release(&outcomes.replays);
	request->status = 200;
}

/* ---- cancel ---- */

void sw_api_run_push_cancel(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_add_i64(&params, sw_clock_wall_ms());
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_DIRECT_CANCEL, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	if (sw_pg_affected(sw_pg_result(pg, 0))) {
		SW_LOG(INFO, "admin.push_cancelled", SW_F_INT("push", request->id),
		       SW_F_STR("operator", request->operator));
	}
	sw_api_run_push_get(request, pg);
}
