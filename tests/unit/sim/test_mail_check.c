/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/mail_check.h"

#define DATE "Date: Tue, 24 Nov 2026 03:00:00 +0000\r\n"
#define FROM "From: Ann <a@b.c>\r\n"
#define ID "Message-ID: <x@b.c>\r\n"
#define SUBJECT "Subject: hi\r\n"
#define MIME "MIME-Version: 1.0\r\n"
#define ALL DATE FROM ID SUBJECT MIME

static int check(const char *text, bool eight_bit, bool utf8, struct sw_diag *diag)
{
	struct sw_sim_mail mail;
	*diag = (struct sw_diag){{0}};
	return sw_sim_mail_check(sw_bytes_str(text), eight_bit, utf8, &mail, diag);
}

static void check__good__accepted(void **state)
{
	(void)state;
	static const char *const good[] = {
		ALL "\r\nbody\r\n",
		ALL "\r\n",
		ALL "X: a\r\n b\r\n\tc\r\n\r\nbody\r\n\r\n",
		ALL "List-Unsubscribe: <https://x/>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n",
		"Date: 24 Nov 2026 03:00:00 -0500 (EST)\r\n" FROM ID SUBJECT MIME "\r\n",
		DATE FROM ID "subject:\r\nmime-version: 1.0\r\n\r\nb\r\n",
		DATE FROM ID MIME "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n =?UTF-8?B?R3LDvMOfZQ==?=\r\n\r\n",
	};
	for (size_t i = 0; i < COUNT(good); i++) {
		struct sw_diag diag;
		int err = check(good[i], false, false, &diag);
		assert_string_equal(diag.text, "");
		assert_int_equal(err, SW_OK);
	}
}

