/* SPDX-License-Identifier: Apache-2.0 */
/* An INI file as a list of entries with line numbers, through inih. The packaged inih gives its handler no line
 * number, cuts lines at 200 bytes, silently shortens names, and takes an indented line for the continuation of the
 * one before; so lines are fed to it by our own reader, which counts, refuses what would be cut, and strips indents. */
#include "app/config_rows.h"

#include <surewire/mem.h>

#include <ini.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ENTRIES_MAX = 2048, NAME_BYTES_MAX = 49, LINE_BYTES_MAX = 190 };

struct parse {
	FILE *stream;
	struct sw_arena *arena;
	struct sw_conf_file *file;
	struct sw_diag *diag;
	char *buffer; /* of getline */
	size_t buffer_size;
	int line;
	int err;
};

static int refuse(struct parse *parse, const char *expected)
{
	parse->err = sw_diag_set(parse->diag, SW_ECONFIG, "%s:%d: expected %s", parse->file->path, parse->line,
				 expected);
	return 0;
}

static const char *keep(struct parse *parse, const char *text, size_t len)
{
	return sw_arena_str(parse->arena, sw_bytes(text, len));
}

static bool append(struct parse *parse, struct sw_conf_entry entry)
{
	struct sw_conf_file *file = parse->file;
	if (file->count == ENTRIES_MAX) {
		return refuse(parse, "at most 2048 lines that say something");
	}
	entry.line = parse->line;
	file->entries[file->count++] = entry;
	return true;
}

/* The head of a section, which inih reports only when a key follows. */
static bool note_section(struct parse *parse, const char *line)
{
	const char *end = strchr(line, ']');
	if (!end) {
		return true; /* inih refuses it */
	}
	if (end - line - 1 > NAME_BYTES_MAX) {
		return refuse(parse, "a section name of at most 49 bytes");
	}
	return append(parse, (struct sw_conf_entry){.section = keep(parse, line + 1, (size_t)(end - line - 1))});
}

/* One line for inih, as fgets would give it. */
static char *read_line(char *to, int size, void *ctx)
{
	struct parse *parse = ctx;
	if (parse->err) {
		return NULL;
	}
	ssize_t len = getline(&parse->buffer, &parse->buffer_size, parse->stream);
	if (len < 0) {
		return NULL;
	}
	parse->line++;
	const char *start = parse->buffer;
	if (parse->line == 1 && strncmp(start, "\xef\xbb\xbf", 3) == 0) {
		start += 3;
	}
	start += strspn(start, " \t");
	size_t left = strlen(start);
	if (start + left != parse->buffer + len) {
		refuse(parse, "text, got a NUL byte");
		return NULL;
	}
	if (left > LINE_BYTES_MAX || left >= (size_t)size) {
		refuse(parse, "a line of at most 190 bytes (a long URL can be put into a file: url_file)");
		return NULL;
	}
	if (*start == '[' && !note_section(parse, start)) {
		return NULL;
	}
	memcpy(to, start, left + 1);
	return to;
}

static int on_pair(void *ctx, const char *section, const char *key, const char *value)
{
	struct parse *parse = ctx;
	if (parse->err) {
		return 0;
	}
	if (!section[0]) {
		return refuse(parse, "a [section] before the first key");
	}
	const struct sw_conf_entry *before = sw_conf_file_find(parse->file, section, key);
	if (before) {
		parse->err = sw_diag_set(parse->diag, SW_ECONFIG,
					 "%s:%d: [%s] %s: expected once, got it in line %d too", parse->file->path,
					 parse->line, section, key, before->line);
		return 0;
	}
	return append(parse, (struct sw_conf_entry){
				     .section = keep(parse, section, strlen(section)),
				     .key = keep(parse, key, strlen(key)),
				     .value = keep(parse, value, strlen(value)),
			     });
}

const struct sw_conf_entry *sw_conf_file_find(const struct sw_conf_file *file, const char *section, const char *key)
{
	for (size_t i = 0; i < file->count; i++) {
		const struct sw_conf_entry *entry = &file->entries[i];
		if (entry->key && strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0) {
			return entry;
		}
	}
	return NULL;
}

static const char *folder_of(struct sw_arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash) {
		return ".";
	}
	size_t len = slash == path ? 1 : (size_t)(slash - path);
	return sw_arena_str(arena, sw_bytes(path, len));
}

int sw_conf_file_read(const char *path, struct sw_arena *arena, struct sw_conf_file *file_out, struct sw_diag *diag_out)
{
	*file_out = (struct sw_conf_file){.path = sw_arena_str(arena, sw_bytes_str(path)),
					  .dir = folder_of(arena, path)};
	FILE *stream = fopen(path, "re");
	struct stat st;
	if (!stream || fstat(fileno(stream), &st) != 0 || !S_ISREG(st.st_mode)) {
		int err = sw_diag_set(diag_out, SW_ECONFIG, "%s: expected a configuration file: %s", path,
				      stream ? "not a regular file" : strerror(errno));
		if (stream) {
			fclose(stream);
		}
		return err;
	}
	file_out->readable_by_all = (st.st_mode & S_IROTH) != 0;
	file_out->entries = sw_arena_calloc(arena, ENTRIES_MAX, sizeof(*file_out->entries));
	struct parse parse = {.stream = stream, .arena = arena, .file = file_out, .diag = diag_out};
	int bad_line = ini_parse_stream(read_line, &parse, on_pair, &parse);
	if (!parse.err && bad_line != 0) {
		parse.line = bad_line;
		refuse(&parse, "\"key = value\", \"[section]\" or a comment (\"# …\")");
	}
	free(parse.buffer);
	fclose(stream);
	return parse.err;
}
