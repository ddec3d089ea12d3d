/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/api.h"

#include <surewire/clock.h>
#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 5000, QUERY_MS = 5000 };

struct sw_api {
	struct sw_loop *loop;
	struct sw_admin *admin;
	struct sw_api_store store;
	struct sw_mailbox replies;
	uv_async_t wake;
	size_t pending;
	void (*on_idle)(void *ctx);
	void *idle_ctx;
};

/* ---- on the pool's threads ---- */

void sw_api_fail(struct sw_api_request *request, int status, const char *code, const char *detail)
{
	request->status = status;
	request->code = code;
	request->problem = (struct sw_diag){0};
	sw_diag_set(&request->problem, SW_OK, "%s", detail);
}

void sw_api_fail_store(struct sw_api_request *request, int err, const struct sw_diag *diag)
{
	SW_LOG(WARN, "admin.query_failed", SW_F_ERR(err), SW_F_STR("detail", diag->text));
	if (err == SW_ESQL || err == SW_ELIMIT) {
		sw_api_fail(request, 500, "internal", "the store refused the query; the log says why");
	} else {
		sw_api_fail(request, 503, "unavailable", "the store is away or too slow");
	}
}

bool sw_api_query_store(struct sw_api_request *request, struct sw_pg *pg)
{
	struct sw_diag diag = {0};
	int err = sw_pg_run(pg, sw_clock_mono_ms() + QUERY_MS, &diag);
	if (err) {
		sw_api_fail_store(request, err, &diag);
	}
	return err == SW_OK;
}

static void run(struct sw_pg_job *job, struct sw_pg *pg)
{
	static void (*const runs[SW_ROUTE_COUNT])(struct sw_api_request *, struct sw_pg *) = {
		[SW_ROUTE_STATUS] = sw_api_run_status,
		[SW_ROUTE_DEAD_LIST] = sw_api_run_dead_list,
		[SW_ROUTE_DEAD_COUNT] = sw_api_run_dead_count,
		[SW_ROUTE_DEAD_GET] = sw_api_run_dead_get,
		[SW_ROUTE_DEAD_REPLAY] = sw_api_run_dead_replay,
		[SW_ROUTE_DEAD_DROP] = sw_api_run_dead_drop,
		[SW_ROUTE_DEAD_DROP_ONE] = sw_api_run_dead_drop_one,
		[SW_ROUTE_REPLAYS_LIST] = sw_api_run_replays_list,
		[SW_ROUTE_REPLAYS_START] = sw_api_run_replays_start,
		[SW_ROUTE_REPLAYS_GET] = sw_api_run_replays_get,
		[SW_ROUTE_REPLAYS_CANCEL] = sw_api_run_replays_cancel,
		[SW_ROUTE_ALERTS_LIST] = sw_api_run_alerts_list,
		[SW_ROUTE_ALERTS_CREATE] = sw_api_run_alerts_create,
		[SW_ROUTE_ALERTS_GET] = sw_api_run_alerts_get,
		[SW_ROUTE_ALERTS_CANCEL] = sw_api_run_alerts_cancel,
		[SW_ROUTE_DELIVERIES] = sw_api_run_deliveries,
		[SW_ROUTE_INBOX] = sw_api_run_inbox,
		[SW_ROUTE_TRACE] = sw_api_run_trace,
		[SW_ROUTE_PUSH_LIST] = sw_api_run_push_list,
		[SW_ROUTE_PUSH_START] = sw_api_run_push_start,
		[SW_ROUTE_PUSH_GET] = sw_api_run_push_get,
		[SW_ROUTE_PUSH_CANCEL] = sw_api_run_push_cancel,
		[SW_ROUTE_TOPIC_GET] = sw_api_run_topic_get,
		[SW_ROUTE_TOPIC_CHANGE] = sw_api_run_topic_change,
		[SW_ROUTE_TOPIC_ADD] = sw_api_run_topic_add,
		[SW_ROUTE_TOPIC_REMOVE] = sw_api_run_topic_remove,
	};
	struct sw_api_request *request = (struct sw_api_request *)job; /* job is the first member */
	runs[request->route](request, pg);
	if (request->status == 200 && request->body.err) {
		sw_api_fail(request, 500, "too_large", "the answer is larger than this server sends: ask for less");
	}
}

/* ---- on the loop ---- */

