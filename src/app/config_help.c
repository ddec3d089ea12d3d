/* SPDX-License-Identifier: Apache-2.0 */
/* The manual of all keys, as text and as a sample file, both from the rows. */
#include "app/config_rows.h"

#include <string.h>

enum { WIDTH = 96 };

static const char push_help[] =
	"One section for each account of a push provider; NAME is free (a-z 0-9 _ -) and appears in logs and metrics. "
	"`provider` says which one it is; the other keys are the provider's own and explained in "
	"providers/PROVIDER/README.md. "
	"Keys that end in _file name files, relative to this one. Each can be set by SUREWIRE_PUSH_NAME_KEY too.";

static const char plan_help[] =
	"One section for each plan of pushes for messages that nobody acknowledges, which [mailbox] plan or a person's "
	"preference may name; NAME is free (a-z 0-9 _ -). step_1 to step_8 are its steps, each a JSON object: docs/plans.md. "
	"Each can be set by SUREWIRE_PLAN_NAME_STEP_1 and so on too.";
/* The push accounts in it are those of an example. */
static const char *const plan_example[] = {"step_1 = {\"push\":\"all\"}", "step_2 = {\"after_s\":60,\"push\":\"fcm\"}",
					   "step_3 = {\"after_s\":240,\"push\":\"fallback\"}"};

static void print_plan(FILE *out, const char *prefix)
{
	for (size_t i = 0; i < sizeof(plan_example) / sizeof(plan_example[0]); i++) {
		fprintf(out, "%s%s\n", prefix, plan_example[i]);
	}
}

/* Words of text in lines of at most WIDTH, each with the prefix. */
static void print_wrapped(FILE *out, const char *prefix, const char *text)
{
	size_t column = 0;
	while (*text) {
		size_t len = strcspn(text, " ");
		if (column > 0 && column + 1 + len > WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (column == 0) {
			column = (size_t)fprintf(out, "%s%.*s", prefix, (int)len, text);
		} else {
			column += (size_t)fprintf(out, " %.*s", (int)len, text);
		}
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void print_row(FILE *out, const struct sw_conf_row *row, const char *prefix)
{
	char expected[160];
	char facts[320];
	sw_conf_value_describe(row, expected, sizeof(expected));
	snprintf(facts, sizeof(facts), "Expects %s.", expected);
	print_wrapped(out, prefix, row->help);
	print_wrapped(out, prefix, facts);
}

static void print_manual_row(FILE *out, const struct sw_conf_row *row)
{
	char variable[96];
	sw_conf_env(NULL, row->section, row->key, variable);
	fprintf(out, "  %s%s  (default: %s; environment: %s)\n", row->key, row->type == SW_CONF_SECRET ? "_file" : "",
		row->standard[0] ? row->standard : "not set", variable);
	print_row(out, row, "      ");
}

static void print_sample_row(FILE *out, const struct sw_conf_row *row)
{
	fputc('\n', out);
	print_row(out, row, "# ");
	if (row->type != SW_CONF_SECRET) {
		fprintf(out, ";%s =%s%s\n", row->key, row->standard[0] ? " " : "", row->standard);
	}
	if (row->type == SW_CONF_SECRET || row->type == SW_CONF_URL) {
		fprintf(out, ";%s_file =\n", row->key);
	}
}

static void print_section_rows(FILE *out, const char *section, void (*print)(FILE *, const struct sw_conf_row *))
{
	for (size_t i = 0; i < sw_conf_row_count; i++) {
		if (strcmp(sw_conf_rows[i].section, section) == 0) {
			print(out, &sw_conf_rows[i]);
		}
	}
}

static void print_instance_keys(FILE *out, const char *indent)
{
#define SW_INSTANCE_KEY(key, help) fprintf(out, "%s%s: %s\n", indent, #key, help);
#include "pusher/instance_keys.def"
#undef SW_INSTANCE_KEY
}

void sw_config_print_help(FILE *out, const struct sw_provider_ops *const *providers)
{
	print_wrapped(
		out, "",
		"Every key can be overridden by the environment variable named beside it; secrets and URLs also by "
		"that name with _FILE, the path of a file.");
	for (size_t i = 0; i < sw_conf_section_count; i++) {
		fprintf(out, "\n[%s]  %s\n", sw_conf_sections[i].name, sw_conf_sections[i].help);
		print_section_rows(out, sw_conf_sections[i].name, print_manual_row);
	}
	fputs("\n[plan.NAME]\n", out);
	print_wrapped(out, "      ", plan_help);
	print_plan(out, "  ");
	fputs("\n[push.NAME]\n", out);
	print_wrapped(out, "      ", push_help);
	print_instance_keys(out, "  ");
	for (; providers && *providers; providers++) {
		fprintf(out, "  provider = %s\n     ", (*providers)->name);
		for (const char *const *key = (*providers)->known_keys; *key; key++) {
			fprintf(out, " %s", *key);
		}
		fputc('\n', out);
	}
}

void sw_config_print_sample(FILE *out, const struct sw_provider_ops *const *providers)
{
	fputs("# Surewire's configuration, every key at its default. Written by `surewire config --sample`\n"
	      "# from src/app/config.def: change that file, not this one.\n"
	      "#\n"
	      "# A line that starts with # or ; is a comment; \" ;\" starts one behind a value. Every key can be\n"
	      "# overridden by the environment: SUREWIRE_SECTION_KEY, for secrets also SUREWIRE_SECTION_KEY_FILE.\n"
	      "# Relative paths start at the folder of this file. `surewire config --check` says what is wrong.\n",
	      out);
	for (size_t i = 0; i < sw_conf_section_count; i++) {
		fprintf(out, "\n\n# %s\n[%s]\n", sw_conf_sections[i].help, sw_conf_sections[i].name);
		print_section_rows(out, sw_conf_sections[i].name, print_sample_row);
	}
	fputs("\n\n", out);
	print_wrapped(out, "# ", plan_help);
	fputs("\n;[plan.patient]\n", out);
	print_plan(out, ";");
	fputs("\n\n", out);
	print_wrapped(out, "# ", push_help);
	fputs("# Of every provider, numbers:\n", out);
	print_instance_keys(out, "#   ");
	for (; providers && *providers; providers++) {
		fprintf(out, "\n;[push.%s]\n;provider = %s\n", (*providers)->name, (*providers)->name);
		for (const char *const *key = (*providers)->known_keys; *key; key++) {
			fprintf(out, ";%s =\n", *key);
		}
	}
}
