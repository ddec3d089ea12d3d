/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in. A message that arrives whole is handed out where it lies; only the pieces of an incomplete one are
 * copied. Memory grows with what was received, never with what a header announces. */
#include "net/ws_codec.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

enum { FIN = 0x80, RSV = 0x70, OPCODE = 0x0f, MASKED = 0x80, LEN7 = 0x7f, LEN16 = 126, LEN64 = 127, CONTROL = 0x8 };
enum { HEADER, PAYLOAD };
enum { FIRST_MESSAGE_BYTES = 256 };

void sw_ws_parser_init(struct sw_ws_parser *p, enum sw_ws_side side, uint32_t message_max, bool text_only)
{
	*p = (struct sw_ws_parser){.side = (uint8_t)side, .message_max = message_max, .text_only = text_only};
}

void sw_ws_parser_release(struct sw_ws_parser *p)
{
	free(p->message);
	free(p->control);
	p->message = NULL;
	p->control = NULL;
}

static int fail(struct sw_ws_parser *p, uint16_t code)
{
	p->failed = code;
	return code == SW_WS_CODE_TOO_BIG ? SW_ELIMIT : SW_EPROTO;
}

static bool is_control(const struct sw_ws_parser *p)
{
	return p->header[0] & CONTROL;
}

static bool is_final(const struct sw_ws_parser *p)
{
	return p->header[0] & FIN;
}

static const uint8_t *mask_key(const struct sw_ws_parser *p)
{
	return p->header + p->header_need - 4;
}

static uint8_t header_size(const uint8_t first_two[2])
{
	uint8_t len7 = first_two[1] & LEN7;
	uint8_t extended = len7 == LEN16 ? 2 : len7 == LEN64 ? 8 : 0;
	return (uint8_t)(2 + extended + (first_two[1] & MASKED ? 4 : 0));
}

/* Everything that the first two bytes tell. Returns a close code or 0. */
static uint16_t check_first_two(const struct sw_ws_parser *p)
{
	uint8_t opcode = p->header[0] & OPCODE;
	bool masked = p->header[1] & MASKED;
	if ((p->header[0] & RSV) || masked != (p->side == SW_WS_SERVER)) {
		return SW_WS_CODE_PROTOCOL;
	}
	if (opcode & CONTROL) {
		bool known = opcode <= SW_WS_PONG;
		bool whole = is_final(p) && (p->header[1] & LEN7) <= SW_WS_CONTROL_BYTES_MAX;
		return known && whole ? 0 : SW_WS_CODE_PROTOCOL;
	}
	if (opcode > SW_WS_BINARY || (opcode == SW_WS_CONTINUATION) != (p->opcode != 0)) {
		return SW_WS_CODE_PROTOCOL;
	}
	return opcode == SW_WS_BINARY && p->text_only ? SW_WS_CODE_UNSUPPORTED : 0;
}

static uint64_t payload_len(const uint8_t *header)
{
	uint8_t len7 = header[1] & LEN7;
	size_t width = len7 == LEN16 ? 2 : len7 == LEN64 ? 8 : 0;
	uint64_t len = width ? 0 : len7;
	for (size_t i = 0; i < width; i++) {
		len = len << 8 | header[2 + i];
	}
	return len;
}

/* Returns a close code or 0. */
static uint16_t start_payload(struct sw_ws_parser *p)
{
	uint64_t len = payload_len(p->header);
	uint8_t len7 = p->header[1] & LEN7;
	bool minimal = len7 < LEN16 || (len7 == LEN16 ? len >= LEN16 : len > UINT16_MAX);
	if (!minimal || len >> 63) {
		return SW_WS_CODE_PROTOCOL;
	}
	if (!is_control(p)) {
		if (len > p->message_max || p->message_len > p->message_max - len) {
			return SW_WS_CODE_TOO_BIG;
		}
		if (p->opcode == 0) {
			p->opcode = p->header[0] & OPCODE;
			p->utf8 = (struct sw_utf8){0};
		}
	}
	p->frame_left = (uint32_t)len;
	p->mask_at = 0;
	p->phase = PAYLOAD;
	return 0;
}

/* 1: the header is complete. */
static int take_header(struct sw_ws_parser *p, struct sw_ws_input *in)
{
	while (in->left) {
		p->header[p->header_len++] = *in->ptr++;
		in->left--;
		if (p->header_len == 2) {
			uint16_t code = check_first_two(p);
			if (code) {
				return fail(p, code);
			}
			p->header_need = header_size(p->header);
		}
		if (p->header_len >= 2 && p->header_len == p->header_need) {
			uint16_t code = start_payload(p);
			return code ? fail(p, code) : 1;
		}
	}
	return 0;
}

static void end_frame(struct sw_ws_parser *p)
{
	p->header_len = 0;
	p->header_need = 0;
	p->phase = HEADER;
}

