/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: one INI file, overridden by the environment, described row by row in config.def. The struct below
 * is generated from those rows: [gateway] ping_interval is config->gateway.ping_interval_ms.
 *
 * Precedence: environment SUREWIRE_SECTION_KEY, then the file, then the default. Everything is checked at load: an
 * unknown section or key, a key given twice, a bad value, a missing file are one line
 *   FILE:LINE: [section] key: expected …, got …
 * (or the name of the environment variable instead of FILE:LINE). Values of secrets are never part of a text.
 * A relative path in the file starts at the file's own folder, one in the environment at the working folder. */
#ifndef SW_APP_CONFIG_H
#define SW_APP_CONFIG_H

#include <surewire/provider.h>

#include <stdio.h>

/* "host:port"; IPv6 as "[::1]:8080", stored without brackets. */
struct sw_address {
	char host[256];
	uint16_t port; /* 0: the system chooses one */
};

struct sw_string_list {
	char **items;
	size_t count;
};

/* C type and name of a field by the type of its row; units are part of the name. Texts are never NULL, "" is unset. */
/* clang-format off */
#define SW_CONF_FIELD_STRING(key) const char *key;
#define SW_CONF_FIELD_CHOICE(key) const char *key;        /* one of the words of the row */
#define SW_CONF_FIELD_INT(key) int key;
#define SW_CONF_FIELD_BOOL(key) bool key;
#define SW_CONF_FIELD_DURATION(key) int64_t key##_ms;
#define SW_CONF_FIELD_SIZE(key) size_t key##_bytes;
#define SW_CONF_FIELD_FILE(key) const char *key;          /* readable at load */
#define SW_CONF_FIELD_FOLDER(key) const char *key;        /* exists at load */
#define SW_CONF_FIELD_ADDRESS(key) struct sw_address key; /* host "" when unset */
#define SW_CONF_FIELD_LIST(key) struct sw_string_list key;
#define SW_CONF_FIELD_SECRET(key) const char *key;        /* from KEY_file or the environment */
#define SW_CONF_FIELD_URL(key) const char *key;           /* as a secret, or in the file itself */
/* clang-format on */

/* One [push.NAME] section. provider_config is what the provider's open() gets. */
struct sw_push_instance {
	char *name;
	const struct sw_provider_ops *ops;
	struct sw_provider_config provider_config;
	struct sw_push_key *keys; /* private */
	size_t key_count;
};

/* One [plan.NAME] section. */
struct sw_plan_text {
	const char *name;
	const char *steps; /* a list as JSON, not looked at yet */
};

/* clang-format off */
struct sw_config {
#define SW_SECTION(section, help) struct {
#define SW_KEY(section, key, type, standard, bounds, help) SW_CONF_FIELD_##type(key)
#define SW_SECTION_END(section) } section;
#include "app/config.def"
#undef SW_SECTION
#undef SW_KEY
#undef SW_SECTION_END
	struct sw_push_instance *push; /* by order of appearance */
	size_t push_count;
	struct sw_plan_text *plans; /* by order of appearance */
	size_t plan_count;
	char *path;                    /* the file, "" when there was none */
	struct sw_config_texts *texts; /* private: owns every text above */
};
/* clang-format on */

struct sw_config_source {
	const char *path;                               /* NULL: no file, only defaults and environment */
	const char *const *environ;                     /* NULL-terminated "NAME=value" */
	const struct sw_provider_ops *const *providers; /* NULL-terminated; which `provider =` there are */
};

/* SW_ECONFIG with the line described above. *config_out is owned (sw_config_free) and immutable: threads share it. */
int sw_config_load(const struct sw_config_source *source, struct sw_config **config_out,
		   struct sw_diag *diag_out) SW_MUST_CHECK;
void sw_config_free(struct sw_config *config);
/* SW_OK when the key has a value (given or default), else SW_ECONFIG "FILE: [section] key: expected …, got nothing".
 * For what only some roles or commands need. */
int sw_config_need(const struct sw_config *config, const char *section, const char *key,
		   struct sw_diag *diag_out) SW_MUST_CHECK;
/* Values that are good each for itself and do not fit together: SW_ECONFIG "FILE: [section] key: expected …". */
int sw_config_check_fit(const struct sw_config *config, struct sw_diag *diag_out) SW_MUST_CHECK;
/* "500ms", "10s", "5m", "24h", "7d": as DURATION rows are read. SW_EPARSE otherwise. */
int sw_config_parse_duration(const char *text, int64_t *ms_out) SW_MUST_CHECK;
/* Whether [node] roles contains it. */
bool sw_config_has_role(const struct sw_config *config, const char *role);
/* The operators' manual of all keys, and the sample file with every key commented out at its default. */
void sw_config_print_help(FILE *out, const struct sw_provider_ops *const *providers);
void sw_config_print_sample(FILE *out, const struct sw_provider_ops *const *providers);

#endif
