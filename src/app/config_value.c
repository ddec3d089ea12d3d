/* SPDX-License-Identifier: Apache-2.0 */
/* Values: one checking function for each type of row. */
#include "app/config_rows.h"

#include "base/utf8.h"

#include <surewire/mem.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_BYTES_MAX = 4096, LIST_ITEMS_MAX = 64 };

struct unit {
	const char *suffix;
	int64_t factor;
};
static const struct unit duration_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};
static const struct unit size_units[] = {
	{"", 1}, {"k", 1024}, {"m", INT64_C(1024) * 1024}, {"g", INT64_C(1024) * 1024 * 1024}, {NULL, 0},
};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

struct sw_conf_shown sw_conf_show(const char *value)
{
	struct sw_conf_shown shown = {""};
	size_t max = sizeof(shown.text) - sizeof("…");
	size_t len = strlen(value);
	size_t kept = sw_utf8_cut(sw_bytes_str(value), max).len;
	for (size_t i = 0; i < kept; i++) {
		shown.text[i] = (unsigned char)value[i] < 0x20 || value[i] == 0x7f ? '?' : value[i];
	}
	if (len > kept) {
		memcpy(shown.text + kept, "…", sizeof("…"));
	}
	return shown;
}

/* The largest unit that says it without a fraction. */
static void format_units(int64_t value, const struct unit *units, char *text_out, size_t size_bytes)
{
	const struct unit *best = &units[0];
	for (const struct unit *unit = units; unit->suffix; unit++) {
		if (value % unit->factor == 0 && (value != 0 || unit == units)) {
			best = unit;
		}
	}
	snprintf(text_out, size_bytes, "%" PRId64 "%s", value / best->factor, best->suffix);
}

static bool parse_units(const char *text, const struct unit *units, int64_t *value_out)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t number = 0;
	if (sw_bytes_to_u64(sw_bytes(text, digits), &number) != SW_OK) {
		return false;
	}
	for (const struct unit *unit = units; unit->suffix; unit++) {
		if (strcmp(text + digits, unit->suffix) == 0) {
			*value_out = (int64_t)number;
			return number <= (uint64_t)(INT64_MAX / unit->factor) && (*value_out *= unit->factor, true);
		}
	}
	return false;
}

int sw_config_parse_duration(const char *text, int64_t *ms_out)
{
	return parse_units(text, duration_units, ms_out) ? SW_OK : SW_EPARSE;
}

static const struct unit *units_of(const struct sw_conf_row *row)
{
	return row->type == SW_CONF_DURATION ? duration_units : row->type == SW_CONF_SIZE ? size_units : no_units;
}

static void describe_range(const struct sw_conf_row *row, char *text_out, size_t size_bytes)
{
	char low[32];
	char high[32];
	format_units(row->bounds.min, units_of(row), low, sizeof(low));
	format_units(row->bounds.max, units_of(row), high, sizeof(high));
	const char *what = row->type == SW_CONF_DURATION ? "a duration (like 500ms, 10s, 5m, 24h)"
			 : row->type == SW_CONF_SIZE     ? "a size in bytes (like 4096, 64k, 1m)"
							 : "a whole number";
	snprintf(text_out, size_bytes, "%s from %s to %s", what, low, high);
}

/* "a|b|c" as "a, b or c". */
static void describe_words(const char *words, const char *last_joint, char *text_out, size_t size_bytes)
{
	size_t used = 0;
	text_out[0] = '\0';
	while (*words && used < size_bytes) {
		size_t len = strcspn(words, "|");
		bool last = words[len] == '\0';
		const char *joint = used == 0 ? "" : last ? last_joint : ", ";
		used += (size_t)snprintf(text_out + used, size_bytes - used, "%s%.*s", joint, (int)len, words);
		words += last ? len : len + 1;
	}
}

