/* SPDX-License-Identifier: Apache-2.0 */
/* Client frames: checked field by field, each with a text that says what was expected. */
#include "proto/client_codec.h"

#include "base/hash.h"
#include "base/utf8.h"

#include <surewire/clock.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of what is hashed beside the body; the frame itself is bounded. */
enum { SW_HASHED_BYTES_MAX = 8 << 20 };

static enum sw_error_code fail(enum sw_error_code code, struct sw_diag *diag, const char *field, const char *expected)
{
	sw_diag_set(diag, SW_EINVAL, "%s: expected %s", field, expected);
	return code;
}

/* Ids and positions travel as strings; numbers are taken too when they are exact. */
static bool get_number(const json_t *object, const char *key, int64_t *value_out)
{
	const json_t *value = json_object_get(object, key);
	if (json_is_integer(value)) {
		*value_out = json_integer_value(value);
		return *value_out >= 0;
	}
	uint64_t number;
	if (sw_bytes_to_u64(sw_json_get_str(object, key), &number) != SW_OK || number > INT64_MAX) {
		return false;
	}
	*value_out = (int64_t)number;
	return true;
}

static enum sw_error_code parse_hello(const json_t *root, struct sw_hello_frame *hello, struct sw_diag *diag)
{
	hello->token = sw_json_get_str(root, "token");
	hello->device = sw_json_get_str(root, "device");
	hello->active = !sw_bytes_equal_str(sw_json_get_str(root, "state"), "away");
	hello->cursor = -1;
	if (hello->token.len == 0) {
		return fail(SW_ERROR_BAD_FRAME, diag, "token", "a JWT as string");
	}
	if (hello->device.len == 0) {
		return fail(SW_ERROR_BAD_FRAME, diag, "device", "a device id as string");
	}
	if (json_object_get(root, "cursor") && !get_number(root, "cursor", &hello->cursor)) {
		return fail(SW_ERROR_BAD_FRAME, diag, "cursor", "a decimal number as string");
	}
	return SW_ERROR_NONE;
}

bool sw_kind_is_own(struct sw_bytes kind)
{
	static const char prefix[] = "surewire.";
	size_t len = sizeof(prefix) - 1;
	return kind.len >= len && memcmp(kind.ptr, prefix, len) == 0;
}

static bool valid_kind(struct sw_bytes kind)
{
	for (size_t i = 0; i < kind.len; i++) {
		uint8_t c = kind.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.')) {
			return false;
		}
	}
	/* Kinds of our own events cannot be forged. */
	return kind.len > 0 && kind.len <= SW_KIND_LEN_MAX && !sw_bytes_equal_str(kind, "created") &&
	       !sw_kind_is_own(kind);
}

static enum sw_error_code parse_target(const json_t *root, struct sw_send_frame *send, struct sw_diag *diag)
{
	const json_t *to = json_object_get(root, "to");
	send->to_user = sw_json_get_str(to, "user");
	bool has_conv = json_object_get(to, "conv") != NULL;
	if (!json_is_object(to) || (send->to_user.len > 0) == has_conv) {
		return fail(SW_ERROR_BAD_FRAME, diag, "to", "{\"user\":NAME} or {\"conv\":ID}");
	}
	if (has_conv && (!get_number(to, "conv", &send->to_conv) || send->to_conv == 0)) {
		return fail(SW_ERROR_BAD_FRAME, diag, "to.conv", "a conversation id as string");
	}
	return SW_ERROR_NONE;
}

/* The caller frees. Most bodies are a text and nothing else: written here in a fifth of jansson's time. */
static char *compact_body(const json_t *body)
{
	struct sw_bytes text = sw_json_get_str(body, "text");
	if (!text.ptr || json_object_size(body) != 1) {
		return json_dumps(body, JSON_COMPACT);
	}
	static const char head[] = "{\"text\":";
	struct sw_buf out;
	sw_buf_init(&out, SIZE_MAX);
	sw_buf_reserve(&out, sizeof(head) + text.len + sizeof("\"\"}"));
	sw_buf_put_str(&out, head);
	sw_json_put_string(&out, text);
	sw_buf_put_char(&out, '}');
	sw_buf_cstr(&out);
	return (char *)out.ptr;
}

