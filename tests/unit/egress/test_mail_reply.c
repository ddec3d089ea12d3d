/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP reply lines: whole, byte by byte and at every split. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "egress/mail_reply_int.h"

struct expected {
	const char *wire;
	int code;
	const char *enhanced;
	const char *text;
};

static const struct expected table[] = {
	{"250 2.0.0 Ok: queued as 4F2A\r\n", 250, "2.0.0", "Ok: queued as 4F2A"},
	{"550 5.1.1 <a@b.example>: User unknown\r\n", 550, "5.1.1", "<a@b.example>: User unknown"},
	{"451 4.7.1 Greylisted\r\n", 451, "4.7.1", "Greylisted"},
	{"421 closing\r\n", 421, "", "closing"},
	{"354\r\n", 354, "", ""},
	{"250\n", 250, "", ""},
	{"550 5.1.1\r\n", 550, "5.1.1", ""},
	{"550 4.1.1 classes differ\r\n", 550, "", "4.1.1 classes differ"},
	{"554 5.7.26 long detail\r\n", 554, "5.7.26", "long detail"},
	{"554 5.7.2600 too long a detail\r\n", 554, "", "5.7.2600 too long a detail"},
	{"554 5.7 two parts\r\n", 554, "", "5.7 two parts"},
	{"554 5..1 empty part\r\n", 554, "", "5..1 empty part"},
	{"550-5.7.1 first line\r\n550 5.7.1 last line\r\n", 550, "5.7.1", "last line"},
	{"250-mx.example\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n", 250, "", "SMTPUTF8"},
	{"garbage\r\n2x0 no\r\n650 no\r\n25\r\n250_ no\r\n", 0, "", ""},
	{"550 bad \x01\xc3\xa9 bytes\r\n", 550, "", "bad ??? bytes"},
	{"250 not ended", 0, "", ""},
};

static void check(const struct sw_mail_reply_reader *reader, const struct expected *e)
{
	assert_int_equal(reader->reply.code, e->code);
	assert_string_equal(reader->reply.enhanced, e->enhanced);
	assert_string_equal(reader->reply.text, e->text);
}

static void feed__every_split__same_reply(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t len = strlen(table[i].wire);
		for (size_t split = 0; split <= len; split++) {
			struct sw_mail_reply_reader reader = {.len = 0};
			sw_mail_reply_feed(&reader, sw_bytes(table[i].wire, split));
			sw_mail_reply_feed(&reader, sw_bytes(table[i].wire + split, len - split));
			check(&reader, &table[i]);
		}
	}
}

static void feed__byte_by_byte__same_reply(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sw_mail_reply_reader reader = {.len = 0};
		for (const char *p = table[i].wire; *p != '\0'; p++) {
			sw_mail_reply_feed(&reader, sw_bytes(p, 1));
		}
		check(&reader, &table[i]);
	}
}

static void feed__line_longer_than_the_limit__cut_and_next_line_whole(void **state)
{
	(void)state;
	struct sw_mail_reply_reader reader = {.len = 0};
	sw_mail_reply_feed(&reader, sw_bytes_str("550 5.2.2 "));
	for (int i = 0; i < 5000; i++) {
		sw_mail_reply_feed(&reader, sw_bytes_str("x"));
	}
	sw_mail_reply_feed(&reader, sw_bytes_str("\r\n"));
	assert_int_equal(reader.reply.code, 550);
	assert_string_equal(reader.reply.enhanced, "5.2.2");
	assert_int_equal(strlen(reader.reply.text), sizeof(reader.reply.text) - 1);
	sw_mail_reply_feed(&reader, sw_bytes_str("250 ok\r\n"));
	assert_int_equal(reader.reply.code, 250);
	assert_string_equal(reader.reply.text, "ok");
}

static void reset__after_a_reply__nothing_left(void **state)
{
	(void)state;
	struct sw_mail_reply_reader reader = {.len = 0};
	sw_mail_reply_feed(&reader, sw_bytes_str("550 5.1.1 no\r\n25"));
	sw_mail_reply_reset(&reader);
	assert_int_equal(reader.reply.code, 0);
	sw_mail_reply_feed(&reader, sw_bytes_str("0 ok\r\n"));
	assert_int_equal(reader.reply.code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feed__every_split__same_reply),
		cmocka_unit_test(feed__byte_by_byte__same_reply),
		cmocka_unit_test(feed__line_longer_than_the_limit__cut_and_next_line_whole),
		cmocka_unit_test(reset__after_a_reply__nothing_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
