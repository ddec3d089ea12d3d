/* SPDX-License-Identifier: Apache-2.0 */
/* Requests are handled in the order in which they were complete, outside of nghttp2's callbacks. */
#include "sim/h2_server.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <surewire/clock.h>
#include <surewire/mem.h>

enum {
	READ_BYTES = 16 * 1024,
	OUT_MAX = 1024 * 1024,
	TICK_MS = 50,
	WRITE_TIMEOUT_MS = 10000,
	HEADER_BYTES_MAX = 16 * 1024
};

enum stream_state { READING, COMPLETE, WAITING, DONE };

struct h2_stream {
	int32_t id;
	enum stream_state state;
	struct sw_sim_request request;
	struct sw_sim_reply reply;
	size_t header_bytes;
	size_t sent;
	int64_t due_ms; /* WAITING */
	struct h2_stream *prev;
	struct h2_stream *next;
};

struct h2 {
	struct sw_sim_link *link;
	const struct sw_sim_http_handler *handler;
	nghttp2_session *session;
	struct h2_stream *first; /* in the order of their beginning */
	struct h2_stream *last;
	int32_t goaway_last; /* streams beyond are not processed */
	bool ended;
	bool muted;
	struct sw_buf out;
};

static void stream_free(struct h2 *h2, struct h2_stream *stream)
{
	*(stream->prev ? &stream->prev->next : &h2->first) = stream->next;
	*(stream->next ? &stream->next->prev : &h2->last) = stream->prev;
	sw_sim_request_release(&stream->request);
	sw_sim_reply_release(&stream->reply);
	free(stream);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	struct h2 *h2 = ctx;
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
		return 0;
	}
	struct h2_stream *stream = sw_xcalloc(1, sizeof(*stream));
	stream->id = frame->hd.stream_id;
	sw_sim_request_init(&stream->request);
	sw_sim_reply_init(&stream->reply);
	stream->prev = h2->last;
	*(h2->last ? &h2->last->next : &h2->first) = stream;
	h2->last = stream;
	nghttp2_session_set_stream_user_data(session, stream->id, stream);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
		     const uint8_t *value, size_t value_len, uint8_t flags, void *ctx)
{
	(void)flags;
	(void)ctx;
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (!stream || frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
		return 0;
	}
	struct sw_sim_request *request = &stream->request;
	struct sw_bytes n = sw_bytes(name, name_len);
	struct sw_bytes v = sw_bytes(value, value_len);
	stream->header_bytes += name_len + value_len;
	if (stream->header_bytes > HEADER_BYTES_MAX) {
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	if (sw_bytes_equal_str(n, ":method")) {
		request->method = sw_arena_str(&request->arena, v);
	} else if (sw_bytes_equal_str(n, ":path")) {
		request->path = sw_arena_str(&request->arena, v);
	} else if (sw_bytes_equal_str(n, ":authority")) {
		request->authority = sw_arena_str(&request->arena, v);
	} else if (name_len > 0 && name[0] != ':' && sw_sim_request_add(request, n, v) != SW_OK) {
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len,
		   void *ctx)
{
	(void)flags;
	(void)ctx;
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, stream_id);
	if (stream) {
		sw_sim_request_add_body(&stream->request, sw_bytes(data, len));
	}
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
	(void)ctx;
	bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
		    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	struct h2_stream *stream = ends ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id) : NULL;
	if (stream && stream->state == READING) {
		stream->state = COMPLETE;
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *ctx)
{
	(void)error_code;
	struct h2_stream *stream = nghttp2_session_get_stream_user_data(session, stream_id);
	if (stream) {
		stream_free(ctx, stream);
	}
	return 0;
}

static ssize_t on_read_body(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t len, uint32_t *flags,
			    nghttp2_data_source *source, void *ctx)
{
	(void)session;
	(void)stream_id;
	(void)ctx;
	struct h2_stream *stream = source->ptr;
	size_t left = stream->reply.body.len - stream->sent;
	size_t n = left < len ? left : len;
	if (n > 0) {
		memcpy(buf, stream->reply.body.ptr + stream->sent, n);
	}
	stream->sent += n;
	if (stream->sent == stream->reply.body.len) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
			    NGHTTP2_NV_FLAG_NONE};
}

static void answer(struct h2 *h2, struct h2_stream *stream)
{
	struct sw_sim_reply *reply = &stream->reply;
	char status[12];
	nghttp2_nv headers[SW_SIM_REPLY_HEADERS_MAX + 1];
	size_t count = 0;
	snprintf(status, sizeof(status), "%d", reply->status);
	headers[count++] = header(":status", status);
	for (size_t i = 0; i < reply->header_count; i++) {
		headers[count++] = header(reply->headers[i].name, reply->headers[i].value);
	}
	nghttp2_data_provider body = {.source.ptr = stream, .read_callback = on_read_body};
	stream->state = DONE;
	if (nghttp2_submit_response(h2->session, stream->id, headers, count, reply->body.len ? &body : NULL) != 0) {
		h2->ended = true;
	}
}

/* Everything that nghttp2 has to say, as few writes as possible. */
static void flush(struct h2 *h2)
{
	const uint8_t *part;
	ssize_t n = 0;
	while (!h2->ended && (n = nghttp2_session_mem_send(h2->session, &part)) > 0) {
		sw_buf_put(&h2->out, part, (size_t)n);
		if (h2->out.len > OUT_MAX / 2) {
			h2->ended = sw_sim_conn_write(&h2->link->conn, sw_buf_bytes(&h2->out), WRITE_TIMEOUT_MS) !=
				    SW_OK;
			sw_buf_clear(&h2->out);
		}
	}
	if (n < 0) {
		h2->ended = true;
	}
	if (!h2->ended && h2->out.len > 0) {
		h2->ended = sw_sim_conn_write(&h2->link->conn, sw_buf_bytes(&h2->out), WRITE_TIMEOUT_MS) != SW_OK;
	}
	sw_buf_clear(&h2->out);
}

