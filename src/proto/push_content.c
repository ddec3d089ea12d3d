/* SPDX-License-Identifier: Apache-2.0 */
/* One table a level of the object; a member that is in none is refused, for a misspelt one would be left out unseen. */
#include "proto/push_content.h"

#include <surewire/json.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 8192,
	WORD_MAX = 256,
	SHOWN_MAX = 65,
};
#define BADGE_MAX INT32_MAX
#define TTL_MAX_S (INT64_C(3660) * 24 * 3600)
#define TIME_MAX_MS (INT64_C(1) << 53)
#define PERCENT "a whole number from 1 to 100"
#define FLAG "true or false"
#define TEXT "a text of at most 8192 bytes"
#define WORD "a text of at most 256 bytes"

struct reading {
	struct sw_arena *arena;
	struct sw_notification *n;
	struct sw_diag *diag;
};

struct member {
	const char *name;
	int (*take)(struct reading *r, const struct member *member, const json_t *value, void *to);
	size_t offset; /* in the notification */
	int64_t max;   /* of a text its bytes */
	const char *expected;
	const char *const *choices; /* from the value 1 on, NULL-terminated */
};

static struct sw_bytes copy(struct reading *r, const json_t *text)
{
	return sw_arena_copy(r->arena, sw_bytes(json_string_value(text), json_string_length(text)));
}

static int take_text(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	if (!json_is_string(value) || json_string_length(value) > (size_t)member->max) {
		return SW_EINVAL;
	}
	*(struct sw_bytes *)to = copy(r, value);
	return SW_OK;
}

static int take_i64(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)r;
	*(int64_t *)to = json_integer_value(value);
	return json_is_integer(value) && *(int64_t *)to >= 0 && *(int64_t *)to <= member->max ? SW_OK : SW_EINVAL;
}

static int take_percent(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)r;
	json_int_t percent = json_integer_value(value);
	*(uint8_t *)to = (uint8_t)percent;
	return json_is_integer(value) && percent >= 1 && percent <= member->max ? SW_OK : SW_EINVAL;
}

static int take_flag(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)r;
	(void)member;
	*(bool *)to = json_is_true(value);
	return json_is_boolean(value) ? SW_OK : SW_EINVAL;
}

static int take_choice(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)r;
	const char *text = json_string_value(value);
	for (int i = 0; text && member->choices[i]; i++) {
		if (strcmp(member->choices[i], text) == 0) {
			int chosen = i + 1;
			memcpy(to, &chosen, sizeof(chosen));
			return SW_OK;
		}
	}
	return SW_EINVAL;
}

static int take_silent(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)member;
	(void)to;
	r->n->kind = json_is_true(value) ? SW_PUSH_SILENT : SW_PUSH_ALERT;
	return json_is_boolean(value) ? SW_OK : SW_EINVAL;
}

static int take_ttl(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)to;
	json_int_t ttl_s = json_integer_value(value);
	if (!json_is_integer(value) || ttl_s < 1 || ttl_s > member->max) {
		return SW_EINVAL;
	}
	int64_t expires_at_ms = r->n->created_at_ms + ttl_s * 1000;
	if (r->n->expires_at_ms == 0 || expires_at_ms < r->n->expires_at_ms) {
		r->n->expires_at_ms = expires_at_ms;
	}
	return SW_OK;
}

static int take_object(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)member;
	if (!json_is_object(value)) {
		return SW_EINVAL;
	}
	char *text = json_dumps(value, JSON_COMPACT);
	*(struct sw_bytes *)to = sw_arena_copy(r->arena, sw_bytes_str(text));
	free(text);
	return SW_OK;
}

static int take_args(struct reading *r, const json_t *args, struct sw_push_loc *loc)
{
	size_t i;
	const json_t *arg;
	loc->arg_count = json_array_size(args);
	if (!json_is_array(args) || loc->arg_count > SW_PUSH_LOC_ARGS_MAX) {
		return SW_EINVAL;
	}
	json_array_foreach (args, i, arg) {
		if (!json_is_string(arg)) {
			return SW_EINVAL;
		}
		loc->args[i] = copy(r, arg);
	}
	return SW_OK;
}

