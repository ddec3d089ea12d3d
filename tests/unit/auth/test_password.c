/* SPDX-License-Identifier: Apache-2.0 */
/* Password hashes: round trip, a vector computed elsewhere, and texts that are not hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/password.h"

#include <surewire/mem.h>

#include <stdlib.h>
#include <string.h>

static void password_verify__right_and_wrong__told_apart(void **state)
{
	(void)state;
	char hash[SW_PASSWORD_HASH_TEXT_MAX];
	char again[SW_PASSWORD_HASH_TEXT_MAX];
	assert_int_equal(sw_password_hash(sw_bytes_str("correct horse"), hash, NULL), SW_OK);
	assert_int_equal(sw_password_hash(sw_bytes_str("correct horse"), again, NULL), SW_OK);
	assert_string_not_equal(hash, again); /* a salt of its own */
	assert_int_equal(sw_password_verify(sw_bytes_str("correct horse"), hash), SW_OK);
	assert_int_equal(sw_password_verify(sw_bytes_str("correct horse"), again), SW_OK);
	assert_int_equal(sw_password_verify(sw_bytes_str("correct hors"), hash), SW_EAUTH);
	assert_int_equal(sw_password_verify(sw_bytes_str(""), hash), SW_EAUTH);
}

/* hashlib.scrypt(b"correct horse", salt=bytes(range(16)), n=1024, r=8, p=1, dklen=32) of Python. */
static void password_verify__hash_of_another_program__accepted(void **state)
{
	(void)state;
	const char *hash = "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$nfkj3u1fRTHCea+fVr03sWV770kp5wLOLoEakziKhqE";
	assert_int_equal(sw_password_verify(sw_bytes_str("correct horse"), hash), SW_OK);
	assert_int_equal(sw_password_verify(sw_bytes_str("correct horsf"), hash), SW_EAUTH);
}

static void password_hash__bad_length__refused_with_text(void **state)
{
	(void)state;
	char hash[SW_PASSWORD_HASH_TEXT_MAX];
	struct sw_diag diag = {""};
	assert_int_equal(sw_password_hash(sw_bytes_str("short"), hash, &diag), SW_EINVAL);
	assert_string_equal(diag.text, "expected a password of 8 to 256 bytes, got 5");
	char *longest = sw_xcalloc(1, 258);
	memset(longest, 'x', 257);
	assert_int_equal(sw_password_hash(sw_bytes_str(longest), hash, NULL), SW_EINVAL);
	free(longest);
}

static void password_verify__every_cut_of_a_hash__refused(void **state)
{
	(void)state;
	const char *hash = "$scrypt$ln=10,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$nfkj3u1fRTHCea+fVr03sWV770kp5wLOLoEakziKhqE";
	for (size_t len = 0; len < strlen(hash); len++) {
		char *cut = sw_xstrndup(hash, len);
		assert_int_equal(sw_password_verify(sw_bytes_str("correct horse"), cut), SW_EPARSE);
		free(cut);
	}
	char *longer = sw_xasprintf("%sA", hash);
	assert_int_equal(sw_password_verify(sw_bytes_str("correct horse"), longer), SW_EPARSE);
	free(longer);
}

static void password_verify__absurd_cost__refused_at_once(void **state)
{
	(void)state;
	static const char *const bad[] = {"ln=21,r=8,p=1", "ln=0,r=8,p=1",  "ln=10,r=99,p=1",
					  "ln=10,r=8,p=9", "ln=10,r=0,p=1", "ln=-5,r=8,p=1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *hash = sw_xasprintf(
			"$scrypt$%s$AAECAwQFBgcICQoLDA0ODw$nfkj3u1fRTHCea+fVr03sWV770kp5wLOLoEakziKhqE", bad[i]);
		assert_int_equal(sw_password_verify(sw_bytes_str("correct horse"), hash), SW_EPARSE);
		free(hash);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(password_verify__right_and_wrong__told_apart),
		cmocka_unit_test(password_verify__hash_of_another_program__accepted),
		cmocka_unit_test(password_hash__bad_length__refused_with_text),
		cmocka_unit_test(password_verify__every_cut_of_a_hash__refused),
		cmocka_unit_test(password_verify__absurd_cost__refused_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