void sw_conf_value_describe(const struct sw_conf_row *row, char *text_out, size_t size_bytes)
{
	char words[128];
	describe_words(row->bounds.words ? row->bounds.words : "", row->type == SW_CONF_LIST ? " and " : " or ", words,
		       sizeof(words));
	switch (row->type) {
	case SW_CONF_STRING:
		snprintf(text_out, size_bytes, "a text");
		return;
	case SW_CONF_CHOICE:
		snprintf(text_out, size_bytes, "%s", words);
		return;
	case SW_CONF_INT:
	case SW_CONF_DURATION:
	case SW_CONF_SIZE:
		describe_range(row, text_out, size_bytes);
		return;
	case SW_CONF_BOOL:
		snprintf(text_out, size_bytes, "true or false");
		return;
	case SW_CONF_FILE:
		snprintf(text_out, size_bytes, "a file that can be read");
		return;
	case SW_CONF_FOLDER:
		snprintf(text_out, size_bytes, "a folder that exists");
		return;
	case SW_CONF_ADDRESS:
		snprintf(text_out, size_bytes, "an address HOST:PORT (IPv6 as [::1]:8080)");
		return;
	case SW_CONF_LIST:
		snprintf(text_out, size_bytes, "a list, separated by commas%s%s", words[0] ? ", of " : "", words);
		return;
	case SW_CONF_SECRET:
		snprintf(text_out, size_bytes, "a secret in the file named by %s_file", row->key);
		return;
	case SW_CONF_URL:
		snprintf(text_out, size_bytes, "a URL that starts with %s:// (in %s, or in the file named by %s_file)",
			 words, row->key, row->key);
		return;
	}
}

static int refuse(const struct sw_conf_row *row, const char *text, const char *hint, struct sw_diag *why_out)
{
	char expected[128];
	sw_conf_value_describe(row, expected, sizeof(expected));
	return sw_diag_set(why_out, SW_ECONFIG, "expected %s, got \"%s\"%s", expected, sw_conf_show(text).text, hint);
}

const char *sw_conf_path(struct sw_arena *arena, const char *dir, const char *path)
{
	if (!path[0] || path[0] == '/' || strcmp(dir, ".") == 0) {
		return sw_arena_str(arena, sw_bytes_str(path));
	}
	char *joined = sw_xasprintf("%s/%s", dir, path);
	const char *kept = sw_arena_str(arena, sw_bytes_str(joined));
	free(joined);
	return kept;
}

bool sw_conf_file_readable(const char *path, struct sw_diag *why_out)
{
	struct stat st;
	const char *reason = NULL;
	if (access(path, R_OK) != 0 || stat(path, &st) != 0) {
		reason = strerror(errno);
	} else if (S_ISDIR(st.st_mode)) {
		reason = "is a folder";
	}
	if (reason) {
		sw_diag_set(why_out, SW_ECONFIG, "expected a file that can be read, got \"%s\": %s",
			    sw_conf_show(path).text, reason);
	}
	return !reason;
}

int sw_conf_secret_read(struct sw_arena *arena, const char *path, const char **text_out, struct sw_diag *why_out)
{
	if (!sw_conf_file_readable(path, why_out)) {
		return SW_ECONFIG;
	}
	char buffer[SECRET_BYTES_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t len = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));
	if (fd >= 0) {
		close(fd);
	}
	while (len > 0 && (buffer[len - 1] == '\n' || buffer[len - 1] == '\r' || buffer[len - 1] == ' ')) {
		len--;
	}
	if (len <= 0 || len > SECRET_BYTES_MAX || memchr(buffer, '\0', (size_t)len) ||
	    memchr(buffer, '\n', (size_t)len)) {
		return sw_diag_set(why_out, SW_ECONFIG, "expected one line of 1 to %d bytes in \"%s\", got %s",
				   SECRET_BYTES_MAX, sw_conf_show(path).text, len <= 0 ? "nothing" : "something else");
	}
	*text_out = sw_arena_str(arena, sw_bytes(buffer, (size_t)len));
	explicit_bzero(buffer, sizeof(buffer));
	return SW_OK;
}

static bool is_word(const char *words, const char *text, size_t len)
{
	while (len > 0 && *words) {
		size_t word_len = strcspn(words, "|");
		if (word_len == len && strncmp(words, text, len) == 0) {
			return true;
		}
		words += words[word_len] ? word_len + 1 : word_len;
	}
	return false;
}

static bool set_address(struct sw_address *address, const char *text)
{
	const char *colon = strrchr(text, ':');
	uint64_t port = 0;
	if (!colon || sw_bytes_to_u64(sw_bytes_str(colon + 1), &port) != SW_OK || port > UINT16_MAX) {
		return false;
	}
	const char *host = text;
	size_t len = (size_t)(colon - text);
	if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return false; /* an IPv6 address without brackets: which colon is the port's? */
	}
	if (len == 0 || len >= sizeof(address->host) || strcspn(host, " /@") < len) {
		return false;
	}
	memcpy(address->host, host, len);
	address->port = (uint16_t)port;
	return true;
}

