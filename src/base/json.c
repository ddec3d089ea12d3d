/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON strings, and jansson with a depth limit. */
#include <surewire/json.h>

#include "base/utf8.h"

#include <string.h>

static bool needs_escape(uint8_t c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

static void put_escape(struct sw_buf *buf, uint8_t c)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	for (const char *s = shorts; *s; s += 2) {
		if ((uint8_t)*s == c) {
			sw_buf_put_char(buf, '\\');
			sw_buf_put_char(buf, s[1]);
			return;
		}
	}
	sw_buf_printf(buf, "\\u%04x", c);
}

void sw_json_put_string(struct sw_buf *buf, struct sw_bytes text)
{
	sw_buf_put_char(buf, '"');
	size_t start = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (needs_escape(text.ptr[i])) {
			sw_buf_put(buf, text.ptr + start, i - start);
			put_escape(buf, text.ptr[i]);
			start = i + 1;
		}
	}
	if (start < text.len) {
		sw_buf_put(buf, text.ptr + start, text.len - start);
	}
	sw_buf_put_char(buf, '"');
}

void sw_json_put_cstr(struct sw_buf *buf, const char *text)
{
	sw_json_put_string(buf, sw_bytes_str(text));
}

void sw_json_put_name(struct sw_buf *buf, const char *name)
{
	if (buf->len && buf->ptr[buf->len - 1] != '{') {
		sw_buf_put_char(buf, ',');
	}
	sw_json_put_cstr(buf, name);
	sw_buf_put_char(buf, ':');
}

void sw_json_put_member(struct sw_buf *buf, const char *name, struct sw_bytes value)
{
	sw_json_put_name(buf, name);
	sw_json_put_string(buf, value);
}

bool sw_json_is_text(struct sw_bytes text)
{
	return text.len == 0 || sw_utf8_valid(text);
}

static const char ellipsis[] = "\xe2\x80\xa6"; /* U+2026, three bytes */
enum { ELLIPSIS_LEN = sizeof(ellipsis) - 1 };

/* Bytes that one byte of text takes inside a JSON string. */
static size_t json_len(uint8_t c)
{
	if (c == '"' || c == '\\' || c == '\b' || c == '\f' || c == '\n' || c == '\r' || c == '\t') {
		return 2;
	}
	return c < 0x20 ? 6 : 1;
}

/* Length of the longest prefix of whole characters whose JSON form takes at most budget bytes. */
static size_t fit(struct sw_bytes text, size_t budget)
{
	size_t used = 0;
	size_t boundary = 0;
	for (size_t i = 0; i < text.len; i++) {
		if ((text.ptr[i] & 0xc0) != 0x80) {
			boundary = i;
		}
		used += json_len(text.ptr[i]);
		if (used > budget) {
			return boundary;
		}
	}
	return text.len;
}

struct sw_bytes sw_json_cut(struct sw_bytes text, size_t budget, struct sw_arena *arena)
{
	if (fit(text, budget) == text.len) {
		return text;
	}
	if (budget < ELLIPSIS_LEN) {
		return sw_bytes(text.ptr, 0);
	}
	size_t len = fit(text, budget - ELLIPSIS_LEN);
	uint8_t *copy = sw_arena_alloc(arena, len + ELLIPSIS_LEN);
	memcpy(copy, text.ptr, len);
	memcpy(copy + len, ellipsis, ELLIPSIS_LEN);
	return sw_bytes(copy, len + ELLIPSIS_LEN);
}

/* Depth is checked before jansson recurses: nesting is bounded by the brackets outside of strings. */
static int depth_of(struct sw_bytes text)
{
	int depth = 0;
	int deepest = 0;
	bool in_string = false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];
		if (in_string) {
			if (c == '\\') {
				i++;
			} else if (c == '"') {
				in_string = false;
			}
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			depth++;
			deepest = depth > deepest ? depth : deepest;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return deepest;
}

/* jansson's text ends in a quotation of the input, and may cut it inside a character: neither belongs into an answer, a
 * log or a close frame. */
static void clean(char *text)
{
	char *quotation = strstr(text, " near ");
	if (quotation) {
		*quotation = '\0';
	}
	for (; *text; text++) {
		if (*text < 0x20 || *text >= 0x7f) {
			*text = '?';
		}
	}
}

int sw_json_parse(struct sw_bytes text, int max_depth, json_t **value_out, struct sw_diag *diag_out)
{
	if (depth_of(text) > max_depth) {
		return sw_diag_set(diag_out, SW_ELIMIT, "JSON is nested deeper than %d levels", max_depth);
	}
	json_error_t error;
	json_t *value = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!value) {
		clean(error.text);
		return sw_diag_set(diag_out, SW_EPARSE, "not JSON: %s at byte %d", error.text, error.position);
	}
	*value_out = value;
	return SW_OK;
}

json_t *sw_json_of_answer(struct sw_bytes body, size_t bytes_max, int max_depth)
{
	json_t *value = NULL;
	if (body.len == 0 || body.len > bytes_max || sw_json_parse(body, max_depth, &value, NULL) != SW_OK) {
		return NULL;
	}
	return value;
}

struct sw_bytes sw_json_get_str(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!json_is_string(value)) {
		return (struct sw_bytes){NULL, 0};
	}
	return sw_bytes(json_string_value(value), json_string_length(value));
}
