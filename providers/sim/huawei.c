/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in of Huawei Push Kit, v1 and v2, and, on the same port, of Huawei's token endpoint. The shape of a message
 * is judged in huawei_check.c, who asks for a token in huawei_oauth.c. */
#include "sim/huawei_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <surewire/clock.h>

#include "base/rng.h"
#include "sim/exchange.h"

#define TOKEN_PATH "/oauth2/v3/token"
#define CODE_SUCCESS "80000000"
#define CODE_PARTIAL "80100000"
#define CODE_PARAMETER "80100001"
#define CODE_STRUCTURE "80100003"
#define CODE_AUTH "80200001"
#define CODE_EXPIRED "80200003"
#define CODE_ALL_INVALID "80300007"
#define CODE_INTERNAL "81000001"

enum { STREAMS_MAX = 100, JSON_DEPTH_MAX = 16, REQUEST_ID_BYTES = 32, FIRST_CODE = '8' };

/* What the path says: /v1/CLIENT/messages:send or /v2/PROJECT/messages:send. */
struct address {
	bool by_project;
	struct sw_bytes id;
};

static bool parse_path(const char *path, struct address *address_out)
{
	static const char suffix[] = "/messages:send";
	size_t len = strlen(path);
	size_t fixed = sizeof("/v1/") - 1 + sizeof(suffix) - 1;
	bool v2 = strncmp(path, "/v2/", 4) == 0;
	if (len <= fixed || (!v2 && strncmp(path, "/v1/", 4) != 0) ||
	    strcmp(path + len - (sizeof(suffix) - 1), suffix) != 0) {
		return false;
	}
	*address_out = (struct address){v2, sw_bytes(path + 4, len - fixed)};
	return !memchr(address_out->id.ptr, '/', address_out->id.len);
}

static const char *text_of(const char *code)
{
	static const char *const rows[][2] = {
		{CODE_SUCCESS, "Success"},
		{CODE_PARAMETER, "Check Parameter Error."},
		{CODE_AUTH, "Authentication Error."},
		{CODE_EXPIRED, "Oauth token expired."},
		{CODE_ALL_INVALID, "All the tokens are invalid."},
		{CODE_INTERNAL, "Inner Error."},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i][0], code) == 0) {
			return rows[i][1];
		}
	}
	return "Injected by the simulator.";
}

/* Fills the reply; the id of the request is written to id_out when that is wanted. */
static void answer(struct sw_sim_reply *reply, int status, const char *code, const char *msg, char *id_out)
{
	char id[REQUEST_ID_BYTES];
	uint64_t number;
	sw_rng_bytes(&number, sizeof(number));
	snprintf(id, sizeof(id), "%020" PRIu64 "002006", number);
	sw_buf_clear(&reply->body);
	reply->header_count = 0;
	reply->status = status;
	sw_sim_reply_add(reply, "content-type", "application/json;charset=UTF-8");
	sw_buf_printf(&reply->body, "{\"code\":\"%s\",\"msg\":", code);
	sw_json_put_cstr(&reply->body, msg);
	sw_buf_printf(&reply->body, ",\"requestId\":\"%s\"}", id);
	if (id_out) {
		memcpy(id_out, id, sizeof(id));
	}
}

/* The gateway before the service knows no codes. */
static void answer_html(struct sw_sim_reply *reply, int status)
{
	sw_buf_clear(&reply->body);
	reply->header_count = 0;
	reply->status = status;
	sw_sim_reply_add(reply, "content-type", "text/html");
	sw_buf_printf(&reply->body, "<html><head><title>%d</title></head></html>\n", status);
}

static int status_of(const char *code)
{
	return strncmp(code, "8010", 4) == 0 ? 400 : strncmp(code, "802", 3) == 0 ? 401 : 200;
}

static const char *refuse(struct sw_sim_reply *reply, const char *code, const char *msg)
{
	answer(reply, status_of(code), code, msg, NULL);
	return code;
}

/* 80100000, with the tokens that are wrong. */
static const char *answer_partial(struct sw_sim_reply *reply, size_t success, json_t *illegal)
{
	json_t *counts = json_pack("{s:I, s:I, s:O}", "success", (json_int_t)success, "failure",
				   (json_int_t)json_array_size(illegal), "illegal_tokens", illegal);
	char *msg = json_dumps(counts, JSON_COMPACT);
	answer(reply, 200, CODE_PARTIAL, msg, NULL);
	free(msg);
	json_decref(counts);
	return CODE_PARTIAL;
}

