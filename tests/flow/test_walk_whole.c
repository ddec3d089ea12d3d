/* SPDX-License-Identifier: Apache-2.0 */
/* The whole walk with nothing in its way: exact results. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct world the_world;

static void walk__nothing_fails__everybody_has_everything_once(void **state)
{
	(void)state;
	struct world *world = &the_world;
	struct world_repeats repeats;
	world_open(world);
	walk_run(world, true);
	world_stop(world);
	world_check(world, &repeats);
	assert_int_equal(repeats.planned, 1);
	assert_int_equal(repeats.others, 0);
	assert_int_equal(world->flow.store.fenced, 0);
	assert_int_equal(world->vendor.fetches, 2);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walk__nothing_fails__everybody_has_everything_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