static int take_loc(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	struct sw_push_loc *loc = to;
	const json_t *key = json_object_get(value, "key");
	const json_t *args = json_object_get(value, "args");
	*loc = (struct sw_push_loc){0};
	if (!json_is_string(key) || json_string_length(key) == 0 || json_string_length(key) > (size_t)member->max ||
	    json_object_size(value) != (args ? 2U : 1U)) {
		return SW_EINVAL;
	}
	loc->key = copy(r, key);
	return args ? take_args(r, args, loc) : SW_OK;
}

static int take_data(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)member;
	(void)to;
	const char *name;
	json_t *text;
	if (!json_is_object(value) || json_object_size(value) + r->n->data_count > SW_PUSH_DATA_MAX) {
		return SW_EINVAL;
	}
	json_object_foreach ((json_t *)value, name, text) {
		if (!json_is_string(text)) {
			return SW_EINVAL;
		}
		/* With its zero byte. */
		struct sw_bytes kept = sw_arena_copy(r->arena, sw_bytes(name, strlen(name) + 1));
		r->n->data[r->n->data_count++] = (struct sw_push_datum){(const char *)kept.ptr, copy(r, text)};
	}
	return SW_OK;
}

/* ---- the tables ---- */

#define OF(field) offsetof(struct sw_notification, field)
static const char *const priorities[] = {"low", "normal", "high", NULL};
static const char *const interruptions[] = {"passive", "active", "time_sensitive", "critical", NULL};
static const char *const types[] = {"alert",    "background",    "voip",         "complication", "file_provider", "mdm",
				    "location", "live_activity", "push_to_talk", "widgets",      "controls",      NULL};
static const char *const events[] = {"start", "update", "end", NULL};
static const char *const visibilities[] = {"private", "public", "secret", NULL};

static const struct member of_activity[] = {
	{"event", take_choice, OF(apple.activity.event), 0, "start, update or end", events},
	{"content_state", take_object, OF(apple.activity.content_state), 0, "an object", NULL},
	{"attributes_type", take_text, OF(apple.activity.attributes_type), WORD_MAX, WORD, NULL},
	{"attributes", take_object, OF(apple.activity.attributes), 0, "an object", NULL},
	{"stale_at_ms", take_i64, OF(apple.activity.stale_at_ms), TIME_MAX_MS, "milliseconds since 1970", NULL},
	{"dismiss_at_ms", take_i64, OF(apple.activity.dismiss_at_ms), TIME_MAX_MS, "milliseconds since 1970", NULL},
	{NULL, NULL, 0, 0, NULL, NULL},
};

static int take_activity(struct reading *r, const struct member *member, const json_t *value, void *to);

static const struct member of_apple[] = {
	{"type", take_choice, OF(apple.type), 0,
	 "alert, background, voip, complication, file_provider, mdm, location, live_activity, push_to_talk, widgets or "
	 "controls",
	 types},
	{"activity", take_activity, 0, 0, "an object", NULL},
	{"target_content", take_text, OF(apple.target_content), WORD_MAX, WORD, NULL},
	{"filter", take_text, OF(apple.filter), WORD_MAX, WORD, NULL},
	{"final_text", take_flag, OF(apple.final_text), 0, FLAG, NULL},
	{"wake_app", take_flag, OF(apple.wake_app), 0, FLAG, NULL},
	{"critical_sound", take_flag, OF(apple.critical_sound), 0, FLAG, NULL},
	{"critical_volume", take_percent, OF(apple.critical_volume_percent), 100, PERCENT, NULL},
	{NULL, NULL, 0, 0, NULL, NULL},
};

static const struct member of_android[] = {
	{"channel", take_text, OF(android.channel), WORD_MAX, WORD, NULL},
	{"tag", take_text, OF(android.tag), WORD_MAX, WORD, NULL},
	{"click_action", take_text, OF(android.click_action), WORD_MAX, WORD, NULL},
	{"icon", take_text, OF(android.icon), WORD_MAX, WORD, NULL},
	{"color", take_text, OF(android.color), WORD_MAX, WORD, NULL},
	{"visibility", take_choice, OF(android.visibility), 0, "private, public or secret", visibilities},
	{"data_only", take_flag, OF(android.data_only), 0, FLAG, NULL},
	{NULL, NULL, 0, 0, NULL, NULL},
};

static int take_apple(struct reading *r, const struct member *member, const json_t *value, void *to);
static int take_android(struct reading *r, const struct member *member, const json_t *value, void *to);

