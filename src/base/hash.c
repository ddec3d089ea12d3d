/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <openssl/sha.h>

uint64_t sw_hash_mix64(uint64_t v)
{
	v ^= v >> 30;
	v *= UINT64_C(0xbf58476d1ce4e5b9);
	v ^= v >> 27;
	v *= UINT64_C(0x94d049bb133111eb);
	return v ^ v >> 31;
}

uint64_t sw_hash_bytes64(struct sw_bytes bytes)
{
	uint64_t h = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < bytes.len; i++) {
		h = (h ^ bytes.ptr[i]) * UINT64_C(1099511628211);
	}
	return sw_hash_mix64(h);
}

void sw_hash_sha256(struct sw_bytes bytes, uint8_t digest_out[32])
{
	SHA256(bytes.ptr, bytes.len, digest_out);
}
