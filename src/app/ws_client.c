/* SPDX-License-Identifier: Apache-2.0 */
/* Opening handshake, frames, closing handshake (RFC 6455), over a blocking transport. */
#include "app/ws_client.h"

#include "app/ws_transport.h"
#include "base/rng.h"
#include "net/handshake.h"
#include "net/ws_codec.h"

#include <surewire/clock.h>
#include <surewire/mem.h>

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_BYTES = 16384, FRAME_BYTES_MAX = 64 << 20, CLOSE_WAIT_MS = 1000, PONG_WAIT_MS = 5000 };

struct sw_ws_client {
	struct sw_transport *transport;
	struct sw_ws_parser parser;
	struct sw_ws_input in; /* within input */
	int64_t heard_ms;
	unsigned close_code; /* 0: open */
	char close_reason[SW_WS_REASON_BYTES_MAX + 1];
	uint8_t input[INPUT_BYTES];
};

/* ---- URL ---- */

struct target {
	char *host; /* as in the URL: IPv6 in brackets */
	char *port;
	char *path; /* with the query */
	bool tls;
};

static void target_release(struct target *target)
{
	free(target->host);
	free(target->port);
	free(target->path);
}

/* A part of the URL as a string of our own, or NULL. */
static char *take_part(CURLU *url, CURLUPart what)
{
	char *part = NULL;
	char *copy = curl_url_get(url, what, &part, 0) == CURLUE_OK ? sw_xstrdup(part) : NULL;
	curl_free(part);
	return copy;
}

static int parse_url(const char *text, struct target *target_out, struct sw_diag *diag_out)
{
	*target_out = (struct target){0};
	CURLU *url = curl_url();
	bool ok = url && curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
	char *scheme = ok ? take_part(url, CURLUPART_SCHEME) : NULL;
	target_out->host = ok ? take_part(url, CURLUPART_HOST) : NULL;
	target_out->tls = scheme && strcmp(scheme, "wss") == 0;
	ok = scheme && target_out->host && target_out->host[0] && (target_out->tls || strcmp(scheme, "ws") == 0);
	if (ok) {
		char *port = take_part(url, CURLUPART_PORT);
		char *path = take_part(url, CURLUPART_PATH);
		char *query = take_part(url, CURLUPART_QUERY);
		target_out->port = port ? port : sw_xstrdup(target_out->tls ? "443" : "80");
		target_out->path = sw_xasprintf("%s%s%s", path ? path : "/", query ? "?" : "", query ? query : "");
		free(path);
		free(query);
	}
	free(scheme);
	curl_url_cleanup(url);
	if (!ok) {
		target_release(target_out);
		return sw_diag_set(diag_out, SW_EINVAL,
				   "expected a URL like ws://HOST:PORT/v1/ws or wss://…, got '%.128s'", text);
	}
	return SW_OK;
}

static int open_transport(const struct target *target, const char *ca_file, int64_t deadline_ms,
			  struct sw_transport **transport_out, struct sw_diag *diag_out)
{
	bool brackets = target->host[0] == '[';
	char *host = brackets ? sw_xstrndup(target->host + 1, strlen(target->host) - 2) : sw_xstrdup(target->host);
	const struct sw_transport_target to = {
		.host = host, .port = target->port, .tls = target->tls, .ca_file = ca_file};
	int err = sw_transport_open(&to, deadline_ms, transport_out, diag_out);
	free(host);
	return err;
}

/* ---- opening handshake ---- */

static int send_request(struct sw_ws_client *client, const struct target *target, const char *key,
			const char *subprotocol, int64_t deadline_ms)
{
	struct sw_buf request;
	sw_buf_init(&request, SW_HTTP1_HEAD_BYTES_MAX);
	char *host = sw_xasprintf("%s:%s", target->host, target->port);
	sw_handshake_put_request(&request, host, target->path, key, subprotocol);
	int err = request.err ? request.err
			      : sw_transport_write(client->transport, sw_buf_bytes(&request), deadline_ms);
	free(host);
	sw_buf_release(&request);
	return err;
}

