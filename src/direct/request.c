/* SPDX-License-Identifier: Apache-2.0 */
#include "direct/request.h"

#include "proto/push_content.h"

#include <stdlib.h>
#include <string.h>

enum { BODY_DEPTH_MAX = SW_PUSH_CONTENT_DEPTH_MAX + 1, NAME_BYTES_MAX = 64, SHOWN_MAX = 65 };
#define TTL_MAX_S (INT64_C(3660) * 24 * 3600)
#define LONGEST_ID "9223372036854775807"

const char *sw_direct_kind_name(enum sw_direct_kind kind)
{
	static const char *const names[] = {"users", "device", "token", "topic"};
	return names[kind];
}

/* ---- to ---- */

static int take_users(const json_t *users, const struct sw_direct_reading *reading, struct sw_direct_request *request,
		      struct sw_diag *diag_out)
{
	size_t i;
	const json_t *name;
	request->kind = SW_DIRECT_USERS;
	request->user_count = json_array_size(users);
	if (request->user_count < 1 || request->user_count > SW_DIRECT_NAMES_MAX) {
		return sw_diag_set(diag_out, SW_EINVAL, "to.users: expected 1 to %d names", SW_DIRECT_NAMES_MAX);
	}
	request->users = sw_arena_calloc(reading->arena, request->user_count, sizeof(*request->users));
	json_array_foreach (users, i, name) {
		struct sw_bytes text = sw_bytes(json_string_value(name), json_string_length(name));
		if (!json_is_string(name) || text.len < 1 || text.len > NAME_BYTES_MAX) {
			return sw_diag_set(diag_out, SW_EINVAL, "to.users: expected names");
		}
		request->users[i] = sw_arena_copy(reading->arena, text);
	}
	return SW_OK;
}

static int take_topic(const json_t *to, const struct sw_direct_reading *reading, struct sw_direct_request *request,
		      struct sw_diag *diag_out)
{
	request->kind = SW_DIRECT_TOPIC;
	int err = sw_direct_text(to, "topic", SW_TOPIC_BYTES_MAX, reading->arena, &request->topic);
	if (err || !sw_topic_is_valid(request->topic)) {
		return sw_diag_set(diag_out, SW_EINVAL, "to.topic: expected 1 to %d of A-Z a-z 0-9 . _ : -",
				   SW_TOPIC_BYTES_MAX);
	}
	return SW_OK;
}

static int take_address(const json_t *to, const struct sw_direct_reading *reading, struct sw_direct_request *request,
			struct sw_diag *diag_out)
{
	struct sw_diag why = {""};
	int err = sw_direct_address_read(reading->rules, to, reading->arena, &request->address, &why);
	if (err) {
		return sw_diag_set(diag_out, err, "to: %s", why.text);
	}
	request->kind = request->address.token.ptr  ? SW_DIRECT_TOKEN
		      : request->address.device.ptr ? SW_DIRECT_DEVICE
						    : SW_DIRECT_USERS;
	if (request->kind != SW_DIRECT_TOKEN) {
		request->users = sw_arena_calloc(reading->arena, 1, sizeof(*request->users));
		request->users[0] = request->address.user;
		request->user_count = 1;
	}
	return SW_OK;
}

static int take_to(const json_t *to, const struct sw_direct_reading *reading, struct sw_direct_request *request,
		   struct sw_diag *diag_out)
{
	bool one = json_object_size(to) == 1;
	if (one && json_is_array(json_object_get(to, "users"))) {
		return take_users(json_object_get(to, "users"), reading, request, diag_out);
	}
	if (one && json_object_get(to, "topic")) {
		return take_topic(to, reading, request, diag_out);
	}
	if (json_object_get(to, "user") || json_object_get(to, "token")) {
		return take_address(to, reading, request, diag_out);
	}
	return sw_diag_set(
		diag_out, SW_EINVAL,
		"to: expected {\"user\"}, {\"users\": […]}, {\"user\", \"device\"}, {\"token\", \"provider\", "
		"\"app\"} or {\"topic\"}");
}

/* ---- notification ---- */

static struct sw_bytes dump(const json_t *value, size_t flags, struct sw_arena *arena)
{
	char *text = json_dumps(value, JSON_COMPACT | flags);
	struct sw_bytes kept = sw_arena_copy(arena, sw_bytes_str(text));
	free(text);
	return kept;
}

/* As the pusher will: the longest id stands for the request's own. */
static int take_notification(json_t *value, const struct sw_direct_reading *reading, struct sw_direct_request *request,
			     struct sw_diag *diag_out)
{
	struct sw_notification *n = &request->notification;
	struct sw_diag why = {""};
	*n = (struct sw_notification){.kind = SW_PUSH_ALERT,
				      .urgent = true,
				      .collapse = sw_bytes_str(LONGEST_ID),
				      .badge = -1,
				      .created_at_ms = reading->now_ms,
				      .expires_at_ms = request->expires_at_ms,
				      .data = {{"push", sw_bytes_str(LONGEST_ID)}},
				      .data_count = 1};
	int err = json_is_object(value) ? SW_OK : sw_diag_set(&why, SW_EINVAL, "expected an object");
	err = err ? err : sw_push_content_read(dump(value, 0, reading->arena), reading->arena, n, &why);
	err = err ? err : sw_notification_check(n, &why);
	if (err) {
		return sw_diag_set(diag_out, err, "notification: %.220s", why.text);
	}
	request->title = n->title.ptr ? n->title : sw_bytes("", 0);
	request->body = n->body.ptr ? n->body : sw_bytes("", 0);
	request->expires_at_ms = n->expires_at_ms;
	json_object_del(value, "title");
	json_object_del(value, "body");
	request->content = dump(value, 0, reading->arena);
	return SW_OK;
}

