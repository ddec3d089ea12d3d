/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications as Postfix, Exim and Sendmail write them, and what must not be taken for one. Samples are in
 * tests/vectors/bounce; WORD stands for the signed word. */
#include "bounce/report.h"

#include <surewire/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ADDRESS "bounces+WORD@surewire.invalid"

static struct sw_bytes load(const char *name)
{
	char path[512];
	static uint8_t text[64 * 1024];
	snprintf(path, sizeof(path), "%s/bounce/%s.eml", SW_VECTORS_DIR, name);
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof(text), file);
	assert_true(len > 0 && len < sizeof(text));
	assert_int_equal(fclose(file), 0);
	return sw_bytes(text, len);
}

static void read__samples__action_status_address(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum sw_bounce_action action;
		const char *status, *text, *kept; /* kept NULL: the address is dropped */
	} rows[] = {
		{"postfix_failed", SW_BOUNCE_FAILED, "5.1.1", "smtp; 550 5.1.1 <bob@example.org>: Recipient address",
		 NULL},
		{"postfix_lf", SW_BOUNCE_FAILED, "5.1.1", "smtp; 550 5.1.1 User unknown", NULL},
		{"postfix_delayed", SW_BOUNCE_DELAYED, "4.4.1",
		 "smtp; connect to mail.example.org[192.0.2.1]:25:", "delayed"},
		{"postfix_expired", SW_BOUNCE_FAILED, "4.4.1",
		 "smtp; connect to mail.example.org[192.0.2.1]:25:", "RFC 3463 2: not a permanent failure"},
		{"postfix_full", SW_BOUNCE_FAILED, "5.2.2", "smtp; 552 5.2.2 Mailbox full",
		 "RFC 3463 3.3: mailbox full"},
		{"postfix_policy", SW_BOUNCE_FAILED, "5.7.1", "smtp; 554 5.7.1 Message looks like spam",
		 "RFC 3463 3.8: policy, often spam"},
		{"postfix_relayed", SW_BOUNCE_ARRIVED, "2.1.9", "smtp; 250 ok", "it arrived"},
		{"exim_failed", SW_BOUNCE_FAILED, "5.0.0", "smtp; 550 5.1.1 No such user", NULL},
		{"sendmail_failed", SW_BOUNCE_FAILED, "5.1.1", "SMTP; 550 5.1.1 <bob@example.org>... User unknown",
		 NULL},
		{"sendmail_delayed", SW_BOUNCE_DELAYED, "4.2.0", "SMTP; 550 5.1.1 <bob@example.org>... User unknown",
		 "delayed"},
		{"two_recipients_one_reached", SW_BOUNCE_ARRIVED, "2.0.0", "", "it arrived"},
		{"two_recipients_both_failed", SW_BOUNCE_FAILED, "5.1.2", "", NULL},
		{"base64", SW_BOUNCE_FAILED, "5.1.10", "smtp; 556 gr????e", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_bounce_report report;
		struct sw_diag diag = {""};
		if (sw_bounce_read(load(rows[i].name), &report, &diag) != SW_OK) {
			fail_msg("%s: %s", rows[i].name, diag.text);
		}
		const char *kept = sw_bounce_keeps(&report);
		if (report.action != rows[i].action || strcmp(report.status, rows[i].status) != 0 ||
		    strcmp(report.text, rows[i].text) != 0 ||
		    strcmp(kept ? kept : "", rows[i].kept ? rows[i].kept : "") != 0) {
			fail_msg("%s: %d %s %s %s", rows[i].name, report.action, report.status, report.text,
				 kept ? kept : "dropped");
		}
		assert_true(report.address_count >= 1);
		assert_string_equal(report.addresses[0], ADDRESS);
	}
}

static void read__anything_else__refused_with_its_addresses(void **state)
{
	(void)state;
	static const char *const names[] = {"bad_no_status_part", "bad_no_action", "bad_feedback_report",
					    "bad_auto_reply",     "bad_mixed",     "bad_inside_a_forward"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct sw_bounce_report report;
		struct sw_diag diag = {""};
		if (sw_bounce_read(load(names[i]), &report, &diag) != SW_EPARSE) {
			fail_msg("%s was taken", names[i]);
		}
		assert_memory_equal(diag.text, "expected ", 9);
		assert_int_equal(report.address_count, 1);
		assert_string_equal(report.addresses[0], ADDRESS);
	}
	struct sw_bounce_report report;
	struct sw_diag diag = {""};
	assert_int_equal(sw_bounce_read(sw_bytes("", 0), &report, &diag), SW_EPARSE);
	assert_int_equal(sw_bounce_read(sw_bytes_str("From \n"), &report, &diag), SW_EPARSE);
	assert_int_equal(sw_bounce_read(sw_bytes("\0\xff\0", 3), &report, &diag), SW_EPARSE);
}