/* Reads the answer's head into the input; what follows it are frames already. */
static int read_answer(struct sw_ws_client *client, int64_t deadline_ms, struct sw_http1_head *head_out,
		       struct sw_diag *diag_out)
{
	size_t have = 0;
	size_t scanned = 0;
	size_t head_len = 0;
	struct sw_http1_error refused = {0};
	int err = SW_EAGAIN;
	while (err == SW_EAGAIN && have < sizeof(client->input)) {
		size_t got = 0;
		int read = sw_transport_read(client->transport, client->input + have, sizeof(client->input) - have,
					     deadline_ms, &got);
		if (read) {
			return sw_diag_set(diag_out, read == SW_EAGAIN ? SW_ETIMEOUT : read,
					   read == SW_EAGAIN ? "no answer to the WebSocket handshake"
							     : "the connection ended during the WebSocket handshake");
		}
		have += got;
		err = sw_http1_parse_response(sw_bytes(client->input, have), &scanned, head_out, &head_len, &refused);
	}
	if (err) {
		return sw_diag_set(diag_out, SW_EPROTO, "the answer is not HTTP/1.1: %s",
				   refused.detail ? refused.detail : "its head is too long");
	}
	client->in = (struct sw_ws_input){client->input + head_len, have - head_len};
	return SW_OK;
}

static int handshake(struct sw_ws_client *client, const struct target *target, const char *subprotocol,
		     int64_t deadline_ms, struct sw_diag *diag_out)
{
	char key[SW_HANDSHAKE_KEY_LEN + 1];
	struct sw_http1_head head;
	sw_handshake_new_key(key);
	int err = send_request(client, target, key, subprotocol, deadline_ms);
	if (err) {
		return sw_diag_set(diag_out, err, "the connection ended before the WebSocket handshake");
	}
	err = read_answer(client, deadline_ms, &head, diag_out);
	if (!err && (head.status == 429 || head.status >= 500)) {
		err = sw_diag_set(diag_out, SW_EUNAVAILABLE, "the server cannot take the connection now: HTTP %d %s",
				  head.status, sw_http1_reason(head.status));
	}
	return err ? err : sw_handshake_check_answer(&head, key, subprotocol, diag_out);
}

int sw_ws_client_open(const struct sw_ws_client_options *options, int64_t deadline_ms, struct sw_ws_client **client_out,
		      struct sw_diag *diag_out)
{
	struct target target;
	int err = parse_url(options->url, &target, diag_out);
	if (err) {
		return err;
	}
	struct sw_ws_client *client = sw_xcalloc(1, sizeof(*client));
	sw_ws_parser_init(&client->parser, SW_WS_CLIENT, options->message_bytes_max, true);
	err = open_transport(&target, options->ca_file, deadline_ms, &client->transport, diag_out);
	err = err ? err : handshake(client, &target, options->subprotocol, deadline_ms, diag_out);
	client->heard_ms = sw_clock_mono_ms();
	target_release(&target);
	if (err) {
		client->close_code = SW_WS_CODE_ABNORMAL;
		sw_ws_client_close(client);
		return err;
	}
	*client_out = client;
	return SW_OK;
}

/* ---- frames ---- */

static int send_frame(struct sw_ws_client *client, enum sw_ws_opcode opcode, struct sw_bytes payload,
		      int64_t deadline_ms)
{
	uint8_t key[4];
	struct sw_buf frame;
	sw_rng_bytes(key, sizeof(key));
	sw_buf_init(&frame, FRAME_BYTES_MAX);
	sw_ws_put_client_frame(&frame, opcode, payload, key);
	int err = frame.err ? frame.err : sw_transport_write(client->transport, sw_buf_bytes(&frame), deadline_ms);
	sw_buf_release(&frame);
	return err;
}

int sw_ws_client_send(struct sw_ws_client *client, struct sw_bytes text, int64_t deadline_ms)
{
	return send_frame(client, SW_WS_TEXT, text, deadline_ms);
}

int sw_ws_client_ping(struct sw_ws_client *client, int64_t deadline_ms)
{
	return send_frame(client, SW_WS_PING, sw_bytes("", 0), deadline_ms);
}

