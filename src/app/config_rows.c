/* SPDX-License-Identifier: Apache-2.0 */
/* config.def as a table. */
#include "app/config_rows.h"

#include <string.h>

#define SW_RANGE(low, high)                 \
	{                                   \
		.min = (low), .max = (high) \
	}
#define SW_WORDS(list)          \
	{                       \
		.words = (list) \
	}
#define SW_ANY                \
	{                     \
		.words = NULL \
	}

#define NAME_STRING(key) key
#define NAME_CHOICE(key) key
#define NAME_INT(key) key
#define NAME_BOOL(key) key
#define NAME_DURATION(key) key##_ms
#define NAME_SIZE(key) key##_bytes
#define NAME_FILE(key) key
#define NAME_FOLDER(key) key
#define NAME_ADDRESS(key) key
#define NAME_LIST(key) key
#define NAME_SECRET(key) key
#define NAME_URL(key) key

const struct sw_conf_row sw_conf_rows[] = {
#define SW_SECTION(section, help)
#define SW_SECTION_END(section)
#define SW_KEY(section, key, type, standard, bounds, help) \
	{#section,                                         \
	 #key,                                             \
	 SW_CONF_##type,                                   \
	 (standard),                                       \
	 bounds,                                           \
	 (help),                                           \
	 offsetof(struct sw_config, section.NAME_##type(key))},
#include "app/config.def"
#undef SW_SECTION
#undef SW_SECTION_END
#undef SW_KEY
};
const size_t sw_conf_row_count = sizeof(sw_conf_rows) / sizeof(sw_conf_rows[0]);

const struct sw_conf_section sw_conf_sections[] = {
#define SW_SECTION(section, help) {#section, (help)},
#define SW_SECTION_END(section)
#define SW_KEY(section, key, type, standard, bounds, help)
#include "app/config.def"
#undef SW_SECTION
#undef SW_SECTION_END
#undef SW_KEY
};
const size_t sw_conf_section_count = sizeof(sw_conf_sections) / sizeof(sw_conf_sections[0]);

const struct sw_conf_section *sw_conf_section_find(const char *name)
{
	for (size_t i = 0; i < sw_conf_section_count; i++) {
		if (strcmp(sw_conf_sections[i].name, name) == 0) {
			return &sw_conf_sections[i];
		}
	}
	return NULL;
}

const struct sw_conf_row *sw_conf_row_find(const char *section, const char *key)
{
	for (size_t i = 0; i < sw_conf_row_count; i++) {
		if (strcmp(sw_conf_rows[i].section, section) == 0 && strcmp(sw_conf_rows[i].key, key) == 0) {
			return &sw_conf_rows[i];
		}
	}
	return NULL;
}
