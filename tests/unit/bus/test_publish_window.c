/* SPDX-License-Identifier: Apache-2.0 */
/* Confirms as brokers send them: out of order, multiple, refused, returned; and the rewind after a lost connection. */
#include "bus/publish_window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 64 };
static int items[ITEMS];

/* Settled items in order; a returned one is negative. */
struct record {
	int seen[ITEMS * 4];
	int count;
};

static void on_settled(void *ctx, void *item, bool returned)
{
	struct record *record = ctx;
	int number = *(int *)item;
	record->seen[record->count++] = returned ? -number : number;
}

static int setup(void **state)
{
	static struct sw_publish_window window;
	sw_window_init(&window, ITEMS);
	for (int i = 0; i < ITEMS; i++) {
		items[i] = i + 1;
	}
	*state = &window;
	return 0;
}

static int teardown(void **state)
{
	sw_window_release(*state);
	return 0;
}

/* Items first … last, numbered as they are. */
static void push(struct sw_publish_window *window, int first, int last)
{
	for (int i = first; i <= last; i++) {
		assert_true(sw_window_push(window, &items[i - 1], (uint64_t)i));
	}
}

static void send_all(struct sw_publish_window *window, uint64_t first_tag)
{
	while (sw_window_peek_unsent(window)) {
		assert_int_equal(sw_window_sent(window), first_tag++);
	}
}

static bool settle(struct sw_publish_window *window, uint64_t tag, bool multiple, struct record *record)
{
	return sw_window_settle(window, tag, multiple, on_settled, record);
}

static void expect(const struct record *record, const int *expected, int count)
{
	assert_int_equal(record->count, count);
	assert_memory_equal(record->seen, expected, (size_t)count * sizeof(int));
}

static void settle__out_of_order__each_once(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	push(window, 1, 4);
	send_all(window, 1);
	assert_true(settle(window, 3, false, &record));
	assert_true(settle(window, 1, false, &record));
	assert_true(settle(window, 4, false, &record));
	assert_true(settle(window, 2, false, &record));
	expect(&record, (const int[]){3, 1, 4, 2}, 4);
	assert_int_equal(window->count, 0);
}

/* The order seen on a broker: nack 10, 11, 12, then ack 9 multiple; and a multiple over holes. */
static void settle__multiple__only_what_is_outstanding(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	push(window, 1, 12);
	send_all(window, 1);
	for (uint64_t tag = 10; tag <= 12; tag++) {
		assert_true(settle(window, tag, false, &record));
	}
	assert_true(settle(window, 4, false, &record));
	assert_true(settle(window, 6, true, &record));
	assert_true(settle(window, 9, true, &record));
	expect(&record, (const int[]){10, 11, 12, 4, 1, 2, 3, 5, 6, 7, 8, 9}, 12);
}

static void settle__multiple_with_tag_0__everything_sent(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	assert_true(settle(window, 0, true, &record));
	push(window, 1, 3);
	send_all(window, 1);
	push(window, 4, 4);
	assert_true(settle(window, 0, true, &record));
	expect(&record, (const int[]){1, 2, 3}, 3);
	assert_int_equal(window->count, 1);
}

static void settle__unknown_or_repeated__false_and_nothing_settled(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	push(window, 1, 3);
	assert_false(settle(window, 1, false, &record)); /* not sent */
	send_all(window, 1);
	assert_false(settle(window, 0, false, &record));
	assert_false(settle(window, 4, false, &record));
	assert_false(settle(window, 4, true, &record));
	assert_false(settle(window, UINT64_MAX, true, &record));
	assert_true(settle(window, 2, false, &record));
	assert_false(settle(window, 2, false, &record));
	assert_true(settle(window, 1, false, &record));
	assert_false(settle(window, 1, false, &record));
	expect(&record, (const int[]){2, 1}, 2);
}

