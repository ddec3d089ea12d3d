/* SPDX-License-Identifier: Apache-2.0 */
/* [push.NAME] sections: one account of a provider each. Which keys there are is the provider's to say (known_keys);
 * what they mean is checked by its open(). Here: names, unknown keys, and that files exist. */
#include "app/config_rows.h"

#include <surewire/buf.h>

#include <string.h>

enum { INSTANCES_MAX = 32, INSTANCE_NAME_MAX = 32, KEYS_MAX = 64, PREFIX_LEN = 5 };

struct sw_push_key {
	const char *name;
	const char *value;
};

struct push_load {
	struct sw_config *config;
	const struct sw_config_source *source;
	const struct sw_conf_file *file;
	struct sw_diag *diag;
};

bool sw_conf_is_push(const char *section)
{
	return strncmp(section, "push.", PREFIX_LEN) == 0;
}

static const char *get(const struct sw_provider_config *config, const char *key)
{
	const struct sw_push_instance *instance = config->ctx;
	for (size_t i = 0; i < instance->key_count; i++) {
		if (strcmp(instance->keys[i].name, key) == 0) {
			return instance->keys[i].value;
		}
	}
	return NULL;
}

static const char *const instance_keys[] = {
#define SW_INSTANCE_KEY(key, help) #key,
#include "pusher/instance_keys.def"
#undef SW_INSTANCE_KEY
	NULL,
};

static bool is_in(const char *const *names, const char *key)
{
	while (*names && strcmp(*names, key) != 0) {
		names++;
	}
	return *names != NULL;
}

static bool is_known(const struct sw_provider_ops *ops, const char *key)
{
	return is_in(ops->known_keys, key) || is_in(instance_keys, key);
}

static void list_names(const char *const *names, struct sw_buf *out)
{
	for (size_t i = 0; names[i]; i++) {
		sw_buf_put_str(out, i == 0 ? "" : names[i + 1] ? ", " : " or ");
		sw_buf_put_str(out, names[i]);
	}
}

static const struct sw_provider_ops *find_ops(const struct sw_config_source *source, const char *name)
{
	for (const struct sw_provider_ops *const *ops = source->providers; ops && *ops; ops++) {
		if (strcmp((*ops)->name, name) == 0) {
			return *ops;
		}
	}
	return NULL;
}

static int refuse_provider(const struct push_load *load, const char *section, int line, const char *got)
{
	const char *names[INSTANCES_MAX + 1] = {NULL};
	size_t count = 0;
	for (const struct sw_provider_ops *const *ops = load->source->providers; ops && *ops && count < INSTANCES_MAX;
	     ops++) {
		names[count++] = (*ops)->name;
	}
	struct sw_buf list;
	sw_buf_init(&list, 200);
	list_names(names, &list);
	int err = sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s] provider: expected %s, got %s", load->file->path,
			      line, section, sw_buf_cstr(&list), got);
	sw_buf_release(&list);
	return err;
}

static int refuse_key(const struct push_load *load, const struct sw_conf_entry *entry,
		      const struct sw_provider_ops *ops)
{
	struct sw_buf list;
	sw_buf_init(&list, 400);
	list_names(ops->known_keys, &list);
	sw_buf_put_str(&list, "; of all: ");
	list_names(instance_keys, &list);
	int err = sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s] %s: expected a key of %s (%s), got an unknown one",
			      load->file->path, entry->line, entry->section, entry->key, ops->name, sw_buf_cstr(&list));
	sw_buf_release(&list);
	return err;
}

static bool names_a_file(const char *key)
{
	size_t len = strlen(key);
	return len > 5 && strcmp(key + len - 5, "_file") == 0;
}

