/* SPDX-License-Identifier: Apache-2.0 */
/* See fixture.h. */
#include "fixture.h"

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
const struct sw_provider_ops *const fixture_providers[] = {&apns, &mail, NULL};

static void must(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "fixture: %s\n", what);
		abort();
	}
}

struct fixture fixture_new(void)
{
	struct fixture fixture;
	snprintf(fixture.dir, sizeof(fixture.dir), "/tmp/surewire-app-XXXXXX");
	must(mkdtemp(fixture.dir) != NULL, "mkdtemp");
	snprintf(fixture.path, sizeof(fixture.path), "%s/s.ini", fixture.dir);
	return fixture;
}

void fixture_remove(const struct fixture *fixture)
{
	DIR *dir = opendir(fixture->dir);
	must(dir != NULL, "opendir");
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
	must(rmdir(fixture->dir) == 0, "rmdir");
}

void fixture_write(const struct fixture *fixture, const char *name, const char *contents)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", fixture->dir, name);
	FILE *file = fopen(path, "w");
	must(file && fputs(contents, file) >= 0 && fclose(file) == 0 && chmod(path, 0600) == 0, path);
}

int fixture_load(const struct fixture *fixture, const char *contents, const char *const *variables,
		 struct sw_config **config_out, struct sw_diag *diag_out)
{
	fixture_write(fixture, "s.ini", contents);
	const struct sw_config_source source = {
		.path = fixture->path, .environ = variables, .providers = fixture_providers};
	return sw_config_load(&source, config_out, diag_out);
}
