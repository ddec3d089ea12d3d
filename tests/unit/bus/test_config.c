/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's URL: what is taken, what is refused, and that no refusal shows the password. */
#include "bus/bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *url, const char *const expected[4], unsigned port)
{
	struct sw_bus_config config;
	struct sw_diag diag = {0};
	assert_int_equal(sw_bus_config_parse(url, &config, &diag), SW_OK);
	assert_string_equal(config.user, expected[0]);
	assert_string_equal(config.password, expected[1]);
	assert_string_equal(config.host, expected[2]);
	assert_string_equal(config.vhost, expected[3]);
	assert_int_equal(config.port, port);
	assert_true(config.heartbeat_s > 0 && config.connect_timeout_ms > 0);
	assert_true(config.inflight_messages_max > 0 && config.inflight_bytes_max > 0);
	sw_bus_config_release(&config);
}

static void parse__whole_url__all_parts(void **state)
{
	(void)state;
	check("amqp://u:p@127.0.0.1:5673/v", (const char *const[]){"u", "p", "127.0.0.1", "v"}, 5673);
}

static void parse__no_port_and_no_path__defaults(void **state)
{
	(void)state;
	check("amqp://u:p@broker", (const char *const[]){"u", "p", "broker", "/"}, 5672);
	check("amqp://u:p@broker/", (const char *const[]){"u", "p", "broker", "/"}, 5672);
}

static void parse__escapes__decoded(void **state)
{
	(void)state;
	check("amqp://a%40b:%3A%2f%25@h/%2Fx%20y", (const char *const[]){"a@b", ":/%", "h", "/x y"}, 5672);
}

static void parse__ipv6__without_brackets(void **state)
{
	(void)state;
	check("amqp://u:p@[::1]:77", (const char *const[]){"u", "p", "::1", "/"}, 77);
	check("amqp://u:p@[::1]", (const char *const[]){"u", "p", "::1", "/"}, 5672);
}

static void parse__malformed__refused_without_password(void **state)
{
	(void)state;
	static const char *const urls[] = {
		"",
		"amqp://",
		"amqps://u:secret@h",
		"http://u:secret@h",
		"amqp://h:5672",
		"amqp://u@h",
		"amqp://u:@h",
		"amqp://:secret@h",
		"amqp://u:secret@",
		"amqp://u:secret@:5672",
		"amqp://u:secret@h:",
		"amqp://u:secret@h:0",
		"amqp://u:secret@h:65536",
		"amqp://u:secret@h:12x",
		"amqp://u:secret%@h",
		"amqp://u:secret%2@h",
		"amqp://u:secret%zz@h",
		"amqp://u:secret%00@h",
		"amqp://u:secret@[::1",
		"amqp://u:secret@[::1]x",
		"amqp://u:secret@h/a/b",
		"amqp://u:secret@h/v?heartbeat=1",
		"amqp://u:secret@h/v#x",
	};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct sw_bus_config config;
		struct sw_diag diag = {0};
		assert_int_equal(sw_bus_config_parse(urls[i], &config, &diag), SW_ECONFIG);
		assert_non_null(strstr(diag.text, "expected amqp://"));
		assert_null(strstr(diag.text, "secret"));
		assert_null(config.password);
	}
}

static void parse__every_prefix_of_a_url__no_crash(void **state)
{
	(void)state;
	static const char url[] = "amqp://us%40er:pa%2Fss@[::1]:5672/%2Fvhost";
	for (size_t len = 0; len < sizeof(url); len++) {
		char part[sizeof(url)];
		memcpy(part, url, len);
		part[len] = '\0';
		struct sw_bus_config config;
		if (sw_bus_config_parse(part, &config, NULL) == SW_OK) {
			assert_string_equal(config.user, "us@er");
			assert_string_equal(config.password, "pa/ss");
			sw_bus_config_release(&config);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__whole_url__all_parts),
		cmocka_unit_test(parse__no_port_and_no_path__defaults),
		cmocka_unit_test(parse__escapes__decoded),
		cmocka_unit_test(parse__ipv6__without_brackets),
		cmocka_unit_test(parse__malformed__refused_without_password),
		cmocka_unit_test(parse__every_prefix_of_a_url__no_crash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
