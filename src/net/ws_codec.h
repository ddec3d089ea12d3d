/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 frames. Pure: bytes in, events out; the handshake is in handshake.h, sockets are in ws_conn.h.
 * No extensions. An idle parser is this struct and nothing else; memory is taken only for an incomplete message. */
#ifndef SW_NET_WS_CODEC_H
#define SW_NET_WS_CODEC_H

#include "base/blob.h"
#include "base/utf8.h"

enum sw_ws_opcode {
	SW_WS_CONTINUATION = 0x0,
	SW_WS_TEXT = 0x1,
	SW_WS_BINARY = 0x2,
	SW_WS_CLOSE = 0x8,
	SW_WS_PING = 0x9,
	SW_WS_PONG = 0xa
};

/* RFC 6455 section 7.4.1 and the IANA registry; 1005, 1006 and 1015 never travel. */
enum sw_ws_code {
	SW_WS_CODE_NORMAL = 1000,
	SW_WS_CODE_GOING_AWAY = 1001,
	SW_WS_CODE_PROTOCOL = 1002,
	SW_WS_CODE_UNSUPPORTED = 1003,
	SW_WS_CODE_NONE = 1005,
	SW_WS_CODE_ABNORMAL = 1006,
	SW_WS_CODE_NOT_UTF8 = 1007,
	SW_WS_CODE_POLICY = 1008,
	SW_WS_CODE_TOO_BIG = 1009,
	SW_WS_CODE_INTERNAL = 1011,
	SW_WS_CODE_RESTART = 1012,
	SW_WS_CODE_TRY_LATER = 1013
};

enum { SW_WS_CONTROL_BYTES_MAX = 125, SW_WS_REASON_BYTES_MAX = 123, SW_WS_HEADER_BYTES_MAX = 14 };

enum sw_ws_side { SW_WS_SERVER, SW_WS_CLIENT };

struct sw_ws_parser {
	uint8_t *message;     /* incomplete message, or NULL */
	uint8_t *control;     /* payload of an incomplete control frame, or NULL */
	uint32_t message_len; /* bytes of it that are kept */
	uint32_t message_cap;
	uint32_t message_max;
	uint32_t frame_left; /* payload bytes of the current frame still to come */
	uint8_t header[SW_WS_HEADER_BYTES_MAX];
	uint8_t header_len;
	uint8_t header_need; /* 0: not known yet */
	uint8_t mask_at;     /* position within the masking key */
	uint8_t control_len;
	uint8_t opcode; /* of the message under way, 0: none */
	uint8_t side;   /* enum sw_ws_side */
	uint8_t phase;
	bool text_only; /* a binary message is refused with 1003 */
	bool spent;     /* the message was handed out: its buffer goes at the next call */
	struct sw_utf8 utf8;
	uint16_t failed; /* close code of the error that ended the parsing, or 0 */
};

/* message_max: bytes of a whole message, at most 2^31. */
void sw_ws_parser_init(struct sw_ws_parser *p, enum sw_ws_side side, uint32_t message_max, bool text_only);
void sw_ws_parser_release(struct sw_ws_parser *p);

struct sw_ws_event {
	enum sw_ws_opcode opcode; /* TEXT and BINARY: a whole message; CLOSE, PING, PONG */
	struct sw_bytes payload;  /* unmasked; of CLOSE: the reason. Valid until the next call, as long as the input */
	uint16_t close_code;      /* of CLOSE: 1005 when the frame carried none */
};

/* Input: taken from the front as it is parsed, and unmasked in place. */
struct sw_ws_input {
	uint8_t *ptr;
	size_t left;
};

/* 1: an event; 0: all input was taken and more is needed; negative SW_EPROTO, SW_ELIMIT (sticky): close the
 * connection with p->failed. Nothing may be fed after a CLOSE event. */
int sw_ws_parser_next(struct sw_ws_parser *p, struct sw_ws_input *in, struct sw_ws_event *event_out);

/* XOR with the masking key, starting at position `at` of it; eight bytes at a time. */
void sw_ws_mask(uint8_t *ptr, size_t len, const uint8_t key[4], unsigned at);
/* Whether a close code may be sent or received. */
bool sw_ws_code_valid(unsigned code);

/* Server frames: never masked, encoded once, shared by all recipients. One reference, owned by the caller. */
struct sw_blob *sw_ws_frame_new(enum sw_ws_opcode opcode, struct sw_bytes payload);
static inline struct sw_blob *sw_ws_frame_text(struct sw_bytes text)
{
	return sw_ws_frame_new(SW_WS_TEXT, text);
}
/* code 0: an empty close frame. The reason is cut to 123 bytes at a character. */
struct sw_blob *sw_ws_frame_close(unsigned code, const char *reason);
/* Client frames: masked with `key` (random per frame). */
void sw_ws_put_client_frame(struct sw_buf *out, enum sw_ws_opcode opcode, struct sw_bytes payload,
			    const uint8_t key[4]);

#endif
