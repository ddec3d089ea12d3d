/* SPDX-License-Identifier: Apache-2.0 */
/* Frames out. A server frame is built straight into its blob. */
#include "net/ws_codec.h"

#include <surewire/mem.h>

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

enum { FIN = 0x80, MASKED = 0x80, LEN16 = 126, LEN64 = 127 };

static size_t put_header(uint8_t *to, enum sw_ws_opcode opcode, uint64_t len, bool masked)
{
	uint8_t mask_bit = masked ? MASKED : 0;
	to[0] = (uint8_t)(FIN | opcode);
	if (len < LEN16) {
		to[1] = (uint8_t)(mask_bit | len);
		return 2;
	}
	if (len <= UINT16_MAX) {
		to[1] = mask_bit | LEN16;
		to[2] = (uint8_t)(len >> 8);
		to[3] = (uint8_t)len;
		return 4;
	}
	to[1] = mask_bit | LEN64;
	for (int i = 0; i < 8; i++) {
		to[2 + i] = (uint8_t)(len >> (56 - 8 * i));
	}
	return 10;
}

struct sw_blob *sw_ws_frame_new(enum sw_ws_opcode opcode, struct sw_bytes payload)
{
	assert(opcode < SW_WS_CLOSE || payload.len <= SW_WS_CONTROL_BYTES_MAX);
	uint8_t header[SW_WS_HEADER_BYTES_MAX];
	size_t header_len = put_header(header, opcode, payload.len, false);
	struct sw_blob *blob = sw_xmalloc(sizeof(*blob) + header_len + payload.len);
	atomic_init(&blob->refs, 1);
	blob->len = header_len + payload.len;
	memcpy(blob->data, header, header_len);
	if (payload.len) {
		memcpy(blob->data + header_len, payload.ptr, payload.len);
	}
	return blob;
}

struct sw_blob *sw_ws_frame_close(unsigned code, const char *reason)
{
	uint8_t payload[SW_WS_CONTROL_BYTES_MAX];
	size_t len = 0;
	if (code) {
		struct sw_bytes text = sw_utf8_cut(sw_bytes_str(reason), SW_WS_REASON_BYTES_MAX);
		payload[0] = (uint8_t)(code >> 8);
		payload[1] = (uint8_t)code;
		if (text.len) {
			memcpy(payload + 2, text.ptr, text.len);
		}
		len = 2 + text.len;
	}
	return sw_ws_frame_new(SW_WS_CLOSE, sw_bytes(payload, len));
}

void sw_ws_put_client_frame(struct sw_buf *out, enum sw_ws_opcode opcode, struct sw_bytes payload, const uint8_t key[4])
{
	uint8_t header[SW_WS_HEADER_BYTES_MAX];
	size_t header_len = put_header(header, opcode, payload.len, true);
	uint8_t *to = sw_buf_reserve(out, header_len + 4 + payload.len);
	if (!to) {
		return;
	}
	memcpy(to, header, header_len);
	memcpy(to + header_len, key, 4);
	if (payload.len) {
		memcpy(to + header_len + 4, payload.ptr, payload.len);
		sw_ws_mask(to + header_len + 4, payload.len, key, 0);
	}
	out->len += header_len + 4 + payload.len;
}
