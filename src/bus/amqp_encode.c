/* SPDX-License-Identifier: Apache-2.0 */
/* AMQP 0-9-1, section 4.2 (framing); method numbers from the protocol's XML. */
#include "bus/amqp_encode.h"

#include <string.h>

enum { FRAME_METHOD = 1, FRAME_HEADER = 2, FRAME_BODY = 3, FRAME_HEARTBEAT = 8, FRAME_END = 0xCE };
enum { CLASS_CONNECTION = 10, CLASS_BASIC = 60 };
enum { CONNECTION_CLOSE_OK = 51, BASIC_PUBLISH = 40, BASIC_ACK = 80, BASIC_NACK = 120 };
enum { PROPERTY_DELIVERY_MODE = 1 << 12, PROPERTY_MESSAGE_ID = 1 << 7 };

static void put_frame_head(struct sw_buf *out, uint8_t type, uint16_t channel, size_t payload_bytes)
{
	sw_buf_put_u8(out, type);
	sw_buf_put_u16(out, channel);
	sw_buf_put_u32(out, (uint32_t)payload_bytes);
}

static void put_method(struct sw_buf *out, uint16_t class_id, uint16_t method_id)
{
	sw_buf_put_u16(out, class_id);
	sw_buf_put_u16(out, method_id);
}

static void put_short_string(struct sw_buf *out, const char *text, size_t len)
{
	sw_buf_put_u8(out, (uint8_t)len);
	sw_buf_put(out, text, len);
}

static void put_content_header(struct sw_buf *out, const struct sw_publish *p)
{
	static const char digits[] = "0123456789abcdef";
	char id[SW_AMQP_MESSAGE_ID_LEN];
	for (int i = 0; i < SW_AMQP_MESSAGE_ID_LEN; i++) {
		id[i] = digits[p->number >> (60 - 4 * i) & 15];
	}
	put_frame_head(out, FRAME_HEADER, 1, 2 + 2 + 8 + 2 + 1 + 1 + SW_AMQP_MESSAGE_ID_LEN);
	sw_buf_put_u16(out, CLASS_BASIC);
	sw_buf_put_u16(out, 0);
	sw_buf_put_u64(out, p->body->len);
	sw_buf_put_u16(out, PROPERTY_DELIVERY_MODE | PROPERTY_MESSAGE_ID);
	sw_buf_put_u8(out, p->persistent ? 2 : 1);
	put_short_string(out, id, sizeof(id));
	sw_buf_put_u8(out, FRAME_END);
}

void sw_amqp_put_publish(struct sw_buf *out, const struct sw_publish *p, size_t frame_max)
{
	size_t exchange_len = strlen(p->exchange);
	size_t key_len = strnlen(p->routing_key, sizeof(p->routing_key));
	put_frame_head(out, FRAME_METHOD, 1, 4 + 2 + 1 + exchange_len + 1 + key_len + 1);
	put_method(out, CLASS_BASIC, BASIC_PUBLISH);
	sw_buf_put_u16(out, 0);
	put_short_string(out, p->exchange, exchange_len);
	put_short_string(out, p->routing_key, key_len);
	sw_buf_put_u8(out, p->mandatory ? 1 : 0);
	sw_buf_put_u8(out, FRAME_END);
	put_content_header(out, p);
	size_t chunk_max = frame_max - SW_AMQP_FRAME_OVERHEAD;
	for (size_t at = 0; at < p->body->len;) {
		size_t chunk = p->body->len - at < chunk_max ? p->body->len - at : chunk_max;
		put_frame_head(out, FRAME_BODY, 1, chunk);
		sw_buf_put(out, p->body->data + at, chunk);
		sw_buf_put_u8(out, FRAME_END);
		at += chunk;
	}
}

static void put_tag_method(struct sw_buf *out, uint16_t method_id, uint64_t tag, uint8_t bits)
{
	put_frame_head(out, FRAME_METHOD, 1, 4 + 8 + 1);
	put_method(out, CLASS_BASIC, method_id);
	sw_buf_put_u64(out, tag);
	sw_buf_put_u8(out, bits);
	sw_buf_put_u8(out, FRAME_END);
}

void sw_amqp_put_ack(struct sw_buf *out, uint64_t tag, bool multiple)
{
	put_tag_method(out, BASIC_ACK, tag, multiple ? 1 : 0);
}

void sw_amqp_put_nack(struct sw_buf *out, uint64_t tag, bool requeue)
{
	put_tag_method(out, BASIC_NACK, tag, requeue ? 2 : 0);
}

void sw_amqp_put_heartbeat(struct sw_buf *out)
{
	put_frame_head(out, FRAME_HEARTBEAT, 0, 0);
	sw_buf_put_u8(out, FRAME_END);
}

void sw_amqp_put_connection_close_ok(struct sw_buf *out)
{
	put_frame_head(out, FRAME_METHOD, 0, 4);
	put_method(out, CLASS_CONNECTION, CONNECTION_CLOSE_OK);
	sw_buf_put_u8(out, FRAME_END);
}

bool sw_amqp_message_number(struct sw_bytes message_id, uint64_t *number_out)
{
	uint64_t number = 0;
	if (message_id.len != SW_AMQP_MESSAGE_ID_LEN) {
		return false;
	}
	for (size_t i = 0; i < message_id.len; i++) {
		uint8_t c = message_id.ptr[i];
		bool digit = c >= '0' && c <= '9';
		if (!digit && (c < 'a' || c > 'f')) {
			return false;
		}
		number = number << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
	}
	*number_out = number;
	return true;
}
