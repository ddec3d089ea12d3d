/* SPDX-License-Identifier: Apache-2.0 */
/* Literal addresses, loopback, and which addresses are of the public internet. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "egress/host_int.h"

static void is_loopback__loopback_forms__true(void **state)
{
	(void)state;
	assert_true(sw_host_is_loopback("localhost"));
	assert_true(sw_host_is_loopback("LOCALHOST"));
	assert_true(sw_host_is_loopback("127.0.0.1"));
	assert_true(sw_host_is_loopback("127.8.9.10"));
	assert_true(sw_host_is_loopback("::1"));
	assert_true(sw_host_is_loopback("::ffff:127.0.0.1"));
}

static void is_loopback__names_that_only_look_like_it__false(void **state)
{
	(void)state;
	assert_false(sw_host_is_loopback("127.0.0.1.example.org"));
	assert_false(sw_host_is_loopback("localhost.example.org"));
	assert_false(sw_host_is_loopback("128.0.0.1"));
	assert_false(sw_host_is_loopback("::2"));
	assert_false(sw_host_is_loopback("0.0.0.0"));
	assert_false(sw_host_is_loopback(""));
}

static void is_address__names_and_addresses__told_apart(void **state)
{
	(void)state;
	assert_true(sw_host_is_address("192.0.2.1"));
	assert_true(sw_host_is_address("2001:db8::1"));
	assert_false(sw_host_is_address("api.example.org"));
	assert_false(sw_host_is_address("1.2.3"));
}

static bool is_public(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		return sw_host_sockaddr_is_public((const struct sockaddr *)&v4);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return sw_host_sockaddr_is_public((const struct sockaddr *)&v6);
}

static void is_public__special_ranges_from_end_to_end__false(void **state)
{
	(void)state;
	static const char *const addresses[] = {
		"0.0.0.0",
		"0.255.255.255", /* this network */
		"10.0.0.0",
		"10.255.255.255", /* private */
		"100.64.0.0",
		"100.127.255.255", /* carriers' NAT */
		"127.0.0.1",
		"127.255.255.255", /* loopback */
		"169.254.0.0",
		"169.254.169.254",
		"169.254.255.255", /* link-local */
		"172.16.0.0",
		"172.31.255.255", /* private */
		"192.0.0.0",
		"192.0.0.255", /* protocol assignments */
		"192.0.2.1",
		"198.51.100.255",
		"203.0.113.0", /* documentation */
		"192.88.99.1", /* 6to4 relays */
		"192.168.0.0",
		"192.168.255.255", /* private */
		"198.18.0.0",
		"198.19.255.255", /* benchmarks */
		"224.0.0.1",
		"239.255.255.255",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"::7f00:1", /* unspecified, loopback, IPv4-compatible */
		"fe80::1",
		"febf::1",
		"fec0::1", /* link-local, site-local */
		"fc00::1",
		"fdff:ffff::1", /* unique local */
		"ff02::1",
		"100::1", /* multicast, discard */
		"2001:db8::1",
		"2001:2::1",
		"2001:1ff::1",
		"3fff::1",
		"3ffe::1",
		"64:ff9b:1::1", /* NAT64 of a local prefix */
		"::ffff:127.0.0.1",
		"::ffff:10.1.2.3",
		"::ffff:169.254.169.254", /* v4-mapped */
		"64:ff9b::7f00:1",
		"64:ff9b::c0a8:1", /* NAT64 */
		"2002:7f00:1::",
		"2002:a00:1::1",             /* 6to4 */
		"2001:0:808:808::f5ff:fffe", /* Teredo of 10.0.0.1 */
		"2001:0:a00:1::f7f7:f7f7",   /* Teredo by a server at 10.0.0.1 */
	};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		if (is_public(addresses[i])) {
			fail_msg("%s is not of the public internet", addresses[i]);
		}
	}
}

static void is_public__their_neighbours_and_others__true(void **state)
{
	(void)state;
	static const char *const addresses[] = {
		"1.0.0.0",         "9.255.255.255",  "11.0.0.0",         "100.63.255.255",  "100.128.0.0",
		"126.255.255.255", "128.0.0.0",      "169.253.255.255",  "169.255.0.0",     "172.15.255.255",
		"172.32.0.0",      "192.0.1.0",      "192.0.3.0",        "192.167.255.255", "192.169.0.0",
		"198.17.255.255",  "198.20.0.0",     "223.255.255.255",  "8.8.8.8",         "2001:200::1",
		"2001:4860::8888", "2001:db7::1",    "2001:db9::1",      "2606:4700::1111", "3ffd::1",
		"2a00:1450::1",    "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "2001:0:808:808::f7f7:f7f7",
	};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		if (!is_public(addresses[i])) {
			fail_msg("%s is of the public internet", addresses[i]);
		}
	}
}

static void is_public__not_ip__false(void **state)
{
	(void)state;
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	assert_false(sw_host_sockaddr_is_public((const struct sockaddr *)&local));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_loopback__loopback_forms__true),
		cmocka_unit_test(is_loopback__names_that_only_look_like_it__false),
		cmocka_unit_test(is_address__names_and_addresses__told_apart),
		cmocka_unit_test(is_public__special_ranges_from_end_to_end__false),
		cmocka_unit_test(is_public__their_neighbours_and_others__true),
		cmocka_unit_test(is_public__not_ip__false),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
