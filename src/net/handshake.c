/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6455 section 4.2 for the server, 4.1 for the client. */
#include "net/handshake.h"

#include "base/rng.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

static int refuse(struct sw_http1_error *error, int status, const char *detail)
{
	*error = (struct sw_http1_error){.status = status, .detail = detail};
	return SW_EPROTO;
}

/* 24 characters that are base64 of 16 bytes: 22 digits of the alphabet and two '='. */
static bool is_key(struct sw_bytes key)
{
	if (key.len != SW_HANDSHAKE_KEY_LEN || key.ptr[22] != '=' || key.ptr[23] != '=') {
		return false;
	}
	for (size_t i = 0; i < 22; i++) {
		uint8_t c = key.ptr[i];
		bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
			     c == '/';
		if (!digit) {
			return false;
		}
	}
	return true;
}

static bool origin_allowed(const struct sw_http1_head *head, const char *const *origins)
{
	struct sw_bytes origin = sw_http1_header(head, "origin");
	if (!origins || !origin.ptr) {
		return true;
	}
	for (; *origins; origins++) {
		if (sw_bytes_equal_nocase(origin, *origins)) {
			return true;
		}
	}
	return false;
}

int sw_handshake_check(const struct sw_http1_head *head, const struct sw_handshake_rules *rules,
		       char accept_out[SW_HANDSHAKE_ACCEPT_LEN + 1], struct sw_http1_error *error_out)
{
	if (!sw_bytes_equal_str(head->method, "GET")) {
		return refuse(error_out, 405, "a WebSocket is opened with GET");
	}
	if (head->minor != 1 || sw_http1_count(head, "host") != 1) {
		return refuse(error_out, 400, "a WebSocket is opened over HTTP/1.1 with one Host header");
	}
	if (head->chunked || head->content_length > 0) {
		return refuse(error_out, 400, "a WebSocket handshake has no body");
	}
	if (!head->upgrade || !sw_http1_has_token(head, "upgrade", "websocket")) {
		return refuse(error_out, 426, "Upgrade: websocket and Connection: Upgrade were expected");
	}
	if (sw_http1_count(head, "sec-websocket-version") != 1 ||
	    !sw_bytes_equal_str(sw_http1_header(head, "sec-websocket-version"), "13")) {
		return refuse(error_out, 426, "Sec-WebSocket-Version 13 was expected");
	}
	struct sw_bytes key = sw_http1_header(head, "sec-websocket-key");
	if (sw_http1_count(head, "sec-websocket-key") != 1 || !is_key(key)) {
		return refuse(error_out, 400, "Sec-WebSocket-Key must be base64 of 16 bytes");
	}
	if (!origin_allowed(head, rules->origins)) {
		return refuse(error_out, 403, "this Origin is not allowed");
	}
	if (rules->subprotocol && !sw_http1_has_token(head, "sec-websocket-protocol", rules->subprotocol)) {
		return refuse(error_out, 400, "Sec-WebSocket-Protocol does not offer the protocol of this server");
	}
	sw_handshake_accept(key, accept_out);
	return SW_OK;
}

void sw_handshake_accept(struct sw_bytes key, char accept_out[SW_HANDSHAKE_ACCEPT_LEN + 1])
{
	uint8_t text[SW_HANDSHAKE_KEY_LEN + sizeof(guid) - 1] = {0};
	size_t len = key.len < SW_HANDSHAKE_KEY_LEN ? key.len : SW_HANDSHAKE_KEY_LEN;
	memcpy(text, key.ptr, len);
	memcpy(text + len, guid, sizeof(guid) - 1);
	uint8_t digest[SHA_DIGEST_LENGTH];
	SHA1(text, len + sizeof(guid) - 1, digest);
	EVP_EncodeBlock((unsigned char *)accept_out, digest, sizeof(digest));
}

void sw_handshake_put_answer(struct sw_buf *out, const char *accept, const char *subprotocol)
{
	sw_buf_put_str(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
	sw_buf_printf(out, "Sec-WebSocket-Accept: %s\r\n", accept);
	if (subprotocol) {
		sw_buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
	}
	sw_buf_put_str(out, "\r\n");
}

void sw_handshake_new_key(char key_out[SW_HANDSHAKE_KEY_LEN + 1])
{
	uint8_t nonce[16];
	sw_rng_bytes(nonce, sizeof(nonce));
	EVP_EncodeBlock((unsigned char *)key_out, nonce, sizeof(nonce));
}

void sw_handshake_put_request(struct sw_buf *out, const char *host, const char *path, const char *key,
			      const char *subprotocol)
{
	sw_buf_printf(out, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, host);
	sw_buf_put_str(out, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
	sw_buf_printf(out, "Sec-WebSocket-Key: %s\r\n", key);
	if (subprotocol) {
		sw_buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
	}
	sw_buf_put_str(out, "\r\n");
}

int sw_handshake_check_answer(const struct sw_http1_head *head, const char *key, const char *subprotocol,
			      struct sw_diag *diag_out)
{
	if (head->status != 101) {
		return sw_diag_set(diag_out, SW_EPROTO, "the server answered HTTP status %d instead of 101",
				   head->status);
	}
	char accept[SW_HANDSHAKE_ACCEPT_LEN + 1];
	sw_handshake_accept(sw_bytes_str(key), accept);
	if (!head->upgrade || !sw_http1_has_token(head, "upgrade", "websocket") ||
	    !sw_bytes_equal_str(sw_http1_header(head, "sec-websocket-accept"), accept)) {
		return sw_diag_set(diag_out, SW_EPROTO, "the answer does not belong to this WebSocket handshake");
	}
	struct sw_bytes chosen = sw_http1_header(head, "sec-websocket-protocol");
	if (subprotocol ? !sw_bytes_equal_str(chosen, subprotocol) : chosen.ptr != NULL) {
		return sw_diag_set(diag_out, SW_EPROTO, "the server did not choose the subprotocol %s",
				   subprotocol ? subprotocol : "(none)");
	}
	if (sw_http1_count(head, "sec-websocket-extensions")) {
		return sw_diag_set(diag_out, SW_EPROTO, "the server chose an extension that was not offered");
	}
	return SW_OK;
}
