/* SPDX-License-Identifier: Apache-2.0 */
/* Mail headers: what is refused, encoded words by vectors and by their rules, folding; body line ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <string.h>

#include "egress/mail_text_int.h"

static int put(const char *name, const char *value, struct sw_buf *out)
{
	sw_buf_init(out, SW_MAIL_HEADER_BYTES_MAX);
	struct sw_diag diag = {""};
	int err = sw_mail_header_put(out, name, sw_bytes_str(value), &diag);
	assert_int_equal(err != SW_OK, diag.text[0] != '\0');
	return err;
}

static void header_put__vectors__exact_lines(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *line;
	} table[] = {
		{"Subject", "Hello", "Subject: Hello"},
		{"Subject", "", "Subject:"},
		{"Subject", "Grüße", "Subject: =?UTF-8?B?R3LDvMOfZQ==?="},
		{"Subject", "=?UTF-8?B?QQ==?=", "Subject: =?UTF-8?B?PT9VVEYtOD9CP1FRPT0/PQ==?="},
		{"From", "Chat <a@b.example>", "From: Chat <a@b.example>"},
		{"From", "Jürgen <a@b.example>", "From: =?UTF-8?B?SsO8cmdlbg==?= <a@b.example>"},
		{"From", "\"J\\\"ü\" <a@b.example>", "From: =?UTF-8?B?SiLDvA==?= <a@b.example>"},
		{"To", "a@b.example", "To: a@b.example"},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sw_buf out;
		assert_int_equal(put(table[i].name, table[i].value, &out), SW_OK);
		assert_string_equal(sw_buf_cstr(&out), table[i].line);
		sw_buf_release(&out);
	}
}

static void header_put__line_ends_and_controls__refused(void **state)
{
	(void)state;
	static const char *const values[] = {"a\r\nBcc: x@y.example", "a\nb", "a\rb", "a\x7f", "a\tb", "\x01"};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct sw_buf out;
		assert_int_equal(put("Subject", values[i], &out), SW_EINVAL);
		assert_int_equal(out.len, 0);
		sw_buf_release(&out);
	}
}

static void header_put__bad_names_addresses_and_bytes__refused(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value;
	} table[] = {
		{"", "x"},           {"Sub ject", "x"},          {"Subject:", "x"},          {"X\r\nY", "x"},
		{"Subject", "\xff"}, {"To", "jürgen@b.example"}, {"To", "A <jü@b.example>"},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct sw_buf out;
		assert_int_equal(put(table[i].name, table[i].value, &out), SW_EINVAL);
		sw_buf_release(&out);
	}
}

/* Takes the lines apart by the rules of RFC 2047 and gives back the text. */
static size_t decode(const char *text, uint8_t *out)
{
	size_t len = 0;
	const char *word = text;
	while ((word = strstr(word, "=?UTF-8?B?")) != NULL) {
		const char *begin = word + 10;
		const char *end = strstr(begin, "?=");
		assert_non_null(end);
		assert_true(end + 2 - word <= 75);
		int n = EVP_DecodeBlock(out + len, (const unsigned char *)begin, (int)(end - begin));
		assert_true(n > 0);
		n -= end[-1] == '=';
		n -= end[-2] == '=';
		/* A character is never split over two words. */
		assert_true((out[len] & 0xc0) != 0x80);
		len += (size_t)n;
		word = end + 2;
	}
	return len;
}

static void check_lines(const char *text)
{
	while (*text != '\0') {
		const char *end = strstr(text, "\r\n");
		size_t len = end != NULL ? (size_t)(end - text) : strlen(text);
		assert_true(len > 0 && len <= 76);
		assert_null(memchr(text, '\n', len));
		if (end == NULL) {
			break;
		}
		text = end + 2;
		assert_int_equal(*text, ' ');
	}
}

