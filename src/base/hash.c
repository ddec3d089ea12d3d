/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/rng.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static uint64_t process_key;

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

static void choose_key(void)
{
	sw_rng_bytes(&process_key, sizeof(process_key));
}

uint64_t sw_hash_keyed64(struct sw_bytes bytes)
{
	(void)pthread_once(&key_once, choose_key);
	uint64_t h = process_key ^ bytes.len;
	for (size_t i = 0; i < bytes.len; i += sizeof(uint64_t)) {
		uint64_t word = 0;
		size_t left = bytes.len - i;
		memcpy(&word, bytes.ptr + i, left < sizeof(word) ? left : sizeof(word));
		h = sw_hash_mix64(h ^ word) + process_key;
	}
	return h;
}

void sw_hash_sha256(struct sw_bytes bytes, uint8_t digest_out[32])
{
	SHA256(bytes.ptr, bytes.len, digest_out);
}
