/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that are wrong: the one line that a person gets, exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static void config_load__unknown_names__refused(void **state)
{
	(void)state;
	fixture_expect_error("[gateway]\nwindw = 5\n",
			     "@/s.ini:2: [gateway] windw: expected a key that exists (surewire "
			     "--help-config lists them), got an unknown one");
	fixture_expect_error("\n[gatway]\nwindow = 5\n",
			     "@/s.ini:2: [gatway]: expected a section that exists (surewire --help-config lists them)");
	fixture_expect_error("[gatway]\n",
			     "@/s.ini:1: [gatway]: expected a section that exists (surewire --help-config lists them)");
	fixture_expect_error("[gateway]\nwindow_file = x\n",
			     "@/s.ini:2: [gateway] window_file: expected a key that exists (surewire "
			     "--help-config lists them), got an "
			     "unknown one");
	fixture_expect_error("window = 5\n", "@/s.ini:1: expected a [section] before the first key");
}

static void config_load__key_twice__refused(void **state)
{
	(void)state;
	fixture_expect_error("[gateway]\nwindow = 5\n[log]\nlevel = info\n[gateway]\nwindow = 6\n",
			     "@/s.ini:6: [gateway] window: expected once, got it in line 2 too");
	fixture_write("url", "amqp://x");
	fixture_expect_error("[bus]\nurl_file = url\nurl = amqp://y\n",
			     "@/s.ini:2: [bus] url_file: expected one of the two, got the key without _file as well");
}

static void config_load__bad_values__refused(void **state)
{
	(void)state;
	fixture_expect_error("[gateway]\nwindow = abc\n",
			     "@/s.ini:2: [gateway] window: expected a whole number from 1 to 4096, got \"abc\"");
	fixture_expect_error("[gateway]\nwindow = 0\n",
			     "@/s.ini:2: [gateway] window: expected a whole number from 1 to 4096, got \"0\"");
	fixture_expect_error("[gateway]\nwindow = 4097\n",
			     "@/s.ini:2: [gateway] window: expected a whole number from 1 to 4096, got \"4097\"");
	fixture_expect_error("[gateway]\nwindow =\n",
			     "@/s.ini:2: [gateway] window: expected a whole number from 1 to 4096, got \"\"");
	fixture_expect_error(
		"[gateway]\nwindow = 5 # not a comment\n",
		"@/s.ini:2: [gateway] window: expected a whole number from 1 to 4096, got \"5 # not a comment\"");
	fixture_expect_error("[gateway]\nping_interval = 25\n",
			     "@/s.ini:2: [gateway] ping_interval: expected a duration (like "
			     "500ms, 10s, 5m, 24h) from 1s to 10m, got \"25\"");
	fixture_expect_error("[gateway]\nping_interval = 999ms\n",
			     "@/s.ini:2: [gateway] ping_interval: expected a duration (like "
			     "500ms, 10s, 5m, 24h) from 1s to 10m, got \"999ms\"");
	fixture_expect_error("[gateway]\nbody_max = 64kb\n",
			     "@/s.ini:2: [gateway] body_max: expected a size in bytes (like 4096, "
			     "64k, 1m) from 256 to 1m, got \"64kb\"");
	fixture_expect_error(
		"[gateway]\nbody_max = 18446744073709551615\n",
		"@/s.ini:2: [gateway] body_max: expected a size in bytes (like 4096, 64k, 1m) from 256 to 1m, got "
		"\"18446744073709551615\"");
	fixture_expect_error("[log]\nlevel = verbose\n",
			     "@/s.ini:2: [log] level: expected debug, info, warn or error, got \"verbose\"");
	fixture_expect_error("[log]\nlevel = deb\n",
			     "@/s.ini:2: [log] level: expected debug, info, warn or error, got \"deb\"");
	fixture_expect_error("[node]\nroles = gateway,pushr\n",
			     "@/s.ini:2: [node] roles: expected a list, separated by commas, of "
			     "gateway, sequencer, mailbox, pusher and "
			     "admin, got \"gateway,pushr\"");
	fixture_expect_error(
		"[node]\nroles = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
		"@/s.ini:2: [node] roles: expected a list, separated by commas, of gateway, sequencer, mailbox, pusher "
		"and "
		"admin, got \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…\"");
}

static void config_load__bad_addresses__refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"8080",    "host",     "host:", ":8080", "host:65536",
					  "host:-1", "::1:8080", "[]:1",  "a b:1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *contents = sw_xasprintf("[gateway]\nlisten = %s\n", bad[i]);
		char *text = sw_xasprintf(
			"@/s.ini:2: [gateway] listen: expected an address HOST:PORT (IPv6 as [::1]:8080), "
			"got \"%s\"",
			bad[i]);
		fixture_expect_error(contents, text);
		free(contents);
		free(text);
	}
}

