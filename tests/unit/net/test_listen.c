/* SPDX-License-Identifier: Apache-2.0 */
/* What listening reports, and the text of addresses. Traffic is in tests/integration/net. */
#include "net/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sw_loop *loop;
static struct sw_net *net;
static struct sw_net_limit limit = {.max = 10};

static int begin(void **state)
{
	(void)state;
	loop = sw_loop_new("listen", 4);
	net = sw_net_new(loop, &limit);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sw_loop_free(loop);
	sw_net_free(net);
	return 0;
}

static void on_conn(void *ctx, struct sw_conn *conn)
{
	(void)ctx;
	sw_conn_close(conn, SW_CONN_LOCAL);
}

static int open_on(const char *address, uint16_t port, bool reuse_port, struct sw_listener **out, struct sw_diag *diag)
{
	struct sw_listen_options options = {
		.address = address, .port = port, .reuse_port = reuse_port, .on_conn = on_conn};
	return sw_listener_open(net, &options, out, diag);
}

static void open__port_zero_and_then_the_same__in_use_is_said(void **state)
{
	(void)state;
	struct sw_listener *first;
	struct sw_listener *second;
	struct sw_diag diag = {0};
	assert_int_equal(open_on("127.0.0.1", 0, false, &first, NULL), SW_OK);
	uint16_t port = sw_listener_port(first);
	assert_int_not_equal(port, 0);
	assert_int_equal(open_on("127.0.0.1", port, false, &second, &diag), SW_EEXISTS);
	assert_non_null(strstr(diag.text, "in use"));
	assert_non_null(strstr(diag.text, "127.0.0.1"));
	sw_listener_close(first);
}

static void open__reuse_port__shared(void **state)
{
	(void)state;
	struct sw_listener *first;
	struct sw_listener *second;
	assert_int_equal(open_on("127.0.0.1", 0, true, &first, NULL), SW_OK);
	assert_int_equal(open_on("127.0.0.1", sw_listener_port(first), true, &second, NULL), SW_OK);
	assert_int_equal(sw_listener_port(second), sw_listener_port(first));
	sw_listener_close(first);
	sw_listener_close(second);
}

static void open__not_an_address_or_not_ours__said(void **state)
{
	(void)state;
	struct sw_listener *listener;
	struct sw_diag diag = {0};
	assert_int_equal(open_on("localhost", 0, false, &listener, &diag), SW_EINVAL);
	assert_non_null(strstr(diag.text, "numeric IPv4 or IPv6"));
	diag = (struct sw_diag){0};
	assert_int_equal(open_on("192.0.2.1", 0, false, &listener, &diag), SW_EINVAL);
	assert_non_null(strstr(diag.text, "192.0.2.1"));
}

static void peer_text__v4_and_v6__with_and_without_port(void **state)
{
	(void)state;
	char text[SW_PEER_TEXT_MAX];
	struct sw_peer v4 = {.ip = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}, .port = 5000};
	sw_peer_text(&v4, true, text);
	assert_string_equal(text, "192.0.2.1:5000");
	sw_peer_text(&v4, false, text);
	assert_string_equal(text, "192.0.2.1");
	struct sw_peer v6 = {.ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, .port = 65535};
	sw_peer_text(&v6, true, text);
	assert_string_equal(text, "[2001:db8::1]:65535");
	sw_peer_text(&v6, false, text);
	assert_string_equal(text, "2001:db8::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(open__port_zero_and_then_the_same__in_use_is_said, begin, end),
		cmocka_unit_test_setup_teardown(open__reuse_port__shared, begin, end),
		cmocka_unit_test_setup_teardown(open__not_an_address_or_not_ours__said, begin, end),
		cmocka_unit_test(peer_text__v4_and_v6__with_and_without_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
