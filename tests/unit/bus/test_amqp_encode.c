/* SPDX-License-Identifier: Apache-2.0 */
/* Our frames against rabbitmq-c's own decoder, whole and in two parts at every split. */
#include "bus/amqp_encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/time.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <cmocka.h>

/* Feeds both parts, calls on_frame with the index of each frame, and gives the number of frames. */
typedef void (*on_frame_fn)(int index, const amqp_frame_t *frame);

static void feed(amqp_connection_state_t conn, struct sw_bytes part, int *count, on_frame_fn on_frame)
{
	while (part.len) {
		amqp_frame_t frame;
		int used = amqp_handle_input(conn, (amqp_bytes_t){part.len, (void *)part.ptr}, &frame);
		assert_true(used > 0);
		part = (struct sw_bytes){part.ptr + used, part.len - (size_t)used};
		if (frame.frame_type != 0) {
			on_frame((*count)++, &frame);
		}
	}
}

static void decode(const struct sw_buf *buf, size_t split, int expected_frames, on_frame_fn on_frame)
{
	amqp_connection_state_t conn = amqp_new_connection();
	int count = 0;
	feed(conn, (struct sw_bytes){buf->ptr, split}, &count, on_frame);
	feed(conn, (struct sw_bytes){buf->ptr + split, buf->len - split}, &count, on_frame);
	assert_int_equal(count, expected_frames);
	amqp_destroy_connection(conn);
}

static bool bytes_are(amqp_bytes_t bytes, const char *text)
{
	return bytes.len == strlen(text) && memcmp(bytes.bytes, text, bytes.len) == 0;
}

static void on_publish_frame(int index, const amqp_frame_t *frame)
{
	assert_int_equal(frame->channel, 1);
	if (index == 0) {
		const amqp_basic_publish_t *publish = frame->payload.method.decoded;
		assert_int_equal(frame->payload.method.id, AMQP_BASIC_PUBLISH_METHOD);
		assert_true(bytes_are(publish->exchange, "retry.1000"));
		assert_true(bytes_are(publish->routing_key, "push.apns"));
		assert_true(publish->mandatory);
		assert_false(publish->immediate);
	} else if (index == 1) {
		const amqp_basic_properties_t *properties = frame->payload.properties.decoded;
		uint64_t number = 0;
		assert_int_equal(frame->payload.properties.class_id, AMQP_BASIC_CLASS);
		assert_int_equal(frame->payload.properties.body_size, 20);
		assert_int_equal(properties->_flags, AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG);
		assert_int_equal(properties->delivery_mode, 2);
		assert_true(sw_amqp_message_number(sw_bytes(properties->message_id.bytes, properties->message_id.len),
						   &number));
		assert_int_equal(number, UINT64_C(0xfedcba9876543210));
	} else {
		static const char *const parts[] = {"abcdefghi", "jklmnopqr", "st"};
		assert_true(bytes_are(frame->payload.body_fragment, parts[index - 2]));
	}
}

static void put_publish__body_in_three_frames__decodes_at_every_split(void **state)
{
	(void)state;
	struct sw_publish p = {
		.exchange = "retry.1000",
		.routing_key = "push.apns",
		.body = sw_blob_new(sw_bytes_str("abcdefghijklmnopqrst")),
		.mandatory = true,
		.persistent = true,
		.number = UINT64_C(0xfedcba9876543210),
	};
	struct sw_buf buf;
	sw_buf_init(&buf, 4096);
	sw_amqp_put_publish(&buf, &p, 9 + SW_AMQP_FRAME_OVERHEAD);
	assert_int_equal(buf.err, SW_OK);
	for (size_t split = 0; split <= buf.len; split++) {
		decode(&buf, split, 5, on_publish_frame);
	}
	sw_buf_release(&buf);
	sw_blob_unref(p.body);
}

static void on_empty_frame(int index, const amqp_frame_t *frame)
{
	if (index == 0) {
		const amqp_basic_publish_t *publish = frame->payload.method.decoded;
		assert_int_equal(publish->exchange.len, 0);
		assert_false(publish->mandatory);
	} else {
		const amqp_basic_properties_t *properties = frame->payload.properties.decoded;
		assert_int_equal(frame->payload.properties.body_size, 0);
		assert_int_equal(properties->delivery_mode, 1);
	}
}

static void put_publish__empty_body__no_body_frame(void **state)
{
	(void)state;
	struct sw_publish p = {.exchange = "", .routing_key = "q", .body = sw_blob_new(sw_bytes("", 0))};
	struct sw_buf buf;
	sw_buf_init(&buf, 4096);
	sw_amqp_put_publish(&buf, &p, 131072);
	decode(&buf, 0, 2, on_empty_frame);
	sw_buf_release(&buf);
	sw_blob_unref(p.body);
}

static void on_small_frame(int index, const amqp_frame_t *frame)
{
	if (index == 0 || index == 1) {
		const amqp_basic_ack_t *ack = frame->payload.method.decoded;
		assert_int_equal(frame->payload.method.id, AMQP_BASIC_ACK_METHOD);
		assert_int_equal(ack->delivery_tag, UINT64_C(0x0102030405060708));
		assert_int_equal(ack->multiple, index);
	} else if (index == 2 || index == 3) {
		const amqp_basic_nack_t *nack = frame->payload.method.decoded;
		assert_int_equal(frame->payload.method.id, AMQP_BASIC_NACK_METHOD);
		assert_int_equal(nack->delivery_tag, 9);
		assert_false(nack->multiple);
		assert_int_equal(nack->requeue, index == 3);
	} else if (index == 4) {
		assert_int_equal(frame->frame_type, AMQP_FRAME_HEARTBEAT);
		assert_int_equal(frame->channel, 0);
	} else {
		assert_int_equal(frame->payload.method.id, AMQP_CONNECTION_CLOSE_OK_METHOD);
		assert_int_equal(frame->channel, 0);
	}
}

static void put__acks_and_others__decode_at_every_split(void **state)
{
	(void)state;
	struct sw_buf buf;
	sw_buf_init(&buf, 4096);
	sw_amqp_put_ack(&buf, UINT64_C(0x0102030405060708), false);
	sw_amqp_put_ack(&buf, UINT64_C(0x0102030405060708), true);
	sw_amqp_put_nack(&buf, 9, false);
	sw_amqp_put_nack(&buf, 9, true);
	sw_amqp_put_heartbeat(&buf);
	sw_amqp_put_connection_close_ok(&buf);
	for (size_t split = 0; split <= buf.len; split++) {
		decode(&buf, split, 6, on_small_frame);
	}
	sw_buf_release(&buf);
}

static void message_number__foreign_ids__refused(void **state)
{
	(void)state;
	uint64_t number;
	assert_false(sw_amqp_message_number(sw_bytes_str(""), &number));
	assert_false(sw_amqp_message_number(sw_bytes_str("0123456789abcde"), &number));
	assert_false(sw_amqp_message_number(sw_bytes_str("0123456789abcdef0"), &number));
	assert_false(sw_amqp_message_number(sw_bytes_str("0123456789ABCDEF"), &number));
	assert_false(sw_amqp_message_number(sw_bytes_str("0123456789abcdeg"), &number));
	assert_true(sw_amqp_message_number(sw_bytes_str("000000000000002a"), &number));
	assert_int_equal(number, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_publish__body_in_three_frames__decodes_at_every_split),
		cmocka_unit_test(put_publish__empty_body__no_body_frame),
		cmocka_unit_test(put__acks_and_others__decode_at_every_split),
		cmocka_unit_test(message_number__foreign_ids__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
