/* SPDX-License-Identifier: Apache-2.0 */
/* send: refused at once for what can be seen here, otherwise on its way to the conversation's writer. accepted follows
 * when the broker has confirmed it. */
#include "gateway/gateway_int.h"

#include "proto/preview.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <stdlib.h>

struct sw_item send_item(struct sw_gateway *gateway, const struct sw_send_frame *send, const struct origin *origin,
			 const struct people *people)
{
	int64_t sender = origin->user;
	int64_t to_user = people->to_user;
	struct sw_item item = {.kind = SW_ITEM_SEND};
	item.as.send = (struct sw_item_send){.sender = sender,
					     .sender_name = sw_bytes_str(origin->name),
					     .device = sw_bytes("", 0),
					     .node = gateway->config.node,
					     .session = origin->number,
					     .cid = send->cid,
					     .content = send->content,
					     .conv = send->to_conv,
					     .kind = send->kind,
					     .at_ms = sw_clock_wall_ms(),
					     .title = send->title.len ? send->title : sw_bytes_str(origin->name),
					     .preview = sw_preview_beside(send->preview, send->body),
					     .body = send->body,
					     .mentions = people->mentions};
	if (!send->to_conv) {
		item.as.send.peer_lo = sender < to_user ? sender : to_user;
		item.as.send.peer_hi = sender < to_user ? to_user : sender;
	}
	return item;
}

unsigned send_partition(const struct sw_item *item)
{
	return item->as.send.conv ? sw_partition_of_conversation(item->as.send.conv)
				  : sw_partition_of_pair(item->as.send.peer_lo, item->as.send.peer_hi);
}

static struct sw_bytes cid_text(const struct sw_uuid *cid, char text[SW_UUID_TEXT_LEN + 1])
{
	sw_uuid_format(cid, text);
	return sw_bytes(text, SW_UUID_TEXT_LEN);
}

static void publish(struct session *session, const struct sw_send_frame *send, const struct people *people)
{
	char text[SW_UUID_TEXT_LEN + 1];
	struct sw_gateway *gateway = session->loop->gateway;
	if (people->to_user == session->user) {
		session_error(session, SW_ERROR_TO_SELF, cid_text(&send->cid, text), NULL);
		return;
	}
	struct origin origin = {session->user, session->user_name, session->number};
	struct sw_item item = send_item(gateway, send, &origin, people);
	struct waiter waiter = {.kind = WAIT_SEND, .number = session->number, .cid = send->cid};
	if (lane_add(session->loop, SW_ROLE_SEQUENCER, send_partition(&item), &item, &waiter, false) != SW_OK) {
		session_error(session, SW_ERROR_UNAVAILABLE, cid_text(&send->cid, text), NULL);
		return;
	}
	unanswered_add(session, &send->cid);
}

/* A send whose recipient or mentions are being looked up: the frame is kept and parsed again when it is known. */
static void on_found(struct name_read *read)
{
	struct session *session = session_find(read->read.loop, read->read.number);
	struct held *held = read->ctx;
	if (session && session->state == SESSION_LIVE) {
		struct sw_client_frame frame;
		struct sw_diag diag = {0};
		char text[SW_UUID_TEXT_LEN + 1];
		session->resolving = false;
		if (sw_client_frame_parse(sw_bytes(held->text, held->len), SIZE_MAX, &frame, &diag) == SW_ERROR_NONE) {
			struct sw_bytes cid = cid_text(&frame.as.send.cid, text);
			struct people people;
			enum sw_error_code error = people_found(read, &frame.as.send, &people, &diag);
			if (error) {
				session_error(session, error, cid, diag.text);
			} else {
				publish(session, &frame.as.send, &people);
				people_release(&people);
			}
		}
		sw_client_frame_release(&frame);
		session_release_held(session);
	}
	free(held);
}

static struct held *keep_frame(const struct sw_send_frame *send)
{
	struct sw_buf text;
	char cid[SW_UUID_TEXT_LEN + 1];
	sw_uuid_format(&send->cid, cid);
	sw_buf_init(&text, SIZE_MAX);
	sw_buf_printf(&text, "{\"t\":\"send\",\"cid\":\"%s\",\"to\":{", cid);
	if (send->to_conv) {
		sw_buf_put_str(&text, "\"conv\":");
		sw_put_id(&text, send->to_conv);
	} else {
		sw_buf_put_str(&text, "\"user\":");
		sw_json_put_string(&text, send->to_user);
	}
	sw_buf_put_str(&text, "},\"mentions\":[");
	for (size_t i = 0; i < json_array_size(send->mentions); i++) {
		sw_buf_put_str(&text, i ? "," : "");
		sw_json_put_cstr(&text, json_string_value(json_array_get(send->mentions, i)));
	}
	sw_buf_put_str(&text, "],\"kind\":");
	sw_json_put_string(&text, send->kind);
	sw_buf_put_str(&text, ",\"alert\":{\"title\":");
	sw_json_put_string(&text, send->title);
	sw_buf_put_str(&text, ",\"body\":");
	sw_json_put_string(&text, send->preview);
	sw_buf_put_str(&text, "},\"body\":");
	sw_buf_put_bytes(&text, send->body);
	sw_buf_put_char(&text, '}');
	struct held *held = sw_xcalloc(1, sizeof(*held) + text.len);
	held->len = text.len;
	memcpy(held->text, text.ptr, text.len);
	sw_buf_release(&text);
	return held;
}

static void look_up(struct session *session, const struct sw_send_frame *send)
{
	struct name_read *read = people_look_up(session->loop, session->number, send);
	read->found = on_found;
	read->ctx = keep_frame(send);
	session->resolving = true;
	if (name_read_start(read) != SW_OK) {
		read->read.err = SW_EBUSY;
		on_found(read);
		name_read_free(read);
	}
}

void on_send(struct session *session, const struct sw_send_frame *send)
{
	struct sw_gateway *gateway = session->loop->gateway;
	char text[SW_UUID_TEXT_LEN + 1];
	struct sw_diag diag = {0};
	struct people people;
	enum sw_error_code error = people_check(gateway, send, &diag);
	if (session->unanswered_count >= gateway->config.window) {
		session_error(session, SW_ERROR_WINDOW_FULL, cid_text(&send->cid, text), NULL);
	} else if (!rate_take_user(gateway, session->user)) {
		sw_metric_add(gateway->metrics.limited, 1);
		session_error(session, SW_ERROR_RATE_LIMITED, cid_text(&send->cid, text), NULL);
	} else if (error) {
		session_error(session, error, cid_text(&send->cid, text), diag.text);
	} else if (people_find(session->loop, send, &people)) {
		publish(session, send, &people);
		people_release(&people);
	} else {
		look_up(session, send);
	}
}
