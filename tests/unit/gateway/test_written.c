/* SPDX-License-Identifier: Apache-2.0 */
/* What a session remembers of its writes until they are acked: when the event of an ack was written. */
#include "gateway/gateway_int.h"

#include <surewire/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int64_t now_ms;

static int64_t wall_ms(void)
{
	return now_ms;
}

static void write_upto(struct session *session, int64_t pos, int64_t at_ms)
{
	now_ms = at_ms;
	session->sent_pos = pos;
	written_add(session);
}

/* A page of ten, then two live events. */
static struct session three_writes(void)
{
	struct session session = {.user = 1};
	write_upto(&session, 10, 1000);
	write_upto(&session, 11, 2000);
	write_upto(&session, 12, 3000);
	return session;
}

static void written_at__any_pos__the_first_write_that_reached_it(void **state)
{
	(void)state;
	struct session session = three_writes();
	static const int64_t expected[] = {0,    1000, 1000, 1000, 1000, 1000, 1000,
					   1000, 1000, 1000, 1000, 2000, 3000, 0};
	for (int64_t pos = 1; pos <= 13; pos++) {
		assert_int_equal(written_at_ms(&session, pos), expected[pos]);
	}
	written_free(&session, INT64_MAX);
	assert_null(session.written);
	assert_int_equal(written_at_ms(&session, 12), 0);
}

static void written_free__in_the_midst_of_a_write__it_is_kept_for_the_rest(void **state)
{
	(void)state;
	struct session session = three_writes();
	written_free(&session, 4);
	assert_int_equal(written_at_ms(&session, 10), 1000);
	written_free(&session, 10);
	assert_int_equal(written_at_ms(&session, 11), 2000);
	assert_int_equal(written_at_ms(&session, 12), 3000);
	assert_null(session.written->next->next);
	written_free(&session, 11);
	assert_null(session.written->next);
	written_free(&session, 12); /* all acked: nothing is left for an idle client */
	assert_null(session.written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_at__any_pos__the_first_write_that_reached_it),
		cmocka_unit_test(written_free__in_the_midst_of_a_write__it_is_kept_for_the_rest),
	};
	sw_clock_override(NULL, wall_ms);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
