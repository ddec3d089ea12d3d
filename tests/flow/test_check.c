/* SPDX-License-Identifier: Apache-2.0 */
/* A check pushes what is old enough, and waits for what is left of the time of the next: two messages to somebody with
 * a socket who acks neither. */
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ACK_TIMEOUT_MS = 3000 };

static int two_messages(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	scene_open(scene, 1);
	scene->flow.mailbox_config.ack_timeout_ms = ACK_TIMEOUT_MS;
	flow_start(&scene->flow, 0);
	bob_has(scene, "phone", "phones");
	bob_connects(scene, "phone", -1, true);
	alice_writes(scene, "one");
	alice_writes(scene, "two");
	*state = scene;
	return 0;
}

static int end(void **state)
{
	scene_close(*state);
	free(*state);
	return 0;
}

static void on_check__second_message_is_young__only_the_first_is_pushed(void **state)
{
	struct scene *scene = *state;
	assert_int_equal(fake_bus_count_delayed(&scene->flow.bus, "check.3000"), 1);
	assert_int_equal(fake_bus_count_delayed(&scene->flow.bus, "check."), 1);
	checks_fire(scene);
	assert_int_equal(fake_bus_count(&scene->flow.bus, "push.phones"), 1);
	assert_int_equal(fake_bus_count_delayed(&scene->flow.bus, "check."), 1);
	checks_fire(scene);
	assert_int_equal(fake_bus_count(&scene->flow.bus, "push.phones"), 2);
	assert_int_equal(fake_bus_count_delayed(&scene->flow.bus, "check."), 0);
}

static void on_check__part_of_the_time_is_over__waits_for_the_rest(void **state)
{
	struct scene *scene = *state;
	scene_clock_add_ms(1200);
	checks_fire(scene);
	assert_int_equal(fake_bus_count(&scene->flow.bus, "push.phones"), 1);
	assert_int_equal(fake_bus_count_delayed(&scene->flow.bus, "check.2000"), 1);
	checks_fire(scene);
	assert_int_equal(fake_bus_count(&scene->flow.bus, "push.phones"), 2);
}

static void on_check__all_the_time_is_over__both_are_pushed(void **state)
{
	struct scene *scene = *state;
	scene_clock_add_ms(ACK_TIMEOUT_MS + 10);
	checks_fire(scene);
	assert_int_equal(fake_bus_count_delayed(&scene->flow.bus, "check."), 0);
	assert_int_equal(fake_bus_count(&scene->flow.bus, "push.phones"), 1); /* two jobs in one envelope */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(on_check__second_message_is_young__only_the_first_is_pushed,
						two_messages, end),
		cmocka_unit_test_setup_teardown(on_check__all_the_time_is_over__both_are_pushed, two_messages, end),
		cmocka_unit_test_setup_teardown(on_check__part_of_the_time_is_over__waits_for_the_rest, two_messages,
						end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
