/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in of FCM HTTP v1 and, on the same port, of Google's token endpoint. The shape of a message is judged in
 * fcm_check.c. */
#include "sim/fcm_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <surewire/clock.h>

#include "base/rng.h"
#include "sim/exchange.h"

#define FCM_TYPE "type.googleapis.com/google.firebase.fcm.v1.FcmError"
#define BAD_REQUEST_TYPE "type.googleapis.com/google.rpc.BadRequest"
#define ERROR_INFO_TYPE "type.googleapis.com/google.rpc.ErrorInfo"
#define RETRY_INFO_TYPE "type.googleapis.com/google.rpc.RetryInfo"

enum { STREAMS_MAX = 100, JSON_DEPTH_MAX = 16, PROJECT_MAX = 128 };

/* One google.rpc.Status. Members left NULL are left out. */
struct status {
	int code;
	const char *name;
	const char *message;
	const char *fcm_code; /* FcmError.errorCode */
	const char *field;    /* BadRequest */
	const char *field_text;
	const char *error_reason; /* ErrorInfo */
	const char *retry_after;  /* seconds, for RetryInfo */
};

static void put_member(struct sw_buf *out, const char *before, const char *value)
{
	sw_buf_put_str(out, before);
	sw_json_put_cstr(out, value);
}

static void put_details(struct sw_buf *out, const struct status *s)
{
	const char *comma = "";
	sw_buf_put_str(out, ",\"details\":[");
	if (s->field) {
		put_member(out, "{\"@type\":\"" BAD_REQUEST_TYPE "\",\"fieldViolations\":[{\"field\":", s->field);
		put_member(out, ",\"description\":", s->field_text);
		sw_buf_put_str(out, "}]}");
		comma = ",";
	}
	if (s->fcm_code) {
		sw_buf_put_str(out, comma);
		put_member(out, "{\"@type\":\"" FCM_TYPE "\",\"errorCode\":", s->fcm_code);
		sw_buf_put_str(out, "}");
		comma = ",";
	}
	if (s->error_reason) {
		sw_buf_put_str(out, comma);
		put_member(out, "{\"@type\":\"" ERROR_INFO_TYPE "\",\"reason\":", s->error_reason);
		sw_buf_put_str(out, ",\"domain\":\"googleapis.com\"}");
		comma = ",";
	}
	if (s->retry_after) {
		sw_buf_printf(out, "%s{\"@type\":\"" RETRY_INFO_TYPE "\",\"retryDelay\":\"%ss\"}", comma,
			      s->retry_after);
	}
	sw_buf_put_str(out, "]");
}