#define LOC "{\"key\": text, \"args\": [at most 8 texts]}"
static const struct member of_notification[] = {
	{"title", take_text, OF(title), TEXT_MAX, TEXT, NULL},
	{"subtitle", take_text, OF(subtitle), TEXT_MAX, TEXT, NULL},
	{"body", take_text, OF(body), TEXT_MAX, TEXT, NULL},
	{"title_loc", take_loc, OF(title_loc), WORD_MAX, LOC, NULL},
	{"subtitle_loc", take_loc, OF(subtitle_loc), WORD_MAX, LOC, NULL},
	{"body_loc", take_loc, OF(body_loc), WORD_MAX, LOC, NULL},
	{"sound", take_text, OF(sound), WORD_MAX, WORD, NULL},
	{"badge", take_i64, OF(badge), BADGE_MAX, "a whole number, at least 0", NULL},
	{"category", take_text, OF(category), WORD_MAX, WORD, NULL},
	{"thread", take_text, OF(thread), WORD_MAX, WORD, NULL},
	{"collapse", take_text, OF(collapse), WORD_MAX, WORD, NULL},
	{"image", take_text, OF(image), TEXT_MAX, TEXT, NULL},
	{"priority", take_choice, OF(priority), 0, "low, normal or high", priorities},
	{"interruption", take_choice, OF(interruption), 0, "passive, active, time_sensitive or critical",
	 interruptions},
	{"relevance", take_percent, OF(relevance_percent), 100, PERCENT, NULL},
	{"ttl_s", take_ttl, 0, TTL_MAX_S, "seconds, at least 1", NULL},
	{"silent", take_silent, 0, 0, FLAG, NULL},
	{"data", take_data, 0, 0, "an object of at most 8 texts", NULL},
	{"apple", take_apple, 0, 0, "an object", NULL},
	{"android", take_android, 0, 0, "an object", NULL},
	{NULL, NULL, 0, 0, NULL, NULL},
};

static int take_members(struct reading *r, const struct member *rows, const char *path, const json_t *object)
{
	const char *name;
	json_t *value;
	if (!json_is_object(object)) {
		return SW_EINVAL;
	}
	json_object_foreach ((json_t *)object, name, value) {
		const struct member *row = rows;
		while (row->name && strcmp(row->name, name) != 0) {
			row++;
		}
		if (!row->name) {
			char shown[SHOWN_MAX];
			sw_bytes_printable(sw_bytes_str(name), shown, sizeof(shown));
			return sw_diag_set(r->diag, SW_EINVAL, "%s%s: there is no such member", path, shown);
		}
		int err = row->take(r, row, value, (char *)r->n + row->offset);
		if (err) { /* an inner one was told first */
			return sw_diag_set(r->diag, err, "%s%s: expected %s", path, name, row->expected);
		}
	}
	return SW_OK;
}

static int take_activity(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)member;
	(void)to;
	return take_members(r, of_activity, "apple.activity.", value);
}

static int take_apple(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)member;
	(void)to;
	return take_members(r, of_apple, "apple.", value);
}

static int take_android(struct reading *r, const struct member *member, const json_t *value, void *to)
{
	(void)member;
	(void)to;
	return take_members(r, of_android, "android.", value);
}

int sw_push_content_read(struct sw_bytes text, struct sw_arena *arena, struct sw_notification *notification_io,
			 struct sw_diag *diag_out)
{
	if (text.len > SW_PUSH_CONTENT_BYTES_MAX) {
		return sw_diag_set(diag_out, SW_ELIMIT, "the notification: expected at most %d bytes",
				   SW_PUSH_CONTENT_BYTES_MAX);
	}
	json_t *root = NULL;
	struct sw_diag first = {0}; /* the first one wins, also where the caller wants none */
	int err = sw_json_parse(text, SW_PUSH_CONTENT_DEPTH_MAX, &root, &first);
	struct reading reading = {arena, notification_io, &first};
	err = err ? err : take_members(&reading, of_notification, "", root);
	if (err && !first.text[0]) {
		sw_diag_set(&first, err, "expected an object");
	}
	json_decref(root);
	return err ? sw_diag_set(diag_out, err, "%s", first.text) : SW_OK;
}
