/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-decoding and query parameters. Properties: never longer than what was given, no NUL out of "%00", and what
 * is encoded again decodes to the same. */
#include "fuzz.h"

#include "net/http1.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 1 << 20 };

static void check_again(struct sw_bytes value, bool plus_is_space)
{
	struct sw_buf coded;
	struct sw_buf again;
	sw_buf_init(&coded, TEXT_BYTES_MAX);
	sw_buf_init(&again, TEXT_BYTES_MAX);
	for (size_t i = 0; i < value.len; i++) {
		sw_buf_printf(&coded, i & 1 ? "%%%02x" : "%%%02X", value.ptr[i]);
	}
	int rc = sw_http1_percent_decode(sw_buf_bytes(&coded), plus_is_space, &again);
	bool has_nul = value.len && memchr(value.ptr, '\0', value.len);
	FUZZ_CHECK(has_nul ? rc == SW_EPARSE : rc == SW_OK && sw_bytes_equal(sw_buf_bytes(&again), value));
	sw_buf_release(&coded);
	sw_buf_release(&again);
}

static void try_decode(struct sw_bytes text, bool plus_is_space)
{
	struct sw_buf value;
	sw_buf_init(&value, TEXT_BYTES_MAX);
	if (sw_http1_percent_decode(text, plus_is_space, &value) == SW_OK) {
		FUZZ_CHECK(value.len <= text.len);
		check_again(sw_buf_bytes(&value), plus_is_space);
	}
	sw_buf_release(&value);
}

static void try_param(struct sw_bytes query, const char *name)
{
	struct sw_buf value;
	sw_buf_init(&value, SW_HTTP1_PARAM_BYTES_MAX);
	int rc = sw_http1_query_param(query, name, &value);
	FUZZ_CHECK(rc == SW_OK || rc == SW_ENOTFOUND || rc == SW_EPARSE || rc == SW_ELIMIT);
	FUZZ_CHECK(value.len <= query.len && (rc != SW_ENOTFOUND || value.len == 0));
	sw_buf_release(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(sw_bytes(data, size));
	struct sw_bytes text = sw_bytes(copy, size);
	try_decode(text, false);
	try_decode(text, true);
	try_param(text, "cursor");
	try_param(text, "w");
	free(copy);
	return 0;
}