static void header_put__every_length_of_text__words_and_lines_within_limits(void **state)
{
	(void)state;
	static const char *const characters[] = {"x\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	static const char *const names[] = {"Subject", "X-A-Name-That-Is-Nearly-As-Long-As-A-Name-May-Be-Here"};
	for (size_t c = 0; c < 3; c++) {
		char value[600] = "";
		for (int n = 1; n < 100; n++) {
			memcpy(value + strlen(value), characters[c], strlen(characters[c]) + 1);
			for (size_t k = 0; k < 2; k++) {
				struct sw_buf out;
				assert_int_equal(put(names[k], value, &out), SW_OK);
				const char *text = sw_buf_cstr(&out);
				check_lines(text);
				uint8_t decoded[1024];
				size_t len = decode(text, decoded);
				assert_int_equal(len, strlen(value));
				assert_memory_equal(decoded, value, len);
				sw_buf_release(&out);
			}
		}
	}
}

static void header_put__long_ascii__folded_at_spaces_and_unfolds_to_itself(void **state)
{
	(void)state;
	const char *value = "one two  three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
			    "sixteen seventeen eighteen nineteen twenty twenty-one twenty-two twenty-three twenty-four";
	struct sw_buf out;
	assert_int_equal(put("Subject", value, &out), SW_OK);
	const char *text = sw_buf_cstr(&out);
	check_lines(text);
	char unfolded[512];
	size_t n = 0;
	for (const char *p = text + strlen("Subject: "); *p != '\0'; p++) {
		if (*p != '\r' && *p != '\n') {
			unfolded[n++] = *p;
		}
	}
	unfolded[n] = '\0';
	assert_string_equal(unfolded, value);
	sw_buf_release(&out);
}

static void header_put__word_longer_than_a_line__elimit(void **state)
{
	(void)state;
	char value[1100];
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	struct sw_buf out;
	assert_int_equal(put("X-Long", value, &out), SW_ELIMIT);
	sw_buf_release(&out);
}

static void address_check__table__only_plain_addresses(void **state)
{
	(void)state;
	static const char *const good[] = {"a@b.example", "first.last+tag@sub.example.org", "jürgen@example.org"};
	static const char *const bad[] = {"",
					  "a",
					  "@b",
					  "a@",
					  "a b@c.example",
					  "<a@b.example>",
					  "a@b.example>\r\nRCPT TO:<x@y.example",
					  "a@b.example,c@d.example",
					  "a\n@b.example",
					  "\"a\"@b.example"};
	struct sw_diag diag = {""};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(sw_mail_address_check(sw_bytes_str(good[i]), &diag), SW_OK);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sw_mail_address_check(sw_bytes_str(bad[i]), &diag), SW_EINVAL);
	}
}

static void body_put__any_line_end__crlf(void **state)
{
	(void)state;
	struct sw_buf out;
	sw_buf_init(&out, 100);
	sw_mail_body_put(&out, sw_bytes("a\nb\r\nc\rd\0e\n\n.\n", 15));
	assert_string_equal(sw_buf_cstr(&out), "a\r\nb\r\nc\r\nde\r\n\r\n.\r\n");
	sw_buf_release(&out);
}

static void body_encoding__by_share_of_non_ascii__smaller_one(void **state)
{
	(void)state;
	assert_string_equal(sw_mail_body_encoding(sw_bytes_str("plain text")), "quoted-printable");
	assert_string_equal(sw_mail_body_encoding(sw_bytes_str("Здравствуйте")), "base64");
	assert_string_equal(sw_mail_body_encoding(sw_bytes_str("")), "quoted-printable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_put__vectors__exact_lines),
		cmocka_unit_test(header_put__line_ends_and_controls__refused),
		cmocka_unit_test(header_put__bad_names_addresses_and_bytes__refused),
		cmocka_unit_test(header_put__every_length_of_text__words_and_lines_within_limits),
		cmocka_unit_test(header_put__long_ascii__folded_at_spaces_and_unfolds_to_itself),
		cmocka_unit_test(header_put__word_longer_than_a_line__elimit),
		cmocka_unit_test(address_check__table__only_plain_addresses),
		cmocka_unit_test(body_put__any_line_end__crlf),
		cmocka_unit_test(body_encoding__by_share_of_non_ascii__smaller_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
