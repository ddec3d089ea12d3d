/* SPDX-License-Identifier: Apache-2.0 */
/* GET, PUT and DELETE of /v1/preferences (the caller's default) and /v1/conversations/{conv}/preferences. Read from the
 * store; what is set goes to the caller's mailbox, the only writer. */
#include "gateway/gateway_int.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = 1024, NAMES_BYTES_MAX = 2048, UNSET = 2 };

struct preference_read {
	struct gw_read read; /* first */
	json_t *root;        /* a PUT's; its item borrows from it */
	struct sw_item item; /* user and conv in any case */
	bool member;
	int64_t muted_until_ms;
	int32_t mentions_only;
	char content[8];
	char plan[33];
};

/* 0 for the default. */
static bool conv_of_path(struct sw_http_exchange *exchange, int64_t *conv_out)
{
	static const char prefix[] = "/v1/conversations/";
	static const char suffix[] = "/preferences";
	struct sw_bytes path = sw_http_path(exchange);
	uint64_t conv = 0;
	*conv_out = 0;
	if (sw_bytes_equal_str(path, "/v1/preferences")) {
		return true;
	}
	struct sw_bytes text = sw_bytes(path.ptr + sizeof(prefix) - 1,
					path.len - (sizeof(prefix) - 1) - (sizeof(suffix) - 1));
	if (sw_bytes_to_u64(text, &conv) != SW_OK || conv == 0 || conv > INT64_MAX) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "conversation: expected a conversation id");
		return false;
	}
	*conv_out = (int64_t)conv;
	return true;
}

/* ---- reading ---- */

/* Pool thread. */
static void on_run(struct sw_pg_job *job, struct sw_pg *pg)
{
	struct preference_read *read = (struct preference_read *)job;
	struct sw_arena arena;
	struct sw_pg_params params;
	struct sw_diag diag = {0};
	sw_arena_init(&arena);
	sw_pg_params_init(&params, &arena);
	sw_pg_add_i64(&params, read->item.as.preference_set.user);
	sw_pg_add_i64(&params, read->item.as.preference_set.conv);
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_GATEWAY_PREFERENCE, &params);
	read->read.err = sw_pg_run(pg, job->deadline_mono_ms, &diag);
	if (read->read.err == SW_OK) {
		const struct sw_pg_result *r = sw_pg_result(pg, 0);
		read->member = sw_pg_bool(r, 0, 0);
		read->muted_until_ms = sw_pg_i64(r, 0, 1);
		read->mentions_only = sw_pg_i32(r, 0, 2);
		snprintf(read->content, sizeof(read->content), "%.*s", SW_BYTES_FMT(sw_pg_bytes(r, 0, 3)));
		snprintf(read->plan, sizeof(read->plan), "%.*s", SW_BYTES_FMT(sw_pg_bytes(r, 0, 4)));
	}
	sw_arena_release(&arena);
}

static void preference_free(struct preference_read *read)
{
	json_decref(read->root);
	free(read);
}

/* What is not set: of a conversation null, of the default what then holds. */
static void put_preference(const struct preference_read *read, struct sw_buf *out)
{
	bool usual = read->item.as.preference_set.conv == 0;
	sw_buf_put_str(out, "{\"muted_until\":");
	if (read->muted_until_ms == INT64_MAX) {
		sw_buf_put_str(out, "\"forever\"");
	} else if (read->muted_until_ms > 0) {
		sw_put_time(out, read->muted_until_ms);
	} else {
		sw_buf_put_str(out, read->muted_until_ms == 0 || usual ? "false" : "null");
	}
	sw_buf_put_str(out, ",\"mentions_only\":");
	sw_buf_put_str(out, read->mentions_only == 1                 ? "true"
			    : read->mentions_only == UNSET && !usual ? "null"
								     : "false");
	sw_buf_put_str(out, ",\"content\":");
	if (read->content[0] || usual) {
		sw_json_put_cstr(out, read->content[0] ? read->content : "full");
	} else {
		sw_buf_put_str(out, "null");
	}
	sw_buf_put_str(out, ",\"plan\":");
	if (read->plan[0]) {
		sw_json_put_cstr(out, read->plan);
	} else {
		sw_buf_put_str(out, "null");
	}
	sw_buf_put_char(out, '}');
}

static void on_read(struct gw_read *gw_read)
{
	struct preference_read *read = (struct preference_read *)gw_read;
	struct request *request = request_find(gw_read->loop, gw_read->number);
	if (!request) {
		preference_free(read);
		return;
	}
	if (gw_read->err) {
		api_fail(request->exchange, SW_ERROR_UNAVAILABLE, "the store is away, try again");
		request_free(request);
	} else if (!read->member) {
		api_fail(request->exchange, SW_ERROR_NOT_FOUND, "you are not a member of such a conversation");
		request_free(request);
	} else if (read->root) {
		api_to_mailbox(gw_read->loop, request, read->item.as.preference_set.user, &read->item);
	} else {
		struct sw_buf out;
		sw_buf_init(&out, ANSWER_BYTES_MAX);
		put_preference(read, &out);
		sw_http_respond(request->exchange, 200, "application/json", "Cache-Control: no-store\r\n",
				sw_buf_bytes(&out));
		sw_buf_release(&out);
		request_free(request);
	}
	preference_free(read);
}

/* root is taken. */
static void start_read(struct gw_loop *loop, struct request *request, const struct sw_item *item, json_t *root)
{
	struct preference_read *read = sw_xcalloc(1, sizeof(*read));
	read->read.loop = loop;
	read->read.number = request->number;
	read->read.job.run = on_run;
	read->read.done = on_read;
	read->item = *item;
	read->root = root;
	if (read_start(loop, &read->read) != SW_OK) {
		read->read.err = SW_EBUSY;
		on_read(&read->read);
	}
}

