/* SPDX-License-Identifier: Apache-2.0 */
/* See fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

#include <surewire/mem.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const apns_keys[] = {"key_file", "key_id", "team_id", NULL};
static const char *const mail_keys[] = {"host", "password_file", NULL};
static const struct sw_provider_ops apns = {.name = "apns", .known_keys = apns_keys};
static const struct sw_provider_ops mail = {.name = "email", .known_keys = mail_keys};
struct fixture fixture;
const struct sw_provider_ops *const fixture_providers[] = {&apns, &mail, NULL};

static void must(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "fixture: %s\n", what);
		abort();
	}
}

int fixture_set_up(void **state)
{
	(void)state;
	snprintf(fixture.dir, sizeof(fixture.dir), "/tmp/surewire-app-XXXXXX");
	must(mkdtemp(fixture.dir) != NULL, "mkdtemp");
	snprintf(fixture.path, sizeof(fixture.path), "%s/s.ini", fixture.dir);
	return 0;
}

int fixture_tear_down(void **state)
{
	(void)state;
	DIR *dir = opendir(fixture.dir);
	must(dir != NULL, "opendir");
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
	must(rmdir(fixture.dir) == 0, "rmdir");
	return 0;
}

void fixture_write(const char *name, const char *contents)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", fixture.dir, name);
	FILE *file = fopen(path, "w");
	must(file && fputs(contents, file) >= 0 && fclose(file) == 0 && chmod(path, 0600) == 0, path);
}

int fixture_load(const char *contents, const char *const *variables, struct sw_config **config_out,
		 struct sw_diag *diag_out)
{
	fixture_write("s.ini", contents);
	const struct sw_config_source source = {
		.path = fixture.path, .environ = variables, .providers = fixture_providers};
	return sw_config_load(&source, config_out, diag_out);
}

void fixture_expect_error_with(const char *contents, const char *const *variables, const char *text)
{
	struct sw_config *config = NULL;
	struct sw_diag diag = {""};
	assert_int_equal(fixture_load(contents, variables, &config, &diag), SW_ECONFIG);
	assert_null(config);
	char *expected = sw_xstrdup("");
	for (const char *c = text; *c; c++) {
		char one[2] = {*c, '\0'};
		char *longer = sw_xasprintf("%s%s", expected, *c == '@' ? fixture.dir : one);
		free(expected);
		expected = longer;
	}
	assert_string_equal(diag.text, expected);
	free(expected);
}

void fixture_expect_error(const char *contents, const char *text)
{
	fixture_expect_error_with(contents, NULL, text);
}
