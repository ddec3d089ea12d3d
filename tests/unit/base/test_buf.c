/* SPDX-License-Identifier: Apache-2.0 */
#include <surewire/buf.h>
#include <surewire/mem.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put__grows_up_to_the_bound__then_sticky_limit(void **state)
{
	(void)state;
	struct sw_buf buf;
	sw_buf_init(&buf, 1000);
	for (int i = 0; i < 1000; i++) {
		sw_buf_put_char(&buf, (char)('a' + i % 26));
	}
	assert_int_equal(buf.err, SW_OK);
	assert_int_equal(buf.len, 1000);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(buf.ptr[i], 'a' + i % 26);
	}
	sw_buf_put_char(&buf, '!');
	assert_int_equal(buf.err, SW_ELIMIT);
	assert_int_equal(buf.len, 1000);
	sw_buf_consume(&buf, 500);
	sw_buf_put_char(&buf, '!');
	assert_int_equal(buf.len, 500); /* the error stays although there is room */
	sw_buf_clear(&buf);
	sw_buf_put_str(&buf, "again");
	assert_string_equal(sw_buf_cstr(&buf), "again");
	sw_buf_release(&buf);
	assert_null(buf.ptr);
	sw_buf_put_str(&buf, "after release");
	assert_string_equal(sw_buf_cstr(&buf), "after release");
	sw_buf_release(&buf);
}

static void put__length_that_would_wrap__limit(void **state)
{
	(void)state;
	struct sw_buf buf;
	sw_buf_init(&buf, 100);
	sw_buf_put_str(&buf, "x");
	assert_null(sw_buf_reserve(&buf, SIZE_MAX));
	assert_int_equal(buf.err, SW_ELIMIT);
	sw_buf_release(&buf);
}

static void cstr__full_or_empty__text_or_empty(void **state)
{
	(void)state;
	struct sw_buf buf;
	sw_buf_init(&buf, 3);
	assert_string_equal(sw_buf_cstr(&buf), "");
	sw_buf_put_str(&buf, "ab");
	assert_string_equal(sw_buf_cstr(&buf), "ab");
	assert_int_equal(buf.len, 2);
	sw_buf_put_str(&buf, "c");
	assert_string_equal(sw_buf_cstr(&buf), ""); /* no room for the end */
	sw_buf_release(&buf);
}

static void printf__short_long_and_too_long__whole_or_nothing(void **state)
{
	(void)state;
	struct sw_buf buf;
	char text[400];
	memset(text, 'p', sizeof(text) - 1);
	text[399] = '\0';
	sw_buf_init(&buf, 500);
	sw_buf_printf(&buf, "%d-%s", 7, "x");
	assert_string_equal(sw_buf_cstr(&buf), "7-x");
	sw_buf_printf(&buf, "%s", text);
	assert_int_equal(buf.len, 402);
	assert_memory_equal(buf.ptr + 3, text, 399);
	sw_buf_printf(&buf, "%s", text);
	assert_int_equal(buf.err, SW_ELIMIT);
	assert_int_equal(buf.len, 402);
	sw_buf_release(&buf);
}

static void put_decimal__as_printf_writes_it(void **state)
{
	(void)state;
	const int64_t values[] = {0, 1, 9, 10, 99, -1, -10, 1234567890123, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct sw_buf ours;
		struct sw_buf printed;
		sw_buf_init(&ours, 100);
		sw_buf_init(&printed, 100);
		sw_buf_put_decimal(&ours, values[i]);
		sw_buf_printf(&printed, "%" PRId64, values[i]);
		assert_string_equal(sw_buf_cstr(&ours), sw_buf_cstr(&printed));
		sw_buf_release(&ours);
		sw_buf_release(&printed);
	}
}

static void consume__parts_and_more_than_there_is__the_rest_stays(void **state)
{
	(void)state;
	struct sw_buf buf;
	sw_buf_init(&buf, 100);
	sw_buf_put_str(&buf, "abcdef");
	sw_buf_consume(&buf, 0);
	sw_buf_consume(&buf, 2);
	assert_string_equal(sw_buf_cstr(&buf), "cdef");
	sw_buf_consume(&buf, 99);
	assert_int_equal(buf.len, 0);
	sw_buf_release(&buf);
}

