/* SPDX-License-Identifier: Apache-2.0 */
/* PUT and DELETE /v1/devices/{device}, POST /v1/ack, POST /v1/alerts/{alert}/ack: items for the user's mailbox, answered when it has applied them. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>
#include <surewire/mem.h>
#include <surewire/provider_config.h>

#include <stdlib.h>
#include <string.h>

enum { APP_BYTES_MAX = 255, PLATFORM_BYTES_MAX = 32, ZONE_BYTES_MAX = 64, LOCALE_BYTES_MAX = 35 };

void api_on_applied(struct request *request, enum request_result result, const struct sw_item *item)
{
	switch (result) {
	case REQUEST_REPLY:
		if (item->as.reply.code.len) {
			enum sw_error_code code = sw_error_of_code(item->as.reply.code);
			api_fail(request->exchange, code ? code : SW_ERROR_UNAVAILABLE, NULL);
		} else {
			sw_http_respond(request->exchange, 204, NULL, NULL, sw_bytes("", 0));
		}
		break;
	case REQUEST_TIMEOUT:
	case REQUEST_GONE:
		if (request->accepted) {
			sw_http_respond(request->exchange, 202, NULL, NULL, sw_bytes("", 0));
			break;
		}
		api_fail(request->exchange, SW_ERROR_UNAVAILABLE, NULL);
		break;
	case REQUEST_REFUSED:
		api_fail(request->exchange, SW_ERROR_UNAVAILABLE, NULL);
		break;
	default:
		return;
	}
	request_free(request);
}

void api_to_mailbox(struct gw_loop *loop, struct request *request, int64_t user, const struct sw_item *item)
{
	struct waiter waiter = {.kind = WAIT_REQUEST, .number = request->number};
	if (lane_add(loop, SW_ROLE_MAILBOX, sw_partition_of_user(user), item, &waiter, false) != SW_OK) {
		api_on_applied(request, REQUEST_REFUSED, NULL);
	}
}

static bool device_of_path(struct sw_http_exchange *exchange, struct sw_bytes *device_out)
{
	static const char prefix[] = "/v1/devices/";
	struct sw_bytes path = sw_http_path(exchange);
	*device_out = sw_bytes(path.ptr + sizeof(prefix) - 1, path.len - (sizeof(prefix) - 1));
	if (!sw_device_name_valid(*device_out)) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "device: expected 1 to 64 of A-Z a-z 0-9 . _ : -");
		return false;
	}
	return true;
}

static const struct sw_gateway_provider *find_provider(const struct sw_gateway *gateway, struct sw_bytes name)
{
	for (size_t i = 0; i < gateway->config.provider_count; i++) {
		if (sw_bytes_equal_str(name, gateway->config.providers[i].name)) {
			return &gateway->config.providers[i];
		}
	}
	return NULL;
}

/* Area/Place or UTC. PostgreSQL would also take a rule as POSIX writes it, and for those a digit is needed: only the
 * Etc/GMT zones have one. */
