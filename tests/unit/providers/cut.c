/* SPDX-License-Identifier: Apache-2.0 */
#include "cut.h"

#include <surewire/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 32 * 1024 };
#define ELLIPSIS "\xe2\x80\xa6"

/* The text that the device will show. */
static char *shown(const struct cut *cut, struct sw_bytes message)
{
	json_t *value = NULL;
	assert_int_equal(sw_json_parse(message, 8, &value, NULL), SW_OK);
	const json_t *object = value;
	for (const char *const *name = cut->path; *name; name++) {
		object = json_object_get(object, *name);
	}
	const char *body = json_string_value(json_object_get(object, "body"));
	assert_non_null(body);
	char *text = strdup(body);
	json_decref(value);
	return text;
}

static size_t counted(const struct cut *cut, struct sw_bytes message)
{
	return message.len - cut->uncounted_bytes;
}

static void assert_cut(const char *got, const char *text, size_t unit_len)
{
	size_t len = strlen(got);
	assert_true(len >= sizeof(ELLIPSIS) - 1);
	len -= sizeof(ELLIPSIS) - 1;
	assert_string_equal(got + len, ELLIPSIS);
	assert_int_equal(len % unit_len, 0);
	assert_memory_equal(got, text, len);
}

void cut_check_lengths(const struct cut *cut, const char *unit, size_t json_len)
{
	static char text[TEXT_MAX];
	size_t unit_len = strlen(unit);
	struct sw_arena arena;
	struct sw_diag diag = {0};
	struct sw_bytes message;
	sw_arena_init(&arena);
	assert_int_equal(cut->encode(sw_bytes("x", 1), &arena, &message, &diag), SW_OK);
	size_t overhead = counted(cut, message) - 1;
	size_t fits = (cut->limit_bytes - overhead) / json_len;
	assert_true((fits + cut->around) * unit_len <= sizeof(text));
	for (size_t count = fits - cut->around; count <= fits + cut->around; count++) {
		for (size_t i = 0; i < count; i++) {
			memcpy(text + i * unit_len, unit, unit_len);
		}
		sw_arena_reset(&arena);
		assert_int_equal(cut->encode(sw_bytes(text, count * unit_len), &arena, &message, &diag), SW_OK);
		assert_true(counted(cut, message) <= cut->limit_bytes);
		char *got = shown(cut, message);
		if (count <= fits) {
			assert_int_equal(strlen(got), count * unit_len);
		} else {
			assert_cut(got, text, unit_len);
			assert_true(counted(cut, message) + json_len > cut->limit_bytes);
		}
		free(got);
	}
	sw_arena_release(&arena);
}

void cut_check_no_utf8(const struct cut *cut, const char *text)
{
	static const char *const bad[] = {"\x80", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xff"};
	struct sw_arena arena;
	struct sw_bytes message;
	sw_arena_init(&arena);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sw_diag diag = {0};
		assert_int_equal(cut->encode(sw_bytes_str(bad[i]), &arena, &message, &diag), SW_EINVAL);
		assert_string_equal(diag.text, text);
	}
	sw_arena_release(&arena);
}