static struct sw_bytes take_payload(struct sw_ws_parser *p, struct sw_ws_input *in)
{
	size_t n = in->left < p->frame_left ? in->left : p->frame_left;
	if (p->side == SW_WS_SERVER) {
		sw_ws_mask(in->ptr, n, mask_key(p), p->mask_at);
		p->mask_at = (uint8_t)((p->mask_at + n) & 3);
	}
	struct sw_bytes part = sw_bytes(in->ptr, n);
	in->ptr += n;
	in->left -= n;
	p->frame_left -= (uint32_t)n;
	return part;
}

static void keep_message(struct sw_ws_parser *p, struct sw_bytes part)
{
	uint32_t need = p->message_len + (uint32_t)part.len;
	if (need > p->message_cap) {
		uint32_t cap = p->message_cap ? p->message_cap : FIRST_MESSAGE_BYTES;
		while (cap < need) {
			cap *= 2;
		}
		p->message = sw_xrealloc(p->message, cap);
		p->message_cap = cap;
	}
	if (part.len) {
		memcpy(p->message + p->message_len, part.ptr, part.len);
	}
	p->message_len = need;
}

static int take_data(struct sw_ws_parser *p, struct sw_ws_input *in, struct sw_ws_event *event)
{
	struct sw_bytes part = take_payload(p, in);
	bool ends = p->frame_left == 0 && is_final(p);
	if (p->opcode == SW_WS_TEXT) {
		if (!sw_utf8_feed(&p->utf8, part) || (ends && !sw_utf8_done(&p->utf8))) {
			return fail(p, SW_WS_CODE_NOT_UTF8);
		}
	}
	if (p->frame_left == 0) {
		end_frame(p);
	}
	if (!ends) {
		keep_message(p, part);
		return 0;
	}
	if (p->message_len) {
		keep_message(p, part);
		part = sw_bytes(p->message, p->message_len);
	}
	*event = (struct sw_ws_event){.opcode = p->opcode, .payload = part};
	p->opcode = 0;
	p->spent = true;
	return 1;
}

/* Returns a close code or 0. */
static uint16_t read_close(struct sw_ws_event *event)
{
	struct sw_bytes payload = event->payload;
	if (payload.len == 0) {
		event->close_code = SW_WS_CODE_NONE;
		return 0;
	}
	if (payload.len == 1) {
		return SW_WS_CODE_PROTOCOL;
	}
	event->close_code = (uint16_t)(payload.ptr[0] << 8 | payload.ptr[1]);
	event->payload = sw_bytes(payload.ptr + 2, payload.len - 2);
	if (!sw_ws_code_valid(event->close_code)) {
		return SW_WS_CODE_PROTOCOL;
	}
	return sw_utf8_valid(event->payload) ? 0 : SW_WS_CODE_NOT_UTF8;
}

static int take_control(struct sw_ws_parser *p, struct sw_ws_input *in, struct sw_ws_event *event)
{
	struct sw_bytes part = take_payload(p, in);
	if (p->control || p->frame_left) {
		if (!p->control) {
			p->control = sw_xmalloc(SW_WS_CONTROL_BYTES_MAX);
		}
		if (part.len) {
			memcpy(p->control + p->control_len, part.ptr, part.len);
		}
		p->control_len = (uint8_t)(p->control_len + part.len);
		part = sw_bytes(p->control, p->control_len);
	}
	if (p->frame_left) {
		return 0;
	}
	*event = (struct sw_ws_event){.opcode = p->header[0] & OPCODE, .payload = part};
	p->control_len = 0;
	end_frame(p);
	uint16_t code = event->opcode == SW_WS_CLOSE ? read_close(event) : 0;
	return code ? fail(p, code) : 1;
}

/* Buffers of what was handed out by the last call. */
static void drop_spent(struct sw_ws_parser *p)
{
	if (p->spent) {
		free(p->message);
		p->message = NULL;
		p->message_len = 0;
		p->message_cap = 0;
		p->spent = false;
	}
	if (p->control && p->phase == HEADER) {
		free(p->control);
		p->control = NULL;
	}
}

int sw_ws_parser_next(struct sw_ws_parser *p, struct sw_ws_input *in, struct sw_ws_event *event_out)
{
	if (p->failed) {
		return fail(p, p->failed);
	}
	drop_spent(p);
	while (in->left || (p->phase == PAYLOAD && p->frame_left == 0)) {
		int rc;
		if (p->phase == HEADER) {
			rc = take_header(p, in);
			if (rc == 1) {
				continue;
			}
		} else if (is_control(p)) {
			rc = take_control(p, in, event_out);
		} else {
			rc = take_data(p, in, event_out);
		}
		if (rc) {
			return rc;
		}
	}
	return 0;
}
