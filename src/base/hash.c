/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include "base/rng.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
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

static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

/* Once: by name OpenSSL looks it up under locks, which takes longer than to hash a message. */
static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256) {
		abort();
	}
}

void sw_hash_sha256_runs(const struct sw_bytes *runs, size_t count, uint8_t digest_out[32])
{
	(void)pthread_once(&sha256_once, fetch_sha256);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	if (!digest || EVP_DigestInit_ex(digest, sha256, NULL) != 1) {
		abort();
	}
	for (size_t i = 0; i < count; i++) {
		EVP_DigestUpdate(digest, runs[i].ptr, runs[i].len);
	}
	EVP_DigestFinal_ex(digest, digest_out, NULL);
	EVP_MD_CTX_free(digest);
}

void sw_hash_sha256(struct sw_bytes bytes, uint8_t digest_out[32])
{
	sw_hash_sha256_runs(&bytes, 1, digest_out);
}
