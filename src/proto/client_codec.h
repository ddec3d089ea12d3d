/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of the client protocol (docs/protocol.md), both ways. Pure. Unknown fields are ignored. */
#ifndef SW_PROTO_CLIENT_CODEC_H
#define SW_PROTO_CLIENT_CODEC_H

#include "base/uuid.h"
#include "proto/codes.h"

#include <surewire/json.h>

enum { SW_FRAME_DEPTH_MAX = 32, SW_KIND_LEN_MAX = 32, SW_PREVIEW_BYTES_MAX = 512, SW_TITLE_BYTES_MAX = 128 };

enum sw_frame_type { SW_FRAME_HELLO, SW_FRAME_SEND, SW_FRAME_ACK, SW_FRAME_PRESENCE, SW_FRAME_ALERT_ACK };

struct sw_hello_frame {
	struct sw_bytes token;
	struct sw_bytes device;
	int64_t cursor; /* -1: none given, go on from what the device acked */
	bool active;
};

struct sw_send_frame {
	struct sw_uuid cid;
	struct sw_bytes to_user; /* empty: to_conv */
	int64_t to_conv;
	struct sw_bytes kind;
	struct sw_bytes body;    /* compact JSON object */
	struct sw_bytes title;   /* of a push; may be empty */
	struct sw_bytes preview; /* of a push; may be empty */
	const json_t *mentions;  /* array of names as strings; NULL: none */
	struct sw_uuid content;  /* hash of target, kind, alert, mentions and body */
};

/* Borrowed from what release frees. */
struct sw_client_frame {
	enum sw_frame_type type;
	union {
		struct sw_hello_frame hello;
		struct sw_send_frame send;
		struct {
			int64_t pos;
		} ack;
		struct {
			bool active;
		} presence;
		struct {
			int64_t alert;
		} alert_ack;
	} as;
	struct sw_bytes cid; /* as the client wrote it, for the answer to a faulty send; may be empty */
	json_t *root;
	char *body_text;
};

/* Kinds of messages that only this server sends: they begin with "surewire.". */
bool sw_kind_is_own(struct sw_bytes kind);

/* SW_ERROR_NONE, or the code to answer with and diag's text. release in every case. SW_ERROR_BAD_JSON: not a frame at
 * all, the connection should be closed. */
enum sw_error_code sw_client_frame_parse(struct sw_bytes text, size_t body_bytes_max, struct sw_client_frame *frame_out,
					 struct sw_diag *diag_out);
/* The same for the body of POST /v1/messages: a send without "t". */
enum sw_error_code sw_client_send_parse(struct sw_bytes text, size_t body_bytes_max, struct sw_client_frame *frame_out,
					struct sw_diag *diag_out);
void sw_client_frame_release(struct sw_client_frame *frame);

/* An event on its way to a client. */
struct sw_event_view {
	int64_t pos;
	int64_t conv;
	int64_t seq;
	int64_t id;
	struct sw_bytes kind;
	struct sw_bytes from;
	int64_t at_ms;
	struct sw_bytes body;
};

/* Appends {"pos":…}; the commas between are the caller's. */
void sw_put_event(struct sw_buf *out, const struct sw_event_view *event);
/* "2026-11-24T05:00:00.123Z" */
void sw_put_time(struct sw_buf *out, int64_t at_ms);
/* That form, UTC only, with or without a fraction of a second. Not before 1970. */
bool sw_get_time(struct sw_bytes text, int64_t *at_ms_out) SW_MUST_CHECK;
/* "12345", quoted: 64-bit numbers are strings in JSON. */
void sw_put_id(struct sw_buf *out, int64_t id);
/* ,"conv":"…","seq":"…","id":"…": where a message stands, as members behind others. */
void sw_put_place(struct sw_buf *out, int64_t conv, int64_t seq, int64_t id);

#endif
