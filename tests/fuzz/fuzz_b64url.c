/* SPDX-License-Identifier: Apache-2.0 */
/* base64url. Property: one text for one run of bytes, both ways. */
#include "fuzz.h"

#include <surewire/b64url.h>

#include <stdlib.h>

enum { TEXT_BYTES_MAX = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(sw_bytes(data, size));
	struct sw_bytes text = sw_bytes(copy, size);
	struct sw_buf bytes;
	struct sw_buf again;
	sw_buf_init(&bytes, TEXT_BYTES_MAX);
	sw_buf_init(&again, TEXT_BYTES_MAX);
	if (sw_b64url_decode(text, &bytes) == SW_OK) {
		sw_b64url_encode(sw_buf_bytes(&bytes), &again);
		FUZZ_CHECK(sw_bytes_equal(sw_buf_bytes(&again), text));
	}
	sw_buf_clear(&bytes);
	sw_buf_clear(&again);
	sw_b64url_encode(text, &bytes);
	FUZZ_CHECK(sw_b64url_decode(sw_buf_bytes(&bytes), &again) == SW_OK);
	FUZZ_CHECK(sw_bytes_equal(sw_buf_bytes(&again), text));
	sw_buf_release(&bytes);
	sw_buf_release(&again);
	free(copy);
	return 0;
}
