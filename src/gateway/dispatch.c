/* SPDX-License-Identifier: Apache-2.0 */
/* From a text frame to the handler of its type. What is no JSON at all closes the connection, a faulty field is answered. */
#include "gateway/gateway_int.h"

static void on_frame(struct session *session, const struct sw_client_frame *frame)
{
	if (frame->type == SW_FRAME_HELLO) {
		if (session->state == SESSION_NEW) {
			on_hello(session, &frame->as.hello);
		} else {
			session_error(session, SW_ERROR_BAD_FRAME, frame->cid, "hello: expected once");
		}
		return;
	}
	if (session->state != SESSION_LIVE) {
		session_close(session, SW_CLOSE_UNAUTHORIZED, "expected a hello frame first");
		return;
	}
	switch (frame->type) {
	case SW_FRAME_SEND:
		on_send(session, &frame->as.send);
		break;
	case SW_FRAME_ACK:
		on_ack(session, frame->as.ack.pos);
		break;
	case SW_FRAME_PRESENCE:
		on_presence(session, frame->as.presence.active);
		break;
	case SW_FRAME_ALERT_ACK:
		on_alert_ack(session, frame->as.alert_ack.alert);
		break;
	case SW_FRAME_HELLO:
		break;
	}
}

void dispatch_frame(struct session *session, struct sw_bytes text)
{
	struct sw_client_frame frame;
	struct sw_diag diag = {0};
	enum sw_error_code error = sw_client_frame_parse(text, session->loop->gateway->config.body_bytes_max, &frame,
							 &diag);
	if (error == SW_ERROR_BAD_JSON) {
		session_close(session, SW_CLOSE_BAD_FRAME, diag.text);
	} else if (error && session->state == SESSION_NEW) {
		session_close(session, SW_CLOSE_BAD_FRAME, diag.text);
	} else if (error) {
		session_error(session, error, frame.cid, diag.text);
	} else {
		on_frame(session, &frame);
	}
	sw_client_frame_release(&frame);
}
