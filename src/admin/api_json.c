/* SPDX-License-Identifier: Apache-2.0 */
/* Members are written one after the other; whether a comma is due shows in the last byte written. */
#include "admin/api_json.h"

#include "base/utf8.h"
#include "proto/envelope.h"

#include <surewire/json.h>

#include <inttypes.h>

enum { CHARACTER_BYTES_MAX = 4 };

static void put_key(struct sw_buf *out, const char *key)
{
	if (out->len && out->ptr[out->len - 1] != '{') {
		sw_buf_put_char(out, ',');
	}
	sw_json_put_cstr(out, key);
	sw_buf_put_char(out, ':');
}

void sw_json_put_id(struct sw_buf *out, const char *key, int64_t value)
{
	put_key(out, key);
	sw_buf_printf(out, "\"%" PRId64 "\"", value);
}

void sw_json_put_int(struct sw_buf *out, const char *key, int64_t value)
{
	put_key(out, key);
	sw_buf_printf(out, "%" PRId64, value);
}

void sw_json_put_bool(struct sw_buf *out, const char *key, bool value)
{
	put_key(out, key);
	sw_buf_put_str(out, value ? "true" : "false");
}

void sw_json_put_text(struct sw_buf *out, const char *key, struct sw_bytes value)
{
	/* A text that was cut to fit may end inside a character. */
	for (int cut = 0; cut < CHARACTER_BYTES_MAX - 1 && value.len && !sw_utf8_valid(value); cut++) {
		value.len--;
	}
	put_key(out, key);
	sw_json_put_string(out, sw_utf8_valid(value) ? value : sw_bytes_str("(not UTF-8)"));
}

void sw_json_put_uuid(struct sw_buf *out, const char *key, const struct sw_uuid *value)
{
	char text[SW_UUID_TEXT_LEN + 1];
	sw_uuid_format(value, text);
	put_key(out, key);
	sw_json_put_cstr(out, text);
}

void sw_json_put_null(struct sw_buf *out, const char *key)
{
	put_key(out, key);
	sw_buf_put_str(out, "null");
}

void sw_json_put_raw(struct sw_buf *out, const char *key, struct sw_bytes value)
{
	put_key(out, key);
	sw_buf_put_bytes(out, value);
}

void sw_json_put_id_or_null(struct sw_buf *out, const char *key, int64_t value)
{
	if (value) {
		sw_json_put_id(out, key, value);
	} else {
		sw_json_put_null(out, key);
	}
}

void sw_json_put_int_or_null(struct sw_buf *out, const char *key, int64_t value)
{
	if (value) {
		sw_json_put_int(out, key, value);
	} else {
		sw_json_put_null(out, key);
	}
}

void sw_json_list_next(struct sw_json_list *list)
{
	if (list->open) {
		sw_buf_put_char(list->out, ',');
	}
	list->open = true;
}

static void put_dead_members(struct sw_buf *out, const struct sw_dead_row *row)
{
	sw_json_put_id(out, "id", row->id);
	sw_json_put_uuid(out, "job", &row->job);
	sw_json_put_id(out, "event", row->event);
	if (row->user_name.len) {
		sw_json_put_text(out, "user", row->user_name);
	} else {
		sw_json_put_null(out, "user");
	}
	sw_json_put_text(out, "device", row->device);
	sw_json_put_text(out, "provider", row->provider);
	sw_json_put_text(out, "app", row->app);
	sw_json_put_text(out, "reason", row->reason);
	sw_json_put_int(out, "status", row->status);
	sw_json_put_int(out, "at_ms", row->at_ms);
	sw_json_put_int(out, "replays", row->replays);
	if (row->replays > 0) {
		sw_json_put_int(out, "replayed_at_ms", row->replayed_at_ms);
		sw_json_put_uuid(out, "replay_job", &row->replay_job);
		sw_json_put_text(out, "replay_outcome", row->replay_outcome);
	}
}

void sw_json_put_dead(struct sw_buf *out, const struct sw_dead_row *row)
{
	sw_buf_put_char(out, '{');
	put_dead_members(out, row);
	sw_buf_put_char(out, '}');
}

static void put_notification(struct sw_buf *out, const struct sw_item_job *job)
{
	put_key(out, "notification");
	sw_buf_put_char(out, '{');
	sw_json_put_id(out, "conv", job->conv);
	sw_json_put_id(out, "seq", job->seq);
	sw_json_put_id(out, "pos", job->pos);
	sw_json_put_text(out, "title", job->title);
	sw_json_put_text(out, "preview", job->preview);
	sw_json_put_int(out, "badge", job->badge);
	sw_json_put_bool(out, "sandbox", job->sandbox != 0);
	sw_json_put_int(out, "attempt", job->attempt);
	sw_json_put_int(out, "created_at_ms", job->created_at_ms);
	sw_json_put_int(out, "expires_at_ms", job->expires_at_ms);
	sw_buf_put_char(out, '}');
}

void sw_json_put_dead_detail(struct sw_buf *out, const struct sw_dead_detail *detail)
{
	sw_buf_put_char(out, '{');
	put_dead_members(out, &detail->row);
	sw_json_put_int(out, "payload_bytes", (int64_t)detail->payload_bytes);
	sw_json_put_bool(out, "replayable", detail->job != NULL);
	if (detail->job) {
		put_notification(out, detail->job);
	} else {
		sw_json_put_null(out, "notification");
	}
	sw_json_put_raw(out, "attempts", detail->attempts);
	sw_json_put_raw(out, "replay_list", detail->replay_list);
	sw_json_put_id_or_null(out, "replay_of", detail->replay_of);
	sw_buf_put_char(out, '}');
}

