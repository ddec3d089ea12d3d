/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of clients. Properties: a refusal has a text that can be sent back as JSON; what is taken keeps its limits;
 * a send that is written anew from its fields is the same send, with the same content hash. */
#include "fuzz.h"

#include "base/utf8.h"
#include "proto/client_codec.h"

#include <stdlib.h>
#include <string.h>

enum { BODY_BYTES_MAX = 2048, TEXT_BYTES_MAX = 1 << 20 };

static void put_member(struct sw_buf *out, const char *name, struct sw_bytes value)
{
	sw_buf_printf(out, "\"%s\":", name);
	sw_json_put_string(out, value);
}

static void write_send(const struct sw_send_frame *send, struct sw_buf *out)
{
	char cid[SW_UUID_TEXT_LEN + 1];
	sw_uuid_format(&send->cid, cid);
	sw_buf_printf(out, "{\"t\":\"send\",\"cid\":\"%s\",\"to\":{", cid);
	if (send->to_user.len) {
		put_member(out, "user", send->to_user);
	} else {
		sw_buf_put_str(out, "\"conv\":");
		sw_put_id(out, send->to_conv);
	}
	sw_buf_put_str(out, "},");
	put_member(out, "kind", send->kind);
	sw_buf_put_str(out, ",\"alert\":{");
	put_member(out, "title", send->title);
	sw_buf_put_char(out, ',');
	put_member(out, "body", send->preview);
	sw_buf_put_str(out, "},\"body\":");
	sw_buf_put_bytes(out, send->body);
	sw_buf_put_char(out, '}');
}

static void check_send_again(const struct sw_send_frame *send)
{
	struct sw_buf text;
	sw_buf_init(&text, TEXT_BYTES_MAX);
	write_send(send, &text);
	struct sw_client_frame again;
	struct sw_diag diag = {""};
	FUZZ_CHECK(text.err == SW_OK);
	FUZZ_CHECK(sw_client_frame_parse(sw_buf_bytes(&text), BODY_BYTES_MAX, &again, &diag) == SW_ERROR_NONE);
	FUZZ_CHECK(again.type == SW_FRAME_SEND && sw_bytes_equal(again.as.send.body, send->body));
	FUZZ_CHECK(sw_uuid_equal(&again.as.send.cid, &send->cid));
	FUZZ_CHECK(sw_uuid_equal(&again.as.send.content, &send->content));
	sw_client_frame_release(&again);
	sw_buf_release(&text);
}

static void check_send(const struct sw_send_frame *send)
{
	FUZZ_CHECK((send->to_user.len > 0) == (send->to_conv == 0) && send->to_conv >= 0);
	FUZZ_CHECK(send->kind.len >= 1 && send->kind.len <= SW_KIND_LEN_MAX);
	FUZZ_CHECK(!sw_bytes_equal_str(send->kind, "created"));
	FUZZ_CHECK(send->title.len <= SW_TITLE_BYTES_MAX && sw_utf8_valid(send->title));
	FUZZ_CHECK(send->preview.len <= SW_PREVIEW_BYTES_MAX && sw_utf8_valid(send->preview));
	FUZZ_CHECK(send->body.len > 2 && send->body.len <= BODY_BYTES_MAX && sw_utf8_valid(send->body));
	check_send_again(send);
}

static void check_frame(const struct sw_client_frame *frame)
{
	switch (frame->type) {
	case SW_FRAME_SEND:
		check_send(&frame->as.send);
		break;
	case SW_FRAME_HELLO:
		FUZZ_CHECK(frame->as.hello.token.len > 0 && frame->as.hello.device.len > 0);
		FUZZ_CHECK(frame->as.hello.cursor >= -1);
		break;
	case SW_FRAME_ALERT_ACK:
		FUZZ_CHECK(frame->as.alert_ack.alert >= 0);
		break;
	case SW_FRAME_ACK:
		FUZZ_CHECK(frame->as.ack.pos >= 0);
		break;
	case SW_FRAME_PRESENCE:
		break;
	}
}

static void check_refusal(enum sw_error_code error, const struct sw_client_frame *frame, const struct sw_diag *diag)
{
	FUZZ_CHECK(error != SW_ERROR_BAD_JSON || frame->cid.len == 0);
	FUZZ_CHECK(frame->cid.len <= SW_UUID_TEXT_LEN);
	FUZZ_CHECK(diag->text[0] && sw_utf8_valid(sw_bytes_str(diag->text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(sw_bytes(data, size));
	for (int of_http = 0; of_http <= 1; of_http++) {
		struct sw_client_frame frame;
		struct sw_diag diag = {""};
		struct sw_bytes text = sw_bytes(copy, size);
		enum sw_error_code error = of_http ? sw_client_send_parse(text, BODY_BYTES_MAX, &frame, &diag)
						   : sw_client_frame_parse(text, BODY_BYTES_MAX, &frame, &diag);
		if (error == SW_ERROR_NONE) {
			check_frame(&frame);
		} else {
			check_refusal(error, &frame, &diag);
		}
		sw_client_frame_release(&frame);
	}
	free(copy);
	return 0;
}
