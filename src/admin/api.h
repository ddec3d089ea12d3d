/* SPDX-License-Identifier: Apache-2.0 */
/* The API's requests: parsed on the loop, run on a thread of the store's pool, answered on the loop again. For this
 * folder. Routing and the token are ops_http.c's. */
#ifndef SW_ADMIN_API_H
#define SW_ADMIN_API_H

#include "admin/admin_int.h"
#include "admin/route.h"
#include "loop/loop.h"
#include "net/http_serve.h"
#include "store/pool.h"

enum { SW_API_PAGE_DEFAULT = 50, SW_API_PAGE_MAX = 500, SW_API_ROWS_MAX = 1000, SW_API_BODY_BYTES_MAX = 32 << 20 };

struct sw_api;

/* What the query asks for; a NULL pointer: not given. */
struct sw_api_query {
	struct sw_bytes provider;
	struct sw_bytes app;
	struct sw_bytes reason;
	struct sw_bytes user;
	int64_t before; /* 0: from the newest */
	int limit;
};
/* SW_EINVAL: detail names the parameter and what was expected. Texts are copied into the arena. */
int sw_api_query_parse(struct sw_bytes query, struct sw_arena *arena, struct sw_api_query *query_out,
		       struct sw_diag *diag_out) SW_MUST_CHECK;

struct sw_api_request {
	struct sw_pg_job job; /* first */
	struct sw_api *api;
	struct sw_http_exchange *exchange;
	enum sw_route route;
	int64_t id;
	struct sw_api_query query;
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

/* api_read.c, api_dead.c: on a pool thread, by route; fill the result. */
void sw_api_run_status(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_deliveries(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_inbox(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_dead_list(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_dead_get(struct sw_api_request *request, struct sw_pg *pg);
void sw_api_run_dead_replay(struct sw_api_request *request, struct sw_pg *pg);

/* api.c: ends the request with a problem document. */
void sw_api_fail(struct sw_api_request *request, int status, const char *code, const char *detail);
/* Runs what was queued; false: the request was ended with the fitting problem. */
bool sw_api_query_store(struct sw_api_request *request, struct sw_pg *pg);

#endif
