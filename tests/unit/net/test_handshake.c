/* SPDX-License-Identifier: Apache-2.0 */
#include "net/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char rfc_key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char rfc_accept[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#define GOOD_UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define GOOD_KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
#define GOOD_PROTOCOL "Sec-WebSocket-Protocol: chat, surewire.v1\r\n"

static const char *const origins[] = {"https://a.example", "https://b.example", NULL};
static const struct sw_handshake_rules rules = {"surewire.v1", origins};

/* 0 or the status. */
static int check(const char *line, const char *headers, const struct sw_handshake_rules *with,
		 char accept_out[SW_HANDSHAKE_ACCEPT_LEN + 1])
{
	char text[2000];
	snprintf(text, sizeof(text), "%s\r\n%s\r\n", line, headers);
	struct sw_http1_head head;
	struct sw_http1_error error = {0};
	size_t scanned = 0;
	size_t head_len;
	assert_int_equal(sw_http1_parse_request(sw_bytes_str(text), &scanned, &head, &head_len, &error), SW_OK);
	int rc = sw_handshake_check(&head, with, accept_out, &error);
	assert_true(rc == SW_OK || (rc == SW_EPROTO && error.detail));
	return rc ? error.status : 0;
}

static int status_of(const char *headers)
{
	char accept[SW_HANDSHAKE_ACCEPT_LEN + 1];
	return check("GET /v1/ws HTTP/1.1", headers, &rules, accept);
}

static void accept__rfc_vector__matches(void **state)
{
	(void)state;
	char accept[SW_HANDSHAKE_ACCEPT_LEN + 1];
	sw_handshake_accept(sw_bytes_str(rfc_key), accept);
	assert_string_equal(accept, rfc_accept);
}

static void check__good__accepted_with_the_token(void **state)
{
	(void)state;
	char accept[SW_HANDSHAKE_ACCEPT_LEN + 1];
	const char *headers = "Host: h\r\n" GOOD_UPGRADE GOOD_KEY GOOD_PROTOCOL;
	assert_int_equal(check("GET /v1/ws HTTP/1.1", headers, &rules, accept), 0);
	assert_string_equal(accept, rfc_accept);
	assert_int_equal(
		status_of(
			"Host: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, UPGRADE\r\n" GOOD_KEY
			"Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: surewire.v1\r\nOrigin: https://b.example\r\n"),
		0);
	static const struct sw_handshake_rules open_rules;
	headers = "Host: h\r\nOrigin: https://anywhere\r\n" GOOD_UPGRADE GOOD_KEY;
	assert_int_equal(check("GET / HTTP/1.1", headers, &open_rules, accept), 0);
}

