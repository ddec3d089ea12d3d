/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that a receiver gets (README.md). The text is cut, at a character boundary of its escaped form, so that all of
 * it keeps to the limit; nothing else is ever shortened. */
#include "webhook_int.h"

#include <surewire/clock.h>
#include <surewire/json.h>

#include <stdio.h>

static void put_optional(struct sw_buf *buf, const char *name, struct sw_bytes value)
{
	if (value.len) {
		sw_json_put_member(buf, name, value);
	}
}

/* Of the year 9999, the last that RFC 3339 has. */
#define LAST_MS INT64_C(253402300799999)

/* As the events of the chat protocol have it. */
static void put_time(struct sw_buf *buf, const char *name, int64_t at_ms)
{
	char text[SW_CLOCK_TEXT_MAX];
	if (at_ms > 0 && at_ms <= LAST_MS) {
		sw_json_put_member(buf, name, sw_bytes_str(sw_clock_text(at_ms, text)));
	}
}

static void put_whom(struct sw_buf *buf, const struct sw_provider *provider, const struct sw_push_target *target)
{
	put_optional(buf, "user", target->user);
	put_optional(buf, "device", target->device);
	put_optional(buf, "app", target->app);
	if (provider->own_system) {
		sw_json_put_member(buf, "token", target->token);
	}
}

static struct sw_bytes datum(const struct sw_notification *n, const char *name)
{
	for (size_t i = 0; i < n->data_count; i++) {
		if (sw_bytes_equal_str(sw_bytes_str(n->data[i].name), name)) {
			return n->data[i].value;
		}
	}
	return sw_bytes("", 0);
}

static void put_what(struct sw_buf *buf, const struct sw_notification *n, struct sw_bytes body)
{
	put_optional(buf, "title", n->title);
	if (n->body.len) {
		sw_json_put_member(buf, "body", body);
	}
	put_optional(buf, "conversation", n->thread);
	put_optional(buf, "message", datum(n, "message"));
	put_optional(buf, "collapse", n->collapse);
	put_optional(buf, "sound", n->sound);
	if (n->badge >= 0) {
		sw_buf_printf(buf, ",\"badge\":%lld", (long long)n->badge);
	}
	sw_buf_printf(buf, ",\"urgent\":%s", n->urgent ? "true" : "false");
	put_time(buf, "created_at", n->created_at_ms);
	put_time(buf, "expires_at", n->expires_at_ms);
	sw_json_put_name(buf, "data");
	sw_notification_put_data(n, buf);
}

static void put_payload(struct sw_provider *provider, const struct sw_webhook_message *message, struct sw_bytes body)
{
	struct sw_buf *buf = &provider->scratch;
	sw_buf_clear(buf);
	sw_buf_put_char(buf, '{');
	sw_json_put_member(buf, "id", message->id);
	sw_json_put_member(buf, "kind",
			   sw_bytes_str(message->notification->kind == SW_PUSH_SILENT ? "silent" : "alert"));
	put_whom(buf, provider, message->target);
	put_what(buf, message->notification, body);
	sw_buf_put_char(buf, '}');
}

static int check(const struct sw_push_target *target, const struct sw_notification *n, struct sw_diag *diag_out)
{
	int err = sw_notification_check(n, diag_out);
	if (!err && !(sw_json_is_text(n->thread) && sw_json_is_text(target->user) && sw_json_is_text(target->device) &&
		      sw_json_is_text(target->app))) {
		err = sw_diag_set(diag_out, SW_EINVAL, "thread, user, device and app: expected UTF-8");
	}
	return err;
}

int sw_webhook_payload(struct sw_provider *provider, const struct sw_webhook_message *message, struct sw_arena *arena,
		       struct sw_diag *diag_out)
{
	struct sw_buf *scratch = &provider->scratch;
	int err = check(message->target, message->notification, diag_out);
	if (err) {
		return err;
	}
	/* First without the text, to see how much room is left for it. */
	put_payload(provider, message, sw_bytes("", 0));
	if (scratch->err) {
		return sw_diag_set(diag_out, SW_ELIMIT, "payload: more than %d bytes even without the body",
				   SW_WEBHOOK_BODY_MAX);
	}
	put_payload(provider, message,
		    sw_json_cut(message->notification->body, SW_WEBHOOK_BODY_MAX - scratch->len, arena));
	if (scratch->err) {
		return sw_diag_set(diag_out, scratch->err, "payload: more than %d bytes", SW_WEBHOOK_BODY_MAX);
	}
	return SW_OK;
}
