/* SPDX-License-Identifier: Apache-2.0 */
/* Writing side: a queue of shared blobs, written once a turn with one gathering call. Only when the kernel's buffer is
 * full a write request exists; the blobs stay in the queue until it is done. */
#include "net/conn_int.h"

#include <surewire/mem.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { GATHER_MAX = 64, QUEUE_FIRST_CAP = 8 };

struct write_req {
	uv_write_t req;
	struct sw_conn *conn;
	size_t len;
	uint8_t data[]; /* ciphertext; plain writes borrow from the queue */
};

static void on_flush_turn(struct sw_turn *turn)
{
	sw_conn_flush((struct sw_conn *)((char *)turn - offsetof(struct sw_conn, flush)));
}

void sw_conn_schedule_flush(struct sw_conn *conn)
{
	conn->flush.run = on_flush_turn;
	sw_loop_at_turn_end(conn->net->loop, &conn->flush);
}

static void make_room(struct sw_conn *conn)
{
	if (conn->queue_first + conn->queue_count < conn->queue_cap) {
		return;
	}
	if (conn->queue_first > conn->queue_cap / 2) {
		memmove(conn->queue, conn->queue + conn->queue_first, conn->queue_count * sizeof(*conn->queue));
	} else {
		uint32_t cap = conn->queue_cap ? conn->queue_cap * 2 : QUEUE_FIRST_CAP;
		struct sw_blob **bigger = sw_xmalloc(cap * sizeof(struct sw_blob *));
		if (conn->queue_count) {
			memcpy(bigger, conn->queue + conn->queue_first, conn->queue_count * sizeof(*bigger));
		}
		free(conn->queue);
		conn->queue = bigger;
		conn->queue_cap = cap;
	}
	conn->queue_first = 0;
}

void sw_conn_write(struct sw_conn *conn, struct sw_blob *blob)
{
	if (conn->closing || conn->finishing || blob->len == 0) {
		sw_blob_unref(blob);
		return;
	}
	make_room(conn);
	conn->queue[conn->queue_first + conn->queue_count++] = blob;
	conn->queued_bytes += blob->len;
	if (conn->writes == 0) {
		sw_conn_schedule_flush(conn);
	}
}

size_t sw_conn_queued_bytes(const struct sw_conn *conn)
{
	return conn->queued_bytes + conn->cipher_bytes;
}

bool sw_conn_is_blocked(const struct sw_conn *conn)
{
	return conn->was_full;
}

void sw_conn_want_drained(struct sw_conn *conn)
{
	conn->was_full = true;
}

void sw_conn_queue_release(struct sw_conn *conn)
{
	for (uint32_t i = 0; i < conn->queue_count; i++) {
		sw_blob_unref(conn->queue[conn->queue_first + i]);
	}
	free(conn->queue);
	conn->queue = NULL;
	conn->queue_first = conn->queue_count = conn->queue_cap = 0;
	conn->queued_bytes = 0;
	conn->head_sent = 0;
}

void sw_conn_queue_consume(struct sw_conn *conn, size_t n)
{
	conn->queued_bytes -= n;
	while (n) {
		struct sw_blob *blob = conn->queue[conn->queue_first];
		size_t left = blob->len - conn->head_sent;
		if (n < left) {
			conn->head_sent += (uint32_t)n;
			return;
		}
		n -= left;
		conn->head_sent = 0;
		conn->queue_first++;
		conn->queue_count--;
		sw_blob_unref(blob);
	}
	if (conn->queue_count == 0) {
		sw_conn_queue_release(conn);
	}
}

static void on_written(uv_write_t *uv_req, int status)
{
	struct write_req *req = (struct write_req *)uv_req;
	struct sw_conn *conn = req->conn;
	size_t len = req->len;
	free(req);
	conn->writes--;
	if (conn->closing) {
		return;
	}
	if (status != 0) {
		sw_conn_close(conn, SW_CONN_ERROR);
		return;
	}
	sw_metric_add(conn->net->metrics.sent_bytes, (int64_t)len);
	if (conn->ssl) {
		conn->cipher_bytes -= (uint32_t)len;
	} else {
		sw_conn_queue_consume(conn, len);
	}
	if (conn->writes == 0) {
		sw_conn_flush(conn);
	}
}

