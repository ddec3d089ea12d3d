/* SPDX-License-Identifier: Apache-2.0 */
#include <surewire/clock.h>
#include <surewire/err.h>
#include <surewire/json.h>
#include <surewire/log.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int ends[2];
static char line[8192];

static int64_t wall(void)
{
	return INT64_C(784111777042);
}

static int begin(void **state)
{
	(void)state;
	if (pipe(ends) != 0) {
		return -1;
	}
	sw_clock_override(NULL, wall);
	sw_log_set_fd(ends[1]);
	sw_log_set_json(false);
	sw_log_set_level(SW_LOG_INFO);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	sw_log_set_fd(STDERR_FILENO);
	sw_clock_override(NULL, NULL);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* What was written since the last call; everything comes with one write(2). */
static const char *written(bool json)
{
	SW_LOG(ERROR, "end", SW_F_INT("n", 0));
	ssize_t n = read(ends[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	char *end = strstr(line, json ? "{\"ts\":\"1994-11-06T08:49:37.042Z\",\"level\":\"error\",\"event\":\"end\""
				      : "ts=1994-11-06T08:49:37.042Z level=error event=end");
	assert_non_null(end);
	*end = '\0';
	return line;
}

#define PREFIX "ts=1994-11-06T08:49:37.042Z level=info event=test.it"

static void write__plain_fields__logfmt(void **state)
{
	(void)state;
	SW_LOG(INFO, "test.it", SW_F_STR("a", "x"), SW_F_INT("b", -3), SW_F_U64("c", UINT64_MAX),
	       SW_F_BYTES("d", sw_bytes("yz", 1)));
	assert_string_equal(written(false), PREFIX " a=x b=-3 c=18446744073709551615 d=y\n");
	SW_LOG(INFO, "test.it", SW_F_ERR(SW_EBUSY));
	assert_string_equal(written(false), PREFIX " error=SW_EBUSY error_text=\"a bounded queue is full\"\n");
}

static void write__values_that_could_forge_fields_or_lines__quoted(void **state)
{
	(void)state;
	SW_LOG(INFO, "test.it", SW_F_STR("a", "x level=error"), SW_F_STR("b", "1\nts=2"), SW_F_STR("c", "\"q\\"),
	       SW_F_STR("d", ""), SW_F_STR("e", NULL), SW_F_STR("f", "k=v"), SW_F_STR("g", "\x1b[2J"),
	       SW_F_STR("h", "é"));
	assert_string_equal(written(false),
			    PREFIX " a=\"x level=error\" b=\"1\\nts=2\" c=\"\\\"q\\\\\" d=\"\" e=\"\" f=\"k=v\" "
				   "g=\"\\u001b[2J\" h=\"é\"\n");
}

static void write__json__one_valid_object_a_line(void **state)
{
	(void)state;
	sw_log_set_json(true);
	SW_LOG(WARN, "test.it", SW_F_STR("a", "\"\n\\"), SW_F_INT("b", 7));
	json_t *value;
	assert_int_equal(sw_json_parse(sw_bytes_str(written(true)), 2, &value, NULL), SW_OK);
	assert_string_equal(json_string_value(json_object_get(value, "level")), "warn");
	assert_string_equal(json_string_value(json_object_get(value, "event")), "test.it");
	assert_string_equal(json_string_value(json_object_get(value, "a")), "\"\n\\");
	assert_int_equal(json_integer_value(json_object_get(value, "b")), 7);
	json_decref(value);
}

static void write__long_value__cut(void **state)
{
	(void)state;
	char text[3000];
	memset(text, 'v', sizeof(text) - 1);
	text[2999] = '\0';
	SW_LOG(INFO, "test.it", SW_F_STR("a", text), SW_F_INT("b", 1));
	assert_true(strlen(written(false)) < 700);
	assert_non_null(strstr(line, "v b=1\n"));
}

static void write__below_the_level__nothing(void **state)
{
	(void)state;
	SW_LOG(DEBUG, "test.it", SW_F_INT("a", 1));
	assert_string_equal(written(false), "");
	sw_log_set_level(SW_LOG_ERROR);
	SW_LOG(WARN, "test.it", SW_F_INT("a", 1));
	assert_string_equal(written(false), "");
	sw_log_set_level(SW_LOG_DEBUG);
	SW_LOG(DEBUG, "test.it", SW_F_INT("a", 1));
	assert_non_null(strstr(written(false), "level=debug event=test.it a=1\n"));
}

static void level_parse__names__known_or_false(void **state)
{
	(void)state;
	enum sw_log_level level = SW_LOG_INFO;
	assert_true(sw_log_level_parse("warn", &level));
	assert_int_equal(level, SW_LOG_WARN);
	assert_false(sw_log_level_parse("WARN", &level));
	assert_false(sw_log_level_parse("", &level));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(write__plain_fields__logfmt, begin, finish),
		cmocka_unit_test_setup_teardown(write__values_that_could_forge_fields_or_lines__quoted, begin, finish),
		cmocka_unit_test_setup_teardown(write__json__one_valid_object_a_line, begin, finish),
		cmocka_unit_test_setup_teardown(write__long_value__cut, begin, finish),
		cmocka_unit_test_setup_teardown(write__below_the_level__nothing, begin, finish),
		cmocka_unit_test(level_parse__names__known_or_false),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
