/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/smtp_parse.h"

static void split__forms__verb_in_upper_case(void **state)
{
	(void)state;
	static const struct {
		const char *line, *verb, *rest;
	} rows[] = {{"mail FROM:<a@b>", "MAIL", "FROM:<a@b>"},
		    {"QUIT", "QUIT", ""},
		    {"", "", ""},
		    {" x", "", "x"},
		    {"averyveryverylongverb x", "AVERYVERYVERYLO", "ngverb x"}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char verb[16];
		struct sw_bytes rest;
		sw_sim_smtp_split(sw_bytes_str(rows[i].line), verb, &rest);
		assert_string_equal(verb, rows[i].verb);
		assert_true(sw_bytes_equal_str(rest, rows[i].rest));
	}
}

static void parse_path__good__address_and_parameters(void **state)
{
	(void)state;
	struct sw_sim_smtp_path path;
	assert_int_equal(
		sw_sim_smtp_parse_path(sw_bytes_str("from:<a+b@c.d> SIZE=42 BODY=8BITMIME smtputf8"), "FROM:", &path),
		SW_OK);
	assert_string_equal(path.address, "a+b@c.d");
	assert_int_equal(path.size_bytes, 42);
	assert_true(path.eight_bit && path.utf8);
	assert_int_equal(sw_sim_smtp_parse_path(sw_bytes_str("FROM:<> AUTH=<>"), "FROM:", &path), SW_OK);
	assert_string_equal(path.address, "");
	assert_false(path.eight_bit || path.utf8);
}

static void parse_path__bad__refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *keyword;
		int err;
	} rows[] = {
		{"", "FROM:", SW_EINVAL},
		{"FROM:", "FROM:", SW_EINVAL},
		{"FROM:<", "FROM:", SW_EINVAL},
		{"FROM:a@b", "FROM:", SW_EINVAL},
		{"FROM:<a@b", "FROM:", SW_EINVAL},
		{"FROM:<a b@c>", "FROM:", SW_EINVAL},
		{"FROM:<@b>", "FROM:", SW_EINVAL},
		{"FROM:<a@>", "FROM:", SW_EINVAL},
		{"FROM:<ab>", "FROM:", SW_EINVAL},
		{"TO:<>", "TO:", SW_EINVAL},
		{"FROM:<a@b>x", "FROM:", SW_EINVAL},
		{"FROM:<a@b> SIZE=x", "FROM:", SW_EINVAL},
		{"FROM:<a@b> RET=FULL", "FROM:", SW_ENOTFOUND},
		{"TO:<a@b>", "FROM:", SW_EINVAL},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sw_sim_smtp_path path;
		assert_int_equal(sw_sim_smtp_parse_path(sw_bytes_str(rows[i].text), rows[i].keyword, &path),
				 rows[i].err);
	}
}

static void parse_path__address_too_long__refused(void **state)
{
	(void)state;
	char text[400] = "TO:<";
	struct sw_sim_smtp_path path;
	memset(text + 4, 'a', 255);
	memcpy(text + 4 + 252, "@b>", 3);
	assert_int_equal(sw_sim_smtp_parse_path(sw_bytes(text, 4 + 255), "TO:", &path), SW_OK);
	memcpy(text + 4 + 252, "a@b>", 4);
	assert_int_equal(sw_sim_smtp_parse_path(sw_bytes(text, 4 + 256), "TO:", &path), SW_EINVAL);
}

static const struct {
	const char *wire, *text;
	size_t used; /* of wire; less than its length when something follows the final dot */
} streams[] = {
	{"hello\r\n.\r\n", "hello\r\n", 10},
	{".\r\n", "", 3},
	{"..\r\n.\r\n", ".\r\n", 7},
	{"...x\r\n.\r\nQUIT\r\n", "..x\r\n", 9},
	{"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", 10},
	{"a\r\n.\n\r\n.\r\n", "a\r\n\n\r\n", 10},
	{"a\r.\r\n.\r\n", "a\r.\r\n", 8},
	{".\rx\r\n.\r\n", "\rx\r\n", 8},
	{"a.\r\n.\r\n", "a.\r\n", 7},
	{"a\r\r\n.\r\n", "a\r\r\n", 7},
};

static void check_stream(size_t i, size_t split, size_t step)
{
	struct sw_sim_smtp_data data = {0};
	struct sw_buf text;
	size_t len = strlen(streams[i].wire);
	size_t at = 0;
	sw_buf_init(&text, 4096);
	while (at < len && !sw_sim_smtp_data_done(&data)) {
		size_t n = at < split ? split - at : step;
		n = n > len - at ? len - at : n;
		size_t used = sw_sim_smtp_data_feed(&data, sw_bytes(streams[i].wire + at, n), &text);
		at += used;
		assert_true(used == n || sw_sim_smtp_data_done(&data));
	}
	assert_true(sw_sim_smtp_data_done(&data));
	assert_int_equal(at, streams[i].used);
	assert_string_equal(sw_buf_cstr(&text), streams[i].text);
	sw_buf_release(&text);
}

static void data_feed__whole_bytewise_and_at_every_split__same_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(streams); i++) {
		check_stream(i, 0, 4096);
		check_stream(i, 0, 1);
		for (size_t split = 1; split < strlen(streams[i].wire); split++) {
			check_stream(i, split, 4096);
		}
	}
}

static void data_feed__no_final_dot__not_done(void **state)
{
	(void)state;
	static const char *const open[] = {"",       "a",        "a\r\n",       "a\r\n.",     "a\r\n.\r",
					   "a\n.\n", "a\r\n.\n", "a\r\n. \r\n", "a\r\n..\r\n"};
	for (size_t i = 0; i < COUNT(open); i++) {
		struct sw_sim_smtp_data data = {0};
		struct sw_buf text;
		sw_buf_init(&text, 100);
		assert_int_equal(sw_sim_smtp_data_feed(&data, sw_bytes_str(open[i]), &text), strlen(open[i]));
		assert_false(sw_sim_smtp_data_done(&data));
		sw_buf_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split__forms__verb_in_upper_case),
		cmocka_unit_test(parse_path__good__address_and_parameters),
		cmocka_unit_test(parse_path__bad__refused),
		cmocka_unit_test(parse_path__address_too_long__refused),
		cmocka_unit_test(data_feed__whole_bytewise_and_at_every_split__same_text),
		cmocka_unit_test(data_feed__no_final_dot__not_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