static int send_close(struct sw_ws_client *client, unsigned code, int64_t deadline_ms)
{
	const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
	return send_frame(client, SW_WS_CLOSE, sw_bytes(payload, code == SW_WS_CODE_NONE ? 0 : 2), deadline_ms);
}

static int ended(struct sw_ws_client *client, unsigned code, struct sw_bytes reason)
{
	client->close_code = code;
	size_t len = reason.len < SW_WS_REASON_BYTES_MAX ? reason.len : SW_WS_REASON_BYTES_MAX;
	if (len) {
		memcpy(client->close_reason, reason.ptr, len);
	}
	client->close_reason[len] = '\0';
	return SW_ECLOSED;
}

/* SW_EAGAIN: go on receiving. */
static int on_event(struct sw_ws_client *client, const struct sw_ws_event *event, struct sw_bytes *text_out)
{
	switch (event->opcode) {
	case SW_WS_TEXT:
		*text_out = event->payload;
		return SW_OK;
	case SW_WS_PING: {
		int err = send_frame(client, SW_WS_PONG, event->payload, sw_clock_mono_ms() + PONG_WAIT_MS);
		return err ? ended(client, SW_WS_CODE_ABNORMAL, sw_bytes("", 0)) : SW_EAGAIN;
	}
	case SW_WS_CLOSE:
		(void)!send_close(client, event->close_code, sw_clock_mono_ms() + CLOSE_WAIT_MS);
		return ended(client, event->close_code, event->payload);
	default:
		return SW_EAGAIN;
	}
}

static int fill_input(struct sw_ws_client *client, int64_t deadline_ms)
{
	size_t got = 0;
	int err = sw_transport_read(client->transport, client->input, sizeof(client->input), deadline_ms, &got);
	if (err == SW_OK) {
		client->heard_ms = sw_clock_mono_ms();
		client->in = (struct sw_ws_input){client->input, got};
	}
	return err;
}

int sw_ws_client_receive(struct sw_ws_client *client, int64_t deadline_ms, struct sw_bytes *text_out)
{
	if (client->close_code) {
		return SW_ECLOSED;
	}
	for (;;) {
		struct sw_ws_event event;
		int result = sw_ws_parser_next(&client->parser, &client->in, &event);
		if (result < 0) {
			(void)!send_close(client, client->parser.failed, sw_clock_mono_ms() + CLOSE_WAIT_MS);
			(void)ended(client, SW_WS_CODE_ABNORMAL, sw_bytes("", 0));
			return result;
		}
		int err = result ? on_event(client, &event, text_out) : fill_input(client, deadline_ms);
		bool go_on = result ? err == SW_EAGAIN : err == SW_OK;
		if (!go_on) {
			return err == SW_ECLOSED && !client->close_code
				     ? ended(client, SW_WS_CODE_ABNORMAL, sw_bytes("", 0))
				     : err;
		}
	}
}

unsigned sw_ws_client_close_code(const struct sw_ws_client *client)
{
	return client->close_code;
}

const char *sw_ws_client_close_reason(const struct sw_ws_client *client)
{
	return client->close_reason;
}

int sw_ws_client_fd(const struct sw_ws_client *client)
{
	return sw_transport_fd(client->transport);
}

int64_t sw_ws_client_heard_ms(const struct sw_ws_client *client)
{
	return client->heard_ms;
}

void sw_ws_client_close(struct sw_ws_client *client)
{
	if (!client) {
		return;
	}
	int64_t deadline_ms = sw_clock_mono_ms() + CLOSE_WAIT_MS;
	if (!client->close_code && send_close(client, SW_WS_CODE_NORMAL, deadline_ms) == SW_OK) {
		struct sw_bytes text;
		int err = SW_OK;
		while (!err && sw_clock_mono_ms() < deadline_ms) {
			err = sw_ws_client_receive(client, deadline_ms, &text);
		}
	}
	sw_transport_close(client->transport);
	sw_ws_parser_release(&client->parser);
	free(client);
}
