/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP on the clients' port: routes, the caller's identity, and requests that wait for a writer's answer. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

void api_fail(struct sw_http_exchange *exchange, enum sw_error_code code, const char *text)
{
	const char *extra = code == SW_ERROR_UNAVAILABLE || code == SW_ERROR_RATE_LIMITED ? "Retry-After: 2\r\n"
			  : code == SW_ERROR_UNAUTHORIZED ? "WWW-Authenticate: Bearer\r\n"
							  : NULL;
	sw_http_problem(exchange, sw_error_status(code), sw_error_code(code),
			text && text[0] ? text : sw_error_text(code), extra);
}

/* ---- requests that wait ---- */

static struct request *request_of_deadline(struct sw_wheel_node *node)
{
	return (struct request *)((char *)node - offsetof(struct request, deadline));
}

static void on_late(struct sw_wheel_node *node)
{
	struct request *request = request_of_deadline(node);
	request->on_result(request, REQUEST_TIMEOUT, NULL);
}

static void on_gone(void *ctx, struct sw_http_exchange *exchange)
{
	(void)exchange;
	struct request *request = ctx;
	request->on_result(request, REQUEST_GONE, NULL);
}

struct request *request_new(struct gw_loop *loop, struct sw_http_exchange *exchange, request_fn on_result,
			    int64_t wait_ms)
{
	struct request *request = sw_xcalloc(1, sizeof(*request));
	request->loop = loop;
	request->number = loop_new_number(loop);
	request->exchange = exchange;
	request->on_result = on_result;
	request->deadline.fire = on_late;
	HASH_ADD(hh, loop->requests, number, sizeof(request->number), request);
	sw_loop_arm(loop->loop, &request->deadline, wait_ms);
	sw_http_on_gone(exchange, on_gone, request);
	return request;
}

struct request *request_find(struct gw_loop *loop, int64_t number)
{
	struct request *request;
	HASH_FIND(hh, loop->requests, &number, sizeof(number), request);
	return request;
}

void request_free(struct request *request)
{
	HASH_DELETE(hh, request->loop->requests, request);
	sw_loop_disarm(request->loop->loop, &request->deadline);
	free(request->user_name);
	free(request->device);
	free(request);
}

/* ---- who is calling ---- */

bool api_caller(struct gw_loop *loop, struct sw_http_exchange *exchange, struct sw_token *token_out)
{
	static const char scheme[] = "Bearer ";
	struct sw_bytes header = sw_http_header(exchange, "authorization");
	struct sw_diag diag = {0};
	if (header.len <= sizeof(scheme) - 1 ||
	    strncasecmp((const char *)header.ptr, scheme, sizeof(scheme) - 1) != 0) {
		api_fail(exchange, SW_ERROR_UNAUTHORIZED, "expected Authorization: Bearer and a token");
		return false;
	}
	struct sw_bytes token = sw_bytes(header.ptr + sizeof(scheme) - 1, header.len - (sizeof(scheme) - 1));
	if (authenticate(loop->gateway, token, token_out, &diag) != SW_OK) {
		api_fail(exchange, SW_ERROR_UNAUTHORIZED, diag.text);
		return false;
	}
	return true;
}

struct caller {
	struct sw_http_exchange *exchange;
	caller_fn next;
};

static void on_caller_found(struct name_read *read)
{
	struct caller *caller = read->ctx;
	if (read->read.err) {
		api_fail(caller->exchange, SW_ERROR_UNAVAILABLE, "the store is away, try again");
	} else if (!read->users[0]) {
		api_fail(caller->exchange, SW_ERROR_FORBIDDEN, "there is no such account, or it is disabled");
	} else {
		caller->next(read->read.loop, caller->exchange, read->names[0], read->users[0]);
	}
	free(caller);
}

void api_with_user(struct gw_loop *loop, struct sw_http_exchange *exchange, caller_fn next)
{
	struct sw_token token;
	if (!api_caller(loop, exchange, &token)) {
		return;
	}
	int64_t user = names_find(loop, sw_bytes_str(token.user));
	if (user) {
		next(loop, exchange, token.user, user);
		return;
	}
	struct caller *caller = sw_xcalloc(1, sizeof(*caller));
	caller->exchange = exchange;
	caller->next = next;
	struct name_read *read = name_read_new(loop, 0, 1);
	read->names[0] = sw_xstrdup(token.user);
	read->found = on_caller_found;
	read->ctx = caller;
	if (name_read_start(read) != SW_OK) {
		read->read.err = SW_EBUSY;
		on_caller_found(read);
		name_read_free(read);
	}
}

