/* SPDX-License-Identifier: Apache-2.0 */
/* From a send frame to the item for the writer: both people reach the same partition, titles have a default. */
#include "gateway/gateway_int.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct sw_gateway gateway = {.config = {.node = 42}};

static struct sw_item item_of(const struct sw_send_frame *send, int64_t sender, int64_t to_user)
{
	struct origin origin = {sender, "alice", 7};
	struct people people = {.to_user = to_user};
	return send_item((struct sw_gateway *)&gateway, send, &origin, &people);
}

static void send_item__both_directions__the_same_pair_and_partition(void **state)
{
	(void)state;
	struct sw_send_frame send = {.to_user = sw_bytes_str("bob")};
	struct sw_item there = item_of(&send, 100, 200);
	struct sw_item back = item_of(&send, 200, 100);
	assert_int_equal(there.as.send.peer_lo, 100);
	assert_int_equal(there.as.send.peer_hi, 200);
	assert_int_equal(back.as.send.peer_lo, 100);
	assert_int_equal(back.as.send.peer_hi, 200);
	assert_int_equal(send_partition(&there), send_partition(&back));
	assert_int_equal(send_partition(&there), sw_partition_of_pair(100, 200));
}

static void send_item__to_a_conversation__its_partition_and_no_pair(void **state)
{
	(void)state;
	struct sw_send_frame send = {.to_conv = 64 * 1000 + 17};
	struct sw_item item = item_of(&send, 100, 0);
	assert_int_equal(item.as.send.peer_lo, 0);
	assert_int_equal(item.as.send.peer_hi, 0);
	assert_int_equal(send_partition(&item), 17);
}

static void send_item__no_alert_title__the_senders_name(void **state)
{
	(void)state;
	struct sw_send_frame plain = {.to_user = sw_bytes_str("bob")};
	struct sw_send_frame titled = {.to_user = sw_bytes_str("bob"), .title = sw_bytes_str("Fire")};
	struct sw_item item = item_of(&plain, 1, 2);
	assert_true(sw_bytes_equal_str(item.as.send.title, "alice"));
	item = item_of(&titled, 1, 2);
	assert_true(sw_bytes_equal_str(item.as.send.title, "Fire"));
}

static void send_item__any__says_where_the_answer_goes(void **state)
{
	(void)state;
	struct sw_send_frame send = {.to_user = sw_bytes_str("bob")};
	struct sw_item item = item_of(&send, 1, 2);
	assert_int_equal(item.as.send.node, 42);
	assert_int_equal(item.as.send.session, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send_item__both_directions__the_same_pair_and_partition),
		cmocka_unit_test(send_item__to_a_conversation__its_partition_and_no_pair),
		cmocka_unit_test(send_item__no_alert_title__the_senders_name),
		cmocka_unit_test(send_item__any__says_where_the_answer_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
