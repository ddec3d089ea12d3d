/* SPDX-License-Identifier: Apache-2.0 */
/* PUT and DELETE /v1/devices/{device}, POST /v1/ack, POST /v1/alerts/{alert}/ack: items for the user's mailbox, answered when it has applied them. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>

#include <string.h>

enum { APP_BYTES_MAX = 255, PLATFORM_BYTES_MAX = 32 };

static void on_result(struct request *request, enum request_result result, const struct sw_item *item)
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

static void publish(struct gw_loop *loop, struct request *request, int64_t user, const struct sw_item *item)
{
	struct waiter waiter = {.kind = WAIT_REQUEST, .number = request->number};
	if (lane_add(loop, SW_ROLE_MAILBOX, sw_partition_of_user(user), item, &waiter, false) != SW_OK) {
		on_result(request, REQUEST_REFUSED, NULL);
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
	} else if (provider->check_token_for) {
		(void)!provider->check_token_for(provider->config, set->token, diag);
	} else {
		(void)!provider->check_token(set->token, diag);
	}
	return diag->text[0] ? SW_ERROR_BAD_FRAME : SW_ERROR_NONE;
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
		struct request *request = request_new(loop, exchange, on_result, ANSWER_WAIT_MS);
		set->user = user;
		set->at_ms = sw_clock_wall_ms();
		set->node = loop->gateway->config.node;
		set->request = request->number;
		publish(loop, request, user, &item);
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
	struct request *request = request_new(loop, exchange, on_result, ANSWER_WAIT_MS);
	item.as.device_drop.user = user;
	item.as.device_drop.node = loop->gateway->config.node;
	item.as.device_drop.request = request->number;
	publish(loop, request, user, &item);
}

void api_alert_ack(struct gw_loop *loop, struct sw_http_exchange *exchange, const char *name, int64_t user)
{
	(void)name;
	static const char prefix[] = "/v1/alerts/";
	static const char suffix[] = "/ack";
	size_t around = sizeof(prefix) - 1 + sizeof(suffix) - 1;
	struct sw_bytes path = sw_http_path(exchange);
	uint64_t alert = 0;
	if (path.len <= around || memcmp(path.ptr + path.len - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) != 0 ||
	    sw_bytes_to_u64(sw_bytes(path.ptr + sizeof(prefix) - 1, path.len - around), &alert) != SW_OK ||
	    alert > INT64_MAX) {
		api_fail(exchange, SW_ERROR_NOT_FOUND, "expected /v1/alerts/ID/ack with the alert's id");
		return;
	}
	struct request *request = request_new(loop, exchange, on_result, ANSWER_WAIT_MS);
	struct sw_item item = alert_ack_item(loop->gateway, user, (int64_t)alert, request->number);
	publish(loop, request, user, &item);
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
	} else if (publish_ack(loop, user, json_string_value(json_object_get(root, "device")), (int64_t)pos, true) !=
		   SW_OK) {
		api_fail(exchange, SW_ERROR_UNAVAILABLE, NULL);
	} else {
		sw_http_respond(exchange, 202, NULL, NULL, sw_bytes("", 0));
	}
	json_decref(root);
}