static void go_away(struct h2 *h2, int32_t last, uint32_t code)
{
	static const char debug[] = "{\"reason\":\"Shutdown\"}";
	if (last < h2->goaway_last) {
		h2->goaway_last = last;
	}
	nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last, code, (const uint8_t *)debug, sizeof(debug) - 1);
}

static void apply_goaway(struct h2 *h2, int32_t stream_id, const struct sw_sim_effect *effect)
{
	if (effect->goaway == SW_SIM_GOAWAY_NO) {
		return;
	}
	int32_t last = effect->goaway == SW_SIM_GOAWAY_ALL  ? stream_id
		     : effect->goaway == SW_SIM_GOAWAY_NONE ? (stream_id > 2 ? stream_id - 2 : 0)
							    : effect->goaway_stream;
	go_away(h2, last, effect->goaway_code);
}

/* The time of a stream has come: its answer or its effect. */
static void conclude(struct h2 *h2, struct h2_stream *stream)
{
	const struct sw_sim_effect effect = stream->reply.effect;
	int32_t id = stream->id;
	stream->state = DONE;
	if (effect.drop || effect.silence == SW_SIM_SILENT_CONNECTION) {
		flush(h2); /* earlier answers leave; this one never */
		h2->ended = true;
		h2->muted = !effect.drop;
		return;
	}
	if (effect.rst_code >= 0) {
		nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, id, (uint32_t)effect.rst_code);
	} else if (effect.silence == SW_SIM_SILENT_NO && stream->reply.status != 0) {
		answer(h2, stream);
	}
	apply_goaway(h2, id, &effect);
}

static void handle(struct h2 *h2, struct h2_stream *stream)
{
	h2->handler->on_request(h2->handler->ctx, &stream->request, &stream->reply);
	if (stream->reply.streams_max > 0) {
		nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, stream->reply.streams_max};
		nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, &entry, 1);
	}
	if (stream->reply.effect.delay_ms > 0) {
		stream->state = WAITING;
		stream->due_ms = sw_clock_mono_ms() + stream->reply.effect.delay_ms;
	} else {
		conclude(h2, stream);
	}
}

/* New requests, and delayed ones that are due. nghttp2 frees streams only when it sends or receives, so the list
 * stands still here, but for flush() in conclude(), after which the loop ends. Returns how long to wait for input. */
static int work(struct h2 *h2)
{
	int64_t now_ms = sw_clock_mono_ms();
	int64_t wait_ms = TICK_MS;
	for (struct h2_stream *stream = h2->first; stream && !h2->ended; stream = stream->next) {
		bool ours = stream->id <= h2->goaway_last;
		if (stream->state == COMPLETE && ours) {
			handle(h2, stream);
		} else if (stream->state == WAITING && ours && stream->due_ms <= now_ms) {
			conclude(h2, stream);
		} else if (stream->state == WAITING && ours && stream->due_ms - now_ms < wait_ms) {
			wait_ms = stream->due_ms - now_ms;
		}
	}
	return (int)wait_ms;
}

static void obey(struct h2 *h2)
{
	switch (atomic_exchange(&h2->link->command, SW_SIM_COMMAND_NONE)) {
	case SW_SIM_COMMAND_GOAWAY:
		go_away(h2, nghttp2_session_get_last_proc_stream_id(h2->session), NGHTTP2_NO_ERROR);
		break;
	case SW_SIM_COMMAND_DROP:
		h2->ended = true;
		break;
	default:
		break;
	}
}

static void receive(struct h2 *h2, int wait_ms)
{
	uint8_t bytes[READ_BYTES];
	size_t n;
	int err = sw_sim_conn_read(&h2->link->conn, bytes, sizeof(bytes), wait_ms, &n);
	if (err == SW_ETIMEOUT) {
		return;
	}
	if (err || nghttp2_session_mem_recv(h2->session, bytes, n) != (ssize_t)n) {
		flush(h2); /* a GOAWAY with the reason, when there is one */
		h2->ended = true;
	}
}

static int open_session(struct h2 *h2)
{
	nghttp2_session_callbacks *callbacks;
	if (nghttp2_session_callbacks_new(&callbacks) != 0) {
		return SW_EIO;
	}
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	int rv = nghttp2_session_server_new(&h2->session, callbacks, h2);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, h2->handler->streams_max};
	return rv == 0 && nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, &entry, 1) == 0 ? SW_OK : SW_EIO;
}

void sw_sim_h2_serve(struct sw_sim_link *link, const struct sw_sim_http_handler *handler)
{
	struct h2 h2 = {.link = link, .handler = handler, .goaway_last = INT32_MAX};
	sw_buf_init(&h2.out, OUT_MAX);
	h2.ended = open_session(&h2) != SW_OK;
	while (!h2.ended && !sw_sim_stopping(link)) {
		obey(&h2);
		int wait_ms = work(&h2);
		flush(&h2);
		if (!nghttp2_session_want_read(h2.session) && !nghttp2_session_want_write(h2.session)) {
			sw_sim_conn_finish(&link->conn);
			break;
		}
		if (!h2.ended) {
			receive(&h2, wait_ms);
		}
	}
	if (h2.muted) {
		sw_sim_link_mute(link);
	}
	while (h2.first) {
		stream_free(&h2, h2.first);
	}
	nghttp2_session_del(h2.session);
	sw_buf_release(&h2.out);
}