static void answer_status(struct sw_sim_reply *reply, const struct status *s)
{
	sw_buf_clear(&reply->body);
	reply->header_count = 0;
	reply->status = s->code;
	sw_sim_reply_add(reply, "content-type", "application/json; charset=UTF-8");
	if (s->code == 401) {
		sw_sim_reply_add(reply, "www-authenticate",
				 "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"");
	}
	sw_buf_printf(&reply->body, "{\"error\":{\"code\":%d", s->code);
	put_member(&reply->body, ",\"message\":", s->message);
	put_member(&reply->body, ",\"status\":", s->name);
	if (s->field || s->fcm_code || s->error_reason || s->retry_after) {
		put_details(&reply->body, s);
	}
	sw_buf_put_str(&reply->body, "}}\n");
}

/* What the front ends say when no API was reached. */
static void answer_html(struct sw_sim_reply *reply, int status)
{
	sw_buf_clear(&reply->body);
	reply->header_count = 0;
	reply->status = status;
	sw_sim_reply_add(reply, "content-type", "text/html; charset=UTF-8");
	sw_buf_printf(&reply->body,
		      "<!DOCTYPE html>\n<html lang=en>\n<title>Error %d</title>\n<p><b>%d.</b> That's an error.\n",
		      status, status);
}

static const char *refuse(struct sw_sim_reply *reply, const struct status *s)
{
	answer_status(reply, s);
	return s->fcm_code ? s->fcm_code : s->name;
}

/* "/v1/projects/P/messages:send" */
static bool parse_path(const char *path, struct sw_bytes *project_out)
{
	static const char prefix[] = "/v1/projects/";
	static const char suffix[] = "/messages:send";
	size_t len = strlen(path);
	size_t fixed = sizeof(prefix) + sizeof(suffix) - 2;
	if (len <= fixed || strncmp(path, prefix, sizeof(prefix) - 1) != 0 ||
	    strcmp(path + len - (sizeof(suffix) - 1), suffix) != 0) {
		return false;
	}
	*project_out = sw_bytes(path + sizeof(prefix) - 1, len - fixed);
	return project_out->len < PROJECT_MAX && !memchr(project_out->ptr, '/', project_out->len);
}

/* The refusal, or NULL when the caller may send for the project. */
static const char *check_access(const struct sw_sim *sim, const struct sw_sim_request *request, struct sw_bytes project,
				struct sw_sim_reply *reply)
{
	struct sw_bytes value = sw_sim_request_header(request, "authorization");
	struct sw_bytes token = sw_sim_request_bearer(request);
	const struct sw_sim_account *account = token.ptr ? sw_sim_oauth_check(&sim->oauth, token, sw_clock_wall_ms())
							 : NULL;
	if (!account) {
		const char *text =
			value.ptr ? "Request had invalid authentication credentials. Expected OAuth 2 access token."
				  : "Request is missing required authentication credential.";
		return refuse(reply, &(struct status){.code = 401,
						      .name = "UNAUTHENTICATED",
						      .message = text,
						      .error_reason = value.ptr ? "ACCESS_TOKEN_EXPIRED"
										: "CREDENTIALS_MISSING"});
	}
	if (!sw_bytes_equal_str(project, account->project)) {
		return refuse(
			reply,
			&(struct status){.code = 403,
					 .name = "PERMISSION_DENIED",
					 .message = "Permission 'cloudmessaging.messages.create' denied on resource.",
					 .error_reason = "IAM_PERMISSION_DENIED"});
	}
	return NULL;
}

static void keep(struct sw_sim *sim, const struct sw_sim_request *request, const struct sw_sim_fcm_message *message,
		 struct sw_bytes project, const char *name)
{
	/* FCM has no id of the sender's: the same message to the same token is the same notification. */
	struct sw_buf key;
	struct sw_bytes id = sw_json_get_str(message->data, "message");
	sw_buf_init(&key, 2 * SW_SIM_BODY_MAX);
	sw_buf_put_bytes(&key, message->target);
	sw_buf_put_char(&key, '\n');
	sw_buf_put_bytes(&key, id.len ? id : sw_buf_bytes(&request->body));
	struct sw_sim_record_new record = {
		.provider = "fcm",
		.token = message->target,
		.id = sw_bytes_str(name),
		.repeat_key = sw_buf_bytes(&key),
		.collapse_id = message->collapse_key,
		.topic = project,
		.payload = sw_buf_bytes(&request->body),
		.headers = json_object(),
		.received_at_ms = sw_clock_wall_ms(),
	};
	sw_sim_accept(sim, SW_SIM_FCM, &record);
	sw_buf_release(&key);
}

static const char *check_message(struct sw_sim *sim, const struct sw_sim_request *request, const json_t *root,
				 struct sw_bytes project, struct sw_sim_reply *reply)
{
	struct sw_sim_fcm_message message = {0};
	struct sw_sim_fcm_violation violation;
	int err = sw_sim_fcm_check(root, &message, &violation);
	if (err == SW_ELIMIT) {
		/* Google gives no details here. */
		return refuse(reply,
			      &(struct status){.code = 400, .name = "INVALID_ARGUMENT", .message = violation.text});
	}
	if (err) {
		return refuse(reply, &(struct status){.code = 400,
						      .name = "INVALID_ARGUMENT",
						      .message = violation.text,
						      .fcm_code = "INVALID_ARGUMENT",
						      .field = violation.field,
						      .field_text = violation.text});
	}
	char name[PROJECT_MAX + 64];
	uint64_t number;
	sw_rng_bytes(&number, sizeof(number));
	if (message.validate_only) {
		snprintf(name, sizeof(name), "projects/%.*s/messages/fake_message_id", SW_BYTES_FMT(project));
	} else {
		snprintf(name, sizeof(name), "projects/%.*s/messages/0:%016" PRIx64, SW_BYTES_FMT(project), number);
		keep(sim, request, &message, project, name);
	}
	reply->status = 200;
	sw_sim_reply_add(reply, "content-type", "application/json; charset=UTF-8");
	put_member(&reply->body, "{\"name\":", name);
	sw_buf_put_str(&reply->body, "}\n");
	return NULL;
}

struct push {
	struct sw_sim *sim;
	struct sw_sim_request *request;
	const json_t *root; /* NULL: no JSON */
	struct sw_bytes project;
};

static const char *process(void *ctx, struct sw_sim_reply *reply)
{
	const struct push *push = ctx;
	const char *refusal = check_access(push->sim, push->request, push->project, reply);
	if (refusal) {
		return refusal;
	}
	if (!push->root) {
		return refuse(reply, &(struct status){.code = 400,
						      .name = "INVALID_ARGUMENT",
						      .message = "Invalid JSON payload received."});
	}
	return check_message(push->sim, push->request, push->root, push->project, reply);
}

static const char *answer_fault(void *ctx, const struct sw_sim_action *action, struct sw_sim_reply *reply)
{
	(void)ctx;
	static const struct status rows[] = {
		{.code = 400, .name = "INVALID_ARGUMENT", .fcm_code = "INVALID_ARGUMENT"},
		{.code = 401, .name = "UNAUTHENTICATED"},
		{.code = 403, .name = "PERMISSION_DENIED", .fcm_code = "SENDER_ID_MISMATCH"},
		{.code = 404, .name = "NOT_FOUND", .fcm_code = "UNREGISTERED"},
		{.code = 429, .name = "RESOURCE_EXHAUSTED", .fcm_code = "QUOTA_EXCEEDED"},
		{.code = 500, .name = "INTERNAL", .fcm_code = "INTERNAL"},
		{.code = 503, .name = "UNAVAILABLE", .fcm_code = "UNAVAILABLE"},
	};
	int code = action->status ? action->status : 404;
	const struct status *row = NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		row = rows[i].code == code ? &rows[i] : row;
	}
	if (!row) {
		answer_html(reply, code);
	} else {
		struct status s = *row;
		char *end = NULL;
		long seconds = strtol(action->retry_after, &end, 10);
		s.message = "Injected by the simulator.";
		s.fcm_code = action->reason[0] ? action->reason : s.fcm_code;
		s.retry_after = seconds > 0 && *end == '\0' ? action->retry_after : NULL;
		answer_status(reply, &s);
	}
	const char *named = action->reason[0] ? action->reason : row && row->fcm_code ? row->fcm_code : "status";
	return row && !row->fcm_code && !action->reason[0] ? row->name : named;
}