static void config_load__missing_files__refused(void **state)
{
	(void)state;
	fixture_expect_error("[gateway]\ntls_cert = none.pem\n",
			     "@/s.ini:2: [gateway] tls_cert: expected a file that can be read, "
			     "got \"@/none.pem\": No such file or directory");
	fixture_expect_error(
		"[gateway]\ntls_cert = .\n",
		"@/s.ini:2: [gateway] tls_cert: expected a file that can be read, got \"@/.\": is a folder");
	fixture_expect_error("[auth]\nkeys_dir = /nonexistent\n",
			     "@/s.ini:2: [auth] keys_dir: expected a folder that exists, got "
			     "\"/nonexistent\": No such file or directory");
	fixture_expect_error(
		"[auth]\n\nkeys_dir = s.ini\n",
		"@/s.ini:3: [auth] keys_dir: expected a folder that exists, got \"@/s.ini\": is not a folder");
	fixture_expect_error(
		"[admin]\ntoken_file = none\n",
		"@/s.ini:2: [admin] token: expected a file that can be read, got \"@/none\": No such file or directory");
}

static void config_load__secrets__never_shown(void **state)
{
	(void)state;
	fixture_expect_error("[admin]\ntoken = hunter2hunter2\n",
			     "@/s.ini:2: [admin] token: expected token_file, the name of a "
			     "file: secrets are not kept in here, got a value");
	fixture_expect_error("[bus]\nurl = http://u:hunter2@h/\n",
			     "@/s.ini:2: [bus] url: expected a URL that starts with amqp:// "
			     "(in url, or in the file named by url_file), got "
			     "something else");
	fixture_write("empty", "\n");
	fixture_expect_error(
		"[admin]\ntoken_file = empty\n",
		"@/s.ini:2: [admin] token: expected one line of 1 to 4096 bytes in \"@/empty\", got nothing");
	fixture_write("two", "hunter2\nhunter3\n");
	fixture_expect_error(
		"[admin]\ntoken_file = two\n",
		"@/s.ini:2: [admin] token: expected one line of 1 to 4096 bytes in \"@/two\", got something else");
}

static void config_load__environment__named_in_the_text(void **state)
{
	(void)state;
	static const char *const window[] = {"SUREWIRE_GATEWAY_WINDOW=x", NULL};
	fixture_expect_error_with(
		"", window,
		"SUREWIRE_GATEWAY_WINDOW: [gateway] window: expected a whole number from 1 to 4096, got \"x\"");
	static const char *const token[] = {"SUREWIRE_ADMIN_TOKEN_FILE=/nonexistent", NULL};
	fixture_expect_error_with(
		"", token,
		"SUREWIRE_ADMIN_TOKEN_FILE: [admin] token: expected a file that can be read, got \"/nonexistent\": "
		"No such "
		"file or directory");
}

static void config_load__bad_syntax__line_named(void **state)
{
	(void)state;
	const char *text = "@/s.ini:3: expected \"key = value\", \"[section]\" or a comment (\"# …\")";
	fixture_expect_error("[gateway]\nwindow = 5\nnonsense\n", text);
	fixture_expect_error("[gateway]\nwindow = 5\n[log\n", text);
	/* An indented line is a line, not the continuation of the one before. */
	fixture_expect_error("[gateway]\nwindow = 5\n   6\n", text);
	char line[512];
	snprintf(line, sizeof(line), "[node]\nname = %0200d\n", 7);
	fixture_expect_error(
		line, "@/s.ini:2: expected a line of at most 190 bytes (a long URL can be put into a file: url_file)");
	snprintf(line, sizeof(line), "[%060d]\n", 7);
	fixture_expect_error(line, "@/s.ini:1: expected a section name of at most 49 bytes");
}

static void config_load__file_itself__refused(void **state)
{
	(void)state;
	struct sw_config *config = NULL;
	struct sw_config_source source = {.path = "/nonexistent/s.ini"};
	struct sw_diag missing = {""};
	assert_int_equal(sw_config_load(&source, &config, &missing), SW_ECONFIG);
	assert_string_equal(missing.text,
			    "/nonexistent/s.ini: expected a configuration file: No such file or directory");
	source.path = "/";
	struct sw_diag folder = {""};
	assert_int_equal(sw_config_load(&source, &config, &folder), SW_ECONFIG);
	assert_string_equal(folder.text, "/: expected a configuration file: not a regular file");
}

/* Whatever is cut off, loading ends with an answer and one line. */
static void config_load__every_cut__no_crash(void **state)
{
	(void)state;
	const char *whole =
		"[gateway]\nwindow = 5\nlisten = [::1]:80\nping_interval = 10s\n[push.a]\nprovider = apns\n";
	for (size_t len = 0; len <= strlen(whole); len++) {
		char *cut = sw_xstrndup(whole, len);
		struct sw_config *config = NULL;
		struct sw_diag diag = {""};
		int err = fixture_load(cut, NULL, &config, &diag);
		assert_true(err == SW_OK || err == SW_ECONFIG);
		assert_true((err == SW_OK) == (diag.text[0] == '\0'));
		sw_config_free(config);
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_load__unknown_names__refused),
		cmocka_unit_test(config_load__key_twice__refused),
		cmocka_unit_test(config_load__bad_values__refused),
		cmocka_unit_test(config_load__bad_addresses__refused),
		cmocka_unit_test(config_load__missing_files__refused),
		cmocka_unit_test(config_load__secrets__never_shown),
		cmocka_unit_test(config_load__environment__named_in_the_text),
		cmocka_unit_test(config_load__bad_syntax__line_named),
		cmocka_unit_test(config_load__file_itself__refused),
		cmocka_unit_test(config_load__every_cut__no_crash),
	};
	return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
