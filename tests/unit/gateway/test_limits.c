/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets of users and addresses, on a clock that the test moves. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int64_t now_ms;

static int64_t fake_mono_ms(void)
{
	return now_ms;
}

static int setup(void **state)
{
	static struct sw_gateway gateway;
	gateway = (struct sw_gateway){
		.config = {
			.rate_user_per_s = 10, .rate_user_burst = 3, .rate_address_per_s = 1, .rate_address_burst = 2}};
	now_ms = 1000;
	sw_clock_override(fake_mono_ms, NULL);
	gateway.rates = rates_new();
	*state = &gateway;
	return 0;
}

static int teardown(void **state)
{
	struct sw_gateway *gateway = *state;
	rates_free(gateway->rates);
	sw_clock_override(NULL, NULL);
	return 0;
}

static void rate_take_user__more_than_the_burst_at_once__refused(void **state)
{
	for (int i = 0; i < 3; i++) {
		assert_true(rate_take_user(*state, 7));
	}
	assert_false(rate_take_user(*state, 7));
}

static void rate_take_user__after_a_pause__as_many_as_the_rate_gives(void **state)
{
	for (int i = 0; i < 3; i++) {
		assert_true(rate_take_user(*state, 7));
	}
	now_ms += 99;
	assert_false(rate_take_user(*state, 7));
	now_ms += 1;
	assert_true(rate_take_user(*state, 7));
	assert_false(rate_take_user(*state, 7));
}

static void rate_take_user__after_a_long_pause__never_more_than_the_burst(void **state)
{
	assert_true(rate_take_user(*state, 7));
	now_ms += 3600 * 1000;
	for (int i = 0; i < 3; i++) {
		assert_true(rate_take_user(*state, 7));
	}
	assert_false(rate_take_user(*state, 7));
}

static void rate_take_user__another_user__has_a_bucket_of_its_own(void **state)
{
	for (int i = 0; i < 4; i++) {
		(void)rate_take_user(*state, 7);
	}
	assert_true(rate_take_user(*state, 8));
}

static struct sw_peer ipv4(uint8_t last)
{
	return (struct sw_peer){.ip = {[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = last}};
}

static struct sw_peer ipv6(uint8_t network, uint8_t host)
{
	return (struct sw_peer){.ip = {0x20, 0x01, 0x0d, 0xb8, [7] = network, [15] = host}};
}

static void rate_take_address__ipv4__counts_single_addresses(void **state)
{
	struct sw_peer one = ipv4(1);
	struct sw_peer other = ipv4(2);
	assert_true(rate_take_address(*state, &one));
	assert_true(rate_take_address(*state, &one));
	assert_false(rate_take_address(*state, &one));
	assert_true(rate_take_address(*state, &other));
}

static void rate_take_address__ipv6__counts_networks(void **state)
{
	struct sw_peer one = ipv6(1, 1);
	struct sw_peer neighbour = ipv6(1, 2);
	struct sw_peer elsewhere = ipv6(2, 1);
	assert_true(rate_take_address(*state, &one));
	assert_true(rate_take_address(*state, &neighbour));
	assert_false(rate_take_address(*state, &one));
	assert_true(rate_take_address(*state, &elsewhere));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rate_take_user__more_than_the_burst_at_once__refused, setup, teardown),
		cmocka_unit_test_setup_teardown(rate_take_user__after_a_pause__as_many_as_the_rate_gives, setup,
						teardown),
		cmocka_unit_test_setup_teardown(rate_take_user__after_a_long_pause__never_more_than_the_burst, setup,
						teardown),
		cmocka_unit_test_setup_teardown(rate_take_user__another_user__has_a_bucket_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(rate_take_address__ipv4__counts_single_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(rate_take_address__ipv6__counts_networks, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
