/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/mailbox.h"

#include <surewire/clock.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct letter {
	struct sw_mail mail;
	int number;
};

static void on_wake(void *ctx)
{
	(*(int *)ctx)++;
}

static void post__three_letters__taken_in_order_with_one_wake(void **state)
{
	(void)state;
	int wakes = 0;
	struct sw_mailbox mb;
	struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
	sw_mailbox_init(&mb, 10, on_wake, &wakes);
	for (size_t i = 0; i < 3; i++) {
		assert_true(sw_mailbox_post(&mb, &letters[i].mail));
	}
	assert_int_equal(wakes, 1);
	assert_int_equal(sw_mailbox_count(&mb), 3);
	int number = 0;
	for (struct sw_mail *m = sw_mailbox_take(&mb); m; m = m->next) {
		assert_int_equal(((struct letter *)m)->number, number++);
	}
	assert_int_equal(number, 3);
	assert_null(sw_mailbox_take(&mb));
	assert_true(sw_mailbox_post(&mb, &letters[0].mail));
	assert_int_equal(wakes, 2);
	assert_ptr_equal(sw_mailbox_take(&mb), &letters[0].mail);
	sw_mailbox_release(&mb);
}

static void post__full_or_closed__refused(void **state)
{
	(void)state;
	struct sw_mailbox mb;
	struct letter letters[3] = {0};
	sw_mailbox_init(&mb, 1, NULL, NULL);
	assert_true(sw_mailbox_post(&mb, &letters[0].mail));
	assert_false(sw_mailbox_post(&mb, &letters[1].mail));
	assert_true(sw_mailbox_post_always(&mb, &letters[1].mail));
	sw_mailbox_close(&mb);
	assert_false(sw_mailbox_post_always(&mb, &letters[2].mail));
	assert_int_equal(sw_mailbox_count(&mb), 2);
	assert_non_null(sw_mailbox_take(&mb));
	sw_mailbox_release(&mb);
}

static void *post_one(void *arg)
{
	static struct letter letter;
	sw_mailbox_post(arg, &letter.mail);
	return NULL;
}

static void wait__posted_deadline_and_closed__returns(void **state)
{
	(void)state;
	struct sw_mailbox mb;
	pthread_t thread;
	sw_mailbox_init(&mb, 10, NULL, NULL);
	assert_null(sw_mailbox_wait(&mb, sw_clock_mono_ms() + 20));
	assert_int_equal(pthread_create(&thread, NULL, post_one, &mb), 0);
	assert_non_null(sw_mailbox_wait(&mb, sw_clock_mono_ms() + 60000));
	pthread_join(thread, NULL);
	sw_mailbox_close(&mb);
	assert_null(sw_mailbox_wait(&mb, sw_clock_mono_ms() + 60000));
	sw_mailbox_release(&mb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(post__three_letters__taken_in_order_with_one_wake),
		cmocka_unit_test(post__full_or_closed__refused),
		cmocka_unit_test(wait__posted_deadline_and_closed__returns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
