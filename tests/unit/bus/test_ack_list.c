/* SPDX-License-Identifier: Apache-2.0 */
/* Which ack frames a batch of verdicts becomes: few, and never one that covers a delivery still out. */
#include "bus/ack_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <surewire/mem.h>

#include <cmocka.h>

enum { DELIVERIES = 16 };

struct fixture {
	struct sw_ack_list list;
	struct sw_delivery *deliveries[DELIVERIES + 1]; /* by tag; gone ones are NULL */
	struct sw_mail *batch;
	struct sw_mail **batch_last;
	char frames[256]; /* "3* 5 !7": ack up to 3, ack 5, requeue 7 */
};

static void add(struct fixture *f, uint64_t first, uint64_t last)
{
	for (uint64_t tag = first; tag <= last; tag++) {
		struct sw_delivery *delivery = sw_xcalloc(1, sizeof(*delivery));
		delivery->tag = tag;
		delivery->body = sw_blob_new(sw_bytes("x", 1));
		f->deliveries[tag] = delivery;
		sw_ack_list_add(&f->list, delivery);
	}
}

static int setup(void **state)
{
	struct fixture *f = sw_xcalloc(1, sizeof(*f));
	f->batch_last = &f->batch;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	sw_ack_list_forget(&f->list);
	for (int i = 0; i <= DELIVERIES; i++) {
		if (f->deliveries[i]) {
			sw_delivery_destroy(f->deliveries[i]);
		}
	}
	free(f);
	return 0;
}

static void end(struct fixture *f, uint64_t tag, enum sw_verdict verdict)
{
	struct sw_delivery *delivery = f->deliveries[tag];
	f->deliveries[tag] = NULL;
	delivery->asked = (uint8_t)verdict;
	delivery->mail.next = NULL;
	*f->batch_last = &delivery->mail;
	f->batch_last = &delivery->mail.next;
}

static void on_frame(void *ctx, const struct sw_ack_frame *frame)
{
	struct fixture *f = ctx;
	size_t len = strlen(f->frames);
	snprintf(f->frames + len, sizeof(f->frames) - len, "%s%s%u%s", len ? " " : "", frame->requeue ? "!" : "",
		 (unsigned)frame->tag, frame->multiple ? "*" : "");
}

static void expect(struct fixture *f, const char *frames)
{
	f->frames[0] = '\0';
	sw_ack_list_settle(&f->list, f->batch, on_frame, f);
	f->batch = NULL;
	f->batch_last = &f->batch;
	assert_string_equal(f->frames, frames);
}

static void settle__run_at_the_front__one_multiple(void **state)
{
	struct fixture *f = *state;
	add(f, 1, 5);
	end(f, 2, SW_VERDICT_ACK);
	end(f, 1, SW_VERDICT_ACK);
	end(f, 3, SW_VERDICT_ACK);
	expect(f, "3*");
	end(f, 4, SW_VERDICT_ACK);
	expect(f, "4");
}

static void settle__gap__multiple_stops_before_it(void **state)
{
	struct fixture *f = *state;
	add(f, 1, 7);
	end(f, 1, SW_VERDICT_ACK);
	end(f, 2, SW_VERDICT_ACK);
	end(f, 4, SW_VERDICT_ACK);
	end(f, 5, SW_VERDICT_ACK);
	expect(f, "2* 4 5");
	end(f, 3, SW_VERDICT_ACK);
	end(f, 6, SW_VERDICT_ACK);
	expect(f, "6*");
}

static void settle__front_still_out__single_acks(void **state)
{
	struct fixture *f = *state;
	add(f, 1, 3);
	end(f, 3, SW_VERDICT_ACK);
	end(f, 2, SW_VERDICT_ACK);
	expect(f, "3 2");
}

static void settle__requeue__never_covered_by_an_ack(void **state)
{
	struct fixture *f = *state;
	add(f, 1, 4);
	end(f, 1, SW_VERDICT_ACK);
	end(f, 2, SW_VERDICT_REQUEUE);
	end(f, 3, SW_VERDICT_ACK);
	end(f, 4, SW_VERDICT_ACK);
	expect(f, "1 !2 3 4");
}

static void settle__kept__stays_unacked_for_ever(void **state)
{
	struct fixture *f = *state;
	add(f, 1, 4);
	end(f, 2, SW_VERDICT_KEEP);
	expect(f, "");
	end(f, 1, SW_VERDICT_ACK);
	end(f, 3, SW_VERDICT_ACK);
	expect(f, "1 3");
	end(f, 4, SW_VERDICT_ACK);
	expect(f, "4");
	assert_non_null(f->list.first);
	assert_int_equal(f->list.first->tag, 2);
	assert_ptr_equal(f->list.first, f->list.last);
}

static void settle__verdict_given_but_not_taken__not_covered(void **state)
{
	struct fixture *f = *state;
	add(f, 1, 3);
	f->deliveries[2]->asked = SW_VERDICT_ACK; /* posted by another thread after the batch was taken */
	end(f, 1, SW_VERDICT_ACK);
	end(f, 3, SW_VERDICT_ACK);
	expect(f, "1 3");
}

static void forget__some_out__owners_keep_them(void **state)
{
	struct fixture *f = *state;
	add(f, 1, 3);
	end(f, 1, SW_VERDICT_KEEP);
	expect(f, "");
	sw_ack_list_forget(&f->list);
	assert_null(f->list.first);
	assert_null(f->list.last);
	assert_int_equal(f->deliveries[3]->body->len, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(settle__run_at_the_front__one_multiple), TEST(settle__gap__multiple_stops_before_it),
		TEST(settle__front_still_out__single_acks),   TEST(settle__requeue__never_covered_by_an_ack),
		TEST(settle__kept__stays_unacked_for_ever),   TEST(settle__verdict_given_but_not_taken__not_covered),
		TEST(forget__some_out__owners_keep_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