static bool set_list(struct sw_arena *arena, struct sw_string_list *list, const char *words, const char *text)
{
	list->items = sw_arena_calloc(arena, LIST_ITEMS_MAX, sizeof(*list->items));
	while (*text) {
		text += strspn(text, " \t,");
		size_t len = strcspn(text, ",");
		size_t used = len;
		while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
			len--;
		}
		if (len > 0) {
			if (list->count == LIST_ITEMS_MAX || (words && !is_word(words, text, len))) {
				return false;
			}
			list->items[list->count++] = sw_arena_str(arena, sw_bytes(text, len));
		}
		text += used;
	}
	return true;
}

static bool set_bool(bool *field, const char *text)
{
	*field = strcmp(text, "true") == 0;
	return *field || strcmp(text, "false") == 0;
}

static bool set_number(void *field, const struct sw_conf_row *row, const char *text)
{
	int64_t value = 0;
	if (!parse_units(text, units_of(row), &value) || value < row->bounds.min || value > row->bounds.max) {
		return false;
	}
	if (row->type == SW_CONF_INT) {
		*(int *)field = (int)value;
	} else if (row->type == SW_CONF_SIZE) {
		*(size_t *)field = (size_t)value;
	} else {
		*(int64_t *)field = value;
	}
	return true;
}

static int set_url(const char **field, const struct sw_conf_row *row, const char *text, struct sw_diag *why_out)
{
	const char *colon = strstr(text, "://");
	if (text[0] && (!colon || !is_word(row->bounds.words, text, (size_t)(colon - text)))) {
		/* Not shown: a URL often holds a password. */
		char expected[128];
		sw_conf_value_describe(row, expected, sizeof(expected));
		return sw_diag_set(why_out, SW_ECONFIG, "expected %s, got something else", expected);
	}
	*field = text;
	return SW_OK;
}

static int set_path(const char **field, const struct sw_conf_row *row, const char *path, struct sw_diag *why_out)
{
	struct stat st;
	*field = path;
	if (!path[0] || row->type == SW_CONF_STRING) {
		return SW_OK;
	}
	if (row->type == SW_CONF_FILE) {
		return sw_conf_file_readable(path, why_out) ? SW_OK : SW_ECONFIG;
	}
	if (stat(path, &st) != 0) {
		return sw_diag_set(why_out, SW_ECONFIG, "expected a folder that exists, got \"%s\": %s",
				   sw_conf_show(path).text, strerror(errno));
	}
	return S_ISDIR(st.st_mode) ? SW_OK : refuse(row, path, ": is not a folder", why_out);
}

int sw_conf_value_set(struct sw_config *config, const struct sw_conf_row *row, const char *text, const char *dir,
		      struct sw_diag *why_out)
{
	struct sw_arena *arena = &config->texts->arena;
	void *field = (char *)config + row->offset;
	bool good = true;
	switch (row->type) {
	case SW_CONF_FILE:
	case SW_CONF_FOLDER:
		return set_path(field, row, sw_conf_path(arena, dir, text), why_out);
	case SW_CONF_URL:
		return set_url(field, row, sw_arena_str(arena, sw_bytes_str(text)), why_out);
	case SW_CONF_STRING:
	case SW_CONF_SECRET:
		*(const char **)field = sw_arena_str(arena, sw_bytes_str(text));
		break;
	case SW_CONF_CHOICE:
		*(const char **)field = sw_arena_str(arena, sw_bytes_str(text));
		good = is_word(row->bounds.words, text, strlen(text));
		break;
	case SW_CONF_BOOL:
		good = set_bool(field, text);
		break;
	case SW_CONF_ADDRESS:
		good = !text[0] || set_address(field, text);
		break;
	case SW_CONF_LIST:
		good = set_list(arena, field, row->bounds.words, text);
		break;
	case SW_CONF_INT:
	case SW_CONF_DURATION:
	case SW_CONF_SIZE:
		good = set_number(field, row, text);
		break;
	}
	return good ? SW_OK : refuse(row, text, "", why_out);
}
