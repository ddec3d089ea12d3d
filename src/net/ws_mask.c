/* SPDX-License-Identifier: Apache-2.0 */
/* Masking, eight bytes at a time, and the table of close codes. */
#include "net/ws_codec.h"

#include <string.h>

void sw_ws_mask(uint8_t *ptr, size_t len, const uint8_t key[4], unsigned at)
{
	uint8_t turned[8];
	for (unsigned i = 0; i < 8; i++) {
		turned[i] = key[(at + i) & 3];
	}
	uint64_t wide;
	memcpy(&wide, turned, sizeof(wide));
	size_t i = 0;
	for (; len - i >= 8; i += 8) {
		uint64_t v;
		memcpy(&v, ptr + i, sizeof(v));
		v ^= wide;
		memcpy(ptr + i, &v, sizeof(v));
	}
	for (; i < len; i++) {
		ptr[i] ^= turned[i & 7];
	}
}

bool sw_ws_code_valid(unsigned code)
{
	if (code >= 3000) {
		return code <= 4999;
	}
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}
