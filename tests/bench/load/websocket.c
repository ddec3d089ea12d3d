/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of RFC 6455 (section 5.2). No fragments: a server that sends some is not measured here. */
#include "websocket.h"

#include "load.h"

#include <stdio.h>
#include <string.h>

/* FIN, an opcode, a masked length of 16 bits, the mask. */
#define HEAD_BYTES 8u
#define OP_TEXT 1u
#define OP_CLOSE 8u
#define OP_PING 9u
#define OP_PONG 10u
#define FIN 0x80u

static const uint8_t mask[4] = {0x3c, 0xa5, 0x5a, 0xc3};

void websocket_start(struct conn *conn, const char *path, const char *subprotocol)
{
	conn_put_text(conn, "GET ");
	conn_put_text(conn, path);
	conn_put_text(conn, " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			    "Sec-WebSocket-Protocol: ");
	conn_put_text(conn, subprotocol);
	conn_put_text(conn, "\r\n\r\n");
}

bool websocket_accepted(struct conn *conn)
{
	static const char status[] = "HTTP/1.1 101 ";
	uint8_t *end = memmem(conn->in, conn->in_len, "\r\n\r\n", 4);
	if (!end) {
		return false;
	}
	if (memcmp(conn->in, status, sizeof(status) - 1) != 0) {
		load_fail("no WebSocket: %.40s", (const char *)conn->in);
	}
	conn_consume(conn, (size_t)(end + 4 - conn->in));
	return true;
}

char *websocket_begin(struct conn *conn, size_t max)
{
	if (conn->max - conn->out_len < max + HEAD_BYTES || max > UINT16_MAX) {
		load_fail("the server does not read: %zu bytes wait", conn->out_len);
	}
	return (char *)conn->out + conn->out_len + HEAD_BYTES;
}

static void end_frame(struct conn *conn, unsigned op, size_t len)
{
	uint8_t *head = conn->out + conn->out_len;
	uint8_t *payload = head + HEAD_BYTES;
	head[0] = (uint8_t)(FIN | op);
	if (len < 126) {
		/* The short form has two bytes less. */
		head[1] = (uint8_t)(FIN | len);
		memmove(head + 6, payload, len);
		payload = head + 6;
	} else {
		head[1] = FIN | 126;
		head[2] = (uint8_t)(len >> 8);
		head[3] = (uint8_t)len;
	}
	memcpy(payload - sizeof(mask), mask, sizeof(mask));
	for (size_t i = 0; i < len; i++) {
		payload[i] ^= mask[i % sizeof(mask)];
	}
	conn->out_len += (size_t)(payload - head) + len;
}

void websocket_end(struct conn *conn, size_t len)
{
	end_frame(conn, OP_TEXT, len);
}

/* The length of the head and, in len_out, of the payload; 0: not complete yet. */
static size_t read_head(const uint8_t *in, size_t have, size_t *len_out)
{
	size_t extra = have < 2 || in[1] < 126 ? 0 : in[1] == 126 ? 2 : 8;
	if (have < 2 + extra) {
		return 0;
	}
	size_t len = extra == 0 ? in[1] : 0;
	for (size_t i = 0; i < extra; i++) {
		len = len << 8 | in[2 + i];
	}
	*len_out = len;
	return 2 + extra;
}

bool websocket_receive(struct conn *conn, void (*on_text)(void *ctx, const uint8_t *text, size_t len), void *ctx)
{
	size_t done = 0, head, len;
	size_t had = conn->out_len;
	while ((head = read_head(conn->in + done, conn->in_len - done, &len)) > 0 &&
	       len <= conn->in_len - done - head) {
		const uint8_t *payload = conn->in + done + head;
		unsigned op = conn->in[done];
		if (op == (FIN | OP_TEXT)) {
			on_text(ctx, payload, len);
		} else if (op == (FIN | OP_PING)) {
			memcpy(websocket_begin(conn, len), payload, len);
			end_frame(conn, OP_PONG, len);
		} else if (op == (FIN | OP_CLOSE)) {
			load_fail("closed by the server with %u %.*s", len > 1 ? payload[0] << 8 | payload[1] : 0,
				  (int)(len > 2 ? len - 2 : 0), (const char *)payload + 2);
		} else {
			load_fail("a frame with the first byte 0x%02x: expected text, ping or close", op);
		}
		done += head + len;
	}
	conn_consume(conn, done);
	return conn->out_len != had;
}
