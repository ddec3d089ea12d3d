/* SPDX-License-Identifier: Apache-2.0 */
/* The table of pointers against a plain array that says what must be in it, with hashes that collide on purpose. */
#include "base/hash.h"
#include "base/table.h"

#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NUMBERS = 3000 };

/* How many hashes there are: few make long probes. */
static uint64_t hashes;

struct entry {
	unsigned number;
};

static uint64_t number_hash(unsigned number)
{
	return sw_hash_mix64(number % hashes);
}

static uint64_t entry_hash(const void *entry)
{
	return number_hash(((const struct entry *)entry)->number);
}

static bool entry_is(const void *entry, const void *key)
{
	return ((const struct entry *)entry)->number == *(const unsigned *)key;
}

static const struct sw_table_ops ops = {.hash = entry_hash, .is = entry_is, .free = free};

static void add(struct sw_table *table, unsigned number)
{
	struct entry *entry = sw_xcalloc(1, sizeof(*entry));
	entry->number = number;
	sw_table_add(table, entry);
}

static void check(const struct sw_table *table, const bool *expected)
{
	size_t count = 0;
	for (unsigned number = 0; number < NUMBERS; number++) {
		const struct entry *entry = sw_table_find(table, number_hash(number), &number);
		assert_int_equal(entry != NULL, expected[number]);
		assert_true(!entry || entry->number == number);
		count += expected[number];
	}
	assert_int_equal(table->count, count);
}

static bool is_multiple(const void *entry, void *ctx)
{
	return ((const struct entry *)entry)->number % *(unsigned *)ctx == 0;
}

static void add_and_sweep(uint64_t hash_count)
{
	hashes = hash_count;
	bool expected[NUMBERS] = {false};
	struct sw_table table;
	sw_table_init(&table, &ops);
	check(&table, expected);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned number = round; number < NUMBERS; number += 1 + round) {
			if (!expected[number]) {
				add(&table, number);
				expected[number] = true;
			}
		}
		check(&table, expected);
		unsigned divisor = 2 + round;
		sw_table_sweep(&table, is_multiple, &divisor);
		for (unsigned number = 0; number < NUMBERS; number += divisor) {
			expected[number] = false;
		}
		check(&table, expected);
	}
	sw_table_release(&table);
	assert_int_equal(table.count, 0);
}

static void find__after_adds_and_sweeps__exactly_what_is_left(void **state)
{
	(void)state;
	add_and_sweep(UINT64_MAX);
}

static void find__hashes_that_collide__exactly_what_is_left(void **state)
{
	(void)state;
	add_and_sweep(7);
}

static void sweep__most_dropped__memory_given_back(void **state)
{
	(void)state;
	hashes = UINT64_MAX;
	struct sw_table table;
	sw_table_init(&table, &ops);
	for (unsigned number = 0; number < NUMBERS; number++) {
		add(&table, number);
	}
	size_t full = table.cap;
	unsigned divisor = 1;
	sw_table_sweep(&table, is_multiple, &divisor);
	assert_true(table.cap < full / 100);
	sw_table_release(&table);
}

static void hash_keyed64__every_byte_and_the_length__count(void **state)
{
	(void)state;
	uint8_t bytes[24] = {0};
	uint64_t zero = sw_hash_keyed64(sw_bytes(bytes, sizeof(bytes)));
	assert_true(zero == sw_hash_keyed64(sw_bytes(bytes, sizeof(bytes))));
	assert_true(zero != sw_hash_keyed64(sw_bytes(bytes, sizeof(bytes) - 1)));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = 1;
		assert_true(zero != sw_hash_keyed64(sw_bytes(bytes, sizeof(bytes))));
		bytes[i] = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find__after_adds_and_sweeps__exactly_what_is_left),
		cmocka_unit_test(find__hashes_that_collide__exactly_what_is_left),
		cmocka_unit_test(sweep__most_dropped__memory_given_back),
		cmocka_unit_test(hash_keyed64__every_byte_and_the_length__count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
