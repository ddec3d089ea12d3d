/* SPDX-License-Identifier: Apache-2.0 */
/* The edges of include/surewire/json.h. Properties: no deeper than asked for, what is written is read back the same, a
 * text that is cut fits its budget at a character. */
#include "fuzz.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 1 << 22 };

static int depth_of(const json_t *value)
{
	int deepest = 0;
	size_t index;
	const char *key;
	json_t *child;
	if (json_is_object(value)) {
		json_object_foreach ((json_t *)(uintptr_t)value, key, child) {
			int depth = depth_of(child);
			deepest = depth > deepest ? depth : deepest;
		}
	}
	json_array_foreach (value, index, child) {
		int depth = depth_of(child);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + (json_is_object(value) || json_is_array(value));
}

static void try_parse(struct sw_bytes text, int max_depth)
{
	json_t *value = NULL;
	struct sw_diag diag = {""};
	int rc = sw_json_parse(text, max_depth, &value, &diag);
	if (rc != SW_OK) {
		FUZZ_CHECK((rc == SW_EPARSE || rc == SW_ELIMIT) && value == NULL && diag.text[0]);
		FUZZ_CHECK(fuzz_printable(diag.text));
		return;
	}
	FUZZ_CHECK(sw_utf8_valid(text) && depth_of(value) <= max_depth);
	char *written = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	json_t *again = NULL;
	FUZZ_CHECK(written && sw_json_parse(sw_bytes_str(written), max_depth, &again, NULL) == SW_OK);
	FUZZ_CHECK(json_equal(value, again));
	FUZZ_CHECK(sw_json_get_str(value, "k").len <= text.len);
	json_decref(value);
	json_decref(again);
	free(written);
}

static void try_string(struct sw_bytes text)
{
	struct sw_buf out;
	json_t *value = NULL;
	sw_buf_init(&out, TEXT_BYTES_MAX);
	sw_json_put_string(&out, text);
	bool has_nul = text.len && memchr(text.ptr, '\0', text.len);
	int rc = sw_json_parse(sw_buf_bytes(&out), 1, &value, NULL);
	/* NUL cannot be in a text of ours: jansson refuses it. */
	FUZZ_CHECK(has_nul ? rc == SW_EPARSE : rc == SW_OK);
	FUZZ_CHECK(has_nul || sw_bytes_equal(sw_bytes(json_string_value(value), json_string_length(value)), text));
	json_decref(value);
	sw_buf_release(&out);
}

static void try_cut(struct sw_bytes text, size_t budget)
{
	struct sw_arena arena;
	struct sw_buf out;
	sw_arena_init(&arena);
	sw_buf_init(&out, TEXT_BYTES_MAX);
	struct sw_bytes cut = sw_json_cut(text, budget, &arena);
	sw_json_put_string(&out, cut);
	FUZZ_CHECK(out.len <= budget + 2 && sw_utf8_valid(cut));
	bool whole = sw_bytes_equal(cut, text);
	size_t kept = whole ? cut.len : cut.len - (cut.len >= 3 ? 3 : cut.len);
	FUZZ_CHECK(kept <= text.len && (kept == 0 || memcmp(cut.ptr, text.ptr, kept) == 0));
	sw_buf_release(&out);
	sw_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sw_bytes input = sw_bytes(data, size);
	uint8_t option = fuzz_take_u8(&input);
	uint8_t *copy = fuzz_copy(input);
	struct sw_bytes text = sw_bytes(copy, input.len);
	try_parse(text, option % 40);
	if (sw_utf8_valid(text)) {
		try_string(text);
		try_cut(text, option);
	}
	free(copy);
	return 0;
}
