/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines in logfmt or JSON, one write(2) each so that lines of threads never mix. */
#include "base/utf8.h"

#include <surewire/buf.h>
#include <surewire/clock.h>
#include <surewire/json.h>
#include <surewire/log.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 4096, VALUE_BYTES_MAX = 512 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static _Atomic int current_level = SW_LOG_INFO;
static _Atomic bool use_json;
static _Atomic int log_fd = STDERR_FILENO;

void sw_log_set_level(enum sw_log_level level)
{
	current_level = (int)level;
}

void sw_log_set_json(bool json)
{
	use_json = json;
}

void sw_log_set_fd(int fd)
{
	log_fd = fd;
}

bool sw_log_level_parse(const char *text, enum sw_log_level *level_out)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level_out = (enum sw_log_level)i;
			return true;
		}
	}
	return false;
}

static bool is_bare(struct sw_bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f) {
			return false;
		}
	}
	return text.len > 0;
}

static void put_text(struct sw_buf *line, struct sw_bytes text, bool json)
{
	text = sw_utf8_cut(text, VALUE_BYTES_MAX);
	if (!json && is_bare(text)) {
		sw_buf_put_bytes(line, text);
	} else if (sw_utf8_valid(text)) {
		sw_json_put_string(line, text);
	} else {
		sw_json_put_cstr(line, "(not UTF-8)");
	}
}

static void put_key(struct sw_buf *line, const char *key, bool json)
{
	if (json) {
		sw_buf_put_char(line, ',');
		sw_json_put_cstr(line, key);
		sw_buf_put_char(line, ':');
	} else {
		sw_buf_put_char(line, ' ');
		sw_buf_put_str(line, key);
		sw_buf_put_char(line, '=');
	}
}

static void put_field(struct sw_buf *line, const struct sw_log_field *field, bool json)
{
	put_key(line, field->key, json);
	switch (field->kind) {
	case SW_FIELD_STR:
		put_text(line, sw_bytes_str(field->as.str ? field->as.str : ""), json);
		break;
	case SW_FIELD_INT:
		sw_buf_printf(line, "%" PRId64, field->as.num);
		break;
	case SW_FIELD_U64:
		sw_buf_printf(line, "%" PRIu64, field->as.u64);
		break;
	case SW_FIELD_BYTES:
		put_text(line, field->as.bytes, json);
		break;
	case SW_FIELD_ERR:
		put_text(line, sw_bytes_str(sw_err_name((int)field->as.num)), json);
		put_key(line, "error_text", json);
		put_text(line, sw_bytes_str(sw_err_text((int)field->as.num)), json);
		break;
	}
}

void sw_log_write(enum sw_log_level level, const char *event, const struct sw_log_field *fields, size_t count)
{
	if ((int)level < current_level) {
		return;
	}
	bool json = use_json;
	char when[SW_CLOCK_TEXT_MAX];
	sw_clock_text(sw_clock_wall_ms(), when);
	struct sw_buf line;
	sw_buf_init(&line, LINE_BYTES_MAX);
	sw_buf_printf(&line, json ? "{\"ts\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"" : "ts=%s level=%s event=%s",
		      when, level_names[level], event);
	for (size_t i = 0; i < count; i++) {
		size_t before = line.len;
		put_field(&line, &fields[i], json);
		if (line.err) {
			/* A field that does not fit is left out whole, so that the line stays well-formed. */
			line.len = before;
			line.err = SW_OK;
		}
	}
	line.max += 2;
	sw_buf_put_str(&line, json ? "}\n" : "\n");
	ssize_t ignored = write(log_fd, line.ptr, line.len);
	(void)ignored;
	sw_buf_release(&line);
}