static enum sw_error_code parse_body(const json_t *root, size_t body_bytes_max, struct sw_client_frame *frame,
				     struct sw_diag *diag)
{
	struct sw_send_frame *send = &frame->as.send;
	const json_t *body = json_object_get(root, "body");
	if (!json_is_object(body)) {
		return fail(body ? SW_ERROR_BAD_FRAME : SW_ERROR_EMPTY_BODY, diag, "body", "a JSON object");
	}
	bool is_text = sw_bytes_equal_str(send->kind, "text");
	struct sw_bytes text = sw_json_get_str(body, "text");
	if (json_object_size(body) == 0 || (is_text && text.len == 0)) {
		return fail(SW_ERROR_EMPTY_BODY, diag, "body", is_text ? "{\"text\":…} that is not empty" : "members");
	}
	frame->body_text = compact_body(body);
	if (!frame->body_text) {
		return fail(SW_ERROR_BAD_FRAME, diag, "body", "valid UTF-8");
	}
	send->body = sw_bytes_str(frame->body_text);
	if (send->body.len > body_bytes_max) {
		sw_diag_set(diag, SW_ELIMIT, "body: expected at most %zu bytes, got %zu", body_bytes_max,
			    send->body.len);
		return SW_ERROR_TOO_LARGE;
	}
	const json_t *alert = json_object_get(root, "alert");
	if (alert && !json_is_object(alert)) {
		return fail(SW_ERROR_BAD_FRAME, diag, "alert", "{\"title\":…,\"body\":…}");
	}
	struct sw_bytes alert_body = sw_json_get_str(alert, "body");
	send->title = sw_utf8_cut(sw_json_get_str(alert, "title"), SW_TITLE_BYTES_MAX);
	send->preview = sw_utf8_cut(alert_body.len ? alert_body : text, SW_PREVIEW_BYTES_MAX);
	return SW_ERROR_NONE;
}

static enum sw_error_code parse_mentions(const json_t *root, struct sw_send_frame *send, struct sw_diag *diag)
{
	const json_t *mentions = json_object_get(root, "mentions");
	bool good = !mentions || json_is_null(mentions) || json_is_array(mentions);
	for (size_t i = 0; good && i < json_array_size(mentions); i++) {
		good = json_is_string(json_array_get(mentions, i));
	}
	send->mentions = json_array_size(mentions) ? mentions : NULL;
	return good ? SW_ERROR_NONE : fail(SW_ERROR_BAD_FRAME, diag, "mentions", "an array of user names as strings");
}

static struct sw_uuid content_hash(const struct sw_send_frame *send)
{
	struct sw_buf target;
	sw_buf_init(&target, SW_HASHED_BYTES_MAX);
	/* With their lengths, so that no byte can move from one field to the next unseen. */
	const struct sw_bytes fields[] = {send->to_user, send->kind, send->title, send->preview};
	sw_buf_put_u64(&target, (uint64_t)send->to_conv);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		sw_buf_put_varint(&target, fields[i].len);
		sw_buf_put_bytes(&target, fields[i]);
	}
	for (size_t i = 0; i < json_array_size(send->mentions); i++) {
		const json_t *name = json_array_get(send->mentions, i);
		sw_buf_put_varint(&target, json_string_length(name));
		sw_buf_put_bytes(&target, sw_bytes(json_string_value(name), json_string_length(name)));
	}
	uint8_t digest[32];
	sw_hash_sha256(send->body, digest);
	struct sw_uuid hash = sw_uuid_derive("surewire.content", sw_buf_bytes(&target),
					     sw_bytes(digest, sizeof(digest)));
	sw_buf_release(&target);
	return hash;
}

static enum sw_error_code parse_send(struct sw_client_frame *frame, size_t body_bytes_max, struct sw_diag *diag)
{
	struct sw_send_frame *send = &frame->as.send;
	frame->type = SW_FRAME_SEND;
	frame->cid = sw_json_get_str(frame->root, "cid");
	if (frame->cid.len > SW_UUID_TEXT_LEN) {
		frame->cid.len = 0;
	}
	if (sw_uuid_parse(frame->cid, &send->cid) != SW_OK) {
		return fail(SW_ERROR_BAD_FRAME, diag, "cid", "a UUID, 36 characters");
	}
	send->kind = json_object_get(frame->root, "kind") ? sw_json_get_str(frame->root, "kind") : sw_bytes_str("text");
	if (!valid_kind(send->kind)) {
		return fail(SW_ERROR_BAD_FRAME, diag, "kind",
			    "1 to 32 of a-z 0-9 _ - ., not created and nothing that begins with surewire.");
	}
	enum sw_error_code error = parse_target(frame->root, send, diag);
	error = error ? error : parse_mentions(frame->root, send, diag);
	error = error ? error : parse_body(frame->root, body_bytes_max, frame, diag);
	if (!error) {
		send->content = content_hash(send);
	}
	return error;
}

static enum sw_error_code parse_root(struct sw_bytes text, struct sw_client_frame *frame_out, struct sw_diag *diag_out)
{
	*frame_out = (struct sw_client_frame){0};
	if (sw_json_parse(text, SW_FRAME_DEPTH_MAX, &frame_out->root, diag_out) != SW_OK) {
		return SW_ERROR_BAD_JSON;
	}
	if (!json_is_object(frame_out->root)) {
		return fail(SW_ERROR_BAD_JSON, diag_out, "frame", "one JSON object");
	}
	return SW_ERROR_NONE;
}

