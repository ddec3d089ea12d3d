/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON body of a notification ("Generating a remote notification"): aps beside the app's own values. The texts are
 * cut, at a character boundary of their escaped form, so that the whole fits; nothing else is ever shortened. */
#include "apns_int.h"

#include <surewire/json.h>

#include <string.h>

static void put_optional(struct sw_buf *buf, const char *name, struct sw_bytes value)
{
	if (value.len) {
		sw_json_put_member(buf, name, value);
	}
}

/* 1 to 100 as a number from 0 to 1. */
static void put_percent(struct sw_buf *buf, unsigned percent)
{
	if (percent % 10 == 0) {
		sw_buf_printf(buf, "%u.%u", percent / 100, percent / 10 % 10);
	} else {
		sw_buf_printf(buf, "0.%02u", percent);
	}
}

static void put_sound(struct sw_buf *buf, const struct sw_notification *n)
{
	struct sw_bytes name = n->sound.len ? n->sound : sw_bytes_str("default");
	if (!n->apple.critical_sound) {
		sw_json_put_member(buf, "sound", name);
		return;
	}
	sw_json_put_name(buf, "sound");
	sw_buf_put_str(buf, "{\"critical\":1");
	sw_json_put_member(buf, "name", name);
	sw_buf_put_str(buf, ",\"volume\":");
	put_percent(buf, n->apple.critical_volume_percent ? n->apple.critical_volume_percent : 100);
	sw_buf_put_char(buf, '}');
}

static void put_texts(struct sw_buf *buf, const struct sw_notification *n, const struct sw_push_texts *texts)
{
	sw_json_put_name(buf, "alert");
	sw_buf_put_char(buf, '{');
	if (n->title.len && n->title_loc.key.len == 0) {
		sw_json_put_member(buf, "title", texts->title);
	}
	if (n->subtitle.len && n->subtitle_loc.key.len == 0) {
		sw_json_put_member(buf, "subtitle", texts->subtitle);
	}
	if (n->body.len && n->body_loc.key.len == 0) {
		sw_json_put_member(buf, "body", texts->body);
	}
	sw_notification_put_loc(&n->title_loc, "title-loc-key", "title-loc-args", buf);
	sw_notification_put_loc(&n->subtitle_loc, "subtitle-loc-key", "subtitle-loc-args", buf);
	sw_notification_put_loc(&n->body_loc, "loc-key", "loc-args", buf);
	sw_buf_put_char(buf, '}');
}

static void put_alert(struct sw_buf *buf, const struct sw_notification *n, const struct sw_push_texts *texts)
{
	put_texts(buf, n, texts);
	if (n->badge >= 0) {
		sw_buf_printf(buf, ",\"badge\":%lld", (long long)n->badge);
	}
	put_sound(buf, n);
	put_optional(buf, "thread-id", n->thread);
	if (!n->apple.final_text) {
		/* Lets a notification service extension of the app complete the text; without one it changes nothing. */
		sw_buf_put_str(buf, ",\"mutable-content\":1");
	}
	if (n->apple.wake_app) {
		sw_buf_put_str(buf, ",\"content-available\":1");
	}
	put_optional(buf, "category", n->category);
	put_optional(buf, "target-content-id", n->apple.target_content);
	put_optional(buf, "filter-criteria", n->apple.filter);
}

/* What alerts and Live Activities have alike: how much attention they ask for. */
static void put_attention(struct sw_buf *buf, const struct sw_notification *n)
{
	static const char *const levels[] = {"", "passive", "active", "time-sensitive", "critical"};
	if (n->interruption != SW_PUSH_INTERRUPTION_UNSET) {
		sw_json_put_member(buf, "interruption-level", sw_bytes_str(levels[n->interruption]));
	}
	if (n->relevance_percent) {
		sw_json_put_name(buf, "relevance-score");
		put_percent(buf, n->relevance_percent);
	}
}

static void put_aps(struct sw_buf *buf, const struct sw_apns_job *job, const struct sw_push_texts *texts)
{
	const struct sw_notification *n = job->notification;
	sw_json_put_name(buf, "aps");
	sw_buf_put_char(buf, '{');
	if (n->apple.type == SW_APPLE_LIVE_ACTIVITY) {
		sw_apns_activity_put(job, texts, buf);
		put_attention(buf, n);
	} else if (n->kind == SW_PUSH_ALERT) {
		put_alert(buf, n, texts);
		put_attention(buf, n);
	} else {
		sw_buf_put_str(buf, job->type->aps);
	}
	sw_buf_put_char(buf, '}');
}

struct rendering {
	const struct sw_apns_job *job;
	struct sw_buf *buf;
};

static size_t render(void *ctx, const struct sw_push_texts *texts)
{
	const struct rendering *r = ctx;
	const struct sw_notification *n = r->job->notification;
	sw_buf_clear(r->buf);
	sw_buf_put_char(r->buf, '{');
	if (r->job->type->aps) {
		put_aps(r->buf, r->job, texts);
	}
	for (size_t i = 0; i < n->data_count; i++) {
		sw_json_put_member(r->buf, n->data[i].name, n->data[i].value);
	}
	sw_buf_put_char(r->buf, '}');
	return r->buf->err ? SIZE_MAX : r->buf->len;
}

static int check_data(const struct sw_notification *n, struct sw_diag *diag_out)
{
	bool mdm = false;
	for (size_t i = 0; i < n->data_count; i++) {
		if (strcmp(n->data[i].name, "aps") == 0) {
			return sw_diag_set(diag_out, SW_EINVAL, "data: the name \"aps\" is reserved by Apple");
		}
		mdm = mdm || strcmp(n->data[i].name, "mdm") == 0;
	}
	if (n->apple.type == SW_APPLE_MDM && (!mdm || n->data_count != 1)) {
		return sw_diag_set(diag_out, SW_EINVAL, "push type mdm: expected \"mdm\", the push magic, as the data");
	}
	return SW_OK;
}

int sw_apns_payload(struct sw_buf *scratch, const struct sw_apns_job *job, struct sw_arena *arena,
		    struct sw_bytes *payload_out, struct sw_diag *diag_out)
{
	const struct sw_notification *n = job->notification;
	struct rendering rendering = {job, scratch};
	int err = sw_notification_check(n, diag_out);
	err = err ? err : check_data(n, diag_out);
	if (!err && n->apple.type == SW_APPLE_LIVE_ACTIVITY) {
		err = sw_apns_activity_check(n, diag_out);
	}
	if (err) {
		return err;
	}
	if (!sw_notification_fit(n, job->type->payload_bytes_max, render, &rendering, arena)) {
		return sw_diag_set(diag_out, SW_ELIMIT, "payload: more than %zu bytes even without texts",
				   job->type->payload_bytes_max);
	}
	*payload_out = sw_arena_copy(arena, sw_buf_bytes(scratch));
	return SW_OK;
}
