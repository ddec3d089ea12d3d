/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded growing buffer and the reading cursor. */
#include <surewire/buf.h>
#include <surewire/mem.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sw_buf_init(struct sw_buf *buf, size_t max_bytes)
{
	*buf = (struct sw_buf){.max = max_bytes};
}

void sw_buf_release(struct sw_buf *buf)
{
	free(buf->ptr);
	*buf = (struct sw_buf){.max = buf->max};
}

void sw_buf_clear(struct sw_buf *buf)
{
	buf->len = 0;
	buf->err = SW_OK;
}

uint8_t *sw_buf_reserve(struct sw_buf *buf, size_t n)
{
	if (buf->err || n > buf->max || buf->len > buf->max - n) {
		buf->err = buf->err ? buf->err : SW_ELIMIT;
		return NULL;
	}
	size_t need = buf->len + n;
	if (need > buf->cap || !buf->ptr) {
		size_t cap = buf->cap ? buf->cap : 64;
		while (cap < need) {
			cap *= 2;
		}
		buf->ptr = sw_xrealloc(buf->ptr, cap);
		buf->cap = cap;
	}
	return buf->ptr + buf->len;
}

void sw_buf_put(struct sw_buf *buf, const void *ptr, size_t len)
{
	uint8_t *to = sw_buf_reserve(buf, len);
	if (to && len) {
		memcpy(to, ptr, len);
		buf->len += len;
	}
}

void sw_buf_put_bytes(struct sw_buf *buf, struct sw_bytes bytes)
{
	sw_buf_put(buf, bytes.ptr, bytes.len);
}

void sw_buf_put_str(struct sw_buf *buf, const char *text)
{
	sw_buf_put(buf, text, strlen(text));
}

void sw_buf_put_char(struct sw_buf *buf, char c)
{
	sw_buf_put(buf, &c, 1);
}

void sw_buf_put_decimal(struct sw_buf *buf, int64_t value)
{
	char text[20]; /* of the least one: 19 digits and the sign */
	char *first = text + sizeof(text);
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
	do {
		*--first = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (value < 0) {
		*--first = '-';
	}
	sw_buf_put(buf, first, (size_t)(text + sizeof(text) - first));
}

void sw_buf_printf(struct sw_buf *buf, const char *fmt, ...)
{
	char stack[256];
	va_list args;
	va_list again;
	va_start(args, fmt);
	va_copy(again, args);
	int len = vsnprintf(stack, sizeof(stack), fmt, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof(stack)) {
		sw_buf_put(buf, stack, (size_t)len);
	} else if (len >= 0) {
		char *to = (char *)sw_buf_reserve(buf, (size_t)len + 1);
		if (to) {
			vsnprintf(to, (size_t)len + 1, fmt, again);
			buf->len += (size_t)len;
		}
	}
	va_end(again);
}

void sw_buf_consume(struct sw_buf *buf, size_t n)
{
	if (n >= buf->len) {
		buf->len = 0;
		return;
	}
	memmove(buf->ptr, buf->ptr + n, buf->len - n);
	buf->len -= n;
}

static void put_be(struct sw_buf *buf, uint64_t v, size_t width)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < width; i++) {
		bytes[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
	}
	sw_buf_put(buf, bytes, width);
}

void sw_buf_put_u8(struct sw_buf *buf, uint8_t v)
{
	put_be(buf, v, 1);
}

void sw_buf_put_u16(struct sw_buf *buf, uint16_t v)
{
	put_be(buf, v, 2);
}

void sw_buf_put_u32(struct sw_buf *buf, uint32_t v)
{
	put_be(buf, v, 4);
}

void sw_buf_put_u64(struct sw_buf *buf, uint64_t v)
{
	put_be(buf, v, 8);
}

void sw_buf_put_varint(struct sw_buf *buf, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;
	do {
		uint8_t low = v & 0x7f;
		v >>= 7;
		bytes[n++] = v ? (uint8_t)(low | 0x80) : low;
	} while (v);
	sw_buf_put(buf, bytes, n);
}

const char *sw_buf_cstr(struct sw_buf *buf)
{
	uint8_t *end = sw_buf_reserve(buf, 1);
	if (!end) {
		return "";
	}
	*end = '\0';
	return (const char *)buf->ptr;
}

void sw_reader_init(struct sw_reader *r, struct sw_bytes bytes)
{
	*r = (struct sw_reader){.ptr = bytes.ptr, .left = bytes.len};
}

struct sw_bytes sw_reader_bytes(struct sw_reader *r, size_t len)
{
	if (r->err || len > r->left) {
		r->err = SW_EPARSE;
		return (struct sw_bytes){NULL, 0};
	}
	struct sw_bytes run = {r->ptr, len};
	r->ptr += len;
	r->left -= len;
	return run;
}

static uint64_t read_be(struct sw_reader *r, size_t width)
{
	struct sw_bytes run = sw_reader_bytes(r, width);
	uint64_t v = 0;
	for (size_t i = 0; i < run.len; i++) {
		v = v << 8 | run.ptr[i];
	}
	return v;
}

uint8_t sw_reader_u8(struct sw_reader *r)
{
	return (uint8_t)read_be(r, 1);
}

uint16_t sw_reader_u16(struct sw_reader *r)
{
	return (uint16_t)read_be(r, 2);
}

uint32_t sw_reader_u32(struct sw_reader *r)
{
	return (uint32_t)read_be(r, 4);
}

uint64_t sw_reader_u64(struct sw_reader *r)
{
	return read_be(r, 8);
}

uint64_t sw_reader_varint(struct sw_reader *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = sw_reader_u8(r);
		if (r->err || (shift == 63 && byte > 1)) {
			break;
		}
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			return v;
		}
	}
	r->err = SW_EPARSE;
	return 0;
}