static void answer(struct sw_api_request *request)
{
	if (request->job.error || request->status == 0) {
		sw_api_fail(request, 503, "unavailable", "the store is away or busy");
	}
	if (request->status < 400) {
		sw_http_respond(request->exchange, request->status, "application/json", NULL,
				sw_buf_bytes(&request->body));
	} else {
		sw_http_problem(request->exchange, request->status, request->code, request->problem.text,
				request->status == 503 ? "Retry-After: 2\r\n" : NULL);
	}
	sw_buf_release(&request->body);
	sw_arena_release(&request->arena);
	free(request);
}

static void on_wake(uv_async_t *wake)
{
	struct sw_api *api = wake->data;
	struct sw_mail *mail = sw_mailbox_take(&api->replies);
	while (mail) {
		struct sw_api_request *request = (struct sw_api_request *)mail;
		mail = mail->next;
		answer(request);
		api->pending--;
		if (api->pending == 0) {
			api->on_idle(api->idle_ctx);
		}
	}
}

static void on_reply(void *ctx)
{
	struct sw_api *api = ctx;
	uv_async_send(&api->wake);
}

struct sw_api *sw_api_new(struct sw_loop *loop, struct sw_admin *admin, const struct sw_api_store *store,
			  void (*on_idle)(void *ctx), void *ctx)
{
	struct sw_api *api = sw_xcalloc(1, sizeof(*api));
	api->loop = loop;
	api->admin = admin;
	api->store = *store;
	api->on_idle = on_idle;
	api->idle_ctx = ctx;
	if (uv_async_init(sw_loop_uv(loop), &api->wake, on_wake) != 0) {
		SW_LOG(ERROR, "admin.no_wake", SW_F_STR("reason", "uv_async_init failed"));
		abort();
	}
	api->wake.data = api;
	sw_mailbox_init(&api->replies, SIZE_MAX, on_reply, api);
	return api;
}

/* On the loop: the exchange's bytes are not the pool's. */
static int parse(struct sw_api_request *request, struct sw_diag *diag_out)
{
	if (request->route == SW_ROUTE_REPLAYS_START) {
		return sw_api_query_parse_body(sw_http_body(request->exchange), &request->arena, &request->query,
					       diag_out);
	}
	return sw_api_query_parse(sw_http_query(request->exchange), &request->arena, &request->query, diag_out);
}

static struct sw_bytes keep(struct sw_api_request *request, struct sw_bytes bytes)
{
	return bytes.len ? sw_arena_copy(&request->arena, bytes) : bytes;
}

static void keep_contents(struct sw_api_request *request, const struct sw_route_match *match)
{
	for (size_t i = 0; i < SW_ROUTE_TEXTS_MAX; i++) {
		request->texts[i] = keep(request, match->texts[i]);
	}
	if (request->route == SW_ROUTE_PUSH_START || request->route == SW_ROUTE_TOPIC_CHANGE ||
	    request->route == SW_ROUTE_ALERTS_CREATE) {
		request->given = keep(request, sw_http_body(request->exchange));
		request->key = keep(request, sw_http_header(request->exchange, "idempotency-key"));
	}
}

void sw_api_handle(struct sw_api *api, struct sw_http_exchange *exchange, const struct sw_route_match *match)
{
	struct sw_api_request *request = sw_xcalloc(1, sizeof(*request));
	request->job = (struct sw_pg_job){
		.run = run, .reply_to = &api->replies, .deadline_mono_ms = sw_clock_mono_ms() + WAIT_MS};
	request->api = api;
	request->exchange = exchange;
	request->route = match->route;
	request->id = match->id;
	sw_arena_init(&request->arena);
	sw_buf_init(&request->body, SW_API_BODY_BYTES_MAX);
	struct sw_diag diag = {0};
	keep_contents(request, match);
	sw_bytes_printable(sw_http_header(exchange, "surewire-operator"), request->operator, sizeof(request->operator));
	if (parse(request, &diag) != SW_OK) {
		sw_api_fail(request, 400, "bad_request", diag.text);
		answer(request);
	} else if (api->store.submit(api->store.ctx, &request->job) != SW_OK) {
		sw_api_fail(request, 503, "unavailable", "too many requests wait for the store");
		answer(request);
	} else {
		api->pending++;
	}
}

size_t sw_api_pending(const struct sw_api *api)
{
	return api->pending;
}

struct sw_admin *sw_api_admin(const struct sw_api *api)
{
	return api->admin;
}

void sw_api_close(struct sw_api *api)
{
	uv_close((uv_handle_t *)&api->wake, NULL);
}

void sw_api_free(struct sw_api *api)
{
	if (api) {
		sw_mailbox_release(&api->replies);
		free(api);
	}
}