static const uint64_t numbers[] = {0, 1, 127, 128, 255, 16383, 16384, UINT32_MAX, UINT64_C(1) << 63, UINT64_MAX};

static void put_all(struct sw_buf *buf)
{
	sw_buf_init(buf, 1000);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sw_buf_put_u8(buf, (uint8_t)numbers[i]);
		sw_buf_put_u16(buf, (uint16_t)numbers[i]);
		sw_buf_put_u32(buf, (uint32_t)numbers[i]);
		sw_buf_put_u64(buf, numbers[i]);
		sw_buf_put_varint(buf, numbers[i]);
		sw_buf_put_str(buf, "run");
	}
}

static void read_all(struct sw_reader *r)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && !r->err; i++) {
		bool same = sw_reader_u8(r) == (uint8_t)numbers[i];
		same = sw_reader_u16(r) == (uint16_t)numbers[i] && same;
		same = sw_reader_u32(r) == (uint32_t)numbers[i] && same;
		same = sw_reader_u64(r) == numbers[i] && same;
		same = sw_reader_varint(r) == numbers[i] && same;
		same = sw_bytes_equal_str(sw_reader_bytes(r, 3), "run") && same;
		assert_true(same || r->err);
	}
}

static void reader__what_was_put__comes_back(void **state)
{
	(void)state;
	struct sw_buf buf;
	struct sw_reader r;
	put_all(&buf);
	sw_reader_init(&r, sw_buf_bytes(&buf));
	read_all(&r);
	assert_int_equal(r.err, SW_OK);
	assert_int_equal(r.left, 0);
	sw_buf_release(&buf);
}

static void reader__cut_at_every_byte__sticky_parse_error(void **state)
{
	(void)state;
	struct sw_buf buf;
	put_all(&buf);
	for (size_t len = 0; len < buf.len; len++) {
		uint8_t *copy = sw_xmemdup(buf.ptr, len);
		struct sw_reader r;
		sw_reader_init(&r, sw_bytes(copy, len));
		read_all(&r);
		assert_int_equal(r.err, SW_EPARSE);
		assert_int_equal(sw_reader_u8(&r), 0);
		assert_int_equal(sw_reader_bytes(&r, 0).len, 0);
		free(copy);
	}
	sw_buf_release(&buf);
}

static void put_be__known_values__network_order(void **state)
{
	(void)state;
	struct sw_buf buf;
	sw_buf_init(&buf, 100);
	sw_buf_put_u16(&buf, 0x0102);
	sw_buf_put_u32(&buf, 0x03040506);
	sw_buf_put_varint(&buf, 300);
	assert_int_equal(buf.len, 8);
	assert_memory_equal(buf.ptr, "\1\2\3\4\5\6\xac\x02", 8);
	sw_buf_release(&buf);
}

static void varint__longer_than_64_bits__parse_error(void **state)
{
	(void)state;
	static const uint8_t bad[][11] = {
		{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
	};
	for (size_t i = 0; i < 2; i++) {
		struct sw_reader r;
		sw_reader_init(&r, sw_bytes(bad[i], sizeof(bad[i])));
		assert_int_equal(sw_reader_varint(&r), 0);
		assert_int_equal(r.err, SW_EPARSE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put__grows_up_to_the_bound__then_sticky_limit),
		cmocka_unit_test(put__length_that_would_wrap__limit),
		cmocka_unit_test(cstr__full_or_empty__text_or_empty),
		cmocka_unit_test(printf__short_long_and_too_long__whole_or_nothing),
		cmocka_unit_test(put_decimal__as_printf_writes_it),
		cmocka_unit_test(consume__parts_and_more_than_there_is__the_rest_stays),
		cmocka_unit_test(reader__what_was_put__comes_back),
		cmocka_unit_test(reader__cut_at_every_byte__sticky_parse_error),
		cmocka_unit_test(put_be__known_values__network_order),
		cmocka_unit_test(varint__longer_than_64_bits__parse_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
