/* SPDX-License-Identifier: Apache-2.0 */
/* What an HTTP/2 server sends, into the session of the egress client; without a socket: the bytes are handed to the
 * session as h2_conn.c does, and what it wants to send is thrown away. Input: a byte with the number of requests, then
 * the server's bytes. Properties: every call ends at most once, an answer has a final status and keeps its limits,
 * and what ends as not processed has no status. */
#include "fuzz.h"

#include "egress/h2_int.h"

#include <surewire/log.h>

#include <stdlib.h>

enum { CALLS_MAX = 3 };

struct call {
	struct sw_h2_call call;
	int told;
};

static const struct sw_endpoint endpoint = {.host = "push.example", .port = 443, .connections_max = 1};

static void on_done(struct sw_h2_call *call, const struct sw_h2_result *result)
{
	struct call *self = (struct call *)call;
	FUZZ_CHECK(++self->told == 1);
	FUZZ_CHECK(result->response.header_count <= SW_HTTP_HEADERS_MAX);
	FUZZ_CHECK(result->response.body.len <= SW_H2_BODY_MAX);
	FUZZ_CHECK(fuzz_printable(result->detail));
	if (result->end == SW_H2_ANSWERED) {
		FUZZ_CHECK(result->response.status >= 200 && result->response.status <= 999);
	} else {
		FUZZ_CHECK(result->response.status == 0 && result->detail[0]);
	}
	size_t bytes = 0;
	for (size_t i = 0; i < result->response.header_count; i++) {
		FUZZ_CHECK(result->response.headers[i].name.len > 0 && result->response.headers[i].name.ptr[0] != ':');
		bytes += result->response.headers[i].name.len + result->response.headers[i].value.len;
	}
	FUZZ_CHECK(bytes <= SW_H2_HEADERS_BYTES_MAX);
}

/* False when the session is over. */
static bool flush(struct h2_conn *conn)
{
	const uint8_t *ptr;
	ssize_t n;
	while ((n = nghttp2_session_mem_send(conn->session, &ptr)) > 0) {
	}
	return n == 0 && (nghttp2_session_want_read(conn->session) || nghttp2_session_want_write(conn->session));
}

static void submit(struct h2_conn *conn, struct call *call)
{
	struct h2_work *work = sw_h2_work_new(&call->call, 1);
	sw_h2_list_push(&conn->works, work);
	if (sw_h2_session_submit(conn, work) != SW_OK) {
		sw_h2_list_remove(&conn->works, work);
		sw_h2_work_free(work);
	}
}

static void receive(struct h2_conn *conn, struct sw_bytes in)
{
	struct fuzz_splits splits = fuzz_splits_new(in);
	while (flush(conn) && in.len) {
		size_t piece = fuzz_split(&splits, in.len);
		uint8_t *copy = fuzz_copy(sw_bytes(in.ptr, piece));
		ssize_t n = nghttp2_session_mem_recv(conn->session, copy, piece);
		free(copy);
		if (n < 0) {
			return;
		}
		in = sw_bytes(in.ptr + piece, in.len - piece);
	}
}

static void free_works(struct h2_list *list, bool tell)
{
	while (list->first) {
		struct h2_work *work = list->first;
		sw_h2_list_remove(list, work);
		if (tell) {
			sw_h2_work_tell(work, 2);
		}
		sw_h2_work_free(work);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_bytes in = sw_bytes(data, size);
	unsigned calls = fuzz_take_u8(&in) % (CALLS_MAX + 1);
	/* In its turn a pool starts no timer; its loop is not needed. */
	struct sw_h2_pool pool = {.endpoint = &endpoint, .in_turn = true};
	struct h2_conn conn = {.pool = &pool, .started_ms = 1};
	struct sw_http_request request = {
		.method = "POST", .path = sw_bytes_str("/3/device/00"), .body = sw_bytes_str("{\"aps\":{}}")};
	struct call told[CALLS_MAX] = {{.told = 0}};
	sw_log_set_level(SW_LOG_ERROR);
	conn.session = sw_h2_session_new(&conn);
	for (unsigned i = 0; i < calls; i++) {
		told[i].call = (struct sw_h2_call){.request = &request, .done = on_done};
		submit(&conn, &told[i]);
	}
	receive(&conn, in);
	nghttp2_session_del(conn.session);
	size_t ended = pool.finished.count;
	FUZZ_CHECK(ended + conn.works.count == calls);
	free_works(&conn.works, false);
	free_works(&pool.finished, true);
	return 0;
}
