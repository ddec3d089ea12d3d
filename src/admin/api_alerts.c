/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts: asked for, looked at and called off. Who works on them is src/alert. */
#include "admin/alert_request.h"
#include "admin/api.h"

#include <surewire/log.h>

#include <inttypes.h>

static void fail(struct sw_api_request *request, int status, const char *code, struct sw_bytes name, const char *text)
{
	char shown[80];
	struct sw_diag detail = {0};
	sw_bytes_printable(name, shown, sizeof(shown));
	sw_diag_set(&detail, SW_OK, "\"%s\": %s", shown, text);
	sw_api_fail(request, status, code, detail.text);
}

/* ---- one as it is ---- */

static void answer_alert(struct sw_api_request *request, struct sw_pg *pg, int64_t id, int status)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, id);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ALERT_GET, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	if (sw_pg_rows(sw_pg_result(pg, 0)) == 0) {
		sw_api_fail(request, 404, "not_found", "there is no alert with this id");
		return;
	}
	sw_buf_put_bytes(&request->body, sw_pg_bytes(sw_pg_result(pg, 0), 0, 0));
	request->status = status;
}

void sw_api_run_alerts_get(struct sw_api_request *request, struct sw_pg *pg)
{
	answer_alert(request, pg, request->id, 200);
}

void sw_api_run_alerts_cancel(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, request->id);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ALERT_CANCEL, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	if (sw_pg_affected(sw_pg_result(pg, 0))) {
		SW_LOG(INFO, "admin.alert_cancelled", SW_F_INT("alert", request->id),
		       SW_F_STR("operator", request->operator));
	}
	answer_alert(request, pg, request->id, 200); /* one that has ended stays as it is */
}

void sw_api_run_alerts_list(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_text(&params, request->query.state);
	if (request->query.before) {
		sw_pg_add_i64(&params, request->query.before);
	} else {
		sw_pg_add_null(&params);
	}
	sw_pg_add_i32(&params, request->query.limit + 1);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ALERT_LIST, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	size_t limit = (size_t)request->query.limit;
	size_t count = sw_pg_rows(rows) < limit ? sw_pg_rows(rows) : limit;
	struct sw_buf *out = &request->body;
	struct sw_json_list list = {.out = out};
	sw_buf_put_str(out, "{\"alerts\":[");
	for (size_t i = 0; i < count; i++) {
		sw_json_list_next(&list);
		sw_buf_put_bytes(out, sw_pg_bytes(rows, i, 1));
	}
	sw_buf_put_char(out, ']');
	sw_json_put_id_or_null(out, "next_before", sw_pg_rows(rows) > limit ? sw_pg_i64(rows, count - 1, 0) : 0);
	sw_buf_put_char(out, '}');
	request->status = 200;
}

/* ---- a new one ---- */

struct people {
	int64_t *ids;
	size_t count;
	int64_t sender;
};

/* The sender and, unless a group is asked for, the users: by their names. False: the request was ended. */
static bool find_users(struct sw_api_request *request, struct sw_pg *pg, const struct sw_alert_request *alert,
		       struct people *people)
{
	size_t n = alert->user_count + 1;
	struct sw_bytes *names = sw_arena_calloc(&request->arena, n, sizeof(*names));
	names[0] = alert->from;
	for (size_t i = 1; i < n; i++) {
		names[i] = alert->users[i - 1];
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_texts(&params, names, n);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ALERT_USERS, &params);
	if (!sw_api_query_store(request, pg)) {
		return false;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	people->ids = sw_arena_calloc(&request->arena, n, sizeof(*people->ids));
	for (size_t i = 0; i < sw_pg_rows(rows); i++) {
		int64_t id = sw_pg_i64(rows, i, 1);
		if (id == 0 || sw_pg_bool(rows, i, 2)) {
			fail(request, 400, "unknown_user", names[i],
			     i ? "there is no such user, or the account is disabled"
			       : "\"from\" (or [alerts] from) must name an account that exists");
			return false;
		}
		if (i && id == people->sender) {
			fail(request, 400, "to_self", names[i], "an alert cannot go to the account that it comes from");
			return false;
		}
		if (i == 0) {
			people->sender = id;
		} else {
			people->ids[people->count++] = id;
		}
	}
	return true;
}

static bool find_group(struct sw_api_request *request, struct sw_pg *pg, int64_t group, struct people *people)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_i64(&params, group);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ALERT_GROUP, &params);
	if (!sw_api_query_store(request, pg)) {
		return false;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	size_t n = sw_pg_rows(rows);
	people->ids = sw_arena_calloc(&request->arena, n + 1, sizeof(*people->ids));
	for (size_t i = 0; i < n; i++) {
		int64_t id = sw_pg_i64(rows, i, 1);
		if (id != people->sender) {
			people->ids[people->count++] = id;
		}
	}
	if (people->count == 0) {
		sw_api_fail(request, 400, "unknown_group",
			    "\"group\": there is no such group, or nobody in it but the account that alerts come from");
	}
	return people->count > 0;
}