static bool is_zone(struct sw_bytes zone)
{
	static const char fixed[] = "Etc/GMT";
	bool slash = false;
	bool digits = zone.len > sizeof(fixed) - 1 && memcmp(zone.ptr, fixed, sizeof(fixed) - 1) == 0;
	for (size_t i = 0; i < zone.len; i++) {
		uint8_t c = zone.ptr[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		slash |= c == '/';
		if (!letter && (i == 0 || (c != '/' && c != '_' && c != '-' && c != '+')) &&
		    !(digits && c >= '0' && c <= '9')) {
			return false;
		}
	}
	return zone.len <= ZONE_BYTES_MAX && (slash || sw_bytes_equal_str(zone, "UTC"));
}

static bool is_locale(struct sw_bytes locale)
{
	for (size_t i = 0; i < locale.len; i++) {
		uint8_t c = locale.ptr[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		if (!letter && (i == 0 || (c != '-' && !(c >= '0' && c <= '9')))) {
			return false;
		}
	}
	return locale.len <= LOCALE_BYTES_MAX;
}

/* "HH:MM" to a minute of the day. */
static bool parse_minute(struct sw_bytes text, int64_t *minute_out)
{
	static const char form[] = "00:00";
	if (text.len != sizeof(form) - 1) {
		return false;
	}
	for (size_t i = 0; i < text.len; i++) {
		bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
		if (form[i] == ':' ? text.ptr[i] != ':' : !digit) {
			return false;
		}
	}
	int hour = (text.ptr[0] - '0') * 10 + text.ptr[1] - '0';
	int minute = (text.ptr[3] - '0') * 10 + text.ptr[4] - '0';
	*minute_out = hour * 60 + minute;
	return hour < 24 && minute < 60;
}

/* Where the device is, and when it is not to be disturbed there. */
static void parse_place(const json_t *root, struct sw_item_device_set *set, struct sw_diag *diag)
{
	const json_t *quiet = json_object_get(root, "quiet_hours");
	set->time_zone = sw_json_get_str(root, "time_zone");
	set->locale = sw_json_get_str(root, "locale");
	bool wants_quiet = quiet && !json_is_null(quiet);
	if (set->time_zone.len && !is_zone(set->time_zone)) {
		sw_diag_set(diag, SW_EINVAL, "time_zone: expected an IANA name like Europe/Berlin, or UTC");
	} else if (!is_locale(set->locale)) {
		sw_diag_set(diag, SW_EINVAL, "locale: expected a language tag like de-CH, at most %d bytes",
			    LOCALE_BYTES_MAX);
	} else if (wants_quiet && !set->time_zone.len) {
		sw_diag_set(diag, SW_EINVAL, "time_zone: expected with quiet_hours");
	} else if (wants_quiet && (!parse_minute(sw_json_get_str(quiet, "from"), &set->quiet_from) ||
				   !parse_minute(sw_json_get_str(quiet, "until"), &set->quiet_until) ||
				   set->quiet_from == set->quiet_until)) {
		sw_diag_set(diag, SW_EINVAL,
			    "quiet_hours: expected {\"from\":\"22:00\",\"until\":\"07:00\"}, two different times");
	}
}

static enum sw_error_code parse_device(const struct sw_gateway *gateway, const json_t *root,
				       struct sw_item_device_set *set, struct sw_diag *diag)
{
	set->platform = sw_json_get_str(root, "platform");
	set->provider = sw_json_get_str(root, "provider");
	set->app = sw_json_get_str(root, "app");
	set->token = sw_json_get_str(root, "token");
	set->sandbox = json_is_true(json_object_get(root, "sandbox"));
	const struct sw_gateway_provider *provider = find_provider(gateway, set->provider);
	if (!provider) {
		sw_diag_set(diag, SW_EINVAL, "provider: expected one that this server is configured for");
	} else if (set->app.len > APP_BYTES_MAX || set->platform.len > PLATFORM_BYTES_MAX) {
		sw_diag_set(diag, SW_ELIMIT, "app, platform: expected at most %d and %d bytes", APP_BYTES_MAX,
			    PLATFORM_BYTES_MAX);
	} else {
		(void)!sw_provider_check_address(provider->ops, provider->config, set->token, set->app, diag);
	}
	if (!diag->text[0]) {
		parse_place(root, set, diag);
	}
	return diag->text[0] ? SW_ERROR_BAD_FRAME : SW_ERROR_NONE;
}

/* ---- a time zone is looked up before the device is set ---- */

struct zone_read {
	struct gw_read read; /* first */
	json_t *root;        /* the item borrows from it, and from the exchange */
	struct sw_item item;
	char zone[ZONE_BYTES_MAX + 1];
	bool known;
};

/* Pool thread. */
static void on_run(struct sw_pg_job *job, struct sw_pg *pg)
{
	struct zone_read *read = (struct zone_read *)job;
	struct sw_arena arena;
	struct sw_pg_params params;
	struct sw_diag diag = {0};
	sw_arena_init(&arena);
	sw_pg_params_init(&params, &arena);
	sw_pg_add_text(&params, sw_bytes_str(read->zone));
	sw_pg_begin(pg);
	sw_pg_queue(pg, SW_SQL_GATEWAY_TIME_ZONE_KNOWN, &params);
	read->read.err = sw_pg_run(pg, job->deadline_mono_ms, &diag);
	read->known = read->read.err == SW_OK && sw_pg_bool(sw_pg_result(pg, 0), 0, 0);
	sw_arena_release(&arena);
}

static void on_zone(struct gw_read *gw_read)
{
	struct zone_read *read = (struct zone_read *)gw_read;
	struct request *request = request_find(gw_read->loop, gw_read->number);
	if (request && gw_read->err) {
		api_fail(request->exchange, SW_ERROR_UNAVAILABLE, "the store is away, try again");
		request_free(request);
	} else if (request && !read->known) {
		api_fail(request->exchange, SW_ERROR_BAD_FRAME,
			 "time_zone: expected one of the IANA database, like Europe/Berlin");
		request_free(request);
	} else if (request) {
		api_to_mailbox(gw_read->loop, request, read->item.as.device_set.user, &read->item);
	}
	json_decref(read->root);
	free(read);
}

static void look_up_zone(struct gw_loop *loop, struct request *request, const struct sw_item *item, json_t *root)
{
	struct zone_read *read = sw_xcalloc(1, sizeof(*read));
	read->read.loop = loop;
	read->read.number = request->number;
	read->read.job.run = on_run;
	read->read.done = on_zone;
	read->item = *item;
	read->root = json_incref(root);
	snprintf(read->zone, sizeof(read->zone), "%.*s", SW_BYTES_FMT(item->as.device_set.time_zone));
	if (read_start(loop, &read->read) != SW_OK) {
		read->read.err = SW_EBUSY;
		on_zone(&read->read);
	}
}

void api_device_set(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	(void)name;
	struct sw_item item = {.kind = SW_ITEM_DEVICE_SET};
	struct sw_item_device_set *set = &item.as.device_set;
	struct sw_diag diag = {0};
	json_t *root = NULL;
	if (!device_of_path(exchange, &set->device)) {
		return;
	}
	if (sw_json_parse(sw_http_body(exchange), SW_FRAME_DEPTH_MAX, &root, &diag) != SW_OK || !json_is_object(root)) {
		api_fail(exchange, SW_ERROR_BAD_JSON, diag.text);
	} else if (parse_device(loop->gateway, root, set, &diag) != SW_ERROR_NONE) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, diag.text);
	} else {
		struct request *request = request_new(loop, exchange, api_on_applied, ANSWER_WAIT_MS);
		set->user = user;
		set->at_ms = sw_clock_wall_ms();
		set->node = loop->gateway->config.node;
		set->request = request->number;
		if (set->time_zone.len) {
			look_up_zone(loop, request, &item, root);
		} else {
			api_to_mailbox(loop, request, user, &item);
		}
	}
	json_decref(root);
}

