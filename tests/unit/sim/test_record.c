/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_test.h"

#include "sim/record.h"

static unsigned put(struct sw_sim_records *records, const char *provider, const char *key, struct sw_bytes payload)
{
	struct sw_sim_record_new record = {.provider = provider,
					   .token = sw_bytes_str("t"),
					   .repeat_key = sw_bytes_str(key),
					   .payload = payload,
					   .headers = json_object()};
	return sw_sim_records_put(records, &record);
}

static json_t *query(const struct sw_sim_records *records, uint64_t since, size_t limit)
{
	struct sw_buf out;
	sw_buf_init(&out, 1 << 20);
	struct sw_sim_record_query q = {.since = since, .limit = limit};
	sw_sim_records_write(records, &q, &out);
	json_t *json = json_of(sw_buf_cstr(&out));
	sw_buf_release(&out);
	return json;
}

static void put__same_key__counts_repeats_of_one_provider(void **state)
{
	(void)state;
	struct sw_sim_records records;
	sw_sim_records_init(&records, 8);
	assert_int_equal(put(&records, "apns", "k", sw_bytes("", 0)), 0);
	assert_int_equal(put(&records, "apns", "k", sw_bytes("", 0)), 1);
	assert_int_equal(put(&records, "fcm", "k", sw_bytes("", 0)), 0);
	assert_int_equal(put(&records, "apns", "other", sw_bytes("", 0)), 0);
	assert_int_equal(put(&records, "apns", "k", sw_bytes("", 0)), 2);
	sw_sim_records_release(&records);
}

static void write__ring_full__oldest_are_gone_and_pages_join(void **state)
{
	(void)state;
	struct sw_sim_records records;
	sw_sim_records_init(&records, 3);
	for (int i = 0; i < 5; i++) {
		put(&records, "apns", "k", sw_bytes("", 0));
	}
	uint64_t since = 0;
	for (int expected = 3; expected <= 5; expected++) {
		json_t *page = query(&records, since, 1);
		const json_t *list = json_object_get(page, "records");
		assert_int_equal(json_array_size(list), 1);
		assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "seq")), expected);
		assert_int_equal(json_is_true(json_object_get(page, "more")), expected < 5);
		since = (uint64_t)json_integer_value(json_object_get(page, "next"));
		json_decref(page);
	}
	json_t *page = query(&records, UINT64_MAX - 1, 1);
	assert_int_equal(json_array_size(json_object_get(page, "records")), 0);
	json_decref(page);
	sw_sim_records_release(&records);
}

static void write__payload_that_is_no_utf8__still_json(void **state)
{
	(void)state;
	struct sw_sim_records records;
	sw_sim_records_init(&records, 3);
	put(&records, "smtp", "k", sw_bytes("a\xff\r\n\"", 5));
	json_t *page = query(&records, 0, 10);
	const json_t *record = json_array_get(json_object_get(page, "records"), 0);
	assert_string_equal(json_string_value(json_object_get(record, "payload")), "a?\r\n\"");
	json_decref(page);
	sw_sim_records_release(&records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put__same_key__counts_repeats_of_one_provider),
		cmocka_unit_test(write__ring_full__oldest_are_gone_and_pages_join),
		cmocka_unit_test(write__payload_that_is_no_utf8__still_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