static void return__before_its_confirm__remembered(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	push(window, 1, 5);
	send_all(window, 1);
	assert_true(settle(window, 2, false, &record));
	assert_true(sw_window_return(window, 3));
	assert_true(sw_window_return(window, 5));
	assert_true(settle(window, 5, true, &record));
	expect(&record, (const int[]){2, 1, -3, 4, -5}, 5);
}

static void return__unknown_settled_or_unsent__false(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	assert_false(sw_window_return(window, 1));
	push(window, 1, 3);
	send_all(window, 1);
	push(window, 4, 4);
	assert_true(settle(window, 2, false, &record));
	assert_false(sw_window_return(window, 0));
	assert_false(sw_window_return(window, 2));
	assert_false(sw_window_return(window, 4));
	assert_false(sw_window_return(window, 99));
}

static void push__full__no_room_until_the_oldest_is_settled(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	push(window, 1, ITEMS);
	send_all(window, 1);
	int extra = ITEMS + 1;
	assert_false(sw_window_push(window, &extra, ITEMS + 1));
	for (uint64_t tag = 2; tag <= ITEMS; tag++) {
		assert_true(settle(window, tag, false, &record));
	}
	assert_false(sw_window_push(window, &extra, ITEMS + 1)); /* 1 holds the whole ring */
	assert_true(settle(window, 1, false, &record));
	assert_true(sw_window_push(window, &extra, ITEMS + 1));
	assert_ptr_equal(sw_window_peek_unsent(window), &extra);
	assert_int_equal(sw_window_sent(window), ITEMS + 1);
}

static void rewind__holes_and_unsent__all_again_in_order_from_tag_1(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	push(window, 1, 6);
	send_all(window, 1);
	push(window, 7, 8);
	assert_true(settle(window, 2, false, &record));
	assert_true(settle(window, 5, false, &record));
	assert_true(sw_window_return(window, 3));
	sw_window_rewind(window);
	assert_int_equal(window->count, 6);
	assert_ptr_equal(sw_window_peek_unsent(window), &items[0]);
	send_all(window, 1);
	assert_false(settle(window, 7, false, &record));
	assert_true(sw_window_return(window, 4));
	record.count = 0;
	assert_true(settle(window, 6, true, &record));
	expect(&record, (const int[]){1, 3, -4, 6, 7, 8}, 6);
}

static void rewind__many_rounds__positions_stay_consistent(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	uint64_t number = 1;
	for (int round = 0; round < 500; round++) {
		record.count = 0;
		for (int i = 0; i < 40; i++) {
			assert_true(sw_window_push(window, &items[i], number++));
		}
		send_all(window, 1);
		assert_true(settle(window, 7, false, &record));
		sw_window_rewind(window);
		send_all(window, 1);
		assert_true(settle(window, 39, true, &record));
		assert_int_equal(record.count, 40);
		assert_int_equal(window->count, 0);
		sw_window_rewind(window);
	}
}

static bool is_even(void *ctx, const void *item)
{
	(void)ctx;
	return *(const int *)item % 2 == 0;
}

static void take__matching__the_rest_is_sent_again(void **state)
{
	struct sw_publish_window *window = *state;
	struct record record = {0};
	push(window, 1, 4);
	send_all(window, 1);
	push(window, 5, 6);
	sw_window_take(window, is_even, on_settled, &record);
	expect(&record, (const int[]){2, 4, 6}, 3);
	sw_window_rewind(window);
	record.count = 0;
	sw_window_take(window, NULL, on_settled, &record);
	expect(&record, (const int[]){1, 3, 5}, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settle__out_of_order__each_once),
		TEST(settle__multiple__only_what_is_outstanding),
		TEST(settle__multiple_with_tag_0__everything_sent),
		TEST(settle__unknown_or_repeated__false_and_nothing_settled),
		TEST(return__before_its_confirm__remembered),
		TEST(return__unknown_settled_or_unsent__false),
		TEST(push__full__no_room_until_the_oldest_is_settled),
		TEST(rewind__holes_and_unsent__all_again_in_order_from_tag_1),
		TEST(rewind__many_rounds__positions_stay_consistent),
		TEST(take__matching__the_rest_is_sent_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
