/* SPDX-License-Identifier: Apache-2.0 */
/* The nghttp2 side of a connection: requests into frames, frames into answers. Does no I/O and ends no connection;
 * on GOAWAY it marks the connection draining at once. */
#include <stdio.h>
#include <string.h>
#include <surewire/clock.h>
#include <surewire/log.h>

#include "egress/h2_int.h"

enum {
	/* method, scheme, authority, path, content-length and the request's own */
	NV_MAX = SW_HTTP_HEADERS_MAX + 5,
	GOAWAY_TEXT_MAX = 100,
};

static struct h2_work *work_of(nghttp2_session *session, int32_t stream_id)
{
	return stream_id == 0 ? NULL : nghttp2_session_get_stream_user_data(session, stream_id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct h2_conn *conn = user_data;
	conn->reading = work_of(session, frame->hd.stream_id);
	if (conn->reading != NULL) {
		sw_h2_work_begin_headers(conn->reading);
	}
	return 0;
}

/* Nothing else comes between the parts of a header block (RFC 9113, 4.3). */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_len,
		     const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
	(void)session;
	(void)frame;
	(void)flags;
	struct h2_conn *conn = user_data;
	if (conn->reading != NULL) {
		sw_h2_work_header(conn->reading, sw_bytes(name, name_len), sw_bytes(value, value_len));
	}
	return 0;
}

/* ended: the server closed its side of the stream. */
static void answered(struct h2_conn *conn, struct h2_work *work, bool ended)
{
	conn->answered = true;
	conn->pool->failures = 0;
	if (work->status / 100 == 2) {
		conn->full_streams = true;
	}
	if (ended && work->body_at == work->call->request->body.len) {
		sw_h2_conn_finish(conn, work, SW_H2_ANSWERED, "");
	} else {
		sw_h2_conn_cancel(conn, work, SW_H2_ANSWERED, "");
	}
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data, size_t len,
			 void *user_data)
{
	(void)flags;
	struct h2_conn *conn = user_data;
	struct h2_work *work = work_of(session, stream_id);
	if (work != NULL && !sw_h2_work_body(work, sw_bytes(data, len))) {
		/* Status and the first bytes decide; the rest is not worth waiting for. */
		answered(conn, work, false);
	}
	return 0;
}

/* Debug data is shown as far as it is printable. */
static void goaway_text(const nghttp2_goaway *goaway, char *text_out)
{
	size_t n = 0;
	for (size_t i = 0; i < goaway->opaque_data_len && n < GOAWAY_TEXT_MAX; i++) {
		uint8_t c = goaway->opaque_data[i];
		if (c >= ' ' && c < 0x7f) {
			text_out[n++] = (char)c;
		}
	}
	text_out[n] = '\0';
}

static void on_goaway(struct h2_conn *conn, const nghttp2_goaway *goaway)
{
	char text[GOAWAY_TEXT_MAX + 1];
	goaway_text(goaway, text);
	char detail[H2_DETAIL_MAX];
	snprintf(detail, sizeof(detail), "GOAWAY %s%s%s", nghttp2_http2_strerror(goaway->error_code),
		 text[0] == '\0' ? "" : " ", text);
	SW_LOG(INFO, "egress.h2_goaway", SW_F_STR("host", conn->pool->endpoint->host), SW_F_STR("detail", detail),
	       SW_F_INT("last_stream", goaway->last_stream_id), SW_F_U64("in_flight", conn->works.count));
	sw_h2_conn_drain(conn, detail, goaway->error_code != NGHTTP2_NO_ERROR);
}

static void on_server_settings(struct h2_conn *conn)
{
	if (conn->state == H2_CONNECTING) {
		conn->state = H2_OPEN;
		SW_LOG(INFO, "egress.h2_open", SW_F_STR("host", conn->pool->endpoint->host),
		       SW_F_INT("port", conn->pool->endpoint->port),
		       SW_F_U64("streams_max", nghttp2_session_get_remote_settings(
						       conn->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)));
	}
	sw_h2_pool_kick(conn->pool);
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct h2_conn *conn = user_data;
	struct h2_work *work = work_of(session, frame->hd.stream_id);
	bool ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
	switch (frame->hd.type) {
	case NGHTTP2_SETTINGS:
		if (!ack) {
			on_server_settings(conn);
		}
		break;
	case NGHTTP2_GOAWAY:
		on_goaway(conn, &frame->goaway);
		break;
	case NGHTTP2_PING:
		if (ack) {
			conn->ping_sent_ms = 0;
			conn->ping_done_ms = sw_clock_mono_ms();
		}
		break;
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		if (work != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && work->final) {
			answered(conn, work, true);
		}
		break;
	default:
		break;
	}
	return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	(void)user_data;
	struct h2_work *work = frame->hd.type == NGHTTP2_HEADERS ? work_of(session, frame->hd.stream_id) : NULL;
	if (work != NULL) {
		work->sent = true;
	}
	return 0;
}

