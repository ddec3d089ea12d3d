/* SPDX-License-Identifier: Apache-2.0 */
/* See ws_plain.h. The numbers are those of RFC 6455. */
#include "ws_plain.h"

#include <string.h>

struct frame {
	bool fin;
	unsigned opcode;
	uint64_t len;
	size_t header_len;
	const uint8_t *mask; /* NULL: not masked */
};

struct reading {
	const struct ws_plain_options *options;
	struct sw_buf *log;
	struct sw_buf message;
	unsigned opcode; /* of the message under way, 0: none */
	bool closed;
};

void ws_plain_note(struct sw_buf *log, unsigned opcode, unsigned close_code, struct sw_bytes payload)
{
	sw_buf_put_u8(log, (uint8_t)opcode);
	sw_buf_put_u16(log, (uint16_t)close_code);
	sw_buf_put_u32(log, (uint32_t)payload.len);
	sw_buf_put_bytes(log, payload);
}

/* Section 5.2. 0: *frame_out is set when its header is complete (header_len > 0). */
static uint16_t read_header(const struct reading *r, struct sw_bytes in, struct frame *frame_out)
{
	*frame_out = (struct frame){.header_len = 0};
	if (in.len < 2) {
		return 0;
	}
	bool masked = in.ptr[1] >> 7;
	unsigned len7 = in.ptr[1] & 127;
	struct frame frame = {.fin = in.ptr[0] >> 7, .opcode = in.ptr[0] & 15, .len = len7};
	bool control = frame.opcode >= 8;
	if (in.ptr[0] & 0x70 || masked == (r->options->side == SW_WS_CLIENT) || frame.opcode > 10 ||
	    (frame.opcode > 2 && frame.opcode < 8) || (control && (!frame.fin || len7 > 125)) ||
	    (!control && (frame.opcode == 0) == (r->opcode == 0))) {
		return 1002;
	}
	if (frame.opcode == 2 && r->options->text_only) {
		return 1003;
	}
	size_t more = len7 == 126 ? 2 : len7 == 127 ? 8 : 0;
	size_t header_len = 2 + more + (masked ? 4 : 0);
	if (in.len < header_len) {
		return 0;
	}
	if (more) {
		frame.len = 0;
		for (size_t i = 0; i < more; i++) {
			frame.len = frame.len * 256 + in.ptr[2 + i];
		}
		if (frame.len < 126 || (more == 8 && (frame.len < 65536 || frame.len > INT64_MAX))) {
			return 1002;
		}
	}
	frame.header_len = header_len;
	frame.mask = masked ? in.ptr + header_len - 4 : NULL;
	*frame_out = frame;
	return !control && frame.len + r->message.len > r->options->message_max ? 1009 : 0;
}

/* Section 7.4. */
static bool code_is_valid(unsigned code)
{
	if (code >= 3000 && code <= 4999) {
		return true;
	}
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

/* Does some code point that may be written in n bytes lie between the two? RFC 3629, section 3. */
static bool has_code_point(uint32_t low, uint32_t high, unsigned n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	low = low > least[n] ? low : least[n];
	high = high < 0x10ffff ? high : 0x10ffff;
	bool all_surrogates = low >= 0xd800 && high <= 0xdfff;
	return low <= high && !all_surrogates;
}

/* By value, not by tables of bytes. complete: it may not end inside a character. */
static bool utf8_is_good(struct sw_bytes text, bool complete)
{
	for (size_t at = 0; at < text.len;) {
		uint8_t lead = text.ptr[at++];
		unsigned n = lead < 0x80 ? 1
			   : lead < 0xc0 ? 0
			   : lead < 0xe0 ? 2
			   : lead < 0xf0 ? 3
			   : lead < 0xf8 ? 4
					 : 0;
		uint32_t low = n > 1 ? lead & (0x7fU >> n) : 0;
		uint32_t high = low;
		unsigned got = 1;
		for (; n && got < n && at < text.len; got++, at++) {
			if ((text.ptr[at] & 0xc0) != 0x80) {
				return false;
			}
			low = high = low << 6 | (text.ptr[at] & 0x3f);
		}
		if (n == 0 || (complete && got < n)) {
			return false;
		}
		for (; got < n; got++) {
			low <<= 6;
			high = high << 6 | 0x3f;
		}
		if (n > 1 && !has_code_point(low, high, n)) {
			return false;
		}
	}
	return true;
}

static uint16_t take_close(struct reading *r, struct sw_bytes payload)
{
	unsigned code = 1005;
	if (payload.len == 1) {
		return 1002;
	}
	if (payload.len >= 2) {
		code = payload.ptr[0] * 256U + payload.ptr[1];
		payload = sw_bytes(payload.ptr + 2, payload.len - 2);
		if (!code_is_valid(code)) {
			return 1002;
		}
	}
	if (!utf8_is_good(payload, true)) {
		return 1007;
	}
	ws_plain_note(r->log, 8, code, payload);
	r->closed = true;
	return 0;
}

static uint16_t take_data(struct reading *r, const struct frame *frame, struct sw_bytes payload)
{
	r->opcode = frame->opcode ? frame->opcode : r->opcode;
	sw_buf_put_bytes(&r->message, payload);
	if (r->opcode == 1 && !utf8_is_good(sw_buf_bytes(&r->message), frame->fin)) {
		return 1007;
	}
	if (frame->fin) {
		ws_plain_note(r->log, r->opcode, 0, sw_buf_bytes(&r->message));
		sw_buf_clear(&r->message);
		r->opcode = 0;
	}
	return 0;
}

static uint16_t take_frame(struct reading *r, const struct frame *frame, const uint8_t *payload)
{
	struct sw_buf plain;
	sw_buf_init(&plain, SIZE_MAX);
	for (size_t i = 0; i < frame->len; i++) {
		sw_buf_put_u8(&plain, frame->mask ? payload[i] ^ frame->mask[i % 4] : payload[i]);
	}
	uint16_t failed = 0;
	if (frame->opcode == 8) {
		failed = take_close(r, sw_buf_bytes(&plain));
	} else if (frame->opcode > 8) {
		ws_plain_note(r->log, frame->opcode, 0, sw_buf_bytes(&plain));
	} else {
		failed = take_data(r, frame, sw_buf_bytes(&plain));
	}
	sw_buf_release(&plain);
	return failed;
}

uint16_t ws_plain_read(const struct ws_plain_options *options, struct sw_bytes stream, struct sw_buf *log)
{
	struct reading r = {.options = options, .log = log};
	sw_buf_init(&r.message, SIZE_MAX);
	uint16_t failed = 0;
	while (!failed && !r.closed) {
		struct frame frame;
		failed = read_header(&r, stream, &frame);
		size_t whole = frame.header_len + (size_t)frame.len;
		if (failed || frame.header_len == 0 || frame.len > stream.len - frame.header_len) {
			break;
		}
		failed = take_frame(&r, &frame, stream.ptr + frame.header_len);
		stream = sw_bytes(stream.ptr + whole, stream.len - whole);
	}
	sw_buf_release(&r.message);
	return failed;
}