/* The refusal, or NULL when the caller may send to the address. */
static const char *check_access(const struct sw_sim *sim, const struct sw_sim_request *request,
				const struct address *address, struct sw_sim_reply *reply)
{
	struct sw_bytes text = sw_sim_request_bearer(request);
	const struct sw_sim_access_token *token = text.ptr ? sw_sim_tokens_find(&sim->huawei.tokens, text) : NULL;
	const struct sw_sim_huawei_client *client = token ? token->owner : NULL;
	if (!client || !sw_bytes_equal_str(address->id, address->by_project ? client->project : client->id)) {
		return refuse(reply, CODE_AUTH, text_of(CODE_AUTH));
	}
	if (sw_clock_wall_ms() >= token->expires_at_ms) {
		return refuse(reply, CODE_EXPIRED, text_of(CODE_EXPIRED));
	}
	return NULL;
}

struct accepted {
	const struct sw_sim_request *request;
	const struct sw_sim_huawei_message *message;
	const struct address *address;
	const char *id;
};

static void keep(struct sw_sim *sim, const struct accepted *accepted, struct sw_bytes target)
{
	/* Push Kit has no id of the sender's: the same tag (or body) to the same token is the same notification. */
	struct sw_buf key;
	struct sw_bytes body = sw_buf_bytes(&accepted->request->body);
	sw_buf_init(&key, 2 * SW_SIM_BODY_MAX);
	sw_buf_put_bytes(&key, target);
	sw_buf_put_char(&key, '\n');
	sw_buf_put_bytes(&key, accepted->message->tag.len ? accepted->message->tag : body);
	struct sw_sim_record_new record = {
		.provider = "huawei",
		.token = target,
		.id = sw_bytes_str(accepted->id),
		.repeat_key = sw_buf_bytes(&key),
		.collapse_id = accepted->message->tag,
		.topic = accepted->address->id,
		.payload = body,
		.headers = json_object(),
		.received_at_ms = sw_clock_wall_ms(),
	};
	sw_sim_accept(sim, SW_SIM_HUAWEI, &record);
	sw_buf_release(&key);
}

/* Tokens that are none; owned. */
static json_t *illegal_of(const json_t *tokens)
{
	json_t *illegal = json_array();
	for (size_t i = 0; i < json_array_size(tokens); i++) {
		json_t *token = json_array_get(tokens, i);
		if (!sw_sim_huawei_token_ok(token)) {
			json_array_append(illegal, token);
		}
	}
	return illegal;
}

static const char *accept_all(struct sw_sim *sim, struct accepted *accepted, struct sw_sim_reply *reply)
{
	const json_t *tokens = accepted->message->tokens;
	char id[REQUEST_ID_BYTES];
	json_t *illegal = illegal_of(tokens);
	size_t good = tokens ? json_array_size(tokens) - json_array_size(illegal) : 1;
	const char *refusal = NULL;
	answer(reply, 200, CODE_SUCCESS, text_of(CODE_SUCCESS), id);
	accepted->id = id;
	if (good == 0) {
		refusal = refuse(reply, CODE_ALL_INVALID, text_of(CODE_ALL_INVALID));
	} else if (json_array_size(illegal)) {
		refusal = answer_partial(reply, good, illegal);
	}
	for (size_t i = 0; i < json_array_size(tokens) && !accepted->message->validate_only; i++) {
		const json_t *token = json_array_get(tokens, i);
		if (sw_sim_huawei_token_ok(token)) {
			keep(sim, accepted, sw_bytes(json_string_value(token), json_string_length(token)));
		}
	}
	if (!tokens && !accepted->message->validate_only) {
		keep(sim, accepted, accepted->message->target);
	}
	json_decref(illegal);
	return refusal;
}

struct push {
	struct sw_sim *sim;
	struct sw_sim_request *request;
	const json_t *root; /* NULL: no JSON */
	const struct address *address;
};

