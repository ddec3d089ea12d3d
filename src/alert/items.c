/* SPDX-License-Identifier: Apache-2.0 */
/* What an alert becomes on the bus: messages into direct conversations, jobs for the pushers, a dead letter. */
#include "alert/alert_int.h"
#include "base/utf8.h"
#include "proto/client_codec.h"
#include "proto/job.h"

#include <inttypes.h>
#include <string.h>

enum { TEXT_MAX = 32 << 10 };

const char *const sw_alert_severities[SW_ALERT_SEVERITIES] = {"low", "normal", "high", "critical"};

const struct sw_plan_provider *sw_alert_provider(const struct sw_alert_config *config, struct sw_bytes name)
{
	for (size_t i = 0; i < config->provider_count; i++) {
		if (sw_bytes_equal_str(name, config->providers[i].name)) {
			return &config->providers[i];
		}
	}
	return NULL;
}

static struct sw_uuid derive(const char *purpose, const struct sw_alert_about *about,
			     const struct sw_alert_person *person, struct sw_bytes device)
{
	struct sw_buf key;
	sw_buf_init(&key, 64);
	sw_buf_put_u64(&key, (uint64_t)about->alert);
	sw_buf_put_u64(&key, (uint64_t)person->user);
	sw_buf_put_u64(&key, (uint64_t)person->place.round);
	sw_buf_put_u64(&key, (uint64_t)person->place.step);
	struct sw_uuid id = sw_uuid_derive(purpose, sw_buf_bytes(&key), device);
	sw_buf_release(&key);
	return id;
}

static struct sw_bytes keep(struct sw_buf *buf, struct sw_arena *arena)
{
	struct sw_bytes kept = sw_arena_copy(arena, sw_buf_bytes(buf));
	sw_buf_release(buf);
	return kept;
}

/* Nobody waits for the answer: node is 0. */
static struct sw_item message(const struct sw_alert_about *about, const struct sw_alert_person *person,
			      const char *kind, struct sw_bytes body)
{
	struct sw_item item = {.kind = SW_ITEM_SEND};
	item.as.send = (struct sw_item_send){.sender = about->sender,
					     .sender_name = about->sender_name,
					     .device = sw_bytes("", 0),
					     .cid = derive(kind, about, person, sw_bytes("", 0)),
					     .peer_lo = about->sender < person->user ? about->sender : person->user,
					     .peer_hi = about->sender < person->user ? person->user : about->sender,
					     .kind = sw_bytes_str(kind),
					     .at_ms = about->now_ms,
					     .title = sw_utf8_cut(about->title, SW_TITLE_BYTES_MAX),
					     .preview = sw_utf8_cut(about->body, SW_PREVIEW_BYTES_MAX),
					     .body = body};
	/* The cid says it all: a repeat of it is the same message. */
	item.as.send.content = item.as.send.cid;
	return item;
}

struct sw_item sw_alert_message(const struct sw_alert_about *about, const struct sw_alert_person *person,
				struct sw_arena *arena)
{
	struct sw_buf body;
	sw_buf_init(&body, TEXT_MAX);
	sw_buf_printf(&body, "{\"alert\":\"%" PRId64 "\"", about->alert);
	sw_json_put_member(&body, "severity", about->severity);
	sw_json_put_member(&body, "title", about->title);
	sw_json_put_member(&body, "text", about->body);
	sw_buf_printf(&body, ",\"needs_ack\":%s,\"round\":%d}", person->needs_ack ? "true" : "false",
		      person->place.round);
	return message(about, person, SW_ALERT_KIND, keep(&body, arena));
}

struct sw_item sw_alert_ended_message(const struct sw_alert_about *about, const struct sw_alert_person *person,
				      struct sw_bytes state, struct sw_bytes by, struct sw_arena *arena)
{
	struct sw_buf body;
	sw_buf_init(&body, TEXT_MAX);
	sw_buf_printf(&body, "{\"alert\":\"%" PRId64 "\"", about->alert);
	sw_json_put_member(&body, "state", state);
	if (by.len) {
		sw_json_put_member(&body, "by", by);
	}
	sw_buf_put_char(&body, '}');
	return message(about, person, SW_ALERT_ENDED_KIND, keep(&body, arena));
}

