/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: file and environment against the rows. Opens nothing but the files that keys name. */
#include "app/config_rows.h"

#include <surewire/log.h>
#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

/* What one load works on. */
struct load {
	struct sw_config *config;
	const struct sw_config_source *source;
	struct sw_conf_file file;
	struct sw_diag *diag;
};

/* The text of one row, from wherever it came; text is NULL when nobody gave one. */
struct given {
	const char *text;
	const char *file; /* path of a secret's file, instead of text */
	char origin[512]; /* "surewire.ini:12" or the variable */
	const char *dir;
};

static bool may_be_in_a_file(const struct sw_conf_row *row)
{
	return row->type == SW_CONF_SECRET || row->type == SW_CONF_URL;
}

/* KEY_file of a secret's KEY; NULL when key is not of that form. */
static const struct sw_conf_row *row_of_file_key(const char *section, const char *key)
{
	char name[64];
	size_t len = strlen(key);
	if (len <= 5 || len >= sizeof(name) || strcmp(key + len - 5, "_file") != 0) {
		return NULL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(len - 5), key);
	const struct sw_conf_row *row = sw_conf_row_find(section, name);
	return row && may_be_in_a_file(row) ? row : NULL;
}

static int refuse_entry(const struct load *load, const struct sw_conf_entry *entry, const char *expected)
{
	return sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s] %s: expected %s", load->file.path, entry->line,
			   entry->section, entry->key, expected);
}

static int check_key(const struct load *load, const struct sw_conf_entry *entry)
{
	const struct sw_conf_row *row = sw_conf_row_find(entry->section, entry->key);
	if (row && row->type == SW_CONF_SECRET) {
		char expected[160];
		snprintf(expected, sizeof(expected),
			 "%s_file, the name of a file: secrets are not kept in here, got a value", row->key);
		return refuse_entry(load, entry, expected);
	}
	if (row) {
		return SW_OK;
	}
	row = row_of_file_key(entry->section, entry->key);
	if (!row) {
		return refuse_entry(load, entry,
				    "a key that exists (surewire --help-config lists them), got an unknown one");
	}
	if (sw_conf_file_find(&load->file, entry->section, row->key)) {
		return refuse_entry(load, entry, "one of the two, got the key without _file as well");
	}
	return SW_OK;
}

static int check_entry(const struct load *load, const struct sw_conf_entry *entry)
{
	if (sw_conf_is_push(entry->section) || sw_conf_is_plan(entry->section)) {
		return SW_OK;
	}
	if (!sw_conf_section_find(entry->section)) {
		return sw_diag_set(load->diag, SW_ECONFIG,
				   "%s:%d: [%s]: expected a section that exists (surewire --help-config lists them)",
				   load->file.path, entry->line, sw_conf_show(entry->section).text);
	}
	return entry->key ? check_key(load, entry) : SW_OK;
}

static void take_from_env(const struct load *load, const struct sw_conf_row *row, struct given *given)
{
	char name[96];
	const char *value = sw_conf_env(load->source->environ, row->section, row->key, name);
	if (value) {
		given->text = value;
	} else if (may_be_in_a_file(row)) {
		char key[64];
		snprintf(key, sizeof(key), "%s_file", row->key);
		given->file = sw_conf_env(load->source->environ, row->section, key, name);
	}
	given->dir = ".";
	snprintf(given->origin, sizeof(given->origin), "%s", name);
}

static void take_from_file(const struct load *load, const struct sw_conf_row *row, struct given *given)
{
	const struct sw_conf_entry *entry = sw_conf_file_find(&load->file, row->section, row->key);
	if (entry) {
		given->text = entry->value;
	} else if (may_be_in_a_file(row)) {
		char key[64];
		snprintf(key, sizeof(key), "%s_file", row->key);
		entry = sw_conf_file_find(&load->file, row->section, key);
		given->file = entry ? entry->value : NULL;
	}
	given->dir = load->file.dir;
	snprintf(given->origin, sizeof(given->origin), "%s:%d", load->file.path, entry ? entry->line : 0);
}

static void warn_about_password(const struct load *load, const struct sw_conf_row *row, const struct given *given)
{
	const char *host = given->text && row->type == SW_CONF_URL ? strstr(given->text, "://") : NULL;
	const char *at = host ? strchr(host, '@') : NULL;
	if (at && memchr(host + 3, ':', (size_t)(at - host - 3)) && load->file.readable_by_all) {
		SW_LOG(WARN, "config.password_readable_by_all", SW_F_STR("at", given->origin),
		       SW_F_STR("key", row->key), SW_F_STR("expected", "chmod 600, or url_file"));
	}
}

