/* SPDX-License-Identifier: Apache-2.0 */
/* The API's requests: parsed on the loop, run on a thread of the store's pool, answered on the loop again. For this
 * folder. Routing and the token are ops_http.c's. */
#ifndef SW_ADMIN_API_H
#define SW_ADMIN_API_H

#include "admin/admin_int.h"
#include "admin/api_json.h"
#include "admin/route.h"
#include "loop/loop.h"
#include "net/http_serve.h"
#include "store/pool.h"

enum {
	SW_API_PAGE_DEFAULT = 50,
	SW_API_PAGE_MAX = 500,
	SW_API_ROWS_MAX = 1000,
	SW_API_RATE_DEFAULT = 50,
	SW_API_BODY_BYTES_MAX = 32 << 20
};
/* A hundred years, so that no sum of times overflows. */
#define SW_API_AGE_MAX_MS (INT64_C(36525) * 24 * 3600 * 1000)

struct sw_api;

/* What the query, or the body of a replay, asks for; a NULL pointer: not given. */
struct sw_api_query {
	struct sw_bytes provider;
	struct sw_bytes app;
	struct sw_bytes user;
	struct sw_bytes device;
	struct sw_bytes reason;     /* exactly */
	struct sw_bytes reason_has; /* a part of it */
	struct sw_bytes state;      /* of alerts */
	int64_t older_ms;           /* died at least so long ago; 0: not given */
	int64_t newer_ms;           /* … at most */
	enum { SW_API_ANY, SW_API_NOT_REPLAYED, SW_API_REPLAYED } replayed;
	int64_t before;  /* 0: from the newest */
	int64_t confirm; /* how many are expected; -1: not given */
	int limit;
	int rate; /* letters a second; 0: not given */
};
/* SW_EINVAL: detail names the parameter and what was expected. Texts are copied into the arena. */
int sw_api_query_parse(struct sw_bytes query, struct sw_arena *arena, struct sw_api_query *query_out,
		       struct sw_diag *diag_out) SW_MUST_CHECK;
/* {"filter": {…}, "rate": …}; the filter must be there, {} is every letter. Members nobody knows are refused: a filter
 * that is misspelt would choose too many. */
int sw_api_query_parse_body(struct sw_bytes body, struct sw_arena *arena, struct sw_api_query *query_out,
			    struct sw_diag *diag_out) SW_MUST_CHECK;
/* The filter as sw_dead_letters() in SQL takes it, with ages as times; in the arena. */
struct sw_bytes sw_api_filter(const struct sw_api_query *query, int64_t now_ms, struct sw_arena *arena);

enum { SW_API_OPERATOR_MAX = 65 };

struct sw_api_request {
	struct sw_pg_job job; /* first */
	struct sw_api *api;
	struct sw_http_exchange *exchange;
	enum sw_route route;
	int64_t id;
	struct sw_api_query query;
	struct sw_bytes texts[SW_ROUTE_TEXTS_MAX]; /* of the path */
	struct sw_bytes given;                     /* the body, of routes that read it on the pool's thread */
	struct sw_bytes key;                       /* header Idempotency-Key; NULL: none */
	char operator[SW_API_OPERATOR_MAX]; /* who asks, as the caller says: header Surewire-Operator; may be "" */
	struct sw_arena arena;
	/* The result. status 0: not run. From 400 on code and problem are sent instead of body. */
	int status;
	const char *code;
	struct sw_diag problem;
	struct sw_buf body;
};

/* How store work is run: the pool's, or a test's. */
struct sw_api_store {
	int (*submit)(void *ctx, struct sw_pg_job *job);
	void *ctx;
};

/* on_idle: the loop, after the last request under way was answered. admin is handed to the requests. */
struct sw_api *sw_api_new(struct sw_loop *loop, struct sw_admin *admin, const struct sw_api_store *store,
			  void (*on_idle)(void *ctx), void *ctx);
/* Loop thread. Takes the exchange. */
void sw_api_handle(struct sw_api *api, struct sw_http_exchange *exchange, const struct sw_route_match *match);
size_t sw_api_pending(const struct sw_api *api);
struct sw_admin *sw_api_admin(const struct sw_api *api);
/* Closes its handle; no request may be pending. Loop thread. */
void sw_api_close(struct sw_api *api);
/* After the loop has run out. NULL is allowed. */
void sw_api_free(struct sw_api *api);

/* api_read.c, api_dead.c, api_replays.c, api_push.c, api_topics.c, api_trace.c, api_alerts.c: on a pool thread, by route; fill
 * the result. */
void sw_api_run_status(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_deliveries(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_inbox(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_dead_list(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_dead_count(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_dead_get(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_dead_replay(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_dead_drop(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_dead_drop_one(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_replays_list(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_replays_start(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_replays_get(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_replays_cancel(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_alerts_list(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_alerts_create(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_alerts_get(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_alerts_cancel(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_push_list(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_push_start(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_push_get(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_push_cancel(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_topic_get(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_topic_change(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_topic_add(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_topic_remove(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_trace(struct sw_api_request *request, struct sw_pg *pg);
/* api_read.c: the message of the request; false: the request was ended. Texts are copied. */
bool sw_api_find_message(struct sw_api_request *request, struct sw_pg *pg, struct sw_message_row *row_out);
struct sw_delivery_row sw_api_read_delivery(const struct sw_pg_result *rows, size_t i);
struct sw_recipient_row sw_api_read_recipient(const struct sw_pg_result *rows, size_t i);

/* api.c: ends the request with a problem document. */
void sw_api_fail(struct sw_api_request *request, int status, const char *code, const char *detail);
/* Ends the request with what an error of the store means. */
void sw_api_fail_store(struct sw_api_request *request, int err, const struct sw_diag *diag);
/* Runs what was queued; false: the request was ended with the fitting problem. */
bool sw_api_query_store(struct sw_api_request *request, struct sw_pg *pg);

#endif