static void check__bad__told_what(void **state)
{
	(void)state;
	static const struct {
		const char *text, *word;
	} rows[] = {
		{"", "no blank line"},
		{ALL, "no blank line"},
		{ALL "\r\nbody", "does not end in CRLF"},
		{ALL "\r\nbo\ndy\r\n", "bare LF"},
		{ALL "\r\nbo\rdy\r\n", "bare CR"},
		{ALL "\r\nbody\r", "bare CR"},
		{FROM ID SUBJECT MIME "\r\n", "Date occurs 0"},
		{DATE ID SUBJECT MIME "\r\n", "From occurs 0"},
		{DATE FROM SUBJECT MIME "\r\n", "Message-ID occurs 0"},
		{DATE FROM ID MIME "\r\n", "Subject occurs 0"},
		{DATE FROM ID SUBJECT "\r\n", "MIME-Version occurs 0"},
		{ALL ID "\r\n", "Message-ID occurs 2"},
		{ALL "\r\nDate: x\r\n", ""},
		{DATE FROM "Message-ID: x@b.c\r\n" SUBJECT MIME "\r\n", "Message-ID: expected"},
		{DATE FROM "Message-ID: <xb.c>\r\n" SUBJECT MIME "\r\n", "Message-ID: expected"},
		{DATE FROM "Message-ID: <x@b c>\r\n" SUBJECT MIME "\r\n", "Message-ID: expected"},
		{ALL "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n", "List-Unsubscribe: expected"},
		{ALL "List-Unsubscribe: <http://x/>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n",
		 "List-Unsubscribe: expected"},
		{ALL "List-Unsubscribe: <https://x/>\r\nList-Unsubscribe-Post: One-Click\r\n\r\n",
		 "List-Unsubscribe-Post: expected"},
		{"Date: 2026-11-24\r\n" FROM ID SUBJECT MIME "\r\n", "Date: expected"},
		{DATE "From: Ann\r\n" ID SUBJECT MIME "\r\n", "From: expected"},
		{DATE FROM ID SUBJECT "MIME-Version: 2\r\n\r\n", "MIME-Version: expected"},
		{" folded first\r\n" ALL "\r\n", "folded"},
		{ALL "X: a\r\n \t\r\n\r\n", "folded"},
		{ALL "no colon\r\n\r\n", "Name: value"},
		{ALL "bad name: x\r\n\r\n", "Name: value"},
		{ALL ": x\r\n\r\n", "Name: value"},
		{ALL "X: \xc3\xbc\r\n\r\n", "US-ASCII"},
		{ALL "\r\n\xc3\xbc\r\n", "US-ASCII"},
		{DATE FROM ID MIME
		 "Subject: =?UTF-8?B?QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB?=\r\n\r\n",
		 "encoded word of 76"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_diag diag;
		int err = check(rows[i].text, false, false, &diag);
		if (!strstr(diag.text, rows[i].word)) {
			fail_msg("row %zu: %s", i, diag.text);
		}
		assert_int_equal(err, rows[i].word[0] ? SW_EINVAL : SW_OK);
	}
}

static void check__eight_bits__where_they_were_announced(void **state)
{
	(void)state;
	struct sw_diag diag;
	assert_int_equal(check(ALL "\r\n\xc3\xbc\r\n", true, false, &diag), SW_OK);
	assert_int_equal(check(ALL "X: \xc3\xbc\r\n\r\n", true, false, &diag), SW_EINVAL);
	assert_int_equal(check(ALL "X: \xc3\xbc\r\n\r\n", false, true, &diag), SW_OK);
}

static void check__zero_byte__refused(void **state)
{
	(void)state;
	static const char text[] = ALL "\r\na\0b\r\n";
	struct sw_sim_mail mail;
	struct sw_diag diag = {{0}};
	assert_int_equal(sw_sim_mail_check(sw_bytes(text, sizeof(text) - 1), true, true, &mail, &diag), SW_EINVAL);
}

static void check__line_length__998_is_the_last(void **state)
{
	(void)state;
	static char text[2048] = ALL "\r\n";
	struct sw_diag diag;
	size_t n = strlen(text);
	memset(text + n, 'a', 998);
	memcpy(text + n + 998, "\r\n", 3);
	assert_int_equal(check(text, false, false, &diag), SW_OK);
	memcpy(text + n + 998, "a\r\n", 4);
	assert_int_equal(check(text, false, false, &diag), SW_EINVAL);
}

static void check__too_many_headers__refused(void **state)
{
	(void)state;
	static char text[4096] = ALL;
	struct sw_diag diag;
	size_t n = strlen(text);
	for (int i = 0; i < SW_SIM_MAIL_HEADERS_MAX - 5; i++, n += 6) {
		memcpy(text + n, "X: y\r\n", 6);
	}
	memcpy(text + n, "\r\n", 3);
	assert_int_equal(check(text, false, false, &diag), SW_OK);
	memcpy(text + n, "X: y\r\n\r\n", 9);
	assert_int_equal(check(text, false, false, &diag), SW_EINVAL);
}

static void header__folded__value_with_its_fold(void **state)
{
	(void)state;
	struct sw_sim_mail mail;
	struct sw_diag diag = {{0}};
	assert_int_equal(
		sw_sim_mail_check(sw_bytes_str(ALL "X-Long:  a\r\n b\r\n\r\nbody\r\n"), false, false, &mail, &diag),
		SW_OK);
	assert_true(sw_bytes_equal_str(sw_sim_mail_header(&mail, "x-long"), "a\r\n b"));
	assert_int_equal(sw_sim_mail_header(&mail, "X-None").len, 0);
	assert_true(sw_bytes_equal_str(mail.body, "body\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check__good__accepted),
		cmocka_unit_test(check__bad__told_what),
		cmocka_unit_test(check__eight_bits__where_they_were_announced),
		cmocka_unit_test(check__zero_byte__refused),
		cmocka_unit_test(check__line_length__998_is_the_last),
		cmocka_unit_test(check__too_many_headers__refused),
		cmocka_unit_test(header__folded__value_with_its_fold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