/* extra: bytes of room behind the request. */
static struct write_req *new_request(struct sw_conn *conn, size_t len, size_t extra)
{
	struct write_req *req = sw_xmalloc(sizeof(*req) + extra);
	req->conn = conn;
	req->len = len;
	conn->writes++;
	return req;
}

static void submit(struct sw_conn *conn, struct write_req *req, const uv_buf_t *bufs, unsigned count)
{
	int rc = uv_write(&req->req, (uv_stream_t *)&conn->tcp, bufs, count, on_written);
	if (rc) {
		conn->writes--;
		free(req);
		sw_conn_close(conn, SW_CONN_ERROR);
	}
}

/* Bytes that the kernel took, 0 when it is full; negative: closed. */
static ssize_t try_write(struct sw_conn *conn, const uv_buf_t *bufs, unsigned count)
{
	int n = uv_try_write((uv_stream_t *)&conn->tcp, bufs, count);
	if (n == UV_EAGAIN) {
		return 0;
	}
	if (n < 0) {
		sw_conn_close(conn, SW_CONN_ERROR);
		return -1;
	}
	sw_metric_add(conn->net->metrics.sent_bytes, n);
	return n;
}

static unsigned gather(const struct sw_conn *conn, uv_buf_t bufs[GATHER_MAX], size_t *total_out)
{
	unsigned count = conn->queue_count < GATHER_MAX ? conn->queue_count : GATHER_MAX;
	size_t skip = conn->head_sent;
	*total_out = 0;
	for (unsigned i = 0; i < count; i++) {
		struct sw_blob *blob = conn->queue[conn->queue_first + i];
		bufs[i] = uv_buf_init((char *)blob->data + skip, (unsigned)(blob->len - skip));
		*total_out += blob->len - skip;
		skip = 0;
	}
	return count;
}

static void flush_plain(struct sw_conn *conn)
{
	while (conn->queue_count && conn->writes == 0 && !conn->closing) {
		uv_buf_t bufs[GATHER_MAX];
		size_t total;
		unsigned count = gather(conn, bufs, &total);
		ssize_t n = try_write(conn, bufs, count);
		if (n < 0) {
			return;
		}
		sw_conn_queue_consume(conn, (size_t)n);
		if ((size_t)n < total) {
			count = gather(conn, bufs, &total);
			submit(conn, new_request(conn, total, 0), bufs, count);
		}
	}
}

void sw_conn_send_copy(struct sw_conn *conn, struct sw_bytes bytes)
{
	if (conn->closing || bytes.len == 0) {
		return;
	}
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.ptr, (unsigned)bytes.len);
	ssize_t n = conn->writes ? 0 : try_write(conn, &buf, 1);
	if (n < 0 || (size_t)n == bytes.len) {
		return;
	}
	size_t left = bytes.len - (size_t)n;
	/* What a peer makes us send without reading it (handshake records) must end somewhere. */
	if (conn->cipher_bytes + left > SW_CONN_CIPHER_BYTES_MAX || conn->writes == UINT8_MAX) {
		sw_conn_close(conn, SW_CONN_SLOW);
		return;
	}
	struct write_req *req = new_request(conn, left, left);
	memcpy(req->data, bytes.ptr + n, left);
	conn->cipher_bytes += (uint32_t)left;
	buf = uv_buf_init((char *)req->data, (unsigned)left);
	submit(conn, req, &buf, 1);
}

static void end_stream(struct sw_conn *conn)
{
	if (conn->ssl && !conn->goodbye) {
		conn->goodbye = true;
		sw_conn_tls_say_goodbye(conn);
		if (conn->writes || conn->closing) {
			return;
		}
	}
	uv_os_fd_t fd;
	if (!conn->shut && uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0) {
		conn->shut = true;
		shutdown(fd, SHUT_WR);
	}
	if (conn->eof) {
		sw_conn_close(conn, SW_CONN_EOF);
	}
}

void sw_conn_flush(struct sw_conn *conn)
{
	if (conn->closing) {
		return;
	}
	if (conn->ssl) {
		sw_conn_tls_flush(conn);
	} else {
		flush_plain(conn);
	}
	if (conn->closing) {
		return;
	}
	if (conn->writes || conn->queue_count) {
		conn->was_full = true;
	} else if (conn->finishing) {
		end_stream(conn);
	} else if (conn->was_full) {
		conn->was_full = false;
		if (conn->events && conn->events->on_drained) {
			conn->events->on_drained(conn, conn->ctx);
		}
	}
}