static void add_text_or_null(struct sw_pg_params *params, struct sw_bytes text)
{
	if (text.len) {
		sw_pg_add_text(params, text);
	} else {
		sw_pg_add_null(params);
	}
}

/* 0: the key is used already, or the request was ended. */
static int64_t add(struct sw_api_request *request, struct sw_pg *pg, const struct sw_alert_request *alert,
		   const struct people *people)
{
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_text(&params, sw_bytes_str(request->operator));
	add_text_or_null(&params, request->key);
	sw_pg_add_uuid(&params, &alert->content);
	sw_pg_add_text(&params, sw_bytes_str(sw_alert_severities[alert->severity]));
	sw_pg_add_text(&params, alert->title);
	sw_pg_add_text(&params, alert->text);
	sw_pg_add_text(&params, alert->plan_text);
	sw_pg_add_bool(&params, alert->needs_ack);
	if (alert->deadline_ms) {
		sw_pg_add_i64(&params, alert->deadline_ms);
	} else {
		sw_pg_add_null(&params);
	}
	sw_pg_add_i64(&params, alert->plan.on_call ? alert->plan.next_ms : 0);
	sw_pg_add_i64(&params, people->sender);
	sw_pg_add_i64s(&params, people->ids, people->count);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ALERT_ADD, &params);
	if (!sw_api_query_store(request, pg) || sw_pg_rows(sw_pg_result(pg, 0)) == 0) {
		return 0;
	}
	return sw_pg_i64(sw_pg_result(pg, 0), 0, 0);
}

/* Whether the key was used before; then the request is answered. */
static bool answer_earlier(struct sw_api_request *request, struct sw_pg *pg, const struct sw_alert_request *alert)
{
	if (request->key.len == 0) {
		return false;
	}
	struct sw_pg_params params;
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_text(&params, request->key);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_ALERT_BY_KEY, &params);
	if (!sw_api_query_store(request, pg)) {
		return true;
	}
	const struct sw_pg_result *rows = sw_pg_result(pg, 0);
	if (sw_pg_rows(rows) == 0) {
		return false;
	}
	struct sw_uuid content = sw_pg_uuid(rows, 0, 1);
	if (sw_uuid_equal(&content, &alert->content)) {
		answer_alert(request, pg, sw_pg_i64(rows, 0, 0), 200);
	} else {
		sw_api_fail(request, 409, "key_reused", "this Idempotency-Key was used before with another content");
	}
	return true;
}

static bool take_key(struct sw_api_request *request, const struct sw_alert_request *alert)
{
	request->key = request->key.len ? request->key : alert->key;
	char shown[SW_ALERT_KEY_MAX + 2];
	sw_bytes_printable(request->key, shown, sizeof(shown));
	if (request->key.len && !sw_bytes_equal_str(request->key, shown)) {
		sw_api_fail(request, 400, "bad_request", "Idempotency-Key: expected 1 to 255 printable characters");
		return false;
	}
	return true;
}

void sw_api_run_alerts_create(struct sw_api_request *request, struct sw_pg *pg)
{
	const struct sw_alert_config *config = &sw_api_admin(request->api)->config.alerts;
	struct sw_alert_request alert;
	struct sw_diag diag = {0};
	if (sw_alert_request_parse(request->given, config, &request->arena, &alert, &diag) != SW_OK) {
		sw_api_fail(request, 400, "bad_request", diag.text);
		return;
	}
	struct people people = {0};
	if (!take_key(request, &alert) || answer_earlier(request, pg, &alert) ||
	    !find_users(request, pg, &alert, &people) ||
	    (alert.group && !find_group(request, pg, alert.group, &people))) {
		return;
	}
	int64_t id = add(request, pg, &alert, &people);
	if (id) {
		SW_LOG(INFO, "admin.alert_asked", SW_F_INT("alert", id), SW_F_STR("operator", request->operator));
		answer_alert(request, pg, id, 201);
	} else if (request->status == 0 && !answer_earlier(request, pg, &alert)) {
		sw_api_fail(request, 503, "unavailable", "somebody asks for the same at this moment: ask again");
	}
}
