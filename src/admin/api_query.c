/* SPDX-License-Identifier: Apache-2.0 */
/* What a request asks for: of its query string or of its JSON body, and the filter of dead letters that follows. Pure. */
#include "admin/api.h"
#include "base/utf8.h"

#include <surewire/json.h>

#include <stddef.h>
#include <string.h>

enum { TEXT_MAX = 1024, BODY_DEPTH = 4, FILTER_BYTES_MAX = 8 * TEXT_MAX * 6 };

/* The members of the filter, whichever way they come. */
static const struct text_member {
	const char *name;
	size_t offset;
} texts[] = {
	{"provider", offsetof(struct sw_api_query, provider)},
	{"app", offsetof(struct sw_api_query, app)},
	{"user", offsetof(struct sw_api_query, user)},
	{"device", offsetof(struct sw_api_query, device)},
	{"reason", offsetof(struct sw_api_query, reason)},
	{"reason_has", offsetof(struct sw_api_query, reason_has)},
};
enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

static struct sw_bytes *text_of(struct sw_api_query *query, const struct text_member *member)
{
	return (struct sw_bytes *)((char *)query + member->offset);
}

static int64_t *age_of(struct sw_api_query *query, const char *name)
{
	return strcmp(name, "older_ms") == 0 ? &query->older_ms : &query->newer_ms;
}

static const char *const ages[] = {"older_ms", "newer_ms"};
enum { AGES = sizeof(ages) / sizeof(ages[0]) };

/* What the store takes as text. */
static bool is_text(struct sw_bytes text)
{
	return text.len <= TEXT_MAX && sw_utf8_valid(text) && !(text.len && memchr(text.ptr, 0, text.len));
}

/* ---- the query string ---- */

/* SW_OK also when it is absent: then *text_out stays NULL. */
static int get_text(struct sw_bytes query, const char *name, struct sw_arena *arena, struct sw_bytes *text_out)
{
	struct sw_buf buf;
	sw_buf_init(&buf, TEXT_MAX);
	int err = sw_http1_query_param(query, name, &buf);
	if (err == SW_OK && (buf.err || !is_text(sw_buf_bytes(&buf)))) {
		err = SW_ELIMIT;
	} else if (err == SW_OK) {
		*text_out = buf.len ? sw_arena_copy(arena, sw_buf_bytes(&buf)) : sw_bytes("", 0);
	}
	sw_buf_release(&buf);
	return err == SW_ENOTFOUND ? SW_OK : err;
}

struct bounds {
	uint64_t min;
	uint64_t max;
};

static int get_number(struct sw_bytes query, const char *name, struct bounds bounds, int64_t *value_io)
{
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_bytes text = {0};
	uint64_t value = 0;
	int err = get_text(query, name, &arena, &text);
	if (err == SW_OK && text.ptr) {
		err = sw_bytes_to_u64(text, &value);
		err = err == SW_OK && (value < bounds.min || value > bounds.max) ? SW_EINVAL : err;
		*value_io = err ? *value_io : (int64_t)value;
	}
	sw_arena_release(&arena);
	return err;
}

static int bad(struct sw_diag *diag_out, const char *name, const char *expected)
{
	return sw_diag_set(diag_out, SW_EINVAL, "the query parameter \"%s\": expected %s", name, expected);
}

static int get_replayed(struct sw_bytes query, struct sw_api_query *query_out)
{
	struct sw_arena arena;
	sw_arena_init(&arena);
	struct sw_bytes text = {0};
	int err = get_text(query, "replayed", &arena, &text);
	bool yes = sw_bytes_equal_str(text, "true");
	if (err == SW_OK && text.ptr && !yes && !sw_bytes_equal_str(text, "false")) {
		err = SW_EINVAL;
	} else if (err == SW_OK && text.ptr) {
		query_out->replayed = yes ? SW_API_REPLAYED : SW_API_NOT_REPLAYED;
	}
	sw_arena_release(&arena);
	return err;
}

int sw_api_query_parse(struct sw_bytes query, struct sw_arena *arena, struct sw_api_query *query_out,
		       struct sw_diag *diag_out)
{
	*query_out = (struct sw_api_query){.limit = SW_API_PAGE_DEFAULT, .confirm = -1};
	for (size_t i = 0; i < TEXTS; i++) {
		if (get_text(query, texts[i].name, arena, text_of(query_out, &texts[i])) != SW_OK) {
			return bad(diag_out, texts[i].name, "a text of at most 1024 bytes in UTF-8, percent-encoded");
		}
	}
	for (size_t i = 0; i < AGES; i++) {
		if (get_number(query, ages[i], (struct bounds){1, SW_API_AGE_MAX_MS}, age_of(query_out, ages[i])) !=
		    SW_OK) {
			return bad(diag_out, ages[i], "an age in milliseconds, at least 1");
		}
	}
	int64_t limit = SW_API_PAGE_DEFAULT;
	if (get_text(query, "state", arena, &query_out->state) != SW_OK) {
		return bad(diag_out, "state", "a state of alerts");
	}
	if (get_replayed(query, query_out) != SW_OK) {
		return bad(diag_out, "replayed", "true or false");
	}
	if (get_number(query, "before", (struct bounds){1, INT64_MAX}, &query_out->before) != SW_OK) {
		return bad(diag_out, "before", "the id of the last one of the page before, a decimal number");
	}
	if (get_number(query, "confirm", (struct bounds){0, INT64_MAX}, &query_out->confirm) != SW_OK) {
		return bad(diag_out, "confirm", "how many letters are to be dropped, a decimal number");
	}
	if (get_number(query, "limit", (struct bounds){1, SW_API_PAGE_MAX}, &limit) != SW_OK) {
		return bad(diag_out, "limit", "a number from 1 to 500");
	}
	query_out->limit = (int)limit;
	return SW_OK;
}

