/* SPDX-License-Identifier: Apache-2.0 */
/* Members of `aps` are known by tables; the app's own stand beside it and are not looked at. */
#include "sim/apns_payload.h"

#include <string.h>

enum kind { TEXT, TEXT_OR_LOC, TEXTS, NUMBER, SCORE, FLAG, OBJECT, LEVEL, EVENT, SOUND, ALERT };

struct member {
	const char *name;
	enum kind kind;
};

static const struct member aps_members[] = {
	{"alert", ALERT},
	{"badge", NUMBER},
	{"sound", SOUND},
	{"thread-id", TEXT},
	{"category", TEXT},
	{"content-available", FLAG},
	{"mutable-content", FLAG},
	{"target-content-id", TEXT},
	{"interruption-level", LEVEL},
	{"relevance-score", SCORE},
	{"filter-criteria", TEXT},
	{"content-changed", FLAG},
	{NULL, TEXT},
};
static const struct member activity_members[] = {
	{"timestamp", NUMBER},
	{"event", EVENT},
	{"content-state", OBJECT},
	{"stale-date", NUMBER},
	{"attributes", OBJECT},
	{"attributes-type", TEXT},
	{"alert", ALERT},
	{"dismissal-date", NUMBER},
	{"sound", SOUND},
	{"relevance-score", SCORE},
	{"interruption-level", LEVEL},
	{NULL, TEXT},
};
static const struct member alert_members[] = {
	{"title", TEXT_OR_LOC},
	{"subtitle", TEXT_OR_LOC},
	{"body", TEXT_OR_LOC},
	{"launch-image", TEXT},
	{"title-loc-key", TEXT},
	{"title-loc-args", TEXTS},
	{"subtitle-loc-key", TEXT},
	{"subtitle-loc-args", TEXTS},
	{"loc-key", TEXT},
	{"loc-args", TEXTS},
	{"sound", TEXT},
	{NULL, TEXT},
};
static const struct member loc_members[] = {{"loc-key", TEXT}, {"loc-args", TEXTS}, {NULL, TEXT}};

static bool fits_all(const json_t *object, const struct member *members);

static bool is_one_of(const json_t *value, const char *const *words)
{
	const char *text = json_string_value(value);
	for (; text && *words; words++) {
		if (strcmp(text, *words) == 0) {
			return true;
		}
	}
	return false;
}

static bool are_texts(const json_t *value)
{
	bool good = json_is_array(value);
	for (size_t i = 0; good && i < json_array_size(value); i++) {
		good = json_is_string(json_array_get(value, i));
	}
	return good;
}

static bool is_score(const json_t *value)
{
	return json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= 1;
}

static bool is_sound(const json_t *value)
{
	bool critical = json_is_integer(json_object_get(value, "critical")) &&
			json_is_string(json_object_get(value, "name")) && is_score(json_object_get(value, "volume"));
	return json_is_string(value) || (critical && json_object_size(value) == 3);
}

/* Recursion is as deep as the tables. */
static bool fits(const json_t *value, enum kind kind) /* NOLINT(misc-no-recursion) */
{
	static const char *const levels[] = {"passive", "active", "time-sensitive", "critical", NULL};
	static const char *const events[] = {"start", "update", "end", NULL};
	switch (kind) {
	case TEXT:
		return json_is_string(value);
	case TEXT_OR_LOC:
		return json_is_string(value) || (json_is_object(value) && fits_all(value, loc_members));
	case TEXTS:
		return are_texts(value);
	case NUMBER:
		return json_is_integer(value) && json_integer_value(value) >= 0;
	case SCORE:
		return is_score(value);
	case FLAG:
		return json_is_true(value) || (json_is_integer(value) && (json_integer_value(value) | 1) == 1);
	case OBJECT:
		return json_is_object(value);
	case LEVEL:
		return is_one_of(value, levels);
	case EVENT:
		return is_one_of(value, events);
	case SOUND:
		return is_sound(value);
	case ALERT:
		return json_is_string(value) || (json_is_object(value) && fits_all(value, alert_members));
	}
	return false;
}

static bool fits_all(const json_t *object, const struct member *members) /* NOLINT(misc-no-recursion) */
{
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
		const struct member *member = members;
		while (member->name && strcmp(member->name, name) != 0) {
			member++;
		}
		if (!member->name || !fits(value, member->kind)) {
			return false;
		}
	}
	return true;
}

static bool has(const json_t *aps, const char *name)
{
	return json_object_get(aps, name) != NULL;
}

static bool is_whole_activity(const json_t *aps)
{
	bool starts = is_one_of(json_object_get(aps, "event"), (const char *const[]){"start", NULL});
	bool ends = is_one_of(json_object_get(aps, "event"), (const char *const[]){"end", NULL});
	if (!has(aps, "timestamp") || !has(aps, "event") || (!ends && !has(aps, "content-state"))) {
		return false;
	}
	return !starts || (has(aps, "attributes") && has(aps, "attributes-type") && has(aps, "alert"));
}

/* A background push that shows something, or an alert that shows nothing, contradicts its header. */
static const char *check_meaning(const json_t *aps, const char *push_type)
{
	bool shows = has(aps, "alert") || has(aps, "badge") || has(aps, "sound");
	bool wakes = json_integer_value(json_object_get(aps, "content-available")) == 1;
	bool changed = strcmp(push_type, "widgets") == 0 || strcmp(push_type, "controls") == 0;
	if (strcmp(push_type, "background") == 0) {
		return wakes && !shows ? NULL : "InvalidPushType";
	}
	if (strcmp(push_type, "alert") == 0) {
		return shows ? NULL : "InvalidPushType";
	}
	if (changed) {
		return has(aps, "content-changed") && !shows ? NULL : "InvalidPushType";
	}
	if (strcmp(push_type, "liveactivity") == 0) {
		return is_whole_activity(aps) ? NULL : "InvalidPushType";
	}
	return shows && strcmp(push_type, "voip") != 0 ? "InvalidPushType" : NULL;
}

const char *sw_sim_apns_check_payload(const json_t *payload, const char *push_type)
{
	const json_t *aps = json_object_get(payload, "aps");
	if (strcmp(push_type, "mdm") == 0) {
		bool magic = json_is_string(json_object_get(payload, "mdm")) && json_object_size(payload) == 1;
		return magic ? NULL : "BadPayload";
	}
	bool activity = strcmp(push_type, "liveactivity") == 0;
	if (!json_is_object(aps) || !fits_all(aps, activity ? activity_members : aps_members)) {
		return "BadPayload";
	}
	return check_meaning(aps, push_type);
}