/* Of users the providers are known when their devices are looked up; a topic's subscribers may have any. */
static int check_size(const struct sw_direct_reading *reading, const struct sw_direct_request *request,
		      struct sw_diag *diag_out)
{
	int err = SW_OK;
	for (size_t i = 0; i < reading->rules->provider_count && !err; i++) {
		const struct sw_direct_provider *provider = &reading->rules->providers[i];
		bool goes_there = request->kind == SW_DIRECT_TOPIC ||
				  (request->kind == SW_DIRECT_TOKEN &&
				   sw_bytes_equal_str(request->address.provider, provider->name));
		err = goes_there ? sw_direct_check_size(&request->notification, provider, diag_out) : SW_OK;
	}
	return err;
}

/* ---- the rest ---- */

static int take_times(const json_t *root, const struct sw_direct_reading *reading, struct sw_direct_request *request,
		      struct sw_diag *diag_out)
{
	const json_t *ttl = json_object_get(root, "ttl_s");
	const json_t *at = json_object_get(root, "expires_at_ms");
	int64_t spent_at_ms = reading->now_ms + reading->rules->age_max_ms;
	request->created_at_ms = reading->now_ms;
	request->expires_at_ms = spent_at_ms;
	if (ttl && at) {
		return sw_diag_set(diag_out, SW_EINVAL, "ttl_s, expires_at_ms: expected at most one of them");
	}
	if (ttl && (!json_is_integer(ttl) || json_integer_value(ttl) < 1 || json_integer_value(ttl) > TTL_MAX_S)) {
		return sw_diag_set(diag_out, SW_EINVAL, "ttl_s: expected seconds, at least 1");
	}
	if (at && (!json_is_integer(at) || json_integer_value(at) <= reading->now_ms)) {
		return sw_diag_set(diag_out, SW_EINVAL,
				   "expires_at_ms: expected milliseconds since 1970 that are still to come");
	}
	int64_t asked_ms = ttl ? reading->now_ms + json_integer_value(ttl) * 1000
			 : at  ? json_integer_value(at)
			       : spent_at_ms;
	request->expires_at_ms = asked_ms < spent_at_ms ? asked_ms : spent_at_ms;
	return SW_OK;
}

static int take_priority(const json_t *priority, struct sw_direct_request *request, struct sw_diag *diag_out)
{
	const char *text = priority ? json_string_value(priority) : "normal";
	request->urgent = text && strcmp(text, "high") == 0;
	return text && (request->urgent || strcmp(text, "normal") == 0)
		     ? SW_OK
		     : sw_diag_set(diag_out, SW_EINVAL, "priority: expected normal or high");
}

static int refuse_unknown(json_t *root, struct sw_diag *diag_out)
{
	static const char *const known[] = {"to", "notification", "priority", "ttl_s", "expires_at_ms", NULL};
	const char *name;
	json_t *value;
	json_object_foreach (root, name, value) {
		const char *const *at = known;
		while (*at && strcmp(*at, name) != 0) {
			at++;
		}
		if (!*at) {
			char shown[SHOWN_MAX];
			sw_bytes_printable(sw_bytes_str(name), shown, sizeof(shown));
			return sw_diag_set(diag_out, SW_EINVAL,
					   "%s: expected only to, notification, priority, ttl_s and expires_at_ms",
					   shown);
		}
	}
	return SW_OK;
}

static int take_root(json_t *root, const struct sw_direct_reading *reading, struct sw_direct_request *request,
		     struct sw_diag *diag_out)
{
	if (!json_is_object(root)) {
		return sw_diag_set(diag_out, SW_EINVAL, "the body: expected {\"to\": …, \"notification\": {…}}");
	}
	struct sw_bytes whole = dump(root, JSON_SORT_KEYS, reading->arena);
	request->hash = sw_uuid_derive("surewire.push", whole, sw_bytes(NULL, 0));
	int err = refuse_unknown(root, diag_out);
	err = err ? err : take_to(json_object_get(root, "to"), reading, request, diag_out);
	err = err ? err : take_priority(json_object_get(root, "priority"), request, diag_out);
	err = err ? err : take_times(root, reading, request, diag_out);
	err = err ? err : take_notification(json_object_get(root, "notification"), reading, request, diag_out);
	return err ? err : check_size(reading, request, diag_out);
}

int sw_direct_request_parse(struct sw_bytes body, const struct sw_direct_reading *reading,
			    struct sw_direct_request *request_out, struct sw_diag *diag_out)
{
	*request_out = (struct sw_direct_request){0};
	json_t *root = NULL;
	int err = sw_json_parse(body, BODY_DEPTH_MAX, &root, diag_out);
	err = err ? err : take_root(root, reading, request_out, diag_out);
	json_decref(root);
	return err;
}