void api_device_drop(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	(void)name;
	struct sw_item item = {.kind = SW_ITEM_DEVICE_DROP};
	if (!device_of_path(exchange, &item.as.device_drop.device)) {
		return;
	}
	struct request *request = request_new(loop, exchange, api_on_applied, ANSWER_WAIT_MS);
	item.as.device_drop.user = user;
	item.as.device_drop.node = loop->gateway->config.node;
	item.as.device_drop.request = request->number;
	api_to_mailbox(loop, request, user, &item);
}

void api_alert_ack(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	(void)name;
	static const char prefix[] = "/v1/alerts/";
	static const char suffix[] = "/ack";
	size_t around = sizeof(prefix) - 1 + sizeof(suffix) - 1;
	struct sw_bytes path = sw_http_path(exchange);
	uint64_t alert = 0;
	if (sw_bytes_to_u64(sw_bytes(path.ptr + sizeof(prefix) - 1, path.len - around), &alert) != SW_OK ||
	    alert > INT64_MAX) {
		api_fail(exchange, SW_ERROR_NOT_FOUND, "expected /v1/alerts/ID/ack with the alert's id");
		return;
	}
	struct request *request = request_new(loop, exchange, api_on_applied, ANSWER_WAIT_MS);
	struct sw_item item = alert_ack_item(loop->gateway, user, (int64_t)alert, request->number);
	api_to_mailbox(loop, request, user, &item);
}

void api_ack(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	(void)name;
	struct sw_diag diag = {0};
	json_t *root = NULL;
	uint64_t pos = 0;
	if (sw_json_parse(sw_http_body(exchange), SW_FRAME_DEPTH_MAX, &root, &diag) != SW_OK || !json_is_object(root)) {
		api_fail(exchange, SW_ERROR_BAD_JSON, diag.text);
	} else if (!sw_device_name_valid(sw_json_get_str(root, "device"))) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "device: expected 1 to 64 of A-Z a-z 0-9 . _ : -");
	} else if (sw_bytes_to_u64(sw_json_get_str(root, "pos"), &pos) != SW_OK || pos > INT64_MAX) {
		api_fail(exchange, SW_ERROR_BAD_FRAME, "pos: expected a decimal number as string");
	} else if (publish_read(loop, user, json_string_value(json_object_get(root, "device")), (int64_t)pos) !=
		   SW_OK) {
		api_fail(exchange, SW_ERROR_UNAVAILABLE, NULL);
	} else {
		sw_http_respond(exchange, 202, NULL, NULL, sw_bytes("", 0));
	}
	json_decref(root);
}