/* ---- routes ---- */

static void on_health(struct gw_loop *loop, struct sw_http_exchange *exchange)
{
	(void)loop;
	sw_http_respond(exchange, 200, "text/plain; charset=utf-8", NULL, sw_bytes_str("ok\n"));
}

static void on_ws(struct gw_loop *loop, struct sw_http_exchange *exchange)
{
	if (loop->draining) {
		api_fail(exchange, SW_ERROR_UNAVAILABLE, "this node is going away, connect again");
		return;
	}
	struct session *session = session_new(loop);
	struct sw_ws_upgrade upgrade = {.rules = {.subprotocol = "surewire.v1"},
					.handlers = &session_handlers,
					.limits = &loop->ws_limits,
					.ctx = session};
	struct sw_ws *ws;
	if (sw_http_upgrade(exchange, &upgrade, &ws) != SW_OK) {
		session_discard(session);
		return;
	}
	session_opened(session, ws);
}

struct route {
	const char *path;
	bool prefix;        /* a parameter follows the path … */
	const char *suffix; /* … and this follows the parameter */
	const char *method;
	void (*plain)(struct gw_loop *loop, struct sw_http_exchange *exchange);
	caller_fn with_user;
};

static const struct route routes[] = {
	{"/v1/ws", false, "", "GET", on_ws, NULL},
	{"/healthz", false, "", "GET", on_health, NULL},
	{"/v1/messages", false, "", "POST", NULL, api_send},
	{"/v1/conversations", false, "", "POST", NULL, api_create},
	{"/v1/sync", false, "", "GET", NULL, api_sync},
	{"/v1/ack", false, "", "POST", NULL, api_ack},
	{"/v1/alerts/", true, "/ack", "POST", NULL, api_alert_ack},
	{"/v1/devices/", true, "", "PUT", NULL, api_device_set},
	{"/v1/devices/", true, "", "DELETE", NULL, api_device_drop},
	{"/v1/preferences", false, "", "GET", NULL, api_preferences_get},
	{"/v1/preferences", false, "", "PUT", NULL, api_preferences_set},
	{"/v1/preferences", false, "", "DELETE", NULL, api_preferences_drop},
	{"/v1/conversations/", true, "/preferences", "GET", NULL, api_preferences_get},
	{"/v1/conversations/", true, "/preferences", "PUT", NULL, api_preferences_set},
	{"/v1/conversations/", true, "/preferences", "DELETE", NULL, api_preferences_drop},
	{"/v1/mail/unsubscribe", false, "", "GET", api_mail_page, NULL},
	{"/v1/mail/unsubscribe", false, "", "POST", api_mail_unsubscribe, NULL},
};

static bool route_matches(const struct route *route, struct sw_bytes path)
{
	size_t len = strlen(route->path);
	size_t end = strlen(route->suffix);
	return route->prefix ? path.len > len + end && memcmp(path.ptr, route->path, len) == 0 &&
				       memcmp(path.ptr + path.len - end, route->suffix, end) == 0
			     : sw_bytes_equal_str(path, route->path);
}

void api_on_request(void *ctx, struct sw_http_exchange *exchange)
{
	struct gw_loop *loop = ctx;
	bool known = false;
	if (!rate_take_address(loop->gateway, sw_http_peer(exchange))) {
		api_fail(exchange, SW_ERROR_RATE_LIMITED, NULL);
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *route = &routes[i];
		if (!route_matches(route, sw_http_path(exchange))) {
			continue;
		}
		known = true;
		if (!sw_bytes_equal_str(sw_http_method(exchange), route->method)) {
			continue;
		}
		if (route->plain) {
			route->plain(loop, exchange);
		} else {
			api_with_user(loop, exchange, route->with_user);
		}
		return;
	}
	api_fail(exchange, known ? SW_ERROR_METHOD : SW_ERROR_NOT_FOUND, NULL);
}