enum sw_error_code sw_client_send_parse(struct sw_bytes text, size_t body_bytes_max, struct sw_client_frame *frame_out,
					struct sw_diag *diag_out)
{
	enum sw_error_code error = parse_root(text, frame_out, diag_out);
	return error ? error : parse_send(frame_out, body_bytes_max, diag_out);
}

enum sw_error_code sw_client_frame_parse(struct sw_bytes text, size_t body_bytes_max, struct sw_client_frame *frame_out,
					 struct sw_diag *diag_out)
{
	enum sw_error_code error = parse_root(text, frame_out, diag_out);
	if (error) {
		return error;
	}
	struct sw_bytes type = sw_json_get_str(frame_out->root, "t");
	if (sw_bytes_equal_str(type, "send")) {
		return parse_send(frame_out, body_bytes_max, diag_out);
	}
	if (sw_bytes_equal_str(type, "ack")) {
		frame_out->type = SW_FRAME_ACK;
		return get_number(frame_out->root, "pos", &frame_out->as.ack.pos)
			     ? SW_ERROR_NONE
			     : fail(SW_ERROR_BAD_FRAME, diag_out, "pos", "a decimal number as string");
	}
	if (sw_bytes_equal_str(type, "hello")) {
		frame_out->type = SW_FRAME_HELLO;
		return parse_hello(frame_out->root, &frame_out->as.hello, diag_out);
	}
	if (sw_bytes_equal_str(type, "presence")) {
		frame_out->type = SW_FRAME_PRESENCE;
		struct sw_bytes state = sw_json_get_str(frame_out->root, "state");
		frame_out->as.presence.active = sw_bytes_equal_str(state, "active");
		return frame_out->as.presence.active || sw_bytes_equal_str(state, "away")
			     ? SW_ERROR_NONE
			     : fail(SW_ERROR_BAD_FRAME, diag_out, "state", "\"active\" or \"away\"");
	}
	if (sw_bytes_equal_str(type, "alert_ack")) {
		frame_out->type = SW_FRAME_ALERT_ACK;
		return get_number(frame_out->root, "alert", &frame_out->as.alert_ack.alert)
			     ? SW_ERROR_NONE
			     : fail(SW_ERROR_BAD_FRAME, diag_out, "alert", "a decimal number as string");
	}
	return fail(type.len ? SW_ERROR_UNKNOWN_TYPE : SW_ERROR_BAD_FRAME, diag_out, "t",
		    "hello, send, ack, presence or alert_ack");
}

void sw_client_frame_release(struct sw_client_frame *frame)
{
	json_decref(frame->root);
	free(frame->body_text);
	*frame = (struct sw_client_frame){0};
}

void sw_put_id(struct sw_buf *out, int64_t id)
{
	sw_buf_put_char(out, '"');
	sw_buf_put_decimal(out, id);
	sw_buf_put_char(out, '"');
}

void sw_put_time(struct sw_buf *out, int64_t at_ms)
{
	char text[SW_CLOCK_TEXT_MAX];
	sw_buf_put_char(out, '"');
	sw_buf_put_str(out, sw_clock_text(at_ms, text));
	sw_buf_put_char(out, '"');
}

bool sw_get_time(struct sw_bytes text, int64_t *at_ms_out)
{
	char copy[40];
	struct tm tm = {0};
	int64_t fraction_ms = 0;
	if (!text.ptr || text.len >= sizeof(copy)) {
		return false;
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	const char *rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest && *rest == '.') {
		int64_t unit_ms = 100;
		const char *digits = ++rest;
		for (; *rest >= '0' && *rest <= '9'; rest++, unit_ms /= 10) {
			fraction_ms += (*rest - '0') * unit_ms;
		}
		rest = rest == digits ? NULL : rest;
	}
	if (!rest || strcmp(rest, "Z") != 0) {
		return false;
	}
	int64_t seconds = timegm(&tm);
	*at_ms_out = seconds * 1000 + fraction_ms;
	return seconds >= 0;
}

void sw_put_place(struct sw_buf *out, int64_t conv, int64_t seq, int64_t id)
{
	sw_buf_put_str(out, ",\"conv\":");
	sw_put_id(out, conv);
	sw_buf_put_str(out, ",\"seq\":");
	sw_put_id(out, seq);
	sw_buf_put_str(out, ",\"id\":");
	sw_put_id(out, id);
}

void sw_put_event(struct sw_buf *out, const struct sw_event_view *event)
{
	sw_buf_put_str(out, "{\"pos\":");
	sw_put_id(out, event->pos);
	sw_put_place(out, event->conv, event->seq, event->id);
	sw_buf_put_str(out, ",\"kind\":");
	sw_json_put_string(out, event->kind);
	sw_buf_put_str(out, ",\"from\":");
	sw_json_put_string(out, event->from);
	sw_buf_put_str(out, ",\"at\":");
	sw_put_time(out, event->at_ms);
	sw_buf_put_str(out, ",\"body\":");
	sw_buf_put_bytes(out, event->body);
	sw_buf_put_char(out, '}');
}
