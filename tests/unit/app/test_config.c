/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that are right: defaults, every type, precedence, paths, secrets, the sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/config_rows.h"
#include "fixture.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static struct sw_config *load(const char *contents, const char *const *environ)
{
	struct sw_config *config = NULL;
	struct sw_diag diag = {""};
	if (fixture_load(contents, environ, &config, &diag) != SW_OK) {
		fail_msg("%s", diag.text);
	}
	return config;
}

static void config_load__nothing__defaults(void **state)
{
	(void)state;
	const struct sw_config_source source = {.path = NULL, .providers = fixture_providers};
	struct sw_config *config = NULL;
	assert_int_equal(sw_config_load(&source, &config, NULL), SW_OK);
	assert_string_equal(config->path, "");
	assert_int_equal(config->gateway.window, 64);
	assert_int_equal(config->gateway.ping_interval_ms, 25000);
	assert_int_equal(config->gateway.body_max_bytes, 65536);
	assert_string_equal(config->gateway.listen.host, "0.0.0.0");
	assert_int_equal(config->gateway.listen.port, 8080);
	assert_string_equal(config->gateway.tls_listen.host, "");
	assert_string_equal(config->gateway.tls_cert, "");
	assert_string_equal(config->log.level, "info");
	assert_string_equal(config->bus.url, "");
	assert_string_equal(config->admin.token, "");
	assert_int_equal(config->node.roles.count, 5);
	assert_true(sw_config_has_role(config, "admin"));
	assert_false(sw_config_has_role(config, "adm"));
	assert_int_equal(config->push_count, 0);
	sw_config_free(config);
	sw_config_free(NULL);
}

static void config_load__every_type__parsed(void **state)
{
	(void)state;
	fixture_write("cert.pem", "x");
	struct sw_config *config = load("; comment\n"
					"# comment\n"
					"[node]\n"
					"roles = gateway, admin ,\n"
					"name = a b c\n"
					"[gateway]\n"
					"   listen = [::1]:0   ; IPv6\n"
					"tls_listen: host.example:8443\n"
					"tls_cert = cert.pem\n"
					"  window=1\n"
					"ping_interval = 1500ms\n"
					"body_max = 1k\n"
					"frame_max = 2048\n"
					"\n"
					"[log]\r\n"
					"level = debug\r\n"
					"[store]\n"
					"url = postgresql://u:p@h/db\n"
					"[gateway]\n"
					"threads = 3",
					NULL);
	assert_int_equal(config->node.roles.count, 2);
	assert_string_equal(config->node.roles.items[1], "admin");
	assert_string_equal(config->node.name, "a b c");
	assert_string_equal(config->gateway.listen.host, "::1");
	assert_int_equal(config->gateway.listen.port, 0);
	assert_string_equal(config->gateway.tls_listen.host, "host.example");
	assert_int_equal(config->gateway.tls_listen.port, 8443);
	char *cert = sw_xasprintf("%s/cert.pem", fixture.dir);
	assert_string_equal(config->gateway.tls_cert, cert);
	free(cert);
	assert_int_equal(config->gateway.window, 1);
	assert_int_equal(config->gateway.ping_interval_ms, 1500);
	assert_int_equal(config->gateway.body_max_bytes, 1024);
	assert_int_equal(config->gateway.frame_max_bytes, 2048);
	assert_int_equal(config->gateway.threads, 3);
	assert_string_equal(config->log.level, "debug");
	assert_string_equal(config->store.url, "postgresql://u:p@h/db");
	sw_config_free(config);
}

static void config_load__environment__wins(void **state)
{
	(void)state;
	static const char *const environ[] = {"PATH=/bin",
					      "SUREWIRE_GATEWAY_WINDOW=7",
					      "SUREWIRE_GATEWAY_WINDOWS=9",
					      "SUREWIRE_BUS_URL=amqp://e",
					      "SUREWIRE_URL=http://ignored",
					      NULL};
	fixture_write("url", "amqp://f\n");
	struct sw_config *config = load("[gateway]\nwindow = 5\n[bus]\nurl_file = url\n", environ);
	assert_int_equal(config->gateway.window, 7);
	assert_string_equal(config->bus.url, "amqp://e");
	sw_config_free(config);
	config = load("[gateway]\nwindow = 5\n[bus]\nurl_file = url\n", NULL);
	assert_int_equal(config->gateway.window, 5);
	assert_string_equal(config->bus.url, "amqp://f");
	sw_config_free(config);
}

