/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a request, asks the handler, waits if told to, answers. */
#include "sim/http1_server.h"

#include <surewire/clock.h>

#include "sim/http1.h"

enum { TICK_MS = 100, IDLE_MS = 120000, WRITE_TIMEOUT_MS = 10000 };

/* False when the connection is to end. A malformed request is answered with 400 first. */
static bool read_request(struct sw_sim_link *link, struct sw_sim_request *request)
{
	struct sw_sim_conn *conn = &link->conn;
	int64_t deadline_ms = sw_clock_mono_ms() + IDLE_MS;
	for (;;) {
		size_t used = 0;
		sw_sim_request_init(request);
		int err = sw_sim_http1_parse(sw_buf_bytes(&conn->in), request, &used);
		if (err == SW_OK) {
			sw_buf_consume(&conn->in, used);
			return true;
		}
		sw_sim_request_release(request);
		if (err != SW_EAGAIN) {
			static const char bad[] =
				"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
			if (sw_sim_conn_write(conn, sw_bytes_str(bad), WRITE_TIMEOUT_MS) == SW_OK) {
				sw_sim_conn_finish(conn);
			}
			return false;
		}
		do {
			err = sw_sim_conn_fill(conn, TICK_MS);
			bool drop = atomic_load(&link->command) != SW_SIM_COMMAND_NONE;
			if (sw_sim_stopping(link) || drop || sw_clock_mono_ms() > deadline_ms) {
				return false;
			}
		} while (err == SW_ETIMEOUT);
		if (err) {
			return false;
		}
	}
}

static bool answer(struct sw_sim_link *link, const struct sw_sim_reply *reply, bool keep)
{
	struct sw_buf out;
	sw_buf_init(&out, reply->body.max + SW_SIM_HTTP1_HEAD_MAX);
	sw_sim_http1_write(reply, keep, &out);
	bool ok = !out.err && sw_sim_conn_write(&link->conn, sw_buf_bytes(&out), WRITE_TIMEOUT_MS) == SW_OK;
	sw_buf_release(&out);
	if (ok && !keep) {
		sw_sim_conn_finish(&link->conn);
	}
	return ok && keep;
}

/* Whether the connection goes on. */
static bool serve_one(struct sw_sim_link *link, const struct sw_sim_http_handler *handler)
{
	struct sw_sim_request request;
	struct sw_sim_reply reply;
	if (!read_request(link, &request)) {
		return false;
	}
	sw_sim_reply_init(&reply);
	handler->on_request(handler->ctx, &request, &reply);
	sw_sim_link_wait(link, reply.effect.delay_ms);
	bool keep = false;
	if (reply.effect.silence != SW_SIM_SILENT_NO) {
		sw_sim_link_mute(link);
	} else if (!reply.effect.drop && reply.effect.rst_code < 0 && reply.status != 0) {
		keep = answer(link, &reply, sw_sim_http1_keeps(&request) && reply.effect.goaway == SW_SIM_GOAWAY_NO);
	}
	sw_sim_reply_release(&reply);
	sw_sim_request_release(&request);
	return keep;
}

void sw_sim_http1_serve(struct sw_sim_link *link, const struct sw_sim_http_handler *handler)
{
	while (serve_one(link, handler)) {
	}
}
