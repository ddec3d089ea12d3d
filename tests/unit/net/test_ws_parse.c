/* SPDX-License-Identifier: Apache-2.0 */
/* Each stream of frames is parsed whole, byte by byte and at every split, and must give the same text of events. */
#include "net/ws_codec.h"

#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGE_MAX = 1000, BYTES_MAX = 8192 };

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

struct stream {
	struct sw_buf bytes;
	enum sw_ws_side side;
	bool text_only;
};

static struct stream begin(enum sw_ws_side side)
{
	struct stream s = {.side = side};
	sw_buf_init(&s.bytes, BYTES_MAX);
	return s;
}

/* first: FIN, RSV and opcode. Masked when the server parses. */
static void put(struct stream *s, unsigned first, const void *payload, size_t len)
{
	bool masked = s->side == SW_WS_SERVER;
	sw_buf_put_u8(&s->bytes, (uint8_t)first);
	uint8_t mask_bit = masked ? 0x80 : 0;
	if (len < 126) {
		sw_buf_put_u8(&s->bytes, (uint8_t)(mask_bit | len));
	} else {
		sw_buf_put_u8(&s->bytes, mask_bit | 126);
		sw_buf_put_u16(&s->bytes, (uint16_t)len);
	}
	if (masked) {
		sw_buf_put(&s->bytes, key, 4);
	}
	for (size_t i = 0; i < len; i++) {
		uint8_t c = ((const uint8_t *)payload)[i];
		sw_buf_put_u8(&s->bytes, masked ? c ^ key[i & 3] : c);
	}
}

static void put_str(struct stream *s, unsigned first, const char *payload)
{
	put(s, first, payload, strlen(payload));
}

static void note(struct sw_buf *out, const struct sw_ws_event *event)
{
	sw_buf_printf(out, "%x", event->opcode);
	if (event->opcode == SW_WS_CLOSE) {
		sw_buf_printf(out, ":%u", event->close_code);
	}
	sw_buf_put_char(out, '[');
	sw_buf_put_bytes(out, event->payload);
	sw_buf_put_str(out, "] ");
}

/* Feeds [from, to) from memory of exactly that size, so that AddressSanitizer sees every overrun. False at the end. */
static bool feed(struct sw_ws_parser *p, struct sw_bytes part, struct sw_buf *out)
{
	uint8_t *copy = sw_xmemdup(part.ptr, part.len);
	struct sw_ws_input in = {copy, part.len};
	struct sw_ws_event event;
	int rc;
	while ((rc = sw_ws_parser_next(p, &in, &event)) == 1) {
		note(out, &event);
		if (event.opcode == SW_WS_CLOSE) {
			break;
		}
	}
	if (rc < 0) {
		sw_buf_printf(out, "fail:%u", p->failed);
	} else if (rc == 0) {
		assert_int_equal(in.left, 0);
	}
	free(copy);
	return rc == 0;
}

static void expect_cut(const struct stream *s, size_t first, size_t step, const char *expected)
{
	struct sw_ws_parser p;
	struct sw_buf out;
	sw_ws_parser_init(&p, s->side, MESSAGE_MAX, s->text_only);
	sw_buf_init(&out, BYTES_MAX);
	size_t at = 0;
	size_t n = first;
	while (at < s->bytes.len) {
		n = n < s->bytes.len - at ? n : s->bytes.len - at;
		if (!feed(&p, sw_bytes(s->bytes.ptr + at, n), &out)) {
			break;
		}
		at += n;
		n = step;
	}
	assert_string_equal(sw_buf_cstr(&out), expected);
	sw_buf_release(&out);
	sw_ws_parser_release(&p);
}

static void expect(struct stream *s, const char *expected)
{
	for (size_t split = 1; split <= s->bytes.len; split++) {
		expect_cut(s, split, s->bytes.len, expected);
	}
	expect_cut(s, 1, 1, expected);
	expect_cut(s, 3, 5, expected);
	sw_buf_release(&s->bytes);
}

static void next__rfc_examples__are_understood(void **state)
{
	(void)state;
	struct stream s = begin(SW_WS_SERVER);
	static const uint8_t masked_hello[] = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};
	sw_buf_put(&s.bytes, masked_hello, sizeof(masked_hello));
	expect(&s, "1[Hello] ");
	s = begin(SW_WS_CLIENT);
	static const uint8_t plain[] = {0x81, 5, 'H', 'e', 'l',  'l', 'o', 0x01, 3,   'H', 'e', 'l',
					0x80, 2, 'l', 'o', 0x89, 5,   'H', 'e',  'l', 'l', 'o'};
	sw_buf_put(&s.bytes, plain, sizeof(plain));
	expect(&s, "1[Hello] 1[Hello] 9[Hello] ");
}

