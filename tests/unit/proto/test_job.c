/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/job.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void queue_name__says_provider_and_urgency(void **state)
{
	(void)state;
	char name[16];
	assert_int_equal(sw_job_queue_name(SW_JOB_QUEUE_NORMAL, sw_bytes_str("apns"), name, sizeof(name)), SW_OK);
	assert_string_equal(name, "push.apns");
	assert_int_equal(sw_job_queue_name(SW_JOB_QUEUE_URGENT, sw_bytes_str("apns"), name, sizeof(name)), SW_OK);
	assert_string_equal(name, "urgent.apns");
	assert_int_equal(sw_job_queue_name(SW_JOB_QUEUE_URGENT, sw_bytes_str("12345678"), name, sizeof(name)), SW_OK);
	assert_int_equal(sw_job_queue_name(SW_JOB_QUEUE_URGENT, sw_bytes_str("123456789"), name, sizeof(name)),
			 SW_EINVAL);
	assert_int_equal(sw_job_queue_name(SW_JOB_QUEUE_NORMAL, sw_bytes("", 0), name, sizeof(name)), SW_EINVAL);
	assert_int_equal(sw_job_queue_name(SW_JOB_QUEUE_NORMAL, sw_bytes("a\0b", 3), name, sizeof(name)), SW_EINVAL);
}

static void class_name__of_a_number_from_another_version__is_unknown(void **state)
{
	(void)state;
	assert_string_equal(sw_job_class_name(SW_JOB_ALERT), "alert");
	assert_string_equal(sw_job_class_name(SW_JOB_CLASSES), "unknown");
	assert_string_equal(sw_job_class_name(255), "unknown");
}

static void reason__every_one__has_a_name_and_a_text(void **state)
{
	(void)state;
	for (uint8_t reason = SW_JOB_REASON_NONE + 1; reason < SW_JOB_REASONS; reason++) {
		struct sw_bytes name = sw_bytes_str(sw_job_reason_name(reason));
		assert_true(name.len > 0);
		struct sw_bytes text = sw_job_reason_text(name);
		assert_true(text.len > 0 && !sw_bytes_equal(text, name));
		for (uint8_t other = SW_JOB_REASON_NONE; other < reason; other++) {
			assert_false(sw_bytes_equal_str(name, sw_job_reason_name(other)));
		}
	}
	assert_string_equal(sw_job_reason_name(SW_JOB_REASON_NO_ACK), "no_ack");
}

static void reason__none_or_from_another_version__is_empty_or_itself(void **state)
{
	(void)state;
	assert_string_equal(sw_job_reason_name(SW_JOB_REASON_NONE), "");
	assert_string_equal(sw_job_reason_name(SW_JOB_REASONS), "");
	assert_string_equal(sw_job_reason_name(255), "");
	assert_int_equal(sw_job_reason_text(sw_bytes("", 0)).len, 0);
	assert_true(sw_bytes_equal_str(sw_job_reason_text(sw_bytes_str("whim")), "whim"));
}

static void step__put_and_read__the_same(void **state)
{
	(void)state;
	for (int step = 1; step <= UINT8_MAX; step++) {
		struct sw_buf buf;
		sw_buf_init(&buf, 64);
		sw_job_step_put(&buf, step);
		assert_int_equal(sw_job_step(SW_JOB_CHAT, sw_buf_bytes(&buf)), step);
		assert_int_equal(sw_job_step(SW_JOB_DIRECT, sw_buf_bytes(&buf)), 0);
		sw_buf_release(&buf);
	}
}

static void step__of_contents_that_say_none__is_none(void **state)
{
	(void)state;
	static const char *const contents[] = {
		"",    "{}",          "{\"step\":0}", "{\"step\":256}", "{\"step\":-1}", "{\"step\":\"1\"}",
		"[1]", "{\"step\":1", "\xff"};
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		assert_int_equal(sw_job_step(SW_JOB_CHAT, sw_bytes_str(contents[i])), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_name__says_provider_and_urgency),
		cmocka_unit_test(reason__every_one__has_a_name_and_a_text),
		cmocka_unit_test(reason__none_or_from_another_version__is_empty_or_itself),
		cmocka_unit_test(step__put_and_read__the_same),
		cmocka_unit_test(step__of_contents_that_say_none__is_none),
		cmocka_unit_test(class_name__of_a_number_from_another_version__is_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
