/* SPDX-License-Identifier: Apache-2.0 */
/* The WebSocket opening handshake (RFC 6455 section 4) over a parsed head. Pure. No extensions are negotiated. */
#ifndef SW_NET_HANDSHAKE_H
#define SW_NET_HANDSHAKE_H

#include "net/http1.h"

enum { SW_HANDSHAKE_KEY_LEN = 24, SW_HANDSHAKE_ACCEPT_LEN = 28 };

struct sw_handshake_rules {
	const char *subprotocol;    /* must be offered; NULL: none is negotiated */
	const char *const *origins; /* allowed for Origin, NULL-terminated; NULL: any. A request without it passes */
};

/* SW_OK with the answer's token, or SW_EPROTO with status (400, 403, 405, 426) and a detail. On 426 the answer must
 * carry `Sec-WebSocket-Version: 13` and `Upgrade: websocket`. */
int sw_handshake_check(const struct sw_http1_head *head, const struct sw_handshake_rules *rules,
		       char accept_out[SW_HANDSHAKE_ACCEPT_LEN + 1], struct sw_http1_error *error_out) SW_MUST_CHECK;
void sw_handshake_put_answer(struct sw_buf *out, const char *accept, const char *subprotocol);

/* Sec-WebSocket-Accept of a key. */
void sw_handshake_accept(struct sw_bytes key, char accept_out[SW_HANDSHAKE_ACCEPT_LEN + 1]);

/* The client's side. */
void sw_handshake_new_key(char key_out[SW_HANDSHAKE_KEY_LEN + 1]);
void sw_handshake_put_request(struct sw_buf *out, const char *host, const char *path, const char *key,
			      const char *subprotocol);
int sw_handshake_check_answer(const struct sw_http1_head *head, const char *key, const char *subprotocol,
			      struct sw_diag *diag_out) SW_MUST_CHECK;

#endif