static void read__cut_anywhere__no_other_verdict_than_the_whole(void **state)
{
	(void)state;
	struct sw_bytes whole = load("sendmail_failed");
	for (size_t len = 0; len < whole.len; len++) {
		struct sw_bounce_report report;
		struct sw_diag diag = {""};
		/* Its own memory, so that a read past the end is seen. */
		uint8_t *copy = sw_xmemdup(whole.ptr, len ? len : 1);
		if (sw_bounce_read(sw_bytes(copy, len), &report, &diag) == SW_OK) {
			assert_int_equal(report.action, SW_BOUNCE_FAILED);
		}
		free(copy);
	}
}

static void read__too_large_or_too_many__bounded(void **state)
{
	(void)state;
	struct sw_bounce_report report;
	struct sw_diag diag = {""};
	uint8_t *big = sw_xcalloc(1, SW_BOUNCE_MAIL_MAX + 1);
	assert_int_equal(sw_bounce_read(sw_bytes(big, SW_BOUNCE_MAIL_MAX + 1), &report, &diag), SW_ELIMIT);
	size_t len = 0;
	while (len + 16 < SW_BOUNCE_MAIL_MAX) { /* 60,000 fields with an address each */
		memcpy(big + len, "To: a@example.b\n", 16);
		len += 16;
	}
	assert_int_equal(sw_bounce_read(sw_bytes(big, len), &report, &diag), SW_EPARSE);
	assert_int_equal(report.address_count, SW_BOUNCE_ADDRESSES_MAX);
	for (size_t i = 0; i + 60 < SW_BOUNCE_MAIL_MAX; i += 60) { /* 17,000 levels of nesting */
		char level[64];
		snprintf(level, sizeof(level), "Content-Type: multipart/report; boundary=%05zu\n\n--%05zu\n", i / 60,
			 i / 60);
		memset(big + i, '\n', 60);
		memcpy(big + i, level, strlen(level));
	}
	assert_int_equal(sw_bounce_read(sw_bytes(big, SW_BOUNCE_MAIL_MAX), &report, &diag), SW_EPARSE);
	free(big);
}

static void status_read__odd_fields__as_far_as_they_go(void **state)
{
	(void)state;
	static const struct {
		const char *part, *status;
		int err;
	} rows[] = {
		{"Action: FAILED (gone)\nStatus: 5.1.1", "5.1.1", SW_OK},
		{"action : failed\nstatus:5.10.100\n", "5.10.100", SW_OK},
		{"Action: failed\nStatus: 9.1.1\n", "", SW_OK},
		{"Action: failed\nStatus: 5\n", "", SW_OK},
		{"Action: failed\nStatus: 5.1\n", "", SW_OK},
		{"Action: failed\n Status: 5.1.1\n", "", SW_OK}, /* folded: part of the line above */
		{"Action: failed\nAction: delivered\nStatus: 5.1.1\n", "5.1.1", SW_OK},
		{"Action: failedly\nStatus: 5.1.1\n", "", SW_EPARSE},
		{"Action:\nStatus: 5.1.1\n", "", SW_EPARSE},
		{":\n\n:\n", "", SW_EPARSE},
		{"", "", SW_EPARSE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_bounce_report report = {.action = SW_BOUNCE_DELAYED};
		assert_int_equal(sw_bounce_status_read(sw_bytes_str(rows[i].part), &report), rows[i].err);
		assert_string_equal(report.status, rows[i].status);
	}
}

static void keeps__every_row__kept_and_its_neighbours_dropped(void **state)
{
	(void)state;
	static const char *const kept[] = {"5.1.7", "5.1.8", "5.2.2", "5.2.3",  "5.3.4", "5.4.7",
					   "5.6.0", "5.6.9", "5.7.0", "5.7.26", "4.1.1", ""};
	static const char *const dropped[] = {"5.0.0", "5.1.0", "5.1.1",  "5.1.6", "5.1.10", "5.2.0",
					      "5.2.1", "5.4.4", "5.2.20", "5.5.0", "5.3.0",  "5.70.1"};
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		struct sw_bounce_report report = {.action = SW_BOUNCE_FAILED};
		memcpy(report.status, kept[i], strlen(kept[i]) + 1);
		assert_non_null(sw_bounce_keeps(&report));
		memcpy(report.status, dropped[i], strlen(dropped[i]) + 1);
		assert_null(sw_bounce_keeps(&report));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__samples__action_status_address),
		cmocka_unit_test(read__anything_else__refused_with_its_addresses),
		cmocka_unit_test(read__cut_anywhere__no_other_verdict_than_the_whole),
		cmocka_unit_test(read__too_large_or_too_many__bounded),
		cmocka_unit_test(status_read__odd_fields__as_far_as_they_go),
		cmocka_unit_test(keeps__every_row__kept_and_its_neighbours_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