static void next__messages_of_both_kinds_and_no_length__come_whole(void **state)
{
	(void)state;
	for (int side = SW_WS_SERVER; side <= SW_WS_CLIENT; side++) {
		struct stream s = begin((enum sw_ws_side)side);
		put_str(&s, 0x81, "");
		put_str(&s, 0x82, "\x01\xff");
		put_str(&s, 0x81, "grüße");
		put_str(&s, 0x8a, "");
		expect(&s, "1[] 2[\x01\xff] 1[grüße] a[] ");
	}
}

static void next__fragments_with_control_frames_between__are_joined(void **state)
{
	(void)state;
	struct stream s = begin(SW_WS_SERVER);
	put_str(&s, 0x01, "a\xc3");
	put_str(&s, 0x89, "ping");
	put_str(&s, 0x00, "");
	put_str(&s, 0x8a, "");
	put_str(&s, 0x00, "\xbc");
	put_str(&s, 0x89, "");
	put_str(&s, 0x80, "z");
	put_str(&s, 0x81, "next");
	expect(&s, "9[ping] a[] 9[] 1[aüz] 1[next] ");
}

static void next__first_fragments_empty__still_one_message(void **state)
{
	(void)state;
	struct stream s = begin(SW_WS_SERVER);
	put_str(&s, 0x01, "");
	put_str(&s, 0x00, "");
	put_str(&s, 0x80, "");
	put_str(&s, 0x02, "");
	put_str(&s, 0x80, "\xff");
	expect(&s, "1[] 2[\xff] ");
}

static void next__sixteen_bit_lengths__up_to_the_limit(void **state)
{
	(void)state;
	char text[MESSAGE_MAX + 1];
	memset(text, 'x', sizeof(text));
	for (size_t len = 125; len <= 130; len++) {
		struct stream s = begin(SW_WS_SERVER);
		put(&s, 0x81, text, len);
		char expected[200];
		snprintf(expected, sizeof(expected), "1[%.*s] ", (int)len, text);
		expect(&s, expected);
	}
	struct stream s = begin(SW_WS_SERVER);
	put(&s, 0x81, text, MESSAGE_MAX);
	put(&s, 0x81, text, MESSAGE_MAX + 1);
	char expected[MESSAGE_MAX + 20];
	snprintf(expected, sizeof(expected), "1[%.*s] fail:1009", MESSAGE_MAX, text);
	expect(&s, expected);
}

static void next__fragments_that_add_up_over_the_limit__1009(void **state)
{
	(void)state;
	char text[MESSAGE_MAX];
	memset(text, 'x', sizeof(text));
	struct stream s = begin(SW_WS_SERVER);
	put(&s, 0x01, text, MESSAGE_MAX);
	put(&s, 0x00, "", 0);
	put(&s, 0x80, "y", 1);
	expect(&s, "fail:1009");
}

