/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked bodies (RFC 9112 section 7.1). Extensions and trailers are read over, within limits. */
#include "net/http1.h"

enum { SIZE, EXTENSION, SIZE_LF, DATA, DATA_CR, DATA_LF, TRAILER, TRAILER_LF, DONE };
enum { SIZE_LINE_MAX = 256, TRAILER_BYTES_MAX = 4096, CHUNK_BITS_MAX = 60 };

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int on_size(struct sw_http1_chunked *c, uint8_t byte)
{
	int digit = hex_value(byte);
	if (digit >= 0) {
		if (c->left >> (CHUNK_BITS_MAX - 4)) {
			return SW_ELIMIT;
		}
		c->left = c->left << 4 | (unsigned)digit;
		c->digits = true;
		return SW_EAGAIN;
	}
	if (!c->digits) {
		return SW_EPARSE;
	}
	if (byte == '\r') {
		c->state = SIZE_LF;
		return SW_EAGAIN;
	}
	c->state = EXTENSION;
	return byte == ';' ? SW_EAGAIN : SW_EPARSE;
}

static int on_extension(struct sw_http1_chunked *c, uint8_t byte)
{
	if (byte == '\r') {
		c->state = SIZE_LF;
	}
	return byte == '\n' ? SW_EPARSE : SW_EAGAIN;
}

static int on_trailer(struct sw_http1_chunked *c, uint8_t byte)
{
	if (++c->trailer_bytes > TRAILER_BYTES_MAX) {
		return SW_ELIMIT;
	}
	if (byte == '\r') {
		c->state = TRAILER_LF;
	} else {
		c->line_len++;
	}
	return byte == '\n' ? SW_EPARSE : SW_EAGAIN;
}

static int on_line_end(struct sw_http1_chunked *c, uint8_t byte)
{
	if (byte != '\n') {
		return SW_EPARSE;
	}
	if (c->state == TRAILER_LF) {
		c->state = c->line_len ? TRAILER : DONE;
	} else if (c->state == DATA_LF) {
		c->state = SIZE;
	} else {
		c->state = c->left ? DATA : TRAILER;
	}
	c->line_len = 0;
	c->digits = false;
	return c->state == DONE ? SW_OK : SW_EAGAIN;
}

static int on_byte(struct sw_http1_chunked *c, uint8_t byte)
{
	switch (c->state) {
	case SIZE:
	case EXTENSION:
		if (++c->line_len > SIZE_LINE_MAX) {
			return SW_ELIMIT;
		}
		return c->state == SIZE ? on_size(c, byte) : on_extension(c, byte);
	case DATA_CR:
		c->state = DATA_LF;
		return byte == '\r' ? SW_EAGAIN : SW_EPARSE;
	case TRAILER:
		return on_trailer(c, byte);
	default:
		return on_line_end(c, byte);
	}
}

int sw_http1_chunked_feed(struct sw_http1_chunked *c, struct sw_bytes in, struct sw_buf *body, size_t *used_out)
{
	size_t at = 0;
	int rc = c->state == DONE ? SW_OK : SW_EAGAIN;
	while (rc == SW_EAGAIN && at < in.len) {
		if (c->state != DATA) {
			rc = on_byte(c, in.ptr[at++]);
			continue;
		}
		size_t n = in.len - at < c->left ? in.len - at : (size_t)c->left;
		sw_buf_put(body, in.ptr + at, n);
		at += n;
		c->left -= n;
		c->state = c->left ? DATA : DATA_CR;
		rc = body->err ? body->err : SW_EAGAIN;
	}
	*used_out = at;
	return rc;
}