static const char *process(void *ctx, struct sw_sim_reply *reply)
{
	const struct push *push = ctx;
	struct sw_sim_huawei_message message = {.validate_only = false};
	struct sw_sim_huawei_violation violation = {.code = CODE_STRUCTURE};
	struct accepted accepted = {.request = push->request, .message = &message, .address = push->address};
	const char *refusal = check_access(push->sim, push->request, push->address, reply);
	if (refusal) {
		return refusal;
	}
	if (!sw_sim_request_is(push->request, "application/json")) {
		return refuse(reply, CODE_PARAMETER, text_of(CODE_PARAMETER));
	}
	if (!push->root ||
	    sw_sim_huawei_check(push->root, push->request->body_total_bytes, &message, &violation) != SW_OK) {
		return refuse(reply, violation.code, push->root ? violation.text : "Illegal payload, no JSON.");
	}
	return accept_all(push->sim, &accepted, reply);
}

/* By the reason when it is a code, else by what is usual with the status. */
static const char *code_of(const struct sw_sim_action *action)
{
	switch (action->status) {
	case 400:
		return CODE_PARAMETER;
	case 401:
		return CODE_AUTH;
	case 200:
	case 500:
		return CODE_INTERNAL;
	default:
		return action->token_dead_ms >= 0 ? CODE_ALL_INVALID : NULL;
	}
}

static const char *answer_fault(void *ctx, const struct sw_sim_action *action, struct sw_sim_reply *reply)
{
	const struct push *push = ctx;
	int status = action->status ? action->status : 200;
	const char *code = action->reason[0] == FIRST_CODE ? action->reason : code_of(action);
	if (code && strcmp(code, CODE_PARTIAL) == 0) {
		json_t *tokens = json_object_get(json_object_get(push->root, "message"), "token");
		answer_partial(reply, 0, tokens ? tokens : json_null());
		reply->status = status;
	} else if (code) {
		answer(reply, status, code, text_of(code), NULL);
	} else {
		answer_html(reply, status);
	}
	return code ? code : "status";
}

/* The token a fault may name: the first one, a topic or a condition, whatever is there. */
static struct sw_bytes target_of(const json_t *root)
{
	const json_t *message = json_object_get(root, "message");
	const json_t *token = json_array_get(json_object_get(message, "token"), 0);
	struct sw_bytes topic = sw_json_get_str(message, "topic");
	return json_is_string(token) ? sw_bytes(json_string_value(token), json_string_length(token))
	     : topic.ptr             ? topic
				     : sw_json_get_str(message, "condition");
}

static void on_send(struct sw_sim *sim, struct sw_sim_request *request, const struct address *address,
		    struct sw_sim_reply *reply)
{
	json_t *root = sw_sim_request_json(request, JSON_DEPTH_MAX);
	struct push push = {sim, request, root, address};
	const struct sw_sim_exchange exchange = {.provider = SW_SIM_HUAWEI,
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
	int life_s = push->sim->oauth.expires_in_s;
	return sw_sim_huawei_oauth_answer(&push->sim->huawei, push->request,
					  sw_clock_wall_ms() + (int64_t)life_s * 1000, life_s, reply);
}

static void on_token(struct sw_sim *sim, struct sw_sim_request *request, struct sw_sim_reply *reply)
{
	struct push push = {.sim = sim, .request = request};
	const struct sw_sim_token_exchange exchange = {
		.provider = SW_SIM_HUAWEI_OAUTH,
		.subject = sw_sim_form_get(&request->arena, sw_buf_bytes(&request->body), "client_id"),
		.client_error = "1101/12304",
		.server_error = "1203/500",
		.refuse = sw_sim_huawei_oauth_refuse,
		.answer = answer_token,
		.ctx = &push};
	sw_sim_token_exchange(sim, &exchange, reply);
}

static void on_request(void *ctx, struct sw_sim_request *request, struct sw_sim_reply *reply)
{
	struct sw_sim_link *link = ctx;
	struct address address;
	if (strcmp(request->path, TOKEN_PATH) == 0) {
		on_token(link->sim, request, reply);
	} else if (!parse_path(request->path, &address) || strcmp(request->method, "POST") != 0) {
		answer_html(reply, 404);
	} else {
		on_send(link->sim, request, &address, reply);
	}
}

void sw_sim_serve_huawei(struct sw_sim_link *link)
{
	const struct sw_sim_http_handler handler = {.streams_max = STREAMS_MAX, .on_request = on_request, .ctx = link};
	sw_sim_http_serve(link, &handler, SW_SIM_HTTP_ANY);
}