/* ---- the body ---- */

static int bad_member(struct sw_diag *diag_out, const char *name, const char *expected)
{
	return sw_diag_set(diag_out, SW_EINVAL, "the member \"%.64s\": expected %s", name, expected);
}

static int take_text(const json_t *value, struct sw_arena *arena, struct sw_bytes *text_out)
{
	struct sw_bytes text = sw_bytes(json_string_value(value), json_string_length(value));
	if (!json_is_string(value) || !is_text(text)) {
		return SW_EINVAL;
	}
	*text_out = text.len ? sw_arena_copy(arena, text) : sw_bytes("", 0);
	return SW_OK;
}

static int take_filter_member(const char *name, const json_t *value, struct sw_arena *arena, struct sw_api_query *query,
			      struct sw_diag *diag_out)
{
	for (size_t i = 0; i < TEXTS; i++) {
		if (strcmp(name, texts[i].name) == 0) {
			return take_text(value, arena, text_of(query, &texts[i])) == SW_OK
				     ? SW_OK
				     : bad_member(diag_out, name, "a text of at most 1024 bytes");
		}
	}
	for (size_t i = 0; i < AGES; i++) {
		if (strcmp(name, ages[i]) == 0) {
			json_int_t age = json_integer_value(value);
			*age_of(query, name) = age;
			return json_is_integer(value) && age >= 1 && age <= SW_API_AGE_MAX_MS
				     ? SW_OK
				     : bad_member(diag_out, name, "an age in milliseconds, at least 1");
		}
	}
	if (strcmp(name, "replayed") != 0) {
		return bad_member(diag_out, name, "no such member of a filter");
	}
	query->replayed = json_is_true(value) ? SW_API_REPLAYED : SW_API_NOT_REPLAYED;
	return json_is_boolean(value) ? SW_OK : bad_member(diag_out, name, "true or false");
}

static int take_member(const char *name, json_t *value, struct sw_arena *arena, struct sw_api_query *query,
		       struct sw_diag *diag_out)
{
	if (strcmp(name, "rate") == 0) {
		json_int_t rate = json_integer_value(value);
		bool good = json_is_integer(value) && rate >= 1 && rate <= INT32_MAX;
		query->rate = good ? (int)rate : 0;
		return good ? SW_OK : bad_member(diag_out, name, "letters a second, at least 1");
	}
	if (strcmp(name, "filter") != 0) {
		return bad_member(diag_out, name, "only \"filter\" and \"rate\"");
	}
	if (!json_is_object(value)) {
		return bad_member(diag_out, name, "an object");
	}
	const char *member;
	json_t *of_filter;
	int err = SW_OK;
	json_object_foreach (value, member, of_filter) {
		err = err ? err : take_filter_member(member, of_filter, arena, query, diag_out);
	}
	return err;
}

int sw_api_query_parse_body(struct sw_bytes body, struct sw_arena *arena, struct sw_api_query *query_out,
			    struct sw_diag *diag_out)
{
	*query_out = (struct sw_api_query){.limit = SW_API_PAGE_DEFAULT, .confirm = -1};
	json_t *root = NULL;
	struct sw_diag why = {0};
	if (sw_json_parse(body, BODY_DEPTH, &root, &why) != SW_OK || !json_is_object(root) ||
	    !json_object_get(root, "filter")) {
		json_decref(root);
		return sw_diag_set(diag_out, SW_EINVAL, "the body: expected {\"filter\": {…}, \"rate\": …}%s%.100s",
				   why.text[0] ? ": " : "", why.text);
	}
	const char *name;
	json_t *value;
	int err = SW_OK;
	json_object_foreach (root, name, value) {
		err = err ? err : take_member(name, value, arena, query_out, diag_out);
	}
	json_decref(root);
	return err;
}

/* ---- the filter ---- */

struct sw_bytes sw_api_filter(const struct sw_api_query *query, int64_t now_ms, struct sw_arena *arena)
{
	struct sw_buf out;
	sw_buf_init(&out, FILTER_BYTES_MAX);
	sw_buf_put_char(&out, '{');
	struct sw_api_query copy = *query;
	for (size_t i = 0; i < TEXTS; i++) {
		if (text_of(&copy, &texts[i])->ptr) {
			sw_json_put_text(&out, texts[i].name, *text_of(&copy, &texts[i]));
		}
	}
	if (query->newer_ms) {
		sw_json_put_int(&out, "since_ms", now_ms - query->newer_ms);
	}
	if (query->older_ms) {
		sw_json_put_int(&out, "until_ms", now_ms - query->older_ms);
	}
	if (query->replayed != SW_API_ANY) {
		sw_json_put_bool(&out, "replayed", query->replayed == SW_API_REPLAYED);
	}
	sw_buf_put_char(&out, '}');
	struct sw_bytes filter = sw_arena_copy(arena, sw_buf_bytes(&out));
	sw_buf_release(&out);
	return filter;
}
