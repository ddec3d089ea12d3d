/* SPDX-License-Identifier: Apache-2.0 */
/* A small blocking WebSocket client for the command line, on the codec of src/net. Every call has a deadline (monotonic
 * milliseconds). Pings are answered while receiving. It does not reconnect: that is its user's policy. One thread. */
#ifndef SW_APP_WS_CLIENT_H
#define SW_APP_WS_CLIENT_H

#include <surewire/bytes.h>
#include <surewire/err.h>

struct sw_ws_client;

struct sw_ws_client_options {
	const char *url;         /* ws://HOST[:PORT][/PATH][?QUERY] or wss://… */
	const char *subprotocol; /* the server must choose it */
	const char *ca_file;     /* PEM; NULL: the system's certificates */
	uint32_t message_bytes_max;
};

/* SW_EINVAL: not such a URL. SW_ECONNECT, SW_ETIMEOUT, SW_ETLS, SW_ECONFIG (ca_file). SW_EUNAVAILABLE: HTTP 429 or 5xx,
 * may be tried again; SW_EPROTO: refused otherwise. */
int sw_ws_client_open(const struct sw_ws_client_options *options, int64_t deadline_ms, struct sw_ws_client **client_out,
		      struct sw_diag *diag_out) SW_MUST_CHECK;
/* After an error the connection is of no use any more. */
int sw_ws_client_send(struct sw_ws_client *client, struct sw_bytes text, int64_t deadline_ms) SW_MUST_CHECK;
int sw_ws_client_ping(struct sw_ws_client *client, int64_t deadline_ms) SW_MUST_CHECK;
/* The next text, valid until the next call. SW_EAGAIN: none by the deadline; then the descriptor may be polled.
 * SW_ECLOSED: see the close code. SW_EPROTO, SW_EIO, SW_ETLS. */
int sw_ws_client_receive(struct sw_ws_client *client, int64_t deadline_ms, struct sw_bytes *text_out) SW_MUST_CHECK;
/* After SW_ECLOSED: as the server said, 1006 when it went without a word. */
unsigned sw_ws_client_close_code(const struct sw_ws_client *client);
const char *sw_ws_client_close_reason(const struct sw_ws_client *client);
int sw_ws_client_fd(const struct sw_ws_client *client);
/* When the last bytes came, monotonic. */
int64_t sw_ws_client_heard_ms(const struct sw_ws_client *client);
/* Says 1000 and waits a second at most for the answer, unless the connection has ended already. NULL is allowed. */
void sw_ws_client_close(struct sw_ws_client *client);

#endif
