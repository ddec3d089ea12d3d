/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the configuration: the rows of config.def as a table, the file as a list of entries, and values. */
#ifndef SW_APP_CONFIG_ROWS_H
#define SW_APP_CONFIG_ROWS_H

#include "app/config.h"

#include <surewire/arena.h>

enum sw_conf_type {
	SW_CONF_STRING,
	SW_CONF_CHOICE,
	SW_CONF_INT,
	SW_CONF_BOOL,
	SW_CONF_DURATION,
	SW_CONF_SIZE,
	SW_CONF_FILE,
	SW_CONF_FOLDER,
	SW_CONF_ADDRESS,
	SW_CONF_LIST,
	SW_CONF_SECRET,
	SW_CONF_URL,
};

struct sw_conf_bounds {
	int64_t min;
	int64_t max;
	const char *words; /* "a|b|c" or NULL */
};

struct sw_conf_row {
	const char *section;
	const char *key;
	enum sw_conf_type type;
	const char *standard;
	struct sw_conf_bounds bounds;
	const char *help;
	size_t offset; /* of the field in struct sw_config */
};

struct sw_conf_section {
	const char *name;
	const char *help;
};

extern const struct sw_conf_row sw_conf_rows[];
extern const size_t sw_conf_row_count;
extern const struct sw_conf_section sw_conf_sections[];
extern const size_t sw_conf_section_count;

const struct sw_conf_section *sw_conf_section_find(const char *name);
const struct sw_conf_row *sw_conf_row_find(const char *section, const char *key);

/* config_file.c: what an INI file says, in order. Everything is allocated in the arena. */
struct sw_conf_entry {
	const char *section;
	const char *key; /* NULL: the section's head itself */
	const char *value;
	int line;
};
struct sw_conf_file {
	const char *path; /* "" when there is none */
	const char *dir;  /* where relative paths start, "." without a file */
	bool readable_by_all;
	struct sw_conf_entry *entries;
	size_t count;
};
/* SW_ECONFIG with "FILE:LINE: …": unreadable, malformed, a key given twice. */
int sw_conf_file_read(const char *path, struct sw_arena *arena, struct sw_conf_file *file_out,
		      struct sw_diag *diag_out) SW_MUST_CHECK;
/* NULL when absent. */
const struct sw_conf_entry *sw_conf_file_find(const struct sw_conf_file *file, const char *section, const char *key);

/* Where a value came from, for texts and for relative paths. */
struct sw_conf_origin {
	const char *name; /* "surewire.ini:12" or "SUREWIRE_GATEWAY_LISTEN" */
	const char *dir;
};

/* config_value.c: checks text and stores it into the row's field. "" is "not set" for types that can be. *why_out is
 * "expected …, got …". */
int sw_conf_value_set(struct sw_config *config, const struct sw_conf_row *row, const char *text, const char *dir,
		      struct sw_diag *why_out) SW_MUST_CHECK;
/* "a whole number from 1 to 4096": for errors and the manual. */
void sw_conf_value_describe(const struct sw_conf_row *row, char *text_out, size_t size_bytes);
/* A path against a folder; in the arena. */
const char *sw_conf_path(struct sw_arena *arena, const char *dir, const char *path);
/* The text of a secret's file without its line end. */
int sw_conf_secret_read(struct sw_arena *arena, const char *path, const char **text_out,
			struct sw_diag *why_out) SW_MUST_CHECK;
bool sw_conf_file_readable(const char *path, struct sw_diag *why_out);
/* A value as it may be shown: short, printable. */
struct sw_conf_shown {
	char text[72];
};
struct sw_conf_shown sw_conf_show(const char *value);

/* config_env.c: SUREWIRE_SECTION_KEY; NULL when unset. name_out gets the variable's name. */
const char *sw_conf_env(const char *const *environ, const char *section, const char *key, char name_out[96]);

/* config_push.c: the [push.NAME] sections. */
int sw_conf_push_read(struct sw_config *config, const struct sw_config_source *source, const struct sw_conf_file *file,
		      struct sw_diag *diag_out) SW_MUST_CHECK;
bool sw_conf_is_push(const char *section);
/* What may be behind the dot of a section. */
bool sw_conf_name_valid(const char *name, size_t len_max);

/* config_plan.c: the [plan.NAME] sections. */
int sw_conf_plan_read(struct sw_config *config, const struct sw_config_source *source, const struct sw_conf_file *file,
		      struct sw_diag *diag_out) SW_MUST_CHECK;
bool sw_conf_is_plan(const char *section);

struct sw_config_texts {
	struct sw_arena arena;
	bool *is_set; /* by row */
};

#endif
