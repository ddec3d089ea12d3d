/* SPDX-License-Identifier: Apache-2.0 */
/* A preview beside its body: left out only where it comes back as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/preview.h"

struct example {
	const char *preview, *body;
	bool left_out;
};

static const struct example examples[] = {
	{"on my way", "{\"text\":\"on my way\"}", true},
	{"Grüße ☕", "{\"text\":\"Grüße ☕\"}", true},
	{"on", "{\"text\":\"on my way\"}", false}, /* cut */
	{"Bob is on his way", "{\"text\":\"on my way\"}", false},
	{"on my way", "{\"text\":\"on my way\",\"to\":\"you\"}", false},
	{"x\",\"to\":\"you", "{\"text\":\"x\",\"to\":\"you\"}", false}, /* stands there, as another member */
	{"two\\nlines", "{\"text\":\"two\\nlines\"}", false},           /* stands there, and means a new line */
	{"a\\", "{\"text\":\"a\\\"}", false},
	{"x", "{\"text\":\"\"}", false},
	{"x", "{}", false},
	{"x", "", false},
	{"\"}", "{\"text\":\"}", false}, /* head and tail overlap */
};

static void preview__beside_a_body__comes_back_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *example = &examples[i];
		struct sw_bytes preview = sw_bytes_str(example->preview);
		struct sw_bytes body = sw_bytes_str(example->body);
		struct sw_bytes beside = sw_preview_beside(preview, body);
		assert_int_equal(beside.len == 0, example->left_out);
		assert_true(sw_bytes_equal(sw_preview_whole(beside, body), preview));
	}
}

static void preview__none__stays_none_beside_a_body_without_a_text(void **state)
{
	(void)state;
	static const char *const bodies[] = {"{\"text\":\"\"}", "{\"lat\":1}", "{\"text\":\"two\\nlines\"}"};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct sw_bytes body = sw_bytes_str(bodies[i]);
		assert_int_equal(sw_preview_whole(sw_preview_beside(sw_bytes("", 0), body), body).len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preview__beside_a_body__comes_back_whole),
		cmocka_unit_test(preview__none__stays_none_beside_a_body_without_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