static int load_row(const struct load *load, size_t index)
{
	const struct sw_conf_row *row = &sw_conf_rows[index];
	struct given given = {.text = NULL};
	struct sw_diag why = {""};
	take_from_env(load, row, &given);
	if (!given.text && !given.file) {
		take_from_file(load, row, &given);
		warn_about_password(load, row, &given);
	}
	int err = SW_OK;
	if (given.file) {
		struct sw_arena *arena = &load->config->texts->arena;
		err = sw_conf_secret_read(arena, sw_conf_path(arena, given.dir, given.file), &given.text, &why);
	}
	const char *text = given.text ? given.text : row->standard;
	load->config->texts->is_set[index] = text && text[0] != '\0';
	err = err ? err : sw_conf_value_set(load->config, row, text, given.dir, &why);
	return err ? sw_diag_set(load->diag, SW_ECONFIG, "%s: [%s] %s: %s", given.origin, row->section, row->key,
				 why.text)
		   : SW_OK;
}

static int load_all(struct load *load)
{
	int err = SW_OK;
	for (size_t i = 0; !err && i < load->file.count; i++) {
		err = check_entry(load, &load->file.entries[i]);
	}
	for (size_t i = 0; !err && i < sw_conf_row_count; i++) {
		err = load_row(load, i);
	}
	err = err ? err : sw_conf_push_read(load->config, load->source, &load->file, load->diag);
	return err ? err : sw_conf_plan_read(load->config, load->source, &load->file, load->diag);
}

int sw_config_load(const struct sw_config_source *source, struct sw_config **config_out, struct sw_diag *diag_out)
{
	struct sw_config *config = sw_xcalloc(1, sizeof(*config));
	config->texts = sw_xcalloc(1, sizeof(*config->texts));
	config->texts->is_set = sw_xcalloc(sw_conf_row_count, sizeof(bool));
	sw_arena_init(&config->texts->arena);
	struct load load = {
		.config = config,
		.source = source,
		.file = {.path = "", .dir = "."},
		.diag = diag_out,
	};
	config->path = sw_arena_str(&config->texts->arena, sw_bytes_str(source->path ? source->path : ""));
	int err = SW_OK;
	if (source->path) {
		err = sw_conf_file_read(source->path, &config->texts->arena, &load.file, diag_out);
	}
	err = err ? err : load_all(&load);
	if (err) {
		sw_config_free(config);
		return err;
	}
	*config_out = config;
	return SW_OK;
}

void sw_config_free(struct sw_config *config)
{
	if (!config) {
		return;
	}
	sw_arena_release(&config->texts->arena);
	free(config->texts->is_set);
	free(config->texts);
	free(config);
}

int sw_config_need(const struct sw_config *config, const char *section, const char *key, struct sw_diag *diag_out)
{
	for (size_t i = 0; i < sw_conf_row_count; i++) {
		const struct sw_conf_row *row = &sw_conf_rows[i];
		if (strcmp(row->section, section) != 0 || strcmp(row->key, key) != 0) {
			continue;
		}
		if (config->texts->is_set[i]) {
			return SW_OK;
		}
		char expected[160];
		char variable[96];
		sw_conf_value_describe(row, expected, sizeof(expected));
		sw_conf_env(NULL, section, key, variable);
		return sw_diag_set(
			diag_out, SW_ECONFIG, "%s: [%s] %s: expected %s, or %s in the environment, got nothing",
			config->path[0] ? config->path : "no configuration file", section, key, expected, variable);
	}
	return sw_diag_set(diag_out, SW_ECONFIG, "[%s] %s: no such key", section, key);
}

static int misfit(const struct sw_config *config, struct sw_diag *diag_out, const char *key, const char *expected,
		  long long got)
{
	return sw_diag_set(diag_out, SW_ECONFIG, "%s: %s: expected %s, got %lld",
			   config->path[0] ? config->path : "no configuration file", key, expected, got);
}

int sw_config_check_fit(const struct sw_config *config, struct sw_diag *diag_out)
{
	size_t frame = config->gateway.frame_max_bytes;
	size_t queue = config->gateway.send_queue_max_bytes;
	char expected[96];
	if (config->gateway.body_max_bytes >= frame) {
		snprintf(expected, sizeof(expected), "more than body_max (%zu)", config->gateway.body_max_bytes);
		return misfit(config, diag_out, "[gateway] frame_max", expected, (long long)frame);
	}
	/* One frame on its way to a reader that takes nothing, and one behind it. */
	if (2 * frame > queue) {
		snprintf(expected, sizeof(expected), "at least twice frame_max (%zu)", frame);
		return misfit(config, diag_out, "[gateway] send_queue_max", expected, (long long)queue);
	}
	if (config->node.stop_timeout_ms <= config->gateway.drain_timeout_ms) {
		snprintf(expected, sizeof(expected), "more than [gateway] drain_timeout (%lld ms)",
			 (long long)config->gateway.drain_timeout_ms);
		return misfit(config, diag_out, "[node] stop_timeout", expected, config->node.stop_timeout_ms);
	}
	return SW_OK;
}

bool sw_config_has_role(const struct sw_config *config, const char *role)
{
	for (size_t i = 0; i < config->node.roles.count; i++) {
		if (strcmp(config->node.roles.items[i], role) == 0) {
			return true;
		}
	}
	return false;
}
