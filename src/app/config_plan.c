/* SPDX-License-Identifier: Apache-2.0 */
/* [plan.NAME] sections: the steps of a plan, one a key, since a line holds 190 bytes. What a step may say is checked by
 * who takes it (app/plans.c). Here: names, unknown keys, and that no step is left out. */
#include "app/config_rows.h"

#include <surewire/buf.h>

#include <string.h>

enum { PLANS_MAX = 32, PLAN_NAME_MAX = 32, STEPS_MAX = 8, STEPS_BYTES_MAX = 4096, PREFIX_LEN = 5 };

struct plan_load {
	struct sw_config *config;
	const struct sw_config_source *source;
	const struct sw_conf_file *file;
	struct sw_diag *diag;
};

bool sw_conf_is_plan(const char *section)
{
	return strncmp(section, "plan.", PREFIX_LEN) == 0;
}

static void step_key(int number, char key_out[24])
{
	snprintf(key_out, 24, "step_%d", number);
}

static const char *step_text(const struct plan_load *load, const char *section, int number)
{
	char key[24];
	char variable[96];
	step_key(number, key);
	const char *value = sw_conf_env(load->source->environ, section, key, variable);
	const struct sw_conf_entry *entry = value ? NULL : sw_conf_file_find(load->file, section, key);
	value = entry ? entry->value : value;
	return value && value[0] ? value : NULL;
}

static int check_keys(const struct plan_load *load, const char *section)
{
	for (size_t i = 0; i < load->file->count; i++) {
		const struct sw_conf_entry *entry = &load->file->entries[i];
		bool known = !entry->key || strcmp(entry->section, section) != 0;
		for (int number = 1; number <= STEPS_MAX && !known; number++) {
			char key[24];
			step_key(number, key);
			known = strcmp(entry->key, key) == 0;
		}
		if (!known) {
			return sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s] %s: expected step_1 to step_%d",
					   load->file->path, entry->line, section, entry->key, STEPS_MAX);
		}
	}
	return SW_OK;
}

static int read_steps(const struct plan_load *load, const struct sw_conf_entry *head, struct sw_plan_text *plan)
{
	struct sw_buf list;
	int err = SW_OK;
	bool ended = false;
	sw_buf_init(&list, STEPS_BYTES_MAX);
	for (int number = 1; number <= STEPS_MAX && !err; number++) {
		const char *text = step_text(load, head->section, number);
		if (text && ended) {
			err = sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s]: expected step_%d before step_%d",
					  load->file->path, head->line, head->section, number - 1, number);
		} else if (text) {
			sw_buf_put_str(&list, number == 1 ? "[" : ",");
			sw_buf_put_str(&list, text);
		}
		ended |= !text;
	}
	sw_buf_put_char(&list, ']');
	if (!err && !step_text(load, head->section, 1)) {
		err = sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s]: expected at least step_1", load->file->path,
				  head->line, head->section);
	} else if (!err && list.err) {
		err = sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s]: expected steps of at most %d bytes together",
				  load->file->path, head->line, head->section, STEPS_BYTES_MAX);
	}
	plan->steps = sw_arena_str(&load->config->texts->arena, sw_buf_bytes(&list));
	sw_buf_release(&list);
	return err;
}

static int read_plan(const struct plan_load *load, const struct sw_conf_entry *head)
{
	struct sw_config *config = load->config;
	const char *name = head->section + PREFIX_LEN;
	if (!sw_conf_name_valid(name, PLAN_NAME_MAX)) {
		return sw_diag_set(load->diag, SW_ECONFIG,
				   "%s:%d: [%s]: expected a name of 1 to %d of a-z 0-9 _ - after the dot",
				   load->file->path, head->line, sw_conf_show(head->section).text, PLAN_NAME_MAX);
	}
	if (config->plan_count == PLANS_MAX) {
		return sw_diag_set(load->diag, SW_ECONFIG, "%s:%d: [%s]: expected at most %d plan sections",
				   load->file->path, head->line, head->section, PLANS_MAX);
	}
	struct sw_plan_text *plan = &config->plans[config->plan_count++];
	plan->name = sw_arena_str(&config->texts->arena, sw_bytes_str(name));
	int err = check_keys(load, head->section);
	return err ? err : read_steps(load, head, plan);
}

static bool seen(const struct sw_config *config, const char *name)
{
	for (size_t i = 0; i < config->plan_count; i++) {
		if (strcmp(config->plans[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

int sw_conf_plan_read(struct sw_config *config, const struct sw_config_source *source, const struct sw_conf_file *file,
		      struct sw_diag *diag_out)
{
	struct plan_load load = {.config = config, .source = source, .file = file, .diag = diag_out};
	config->plans = sw_arena_calloc(&config->texts->arena, PLANS_MAX, sizeof(*config->plans));
	int err = SW_OK;
	for (size_t i = 0; !err && i < file->count; i++) {
		const struct sw_conf_entry *entry = &file->entries[i];
		if (!entry->key && sw_conf_is_plan(entry->section) && !seen(config, entry->section + PREFIX_LEN)) {
			err = read_plan(&load, entry);
		}
	}
	return err;
}