/* One value of an instance; origin is for the text. */
static int add_key(const struct push_load *load, struct sw_push_instance *instance, const char *key,
		   const struct sw_conf_entry *entry)
{
	struct sw_arena *arena = &load->config->texts->arena;
	char section[PREFIX_LEN + INSTANCE_NAME_MAX + 1];
	char variable[96];
	snprintf(section, sizeof(section), "push.%s", instance->name);
	const char *value = sw_conf_env(load->source->environ, section, key, variable);
	const char *dir = value ? "." : load->file->dir;
	bool from_env = value != NULL;
	value = value ? value : entry ? entry->value : NULL;
	if (!value) {
		return SW_OK;
	}
	value = names_a_file(key) ? sw_conf_path(arena, dir, value) : sw_arena_str(arena, sw_bytes_str(value));
	struct sw_diag why = {""};
	if (names_a_file(key) && value[0] && !sw_conf_file_readable(value, &why)) {
		return from_env
			     ? sw_diag_set(load->diag, SW_ECONFIG, "%s: [%s] %s: %s", variable, section, key, why.text)
			     : sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s] %s: %s", load->file->path, entry->line,
					   section, key, why.text);
	}
	if (value[0]) {
		instance->keys[instance->key_count++] = (struct sw_push_key){key, value};
	}
	return SW_OK;
}

static int read_keys(const struct push_load *load, struct sw_push_instance *instance, const char *section)
{
	for (size_t i = 0; i < load->file->count; i++) {
		const struct sw_conf_entry *entry = &load->file->entries[i];
		if (entry->key && strcmp(entry->section, section) == 0 && strcmp(entry->key, "provider") != 0 &&
		    !is_known(instance->ops, entry->key)) {
			return refuse_key(load, entry, instance->ops);
		}
	}
	const char *const *const lists[] = {instance->ops->known_keys, instance_keys};
	int err = SW_OK;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (const char *const *key = lists[i]; !err && *key && instance->key_count < KEYS_MAX; key++) {
			err = add_key(load, instance, *key, sw_conf_file_find(load->file, section, *key));
		}
	}
	return err;
}

bool sw_conf_name_valid(const char *name, size_t len_max)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	return len >= 1 && len <= len_max && name[len] == '\0';
}

static int read_instance(const struct push_load *load, const struct sw_conf_entry *head)
{
	struct sw_config *config = load->config;
	const char *name = head->section + PREFIX_LEN;
	if (!sw_conf_name_valid(name, INSTANCE_NAME_MAX)) {
		return sw_diag_set(load->diag, SW_ECONFIG,
				   "%s:%d: [%s]: expected a name of 1 to %d of a-z 0-9 _ - after the dot",
				   load->file->path, head->line, sw_conf_show(head->section).text, INSTANCE_NAME_MAX);
	}
	if (config->push_count == INSTANCES_MAX) {
		return sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s]: expected at most %d push sections",
				   load->file->path, head->line, head->section, INSTANCES_MAX);
	}
	const struct sw_conf_entry *provider = sw_conf_file_find(load->file, head->section, "provider");
	if (!provider) {
		return refuse_provider(load, head->section, head->line, "nothing");
	}
	const struct sw_provider_ops *ops = find_ops(load->source, provider->value);
	if (!ops) {
		char got[80];
		snprintf(got, sizeof(got), "\"%s\"", sw_conf_show(provider->value).text);
		return refuse_provider(load, head->section, provider->line, got);
	}
	struct sw_arena *arena = &config->texts->arena;
	struct sw_push_instance *instance = &config->push[config->push_count++];
	instance->name = sw_arena_str(arena, sw_bytes_str(name));
	instance->ops = ops;
	instance->keys = sw_arena_calloc(arena, KEYS_MAX, sizeof(*instance->keys));
	instance->provider_config = (struct sw_provider_config){
		.instance = instance->name, .get = get, .ctx = instance};
	return read_keys(load, instance, head->section);
}

static bool seen(const struct sw_config *config, const char *name)
{
	for (size_t i = 0; i < config->push_count; i++) {
		if (strcmp(config->push[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

int sw_conf_push_read(struct sw_config *config, const struct sw_config_source *source, const struct sw_conf_file *file,
		      struct sw_diag *diag_out)
{
	struct push_load load = {.config = config, .source = source, .file = file, .diag = diag_out};
	config->push = sw_arena_calloc(&config->texts->arena, INSTANCES_MAX, sizeof(*config->push));
	int err = SW_OK;
	for (size_t i = 0; !err && i < file->count; i++) {
		const struct sw_conf_entry *entry = &file->entries[i];
		if (!entry->key && sw_conf_is_push(entry->section) && !seen(config, entry->section + PREFIX_LEN)) {
			err = read_instance(&load, entry);
		}
	}
	return err;
}