void api_preferences_get(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	(void)name;
	struct sw_item item = {.kind = SW_ITEM_PREFERENCE_SET, .as.preference_set = {.user = user}};
	if (conv_of_path(exchange, &item.as.preference_set.conv)) {
		struct request *request = request_new(loop, exchange, api_on_applied, ANSWER_WAIT_MS);
		start_read(loop, request, &item, NULL);
	}
}

/* ---- setting ---- */

static bool parse_muted(const json_t *value, int64_t *until_ms_out)
{
	*until_ms_out = json_is_false(value) ? 0 : -1;
	if (!value || json_is_null(value) || json_is_false(value)) {
		return true;
	}
	struct sw_bytes text = sw_bytes(json_string_value(value), json_string_length(value));
	if (sw_bytes_equal_str(text, "forever")) {
		*until_ms_out = INT64_MAX;
		return true;
	}
	return sw_get_time(text, until_ms_out);
}

static bool parse_content(const json_t *value, struct sw_bytes *content_out)
{
	*content_out = sw_bytes(json_string_value(value), json_string_length(value));
	if (!value || json_is_null(value)) {
		*content_out = sw_bytes("", 0);
		return true;
	}
	return sw_bytes_equal_str(*content_out, "none") || sw_bytes_equal_str(*content_out, "sender") ||
	       sw_bytes_equal_str(*content_out, "full");
}

static void refuse_plan(const struct gw_loop *loop, struct sw_diag *diag)
{
	const struct sw_gateway_config *config = &loop->gateway->config;
	struct sw_buf names;
	sw_buf_init(&names, NAMES_BYTES_MAX);
	for (size_t i = 0; i < config->plan_count; i++) {
		sw_json_put_cstr(&names, config->plans[i]);
		sw_buf_put_str(&names, i + 1 < config->plan_count ? ", " : " or ");
	}
	sw_diag_set(diag, SW_EINVAL, "plan: expected %snull", config->plan_count ? sw_buf_cstr(&names) : "");
	sw_buf_release(&names);
}

static bool parse_plan(const struct gw_loop *loop, const json_t *value, struct sw_bytes *plan_out)
{
	const struct sw_gateway_config *config = &loop->gateway->config;
	*plan_out = sw_bytes("", 0);
	bool known = !value || json_is_null(value);
	for (size_t i = 0; i < config->plan_count && json_is_string(value); i++) {
		if (strcmp(config->plans[i], json_string_value(value)) == 0) {
			*plan_out = sw_bytes_str(config->plans[i]);
			known = true;
		}
	}
	return known;
}

static bool parse_preference(const struct gw_loop *loop, const json_t *root, struct sw_item_preference_set *set,
			     struct sw_diag *diag)
{
	const json_t *mentions_only = json_object_get(root, "mentions_only");
	set->mentions_only = json_is_boolean(mentions_only) ? (uint8_t)json_is_true(mentions_only) : UNSET;
	if (!parse_muted(json_object_get(root, "muted_until"), &set->muted_until_ms)) {
		sw_diag_set(diag, SW_EINVAL,
			    "muted_until: expected a UTC time like 2026-11-24T05:00:00Z, \"forever\", false or null");
	} else if (mentions_only && !json_is_boolean(mentions_only) && !json_is_null(mentions_only)) {
		sw_diag_set(diag, SW_EINVAL, "mentions_only: expected true, false or null");
	} else if (!parse_content(json_object_get(root, "content"), &set->content)) {
		sw_diag_set(diag, SW_EINVAL, "content: expected \"none\", \"sender\", \"full\" or null");
	} else if (!parse_plan(loop, json_object_get(root, "plan"), &set->plan)) {
		refuse_plan(loop, diag);
	}
	return diag->text[0] == '\0';
}

void api_preferences_set(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	(void)name;
	struct sw_item item = {.kind = SW_ITEM_PREFERENCE_SET};
	struct sw_item_preference_set *set = &item.as.preference_set;
	struct sw_diag diag = {0};
	json_t *root = NULL;
	if (!conv_of_path(exchange, &set->conv)) {
		return;
	}
	if (sw_json_parse(sw_http_body(exchange), SW_FRAME_DEPTH_MAX, &root, &diag) != SW_OK || !json_is_object(root)) {
		api_fail(exchange, SW_ERROR_BAD_JSON, diag.text);
		json_decref(root);
	} else if (!parse_preference(loop, root, set, &diag)) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, diag.text);
		json_decref(root);
	} else {
		struct request *request = request_new(loop, exchange, api_on_applied, ANSWER_WAIT_MS);
		set->user = user;
		set->node = loop->gateway->config.node;
		set->request = request->number;
		start_read(loop, request, &item, root); /* a conversation has to be the caller's */
	}
}

void api_preferences_drop(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	(void)name;
	struct sw_item item = {.kind = SW_ITEM_PREFERENCE_SET};
	struct sw_item_preference_set *set = &item.as.preference_set;
	if (!conv_of_path(exchange, &set->conv)) {
		return;
	}
	struct request *request = request_new(loop, exchange, api_on_applied, ANSWER_WAIT_MS);
	*set = (struct sw_item_preference_set){.user = user,
					       .conv = set->conv,
					       .muted_until_ms = -1,
					       .mentions_only = UNSET,
					       .content = sw_bytes("", 0),
					       .plan = sw_bytes("", 0),
					       .node = loop->gateway->config.node,
					       .request = request->number};
	api_to_mailbox(loop, request, user, &item);
}
