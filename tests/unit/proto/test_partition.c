/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/partition.h"

#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void partition_of_conversation__id_made_for_a_pair__is_the_pairs(void **state)
{
	(void)state;
	struct sw_idgen ids;
	sw_idgen_init(&ids, 1023);
	for (int64_t lo = 1; lo < 40; lo++) {
		for (int64_t hi = lo + 1; hi < 45; hi++) {
			unsigned partition = sw_partition_of_pair(lo, hi);
			int64_t conv = sw_id_next_low6(&ids, partition);
			assert_int_equal(sw_partition_of_conversation(conv), partition);
		}
	}
	sw_idgen_release(&ids);
}

typedef unsigned (*partition_fn)(int64_t i);

static unsigned of_pair(int64_t i)
{
	return sw_partition_of_pair(i, i + 1);
}

static unsigned of_pair_with_one(int64_t i)
{
	return sw_partition_of_pair(1, i + 2);
}

static unsigned of_user(int64_t i)
{
	return sw_partition_of_user(i);
}

/* Ids of one node, a millisecond apart: their low bits are all the same. */
static unsigned of_user_by_time(int64_t i)
{
	return sw_partition_of_user(i << 22);
}

static void partition__ten_thousand_neighbours__spread_over_all_64(void **state)
{
	(void)state;
	static const partition_fn fns[] = {of_pair, of_pair_with_one, of_user, of_user_by_time};
	for (size_t f = 0; f < sizeof(fns) / sizeof(fns[0]); f++) {
		unsigned counts[SW_LOGICAL_PARTITIONS] = {0};
		for (int64_t i = 1; i <= 64 * 160; i++) {
			unsigned partition = fns[f](i);
			assert_true(partition < SW_LOGICAL_PARTITIONS);
			counts[partition]++;
		}
		for (size_t p = 0; p < SW_LOGICAL_PARTITIONS; p++) {
			assert_in_range(counts[p], 100, 230); /* 160 expected, 12.5 its deviation */
		}
	}
}

static void partition__fixed_values__never_change(void **state)
{
	(void)state;
	/* They decide where an installation's data lives: a change of the hash must not pass unseen. */
	assert_int_equal(sw_partition_of_conversation(64 * 1000 + 5), 5);
	assert_int_equal(sw_partition_of_user(1), 37);
	assert_int_equal(sw_partition_of_user(INT64_MAX), 61);
	assert_int_equal(sw_partition_of_pair(1, 2), 45);
	assert_int_equal(sw_partition_of_pair(2, 1), 37);
}

static void names__roles_and_nodes__as_declared(void **state)
{
	(void)state;
	char name[SW_QUEUE_NAME_MAX];
	sw_queue_name(SW_ROLE_SEQUENCER, 0, name);
	assert_string_equal(name, "ingest.0");
	sw_queue_name(SW_ROLE_MAILBOX, 63, name);
	assert_string_equal(name, "mailbox.63");
	sw_node_queue_name(INT64_MAX, name);
	assert_string_equal(name, "node.9223372036854775807");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partition_of_conversation__id_made_for_a_pair__is_the_pairs),
		cmocka_unit_test(partition__ten_thousand_neighbours__spread_over_all_64),
		cmocka_unit_test(partition__fixed_values__never_change),
		cmocka_unit_test(names__roles_and_nodes__as_declared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
