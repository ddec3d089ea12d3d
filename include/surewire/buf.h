/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with an upper bound and a sticky error: append without checking, look at the end.
 * Past the bound nothing more is appended and `err` stays SW_ELIMIT. One thread at a time. */
#ifndef SUREWIRE_BUF_H
#define SUREWIRE_BUF_H

#include <surewire/bytes.h>
#include <surewire/err.h>

struct sw_buf {
	uint8_t *ptr;
	size_t len;
	size_t cap;
	size_t max;
	int err;
};

void sw_buf_init(struct sw_buf *buf, size_t max_bytes);
void sw_buf_release(struct sw_buf *buf);
/* Forgets contents and error, keeps the memory. */
void sw_buf_clear(struct sw_buf *buf);
/* Room for n more bytes at the end; NULL when it would pass the bound. The caller then adds what it wrote to len. */
uint8_t *sw_buf_reserve(struct sw_buf *buf, size_t n);
void sw_buf_put(struct sw_buf *buf, const void *ptr, size_t len);
void sw_buf_put_bytes(struct sw_buf *buf, struct sw_bytes bytes);
void sw_buf_put_str(struct sw_buf *buf, const char *text);
void sw_buf_put_char(struct sw_buf *buf, char c);
/* In decimal digits; several times as fast as sw_buf_printf. */
void sw_buf_put_decimal(struct sw_buf *buf, int64_t value);
void sw_buf_printf(struct sw_buf *buf, const char *fmt, ...) SW_PRINTF(2, 3);
/* Removes n bytes from the front. */
void sw_buf_consume(struct sw_buf *buf, size_t n);
/* Big-endian integers. */
void sw_buf_put_u8(struct sw_buf *buf, uint8_t v);
void sw_buf_put_u16(struct sw_buf *buf, uint16_t v);
void sw_buf_put_u32(struct sw_buf *buf, uint32_t v);
void sw_buf_put_u64(struct sw_buf *buf, uint64_t v);
/* LEB128. */
void sw_buf_put_varint(struct sw_buf *buf, uint64_t v);
/* Terminates (not counted in len) and gives the text; "" after an error. */
const char *sw_buf_cstr(struct sw_buf *buf);
static inline struct sw_bytes sw_buf_bytes(const struct sw_buf *buf)
{
	return (struct sw_bytes){buf->ptr, buf->len};
}

/* The reading side: a cursor over borrowed bytes, sticky error SW_EPARSE when it would read past the end. */
struct sw_reader {
	const uint8_t *ptr;
	size_t left;
	int err;
};
void sw_reader_init(struct sw_reader *r, struct sw_bytes bytes);
uint8_t sw_reader_u8(struct sw_reader *r);
uint16_t sw_reader_u16(struct sw_reader *r);
uint32_t sw_reader_u32(struct sw_reader *r);
uint64_t sw_reader_u64(struct sw_reader *r);
uint64_t sw_reader_varint(struct sw_reader *r);
/* len bytes, borrowed; empty after an error. */
struct sw_bytes sw_reader_bytes(struct sw_reader *r, size_t len);

#endif