static bool may_sound(const struct sw_alert_config *config, struct sw_bytes app)
{
	bool may = false;
	for (size_t i = 0; i < config->critical_app_count; i++) {
		may |= sw_bytes_equal_str(app, config->critical_apps[i]);
	}
	return may;
}

/* Where a subject line is all that is seen at first, the severity is in it. */
static struct sw_bytes title_for(const struct sw_alert_about *about, const struct sw_plan_provider *provider,
				 struct sw_arena *arena)
{
	struct sw_bytes title = sw_utf8_cut(about->title, SW_TITLE_BYTES_MAX);
	if (!provider || !provider->fallback_only) {
		return title;
	}
	struct sw_buf text;
	sw_buf_init(&text, TEXT_MAX);
	sw_buf_printf(&text, "[%.*s] %.*s", SW_BYTES_FMT(about->severity), SW_BYTES_FMT(title));
	return keep(&text, arena);
}

struct sw_item sw_alert_job(const struct sw_alert_config *config, const struct sw_alert_about *about,
			    const struct sw_alert_person *person, const struct sw_alert_device *device,
			    struct sw_arena *arena)
{
	struct sw_buf content;
	sw_buf_init(&content, TEXT_MAX);
	sw_buf_put_char(&content, '{');
	sw_json_put_member(&content, "severity", about->severity);
	if (sw_bytes_equal_str(about->severity, "critical") && may_sound(config, device->app)) {
		sw_buf_put_str(&content, ",\"critical_sound\":true");
	}
	sw_buf_put_char(&content, '}');
	int64_t expires_at_ms = about->now_ms + config->age_max_ms;
	if (person->deadline_ms && person->deadline_ms < expires_at_ms) {
		expires_at_ms = person->deadline_ms;
	}
	struct sw_item item = {.kind = SW_ITEM_JOB};
	item.as.job = (struct sw_item_job){
		.job = derive("surewire.alert_job", about, person, device->device),
		.user = person->user,
		.user_name = person->name,
		.device = device->device,
		.provider = device->provider,
		.app = device->app,
		.token = device->token,
		.sandbox = device->sandbox,
		.registered_at_ms = device->registered_at_ms,
		.event = about->alert,
		.title = title_for(about, sw_alert_provider(config, device->provider), arena),
		.preview = sw_utf8_cut(about->body, SW_PREVIEW_BYTES_MAX),
		.badge = -1,
		.created_at_ms = about->now_ms,
		.expires_at_ms = expires_at_ms,
		.class = SW_JOB_ALERT,
		.content = keep(&content, arena),
		.reason = SW_JOB_REASON_ALERT_STEP,
		.planned_at_ms = about->now_ms};
	return item;
}

/* One for the alert, in the name of the first who should have acknowledged it. */
struct sw_item sw_alert_letter(const struct sw_alert_about *about, const struct sw_alert_person *person,
			       struct sw_arena *arena)
{
	const struct sw_bytes none = sw_bytes("", 0);
	struct sw_alert_person first = {.user = person->user, .name = person->name};
	struct sw_item job = {.kind = SW_ITEM_JOB};
	job.as.job = (struct sw_item_job){.job = derive("surewire.alert_dead", about, &first, none),
					  .user = person->user,
					  .user_name = person->name,
					  .device = none,
					  .provider = none,
					  .app = none,
					  .token = none,
					  .event = about->alert,
					  .title = sw_utf8_cut(about->title, SW_TITLE_BYTES_MAX),
					  .preview = sw_utf8_cut(about->body, SW_PREVIEW_BYTES_MAX),
					  .badge = -1,
					  .created_at_ms = about->now_ms,
					  .class = SW_JOB_ALERT,
					  .content = none};
	struct sw_buf bytes;
	sw_buf_init(&bytes, TEXT_MAX);
	sw_item_put(&bytes, &job);
	struct sw_item item = {.kind = SW_ITEM_DEAD};
	item.as.dead = (struct sw_item_dead){
		.reason = sw_bytes_str("alert not acknowledged"), .at_ms = about->now_ms, .job = keep(&bytes, arena)};
	return item;
}
