/* SPDX-License-Identifier: Apache-2.0 */
/* The `aps` of a Live Activity ("Starting and updating Live Activities with ActivityKit push notifications"). Its state
 * and attributes are the app's own JSON: looked at for its form, passed on as it is. */
#include "apns_int.h"

#include <surewire/json.h>

enum { STATE_DEPTH_MAX = 12 };

static int check_object(struct sw_bytes text, const char *name, bool needed, struct sw_diag *diag_out)
{
	json_t *value = NULL;
	struct sw_diag cause = {0};
	if (text.len == 0 && !needed) {
		return SW_OK;
	}
	int err = sw_json_parse(text, STATE_DEPTH_MAX, &value, &cause);
	bool good = !err && json_is_object(value);
	json_decref(value);
	return good ? SW_OK : sw_diag_set(diag_out, SW_EINVAL, "activity: expected %s to be a JSON object", name);
}

int sw_apns_activity_check(const struct sw_notification *n, struct sw_diag *diag_out)
{
	const struct sw_apple_activity *activity = &n->apple.activity;
	bool starts = activity->event == SW_APPLE_ACTIVITY_START;
	if (activity->event == SW_APPLE_ACTIVITY_NONE) {
		return sw_diag_set(diag_out, SW_EINVAL, "activity: expected start, update or end");
	}
	if (starts && (activity->attributes_type.len == 0 || n->kind != SW_PUSH_ALERT)) {
		return sw_diag_set(diag_out, SW_EINVAL, "activity: expected a start with an alert and attributes");
	}
	bool needs_state = activity->event != SW_APPLE_ACTIVITY_END;
	int err = check_object(activity->content_state, "its state", needs_state, diag_out);
	return err ? err : check_object(activity->attributes, "its attributes", starts, diag_out);
}

static void put_seconds(struct sw_buf *buf, const char *name, int64_t ms)
{
	sw_json_put_name(buf, name);
	sw_buf_printf(buf, "%lld", (long long)(ms / 1000));
}

static void put_object(struct sw_buf *buf, const char *name, struct sw_bytes object)
{
	if (object.len) {
		sw_json_put_name(buf, name);
		sw_buf_put_bytes(buf, object);
	}
}

/* Unlike elsewhere a localised text stands in the place of the written one, and the sound among the texts. */
static void put_text(struct sw_buf *buf, const char *name, const struct sw_push_loc *loc, struct sw_bytes text)
{
	if (loc->key.len) {
		sw_json_put_name(buf, name);
		sw_buf_put_char(buf, '{');
		sw_notification_put_loc(loc, "loc-key", "loc-args", buf);
		sw_buf_put_char(buf, '}');
	} else {
		sw_json_put_member(buf, name, text);
	}
}

void sw_apns_activity_put(const struct sw_apns_job *job, const struct sw_push_texts *texts, struct sw_buf *buf)
{
	static const char *const events[] = {"", "start", "update", "end"};
	const struct sw_notification *n = job->notification;
	const struct sw_apple_activity *activity = &n->apple.activity;
	put_seconds(buf, "timestamp", n->created_at_ms ? n->created_at_ms : job->now_ms);
	sw_json_put_member(buf, "event", sw_bytes_str(events[activity->event]));
	put_object(buf, "content-state", activity->content_state);
	if (activity->event == SW_APPLE_ACTIVITY_START) {
		sw_json_put_member(buf, "attributes-type", activity->attributes_type);
		put_object(buf, "attributes", activity->attributes);
	}
	if (activity->stale_at_ms > 0) {
		put_seconds(buf, "stale-date", activity->stale_at_ms);
	}
	if (activity->event == SW_APPLE_ACTIVITY_END && activity->dismiss_at_ms > 0) {
		put_seconds(buf, "dismissal-date", activity->dismiss_at_ms);
	}
	if (n->kind == SW_PUSH_ALERT) {
		sw_json_put_name(buf, "alert");
		sw_buf_put_char(buf, '{');
		put_text(buf, "title", &n->title_loc, texts->title);
		put_text(buf, "body", &n->body_loc, texts->body);
		sw_json_put_member(buf, "sound", n->sound.len ? n->sound : sw_bytes_str("default"));
		sw_buf_put_char(buf, '}');
	}
}