/* The token a fault may name: token, topic or condition, whatever is there. */
static struct sw_bytes target_of(const json_t *root)
{
	const json_t *message = json_object_get(root, "message");
	struct sw_bytes target = sw_json_get_str(message, "token");
	if (!target.ptr) {
		target = sw_json_get_str(message, "topic");
	}
	return target.ptr ? target : sw_json_get_str(message, "condition");
}

static void on_send(struct sw_sim *sim, struct sw_sim_request *request, struct sw_bytes project,
		    struct sw_sim_reply *reply)
{
	json_t *root = sw_sim_request_json(request, JSON_DEPTH_MAX);
	struct push push = {sim, request, root, project};
	const struct sw_sim_exchange exchange = {.provider = SW_SIM_FCM,
						 .subject = target_of(root),
						 .process = process,
						 .answer_fault = answer_fault,
						 .ctx = &push};
	sw_sim_exchange(sim, &exchange, reply);
	json_decref(root);
}

static const char *answer_token(void *ctx, struct sw_sim_reply *reply)
{
	const struct push *push = ctx;
	return sw_sim_oauth_answer(&push->sim->oauth, push->request, sw_clock_wall_ms(), reply);
}

static void on_token(struct sw_sim *sim, struct sw_sim_request *request, struct sw_sim_reply *reply)
{
	struct push push = {.sim = sim, .request = request};
	const struct sw_sim_token_exchange exchange = {.provider = SW_SIM_OAUTH,
						       .subject = sw_sim_oauth_claimed(request),
						       .client_error = "invalid_grant",
						       .server_error = "internal_failure",
						       .refuse = sw_sim_oauth_refuse,
						       .answer = answer_token,
						       .ctx = &push};
	sw_sim_token_exchange(sim, &exchange, reply);
}

static void on_request(void *ctx, struct sw_sim_request *request, struct sw_sim_reply *reply)
{
	struct sw_sim_link *link = ctx;
	struct sw_bytes project;
	if (strcmp(request->path, "/token") == 0) {
		on_token(link->sim, request, reply);
	} else if (!parse_path(request->path, &project) || strcmp(request->method, "POST") != 0) {
		answer_html(reply, 404);
	} else {
		on_send(link->sim, request, project, reply);
	}
}

void sw_sim_serve_fcm(struct sw_sim_link *link)
{
	const struct sw_sim_http_handler handler = {.streams_max = STREAMS_MAX, .on_request = on_request, .ctx = link};
	sw_sim_http_serve(link, &handler, SW_SIM_HTTP_ANY);
}
