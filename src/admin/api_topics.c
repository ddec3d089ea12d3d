/* SPDX-License-Identifier: Apache-2.0 */
/* Topics: who subscribes to them. */
#include "admin/api.h"
#include "admin/api_json.h"
#include "direct/subscribe.h"

static bool check_topic(struct sw_api_request *request)
{
	if (!sw_topic_is_valid(request->texts[0])) {
		sw_api_fail(request, 400, "bad_request", "the topic: expected 1 to 64 of A-Z a-z 0-9 . _ : -");
		return false;
	}
	return true;
}

static void change(struct sw_api_request *request, struct sw_pg *pg, struct sw_topic_change *change)
{
	struct sw_topic_result result;
	struct sw_diag diag = {0};
	change->topic = request->texts[0];
	int err = sw_topic_change(pg, change, &request->arena, &result, &diag);
	if (err) {
		sw_api_fail_store(request, err, &diag);
		return;
	}
	if (result.unknown) {
		sw_api_fail(request, 404, "unknown_recipient", diag.text);
		return;
	}
	sw_buf_put_char(&request->body, '{');
	sw_json_put_text(&request->body, "topic", change->topic);
	sw_json_put_int(&request->body, "added", result.added);
	sw_json_put_int(&request->body, "removed", result.removed);
	sw_buf_put_char(&request->body, '}');
	request->status = 200;
}

void sw_api_run_topic_change(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_topic_change asked;
	struct sw_diag diag = {0};
	if (!check_topic(request)) {
		return;
	}
	if (sw_topic_change_parse(request->given, sw_api_admin(request->api)->config.direct, &request->arena, &asked,
				  &diag) != SW_OK) {
		sw_api_fail(request, 400, "bad_request", diag.text);
		return;
	}
	change(request, pg, &asked);
}

/* The user of the path, with ?device= or with all devices. */
static struct sw_direct_address of_path(const struct sw_api_request *request)
{
	return (struct sw_direct_address){.user = request->texts[1], .device = request->query.device};
}

void sw_api_run_topic_add(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_direct_address who = of_path(request);
	struct sw_topic_change asked = {.add = {&who, 1}};
	if (check_topic(request)) {
		change(request, pg, &asked);
	}
}

void sw_api_run_topic_remove(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_direct_address who = of_path(request);
	struct sw_topic_change asked = {.remove = {&who, 1}};
	if (check_topic(request)) {
		change(request, pg, &asked);
	}
}

void sw_api_run_topic_get(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_pg_params params;
	if (!check_topic(request)) {
		return;
	}
	sw_pg_params_init(&params, &request->arena);
	sw_pg_add_text(&params, request->texts[0]);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_DIRECT_TOPIC, &params);
	if (!sw_api_query_store(request, pg)) {
		return;
	}
	const struct sw_pg_result *row = sw_pg_result(pg, 0);
	sw_buf_put_char(&request->body, '{');
	sw_json_put_text(&request->body, "topic", request->texts[0]);
	sw_json_put_int(&request->body, "subscribers", sw_pg_i64(row, 0, 0));
	sw_json_put_int(&request->body, "users", sw_pg_i64(row, 0, 1));
	sw_json_put_int(&request->body, "tokens", sw_pg_i64(row, 0, 2));
	sw_buf_put_char(&request->body, '}');
	request->status = 200;
}