void sw_json_put_message(struct sw_buf *out, const struct sw_message_row *row)
{
	sw_json_put_id(out, "event", row->id);
	sw_json_put_id(out, "conv", row->conv);
	sw_json_put_id(out, "seq", row->seq);
	sw_json_put_text(out, "from", row->sender);
	sw_json_put_text(out, "kind", row->kind);
	sw_json_put_int(out, "at_ms", row->at_ms);
}

void sw_json_deliveries_begin(struct sw_json_deliveries *d, struct sw_buf *out)
{
	*d = (struct sw_json_deliveries){.list = {.out = out}, .attempts = {.out = out}};
	put_key(out, "deliveries");
	sw_buf_put_char(out, '[');
}

static void begin_delivery(struct sw_json_deliveries *d, const struct sw_delivery_row *row)
{
	struct sw_buf *out = d->list.out;
	if (d->count++) {
		sw_buf_put_str(out, "]}");
	}
	sw_json_list_next(&d->list);
	sw_buf_put_char(out, '{');
	sw_json_put_uuid(out, "job", &row->job);
	sw_json_put_text(out, "user", row->user);
	sw_json_put_id(out, "pos", row->pos);
	sw_json_put_text(out, "device", row->device);
	sw_json_put_text(out, "provider", row->provider);
	sw_json_put_text(out, "state", row->state);
	sw_json_put_int(out, "attempt_count", row->attempts);
	sw_json_put_int(out, "last_status", row->last_status);
	sw_json_put_text(out, "last_reason", row->last_reason);
	sw_json_put_int(out, "created_at_ms", row->created_at_ms);
	sw_json_put_int(out, "updated_at_ms", row->updated_at_ms);
	sw_json_put_int_or_null(out, "planned_at_ms", row->planned_at_ms);
	sw_json_put_text(out, "planned_reason", row->planned_reason);
	sw_json_put_int_or_null(out, "next_at_ms", row->next_at_ms);
	put_key(out, "attempts");
	sw_buf_put_char(out, '[');
	d->job = row->job;
	d->attempts.open = false;
}

void sw_json_deliveries_add(struct sw_json_deliveries *d, const struct sw_delivery_row *row)
{
	if (d->count == 0 || !sw_uuid_equal(&d->job, &row->job)) {
		begin_delivery(d, row);
	}
	if (!row->has_attempt) {
		return;
	}
	struct sw_buf *out = d->list.out;
	sw_json_list_next(&d->attempts);
	sw_buf_put_char(out, '{');
	sw_json_put_int(out, "number", row->number);
	sw_json_put_int(out, "at_ms", row->at_ms);
	sw_json_put_int(out, "duration_ms", row->duration_ms);
	sw_json_put_text(out, "outcome", row->outcome);
	sw_json_put_int(out, "status", row->status);
	sw_json_put_text(out, "reason", row->reason);
	sw_buf_put_char(out, '}');
}

void sw_json_deliveries_end(struct sw_json_deliveries *d)
{
	sw_buf_put_str(d->list.out, d->count ? "]}]" : "]");
}

void sw_json_recipients_begin(struct sw_json_recipients *r, struct sw_buf *out)
{
	*r = (struct sw_json_recipients){.list = {.out = out}, .devices = {.out = out}};
	put_key(out, "recipients");
	sw_buf_put_char(out, '[');
}

static void begin_recipient(struct sw_json_recipients *r, const struct sw_recipient_row *row)
{
	struct sw_buf *out = r->list.out;
	if (r->count++) {
		sw_buf_put_str(out, "]}");
	}
	sw_json_list_next(&r->list);
	sw_buf_put_char(out, '{');
	sw_json_put_text(out, "user", row->user);
	sw_json_put_id_or_null(out, "pos", row->pos);
	sw_json_put_bool(out, "notify", row->notify);
	put_key(out, "devices");
	sw_buf_put_char(out, '[');
	r->user = row->user;
	r->devices.open = false;
}

void sw_json_recipients_add(struct sw_json_recipients *r, const struct sw_recipient_row *row)
{
	if (r->count == 0 || !sw_bytes_equal(r->user, row->user)) {
		begin_recipient(r, row);
	}
	if (!row->has_device) {
		return;
	}
	struct sw_buf *out = r->list.out;
	sw_json_list_next(&r->devices);
	sw_buf_put_char(out, '{');
	sw_json_put_text(out, "device", row->device);
	sw_json_put_text(out, "platform", row->platform);
	sw_json_put_text(out, "provider", row->provider);
	sw_json_put_id(out, "cursor", row->cursor);
	sw_json_put_bool(out, "acked", row->pos > 0 && row->cursor >= row->pos);
	sw_json_put_bool(out, "acked_active", row->pos > 0 && row->active_cursor >= row->pos);
	sw_json_put_int_or_null(out, "sent_at_ms", row->sent_at_ms);
	sw_json_put_int_or_null(out, "acked_at_ms", row->acked_at_ms);
	sw_json_put_int_or_null(out, "read_at_ms", row->read_at_ms);
	sw_buf_put_char(out, '}');
}

void sw_json_recipients_end(struct sw_json_recipients *r)
{
	sw_buf_put_str(r->list.out, r->count ? "]}]" : "]");
}
