/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/stats.h"

static void refuse__more_reasons_than_room__counted_as_other(void **state)
{
	(void)state;
	struct sw_sim_stats stats = {0};
	char reason[32];
	for (int i = 0; i < 100; i++) {
		snprintf(reason, sizeof(reason), "reason%d", i);
		sw_sim_stats_refuse(&stats, reason);
	}
	sw_sim_stats_refuse(&stats, "reason0");
	struct sw_buf out;
	sw_buf_init(&out, 1 << 16);
	sw_sim_stats_write(&stats, &out);
	json_t *json = json_of(sw_buf_cstr(&out));
	const json_t *refused = json_object_get(json, "refused");
	assert_int_equal(json_object_size(refused), SW_SIM_REASONS_MAX);
	assert_int_equal(json_integer_value(json_object_get(refused, "reason0")), 2);
	assert_int_equal(json_integer_value(json_object_get(refused, "reason62")), 1);
	assert_int_equal(json_integer_value(json_object_get(refused, "other")), 37);
	json_decref(json);
	sw_buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(refuse__more_reasons_than_room__counted_as_other)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
