/* SPDX-License-Identifier: Apache-2.0 */
/* base64url: vectors of RFC 4648 without padding, every length, and one spelling only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <surewire/b64url.h>

#include <string.h>

static int decode(const char *text, char *out)
{
	struct sw_buf buf;
	sw_buf_init(&buf, 64);
	int err = sw_b64url_decode(sw_bytes_str(text), &buf);
	if (!err) {
		memcpy(out, sw_buf_cstr(&buf), buf.len + 1);
	}
	sw_buf_release(&buf);
	return err;
}

static void b64url__rfc_vectors__both_ways(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
		{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
		{"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xbf", "-_-_"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sw_buf buf;
		char back[64];
		sw_buf_init(&buf, 64);
		sw_b64url_encode(sw_bytes_str(rows[i][0]), &buf);
		assert_string_equal(sw_buf_cstr(&buf), rows[i][1]);
		sw_buf_release(&buf);
		assert_int_equal(decode(rows[i][1], back), SW_OK);
		assert_string_equal(back, rows[i][0]);
	}
}

static void b64url_decode__other_spellings__refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"Z",    "Zg==", "Zg=",  "Zh",    "Zm9", "Zm8\n",
					  " Zm8", "Zm+v", "Zm/v", "Zm9vY", "Zm.v"};
	char out[64];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(decode(bad[i], out), SW_EPARSE);
	}
}

static void b64url_decode__past_the_bound__refused(void **state)
{
	(void)state;
	struct sw_buf buf;
	sw_buf_init(&buf, 2);
	assert_int_equal(sw_b64url_decode(sw_bytes_str("Zm9v"), &buf), SW_ELIMIT);
	sw_buf_release(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(b64url__rfc_vectors__both_ways),
		cmocka_unit_test(b64url_decode__other_spellings__refused),
		cmocka_unit_test(b64url_decode__past_the_bound__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