static void check__each_row_of_the_table__its_status(void **state)
{
	(void)state;
	char accept[SW_HANDSHAKE_ACCEPT_LEN + 1];
	const char *good = "Host: h\r\n" GOOD_UPGRADE GOOD_KEY GOOD_PROTOCOL;
	assert_int_equal(check("POST / HTTP/1.1", good, &rules, accept), 405);
	assert_int_equal(check("GET / HTTP/1.0", good, &rules, accept), 400);
	assert_int_equal(status_of("Host: h\r\nContent-Length: 1\r\n" GOOD_UPGRADE GOOD_KEY GOOD_PROTOCOL), 400);
	assert_int_equal(status_of("Host: h\r\nTransfer-Encoding: chunked\r\n" GOOD_UPGRADE GOOD_KEY GOOD_PROTOCOL),
			 400);
	assert_int_equal(status_of("Host: h\r\nConnection: Upgrade\r\n" GOOD_KEY GOOD_PROTOCOL), 426);
	assert_int_equal(status_of("Host: h\r\nUpgrade: websocket\r\n" GOOD_KEY GOOD_PROTOCOL), 426);
	assert_int_equal(status_of("Host: h\r\nUpgrade: websocket2\r\nConnection: Upgrade\r\n" GOOD_KEY GOOD_PROTOCOL),
			 426);
	assert_int_equal(
		status_of("Host: h\r\n" GOOD_UPGRADE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" GOOD_PROTOCOL),
		426);
	assert_int_equal(status_of("Host: h\r\n" GOOD_UPGRADE GOOD_KEY "Sec-WebSocket-Version: 13\r\n" GOOD_PROTOCOL),
			 426);
	assert_int_equal(status_of("Host: h\r\n" GOOD_UPGRADE "Sec-WebSocket-Version: 13\r\n" GOOD_PROTOCOL), 400);
	assert_int_equal(status_of("Host: h\r\n" GOOD_UPGRADE GOOD_KEY "Sec-WebSocket-Key: x\r\n" GOOD_PROTOCOL), 400);
	assert_int_equal(status_of("Host: h\r\nOrigin: https://c.example\r\n" GOOD_UPGRADE GOOD_KEY GOOD_PROTOCOL),
			 403);
	assert_int_equal(status_of("Host: h\r\nOrigin: null\r\n" GOOD_UPGRADE GOOD_KEY GOOD_PROTOCOL), 403);
	assert_int_equal(status_of("Host: h\r\n" GOOD_UPGRADE GOOD_KEY), 400);
	assert_int_equal(status_of("Host: h\r\n" GOOD_UPGRADE GOOD_KEY "Sec-WebSocket-Protocol: surewire.v10\r\n"),
			 400);
}

static void check__keys_that_are_not_16_bytes_of_base64__400(void **state)
{
	(void)state;
	static const char *const keys[] = {"",
					   "dGhlIHNhbXBsZSBub25jZQ=",
					   "dGhlIHNhbXBsZSBub25jZQ",
					   "dGhlIHNhbXBsZSBub25jZQA=",
					   "dGhlIHNhbXBsZSBub25jZQAA",
					   "dGhl IHNhbXBsZSBub25jZ==",
					   "dGhlIHNhbXBsZSBub25jZQ==="};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char headers[500];
		snprintf(headers, sizeof(headers),
			 "Host: h\r\n" GOOD_UPGRADE GOOD_PROTOCOL
			 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
			 keys[i]);
		assert_int_equal(status_of(headers), 400);
	}
}

static void client__its_request_and_our_answer__agree(void **state)
{
	(void)state;
	char key[SW_HANDSHAKE_KEY_LEN + 1];
	char accept[SW_HANDSHAKE_ACCEPT_LEN + 1];
	struct sw_buf text;
	struct sw_http1_head head;
	struct sw_http1_error error;
	size_t scanned = 0;
	size_t head_len;
	sw_buf_init(&text, 1000);
	sw_handshake_new_key(key);
	sw_handshake_put_request(&text, "localhost:8080", "/v1/ws", key, "surewire.v1");
	assert_int_equal(sw_http1_parse_request(sw_buf_bytes(&text), &scanned, &head, &head_len, &error), SW_OK);
	assert_int_equal(sw_handshake_check(&head, &rules, accept, &error), SW_OK);
	sw_buf_clear(&text);
	sw_handshake_put_answer(&text, accept, "surewire.v1");
	scanned = 0;
	assert_int_equal(sw_http1_parse_response(sw_buf_bytes(&text), &scanned, &head, &head_len, &error), SW_OK);
	assert_int_equal(sw_handshake_check_answer(&head, key, "surewire.v1", NULL), SW_OK);
	struct sw_diag diag = {0};
	assert_int_equal(sw_handshake_check_answer(&head, rfc_key, "surewire.v1", &diag), SW_EPROTO);
	assert_string_not_equal(diag.text, "");
	assert_int_equal(sw_handshake_check_answer(&head, key, "surewire.v2", NULL), SW_EPROTO);
	assert_int_equal(sw_handshake_check_answer(&head, key, NULL, NULL), SW_EPROTO);
	head.status = 200;
	assert_int_equal(sw_handshake_check_answer(&head, key, "surewire.v1", NULL), SW_EPROTO);
	sw_buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept__rfc_vector__matches),
		cmocka_unit_test(check__good__accepted_with_the_token),
		cmocka_unit_test(check__each_row_of_the_table__its_status),
		cmocka_unit_test(check__keys_that_are_not_16_bytes_of_base64__400),
		cmocka_unit_test(client__its_request_and_our_answer__agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
