/* SPDX-License-Identifier: Apache-2.0 */
/* Mails and replies by vectors; what the vectors cannot say: limits and bytes that are no UTF-8. */
#include "fixture.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS 1790000000000

static int on_setup(void **state)
{
	struct config_fake fake;
	struct sw_diag diag = {0};
	config_fake_init(&fake, "email");
	config_fake_set(&fake, "host", "smtp.example.org");
	config_fake_set(&fake, "from", "Surewire <push@example.org>");
	config_fake_set(&fake, "reply_to", "help@example.org");
	struct sw_provider *provider = NULL;
	assert_int_equal(sw_provider_email.open(&fake.config, &provider, &diag), SW_OK);
	*state = provider;
	return 0;
}

static int on_teardown(void **state)
{
	sw_provider_email.close(*state);
	return 0;
}

static void encode__vectors__exact_mails(void **state)
{
	json_t *vectors = vectors_load("email", "requests.json");
	vectors_run_requests(&sw_provider_email, *state, vectors, NULL);
	json_decref(vectors);
}

static struct sw_provider *open_linked(void)
{
	struct config_fake fake;
	struct sw_diag diag = {0};
	struct sw_provider *provider = NULL;
	fixture_open();
	fixture_write("signing.key", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\n", 41);
	config_fake_init(&fake, "email");
	config_fake_set(&fake, "host", "smtp.example.org");
	config_fake_set(&fake, "from", "push@example.org");
	config_fake_set(&fake, "unsubscribe_url", "https://chat.example.org/v1/mail/unsubscribe");
	config_fake_set(&fake, "bounce_address", "bounces@bounces.example.org");
	config_fake_set(&fake, "signing_key_file", fixture_path("signing.key"));
	assert_int_equal(sw_provider_email.open(&fake.config, &provider, &diag), SW_OK);
	fixture_close();
	return provider;
}

/* Tokens in the vectors are made by Python. */
static void encode__digests_and_links__exact_mails(void **state)
{
	(void)state;
	struct sw_provider *provider = open_linked();
	json_t *vectors = vectors_load("email", "digests.json");
	vectors_run_requests(&sw_provider_email, provider, vectors, NULL);
	json_decref(vectors);
	sw_provider_email.close(provider);
}

static struct sw_mail_message encode_missed(struct sw_provider *provider, const struct sw_push_missed *missed,
					    size_t count, struct sw_arena *arena)
{
	struct sw_send send;
	struct sw_diag diag = {0};
	struct sw_push_target target = {.token = sw_bytes_str("bob@example.org")};
	struct sw_notification n = {
		.title = sw_bytes_str("Bob"), .badge = -1, .missed = missed, .missed_count = count, .missed_more = 5};
	assert_int_equal(sw_provider_email.encode(provider, &target, &n, NOW_MS, arena, &send, &diag), SW_OK);
	return send.as.mail;
}

/* What does not fit is counted with what was not listed. */
static void encode__digest_over_the_limit__the_rest_is_counted(void **state)
{
	enum { COUNT = 100, BODY_MAX = 32 * 1024 };
	static char preview[512];
	static struct sw_push_missed missed[COUNT];
	static const char unit[] = "\"\n&\xc3\xa4";
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (size_t i = 0; i < sizeof(unit) - 2; i++) {
		if (i == 3) {
			for (size_t k = 0; k < sizeof(preview); k += 2) {
				memcpy(preview + k, unit + 3, 2);
			}
		} else {
			memset(preview, unit[i], sizeof(preview));
		}
		for (size_t k = 0; k < COUNT; k++) {
			missed[k] = (struct sw_push_missed){.thread = sw_bytes_str("1"),
							    .title = sw_bytes(preview, 128),
							    .sender = sw_bytes_str("Bob"),
							    .preview = sw_bytes(preview, sizeof(preview))};
		}
		sw_arena_reset(&arena);
		struct sw_mail_message mail = encode_missed(*state, missed, COUNT, &arena);
		/* 128 of the title once, and 64 + 3 + 512 for each: 56 fit. */
		static const char end[] = "\r\n\xe2\x80\xa6 and 49 more\r\n";
		assert_true(mail.text.len <= BODY_MAX + 256);
		assert_memory_equal(mail.text.ptr + mail.text.len - (sizeof(end) - 1), end, sizeof(end) - 1);
		assert_memory_equal(mail.html.ptr + mail.html.len - 9, "</html>\r\n", 9);
		assert_true(sw_bytes_equal_str(mail.headers[2].value, "105 messages"));
	}
	sw_arena_release(&arena);
}

static void classify__vectors__outcomes(void **state)
{
	json_t *vectors = vectors_load("email", "answers.json");
	vectors_run_answers(&sw_provider_email, *state, vectors);
	json_decref(vectors);
}

static void classify__every_row__has_a_vector(void **state)
{
	(void)state;
	json_t *vectors = vectors_load("email", "answers.json");
#define SW_EMAIL_OUTCOME(stage, code, enhanced, kind, after_ms, source) \
	vectors_assert_row(vectors, #stage " " #code " " enhanced, SW_OUTCOME_##kind);
#include "email/outcomes.def"
#undef SW_EMAIL_OUTCOME
	json_decref(vectors);
}

/* Whatever the server says before RCPT, nobody's address is at fault. */
static void classify__every_code_before_rcpt__never_the_address(void **state)
{
	static const char *const enhanced[] = {"", "5.1.1", "5.2.1", "5.7.1", "4.2.2", "2.0.0"};
	struct sw_push_target target = {0};
	for (int code = 0; code < 1000; code++) {
		for (size_t i = 0; i < sizeof(enhanced) / sizeof(enhanced[0]); i++) {
			struct sw_mail_reply reply = {.code = code, .stage = SW_MAIL_STAGE_CONNECT};
			memcpy(reply.enhanced, enhanced[i], strlen(enhanced[i]) + 1);
			for (int stage = SW_MAIL_STAGE_CONNECT; stage <= SW_MAIL_STAGE_AUTH; stage++) {
				struct sw_outcome outcome;
				struct sw_answer answer = {&target, NULL, &reply, NOW_MS};
				reply.stage = stage;
				sw_provider_email.classify(*state, &answer, &outcome);
				assert_int_not_equal(outcome.kind, SW_OUTCOME_TOKEN_DEAD);
				assert_int_not_equal(outcome.kind, SW_OUTCOME_DELIVERED);
				assert_int_not_equal(outcome.kind, SW_OUTCOME_REJECTED);
				assert_true(strlen(outcome.reason) > 0);
			}
		}
	}
}

static void encode__body_over_the_limit__cut_at_a_character(void **state)
{
	enum { BODY_MAX = 32 * 1024 };
	static char body[BODY_MAX + 64];
	struct sw_push_target target = {.token = sw_bytes_str("bob@example.org")};
	struct sw_arena arena;
	sw_arena_init(&arena);
	for (size_t before = 0; before < 4; before++) {
		struct sw_send send;
		struct sw_diag diag = {0};
		memset(body, '"', before);
		for (size_t i = before; i + 4 <= sizeof(body); i += 4) {
			memcpy(body + i, "\xf0\x9f\x98\x80", 4);
		}
		size_t len = before + (sizeof(body) - before) / 4 * 4;
		struct sw_notification n = {.body = sw_bytes(body, len), .badge = -1};
		sw_arena_reset(&arena);
		assert_int_equal(sw_provider_email.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_OK);
		struct sw_bytes text = send.as.mail.text;
		assert_true(text.len <= BODY_MAX + 2 && text.len > BODY_MAX - 4);
		assert_memory_equal(text.ptr + text.len - 5, "\xe2\x80\xa6\r\n", 5);
		assert_int_equal((text.len - 5 - before) % 4, 0);
	}
	sw_arena_release(&arena);
}

/* The worst that can be put into HTML still fits. */
static void encode__body_that_grows_most__fits(void **state)
{
	enum { BODY_MAX = 32 * 1024 };
	static char body[BODY_MAX];
	struct sw_push_target target = {.token = sw_bytes_str("bob@example.org")};
	static const char units[] = "\"\n&";
	for (size_t i = 0; i < sizeof(units) - 1; i++) {
		struct sw_arena arena;
		struct sw_send send;
		struct sw_diag diag = {0};
		memset(body, units[i], sizeof(body));
		struct sw_notification n = {
			.title = sw_bytes(body, 200), .body = sw_bytes(body, sizeof(body)), .badge = -1};
		sw_arena_init(&arena);
		assert_int_equal(sw_provider_email.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_OK);
		assert_memory_equal(send.as.mail.html.ptr + send.as.mail.html.len - 9, "</html>\r\n", 9);
		sw_arena_release(&arena);
	}
}

static void encode__text_that_is_not_utf8__refused(void **state)
{
	struct sw_arena arena;
	struct sw_send send;
	struct sw_diag diag = {0};
	struct sw_push_target target = {.token = sw_bytes_str("bob@example.org")};
	struct sw_notification n = {.title = sw_bytes_str("a\xc3"), .badge = -1};
	sw_arena_init(&arena);
	assert_int_equal(sw_provider_email.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_EINVAL);
	assert_string_equal(diag.text, "title and body: expected UTF-8");
	sw_arena_release(&arena);
}

/* No byte that a person sends ever becomes a line end of a header. */
static void encode__every_byte_in_every_text__no_line_end_in_a_header(void **state)
{
	struct sw_push_target target = {.token = sw_bytes_str("bob@example.org")};
	for (int c = 0; c < 0x80; c++) {
		char text[3] = {'a', (char)c, 'b'};
		struct sw_arena arena;
		struct sw_send send;
		struct sw_diag diag = {0};
		struct sw_bytes run = sw_bytes(text, c ? 3 : 1);
		struct sw_notification n = {.title = run, .body = run, .thread = run, .collapse = run, .sound = run};
		sw_arena_init(&arena);
		assert_int_equal(sw_provider_email.encode(*state, &target, &n, NOW_MS, &arena, &send, &diag), SW_OK);
		for (size_t i = 0; i < send.as.mail.header_count; i++) {
			struct sw_bytes value = send.as.mail.headers[i].value;
			assert_null(memchr(value.ptr, '\r', value.len));
			assert_null(memchr(value.ptr, '\n', value.len));
			assert_null(memchr(value.ptr, '\0', value.len));
		}
		sw_arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encode__vectors__exact_mails),
		cmocka_unit_test(encode__digests_and_links__exact_mails),
		cmocka_unit_test(encode__digest_over_the_limit__the_rest_is_counted),
		cmocka_unit_test(classify__vectors__outcomes),
		cmocka_unit_test(classify__every_row__has_a_vector),
		cmocka_unit_test(classify__every_code_before_rcpt__never_the_address),
		cmocka_unit_test(encode__body_over_the_limit__cut_at_a_character),
		cmocka_unit_test(encode__body_that_grows_most__fits),
		cmocka_unit_test(encode__text_that_is_not_utf8__refused),
		cmocka_unit_test(encode__every_byte_in_every_text__no_line_end_in_a_header),
	};
	return cmocka_run_group_tests(tests, on_setup, on_teardown);
}