static void config_load__secret__from_file_or_environment(void **state)
{
	(void)state;
	fixture_write("token", "s3cret with space\r\n");
	struct sw_config *config = load("[admin]\ntoken_file = token\n", NULL);
	assert_string_equal(config->admin.token, "s3cret with space");
	assert_int_equal(sw_config_need(config, "admin", "token", NULL), SW_OK);
	sw_config_free(config);
	char *variable = sw_xasprintf("SUREWIRE_ADMIN_TOKEN_FILE=%s/token", fixture.dir);
	const char *const by_file[] = {variable, NULL};
	config = load("", by_file);
	assert_string_equal(config->admin.token, "s3cret with space");
	sw_config_free(config);
	const char *const by_value[] = {variable, "SUREWIRE_ADMIN_TOKEN=direct", NULL};
	config = load("", by_value);
	assert_string_equal(config->admin.token, "direct");
	sw_config_free(config);
	free(variable);
}

static void config_need__nothing_given__says_where(void **state)
{
	(void)state;
	struct sw_config *config = load("[bus]\nurl =\n", NULL);
	struct sw_diag diag = {""};
	assert_int_equal(sw_config_need(config, "bus", "url", &diag), SW_ECONFIG);
	char *expected = sw_xasprintf(
		"%s: [bus] url: expected a URL that starts with amqp:// (in url, or in the file named by "
		"url_file), or SUREWIRE_BUS_URL in the environment, got nothing",
		fixture.path);
	assert_string_equal(diag.text, expected);
	free(expected);
	assert_int_equal(sw_config_need(config, "gateway", "window", NULL), SW_OK);
	sw_config_free(config);
}

static void config_print_sample__as_written__loads_to_the_defaults(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	sw_config_print_sample(out, fixture_providers);
	fclose(out);
	struct sw_config *config = load(text, NULL);
	assert_int_equal(config->gateway.window, 64);
	assert_int_equal(config->push_count, 0);
	sw_config_free(config);
	for (size_t i = 0; i < sw_conf_row_count; i++) {
		char line[96];
		snprintf(line, sizeof(line), "\n;%s%s =", sw_conf_rows[i].key,
			 sw_conf_rows[i].type == SW_CONF_SECRET ? "_file" : "");
		assert_non_null(strstr(text, line));
	}
	free(text);
}

static void config_print_sample__values_uncommented__same_defaults(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	sw_config_print_sample(out, NULL);
	fclose(out);
	/* ";key = value" becomes "key = value" where there is a value. */
	for (char *line = text; line; line = strchr(line + 1, '\n')) {
		char *semicolon = line[0] == '\n' && line[1] == ';' ? line + 1 : NULL;
		if (semicolon && semicolon[strcspn(semicolon, "\n") - 1] != '=') {
			*semicolon = ' ';
		}
	}
	struct sw_config *config = load(text, NULL);
	assert_int_equal(config->gateway.ping_interval_ms, 25000);
	assert_int_equal(config->pusher.age_max_ms, 24 * 3600 * 1000);
	sw_config_free(config);
	free(text);
}

static void config_parse_duration__forms__told_apart(void **state)
{
	(void)state;
	int64_t ms = 0;
	assert_int_equal(sw_config_parse_duration("7d", &ms), SW_OK);
	assert_int_equal(ms, 7 * 86400000);
	static const char *const bad[] = {
		"", "7", "d", "-1s", "1.5s", "1 s", "1S", "99999999999999999999s", "9223372036854775807d"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sw_config_parse_duration(bad[i], &ms), SW_EPARSE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_load__nothing__defaults),
		cmocka_unit_test(config_load__every_type__parsed),
		cmocka_unit_test(config_load__environment__wins),
		cmocka_unit_test(config_load__secret__from_file_or_environment),
		cmocka_unit_test(config_need__nothing_given__says_where),
		cmocka_unit_test(config_print_sample__as_written__loads_to_the_defaults),
		cmocka_unit_test(config_print_sample__values_uncommented__same_defaults),
		cmocka_unit_test(config_parse_duration__forms__told_apart),
	};
	return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
