/* SPDX-License-Identifier: Apache-2.0 */
/* Words that mails carry: their form, made by Python's hmac and base64, and that nothing but the key makes one. */
#include <surewire/mail_token.h>

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define KEY "0123456789abcdef0123456789abcdef"
#define ISSUED_S 1790000000
static const char *const texts[] = {
	[SW_MAIL_TOKEN_UNSUBSCRIBE] = "aaaaaaaaaaacviauwgythsup6nvlco4ata25dhf5woedmlririaa",
	[SW_MAIL_TOKEN_BOUNCE] = "aaaaaaaaaaacviauwgythsup6nvlco4afwteuszs2ui5vgscysea",
};

static struct sw_mail_token bobs_token(void)
{
	return (struct sw_mail_token){
		.account = 42,
		.address_id = sw_mail_address_id(42, sw_bytes_str("mail"), sw_bytes_str("bob@example.org")),
		.issued_s = ISSUED_S};
}

static void write__known_token__known_text(void **state)
{
	(void)state;
	struct sw_mail_token token = bobs_token();
	for (int use = SW_MAIL_TOKEN_UNSUBSCRIBE; use <= SW_MAIL_TOKEN_BOUNCE; use++) {
		char text[SW_MAIL_TOKEN_CHARS + 1];
		sw_mail_token_write(sw_bytes_str(KEY), use, &token, text);
		assert_string_equal(text, texts[use]);
	}
}

static void read__what_was_written__the_same_in_any_case(void **state)
{
	(void)state;
	for (int upper = 0; upper < 2; upper++) {
		char text[SW_MAIL_TOKEN_CHARS + 1] = "";
		for (size_t i = 0; i < SW_MAIL_TOKEN_CHARS; i++) {
			char c = texts[SW_MAIL_TOKEN_BOUNCE][i];
			text[i] = upper ? (char)toupper((unsigned char)c) : c;
		}
		struct sw_mail_token token = {0};
		struct sw_mail_token bobs = bobs_token();
		assert_int_equal(
			sw_mail_token_read(sw_bytes_str(KEY), SW_MAIL_TOKEN_BOUNCE, sw_bytes_str(text), &token), SW_OK);
		assert_memory_equal(&token, &bobs, sizeof(token));
	}
}

static void read__any_other_text__refused(void **state)
{
	(void)state;
	struct sw_mail_token token;
	struct sw_bytes key = sw_bytes_str(KEY);
	char text[SW_MAIL_TOKEN_CHARS + 2];
	for (size_t i = 0; i < SW_MAIL_TOKEN_CHARS; i++) {
		for (const char *c = "abcdefghijklmnopqrstuvwxyz234567"; *c; c++) {
			memcpy(text, texts[SW_MAIL_TOKEN_BOUNCE], SW_MAIL_TOKEN_CHARS + 1);
			if (text[i] != *c) {
				text[i] = *c;
				assert_int_not_equal(
					sw_mail_token_read(key, SW_MAIL_TOKEN_BOUNCE, sw_bytes_str(text), &token),
					SW_OK);
			}
		}
		memcpy(text, texts[SW_MAIL_TOKEN_BOUNCE], SW_MAIL_TOKEN_CHARS + 1);
		text[i] = '1';
		assert_int_equal(sw_mail_token_read(key, SW_MAIL_TOKEN_BOUNCE, sw_bytes_str(text), &token), SW_EPARSE);
		assert_int_equal(sw_mail_token_read(key, SW_MAIL_TOKEN_BOUNCE, sw_bytes(text, i), &token), SW_EPARSE);
	}
	memcpy(text, texts[SW_MAIL_TOKEN_BOUNCE], SW_MAIL_TOKEN_CHARS + 1);
	memcpy(text + SW_MAIL_TOKEN_CHARS, "a", 2);
	assert_int_equal(sw_mail_token_read(key, SW_MAIL_TOKEN_BOUNCE, sw_bytes_str(text), &token), SW_EPARSE);
}

static void read__another_key_or_use__refused(void **state)
{
	(void)state;
	struct sw_mail_token token;
	struct sw_bytes text = sw_bytes_str(texts[SW_MAIL_TOKEN_BOUNCE]);
	assert_int_equal(sw_mail_token_read(sw_bytes_str(KEY), SW_MAIL_TOKEN_UNSUBSCRIBE, text, &token), SW_EAUTH);
	assert_int_equal(sw_mail_token_read(sw_bytes_str(KEY "f"), SW_MAIL_TOKEN_BOUNCE, text, &token), SW_EAUTH);
}

static void address_id__any_part_differs__another_one(void **state)
{
	(void)state;
	struct sw_bytes device = sw_bytes_str("mail");
	struct sw_bytes address = sw_bytes_str("bob@example.org");
	int64_t id = sw_mail_address_id(42, device, address);
	assert_true(id == INT64_C(-6911704153470627853));
	assert_true(id != sw_mail_address_id(43, device, address));
	assert_true(id != sw_mail_address_id(42, sw_bytes_str("mail2"), address));
	assert_true(id != sw_mail_address_id(42, device, sw_bytes_str("rob@example.org")));
	assert_true(sw_mail_address_id(42, sw_bytes_str("a"), sw_bytes_str("bc")) !=
		    sw_mail_address_id(42, sw_bytes_str("ab"), sw_bytes_str("c")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write__known_token__known_text),
		cmocka_unit_test(read__what_was_written__the_same_in_any_case),
		cmocka_unit_test(read__any_other_text__refused),
		cmocka_unit_test(read__another_key_or_use__refused),
		cmocka_unit_test(address_id__any_part_differs__another_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