static int on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int lib_error, void *user_data)
{
	struct h2_conn *conn = user_data;
	struct h2_work *work = work_of(session, frame->hd.stream_id);
	if (frame->hd.type == NGHTTP2_HEADERS && work != NULL) {
		sw_h2_conn_finish(conn, work, SW_H2_UNSENT, nghttp2_strerror(lib_error));
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *user_data)
{
	struct h2_conn *conn = user_data;
	struct h2_work *work = work_of(session, stream_id);
	if (work == NULL) {
		return 0;
	}
	char detail[H2_DETAIL_MAX];
	snprintf(detail, sizeof(detail), "stream closed: %s", nghttp2_http2_strerror(error_code));
	/* REFUSED_STREAM: by RST_STREAM, or by nghttp2 for an id above GOAWAY's last (RFC 9113, 8.7). A server that
	 * began to answer has processed something, whatever it says afterwards. */
	bool unsent = !work->sent || (error_code == NGHTTP2_REFUSED_STREAM && work->status == 0);
	sw_h2_conn_finish(conn, work, unsent ? SW_H2_UNSENT : SW_H2_UNKNOWN, detail);
	return 0;
}

/* nghttp2 has no opinion of its own about a stream whose answer is no longer wanted: it is being reset. */
static ssize_t on_read_body(nghttp2_session *session, int32_t stream_id, uint8_t *buf, size_t len, uint32_t *flags,
			    nghttp2_data_source *source, void *user_data)
{
	(void)source;
	(void)user_data;
	struct h2_work *work = work_of(session, stream_id);
	if (work == NULL) {
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	struct sw_bytes body = work->call->request->body;
	size_t left = body.len - work->body_at;
	size_t n = left < len ? left : len;
	if (n > 0) {
		memcpy(buf, body.ptr + work->body_at, n);
		work->body_at += n;
	}
	if (work->body_at == body.len) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

static nghttp2_session_callbacks *new_callbacks(void)
{
	nghttp2_session_callbacks *cbs;
	if (nghttp2_session_callbacks_new(&cbs) != 0) {
		return NULL;
	}
	nghttp2_session_callbacks_set_on_begin_headers_callback(cbs, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cbs, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cbs, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cbs, on_frame_recv);
	nghttp2_session_callbacks_set_on_frame_send_callback(cbs, on_frame_send);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(cbs, on_frame_not_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(cbs, on_stream_close);
	return cbs;
}

nghttp2_session *sw_h2_session_new(struct h2_conn *conn)
{
	nghttp2_session *session = NULL;
	nghttp2_option *option = NULL;
	nghttp2_session_callbacks *cbs = new_callbacks();
	if (cbs == NULL || nghttp2_option_new(&option) != 0) {
		goto out;
	}
	/* Until the server's SETTINGS are in; 100 would be nghttp2's guess. */
	nghttp2_option_set_peer_max_concurrent_streams(option, 1);
	if (nghttp2_session_client_new2(&session, cbs, conn, option) != 0) {
		session = NULL;
		goto out;
	}
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 2 * SW_H2_HEADERS_BYTES_MAX},
	};
	if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 2) != 0) {
		nghttp2_session_del(session);
		session = NULL;
	}
out:
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cbs);
	return session;
}

struct nv_list {
	nghttp2_nv nv[NV_MAX];
	size_t count;
};

static void nv_add(struct nv_list *list, struct sw_bytes name, struct sw_bytes value, bool no_index)
{
	list->nv[list->count++] = (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name.ptr,
		.namelen = name.len,
		.value = (uint8_t *)(uintptr_t)value.ptr,
		.valuelen = value.len,
		.flags = no_index ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE,
	};
}

static void nv_add_request(struct nv_list *list, const struct sw_http_request *req, const char *authority,
			   const char *content_length)
{
	nv_add(list, sw_bytes_str(":method"), sw_bytes_str(req->method), false);
	nv_add(list, sw_bytes_str(":scheme"), sw_bytes_str("https"), false);
	nv_add(list, sw_bytes_str(":authority"), sw_bytes_str(authority), false);
	/* Paths carry device tokens. */
	nv_add(list, sw_bytes_str(":path"), req->path, true);
	bool has_length = req->body.len == 0;
	for (size_t i = 0; i < req->header_count; i++) {
		const struct sw_http_header *header = &req->headers[i];
		nv_add(list, header->name, header->value, header->no_index);
		has_length = has_length || sw_bytes_equal_str(header->name, "content-length");
	}
	if (!has_length) {
		nv_add(list, sw_bytes_str("content-length"), sw_bytes_str(content_length), false);
	}
}

int sw_h2_session_submit(struct h2_conn *conn, struct h2_work *work)
{
	const struct sw_http_request *req = work->call->request;
	char content_length[24];
	snprintf(content_length, sizeof(content_length), "%zu", req->body.len);
	struct nv_list list;
	list.count = 0;
	nv_add_request(&list, req, conn->pool->authority, content_length);
	nghttp2_data_provider body = {.read_callback = on_read_body};
	int32_t id = nghttp2_submit_request(conn->session, NULL, list.nv, list.count, req->body.len > 0 ? &body : NULL,
					    work);
	if (id < 0) {
		return SW_EUNAVAILABLE;
	}
	work->stream_id = id;
	return SW_OK;
}
