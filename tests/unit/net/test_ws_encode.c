/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ws_codec.h"

#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_frame(struct sw_blob *frame, const void *bytes, size_t len)
{
	assert_int_equal(frame->len, len);
	assert_memory_equal(frame->data, bytes, len);
	sw_blob_unref(frame);
}

static void frame_new__each_length_class__the_shortest_header(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		uint8_t header[10];
		size_t header_len;
	} rows[] = {
		{0, {0x81, 0}, 2},
		{125, {0x81, 125}, 2},
		{126, {0x81, 126, 0, 126}, 4},
		{65535, {0x81, 126, 0xff, 0xff}, 4},
		{65536, {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 10},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *text = sw_xcalloc(1, rows[i].len + 1);
		memset(text, 't', rows[i].len);
		struct sw_blob *frame = sw_ws_frame_text(sw_bytes(text, rows[i].len));
		assert_int_equal(frame->len, rows[i].header_len + rows[i].len);
		assert_memory_equal(frame->data, rows[i].header, rows[i].header_len);
		assert_memory_equal(frame->data + rows[i].header_len, text, rows[i].len);
		sw_blob_unref(frame);
		free(text);
	}
}

static void frame_close__with_and_without_code__as_specified(void **state)
{
	(void)state;
	expect_frame(sw_ws_frame_close(0, "ignored"), "\x88\x00", 2);
	expect_frame(sw_ws_frame_close(1000, ""), "\x88\x02\x03\xe8", 4);
	expect_frame(sw_ws_frame_close(4401, "no"), "\x88\x04\x11\x31no", 6);
	expect_frame(sw_ws_frame_new(SW_WS_PONG, sw_bytes_str("hi")), "\x8a\x02hi", 4);
}

static void frame_close__long_reason__cut_at_a_character(void **state)
{
	(void)state;
	char reason[200];
	memset(reason, 'r', sizeof(reason));
	memcpy(reason + 122, "ü", 2);
	reason[124] = '\0';
	struct sw_blob *frame = sw_ws_frame_close(1008, reason);
	assert_int_equal(frame->len, 2 + 2 + 122);
	assert_int_equal(frame->data[1], 124);
	sw_blob_unref(frame);
}

static void mask__every_length_and_start__like_the_definition(void **state)
{
	(void)state;
	static const uint8_t key[4] = {1, 2, 4, 8};
	for (size_t len = 0; len < 40; len++) {
		for (unsigned at = 0; at < 4; at++) {
			uint8_t *bytes = sw_xmalloc(len);
			for (size_t i = 0; i < len; i++) {
				bytes[i] = (uint8_t)(i * 7);
			}
			sw_ws_mask(bytes, len, key, at);
			for (size_t i = 0; i < len; i++) {
				assert_int_equal(bytes[i], (uint8_t)(i * 7) ^ key[(at + i) % 4]);
			}
			free(bytes);
		}
	}
}

static void put_client_frame__read_by_the_server_side__comes_back(void **state)
{
	(void)state;
	static const size_t lens[] = {0, 1, 125, 126, 65535, 65536, 70000};
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint8_t *text = sw_xcalloc(1, lens[i] + 1);
		memset(text, 'c', lens[i]);
		struct sw_buf out;
		sw_buf_init(&out, 100000);
		sw_ws_put_client_frame(&out, SW_WS_TEXT, sw_bytes(text, lens[i]), (const uint8_t[4]){9, 8, 7, 6});
		assert_true(lens[i] == 0 || memcmp(out.ptr + out.len - lens[i], text, lens[i]) != 0);
		struct sw_ws_parser p;
		struct sw_ws_event event;
		struct sw_ws_input in = {out.ptr, out.len};
		sw_ws_parser_init(&p, SW_WS_SERVER, 100000, true);
		assert_int_equal(sw_ws_parser_next(&p, &in, &event), 1);
		assert_int_equal(event.payload.len, lens[i]);
		assert_memory_equal(event.payload.ptr, text, lens[i]);
		sw_ws_parser_release(&p);
		sw_buf_release(&out);
		free(text);
	}
}

static void put_client_frame__no_room__sticky_error_and_nothing_written(void **state)
{
	(void)state;
	struct sw_buf out;
	sw_buf_init(&out, 8);
	sw_ws_put_client_frame(&out, SW_WS_TEXT, sw_bytes_str("abc"), (const uint8_t[4]){0});
	assert_int_equal(out.err, SW_ELIMIT);
	assert_int_equal(out.len, 0);
	sw_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_new__each_length_class__the_shortest_header),
		cmocka_unit_test(frame_close__with_and_without_code__as_specified),
		cmocka_unit_test(frame_close__long_reason__cut_at_a_character),
		cmocka_unit_test(mask__every_length_and_start__like_the_definition),
		cmocka_unit_test(put_client_frame__read_by_the_server_side__comes_back),
		cmocka_unit_test(put_client_frame__no_room__sticky_error_and_nothing_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