static void raw(const char *expected, enum sw_ws_side side, const void *bytes, size_t len)
{
	struct stream s = begin(side);
	s.text_only = true;
	sw_buf_put(&s.bytes, bytes, len);
	expect(&s, expected);
}
#define RAW(expected, ...) \
	raw((expected), SW_WS_SERVER, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void next__headers_that_break_the_rules__1002(void **state)
{
	(void)state;
	RAW("fail:1002", 0x81, 0x01, 'x');                /* not masked */
	RAW("fail:1002", 0xc1, 0x80, 0, 0, 0, 0);         /* RSV1 */
	RAW("fail:1002", 0xa1, 0x80, 0, 0, 0, 0);         /* RSV2 */
	RAW("fail:1002", 0x91, 0x80, 0, 0, 0, 0);         /* RSV3 */
	RAW("fail:1002", 0x09, 0x80, 0, 0, 0, 0);         /* fragmented ping */
	RAW("fail:1002", 0x89, 0xfe, 0, 126, 0, 0, 0, 0); /* long ping */
	RAW("fail:1002", 0x80, 0x80, 0, 0, 0, 0);         /* continuation of nothing */
	RAW("fail:1002", 0x81, 0xfe, 0, 125, 0, 0, 0, 0); /* not minimal */
	RAW("fail:1002", 0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0);
	RAW("fail:1002", 0x81, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0); /* top bit */
	RAW("fail:1009", 0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
	RAW("fail:1009", 0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0);             /* 2^32 + 1 must not wrap */
	RAW("fail:1003", 0x82, 0x80, 0, 0, 0, 0);                                     /* binary to a text server */
	raw("fail:1002", SW_WS_CLIENT, (const uint8_t[]){0x81, 0x80, 0, 0, 0, 0}, 6); /* masked from a server */
	for (unsigned opcode = 3; opcode < 16; opcode++) {
		if (opcode < 8 || opcode > 10) {
			RAW("fail:1002", (uint8_t)(0x80 | opcode), 0x80, 0, 0, 0, 0);
		}
	}
}

static void next__new_message_inside_a_fragmented_one__1002(void **state)
{
	(void)state;
	struct stream s = begin(SW_WS_SERVER);
	put_str(&s, 0x01, "a");
	put_str(&s, 0x81, "b");
	expect(&s, "fail:1002");
}

static void next__text_that_is_not_utf8__1007(void **state)
{
	(void)state;
	static const char *const bad[] = {"\xff",     "\xc3",  "a\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80",
					  "\xe2\x82", "ok\x80"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stream s = begin(SW_WS_SERVER);
		put_str(&s, 0x81, bad[i]);
		expect(&s, "fail:1007");
		s = begin(SW_WS_SERVER);
		put_str(&s, 0x01, bad[i]);
		put_str(&s, 0x80, "");
		expect(&s, "fail:1007");
	}
}

static void next__after_a_broken_message__the_next_starts_with_a_fresh_check(void **state)
{
	(void)state;
	struct stream s = begin(SW_WS_SERVER);
	put_str(&s, 0x82, "\xc3");
	put_str(&s, 0x81, "ok");
	expect(&s, "2[\xc3] 1[ok] ");
}

static void close_frame(const char *expected, const void *payload, size_t len)
{
	struct stream s = begin(SW_WS_SERVER);
	put(&s, 0x88, payload, len);
	expect(&s, expected);
}

static void next__close_frames__code_and_reason_or_error(void **state)
{
	(void)state;
	close_frame("8:1005[] ", "", 0);
	close_frame("8:1000[] ", "\x03\xe8", 2);
	close_frame("8:4999[bye é] ",
		    "\x13\x87"
		    "bye é",
		    8);
	close_frame("8:3000[] ", "\x0b\xb8", 2);
	close_frame("fail:1002", "\x03", 1);
	close_frame("fail:1007", "\x03\xe8\xff", 3);
	for (unsigned code = 0; code < 5100; code++) {
		bool valid = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
			     (code >= 3000 && code <= 4999);
		assert_int_equal(sw_ws_code_valid(code), valid);
	}
	close_frame("fail:1002", "\x03\xed", 2); /* 1005 */
}

static void next__after_a_failure__stays_failed(void **state)
{
	(void)state;
	struct sw_ws_parser p;
	sw_ws_parser_init(&p, SW_WS_SERVER, MESSAGE_MAX, true);
	uint8_t bytes[] = {0x81, 0x00, 0x81, 0x80, 0, 0, 0, 0};
	struct sw_ws_input in = {bytes, sizeof(bytes)};
	struct sw_ws_event event;
	assert_int_equal(sw_ws_parser_next(&p, &in, &event), SW_EPROTO);
	assert_int_equal(sw_ws_parser_next(&p, &in, &event), SW_EPROTO);
	assert_int_equal(p.failed, 1002);
	sw_ws_parser_release(&p);
}

static void parser__idle__holds_no_memory_and_is_small(void **state)
{
	(void)state;
	struct sw_ws_parser p;
	sw_ws_parser_init(&p, SW_WS_SERVER, MESSAGE_MAX, true);
	uint8_t bytes[] = {0x01, 0x81, 0, 0, 0, 0, 'a', 0x89, 0x82, 0, 0, 0, 0, 'p', 'q', 0x80, 0x81, 0, 0, 0, 0, 'b'};
	struct sw_ws_event event;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		struct sw_ws_input in = {bytes + i, 1};
		while (sw_ws_parser_next(&p, &in, &event) == 1) {
		}
	}
	assert_null(p.message);
	assert_null(p.control);
	assert_true(sizeof(p) <= 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next__rfc_examples__are_understood),
		cmocka_unit_test(next__messages_of_both_kinds_and_no_length__come_whole),
		cmocka_unit_test(next__fragments_with_control_frames_between__are_joined),
		cmocka_unit_test(next__first_fragments_empty__still_one_message),
		cmocka_unit_test(next__sixteen_bit_lengths__up_to_the_limit),
		cmocka_unit_test(next__fragments_that_add_up_over_the_limit__1009),
		cmocka_unit_test(next__headers_that_break_the_rules__1002),
		cmocka_unit_test(next__new_message_inside_a_fragmented_one__1002),
		cmocka_unit_test(next__text_that_is_not_utf8__1007),
		cmocka_unit_test(next__after_a_broken_message__the_next_starts_with_a_fresh_check),
		cmocka_unit_test(next__close_frames__code_and_reason_or_error),
		cmocka_unit_test(next__after_a_failure__stays_failed),
		cmocka_unit_test(parser__idle__holds_no_memory_and_is_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
